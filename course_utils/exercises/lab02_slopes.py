"""Exercise 02.6: the slope that each generator loss passes back."""
from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def rows(seed):
    rng = np.random.default_rng([2, 6, seed])
    return [
        Case((rng.normal(0, 2, 8),), "logits around zero"),
        Case((rng.normal(-30, 3, 6),), "a discriminator that is sure of the fakes"),
        Case((rng.normal(60, 5, 5),), "a discriminator that believes the fakes"),
    ]


def by_autograd(logits):
    """Autograd through torch's logsigmoid, whose slope is right for large logits too."""
    answers = []
    for loss in (lambda a: functional.logsigmoid(-a), lambda a: -functional.logsigmoid(a)):
        a = torch.from_numpy(logits).requires_grad_()
        answers.append(torch.autograd.grad(loss(a).sum() / 2, a)[0].numpy())
    return tuple(answers)


def sigma(a):
    from scipy.special import expit

    return expit(a)


def their_difference(args, answer):
    """minimax + non-saturating = -1/2: what one loses the other has."""
    return bool(np.allclose(answer[0] + answer[1], -0.5, atol=1e-12))


def rounded(a):
    d = sigma(a)
    return -d / 2, -(1 - d) / 2


def of_probability(a):
    d = sigma(a)
    with np.errstate(divide="ignore"):
        return -0.5 / (1 - d), -0.5 / d


def turned(a):
    minimax, other = -sigma(a) / 2, -sigma(-a) / 2
    return -minimax, -other


SLOPES = Exercise(
    id="02.6", title="The slope that reaches the generator", points=2, minutes=10, difficulty=2, function="logit_slopes",
    cases=rows, oracle=by_autograd,
    laws=(Law("the slopes share one half", "The two slopes add up to minus one half, whatever the logit.", their_difference),),
    hints=(
        "Differentiate log(1 - D) and -log D by the logit a, with D = σ(a). The derivative of the sigmoid is σ(a) σ(-a).",
        "d/da log(1 - σ(a)) = -σ(a): the 1/(1 - D) of the logarithm and a factor of the sigmoid's slope cancel. The other goes alike. Half of each.",
        "`-expit(logits) / 2` is the first, and the second has -logits in place of logits; `from scipy.special import expit` is the sigmoid.",
    ),
    misconceptions=(
        Misconception("slope in the probability", of_probability,
                      "This is the slope in D, not in the logit. By itself log(1 - D) is steep enough; it is the sigmoid on the way that "
                      "flattens it. Multiply by σ(a) σ(-a)."),
        Misconception("one minus a rounded sigmoid", rounded,
                      "1 - σ(a) is rounded to zero where the logit is large, and the slope with it. Write it as σ(-a)."),
        Misconception("signs turned", turned, "The signs are turned: both losses fall when the logit rises, so both slopes are negative."),
        Misconception("other order", lambda a: (-sigma(-a) / 2, -sigma(a) / 2),
                      "The two are in the wrong order: the minimax slope is the one that vanishes where the discriminator is sure of the fakes."),
        Misconception("without the half", lambda a: (-sigma(a), -sigma(-a)), "Both are twice too large: the losses carry a factor of one half."),
        Misconception("second sign lost", lambda a: (-sigma(a) / 2, sigma(-a) / 2),
                      "The first slope is right, the second has lost its sign: -log D falls as well when the logit rises."),
        Misconception("mean over the batch", lambda a: (-sigma(a) / 2 / len(a), -sigma(-a) / 2 / len(a)),
                      "You divide by the number of samples: asked is the slope of each sample's own loss."),
    ),
    rtol=1e-9, atol=0.0,
)  # fmt: skip
