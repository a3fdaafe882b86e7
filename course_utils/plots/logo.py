"""Letters of a sequence, each as high as its value: how attributions of DNA are drawn."""
from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from course_utils.plots.style import PALETTE

COLOURS = {"A": PALETTE[2], "C": PALETTE[0], "G": PALETTE[4], "T": PALETTE[1]}


def glyph(letter: str) -> Path:
    """The outline of a letter, stretched to a box of width 1 and height 1."""
    outline = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    (left, bottom), (right, top) = outline.get_extents().get_points()
    return Affine2D().translate(-left, -bottom).scale(0.94 / (right - left), 1 / (top - bottom)).transform_path(outline)


def draw(axes: Any, letters: str, values: np.ndarray, marked: np.ndarray | None = None) -> None:
    """Draw a letter for each position, upwards where its value is positive, downwards and upside down where negative.

    Parameters
    ----------
    axes : Axes
    letters : str of length n
        Of A, C, G and T.
    values : ndarray, shape (n,)
    marked : ndarray of bool, shape (n,), optional
        Positions with a grey background, such as those of a planted motif.

    Raises
    ------
    ValueError
        If there is not one value for each letter, or a letter is none of the four.
    """
    values = np.asarray(values, float)
    if values.shape != (len(letters),) or set(letters) - set(COLOURS):
        raise ValueError(f"The logo got {len(letters)} letters and values of shape {values.shape}; give one value for each letter, of A, C, G and T.")
    outlines = {letter: glyph(letter) for letter in sorted(set(letters))}
    for letter, outline in outlines.items():
        placed = [PathPatch(Affine2D().scale(1, values[k]).translate(k - 0.47, 0).transform_path(outline))
                  for k in range(len(letters)) if letters[k] == letter and values[k] != 0]
        axes.add_collection(PatchCollection(placed, facecolor=COLOURS[letter], edgecolor="none", zorder=3))
    if marked is not None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(marked, bool), [False]])))
        for start, stop in edges.reshape(-1, 2):
            axes.axvspan(start - 0.5, stop - 0.5, color="0.9", zorder=0)
    axes.axhline(0, color="0.4", linewidth=0.8, zorder=2)
    room = 0.05 * (np.ptp(np.append(values, 0.0)) or 1.0)
    axes.set(xlim=(-0.5, len(letters) - 0.5), ylim=(min(values.min(), 0) - room, max(values.max(), 0) + room))
