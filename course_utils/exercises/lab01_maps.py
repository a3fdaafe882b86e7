"""Exercise 01.4 of lab 01, transposed convolution of feature maps by stamping, and what 01.5 shares with it.

The oracle of both is torch's `conv_transpose2d`; the laws hold the answer against torch's `conv2d`.
"""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def plans(seed: int, stream: int) -> list[tuple]:
    """Channels in and out, height, width, kernel height and width, stride, padding, output padding."""
    rng = np.random.default_rng([stream, seed])
    low, high = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    return [
        (1, 1, low, high, 3, 2, 2, 0, 0),
        (1, 1, high, low, 4, 4, 2, 1, 0),
        (2, 3, low + 1, high, 3, 4, 2, 1, 1),
        (3, 2, high, low, 2, 3, 3, 1, int(rng.integers(1, 3))),
        (2, 2, low + 1, high, 3, 5, 1, int(rng.integers(1, 3)), 0),
    ]


def maps_and_weight(rng: np.random.Generator, plan: tuple) -> tuple[np.ndarray, np.ndarray]:
    c_in, c_out, height, width, kernel_height, kernel_width = plan[:6]
    return rng.normal(size=(c_in, height, width)), rng.normal(size=(c_in, c_out, kernel_height, kernel_width))


def about(plan: tuple, output_padding: bool) -> str:
    c_in, c_out, height, width, kernel_height, kernel_width, stride, padding, extra = plan
    said = (f"maps ({c_in}, {height}, {width}), weight ({c_in}, {c_out}, {kernel_height}, {kernel_width}), "
            f"stride {stride}, padding {padding}")
    return f"{said}, output padding {extra}" if output_padding else said


def stamping_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([140, seed])
    return [Case((*maps_and_weight(rng, plan), plan[6], plan[7]), about(plan, False)) for plan in plans(seed, 14)]


def zeros_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([150, seed])
    return [Case((*maps_and_weight(rng, plan), *plan[6:]), about(plan, True)) for plan in plans(seed, 15)]


def of_torch(maps, weight, stride, padding, output_padding=0) -> np.ndarray:
    import torch
    import torch.nn.functional as F

    return F.conv_transpose2d(torch.tensor(maps)[None], torch.tensor(np.ascontiguousarray(weight)), stride=stride,
                              padding=padding, output_padding=output_padding)[0].numpy()


def ordinary(maps, weight, stride=1, padding=0) -> np.ndarray:
    """torch's convolution; weight (c_out, c_in, kernel height, kernel width)."""
    import torch
    import torch.nn.functional as F

    return F.conv2d(torch.tensor(np.ascontiguousarray(maps))[None], torch.tensor(np.ascontiguousarray(weight)),
                    stride=stride, padding=padding)[0].numpy()


def adjoint(args, answer) -> bool:
    maps, weight, stride, padding = args[:4]
    other = np.random.default_rng(0).normal(size=answer.shape)
    return bool(np.isclose(np.sum(ordinary(other, weight, stride, padding) * maps), np.sum(other * answer)))


def whole_stamps(args, answer) -> bool:
    maps, weight, _, padding = args[:4]
    total = np.sum(maps.sum((1, 2))[:, None] * weight.sum((2, 3)))
    return padding > 0 or bool(np.isclose(np.sum(answer), total))


ADJOINTNESS = Law("adjointness", "⟨conv(x), y⟩ has to equal ⟨x, your answer⟩ for every x, with the same filter, stride and padding.", adjoint)


# --- 01.4 by stamping: mistakes --------------------------------------------------------------------

def stamped(maps, weight, stride, add=True):
    """The canvas, one input cell after the other; without `add`, later stamps cover earlier ones."""
    (_, height, width), (_, c_out, kernel_height, kernel_width) = maps.shape, weight.shape
    canvas = np.zeros((c_out, (height - 1) * stride + kernel_height, (width - 1) * stride + kernel_width))
    for row, column in np.ndindex(height, width):
        place = np.s_[:, row * stride:row * stride + kernel_height, column * stride:column * stride + kernel_width]
        stamp = np.einsum("i,iokl->okl", maps[:, row, column], weight)
        canvas[place] = canvas[place] + stamp if add else stamp
    return canvas


def crop(canvas, before, after):
    return canvas[:, before:canvas.shape[1] - after, before:canvas.shape[2] - after]


