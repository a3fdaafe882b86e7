"""Exercise 14.1: how likely i picks j as its neighbour, at a given perplexity."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Squared distances of clusters of unequal width, in small and in very large units."""
    rng = np.random.default_rng([14, 1, seed])
    made = []
    for n, dimensions, perplexity, unit in ((14, 3, 4.0, 1.0), (18, 5, 6.5, 300.0), (12, 2, 2.5, 0.02)):
        points = rng.normal(size=(n, dimensions)) * unit * np.where(np.arange(n) < n // 2, 1, 6)[:, None]
        points[-1] += 25 * unit if unit < 100 else 1e4 * unit  # far from all others; then so far that exp underflows
        perplexity = round(perplexity + float(rng.uniform(-0.3, 0.3)), 2)
        made.append(Case((distances(points), perplexity), f"{n} points in units of {unit:g}, perplexity {perplexity}"))
    return made


def distances(points):
    from scipy.spatial.distance import pdist, squareform

    return squareform(pdist(points, "sqeuclidean"))


def by_root_finding(squared, perplexity):
    """scipy's brentq on the entropy of scipy's softmax, one point at a time."""
    from scipy.optimize import brentq
    from scipy.special import softmax
    from scipy.stats import entropy

    answer = np.zeros_like(squared)
    for i, row in enumerate(squared):
        others = np.delete(row, i)
        scale = others.mean()
        log_beta = brentq(lambda t: entropy(softmax(-np.exp(t) / scale * others)) - np.log(perplexity), -15, 25, xtol=1e-12)
        answer[i, np.arange(len(row)) != i] = softmax(-np.exp(log_beta) / scale * others)
    return answer


def bisected(squared, target, *, power=1.0, selves=False, shift=True, steps=200, one=False):
    """The search with one thing changed."""
    n = len(squared)
    d = squared**power
    d = np.where(np.eye(n, dtype=bool), 0.0 if selves else np.inf, d)
    if shift:
        d = d - d.min(axis=1, keepdims=True)
    low, high, beta = np.zeros((n, 1)), np.full((n, 1), np.inf), np.ones((n, 1))
    with np.errstate(all="ignore"):
        for _ in range(steps):
            w = np.exp(-beta * d)
            p = w / w.sum(axis=1, keepdims=True)
            entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), p).sum(axis=1, keepdims=True)
            flat = entropy > target if not one else np.full((n, 1), entropy.mean() > target)
            low, high = np.where(flat, beta, low), np.where(flat, high, beta)
            beta = np.where(np.isinf(high), 2 * beta, (low + high) / 2)
    return p


def in_bits(squared, perplexity):
    return bisected(squared, min(np.log2(perplexity), np.log(len(squared) - 2)))


def not_squared(squared, perplexity):
    return bisected(squared, np.log(perplexity), power=0.5)


def squared_twice(squared, perplexity):
    return bisected(squared, np.log(perplexity), power=2.0)


def self_counted(squared, perplexity):
    return bisected(squared, np.log(perplexity), selves=True)


def self_cut_out(squared, perplexity):
    return bisected(squared, np.log(perplexity), selves=True) * ~np.eye(len(squared), dtype=bool)


def columns(squared, perplexity):
    return bisected(squared, np.log(perplexity)).T


def one_width(squared, perplexity):
    return bisected(squared, np.log(perplexity), one=True)


def sharp_neighbours(squared, perplexity):
    rank = np.argsort(np.argsort(np.where(np.eye(len(squared), dtype=bool), np.inf, squared), axis=1), axis=1)
    return (rank < round(perplexity)) / round(perplexity)


def underflow(squared, perplexity):
    return bisected(squared, np.log(perplexity), shift=False)


def too_early(squared, perplexity):
    return bisected(squared, np.log(perplexity), steps=8)


def unnormalised(squared, perplexity):
    p = bisected(squared, np.log(perplexity))
    return p / p.max(axis=1, keepdims=True)


def perplexities(p):
    from scipy.stats import entropy

    return np.exp(entropy(p, axis=1))


def not_the_outlier_alone(args, answer):
    """False where every row has its perplexity but the last, the outlier's."""
    off = ~np.isclose(perplexities(answer), args[1], rtol=1e-3)
    return not off[-1] or bool(off[:-1].any())


CONDITIONAL = Exercise(
    id="14.1", title="Neighbours at a given perplexity", points=4, minutes=20, difficulty=3, function="conditional_probabilities",
    cases=cases, oracle=by_root_finding,
    laws=(
        Law("probabilities", "Every row sums to 1, and no point picks itself: the diagonal is 0.",
            lambda args, answer: np.allclose(answer.sum(axis=1), 1) and not np.diag(answer).any()),
        Law("perplexity", "Every row has the perplexity that was asked for: exp of its entropy in nats. Too few rounds miss it, and so does a fixed upper end "
            "for beta, as distances come in any unit.",
            lambda args, answer: np.allclose(perplexities(answer), args[1], rtol=1e-3)),
        Law("far outlier", "Only the far outlier's row is off. Do all its weights underflow to 0? Take off its smallest squared distance to another "
            "point first; the zero on the diagonal does not count.", not_the_outlier_alone),
    ),
    hints=(
        "All rows are searched at once: keep `low`, `high` and `beta` as columns of shape (n, 1). A larger beta is a narrower Gaussian, hence a "
        "smaller entropy.",
        "In each round: weights exp(-beta · (d - smallest d of the row, the diagonal left out)), zero on the diagonal; p = weights / row sum; entropy. Where it is above "
        "log(perplexity), beta is too small: low = beta; elsewhere high = beta. Then beta = the middle, or 2·beta while high is still infinite.",
        "`beta = np.where(np.isinf(high), 2 * beta, (low + high) / 2)`; with Z the row sum, the entropy is log Z + beta · Σ weights · d / Z.",
    ),
    misconceptions=(
        Misconception("entropy in bits", in_bits,
                      "You compare an entropy in nats with log2(perplexity): take the natural logarithm on both sides, or base 2 on both."),
        Misconception("distance for its square", not_squared,
                      "A Gaussian falls with the squared distance, and the argument holds squares already: no square root."),
        Misconception("squared twice", squared_twice, "The argument holds squared distances already: do not square them again."),
        Misconception("self as a neighbour", self_counted,
                      "Each point picks itself first, at distance zero: set the diagonal of the weights to 0 before you normalise."),
        Misconception("self taken out too late", self_cut_out,
                      "You set the diagonal to 0 after the search: then the rows sum to less than 1. Take it out of the weights before the row sum."),
        Misconception("columns for rows", columns, "Your columns sum to 1: row i should hold the probabilities with which i picks the others."),
        Misconception("one width for all", one_width,
                      "You search one beta for all points: then points in thin regions have next to no neighbours. Each row has its own."),
        Misconception("k nearest", sharp_neighbours,
                      "You share the probability equally among the nearest points; the Gaussian gives the nearer ones more."),
        Misconception("underflow", underflow,
                      "With large distances every weight of a row underflows to 0, and 0/0 is no number. Take off the row's smallest squared distance to "
                      "another point first: the probabilities stay the same."),
        Misconception("stopped too early", too_early, "Eight halvings are not enough: go on until the entropy agrees to 1e-6, or for 60 rounds or so."),
        Misconception("peak for sum", unnormalised, "You divide by the row's largest weight; divide by its sum."),
    ),
    rtol=1e-3, atol=1e-5,
)
