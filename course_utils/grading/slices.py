"""The copy of `course_utils` that a submission may see: enough to build its inputs, nothing that answers.

Rooms that hold no answers are copied whole. Of a module of `exercises` only those definitions are
copied that build inputs or that ask a function in a way of their own (`Exercise.call`), and what these
use in turn: oracles, laws, misconceptions, cases and their seeds stay outside. `notebook` becomes a
stand-in whose `check` gives the function back.
"""
from __future__ import annotations

import ast
import hashlib
import inspect
import shutil
import symtable
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_utils.exercises.contract import Exercise, Given, call_plainly
from course_utils.settings import course_root

OPEN = ("__init__.py", "settings.py", "scoring.py", "training.py", "datasets", "models", "plots", "widgets")
INSIDE = Path(__file__).parent / "inside"
JUDGING = ("guard.py", "answers.py")  # how a function is called, and values described; no case, no answer
LINE = ("wire.py", "packets.py")
EXAMPLE_SEEDS = range(3)


def needed(exercises: Iterable[Exercise], seeds: Sequence[int] = EXAMPLE_SEEDS) -> set[str]:
    """`"module:name"` of everything of `course_utils` that a worker calls by name.

    Parameters
    ----------
    exercises : iterable of Exercise
    seeds : sequence of int
        Seeds whose cases are searched for builders.
    """
    found = set()
    for exercise in exercises:
        if exercise.call is not call_plainly:
            found.add(f"{exercise.call.__module__}:{exercise.call.__qualname__}")
        for seed in seeds:
            found |= {value.builder for case in exercise.cases(seed) for value in case.args if isinstance(value, Given)}
    return found


def write_course(folder: Path, names: Iterable[str]) -> Path:
    """Write the package for a sandbox below `folder`; returns the folder `course` that holds it.

    Parameters
    ----------
    folder : pathlib.Path
    names : iterable of str
        What `needed` found.
    """
    course = folder / "course"
    package = course / "course_utils"
    source = course_root() / "course_utils"
    package.mkdir(parents=True)
    for name in OPEN:
        if (source / name).is_dir():
            shutil.copytree(source / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / name, package / name)
    shutil.copyfile(INSIDE / "notebook.py", package / "notebook.py")
    (package / "exercises").mkdir()
    (package / "exercises" / "__init__.py").write_text("", encoding="utf-8")
    for name in JUDGING:
        shutil.copyfile(source / "exercises" / name, package / "exercises" / name)
    (package / "grading" / "inside").mkdir(parents=True)
    for path in (package / "grading", package / "grading" / "inside"):
        (path / "__init__.py").write_text("", encoding="utf-8")
    for name in LINE:
        shutil.copyfile(source / "grading" / name, package / "grading" / name)
    for path in INSIDE.glob("*.py"):
        shutil.copyfile(path, package / "grading" / "inside" / path.name)
    for module, wanted in slices(names).items():
        target = package / "exercises" / f"{module.rpartition('.')[2]}.py"
        target.write_text(wanted, encoding="utf-8")
    for path in [course, *course.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # read by another user, in the sandbox
    return course


def slices(names: Iterable[str]) -> dict[str, str]:
    """Source of the part of each module of `exercises` that some names need, their imports followed.

    Parameters
    ----------
    names : iterable of str
        `"module:name"`; those of other rooms are left out.
    """
    wanted: dict[str, set[str]] = {}
    waiting = [tuple(name.split(":")) for name in names]
    while waiting:
        module, name = waiting.pop()
        if not module.startswith("course_utils.exercises.") or name in wanted.setdefault(module, set()):
            continue
        wanted[module].add(name)
        waiting += imported(module, definition_names(module, {name}))
    return {module: part(module, found) for module, found in sorted(wanted.items())}


def tree_of(module: str) -> ast.Module:
    """The module's syntax tree."""
    __import__(module)
    return ast.parse(inspect.getsource(sys.modules[module]))


def binds(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a module binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, (ast.AnnAssign, ast.AugAssign)) else []
    return {leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)}


def uses(node: ast.stmt) -> set[str]:
    """Names of its module that a statement reads; parameters and local variables are none."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return set()
    found, waiting = set(), [symtable.symtable(ast.unparse(node), "<statement>", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        found |= {symbol.get_name() for symbol in table.get_symbols()
                  if symbol.is_global() or (table.get_type() == "module" and symbol.is_referenced())}
    return found


def definition_names(module: str, names: set[str]) -> set[str]:
    """The names and all others of the module that they use, directly or through others."""
    body = tree_of(module).body
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        for node in body:
            if name in binds(node):
                waiting |= uses(node) - found
    return found


def imported(module: str, names: set[str]) -> list[tuple[str, str]]:
    """What of these names comes from other modules of `exercises`, imports inside functions included."""
    kept = [node for node in tree_of(module).body if binds(node) & names]
    return [(leaf.module, alias.name) for node in kept for leaf in ast.walk(node)
            if isinstance(leaf, ast.ImportFrom) and (leaf.module or "").startswith("course_utils.exercises.")
            for alias in leaf.names if isinstance(node, (ast.FunctionDef, ast.ClassDef)) or (alias.asname or alias.name) in names]


def part(module: str, names: set[str]) -> str:
    """Source of those definitions of a module, in its order."""
    tree = tree_of(module)
    closed = definition_names(module, names)
    kept = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            kept.append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in closed]
            kept += [node] if node.names else []
        elif binds(node) & closed:
            kept.append(node)
    return "\n".join(ast.unparse(node) for node in kept) + "\n"


def hash_of(paths: Iterable[Path]) -> str:
    """One hash of some files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()
