"""The networks and pictures that the rows on explanations share."""
from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from course_utils import models
from course_utils.datasets import photos, real, zoo
from course_utils.models import imagenet


@dataclass(frozen=True)
class Case:
    """A network twice, in torch's default memory layout and channels last, and pictures in [0, 1] with the classes to explain."""

    name: str
    plain: nn.Module
    fast: nn.Module
    pictures: torch.Tensor      # (n, 3, side, side)
    labels: torch.Tensor        # (n,)

    @property
    def side(self) -> int:
        return self.pictures.shape[-1]


def case(name: str, network: nn.Module, pictures: torch.Tensor) -> Case:
    network = network.eval().requires_grad_(False)
    with torch.inference_mode():
        labels = torch.cat([network(part) for part in pictures.split(16)]).argmax(1).clone()
    return Case(name, network, copy.deepcopy(network).to(memory_format=torch.channels_last), pictures, labels.clone())


@lru_cache(maxsize=1)
def zoonet() -> Case:
    """The zoo's network and 16 of its pictures, 64 by 64."""
    return case("zoonet, 64 x 64", models.load("zoonet"), models.as_input(zoo.load(16, seed=909).pictures))


@lru_cache(maxsize=1)
def squeezenet() -> Case:
    """SqueezeNet 1.1 and 4 photographs, 224 by 224; with random weights where its own are not at hand.

    A thousandth of noise keeps neighbours in flat parts of a photograph apart: where a pooling finds a tie, either is right.
    """
    pictures = torch.cat([imagenet.as_input(photos.square(photos.load(name), imagenet.SIDE).picture) for name in PHOTOS])
    pictures = 0.999 * pictures + 0.001 * torch.rand(pictures.shape, generator=torch.Generator().manual_seed(0))
    network = real.or_none(imagenet.load, "squeezenet1_1")
    name = "SqueezeNet 1.1, 224 x 224"
    if network is None:
        from course_utils.models.torchvision_compat import torchvision

        torch.manual_seed(0)
        network, name = imagenet.OnUnitRange(torchvision.models.squeezenet1_1(weights=None)), name + ", random weights"
        for module in network.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
    return case(name, network, pictures)


PHOTOS = ("chelsea", "astronaut", "coffee", "rocket")
