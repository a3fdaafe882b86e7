"""Heat maps and charts of scores: what their colours and axes say, not how they look."""
import numpy as np
import pytest

from course_utils.plots import heatmaps
from course_utils.plots.scores import dots, table
from course_utils.plots.style import alternative_text, png

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, size=(3, 8, 8, 3), dtype=np.uint8)
SIGNED = RNG.normal(size=(3, 8, 8))


def test_pictures_of_every_form_are_one():
    floats = PICTURES[0] / 255
    for form in (PICTURES[0], floats, floats.transpose(2, 0, 1)):
        assert np.allclose(heatmaps.as_rgb(form), floats)
    assert heatmaps.as_rgb(floats[..., 0]).shape == (8, 8, 3)
    with pytest.raises(ValueError, match=r"shape \(8, 8, 2\)"):
        heatmaps.as_rgb(np.zeros((8, 8, 2)))


def test_a_signed_map_has_zero_in_the_middle_and_a_square_at_the_end():
    assert heatmaps.scale_of(SIGNED[0])["vmin"] == -heatmaps.scale_of(SIGNED[0])["vmax"]
    assert heatmaps.scale_of(SIGNED[0] ** 2)["vmin"] == 0
    white = heatmaps.in_colours(np.array([[0.0, -1.0, 1.0]]))[0]
    assert white[0].min() > 0.95 and white[1].argmax() == 2 and white[2].argmax() == 0  # RdBu_r: white, blue, red


def test_an_overlay_of_zero_is_the_grey_picture():
    grey = heatmaps.overlay(PICTURES[0], np.zeros((8, 8)))
    assert np.allclose(grey[..., 0], grey[..., 1]) and np.allclose(grey[..., 0], grey[..., 2])
    hot = heatmaps.overlay(PICTURES[0], np.eye(8))
    assert np.allclose(hot[~np.eye(8, dtype=bool)], grey[~np.eye(8, dtype=bool)]) and not np.allclose(hot, grey)
    assert (heatmaps.overlay(PICTURES[0], SIGNED[0]) <= 1).all()
    with pytest.raises(ValueError, match="to the picture's size first"):
        heatmaps.overlay(PICTURES[0], np.zeros((4, 4)))


def test_a_grid_has_a_row_for_the_pictures_and_one_for_each_method():
    figure = heatmaps.grid(PICTURES, {"a": SIGNED, "b": SIGNED**2}, list("xyz"), masks=SIGNED > 1, boxes=[(1, 2, 5, 6)] * 3,
                           limit="row", bar="slope", alt="Two methods")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert [labels[k] for k in (0, 3, 6)] == ["picture", "a", "b"] and labels.count("slope") == 2
    assert alternative_text(figure) == "Two methods" and png(figure)[:4] == b"\x89PNG"
    assert len(heatmaps.grid(PICTURES, SIGNED, overlaid=True).axes) == 6
    assert len(heatmaps.grid(PICTURES, SIGNED, show_pictures=False).axes) == 3


def test_a_grid_refuses_what_cannot_be_compared():
    with pytest.raises(ValueError, match="'a' has 2 maps for 3 pictures"):
        heatmaps.grid(PICTURES, {"a": SIGNED[:2]})
    with pytest.raises(ValueError, match="colour bar"):
        heatmaps.grid(PICTURES, SIGNED, bar="slope")


def test_an_outline_follows_the_edges_of_the_pixels():
    figure = heatmaps.grid(PICTURES[:1], masks=[np.eye(8)[3] * np.eye(8)[[4]].T > 0])  # one pixel, row 4, column 3
    drawn = np.concatenate(figure.axes[0].collections[0].get_segments())
    assert set(map(tuple, drawn)) == {(2.5, 3.5), (3.5, 3.5), (2.5, 4.5), (3.5, 4.5)}


SCORES = {"ours": {"IoU": (0.5, 0.4, 0.6), "pointing": (0.9, 0.8, 1.0)}, "edges": {"IoU": (0.3, 0.2, 0.4)}, "random": {"IoU": (0.1, 0.0, 0.2)}}


def test_the_best_control_is_drawn_through():
    figure = dots(SCORES, ("edges", "random"))
    dashed = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert dashed == [0.3] and [axes.get_title() for axes in figure.axes] == ["IoU", "pointing"]
    with pytest.raises(ValueError, match="'blob' is not in the table"):
        dots(SCORES, ("blob",))


def test_scores_as_text():
    lines = table(SCORES).splitlines()
    assert "0.50 [0.40, 0.60]" in lines[1] and "0.90 [0.80, 1.00]" in lines[1] and len(lines) == 4
    assert len({len(line) for line in lines}) == 1
