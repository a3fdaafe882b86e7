"""The Touch of lab 08 that takes a picture of your own: draw a digit or load a photograph, and ask the network.

    from course_utils.widgets import sketch

    sketch.explore()

The browser (sketch.js) draws, scales a photograph down, and sends the pixels; the kernel answers with
the probabilities and three maps. Strokes that arrive while it computes are answered once, together.
"""
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.plots.style import alternative_text, png

HERE = Path(__file__).parent
EXAMPLE_SEED = 57


@dataclass(frozen=True)
class Kind:
    """What can be asked: pictures of `shape`, the network, and the square of the occlusion map with its steps, in pixels."""

    network: str
    shape: tuple[int, ...]
    square: int
    step: int


KINDS = {"digit": Kind("glyphnet", (28, 28), 8, 4), "photo": Kind("zoonet", (64, 64, 3), 16, 12)}
MAPS = ("saliency", "CAM", "occlusion")


@dataclass(frozen=True)
class Answer:
    """What a network says of one picture.

    names          of the classes
    probabilities  float (classes,)
    label          int, the likeliest class, which the maps are of
    maps           float (height, width) by name: "saliency" is never negative, "CAM" and "occlusion" are
                   positive where the picture speaks for the class
    """

    names: tuple[str, ...]
    probabilities: np.ndarray
    label: int
    maps: dict[str, np.ndarray]


@cache
def network(kind: str) -> Any:
    """The network of a kind."""
    from course_utils import models

    return models.load(KINDS[kind].network)


@cache
def example(kind: str) -> np.ndarray:
    """A picture to begin with: uint8 (28, 28) or (64, 64, 3)."""
    from course_utils.datasets import glyphs, zoo

    return glyphs.load(40, seed=EXAMPLE_SEED, cache=False).pictures[4] if kind == "digit" else zoo.draw("camel", EXAMPLE_SEED).pictures[0]


@cache
def squares(side: int, square: int, step: int) -> Any:
    """Where each square of a grid of steps lies: bool (squares, 1, side, side)."""
    import torch

    covers = torch.arange(side) - torch.arange(0, side - square + 1, step)[:, None]  # (starts, side)
    covers = (covers >= 0) & (covers < square)
    return (covers[:, None, :, None] & covers[None, :, None, :]).flatten(0, 1)[:, None]


def answer(kind: str, pixels: np.ndarray) -> Answer:
    """Probabilities and maps of the likeliest class.

    Saliency is the largest absolute slope of the class score over the colours; CAM the weighted sum of
    the last maps (Zhou et al. 2016), enlarged; occlusion how far the score falls when a square is painted
    over with the mean colour (digits: black), averaged over the squares that hold a pixel.

    Parameters
    ----------
    kind : one of KINDS
    pixels : ndarray, uint8, of the kind's shape

    Raises
    ------
    ValueError
        If there is no such kind, or the picture has another shape.
    """
    import torch
    import torch.nn.functional as F

    from course_utils import models

    if kind not in KINDS:
        raise ValueError(f"There is no network for a {kind!r}; choose one of {', '.join(KINDS)}.")
    about = KINDS[kind]
    if np.shape(pixels) != about.shape or np.asarray(pixels).dtype != np.uint8:
        raise ValueError(f"A {kind} is given as uint8 {about.shape}, but this is {np.asarray(pixels).dtype} {np.shape(pixels)}; scale the picture first.")
    model = network(kind)
    x = (models.as_grey(pixels[None]) if kind == "digit" else models.as_input(pixels)).requires_grad_()
    features = model.features(x)
    scores = model.classifier(features.mean(dim=(2, 3)))[0]
    label = int(scores.argmax())
    slope = torch.autograd.grad(scores[label], x)[0][0]
    with torch.inference_mode():
        side = x.shape[-1]
        coarse = torch.einsum("k,khw->hw", model.classifier.weight[label], features[0].detach())
        cam = F.interpolate(coarse[None, None], size=(side, side), mode="bilinear", align_corners=False)[0, 0]
        paint = x.detach().mean(dim=(2, 3), keepdim=True) if kind == "photo" else torch.zeros(1, 1, 1, 1)
        where = squares(side, about.square, about.step)
        drops = scores[label] - model(torch.where(where, paint, x.detach()))[:, label]
        occlusion = torch.einsum("n,nhw->hw", drops, where[:, 0].float()) / where[:, 0].sum(0)
        return Answer(tuple(models.card(about.network)["class_names"]), scores.softmax(0).numpy(), label,
                      dict(zip(MAPS, (slope.abs().amax(0).numpy(), cam.numpy(), occlusion.numpy()))))


def coloured(pixels: np.ndarray, said: Answer) -> dict[str, np.ndarray]:
    """The maps over their picture: uint8 (height, width, 3) by name; red speaks for the class, blue against it."""
    laid = {name: heatmaps.overlay(pixels, heat, signed=None if name == "saliency" else True) for name, heat in said.maps.items()}
    return {name: (255 * rgb).round().astype(np.uint8) for name, rgb in laid.items()}


