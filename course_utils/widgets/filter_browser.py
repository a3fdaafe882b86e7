"""Touch of lab 13: choose a layer and a filter, see the nine patches that it answers to most, beside what a way back makes of them.

    from course_utils.widgets import filter_browser

    filter_browser.explore(best_numbers)
"""
from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import endless, zoo
from course_utils.plots import PALETTE, describe, panels, patches
from course_utils.widgets.bars import draw_bars
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SEARCHED = 384  # pictures, where the browser has to search for itself


class Layer(NamedTuple):
    """Where a layer stands in zoonet, and the fields of its units in pixels."""

    filters: int
    first: int     # column of its first filter among all 240
    depth: int     # layers up to and with its ReLU
    size: int
    jump: int
    start: int


LAYERS = {
    "conv1": Layer(16, 0, 2, 3, 1, -1),
    "conv2": Layer(32, 16, 5, 8, 2, -3),
    "conv3": Layer(64, 48, 8, 18, 4, -7),
    "conv4": Layer(128, 112, 10, 18, 4, -7),
}
RULES = ("deconvnet", "guided", "gradient")
DRAWN: dict[int, np.ndarray] = {}  # pictures by number


@lru_cache(maxsize=1)
def network() -> Any:
    """The zoo's network."""
    from course_utils import models

    return models.load("zoonet")


@lru_cache(maxsize=1)
def small_search() -> np.ndarray:
    """The best nine of SEARCHED pictures for every filter: int (240, 9)."""
    import torch

    from course_utils import models

    x, answers = models.as_input(endless.album(np.arange(SEARCHED)).pictures), []
    with torch.no_grad():
        for layer in network().features:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU):
                answers.append(x.amax(dim=(2, 3)))
    return torch.cat(answers, dim=1).topk(9, dim=0).indices.T.numpy()


def drawn_once(numbers: Any) -> np.ndarray:
    """Pictures with these numbers, uint8 (n, 64, 64, 3); each is drawn the first time that it is asked for."""
    missing = [number for number in dict.fromkeys(map(int, numbers)) if number not in DRAWN]
    if missing:
        DRAWN.update(zip(missing, endless.album(missing).pictures))
    return np.stack([DRAWN[int(number)] for number in numbers])


@lru_cache(maxsize=512)
def seen(layer: str, number: int, pictures: tuple[int, ...]) -> tuple[np.ndarray, Any, np.ndarray]:
    """Patches (9, size, size, 3), the pictures as the network takes them, and the corners of the fields (9, 2)."""
    import torch

    from course_utils import models

    about, drawn = LAYERS[layer], drawn_once(pictures)
    x = models.as_input(drawn)
    with torch.no_grad():
        maps = network().features[: about.depth](x)[:, number]
    places = np.stack(np.divmod(maps.flatten(1).argmax(dim=1).numpy(), maps.shape[2]), axis=1)
    corners = about.start + about.jump * places
    return patches.crops(drawn / 255, corners, about.size), x, corners


@lru_cache(maxsize=512)
def reconstructions(layer: str, number: int, rule: str, pictures: tuple[int, ...]) -> np.ndarray:
    """What comes back to the patches by a rule, about middle grey: (9, size, size, 3) in [0, 1].

    Raises
    ------
    ValueError
        If there is no such rule.
    """
    import warnings

    from captum.attr import Deconvolution, GuidedBackprop, Saliency

    from course_utils.models.strongest import Strongest

    if rule not in RULES:
        raise ValueError(f"There is no rule {rule!r}; choose one of {', '.join(RULES)}.")
    about, (_, x, corners) = LAYERS[layer], seen(layer, number, pictures)
    method = {"deconvnet": Deconvolution, "guided": GuidedBackprop, "gradient": Saliency}[rule]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        options = {"abs": False} if rule == "gradient" else {}
        back = method(Strongest(network().features[: about.depth])).attribute(x.clone().requires_grad_(), target=number, **options)
    values = np.moveaxis(back.detach().numpy(), 1, -1)
    return patches.about_grey(patches.crops(values, corners, about.size, fill=0.0))


def draw(layer: str, filter: int, rule: str, winners: np.ndarray | None = None) -> Figure:
    """Nine patches of a filter, what comes back from each, and which species they are from.

    Parameters
    ----------
    layer : one of LAYERS
    filter : int
        Counted on from the first again where the layer has fewer; the title then says both numbers.
    rule : one of RULES
    winners : ndarray, int, shape (filters, 9), optional
        Numbers of the best pictures of every filter, all layers one below the other; found in a
        small search where they are not given.

    Raises
    ------
    ValueError
        If there is no such layer or rule.
    """
    if layer not in LAYERS:
        raise ValueError(f"There is no layer {layer!r}; choose one of {', '.join(LAYERS)}.")
    winners = small_search() if winners is None else winners
    number = int(filter) % LAYERS[layer].filters
    pictures = tuple(int(one) for one in winners[LAYERS[layer].first + number])
    tiles, back = seen(layer, number, pictures)[0], reconstructions(layer, number, rule, pictures)
    figure, axes = panels(1, 3, width=9, height=3.3, width_ratios=(1, 1, 0.75))
    which = f"{number}" if number == filter else f"{filter} is {number}"
    patches.show(axes[0], tiles, title=f"{layer}, filter {which}: top nine patches")
    patches.show(axes[1], back, title=f"what comes back: {rule}")
    counts = np.bincount(np.array(pictures) % len(zoo.SPECIES), minlength=len(zoo.SPECIES))
    draw_bars(axes[2], zoo.SPECIES, [counts], [PALETTE[0]], (0, 9))
    axes[2].set(xticks=(0, 3, 6, 9), xlabel="of the nine")
    most = int(counts.argmax())
    return describe(figure, f"Filter {number} of {layer}: the nine patches that it answers to most, and what comes back from each by the rule "
                            f"{rule}. Species of most of the nine: {zoo.SPECIES[most]}, {counts[most]} times.")


def controls() -> dict[str, Slider | Choice]:
    """What can be moved."""
    return {
        "layer": Choice("conv3", tuple(LAYERS), "layer"),
        "filter": Slider(24, 0, 127, 1, "filter"),
        "rule": Choice("deconvnet", RULES, "way back"),
    }


def explore(winners: np.ndarray | None = None) -> Touch:
    """Controls around `draw`, for the winners of a search; their pictures are drawn here, so that no move has to wait for them."""
    winners = small_search() if winners is None else np.asarray(winners)
    drawn_once(winners.ravel())
    return touch(partial(draw, winners=winners), **controls())
