"""Exercise 14.5: the same gradient with two tables of n x n numbers, in the type of its input."""
from __future__ import annotations

import tracemalloc

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab14_gradient import by_autograd, differently, joint

ALLOWED = 2.5  # tables of n x n numbers of the input's type: two, and something for the narrow ones
AT_MOST_TWO = "at most two tables"


def cases(seed):
    """Enough points for the tables to outweigh everything else."""
    rng = np.random.default_rng([14, 5, seed])
    return [Case(((factor * joint(rng, n)).astype(kind), rng.normal(0, spread, size=(n, 2)).astype(kind)),
                 f"{n} points in {kind}, spread {spread}, entries of joint that sum to {factor}")
            for n, spread, kind, factor in ((130, 1.0, "float64", 1), (160, 5.0, "float32", 1), (141, 3.0, "float64", 12))]


def weighed(function, joint, embedding):
    """The gradient, and whether the function made no more than two tables of n x n at a time."""
    begun = tracemalloc.is_tracing()
    if not begun:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        answer = function(joint, embedding)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not begun:
            tracemalloc.stop()
    return {"gradient": answer, AT_MOST_TWO: bool(peak <= ALLOWED * joint.nbytes)}


def expected(joint, embedding):
    return {"gradient": by_autograd(joint, embedding).astype(embedding.dtype), AT_MOST_TWO: True}


def from_forces(pull, push, rows):
    force = pull - push
    return 4 * (force[2] * rows[:2] - force[:2]).T


def narrow(joint, embedding, *, selves=False, power=2, divided=True, share=1.0, ends=from_forces):
    """Lean, with one thing changed."""
    size = (embedding**2).sum(axis=1, keepdims=True)
    ones = np.ones_like(size)
    w = np.hstack([-2 * embedding, 1 + size, ones]) @ np.hstack([embedding, ones, size]).T
    np.reciprocal(w, out=w)
    total = w.sum() - (0 if selves else len(w))
    rows = np.hstack([embedding, ones]).T
    pull = rows @ (joint * w) / share
    return ends(pull, rows @ np.power(w, power, out=w) / (total if divided else 1), rows)


def self_in_total(joint, embedding):
    return narrow(joint, embedding, selves=True)


def not_squared(joint, embedding):
    return narrow(joint, embedding, power=1)


def sizes_forgotten(joint, embedding):
    n = len(embedding)
    w = -2 * embedding @ embedding.T
    w += 1 + 2 * (embedding**2).sum(axis=1)[:, None]
    np.reciprocal(w, out=w)
    rows = np.hstack([embedding, np.ones((n, 1), embedding.dtype)]).T
    total, pull = w.sum() - n, rows @ (joint * w)
    return from_forces(pull, rows @ np.square(w, out=w) / total, rows)


def wide_numbers(joint, embedding):
    return narrow(joint, embedding.astype(float))


def push_not_divided(joint, embedding):
    return narrow(joint, embedding, divided=False)


def turned_round(joint, embedding):
    return -narrow(joint, embedding)


def factor_forgotten(joint, embedding):
    return narrow(joint, embedding) / 4


def p_normalised(joint, embedding):
    return narrow(joint, embedding, share=joint.sum())


def no_row_of_ones(joint, embedding):
    return narrow(joint, embedding, ends=lambda pull, push, rows: 4 * (rows[:2] - (pull - push)[:2]).T)


GRADIENT_LAW = Law("no push from outside", "Every pull has its counter-pull: the slopes of all points sum to zero.",
                   lambda args, answer: np.allclose(np.asarray(answer["gradient"]).sum(axis=0), 0, atol=1e-5))

LEAN = Exercise(
    id="14.5", title="The same gradient, lean", points=3, minutes=15, difficulty=3, function="lean_gradient",
    cases=cases, oracle=expected, call=weighed,
    laws=(
        Law("two tables", "At no time are there more than two new tables of n x n numbers of the input's type.",
            lambda args, answer: answer[AT_MOST_TWO]),
        GRADIENT_LAW,
    ),
    hints=(
        "First the table 1 + d² as one product of (n, 4) and (4, n); then turn it into w in place: `np.reciprocal(w, out=w)`.",
        "Z is `w.sum() - n`, because the diagonal of w is 1. `rows` of shape (3, n), the text's R, holds the two coordinates and a row of ones. The "
        "pull is `rows @ (joint * w)`; for the push square w in place, `np.square(w, out=w)`, and take `rows @ w`.",
        "force = pull - push / Z; the slope is 4 · (force[2] · rows[:2] - force[:2]), transposed.",
    ),
    misconceptions=(
        Misconception("too many tables", differently(),
                      "The slopes are right, but more than two new tables of n x n live at a time, or one of another type: make no differences, let w be "
                      "overwritten with `out=w`, and keep no other table."),
        Misconception("float64 tables", wide_numbers,
                      "From float32 you make a float64 table, twice the bytes: `np.ones(n)` is float64 unless you give it the map's dtype."),
        Misconception("P normalised", p_normalised, "You divide joint by its sum. Take it as it is: the loop multiplies it by 12 on purpose."),
        Misconception("self counted in Z", self_in_total, "Z has to leave out the pairs (i, i): the diagonal of w is 1, so subtract n from the sum."),
        Misconception("w not squared in the push", not_squared, "The push has w² / Z: one w from q = w / Z, one from the tail."),
        Misconception("one size for both", sizes_forgotten, "d² = |y_i|² + |y_j|² - 2 y_i · y_j: you have the size of y_i twice."),
        Misconception("push not divided by Z", push_not_divided, "The push is not divided by Z."),
        Misconception("uphill", turned_round, "The sign is off: pull minus push with y_i - y_j is the gradient; this is its negative."),
        Misconception("factor 4", factor_forgotten, "The factor 4 is missing."),
        Misconception("no row of ones", no_row_of_ones,
                      "Σ_j s_ij (y_i - y_j) has two parts: y_i times the sum of the strengths, which the row of ones gives, minus Σ_j s_ij y_j."),
    ),
    rtol=2e-3, atol=2e-6,
)
