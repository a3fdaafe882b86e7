"""Exercises 03.4 and 03.6: feature matching, and one-sided label smoothing."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def feature_cases(seed):
    rng = np.random.default_rng([3, 4, seed])
    cases = []
    for runs, n, features in ((2, 5, 3), (3, 8, 4), (2, 6, 7)):
        real, fake = rng.normal(size=(2, runs, n, features)) + rng.normal(size=(2, runs, 1, features))
        cases.append(Case((torch.from_numpy(real), torch.from_numpy(fake)), f"{runs} games, {n} samples, {features} features"))
    return cases


def by_torch_mse(real_features, fake_features):
    return torch.stack([F.mse_loss(fake.mean(0), real.mean(0), reduction="sum") for real, fake in zip(real_features, fake_features)])


def matched(real_features, fake_features):
    return real_features.mean(dim=1) - fake_features.mean(dim=1)


def over_all_runs(real_features, fake_features):
    gap = real_features.mean(dim=(0, 1)) - fake_features.mean(dim=(0, 1))
    return (gap**2).sum().repeat(len(real_features))


FEATURE_MATCHING = Exercise(
    id="03.4", title="Feature matching", points=1, minutes=6, difficulty=1, function="feature_matching",
    cases=feature_cases, oracle=by_torch_mse,
    laws=(Law("never negative", "A sum of squares is never negative.", lambda args, answer: bool((answer >= 0).all())),),
    hints=(
        "First the means over the samples, then the distance between the two means.",
        "`real_features.mean(dim=1)` has shape (games, features). Square the difference of the two means and sum over the features.",
        "`((real_features.mean(dim=1) - fake_features.mean(dim=1)) ** 2).sum(dim=1)`",
    ),
    misconceptions=(
        Misconception("sample by sample", lambda real_features, fake_features: ((real_features - fake_features) ** 2).sum(dim=2).mean(dim=1),
                      "You compare sample i with sample i, although they have nothing to do with each other: take the means first, then the difference."),
        Misconception("no square", lambda real_features, fake_features: matched(real_features, fake_features).norm(dim=1),
                      "You return the distance; the formula has its square."),
        Misconception("absolute for square", lambda real_features, fake_features: matched(real_features, fake_features).abs().sum(dim=1),
                      "You sum absolute differences; the formula sums squares."),
        Misconception("mean over the features", lambda real_features, fake_features: (matched(real_features, fake_features) ** 2).mean(dim=1),
                      "The squares are summed over the features, not averaged: this is the squared length of a vector."),
        Misconception("samples of all runs", over_all_runs,
                      "You average over the games as well: no game has a part in another. Take the mean over axis 1 only."),
    ),
    rtol=1e-6, atol=1e-9,
)


def logit_cases(seed):
    rng = np.random.default_rng([3, 6, seed])
    cases = []
    for runs, n, scale, smooth in ((2, 6, 1.5, 0.9), (3, 4, 5.0, 0.8), (2, 5, 1.0, 0.7)):
        real, fake = rng.normal(0, scale, size=(2, runs, n, 1))
        cases.append(Case((torch.from_numpy(real), torch.from_numpy(fake), smooth), f"{runs} games of {n} samples, target {smooth}"))
    real, fake = rng.choice([-1.0, 1.0], size=(2, 2, 4, 1)) * rng.uniform(200, 900, size=(2, 2, 4, 1))
    cases.append(Case((torch.from_numpy(real), torch.from_numpy(fake), 0.9), "logits of several hundred"))
    return cases


def by_torch_bce(real_logits, fake_logits, smooth):
    rows = []
    for real, fake in zip(real_logits, fake_logits):
        rows.append(F.binary_cross_entropy_with_logits(real, torch.full_like(real, smooth))
                    + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)))
    return torch.stack(rows)


def cross_entropy(logits, target):
    """Mean over samples, stable."""
    return (F.softplus(logits) - target * logits).mean(dim=(1, 2))


def unstable(real_logits, fake_logits, smooth):
    d, g = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (-smooth * d.log() - (1 - smooth) * (1 - d).log()).mean(dim=(1, 2)) - (1 - g).log().mean(dim=(1, 2))


def capped(real_logits, fake_logits, smooth):
    d, g = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (F.binary_cross_entropy(d, torch.full_like(d, smooth), reduction="none").mean(dim=(1, 2))
            + F.binary_cross_entropy(g, torch.zeros_like(g), reduction="none").mean(dim=(1, 2)))


SMOOTHED = Exercise(
    id="03.6", title="One-sided label smoothing", points=2, minutes=8, difficulty=1, function="smoothed_loss",
    cases=logit_cases, oracle=by_torch_bce,
    laws=(Law("never below the entropy", "The loss on real samples is at least the entropy of its target, and that on fakes at least 0.",
              lambda args, answer: bool((answer >= -args[2] * np.log(args[2]) - (1 - args[2]) * np.log(1 - args[2]) - 1e-9).all())),),
    hints=(
        "Only the target of the *real* samples changes: from 1 to `smooth`. The target of the fakes stays 0.",
        "With target y the cross-entropy of a logit a is -y log σ(a) - (1 - y) log(1 - σ(a)), and -log σ(a) = softplus(-a), "
        "-log(1 - σ(a)) = softplus(a).",
        "`smooth * softplus(-real_logits) + (1 - smooth) * softplus(real_logits)` for the real ones, `softplus(fake_logits)` for the fakes; means over "
        "dim (1, 2).",
    ),
    misconceptions=(
        Misconception("both sides", lambda real_logits, fake_logits, smooth: cross_entropy(real_logits, smooth) + cross_entropy(fake_logits, 1 - smooth),
                      "You smooth both targets, as the slide's 0.9 and 0.1 do. One-sided means: fakes keep the target 0 (Salimans et al. say why)."),
        Misconception("fakes smoothed", lambda real_logits, fake_logits, smooth: cross_entropy(real_logits, 1.0) + cross_entropy(fake_logits, 1 - smooth),
                      "You smooth the side of the fakes; it is the real samples whose target goes from 1 to `smooth`."),
        Misconception("not smoothed", lambda real_logits, fake_logits, smooth: cross_entropy(real_logits, 1.0) + cross_entropy(fake_logits, 0.0),
                      "This is the plain loss: real samples still have the target 1."),
        Misconception("second term left out",
                      lambda real_logits, fake_logits, smooth: smooth * F.softplus(-real_logits).mean(dim=(1, 2)) + cross_entropy(fake_logits, 0.0),
                      "A target of 0.9 has two terms: 0.9 times -log D, and 0.1 times -log(1 - D). Without the second the target is still 1."),
        Misconception("overflow", unstable,
                      "For large logits the sigmoid is exactly 0 or 1, and its logarithm infinite. Work on the logits: -log σ(a) = softplus(-a)."),
        Misconception("target of 1 - smooth",
                      lambda real_logits, fake_logits, smooth: cross_entropy(real_logits, 1 - smooth) + cross_entropy(fake_logits, 0.0),
                      "The two weights are swapped: `smooth` belongs to -log D of the real samples, 1 - `smooth` to -log(1 - D)."),
        Misconception("capped logarithm", capped,
                      "`binary_cross_entropy` caps each logarithm at -100, so your loss stops growing: hand logits to its sister with `_with_logits`, or "
                      "use softplus."),
        Misconception("half of it", lambda real_logits, fake_logits, smooth: (cross_entropy(real_logits, smooth) + cross_entropy(fake_logits, 0.0)) / 2,
                      "Your loss is half of what is asked: the two means are added, not averaged."),
    ),
    rtol=1e-6, atol=1e-9,
)
