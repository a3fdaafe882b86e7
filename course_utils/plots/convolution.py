"""Convolutions as pictures: cells of the input and of the output, and the window that ties them together."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_utils.plots.cells import FILTER, INPUT, OUTPUT, PALE_INPUT, caption, cells, frame, outline, ties


def sliding_picture(axes: Any, size: int, kernel: int, stride: int, padding: int, step: int, *, transposed: bool = False,
                    output_padding: int = 0, numbers: dict[str, np.ndarray] | None = None,
                    fit: tuple[float, float] | None = None, labels: bool = True) -> None:
    """A window over the input, and the output cell that it gives.

    Ordinary, the window moves by `stride` over the padded input. Transposed, it moves by one cell over
    the input that was spread with zeros and padded anew.

    Parameters
    ----------
    axes : Axes
    size, kernel, stride, padding : int
        Of one side; all grids are square.
    step : int
        Which window is shown, row by row from 0.
    transposed : bool
    output_padding : int
        Extra cells at the lower and right end, transposed only.
    numbers : dict, optional
        Arrays `"input"` (size, size), `"filter"` (kernel, kernel), as it is laid on, and `"output"`:
        with it the cells hold numbers and the filter is drawn, and later output cells stay pale.
    fit : (columns, rows), optional
        Cells that the panel has room for, where several panels share one scale.
    labels : bool
        Whether each grid's size is written below it.

    Raises
    ------
    ValueError
        If the window does not fit, or the transposed padding exceeds kernel - 1.
    """
    apart, move = (stride, 1) if transposed else (1, stride)
    before = kernel - 1 - padding if transposed else padding
    if transposed and before < 0:
        raise ValueError(f"Padding {padding} crops more than a stamp of {kernel} reaches over: keep it at most {kernel - 1}.")
    after = before + (output_padding if transposed else 0)
    spread = (size - 1) * apart + 1
    side = before + spread + after
    if side < kernel:
        raise ValueError(f"A window of {kernel} does not fit on {side} cells: enlarge the input or the padding.")
    out = (side - kernel) // move + 1
    step %= out * out
    row, column = divmod(step, out)

    middle = kernel + 2.6 if numbers is not None else 2.2
    tall = max(side, out, kernel if numbers is not None else 0)
    wide = side + middle + out
    columns, rows = fit or (wide, tall + (1.4 if labels else 0))
    points = frame(axes, columns, rows, shares=0.84)
    left, mid = (columns - wide) / 2, (rows - (1.4 if labels else 0)) / 2
    top, top_out = mid - side / 2, mid - out / 2

    filled = np.zeros((side, side), dtype=bool)
    filled[before:before + spread:apart, before:before + spread:apart] = True
    shown = None
    if numbers is not None:
        shown = np.full((side, side), np.nan)
        shown[filled] = np.ravel(numbers["input"])
    cells(axes, filled, INPUT, (left, top), shown, points)
    done = np.arange(out * out).reshape(out, out) <= step
    values = np.where(done, numbers["output"], np.nan) if numbers is not None else None
    left_out = left + side + middle
    cells(axes, np.ones((out, out), dtype=bool), OUTPUT, (left_out, top_out), values, points,
          pale=~done if numbers is not None else None)
    at = left + column * move, top + row * move
    outline(axes, at, kernel, kernel)
    outline(axes, (left_out + column, top_out + row), 1, 1)
    if numbers is None:
        ties(axes, (*at, kernel), (left_out + column, top_out + row, 1))
    else:
        corner = left + side + 1.3, mid - kernel / 2
        cells(axes, np.ones((kernel, kernel), dtype=bool), FILTER, corner, numbers["filter"], points)
        caption(axes, corner[0] + kernel / 2, corner[1] + kernel, "filter, flipped" if transposed else "filter")
    if labels:
        what = "input" if side == size else f"input {size}×{size}\nas {side}×{side}"
        caption(axes, left + side / 2, top + side, what if "\n" in what else f"{what} {size}×{size}")
        caption(axes, left_out + out / 2, top_out + out, f"output {out}×{out}")


def stamping_picture(axes: Any, size: int, kernel: int, stride: int, padding: int, step: int, *,
                     output_padding: int = 0, numbers: dict[str, np.ndarray] | None = None) -> None:
    """A transposed convolution as stamps: one input cell, and where its copy of the filter lands.

    Parameters
    ----------
    axes, size, kernel, stride, padding, step, output_padding
        As in `sliding_picture`; `step` counts input cells.
    numbers : dict, optional
        `"input"` (size, size), `"filter"` (kernel, kernel) and `"canvas"`, the sum of all stamps so far
        on the whole canvas, of side (size - 1) * stride + kernel + output_padding. Without it, the
        cells hold how many stamps have landed there.

    Raises
    ------
    ValueError
        If padding crops all of the canvas.
    """
    full = (size - 1) * stride + kernel
    side = full + output_padding
    out = side - 2 * padding
    if out < 1:
        raise ValueError(f"Padding {padding} crops all {full} cells: take a larger input or less padding.")
    step %= size * size
    row, column = divmod(step, size)
    middle = kernel + 2.6
    wide, tall = size + middle + side, max(side, size, kernel)
    points = frame(axes, wide, tall + 1.4, shares=0.84)
    top, top_out = (tall - size) / 2, (tall - side) / 2

    done = np.arange(size * size).reshape(size, size) <= step
    cells(axes, np.ones((size, size), dtype=bool), INPUT, (0, top), None if numbers is None else numbers["input"], points,
          pale=~done, pale_colour=PALE_INPUT)
    outline(axes, (column, top + row), 1, 1)
    corner = size + 1.3, (tall - kernel) / 2
    cells(axes, np.ones((kernel, kernel), dtype=bool), FILTER, corner, None if numbers is None else numbers["filter"], points)
    caption(axes, corner[0] + kernel / 2, corner[1] + kernel, "filter")

    covered = covered_by(np.flatnonzero(done.ravel()), size, kernel, stride, side)
    inside = np.zeros((side, side), dtype=bool)
    inside[padding:side - padding, padding:side - padding] = True
    values = covered.astype(float) if numbers is None else numbers["canvas"].astype(float)
    values = np.where(covered > 0, values, np.nan)
    left = size + middle
    cells(axes, inside, OUTPUT, (left, top_out), values, points, pale=covered == 0)
    outline(axes, (left + column * stride, top_out + row * stride), kernel, kernel)
    caption(axes, size / 2, top + size, f"input {size}×{size}")
    cropped = f"canvas {side}×{side}, cropped to {out}×{out}" if padding else f"output {out}×{out}"
    caption(axes, left + side / 2, top_out + side, cropped)


def covered_by(stamps: Sequence[int], size: int, kernel: int, stride: int, side: int) -> np.ndarray:
    """How many of these stamps, counted row by row, cover each cell: int (side, side)."""
    rows, columns = np.divmod(np.asarray(stamps, dtype=int), size)
    place = np.arange(side)

    def lies(starts):
        return (place >= stride * starts[:, None]) & (place < stride * starts[:, None] + kernel)

    return np.einsum("nr,nc->rc", lies(rows).astype(int), lies(columns).astype(int))
