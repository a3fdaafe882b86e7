"""A curve that is not known for sure: its mean, and the band in which it is expected."""
from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.plots.style import PALETTE


def band(axes: Any, x: np.ndarray, mean: np.ndarray, std: np.ndarray, *, width: float = 1.96, colour: str = PALETTE[0],
         label: str | None = None) -> None:
    """Draw a mean and the band of `width` standard deviations on both sides of it.

    Parameters
    ----------
    axes : matplotlib Axes
    x, mean, std : (n,)
        x in rising order.
    width : float
        1.96 holds 95 % of a normal distribution.
    colour : str
    label : str, optional
        Of the mean, for the legend.
    """
    axes.fill_between(x, mean - width * std, mean + width * std, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, mean, color=colour, label=label)


def observations(axes: Any, x: np.ndarray, y: np.ndarray, *, label: str | None = "observed", size: float = 7) -> None:
    """Draw what was measured, as black dots above everything else."""
    axes.plot(x, y, "o", color=PALETTE[6], markersize=size, label=label, zorder=4)
