"""Touch of lab 06: paint on a picture, and watch its scores and its saliency map."""
from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import zoo
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.widgets.bars import draw_bars
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SEED = 13  # of the scene in which every species stands
NUDGE = 0.1  # how far "uphill" and "downhill" move a colour; colours run from 0 to 1
PAINTS = {"grey": (0.5, 0.5, 0.5), "black": (0, 0, 0), "white": (1, 1, 1), "red": (0.85, 0.1, 0.1),
          "green": (0.2, 0.6, 0.2), "blue": (0.1, 0.3, 0.8)}
COLOURS = (*PAINTS, "uphill", "downhill")


@cache
def network() -> Any:
    """The zoo's network."""
    from course_utils import models

    return models.load("zoonet")


@cache
def scene(species: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture (3, 64, 64) in [0, 1], its scores (8,), and the slope (3, 64, 64) of the score of its species."""
    picture = zoo.draw(species, [SEED]).pictures[0].transpose(2, 0, 1) / np.float32(255)
    return picture, *ask(picture, zoo.SPECIES.index(species))


def ask(picture: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a picture (3, 64, 64), and the slope of the score of one class."""
    import torch

    x = torch.from_numpy(np.ascontiguousarray(picture))[None].requires_grad_()
    scores = network()(x)[0]
    slope = torch.autograd.grad(scores[label], x)[0][0]
    return scores.detach().numpy(), slope.numpy()


def paint(picture: np.ndarray, slope: np.ndarray, x: int, y: int, size: int, colour: str) -> np.ndarray:
    """A copy of the picture with a square of `size` pixels about column x and row y painted over.

    Raises
    ------
    ValueError
        If the colour is none of COLOURS.
    """
    if colour not in COLOURS:
        raise ValueError(f"The brush has no colour {colour!r}; choose one of {', '.join(COLOURS)}.")
    painted = picture.copy()
    rows, columns = (slice(max(0, place - size // 2), place - size // 2 + size) for place in (y, x))
    if colour in PAINTS:
        painted[:, rows, columns] = np.array(PAINTS[colour], np.float32)[:, None, None]
    else:
        way = NUDGE if colour == "uphill" else -NUDGE
        painted[:, rows, columns] = np.clip(picture + np.float32(way) * np.sign(slope), 0, 1)[:, rows, columns]
    return painted


def draw(species: str, x: int, y: int, size: int, colour: str) -> Figure:
    """The painted picture, the map of the score's slope, and all scores before and after.

    Parameters
    ----------
    species : str
        One of `zoo.SPECIES`: the animal in the picture and the class that is explained.
    x, y : int
        Column and row of the brush, in pixels from the upper left corner, 0 to 63.
    size : int
        Side of the brush in pixels; 1 changes one pixel.
    colour : str
        One of COLOURS; "uphill" and "downhill" move every colour under the brush by 0.1 along the
        sign of its slope, or against it.
    """
    picture, before, slope = scene(species)
    label = zoo.SPECIES.index(species)
    painted = paint(picture, slope, int(x), int(y), int(size), colour)
    after, slope_after = ask(painted, label)
    predicted = float(before[label] + (slope * (painted - picture)).sum())

    figure, axes = panels(1, 3, width=9.6, height=3.3, width_ratios=(1, 1, 1.15))
    heatmaps.draw_picture(axes[0], painted)
    heatmaps.draw(axes[1], np.abs(slope_after).max(axis=0), limit=float(np.abs(slope).max()) * 0.8)
    for axis in axes[:2]:
        heatmaps.box(axis, (y - size // 2, x - size // 2, y - size // 2 + size, x - size // 2 + size), PALETTE[4])
    axes[0].set_title(f"{colour} brush at ({x}, {y})")
    axes[1].set_title(f"largest |slope| of the {species} score")

    rows = np.arange(len(zoo.SPECIES))
    low, high = min(before.min(), after.min(), predicted), max(before.max(), after.max(), predicted)
    draw_bars(axes[2], zoo.SPECIES, [after], [[PALETTE[1] if k == label else "0.7" for k in rows]], (low - 1, high + 1))
    axes[2].plot(before, rows, "|", color="black", markersize=13, markeredgewidth=2, label="unpainted")
    axes[2].plot(predicted, label, "D", color=PALETTE[0], markersize=7, label="linear model")
    axes[2].locator_params(axis="x", nbins=4)
    axes[2].set(xlabel="score (before the softmax)", title=f"{species}: {before[label]:.2f} → {after[label]:.2f} (linear: {predicted:.2f})")
    axes[2].axvline(0, color="0.5", linewidth=1)
    axes[2].legend(loc="lower right", fontsize=9)
    return describe(figure, f"A {species} with a {colour} square of {size} pixels at column {x}, row {y}. Score of {species}: "
                            f"{before[label]:.2f} before, {after[label]:.2f} after; the linear model predicts {predicted:.2f}.")


def controls() -> dict[str, Slider | Choice]:
    """What can be moved."""
    return {
        "species": Choice("hare", zoo.SPECIES, "animal"),
        "x": Slider(48, 0, 63, 1, "column of the brush"),
        "y": Slider(28, 0, 63, 1, "row of the brush"),
        "size": Slider(9, 1, 21, 2, "size (pixels)"),
        "colour": Choice("grey", COLOURS, "colour"),
    }


def explore() -> Touch:
    """Sliders for the brush around `draw`."""
    return touch(draw, **controls())
