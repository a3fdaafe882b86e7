"""Touch of lab 14: choose perplexity and seed, and scrub through the iterations of t-SNE.

    from course_utils.widgets import tsne_film

    tsne_film.explore(films)    # films made with the student's own t-SNE
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.maps import TEN
from course_utils.widgets.touch import Choice, Slider, Touch, touch


@dataclass(frozen=True)
class Film:
    """One run of t-SNE.

    frames  float (frames, n, 2), the map at every `every`-th iteration, from iteration 0
    kl      float (frames,), KL(P || Q) of each, with the P that is not exaggerated
    labels  int (n,), for the colours
    every   int, iterations from frame to frame
    """

    frames: np.ndarray
    kl: np.ndarray
    labels: np.ndarray
    every: int = 10


Films = Mapping[tuple[str, int, int], Film]


def draw(films: Films, data: str, perplexity: int, seed: int, iteration: int) -> Figure:
    """The map at one iteration, and where that is on the way down.

    Parameters
    ----------
    films : mapping of (data, perplexity, seed) to Film
    data, perplexity, seed
        Which film.
    iteration : int
        The frame nearest to it is shown.

    Raises
    ------
    ValueError
        If there is no such film.
    """
    if (data, perplexity, seed) not in films:
        there = "; ".join(f"{name}, {size}, {number}" for name, size, number in films)
        raise ValueError(f"There is no film of {data}, perplexity {perplexity}, seed {seed}; there are {there}.")
    film = films[data, perplexity, seed]
    frame = min(round(iteration / film.every), len(film.frames) - 1)
    at = frame * film.every
    figure, axes = panels(1, 2, width=9.0, height=4.4)
    figure.set_layout_engine("none")  # fixed places: to lay the panels out takes longer than to draw them
    axes[0].set_position((0.02, 0.03, 0.56, 0.89))
    axes[1].set_position((0.67, 0.14, 0.31, 0.78))
    where = film.frames[frame] - film.frames[frame].mean(axis=0)
    reach = 1.08 * max(np.abs(where).max(), 1e-9)
    for label in np.unique(film.labels):
        axes[0].plot(*where[film.labels == label].T, "o", markersize=4.5, markeredgewidth=0, color=TEN[label])
    axes[0].set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal",
                title=f"{data}, perplexity {perplexity}, iteration {at}")
    axes[0].spines[:].set(visible=True, color="0.85")
    axes[1].plot(film.every * np.arange(len(film.kl)), film.kl, color=PALETTE[0])
    axes[1].plot(at, film.kl[frame], "o", color=PALETTE[1], markersize=9)
    axes[1].locator_params(axis="y", nbins=4)
    axes[1].axvspan(0, 250, color="0.93", zorder=0)
    axes[1].set(xlabel="iteration (grey: exaggerated)", ylabel="KL(P || Q)", ylim=(0, None), xticks=(0, 250, 500), title=f"KL {film.kl[frame]:.2f}")
    return describe(figure, f"Map of {data} at perplexity {perplexity}, seed {seed}, iteration {at}, where the KL is {film.kl[frame]:.2f}; "
                            f"beside it the KL over all iterations.")


def controls(films: Films) -> dict:
    """The choices, and a slider over the iterations."""
    data, perplexities, seeds = (list(dict.fromkeys(key[k] for key in films)) for k in range(3))
    last = max((len(film.frames) - 1) * film.every for film in films.values())
    every = min(film.every for film in films.values())
    return {"data": Choice(data[0], data), "perplexity": Choice(perplexities[(len(perplexities) - 1) // 2], perplexities),
            "seed": Choice(seeds[0], seeds), "iteration": Slider(last, 0, last, every)}


def explore(films: Films) -> Touch:
    """The films with their controls."""
    return touch(partial(draw, films), **controls(films))
