"""Exercises 01.2 and 01.3 of lab 01: the matrix of a convolution in one dimension, and its transpose.

The oracle of the first is the matrix that torch's `conv1d` shows when it is given unit impulses; of the
second, torch's `conv_transpose1d`.
"""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def matrix_cases(seed: int) -> list[Case]:
    """The lecture's sizes, a stride of 1, a stride that leaves a rest, and one at random."""
    rng = np.random.default_rng([12, seed])
    plans = [(4, 8, 2, 2), (3, int(rng.integers(5, 9)), 1, 1), (3, 2 * int(rng.integers(3, 6)), 2, 0),
             (int(rng.integers(2, 6)), int(rng.integers(8, 13)), 3, int(rng.integers(1, 3)))]
    return [Case((rng.normal(size=f), n, s, p), f"filter of {f}, n = {n}, stride {s}, padding {p}") for f, n, s, p in plans]


def matrix_of_torch(kernel, size, stride, padding) -> np.ndarray:
    """Unit impulses through torch's convolution: what impulse j gives is column j."""
    import torch
    import torch.nn.functional as F

    impulses = torch.eye(size + 2 * padding, dtype=torch.float64)[:, None]
    return F.conv1d(impulses, torch.tensor(kernel)[None, None], stride=stride)[:, 0].T.contiguous().numpy()


def gives_the_convolution(args, answer) -> bool:
    kernel, size, stride, padding = args
    signal = np.random.default_rng(0).normal(size=size)
    padded = np.concatenate([np.zeros(padding), signal, np.zeros(padding)])
    return bool(np.allclose(answer @ padded, np.correlate(padded, kernel, mode="valid")[::stride]))


def rows_shift(args, answer) -> bool:
    stride = args[2]
    return bool(np.allclose(answer[1:, stride:], answer[:-1, :-stride]) and np.abs(answer[0, :len(args[0])]).any())


def band(kernel, columns, stride, rows):
    matrix = np.zeros((rows, columns))
    for row in range(rows):
        for j, weight in enumerate(kernel):
            if row * stride + j < columns:
                matrix[row, row * stride + j] = weight
    return matrix


def rows_of(kernel, size, stride, padding):
    return (size + 2 * padding - len(kernel)) // stride + 1


def circulant(kernel, size, stride, padding):
    columns = size + 2 * padding
    return np.array([np.roll(np.pad(kernel, (0, columns - len(kernel))), start) for start in range(0, columns, stride)])


def full_band(kernel, size, stride, padding):
    return band(kernel, size + 2 * padding, stride, rows_of(kernel, size, stride, padding))


MATRIX = Exercise(
    id="01.2", title="The matrix of a convolution", points=2, minutes=10, difficulty=2, function="convolution_matrix",
    cases=matrix_cases, oracle=matrix_of_torch,
    laws=(Law("convolution", "W times the padded signal has to be what sliding the filter over it gives.", gives_the_convolution),
          Law("shift", "Each row is the row above, moved to the right by the stride.", rows_shift)),
    hints=(
        "Write down by hand which columns row 0 fills, then row 1, then row 2.",
        "Row i holds the filter, unflipped, from column i·s on, and zeros elsewhere; the columns belong to the padded signal.",
        "All at once: `rows = np.arange(m)[:, None]` and `columns = rows * stride + np.arange(f)` broadcast to (m, f), and "
        "an array of zeros takes the filter at `[rows, columns]`.",
    ),
    misconceptions=(
        Misconception("flipped filter", lambda kernel, n, s, p: full_band(kernel[::-1], n, s, p),
                      "Networks slide the filter as it is; a flipped one is the convolution of mathematics, not of this lecture."),
        Misconception("stride ignored", lambda kernel, n, s, p: full_band(kernel, n, 1, p),
                      "Each row has to move by the stride, so that there are fewer rows than with stride 1."),
        Misconception("rows one column apart", lambda kernel, n, s, p: band(kernel, n + 2 * p, 1, rows_of(kernel, n, s, p)),
                      "You have the right number of rows, but they stand one column apart: row i begins in column i·s, not in column i."),
        Misconception("columns without padding", lambda kernel, n, s, p: band(kernel, n, s, rows_of(kernel, n, s, p)),
                      "W acts on the padded signal: it has n + 2p columns, also for the cells that hold padding."),
        Misconception("padding on one side", lambda kernel, n, s, p: full_band(kernel, n + p, s, 0),
                      "Padding p stands at both ends: there are n + 2p columns."),
        Misconception("transposed", lambda kernel, n, s, p: full_band(kernel, n, s, p).T,
                      "That is W transposed: outputs are the rows of W, inputs its columns."),
        Misconception("wraps around", circulant,
                      "Windows that run over the right edge are left out; yours come in again on the left, as on a ring."),
        Misconception("last row missing", lambda kernel, n, s, p: full_band(kernel, n, s, p)[:-1],
                      "The last window is missing: steps and windows differ by one."),
    ),
)


