"""Exercise 16.1: the Matérn kernel."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def points_and_lengths(seed):
    """Two sets of points that share a few, with a length for each axis and a variance that is not 1."""
    rng = np.random.default_rng([16, 1, seed])
    cases = []
    for n, m, d in ((4, 6, 1), (5, 3, 2), (3, 5, 4)):
        a, b = rng.random((n, d)), rng.random((m, d))
        b[0] = a[1]
        lengths, variance = np.exp(rng.uniform(-1.5, 0.7, size=d)), float(np.exp(rng.uniform(0.3, 1.2)))
        cases.append(Case((a, b, lengths, variance), f"{n} and {m} points in {d} dimension{'s' * (d > 1)}, one of them in both"))
    return cases


def by_sklearn(a, b, lengths, variance):
    from sklearn.gaussian_process.kernels import Matern

    return variance * Matern(length_scale=lengths, nu=2.5)(a, b)


def distances(a, b, lengths):
    return np.sqrt((((a[:, None] - b) / lengths) ** 2).sum(axis=2))


def matern(r, variance):
    """The kernel of a distance that has its factor of sqrt(5) already."""
    return variance * (1 + r + r**2 / 3) * np.exp(-r)


def on(change):
    """The kernel with another distance, or another form."""
    return lambda a, b, lengths, variance: change(distances(a, b, lengths), variance)


def squared_lengths(a, b, lengths, variance):
    return matern(np.sqrt(5) * distances(a, b, lengths**2), variance)


def lengths_multiplied(a, b, lengths, variance):
    return matern(np.sqrt(5) * distances(a, b, 1 / lengths), variance)


def one_length(a, b, lengths, variance):
    return matern(np.sqrt(5) * distances(a, b, np.mean(lengths)), variance)


def no_lengths(a, b, lengths, variance):
    return matern(np.sqrt(5) * distances(a, b, 1.0), variance)


def lengths_after(a, b, lengths, variance):
    return matern(np.sqrt(5) * (np.abs(a[:, None] - b) / lengths).sum(axis=2), variance)


def bounded(args, answer):
    a, b, _, variance = args
    same = (a[:, None] == b).all(axis=2)
    return np.allclose(answer[same], variance) and (answer > 0).all() and (answer[~same] < variance).all()


KERNEL = Exercise(
    id="16.1", title="The Matérn kernel", points=2, minutes=10, difficulty=1, function="matern52",
    cases=points_and_lengths, oracle=by_sklearn,
    laws=(Law("largest at distance zero", "A point and itself have the covariance `variance`; any other pair has less, and more than 0.", bounded),),
    hints=(
        "Divide first: what are the coordinates of the points when each axis is measured in its own length?",
        "`cdist(a / lengths, b / lengths)` is the (n, m) array of distances r; the rest works on the whole array at once.",
        "With `s = np.sqrt(5) * r`: `variance * (1 + s + s**2 / 3) * np.exp(-s)`; 5r²/3 is s²/3.",
    ),
    misconceptions=(
        Misconception("squared distance", on(lambda r, v: matern(np.sqrt(5) * r**2, v)),
                      "You put the squared distance where r belongs: this kernel takes the distance itself; the square is the RBF kernel's."),
        Misconception("root of five missing", on(matern), "The factor √5 is missing beside r: in the exponent, and in 1 + √5 r + 5r²/3."),
        Misconception("root of five missing in the exponent", on(lambda r, v: v * (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-r)),
                      "The factor √5 is missing in the exponent, exp(-√5 r): so slow a decay lets near points covary more than `variance`."),
        Misconception("five counted twice", on(lambda r, v: v * (1 + np.sqrt(5) * r + 25 * r**2 / 3) * np.exp(-np.sqrt(5) * r)),
                      "The five counts twice in your third term: with s = √5 r, 5r²/3 is s²/3."),
        Misconception("r squared without its five", on(lambda r, v: v * (1 + np.sqrt(5) * r + r**2 / 3) * np.exp(-np.sqrt(5) * r)),
                      "The third term is 5r²/3: the square takes the 5 along."),
        Misconception("third term missing", on(lambda r, v: v * (1 + np.sqrt(5) * r) * np.exp(-np.sqrt(5) * r)),
                      "The term 5r²/3 is missing: without it, samples can be differentiated only once, as with ν = 3/2."),
        Misconception("Matérn 3/2", on(lambda r, v: v * (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)),
                      "This is the Matérn kernel with ν = 3/2; with ν = 5/2 there is √5 for √3, and a third term."),
        Misconception("RBF", on(lambda r, v: v * np.exp(-(r**2) / 2)), "This is the RBF kernel of the cell above; here the Matérn kernel is wanted."),
        Misconception("variance missing", on(lambda r, v: matern(np.sqrt(5) * r, 1.0)), "The factor `variance` is missing: your kernel is 1 at distance zero."),
        Misconception("variance squared", on(lambda r, v: matern(np.sqrt(5) * r, v**2)),
                      "`variance` is the variance already, not a standard deviation: do not square it."),
        Misconception("lengths squared", squared_lengths,
                      "You divide by the squared lengths. Divide the coordinates by the lengths; the square comes with the distance."),
        Misconception("lengths multiplied", lengths_multiplied, "You multiply by the lengths: a long length should bring points nearer, so divide."),
        Misconception("lengths left out", no_lengths, "The lengths are not used: divide both sets of points by `lengths` before you take distances."),
        Misconception("one length for all", one_length, "Every axis has its own length: divide column j of the points by lengths[j]."),
        Misconception("sum of distances along the axes", lengths_after,
                      "You add up distances along the axes (city blocks); r is the Euclidean distance, the root of the summed squares."),
    ),
    rtol=1e-7, atol=1e-10,
)
