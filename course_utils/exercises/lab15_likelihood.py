"""Exercise 15.1: the Gaussian negative log-likelihood."""
from __future__ import annotations

import math

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

CONSTANT = 0.5 * math.log(2 * math.pi)


def predictions(seed):
    """Means, log sigmas of either sign, and targets, the first of them hit exactly."""
    rng = np.random.default_rng([15, 1, seed])
    cases = []
    for shape, about in (((7,), "seven points"), ((3, 5), "three networks, five points"), ((4, 1), "four networks, one point")):
        log_sigma, mean = rng.uniform(-2.5, 1.5, shape), rng.normal(0, 2, shape)
        y = mean + np.exp(log_sigma) * rng.normal(0, 1.5, shape)
        y.flat[0] = mean.flat[0]
        cases.append(Case(tuple(map(torch.from_numpy, (mean, log_sigma, y))), about))
    return cases


def by_torch(mean, log_sigma, y):
    return torch.nn.GaussianNLLLoss(full=True, reduction="none")(mean, y, torch.exp(2 * log_sigma))


def whole(log_part, square, constant=CONSTANT):
    """The loss from its log part and its square, both functions of (log_sigma, residual)."""
    return lambda mean, log_sigma, y: constant + log_part(log_sigma) + square(log_sigma, y - mean)


def same(log_sigma):
    return log_sigma


def half_square(log_sigma, residual):
    return 0.5 * (residual * torch.exp(-log_sigma)) ** 2


def least_at_the_mean(args, answer):
    mean, log_sigma, y = args
    floor = CONSTANT + log_sigma
    return bool((answer >= floor - 1e-9).all()) and torch.allclose(answer[y == mean], floor[y == mean])


GAUSSIAN_NLL = Exercise(
    id="15.1", title="The Gaussian likelihood as a loss", points=2, minutes=8, difficulty=1, function="gaussian_nll",
    cases=predictions, oracle=by_torch,
    laws=(Law("least at the mean", "At y = mean the loss is log(sigma) + log(2 pi)/2, and nowhere smaller.", least_at_the_mean),),
    hints=(
        "Write the density of a Gaussian, take its logarithm, turn the sign. Three terms remain.",
        "One term is a constant, one is log(sigma), one is half the square of the residual in units of sigma. sigma = exp(log_sigma).",
        "`0.5 * math.log(2 * math.pi) + log_sigma + 0.5 * ((y - mean) * torch.exp(-log_sigma)) ** 2`",
    ),
    misconceptions=(
        Misconception("log variance", whole(lambda s: s / 2, lambda s, r: 0.5 * r**2 * torch.exp(-s)),
                      "You read log_sigma as the logarithm of the variance. It is that of sigma: the variance is exp(2 · log_sigma)."),
        Misconception("sigma for variance", whole(same, lambda s, r: 0.5 * r**2 * torch.exp(-s)),
                      "You divide the squared residual by sigma; the Gaussian divides it by sigma squared."),
        Misconception("variance in the log term", whole(lambda s: 2 * s, half_square),
                      "The log term is log(sigma), or half the logarithm of the variance: yours is twice that."),
        Misconception("no constant", whole(same, half_square, constant=0.0),
                      "The constant log(2 pi)/2 is missing. It does not move the minimum, but without it the loss is no likelihood that "
                      "could be compared with that of another distribution."),
        Misconception("constant twice", whole(same, half_square, constant=2 * CONSTANT),
                      "Your constant is log(2 pi): the root in the density's denominator halves it."),
        Misconception("sigma in the log term", whole(torch.exp, half_square),
                      "You add sigma itself where its logarithm belongs, which is log_sigma as it was handed over."),
        Misconception("density", lambda mean, log_sigma, y: torch.exp(-by_torch(mean, log_sigma, y)),
                      "This is the density: its negative logarithm is asked for."),
        Misconception("no log term", whole(lambda s: 0.0, half_square),
                      "log(sigma) is missing: without it a network makes sigma as large as it can and pays for nothing."),
        Misconception("no half", whole(same, lambda s, r: 2 * half_square(s, r)),
                      "The factor 1/2 before the square is missing: the fitted sigma would be too large by a factor sqrt(2)."),
        Misconception("log-likelihood", lambda mean, log_sigma, y: -by_torch(mean, log_sigma, y),
                      "This is the log-likelihood. A loss is to be made small: turn the sign."),
        Misconception("times sigma", whole(same, lambda s, r: 0.5 * (r * torch.exp(s)) ** 2),
                      "You multiply the residual by sigma. It is divided by sigma: a residual counts less where the noise is large."),
        Misconception("no exp", whole(lambda s: torch.log(s.abs()), lambda s, r: 0.5 * (r / s) ** 2),
                      "You use log_sigma as if it were sigma; sigma is exp(log_sigma)."),
    ),
    rtol=1e-6, atol=1e-9,
)
