"""Two mixtures of Gaussians in the plane on which generators are tried: a ring of 8 and a grid of 25.

    from course_utils.datasets import mixtures

    ring = mixtures.load("ring")
    ring.sample((3, 64), np.random.default_rng(0))   # (3, 64, 2): three batches of 64
    ring.uniform("annulus", 1000, seed=0)            # what knows no modes and still hits them all

The two shapes are those of Metz et al. (2017) and Srivastava et al. (2017); radius, spacing and
sigma are this course's.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.datasets.arguments import one_of, whole

NAMES = ("ring", "grid")
RADIUS, SPACING, SIGMA = 2.0, 1.0, 0.05


@dataclass(frozen=True)
class Mixture:
    """A mixture of equal round Gaussians.

    name     str
    centres  float64 (modes, 2)
    sigma    float: of each mode, in each coordinate
    """

    name: str
    centres: np.ndarray
    sigma: float

    def __len__(self) -> int:
        return len(self.centres)

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """float32 (*shape, 2): points of the mixture, every mode as likely as the others."""
        which = rng.integers(len(self.centres), size=shape)
        return (self.centres[which] + self.sigma * rng.standard_normal((*shape, 2))).astype(np.float32)

    def uniform(self, shape: str, n: int, seed: int = 0) -> np.ndarray:
        """float32 (n, 2): points spread evenly over the modes' neighbourhood, three sigma wider on each side.

        Parameters
        ----------
        shape : {"annulus", "box"}
            Between the smallest and the largest radius of a centre, or over the centres' square.
        n, seed : int
        """
        one_of("shape", shape, ("annulus", "box"))
        rng, margin = np.random.default_rng([whole("seed", seed), 8]), 3 * self.sigma
        if shape == "box":
            half = np.abs(self.centres).max() + margin
            return rng.uniform(-half, half, size=(whole("n", n, least=1), 2)).astype(np.float32)
        radii = np.linalg.norm(self.centres, axis=1)
        low, high = max(radii.min() - margin, 0.0), radii.max() + margin
        r, angle = np.sqrt(rng.uniform(low**2, high**2, size=whole("n", n, least=1))), rng.uniform(0, 2 * np.pi, size=n)
        return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1).astype(np.float32)


def load(name: str) -> Mixture:
    """The mixture of that name.

    Parameters
    ----------
    name : {"ring", "grid"}
        Eight modes on a circle of radius 2, or twenty-five on a grid with spacing 1 around the origin.
    """
    one_of("name", name, NAMES)
    if name == "ring":
        angles = 2 * np.pi * np.arange(8) / 8
        return Mixture("ring", RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1), SIGMA)
    places = SPACING * np.arange(-2.0, 3.0)
    return Mixture("grid", np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2), SIGMA)
