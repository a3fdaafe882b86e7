"""Exercise 04.5: LIME for a row of a table."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab04_explain import clear_cut, draw_masks, explain


def curved_model(seed, d):
    """A function of rows (n, d) to scores (n,) with bends and interactions; it refuses anything else."""
    rng = np.random.default_rng(seed)
    linear, bend, pairs = rng.normal(size=d), 0.3 * rng.normal(size=d), 0.3 * rng.normal(size=(d, d))

    def scores(rows):
        rows = np.asarray(rows, float)
        if rows.ndim != 2 or rows.shape[1] != d:
            raise ValueError(f"This model takes rows of shape (n, {d}); it got {rows.shape}.")
        return rows @ linear + np.tanh(rows**2) @ bend + np.einsum("ni,nj,ij->n", np.tanh(rows), np.tanh(rows), pairs)
    return scores


def cases(seed):
    """Rows that lie off the middle of the table, with a function that bends."""
    rng = np.random.default_rng([45, seed])
    return [problem(rng, n, d, k, width) for n, d, k, width in ((90, 5, 5, 0.4), (160, 8, 3, 0.3), (120, 6, 2, 0.8))]


def problem(rng, n, d, k, width):
    while True:
        model = given(curved_model, seed=int(rng.integers(1 << 30)), d=d)
        centre = 1.5 * rng.normal(size=d)
        others, row = centre + rng.normal(size=(n, d)), centre + 1.5 * rng.normal(size=d)
        masks = draw_masks(rng, n, d)
        if clear_cut(masks, model.build()(np.where(masks == 1, row, others)), k, width):
            return Case((model, row, others, masks, k, width), f"{n} samples, {d} columns, K = {k}, width {width:g}")


def oracle(f, row, others, masks, k, width):
    """Rows put together entry by entry, scored one at a time."""
    made = [[row[j] if mask[j] else other[j] for j in range(len(row))] for mask, other in zip(masks, others)]
    return explain(masks, np.array([f(np.array([z]))[0] for z in made]), k, width)


def variant(rows=lambda masks, row, others: np.where(masks == 1, row, others), features=lambda masks, z, row: masks,
            fit=explain, after=lambda answer, row: answer):
    """LIME on a row with one thing changed."""
    def lime_row(f, row, others, masks, k, width):
        z = rows(masks, row, others)
        return after(fit(features(masks, z, row), f(z), k, width), row)
    return lime_row


def on_values(f, row, others, masks, k, width):
    z = np.where(masks == 1, row, others)
    from course_utils.exercises.lab04_kernel import oracle as kernel

    return explain(z, f(z), k, width, weights=kernel(masks, np.ones(len(row)), width, "cosine"))


def z_for_masks(f, row, others, masks, k, width):
    z = np.where(masks == 1, row, others)
    return explain(z, f(z), k, width)


def unweighted(masks, scores, k, width):
    return explain(masks, scores, k, width, weights=np.ones(len(masks)))


def same_form(args, answer):
    weights, intercept = answer
    return np.count_nonzero(weights) <= args[4] and np.isfinite(weights).all() and np.isfinite(intercept)


def close_to_f(args, answer):
    """Near x, where the kernel is large, the explanation's mean is that of f: what a free intercept gives."""
    f, row, others, masks, _, width = args
    weights, intercept = answer
    z = np.where(masks == 1, row, others)
    from course_utils.exercises.lab04_kernel import oracle as kernel

    share = kernel(masks, np.ones(len(row)), width, "cosine")
    share = share / share.sum()
    scores = f(z)
    return abs(share @ (scores - intercept - masks @ weights)) < 1e-4 * np.abs(scores).max()


EXERCISE = Exercise(
    id="04.5", title="LIME for a row of a table", points=2, minutes=8, difficulty=1, function="lime_row",
    cases=cases, oracle=oracle, rtol=1e-4, atol=1e-5,
    laws=(Law("at most K", "No more than K weights differ from zero, and all are finite.", same_form),
          Law("right on average", "The kernel-weighted mean of g(z') equals that of f(z), with the z' as features.", close_to_f)),
    hints=("One line makes all rows z at once, one line asks f, one line explains.",
           "`np.where(masks == 1, a, b)` takes from a where the mask is 1 and from b elsewhere; a row of shape (d,) stretches over all samples.",
           "z = np.where(masks == 1, row, others); return explain(masks, f(z), k, width)"),
    misconceptions=(
        Misconception("mask turned round", variant(rows=lambda masks, row, others: np.where(masks == 0, row, others)),
                      "Your rows keep the patient's own value where the mask is 0: 1 means on, the value stays as it is in x."),
        Misconception("means for rows", variant(rows=lambda masks, row, others: np.where(masks == 1, row, others.mean(axis=0))),
                      "You put in the column means; here sample i takes its missing values from row i of `others`, a real row of the table."),
        Misconception("zeros for rows", variant(rows=lambda masks, row, others: np.where(masks == 1, row, 0.0)),
                      "You set missing values to 0, which is a value like any other; take them from row i of `others`."),
        Misconception("regression on z", on_values,
                      "Your regression's features are the values z; the explanation is linear in z', so its features are the masks."),
        Misconception("z for the masks", z_for_masks,
                      "You handed z to `explain`: the explanation is linear in z', and the kernel measures on z' too, so `explain` gets the masks."),
        Misconception("no kernel", variant(fit=unweighted),
                      "All your samples weigh the same: `explain` needs the width that you were given."),
        Misconception("times the values", variant(after=lambda answer, row: (answer[0] * row, answer[1])),
                      "You multiplied the weights by the row's values: contributions are weight times feature, and the feature here is x'_d = 1."),
        Misconception("one row for all", variant(rows=lambda masks, row, others: np.where(masks == 1, row, others[0])),
                      "All your samples take their missing values from the first row of `others`: sample i takes them from row i."),
    ),
)
