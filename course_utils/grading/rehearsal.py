"""Tries the solutions on the cases of a plan before any student is judged on them: `python -m course_utils.grading.rehearsal`.

Run in a process of its own, which reads a plan from its input and prints what it found: the tasks whose
solution fails (other cases are drawn for them), and the modules that the solutions load only while they
compute, such as those behind the first optimiser. The zygote imports these beforehand.
"""
from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

from course_utils.exercises import guard, judge
from course_utils.exercises.contract import Case
from course_utils.grading.graft import graft
from course_utils.grading.plan import Plan, of_text


def load(names: list[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def rehearse(plan: Plan) -> dict:
    """`failed`: ids; `modules`: names; `cpu_s`: CPU seconds of the solutions' own calls, once everything
    is loaded; `need_bytes`: memory that they took at most."""
    load([*plan.modules, *sorted({name.split(":")[0] for name in plan.names})])
    names: dict = {"__name__": "__main__"}
    for _, source, _ in graft([], plan.exercises, plan.order, instead=plan.solved).cells:
        exec(compile(source, "<solution>", "exec"), names)
    cases = {exercise.id: list(exercise.cases(plan.seeds[exercise.id])) for exercise in plan.exercises}
    before = set(sys.modules)
    used = memory("VmRSS")
    forget_peak()
    inputs = {task: [judge.build_args(case) for case in some] for task, some in cases.items()}
    for exercise in plan.exercises:
        for args in inputs[exercise.id]:
            guard.call(names[exercise.function], args, 10 * exercise.limit_s, judge.through(exercise))
    loaded = sorted(set(sys.modules) - before)
    peak = memory("VmHWM")
    spent = sorted(computed(plan, cases, names) for _ in range(5))[2]
    failed = [exercise.id for exercise in plan.exercises if not judge.judge(exercise, names[exercise.function], plan.seeds[exercise.id]).right]
    return {"failed": failed, "modules": loaded, "cpu_s": spent, "need_bytes": max(peak - used, 0)}


def forget_peak() -> None:
    """Have the kernel note this process's highest memory from now on, where it does."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pass


def memory(what: str) -> int:
    """Bytes of memory that Linux notes for this process: `VmRSS` now, `VmHWM` at most; 0 elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{what}:")), 0)


def computed(plan: Plan, cases: dict[str, list[Case]], names: dict) -> float:
    """CPU seconds of the solutions' own computing in the calls that a right submission gets: each case, and the first twice more."""
    spent = 0.0
    for exercise in plan.exercises:
        some, through = cases[exercise.id], judge.through(exercise)
        for case in [*some, *([some[0]] * 2 if exercise.oracle is not None and not exercise.changes else [])]:
            args = judge.build_args(case)
            began = time.process_time()
            names[exercise.function](*args) if through is None else through(names[exercise.function], *args)
            spent += time.process_time() - began
    return spent


if __name__ == "__main__":
    if "torch" in sys.argv[1:]:
        import torch

        torch.set_num_threads(1)
    print(json.dumps(rehearse(of_text(sys.stdin.read()))))
