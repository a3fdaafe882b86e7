"""Touch of lab 16: choose the next points yourself, against expected improvement."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.bands import band, observations
from course_utils.widgets.touch import Choice, Slider, Switch, Touch, touch

LANDSCAPES = ("hills 1", "hills 2", "hills 3", "hills 4", "trap")
ROUNDS = 5
SHIFT = 4.4  # how far the players are drawn above and below the middle
LINE = np.linspace(0, 1, 101)
LENGTH, NOISE = 0.12, 1e-6  # known to both players: a short game is no place to fit them
CHOICES = (50, 20, 80, 36, 64)  # where the sliders stand at first, in percent


@lru_cache(maxsize=None)
def truth(landscape: str) -> np.ndarray:
    """Values (101,) of a landscape on LINE: a random function, or the lab's trap, standardised.

    Raises
    ------
    ValueError
        If it is none of LANDSCAPES.
    """
    from course_utils.datasets import landscapes

    if landscape not in LANDSCAPES:
        raise ValueError(f"There is no landscape {landscape!r}; choose one of {', '.join(LANDSCAPES)}.")
    if landscape == "trap":
        values = landscapes.load("trap")(LINE[:, None])
    else:
        rng = np.random.default_rng(160 + LANDSCAPES.index(landscape))
        waves = np.arange(1, 40)
        amplitudes = rng.normal(size=(2, len(waves))) * np.exp(-((waves * LENGTH * 1.6) ** 2) / 2)
        values = amplitudes[0] @ np.cos(np.outer(waves, 2.8 * LINE)) + amplitudes[1] @ np.sin(np.outer(waves, 2.8 * LINE))
    return (values - values.mean()) / values.std()


def known(landscape: str) -> tuple[int, ...]:
    """The three places on LINE that both players know: the first of 500 draws that are apart and miss the minimum."""
    values = truth(landscape)
    rng = np.random.default_rng(7 + LANDSCAPES.index(landscape))
    for _ in range(500):
        places = np.sort(rng.choice(len(LINE), size=3, replace=False))
        if np.diff(places).min() > 18 and values[places].min() > values.min() + 0.6:
            break
    return tuple(int(place) for place in places)


@lru_cache(maxsize=512)
def belief(landscape: str, places: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (101,) of scikit-learn's process after evaluations at these places of LINE."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    x = LINE[list(places), None]
    model = GaussianProcessRegressor(Matern(LENGTH, nu=2.5), alpha=NOISE, optimizer=None).fit(x, truth(landscape)[list(places)])
    return model.predict(LINE[:, None], return_std=True)


def improvement(landscape: str, places: tuple[int, ...]) -> np.ndarray:
    """Expected improvement (101,) after evaluations at these places."""
    from scipy.stats import norm

    mean, std = belief(landscape, places)
    std = np.maximum(std, 1e-9)
    z = (truth(landscape)[list(places)].min() - mean) / std
    return std * (z * norm.cdf(z) + norm.pdf(z))


@lru_cache(maxsize=None)
def opponent(landscape: str) -> tuple[int, ...]:
    """The places that expected improvement evaluates: the known three and ROUNDS more."""
    places = known(landscape)
    for _ in range(ROUNDS):
        places += (int(improvement(landscape, places).argmax()),)
    return places


def draw(landscape: str, rounds: int, choice_1: int, choice_2: int, choice_3: int, choice_4: int, choice_5: int, show_truth: bool) -> Figure:
    """Both players after so many evaluations, and your next choice as a line.

    Parameters
    ----------
    landscape : one of LANDSCAPES.
    rounds : int
        How many of your choices are evaluated, 0 to 5.
    choice_1, ..., choice_5 : int
        Percent of the axis.
    show_truth : bool
    """
    picks = tuple(int(choice) for choice in (choice_1, choice_2, choice_3, choice_4, choice_5))
    rounds = int(rounds)
    values, begin = truth(landscape), known(landscape)
    players = {"you": begin + picks[:rounds], "EI": opponent(landscape)[: len(begin) + rounds]}
    best = {name: values[list(places)].min() - values.min() for name, places in players.items()}

    figure, axes = panels(width=7, height=4.4)  # one panel for both players, one above the other: a second one costs a third more
    figure.set_layout_engine("none")            # working out a layout would take longer than all the drawing
    axes.set_position((0.09, 0.11, 0.86, 0.87))
    lines = (picks[rounds], opponent(landscape)[len(begin) + rounds]) if rounds < ROUNDS else (None, None)
    for (name, places), following, shift, colour in zip(players.items(), lines, (SHIFT, -SHIFT), (PALETTE[0], PALETTE[2])):
        mean, std = belief(landscape, places)
        band(axes, LINE, mean + shift, std, colour=colour)
        if show_truth:
            axes.plot(LINE, values + shift, "--", color=PALETTE[1], linewidth=1.3)
        observations(axes, LINE[list(places)], values[list(places)] + shift, size=5)
        above = f", {best[name]:.2f} above the minimum" if show_truth else ""
        axes.text(0.5, shift + 3.4, f"{name}: best {values[list(places)].min():.2f}{above}", ha="center", va="bottom")
        if following is not None:
            axes.plot([LINE[following]] * 2, [shift - 3.2, shift + 3.2], color=PALETTE[4], linewidth=2)
    axes.axhline(0.5, color="0.7", linewidth=1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-SHIFT - 3.4, SHIFT + 4.6), xlabel="x", ylabel="value", xticks=(0, 0.5, 1), xticklabels=("0", "50 %", "100 %"),
             yticks=(-SHIFT - 2, -SHIFT + 2, SHIFT - 2, SHIFT + 2), yticklabels=("−2", "2", "−2", "2"))
    lowest = {name: f"{values[list(places)].min():.2f}" for name, places in players.items()}
    if show_truth:
        lowest = {name: f"{value}, {best[name]:.2f} above the minimum" for name, value in lowest.items()}
    ahead = f" Next: you at {picks[rounds]} %, EI at {100 * LINE[lines[1]]:.0f} %." if rounds < ROUNDS else ""
    return describe(figure, f"Landscape {landscape} after {rounds} evaluations each, yours at {', '.join(map(str, picks[:rounds])) or 'no place'}: "
                            f"your best value is {lowest['you']}; that of EI {lowest['EI']}.{ahead}")


def controls() -> dict[str, Any]:
    """What can be moved."""
    choices = {f"choice_{k + 1}": Slider(CHOICES[k], 0, 100, 2, f"choice {k + 1} (%)") for k in range(ROUNDS)}
    return {"landscape": Choice("hills 1", LANDSCAPES, "landscape"), "rounds": Slider(0, 0, ROUNDS, 1, "your evaluations"), **choices,
            "show_truth": Switch(False, "show the truth")}


def explore() -> Touch:
    """Controls for your choices around `draw`."""
    return touch(draw, **controls())
