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


def dcgan_generator(widths=(64, 32, 1), latent=LATENT):
    """Latent numbers (n, latent, 1, 1) to pictures (n, widths[-1], 7 * 2**k, ...) in [0, 1].

    A transposed convolution makes 7 x 7 maps, each further one doubles the side; batch norm and
    ReLU between them, a sigmoid at the end (Radford, Metz and Chintala 2016, arXiv:1511.06434, who
    take tanh and pictures in [-1, 1]: the same curve on another range).
    """
    layers, entrance = OrderedDict(), latent
    for number, width in enumerate(widths, start=1):
        last = number == len(widths)
        kernel, stride, padding = (7, 1, 0) if number == 1 else (4, 2, 1)
        layers[f"up{number}"] = nn.ConvTranspose2d(entrance, width, kernel, stride, padding, bias=last)
        if not last:
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"act{number}"] = nn.Sigmoid() if last else nn.ReLU()
        entrance = width
    return nn.Sequential(layers)


def dcgan_discriminator(widths=(32, 64), channels=1, side=28):
    """Pictures (n, channels, side, side) to one logit each, (n,): strided convolutions, no pooling.

    LeakyReLU of slope 0.2 and, after every convolution but the first, batch norm (the same paper).
    """
    layers, entrance = OrderedDict(), channels
    for number, width in enumerate(widths, start=1):
        layers[f"conv{number}"] = nn.Conv2d(entrance, width, 4, 2, 1, bias=number == 1)
        if number > 1:
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"act{number}"] = nn.LeakyReLU(0.2)
        entrance = width
    layers["flat"] = nn.Flatten()
    layers["logit"] = nn.Linear(entrance * (side // 2 ** len(widths)) ** 2, 1)
    layers["one"] = nn.Flatten(0)
    return nn.Sequential(layers)


def glyphnet(classes=10):
    """Grey pictures (n, 1, 28, 28) in [0, 1] to logits (n, classes): three convolutions, a pooling head."""
    from .networks import PoolingNet, _convolutions

    return PoolingNet(_convolutions((16, 32, 64), (True, True, False), entrance=1), 64, classes)


def glyphs_generator(classes=10):
    """The generator of the checkpoint of this name; `classes` is for the card and changes nothing."""
    return dcgan_generator()
