"""Exercise 01.5 of lab 01, transposed convolution of feature maps by sliding over spread zeros."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Exercise, Misconception
from course_utils.exercises.lab01_maps import ADJOINTNESS, of_torch, ordinary, zeros_cases


def spread(maps, apart, trailing=0):
    """`apart - 1` zeros between neighbours, and `trailing` after the last."""
    channels, height, width = maps.shape
    canvas = np.zeros((channels, (height - 1) * apart + 1 + trailing, (width - 1) * apart + 1 + trailing))
    canvas[:, ::apart, ::apart][:, :height, :width] = maps
    return canvas


def slid(maps, weight, stride, padding, output_padding, *, apart=0, border=-1, flip=(2, 3), trailing=0, move=1, ahead=False):
    """The three steps, each of which can be bent: distance, border of a kernel of k is k + border - padding, flip."""
    canvas = spread(maps, apart or stride, trailing)
    ends = []
    for kernel in weight.shape[2:]:
        before = kernel + border - padding
        ends.append((before + output_padding, before) if ahead else (before, before + output_padding))
    # A border may come out negative: then it crops.
    canvas = np.pad(canvas, ((0, 0), *((max(0, one), max(0, other)) for one, other in ends)))
    return ordinary(canvas, np.flip(weight, flip).swapaxes(0, 1), move)


def appended(maps, weight, stride, padding, output_padding):
    return np.pad(of_torch(maps, weight, stride, padding), ((0, 0), (0, output_padding), (0, output_padding)))


def border_of_p(maps, weight, stride, padding, output_padding):
    border = (padding, padding + output_padding)
    return ordinary(np.pad(spread(maps, stride), ((0, 0), border, border)), np.flip(weight, (2, 3)).swapaxes(0, 1))


BY_ZEROS = Exercise(
    id="01.5", title="Transposed convolution by spread zeros", points=3, minutes=18, difficulty=3,
    function="transposed_by_zeros", cases=zeros_cases, oracle=of_torch,
    laws=(ADJOINTNESS,),
    hints=(
        "Three steps: spread, pad, slide. Do them for one channel on paper for k = 3, s = 2, p = 1 and look at the last of the six pictures.",
        "Spread: a canvas of zeros with sides (h - 1)·s + 1 takes the maps at every s-th cell. Pad: k - 1 - p zeros before, and "
        "output_padding more after, for each side with its own k. Slide with stride 1, the filter flipped in both directions, "
        "and with the two channel axes swapped, because `slide` wants (c_out, c_in, ...).",
        "`spread[:, ::stride, ::stride] = maps`; then `np.pad`; then `slide` with the weight's axes 0 and 1 swapped "
        "(`.swapaxes(0, 1)`) and axes 2 and 3 read backwards (`[..., ::-1, ::-1]`).",
    ),
    misconceptions=(
        Misconception("no flip", lambda *a: slid(*a, flip=()),
                      "The filter is not flipped: sliding over spread zeros gives the stamps only with the filter flipped in both directions."),
        Misconception("flipped in one direction", lambda *a: slid(*a, flip=(2,)),
                      "You flip the rows only: the columns have to be flipped as well."),
        Misconception("channels flipped", lambda *a: slid(*a, flip=(0, 1, 2, 3)),
                      "Your flip turns the channels round as well, as `np.flip` without axes does: flip axes 2 and 3 only."),
        Misconception("s zeros between", lambda *a: slid(*a, apart=a[2] + 1),
                      "Between neighbours stand s - 1 zeros, not s: neighbours end up s cells apart."),
        Misconception("no zeros between", lambda *a: slid(*a, apart=1),
                      "The stride is missing: spread the input first, with s - 1 zeros between neighbours."),
        Misconception("zeros after the last", lambda *a: slid(*a, trailing=a[2] - 1),
                      "You put zeros after the last cell too: they belong between cells only, so the sides are (n - 1)s + 1 and not n·s."),
        Misconception("border of k - p", lambda *a: slid(*a, border=0),
                      "The border is k - 1 - p: the outermost window has to touch the input with one cell, not to miss it."),
        Misconception("border of k - 1", lambda x, w, s, p, e: slid(x, w, s, 0, e),
                      "A border of k - 1 gives the whole canvas: each cell of padding makes it one narrower, k - 1 - p."),
        Misconception("border of p", border_of_p,
                      "The border is not the padding p: it is k - 1 - p, because p crops a full border of k - 1."),
        Misconception("slid with the stride", lambda *a: slid(*a, move=a[2]),
                      "The stride is used up by the zeros between cells: the window itself moves by one."),
        Misconception("output padding in front", lambda *a: slid(*a, ahead=True),
                      "The output padding belongs at the lower and right ends, not at the upper and left."),
        Misconception("output padding as zeros", appended,
                      "You append zeros to the finished output; stamps can reach into those cells, so enlarge the border before you slide."),
        Misconception("output padding forgotten", lambda x, w, s, p, e: of_torch(x, w, s, p),
                      "The output padding is missing: add it to the border at the lower and right ends."),
    ),
)
