"""Lab 01: the definitions of the solved notebook, called as a student would, and the explorer over its whole range."""
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.exercises import solved
from course_utils.exercises.judge import judge
from course_utils.exercises.lab01 import EXERCISES
from course_utils.plots import panels
from course_utils.plots.convolution import covered_by, sliding_picture, stamping_picture
from course_utils.plots.style import alternative_text, png
from course_utils.widgets import convolution_explorer as explorer
from course_utils.widgets.controls import sweep

HANDOUT_PICTURE = np.array([[3.0, -1.0], [2.0, 0.0]])
HANDOUT_FILTER = np.array([[2.0, -2.0, 1.0], [0.0, 5.0, 2.0], [1.0, 0.0, -3.0]])


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("01")
    return solved.definitions(path, path.stat().st_mtime_ns)


def random_layer(seed, c_in=2, c_out=3, kernel=(3, 4)):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(c_in, 4, 5)), rng.normal(size=(c_in, c_out, *kernel))


def torch_transposed(maps, weight, **setting):
    return F.conv_transpose2d(torch.tensor(maps)[None], torch.tensor(weight), **setting)[0].numpy()


# What the lectures print

def test_handout_by_sliding(lab):
    answer = lab.slide(np.pad(HANDOUT_PICTURE, 2)[None], HANDOUT_FILTER[None, None])[0]
    assert answer.tolist() == [[-9, 3, 3, -1], [0, 13, -3, 0], [7, 3, 8, -2], [2, -4, 4, 0]]


@pytest.mark.parametrize("way", ["transposed_by_stamping", "transposed_by_zeros"])
def test_handout_by_stamps(lab, way):
    answer = getattr(lab, way)(HANDOUT_PICTURE[None], HANDOUT_FILTER[None, None])[0]
    assert answer.tolist() == [[6, -8, 5, -1], [4, 11, 3, -2], [3, 9, -5, 3], [2, 0, -6, 0]]


def test_matrix_of_the_slides(lab):
    matrix = lab.convolution_matrix(np.array([1.0, 2.0, 3.0, 4.0]), 8, 2, 2)
    assert matrix.shape == (5, 12)
    assert matrix[0].tolist() == [1, 2, 3, 4] + [0] * 8
    assert matrix[4].tolist() == [0] * 8 + [1, 2, 3, 4]
    assert lab.output_size(8, 4, stride=2, padding=2) == 5


# The functions in general

@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kernel, stride, padding, dilation", [(3, 1, 0, 1), (3, 2, 1, 1), (4, 3, 2, 2), (2, 4, 1, 3)])
def test_sizes_are_torchs(lab, kernel, stride, padding, dilation, transposed):
    for size in range(8, 13):
        for extra in range(stride) if transposed else (0,):
            if transposed:
                layer = torch.nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra, dilation=dilation)
            else:
                layer = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation)
            found = lab.output_size(size, kernel, stride, padding, dilation, extra, transposed)
            assert found == layer(torch.zeros(1, 1, size)).shape[-1] and isinstance(found, int)


@pytest.mark.parametrize("stride, padding", [(1, 0), (1, 2), (2, 0), (2, 1), (3, 2), (5, 1)])
def test_the_ways_in_two_dimensions_are_torchs(lab, stride, padding):
    maps, weight = random_layer(stride)
    expected = torch_transposed(maps, weight, stride=stride, padding=padding)
    assert np.allclose(lab.transposed_by_stamping(maps, weight, stride, padding), expected)
    assert np.allclose(lab.transposed_by_zeros(maps, weight, stride, padding), expected)
    for extra in range(1, stride):
        found = lab.transposed_by_zeros(maps, weight, stride, padding, extra)
        assert np.allclose(found, torch_transposed(maps, weight, stride=stride, padding=padding, output_padding=extra))


