"""One bar for each class: the panel that most Touches draw at every move, in as few artists as it takes.

A tick costs as much as everything else of a bar, so the names are plain texts beside the axes.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.ticker import NullLocator

HEIGHT = 0.72


def draw_bars(axes: Any, names: Sequence[str], rows: Sequence[Any], colours: Sequence[Any], limits: tuple[float, float],
              labels: Sequence[str] | None = None) -> None:
    """Bars from zero, the first class at the top.

    Parameters
    ----------
    axes : Axes
    names : sequence of str
        Of the classes.
    rows : sequence of arrays (classes,)
        One or several values of each class, drawn below each other.
    colours : sequence
        For each of `rows` a colour, or a list with one for each class.
    limits : (float, float)
        Of the values.
    labels : sequence of str, optional
        For a legend, one for each of `rows`.
    """
    places, height = np.arange(len(names)), HEIGHT / len(rows)
    for k, (values, colour) in enumerate(zip(rows, colours)):
        top = places - HEIGHT / 2 + k * height
        corners = [[(0, y), (value, y), (value, y + height), (0, y + height)] for value, y in zip(values, top)]
        axes.add_collection(PolyCollection(corners, facecolors=colour, label=labels[k] if labels else None), autolim=False)
    axes.yaxis.set_major_locator(NullLocator())
    for place, name in zip(places, names):
        axes.text(-0.02, place, name, ha="right", va="center", fontsize=10, transform=axes.get_yaxis_transform())
    axes.set(xlim=limits, ylim=(len(names) - 0.4, -0.6))
