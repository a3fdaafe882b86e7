"""Scores of heat maps against the truth, controls that know no model, and intervals for means.

Every score takes n maps at once, `heats` (n, height, width) and `masks` (n, height, width) bool, and
returns n numbers in [0, 1], so that a mean and its interval can follow. A map says where the evidence
is by its size: pass signed maps as their absolute values, or whatever you hold for their strength.
"""
from __future__ import annotations

from typing import Any

import numpy as np


def as_maps(heats: Any, masks: Any) -> tuple[np.ndarray, np.ndarray]:
    """Maps as float64 and masks as bool, both (n, height, width); ValueError in one sentence if they cannot be."""
    heats, masks = (np.asarray(values.detach().cpu() if hasattr(values, "detach") else values) for values in (heats, masks))
    if heats.ndim == 2 and masks.ndim == 2:
        heats, masks = heats[None], masks[None]
    if heats.ndim != 3 or heats.shape != masks.shape:
        raise ValueError(f"Maps of shape {heats.shape} cannot be scored against masks of shape {masks.shape}; "
                         "give both as (n, height, width).")
    return heats.astype(np.float64), masks.astype(bool)


def pointing_game(heats: Any, masks: Any, tolerance: int = 0) -> np.ndarray:
    """Whether the largest value of each map lies on the object.

    The pointing game of Zhang et al., Top-down neural attention by excitation backprop (IJCV 2018).
    They count a point up to 15 pixels beside the object as a hit; here the default is none.
    Where several pixels share the largest value, the share of them that hits counts, so that a constant
    map scores what a random one does.

    Parameters
    ----------
    heats : (n, height, width)
    masks : (n, height, width) bool
    tolerance : int
        Pixels by which each mask is widened, in each of the eight directions.

    Returns
    -------
    ndarray, float, shape (n,)
        1 hit, 0 miss.
    """
    heats, masks = as_maps(heats, masks)
    peaks = heats == heats.max(axis=(1, 2), keepdims=True)
    return (peaks & widen(masks, tolerance)).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2))


def widen(masks: np.ndarray, pixels: int) -> np.ndarray:
    """Masks (n, height, width) with a margin of so many pixels in each of the eight directions."""
    height, width = masks.shape[1:]
    padded = np.pad(masks, ((0, 0), (pixels, pixels), (pixels, pixels)))
    down = np.any([padded[:, k:k + height] for k in range(2 * pixels + 1)], axis=0)
    return np.any([down[:, :, k:k + width] for k in range(2 * pixels + 1)], axis=0)


def iou(found: Any, masks: Any) -> np.ndarray:
    """Intersection over union (Jaccard index) of two masks, (n,); two empty masks are alike: 1."""
    found, masks = as_maps(found, masks)
    found = found.astype(bool)
    union = (found | masks).sum(axis=(1, 2))
    return np.where(union == 0, 1.0, (found & masks).sum(axis=(1, 2)) / np.maximum(union, 1))


def box_iou(found: Any, boxes: Any) -> np.ndarray:
    """Intersection over union of boxes (n, 4) of top, left, bottom, right; ends are not included, as in slices."""
    found, boxes = np.asarray(found, float), np.asarray(boxes, float)
    low, high = np.maximum(found[:, :2], boxes[:, :2]), np.minimum(found[:, 2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(found[:, 2:] - found[:, :2], axis=1) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / (areas - shared)


def mass_in_mask(heats: Any, masks: Any) -> np.ndarray:
    """Share of each map's total that lies on the object; negative values count as none.

    Relevance mass accuracy of Arras et al., CLEVR-XAI (Information Fusion 2022). A map of
    zeros has its mass spread evenly.

    Returns
    -------
    ndarray, float, shape (n,)
        A constant map scores the share of the picture that the object covers.
    """
    heats, masks = as_maps(heats, masks)
    heats = np.maximum(heats, 0)
    total = heats.sum(axis=(1, 2))
    heats = np.where(total[:, None, None] > 0, heats, 1.0)
    return (heats * masks).sum(axis=(1, 2)) / heats.sum(axis=(1, 2))


def rank_accuracy(heats: Any, masks: Any) -> np.ndarray:
    """Share of the K largest values of each map that lie on the object, where K is the object's size.

    Relevance rank accuracy of Arras et al. (2022): it asks for the order of the pixels only.
    """
    heats, masks = as_maps(heats, masks)
    flat, truth = heats.reshape(len(heats), -1), masks.reshape(len(masks), -1)
    size = truth.sum(axis=1)
    order = np.argsort(-flat, axis=1, kind="stable")
    among = np.arange(flat.shape[1]) < size[:, None]
    return (np.take_along_axis(truth, order, axis=1) & among).sum(axis=1) / np.maximum(size, 1)


def random_maps(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A control without a model: uniform noise, shape (n, height, width)."""
    return np.random.default_rng(seed).random(shape)


def centre_blob(shape: tuple[int, int, int], spread: float = 0.2) -> np.ndarray:
    """A control without a model: the same Gaussian blob in the middle of every picture.

    Photographers put things in the middle, so it is hard to beat. `spread` is its standard deviation
    as a share of the picture's height and width.
    """
    n, height, width = shape
    down, across = (np.arange(size) - (size - 1) / 2 for size in (height, width))
    blob = np.exp(-0.5 * ((down[:, None] / (spread * height)) ** 2 + (across / (spread * width)) ** 2))
    return np.broadcast_to(blob, shape).copy()


def sobel_edges(pictures: np.ndarray) -> np.ndarray:
    """A control without a model: how strong the edges are.

    Parameters
    ----------
    pictures : (n, height, width, 3)
        uint8 or float.

    Returns
    -------
    ndarray, float, shape (n, height, width)
        Length of the Sobel gradient, the largest of the three colours at each pixel.
    """
    values = np.asarray(pictures, np.float64)
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:, 2:] - padded[:, :-2]
    down = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    across = padded[:, :, 2:] - padded[:, :, :-2]
    across = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    return np.hypot(down, across).max(axis=-1)


def bootstrap(values: Any, level: float = 0.95, draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean of n values and its percentile bootstrap interval (Efron 1979): (mean, low, high).

    For the difference of two methods on the same pictures, pass the n differences: they are paired.
    """
    values = np.asarray(values, np.float64)
    picks = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)