def overwritten(maps, weight, stride, padding):
    return crop(stamped(maps, weight, stride, add=False), padding, padding)


def weight_by_weight(maps, weight, stride, padding, *, add=True, reach=True):
    """Looped over the kernel, as the lab does; without `reach`, slices run on to the canvas's end."""
    (_, height, width), (_, c_out, kernel_height, kernel_width) = maps.shape, weight.shape
    canvas = np.zeros((c_out, (height - 1) * stride + kernel_height, (width - 1) * stride + kernel_width))
    for a, b in np.ndindex(kernel_height, kernel_width):
        ends = (a + height * stride, b + width * stride) if reach else (None, None)
        place = np.s_[:, a:ends[0]:stride, b:ends[1]:stride]
        written = np.einsum("iyx,io->oyx", maps, weight[:, :, a, b])
        if add:
            canvas[place] += written
        else:
            canvas[place] = written
    return crop(canvas, padding, padding)


def widened(maps, padding):
    return np.pad(maps, ((0, 0), (padding, padding), (padding, padding)))


def minus_zero(maps, weight, stride, padding):
    return stamped(maps, weight, stride)[:, padding:-padding, padding:-padding]


BY_STAMPING = Exercise(
    id="01.4", title="Transposed convolution by stamping", points=3, minutes=18, difficulty=3,
    function="transposed_by_stamping", cases=stamping_cases, oracle=of_torch,
    laws=(ADJOINTNESS,
          Law("whole stamps", "Without padding every stamp lands whole: the sum of the answer is the sum over channels of "
              "(sum of a map) times (sum of its filters).", whole_stamps)),
    hints=(
        "Forget the channels and take one input cell: which cells of the canvas does its copy of the filter cover? Now turn it "
        "round: weight (a, b) of all the stamps lands on which cells?",
        "Weight (a, b) of the stamp of input cell (i, j) lands on canvas cell (i·s + a, j·s + b). For fixed (a, b) those cells "
        "form a grid that begins at (a, b) and steps by s: one slice with a step.",
        "Inside two loops over (a, b): `canvas[:, a:a + h * stride:stride, b:b + w * stride:stride] += "
        "np.einsum('chw,co->ohw', maps, weight[:, :, a, b])`; after the loops crop p rows and columns at each side.",
    ),
    misconceptions=(
        Misconception("overwritten", overwritten,
                      "Where stamps overlap their values add up; yours replace each other: `+=` in place of `=`."),
        Misconception("overwritten weight by weight", lambda *a: weight_by_weight(*a, add=False),
                      "Each weight of the kernel replaces what an earlier weight wrote on the same cell: add to the slice with `+=`."),
        Misconception("slices without an end", lambda *a: weight_by_weight(*a, reach=False),
                      "A slice `a::stride` runs on to the end of the canvas and can take a cell too many: stop it at `a + h * stride`."),
        Misconception("not cropped", lambda x, w, s, p: stamped(x, w, s),
                      "Padding p means: crop p rows and p columns at each side of the canvas."),
        Misconception("padding added", lambda x, w, s, p: widened(stamped(x, w, s), p),
                      "Padding makes the output of a transposed convolution smaller: crop p cells at each side, do not add them."),
        Misconception("padded input", lambda x, w, s, p: stamped(widened(x, p), w, s),
                      "You pad the input before you stamp, as in an ordinary convolution; here padding is cropped from the canvas at the end."),
        Misconception("stride ignored", lambda x, w, s, p: crop(stamped(x, w, 1), p, p),
                      "Neighbouring stamps stand s cells apart on the canvas, not one."),
        Misconception("flipped filter", lambda x, w, s, p: crop(stamped(x, w[:, :, ::-1, ::-1], s), p, p),
                      "A stamp is the filter as it is: nothing is flipped here, the flip belongs to sliding over spread zeros."),
        Misconception("axes swapped", lambda x, w, s, p: crop(stamped(x, w.swapaxes(2, 3), s), p, p),
                      "Height and width of the filter are swapped: axis 2 of the weight runs down, axis 3 to the right."),
        Misconception("cropped at one end", lambda x, w, s, p: crop(stamped(x, w, s), 0, 2 * p),
                      "Crop p cells at each of the four sides, not 2p at the lower and right ones."),
        Misconception("slice to minus zero", minus_zero,
                      "With padding 0 the slice `[p:-p]` is `[0:-0]`, which is empty: count the end from the front."),
    ),
)
