"""Patches of pictures, and mosaics of them: what a filter has found, beside what it is taken to look for."""
from __future__ import annotations

from typing import Any

import numpy as np


def crops(pictures: np.ndarray, corners: np.ndarray, size: int, fill: float = 1.0) -> np.ndarray:
    """A square from each picture; what lies beyond its border is filled.

    Parameters
    ----------
    pictures : ndarray, shape (n, height, width, 3)
    corners : ndarray, int, shape (n, 2)
        Row and column of each square's first pixel; may be negative, and reach over the border by
        up to `size` pixels.
    size : int
        Side in pixels.
    fill : float
        Value beyond the border.

    Returns
    -------
    ndarray, shape (n, size, size, 3)
    """
    padded = np.pad(pictures, ((0, 0), (size, size), (size, size), (0, 0)), constant_values=fill)
    steps = size + np.arange(size)
    rows, columns = corners[:, :1] + steps, corners[:, 1:] + steps
    return padded[np.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]]


def about_grey(values: np.ndarray) -> np.ndarray:
    """Signed values as colours: (n, ..., 3) to [0, 1], zero is middle grey, each of the n on a scale of its own.

    The scale ends where one value in a hundred is larger in size: a single bright pixel would
    leave the others grey.
    """
    values = np.asarray(values, float)
    axes = tuple(range(1, values.ndim))
    limit = np.quantile(np.abs(values), 0.99, axis=axes, keepdims=True)
    limit = np.where(limit > 0, limit, np.abs(values).max(axis=axes, keepdims=True))
    return np.clip(0.5 + 0.5 * values / np.where(limit > 0, limit, 1), 0, 1)


def mosaic(tiles: np.ndarray, columns: int = 3, gap: int = 1) -> np.ndarray:
    """Tiles (n, size, size, 3) in [0, 1], row by row, with white gaps: one picture (rows, columns, 3)."""
    tiles = np.asarray(tiles, float)
    size, rows = tiles.shape[1], -(-len(tiles) // columns)
    page = np.ones((rows * columns, size + gap, size + gap, 3))
    page[: len(tiles), :size, :size] = tiles
    page = page.reshape(rows, columns, size + gap, size + gap, 3).swapaxes(1, 2)
    return page.reshape(rows * (size + gap), columns * (size + gap), 3)[:-gap, :-gap] if gap else page.reshape(rows * size, columns * size, 3)


def show(axes: Any, tiles: np.ndarray, columns: int = 3, gap: int = 1, title: str = "") -> None:
    """Draw a mosaic on axes without ticks."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.imshow(np.clip(mosaic(tiles, columns, gap), 0, 1))
    if title:
        axes.set_title(title)
