"""Sets of glyphs: what varies, how it is drawn by lot, and the sets on disk."""

import hashlib
import os
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...settings import cache_dir
from ..arguments import whole
from ..digits import Digits
from .outlines import FONTS
from .pen import BENDS, ROUGH, ink

RANGES = {"slants": (-12.0, 20.0), "weights": (-0.1, 1.1), "sizes": (18.0, 22.0)}
SHIFT = 1.0  # at most, pixels in each direction
CHUNK = 500  # pictures drawn at once, from one generator: small enough for the processor's cache
ARRAYS = ("pictures", "labels", "fonts", "slants", "weights", "sizes")


@dataclass(frozen=True)
class Glyphs(Digits):
    """Digits with the truth about each picture: to pictures, labels and class_names it adds

    fonts       int64 (n,), index into font_names
    slants      float64 (n,), degrees, positive where the top leans right
    weights     float64 (n,), pixels added to the width of a stroke
    sizes       float64 (n,), height in pixels
    font_names  tuple of str
    """

    fonts: np.ndarray
    slants: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    font_names: tuple[str, ...] = tuple(FONTS)


def load(n=10_000, seed=0, cache=True, fonts=None):
    """`n` glyphs, digits and fonts equally likely: pictures uint8 (n, 28, 28), 0 paper to 255 ink.

    A smaller set of the same seed is the start of a bigger one.

    Parameters
    ----------
    n, seed : int
    cache : bool
        Keep the set in the course's cache folder and read it from there next time.
    fonts : sequence of int, optional
        Only these of the fonts, such as `PLAIN`; by default all of them.

    Raises
    ------
    ValueError
        For a number that is not whole, a negative seed, n below 1, or a font that does not exist.
    """
    n, seed = whole("n", n, least=1), whole("seed", seed)
    fonts = tuple(range(len(FONTS))) if fonts is None else tuple(whole("a font", font) for font in fonts)
    if not fonts or max(fonts) >= len(FONTS):
        raise ValueError(f"There are {len(FONTS)} fonts, numbered from 0; choose fonts from 0 to {len(FONTS) - 1}.")
    path = _path_of(n, seed, fonts) if cache else None
    arrays = _read(path) if cache else None
    if arrays is None:
        chunks = [_chunk(seed, number, fonts) for number in range(-(-n // CHUNK))]
        arrays = {name: np.concatenate([chunk[name] for chunk in chunks])[:n] for name in ARRAYS}
        if cache:
            _write(path, arrays)
    return Glyphs(class_names=tuple("0123456789"), **arrays)


def draw(labels, seed=0, **chosen):
    """Glyphs of chosen digits; what is not chosen is drawn by lot.

    Parameters
    ----------
    labels : sequence of int, 0 to 9
    seed : int
    chosen : fonts, slants, weights, sizes
        One value for all pictures or one for each; see `Glyphs` for units.

    Returns
    -------
    Glyphs, not cached.

    Raises
    ------
    ValueError
        For a label or font that does not exist, or a quantity that cannot be chosen.
    """
    labels = np.atleast_1d(np.asarray(labels))
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"labels are {labels.tolist()!r}, but whole numbers from 0 to 9 are expected; give a list of digits.")
    lots = _lots(np.random.default_rng([whole("seed", seed), len(labels)]), len(labels))
    for name, values in chosen.items():
        if name not in ARRAYS[2:]:
            raise ValueError(f"{name!r} cannot be chosen; choose among {', '.join(ARRAYS[2:])}.")
        lots[name] = np.broadcast_to(np.asarray(values, lots[name].dtype), len(labels))
    if lots["fonts"].min() < 0 or lots["fonts"].max() >= len(FONTS):
        raise ValueError(f"There are {len(FONTS)} fonts, numbered from 0; choose fonts from 0 to {len(FONTS) - 1}.")
    return Glyphs(class_names=tuple("0123456789"), **_drawn(labels.astype(np.int64), lots))


def _chunk(seed, number, fonts):
    rng = np.random.default_rng([seed, number, CHUNK])
    return _drawn(rng.integers(0, 10, CHUNK), _lots(rng, CHUNK, fonts))


def _drawn(labels, lots):
    return {"pictures": ink(labels, lots), "labels": labels} | {name: np.array(lots[name]) for name in ARRAYS[2:]}


def _lots(rng, n, fonts=tuple(range(len(FONTS)))):
    """What varies from picture to picture; see `pen.ink`."""
    return {
        "fonts": np.asarray(fonts)[rng.integers(0, len(fonts), n)],
        **{name: rng.uniform(low, high, n) for name, (low, high) in RANGES.items()},
        "shifts": rng.uniform(-SHIFT, SHIFT, (n, 2)).astype(np.float32),
        "bends": rng.standard_normal((n, 2, BENDS, BENDS), np.float32),
        "rough": rng.standard_normal((n, ROUGH, ROUGH), np.float32),
    }


@cache
def _version():
    """Hash of the modules that draw: a changed line never meets old pictures in the cache."""
    text = "".join(source.read_text(encoding="utf-8") for source in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(text.encode()).hexdigest()


def _path_of(n, seed, fonts):
    folder = cache_dir() / "glyphs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{n}-{seed}-{'.'.join(map(str, fonts))}-{_version()[:16]}.npz"


def _read(path):
    """dict of arrays, or None where there is no file that can be read."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path, arrays):
    """Write under another name and move into place, so that no reader sees half a file."""
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)
        os.replace(part, path)
    except OSError:  # no room, or another process holds the file: drawn again next time
        part.unlink(missing_ok=True)
