"""What a run of grading asks and how: drawn once, kept beside the results, the same for every submission."""
from __future__ import annotations

import ast
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_utils.exercises import registry
from course_utils.exercises.contract import Exercise
from course_utils.grading import graft, slices
from course_utils.settings import course_root

VERSION = 1                  # of the records; another one grades everything again
SEED_BITS = 31               # some generators take no more
NEVER_PRELOADED = ("course_utils.notebook", "course_utils.plots", "course_utils.widgets", "IPython", "matplotlib")


class PlanError(ValueError):
    """The lab cannot be graded as asked; one sentence says why."""


@dataclass
class Plan:
    """Everything that the workers need, as plain data.

    Attributes
    ----------
    lab : str
        Two digits.
    tasks : list of str
        Ids of the exercises that are graded.
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
    """

    lab: str
    tasks: list[str]
    seeds: dict[str, int] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    stubs: dict[str, str] = field(default_factory=dict)
    solved: dict[str, str] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    declared: str = ""
    own_s: float = 0.0

    @property
    def exercises(self) -> list[Exercise]:
        return [registry.find(task) for task in self.tasks]


def make(lab: str, tasks: Iterable[str] = ()) -> Plan:
    """A plan for a lab, without seeds.

    Raises
    ------
    PlanError
        If the lab or a task does not exist.
    """
    lab = lab.strip().zfill(2)
    exercises = registry.of_lab(lab)
    if not exercises:
        raise PlanError(f"Lab {lab} has no exercises to grade; labs that have: {', '.join(registry.labs())}.")
    tasks = [task.strip() for task in tasks if task.strip()]
    unknown = [task for task in tasks if task not in {exercise.id for exercise in exercises}]
    if unknown:
        raise PlanError(f"Lab {lab} has no task {unknown[0]}; it has {', '.join(exercise.id for exercise in exercises)}.")
    chosen = [exercise for exercise in exercises if not tasks or exercise.id in tasks]
    cells, solved, stubs = source_cells(lab)
    order = graft.scaffold(cells)
    return Plan(lab, [exercise.id for exercise in chosen], order=order, stubs=stubs, solved=solved,
                modules=modules_of("\n".join(solved[exercise.id] for exercise in chosen), order),
                names=sorted(slices.needed(chosen)), declared=declared_hash(lab))


def source_cells(lab: str) -> tuple[list[tuple[str, str]], dict[str, str], dict[str, str]]:
    """Code cells of a lab's source that students have; by exercise, its solved cell and its stub.

    Raises
    ------
    PlanError
        If the source is not in this copy of the course.
    """
    from course_utils.authoring.sources import LabError, find_labs, label_of, read_notebook, read_source, tags_of

    try:
        found = find_labs(course_root(), [lab])[0]
    except LabError:
        raise PlanError(f"The source of lab {lab} is not in this copy of the course: grading needs solutions/{lab}_*.py.") from None
    cells, solved = [], {}
    for cell in read_source(found).cells:
        tags = set(tags_of(cell))
        if cell.cell_type != "code" or tags & {"solution", "instructor", "check"}:
            continue
        cells.append((label_of(cell) if "exercise" in tags else "", cell.source))
        if "exercise" in tags:
            solved[label_of(cell)] = cell.source
    handed = read_notebook(found.student).cells if found.student.exists() else []
    return cells, solved, {label_of(cell): cell.source for cell in handed if "exercise" in tags_of(cell)}


def modules_of(solved: str, order: Sequence[tuple[str, str]]) -> list[str]:
    """Modules that the exercises of a lab need, for the zygote to import: those that their solutions use."""
    found = graft.statements(solved) or ()
    definitions = [one for _, text in order for one in graft.statements(text) or ()]
    wanted = graft.reached(set().union(*(one.uses for one in found)), definitions)
    modules = ["numpy"]
    for one in definitions:
        node = ast.parse(one.text).body[0]
        if not one.binds & wanted or not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names if node.module.startswith("course_utils")]
        modules += [name for name in names if name not in modules and not name.startswith(NEVER_PRELOADED)]
    return modules


def declared_hash(lab: str) -> str:
    """Hash of what decides the marks: the lab's declarations, and the modules that judge."""
    package = course_root() / "course_utils"
    judging = [package / "exercises" / f"{name}.py" for name in ("contract", "judge", "guard", "answers", "differences")]
    judging += [package / "grading" / f"{name}.py" for name in ("hidden", "judging", "graft", "wire", "packets", "inside/child")]
    return slices.hash_of([*package.glob(f"exercises/lab{lab}*.py"), *judging])


def seeded(plan: Plan) -> Plan:
    """Draw seeds on whose cases every solution is judged right: a case that even the solution fails would be unfair.

    Raises
    ------
    PlanError
        If a solution fails on cases of five seeds.
    """
    failed = list(plan.tasks)
    for _ in range(6):
        for task in failed:
            plan.seeds[task] = secrets.randbits(SEED_BITS)
        found = rehearse(plan)
        failed = found["failed"]
        if not failed:
            plan.modules += [name for name in found["modules"] if name not in plan.modules]
            plan.own_s = found["cpu_s"]
            return plan
    raise PlanError(f"The solution of {', '.join(failed)} fails its own check; run the gates before grading:  "
                    f"python3 course.py test tests/test_gates.py -k {plan.lab}")


def rehearse(plan: Plan) -> dict:
    """What `rehearsal` finds, in a process of its own: this one stays small."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, "-P", "-m", "course_utils.grading.rehearsal", *(["torch"] if "torch" in plan.modules else [])],
                          input=json.dumps(asdict(plan)), capture_output=True, cwd=course_root(), encoding="utf-8",
                          env=dict(os.environ) | threads | {"PYTHONPATH": str(course_root()), "COURSE_DATA": "none", "PYTHONUTF8": "1"})
    if done.returncode:
        raise PlanError(f"The solutions of lab {plan.lab} cannot be run on this machine: " + done.stderr.strip().rsplit("\n", 1)[-1])
    return json.loads(done.stdout.splitlines()[-1])


def save(plan: Plan, path: Path) -> None:
    """Write the plan where only its owner can read it: it holds the seeds."""
    draft = path.with_suffix(".part")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump(asdict(plan) | {"version": VERSION}, handle)
    os.replace(draft, path)


def load(path: Path) -> Plan | None:
    """The plan of an earlier run, or None where there is none that still holds."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        if noted.pop("version") != VERSION:
            return None
        noted["order"] = [tuple(pair) for pair in noted["order"]]
        return Plan(**noted)
    except (OSError, ValueError, KeyError, TypeError):
        return None
