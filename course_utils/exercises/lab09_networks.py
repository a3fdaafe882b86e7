"""Networks and inputs on which the exercises of lab 09 are judged: small, float64, by seed; and what their wrong answers share."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from course_utils.models.networks import small_cnn


def chosen(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The value (n,) of its own class for each row of (n, classes)."""
    return values[torch.arange(len(labels)), labels]


def slope(function, inputs: torch.Tensor) -> torch.Tensor:
    """Gradient of the sum of `function(inputs)` with respect to the inputs."""
    inputs = inputs.detach().clone().requires_grad_()
    return torch.autograd.grad(function(inputs).sum(), inputs)[0]


def drawn(layers: nn.Module, seed: int) -> nn.Module:
    """The network with weights from a numpy generator: He's for weights, small biases; float64, frozen."""
    rng = np.random.default_rng(seed)
    layers = layers.double()
    with torch.no_grad():
        for weights in layers.parameters():
            fan_in = int(np.prod(weights.shape[1:])) if weights.ndim > 1 else 0
            scale = np.sqrt(2 / fan_in) if fan_in else 0.3
            weights.copy_(torch.from_numpy(rng.normal(0, scale, tuple(weights.shape))))
    return layers.eval().requires_grad_(False)


def dense_layers(seed: int, features: int = 6, hidden: int = 10, classes: int = 3) -> nn.Sequential:
    """Inputs (n, features) to scores by way of two hidden layers of ReLUs."""
    return drawn(nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                               nn.Linear(hidden, classes)), seed)


def sequence_layers(seed: int, length: int = 12, classes: int = 2) -> nn.Sequential:
    """One-hot sequences (n, 4, length) to scores: a convolution, ReLU, averages, two dense layers; no max pooling."""
    return drawn(nn.Sequential(nn.Conv1d(4, 7, 3, padding=1), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(),
                               nn.Linear(7 * (length // 2), 8), nn.ReLU(), nn.Linear(8, classes)), seed)


def picture_layers(seed: int, classes: int = 3) -> nn.Sequential:
    """Pictures (n, 3, 8, 8) to scores, with max pooling behind a ReLU."""
    network = small_cnn(seed, channels=(6, 8), size=8, classes=classes)
    return nn.Sequential(*network.features, network.pool, nn.Flatten(), network.classifier).eval()


def listed(kind: str, seed: int) -> list[nn.Module]:
    """The layers of one of these networks ("dense", "sequence", "picture"), in order."""
    return list({"dense": dense_layers, "sequence": sequence_layers, "picture": picture_layers}[kind](seed))


def sequences(rng: np.random.Generator, n: int, length: int) -> torch.Tensor:
    """Random one-hot sequences, float64 (n, 4, length)."""
    return torch.from_numpy(np.eye(4)[rng.integers(4, size=(n, length))].transpose(0, 2, 1).copy())


def other_labels(rng: np.random.Generator, n: int, classes: int) -> torch.Tensor:
    """Classes to explain, no two neighbours alike."""
    return torch.from_numpy(np.cumsum(rng.integers(1, classes, size=n)) % classes)
