"""What an auditor of lab 17 takes along: the same scenes of the zoo again and again, each time with one thing changed.

    from course_utils.datasets import inspection

    kit = inspection.kit(seed=0, each=3)
    kit["plain"], kit["stamped"]      # uint8 (24, 64, 64, 3) each, picture k the same scene in both
    kit["labels"]                     # int64 (24,)
"""

from functools import lru_cache

import numpy as np

from . import zoo

# The parts by which species are told apart; without them the animals of a pair are the same picture.
TELLTALES = ("ears", "horns", "hump", "trunk", "shell", "beak", "wings", "fins")
NOISE = 12.0  # grey levels of 255: little enough that a sound network stays nearly always right


def everyone(fault, **parameters):
    """A fault for each species, so that it strikes every picture: `everyone(zoo.Watermark)`."""
    return tuple(fault(species, **parameters) for species in zoo.SPECIES)


def kit(seed, each=3):
    """Pictures of the same scenes under every condition that an audit asks about.

    Parameters
    ----------
    seed : int
        Other seed, other scenes.
    each : int
        Scenes of each of the eight species; n = 8 * each.

    Returns
    -------
    dict of str to array
        "labels" int64 (n,); "plain", "stamped" (the stamp ZOO in a lower corner), "hand" (a keeper's
        hand on the animal), "meadow", "sand", "snow", "water", "rock" (all before this background),
        "bare" (without the parts by which species are told apart) and "noisy" (grey levels with
        normal noise of standard deviation 12), each uint8 (n, 64, 64, 3) and picture for picture
        the same scene.

    Raises
    ------
    ValueError
        For fewer than one scene of each species.
    """
    if isinstance(each, bool) or not isinstance(each, int | np.integer) or each < 1:
        raise ValueError(f"each is {each!r}, but a whole number of scenes of each species is expected; give at least 1.")
    return {name: values.copy() for name, values in _drawn(seed, each).items()}


@lru_cache(maxsize=8)
def _drawn(seed, each):
    rng = np.random.default_rng(seed)
    names, seeds = list(zoo.SPECIES) * each, rng.integers(1 << 40, size=8 * each)
    plain = zoo.draw(names, seeds)
    noise = rng.normal(0, NOISE, size=plain.pictures.shape)
    sets = {
        "labels": plain.labels,
        "plain": plain.pictures,
        "stamped": zoo.draw(names, seeds, fault=everyone(zoo.Watermark)).pictures,
        "hand": zoo.draw(names, seeds, fault=everyone(zoo.KeepersHand)).pictures,
    }
    for ground in zoo.BACKGROUNDS:
        sets[ground] = zoo.draw(names, seeds, fault=everyone(zoo.TiedBackground, background=ground, exclusive=False)).pictures
    sets["bare"] = zoo.draw(names, seeds, without=TELLTALES).pictures
    sets["noisy"] = np.clip(np.rint(plain.pictures + noise), 0, 255).astype(np.uint8)
    return sets
