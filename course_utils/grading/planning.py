"""Makes a plan: reads the lab's source, draws cases, and tries the solutions on them."""
from __future__ import annotations

import ast
import json
import secrets
import sys
from collections.abc import Iterable, Sequence

from course_utils.exercises import registry
from course_utils.grading import graft, slices
from course_utils.grading.plan import Plan, PlanError, aside, declared_hash, last_line, text_of
from course_utils.settings import course_root

SEED_BITS = 31               # some generators take no more
NEVER_PRELOADED = ("course_utils.notebook", "course_utils.plots", "course_utils.widgets", "IPython", "matplotlib")


def asked_for(tasks: Iterable[str]) -> list[str]:
    return [task.strip() for task in tasks if task.strip()]


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
    tasks = asked_for(tasks)
    unknown = [task for task in tasks if task not in {exercise.id for exercise in exercises}]
    if unknown:
        raise PlanError(f"Lab {lab} has no task {unknown[0]}; it has {', '.join(exercise.id for exercise in exercises)}.")
    chosen = [exercise for exercise in exercises if not tasks or exercise.id in tasks]
    cells, solved, stubs = source_cells(lab)
    order = graft.scaffold(cells)
    return Plan(lab, [exercise.id for exercise in chosen], tasks, {exercise.id: exercise.title for exercise in chosen},
                {exercise.id: exercise.points for exercise in chosen}, order=order, stubs=stubs, solved=solved,
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
            plan.own_s, plan.need_bytes = found["cpu_s"], found["need_bytes"]
            return plan
    raise PlanError(f"The solution of {', '.join(failed)} fails its own check; run the gates before grading:  "
                    f"python3 course.py test tests/test_gates.py -k {plan.lab}")


def rehearse(plan: Plan) -> dict:
    """What `rehearsal` finds, in a process in which nothing was computed before."""
    done = aside("course_utils.grading.rehearsal", ["torch"] if "torch" in plan.modules else [], text_of(plan))
    if done.returncode:
        raise PlanError(f"The solutions of lab {plan.lab} cannot be run on this machine: {last_line(done.stderr)}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    try:
        print(text_of(seeded(make(sys.argv[1], json.load(sys.stdin)))))
    except PlanError as error:
        sys.exit(str(error))
