"""Touch of lab 17: one scene under every condition, and what a suspect says of it.

    from course_utils.widgets import audit_desk

    audit_desk.explore()
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.datasets import inspection, zoo
from course_utils.plots import PALETTE, describe, panels
from course_utils.widgets.bars import draw_bars
from course_utils.widgets.touch import Choice, Slider, Touch, touch

SCENES, SEED = 4, 5                                   # of each species, from one kit
SUSPECTS = {"A": ("watermark", 1), "B": ("background", 2), "C": ("hand", 2), "D": ("ignored part", 1), "sound": ("sound", 0)}
CONDITIONS = ("plain", "hand", "bare", "stamped", *zoo.BACKGROUNDS, "noisy")  # the stills show the first, fourth, seventh and last


@lru_cache(maxsize=1)
def kit() -> dict[str, np.ndarray]:
    """The scenes that the desk shows."""
    return inspection.kit(SEED, SCENES)


@lru_cache(maxsize=1024)
def said(suspect: str, condition: str, row: int) -> np.ndarray:
    """Probabilities (8,) of a suspect for one scene of the kit under a condition.

    Raises
    ------
    ValueError
        If there is no such suspect or condition.
    """
    from course_utils.models import suspects

    if suspect not in SUSPECTS or condition not in CONDITIONS:
        raise ValueError(f"There is no suspect {suspect!r} under the condition {condition!r}; choose from {', '.join(SUSPECTS)} and {', '.join(CONDITIONS)}.")
    return suspects.answers(network(suspect), kit()[condition][row : row + 1])[0]


@lru_cache(maxsize=8)
def network(suspect: str) -> Any:
    """A suspect of the desk."""
    from course_utils.models import suspects

    return suspects.rebuilt(suspects.suspect(*SUSPECTS[suspect]).stages)


def draw(suspect: str = "A", condition: str = "stamped", species: str = "tortoise", scene: int = 0) -> Figure:
    """The plain scene, the changed one, and a suspect's probabilities for both.

    Parameters
    ----------
    suspect : one of SUSPECTS
    condition : one of CONDITIONS
    species : one of zoo.SPECIES
    scene : int
        Which of its scenes, from 0.

    Raises
    ------
    ValueError
        If there is no such suspect, condition or scene.
    """
    rows = np.flatnonzero(kit()["labels"] == zoo.SPECIES.index(species)) if species in zoo.SPECIES else []
    if not 0 <= scene < len(rows):
        raise ValueError(f"There is no scene {scene!r} of {species!r}; choose a species of the zoo and a scene from 0 to {SCENES - 1}.")
    row = int(rows[scene])
    before, after = said(suspect, "plain", row), said(suspect, condition, row)
    figure, axes = panels(1, 3, width=9, height=3.0, width_ratios=(1, 1, 1.3))
    for axis, name in zip(axes, ("plain", condition)):
        axis.imshow(kit()[name][row])
        axis.set_title(name)
        axis.axis("off")
    draw_bars(axes[2], zoo.SPECIES, (before, after), (PALETTE[5], PALETTE[1]), (0, 1), ("plain", condition))
    axes[2].set(xticks=(0, 0.5, 1), xlabel="probability", title=f"what {suspect} says")
    axes[2].legend(loc="lower right")
    return describe(figure, f"Scene {scene} with a {species}, plain and {condition}, and the probabilities of network {suspect}: plain "
                            f"{zoo.SPECIES[before.argmax()]}, {condition} {zoo.SPECIES[after.argmax()]}.")


def explore() -> Touch:
    """The desk with its four choices."""
    return touch(draw, "condition", suspect=Choice("A", tuple(SUSPECTS), "network"), condition=Choice("stamped", CONDITIONS, "condition"),
                 species=Choice("tortoise", zoo.SPECIES, "species"), scene=Slider(0, 0, SCENES - 1, 1, "scene"))
