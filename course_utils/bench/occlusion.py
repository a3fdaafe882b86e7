"""Occlusion (lab 08) beside Captum's."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

from course_utils.bench.ceiling import passes
from course_utils.bench.measure import Row
from course_utils.bench.networks import Case, squeezenet, zoonet
from course_utils.bench.settings import quickest
from course_utils.bench.solved import lab

GREY = 0.5
TRIED = (1, 4, 8, 16, 32)       # perturbations_per_eval for Captum's best setting


class Probabilities(nn.Module):
    """A network and its softmax."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.network(pictures).softmax(1)


def rows(quick: bool) -> Iterator[Row]:
    lab08 = lab("08")
    small = zoonet()
    fill = torch.full((3, 1, 1), GREY)
    yield from against_captum(small, 12, 4, "square of 12, step 4, 196 places",
                              lambda: lab08.local_occlusion_map(small.fast, small.pictures[0], int(small.labels[0]), 12, 4, fill),
                              lab08.to_pixels, bars=(10, 3))
    if quick:
        return
    large = squeezenet()

    def whole_map(batch: int) -> Callable:
        return lambda: lab08.occlusion_map(large.fast, large.pictures[0], int(large.labels[0]), 64, 32, fill, batch)

    settings = {str(batch): whole_map(batch) for batch in (4, 8, 16)}
    yield from against_captum(large, 64, 32, "square of 64, step 32, 36 places", settings[quickest(settings)], lab08.to_pixels, bars=(2, 1.5))


def against_captum(case: Case, window: int, stride: int, work: str, ours: Callable, to_pixels: Callable, bars: tuple[float, float]) -> Iterator[Row]:
    """Captum's default call, one place at a time, and the best of its settings in each of the two memory layouts of the network."""
    picture, label = case.pictures[:1], int(case.labels[0])
    with torch.inference_mode():
        whole = float(case.plain(picture).softmax(1)[0, label])

    def captum(network: nn.Module, given: torch.Tensor, at_once: int) -> np.ndarray:
        from captum.attr import Occlusion

        with torch.no_grad():
            return Occlusion(Probabilities(network)).attribute(given, sliding_window_shapes=(3, window, window), strides=(3, stride, stride),
                                                               baselines=GREY, target=label, perturbations_per_eval=at_once)[0, 0].numpy()

    def agree(mine: np.ndarray, theirs: np.ndarray) -> float:
        return float(np.abs(to_pixels(whole - mine[None], window, stride)[0] - theirs).max())

    places = ((case.side - window) // stride + 1) ** 2
    ceiling = passes(case.fast, picture.expand(places, -1, -1, -1))
    yield Row("occlusion", "occlusion", f"{case.name}, {work}", ours, lambda: captum(case.plain, picture, 1), agree, 1e-5, bars[0], ceiling,
              against="Captum, default")
    for layout, network, given in (("default layout", case.plain, picture), ("channels last", case.fast, picture.contiguous(memory_format=torch.channels_last))):
        settings = {f"{size} at a time": partial(captum, network, given, size) for size in TRIED}
        best = quickest(settings)
        yield Row("occlusion", "occlusion", f"{case.name}, {work}", ours, settings[best], agree, 1e-5, bars[1], ceiling, against=f"Captum best, {best}, {layout}")
