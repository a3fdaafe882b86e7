"""Exercise 03.7: virtual batch normalisation."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def batches(seed):
    rng = np.random.default_rng([3, 7, seed])
    cases = []
    for runs, n, size, features, eps in ((2, 4, 3, 2, 1e-5), (3, 3, 6, 4, 1e-3), (2, 5, 4, 3, 0.1)):
        x = rng.normal(1, 2, size=(runs, n, features))
        reference = rng.normal(-1, 1.5, size=(runs, size, features)) * rng.uniform(0.5, 2, size=(1, 1, features))
        cases.append(Case((torch.from_numpy(x), torch.from_numpy(reference), eps), f"{runs} games, {n} samples, {size} of reference, eps {eps:g}"))
    return cases


def by_torch(x, reference, eps):
    """torch's own batch norm on the reference and one sample, once for each sample; the last row is the answer."""
    rows = []
    for run, held in zip(x, reference):
        rows.append(torch.stack([F.batch_norm(torch.cat([held, one[None]]), None, None, training=True, eps=eps)[-1] for one in run]))
    return torch.stack(rows)


def from_moments(mean, square, x, eps):
    return (x - mean) / torch.sqrt(square - mean**2 + eps)


def held_only(x, reference, eps):
    return (x - reference.mean(dim=1, keepdim=True)) / torch.sqrt(reference.var(dim=1, keepdim=True, unbiased=False) + eps)


def own_batch(x, reference, eps):
    return (x - x.mean(dim=1, keepdim=True)) / torch.sqrt(x.var(dim=1, keepdim=True, unbiased=False) + eps)


def joint_batch(x, reference, eps):
    both = torch.cat([reference, x], dim=1)
    return (x - both.mean(dim=1, keepdim=True)) / torch.sqrt(both.var(dim=1, keepdim=True, unbiased=False) + eps)


def half_and_half(x, reference, eps):
    return from_moments((reference.mean(1, keepdim=True) + x) / 2, ((reference**2).mean(1, keepdim=True) + x**2) / 2, x, eps)


def weighed(x, reference):
    m = reference.shape[1]
    return (m * reference.mean(1, keepdim=True) + x) / (m + 1), (m * (reference**2).mean(1, keepdim=True) + x**2) / (m + 1)


def unbiased(x, reference, eps):
    mean, square = weighed(x, reference)
    m = reference.shape[1]
    return (x - mean) / torch.sqrt((square - mean**2) * (m + 1) / m + eps)


def eps_outside(x, reference, eps):
    mean, square = weighed(x, reference)
    return (x - mean) / (torch.sqrt(square - mean**2) + eps)


def variances_averaged(x, reference, eps):
    m = reference.shape[1]
    mean, _ = weighed(x, reference)
    return (x - mean) / torch.sqrt(reference.var(1, keepdim=True, unbiased=False) * m / (m + 1) + eps)


def no_root(x, reference, eps):
    mean, square = weighed(x, reference)
    return (x - mean) / (square - mean**2 + eps)


def mean_square(x, reference, eps):
    mean, square = weighed(x, reference)
    return (x - mean) / torch.sqrt(square + eps)


def mean_of_held(x, reference, eps):
    mean, square = weighed(x, reference)
    return (x - reference.mean(1, keepdim=True)) / torch.sqrt(square - mean**2 + eps)


VIRTUAL = Exercise(
    id="03.7", title="Virtual batch normalisation", points=3, minutes=12, difficulty=2, function="virtual_batch_norm",
    cases=batches, oracle=by_torch,
    laws=(Law("at most the root of m", "One member of a batch of m + 1 lies at most sqrt(m) standard deviations from the mean (Samuelson's inequality).",
              lambda args, answer: bool((answer.abs() <= args[1].shape[1] ** 0.5 + 1e-9).all())),),
    hints=(
        "The statistics are those of a batch of m + 1: the m reference samples, and the one sample itself.",
        "Mean and mean square of the reference are the same for all samples: a weighted mean, m parts reference and one part x, gives both for each "
        "sample without a loop. Variance = mean square minus squared mean.",
        "`mean = (m * reference.mean(dim=1, keepdim=True) + x) / (m + 1)`, the same for the squares, then "
        "`(x - mean) / torch.sqrt(square - mean**2 + eps)`",
    ),
    misconceptions=(
        Misconception("reference only", held_only,
                      "You use the reference alone. In the paper the sample itself counts as one more member, so that it cannot fall arbitrarily far outside."),
        Misconception("ordinary batch norm", own_batch,
                      "This is ordinary batch normalisation: each sample still depends on its neighbours. The statistics come from the reference."),
        Misconception("joint batch", joint_batch,
                      "You put all of x into one batch with the reference: then neighbours still matter. Each sample joins the reference alone."),
        Misconception("half and half", half_and_half,
                      "You weigh the reference and the sample alike: the reference has m members and the sample is one of m + 1."),
        Misconception("unbiased variance", unbiased,
                      "Your variance divides by m; batch normalisation takes the plain mean of the squared deviations, over m + 1."),
        Misconception("eps outside the root", eps_outside, "eps belongs under the root: sqrt(variance + eps)."),
        Misconception("no root", no_root, "You divide by the variance; the formula divides by its root."),
        Misconception("mean square for variance", mean_square,
                      "You divide by the root of the mean square: the variance is the mean square minus the squared mean."),
        Misconception("variance without the sample", variances_averaged,
                      "Your mean counts the sample and your variance does not. Take mean square minus squared mean, both over m + 1 members."),
        Misconception("mean without the sample", mean_of_held,
                      "Your variance counts the sample and your mean does not: take both over the m + 1 members."),
    ),
    rtol=1e-6, atol=1e-8,
)
