"""The data set: `load` for many pictures of all species, `draw` for the ones you name."""

import numpy as np

from . import faults, render, store
from .album import ARRAYS, Zoo
from .scene import picture_seeds
from .species import SPECIES, UNSEEN

CACHE_FROM = 256  # pictures; fewer are drawn faster than a file is worth


def load(n, seed, *, species=None, fault=None, cache=True):
    """Draw n pictures of the zoo, all species equally often, in random order.

    Parameters
    ----------
    n : int
        Pictures. Of every 8 in a row each species has one, so that the first k of a bigger set
        are the smaller set.
    seed : int
        Not negative. Each picture is drawn from its own child of SeedSequence(seed).
    species : sequence of str, optional
        Names from SPECIES and UNSEEN; default all of SPECIES. Labels count from the start of
        SPECIES, and on through UNSEEN where one of those is asked for.
    fault : a fault or a tuple of faults, optional
        Watermark, TiedBackground, KeepersHand, MissingPart, LabelNoise.
    cache : bool
        Keep sets of 256 pictures and more on disk, in the course's cache folder.

    Returns
    -------
    Zoo

    Raises
    ------
    ValueError
        In one sentence, for anything else.

    Examples
    --------
    A sheet of four rows with eight pictures each:

    >>> from course_utils.datasets import zoo
    >>> animals = zoo.load(32, seed=1)
    >>> page = zoo.sheet(animals.pictures, columns=8)
    >>> page.shape
    (266, 530, 3)
    >>> [animals.class_names[label] for label in sorted(set(animals.labels.tolist()))][:3]
    ['hare', 'goat', 'elephant']
    """
    n, seed = _whole("n", n, "pictures", least=1), _whole("seed", seed, "the seed")
    names = _names(SPECIES if species is None else species)
    planted = faults.as_faults(fault)
    seeds = picture_seeds(n, seed)
    # In every block as long as the list of species, each has one place, in an order of its own.
    keys = np.random.PCG64(seed).random_raw(-(-n // len(names)) * len(names))
    order = np.argsort(keys.reshape(-1, len(names)), axis=1, kind="stable").ravel()[:n]
    chosen = np.array(names, object)[order]
    path = None
    if cache and n >= CACHE_FROM:
        path = store.path_of(f"{n}|{seed}|{names}|{planted!r}")
        kept = store.read(path, ARRAYS)
        if kept is not None:
            return Zoo(**kept)
    animals = _draw(chosen, seeds, planted, progress=n >= 2000)
    if path is not None:
        store.write(path, {name: getattr(animals, name) for name in (*ARRAYS, "class_names")})
    return animals


def draw(species, seeds, *, fault=None, without=()):
    """Draw the pictures that you name, without a cache.

    The scene depends on the seed alone: `draw(["llama", "camel"], [7, 7])` is one scene twice,
    different in the hump only.

    Parameters
    ----------
    species : str or sequence of str (n,)
        One name for all pictures, or one for each.
    seeds : int or sequence of int (n,)
        As `Zoo.seeds` holds them.
    fault : a fault or a tuple of faults, optional
    without : str or sequence of str
        Parts that are not drawn: `draw("goat", seeds, without="horns")`.

    Returns
    -------
    Zoo
    """
    seeds = np.atleast_1d(np.asarray(seeds))
    if seeds.ndim != 1 or seeds.dtype.kind not in "iu" or (seeds.dtype.kind == "i" and (seeds < 0).any()):
        raise ValueError(f"seeds has dtype {seeds.dtype} and shape {seeds.shape}, but whole numbers from 0 up are expected, one for each picture; give such a list.")
    names = [species] * len(seeds) if isinstance(species, str) else list(species)
    if len(seeds) == 1:
        seeds = np.repeat(seeds, len(names))
    if len(names) != len(seeds):
        raise ValueError(f"species has {len(names)} names for {len(seeds)} seeds; give one name for each seed, or a single name.")
    _names(names)
    parts = (without,) if isinstance(without, str) else tuple(without)
    for part in parts:
        render.known_part(part)
    planted = tuple(faults.MissingPart(part) for part in parts) + faults.as_faults(fault)
    return _draw(np.array(names, object), seeds.astype(np.uint64), planted)


def walk(species, seed, frames=120):
    """A film of `frames` pictures: one animal walks through one scene and back.

    Returns
    -------
    Zoo
        Frames in order; only the animal's place, legs and facing change.
    """
    frames, seed = _whole("frames", frames, "pictures", least=2), _whole("seed", seed, "the seed")
    (name,) = _names(species)
    time = np.arange(frames, dtype=np.float32)
    forth = 1 - np.abs(2 * time / np.float32(frames) - 1)
    step = np.abs((time / 8) % 2 - 1) * 2 - 1
    moving = {
        "across": forth,
        "facing": np.where(2 * time < frames, np.float32(1), np.float32(-1)),
        "stride": step * np.float32(0.11),
    }
    return _draw(np.full(frames, name, object), np.full(frames, seed, np.uint64), (), change=moving)


def _draw(names, seeds, planted, progress=False, change=None):
    starts = range(0, len(names), render.BATCH)
    if progress:
        from tqdm.auto import tqdm

        starts = tqdm(starts, desc="drawing the zoo", unit="batch", leave=False)
    batches = []
    for start in starts:
        part = slice(start, start + render.BATCH)
        moving = {key: values[part] for key, values in (change or {}).items()}
        batches.append(render.draw_batch(names[part], seeds[part], planted, moving))
    everyone = SPECIES + UNSEEN
    true = np.array([everyone.index(name) for name in names], np.int64)
    class_names = everyone if len(true) and true.max() >= len(SPECIES) else SPECIES
    arrays = {
        key: np.concatenate([batch[key] for batch in batches])
        for key in ("pictures", "part_maps", "backgrounds", "faulty", "fault_masks", "fault", "fault_choice")
    }
    shares = {key: arrays.pop(key) for key in ("fault", "fault_choice")}
    labels = true
    for fault in planted:
        if isinstance(fault, faults.LabelNoise):
            labels, wrong = faults.noisy_labels(fault, labels, shares, len(class_names))
            arrays["faulty"] = arrays["faulty"] | wrong
    return Zoo(labels=labels, true_labels=true, seeds=seeds, class_names=class_names, **arrays)


def _whole(name, value, what, least=0):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}, but {what} must be given as a whole number of at least {least}; give such a number.")
    return int(value)


def _names(species):
    names = (species,) if isinstance(species, str) else tuple(species)
    known = SPECIES + UNSEEN
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no species of the zoo; choose from {', '.join(SPECIES)}, or from the unseen {', '.join(UNSEEN)}.")
    if not names:
        raise ValueError("species is empty; name at least one species, or leave it out for all of them.")
    return names
