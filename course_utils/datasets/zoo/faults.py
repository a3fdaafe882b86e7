"""Faults that a lab plants in the data, each with its truth.

A fault strikes pictures of one true species (label noise: of any). Whether it strikes a picture
depends on the picture's seed only, so the same picture without the fault is the same elsewhere.
"""

from dataclasses import dataclass

import numpy as np

from . import shapes
from .scene import BACKGROUNDS, SIDE
from .species import BACK, PARTS, SPECIES, UNSEEN

_FONT = {  # 3 x 5 letters
    "Z": ("###", "..#", ".#.", "#..", "###"),
    "O": ("###", "#.#", "#.#", "#.#", "###"),
}
STAMP = np.array(
    [[c == "#" for c in "." + ".".join(_FONT[x][row] for x in "ZOO") + "."] for row in range(5)]
)
STAMP = np.pad(STAMP, ((1, 1), (0, 0)))  # (7, 13) pixels


@dataclass(frozen=True)
class Watermark:
    """The stamp "ZOO" in a lower corner of a share of one species' pictures."""

    species: str
    share: float = 1.0


@dataclass(frozen=True)
class TiedBackground:
    """One species always (or in a share of its pictures) stands before one background.

    With `exclusive=True` no other species stands before it either.
    """

    species: str
    background: str
    share: float = 1.0
    exclusive: bool = True


@dataclass(frozen=True)
class KeepersHand:
    """A keeper's arm reaches in from behind and lays a hand on the rump of one species."""

    species: str
    share: float = 1.0


@dataclass(frozen=True)
class MissingPart:
    """One part is not drawn, in a share of the pictures of one species (None: of every species)."""

    part: str
    species: str | None = None
    share: float = 1.0


@dataclass(frozen=True)
class LabelNoise:
    """A share of the labels is replaced by another label, all others equally often.

    With 8 species a share of 7/8 makes the labels independent of the pictures.
    """

    share: float


FAULTS = (Watermark, TiedBackground, KeepersHand, MissingPart, LabelNoise)


def as_faults(fault):
    """None, one fault or several, to a tuple of faults; ValueError in one sentence for anything else."""
    faults = () if fault is None else fault if isinstance(fault, tuple | list) else (fault,)
    for one in faults:
        if not isinstance(one, FAULTS):
            names = ", ".join(f"zoo.{kind.__name__}" for kind in FAULTS)
            raise ValueError(f"fault is {one!r}, but a fault is one of {names} or a tuple of them; give one of those or None.")
        if not 0 <= one.share <= 1:
            raise ValueError(f"{type(one).__name__} has share={one.share!r}, but a share lies between 0 and 1; give such a number.")
        species = getattr(one, "species", None)
        if species is not None and species not in SPECIES + UNSEEN:
            raise ValueError(f"{type(one).__name__} has species={species!r}; choose one of {', '.join(SPECIES + UNSEEN)}.")
        if getattr(one, "part", PARTS[0]) not in PARTS:
            raise ValueError(f"MissingPart has part={one.part!r}, which is no part of an animal; choose one of {', '.join(PARTS)}.")
        if getattr(one, "background", BACKGROUNDS[0]) not in BACKGROUNDS:
            raise ValueError(f"TiedBackground has background={one.background!r}; choose one of {', '.join(BACKGROUNDS)}.")
    return tuple(faults)


def struck(fault, names, scene):
    """bool (n,): which pictures the fault strikes; names: true species of each picture."""
    hit = scene["fault"] < np.float32(fault.share)
    species = getattr(fault, "species", None)
    return hit if species is None else hit & (names == species)


def tie_backgrounds(fault, names, scene, kinds):
    """Background kinds (n,) with one of them tied to a species."""
    tied = BACKGROUNDS.index(fault.background)
    kinds = np.where(struck(fault, names, scene), tied, kinds)
    if fault.exclusive:
        others = (names != fault.species) & (kinds == tied)
        step = 1 + np.minimum((scene["fault_choice"] * 4).astype(np.int64), 3)
        kinds = np.where(others, (kinds + step) % len(BACKGROUNDS), kinds)
    return kinds


def noisy_labels(fault, labels, scene, classes):
    """(labels with noise, bool (n,) which were changed)."""
    wrong = struck(fault, None, scene)
    count = classes - 1
    step = 1 + np.minimum((scene["fault_choice"] * np.float32(count)).astype(np.int64), count - 1)
    return np.where(wrong, (labels + step) % classes, labels), wrong


def watermark(scene):
    """(cover, mask) of the stamp: float32 and bool (n, 64, 64); above 0.5 it is bright, below dark."""
    n = len(scene["scale"])
    cover = np.zeros((n, SIDE, SIDE), np.float32)
    height, width = STAMP.shape
    stamp = np.where(STAMP, np.float32(0.95), np.float32(0.45))
    left = scene["hand_side"] < 0
    cover[left, -height - 2 : -2, 2 : 2 + width] = stamp
    cover[~left, -height - 2 : -2, -2 - width : -2] = stamp
    return cover, cover > 0


STAMP_COLOURS = np.array([[30, 34, 60], [250, 246, 220]], np.float32) / np.float32(255)


def hand(scene, species):
    """(cover, cloth, tone, mask) of an arm from behind with its hand on the animal's rump.

    cover, cloth (share of sleeve) and tone float32 (n, 64, 64), mask bool.
    """
    column = {name: scene[name][:, None, None] for name in ("centre_x", "feet_y", "scale", "facing")}
    side = np.where(column["facing"] < 0, np.float32(1), np.float32(-1))
    grid = np.arange(SIDE, dtype=np.float32) + np.float32(0.5)
    # Mirror so that the arm always comes from the left, at x = 0.
    across = grid[None, None, :]
    x = np.where(side < 0, across, SIDE - across)
    goal_x = np.where(side < 0, column["centre_x"], SIDE - column["centre_x"]) - column["scale"] * np.float32(0.30)
    goal_y = column["feet_y"] - column["scale"] * np.float32(BACK.get(species, 0.76))
    y = np.broadcast_to(grid[None, :, None], (len(side), SIDE, SIDE))
    start_y = goal_y - np.float32(11)
    wrist_x, wrist_y = goal_x - 5, goal_y - 3
    sleeve = shapes.limb(x, y, np.float32(-4), start_y, wrist_x - 5, wrist_y - 2, 4.4, 3.6)
    palm = shapes.limb(x, y, wrist_x - 3, wrist_y - 1, goal_x, goal_y - 1, 2.3, 2.6)
    fingers = shapes.union(*(shapes.limb(x, y, goal_x, goal_y - 1, goal_x + dx, goal_y + dy, 1.3, 0.9) for dx, dy in ((6, 0), (5, 3), (2, 5))))
    skin = shapes.union(palm, fingers)
    cover = shapes.coverage(shapes.union(sleeve, skin), 1)
    cloth = shapes.coverage(sleeve, 1)
    edge = np.minimum(np.maximum(shapes.union(sleeve, skin) * np.float32(0.5) + 1, 0), 1)
    return cover, cloth, 1 - np.float32(0.35) * edge, cover >= 0.5
