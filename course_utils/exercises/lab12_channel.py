"""Exercise 12.4: the activation of a channel or of one neuron as an objective; the oracle is Captum's."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab06_networks import pictures_and_labels
from course_utils.models.networks import small_cnn


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([12, 4, seed])
    found = []
    for layer, form in (("conv1", "sum"), ("conv2", "squares"), ("pool1", "sum"), ("conv2", [1, 3])):
        network = given(small_cnn, seed=int(rng.integers(1 << 30)), channels=(5, 6), size=10, classes=3)
        pictures, _ = pictures_and_labels(rng, 3, 10, 3)
        channel = int(rng.integers(1, 5))
        what = f"neuron {tuple(form)}" if isinstance(form, list) else form
        found.append(Case((network, layer, channel, form, pictures), f"{layer}, channel {channel}, {what}"))
    return found


def ask(function, model, layer, channel, form, pictures):
    """Values of the objective that the function returns, and their slope in the pictures."""
    objective = function(model, layer, channel, tuple(form) if isinstance(form, list) else form)
    x = pictures.detach().clone().requires_grad_()
    values = objective(x)
    return values.detach(), torch.autograd.grad(values.sum(), x)[0]


def by_captum(model, layer, channel, form, pictures):
    """Captum's activations and its gradient of a function of them."""
    from captum.attr import LayerActivation, NeuronGradient

    def value(z):
        chosen = torch.einsum("nchw,c->nhw", z, torch.eye(z.shape[1], dtype=z.dtype)[channel])
        if isinstance(form, str):
            return {"sum": chosen, "squares": chosen.pow(2)}[form].sum(dim=(1, 2))
        return chosen[:, form[0], form[1]]

    place = getattr(model.features, layer)
    z = LayerActivation(model, place).attribute(pictures)
    slope = NeuronGradient(model, place).attribute(pictures.detach().clone().requires_grad_(), value)
    return value(z).detach(), slope.detach()


def until(model, layer, x, beyond=0):
    """The output of a layer of model.features, or of one that lies `beyond` steps after it."""
    names = [name for name, _ in model.features.named_children()]
    return model.features[: names.index(layer) + 1 + beyond](x)


def usual(chosen, form):
    if isinstance(form, str):
        return (chosen if form == "sum" else chosen**2).sum(dim=(1, 2))
    return chosen[:, form[0], form[1]]


def variant(pick=lambda z, channel: z[:, channel], end=usual, beyond=0):
    """The right objective with one thing changed."""
    def channel_objective(model, layer, channel, form="sum"):
        return lambda pictures: end(pick(until(model, layer, pictures, beyond), channel), form)
    return channel_objective


def mean_over_places(chosen, form):
    return usual(chosen, form) / (chosen[0].numel() if isinstance(form, str) else 1)


def square_of_sum(chosen, form):
    return chosen.sum(dim=(1, 2)) ** 2 if form == "squares" else usual(chosen, form)


def norm(chosen, form):
    return usual(chosen, form).sqrt() if form == "squares" else usual(chosen, form)


def swapped(chosen, form):
    return usual(chosen, form) if isinstance(form, str) else chosen[:, form[1], form[0]]


def absolute(chosen, form):
    return chosen.abs().sum(dim=(1, 2)) if form == "squares" else usual(chosen, form)


def whole_batch(chosen, form):
    return usual(chosen, form).sum().expand(len(chosen))


def one_place(args, answer):
    """A neuron's value changes by slope times step for a tiny step of the pictures, and so does a channel's."""
    model, layer, channel, form, pictures = args
    direction = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0), dtype=pictures.dtype)
    up, down = (by_captum(model, layer, channel, form, pictures + h * direction)[0] for h in (1e-7, -1e-7))
    return torch.allclose((answer[1] * direction).sum(dim=(1, 2, 3)), (up - down) / 2e-7, rtol=1e-3, atol=1e-4)


CHANNEL = Exercise(
    id="12.4", title="Any channel, any neuron", points=2, minutes=12, difficulty=2, function="channel_objective",
    cases=cases, oracle=by_captum, call=ask,
    laws=(Law("small changes", "A tiny step of the pictures has to change each value by the sum of slope times step: keep the graph, "
              "and give each picture a value of its own.", one_place),),
    hints=(
        "Two parts: run the pictures through `model.features` as far as the layer, then turn one channel of what comes out into one number for each picture.",
        "`for name, module in model.features.named_children()` gives the layers in order: apply each, stop after the one you want. Of z, (n, channels, h, w), take "
        "z[:, channel], which is (n, h, w). Put this into an inner function and return that function.",
        "`chosen = z[:, channel]`; then `chosen.sum(dim=(1, 2))`, `(chosen**2).sum(dim=(1, 2))`, or `chosen[:, row, column]` with `row, column = form`",
    ),
    misconceptions=(
        Misconception("picture for channel", variant(pick=lambda z, channel: z.transpose(0, 1)[:, channel % len(z)]),
                      "You index the first axis of z, which counts pictures. The channel is the second axis: z[:, channel]."),
        Misconception("mean over places", variant(end=mean_over_places),
                      "You take the mean over the places; the sum is asked for, as in the notes."),
        Misconception("square of the sum", variant(end=square_of_sum),
                      "You square the sum. Square each place first, then sum: otherwise positive and negative places cancel."),
        Misconception("root of the squares", variant(end=norm),
                      "You return the norm. The *squared* norm is asked for, without a root."),
        Misconception("absolute values for squares", variant(end=absolute),
                      "For \"squares\" you sum absolute values. Sum the squares."),
        Misconception("row and column exchanged", variant(end=swapped),
                      "Row and column of the neuron are exchanged: the third axis of z counts rows, the fourth columns."),
        Misconception("layer too late", variant(beyond=1),
                      "You stop one layer too late: take the output of the layer that is named, before the next one (such as its ReLU)."),
        Misconception("layer too early", variant(beyond=-1),
                      "You stop before the layer that is named: apply this layer too, then take its output."),
        Misconception("one value for the batch", variant(end=whole_batch),
                      "You sum over the pictures too. The objective gives each picture a value of its own, (n,)."),
        Misconception("all channels", variant(pick=lambda z, channel: z.sum(dim=1)),
                      "You sum over all channels. Pick the one that is named."),
    ),
    rtol=1e-6, atol=1e-8,
)
