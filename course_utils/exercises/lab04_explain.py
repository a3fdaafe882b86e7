"""What the oracles of exercises 04.5 to 04.7 share: from masks and scores to weights, and the check that the choice is clear-cut."""
from __future__ import annotations

import numpy as np

from course_utils.exercises import lab04_kernel, lab04_lasso

PENALTY_SHARE, ALPHA = 0.01, 1e-3  # as the lab's `explain` has them


def explain(masks, scores, k, width, weights=None):
    """The lab's `explain` from scikit-learn's parts: cosine distances, least angle regression, ridge.

    Parameters
    ----------
    masks : (n, d) of 0 and 1
    scores : (n,) float
    k, width : length of the explanation, width of the kernel
    weights : (n,), optional
        In place of the kernel's.

    Returns
    -------
    (ndarray (d,), float)
        Weights of the pieces, zero where not named, and the intercept.
    """
    if weights is None:
        weights = lab04_kernel.oracle(masks, np.ones(masks.shape[1]), width, "cosine")
    lam = PENALTY_SHARE * lab04_lasso.largest_penalty(masks, scores, weights)
    return lab04_lasso.oracle(masks, scores, weights, k, lam, ALPHA)


def clear_cut(masks, scores, k, width):
    """Whether the K-th and the next weight of the lasso are far enough apart for rounding not to swap them."""
    weights = lab04_kernel.oracle(masks, np.ones(masks.shape[1]), width, "cosine")
    lam = PENALTY_SHARE * lab04_lasso.largest_penalty(masks, scores, weights)
    size = np.sort(np.abs(lab04_lasso.lasso(masks, scores, weights, lam)))[::-1]
    return size[k - 1] - (size[k] if k < len(size) else 0.0) > 0.02 * size[0]


def draw_masks(rng, n, d):
    """Masks as exercise 04.1 draws them: x' first, then a uniform number of pieces off."""
    off = rng.integers(1, d + 1, size=n)
    masks = (rng.random((n, d)).argsort(axis=1).argsort(axis=1) >= off[:, None]).astype(int)
    masks[0] = 1
    return masks
