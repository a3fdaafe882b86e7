"""Touch of lab 12: how strong the regularisers are, and what a network then dreams into an empty scene.

    from course_utils.widgets import class_model_knobs

    class_model_knobs.explore()
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import zoo
from course_utils.plots import describe, heatmaps, panels
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SEED = 102                      # of the scene
NETWORKS = {"plain": "zoonet", "robust": "zoonet_robust"}
STEPS, SIZE = 8, 0.09           # few and long: every setting is climbed when it is first asked for
VARIATION, SQUARE = 0.01, 0.02  # strength of one notch


@lru_cache(maxsize=4)
def network(name: str) -> Any:
    """One of NETWORKS.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    from course_utils import models

    if name not in NETWORKS:
        raise ValueError(f"There is no network {name!r} here; choose one of {', '.join(NETWORKS)}.")
    return models.load(NETWORKS[name])


@lru_cache(maxsize=1)
def scene() -> Any:
    """The empty scene, (1, 3, 64, 64)."""
    from course_utils import models

    return models.as_input(zoo.draw("hare", SEED, without=zoo.PARTS).pictures)


@lru_cache(maxsize=1024)
def climbed(animal: str, name: str, variation: int, square: int, jitter: int) -> tuple[np.ndarray, float]:
    """The picture (64, 64, 3) in [0, 1] after the ascent, and the log odds of the animal for the network that was climbed."""
    import torch

    model, start, label = network(name), scene(), zoo.SPECIES.index(animal)
    others = [k for k in range(len(zoo.SPECIES)) if k != label]
    shifts = np.random.default_rng(0).integers(-jitter, jitter + 1, size=(STEPS, 2)).tolist()
    change = torch.zeros_like(start)
    for k, shift in enumerate(shifts):
        change.requires_grad_()
        logits = model(torch.roll(start + change, shift, dims=(2, 3)))[0]
        cost = VARIATION * variation * sum(change.diff(dim=axis).abs().sum() for axis in (2, 3)) + SQUARE * square * change.square().sum()
        slope = torch.autograd.grad(logits[label] - logits[others].logsumexp(0) - cost, change)[0]
        moved = change.detach() + SIZE * (1 - k / STEPS) * slope / (slope.square().mean().sqrt() + 1e-12)
        change = (start + moved).clamp(0, 1) - start
    with torch.no_grad():
        logits = model(start + change)[0]
    return (start + change)[0].permute(1, 2, 0).numpy(), float(logits[label] - logits[others].logsumexp(0))


def draw(animal: str = "elephant", network: str = "robust", variation: int = 1, square: int = 0, jitter: int = 2) -> Figure:
    """The empty scene, what the ascent made of it, and the change alone.

    Parameters
    ----------
    animal : str
        A species of the zoo.
    network : one of NETWORKS
    variation, square : int
        Notches of the penalties on the change: total variation (the absolute form) and squared length.
    jitter : int
        Largest shift before each step, in pixels.
    """
    dreamt, odds = climbed(animal, network, variation, square, jitter)
    empty = scene()[0].permute(1, 2, 0).numpy()
    figure, axes = panels(1, 3, width=8.4, height=3.1)
    for axis, image, title in ((axes[0], empty, "start"), (axes[1], dreamt, f"{animal}, {network}: log odds {odds:.0f}"),
                               (axes[2], np.clip(0.5 + dreamt - empty, 0, 1), "change, on grey")):
        heatmaps.draw_picture(axis, image)
        axis.set_title(title)
    return describe(figure, f"An empty scene, the same after an ascent for {animal} through the {network} network with total variation {variation}, "
                            f"L2 {square} and jitter {jitter}: log odds {odds:.0f}; and the change alone.")


def controls() -> dict:
    """The sliders and choices."""
    return {"animal": Choice("elephant", zoo.SPECIES), "network": Choice("robust", tuple(NETWORKS)),
            "variation": Slider(1, 0, 5, label="total variation"), "square": Slider(0, 0, 5, label="L2"),
            "jitter": Slider(2, 0, 6, label="jitter (pixels)")}


def explore() -> Touch:
    """The class model with sliders for its regularisers."""
    return touch(draw, **controls())
