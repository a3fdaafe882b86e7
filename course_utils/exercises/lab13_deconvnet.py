"""Exercise 13.5: the deconvnet pass through a stack of layers."""
from __future__ import annotations

import warnings
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.models.strongest import Strongest

PLANS = (  # pictures, side, [(filters, kernel, stride, padding, pooled)], rule
    (3, 12, [[5, 3, 1, 1, True], [6, 3, 1, 1, False]], "deconvnet"),
    (2, 17, [[4, 5, 2, 2, False], [6, 3, 1, 1, True], [7, 1, 1, 0, False]], "deconvnet"),
    (3, 12, [[5, 3, 1, 1, True], [6, 3, 1, 1, False]], "guided"),
    (2, 15, [[4, 4, 2, 0, False], [5, 3, 1, 1, False]], "backward"),  # the stride leaves a row over
)


def plain_stack(seed: int, plan: list) -> nn.Sequential:
    """Convolution, ReLU and, where planned, max pooling of 2: float64, weights and biases from the seed."""
    rng = np.random.default_rng(seed)
    layers, entrance = OrderedDict(), 3
    for number, (filters, kernel, stride, padding, pool) in enumerate(plan, 1):
        conv = nn.Conv2d(entrance, filters, kernel, stride, padding, dtype=torch.float64)
        with torch.no_grad():
            conv.weight.copy_(torch.from_numpy(rng.normal(0, np.sqrt(2 / (entrance * kernel**2)), size=tuple(conv.weight.shape))))
            conv.bias.copy_(torch.from_numpy(rng.normal(0.3, 0.2, size=filters)))
        layers[f"conv{number}"], layers[f"relu{number}"] = conv, nn.ReLU()
        if pool:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        entrance = filters
    return nn.Sequential(layers).eval().requires_grad_(False)


def asked(seed):
    """Stacks, pictures, and for each picture a filter that answers to it, no two alike."""
    rng = np.random.default_rng([13, 5, seed])
    cases = []
    for n, side, plan, rule in PLANS:
        while True:
            weights = int(rng.integers(1 << 30))
            pictures = torch.from_numpy(rng.random((n, 3, side, side)))
            with torch.no_grad():
                answers = plain_stack(weights, plan)(pictures).flatten(2).amax(dim=2)
            awake = [np.flatnonzero(row > 0.1) for row in answers.numpy()]
            if min(map(len, awake)) >= 2:
                break
        filters = []
        for row in awake:
            filters.append(int(rng.choice([f for f in row if f not in filters[-1:]])))
        cases.append(Case((given(plain_stack, seed=weights, plan=plan), pictures, torch.tensor(filters), rule),
                          f"{n} pictures of {side}x{side}, {len(plan)} convolutions, rule {rule!r}"))
    return cases


def by_captum(layers, pictures, filters, rule):
    """Captum's way back from a filter's strongest answer, times that answer."""
    from captum.attr import Deconvolution, GuidedBackprop, Saliency

    method = {"backward": Saliency, "deconvnet": Deconvolution, "guided": GuidedBackprop}[rule]
    strongest = Strongest(layers)
    with torch.no_grad():
        peaks = strongest(pictures)[torch.arange(len(filters)), filters]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        options = {"abs": False} if rule == "backward" else {}
        back = method(strongest).attribute(pictures.clone().requires_grad_(), target=filters, **options).detach()
    return back * peaks[:, None, None, None]


def walk(layers, pictures, filters, rule, *, start="peak", corner=False, bias=False, relu=None, flipped=False,
         copied=False, rectified=False):
    """The pass with one thing changed; `relu` names the rule that is used whatever was asked for."""
    memory, maps = [], pictures
    for layer in layers:
        memory.append((layer, maps))
        maps = layer(maps)
    rows, rule = torch.arange(len(filters)), relu or rule
    own = maps[rows, filters].flatten(1)
    peak = own.argmax(dim=1)
    signal = torch.zeros_like(maps)
    if start == "all filters":
        signal = maps.clone()
    elif start == "whole map":
        signal[rows, filters] = maps[rows, filters]
    else:
        at = signal.flatten(2)
        at[rows, filters, peak] = 1.0 if start == "one" else own[rows, peak]
        signal = at.view_as(maps)
    for layer, entered in reversed(memory):
        if isinstance(layer, nn.MaxPool2d):
            _, switches = nn.functional.max_pool2d(entered, 2, return_indices=True)
            if corner:
                h, w = (torch.arange(side) * 2 for side in switches.shape[2:])
                switches = (h[:, None] * entered.shape[3] + w).expand_as(switches)
            signal = nn.functional.interpolate(signal, size=entered.shape[2:]) if copied else torch.zeros_like(entered).flatten(2).scatter_add(2, switches.flatten(2), signal.flatten(2)).view_as(entered)
        elif isinstance(layer, nn.ReLU):
            signal = signal if rule == "none" else signal * (entered > 0) if rule == "backward" else (
                signal.clamp(min=0) * ((entered > 0) if rule == "guided" else 1))
        else:
            if bias:
                signal = signal - layer.bias[:, None, None]
            weight = layer.weight.flip(2, 3) if flipped else layer.weight
            signal = torch.nn.grad.conv2d_input(entered.shape, weight, signal, layer.stride, layer.padding)
            signal = signal.clamp(min=0) if rectified else signal
    return signal


