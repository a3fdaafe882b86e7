"""Exercise 16.6: the loop in seven steps."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given


@dataclass
class Shelf:
    """An objective known at some points only: table (m, d), values (m,); it counts what it is asked."""

    table: np.ndarray
    values: np.ndarray
    asked: int = 0

    def __call__(self, points):
        points = np.asarray(points, float)
        if points.ndim != 2:
            raise ValueError(f"the objective takes points of shape (n, {self.table.shape[1]}); it was given {points.shape}")
        self.asked += len(points)
        return self.values[np.linalg.norm(points[:, None] - self.table, axis=2).argmin(axis=1)]


def shelf(seed, m, d):
    """An objective on m points of the unit cube."""
    rng = np.random.default_rng(seed)
    return Shelf(rng.random((m, d)), rng.permutation(m).astype(float) - m // 2)


def careful_fit():
    """fit(x, y, before): its model remembers how often it was updated."""
    def fit(x, y, before):
        return {"x": np.array(x), "y": np.array(y), "updates": 0 if before is None else before["updates"] + 1}
    return fit


def neighbour(seed, m, d):
    """propose(model): the nearest or, after an odd number of updates, second nearest point on the shelf that is not in the data."""
    table = shelf(seed, m, d).table

    def propose(model):
        lead = model["x"][np.argmin(model["y"])]
        taken = (np.linalg.norm(table[:, None] - model["x"], axis=2) < 1e-9).any(axis=1)
        far = np.where(taken, np.inf, np.linalg.norm(table - lead, axis=1))
        return table[np.argsort(far)[model["updates"] % 2]].copy()
    return propose


def runs(seed):
    rng = np.random.default_rng([16, 6, seed])
    cases = []
    for first, total, m, d in ((3, 9, 20, 1), (2, 6, 15, 2), (4, 11, 25, 3), (5, 5, 12, 2)):
        last = first if total == 11 else total - 1  # of the four cases one has its best point in the start
        while True:  # neither the first, nor the last evaluation may be the best by chance
            parameters = {"seed": int(rng.integers(10**6)), "m": m, "d": d}
            objective = shelf(**parameters)
            begin = objective.table[rng.choice(m, size=first, replace=False)]
            _, y, _, _ = by_index(objective, begin, total, None, None)
            if 0 < y.argmin() < last and y.argmax() != total - 1:
                break
        more = f"{total - first} more" if total > first else "none to come"
        cases.append(Case((given(shelf, **parameters), begin, total, given(careful_fit), given(neighbour, **parameters)),
                          f"{first} points to begin with, {more}, in {d} dimension{'s' * (d > 1)}"))
    return cases


def by_index(objective, start, evaluations, fit, propose):
    """The same run in terms of places on the shelf."""
    table, values = objective.table, objective.values
    gaps = np.linalg.norm(table[:, None] - table, axis=2)
    order = [int(np.linalg.norm(table - point, axis=1).argmin()) for point in start]
    for update in range(evaluations - len(start)):
        lead = min(order, key=lambda i: values[i])
        left = sorted(set(range(len(table))) - set(order), key=lambda i: gaps[lead, i])
        order.append(left[update % 2])
    best = min(order, key=lambda i: values[i])
    return table[order], values[order], table[best], evaluations


def with_count(function, objective, start, evaluations, fit, propose):
    """What the function returns, and the number of evaluations that it paid for."""
    before = objective.asked
    x, y, recommended = function(objective, start, evaluations, fit, propose)
    return x, y, recommended, objective.asked - before


def loop(more=0, update=True, remember=True, again=False, twice=False, only_new=False, recommend=lambda x, y: x[np.argmin(y)]):
    """The loop with one thing done differently."""
    def wrong(objective, start, evaluations, fit, propose):
        x, y, model = start.copy(), objective(start), None
        while len(x) < evaluations + more * len(start):
            if update or model is None:
                fresh = slice(-1 if only_new and model is not None else 0, None)
                model = fit(x[fresh], y[fresh], model if remember else None)
            x = np.vstack([x, propose(model)])
            y = objective(x) if again else np.append(y, objective(x[-1:]))
            if twice:
                objective(x[-1:])
        return x, y, recommend(x, y)
    return wrong


def new_ones_only(objective, start, evaluations, fit, propose):
    x, y, _ = loop()(objective, start, evaluations, fit, propose)
    x, y = x[len(start):], y[len(start):]
    return x, y, x[np.argmin(y)] if len(y) else start[0]


def best_of_the_new(objective, start, evaluations, fit, propose):
    x, y, best = loop()(objective, start, evaluations, fit, propose)
    fresh = y[len(start):]
    return x, y, x[len(start) + np.argmin(fresh)] if len(fresh) else best


def asked_for_the_best(objective, start, evaluations, fit, propose):
    x, y, _ = loop()(objective, start, evaluations, fit, propose)
    return x, y, x[np.argmin(objective(x))]


LOOP = Exercise(
    id="16.6", title="The loop in seven steps", points=3, minutes=15, difficulty=2, function="bayesian_optimisation",
    cases=runs, oracle=by_index, call=with_count,
    laws=(
        Law("values belong to points", "Entry i of the values is the objective at row i of the points.",
            lambda args, answer: np.array_equal(args[0](answer[0]), answer[1])),
        Law("recommendation", "The recommended point is the evaluated one with the smallest value.",
            lambda args, answer: np.array_equal(answer[2], answer[0][np.argmin(answer[1])])),
    ),
    hints=(
        "Which of the seven steps stand before the loop, which inside, which after it? What has to be kept from one round to the next?",
        "Keep `x`, `y` and `model`. Before: `y = objective(start)` and `model = None`. Inside: fit, propose, evaluate the one new point, "
        "append it to both. `propose` returns (d,), the objective takes (1, d).",
        "`model = fit(x, y, model)`, `new = propose(model)[None]`, then `np.vstack([x, new])` and `np.append(y, objective(new))`, "
        "while `len(x) < evaluations`.",
    ),
    misconceptions=(
        Misconception("recommends the last point", loop(recommend=lambda x, y: x[-1]),
                      "You recommend the last point. The last one may have been exploration: recommend the evaluated point with the smallest value."),
        Misconception("recommends the largest value", loop(recommend=lambda x, y: x[np.argmax(y)]),
                      "You recommend the largest value; the objective is to be minimised."),
        Misconception("start not counted", loop(more=1),
                      "`evaluations` counts all of them, those of the start included: you spend more than you were given."),
        Misconception("model never updated", loop(update=False),
                      "The model is fitted once and never sees the new data (step 5): it proposes the same point again and again."),
        Misconception("model forgotten", loop(remember=False),
                      "`fit` gets None in every round; hand over the model of the round before, from which it can start."),
        Misconception("old points paid again", loop(again=True),
                      "You evaluate all points in every round. An evaluation is what costs: ask the objective for the new point alone."),
        Misconception("new point paid twice", loop(twice=True),
                      "You evaluate each new point twice. An evaluation is what costs: keep the value that the first one gave."),
        Misconception("all paid again at the end", asked_for_the_best,
                      "You evaluate all points once more for the recommendation; their values are in y already."),
        Misconception("fitted to the new point alone", loop(only_new=True),
                      "`fit` gets the new point alone; it takes all the data so far, and the model before only to start from."),
        Misconception("best of the new ones", best_of_the_new,
                      "You recommend the best of the proposed points; one of the start may be better, and counts as well."),
        Misconception("start left out", new_ones_only,
                      "The start is missing from what you return: its evaluations were paid for and count as well."),
    ),
    rtol=1e-9, atol=1e-12,
)