# --- 01.3 by the transposed matrix -----------------------------------------------------------------

def signal_cases(seed: int) -> list[Case]:
    """The lecture's sizes, no padding, stride 1, and a stride beyond the filter."""
    rng = np.random.default_rng([13, seed])
    plans = [(5, 4, 2, 2), (int(rng.integers(3, 6)), 3, 2, 0), (int(rng.integers(4, 8)), 4, 1, 1), (int(rng.integers(3, 6)), 2, 3, 1)]
    return [Case((rng.normal(size=m), rng.normal(size=f), s, p), f"{m} values, filter of {f}, stride {s}, padding {p}")
            for m, f, s, p in plans]


def transposed_of_torch(values, kernel, stride, padding) -> np.ndarray:
    import torch
    import torch.nn.functional as F

    return F.conv_transpose1d(torch.tensor(values)[None, None], torch.tensor(kernel)[None, None],
                              stride=stride, padding=padding)[0, 0].numpy()


def adjoint_of_signal(args, answer) -> bool:
    values, kernel, stride, padding = args
    signal = np.random.default_rng(0).normal(size=len(answer))
    forward = np.correlate(np.pad(signal, padding), kernel, mode="valid")[::stride]
    return bool(np.isclose(forward @ values, signal @ answer))


def uncropped(values, kernel, stride, padding):
    canvas = np.zeros((len(values) - 1) * stride + len(kernel))
    for i, value in enumerate(values):
        canvas[i * stride:i * stride + len(kernel)] += value * kernel
    return canvas


def cut(canvas, before, after):
    return canvas[before:len(canvas) - after]


def by_pseudo_inverse(values, kernel, stride, padding):
    columns = (len(values) - 1) * stride + len(kernel)
    return cut(np.linalg.pinv(band(kernel, columns, stride, len(values))) @ values, padding, padding)


BY_MATRIX = Exercise(
    id="01.3", title="Transposed convolution by the transposed matrix", points=2, minutes=8, difficulty=1,
    function="transposed_by_matrix", cases=signal_cases, oracle=transposed_of_torch,
    laws=(Law("adjointness", "⟨W x, y⟩ has to equal ⟨x, your answer⟩ for every x.", adjoint_of_signal),),
    hints=(
        "First ask for the size n of the answer: 01.1 knows it. With n you can build W.",
        "W transposed times y gives the padded signal, n + 2p cells long. What stands on the padding's places is not part of the answer.",
        "`full = W.T @ values`, then the n cells of `full` that begin at `padding`.",
    ),
    misconceptions=(
        Misconception("not cropped", uncropped,
                      "W transposed gives a value for the padding's cells as well: crop p cells at both ends."),
        Misconception("padding added", lambda y, w, s, p: np.pad(uncropped(y, w, s, p), p),
                      "Padding is cropped here, not added: the p cells at each end of W transposed times y are the padding of the ordinary convolution."),
        Misconception("cropped at one end", lambda y, w, s, p: cut(uncropped(y, w, s, p), 0, 2 * p),
                      "Padding stood at both ends, so crop p cells at each, not 2p at one."),
        Misconception("cropped once", lambda y, w, s, p: cut(uncropped(y, w, s, p), p, 0),
                      "You crop the beginning only: p cells go at the end as well."),
        Misconception("inverse for transpose", by_pseudo_inverse,
                      "That is the pseudo-inverse, which undoes the convolution as well as can be: the transposed convolution is only W transposed."),
        Misconception("flipped filter", lambda y, w, s, p: cut(uncropped(y, w[::-1], s, p), p, p),
                      "The filter is flipped: transposing W is all there is to do, the flip appears only when you slide over spread zeros."),
        Misconception("slice to minus zero", lambda y, w, s, p: uncropped(y, w, s, p)[p:-p],
                      "With padding 0 the slice `[p:-p]` is `[0:-0]`, which is empty: count the end from the front, `[p:p + n]`."),
    ),
)
