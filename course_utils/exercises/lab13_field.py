"""Exercise 13.2: receptive-field arithmetic."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

LENGTH = 1200  # pixels of the line on which the oracle measures


def stacks(seed):
    """Stacks of two to five layers: kernels to 7, strides to 3, paddings that differ."""
    rng = np.random.default_rng([13, 2, seed])
    cases = []
    for depth in (1, 2, 3, 4, 5):
        layers = []
        for place in range(depth):
            kernel = int(rng.integers(2, 7))
            stride = int(rng.integers(2, 4)) if place in (0, 2) else int(rng.integers(1, 3))
            layers.append([kernel, stride, int(rng.integers(1, kernel))])
        cases.append(Case((layers,), "layers (kernel, stride, padding) " + ", ".join(str(tuple(layer)) for layer in layers)))
    return cases


def by_gradients(layers):
    """Which pixels of a line have a slope on a unit: convolutions with weights 1, in float64."""
    import torch

    line = torch.zeros(1, 1, LENGTH, dtype=torch.float64, requires_grad=True)
    values = line
    for kernel, stride, padding in layers:
        values = torch.nn.functional.conv1d(values, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride, padding=padding)
    unit = values.shape[-1] // 2

    def support(unit):
        return np.flatnonzero(torch.autograd.grad(values[0, 0, unit], line, retain_graph=True)[0][0, 0].numpy())

    here, there = support(unit), support(unit + 1)
    jump = int(there[0] - here[0])
    return int(here[-1] - here[0] + 1), jump, int(here[0] - unit * jump)


def variant(grow=lambda size, k, s, jump: size + (k - 1) * jump, move=lambda start, k, p, jump: start - p * jump,
            hop=lambda jump, s: jump * s, early=False):
    """The arithmetic with one of its three lines changed; `early`: the jump is multiplied before it is used."""
    def receptive_field(layers):
        size, jump, start = 1, 1, 0
        for k, s, p in layers:
            if early:
                jump = hop(jump, s)
            size, start = grow(size, k, s, jump), move(start, k, p, jump)
            if not early:
                jump = hop(jump, s)
        return size, jump, start
    return receptive_field


def from_the_top(layers):
    return variant()(layers[::-1])


FIELD = Exercise(
    id="13.2", title="Receptive fields", points=2, minutes=12, difficulty=2, function="receptive_field",
    cases=stacks, oracle=by_gradients,
    laws=(
        Law("jump", "Neighbours in the last layer are as far apart as the product of all strides.",
            lambda args, answer: answer[1] == int(np.prod([s for _, s, _ in args[0]]))),
        Law("one layer", "Of a stack of one layer the field is its kernel, and starts its padding to the left of the picture.",
            lambda args, answer: len(args[0]) > 1 or (answer[0] == args[0][0][0] and answer[2] == -args[0][0][2])),
        Law("first kernel", "A field is at least as large as the kernel of the first layer.",
            lambda args, answer: answer[0] >= args[0][0][0]),
    ),
    hints=(
        "Go from the pixels up. A pixel sees itself: size 1, jump 1, start 0. What does one more layer change, measured in pixels?",
        "A kernel of k reads k neighbours, which stand `jump` pixels apart: the field grows by k - 1 jumps. A padding of p begins p "
        "neighbours earlier: p jumps to the left. Only then does the stride spread the next layer's neighbours.",
        "`size += (k - 1) * jump`, `start -= p * jump`, and last of the three `jump *= s`.",
    ),
    misconceptions=(
        Misconception("stride first", variant(early=True),
                      "You multiply the jump by a layer's stride before the layer has used it. Its kernel reads neighbours of the layer "
                      "below, which stand the old jump apart."),
        Misconception("pixels for jumps", variant(grow=lambda size, k, s, jump: size + k - 1),
                      "The field grows by k - 1 pixels in every layer of yours. Higher up, neighbours stand `jump` pixels apart: "
                      "(k - 1) * jump."),
        Misconception("the jump unused", variant(grow=lambda size, k, s, jump: size + k - 1, move=lambda start, k, p, jump: start - p),
                      "You count kernel and padding in pixels. Both count places of the layer below, which stand `jump` pixels apart: multiply "
                      "by it in size and in start."),
        Misconception("kernels multiplied", variant(grow=lambda size, k, s, jump: size * k),
                      "You multiply the kernels; fields overlap, so each layer adds (k - 1) * jump to the size."),
        Misconception("k for k - 1", variant(grow=lambda size, k, s, jump: size + k * jump),
                      "k neighbours have k - 1 gaps: the field grows by (k - 1) * jump."),
        Misconception("padding in pixels", variant(move=lambda start, k, p, jump: start - p),
                      "Padding is counted in places of the layer that is padded, and there a place is `jump` pixels wide: start - p * jump."),
        Misconception("padding to the right", variant(move=lambda start, k, p, jump: start + p * jump),
                      "Padding begins outside of the picture, so the first field starts to the left of pixel 0: the start is negative."),
        Misconception("no padding", variant(move=lambda start, k, p, jump: start),
                      "Your start is always 0. Padding moves the first window p places to the left, p * jump pixels."),
        Misconception("last stride only", variant(hop=lambda jump, s: s),
                      "The jump is the last stride in yours. Strides multiply: a step of 2 among places that stand 2 apart is 4 pixels."),
        Misconception("last stride returned", lambda layers: (lambda f: (f[0], layers[-1][1], f[2]))(variant()(layers)),
                      "Size and start are right, but you return the last layer's stride; the jump is the product of all strides."),
        Misconception("strides added", variant(hop=lambda jump, s: jump + s - 1),
                      "You add the strides up; they multiply."),
        Misconception("from the top", from_the_top,
                      "You go through the layers from the last to the first with the formula for first to last. Start at the pixels."),
        Misconception("centre for start", lambda layers: (lambda f: (f[0], f[1], f[2] + f[0] // 2))(variant()(layers)),
                      "You return the middle of the first window; `start` is its first pixel."),
    ),
)
