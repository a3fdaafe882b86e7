"""Takes the solution of an exercise out of the solved source of its lab, `solutions/NN_topic.py`."""
from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from course_utils.exercises.contract import Exercise
from course_utils.settings import course_root

CELL = re.compile(r"^# %%")
MARKER = re.compile(r"^\s*### (BEGIN|END) SOLUTION\s*$")
PLAIN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class SolutionMissing(LookupError):
    """The solution is not here: the file was withheld, or the lab's source has no such cell."""


def source_of(lab: str, folder: Path | None = None) -> Path:
    """The solved source of a lab.

    Raises
    ------
    SolutionMissing
        If the file is not here.
    """
    found = sorted((folder or course_root() / "solutions").glob(f"{lab}_*.py"))
    if not found:
        raise SolutionMissing(f"The solutions of lab {lab} are not in this copy of the course.")
    return found[0]


def solution(exercise: Exercise, folder: Path | None = None) -> Callable:
    """The solution's function, ready to be called.

    Imports, functions, classes and constants (names in capitals) at the top level of the source are
    executed; nothing else of the lab is.

    Raises
    ------
    SolutionMissing
        If the file or the function is not there.
    """
    path = source_of(exercise.lab, folder)
    module = definitions(path, path.stat().st_mtime_ns)
    try:
        return getattr(module, exercise.function)
    except AttributeError:
        raise SolutionMissing(f"{path.name} defines no function `{exercise.function}` for exercise {exercise.id}.") from None


@lru_cache(maxsize=32)
def definitions(path: Path, changed: int) -> ModuleType:
    """The definitions of a source as a module; `changed` is the file's time, so that edits are seen."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    tree.body = [node for node in tree.body if isinstance(node, PLAIN) or is_constant(node)]
    module = ModuleType(f"solved_{path.stem}")
    module.__file__ = str(path)
    linecache.checkcache(str(path))
    sys.modules[module.__name__] = module  # where dataclasses look up the names of their annotations
    exec(compile(tree, str(path), "exec"), module.__dict__)
    return module


def is_constant(node: ast.stmt) -> bool:
    """Whether a statement sets names in capitals only: `WINDOW = 8`."""
    if not isinstance(node, ast.Assign):
        return False
    names = [name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return bool(names) and all(name.id.isupper() for name in names)


def solved_cell(exercise: Exercise, folder: Path | None = None) -> str:
    """Source of the solved cell of an exercise, without the markers.

    Raises
    ------
    SolutionMissing
        If the file or the cell is not there.
    """
    return "\n".join(row for row in cell_rows(exercise, folder) if not MARKER.match(row)).strip() + "\n"


def stub_cell(exercise: Exercise, folder: Path | None = None) -> str:
    """The cell of an exercise as a student finds it.

    Raises
    ------
    SolutionMissing
        If the file or the cell is not there.
    """
    kept, inside = [], False
    for row in cell_rows(exercise, folder):
        marker = MARKER.match(row)
        if marker:
            inside = marker[1] == "BEGIN"
            indent = row[:len(row) - len(row.lstrip())]
            kept += [f"{indent}# YOUR CODE HERE", f"{indent}raise NotImplementedError()"] if inside else []
        elif not inside:
            kept.append(row)
    return "\n".join(kept).strip() + "\n"


def cell_rows(exercise: Exercise, folder: Path | None = None) -> list[str]:
    """Lines of the exercise's cell in the source, markers included."""
    path = source_of(exercise.lab, folder)
    inside, kept = False, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if CELL.match(line):
            if inside:
                break
            inside = f'label="{exercise.id}"' in line and "[markdown]" not in line
        elif inside:
            kept.append(line)
    if not any(not MARKER.match(row) for row in kept):
        raise SolutionMissing(f"{path.name} has no cell with the label {exercise.id}.")
    return kept
