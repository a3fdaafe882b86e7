"""Exercise 09.6: DeepLIFT through a whole network."""
from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab09_networks import listed, other_labels, sequences


def cases(seed):
    rng = np.random.default_rng([9, 6, seed])
    weights = [int(w) for w in rng.integers(1 << 30, size=3)]
    table, reads = torch.from_numpy(rng.normal(size=(5, 6))), sequences(rng, 3, 12)
    background = sequences(rng, 3, 12)
    background[:, :, :6] = reads[:, :, :6]     # the first half says nothing
    pictures = torch.from_numpy(rng.random((2, 3, 8, 8)))
    return [
        Case((given(listed, kind="dense", seed=weights[0]), table, other_labels(rng, 5, 3), torch.from_numpy(rng.normal(size=(5, 6)))),
             "5 inputs of 6 numbers, dense layers"),
        Case((given(listed, kind="sequence", seed=weights[1]), reads, other_labels(rng, 3, 2), background),
             "3 sequences, convolution and dense layers, half of each equal to its reference"),
        Case((given(listed, kind="picture", seed=weights[2]), pictures, other_labels(rng, 2, 3), torch.from_numpy(rng.random((2, 3, 8, 8)))),
             "2 pictures, convolutions and max pooling"),
    ]


class TimesOne(nn.Module):
    """Does nothing, in a new tensor: Captum's hooks need one between a ReLU and a max pooling."""

    def forward(self, x):
        return x * 1.0


def is_pooling(layer):
    return isinstance(layer, nn.MaxPool1d | nn.MaxPool2d)


