"""Drawn sets on disk, in the folder `zoo` of the course's cache: 16.5 kB a picture."""

import hashlib
import os
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from ...settings import cache_dir


@cache
def _version():
    """Hash of the modules that draw: a changed line never meets old pictures in the cache."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(key):
    """Where the set that `key` describes is kept; the folder is made if need be."""
    folder = cache_dir() / "zoo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (hashlib.sha256(f"{_version()}|{key}".encode()).hexdigest()[:24] + ".npz")


def read(path, names):
    """dict of the named arrays and class_names, or None where there is no file that can be read."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in names}
            arrays["class_names"] = tuple(str(name) for name in kept["class_names"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    arrays["fault_masks"] = np.unpackbits(arrays["fault_masks"], axis=-1).astype(bool)
    return arrays


def write(path, arrays):
    """Write a set under another name and move it into place, so that no reader sees half a file."""
    arrays = arrays | {
        "fault_masks": np.packbits(arrays["fault_masks"], axis=-1),
        "class_names": np.array(arrays["class_names"]),
    }
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)
        os.replace(part, path)
    except OSError:  # no room, or another process holds the file: drawn again next time
        part.unlink(missing_ok=True)
