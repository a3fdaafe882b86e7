"""Reliability diagrams: how often a classifier is right where it says how sure it is (DeGroot and Fienberg 1983)."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from course_utils.plots.style import PALETTE


class Bins(NamedTuple):
    """What falls into each of the bins of equal width; NaN where a bin is empty.

    edges (bins + 1,); count int (bins,); confidence, accuracy (bins,): means over the bin.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def gap(self) -> float:
        """Mean |accuracy - confidence| over all samples: the expected calibration error (Naeini et al. 2015)."""
        filled = self.count > 0
        return float((self.count * np.abs(self.accuracy - self.confidence))[filled].sum() / self.count.sum())


def binned(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> Bins:
    """Sort predictions into bins of equal width over [0, 1].

    Parameters
    ----------
    confidence : ndarray, shape (n,), in [0, 1]
    right : ndarray, bool or float, shape (n,)
    bins : int

    Raises
    ------
    ValueError
        For confidences outside [0, 1], or none at all.
    """
    from scipy.stats import binned_statistic

    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if not len(confidence) or confidence.min() < 0 or confidence.max() > 1 + 1e-9:
        raise ValueError("A reliability diagram takes probabilities in [0, 1], at least one; give the largest of each softmax.")
    confidence = np.minimum(confidence, 1.0)  # a softmax in float32 may pass 1 by rounding
    count = binned_statistic(confidence, None, "count", bins, (0, 1))
    means = binned_statistic(confidence, [confidence, right], "mean", bins, (0, 1)).statistic
    return Bins(count.bin_edges, count.statistic.astype(int), means[0], means[1])


def draw(axes: Any, table: Bins, *, title: str = "") -> None:
    """Bars of accuracy at the bins' mean confidence, and the diagonal of a calibrated classifier.

    An orange line spans the gap from the bin's accuracy (its dot) to its mean confidence. The darker
    a bar, the more samples it stands on.
    """
    filled = table.count > 0
    left, end = table.edges[:-1][filled], table.edges[1:][filled]
    accuracy, confidence = table.accuracy[filled], table.confidence[filled]
    shade = 0.25 + 0.75 * table.count[filled] / table.count.max()
    zero, thickness = np.zeros_like(accuracy), np.clip(45 / len(table.count), 1, 3)  # many bins: thin lines, or they run together
    corners = np.stack([np.stack(pair, axis=1) for pair in ((left, zero), (left, accuracy), (end, accuracy), (end, zero))], axis=1)
    blue = [(*to_rgb(PALETTE[0]), alpha) for alpha in shade]
    axes.add_collection(PolyCollection(corners, facecolors=blue, edgecolors="white", linewidths=0.8))  # one artist: it is drawn at every move
    axes.vlines(confidence, np.minimum(accuracy, confidence), np.maximum(accuracy, confidence), color=PALETTE[1], linewidth=thickness)
    axes.plot(confidence, accuracy, "o", color=PALETTE[1], markersize=2 + thickness, clip_on=False, zorder=3)  # dots at the ends stay whole
    axes.plot([0, 1], [0, 1], color="0.35", linestyle="--", linewidth=1.2)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.03), xlabel="confidence", ylabel="share that is right", title=title)
