"""What the zoo returns: pictures with their truth, and a page to look at them."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from . import render
from .scene import SIDE
from .species import PARTS, SPECIES


@dataclass(frozen=True)
class Zoo:
    """Pictures of the zoo with their truth; `zoo[idx]` keeps the pictures that idx selects.

    pictures     uint8 (n, 64, 64, 3)
    labels       int64 (n,), index into class_names
    part_maps    uint8 (n, 64, 64): 0 no animal, k the part PARTS[k - 1]; see `part(name)`
    backgrounds  int64 (n,), index into zoo.BACKGROUNDS
    seeds        uint64 (n,): draw(species, seed) draws the same picture again
    class_names  tuple of str
    true_labels  int64 (n,), what is really on the picture (differs from labels under LabelNoise)
    faulty       bool (n,), pictures that a fault has struck
    fault_masks  bool (n, 64, 64), pixels that a fault has put there (stamp, hand, tied background)
    """

    pictures: np.ndarray
    labels: np.ndarray
    part_maps: np.ndarray
    backgrounds: np.ndarray
    seeds: np.ndarray
    true_labels: np.ndarray
    faulty: np.ndarray
    fault_masks: np.ndarray
    class_names: tuple = field(default=SPECIES)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, idx):
        """The selected pictures as a Zoo; an integer selects one (n = 1)."""
        if isinstance(idx, int | np.integer):
            idx = slice(idx, None if idx == -1 else idx + 1)
        return replace(self, **{name: getattr(self, name)[idx] for name in ARRAYS})

    @property
    def masks(self):
        """bool (n, 64, 64): pixels of the animal, parts and all."""
        return self.part_maps > 0

    def part(self, name):
        """bool (n, 64, 64): pixels of one part, as seen (hidden pixels do not count)."""
        return self.part_maps == render.known_part(name)

    @property
    def parts(self):
        """dict name -> bool (n, 64, 64) for every name in PARTS."""
        return {name: self.part(name) for name in PARTS}


ARRAYS = tuple(f.name for f in fields(Zoo) if f.name != "class_names")


def sheet(pictures, columns=8, gap=2):
    """A page of pictures with white gaps between them: uint8 (rows*64+..., columns*64+..., 3)."""
    pictures = np.asarray(pictures)
    rows = -(-len(pictures) // columns)
    cell = SIDE + gap
    page = np.full((rows * columns, cell, cell, 3), 255, np.uint8)
    page[: len(pictures), gap:, gap:] = pictures
    page = page.reshape(rows, columns, cell, cell, 3).transpose(0, 2, 1, 3, 4)
    page = page.reshape(rows * cell, columns * cell, 3)
    return np.pad(page, ((0, gap), (0, gap), (0, 0)), constant_values=255)
