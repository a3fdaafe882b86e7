"""What a run of grading asks and how: drawn once, kept beside the results, the same for every submission.

Who only hands submissions on and writes results down needs no more than this: plain data, and no torch.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_utils.exercises import registry
from course_utils.exercises.contract import Exercise
from course_utils.grading import slices
from course_utils.settings import course_root

VERSION = 2                  # of the records; another one grades everything again
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class PlanError(ValueError):
    """The lab cannot be graded as asked; one sentence says why."""


@dataclass
class Plan:
    """Everything that the workers need, as plain data.

    Attributes
    ----------
    lab : str
        Two digits.
    tasks, asked : list of str
        Ids of the exercises that are graded, and those that were asked for: none for all.
    titles, points : dict
        Of these exercises, by id.
    seeds : dict of str to int
        Of each exercise's cases; nobody outside the run knows them.
    order : list
        The source's definitions and the places of the exercises: `graft.scaffold`.
    stubs : dict of str to str
        What students were handed, by exercise.
    solved : dict of str to str
        The solution's cell, by exercise: stays outside until a submission's own was judged.
    modules, names : list of str
        What the zygote imports, and the builders that it may call.
    declared : str
        Hash of the declarations and of what judges.
    own_s : float
        CPU seconds that the solutions' functions compute on these cases.
    need_bytes : int
        Memory that the solutions take at most while they compute.
    """

    lab: str
    tasks: list[str]
    asked: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    stubs: dict[str, str] = field(default_factory=dict)
    solved: dict[str, str] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    declared: str = ""
    own_s: float = 0.0
    need_bytes: int = 0

    @property
    def exercises(self) -> list[Exercise]:
        """Their declarations; imports what these import."""
        return [registry.find(task) for task in self.tasks]


def declared_hash(lab: str) -> str:
    """Hash of what decides the marks: the lab's declarations, and the modules that judge."""
    package = course_root() / "course_utils"
    judging = [package / "exercises" / f"{name}.py" for name in ("contract", "judge", "guard", "answers", "differences")]
    judging += [package / "grading" / f"{name}.py" for name in ("hidden", "judging", "graft", "wire", "packets", "inside/child")]
    return slices.hash_of([*package.glob(f"exercises/lab{lab}*.py"), *judging])


def draw(lab: str, asked: Sequence[str]) -> Plan:
    """A plan with cases on which every solution is right, made in a process of its own: this one stays small.

    Raises
    ------
    PlanError
        If there is none; the sentence says why.
    """
    said = aside("course_utils.grading.planning", [lab], json.dumps(list(asked)))
    if said.returncode:
        raise PlanError(last_line(said.stderr) or f"No cases can be drawn for lab {lab}.")
    return of_text(said.stdout.splitlines()[-1])


def aside(module: str, words: Sequence[str], text: str) -> subprocess.CompletedProcess:
    """Run a module of the course in a process of its own, with one thread and no data from elsewhere."""
    return subprocess.run([sys.executable, "-P", "-m", module, *words], input=text, capture_output=True, cwd=course_root(), encoding="utf-8",
                          env=dict(os.environ) | THREADS | {"PYTHONPATH": str(course_root()), "COURSE_DATA": "none", "PYTHONUTF8": "1"})


def last_line(text: str) -> str:
    return text.strip().rsplit("\n", 1)[-1]


def save(plan: Plan, path: Path) -> None:
    """Write the plan where only its owner can read it: it holds the seeds."""
    draft = path.with_suffix(".part")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text_of(plan))
    os.replace(draft, path)


def load(path: Path) -> Plan | None:
    """The plan of an earlier run, or None where there is none that still holds."""
    try:
        return of_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def text_of(plan: Plan) -> str:
    return json.dumps(asdict(plan) | {"version": VERSION})


def of_text(text: str) -> Plan | None:
    """The plan, or None where it is of another version."""
    noted = json.loads(text)
    if noted.pop("version") != VERSION:
        return None
    noted["order"] = [tuple(pair) for pair in noted["order"]]
    return Plan(**noted)
