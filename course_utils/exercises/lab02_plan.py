"""Exercise 02.3: the generator from a plan of its transposed convolutions."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from course_utils.exercises.contract import Case, Exercise, Misconception

PLANS = (  # channels, kernel, stride, padding of each row
    (5, [[6, 3, 1, 0], [4, 4, 2, 1], [1, 4, 2, 1]]),
    (4, [[3, 4, 1, 0], [5, 3, 2, 1], [2, 4, 2, 1], [3, 4, 2, 1]]),
    (7, [[4, 2, 1, 0], [1, 4, 2, 1]]),
)


LOOSE = "layers that nobody has chained"


def plans(seed):
    rng = np.random.default_rng([2, 3, seed])
    cases = []
    for latent, plan in PLANS:
        plan = [[row[0] + int(rng.integers(0, 3)) if k < len(plan) - 1 else row[0], *row[1:]] for k, row in enumerate(plan)]
        cases.append(Case((latent + int(rng.integers(0, 3)), plan), f"{len(plan)} rows, {plan[-1][0]} channel(s) in the end"))
    return cases


def numbers(shapes, seed=0):
    """Fixed float64 values for tensors of these shapes, in order."""
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.normal(0, 0.5, tuple(shape))) for shape in shapes]


def asked(function, latent, plan):
    """The layers' names and the picture that the module makes with fixed weights from fixed latent numbers."""
    with torch.random.fork_rng(devices=[]):  # a layer's first weights come from the global generator: that is no fault
        module = function(latent, plan)
    if isinstance(module, (list, tuple, nn.ModuleList)):
        return LOOSE
    if not isinstance(module, nn.Module):
        return module
    module = module.double().train()
    with torch.no_grad():
        for parameter, values in zip(module.parameters(), numbers([parameter.shape for parameter in module.parameters()])):
            parameter.copy_(values)
        pictures = module(latent_numbers(latent))
    kinds = [type(layer).__name__ for layer in module.modules() if not list(layer.children())]
    return {"layers": kinds, "weights": [list(parameter.shape) for parameter in module.parameters()], "pictures": pictures}


def latent_numbers(latent):
    return numbers([(4, latent, 1, 1)], seed=1)[0]


def by_functions(latent, plan):
    """The same pictures without a module: torch's functions, one row of the plan after the other."""
    shapes, entrance = [], latent
    for number, (width, kernel, _, _) in enumerate(plan, start=1):
        shapes += [(entrance, width, kernel, kernel), (width,)] + ([] if number == len(plan) else [(width,)])
        entrance = width
    values, x, kinds = iter(numbers(shapes)), latent_numbers(latent), []
    for number, (_, _, stride, padding) in enumerate(plan, start=1):
        weight, vector = next(values), next(values)
        if number == len(plan):
            x = torch.sigmoid(functional.conv_transpose2d(x, weight, vector, stride, padding))
            kinds += ["ConvTranspose2d", "Sigmoid"]
        else:
            x = functional.conv_transpose2d(x, weight, None, stride, padding)
            x = functional.relu(functional.batch_norm(x, None, None, vector, next(values), training=True))
            kinds += ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    return {"layers": kinds, "weights": [list(shape) for shape in shapes], "pictures": x}


def built(latent, plan, *, layer=nn.ConvTranspose2d, norm=True, norm_last=False, bias=False, bias_last=True, end=nn.Sigmoid, middle=nn.ReLU,
          middle_last=False, middle_first=False, shared=None):
    """A generator with one thing wrong; what is wrong is said by the keyword."""
    layers, entrance = [], latent
    for number, (width, kernel, stride, padding) in enumerate(plan, start=1):
        last = number == len(plan)
        stride, padding = shared or (stride, padding)
        layers.append(layer(entrance, width, kernel, stride, padding, bias=bias or (last and bias_last)))
        between = [nn.BatchNorm2d(width)] if norm and (not last or norm_last) else []
        between += [middle()] if not last or middle_last else []
        layers += between[::-1] if middle_first else between
        if last and end is not None:
            layers.append(end())
        entrance = width
    return nn.Sequential(*layers)


