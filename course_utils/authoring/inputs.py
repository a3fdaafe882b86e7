"""What the outputs of a lab depend on, as one hash.

The inputs are the code cells of the source, the modules of `course_utils` that they import
(followed through all imports, also those inside functions), the lab's own declarations of
exercises, the files below `data/` that one of these names, and `constraints.txt`. Prose is none:
a sentence can be mended without running the lab again.
"""
from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_utils.authoring.sources import Lab, LabError

PACKAGE = "course_utils"


def inputs_key(lab: Lab, code: Sequence[str], package_root: Path) -> str:
    """Hash of everything that the outputs of the lab come from, the same on every system.

    Parameters
    ----------
    lab : Lab
    code : sequence of str
        The code cells, in order.
    package_root : pathlib.Path
        Folder that holds `course_utils`.
    """
    digest = hashlib.sha256()
    for text in code:
        digest.update(f"{len(text)}\0{text}\0".encode())
    for path in input_files(lab, code, package_root):
        base = package_root if path.is_relative_to(package_root) else lab.root
        content = path.read_bytes()
        if path.suffix in (".py", ".txt", ".json", ".md", ".toml", ".csv"):
            content = content.replace(b"\r\n", b"\n")  # git may have changed them on Windows
        digest.update(f"{path.relative_to(base).as_posix()}\0{hashlib.sha256(content).hexdigest()}\0".encode())
    return digest.hexdigest()


def input_files(lab: Lab, code: Sequence[str], package_root: Path) -> list[Path]:
    """Files that the lab's outputs depend on, sorted."""
    source = "\n".join(code)
    modules = module_files(source, lab, package_root)
    text = source + "".join(path.read_text(encoding="utf-8") for path in modules)
    data = [path for path in sorted((lab.root / "data").rglob("*"))
            if path.is_file() and path.name[0] != "." and path.suffix != ".md" and path.name.split(".")[0] in text]
    constraints = [path for path in (lab.root / "constraints.txt",) if path.is_file()]
    return sorted({*modules, *data, *constraints})


def module_files(source: str, lab: Lab, package_root: Path) -> list[Path]:
    """Modules of `course_utils` that the code imports, directly or through others.

    Raises
    ------
    LabError
        If a cell of the lab is no Python.
    """
    start = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    try:
        waiting = set(imported_files(start, "", package_root))
    except SyntaxError as error:
        raise LabError(f"{lab.name_of(lab.source)} is no Python: {error.msg} in {(error.text or '').strip()!r}.") from error
    # The registry imports declarations by name, where no search of imports can see it.
    waiting |= set((package_root / PACKAGE / "exercises").glob(f"lab{lab.number}*.py"))
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        found.add(path)
        dotted = ".".join(path.relative_to(package_root).with_suffix("").parts)
        package = dotted.removesuffix(".__init__") if path.name == "__init__.py" else dotted.rpartition(".")[0]
        text = path.read_text(encoding="utf-8")
        waiting |= set(imported_files(text, package, package_root)) - found
        if path.name == "__init__.py" and "def __getattr__" in text:
            # Its names come out of modules that no import statement names: take them all.
            waiting |= set(path.parent.glob("*.py")) - found
    return sorted(found)


def imported_files(text: str, package: str, package_root: Path) -> Iterator[Path]:
    """Files of `course_utils` that the import statements of a text load."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from files_of(alias.name, package_root)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from files_of(base, package_root)
            for alias in node.names:  # `from package import module`
                yield from files_of(f"{base}.{alias.name}", package_root)


def files_of(dotted: str, package_root: Path) -> Iterator[Path]:
    """The module that a dotted name stands for, and the packages around it."""
    parts = dotted.split(".")
    if parts[0] != PACKAGE:
        return
    for depth in range(1, len(parts) + 1):
        place = package_root.joinpath(*parts[:depth])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path
