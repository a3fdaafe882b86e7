"""Exercise 14.2: joint probabilities of pairs."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Rows of probabilities, some of them sharp; the last point is nobody's neighbour."""
    rng = np.random.default_rng([14, 2, seed])
    made = []
    for n in (4, 9, 13):
        weights = np.exp(rng.normal(0, 2, size=(n, n)))
        np.fill_diagonal(weights, 0)
        weights[:-1, -1] = 1e-12
        made.append(Case((weights / weights.sum(axis=1, keepdims=True),), f"{n} points, of which nobody picks the last"))
    return made


def by_drawing(conditional):
    """The probability of each pair in a game: draw a point, it picks a neighbour, toss a coin for the order."""
    n = len(conditional)
    answer = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            answer[i, j] += 0.5 * conditional[i, j] / n
            answer[j, i] += 0.5 * conditional[i, j] / n
    return answer


def normalised(pairs):
    return pairs / pairs.sum()


JOINT = Exercise(
    id="14.2", title="Joint probabilities", points=1, minutes=5, difficulty=1, function="joint_probabilities",
    cases=cases, oracle=by_drawing,
    laws=(
        Law("symmetry", "p_ij = p_ji.", lambda args, answer: np.allclose(answer, answer.T)),
        Law("one distribution", "All n · n entries together sum to 1.", lambda args, answer: bool(np.isclose(answer.sum(), 1))),
        Law("nobody is left out", "Every row sums to more than 1/(2n), an outlier's too.",
            lambda args, answer: bool((answer.sum(axis=1) >= 0.4999 / len(answer)).all())),
    ),
    hints=(
        "Row i of the argument is p(j | i). In which row and column is p(i | j)?",
        "Add the matrix and its transpose; then find the number that makes all entries together sum to 1: each of the n rows sums to 1.",
        "The sum of `conditional + conditional.T` over everything is 2n.",
    ),
    misconceptions=(
        Misconception("average only", lambda conditional: (conditional + conditional.T) / 2,
                      "Your entries sum to n: they are one distribution over all pairs, so divide by n as well."),
        Misconception("n for 2n", lambda conditional: (conditional + conditional.T) / len(conditional),
                      "Your entries sum to 2: divide by 2n, not by n."),
        Misconception("no symmetry", lambda conditional: conditional / len(conditional),
                      "p_ij and p_ji differ: add the transpose."),
        Misconception("product", lambda conditional: normalised(conditional * conditional.T),
                      "A product needs both to pick each other: an outlier that nobody picks is then left out. Add them."),
        Misconception("geometric mean", lambda conditional: normalised(np.sqrt(conditional * conditional.T)),
                      "A geometric mean is near zero where one of the two is: an outlier is then left out. Take the plain mean."),
        Misconception("the larger", lambda conditional: normalised(np.maximum(conditional, conditional.T)),
                      "You take the larger of the two; the formula adds them."),
        Misconception("upper triangle", lambda conditional: np.triu(conditional + conditional.T) / (2 * len(conditional)),
                      "You keep each pair once; P holds both (i, j) and (j, i), and sums to 1 over both."),
    ),
    rtol=1e-8, atol=1e-12,
)
