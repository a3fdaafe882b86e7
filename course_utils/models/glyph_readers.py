"""What a classifier says about generated pictures: which classes they cover, and how many are clear."""

from dataclasses import dataclass
from functools import cache

import numpy as np

SURE = 0.9  # probability from which on the classifier counts as sure
COVERED = 0.01  # share of all pictures that have to show a class clearly


@dataclass(frozen=True)
class Coverage:
    """Classes in a set of pictures.

    covered  int, classes that at least `COVERED` of all pictures show clearly
    sure     float, share of the pictures of which the classifier is sure
    counts   int64 (classes,), pictures that show each class clearly
    """

    covered: int
    sure: float
    counts: np.ndarray


def class_probabilities(pictures, judge=None):
    """Probabilities (n, classes) that a classifier gives to pictures.

    Parameters
    ----------
    pictures : float tensor (n, 1, 28, 28) in [0, 1], or uint8 array (n, 28, 28)
    judge : torch.nn.Module, optional
        Takes the former, returns logits; by default the checkpoint "glyphnet", which is unsure of
        blends, shuffled pieces and noise.

    Returns
    -------
    numpy float32 (n, classes)
    """
    import torch

    from .glyph_networks import as_grey

    judge = _glyphnet() if judge is None else judge
    batches = torch.as_tensor(pictures)
    batches = as_grey(batches) if batches.dtype == torch.uint8 else batches
    with torch.inference_mode():
        return torch.cat([judge(batch).softmax(dim=1) for batch in batches.split(250)]).numpy()


def coverage(pictures, judge=None):
    """Which classes the pictures show clearly; arguments as for `class_probabilities`."""
    probabilities = class_probabilities(pictures, judge)
    clear = probabilities.max(axis=1) >= SURE
    counts = np.bincount(probabilities.argmax(axis=1)[clear], minlength=probabilities.shape[1])
    return Coverage(int((counts >= max(1, COVERED * len(probabilities))).sum()), float(clear.mean()), counts)


@cache
def _glyphnet():
    from .checkpoints import load

    return load("glyphnet")
