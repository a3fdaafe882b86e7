"""A lab that has become slower by a quarter: its CPU time beside the one that is on record.

The record, `docs/bench_labs.json`, holds for each kind of processor the CPU time of every lab in units of
the calibration loop. `course.py bench labs` writes it, the run of the solved notebooks compares. A lab that seems to
have grown is measured again in a fresh kernel, twice if need be: a lab whose cells do more work takes longer
every time; on a machine that was busy it does not. On another kind of processor the ratio is another, so nothing is compared there.
"""
from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring.budget import Meter
from course_utils.authoring.execute import execute
from course_utils.authoring.sources import Lab, read_source

GROWTH = 1.25
MEASURED_AGAIN = 2


class NoRecord(LookupError):
    """There is nothing to compare a lab with; the message says what writes it."""


@dataclass(frozen=True)
class Run:
    """What one run of a lab took.

    Attributes
    ----------
    seconds, cpu_seconds : float
        From before the kernel's start to the end of the last cell; of the kernel and what it started.
    units : float
        CPU time in units of the calibration loop.
    memory : int
        Highest resident memory of the kernel, in bytes.
    first_cell_s, first_figure_s : float
        Seconds from before the kernel's start to the end of the first cell, of the first one with a figure.
    """

    seconds: float
    cpu_seconds: float
    units: float
    memory: int
    first_cell_s: float
    first_figure_s: float | None


def run_once(lab: Lab, calibrate: Callable[[], float], on_cell: Callable[[], None] = lambda: None) -> Run:
    """Run the solved source of a lab in a fresh kernel, as the build does, and measure.

    Parameters
    ----------
    lab : Lab
    calibrate : measures a round of the calibration loop, as `budget.calibrator` yields it.
    on_cell : called after each code cell.

    Raises
    ------
    LabError
        If a cell fails.
    """
    notebook, meters, ends, figures, memory, paused = read_source(lab), [], [], [], 0, 0.0
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    calibrate()  # whatever it has to set up is no part of the lab's time
    began = time.monotonic()

    def started(pid: int) -> None:
        meters.append(Meter(pid, calibrate).watch())

    def cell_ended() -> None:
        nonlocal memory, paused
        ends.append(time.monotonic() - began - paused)
        if has_figure(cells[len(ends) - 1]):
            figures.append(ends[-1])
        memory = max(memory, peak_memory(meters[0].pid))
        if len(ends) in (1, len(cells)):
            looked = time.monotonic()
            meters[0].look(now=True)
            paused += time.monotonic() - looked
        on_cell()

    execute(notebook, lab.source.parent, lab.name_of(lab.source), on_cell=cell_ended, on_kernel=started)
    return Run(ends[-1], meters[0].seconds, meters[0].spent, memory, ends[0], figures[0] if figures else None)


def has_figure(cell: NotebookNode) -> bool:
    return any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {}))


def peak_memory(pid: int) -> int:
    """Highest resident memory of a process so far in bytes; what it holds now where the system keeps no peak."""
    import psutil

    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
        if found:
            return int(found[1]) * 1024
    held = psutil.Process(pid).memory_info()
    return getattr(held, "peak_wset", held.rss)


def record_path(root: Path) -> Path:
    return root / "docs" / "bench_labs.json"


def read_record(root: Path) -> dict:
    """What is on record, `{processor: {"labs": {stem: {"units": ...}}}}`; empty where nothing is."""
    path = record_path(root)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_record(root: Path, record: dict) -> None:
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    record_path(root).parent.mkdir(exist_ok=True)
    record_path(root).write_text(text + "\n", encoding="utf-8", newline="\n")


def recorded(root: Path, stem: str, processor: str) -> float:
    """Units that a lab took when it was put on record on this kind of processor.

    Raises
    ------
    NoRecord
        If it was not.
    """
    record = read_record(root)
    if processor not in record:
        known = ", ".join(record) or "none"
        raise NoRecord(f"The labs' times are not on record for {processor} (on record: {known}):  python3 course.py bench labs  writes them.")
    if stem not in record[processor]["labs"]:
        raise NoRecord(f"The time of {stem} is not on record for {processor}:  python3 course.py bench labs --only {stem[:2]}  writes it.")
    return record[processor]["labs"][stem]["units"]


def complaint(stem: str, spent: float, once: float, again: Callable[[], float]) -> str | None:
    """One sentence if a lab takes more than `GROWTH` times the units that are on record, else None.

    Parameters
    ----------
    stem : the lab.
    spent : units that it took.
    once : units on record.
    again : measures the lab anew, in units; called only while every figure so far is too high.
    """
    for _ in range(MEASURED_AGAIN):
        if spent <= GROWTH * once:
            return None
        spent = min(spent, again())
    if spent <= GROWTH * once:
        return None
    return (f"{stem} takes {spent:.0f} units of CPU time, the least of {1 + MEASURED_AGAIN} runs, and {once:.0f} are on record; a lab may grow by a quarter. "
            f"Make what you added cheaper, or, if it is worth its time, put it on record:  python3 course.py bench labs --only {stem[:2]}")
