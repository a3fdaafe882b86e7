"""Exercise 13.3: what passes back through a ReLU, by three rules."""
from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab10_guided import SLIDE_BACKWARD, SLIDE_FORWARD

RULE_NAMES = ("backward", "deconvnet", "guided")


def tables(seed):
    """The slide's numbers in another order, and maps with zeros in both tables."""
    rng = np.random.default_rng([13, 3, seed])
    order = rng.permutation(16)
    slide = [torch.from_numpy(table.ravel()[order].reshape(4, 4)) for table in (SLIDE_FORWARD, SLIDE_BACKWARD)]
    maps = [torch.from_numpy(rng.integers(-3, 4, size=(2, 3, 4, 5)).astype(float)) for _ in range(2)]
    said = (("the slide's numbers in another order", slide), ("two pictures of three maps, zeros among them", maps))
    return [Case((*tensors, rule), f"{about}, rule {rule!r}") for about, tensors in said for rule in RULE_NAMES]


class Weighed(nn.Module):
    """A ReLU whose outputs are weighed by what arrives, so that their sum's slope passes back through it."""

    def __init__(self, arriving: torch.Tensor) -> None:
        super().__init__()
        self.relu, self.arriving = nn.ReLU(), arriving

    def forward(self, entered: torch.Tensor) -> torch.Tensor:
        return (self.relu(entered) * self.arriving).flatten(1).sum(dim=1)


def by_captum(entered, arriving, rule):
    from captum.attr import Deconvolution, GuidedBackprop, Saliency

    method = {"backward": Saliency, "deconvnet": Deconvolution, "guided": GuidedBackprop}[rule]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        options = {"abs": False} if rule == "backward" else {}
        return method(Weighed(arriving)).attribute(entered.clone().requires_grad_(), **options).detach()


def variant(**ways):
    """The right rules but for the ones that are named."""
    right = {"backward": lambda z, g: g * (z > 0), "deconvnet": lambda z, g: g.clamp(min=0),
             "guided": lambda z, g: g.clamp(min=0) * (z > 0)} | ways

    def pass_back(entered, arriving, rule):
        return right[rule](entered, arriving)
    return pass_back


RULES = Exercise(
    id="13.3", title="Three ways back through a ReLU", points=2, minutes=10, difficulty=1, function="pass_back",
    cases=tables, oracle=by_captum,
    laws=(
        Law("nothing new", "A rule lets an entry pass as it is, or stops it: every entry is 0 or what arrived.",
            lambda args, answer: bool(((answer == 0) | (answer == args[1])).all())),
        Law("no negatives", "Neither deconvnet nor guided lets anything negative pass.",
            lambda args, answer: args[2] == "backward" or bool((answer >= 0).all())),
    ),
    hints=(
        "Two masks are all you need: where was the ReLU on (`entered > 0`), and where is what arrives positive (`arriving > 0`)?",
        "\"backward\" uses the first mask, \"deconvnet\" the second, \"guided\" both. What passes is `arriving`, never `entered`.",
        "`keep = {\"backward\": on, \"deconvnet\": positive, \"guided\": on & positive}[rule]`, then `arriving * keep`.",
    ),
    misconceptions=(
        Misconception("rules swapped", variant(backward=lambda z, g: g.clamp(min=0), deconvnet=lambda z, g: g * (z > 0)),
                      "\"backward\" and \"deconvnet\" are exchanged: the gradient asks whether the ReLU was on, the deconvnet whether what "
                      "arrives is positive."),
        Misconception("deconvnet like guided", variant(deconvnet=lambda z, g: g.clamp(min=0) * (z > 0)),
                      "Your deconvnet also looks at what entered. It does not: it applies a ReLU to what arrives, and knows nothing of the way forward."),
        Misconception("guided like deconvnet", variant(guided=lambda z, g: g.clamp(min=0)),
                      "Your guided rule only asks whether what arrives is positive; it also asks whether the ReLU was on."),
        Misconception("guided like backward", variant(guided=lambda z, g: g * (z > 0)),
                      "Your guided rule only asks whether the ReLU was on; it also stops what arrives negative."),
        Misconception("the input passes", variant(backward=lambda z, g: z * (z > 0), deconvnet=lambda z, g: z * (g > 0),
                                                  guided=lambda z, g: z * ((z > 0) & (g > 0))),
                      "You let pass what entered on the way forward. On the way back it is `arriving` that passes; `entered` only gives a mask."),
        Misconception("product of both", variant(backward=lambda z, g: z.clamp(min=0) * g, guided=lambda z, g: z.clamp(min=0) * g.clamp(min=0)),
                      "You multiply by the activation; the mask is 0 or 1."),
        Misconception("the mask itself", variant(backward=lambda z, g: (z > 0).to(g.dtype), deconvnet=lambda z, g: (g > 0).to(g.dtype),
                                                 guided=lambda z, g: ((z > 0) & (g > 0)).to(g.dtype)),
                      "You return the mask; multiply `arriving` by it."),
        Misconception("always guided", variant(backward=lambda z, g: g.clamp(min=0) * (z > 0), deconvnet=lambda z, g: g.clamp(min=0) * (z > 0)),
                      "You ask both questions whatever `rule` says; only \"guided\" asks both."),
        Misconception("deconvnet and guided swapped", variant(deconvnet=lambda z, g: g.clamp(min=0) * (z > 0), guided=lambda z, g: g.clamp(min=0)),
                      "\"deconvnet\" and \"guided\" are exchanged: the deconvnet asks one question, guided backprop both."),
        Misconception("zero counts as on", variant(backward=lambda z, g: g * (z >= 0), guided=lambda z, g: g.clamp(min=0) * (z >= 0)),
                      "Where exactly 0 entered, the ReLU is off: `entered > 0`. The slide's mask has a 0 there, too."),
        Misconception("guided by either", variant(guided=lambda z, g: g * ((z > 0) | (g > 0))),
                      "Guided backprop asks for both, not for one of the two: `&`, not `|`."),
    ),
)
