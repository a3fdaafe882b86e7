"""`course.py bench grade`: the grader beside nbgrader and otter-grader on the same work, and a class of 1,000.

nbgrader and otter grade the same solved exercises with the same checks as `check` in the lab, one notebook
after the other, as their commands do. otter runs in an environment of its own, made in the cache folder
when it is first wanted. Times on a busy machine mean little: the table says what the load was.
"""
from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_utils.grading import plan as plans
from course_utils.grading.bench_class import LAB
from course_utils.grading.bench_crowd import crowd
from course_utils.grading.bench_peers import peers
from course_utils.grading.bench_speed import clean, scaling
from course_utils.settings import course_root

PARTS = ((clean, 20, 60), (scaling, 40, 200), (peers, 2, 5), (crowd, 60, 1000))  # with the size of a quick run and of a whole one


def bench_grade(quick: bool = False) -> int:
    """Measure and write docs/bench_grade.md; returns 0."""
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="course-bench-") as name:
        plan = plans.draw(LAB, [])
        for measure, few, many in PARTS:
            load = f"{os.getloadavg()[0]:.1f}"

            def say(what: str, found: str) -> None:
                rows.append((what, found, f"{load} to {os.getloadavg()[0]:.1f}"))
                print(f"{what}: {found}", flush=True)

            measure(Path(name), plan, few if quick else many, say)
    target = course_root() / "docs" / "bench_grade.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(rows, quick), encoding="utf-8", newline="\n")
    print(f"Written to {target.relative_to(course_root()).as_posix()}")
    return 0


def page(rows: Sequence[tuple[str, str, str]], quick: bool) -> str:
    lines = ["# The grader, measured", "", f"`python3 course.py bench grade{' --quick' if quick else ''}`, on {os.cpu_count()} cores; lab {LAB}, all exercises. "
             "The load is the machine's, over the minute before a part began and before it ended: one worker makes one, two make two; what is above that is other work.",
             "", "| what | measured | load |", "|---|---|---|", *(f"| {what} | {found} | {load} |" for what, found, load in rows)]
    return "\n".join(lines) + "\n"
