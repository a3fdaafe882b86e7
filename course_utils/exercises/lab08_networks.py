"""Small random networks in float64 for the cases of lab 08, cut in two where Grad-CAM needs it."""
from __future__ import annotations

import torch
from torch import nn

from course_utils.models import small_cnn

SIZE, CHANNELS, CLASSES = 10, (4, 5), 4   # pictures of 10x10 give features (n, 5, 5, 5)


def body(seed: int, kind: str) -> nn.Module:
    """The convolutions of `small_cnn`: (n, 3, 10, 10) to (n, 5, 5, 5)."""
    return small_cnn(seed, CHANNELS, SIZE, CLASSES, kind).features


def head(seed: int, kind: str) -> nn.Module:
    """What `small_cnn` does to these features: pooling and a linear layer ("pool"), or dense layers ("dense")."""
    net = small_cnn(seed, CHANNELS, SIZE, CLASSES, kind)
    return nn.Sequential(*([net.pool] if kind == "pool" else []), nn.Flatten(), net.classifier)


def linear(weight: list, bias: list) -> nn.Linear:
    """A linear layer, features to classes, with these weights (classes, channels) and this bias (classes,)."""
    weight, bias = torch.tensor(weight, dtype=torch.float64), torch.tensor(bias, dtype=torch.float64)
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    layer.weight.data, layer.bias.data = weight, bias
    return layer.requires_grad_(False)
