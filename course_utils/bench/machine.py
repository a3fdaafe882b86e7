"""The machine and the versions that a figure was measured with."""
from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = ("numpy", "scipy", "torch", "captum", "lime", "zennit", "scikit-learn", "scikit-optimize", "botorch")


def description() -> str:
    """One sentence: processor, cores, memory, system, Python, packages."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name).partition('+')[0]}")
        except PackageNotFoundError:
            continue
    return (f"{processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, "
            f"Python {platform.python_version()}; {', '.join(versions)}.")


def processor() -> str:
    """The processor's name, with its family and model where Linux tells them: the name alone can be a whole series."""
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        facts = dict(line.split(":", 1) for line in listed.read_text(encoding="utf-8").split("\n\n")[0].splitlines() if ":" in line)
        facts = {key.strip(): value.strip() for key, value in facts.items()}
        if "model name" in facts:
            widest = next((f", {name}" for name, flag in (("AVX-512", "avx512f"), ("AVX2", "avx2")) if flag in facts.get("flags", "").split()), "")
            return f"{facts['model name']} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}{widest})"
    return platform.processor() or platform.machine()


def load() -> float:
    """Mean number of programs that wanted a core in the last minute."""
    return psutil.getloadavg()[0]
