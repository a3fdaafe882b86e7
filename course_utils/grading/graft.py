"""Takes out of a submission what is graded: the exercise cells, and the imports and definitions that they use.

The order is the source's. Of the source come its imports and plain definitions, of the submission its
exercise cells, and from its other cells what these use and the source does not define alike.
"""
from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from course_utils.exercises.contract import Exercise
from course_utils.exercises.solved import PLAIN, is_constant
from course_utils.grading.slices import binds, uses

NOT_PYTHON = re.compile(r"^\s*[%!?]|\?\s*$")
STUB = re.compile(r"raise\s+NotImplementedError")
MAX_SOURCE = 4 << 20         # letters of all code cells together


@dataclass(frozen=True)
class Cell:
    """A code cell of a submission.

    Attributes
    ----------
    id, grade_id, source : str
        Its id, nbgrader's id of it, and its text.
    """

    id: str
    grade_id: str
    source: str


@dataclass
class Graft:
    """What is executed for a submission, in order, and what is asked.

    Attributes
    ----------
    cells : list of tuple
        `(name, source, exercise id or "")`.
    found : dict of str to str
        Source of the exercise cell by exercise id; those that are not there are missing.
    errors : dict of str to int
        Exercises whose cell is no Python, with the line.
    uses : dict of str to list of str
        Other exercises whose functions an exercise calls.
    flags : list of str
    """

    cells: list[tuple[str, str, str]] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    uses: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


def python_of(source: str) -> str:
    """A cell without what only a notebook understands: `%hint 09.1`, `!ls`, `path_rule?`; lines keep their numbers."""
    return "\n".join("" if NOT_PYTHON.search(line) else line for line in source.splitlines())


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a cell.

    Attributes
    ----------
    binds, uses : frozenset of str
        Names that it gives and needs.
    text : str
        In one way of writing, so that equal statements are equal.
    plain, stub : bool
        Whether it only defines, and whether it is a function that only raises NotImplementedError.
    """

    binds: frozenset
    uses: frozenset
    text: str
    plain: bool
    stub: bool | None


@lru_cache(maxsize=2048)
def statements(source: str) -> tuple[Statement, ...] | None:
    """The statements of a cell, or None where it is no Python.

    Kept, because most cells of a class are the ones that were handed out.
    """
    try:
        tree = ast.parse(python_of(source))
        compile(tree, "<cell>", "exec", dont_inherit=True)  # refuses what the parser takes, such as a `return` outside a function
        return tuple(Statement(frozenset(binds(node)), frozenset(uses(node)), ast.unparse(node), is_plain(node), stub_of(node))
                     for node in tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def stub_of(node: ast.stmt) -> bool | None:
    """Whether a function only raises NotImplementedError; None for what is no function."""
    if not isinstance(node, ast.FunctionDef):
        return None
    body = [step for step in node.body if not (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and bool(STUB.search(ast.unparse(body[0])))


def is_plain(node: ast.stmt) -> bool:
    """Whether a statement only defines: an import, a function, a class, a CONSTANT, a name for a literal or a lambda."""
    if isinstance(node, PLAIN) or is_constant(node):
        return True
    if not isinstance(node, ast.Assign) or not all(isinstance(target, ast.Name) for target in node.targets):
        return False
    try:
        ast.literal_eval(node.value)
        return True
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return isinstance(node.value, ast.Lambda)


def scaffold(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a lab's source defines, in its order: `(exercise id or "", statements)`.

    Parameters
    ----------
    cells : sequence of tuple
        `(exercise id or "", source)` of its code cells; of an exercise's cell only the place counts.
    """
    return [(exercise, "" if exercise else "\n".join(one.text for one in statements(source) or () if one.plain)) for exercise, source in cells]


def choose(cells: Sequence[Cell], exercises: Sequence[Exercise], stubs: Mapping[str, str], flags: list[str]) -> dict[str, str]:
    """The cell of each exercise: by its id, else by nbgrader's, else by the function that it defines.

    Of several, the last one that is not a stub counts.
    """
    chosen = {}
    for exercise in exercises:
        slug = "ex-" + exercise.id.replace(".", "-")
        alike = [cell for cell in cells if slug in (cell.id, cell.grade_id)]
        if not alike:
            pattern = re.compile(rf"^(async\s+)?def\s+{exercise.function}\b|^{exercise.function}\s*=\s*lambda\b", re.MULTILINE)
            alike = [cell for cell in cells if pattern.search(cell.source)]
            if alike:
                flags.append(f"{exercise.id}: its cell was found by the function's name; the cell's id is gone")
        if len(alike) > 1:
            flags.append(f"{exercise.id}: {len(alike)} cells claim to be it; the last one that is not a stub counts")
        worked = [cell for cell in alike if not is_stub(cell.source, stubs.get(exercise.id, ""))]
        if alike:
            chosen[exercise.id] = (worked or alike)[-1].source
    return chosen


