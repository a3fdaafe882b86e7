"""Touch of lab 09: the baseline and the number of points, and what they do to the map and to its sum."""
from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import zoo
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.widgets.touch import Choice, Touch, touch

SEED = 11  # of the scene in which every species stands
SPECIES = zoo.SPECIES[:4]
BASELINES = ("black", "grey", "white", "mean colour", "blurred", "the animal's colour")
RULES = ("left", "right", "midpoint")
POINTS = (1, 2, 4, 8, 10, 16, 32)
GRID = 320  # every point of every rule is one of these parts of the path
FINE_POINTS = np.arange(0, GRID + 1, 5)  # of the curve that is drawn in grey
BATCH = 32


@cache
def network() -> Any:
    """The zoo's network."""
    from course_utils import models

    return models.load("zoonet")


@cache
def scene(species: str) -> tuple[np.ndarray, np.ndarray]:
    """A picture (3, 64, 64) in [0, 1] and the mask (64, 64) of its animal."""
    drawn = zoo.draw(species, [SEED])
    return drawn.pictures[0].transpose(2, 0, 1) / np.float32(255), drawn.masks[0]


def starting_point(picture: np.ndarray, mask: np.ndarray, baseline: str) -> np.ndarray:
    """The baseline (3, 64, 64) of that name.

    Raises
    ------
    ValueError
        If it is none of BASELINES.
    """
    from scipy.ndimage import gaussian_filter

    if baseline not in BASELINES:
        raise ValueError(f"There is no baseline {baseline!r}; choose one of {', '.join(BASELINES)}.")
    if baseline == "blurred":
        return gaussian_filter(picture, (0, 6, 6))
    colours = {"black": 0.0, "grey": 0.5, "white": 1.0, "mean colour": picture.mean(axis=(1, 2))[:, None, None],
               "the animal's colour": np.median(picture[:, mask], axis=1)[:, None, None]}
    return np.broadcast_to(colours[baseline], picture.shape).astype(np.float32)


@lru_cache(maxsize=8)
def slopes_on_grid(species: str, baseline: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Slopes at every point that any rule may take, so that moving m or the rule asks the network nothing.

    Returns
    -------
    (ndarray, ndarray, float)
        Points in GRID-ths of the path, rising; at each of them the slopes times the way from the
        baseline, summed over the colours, (points, 64, 64); and S(x) - S(x').
    """
    import torch

    picture, mask = scene(species)
    start = starting_point(picture, mask, baseline)
    label, way = zoo.SPECIES.index(species), picture - start
    places = np.unique(np.concatenate([FINE_POINTS, *(in_grid(m, rule) for m in POINTS for rule in RULES)]))
    path = torch.from_numpy(start + (places / GRID).astype(np.float32)[:, None, None, None] * way)
    each = []
    for points in path.split(BATCH):
        points = points.clone().requires_grad_()
        each.append((torch.autograd.grad(network()(points)[:, label].sum(), points)[0].numpy() * way).sum(axis=1))
    with torch.no_grad():
        high, low = network()(torch.from_numpy(np.stack([picture, start])))[:, label].tolist()
    return places, np.concatenate(each), high - low


def in_grid(m: int, rule: str) -> np.ndarray:
    """The m points of a rule, in GRID-ths of the path."""
    return (2 * np.arange(m) + {"left": 0, "midpoint": 1, "right": 2}[rule]) * GRID // (2 * m)


def along(species: str, baseline: str, m: int, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Points α (m,), slopes dS/dα there (m,), the map (64, 64), and S(x) - S(x')."""
    return taken(species, baseline, in_grid(m, rule))


def taken(species: str, baseline: str, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The same for points in GRID-ths of the path."""
    places, each, rise = slopes_on_grid(species, baseline)
    chosen = each[np.searchsorted(places, wanted)]
    return wanted / GRID, chosen.sum(axis=(1, 2)), chosen.mean(axis=0), rise


def draw(species: str, baseline: str, m: int, rule: str) -> Figure:
    """Picture, baseline, map, and the slope along the path with the points that the rule takes.

    Parameters
    ----------
    species : one of SPECIES.
    baseline : one of BASELINES.
    m : int
        Points on the path, at least 1.
    rule : one of RULES.
    """
    picture, mask = scene(species)
    alphas, slopes, heat, rise = along(species, baseline, int(m), rule)
    fine, curve, _, _ = taken(species, baseline, FINE_POINTS)
    total = slopes.mean()
    error = abs(total - rise) / abs(rise)
    share = np.abs(heat)[mask].sum() / max(np.abs(heat).sum(), 1e-12)

    figure, axes = panels(1, 4, width=10.4, height=3.1, width_ratios=(1, 1, 1, 1.5))
    heatmaps.draw_picture(axes[0], picture)
    axes[0].set_title(species)
    heatmaps.draw_picture(axes[1], starting_point(picture, mask, baseline))
    axes[1].set_title(f"baseline: {baseline}", fontsize=10)
    limit = float(np.quantile(np.abs(heat), 0.998)) or 1.0
    heatmaps.draw(axes[2], heat, signed=True, limit=limit)
    heatmaps.outline(axes[2], mask, "0.3", 0.8)
    axes[2].set_title(f"{share:.0%} of the map on the animal", fontsize=10)
    axes[3].plot(fine, curve, color="0.6", linewidth=1.2)
    axes[3].stairs(slopes, np.linspace(0, 1, len(slopes) + 1), fill=True, color=PALETTE[1], alpha=0.25)
    axes[3].plot(alphas, slopes, "o", color=PALETTE[1], markersize=5)
    axes[3].axhline(0, color="0.4", linewidth=0.8)
    axes[3].locator_params(axis="y", nbins=4)
    axes[3].set(xlabel="α", ylabel="slope dS/dα", xlim=(-0.03, 1.03), xticks=(0, 0.5, 1),
                title=f"sum {total:.2f}, S(x) − S(x') {rise:.2f}\ncompleteness error {error:.1%}")
    return describe(figure, f"A {species}, the baseline {baseline}, {rule} rule with {int(m)} points: the attributions add up to {total:.2f}, the score "
                            f"changes by {rise:.2f}, completeness error {error:.1%}; {share:.0%} of the map on the animal.")


def controls() -> dict[str, Choice]:
    """What can be moved."""
    return {
        "species": Choice("hare", SPECIES, "animal"),
        "baseline": Choice("blurred", BASELINES, "baseline x'"),
        "m": Choice(8, POINTS, "points m"),
        "rule": Choice("right", RULES, "rule"),
    }


def explore() -> Touch:
    """Controls for baseline, points and rule around `draw`."""
    return touch(draw, "m", **controls())
