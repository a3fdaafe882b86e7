"""A prediction along one axis with the two parts of its variance as bands, one inside the other."""
from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.plots.style import PALETTE

WIDTH = 1.96  # standard deviations of a Gaussian's central 95 %
ALEATORIC, EPISTEMIC = PALETTE[5], PALETTE[1]


def two_bands(axes: Any, x: np.ndarray, mean: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray, *, width: float = WIDTH) -> None:
    """The mean as a line; around it the epistemic band, and around that the total one.

    Parameters
    ----------
    axes : matplotlib Axes
    x, mean : ndarray, shape (n,)
        x ascending.
    epistemic, aleatoric : ndarray, shape (n,)
        Standard deviations, never negative; their squares add up.
    width : float
        Half the width of a band in standard deviations.

    Raises
    ------
    ValueError
        If the arrays differ in shape or a standard deviation is negative.
    """
    values = [np.asarray(part, np.float64) for part in (x, mean, epistemic, aleatoric)]
    if any(part.shape != values[0].shape or part.ndim != 1 for part in values):
        raise ValueError(f"Bands got arrays of shape {', '.join(str(part.shape) for part in values)}; give all as (n,).")
    if any((part < 0).any() for part in values[2:]):
        raise ValueError("A band got a negative standard deviation; take the square root of a variance.")
    x, mean, inner, _ = values
    outer = np.hypot(inner, values[3])
    for half, colour, alpha, label in ((outer, ALEATORIC, 0.5, "total"), (inner, EPISTEMIC, 0.7, "epistemic")):
        axes.fill_between(x, mean - width * half, mean + width * half, color=colour, alpha=alpha, linewidth=0, label=label)
    axes.plot(x, mean, color=PALETTE[0], label="mean")
