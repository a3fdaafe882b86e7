"""Exact t-SNE (lab 14) beside scikit-learn's."""
from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from course_utils.bench.measure import Row
from course_utils.bench.solved import lab
from course_utils.datasets import digits

PERPLEXITY = 30


def rows(quick: bool) -> Iterator[Row]:
    """All digits, 500 iterations, from one start; in haste 400 digits."""
    lab14 = lab("14")
    n, iterations = (400, 500) if quick else (1797, 500)
    points = digits.load().pictures[:n].reshape(n, 64) / 255 * 16
    start = lab14.cloud(n, seed=0)

    def affinities() -> np.ndarray:
        return lab14.joint_probabilities(lab14.conditional_probabilities(lab14.squared_distances(points), PERPLEXITY))

    def ours() -> np.ndarray:
        return lab14.tsne(affinities(), start, lab14.lean_gradient, iterations)[-1]

    def theirs() -> np.ndarray:
        from sklearn.manifold import TSNE

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # on old Pythons about its own arguments
            return TSNE(perplexity=PERPLEXITY, method="exact", init=start.astype(np.float32), max_iter=iterations, learning_rate=n / 12, n_jobs=1).fit_transform(points)

    def agree(mine: np.ndarray, other: np.ndarray) -> float:
        p = affinities()
        mine, other = (lab14.kl_divergence(p, one.astype(float)) for one in (mine, other))
        return abs(mine / other - 1)

    yield Row("tsne", "t-SNE, exact", f"{n:,} digits of 64 pixels, perplexity {PERPLEXITY}, {iterations} iterations", ours, theirs, agree, 0.02, 3,
              needs=("sklearn",), against='scikit-learn, method="exact", same start and learning rate',
              about="what is compared is the divergence of both maps from the same joint probabilities; the neighbours' probabilities are part of both times.")
