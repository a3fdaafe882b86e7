"""Exercises 03.1 and 03.2: distances between two histograms."""
from __future__ import annotations

import itertools

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def histograms(seed):
    """Pairs of histograms: both positive everywhere; p with empty bins; q with empty bins where p has mass; disjoint."""
    rng = np.random.default_rng([3, 1, seed])

    def draw(size, empty=()):
        weights = rng.gamma(1.0, size=size) + 0.05
        weights[list(empty)] = 0.0
        return weights / weights.sum()

    at = int(rng.integers(1, 4))
    return [
        Case((draw(5), draw(5)), "five bins, all filled"),
        Case((draw(6, [at]), draw(6)), "six bins, one of them empty in p"),
        Case((draw(6, [0, 5]), draw(6, [0])), "six bins, one of them empty in both"),
        Case((draw(6), draw(6, [at, 5])), "six bins, two of them empty in q but not in p"),
        Case((draw(6, [0, 1, 2]), draw(6, [3, 4, 5])), "six bins, no bin filled in both"),
    ]


def by_definition(p, q):
    """Total variation as the largest gap over all sets of bins; KL and JS from scipy."""
    from scipy.spatial.distance import jensenshannon
    from scipy.special import rel_entr

    sets = np.array(list(itertools.product((0.0, 1.0), repeat=len(p))))
    return float(np.abs(sets @ (p - q)).max()), float(rel_entr(p, q).sum()), float(jensenshannon(p, q) ** 2)


def relative_entropy(p, q):
    with np.errstate(all="ignore"):
        return float(np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q), 0.0).sum())


def divergences_with(tv=lambda p, q: np.abs(p - q).sum() / 2, kl=relative_entropy, half=0.5, finish=lambda js: js):
    """The right answer with one thing changed."""
    def divergences(p, q):
        m = (p + q) / 2
        return float(tv(p, q)), float(kl(p, q)), float(finish(half * kl_safe(p, m) + half * kl_safe(q, m)))
    kl_safe = relative_entropy
    return divergences


def empty_bins_as_nan(p, q):
    with np.errstate(all="ignore"):
        m = (p + q) / 2
        return (float(np.abs(p - q).sum() / 2), float((p * np.log(p / q)).sum()),
                float(((p * np.log(p / m)).sum() + (q * np.log(q / m)).sum()) / 2))


def both_filled_only(p, q):
    both = (p > 0) & (q > 0)
    return float((p[both] * np.log(p[both] / q[both])).sum())


def base_two(p, q):
    tv, kl, js = divergences_with()(p, q)
    return tv, kl / np.log(2), js / np.log(2)


def mean_of_both_kl(p, q):
    return (*divergences_with()(p, q)[:2], (relative_entropy(p, q) + relative_entropy(q, p)) / 2)


DIVERGENCES = Exercise(
    id="03.1", title="Three distances that do not look where", points=2, minutes=12, difficulty=1, function="divergences",
    cases=histograms, oracle=by_definition,
    laws=(
        Law("bounds of JS", "JS lies between 0 and log 2.", lambda args, answer: -1e-9 <= answer[2] <= np.log(2) + 1e-9),
        Law("Pinsker", "KL is at least twice the square of the total variation (Pinsker's inequality).",
            lambda args, answer: answer[1] >= 2 * answer[0] ** 2 - 1e-9),
    ),
    hints=(
        "The largest gap over all sets A is reached by taking every bin where p exceeds q: half the sum of |p - q|.",
        "A bin with p = 0 gives nothing to KL, whatever q is; a bin with q = 0 < p gives infinity. `np.where`, or `scipy.special.rel_entr(p, q)`, "
        "does both.",
        "`m = (p + q) / 2`, then JS is `(rel_entr(p, m).sum() + rel_entr(q, m).sum()) / 2`.",
    ),
    misconceptions=(
        Misconception("no half in the total variation", divergences_with(tv=lambda p, q: np.abs(p - q).sum()),
                      "Your total variation is twice too large: the sum of |p - q| counts what is missing here and what is in excess there."),
        Misconception("largest bin", divergences_with(tv=lambda p, q: np.abs(p - q).max()),
                      "You take the largest gap of a single bin; the supremum runs over all *sets* of bins: add up the bins where p exceeds q."),
        Misconception("KL the wrong way", divergences_with(kl=lambda p, q: relative_entropy(q, p)),
                      "This is KL(q ‖ p). KL(p ‖ q) weighs the logarithm of p/q with p."),
        Misconception("JS without halves", divergences_with(half=1.0),
                      "Your JS is twice too large: each of the two KL terms counts one half (the slide leaves this out)."),
        Misconception("root of JS", divergences_with(finish=np.sqrt),
                      "You return the Jensen-Shannon *distance*, the square root. The divergence is its square; `scipy.spatial.distance.jensenshannon` "
                      "returns the root."),
        Misconception("mean of both KL", mean_of_both_kl,
                      "You average KL(p ‖ q) and KL(q ‖ p). JS compares each of the two with their middle m = (p + q) / 2, which keeps it finite."),
        Misconception("base two", base_two, "Your logarithms are to base 2; here they are natural, so that JS is at most log 2."),
        Misconception("zero times log of zero", empty_bins_as_nan,
                      "A bin with p = 0 gives NaN: 0 · log 0 counts as 0. Compute the logarithm only where p is positive."),
        Misconception("bins left out", divergences_with(kl=both_filled_only),
                      "You leave out bins where q = 0 but p is not: there p/q is infinite, and so is KL."),
        Misconception("a little added", divergences_with(kl=lambda p, q: (p * np.log((p + 1e-12) / (q + 1e-12))).sum()),
                      "A small number added to q makes KL finite where it is infinite: the answer then depends on the number that you chose."),
    ),
    rtol=1e-6, atol=1e-8,
)


