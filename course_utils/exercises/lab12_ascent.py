"""Exercise 12.2: one step uphill with regularisers; the objective has a slope in closed form."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab12_variation import by_convolution, over_pixels, variant


@dataclass(frozen=True)
class Bowl:
    """An objective whose slope is known: sum of a x - b x² / 2 over the pixels of each picture."""

    a: torch.Tensor
    b: torch.Tensor

    def __call__(self, pictures):
        return over_pixels(self.a * pictures - self.b * pictures**2 / 2)

    def slope(self, pictures):
        return self.a - self.b * pictures


def bowl(seed: int, shape: list[int]) -> Bowl:
    """A `Bowl` for pictures of this shape (n, 3, height, width), other coefficients for every picture."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(1, 4, size=(shape[0], 1, 1, 1))
    return Bowl(torch.from_numpy(size * rng.normal(size=shape)), torch.from_numpy(size * rng.uniform(0.5, 1.5, size=shape)))


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([12, 2, seed])
    settings = (((3, 3, 6, 5), 0.05, 0.0, 0.0), ((2, 3, 5, 7), 0.1, 2.0, 0.0), ((2, 3, 6, 6), 0.1, 0.0, 1.5), ((2, 3, 7, 5), 0.08, 1.0, 0.7))
    found = []
    for shape, size, l2, tv in settings:
        pictures = torch.from_numpy(rng.random(shape))
        objective = given(bowl, seed=int(rng.integers(1 << 30)), shape=list(shape))
        start = torch.from_numpy(rng.random((1 if tv else shape[0], *shape[1:])))
        found.append(Case((pictures, start, objective, size, l2, tv), f"{shape[0]} pictures, step {size:g}, l2 {l2:g}, tv {tv:g}"))
    return found


def in_closed_form(pictures, start, objective, size, l2=0.0, tv=0.0):
    """Slopes by formula: of the bowl, of the square, of the total variation as a divergence."""
    slope = objective.slope(pictures) - 2 * l2 * (pictures - start) - tv * by_convolution(pictures - start)[2]
    rms = np.sqrt(np.mean(slope.numpy() ** 2, axis=(1, 2, 3), keepdims=True))
    return torch.from_numpy(np.clip(pictures.numpy() + size * slope.numpy() / rms, 0, 1))


def autograd(function, pictures):
    x = pictures.detach().clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


def rms_of(slope):
    return slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


exact, absolute = (lambda x: variant()(x)[0]), (lambda x: variant()(x)[1])


def wrong(sign=1, penalty=-1, from_start=(1, 1), variation=exact, square=lambda d: over_pixels(d**2), scale=rms_of, clip=True, apart=False):
    """The right step with one thing changed."""
    def ascent_step(pictures, start, objective, size, l2=0.0, tv=0.0):
        reward = autograd(objective, pictures)
        cost = autograd(lambda x: l2 * square(x - from_start[0] * start) + tv * variation(x - from_start[1] * start), pictures)
        slope = reward / scale(reward) + penalty * cost if apart else (reward + penalty * cost) / scale(reward + penalty * cost)
        moved = pictures + sign * size * slope
        return moved.clamp(0, 1) if clip else moved
    return ascent_step


def stays_in_range(args, answer):
    return bool((answer >= 0).all() and (answer <= 1).all())


ASCENT = Exercise(
    id="12.2", title="One step uphill, with regularisers", points=3, minutes=15, difficulty=2, function="ascent_step",
    cases=cases, oracle=in_closed_form,
    laws=(Law("range", "A picture has values from 0 to 1, also after a step.", stays_in_range),),
    hints=(
        "Write down the number L that is to grow, with its two penalties, as one line of tensors. Everything after it is one gradient.",
        "A copy of the pictures that requires a gradient; L of each picture, (n,); the gradient of L's sum; divide each picture's gradient by its own "
        "root mean square; add `size` times that; clip.",
        "`L = objective(x) - l2 * ((x - start) ** 2).sum(dim=(1, 2, 3)) - tv * total_variation(x - start)[0]`, and after the gradient "
        "`slope / slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()`",
    ),
    misconceptions=(
        Misconception("downhill", wrong(sign=-1),
                      "Your step goes downhill: this is how weights are trained on a loss. Here a score is to grow, so add the slope."),
        Misconception("penalty added", wrong(penalty=1),
                      "You add the penalties, as the plus sign in the notes suggests: the ascent then looks for a large variation. Subtract them."),
        Misconception("no scaling", wrong(scale=lambda slope: 1.0),
                      "Your step is as long as the slope happens to be, so `size` means another thing for every network. Divide by the slope's root mean square."),
        Misconception("one scale for the batch", wrong(scale=lambda slope: slope.square().mean().sqrt()),
                      "You scale by the root mean square of the whole batch: a picture's step then depends on its neighbours. Each picture has its own scale."),
        Misconception("length for root mean square", wrong(scale=lambda slope: slope.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()),
                      "You divide by the length of the slope: the step then shrinks as pictures get larger. Divide by the root of the *mean* square."),
        Misconception("largest slope for scale", wrong(scale=lambda slope: slope.abs().amax(dim=(1, 2, 3), keepdim=True)),
                      "You divide by the largest slope: a single pixel then sets the length of the step. Divide by the root mean square."),
        Misconception("no clipping", wrong(clip=False),
                      "The result leaves the range of pictures. Clip it to [0, 1] at the end."),
        Misconception("L2 of the picture", wrong(from_start=(0, 1)),
                      "Your L2 penalty is that of the picture: it pulls towards black. Take the squared distance to `start`."),
        Misconception("variation of the picture", wrong(from_start=(1, 0)),
                      "Your total variation is that of the picture: it would smooth what was there at the start as well. Take that of the change, pictures - start."),
        Misconception("both penalties of the picture", wrong(from_start=(0, 0)),
                      "Both of your penalties are those of the picture: take them of the change, pictures - start."),
        Misconception("penalties left out", wrong(penalty=0),
                      "Your step climbs the objective alone: subtract the two penalties from it before you take the slope."),
        Misconception("total variation added", wrong(variation=lambda d: -exact(d)),
                      "Your L2 penalty is subtracted, but your total variation is added: subtract both."),
        Misconception("mean absolute for root mean square", wrong(scale=lambda slope: slope.abs().mean(dim=(1, 2, 3), keepdim=True)),
                      "You divide by the mean absolute slope: divide by the root of the mean square."),
        Misconception("absolute total variation", wrong(variation=absolute),
                      "You use the second of the two totals. The first one, exact, is asked for: it does not favour edges along rows and columns."),
        Misconception("distance for its square", wrong(square=lambda d: (over_pixels(d**2) + 1e-12).sqrt()),
                      "Your L2 penalty is the distance to the start. Use its square, the sum of (x - start)²."),
        Misconception("mean for sum in L2", wrong(square=lambda d: (d**2).mean(dim=(1, 2, 3))),
                      "Your L2 penalty is a mean over the pixels. Sum, as in the total variation, or the two strengths cannot be compared."),
        Misconception("objective scaled alone", wrong(apart=True),
                      "You scale the objective's slope and put the penalties on top afterwards. Scale the slope of the whole sum L."),
    ),
    rtol=1e-6, atol=1e-8,
)
