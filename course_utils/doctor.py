"""Is this installation sound? Each check gives one line: ✓ or ✗, what was found, what mends it.

`essential()` and `comfort()` read files only and take a few tenths of a second; `full()` also imports
the heavy libraries, each in a process of its own, so that one that crashes costs a line and not the report.
"""
from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from course_utils.settings import cache_dir, course_root, data_dir

REINSTALL = "python3 course.py install"
RESTORE = "git checkout -- course_utils data    brings changed files of the course back"
ANEW = "delete the folder .venv, then: python3 course.py install"
DISK_GB = 1.0     # room for generated data, MNIST and a few executed labs
MEMORY_GB = 1.0   # measured: a kernel with torch takes 0.4 GB, with TensorFlow 1.0 GB
WAITING = 30      # columns of a line that says what is being waited for
IMPORT_S = 180    # a first import on a slow disk compiles thousands of files


@dataclass(frozen=True)
class Check:
    """One finding. `mend` is the command or the step that puts it right; empty where all is well."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def essential() -> Iterator[Check]:
    """What JupyterLab cannot start without; imports nothing heavy."""
    return guarded((python, packages, kernel))


def comfort() -> Iterator[Check]:
    """What a lab may miss later; imports nothing heavy."""
    return guarded((widgets, disk, memory))


def full() -> Iterator[Check]:
    """Every check, one by one as they are done."""
    yield from essential()
    yield from comfort()
    yield from guarded((imports, checkpoints, real_data))


def guarded(checks: Iterable[Callable[[], Check | Iterator[Check]]]) -> Iterator[Check]:
    """What the checks find; one that raises is itself a finding, and the others go on."""
    for check in checks:
        try:
            found = check()
            yield from ([found] if isinstance(found, Check) else found)
        except Exception as error:
            yield Check(check.__name__, False, f"could not be checked: {type(error).__name__}: {error}", RESTORE)


def report(checks: Iterable[Check], only_broken: bool = False) -> int:
    """Print one line for each check as it is done; returns how many are broken."""
    broken = []
    for check in checks:
        if not check.ok:
            broken.append(check)
        if not check.ok or not only_broken:
            line = f"{'✓' if check.ok else '✗'} {check.name:<16} {check.found}"
            # On a terminal it covers the line that said what was being waited for.
            print(line.ljust(WAITING) if sys.stdout.isatty() else line, flush=True)
            if check.mend:
                print(f"{'':<18} → {check.mend}", flush=True)
    if not only_broken:
        print("Everything stands." if not broken else f"{len(broken)} broken: {', '.join(c.name for c in broken)}.")
    return len(broken)


def python() -> Check:
    """The interpreter and where it runs."""
    version = platform.python_version()
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(
        "Python", supported, f"{version}, {platform.system()} {platform.machine()}",
        "" if supported else "install Python 3.11, 3.12 or 3.13, delete .venv, start again",
    )


def pins(text: str) -> dict[str, str]:
    """`name==version` lines of a constraints file, names in lower case with `-`."""
    found = re.findall(r"^([\w.-]+)==([^\s;#]+)", text, flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def packages() -> Check:
    """Whether what the course depends on is installed, in the versions that it is tested with."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in importlib.metadata.requires("course-utils") or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", False, "course-utils itself is not installed", REINSTALL)
    tested = pins((course_root() / "constraints.txt").read_text(encoding="utf-8"))
    wrong, shown = [], []
    here = [one for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
    for requirement in here:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, needed {requirement.specifier}")
        elif version.partition("+")[0] != tested.get(re.sub(r"[-_.]+", "-", requirement.name).lower()):
            shown.append(f"{requirement.name} {version}")
    if wrong:
        return Check("packages", False, "; ".join(wrong), REINSTALL)
    others = f"; other than tested, within bounds: {', '.join(shown)}" if shown else ", in the tested versions"
    return Check("packages", True, f"{len(here)} direct dependencies{others}")


def widgets() -> Check:
    """Whether JupyterLab finds the extensions that draw sliders and the drawing widget."""
    folders = [Path(sys.prefix, "share", "jupyter", "labextensions", name)
               for name in ("@jupyter-widgets/jupyterlab-manager", "anywidget")]
    missing = [folder.name for folder in folders if not (folder / "package.json").is_file()]
    if missing:
        return Check("widget manager", False, f"JupyterLab extension missing: {', '.join(missing)}", ANEW)
    version = json.loads((folders[0] / "package.json").read_text(encoding="utf-8"))["version"]
    return Check("widget manager", True, f"jupyterlab-manager {version}, anywidget")


def kernel() -> Check:
    """Whether the kernel of the labs is there and is this environment's."""
    spec = Path(sys.prefix, "share", "jupyter", "kernels", "python3", "kernel.json")
    if not spec.is_file():
        return Check("kernel", False, "the kernel python3 is not registered in this environment", ANEW)
    return Check("kernel", True, f"python3, ipykernel {importlib.metadata.version('ipykernel')}")


def disk() -> Check:
    """Room on the disks of the course and of its cache."""
    free = {"course": shutil.disk_usage(course_root()).free / 1e9, "cache": shutil.disk_usage(cache_dir()).free / 1e9}
    ok = min(free.values()) >= DISK_GB
    found = ", ".join(f"{gigabytes:.1f} GB free for the {what}" for what, gigabytes in free.items())
    return Check("disk", ok, found, "" if ok else f"make room: at least {DISK_GB:.0f} GB")


def memory() -> Check:
    """Memory that a kernel could take now."""
    now = psutil.virtual_memory()
    free = now.available / 1e9
    ok = free >= MEMORY_GB
    return Check(
        "memory", ok, f"{free:.1f} of {now.total / 1e9:.1f} GB free",
        "" if ok else f"close programs or shut down kernels: a lab takes up to {MEMORY_GB:.0f} GB",
    )


IMPORTS = {
    "torch": "import torch; print(torch.__version__, '· CUDA' if torch.cuda.is_available() else '· CPU')",
    "torchvision": (
        "from course_utils.models.torchvision_compat import torchvision, state; print(torchvision.__version__, '·', state())"
    ),
    "tensorflow": "import tensorflow as tf, keras; print(tf.__version__, '· Keras', keras.__version__)",
    "captum": "import captum; print(captum.__version__)",
    "scikit-learn": "import sklearn; print(sklearn.__version__)",
}


def imports() -> Iterator[Check]:
    """Import each heavy library in a fresh interpreter; a crash or a missing system library shows here."""
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    for name, code in IMPORTS.items():
        if sys.stdout.isatty():
            print(f"… importing {name}".ljust(WAITING), end="\r", flush=True)
        try:
            ran = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, encoding="utf-8", errors="replace",
                env=quiet, timeout=IMPORT_S,
            )
        except subprocess.TimeoutExpired:
            yield Check(name, False, f"its import did not end within {IMPORT_S} s", ANEW)
            continue
        if ran.returncode == 0:
            yield Check(name, True, ran.stdout.strip())
        else:
            said = ran.stderr.strip().splitlines() or [f"its import ended with status {ran.returncode}"]
            yield Check(name, False, said[-1], ANEW)


def checkpoints() -> Iterator[Check]:
    """The networks that ship, by sha256."""
    from course_utils import models

    findings = models.verify_checkpoints()
    gone = sorted(set(models.RECIPES) - {name for name, _, _ in findings})
    for name, ok, sentence in [*findings, *((name, False, "its weights and its card are not there") for name in gone)]:
        mend = "" if ok else f"git checkout -- data    brings it back, or train it: python3 course.py train {name}"
        yield Check(f"network {name}", ok, sentence, mend)


def real_data() -> Check:
    """Where real data comes from; never broken, since every lab goes on without."""
    given = data_dir()
    if given is None:
        return Check("real data", True, f"COURSE_DATA is not set; downloads go to {cache_dir()}")
    held = [name for name in ("MNIST", "FashionMNIST", "weights", "photos") if (given / name).is_dir()]
    return Check("real data", True, f"COURSE_DATA holds {', '.join(held) or 'none of the folders that the labs know'}")