def line_cases(seed):
    """Histograms on unevenly spaced places of a line; one of them two point masses."""
    rng = np.random.default_rng([3, 2, seed])
    cases = []
    for size in (4, 7, 12):
        places = np.cumsum(rng.uniform(0.2, 2.0, size=size)) - rng.uniform(0, 5)
        p, q = rng.dirichlet(np.ones(size), size=2)
        cases.append(Case((places, p, q), f"{size} places, unevenly spaced"))
    theta = round(float(rng.uniform(1.5, 4)), 2)
    cases.append(Case((np.array([0.0, theta]), np.array([1.0, 0.0]), np.array([0.0, 1.0])), f"all mass at 0, all mass at {theta}"))
    even = np.arange(6) * 1.0
    weights = rng.dirichlet(np.ones(3))
    cases.append(Case((even, np.r_[0, 0, 0, weights], np.r_[weights, 0, 0, 0]), "the same shape, moved to the left by three"))
    return cases


def by_scipy(positions, p, q):
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(positions, positions, p, q))


def cumulative(p, q):
    return np.cumsum(p - q)[:-1]


EARTH_MOVER = Exercise(
    id="03.2", title="The earth mover on a line", points=2, minutes=8, difficulty=2, function="earth_mover",
    cases=line_cases, oracle=by_scipy,
    laws=(Law("at least the shift of the mean", "The mean of a heap cannot move further than the earth does: EM is at least the difference of the means.",
              lambda args, answer: answer >= abs(args[0] @ (args[1] - args[2])) - 1e-9),),
    hints=(
        "Stand between two neighbouring places: how much earth has to pass you, whichever way?",
        "What passes the gap after place i is |P_i - Q_i| with the cumulative sums P and Q; it travels the width of that gap.",
        "`np.sum(np.abs(np.cumsum(p - q))[:-1] * np.diff(positions))`",
    ),
    misconceptions=(
        Misconception("gaps of one", lambda positions, p, q: float(np.abs(cumulative(p, q)).sum()),
                      "You add up |P - Q| as if all places stood one apart: multiply with the width of each gap, `np.diff(positions)`."),
        Misconception("one width for all gaps", lambda positions, p, q: float(np.abs(cumulative(p, q)).sum() * np.diff(positions).mean()),
                      "You multiply with one width for all gaps; the places are unevenly spaced, so each gap has its own: `np.diff(positions)`."),
        Misconception("total variation", lambda positions, p, q: float(np.abs(p - q).sum() / 2),
                      "This is the total variation: it says how much earth moves, not how far."),
        Misconception("bins for cumulative sums", lambda positions, p, q: float((np.abs(p - q)[:-1] * np.diff(positions)).sum()),
                      "What passes a gap is everything that is in excess to the left of it: take cumulative sums of p and q first."),
        Misconception("no absolute value", lambda positions, p, q: float((cumulative(p, q) * np.diff(positions)).sum()),
                      "Earth that moves left cancels earth that moves right: take the absolute value in each gap before you add."),
        Misconception("absolute value at the end", lambda positions, p, q: float(abs((cumulative(p, q) * np.diff(positions)).sum())),
                      "This is the difference of the means: two heaps with one mean can still differ. Take the absolute value in each gap, not of "
                      "the sum."),
        Misconception("squared", lambda positions, p, q: float((cumulative(p, q) ** 2 * np.diff(positions)).sum()),
                      "You square the cumulative difference; the earth mover's cost takes its absolute value."),
        Misconception("gap before the place", lambda positions, p, q: float((np.abs(np.cumsum(p - q))[1:] * np.diff(positions)).sum()),
                      "Your gaps are one off: the sum up to place i passes the gap *after* place i, so drop its last entry and keep the first."),
    ),
    rtol=1e-6, atol=1e-9,
)
