"""Lab 09: the definitions of the solved notebook, called as a student would; letters as figures; the Touch over its whole range."""
import re
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.exercises import solved
from course_utils.exercises.lab09_networks import dense_layers, listed, sequence_layers, sequences
from course_utils.exercises.lab09_shuffle import arrangements
from course_utils.models import small_cnn
from course_utils.plots import logo, panels
from course_utils.plots.style import alternative_text, png
from course_utils.widgets import ig_path
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import picture as png_of


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("09")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def asked():
    """A small network, three pictures, classes, and baselines of noise."""
    rng = np.random.default_rng(0)
    pictures, baselines = (torch.from_numpy(rng.random((3, 3, 16, 16))) for _ in range(2))
    return small_cnn(3), pictures, torch.tensor([2, 0, 3]), baselines


def rise(model, inputs, labels, baselines):
    return (model(inputs) - model(baselines))[torch.arange(len(labels)), labels]


# The toy of the recitation

@pytest.mark.parametrize("point, value", [((1.0, 1.0), 1.0), ((0.2, 0.3), 0.5), ((0.0, 1.5), 1.0)])
def test_the_network_is_the_minimum(lab, point, value):
    assert lab.saturating()(torch.tensor([point], dtype=torch.float64)).item() == pytest.approx(value)