def in_words(said: Answer) -> str:
    """The two likeliest classes."""
    first, second = np.argsort(-said.probabilities)[:2]
    return (f"{said.names[first]} with a probability of {said.probabilities[first]:.0%}, then {said.names[second]} "
            f"with {said.probabilities[second]:.0%}")


def draw(kind: str = "digit", pixels: np.ndarray | None = None) -> Figure:
    """A picture, its probabilities and its maps.

    Parameters
    ----------
    kind : one of KINDS
    pixels : ndarray, optional
        As `answer` takes it; by default an example.
    """
    pixels = example(kind) if pixels is None else pixels
    said = answer(kind, pixels)
    figure, axes = panels(1, 5, width=10.4, height=2.6, width_ratios=(1, 1.1, 1, 1, 1))
    heatmaps.draw_picture(axes[0], pixels)
    axes[0].set_title(kind)
    places = np.arange(len(said.names))
    axes[1].barh(places, said.probabilities, color=[PALETTE[1] if k == said.label else PALETTE[5] for k in places])
    axes[1].set(yticks=places, yticklabels=said.names, xlim=(0, 1), xlabel="probability")
    axes[1].tick_params(axis="y", labelsize=8)
    axes[1].invert_yaxis()
    axes[1].set_title(f"read as {said.names[said.label]}")  # the panel that fills its height: its title is what keeps room for all
    for axis, (name, rgb) in zip(axes[2:], coloured(pixels, said).items()):
        heatmaps.draw_picture(axis, rgb)
        axis.set_title(name)
    return describe(figure, f"A {kind}, read as {in_words(said)}; its saliency, its class activation map and its occlusion map.")


@cache
def sketch_class() -> type:
    """The widget's class, made at its first use."""
    import anywidget
    import traitlets

    class SketchPad(anywidget.AnyWidget):
        """The pad in the browser.

        Attributes
        ----------
        kind : str
            What it shows at first.
        examples : dict of str to bytes
            A picture of each kind, row by row.
        """

        _esm = (HERE / "sketch.js").read_text(encoding="utf-8")
        _css = (HERE / "sketch.css").read_text(encoding="utf-8")
        kind = traitlets.Unicode("digit").tag(sync=True)
        examples = traitlets.Dict().tag(sync=True)

    return SketchPad


class Sketch:
    """The pad, and the kernel's side of it; made by `explore`.

    Attributes
    ----------
    pad : SketchPad
    answered : int
        Requests that were answered; of those that arrived in a burst only the last is.
    """

    def __init__(self, kind: str = "digit") -> None:
        self.kind, self.waiting, self.answered = kind, {}, 0
        self.pad = sketch_class()(kind=kind, examples={name: example(name).tobytes() for name in KINDS})
        self.pad.on_msg(self.asked)

    def asked(self, pad: Any, request: dict[str, Any], buffers: list[Any]) -> None:
        """Answer soon: of requests that come in a burst only the last."""
        idle = not self.waiting
        self.waiting[request["view"]] = request, bytes(buffers[0])
        if not idle:
            return
        try:
            asyncio.get_running_loop().call_soon(self.answer_all)
        except RuntimeError:
            self.answer_all()

    def answer_all(self) -> None:
        """Answer the last request of each view."""
        waiting, self.waiting = self.waiting, {}
        for request, pixels in waiting.values():
            self.answered += 1
            try:
                shape = KINDS[request["kind"]].shape
                self.reply(request, np.frombuffer(bytearray(pixels), np.uint8).reshape(shape))
            except Exception as error:  # shown nowhere else, in a widget's callback
                self.pad.send(request | {"sentence": f"The kernel could not answer: {type(error).__name__}: {error}"})
                raise

    def reply(self, request: dict[str, Any], pixels: np.ndarray) -> None:
        """Send probabilities, words, and the maps as RGB."""
        said = answer(request["kind"], pixels)
        self.pad.send(request | {"names": said.names, "probabilities": said.probabilities.tolist(), "label": said.label,
                                 "words": f"Read as {in_words(said)}."},
                      [rgb.tobytes() for rgb in coloured(pixels, said).values()])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        still = draw(self.kind)
        bundle = {"text/plain": alternative_text(still), "image/png": png(still)}
        view = self.pad._repr_mimebundle_()
        view = view[0] if isinstance(view, tuple) else view
        bundle.update({kind: value for kind, value in view.items() if kind != "text/plain"})
        display(bundle, raw=True, metadata={"image/png": {"alt": alternative_text(still)}})


def explore(kind: str = "digit") -> Sketch:
    """A pad to draw a digit on or to load a photograph into.

    Parameters
    ----------
    kind : one of KINDS
        What it begins with.
    """
    return Sketch(kind)
