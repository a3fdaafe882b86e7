"""Exercise 03.8: the gradient penalty of a Wasserstein critic."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given


class SmoothCritic(torch.nn.Module):
    """Critics (runs, n, d) -> (runs, n, 1) in float64: f(x) = gain * v·tanh(W x) for each run."""

    def __init__(self, W, v):
        super().__init__()
        self.W, self.v = torch.nn.Parameter(W), torch.nn.Parameter(v)

    def forward(self, x):
        return torch.tanh(x @ self.W) @ self.v


def smooth_critic(seed: int, runs: int, inputs: int, units: int, gain: float) -> torch.nn.Module:
    """Critics by seed, whose slopes are about `gain` long."""
    rng = np.random.default_rng([3, 8, 1, seed])
    W = rng.normal(size=(runs, inputs, units)) / np.sqrt(inputs)
    v = gain * rng.normal(size=(runs, units, 1)) / np.sqrt(units)
    return SmoothCritic(torch.from_numpy(W), torch.from_numpy(v))


def critics(seed):
    rng = np.random.default_rng([3, 8, seed])
    cases = []
    for runs, n, inputs, units, gain in ((2, 5, 2, 6, 0.6), (3, 4, 3, 5, 2.0), (2, 6, 2, 8, 4.0)):
        real, fake = rng.normal(size=(2, runs, n, inputs)) + np.array([-0.5, 0.5])[:, None, None, None]
        mix = rng.random((runs, n, 1)) * 0.8
        critic = given(smooth_critic, seed=int(rng.integers(1 << 30)), runs=runs, inputs=inputs, units=units, gain=gain)
        cases.append(Case((critic, torch.from_numpy(real), torch.from_numpy(fake), torch.from_numpy(mix)),
                          f"{runs} critics of {inputs} inputs with slopes of about {gain}, {n} samples"))
    return cases


def with_slopes_of_weights(function, critic, real, fake, mix):
    """The penalties, and their slopes in the critics' weights, which training needs."""
    penalty = function(critic, real, fake, mix)
    if not isinstance(penalty, torch.Tensor) or not penalty.requires_grad:
        return penalty, torch.zeros(critic.W.shape, dtype=torch.float64)
    slope = torch.autograd.grad(penalty.sum(), critic.W, allow_unused=True)[0]
    return penalty.detach(), torch.zeros_like(critic.W) if slope is None else slope


def by_closed_form(critic, real, fake, mix):
    """Slope of v·tanh(W x) written out: W (v * (1 - tanh²)); its own slope in W by autograd."""
    x = fake + mix * (real - fake)
    slopes = (1 - torch.tanh(x @ critic.W) ** 2) * critic.v.transpose(1, 2) @ critic.W.transpose(1, 2)
    penalty = ((slopes.square().sum(-1).sqrt() - 1) ** 2).mean(1)
    return penalty.detach(), torch.autograd.grad(penalty.sum(), critic.W)[0]


def penalised(where=lambda real, fake, mix: mix * real + (1 - mix) * fake, graph=True,
              size=lambda slopes: (slopes.norm(dim=2) - 1) ** 2, total=lambda rows: rows.mean(dim=1), of=torch.sum):
    """The right answer with one thing changed."""
    def gradient_penalty(critic, real, fake, mix):
        x = where(real, fake, mix).detach().requires_grad_()
        return total(size(torch.autograd.grad(of(critic(x)), x, create_graph=graph)[0]))
    return gradient_penalty


PENALTY = Exercise(
    id="03.8", title="The gradient penalty", points=3, minutes=15, difficulty=3, function="gradient_penalty",
    cases=critics, oracle=by_closed_form, call=with_slopes_of_weights,
    laws=(Law("never negative", "A mean of squares is never negative.", lambda args, answer: bool((answer[0] >= 0).all())),),
    hints=(
        "Mix first, then record, then differentiate: the mixed points are the variable here, neither real nor fake samples.",
        "`x = (mix * real + (1 - mix) * fake).detach().requires_grad_()`; the slope of `critic(x).sum()` in x has one row for each point. Its length "
        "is the norm over the last axis.",
        "`torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]`: without `create_graph` the penalty cannot teach the critic anything.",
    ),
    misconceptions=(
        Misconception("no graph", penalised(graph=False),
                      "Your penalty has the right value and no gradient: pass `create_graph=True` to `torch.autograd.grad`, or the critic's weights "
                      "never hear of it."),
        Misconception("mixed the other way", penalised(where=lambda real, fake, mix: mix * fake + (1 - mix) * real),
                      "Real and fake are swapped: the docstring has mix as the share of the *real* sample."),
        Misconception("real samples only", penalised(where=lambda real, fake, mix: real),
                      "You take the slope at the real samples; the penalty of WGAN-GP stands at points between real and fake."),
        Misconception("squared length", penalised(size=lambda slopes: (slopes.square().sum(dim=2) - 1) ** 2),
                      "You compare the *squared* length with 1: take the root first."),
        Misconception("each coordinate to one", penalised(size=lambda slopes: ((slopes - 1) ** 2).sum(dim=2)),
                      "You pull each coordinate of the slope to 1: it is the length of the whole vector that should be 1."),
        Misconception("absolute for square", penalised(size=lambda slopes: (slopes.norm(dim=2) - 1).abs()),
                      "You take the absolute deviation from 1; the penalty takes its square."),
        Misconception("mean of the scores", penalised(of=lambda score: score.mean()),
                      "You differentiate the mean of the scores, which makes each slope smaller by their number: differentiate the sum."),
        Misconception("length to zero", penalised(size=lambda slopes: slopes.square().sum(dim=2)),
                      "You pull the slope towards length 0; a Wasserstein critic should have slopes of length 1."),
        Misconception("one side only", penalised(size=lambda slopes: (slopes.norm(dim=2) - 1).clamp_min(0) ** 2),
                      "You punish only slopes longer than 1; the penalty here is two-sided, as in the paper's equation 3."),
        Misconception("one length for the batch", penalised(size=lambda slopes: (slopes.norm(dim=(1, 2)) - 1) ** 2, total=lambda rows: rows),
                      "You take one length over the whole batch: each point has a slope of its own, so the norm runs over the last axis only."),
        Misconception("sum over the points", penalised(total=lambda rows: rows.sum(dim=1)),
                      "You add over the points; the loss takes their mean."),
    ),
    rtol=1e-6, atol=1e-9,
)
