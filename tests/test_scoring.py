"""Scores of maps on cases that can be counted by hand, the controls, and the interval."""
import numpy as np
import pytest
from scipy import ndimage

from course_utils import scoring

MASK = np.zeros((1, 4, 4), bool)
MASK[0, :2, :2] = True  # 4 of 16 pixels


def single(y, x):
    heat = np.zeros((1, 4, 4))
    heat[0, y, x] = 1.0
    return heat


def test_pointing_counts_the_peak_only():
    assert scoring.pointing_game(single(1, 1), MASK) == [1.0]
    assert scoring.pointing_game(single(2, 2), MASK) == [0.0]
    assert scoring.pointing_game(single(2, 2), MASK, tolerance=1) == [1.0]
    assert scoring.pointing_game(single(3, 2), MASK, tolerance=1) == [0.0]


def test_a_constant_map_points_as_chance_does():
    assert scoring.pointing_game(np.ones((1, 4, 4)), MASK) == [4 / 16]
    assert scoring.mass_in_mask(np.ones((1, 4, 4)), MASK) == [4 / 16]
    assert scoring.mass_in_mask(np.zeros((1, 4, 4)), MASK) == [4 / 16]


def test_widening_agrees_with_scipy():
    masks = np.random.default_rng(0).random((3, 9, 7)) > 0.9
    for pixels in (0, 1, 2):
        square = np.ones((1, 2 * pixels + 1, 2 * pixels + 1), bool)
        assert (scoring.widen(masks, pixels) == ndimage.binary_dilation(masks, square)).all()


def test_iou_of_shifted_squares():
    shifted = np.roll(MASK, 1, axis=2)
    assert scoring.iou(shifted, MASK) == [2 / 6]
    assert scoring.iou(MASK, MASK) == [1.0] and scoring.iou(~MASK, MASK) == [0.0]
    assert scoring.iou(np.zeros_like(MASK), np.zeros_like(MASK)) == [1.0]


def test_iou_of_boxes_is_that_of_their_masks():
    rng = np.random.default_rng(1)
    corners = np.sort(rng.integers(0, 13, size=(2, 20, 2, 2)), axis=2)
    corners[:, :, 1] += 1
    boxes = corners.reshape(2, 20, 4)  # top, left, bottom, right
    masks = np.zeros((2, 20, 14, 14), bool)
    for k in range(2):
        for mask, (top, left, bottom, right) in zip(masks[k], boxes[k]):
            mask[top:bottom, left:right] = True
    assert np.allclose(scoring.box_iou(*boxes), scoring.iou(*masks))


def test_mass_leaves_negative_values_out():
    heat = single(0, 0) + 3 * single(3, 3) - 5 * single(2, 2)
    assert scoring.mass_in_mask(heat, MASK) == [1 / 4]


def test_rank_accuracy_asks_for_the_order_only():
    heats = np.random.default_rng(2).random((5, 8, 8))
    masks = np.random.default_rng(3).random((5, 8, 8)) > 0.8
    assert (scoring.rank_accuracy(heats, masks) == scoring.rank_accuracy(np.exp(9 * heats), masks)).all()
    assert (scoring.rank_accuracy(masks + 0.0, masks) == 1).all() and (scoring.rank_accuracy(-1.0 * masks, masks) < 1).all()


@pytest.mark.parametrize("score", (scoring.pointing_game, scoring.mass_in_mask, scoring.rank_accuracy, scoring.iou))
def test_unequal_shapes_are_refused_in_one_sentence(score):
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4\).*\(1, 4, 4\)"):
        score(np.ones((2, 4, 4)), MASK)


def test_sobel_agrees_with_scipy():
    pictures = np.random.default_rng(4).integers(0, 256, size=(2, 9, 11, 3), dtype=np.uint8)
    values = pictures.astype(float)
    # scipy smooths along all other axes, so each picture and colour goes by itself
    single = np.stack([[np.hypot(ndimage.sobel(p[..., c], 0, mode="nearest"), ndimage.sobel(p[..., c], 1, mode="nearest"))
                        for c in range(3)] for p in values]).max(axis=1)
    assert np.allclose(scoring.sobel_edges(pictures), single)


def test_controls_have_the_shape_that_is_asked_for():
    assert scoring.random_maps((2, 5, 6), seed=1).shape == scoring.centre_blob((2, 5, 6)).shape == (2, 5, 6)
    blob = scoring.centre_blob((1, 5, 7))[0]
    assert np.unravel_index(blob.argmax(), blob.shape) == (2, 3) and np.allclose(blob, blob[::-1, ::-1])


def test_bootstrap_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(5)
    hits = 0
    for k in range(200):
        _, low, high = scoring.bootstrap(rng.exponential(size=60), draws=400, seed=k)
        hits += low <= 1.0 <= high
    assert 0.87 <= hits / 200 <= 0.99
    mean, low, high = scoring.bootstrap(np.arange(10))
    assert mean == 4.5 and low < mean < high
