"""Touch of lab 04: LIME in a plane, after Figure 3 of Ribeiro, Singh and Guestrin (KDD 2016).

A black box f divides a square of the plane into two regions with a curved boundary between them. Around the
cross, samples are weighted by how near they are, and a line is fitted to f's scores: it follows the
boundary near the cross and nowhere else.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.style import alternative_text
from course_utils.widgets.touch import Slider, Touch, touch

SIDE = 3.0                          # the square reaches from -SIDE to SIDE
CROSS = np.array([0.4, 0.5])        # the instance that is explained
ALPHA = 1e-3                        # a weak ridge penalty: few samples near the cross may leave the line undetermined
GROUND = ("#CFE3F3", "#F8D5DC")     # f below and above one half


def black_box(points: np.ndarray) -> np.ndarray:
    """f: points (..., 2) to scores (...) between 0 and 1; one half on a wavy boundary."""
    return 1 / (1 + np.exp(-3 * (boundary(points[..., 0]) - points[..., 1])))


def boundary(across: np.ndarray) -> np.ndarray:
    """How far up f is one half, for places (...) along the first feature."""
    return 1.9 * np.sin(1.6 * across) - 0.5 * across


def sample(n: int, seed: int = 0) -> np.ndarray:
    """The cross, and n - 1 points drawn uniformly from the square; (n, 2)."""
    points = np.random.default_rng(seed).uniform(-SIDE, SIDE, size=(n, 2))
    points[0] = CROSS
    return points


def fit(points: np.ndarray, scores: np.ndarray, weights: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """K-LASSO in the plane by scikit-learn: coefficients (2,), one of them 0 where k is 1, and intercept."""
    from sklearn.linear_model import Ridge

    kept = [0, 1]
    if k == 1:  # the lasso's path starts with the feature that varies most along with the score
        centred = points - np.average(points, axis=0, weights=weights)
        kept = [int(np.abs((weights * scores) @ centred).argmax())]
    model = Ridge(alpha=ALPHA).fit(points[:, kept], scores, sample_weight=weights)
    coefficients = np.zeros(2)
    coefficients[kept] = model.coef_
    return coefficients, float(model.intercept_)


def agreement(points: np.ndarray, scores: np.ndarray, weights: np.ndarray, coefficients: np.ndarray,
              intercept: float) -> float:
    """Share of the samples, by weight, that the line puts on the side where f puts them."""
    same = (intercept + points @ coefficients > 0.5) == (scores > 0.5)
    return float(np.average(same, weights=weights))


def figure(points: np.ndarray, scores: np.ndarray, weights: np.ndarray, coefficients: np.ndarray,
           intercept: float, everywhere: tuple[np.ndarray, float] | None = None, title: str = "") -> Figure:
    """Figure 3: regions, samples sized by their weights, the cross, and the line on which g is one half.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        The first is the instance that is explained.
    scores, weights : ndarray, shape (n,)
        f and the kernel at the points.
    coefficients : ndarray, shape (2,)
    intercept : float
        Of the explanation g(z) = intercept + coefficients @ z.
    everywhere : (coefficients, intercept), optional
        Another line, drawn dotted: the one that is fitted without weights.
    title : str

    Returns
    -------
    Figure
    """
    drawing, axes = panels(width=7.2, height=5.2)
    drawing.set_layout_engine("none")                      # places by hand: finding them takes longer than drawing
    axes.set_position((0.09, 0.1, 0.60, 0.8))
    across = np.linspace(-SIDE, SIDE, 121)
    axes.set_facecolor(GROUND[0])
    axes.fill_between(across, boundary(across), -SIDE, color=GROUND[1], linewidth=0)
    flu = scores > 0.5
    for chosen, marker, colour, name in ((flu, "+", PALETTE[1], "f above ½"), (~flu, "o", PALETTE[0], "f below ½")):
        axes.scatter(*points[chosen].T, s=3 + 130 * weights[chosen], marker=marker, color=colour, linewidths=1.6,
                     alpha=0.85, edgecolors=None if marker == "+" else "none", label=name)
    draw_line(axes, coefficients, intercept, color="black", linestyle="--", label="g = ½")
    if everywhere is not None:
        draw_line(axes, *everywhere, color="0.35", linestyle=":", label="g = ½ without weights")
    axes.scatter(*points[0], s=330, marker="P", color="#E00000", edgecolors="white", linewidths=1.5, zorder=5, label="x")
    axes.set(xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE), aspect="equal", xticks=(-3, 0, 3), yticks=(-3, 0, 3), xlabel="first feature", ylabel="second feature", title=title)
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), labelspacing=0.9, frameon=False)
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([90])
    return describe(drawing, "A square divided by a wavy boundary into a pink and a blue region; samples as crosses and dots, "
                             "larger the nearer they lie to a bold red cross; a dashed straight line passes by the cross"
                             f"{'; ' + title if title else ''}.")


def draw_line(axes: Any, coefficients: np.ndarray, intercept: float, **look: Any) -> None:
    """Where g is one half, within the square; nothing where g never is."""
    size = coefficients @ coefficients
    reach = np.sqrt(2) * SIDE
    if size and abs(0.5 - intercept) < reach * np.sqrt(size):
        foot, along = coefficients * (0.5 - intercept) / size, coefficients[::-1] * (-1, 1) / np.sqrt(size)
        axes.plot(*np.stack([foot - 2 * reach * along, foot + 2 * reach * along], axis=1), **look)


def draw(width: float, k: int, n: int, seed: int) -> Figure:
    """The explanation for one setting of kernel width, K, number of samples N and seed."""
    points = sample(n, seed)
    scores = black_box(points)
    weights = np.exp(-((points - CROSS) ** 2).sum(axis=1) / width**2)
    coefficients, intercept = fit(points, scores, weights, k)
    effective = weights.sum() ** 2 / (weights**2).sum()
    near, all_over = (agreement(points, scores, how, coefficients, intercept) for how in (weights, np.ones(n)))
    title = (f"w = ({coefficients[0]:+.2f}, {coefficients[1]:+.2f}) from {effective:.0f} effective samples of {n}\n"
             f"on f's side: {near:.0%} by weight, {all_over:.0%} of all samples")
    made = figure(points, scores, weights, coefficients, intercept, title=title)
    return describe(made, f"{alternative_text(made)} Kernel width {width:.1f}, K = {k}, N = {n}, seed {seed}.")


def explore() -> Touch:
    """Sliders for the kernel's width, K, the number of samples and the seed."""
    return touch(draw, width=Slider(0.7, low=0.1, high=4.0, step=0.1, label="kernel width"),
                 k=Slider(2, low=1, high=2, label="K, features in use"), n=Slider(320, low=40, high=1000, step=40, label="N, samples"),
                 seed=Slider(0, low=0, high=9, label="seed of the samples"))