def is_stub(source: str, stub: str) -> bool:
    """Whether a cell is as it was handed out, or still only raises NotImplementedError."""
    functions = [one.stub for one in statements(source) or () if one.stub is not None]
    return source.strip() == stub.strip() or (bool(functions) and all(functions))


def graft(cells: Sequence[Cell], exercises: Sequence[Exercise], order: Sequence[tuple[str, str]],
          stubs: Mapping[str, str] | None = None, instead: Mapping[str, str] | None = None, only: str = "") -> Graft:
    """Everything that has to be executed for a submission.

    Parameters
    ----------
    cells : sequence of Cell
        Code cells of the submission, from the top.
    exercises : sequence of Exercise
        Those that are graded.
    order : sequence of tuple
        What `scaffold` gives.
    stubs : mapping of str to str, optional
        Source of the cells that were handed out, by exercise id.
    instead : mapping of str to str, optional
        Cells that take the place of the submission's, by exercise id.
    only : str
        Leave out the exercises that this one does not call.
    """
    made = Graft()
    if sum(len(cell.source) for cell in cells) > MAX_SOURCE:
        made.flags.append(f"more than {MAX_SOURCE >> 20} MB of code: only the exercises' own cells are read")
        slugs = {"ex-" + exercise.id.replace(".", "-") for exercise in exercises}
        cells = [cell for cell in cells if slugs & {cell.id, cell.grade_id} and len(cell.source) < MAX_SOURCE // 8]
    made.found = choose(cells, exercises, stubs or {}, made.flags) | dict(instead or {})
    functions = {exercise.function: exercise.id for exercise in exercises}
    used: dict[str, set[str]] = {}
    for exercise, source in made.found.items():
        found = statements(source)
        if found is None:
            made.errors[exercise] = line_of_error(source)
            continue
        used[exercise] = set().union(*(one.uses for one in found))
        made.uses[exercise] = sorted({functions[name] for name in used[exercise] if functions.get(name, exercise) != exercise})
    kept = called_by(only, made.uses) if only else set(used)
    names = set().union(*(used[exercise] for exercise in kept & used.keys()))
    ours = [one for exercise, text in order if not exercise for one in statements(text) or () if not one.binds & functions.keys()]
    graded, known = set(made.found.values()), {one.text for one in ours}
    own = [one for cell in cells if cell.source not in graded for one in statements(cell.source) or ()
           if one.plain and one.text not in known and not one.binds & functions.keys()]
    needed = reached(names, [*ours, *own])
    lab = "\n".join(one.text for one in ours if one.binds & needed)
    made.cells = [("<the lab's imports and definitions>", lab, "")] if lab else []
    made.cells += [("<a cell of your own>", one.text, "") for one in own if one.binds & needed or "*" in one.binds]
    made.cells += [(f"<cell {exercise}>", python_of(made.found[exercise]), exercise)
                   for exercise, _ in order if exercise in kept & used.keys()]
    return made


def called_by(exercise: str, uses: Mapping[str, Sequence[str]]) -> set[str]:
    """An exercise and all whose functions it calls, directly or through others."""
    done, waiting = set(), {exercise}
    while waiting:
        done.add(one := waiting.pop())
        waiting |= set(uses.get(one, ())) - done
    return done


def reached(names: set[str], definitions: Iterable[Statement]) -> set[str]:
    """The names, and all that their definitions use in turn."""
    of_name: dict[str, set[str]] = {}
    for one in definitions:
        for name in one.binds:
            of_name.setdefault(name, set()).update(one.uses)
    done, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        done.add(name)
        waiting |= of_name.get(name, set()) - done
    return done


def line_of_error(source: str) -> int:
    """The line on which a cell stops being Python; 0 where that is not known."""
    try:
        compile(python_of(source), "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        pass
    return 0
