"""`course.py bench labs`: every lab from its first cell to its last, and the way from a clone to the first figure.

Writes docs/bench_labs.md, and docs/bench_labs.json, which the tests hold the labs against (`authoring.growth`).
"""
from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from course_utils.authoring import growth
from course_utils.authoring.budget import BUDGET_S, BUDGET_UNITS, calibrator
from course_utils.authoring.execute import environment
from course_utils.authoring.sources import Lab, LabError, find_labs, read_source
from course_utils.bench.machine import description, load, processor
from course_utils.settings import course_root

FIRST = "01"  # the lab that somebody opens first
MIB = 2**20


def bench_labs(quick: bool = False, only: str = "", root: Path | None = None) -> int:
    """Run the labs one after the other, print and put on record what they took; returns 0, or 1 where one fails.

    Parameters
    ----------
    quick : write nothing.
    only : numbers of labs with commas; all if empty. The others keep what they have on record.
    root : the course's root, if not this one.
    """
    root = root or course_root()
    labs = find_labs(root, [name.strip() for name in only.split(",") if name.strip()] or None)
    kind, failed = processor(), 0
    record = growth.read_record(root)
    entry = record.setdefault(kind, {"labs": {}})
    present = {lab.stem for lab in find_labs(root)}
    entry["labs"] = {stem: row for stem, row in entry["labs"].items() if stem in present}
    if not only and (way := from_clone(root)):
        entry["from clone"] = way
        print(f"clone {way['clone_s']:.1f} s, then {way['figure_s']:.1f} s to the first figure of lab {FIRST}", flush=True)
    with calibrator() as calibrate:
        for lab in labs:
            try:
                row = measured(lab, calibrate)
            except LabError as error:
                print(f"✗ {error}", flush=True)
                failed = 1
                continue
            before = entry["labs"].get(lab.stem, {}).get("units")
            print(f"{lab.stem}: {row['seconds']:.0f} s, {row['cpu_s']:.0f} CPU s, {row['units']:.0f} units"
                  + (f" (on record: {before:.0f})" if before else "") + f", {row['memory_mib']} MiB", flush=True)
            entry["labs"][lab.stem] = row
            if not quick:  # after each: a run that is cut keeps what it has
                entry["machine"] = description()
                growth.write_record(root, record)
    if not quick:
        page = root / "docs" / "bench_labs.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text_of(entry), encoding="utf-8", newline="\n")
        print(f"Written to {page.relative_to(root).as_posix()} and {growth.record_path(root).relative_to(root).as_posix()}")
    return failed


def measured(lab: Lab, calibrate) -> dict:
    """One lab's row of the record."""
    cells = sum(cell.cell_type == "code" for cell in read_source(lab).cells)
    loads = [load()]
    with tqdm(total=cells, desc=lab.stem, unit="cell", file=sys.stdout, leave=False, disable=not sys.stdout.isatty()) as bar:
        run = growth.run_once(lab, calibrate, on_cell=bar.update)
    loads.append(load())
    row = {"seconds": run.seconds, "cpu_s": run.cpu_seconds, "units": run.units, "first_cell_s": run.first_cell_s,
           "first_figure_s": run.first_figure_s, "load": max(loads)}
    row = {name: None if value is None else round(value, 1) for name, value in row.items()}
    row["memory_mib"] = round(run.memory / MIB)
    return row | {name: round(path.stat().st_size / 1000) if path.exists() else None
                  for name, path in (("solved_kb", lab.solved), ("student_kb", lab.student))}


def from_clone(root: Path) -> dict | None:
    """Seconds of a clone, and from there to the first figure; None where the course is no git checkout.

    The clone runs with this environment's packages: how long these take to install is up to the network.
    """
    if not (root / ".git").exists() or not shutil.which("git"):
        return None
    with tempfile.TemporaryDirectory(prefix="course-bench-", ignore_cleanup_errors=True) as name:
        clone = Path(name) / "course"
        began = time.time()
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(root), str(clone)], check=True)
        cloned = time.time()
        command = [sys.executable, "-m", "course_utils.bench.first_figure", FIRST]
        done = subprocess.run(command, cwd=clone, env=environment() | {"PYTHONPATH": str(clone)}, stdout=subprocess.PIPE, text=True,
                              encoding="utf-8", check=True)
        sizes = {part: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
                 for part, folder in (("all", clone), ("git", clone / ".git"))}
        return {"clone_s": round(cloned - began, 1), "figure_s": round(float(done.stdout) - cloned, 1), "git_mb": round(sizes["git"] / 1e6, 1),
                "files_mb": round((sizes["all"] - sizes["git"]) / 1e6, 1)}


def text_of(entry: dict) -> str:
    """docs/bench_labs.md."""
    labs = dict(sorted(entry["labs"].items()))
    lines = [
        "# The labs, measured", "",
        "`python3 course.py bench labs` runs every solved lab in a kernel of its own, one after the other, one thread each. "
        f"CPU seconds are those spent in the program, without the system's. A unit is the CPU time of a fixed loop (a small network, forward and backward, and a few numpy operations), measured every few seconds beside the lab; "
        f"a lab may take {BUDGET_UNITS:.0f} of them, which are {BUDGET_S:.0f} s on a quiet machine of the kind below.", "",
        f"Machine: {entry['machine']}", "",
        "| lab | seconds | CPU seconds (user) | units | load | kernel start to the end of the first cell, s | to the first figure, s | peak memory, MiB | solved notebook, kB | student's, kB |",
        "|---|---|---|---|---|---|---|---|---|---|"]
    names = ("seconds", "cpu_s", "units", "load", "first_cell_s", "first_figure_s", "memory_mib", "solved_kb", "student_kb")
    whole = {"seconds", "cpu_s"}
    for stem, row in labs.items():
        lines.append(f"| {stem} | " + " | ".join("" if row[name] is None else f"{row[name]:.0f}" if name in whole else f"{row[name]:g}" for name in names) + " |")
    total = {name: sum(row[name] or 0 for row in labs.values()) for name in names}
    lines += [f"| all | {total['seconds']:.0f} | {total['cpu_s']:.0f} | {total['units']:.0f} | | | | | {total['solved_kb']:.0f} | {total['student_kb']:.0f} |", "",
              "Seconds and CPU seconds depend on what else the machine did (load: mean number of programs that wanted a core); units hardly do. "
              "Memory is the resident memory of the kernel at its highest; notebooks are counted with their figures.", ""]
    if way := entry.get("from clone"):
        lines += ["## From a clone to the first figure", "",
                  f"`git clone` of the repository ({way['git_mb']:g} MB of history, {way['files_mb']:g} MB of files) from this machine's disk: {way['clone_s']:.1f} s. "
                  f"From there to the first figure of lab {FIRST}: {way['figure_s']:.1f} s. The packages were installed already; what `course.py` needs to install them "
                  "at its first start depends on the network and is not counted.", ""]
    lines += ["## What the record is for", "",
              f"A lab that grows by a quarter fails: `course.py test` runs every solved notebook anyway, with rounds of the loop beside it, and compares its units with "
              f"those in `bench_labs.json`. Over {growth.GROWTH:g} times the record, it is run again in a fresh kernel, up to {growth.MEASURED_AGAIN} times, and fails only if every run "
              "was over. Figures are kept for each kind of processor, because the ratio of a lab to the loop is not the same on all; on one that has no record, nothing is "
              "compared and the test says so. Where a lab is worth its new time, `course.py bench labs --only 06` puts it on record.", ""]
    return "\n".join(lines)
