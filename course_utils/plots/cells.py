"""Grids of cells: the bricks of every drawing of a convolution, grids of numbers, and matrices of weights.

One cell is one unit of the axes, rows grow downwards. Input cells are blue and output cells orange;
a cell with a dashed edge holds a zero that padding or spreading has put there.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle

INPUT, OUTPUT = "#56B4E9", "#E69F00"
PALE_OUTPUT = "#FBECCC"      # an output cell whose turn has not come
PALE_INPUT = "#DDEFFA"
FILTER = "#F2F2F2"
LINE, DASHED, WINDOW = "#333333", "#A0A0A0", "#000000"
WEIGHT_COLOURS = ("#FFFFFF", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00")  # of a zero, of weight 1, 2, ...


def frame(axes: Any, columns: float, rows: float, shares: float = 1.0) -> float:
    """Set the axes up for so many cells, with the rows growing downwards.

    Parameters
    ----------
    axes : Axes
        Made by `panels`.
    columns, rows : float
        Cells that have to fit in.
    shares : float
        Part of the panel's height that titles leave over.

    Returns
    -------
    float
        The side of a cell in points, about: what the size of its text follows from.
    """
    axes.set(xlim=(-0.3, columns + 0.3), ylim=(rows + 0.3, -0.3), aspect="equal")
    axes.axis("off")
    grid = axes.get_subplotspec().get_gridspec()
    width, height = axes.figure.get_size_inches() * 72
    return float(min(width / grid.ncols * 0.93 / (columns + 0.6), height / grid.nrows * shares * 0.93 / (rows + 0.6)))


def cells(axes: Any, filled: np.ndarray, colour: str, corner: tuple[float, float] = (0, 0),
          values: np.ndarray | None = None, cell_points: float = 20.0, pale: np.ndarray | None = None,
          pale_colour: str = PALE_OUTPUT) -> None:
    """Draw a grid of cells.

    Parameters
    ----------
    axes : Axes
    filled : ndarray of bool, shape (rows, columns)
        True: a coloured cell; False: a white one with a dashed edge.
    colour : colour of the filled cells.
    corner : (column, row) of the grid's top left corner.
    values : ndarray, shape (rows, columns), optional
        Numbers to write into the cells; NaN stays empty.
    cell_points : float
        From `frame`.
    pale : ndarray of bool, shape (rows, columns), optional
        Filled cells that get the pale colour.
    pale_colour : their colour.
    """
    left, top = corner
    pale = np.zeros_like(filled) if pale is None else pale & filled
    looks = ((~filled, "white", DASHED, (0, (3, 2))), (pale, pale_colour, LINE, "-"), (filled & ~pale, colour, LINE, "-"))
    for order, (chosen, face, edge, style) in enumerate(looks, 1):  # solid edges lie over dashed ones
        axes.add_collection(squares(chosen, corner, facecolor=face, edgecolor=edge, linestyle=style, zorder=order))
    if values is not None:
        size = min(13.0, 0.46 * cell_points)
        for row, column in zip(*np.nonzero(~np.isnan(np.asarray(values, dtype=float)))):
            axes.text(left + column + 0.5, top + row + 0.53, f"{values[row, column] + 0.0:g}".replace("-", "−"),
                      ha="center", va="center", fontsize=size, zorder=6)


def squares(chosen: np.ndarray, corner: tuple[float, float], **look: Any) -> PolyCollection:
    """A unit square for each cell that is True in `chosen`, as one artist."""
    rows, columns = np.nonzero(chosen)
    starts = np.stack([corner[0] + columns, corner[1] + rows], axis=1)
    return PolyCollection(starts[:, None] + np.array([(0, 0), (1, 0), (1, 1), (0, 1)]), linewidth=0.8, **look)


def outline(axes: Any, corner: tuple[float, float], height: float, width: float, colour: str = WINDOW) -> None:
    """Outline a rectangle of cells: the window, the stamp, or the cell in turn. `corner` is (column, row)."""
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=2.6, zorder=7, joinstyle="miter"))


def ties(axes: Any, one: tuple[float, float, float], other: tuple[float, float, float]) -> None:
    """Thin lines from the right edge of one square to the left edge of another, each (column, row, side)."""
    lines = [[(one[0] + one[2], one[1] + end * one[2]), (other[0], other[1] + end * other[2])] for end in (0, 1)]
    axes.add_collection(LineCollection(lines, colors=WINDOW, linewidths=0.8, alpha=0.55, zorder=6))


def caption(axes: Any, column: float, row: float, text: str) -> None:
    """A label below a grid."""
    axes.text(column, row + 0.35, text, ha="center", va="top", fontsize=10)


def number_grid(axes: Any, values: np.ndarray, colour: str, title: str = "", filled: np.ndarray | None = None,
                fit: tuple[float, float] | None = None, mark: tuple[int, int, int, int] | None = None) -> None:
    """One grid of numbers in a panel of its own.

    Parameters
    ----------
    axes : Axes
    values : ndarray, shape (rows, columns)
    colour : of the filled cells.
    title : str
    filled : ndarray of bool, optional
        Where False, the cell is white with a dashed edge; all filled by default.
    fit : (columns, rows), optional
        Room in cells, where several panels share one scale.
    mark : (row, column, height, width), optional
        Cells to outline.
    """
    rows, columns = values.shape
    wide, tall = fit or (columns, rows)
    points = frame(axes, wide, tall, shares=0.85)
    corner = (wide - columns) / 2, (tall - rows) / 2
    cells(axes, np.ones(values.shape, dtype=bool) if filled is None else filled, colour, corner, values, points)
    if mark is not None:
        outline(axes, (corner[0] + mark[1], corner[1] + mark[0]), mark[2], mark[3])
    axes.set_title(title)


def weight_matrix(axes: Any, indices: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str = "") -> None:
    """A matrix in which every entry is zero or one of the filter's weights, in that weight's colour.

    Parameters
    ----------
    axes : Axes
    indices : ndarray of int, shape (len(rows), len(columns))
        0 for a zero, j for weight j, counted from 1.
    rows, columns : sequence of str
        Labels, such as `"$y_1$"`.
    title : str
    """
    tall, wide = indices.shape
    points = frame(axes, wide + 1.2, tall + 1.0, shares=0.88)
    size = min(13.0, 0.5 * points)
    for value in np.unique(indices):
        axes.add_collection(squares(indices == value, (1.2, 1.0), facecolor=WEIGHT_COLOURS[value],
                                    edgecolor=LINE if value else "#C8C8C8", zorder=3 if value else 1))
        label = "0" if value == 0 else f"$w_{value}$"
        for r, c in zip(*np.nonzero(indices == value)):
            axes.text(1.7 + c, 1.5 + r, label, ha="center", va="center", fontsize=size, zorder=4,
                      color="#909090" if value == 0 else "black")
    for r, label in enumerate(rows):
        axes.text(1.0, 1.5 + r, label, ha="right", va="center", fontsize=size)
    for c, label in enumerate(columns):
        axes.text(1.7 + c, 0.85, label, ha="center", va="bottom", fontsize=size)
    axes.set_title(title)
