"""Handwritten digits of 8 x 8 pixels, as scikit-learn ships them: no download.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998 (the test set); counts of dark pixels in blocks of 4 x 4, CC BY 4.0.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Digits:
    """Grey pictures with labels.

    pictures     uint8 (n, height, width), 0 background to 255 ink
    labels       int64 (n,), index into class_names
    class_names  tuple of str
    """

    pictures: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pictures)


def load() -> Digits:
    """All 1797 digits, in scikit-learn's order: pictures (1797, 8, 8).

    Examples
    --------
    >>> from course_utils.datasets import digits
    >>> len(digits.load()), digits.load().pictures.shape[1:]
    (1797, (8, 8))
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # 17 grey levels, 0 to 16, onto the range that every picture of the course has.
    pictures = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    return Digits(pictures, bunch.target.astype(np.int64), tuple(str(name) for name in bunch.target_names))
