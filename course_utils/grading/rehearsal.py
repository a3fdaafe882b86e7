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

from course_utils.exercises import guard, judge
from course_utils.grading.graft import graft
from course_utils.grading.plan import Plan


def load(names: list[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def rehearse(plan: Plan) -> dict:
    """`failed`: ids; `modules`: names; `cpu_s`: CPU seconds of the solutions' own calls, once everything is loaded."""
    load([*plan.modules, *sorted({name.split(":")[0] for name in plan.names})])
    names: dict = {"__name__": "__main__"}
    for _, source, _ in graft([], plan.exercises, plan.order, instead=plan.solved).cells:
        exec(compile(source, "<solution>", "exec"), names)
    cases = {exercise.id: list(exercise.cases(plan.seeds[exercise.id])) for exercise in plan.exercises}
    inputs = {task: [judge.build_args(case) for case in some] for task, some in cases.items()}
    before = set(sys.modules)
    spent, loaded = 0.0, []
    for attempt in range(2):
        for exercise in plan.exercises:
            for args in inputs[exercise.id]:
                began = time.process_time()
                guard.call(names[exercise.function], args, 10 * exercise.limit_s, judge.through(exercise))
                spent += time.process_time() - began if attempt else 0.0
        loaded = sorted(set(sys.modules) - before) if attempt == 0 else loaded
        inputs = {task: [judge.build_args(case) for case in some] for task, some in cases.items()}
    failed = [exercise.id for exercise in plan.exercises if not judge.judge(exercise, names[exercise.function], plan.seeds[exercise.id]).right]
    return {"failed": failed, "modules": loaded, "cpu_s": spent}


if __name__ == "__main__":
    if "torch" in sys.argv[1:]:
        import torch

        torch.set_num_threads(1)
    print(json.dumps(rehearse(Plan(**json.load(sys.stdin)))))
