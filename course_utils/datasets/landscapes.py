"""Test functions of optimisation, to be minimised: all on the unit cube, all with a known minimum.

    from course_utils.datasets import landscapes

    branin = landscapes.load("branin")
    branin(points)                    # points (n, 2) in [0, 1] -> values (n,)
    branin.minimum, branin.regret(values)

| name       | dimensions | what is hard about it                                   | source                  |
|------------|------------|---------------------------------------------------------|-------------------------|
| `branin`   | 2          | three minima, all equally deep                          | Dixon and Szegö (1978)  |
| `hartmann6`| 6          | six basins, one of them the deepest                     | Dixon and Szegö (1978)  |
| `trap`     | 1          | three basins, the deepest of them at the edge           | made for this course    |
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arguments import one_of

NAMES = ("branin", "hartmann6", "trap")

# Hartmann's function: four bumps of unlike height, width and place (Dixon and Szegö 1978).
HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
WIDTHS = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
PLACES = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                          [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])  # fmt: skip


@dataclass(frozen=True)
class Landscape:
    """A function on the unit cube whose minimum is known.

    name        str
    function    (n, dimensions) in [0, 1] -> (n,)
    dimensions  int
    minimum     float: the smallest value anywhere
    minimisers  float64 (m, dimensions): where it is reached
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    dimensions: int
    minimum: float
    minimisers: np.ndarray

    def __call__(self, points):
        """Values (n,) at points (n, dimensions) of the unit cube.

        Raises
        ------
        ValueError
            In one sentence, for points of another shape or outside the cube.
        """
        points = np.asarray(points, float)
        if points.ndim != 2 or points.shape[1] != self.dimensions:
            raise ValueError(f"{self.name} takes points of shape (n, {self.dimensions}); it was given {points.shape}.")
        if not ((points >= 0) & (points <= 1)).all():
            raise ValueError(f"{self.name} lives on the unit cube; clip the points to [0, 1], or rescale them.")
        return self.function(points)

    def regret(self, values):
        """Simple regret (n,) after each of n evaluations: smallest value so far minus the minimum."""
        return np.minimum.accumulate(np.asarray(values, float)) - self.minimum


def branin(points):
    """Branin's function, its domain [-5, 10] x [0, 15] moved to the unit square."""
    u, v = 15 * points[:, 0] - 5, 15 * points[:, 1]
    return (v - 5.1 / (4 * np.pi**2) * u**2 + 5 / np.pi * u - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(u) + 10


def hartmann6(points):
    """Hartmann's function in six dimensions: minus the sum of four bumps."""
    return -np.exp(-(WIDTHS * (points[:, None] - PLACES) ** 2).sum(axis=2)) @ HEIGHTS


def trap(points):
    """Three basins of equal width; the one at 0.14 is a third deeper than the others."""
    centres, depths = np.array([0.14, 0.5, 0.86]), np.array([1.0, 0.75, 0.75])
    return 1 - np.exp(-(((points - centres) / 0.1) ** 2)) @ depths


def load(name):
    """One of NAMES, as a `Landscape`.

    Raises
    ------
    ValueError
        In one sentence, for any other name.

    Examples
    --------
    >>> from course_utils.datasets import landscapes
    >>> landscapes.load("branin").minimum
    0.397887
    """
    one_of("name", name, NAMES)
    if name == "branin":
        where = (np.array([[-np.pi, 12.275], [np.pi, 2.275], [3 * np.pi, 2.475]]) + (5, 0)) / 15
        return Landscape(name, branin, 2, 0.397887, where)
    if name == "hartmann6":
        return Landscape(name, hartmann6, 6, -3.32237, np.array([[0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]]))
    fine = np.linspace(0, 1, 100_001)[:, None]
    values = trap(fine)
    return Landscape(name, trap, 1, float(values.min()), fine[[values.argmin()]])
