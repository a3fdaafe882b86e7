"""Submissions for the tests of the grader: notebooks of lab 09, solved, untouched or spoilt."""
from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path

import pytest

from course_utils.exercises import registry
from course_utils.grading import plan as plans, planning, slices
from course_utils.grading.graft import Cell
from course_utils.grading.sandbox import Limits, NoSandbox, Sandbox
from course_utils.settings import course_root

TASKS = ("09.1", "09.3", "09.5")      # quick ones, which call nothing of each other
SEEDS = {"09.1": 11, "09.2": 12, "09.3": 13, "09.4": 14, "09.5": 15, "09.6": 16}
HURRIED = Limits(patience=0.1, wall=20.0, memory_bytes=256 << 20)  # a CPU second to a call, however busy the machine is
WRONG_BASELINE = ("def completeness_error(attributions, model, inputs, labels, baselines):\n"
                  "    scores = model(inputs)[torch.arange(len(labels)), labels]\n"
                  "    return (attributions.flatten(1).sum(dim=1) - scores).abs() / scores.abs()\n")


@cache
def every_builder() -> list[str]:
    """What builds the inputs of the whole lab: sandboxes of all these plans are alike."""
    return sorted(slices.needed(registry.of_lab("09")))


@cache
def plan(tasks: tuple[str, ...] = TASKS) -> plans.Plan:
    """A plan with seeds that do not change from run to run."""
    made = planning.make("09", tasks)
    made.names = every_builder()
    made.seeds = {task: SEEDS[task] for task in made.tasks}
    return made


@cache
def why_no_sandbox() -> str:
    """Why there is no sandbox here, or nothing."""
    box = Sandbox(["numpy"], [])
    try:
        box.start()
    except NoSandbox as error:
        return str(error)
    finally:
        box.close()
    return ""


def need_sandbox() -> None:
    if why_no_sandbox():
        pytest.skip(why_no_sandbox())


def solved_cells(**instead: str) -> list[Cell]:
    """The exercises' cells of a right submission; `ex_09_3=...` puts another text in place of one."""
    cells = {f"ex-{task.replace('.', '-')}": source for task, source in plan().solved.items()}
    cells |= {name.replace("_", "-"): source for name, source in instead.items()}
    return [Cell(name, "", source) for name, source in cells.items()]


@cache
def read(folder: str) -> str:
    return (course_root() / folder / "09_integrated_gradients.ipynb").read_text(encoding="utf-8")


def untouched() -> dict:
    """The student's copy of lab 09."""
    return json.loads(read("notebooks"))


def finished(**instead: str) -> dict:
    """The student's copy with every exercise solved; `ex_09_3=...` puts another text in place of one."""
    notebook = untouched()
    solved = {cell.id: cell.source for cell in solved_cells(**instead)}
    for cell in notebook["cells"]:
        cell["source"] = solved.get(cell["id"], cell["source"])
    return notebook


def without_pictures(notebook: dict) -> dict:
    """The same, small."""
    small = copy.deepcopy(notebook)
    for cell in small["cells"]:
        cell.pop("attachments", None)
    return small


def write(notebook: dict, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def verdicts(record: dict) -> dict[str, str]:
    return {result["exercise"]: result["verdict"] for result in record["results"]}


def flags(record: dict) -> list[str]:
    return [*record["flags"], *(flag for result in record["results"] for flag in result["flags"])]
