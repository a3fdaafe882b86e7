"""One door to the data sets of grey pictures of 28 x 28: another set is another word.

    from course_utils.datasets import grey28

    train = grey28.load("glyphs", 10_000, seed=0)         # or "mnist", "fashion_mnist"
    train.pictures, train.labels, train.class_names       # uint8 (n, 28, 28), int64 (n,), ten names
"""
from __future__ import annotations

import numpy as np

from course_utils.datasets import glyphs, real
from course_utils.datasets.arguments import one_of, whole
from course_utils.datasets.digits import Digits

REAL = {"mnist": real.mnist, "fashion_mnist": real.fashion_mnist}
NAMES = ("glyphs", *REAL)


def load(name: str, n: int, seed: int = 0) -> Digits:
    """`n` pictures of one of the sets, in an order that the seed draws.

    Parameters
    ----------
    name : {"glyphs", "mnist", "fashion_mnist"}
    n, seed : int
        Of MNIST and Fashion-MNIST the n pictures are drawn from the 60,000 for training, without
        replacement; glyphs are generated.

    Raises
    ------
    ValueError
        For an unknown name, or more pictures than there are.
    real.RealDataMissing
        If the set is neither in COURSE_DATA nor can be downloaded.
    """
    one_of("name", name, NAMES)
    n, seed = whole("n", n, least=1), whole("seed", seed)
    if name == "glyphs":
        return glyphs.load(n, seed)
    everything = REAL[name](train=True)
    if n > len(everything):
        raise ValueError(f"n is {n}, but {name} has {len(everything)} pictures for training; ask for at most so many.")
    chosen = np.random.default_rng(seed).permutation(len(everything))[:n]
    return Digits(everything.pictures[chosen], everything.labels[chosen], everything.class_names)
