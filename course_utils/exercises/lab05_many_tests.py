"""Exercise 05.4: p-values adjusted for many tests."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

METHODS = ("bonferroni", "holm", "bh")


def cases(seed):
    """Tables of p-values in no order, some small, some close to each other, some near 1, for each method."""
    rng = np.random.default_rng([54, seed])
    made = []
    for shape, method in (((7,), "bonferroni"), ((4, 3), "holm"), ((9,), "holm"), ((5, 4), "bh"), ((8,), "bh")):
        size = int(np.prod(shape))
        p = np.concatenate([10.0 ** rng.uniform(-4, -2, size // 3), rng.uniform(0.02, 0.06, size // 3), rng.uniform(0.1, 1.0, size - 2 * (size // 3))])
        # Two neighbours that are nearly equal: the larger factor makes the smaller one the larger, whatever the method.
        p[1] = p[0] * 1.01
        made.append(Case((rng.permutation(p).reshape(shape), method), f"{' x '.join(map(str, shape))} p-values, {method}"))
    return made


def oracle(p, method):
    """scipy for Benjamini and Hochberg; for the others the definitions, written with loops."""
    from scipy.stats import false_discovery_control

    flat = np.ravel(p)
    if method == "bh":
        return false_discovery_control(flat, method="bh").reshape(p.shape)
    m = len(flat)
    if method == "bonferroni":
        return np.array([min(1.0, m * value) for value in flat]).reshape(p.shape)
    # Holm: the largest of (number of p-values that are at least q) * q, over all q up to this one.
    return np.array([min(1.0, max(q * sum(other >= q for other in flat) for q in flat if q <= value)) for value in flat]).reshape(p.shape)


def variant(factors=None, running=None, cap=True, order_of=np.argsort, back=None, family=None):
    """Sort, multiply, make monotone, cap, put back; with one step changed. `family` is the axis of a table that is corrected by itself."""
    def adjusted(p, method):
        if family is not None and p.ndim == 2:
            return np.apply_along_axis(adjusted_one, family, p, method)
        return adjusted_one(p, method)

    def adjusted_one(p, method):
        flat = np.ravel(p)
        m, order = len(flat), order_of(flat)
        rank = np.arange(1, m + 1)
        factor = {"bonferroni": np.full(m, float(m)), "holm": m - rank + 1.0, "bh": m / rank}[method]
        if factors is not None:
            factor = factors(method, m, rank, factor)
        scaled = factor * flat[order]
        if running is None:
            if method == "holm":
                scaled = np.maximum.accumulate(scaled)
            elif method == "bh":
                scaled = np.minimum.accumulate(scaled[::-1])[::-1]
        else:
            scaled = running(method, scaled)
        scaled = np.minimum(scaled, 1) if cap else scaled
        if back is not None:
            return back(scaled, order).reshape(p.shape)
        answer = np.empty(m)
        answer[order] = scaled
        return answer.reshape(p.shape)

    return adjusted


def forwards_minimum(method, scaled):
    """The running minimum taken from the smallest p-value upwards."""
    return {"bonferroni": lambda: scaled, "holm": lambda: np.maximum.accumulate(scaled), "bh": lambda: np.minimum.accumulate(scaled)}[method]()


def never_smaller(args, answer):
    return bool((np.asarray(answer) >= args[0] - 1e-12).all())


def at_most_one(args, answer):
    return bool((np.asarray(answer) <= 1 + 1e-12).all())


def same_order(args, answer):
    """Sorted by p, the adjusted values never fall."""
    order = np.argsort(np.ravel(args[0]), kind="stable")
    return bool((np.diff(np.ravel(answer)[order]) >= -1e-12).all())


EXERCISE = Exercise(
    id="05.4", title="Many tests", points=3, minutes=15, difficulty=2, function="adjusted",
    cases=cases, oracle=oracle,
    laws=(Law("never smaller", "An adjusted p-value is never smaller than the p-value itself.", never_smaller),
          Law("at most one", "A p-value is a probability: cut at 1.", at_most_one),
          Law("same order", "A smaller p-value never gets the larger adjusted one.", same_order)),
    hints=("All three do the same in the same order: sort, multiply each p-value by a factor, keep the order, cut at 1, put back. Only the factors and the direction differ.",
           "With i = 1 for the smallest of m p-values, the factors are m (Bonferroni), m - i + 1 (Holm), m / i (Benjamini and Hochberg). Holm takes the running "
           "maximum from the smallest upwards; Benjamini and Hochberg the running minimum from the largest downwards. Flatten first, reshape last.",
           "order = np.argsort(flat); np.maximum.accumulate(scaled) for Holm, np.minimum.accumulate(scaled[::-1])[::-1] for BH; and back: out[order] = scaled"),
    misconceptions=(
        Misconception("no running minimum or maximum", variant(running=lambda method, scaled: scaled),
                      "After multiplying, a smaller p-value can have passed a larger one: Holm needs the running maximum, Benjamini and Hochberg the running minimum."),
        Misconception("minimum in the wrong direction", variant(running=forwards_minimum),
                      "Your running minimum starts at the smallest p-value, so all become equal to it; for Benjamini and Hochberg start at the largest."),
        Misconception("divided", variant(factors=lambda method, m, rank, factor: 1 / factor),
                      "You divide p-values by the factor. Dividing is for the threshold; p-values are multiplied."),
        Misconception("ranked from the largest", variant(order_of=lambda flat: np.argsort(-flat)),
                      "Your ranks start at the largest p-value; rank 1 is the smallest."),
        Misconception("left in sorted order", variant(back=lambda scaled, order: scaled),
                      "The values are right and stand in sorted order: put each back where its p-value came from."),
        Misconception("sorted once more", variant(back=lambda scaled, order: scaled[order]),
                      "Sorting back goes the other way: out[order] = scaled, not scaled[order]."),
        Misconception("not cut", variant(cap=False),
                      "Some of your adjusted values are larger than 1: cut them there."),
        Misconception("each column alone", variant(family=0),
                      "You corrected each column of the table by itself; all p-values of the table are one family of m tests."),
        Misconception("each row alone", variant(family=1),
                      "You corrected each row as a family of its own; m is the number of all entries."),
        Misconception("Bonferroni for all", variant(factors=lambda method, m, rank, factor: np.full(m, float(m))),
                      "You multiply by m whatever the method: Holm multiplies by m - i + 1, Benjamini and Hochberg by m / i."),
        Misconception("ranks from zero", variant(factors=lambda method, m, rank, factor: {"bonferroni": factor, "holm": m - rank + 0.0, "bh": m / (rank + 1.0)}[method]),
                      "Your factors are off by one rank: i is 1 for the smallest p-value, as numpy's 0 is not."),
        Misconception("Holm from m - 1", variant(factors=lambda method, m, rank, factor: m - rank + 0.0 if method == "holm" else factor),
                      "Holm's first factor is m, not m - 1: with i = 1 for the smallest it is m - i + 1."),
        Misconception("Šidák's formula", lambda p, method: 1 - (1 - p) ** p.size,
                      "This is Šidák's correction, 1 - (1 - p)^m, which holds for independent tests; here the three others are asked for."),
    ),
)
