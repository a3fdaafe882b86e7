"""Every switch of the course, read in this one place from the environment.

| variable         | meaning                                              | default               |
|------------------|------------------------------------------------------|-----------------------|
| `COURSE_PROFILE` | `full`, or `fast`: fewer steps, pictures and seeds   | `full`                |
| `COURSE_DATA`    | folder with real data (MNIST, photographs, weights); | no folder: download   |
|                  | `none`: no real data, and no download either         |                       |
| `COURSE_CACHE`   | folder for generated and downloaded data             | the user's cache      |
| `COURSE_THREADS` | threads of torch and BLAS                            | 1                     |
| `COURSE_LIVE`    | the notebook of a class; set by `course.py live`     | no class              |
"""
import os
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")
PROFILES = ("full", "fast")


def profile_name() -> str:
    """Name of the profile in force, `"full"` or `"fast"`.

    Raises
    ------
    ValueError
        If `COURSE_PROFILE` names no profile.
    """
    name = os.environ.get("COURSE_PROFILE", "full").strip().lower() or "full"
    if name not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {name!r}; set it to 'full' or 'fast', or unset it.")
    return name


def profile(full: Value, fast: Value) -> Value:
    """The value for the profile in force: `steps = profile(full=2000, fast=300)`."""
    return full if profile_name() == "full" else fast


def course_root() -> Path:
    """Folder that holds `course.py`, `solutions/`, `notebooks/` and `data/`."""
    return Path(__file__).resolve().parent.parent


def data_dir() -> Path | None:
    """Folder with real data that `COURSE_DATA` names, or None where it names none."""
    given = os.environ.get("COURSE_DATA", "").strip()
    return Path(given).expanduser().resolve() if given and real_data_wanted() else None


def real_data_wanted() -> bool:
    """Whether real data may be used at all: `COURSE_DATA=none` makes a run the same on every machine."""
    return os.environ.get("COURSE_DATA", "").strip() != "none"


def cache_dir() -> Path:
    """Folder for generated and downloaded data, made if need be.

    `COURSE_CACHE` if set, else `course-utils` in the user's cache folder (the place that each
    operating system has for it).
    """
    given = os.environ.get("COURSE_CACHE", "").strip()
    if given:
        folder = Path(given).expanduser().resolve()
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("course-utils", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def threads() -> int:
    """Threads for torch and BLAS: `COURSE_THREADS`, else 1.

    The course's networks are small: measured on two cores, one thread is up to six times faster
    than two, which wait for each other after every layer.

    Raises
    ------
    ValueError
        If `COURSE_THREADS` is not a positive whole number.
    """
    given = os.environ.get("COURSE_THREADS", "1").strip() or "1"
    if not given.isdigit() or int(given) < 1:
        raise ValueError(f"COURSE_THREADS is {given!r}; set it to a whole number from 1 up.")
    return int(given)


def live_notebook() -> Path | None:
    """The notebook that is shown to a class, where `course.py live` has started this kernel; else None."""
    given = os.environ.get("COURSE_LIVE", "").strip()
    return Path(given) if given else None
