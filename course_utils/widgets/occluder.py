"""Touch of lab 08: move a square over a picture of the zoo and watch the probabilities of all species.

    from course_utils.widgets import occluder

    occluder.explore()
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.widgets.bars import draw_bars
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SEED = 57                       # of the scene, the same for every species
COLOURS = ("grey", "black", "white", "mean", "blur")
SIDE = 64


@lru_cache(maxsize=1)
def network():
    """The zoo's pooling network."""
    from course_utils import models

    return models.load("zoonet")


@lru_cache(maxsize=16)
def scene(animal: str) -> tuple[np.ndarray, int]:
    """The picture (64, 64, 3) of this species, and its label."""
    from course_utils.datasets import zoo

    drawn = zoo.draw(animal, SEED)
    return drawn.pictures[0], int(drawn.labels[0])


@lru_cache(maxsize=64)
def paint(animal: str, colour: str) -> np.ndarray:
    """What the square shows, for every pixel (64, 64, 3) of this species' picture."""
    picture = scene(animal)[0]
    if colour == "blur":
        from scipy import ndimage

        return ndimage.gaussian_filter(picture.astype(float), (6, 6, 0), mode="nearest").round().astype(np.uint8)
    flat = {"grey": 128, "black": 0, "white": 255, "mean": picture.mean((0, 1)).round()}[colour]
    return np.broadcast_to(np.asarray(flat, np.uint8), picture.shape)


def hide(animal: str, row: int, column: int, size: int, colour: str) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The picture with the square, and the square as (top, left, bottom, right), cut at the border."""
    top, left = max(row - size // 2, 0), max(column - size // 2, 0)
    bottom, right = min(row - size // 2 + size, SIDE), min(column - size // 2 + size, SIDE)
    picture = scene(animal)[0].copy()
    picture[top:bottom, left:right] = paint(animal, colour)[top:bottom, left:right]
    return picture, (top, left, bottom, right)


@lru_cache(maxsize=16)
def untouched(animal: str) -> np.ndarray:
    """Probabilities (8,) without a square."""
    return probabilities(scene(animal)[0])


def probabilities(picture: np.ndarray) -> np.ndarray:
    """Probabilities (8,) that the network gives a picture (64, 64, 3)."""
    import torch

    from course_utils import models

    with torch.inference_mode():
        return network()(models.as_input(picture)).softmax(1)[0].numpy()


def draw(animal: str = "camel", row: int = 25, column: int = 37, size: int = 16, colour: str = "grey") -> Figure:
    """The picture with its square beside the probability of every species, with and without the square.

    Parameters
    ----------
    animal : str
        A species of the zoo.
    row, column : int
        Middle of the square, in pixels from the top left.
    size : int
        Side of the square in pixels.
    colour : one of COLOURS
    """
    from course_utils.datasets import zoo

    picture, square = hide(animal, row, column, size, colour)
    now, before, label = probabilities(picture), untouched(animal), scene(animal)[1]
    figure, (left, right) = panels(1, 2, width=8.0, height=3.7, width_ratios=(1, 1.25))
    heatmaps.draw_picture(left, picture)
    left.add_patch(Rectangle((square[1] - 0.5, square[0] - 0.5), square[3] - square[1], square[2] - square[0], fill=False,
                             edgecolor=PALETTE[4], linewidth=1.5, linestyle="--"))
    left.set_title(f"a {colour} square of {size} pixels")
    places = np.arange(len(zoo.SPECIES))
    draw_bars(right, zoo.SPECIES, [now], [[PALETTE[1] if k == label else PALETTE[5] for k in places]], (0, 1.02),
              [f"with the square (orange: {animal})"])
    right.plot(before, places, "|", color=PALETTE[6], markersize=13, markeredgewidth=2, linestyle="none", label="without it")
    right.set(xticks=(0, 0.5, 1), xlabel="probability", title=f"{zoo.SPECIES[label]}: {now[label]:.2f}")
    right.legend(loc="upper right")
    return describe(figure, f"A {animal} with a {colour} square of {size} pixels around row {row}, column {column}; the network gives "
                            f"the true species a probability of {now[label]:.2f}, without the square {before[label]:.2f}.")


def explore() -> Touch:
    """The picture with sliders for the square."""
    from course_utils.datasets import zoo

    return touch(draw, "column", animal=Choice("camel", zoo.SPECIES), row=Slider(25, 0, SIDE - 1), column=Slider(37, 0, SIDE - 1),
                 size=Slider(16, 2, 32, 2), colour=Choice("grey", COLOURS))
