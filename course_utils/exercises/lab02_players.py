"""Small players on which the steps of lab 02 are judged, and how a step is read off them."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from course_utils.adversarial import Players

LR = 0.5  # of plain gradient descent: a step is the gradient times this number


def players(seed: int, latent: int = 3, side: int = 6, norm: bool = True) -> Players:
    """Two little networks in float64 by seed, as if in the middle of training: old gradients still lie about.

    The generator turns (n, latent) into pictures (n, 1, side, side); with `norm`, the discriminator
    has a batch norm, so that what shares a batch matters.
    """
    rng = np.random.default_rng(seed)
    generator = nn.Sequential(nn.Linear(latent, 8), nn.Tanh(), nn.Linear(8, side * side), nn.Sigmoid(), nn.Unflatten(1, (1, side, side)))
    layers = [nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.LeakyReLU(0.2), nn.Flatten()]
    discriminator = nn.Sequential(*layers, nn.Linear(4 * (side // 2) ** 2, 1), nn.Flatten(0))
    for network in (generator.double(), discriminator.double()):
        for parameter in network.parameters():
            shape = tuple(parameter.shape)
            scale = 1.5 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
            parameter.data = torch.from_numpy(rng.normal(0, scale, shape) + (1.0 if "1.weight" in shape else 0.0))
            parameter.grad = torch.from_numpy(rng.normal(0, 0.2, shape))
    return Players(generator, discriminator, torch.optim.SGD(generator.parameters(), LR), torch.optim.SGD(discriminator.parameters(), LR))


def line(network: nn.Module) -> torch.Tensor:
    """All parameters of a network in one line."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).clone()


def gradients(network: nn.Module) -> torch.Tensor:
    """All stored gradients in one line, zero where there is none."""
    return torch.cat([(torch.zeros_like(one) if one.grad is None else one.grad).flatten() for one in network.parameters()]).clone()


def frozen(network: nn.Module) -> bool:
    """Whether any parameter no longer asks for a gradient."""
    return not all(parameter.requires_grad for parameter in network.parameters())