def variant(**changes):
    def deconvnet(layers, pictures, filters, rule):
        return walk(layers, pictures, filters, rule, **changes)
    return deconvnet


def first_filter(layers, pictures, filters, rule):
    return walk(layers, pictures, filters[:1].expand_as(filters), rule)


DECONVNET = Exercise(
    id="13.5", title="The deconvnet pass", points=4, minutes=25, difficulty=3, function="deconvnet",
    cases=asked, oracle=by_captum,
    laws=(
        Law("the gradient", "By the rule \"backward\" it is the peak times the gradient of the peak.",
            lambda args, answer: args[3] != "backward" or bool(torch.allclose(answer, by_captum(*args)))),
        Law("scale", "The pass starts from the peak's own value, so brighter peaks give stronger reconstructions, in proportion.",
            lambda args, answer: bool(torch.isclose(answer.abs().sum(), by_captum(*args).abs().sum()))),
    ),
    hints=(
        "Two walks. Up: call the layers one by one, and note for each what entered it. Down: the same layers from the last to the first, "
        "each undone in its own way.",
        "Start on the way down with zeros everywhere but at the one strongest place of the asked filter, which keeps its value. Then "
        "`unpool` for a pooling (its switches come from `max_pool2d(..., return_indices=True)`), `pass_back` for a ReLU, and the "
        "transposed convolution for a convolution, without its bias.",
        "`signal = torch.nn.grad.conv2d_input(entered.shape, layer.weight, signal, layer.stride, layer.padding)` is the transposed "
        "convolution to exactly the size that entered.",
    ),
    misconceptions=(
        Misconception("the whole map", variant(start="whole map"),
                      "You send the filter's whole map down. Keep its strongest place alone, or the answers of many places are laid over one another."),
        Misconception("all filters", variant(start="all filters"),
                      "You send all maps down: set every other filter to zero first, for one filter is asked about."),
        Misconception("starts from one", variant(start="one"), "You start from 1; the strongest place keeps its own value."),
        Misconception("no switches", variant(corner=True),
                      "You unpool into a fixed corner of every window. The switches of this picture say where the winners stood."),
        Misconception("copied over the window", variant(copied=True),
                      "You copy each value all over its pooling window; `unpool` puts it where the winner stood."),
        Misconception("no ReLU on the way down", variant(relu="none"),
                      "Nothing is stopped at the ReLUs of yours: call `pass_back` there, with what entered and what arrives."),
        Misconception("always the gradient", variant(relu="backward"),
                      "You use the ReLU's own gradient whatever `rule` says: hand `rule` on to `pass_back`."),
        Misconception("the plain gradient", variant(start="one", relu="backward"),
                      "This is the gradient of the peak, whatever `rule` says: start from the peak's value, and call `pass_back` with `rule`."),
        Misconception("always guided", variant(relu="guided"), "You use guided backprop's ReLU whatever `rule` says: hand `rule` on to `pass_back`."),
        Misconception("rectified after the filters", variant(rectified=True),
                      "You cut off what is negative after each convolution: a ReLU is passed where the layers have one, and pixels may be negative."),
        Misconception("always the deconvnet", variant(relu="deconvnet"), "You use the deconvnet's ReLU whatever `rule` says: hand `rule` on to `pass_back`."),
        Misconception("filters flipped twice", variant(flipped=True),
                      "You flip the filters and then let the transposed convolution flip them again: hand it the weights as they are."),
        Misconception("the bias taken off", variant(bias=True), "You subtract the biases on the way down; the way back through a convolution has none."),
        Misconception("one filter for all", first_filter, "You explain the first picture's filter in every picture; `filters` has one for each."),
    ),
    rtol=1e-6, atol=1e-9,
)
