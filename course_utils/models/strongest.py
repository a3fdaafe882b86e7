"""The strongest answer of every filter as the output of a network, so that explanation libraries can be asked about filters."""
from __future__ import annotations

import torch
from torch import nn


class Strongest(nn.Module):
    """Pictures to the largest value of every map: (n, 3, height, width) to (n, filters).

    Parameters
    ----------
    layers : nn.Sequential
        Up to the maps that are asked about. Its slope goes to the one strongest unit of a map, which
        is where a deconvnet starts.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(pictures).flatten(2).max(dim=2).values
