"""Exercise 03.5: minibatch discrimination."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def batches(seed):
    """Features (runs, n, f) with two samples alike, and tensors T (runs, f, kernels, size)."""
    rng = np.random.default_rng([3, 5, seed])
    cases = []
    for runs, n, features, kernels, size in ((2, 4, 3, 2, 3), (3, 5, 4, 3, 2), (2, 6, 2, 4, 3)):
        f = rng.normal(0, 0.5, size=(runs, n, features))
        f[:, 1] = f[:, 0] + rng.normal(0, 0.01, size=(runs, features))
        T = rng.normal(0, 0.6, size=(runs, features, kernels, size))
        cases.append(Case((torch.from_numpy(f), torch.from_numpy(T)),
                          f"{runs} games, {n} samples of {features} features, {kernels} kernels of size {size}"))
    return cases


def by_pairs(features, T):
    """The sum of the paper, one pair and one kernel at a time, in plain Python."""
    runs, n, _ = features.shape
    out = np.zeros((runs, n, T.shape[2]))
    for r in range(runs):
        M = [[(features[r, i].numpy() @ T[r, :, b].numpy()) for b in range(T.shape[2])] for i in range(n)]
        for i in range(n):
            for b in range(T.shape[2]):
                out[r, i, b] = sum(np.exp(-np.abs(M[i][b] - M[j][b]).sum()) for j in range(n))
    return torch.from_numpy(out)


def with_change(length=lambda d: d.abs().sum(-1), near=lambda c: torch.exp(-c), total=lambda c: c.sum(dim=2), rows="kernels"):
    """The right answer with one thing changed: d has the shape (runs, n, n, kernels, size)."""
    def closeness(features, T):
        M = torch.einsum("rnf,rfks->rnks", features, T)
        if rows == "size":
            M = M.flatten(2).unflatten(2, (T.shape[3], T.shape[2])).transpose(2, 3)
        return total(near(length(M[:, :, None] - M[:, None])))
    return closeness


def over_everything(features, T):
    M = torch.einsum("rnf,rfks->rnks", features, T)
    c = torch.exp(-(M[:, :, None] - M[:, None]).abs().sum(dim=(-1, -2)))
    return c.sum(dim=2)[:, :, None].repeat(1, 1, T.shape[2])


CLOSENESS = Exercise(
    id="03.5", title="Minibatch discrimination", points=3, minutes=14, difficulty=3, function="closeness",
    cases=batches, oracle=by_pairs,
    laws=(Law("between 1 and n", "A sample is as close as can be to itself, which gives 1; n equal samples give n.",
              lambda args, answer: bool((answer >= 1 - 1e-9).all() and (answer <= args[0].shape[1] + 1e-9).all())),),
    hints=(
        "Three steps: M = f T, distances between the rows of M for every pair of samples, the sum of exp(-distance) over the second of the pair.",
        "`M = torch.einsum('gna,gabc->gnbc', features, T)`. Then `M[:, :, None] - M[:, None]` has the shape (games, n, n, B, C); the last axis "
        "is summed as absolute values. `torch.cdist(..., p=1)` does the same faster, if the kernels stand before the samples.",
        "`M = M.transpose(1, 2)` gives (games, B, n, C); `torch.exp(-torch.cdist(M, M, p=1)).sum(dim=3).transpose(1, 2)`",
    ),
    misconceptions=(
        Misconception("straight distance", with_change(length=lambda d: d.norm(dim=-1)),
                      "You take the Euclidean length of the difference; the paper takes the L1 norm, the sum of absolute values."),
        Misconception("squared distance", with_change(length=lambda d: d.square().sum(-1)),
                      "You sum squares; the paper takes the L1 norm, the sum of absolute values."),
        Misconception("sum before the exponential", with_change(near=lambda c: c, total=lambda c: torch.exp(-c.sum(dim=2))),
                      "You add the distances first and take one exponential: take exp(-distance) of each pair, then add over the batch."),
        Misconception("no absolute value", with_change(length=lambda d: d.sum(-1)),
                      "Without absolute values differences cancel, and a sample can be 'closer' to another than to itself."),
        Misconception("sign of the exponent", with_change(near=torch.exp),
                      "exp of plus the distance grows with the distance: closeness is exp of *minus* the distance."),
        Misconception("distance for closeness", with_change(near=lambda c: c),
                      "You sum distances: near and far samples then count the wrong way round. Take exp(-distance) first."),
        Misconception("mean for sum", with_change(total=lambda c: c.mean(dim=2)),
                      "The paper sums over the batch; you average."),
        Misconception("without itself", with_change(total=lambda c: c.sum(dim=2) - 1),
                      "You leave out j = i. The sum of the paper runs over the whole batch, the sample itself included, which adds 1."),
        Misconception("kernels and size swapped", with_change(rows="size"),
                      "The axes of T are swapped: T is (games, A, B, C); distances are taken along the last, one for each kernel."),
        Misconception("one distance for all kernels", over_everything,
                      "You sum over all kernels before the exponential: each kernel makes its own closeness, so the answer has one number for each."),
    ),
    rtol=1e-6, atol=1e-9,
)
