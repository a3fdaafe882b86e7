"""The architectures.

All of them keep to what explanation methods can follow: a separate `nn.ReLU` module for every
use, `nn.MaxPool2d` where they pool, `torch.flatten`, no normalisation layers, inputs in [0, 1].
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from .glyph_networks import glyphnet, glyphs_generator
from .sequence_networks import dnanet, notesnet


def as_input(pictures):
    """Pictures as a network takes them.

    Parameters
    ----------
    pictures : uint8 array or tensor (n, height, width, 3), or one picture (height, width, 3)

    Returns
    -------
    torch.Tensor
        float32 (n, 3, height, width) in [0, 1].

    Raises
    ------
    ValueError
        For another shape or type.
    """
    given = torch.as_tensor(np.ascontiguousarray(pictures) if isinstance(pictures, np.ndarray) else pictures)
    if given.ndim == 3:
        given = given[None]
    if given.ndim != 4 or given.shape[-1] != 3 or given.dtype != torch.uint8:
        raise ValueError(f"as_input got {str(given.dtype).removeprefix('torch.')} of shape {tuple(given.shape)}, but takes uint8 pictures (n, height, width, 3); give them as the data sets return them.")
    # contiguous(): the same memory layout, hence the same sums, whatever the pictures came as
    return given.permute(0, 3, 1, 2).contiguous().float() / 255


class PoolingNet(nn.Module):
    """Convolutions, global average pooling, one linear layer: made for class activation maps.

    features(x): (n, channels, h, w), the maps that the linear layer `classifier` weighs.
    """

    def __init__(self, features, channels, classes):
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


class DenseNet(nn.Module):
    """Convolutions, flatten, dense layers; takes pictures of one size only."""

    def __init__(self, features, flat, hidden, classes):
        super().__init__()
        self.features = features
        self.classifier = nn.Sequential(
            OrderedDict(dense1=nn.Linear(flat, hidden), relu=nn.ReLU(), dense2=nn.Linear(hidden, classes))
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def _convolutions(channels, pooled, kernels=None, entrance=3):
    """conv-ReLU stages that keep the size, followed by a max pooling of 2 where `pooled` says so."""
    layers = OrderedDict()
    kernels = kernels or [3] * len(channels)
    for number, (width, pool, kernel) in enumerate(zip(channels, pooled, kernels, strict=True), start=1):
        layers[f"conv{number}"] = nn.Conv2d(entrance, width, kernel, padding=kernel // 2)
        layers[f"relu{number}"] = nn.ReLU()
        if pool:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        entrance = width
    return nn.Sequential(layers)


def zoonet(classes=8):
    """The course's network: 64x64 pictures to logits (n, classes) by way of maps (n, 128, 16, 16).

    Three 3x3 convolutions and a 1x1 convolution: each place of the maps sees 18x18 pixels, about
    one part of an animal. A fourth 3x3 convolution would see 26x26, and its class activation maps
    peak beside thin parts instead of on them.
    """
    stages = _convolutions((16, 32, 64, 128), (True, True, False, False), kernels=(3, 3, 3, 1))
    return PoolingNet(stages, 128, classes)


def zoonet_dense(classes=8):
    """Its twin with flatten and dense layers: no pooling head, so no class activation map."""
    return DenseNet(_convolutions((16, 32, 48), (True, True, True)), 48 * 8 * 8, 80, classes)


def zoonet_robust(classes=8):
    """Three convolutions that each halve the picture, then dense layers: cheap enough to be trained against changes."""
    layers, entrance = OrderedDict(), 3
    for number, (width, kernel) in enumerate(((24, 5), (48, 3), (64, 3)), start=1):
        layers[f"conv{number}"] = nn.Conv2d(entrance, width, kernel, stride=2, padding=kernel // 2)
        layers[f"relu{number}"] = nn.ReLU()
        entrance = width
    return DenseNet(nn.Sequential(layers), 64 * 8 * 8, 48, classes)


def suspect_stages(classes=8):
    """The stacked last stages of the networks of lab 17, see `suspects`."""
    from .suspects import SuspectStages

    return SuspectStages(classes)


ARCHITECTURES = {
    "zoonet": zoonet, "zoonet_dense": zoonet_dense, "zoonet_robust": zoonet_robust, "dnanet": dnanet, "notesnet": notesnet,
    "glyphnet": glyphnet, "glyphs_generator": glyphs_generator, "suspects": suspect_stages,
}  # fmt: skip


def small_cnn(seed, channels=(8, 12), size=16, classes=4, head="pool", dtype=torch.float64):
    """An untrained network for exercises, its weights drawn from a numpy generator.

    conv-ReLU-pool for each of the channels but the last, conv-ReLU for the last, then a head.

    Parameters
    ----------
    seed : int
        Weights depend on it alone, not on torch's generator.
    channels : sequence of int
    size : int
        Height and width of the pictures (n, 3, size, size); matters for the dense head only.
    classes : int
    head : "pool" or "dense"
        Global average pooling and a linear layer, or flatten and two dense layers.
    dtype : torch.float64 or torch.float32 (or their names)

    Returns
    -------
    PoolingNet or DenseNet, in eval mode, parameters frozen.
    """
    dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    channels = tuple(channels)
    shrink = 2 ** (len(channels) - 1)
    if head not in ("pool", "dense"):
        raise ValueError(f"head is {head!r}, but 'pool' or 'dense' is expected; give one of these.")
    if not channels or size < shrink or (head == "dense" and size % shrink):
        raise ValueError(f"size {size} cannot be halved {len(channels) - 1} times; give a multiple of {shrink}, or fewer channels.")
    features = _convolutions(channels, [True] * (len(channels) - 1) + [False])
    if head == "pool":
        model = PoolingNet(features, channels[-1], classes)
    else:
        model = DenseNet(features, channels[-1] * (size // shrink) ** 2, 3 * classes, classes)
    rng = np.random.default_rng(seed)
    model = model.to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = int(np.prod(parameter.shape[1:])) if parameter.ndim > 1 else 0
            scale = np.sqrt(2 / fan_in) if fan_in else 0.1  # He's for weights, small for biases
            parameter.copy_(torch.from_numpy(rng.normal(0, scale, tuple(parameter.shape))).to(dtype))
    return model.eval().requires_grad_(False)
