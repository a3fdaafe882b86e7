"""Networks for grey pictures of 28 x 28: a classifier of digits, and the two networks of a DCGAN."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

LATENT = 100  # numbers that a generator starts from


def as_grey(pictures):
    """Grey pictures as a network takes them.

    Parameters
    ----------
    pictures : uint8 array or tensor (n, height, width)

    Returns
    -------
    torch.Tensor
        float32 (n, 1, height, width) in [0, 1].

    Raises
    ------
    ValueError
        For another shape or type.
    """
    given = torch.as_tensor(np.ascontiguousarray(pictures) if isinstance(pictures, np.ndarray) else pictures)
    if given.ndim != 3 or given.dtype != torch.uint8:
        raise ValueError(f"as_grey got {str(given.dtype).removeprefix('torch.')} of shape {tuple(given.shape)}, but takes uint8 pictures (n, height, width); give them as glyphs.load, real.mnist or digits.load return them.")
    return given[:, None].float() / 255


# Channels, kernel, stride, padding of each transposed convolution: sides 4, 7, 14, 28.
PLAN = ((64, 4, 1, 0), (32, 3, 2, 1), (16, 4, 2, 1), (1, 4, 2, 1))


def dcgan_generator(plan=PLAN, latent=LATENT):
    """Latent numbers (n, latent, 1, 1) to pictures in [0, 1]: a transposed convolution for each row of the plan.

    Batch norm and ReLU between them, a sigmoid at the end (Radford, Metz and Chintala 2016,
    arXiv:1511.06434, who take tanh and pictures in [-1, 1]: the same curve on another range).
    """
    layers, entrance = OrderedDict(), latent
    for number, (width, kernel, stride, padding) in enumerate(plan, start=1):
        last = number == len(plan)
        layers[f"up{number}"] = nn.ConvTranspose2d(entrance, width, kernel, stride, padding, bias=last)
        if not last:
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"act{number}"] = nn.Sigmoid() if last else nn.ReLU()
        entrance = width
    return nn.Sequential(layers)


def dcgan_discriminator(widths=(16, 32), hidden=128, side=28):
    """Pictures (n, 1, side, side) to one logit each, (n,): strided convolutions, no pooling, two dense layers.

    LeakyReLU of slope 0.2 and, after every convolution but the first, batch norm (the same paper,
    which has no hidden dense layer; on a small budget it helps to judge a digit as a whole).
    """
    layers, entrance = OrderedDict(), 1
    for number, width in enumerate(widths, start=1):
        layers[f"conv{number}"] = nn.Conv2d(entrance, width, 4, 2, 1, bias=number == 1)
        if number > 1:
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"act{number}"] = nn.LeakyReLU(0.2)
        entrance = width
    layers["flat"] = nn.Flatten()
    layers["dense"] = nn.Linear(entrance * (side // 2 ** len(widths)) ** 2, hidden)
    layers["act"] = nn.LeakyReLU(0.2)
    layers["logit"] = nn.Linear(hidden, 1)
    layers["one"] = nn.Flatten(0)
    return nn.Sequential(layers)


def glyphnet(classes=10):
    """Grey pictures (n, 1, 28, 28) in [0, 1] to logits (n, classes): three convolutions, a pooling head."""
    from .networks import PoolingNet, _convolutions

    return PoolingNet(_convolutions((16, 32, 64), (True, True, False), entrance=1), 64, classes)


def glyphs_generator(classes=10):
    """The generator of the checkpoint of this name; `classes` is for the card and changes nothing."""
    return dcgan_generator()