def wrong(**what):
    return lambda latent, plan: built(latent, plan, **what)


def normal_convolutions(latent, plan):
    """Convolutions, padded so that a single pixel can pass: nothing grows."""
    layers, entrance = [], latent
    for width, *_ in plan:
        layers += [nn.Conv2d(entrance, width, 3, 1, 1), nn.ReLU()]
        entrance = width
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


BUILD_GENERATOR = Exercise(
    id="02.3", title="A generator from a plan of shapes", points=3, minutes=15, difficulty=2, function="build_generator",
    cases=plans, oracle=by_functions, call=asked,
    hints=(
        "One loop over the rows of the plan; what comes out of a row with so many channels goes into the next one.",
        "A list of layers: for each row a `nn.ConvTranspose2d`; after it batch norm and ReLU, but after the last row the sigmoid alone. "
        "In the end `nn.Sequential(*layers)`.",
        "`nn.ConvTranspose2d(entrance, channels, kernel, stride, padding, bias=last)`, with `last` true in the last row; then "
        "`entrance = channels`.",
    ),
    misconceptions=(
        Misconception("convolutions for transposed ones", normal_convolutions,
                      "These are normal convolutions: they keep or shrink the maps. A generator grows them: nn.ConvTranspose2d."),
        Misconception("batch norm on the pictures", wrong(norm_last=True),
                      "The last row is normalised too: every batch of pictures is then forced to one mean and one spread. No batch norm before "
                      "the sigmoid."),
        Misconception("no batch norm", wrong(norm=False), "Batch norm is missing after the transposed convolutions between first and last."),
        Misconception("biases before batch norm", wrong(bias=True),
                      "A bias before a batch norm does nothing, because the norm subtracts the mean: bias=False in every row but the last."),
        Misconception("ReLU before the sigmoid", wrong(middle_last=True),
                      "The ReLU before the sigmoid leaves no value below 0.5: the paper could never be black. The last row has the sigmoid alone."),
        Misconception("tanh for sigmoid", wrong(end=nn.Tanh), "Tanh goes from -1 to 1; the pictures of the course go from 0 to 1, so end with a sigmoid."),
        Misconception("no end", wrong(end=None), "The last layer has no sigmoid: nothing keeps the grey values between 0 and 1."),
        Misconception("LeakyReLU in the generator", wrong(middle=lambda: nn.LeakyReLU(0.2)),
                      "LeakyReLU belongs into the discriminator; DCGAN's generator has ReLU."),
        Misconception("same stride everywhere", wrong(shared=(2, 1)),
                      "Every row has stride 2 and padding 1 here: the first row has to grow one pixel to its kernel's size. Take stride and "
                      "padding from the plan."),
        Misconception("convolutions with the plan's geometry", wrong(layer=nn.Conv2d),
                      "A normal convolution shrinks, and its kernel does not even fit on the one pixel that comes in: what grows maps is "
                      "nn.ConvTranspose2d."),
        Misconception("no bias in the last row", wrong(bias_last=False),
                      "The last row has lost its bias: no batch norm follows it, so only its bias can set how dark the paper is."),
        Misconception("every row alike", wrong(norm_last=True, middle_last=True, bias_last=False),
                      "The last row has batch norm and ReLU like the others, and the sigmoid comes after them: there the sigmoid stands in their "
                      "place."),
        Misconception("ReLU before batch norm", wrong(middle_first=True),
                      "The ReLU comes before the batch norm here: DCGAN normalises what the transposed convolution returns, and cuts off below zero "
                      "after that."),
        Misconception("a list for a network", lambda latent, plan: list(built(latent, plan)),
                      "These are layers, but no network yet: nobody says that each takes what the one before returns. nn.Sequential(*layers) does."),
    ),
    rtol=1e-6, atol=1e-9,
)  # fmt: skip
