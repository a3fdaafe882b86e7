"""Exercise 01.1 of lab 01, output sizes; its oracle is the size that torch's own layers give."""
from __future__ import annotations

import math

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def size_cases(seed: int) -> list[Case]:
    """Four ordinary layers and four transposed ones; strides that do not divide, dilations, all paddings."""
    rng = np.random.default_rng([11, seed])
    cases = []
    for transposed in (False, True):
        for stride, padding, dilation in ((1, 0, 1), (2, 1, 1), (3, 1, 2), (int(rng.integers(2, 5)), 2, 3)):
            kernel = int(rng.integers(3, 6))
            span = dilation * (kernel - 1) + 1
            extra = 0
            if transposed:
                size = int(rng.integers(4, 12))
                extra = int(rng.integers(1, stride)) if stride > 1 and dilation != 2 else 0
            else:
                windows, rest = int(rng.integers(3, 9)), int(rng.integers(1, stride)) if stride > 1 else 0
                size = (windows - 1) * stride + span - 2 * padding + rest  # rest: cells that no window reaches
                extra = int(dilation > 1)  # of no effect here, and some answers add it all the same
            about = (f"{'transposed' if transposed else 'ordinary'}, size {size}, kernel {kernel}, stride {stride}, "
                     f"padding {padding}, dilation {dilation}, output padding {extra}")
            cases.append(Case((size, kernel, stride, padding, dilation, extra, transposed), about))
    return cases


def size_of_torch(size, kernel, stride, padding, dilation, output_padding, transposed) -> int:
    import torch

    if transposed:
        layer = torch.nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding, dilation=dilation)
    else:
        layer = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    with torch.no_grad():
        return layer(torch.zeros(1, 1, size)).shape[-1]


def as_many_windows(args, answer) -> bool:
    size, kernel, stride, padding, dilation, _, transposed = args
    small, large = (size, answer) if transposed else (answer, size)
    return len(range(0, large + 2 * padding - dilation * (kernel - 1), stride)) == small


def sized(ordinary, transposed):
    """A function with the exercise's signature from a formula for each direction; `span` is the dilated kernel."""
    def output_size(size, kernel, stride, padding, dilation, output_padding, transposed_):
        if transposed_:
            return transposed(size, kernel, stride, padding, dilation, output_padding)
        return ordinary(size, kernel, stride, padding, dilation)
    return output_size


def ordinary_size(n, k, s, p, d):
    return math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1


def transposed_size(n, k, s, p, d, extra):
    return (n - 1) * s + d * (k - 1) + 1 - 2 * p + extra


def padded_both_ways(size, kernel, stride, padding, dilation, output_padding, transposed):
    layer = size, kernel, stride, padding, dilation
    return (transposed_size(*layer, 0) if transposed else ordinary_size(*layer)) + output_padding


SIZES = Exercise(
    id="01.1", title="Output sizes", points=2, minutes=8, difficulty=1, function="output_size",
    cases=size_cases, oracle=size_of_torch,
    laws=(Law("windows", "Slide an ordinary window over the larger of the two sides: there have to be as many positions "
              "as the smaller side has cells.", as_many_windows),),
    hints=(
        "A dilated kernel of k weights reaches over d(k - 1) + 1 cells: call that its span, and the rest is the same as without dilation.",
        "Ordinary: the first window stands at 0; how often can you step by s until the window's far end leaves the n + 2p cells? "
        "Transposed: where does the last stamp begin, where does it end, and what is cropped?",
        "Ordinary: whole steps that fit, plus one: `(size + 2 * padding - span) // stride + 1`. Transposed: "
        "`(size - 1) * stride + span`, less the padding at both ends, plus the output padding.",
    ),
    misconceptions=(
        Misconception("true division", sized(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1, transposed_size),
                      "A window that would run over the edge is left out, so the number of steps is rounded down: `//` in place of `/`."),
        Misconception("rounded up", sized(lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1, transposed_size),
                      "You count a last window that runs over the edge: round the number of steps down, not up."),
        Misconception("no plus one", sized(lambda n, k, s, p, d: ordinary_size(n, k, s, p, d) - 1, transposed_size),
                      "You count the steps between windows; there is one window more than steps."),
        Misconception("padding on one side", sized(lambda n, k, s, p, d: math.floor((n + p - d * (k - 1) - 1) / s) + 1,
                                                   lambda n, k, s, p, d, extra: transposed_size(n, k, s, p, d, extra) + p),
                      "Padding p stands at both ends of a side, so it counts twice."),
        Misconception("dilation forgotten", sized(lambda n, k, s, p, d: ordinary_size(n, k, s, p, 1),
                                                  lambda n, k, s, p, d, extra: transposed_size(n, k, s, p, 1, extra)),
                      "A dilated kernel reaches over d(k - 1) + 1 cells, in both directions: the kernel's k alone is too little."),
        Misconception("dilation times kernel", sized(lambda n, k, s, p, d: math.floor((n + 2 * p - d * k) / s) + 1,
                                                     lambda n, k, s, p, d, extra: (n - 1) * s + d * k - 2 * p + extra),
                      "Between k weights there are k - 1 gaps: the span is d(k - 1) + 1, not d times k."),
        Misconception("padding enlarges", sized(ordinary_size, lambda n, k, s, p, d, extra: transposed_size(n, k, s, -p, d, extra)),
                      "In a transposed convolution padding is cropped from the output: more padding, smaller output."),
        Misconception("output padding forgotten", sized(ordinary_size, lambda n, k, s, p, d, extra: transposed_size(n, k, s, p, d, 0)),
                      "The output padding is missing: it is added to the transposed size, once."),
        Misconception("output padding in both", padded_both_ways,
                      "The output padding belongs to the transposed convolution: an ordinary one leaves it out of account."),
        Misconception("size times stride", sized(ordinary_size, lambda n, k, s, p, d, extra: n * s),
                      "The output is not just stride times input: the last of the stamps begins at (n - 1)s and reaches a whole span "
                      "further, then padding is cropped."),
    ),
)
