"""Touch of lab 07: slide from the trained network to a random one and watch a method's map.

    from course_utils.widgets import cascade

    cascade.explore()
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import zoo
from course_utils.plots import describe, heatmaps, panels
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SEED = 13                       # of the scene, the same for every species
METHODS = ("gradient", "guided backprop", "deconvnet", "Grad-CAM", "Sobel edges")


@lru_cache(maxsize=6)
def network(layers: int) -> Any:
    """zoonet with its last `layers` layers drawn anew: He's spread, biases zero."""
    import copy

    import torch
    from torch import nn

    from course_utils import models

    if layers == 0:
        return models.load("zoonet")
    model = copy.deepcopy(network(layers - 1))
    layer = [one for one in model.modules() if isinstance(one, (nn.Conv2d, nn.Linear))][-layers]
    drawn = np.random.default_rng(layers).normal(0, np.sqrt(2 / layer.weight[0].numel()), size=tuple(layer.weight.shape))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(drawn))
        layer.bias.zero_()
    return model


@lru_cache(maxsize=8)
def scene(animal: str) -> np.ndarray:
    """The picture (64, 64, 3) of this species."""
    return zoo.draw(animal, SEED).pictures[0]


@lru_cache(maxsize=256)
def heat(animal: str, method: str, layers: int) -> np.ndarray:
    """Strengths (64, 64) of a method's map for this species' score.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    import warnings

    import torch.nn.functional as F
    from captum.attr import Deconvolution, GuidedBackprop, LayerGradCam, Saliency

    from course_utils import models, scoring

    if method not in METHODS:
        raise ValueError(f"There is no method {method!r} here; choose one of {', '.join(METHODS)}.")
    if method == "Sobel edges":
        return scoring.sobel_edges(scene(animal)[None])[0]
    model, label = network(layers), zoo.SPECIES.index(animal)
    x = models.as_input(scene(animal)).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        if method == "Grad-CAM":
            coarse = LayerGradCam(model, model.features).attribute(x, label, relu_attributions=True)
            return F.interpolate(coarse.detach(), size=(64, 64), mode="bilinear", align_corners=False)[0, 0].numpy()
        kind = {"gradient": Saliency, "guided backprop": GuidedBackprop, "deconvnet": Deconvolution}[method]
        options = {"abs": False} if method == "gradient" else {}
        return kind(model).attribute(x, target=label, **options).detach()[0].sum(0).abs().numpy()


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two maps; 0 where one of them is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(values) for values in (one, other))
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def draw(animal: str = "goat", method: str = "guided backprop", layers: int = 2) -> Figure:
    """The picture, the method's map of the trained network, and its map with the last layers random.

    Parameters
    ----------
    animal : str
        A species of the zoo.
    method : one of METHODS
    layers : int
        0 to 5, from the top.
    """
    before, after = heat(animal, method, 0), heat(animal, method, layers)
    alike = rank_correlation(before, after)
    figure, axes = panels(1, 3, width=9.0, height=3.3)
    heatmaps.draw_picture(axes[0], scene(animal))
    axes[0].set_title(animal)
    for axis, values, title in ((axes[1], before, f"{method}, trained"), (axes[2], after, f"{layers} random layers: rank corr. {alike:.2f}")):
        heatmaps.draw(axis, values)
        axis.set_title(title)
    return describe(figure, f"A {animal}, the map of {method} for the trained network, and the map with {layers} random layers; "
                            f"their rank correlation is {alike:.2f}.")


def controls() -> dict:
    """The sliders and choices."""
    return {"animal": Choice("goat", zoo.SPECIES), "method": Choice("guided backprop", METHODS), "layers": Slider(2, 0, 5, label="random layers")}


def explore() -> Touch:
    """The maps with a slider for the number of random layers."""
    return touch(draw, **controls())
