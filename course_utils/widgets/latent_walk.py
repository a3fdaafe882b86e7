"""Touch of lab 02: walk from one point of the latent space to another, and see what is drawn on the way.

    from course_utils.widgets import latent_walk

    latent_walk.explore()             # the generator that ships with the course
    latent_walk.explore(generator)    # one that you trained
"""
from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.sheets import GAP, draw_sheet
from course_utils.widgets.touch import Choice, Slider, Touch, touch

LATENT = 100
STOPS = 13            # pictures on the way, both ends included
PATHS = ("on the sphere", "straight line")


@lru_cache(maxsize=1)
def shipped() -> Any:
    """The generator that ships with the course."""
    from course_utils import models

    return models.load("glyphs_generator")


def end(number: int) -> np.ndarray:
    """Latent numbers (100,) of one end, from its number."""
    return np.random.default_rng([2, number]).standard_normal(LATENT)


def way(start: int, goal: int, path: str, shares: np.ndarray) -> np.ndarray:
    """Latent numbers (len(shares), 100) on the way from one end to the other, share 0 to 1.

    The straight line passes nearer to the origin than any point that training has drawn: in 100
    dimensions normal numbers have a length of about 10. On the sphere the length changes evenly.
    """
    a, b, t = end(start), end(goal), np.asarray(shares, float)[:, None]
    if path not in PATHS:
        raise ValueError(f"There is no path {path!r}; choose one of {', '.join(PATHS)}.")
    if path == "straight line" or start == goal:
        return (1 - t) * a + t * b
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


@lru_cache(maxsize=256)
def drawn(generator: Any, start: int, goal: int, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (13, 28, 28) in [0, 1] at the stops of the way, and the length of the latent numbers there."""
    import torch

    points = way(start, goal, path, np.linspace(0, 1, STOPS))
    training = generator.training
    with torch.inference_mode():
        pictures = generator.eval()(torch.from_numpy(points).float().view(STOPS, LATENT, 1, 1))
    generator.train(training)
    return pictures.numpy()[:, 0], np.linalg.norm(points, axis=1)


def draw(start: int = 1, goal: int = 2, stop: int = 6, path: str = PATHS[0], generator: Any = None) -> Figure:
    """One picture of the way, large, and all of them below, with a frame around that one.

    Parameters
    ----------
    start, goal : int
        Numbers of the two ends: each stands for 100 normal numbers.
    stop : int
        0 at the start to 12 at the goal.
    path : one of PATHS
    generator : torch.nn.Module, optional
        By default the one that ships.
    """
    pictures, lengths = drawn(shipped() if generator is None else generator, start, goal, path)
    figure, (above, below) = panels(2, 1, width=7.5, height=3.6, height_ratios=(3.2, 1))
    draw_sheet(above, pictures[stop : stop + 1], 1, f"stop {stop} of {STOPS - 1}, latent numbers of length {lengths[stop]:.1f}")
    draw_sheet(below, pictures, STOPS)
    side = pictures.shape[1] + GAP
    left = stop * side + GAP / 2 - 0.5
    below.plot([left, left + side, left + side, left, left], np.array([0, 0, side, side, 0]) + GAP / 2 - 0.5, color=PALETTE[1], linewidth=3)
    return describe(figure, f"Pictures on the way from latent point {start} to {goal}, {path}; stop {stop} of {STOPS - 1} is shown large.")


def controls() -> dict[str, Slider | Choice]:
    """The sliders, by parameter of `draw`."""
    return {"start": Slider(1, 1, 20), "goal": Slider(2, 1, 20), "stop": Slider(6, 0, STOPS - 1), "path": Choice(PATHS[0], PATHS)}


def explore(generator: Any = None) -> Touch:
    """Two ends and a place between them, to be moved; `generator` takes (n, 100, 1, 1) to (n, 1, 28, 28) in [0, 1]."""
    drawn.cache_clear()  # the generator may have learnt since
    return touch(partial(draw, generator=generator), "stop", **controls())