def test_the_way_by_the_matrix_crops_the_padding(lab):
    values, kernel = np.array([1.0, 10.0, 100.0]), np.array([1.0, 2.0, 3.0, 4.0])
    full = [1, 2, 13, 24, 130, 240, 300, 400]
    assert lab.transposed_by_matrix(values, kernel, 2, 0).tolist() == full
    assert lab.transposed_by_matrix(values, kernel, 2, 1).tolist() == full[1:-1]
    assert lab.transposed_by_matrix(values, kernel, 2, 2).tolist() == full[2:-2]


def test_matrix_of_a_layer_in_two_dimensions(lab):
    maps, weight = random_layer(3)
    expected = torch_transposed(maps, weight, stride=2, padding=1)
    assert np.allclose(lab.matrix_of(weight, expected.shape[1:], 2, 1).T @ maps.ravel(), expected.ravel())


def test_inputs_are_left_alone(lab):
    maps, weight = random_layer(5)
    before = maps.copy(), weight.copy()
    lab.transposed_by_stamping(maps, weight, 2, 1)
    lab.transposed_by_zeros(maps, weight, 2, 1, 1)
    assert np.array_equal(maps, before[0]) and np.array_equal(weight, before[1])


def test_overlap_count(lab):
    assert lab.overlap_count((1, 3), 3, 2)[0].tolist() == [1, 1, 2, 1, 2, 1, 1]
    assert lab.overlap_count((2, 2), 1, 3).tolist() == [[1, 0, 0, 1], [0] * 4, [0] * 4, [1, 0, 0, 1]]
    assert lab.even_inside(4, 2) and not lab.even_inside(3, 2) and lab.even_inside(6, 3) and not lab.even_inside(5, 4)


def test_checkerboard_share(lab):
    board = np.indices((12, 16)).sum(0) % 2
    stripes = np.tile(np.arange(16) % 2, (12, 1))
    ramp = np.tile(np.sin(2 * np.pi * np.arange(16) / 16), (12, 1))
    assert np.isclose(lab.checkerboard_share(board + 3.0), 1) and np.isclose(lab.checkerboard_share(stripes), 1)
    assert lab.checkerboard_share(ramp) < 1e-12
    assert 0 < lab.checkerboard_share(ramp + 0.1 * board) < 0.5


def test_phase_sums(lab):
    assert lab.phase_sums(np.arange(9.0).reshape(3, 3), 2).tolist() == [[0 + 2 + 6 + 8, 1 + 7], [3 + 5, 4]]


# Wrong answers, written as students write them

def size_with_output_padding(size, kernel, stride=1, padding=0, dilation=1, output_padding=0, transposed=False):
    span = dilation * (kernel - 1) + 1
    cells = (size - 1) * stride + span - 2 * padding if transposed else (size + 2 * padding - span) // stride + 1
    return cells + output_padding


