"""Explanations as bars: one weight for each named piece, for and against."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots.style import PALETTE, describe, panels, symmetric_limit

FOR, AGAINST = PALETTE[1], PALETTE[0]


def bars(names: Sequence[str], weights: np.ndarray, *, truth: np.ndarray | None = None, xlabel: str = "weight",
         title: str = "", named_only: bool = True, width: float = 7.0, alt: str = "") -> Figure:
    """Horizontal bars, the largest weight on top: evidence for in orange, against in blue.

    Parameters
    ----------
    names : sequence of d str
    weights : ndarray, shape (d,)
    truth : ndarray, shape (d,), optional
        Known values, drawn as open diamonds over the bars.
    xlabel : str
        What a weight is, with its unit.
    title : str
    named_only : bool
        Leave out the pieces with weight zero.
    width : float
        Inches.
    alt : str
        Alternative text.

    Raises
    ------
    ValueError
        If names and weights differ in number.
    """
    weights = np.asarray(weights, float)
    if len(names) != len(weights):
        raise ValueError(f"There are {len(names)} names for {len(weights)} weights; give one for each.")
    order = np.argsort(-np.abs(weights), kind="stable")
    if named_only:
        order = order[weights[order] != 0]
    figure, axes = panels(width=width, height=1.1 + 0.34 * max(len(order), 1))
    places = np.arange(len(order))
    axes.barh(places, weights[order], height=0.62, color=[FOR if w > 0 else AGAINST for w in weights[order]])
    if truth is not None:
        axes.scatter(np.asarray(truth, float)[order], places, marker="D", s=46, facecolor="white", edgecolor="black",
                     linewidth=1.4, zorder=3, label="known")
        figure.legend(loc="outside right upper")
    limit = 1.12 * symmetric_limit(weights, *([] if truth is None else [np.asarray(truth)[order]]))
    axes.axvline(0, color="black", linewidth=1)
    axes.set(yticks=places, yticklabels=[names[k] for k in order], ylim=(len(order) - 0.4, -0.6), xlim=(-limit, limit), xlabel=xlabel, title=title)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    said = ", ".join(f"{names[k]} {'for' if weights[k] > 0 else 'against'}" for k in order[:8])
    return describe(figure, alt or f"Bars of the explanation, the largest first: {said}.")
