"""Exercise 12.5: one step of Deep Dream; the oracle goes by half the squared length of the activations."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab12_ascent import autograd
from course_utils.models.networks import small_cnn


def layers_of(seed: int, until: str) -> torch.nn.Module:
    """The first layers of a small network, up to the one that is named."""
    features = small_cnn(seed, channels=(5, 6), size=12, classes=3).features
    return features[: [name for name, _ in features.named_children()].index(until) + 1]


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([12, 5, seed])
    found = []
    for until, size, shape in (("conv1", 0.05, (2, 3, 8, 10)), ("relu2", 0.1, (3, 3, 12, 9)), ("conv2", 0.03, (2, 3, 9, 9))):
        layers = given(layers_of, seed=int(rng.integers(1 << 30)), until=until)
        found.append(Case((layers, torch.from_numpy(rng.random(shape)), size), f"{shape[0]} pictures of {shape[2]}×{shape[3]}, dreaming layer {until}"))
    return found


def by_half_square(layers, pictures, size):
    """The slope of half the squared length of the activations, picture by picture through torch.func."""
    def half_square(picture):
        return layers(picture[None]).square().sum() / 2

    slope = torch.stack([torch.func.grad(half_square)(picture) for picture in pictures]).numpy()
    length = np.mean(np.abs(slope), axis=(1, 2, 3), keepdims=True)
    return torch.from_numpy(np.clip(pictures.numpy() + size * slope / length, 0, 1))


def mean_absolute(slope):
    return slope.abs().mean(dim=(1, 2, 3), keepdim=True)


def wrong(reward=lambda a: a**2 / 2, scale=mean_absolute, sign=1, clip=True):
    """The right step with one thing changed."""
    def dream_step(layers, pictures, size):
        slope = autograd(lambda x: reward(layers(x)), pictures)
        moved = pictures + sign * size * slope / scale(slope)
        return moved.clamp(0, 1) if clip else moved
    return dream_step


def short_steps(args, answer):
    """Before clipping the mean change is `size`, so after it it is at most that; and the range holds."""
    moved = (answer - args[1]).abs().mean(dim=(1, 2, 3))
    return bool((moved <= args[2] * (1 + 1e-9)).all() and (answer >= 0).all() and (answer <= 1).all())


DREAM = Exercise(
    id="12.5", title="One step of Deep Dream", points=3, minutes=12, difficulty=2, function="dream_step",
    cases=cases, oracle=by_half_square,
    laws=(Law("step length", "The mean absolute change is at most `size`, and the picture stays in [0, 1].", short_steps),),
    hints=(
        "Read the four steps of the slide: the gradient that starts the way back is not ones. It is the activation.",
        "`torch.autograd.grad(a, x, grad_outputs=...)` starts the way back at a tensor a with the gradient that you give. Give it the "
        "activations, detached. Then scale each picture's slope by its own mean absolute value, add, clip.",
        "`slope = torch.autograd.grad(a, x, grad_outputs=a.detach())[0]`, and after it `x + size * slope / slope.abs().mean(dim=(1, 2, 3), keepdim=True)`",
    ),
    misconceptions=(
        Misconception("ones for activations", wrong(reward=lambda a: a),
                      "Your way back starts with ones, which is what `a.sum().backward()` does: silent and loud places then pull alike. Start it with the activations."),
        Misconception("squares for activations", wrong(reward=lambda a: a**3),
                      "Your way back starts with the squares of the activations. Start it with the activations themselves."),
        Misconception("absolute activations", wrong(reward=lambda a: a * a.abs()),
                      "Your way back starts with the absolute activations: negative ones are then pulled towards zero instead of away from it. Keep their sign."),
        Misconception("downhill", wrong(sign=-1), "Your step makes the activations fall. Add the slope."),
        Misconception("no scaling", wrong(scale=lambda slope: 1.0),
                      "Your step is as long as the slope happens to be. Divide by the mean absolute slope, so that `size` says how far a pixel moves on average."),
        Misconception("one scale for the batch", wrong(scale=lambda slope: slope.abs().mean()),
                      "You scale by the mean over the whole batch. Each picture has its own."),
        Misconception("root mean square for mean", wrong(scale=lambda slope: slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()),
                      "You divide by the root mean square, as in the step before. Here it is the mean absolute value, as in the published Deep Dream."),
        Misconception("largest slope for scale", wrong(scale=lambda slope: slope.abs().amax(dim=(1, 2, 3), keepdim=True)),
                      "You divide by the largest slope: one pixel then sets the length of the step. Divide by the mean absolute value."),
        Misconception("no clipping", wrong(clip=False), "The result leaves the range of pictures. Clip it to [0, 1] at the end."),
    ),
    rtol=1e-6, atol=1e-8,
)
