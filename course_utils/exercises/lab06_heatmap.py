"""Exercise 06.3: the heat map of in-class task 4.1."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def gradients(seed):
    """Gradients of a few pictures: of unequal size, with unequal colours, one of zeros, and some as small as a sure softmax's."""
    rng = np.random.default_rng([6, 3, seed])
    cases = []
    for n, height, width in ((3, 6, 6), (2, 5, 9), (4, 7, 4)):
        strength = np.exp(rng.normal(0, 1.5, size=(n, 3, 1, 1)))
        cases.append(Case((strength * rng.normal(size=(n, 3, height, width)),), f"{n} gradients of {height}x{width} pixels"))
    dead = rng.normal(size=(2, 3, 4, 4))
    dead[int(rng.integers(2))] = 0.0
    cases.append(Case((dead,), "two gradients, one of them zero everywhere"))
    cases.append(Case((1e-14 * rng.normal(size=(2, 3, 5, 5)),), "two gradients of about 1e-14, as a sure softmax has"))
    return cases


def by_centred_norm(gradient):
    """matplotlib's own scale with its centre at zero, one picture at a time."""
    from matplotlib.colors import CenteredNorm

    maps = np.linalg.norm(gradient, axis=1) ** 2
    return np.stack([np.asarray(CenteredNorm(vcenter=0.0, halfrange=h.max() or 1.0)(h)) for h in maps])


def centred(maps, peak=None):
    peak = np.abs(maps).max(axis=(-2, -1), keepdims=True) if peak is None else peak
    return maps / np.where(peak == 0, 1, peak) / 2 + 0.5


def square_of_sum(gradient):
    return centred(gradient.sum(axis=1) ** 2)


def absolute_for_square(gradient):
    return centred(np.abs(gradient).sum(axis=1))


def not_squared(gradient):
    return centred(gradient.sum(axis=1))


def length(gradient):
    return centred(np.linalg.norm(gradient, axis=1))


def added_to_peak(gradient):
    maps = (gradient**2).sum(axis=1)
    return maps / (maps.max(axis=(1, 2), keepdims=True) + 1e-12) / 2 + 0.5


def largest_colour(gradient):
    return centred((gradient**2).max(axis=1))


def largest_unsigned(gradient):
    return centred(gradient.max(axis=1) ** 2)


def colours_apart(gradient):
    squares = gradient**2
    peak = squares.max(axis=(2, 3), keepdims=True)
    return centred((squares / np.where(peak == 0, 1, peak)).sum(axis=1))


def per_channel_mean(gradient):
    return centred(gradient**2).mean(axis=1)


def whole_batch(gradient):
    maps = (gradient**2).sum(axis=1)
    return centred(maps, maps.max())


def zero_to_zero(gradient):
    maps = (gradient**2).sum(axis=1)
    peak = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(peak == 0, 1, peak)


def smallest_to_zero(gradient):
    maps = (gradient**2).sum(axis=1)
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / np.where(high == low, 1, high - low)


def not_halved(gradient):
    maps = (gradient**2).sum(axis=1)
    peak = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(peak == 0, 1, peak) + 0.5


def zero_by_zero(gradient):
    maps = (gradient**2).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return maps / maps.max(axis=(1, 2), keepdims=True) / 2 + 0.5


HEATMAP = Exercise(
    id="06.3", title="The heat map of in-class task 4.1", points=3, minutes=12, difficulty=2, function="sensitivity_heatmap",
    cases=gradients, oracle=by_centred_norm,
    laws=(
        Law("zero in the middle", "Where the gradient is zero in all three colours, the value is 0.5.",
            lambda args, answer: np.allclose(answer[(args[0] == 0).all(axis=1)], 0.5)),
        Law("peak at one", "The most sensitive pixel of each picture has the value 1, unless its gradient is zero everywhere.",
            lambda args, answer: np.allclose(answer.max(axis=(1, 2)), np.where(args[0].any(axis=(1, 2, 3)), 1.0, 0.5))),
    ),
    hints=(
        "Three steps, as in the task: one number for each pixel; then the range [-1, 1]; then the range [0, 1].",
        "Square each colour's gradient, then sum over the colours: (n, height, width). The peak is one number for each picture: "
        "take the maximum over rows and columns with `keepdims=True`, and replace a peak of 0 by 1 before you divide.",
        "`h / peak / 2 + 0.5` takes h = 0 to 0.5 and the peak to 1.",
    ),
    misconceptions=(
        Misconception("sum before square", square_of_sum,
                      "You sum over the colours before you square: slopes of unlike sign then cancel. Square first, as in the formula."),
        Misconception("absolute for square", absolute_for_square,
                      "You sum absolute values; task 4.1 sums squares."),
        Misconception("no square", not_squared, "The square is missing: the formula sums the squared slopes of red, green and blue."),
        Misconception("length for square", length,
                      "You take the root of the sum, the length of the gradient; task 4.1 leaves the sum of squares as it is."),
        Misconception("small number added to the peak", added_to_peak,
                      "A small constant at the peak, against 0/0, wipes out the map of a sure softmax, whose squares are about 1e-28: replace "
                      "the peak by 1 only where it is 0."),
        Misconception("largest colour for sum", largest_colour,
                      "You keep the largest of the three colours; task 4.1 sums over r, g and b."),
        Misconception("largest colour without its sign", largest_unsigned,
                      "A maximum over the colours before the square misses large negative slopes. Square first, then sum."),
        Misconception("colours normalised apart", colours_apart,
                      "Each colour is divided by its own peak: a colour that hardly matters then looks as strong as the others. Sum first, "
                      "then one peak for each picture."),
        Misconception("colours drawn apart", per_channel_mean,
                      "You normalise each colour and average at the end. Sum over the colours first, then normalise."),
        Misconception("one peak for the batch", whole_batch,
                      "All pictures are divided by the largest value of the batch: a map then changes with its neighbours. One peak for each "
                      "picture: the maximum over axes 1 and 2, with `keepdims=True`."),
        Misconception("zero to zero", zero_to_zero,
                      "Your values fill [0, 1], with h = 0 at 0. The task wants h = 0 at 0.5, because the colormap has its white there: halve, "
                      "then add 0.5."),
        Misconception("smallest to zero", smallest_to_zero,
                      "You stretch from the smallest to the largest value; then 0 and 0.5 mean something else in every picture. Divide by the "
                      "largest absolute value only."),
        Misconception("not halved", not_halved,
                      "Your values run up to 1.5: [-1, 1] has to be halved before 0.5 is added."),
        Misconception("zero divided by zero", zero_by_zero,
                      "A picture whose gradient is zero everywhere gives 0/0. Let its peak be 1: its map is then 0.5 everywhere."),
    ),
    rtol=1e-6, atol=1e-9,
)
