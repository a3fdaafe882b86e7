"""Contact sheets: many small grey pictures as one."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots.style import describe, panels

GAP = 2  # pixels between pictures


def tiled(pictures: Any, columns: int) -> np.ndarray:
    """Pictures side by side, row by row, as one uint8 picture; white between them.

    Parameters
    ----------
    pictures : array or tensor
        (n, height, width) or (n, 1, height, width); uint8, or float in [0, 1] (what lies outside is cut).
    columns : int
        A last row that is not full is filled with white.
    """
    pictures = np.asarray(pictures.detach() if hasattr(pictures, "detach") else pictures)
    pictures = pictures.reshape(len(pictures), *pictures.shape[-2:])
    if pictures.dtype != np.uint8:
        pictures = np.round(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
    rows = -(-len(pictures) // columns)
    height, width = pictures.shape[1] + GAP, pictures.shape[2] + GAP
    page = np.full((rows * columns, height, width), 255, np.uint8)
    page[: len(pictures), GAP:, GAP:] = pictures
    page = page.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
    return np.pad(page, ((0, GAP), (0, GAP)), constant_values=255)


def draw_sheet(axes: Any, pictures: Any, columns: int, title: str = "") -> None:
    """Draw a contact sheet on axes, without ticks."""
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(False)
    axes.imshow(tiled(pictures, columns), cmap="gray", vmin=0, vmax=255)


def sheet(pictures: Any, columns: int = 16, *, title: str = "", width: float = 9.0, alt: str) -> Figure:
    """One contact sheet as a figure; `alt` is its alternative text."""
    rows = -(-len(pictures) // columns)
    figure, axes = panels(width=width, height=width * rows / columns + (0.35 if title else 0.05))
    draw_sheet(axes, pictures, columns, title)
    return describe(figure, alt)


def sheets(named: dict[str, Any], columns: int, *, across: int | None = None, width: float = 9.0, alt: str) -> Figure:
    """Several contact sheets side by side, by title; `across` of them in a row."""
    across = across or len(named)
    down = -(-len(named) // across)
    most = max(-(-len(pictures) // columns) for pictures in named.values())
    figure, axes = panels(down, across, width=width, height=down * (width / across * most / columns + 0.35), squeeze=False)
    for axis in axes.flat[len(named):]:
        axis.remove()
    for axis, (title, pictures) in zip(axes.flat, named.items()):
        draw_sheet(axis, pictures, columns, title)
    return describe(figure, alt)


def labelled_rows(rows: Sequence[tuple[str, Any]], *, width: float = 9.0, alt: str) -> Figure:
    """Rows of pictures of equal number, one below the other, each with its name at the left."""
    names, pictures = zip(*((name, np.asarray(some.detach() if hasattr(some, "detach") else some)) for name, some in rows))
    count, side = len(pictures[0]), pictures[0].shape[-1] + GAP
    figure, axes = panels(width=width, height=(width - 1.5) * len(rows) / count + 0.05)
    draw_sheet(axes, np.concatenate(pictures), count)
    axes.set(yticks=side * (np.arange(len(rows)) + 0.5), yticklabels=names)
    axes.tick_params(axis="y", length=0)
    return describe(figure, alt)