def captum_deeplift(layers, inputs, labels, references):
    from captum.attr import DeepLift

    apart = [part for layer in layers for part in ((TimesOne(), layer) if is_pooling(layer) else (layer,))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DeepLift(nn.Sequential(*apart)).attribute(inputs, references, target=labels).detach()


def rescaled(x, start):
    same = x == start
    return torch.where(same, (x > 0).to(x.dtype), (x.relu() - start.relu()) / torch.where(same, 1.0, x - start))


def through(layer, x, multipliers):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(layer(x), x, multipliers)[0]


def pooled(layer, x, start, multipliers):
    setting = {"kernel_size": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    (y, at), (y_start, at_start) = (F.max_pool2d(values, **setting, return_indices=True) for values in (x, start))
    top = torch.maximum(y, y_start)
    given_to = (F.max_unpool2d(multipliers * (top - y_start), at, **setting, output_size=x.shape)
                + F.max_unpool2d(multipliers * (y - top), at_start, **setting, output_size=x.shape))
    same = x == start
    return torch.where(same, 0.0, given_to / torch.where(same, 1.0, x - start))


def backwards(layers, inputs, labels, references, relu=None, pooling=pooled, every_class=False, of_change=False):
    """Multipliers of the inputs; `relu(x, start)` gives those of a ReLU."""
    relu = relu or rescaled
    xs, starts = [inputs], [references]
    for layer in layers:
        xs.append(layer(xs[-1]))
        starts.append(layer(starts[-1]))
    scores = xs.pop()
    multipliers = torch.ones_like(scores) if every_class else F.one_hot(labels, scores.shape[1]).to(scores.dtype)
    if of_change:
        multipliers = multipliers * (scores - starts[-1])
    for layer, x, start in zip(reversed(layers), reversed(xs), reversed(starts[:-1])):
        if isinstance(layer, nn.ReLU):
            multipliers = multipliers * relu(x, start)
        elif is_pooling(layer):
            multipliers = pooling(layer, x, start, multipliers)
        else:
            multipliers = through(layer, x, multipliers)
    return multipliers


def gradient_times_difference(layers, inputs, labels, references):
    scores = nn.Sequential(*layers)
    return through(lambda x: scores(x)[torch.arange(len(labels)), labels].sum(), inputs, torch.tensor(1.0, dtype=inputs.dtype)) * (
        inputs - references)


def multipliers_only(layers, inputs, labels, references):
    return backwards(layers, inputs, labels, references)


def times_input(layers, inputs, labels, references):
    return inputs * backwards(layers, inputs, labels, references)


def all_classes(layers, inputs, labels, references):
    return (inputs - references) * backwards(layers, inputs, labels, references, every_class=True)


def from_change(layers, inputs, labels, references):
    return (inputs - references) * backwards(layers, inputs, labels, references, of_change=True)


def against_zero(layers, inputs, labels, references):
    zero = torch.zeros_like(inputs)
    return (inputs - zero) * backwards(layers, inputs, labels, zero)


def relu_passes(layers, inputs, labels, references):
    return (inputs - references) * backwards(layers, inputs, labels, references, relu=lambda x, start: torch.ones_like(x))


def contributions_chained(layers, inputs, labels, references):
    return (inputs - references) * backwards(layers, inputs, labels, references, relu=lambda x, start: x.relu() - start.relu())


def pooling_as_gradient(layers, inputs, labels, references):
    by_gradient = lambda layer, x, start, multipliers: through(layer, x, multipliers)
    return (inputs - references) * backwards(layers, inputs, labels, references, pooling=by_gradient)


def completeness(args, answer):
    layers, inputs, labels, references = args
    model, rows = nn.Sequential(*layers), torch.arange(len(labels))
    return torch.allclose(answer.flatten(1).sum(dim=1), (model(inputs) - model(references))[rows, labels], atol=1e-8)


DEEPLIFT = Exercise(
    id="09.6", title="DeepLIFT through a network", points=3, minutes=14, difficulty=3, function="deeplift",
    cases=cases, oracle=captum_deeplift,
    laws=(Law("summation to delta", "The contributions of one input add up to S(x) - S(x'), exactly, whatever the network.", completeness),),
    hints=(
        "Two passes forward, one with the inputs and one with the references; keep what enters each layer. Then one pass backward that carries "
        "multipliers from the scores to the inputs. What is the multiplier of a score for itself?",
        "Backward, three kinds of layers: a ReLU multiplies by its rescale factors; a max pooling goes through `through_max_pooling`; every other "
        "layer is linear, so its multipliers are its gradient, the same wherever you ask for it. At the end: multipliers times differences.",
        "Start with `F.one_hot(labels, classes)` in the inputs' dtype. A linear layer: `torch.autograd.grad(layer(x), x, multipliers)[0]` with an x "
        "that requires a gradient.",
    ),
    misconceptions=(
        Misconception("gradient times difference", gradient_times_difference,
                      "Every ReLU passes its gradient at the input: this is gradient × difference, not DeepLIFT. A ReLU multiplies by the finite slope "
                      "between reference and input, `rescale`."),
        Misconception("multipliers only", multipliers_only,
                      "These are the multipliers. The contribution of an input is its multiplier times its difference from the reference."),
        Misconception("times the input", times_input,
                      "The last factor is the difference from the reference, x - x', not x."),
        Misconception("all classes", all_classes,
                      "You start with a 1 for every class and explain the sum of all scores. Start with a 1 for the class of the label."),
        Misconception("start with the change of the score", from_change,
                      "You start with the change of the score in place of 1. That change comes out by itself when multipliers meet the differences: "
                      "the multiplier of the score for itself is 1."),
        Misconception("reference ignored", against_zero,
                      "Your answer is for a reference of zeros, whatever was given."),
        Misconception("ReLU passes all", relu_passes,
                      "You take the difference of what enters the ReLU for the difference of what leaves it: the multiplier of a ReLU is 1 only where "
                      "both are positive."),
        Misconception("contributions chained", contributions_chained,
                      "You multiply by a ReLU's change of output. Multipliers are what is chained; differences come in once, at the very end."),
        Misconception("max pooling by its gradient", pooling_as_gradient,
                      "Dense and convolution layers are right, but max pooling is not linear: its gradient sends everything to the input's winner, while "
                      "the reference may have had another one. Use `through_max_pooling`."),
    ),
    rtol=1e-6, atol=1e-9, limit_s=20.0,
)
