"""Made-up classes for the benchmark of the grader, and how long commands take on them."""
from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from course_utils.grading import plan as plans
from course_utils.grading.hostile import HOSTILE
from course_utils.grading.plan import Plan
from course_utils.settings import course_root

LAB = "09"


def notebook_of(plan: Plan, **instead: str) -> dict:
    """The student's copy, solved; cells by id in place of the solution's."""
    path = next((course_root() / "notebooks").glob(f"{LAB}_*.ipynb"))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = {f"ex-{task.replace('.', '-')}": source for task, source in plan.solved.items()} | {k.replace("_", "-"): v for k, v in instead.items()}
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
        cell.pop("attachments", None)
    return notebook


def hand_in(folder: Path, plan: Plan, count: int, hostile: float = 0.0, seed: int = 0) -> dict[str, set[str]]:
    """Write a class; returns the exercises that each submission is to lose."""
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    right, lost = json.dumps(notebook_of(plan)), {}
    bad = set(rng.sample(range(count), round(count * hostile)))
    for number in range(count):
        name = f"student {number:04d}"
        text, lost[name] = right, set()
        if number in bad:
            one = HOSTILE[sum(k < number for k in bad) % len(HOSTILE)]
            text, lost[name] = json.dumps(notebook_of(plan, ex_09_3=one.cell)), set() if one.verdict == "right" else {"09.3"}
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    return lost


def grade_command(place: Path, out: Path, jobs: int) -> list[str]:
    return [sys.executable, "-P", "-m", "course_utils.cli", "grade", str(place), "--lab", LAB, "--out", str(out), "--jobs", str(jobs)]


def prepared(out: Path, plan: Plan) -> Path:
    """A results folder with the plan: drawing it is no part of what is measured."""
    out.mkdir(parents=True)
    plans.save(plan, out / "plan.json")
    return out


def timed(command: Sequence[str], **options) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all that it started and waited for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=options.pop("cwd", course_root()), **options)
    if done.returncode:
        raise RuntimeError(f"{command[0:4]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