def test_finite_methods_share_out_the_saturated_rise(lab):
    point, nothing = torch.tensor([[1.5, 0.5]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    only = torch.tensor([0])
    assert not lab.gradient(lab.saturating(), point, only).any()
    assert torch.allclose(lab.integrated_gradients(lab.saturating(), point, only, nothing, 100), torch.tensor([[0.75, 0.25]]).double())
    assert torch.allclose(lab.deeplift(list(lab.saturating()), point, only, nothing), torch.tensor([[0.75, 0.25]]).double())


# Rules

@pytest.mark.parametrize("rule", ["left", "right", "midpoint", "gauss"])
@pytest.mark.parametrize("m", [1, 2, 9])
def test_rules_average(lab, rule, m):
    alphas, weights = lab.path_rule(rule, m)
    assert alphas.shape == weights.shape == (m,) and weights.sum() == pytest.approx(1)
    assert (np.diff(alphas) > 0).all() and 0 <= alphas[0] and alphas[-1] <= 1


def test_rules_integrate_what_they_should(lab):
    for rule, power, m in (("midpoint", 1, 3), ("gauss", 9, 5)):
        alphas, weights = lab.path_rule(rule, m)
        assert weights @ alphas**power == pytest.approx(1 / (power + 1))
    assert lab.path_rule("right", 4)[0].tolist() == [0.25, 0.5, 0.75, 1.0]   # k/m, as on the slide


# Integrated gradients

def test_quadratic_in_closed_form(lab):
    """The score sum of x^2: the mean slope between x' and x is x + x', so the attribution is x^2 - x'^2."""
    rng = np.random.default_rng(1)
    inputs, baselines = (torch.from_numpy(rng.normal(size=(4, 5))) for _ in range(2))
    found = lab.integrated_gradients(lambda x: (x**2).sum(dim=1, keepdim=True), inputs, torch.zeros(4, dtype=torch.long), baselines, 2)
    assert torch.allclose(found, inputs**2 - baselines**2)


def test_any_shape_and_more_points_than_a_portion(lab):
    reads = sequences(np.random.default_rng(2), 5, 12)
    labels, model = torch.tensor([0, 1, 1, 0, 1]), sequence_layers(4)
    found = lab.integrated_gradients(model, reads, labels, torch.full_like(reads, 0.25), 100)
    assert found.shape == reads.shape and not found.requires_grad
    assert lab.completeness_error(found, model, reads, labels, torch.full_like(reads, 0.25)).median() < 0.01


def test_one_input_is_explained_alike_alone_and_in_a_batch(lab, asked):
    model, pictures, labels, baselines = asked
    together = lab.integrated_gradients(model, pictures, labels, baselines, 6, "gauss")
    alone = [lab.integrated_gradients(model, pictures[k:k + 1], labels[k:k + 1], baselines[k:k + 1], 6, "gauss") for k in range(3)]
    assert torch.allclose(together, torch.cat(alone))


def test_there_and_back_cancel(lab, asked):
    model, pictures, labels, baselines = asked
    there = lab.integrated_gradients(model, pictures, labels, baselines, 5)
    back = lab.integrated_gradients(model, baselines, labels, pictures, 5)
    assert torch.allclose(there, -back, atol=1e-10)


def test_the_error_falls_with_the_points(lab, asked):
    model, pictures, labels, baselines = asked
    errors = [lab.completeness_error(lab.integrated_gradients(model, pictures, labels, baselines, m, "left"), *asked[:3], baselines).mean()
              for m in (4, 64)]
    assert errors[1] < errors[0] / 5


def test_completeness_error_by_hand(lab):
    linear = nn.Linear(2, 1, bias=False).requires_grad_(False)
    linear.weight.copy_(torch.tensor([[3.0, 1.0]]))
    inputs, zero = torch.tensor([[1.0, 1.0], [2.0, 0.0]]), torch.zeros(2, 2)
    shares = torch.tensor([[3.0, 0.0], [4.0, 5.0]])   # 3 for 4, and 9 for 6
    assert lab.completeness_error(shares, linear, inputs, torch.zeros(2, dtype=torch.long), zero).tolist() == [0.25, 0.5]


def test_slopes_along_the_path_are_those_of_the_score(lab, asked):
    model, pictures, labels, baselines = asked
    step = 1e-6
    ends = [model(baselines + (0.3 + sign * step) * (pictures - baselines))[torch.arange(3), labels] for sign in (1, -1)]
    assert np.allclose(lab.slope_along(model, pictures, labels, baselines, [0.3])[0], (ends[0] - ends[1]) / (2 * step), rtol=1e-4)


# The shuffle

@pytest.mark.parametrize("sequence", ["A", "AC", "AAAA", "ACACACAT", "GATTACAGATTACA", "ACGTTGCAACGGTTAACCGT", "abracadabra"])
def test_shuffles_keep_neighbours_and_ends(lab, sequence):
    rng = np.random.default_rng(3)
    for _ in range(20):
        text = lab.dinucleotide_shuffle(sequence, rng)
        assert Counter(zip(text, text[1:])) == Counter(zip(sequence, sequence[1:]))
        assert (text[0], text[-1], len(text)) == (sequence[0], sequence[-1], len(sequence)) and type(text) is str


def test_every_arrangement_of_a_short_sequence_comes(lab):
    rng = np.random.default_rng(4)
    assert arrangements("CACGAC") == {"CACGAC", "CGACAC", "CACGAC"}
    seen = Counter(lab.dinucleotide_shuffle("CACGACA", rng) for _ in range(600))
    assert set(seen) == arrangements("CACGACA") and min(seen.values()) > 0.7 * 600 / len(seen)


def test_long_sequences_do_change(lab):
    rng = np.random.default_rng(5)
    sequence = "".join(rng.choice(list("ACGT"), size=200))
    shuffled = lab.dinucleotide_shuffle(sequence, rng)
    assert np.mean([a == b for a, b in zip(sequence, shuffled)]) < 0.5


# DeepLIFT

def test_the_slide_in_three_steps(lab):
    multiplier = lab.rescale(torch.relu, torch.tensor([-2.0]), torch.tensor([2.0]))
    assert multiplier.item() == 0.5 and -4 * multiplier.item() == -2


def test_rescale_where_nothing_changes(lab):
    same = torch.tensor([-1.0, 3.0])
    assert lab.rescale(torch.relu, same, same).tolist() == [0, 1]
    assert torch.allclose(lab.rescale(torch.tanh, same, same), 1 - torch.tanh(same) ** 2)


def test_max_pooling_gives_rises_to_the_winner_and_falls_to_the_loser(lab):
    windows, before = torch.tensor([[[3.0, 1.0, 1.0, 2.0]]]), torch.tensor([[[0.0, 2.0, 4.0, 0.0]]])
    found = lab.through_max_pooling(nn.MaxPool1d(2), windows, before, torch.tensor([[[1.0, 10.0]]]))
    assert torch.allclose(found, torch.tensor([[[1 / 3, 0, 20 / 3, 0]]]))


@pytest.mark.parametrize("pooling, shape", [(nn.MaxPool1d(3), (2, 4, 12)), (nn.MaxPool2d(2), (2, 3, 8, 6)), (nn.MaxPool2d(3, 2, 1), (1, 2, 7, 7))])
def test_max_pooling_loses_nothing(lab, pooling, shape):
    rng = np.random.default_rng(6)
    inputs, references = (torch.from_numpy(rng.normal(size=shape)) for _ in range(2))
    multipliers = torch.from_numpy(rng.normal(size=pooling(inputs).shape))
    contributions = lab.through_max_pooling(pooling, inputs, references, multipliers) * (inputs - references)
    assert contributions.sum().item() == pytest.approx((multipliers * (pooling(inputs) - pooling(references))).sum().item())


@pytest.mark.parametrize("kind, shape", [("dense", (4, 6)), ("sequence", (4, 4, 12)), ("picture", (4, 3, 8, 8))])
def test_contributions_add_up(lab, kind, shape):
    rng = np.random.default_rng(7)
    inputs, references = (torch.from_numpy(rng.random(shape)) for _ in range(2))
    labels, layers = torch.tensor([0, 1, 1, 0]), listed(kind, 8)
    found = lab.deeplift(layers, inputs, labels, references)
    assert torch.allclose(found.flatten(1).sum(dim=1), rise(nn.Sequential(*layers), inputs, labels, references))


def test_linear_networks_leave_no_choice(lab):
    layers, rng = [dense_layers(9)[0]], np.random.default_rng(9)
    inputs, references = (torch.from_numpy(rng.random((3, 6))) for _ in range(2))
    labels = torch.tensor([4, 0, 9])
    expected = layers[0].weight[labels] * (inputs - references)
    assert torch.allclose(lab.deeplift(layers, inputs, labels, references), expected)
    assert torch.allclose(lab.integrated_gradients(layers[0], inputs, labels, references, 3, "right"), expected)


def test_inputs_are_left_alone(lab, asked):
    model, pictures, labels, baselines = asked
    before = pictures.clone(), baselines.clone()
    lab.integrated_gradients(model, pictures, labels, baselines, 3)
    lab.deeplift([*model.features, model.pool, nn.Flatten(), model.classifier], pictures, labels, baselines)
    assert torch.equal(pictures, before[0]) and torch.equal(baselines, before[1]) and not pictures.requires_grad


# Letters as figures

def test_letters_are_as_high_as_their_values():
    _, axes = panels(width=4, height=2)
    logo.draw(axes, "ACGTA", np.array([1.0, -2.0, 0.0, 0.5, 3.0]), np.array([0, 1, 1, 0, 0], bool))
    boxes = sorted(path.get_extents().bounds for letters in axes.collections for path in letters.get_paths())
    assert [round(low + height if low >= 0 else low, 6) for _, low, _, height in boxes] == [1.0, -2.0, 0.5, 3.0]
    assert [round(left) for left, *_ in boxes] == [0, 1, 3, 4]


@pytest.mark.parametrize("letters, values", [("ACG", np.zeros(4)), ("ACX", np.zeros(3))])
def test_letters_refuse_what_they_cannot_draw(letters, values):
    _, axes = panels(width=4, height=2)
    with pytest.raises(ValueError, match="one value for each letter"):
        logo.draw(axes, letters, values)


# The Touch

@pytest.mark.slow
def test_touch_over_its_whole_range():
    texts = set()
    for setting in sweep(ig_path.controls()):
        figure = ig_path.draw(**setting)
        texts.add(alternative_text(figure))
        assert re.search(r"completeness error \d", alternative_text(figure)) and png_of(figure)
    assert len(texts) > 25


def test_touch_shows_what_it_says():
    def error(**changes):
        setting = {"species": "hare", "baseline": "blurred", "m": 4, "rule": "right", **changes}
        return float(re.search(r"completeness error ([\d.]+)%", alternative_text(ig_path.draw(**setting)))[1])

    assert error(m=32, rule="midpoint") < error(m=1)
    with pytest.raises(ValueError, match="no baseline 'pink'"):
        ig_path.draw("hare", "pink", 4, "left")


def test_moving_a_control_changes_the_picture():
    made = ig_path.explore()
    before = made.image.value
    made.controls["baseline"].value = "black"
    assert made.image.value != before and "baseline black" in made.image.alt
    assert png(ig_path.draw("hare", "black", 8, "right"))
