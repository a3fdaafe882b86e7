"""Touch of lab 15: a reliability diagram against temperature, number of bins and shift."""
from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import zoo
from course_utils.plots import PALETTE, describe, panels, reliability
from course_utils.widgets.touch import Choice, Slider, Touch, touch

PICTURES, SEED = 400, 1540
SHIFTS = {"clean": 0.0, "noise": 0.05, "strong noise": 0.1}  # standard deviation of the noise; colours run from 0 to 1
EXPONENTS = np.linspace(-1, 1.5, 51)                         # temperatures 10 ** exponent, for the curve


@cache
def logits(shift: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, 8) of zoonet for pictures under a shift, and the labels (n,).

    Raises
    ------
    ValueError
        If the shift is none of SHIFTS.
    """
    import torch

    from course_utils import models

    if shift not in SHIFTS:
        raise ValueError(f"There is no shift {shift!r}; choose one of {', '.join(SHIFTS)}.")
    animals = zoo.load(PICTURES, seed=SEED)
    clean = models.as_input(animals.pictures).numpy()
    noise = np.random.default_rng(SEED).normal(0, SHIFTS[shift], clean.shape).astype(np.float32) if SHIFTS[shift] else 0
    pictures = torch.from_numpy(np.clip(clean + noise, 0, 1))
    model = models.load("zoonet")
    with torch.no_grad():
        return torch.cat([model(batch) for batch in pictures.split(50)]).double().numpy(), animals.labels


def probabilities(shift: str, temperature: float) -> np.ndarray:
    """Softmax (n, 8) of the scores divided by the temperature."""
    from scipy.special import softmax

    return softmax(logits(shift)[0] / temperature, axis=1)


@cache
def likelihood_curve(shift: str) -> np.ndarray:
    """Mean negative log-likelihood at every temperature of the curve."""
    from scipy.special import log_softmax

    scores, labels = logits(shift)
    every = log_softmax(scores[None] / 10 ** EXPONENTS[:, None, None], axis=2)
    return -every[:, np.arange(len(labels)), labels].mean(axis=1)


def draw(shift: str, exponent: float, bins: int) -> Figure:
    """The reliability diagram at a temperature, and the likelihood at all of them.

    Parameters
    ----------
    shift : str
        One of SHIFTS.
    exponent : float
        The temperature is 10 ** exponent.
    bins : int
        Number of bins of equal width.
    """
    temperature = 10.0 ** exponent
    p, labels = probabilities(shift, temperature), logits(shift)[1]
    right = p.argmax(axis=1) == labels
    table = reliability.binned(p.max(axis=1), right, int(bins))
    loss = -np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-300)).mean()

    figure, axes = panels(1, 2, width=8.4, height=3.5, width_ratios=(1, 1.1))
    figure.set_layout_engine("none")  # fixed places: to work them out anew takes longer than the drawing
    for axis, place in zip(axes, ((0.075, 0.16, 0.37, 0.74), (0.56, 0.16, 0.42, 0.74))):
        axis.set_position(place)
    reliability.draw(axes[0], table, title=f"{shift}, T = {temperature:.2f}: ECE {table.gap:.3f}")
    axes[1].plot(EXPONENTS, np.log10(likelihood_curve(shift)), color=PALETTE[0])
    axes[1].plot(exponent, np.log10(max(loss, 1e-300)), "o", color=PALETTE[1], markersize=9)
    axes[0].set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes[1].locator_params(axis="y", nbins=4)
    axes[1].set(xticks=(-1, 0, 1), xlabel="log10 of temperature T", ylabel="log10 of mean −log likelihood", title=f"{right.mean():.1%} right at every T")
    return describe(figure, f"Reliability diagram of zoonet on {shift} pictures at temperature {temperature:.2f} with {bins} bins, ECE "
                            f"{table.gap:.3f}; beside it the negative log-likelihood against temperature.")


def controls() -> dict[str, Slider | Choice]:
    """What can be moved."""
    return {
        "shift": Choice("noise", list(SHIFTS), "pictures"),
        "exponent": Slider(0.0, -1.0, 1.5, 0.05, "log10 of temperature"),
        "bins": Slider(15, 1, 60, 1, "bins"),
    }


def explore() -> Touch:
    """Sliders for the reliability diagram around `draw`."""
    return touch(draw, **controls())
