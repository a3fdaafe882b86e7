"""`course.py bench methods`: every group in a process of its own, then the table and the plot in docs/."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course_utils.bench.machine import description, load
from course_utils.bench.measure import ONE_THREAD
from course_utils.bench.registry import GROUPS
from course_utils.bench.table import page, picture, summary
from course_utils.settings import course_root

GROUP_LIMIT_S = 1800
KEPT = "bench_methods.json"     # what the table is made of; `--only` renews one group of it


def bench_methods(quick: bool = False, only: str = "", docs: Path | None = None) -> int:
    """Measure, print, and unless `quick` write docs/bench_methods.md, .svg and .json; returns 0.

    Parameters
    ----------
    quick : one small picture of each group, three pairs a row, no memory; nothing is written.
    only : name of the one group to measure; the others keep what they had.
    docs : folder to write to, if not the course's.
    """
    docs = docs or course_root() / "docs"
    found = {}
    for name in (only,) if only else GROUPS:
        print(f"{name}", flush=True)
        found[name] = one_group(name, quick)
        if not quick:
            found = kept(docs / KEPT) | {name: found[name]}      # read anew each time: two runs may measure different groups
            docs.mkdir(exist_ok=True)
            write_all(docs, {group: found[group] for group in GROUPS if group in found})
    print(summary({group: found[group] for group in GROUPS if group in found}))
    if not quick:
        print("Written to docs/bench_methods.md")
    return 0


def kept(path: Path) -> dict:
    """The groups that an earlier run wrote."""
    return json.loads(path.read_text(encoding="utf-8"))["groups"] if path.exists() else {}


def write_all(docs: Path, groups: dict) -> None:
    """Table, plot, and the numbers that they are made of; after each group, so that a cut run keeps what it has."""
    machine = description()
    write(docs / KEPT, json.dumps({"machine": machine, "groups": groups}, indent=1) + "\n")
    write(docs / "bench_methods.md", page(groups, machine))
    write(docs / "bench_methods.svg", picture(groups))


def one_group(name: str, quick: bool) -> dict:
    """The rows of a group as dicts, the load beside them, and one sentence if the group failed."""
    before, began = load(), time.monotonic()
    rows, said = in_process(name, quick)
    return {"rows": rows, "failed": said, "load": [round(before, 1), round(load(), 1)], "seconds": round(time.monotonic() - began)}


def in_process(name: str, quick: bool) -> tuple[list, str]:
    """The rows that `course_utils.bench.group` writes, and one sentence if it failed; what it wrote before counts."""
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        out = Path(folder) / "rows.json"
        command = [sys.executable, "-P", "-m", "course_utils.bench.group", name, str(out), *(["--quick"] if quick else [])]
        said = ""
        try:
            done = subprocess.run(command, cwd=course_root(), env=os.environ | ONE_THREAD, stderr=subprocess.PIPE, timeout=GROUP_LIMIT_S)
            if done.returncode:
                lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
                said = f"The group {name} ended early: {lines[-1].strip()[:300] if lines else f'exit status {done.returncode}'}"
        except subprocess.TimeoutExpired:
            said = f"The group {name} was stopped after {GROUP_LIMIT_S} s."
        if said:
            print(f"  {said}", flush=True)
        return (json.loads(out.read_text(encoding="utf-8")) if out.exists() else []), said


def write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    os.replace(draft, path)
