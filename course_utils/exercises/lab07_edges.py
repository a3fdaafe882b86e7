"""Exercise 07.1: an edge detector as a control; its oracle is scikit-image."""
from __future__ import annotations

import numpy as np
from scipy import ndimage

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

SMOOTH, DIFFERENCE = (1.0, 2.0, 1.0), (-1.0, 0.0, 1.0)


def cases(seed: int) -> list[Case]:
    """Noise, and pictures with a coloured square: an edge in one colour only, at a border, of many grey levels."""
    rng = np.random.default_rng([71, seed])
    noise = rng.integers(0, 256, size=(2, 9, 12, 3), dtype=np.uint8)
    square = rng.integers(0, 60, size=(3, 10, 8, 3), dtype=np.uint8)
    for k in range(3):  # picture k: the square differs from the ground in colour k only, and touches the left border
        square[k] = square[k, :1, :1]
        square[k, 3:8, :4, k] = rng.integers(180, 256)
    flat = np.full((1, 7, 7, 3), rng.integers(1, 256), np.uint8)
    return [Case((noise,), "2 pictures of 9×12 pixels of noise"), Case((square,), "3 pictures of 10×8 with a square in one colour"),
            Case((np.concatenate([flat, rng.integers(0, 256, size=(1, 7, 7, 3), dtype=np.uint8)]),), "a picture of one colour, and noise")]


def by_scikit_image(pictures):
    """scikit-image on one colour of one picture at a time; its kernels are a quarter of Sobel's."""
    from skimage.filters import sobel_h, sobel_v

    values = np.moveaxis(pictures.astype(float), -1, 1)
    lengths = [[4 * np.hypot(sobel_h(colour), sobel_v(colour)) for colour in picture] for picture in values]
    return np.max(lengths, axis=1)


def slopes(values, mode="nearest"):
    """Sobel's two derivatives of float pictures (n, height, width, 3)."""
    def one(axis, other):
        return ndimage.correlate1d(ndimage.correlate1d(values, DIFFERENCE, axis=axis, mode=mode), SMOOTH, axis=other, mode=mode)
    return one(1, 2), one(2, 1)


def variant(before=lambda pictures: pictures.astype(float), length=np.hypot, after=lambda lengths: lengths.max(-1), mode="nearest"):
    """The right edge map with one thing changed."""
    def edge_map(pictures):
        return after(length(*slopes(before(pictures), mode)))
    return edge_map


def sobel_of_everything(pictures):
    values = pictures.astype(float)
    return np.hypot(ndimage.sobel(values, axis=1, mode="nearest"), ndimage.sobel(values, axis=2, mode="nearest")).max(-1)


def in_bytes(pictures):
    down, across = (part.astype(np.int64).astype(np.uint8).astype(float) for part in slopes(pictures.astype(float)))
    return np.hypot(down, across).max(-1)


def without_smoothing(pictures):
    values = pictures.astype(float)
    return np.hypot(*(ndimage.correlate1d(values, DIFFERENCE, axis=axis, mode="nearest") for axis in (1, 2))).max(-1)


def silent_on_flat(args, answer):
    """Zero wherever the 3×3 pixels around a place are of one colour."""
    values = args[0].astype(int)
    flat = (ndimage.maximum_filter(values, (1, 3, 3, 1)) == ndimage.minimum_filter(values, (1, 3, 3, 1))).all(-1)
    return bool((np.abs(answer[flat]) < 1e-9).all() and (np.asarray(answer) >= 0).all())


EXERCISE = Exercise(
    id="07.1", title="An edge map that knows no model", points=2, minutes=12, difficulty=1, function="edge_map",
    cases=cases, oracle=by_scikit_image,
    laws=(Law("silence on flat ground", "An edge map is never negative, and zero where all pixels around a place have one colour.",
              silent_on_flat),),
    hints=("Each of the two derivatives is a difference along one axis and a smoothing along the other. Pictures and colours are "
           "batch axes: nothing may mix them.",
           "`ndimage.correlate1d(values, weights, axis=..., mode=\"nearest\")` filters along one axis only. Use it twice for each derivative, "
           "on floats, then combine the two derivatives as the sides of a right triangle.",
           "with values = pictures.astype(float), DIFFERENCE = (-1, 0, 1), SMOOTH = (1, 2, 1): "
           "down = ndimage.correlate1d(ndimage.correlate1d(values, DIFFERENCE, axis=1, mode=\"nearest\"), SMOOTH, axis=2, mode=\"nearest\"); "
           "across with the axes exchanged; np.hypot(down, across), and its largest value over the colours"),
    misconceptions=(
        Misconception("mixes pictures and colours", sobel_of_everything,
                      "`ndimage.sobel` smooths along every other axis, so along pictures and colours too: filter along height and width "
                      "only."),
        Misconception("one colour", variant(after=lambda lengths: lengths[..., 0]),
                      "You looked at the first colour only: an edge between red and green of equal brightness, or in blue alone, is lost. "
                      "Take the largest of the three."),
        Misconception("grey first", variant(before=lambda pictures: pictures.astype(float).mean(-1, keepdims=True)),
                      "You made the picture grey first: edges between colours of the same brightness vanish. Filter each colour, then take "
                      "the largest."),
        Misconception("sum of the colours", variant(after=lambda lengths: lengths.sum(-1)),
                      "You added the three colours; the map takes the largest of the three at each pixel."),
        Misconception("mean of the colours", variant(after=lambda lengths: lengths.mean(-1)),
                      "You averaged the three colours; the map takes the largest of the three at each pixel."),
        Misconception("colours before the length", variant(length=lambda down, across: np.hypot(np.abs(down).max(-1), np.abs(across).max(-1)),
                                                           after=lambda lengths: lengths),
                      "You took the largest colour of each derivative: take the length in each colour first, then the largest."),
        Misconception("without the root", variant(length=lambda down, across: down**2 + across**2),
                      "You left out the square root: the strength of an edge is the length of the gradient, not its square."),
        Misconception("sum of absolute values", variant(length=lambda down, across: np.abs(down) + np.abs(across)),
                      "You added the absolute derivatives: a slanted edge then counts up to 1.41 times an upright one. Take the length, "
                      "the root of the sum of squares."),
        Misconception("one direction", variant(length=lambda down, across: np.abs(across)),
                      "You kept the derivative across only: horizontal edges are missing. Combine both directions."),
        Misconception("bytes overflow", in_bytes,
                      "You differentiated in uint8, where 3 - 5 is 254: turn the pictures into floats first."),
        Misconception("black border", variant(mode="constant"),
                      "Around the picture you put black: its whole border becomes an edge. Repeat the outermost pixels (mode=\"nearest\")."),
        Misconception("no smoothing", without_smoothing,
                      "You took plain differences; Sobel also smooths with 1, 2, 1 along the other axis."),
    ),
)
