"""Maps of points in two dimensions: every point drawn as its picture, or as a dot of its class.

The pictures are pasted onto one canvas, so that five hundred of them are one image to draw.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.figure import Figure

from course_utils.plots.style import DPI, PALETTE, describe, panels

EDGE = 8     # white pixels around a canvas of pictures
SHADES = 12  # of each colour on a canvas of pictures: hardly to be seen, and the figure takes far less room
# Ten classes that stay apart on white: the palette without its yellow, then Paul Tol's wine, olive and a grey.
TEN = (*PALETTE[:7], "#882255", "#999933", "#888888")


def placed(positions: np.ndarray, shape: tuple[int, int], side: int) -> np.ndarray:
    """Top left corners (n, 2), rows and columns, of squares that show positions (n, 2) on a canvas.

    Both directions have the same scale, and no square leaves the canvas of shape (height, width).
    """
    low, high = positions.min(axis=0), positions.max(axis=0)
    room = np.array([shape[1] - side, shape[0] - side], float)
    scale = (room / np.maximum(high - low, 1e-12)).min()
    x, y = ((positions - (low + high) / 2) * scale + room / 2).T
    return np.round(np.stack([room[1] - y, x], axis=1)).astype(int)


def nudge(corners: np.ndarray, shape: tuple[int, int], side: int, rounds: int = 60, covered: float = 0.3) -> np.ndarray:
    """Corners (n, 2) moved until few squares cover more than a share `covered` of each other's width, none off the canvas."""
    place, wanted = corners.astype(float), (1 - covered) * side
    for _ in range(rounds):
        apart = place[:, None] - place[None]
        short = wanted - np.abs(apart)
        overlap = (short > 0).all(axis=2)
        np.fill_diagonal(overlap, False)
        along = short[..., 1] < short[..., 0]  # the shorter way out
        push = np.stack([np.where(along, 0, short[..., 0]), np.where(along, short[..., 1], 0)], axis=2) * overlap[..., None]
        place += 0.25 * (np.where(apart >= 0, 1, -1) * push).sum(axis=1).clip(-side, side)
        place = place.clip(0, np.array(shape) - side)
    return np.round(place).astype(int)


def bordered(pictures: np.ndarray, colours: Sequence[str], side: int, border: int = 2) -> np.ndarray:
    """Pictures (n, height, width, 3) made small, in a frame of their class's colour: RGBA (n, side, side, 4)."""
    from PIL import Image

    frames = np.empty((len(pictures), side, side, 4))
    inner = side - 2 * border
    for frame, one, colour in zip(frames, pictures, colours):
        frame[:] = matplotlib.colors.to_rgba(colour)
        small = Image.fromarray(one).resize((inner, inner), Image.Resampling.LANCZOS)
        frame[border:-border, border:-border, :3] = np.asarray(small) / 255
    return frames


def inked(pictures: np.ndarray, colours: Sequence[str], side: int) -> np.ndarray:
    """Grey pictures uint8 (n, height, width) as ink of their class's colour on nothing: RGBA (n, side, side, 4)."""
    from PIL import Image

    marks = np.empty((len(pictures), side, side, 4))
    for mark, one, colour in zip(marks, pictures, colours):
        mark[:] = matplotlib.colors.to_rgba(colour)
        mark[..., 3] = np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) / 255
    return marks


def paste(marks: np.ndarray, positions: np.ndarray, shape: tuple[int, int], nudged: bool = False) -> np.ndarray:
    """Small RGBA pictures (n, side, side, 4) on a white canvas: RGB (height, width, 3) in [0, 1]."""
    canvas = np.ones((*shape, 3))
    side = marks.shape[1]
    corners = placed(positions, shape, side)
    for mark, (top, left) in zip(marks, nudge(corners, shape, side) if nudged else corners):
        part = canvas[top : top + side, left : left + side]
        part += mark[..., 3:] * (mark[..., :3] - part)
    return canvas


def draw_pictures(axis: Any, marks: np.ndarray, positions: np.ndarray, shape: tuple[int, int] = (560, 860),
                  nudged: bool = False) -> None:
    """Draw pictures as points.

    Parameters
    ----------
    axis : matplotlib Axes
    marks : RGBA (n, side, side, 4), from `bordered` or `inked`
    positions : (n, 2)
        Only their arrangement counts: a map has no units.
    shape : (height, width) of the canvas in pixels
    nudged : bool
        Move pictures apart that would cover each other.
    """
    canvas = paste(marks, positions, (shape[0] - 2 * EDGE, shape[1] - 2 * EDGE), nudged)
    fine = np.pad(np.round(canvas * SHADES) / SHADES, ((EDGE, EDGE), (EDGE, EDGE), (0, 0)), constant_values=1.0)
    axis.imshow(fine, interpolation="antialiased")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def sheet(marks: np.ndarray, positions: np.ndarray, *, shape: tuple[int, int] = (720, 900), nudged: bool = False, title: str = "",
          alt: str = "") -> Figure:
    """A figure of pictures as points, one dot of the screen for each pixel of the canvas; arguments as for `draw_pictures`."""
    strip = 30 if title else 0
    figure, axis = panels(width=shape[1] / DPI, height=(shape[0] + strip) / DPI)
    figure.set_layout_engine("none")
    axis.set_position((0, 0, 1, shape[0] / (shape[0] + strip)))
    draw_pictures(axis, marks, positions, shape, nudged)
    axis.set_title(title)
    return describe(figure, alt) if alt else figure


def draw_points(axis: Any, positions: np.ndarray, labels: np.ndarray | None = None, *, names: Sequence[str] | None = None,
                colours: Sequence[str] = TEN, size: float = 9) -> None:
    """Draw dots in the colours of their classes, on axes of equal scale without ticks.

    Parameters
    ----------
    axis : matplotlib Axes
    positions : (n, 2)
    labels : (n,) int, optional
        Index into colours, and into names; without them all dots are grey.
    names : sequence of str, optional
        Written at the median of each class.
    colours : sequence of str
    size : float
        Area of a dot, in points squared.
    """
    shown = "0.35" if labels is None else np.array(colours)[np.asarray(labels)]
    axis.scatter(*positions.T, s=size, c=shown, linewidths=0, alpha=0.85)
    for k, name in enumerate(names or ()):
        if (labels == k).any():
            axis.text(*np.median(positions[labels == k], axis=0), name, ha="center", va="center", weight="bold", color=colours[k],
                      path_effects=[patheffects.withStroke(linewidth=3, foreground="white")])
    axis.set(xticks=[], yticks=[], aspect="equal", anchor="C")
    axis.set_adjustable("datalim")
    for spine in axis.spines.values():
        spine.set(visible=True, color="0.85")
