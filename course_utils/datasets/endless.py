"""The zoo without an end: picture number i can be drawn whenever it is wanted, and need not be kept.

    from course_utils.datasets import endless

    endless.album([7, 10_071]).pictures
"""
from __future__ import annotations

import numpy as np

from course_utils.datasets import zoo

SCENES = 1_300_000  # picture i stands in scene SCENES + i: far from those that the course's networks were trained on


def album(numbers: np.ndarray) -> zoo.Zoo:
    """The pictures with these numbers, and their truth: species number % 8, in a scene of its own.

    Parameters
    ----------
    numbers : sequence of int, from 0 up, shape (n,)
    """
    numbers = np.asarray(numbers)
    return zoo.draw([zoo.SPECIES[number % len(zoo.SPECIES)] for number in numbers], SCENES + numbers)