def rows_at_i(kernel, size, stride, padding):
    matrix = np.zeros(((size + 2 * padding - len(kernel)) // stride + 1, size + 2 * padding))
    for i, row in enumerate(matrix):
        row[i:i + len(kernel)] = kernel
    return matrix


def stamping_that_assigns(maps, weight, stride=1, padding=0):
    (_, h, w), (_, c_out, kh, kw) = maps.shape, weight.shape
    canvas = np.zeros((c_out, (h - 1) * stride + kh, (w - 1) * stride + kw))
    for a in range(kh):
        for b in range(kw):
            canvas[:, a:a + h * stride:stride, b:b + w * stride:stride] = np.tensordot(weight[:, :, a, b].T, maps, 1)
    return canvas[:, padding:canvas.shape[1] - padding, padding:canvas.shape[2] - padding]


def stamping_to_the_end(maps, weight, stride=1, padding=0):
    (_, h, w), (_, c_out, kh, kw) = maps.shape, weight.shape
    canvas = np.zeros((c_out, (h - 1) * stride + kh, (w - 1) * stride + kw))
    for a in range(kh):
        for b in range(kw):
            canvas[:, a::stride, b::stride] += np.tensordot(weight[:, :, a, b].T, maps, 1)
    return canvas[:, padding:canvas.shape[1] - padding, padding:canvas.shape[2] - padding]


def over_zeros(maps, weight, stride, crop, output_padding, axes):
    channels, h, w = maps.shape
    spread = np.zeros((channels, (h - 1) * stride + 1, (w - 1) * stride + 1))
    spread[:, ::stride, ::stride] = maps
    borders = [(side - 1 - crop, side - 1 - crop + output_padding) for side in weight.shape[2:]]
    padded = np.pad(spread, ((0, 0), *borders))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(1, 2))
    return np.einsum("cijab,coab->oij", windows, np.flip(weight, axes))


def zeros_without_padding(maps, weight, stride=1, padding=0, output_padding=0):
    return over_zeros(maps, weight, stride, 0, output_padding, (2, 3))


def zeros_with_all_flipped(maps, weight, stride=1, padding=0, output_padding=0):
    return over_zeros(maps, weight, stride, padding, output_padding, None)


@pytest.mark.parametrize("place, wrong, name", [
    (0, size_with_output_padding, "output padding in both"), (1, rows_at_i, "rows one column apart"),
    (3, stamping_that_assigns, "overwritten weight by weight"), (3, stamping_to_the_end, "slices without an end"),
    (4, zeros_without_padding, "border of k - 1"), (4, zeros_with_all_flipped, "channels flipped")])
def test_wrong_answers_are_recognised(place, wrong, name):
    for seed in range(10):
        assert judge(EXERCISES[place], wrong, seed).misconception == name


# The explorer

@pytest.mark.slow
def test_explorer_over_its_whole_range(lab):
    drawn = refused = 0
    for setting in sweep(explorer.CONTROLS):
        try:
            figure = explorer.draw(**setting)
        except ValueError as error:
            assert re.fullmatch(r"[A-Z].+\.", str(error))
            refused += 1
            continue
        transposed = setting["view"] != explorer.ORDINARY
        sizes = [setting[name] for name in ("size", "kernel", "stride", "padding")]
        out = lab.output_size(*sizes, 1, setting["output_padding"] if transposed else 0, transposed)
        assert f"the output is {out} by {out};" in alternative_text(figure)
        drawn += 1
    assert drawn > 80 and drawn > refused


@pytest.mark.parametrize("view", explorer.VIEWS)
def test_each_step_of_the_explorer_is_another_picture(view):
    start = {name: control.value for name, control in explorer.CONTROLS.items()} | {"view": view, "size": 4}
    last = {explorer.ORDINARY: 4, explorer.STAMPS: 16, explorer.ZEROS: 49}[view]   # 4 cells: 2×2 windows, 4×4 stamps, 7×7 windows
    pictures = [png(explorer.draw(**start | {"step": step})) for step in (1, 2, last, last + 1)]
    assert pictures[0] == pictures[3] and len(set(pictures)) == 3


def test_moving_a_control_of_the_explorer_changes_the_picture():
    made = explorer.explore()
    before = made.image.value
    made.controls["kernel"].value = 4
    assert made.image.value != before and "kernel 4" in made.image.alt
    before = made.image.value
    made.controls["output_padding"].value = 2
    assert "needs a stride above it" in made.message.value and made.image.value == before


# The drawings

def test_covered_by_counts_stamps(lab):
    assert np.array_equal(covered_by(range(12), 4, 3, 2, 9)[:7, :9], lab.overlap_count((3, 4), 3, 2))
    assert covered_by([1], 2, 2, 3, 5).sum() == 4


def test_drawings_refuse_what_does_not_fit():
    _, axes = panels(width=3, height=3)
    with pytest.raises(ValueError, match="window of 5 does not fit on 3 cells"):
        sliding_picture(axes, 3, 5, 1, 0, 0)
    with pytest.raises(ValueError, match="keep it at most 2"):
        sliding_picture(axes, 3, 3, 1, 3, 0, transposed=True)
    with pytest.raises(ValueError, match="crops all"):
        stamping_picture(axes, 1, 2, 1, 1, 0)
