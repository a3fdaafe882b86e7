"""Exercise 09.5: the rescale rule of DeepLIFT at one nonlinearity."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab09_networks import slope

DERIVATIVES = {
    "relu": lambda x: float(x > 0),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid": lambda x: 1 / (2 + np.exp(-x) + np.exp(x)),
}


class Activation:
    """One of torch's activations, by name; a plain function to whoever calls it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        return getattr(torch, self.name)(values)


def activation(name: str) -> Activation:
    """An activation that travels by its name: "relu", "tanh" or "sigmoid"."""
    return Activation(name)


def cases(seed):
    rng = np.random.default_rng([9, 5, seed])
    made = []
    for name, shape in (("relu", (2, 9)), ("tanh", (3, 4)), ("sigmoid", (2, 2, 3))):
        # away from zero, where the slope of ReLU is a matter of convention
        inputs, references = (rng.choice([-1, 1], size=shape) * rng.uniform(0.2, 3, size=shape) for _ in range(2))
        flat, start = inputs.reshape(-1), references.reshape(-1)
        flat[:4] = np.abs(flat[:4]) * [1, -1, 1, -1]
        start[:2] = flat[:2]                                   # nothing changes: one of either sign
        start[2:4] = np.abs(start[2:4]) * [-1, 1]              # crosses zero, upwards and downwards
        made.append(Case((given(activation, name=name), torch.from_numpy(inputs), torch.from_numpy(references)),
                         f"{name}, some inputs equal to their references"))
    return made


def mean_slope(function, inputs, references):
    """Mean of the derivative between reference and input, by adaptive quadrature."""
    from scipy.integrate import quad

    derivative = DERIVATIVES[function.name]

    def one(x, start):
        kink = -start / (x - start) if x * start < 0 else None
        return quad(lambda t: derivative(start + t * (x - start)), 0, 1, points=None if kink is None else [kink])[0]

    return torch.from_numpy(np.vectorize(one)(inputs.numpy(), references.numpy()))


def rise(function, inputs, references):
    return function(inputs) - function(references)


def guarded(function, inputs, references, where_equal):
    same = inputs == references
    return torch.where(same, where_equal, rise(function, inputs, references) / torch.where(same, 1.0, inputs - references))


def gradient_at_input(function, inputs, references):
    return slope(function, inputs)


def gradient_at_reference(function, inputs, references):
    return slope(function, references)


def mean_of_both(function, inputs, references):
    return (slope(function, inputs) + slope(function, references)) / 2


def unguarded(function, inputs, references):
    return rise(function, inputs, references) / (inputs - references)


def zero_where_equal(function, inputs, references):
    return guarded(function, inputs, references, torch.tensor(0.0, dtype=inputs.dtype))


def one_where_equal(function, inputs, references):
    return guarded(function, inputs, references, torch.tensor(1.0, dtype=inputs.dtype))


def step_where_equal(function, inputs, references):
    return guarded(function, inputs, references, (inputs > 0).to(inputs.dtype))


def of_values(function, inputs, references):
    return function(inputs) / inputs


def contribution(function, inputs, references):
    return rise(function, inputs, references)


def inverted(function, inputs, references):
    return (inputs - references) / rise(function, inputs, references)


def carries_the_change(args, answer):
    function, inputs, references = args
    return torch.allclose(answer * (inputs - references), rise(function, inputs, references), atol=1e-7)


RESCALE = Exercise(
    id="09.5", title="The rescale rule", points=2, minutes=8, difficulty=2, function="rescale",
    cases=cases, oracle=mean_slope,
    laws=(Law("summation to delta", "Multiplier times the change of the input has to be the change of the output, in every unit.",
              carries_the_change),),
    hints=(
        "Compute the slide's example with your function: reference 2, input -2, ReLU. Then ask it about an input that equals its reference.",
        "Change of the output divided by change of the input. Where the input does not change, that is 0/0, and its limit is the ordinary "
        "derivative: you need both, and `torch.where` to choose between them.",
        "`torch.where` evaluates both sides: put a 1 in place of each zero before you divide, or NaN gets in. The derivative of an elementwise "
        "function comes from `torch.autograd.grad(activation(x).sum(), x)`.",
    ),
    misconceptions=(
        Misconception("gradient at the input", gradient_at_input,
                      "This is the infinitesimal slope at the input, which saturation makes zero. Take the finite one, between reference and input."),
        Misconception("gradient at the reference", gradient_at_reference,
                      "This is the slope at the reference. Take the finite one, between reference and input."),
        Misconception("mean of two gradients", mean_of_both,
                      "The mean of the slopes at both ends is not the slope from end to end: for ReLU it would be 1/2 wherever zero is crossed."),
        Misconception("division by zero", unguarded,
                      "Where an input equals its reference you divide 0 by 0 and get NaN, which then spreads to every pixel. There the derivative is "
                      "the limit."),
        Misconception("zero where nothing changes", zero_where_equal,
                      "Where an input equals its reference you return 0 (a small number added to the divisor does that too). The limit is the "
                      "derivative at that point."),
        Misconception("one where nothing changes", one_where_equal,
                      "Where an input equals its reference you return 1. The limit is the derivative at that point: 0 for a ReLU that is off."),
        Misconception("ReLU's derivative for all", step_where_equal,
                      "Where an input equals its reference you return ReLU's derivative, whatever the activation. Ask autograd for the derivative of "
                      "the one that is given."),
        Misconception("values for differences", of_values,
                      "You divide the value of the output by that of the input. DeepLIFT speaks of differences from the reference, in both places."),
        Misconception("contribution for multiplier", contribution,
                      "This is the change of the output, the contribution. The multiplier is that change for each unit of change of the input."),
        Misconception("upside down", inverted, "Your fraction is upside down: change of the output over change of the input."),
    ),
    rtol=1e-5, atol=1e-7,
)
