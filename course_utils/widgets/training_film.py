"""Touch of lab 03: training runs to scrub through in time: samples, the critic's surface, modes counted."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.style import DIVERGING, symmetric_limit
from course_utils.widgets.touch import Choice, Slider, Touch, touch

HALF = 3.0  # the window reaches from -HALF to HALF in both coordinates


@dataclass(frozen=True)
class Film:
    """What a run looked like, frame by frame.

    centres   float (m, 2): the data's modes
    steps     int (frames,): generator steps done at each frame
    samples   float (frames, n, 2): what the generator drew
    surface   float (frames, side, side): the critic's score over the window, rows from below to above
    modes     int (frames,): modes captured
    good      float (frames,): share of samples of high quality
    """

    centres: np.ndarray
    steps: np.ndarray
    samples: np.ndarray
    surface: np.ndarray
    modes: np.ndarray
    good: np.ndarray


def window(side: int) -> np.ndarray:
    """float32 (side * side, 2): the places of a surface, rows from below to above."""
    places = np.linspace(-HALF, HALF, side, dtype=np.float32)
    x, y = np.meshgrid(places, places)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def draw_frame(axis, film: Film, frame: int) -> None:
    """One frame: red where the critic believes in data, blue where in fakes; circles are modes, dots samples."""
    surface = film.surface[frame] - np.median(film.surface[frame])
    limit = symmetric_limit(surface)
    axis.imshow(surface, origin="lower", extent=(-HALF, HALF, -HALF, HALF), cmap=DIVERGING, vmin=-1.3 * limit, vmax=1.3 * limit)
    axis.plot(*film.centres.T, "o", markersize=11, markerfacecolor="none", markeredgecolor="0.2", markeredgewidth=0.8)
    axis.plot(*film.samples[frame].T, ".", color=PALETTE[6], markersize=3)
    axis.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))


def draw(films: Mapping[str, Film], run: str, frame: int) -> Figure:
    """A frame of a run beside the course of modes and quality.

    Parameters
    ----------
    films : mapping of str to Film
    run : str
        One of the films.
    frame : int
        From 0; past the end, the last one.

    Raises
    ------
    ValueError
        If there is no such film.
    """
    if run not in films:
        raise ValueError(f"There is no film {run!r}; choose one of {', '.join(films)}.")
    film = films[run]
    frame = min(int(frame), len(film.steps) - 1)
    figure, axes = panels(1, 2, width=8.4, height=3.8, width_ratios=(1, 1.2))
    draw_frame(axes[0], film, frame)
    axes[0].set(xlabel="x₁", ylabel="x₂", title=f"{run}, step {film.steps[frame]}")
    total = len(film.centres)
    axes[1].plot(film.steps, film.modes / total, color=PALETTE[0], label="modes captured, share")
    axes[1].plot(film.steps, film.good, color=PALETTE[1], label="samples of high quality, share")
    axes[1].axvline(film.steps[frame], ymax=0.8, color="0.4", linewidth=1)  # up to a share of 1: above it is the legend
    axes[1].locator_params(axis="x", nbins=4)
    axes[1].set(ylim=(-0.02, 1.25), yticks=(0, 0.5, 1), xlabel="generator step", ylabel="share",
                title=f"{film.modes[frame]} of {total} modes, {film.good[frame]:.0%} good")
    axes[1].legend(loc="upper left")
    return describe(figure, f"{run}, step {film.steps[frame]}: {film.modes[frame]} of {total} modes captured, {film.good[frame]:.0%} of the "
                            "samples of high quality; the critic's surface behind the samples.")


def controls(films: Mapping[str, Film]) -> dict[str, Choice | Slider]:
    """What can be moved: the run, and time."""
    first = next(iter(films))
    last = max(len(film.steps) for film in films.values()) - 1
    return {"run": Choice(first, tuple(films), "run"), "frame": Slider(last, 0, last, 1, "frame")}


def explore(films: Mapping[str, Film]) -> Touch:
    """Controls for run and time around `draw`."""
    return touch(partial(draw, films), **controls(films))
