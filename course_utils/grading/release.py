"""`course.py release`: the zip that students get, without a solution in any of its bytes.

Declarations of exercises judge in class, so they go with it, and hints and wrong functions in them come
close to solutions: they travel packed, in an archive that Python imports from, so that neither a look
nor a search through the folder meets them.
"""
from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.authoring.leaks import pack, telling_statements
from course_utils.authoring.sources import Lab, LabError, dump, find_labs, label_of, read_notebook, read_source, tags_of
from course_utils.settings import course_root

SET_UP = ("course.py", "pyproject.toml", "constraints.txt", "environment.yml", "LICENSE", "LICENSE-text")
FOR_AUTHORS = ("grading", "authoring", "bench", "live")
NEEDED_BY_STUDENTS = ("authoring/__init__.py", "authoring/sources.py", "authoring/execute.py")  # `course.py lab` and `run`
PACKED = "declarations.zip"
DECLARATION = re.compile(r"lab\d\d\w*\.py")
UNPACKING = f'''
from pathlib import Path as _Path

__path__.append(str(_Path(__file__).with_name("{PACKED}")))
'''
TEXT = (".py", ".md", ".txt", ".toml", ".yml", ".json", ".ipynb", "")
WHEN = (2020, 1, 1, 0, 0, 0)  # one time for all files: the same course gives the same zip


class ReleaseError(ValueError):
    """The zip cannot be made as asked; each line says what to do."""


@dataclass(frozen=True)
class Release:
    """What was made: its path, how many files, its bytes, and a sentence on what is in it."""

    path: Path
    files: int
    size: int
    said: str


def release(labs: Sequence[str], out: Path, tasks: Sequence[str] = (), with_solutions: bool = False, root: Path | None = None) -> Release:
    """Make the zip.

    Parameters
    ----------
    labs : sequence of str
        Numbers of labs.
    out : pathlib.Path
        Folder for it.
    tasks : sequence of str
        Exercises that stay exercises; all if empty. The others' cells are left out.
    with_solutions : bool
        Put the solved labs in as well.

    Raises
    ------
    ReleaseError
        If a lab or task does not exist, or a line of a solution would go out.
    """
    root = root or course_root()
    try:
        chosen = find_labs(root, labs)
    except LabError as error:
        raise ReleaseError(str(error)) from None
    if not chosen:
        raise ReleaseError("No lab was given: say which, for example --labs 06,09.")
    missing = [lab.student.name for lab in chosen if not lab.student.exists()]
    if missing:
        raise ReleaseError(f"{missing[0]} is not built:  python3 course.py build  makes it.")
    known = {task for lab in chosen for task in tasks_of(lab)}
    unknown = [task for task in tasks if task not in known]
    if unknown:
        raise ReleaseError(f"These labs have no task {unknown[0]}; they have {', '.join(sorted(known))}.")
    files = dict(course_files(root, chosen))
    files |= {f"notebooks/{lab.student.name}": notebook_of(lab, set(tasks)) for lab in chosen}
    files["README.md"] = welcome(chosen).encode()
    if with_solutions:
        files |= {f"solutions/{path.name}": path.read_bytes() for lab in chosen for path in (lab.source, lab.solved) if path.exists()}
    else:
        found = solution_lines(chosen, files)
        own = [(name, task, text) for name, task, text in found if name.startswith(f"notebooks/{task[:2]}_")]
        if own:
            raise ReleaseError("\n".join(f"{name} holds a line of the solution of {task}: `{text}`; word one of them otherwise, or end the "
                                         "solution's line with '# shown' if students may see it." for name, task, text in own))
    name = f"labs-{'-'.join(lab.number for lab in chosen)}{'-solved' if with_solutions else ''}"
    path = out / f"{name}.zip"
    out.mkdir(parents=True, exist_ok=True)
    write_zip(path, name, files)
    if with_solutions:
        said = "with the solved labs"
    else:
        said = "".join(["no solution is in it", *(f"\nNote: {name} uses a line that also stands in the solution of {task}: `{text}`" for name, task, text in found)])
    return Release(path, len(files), path.stat().st_size, said)


def course_files(root: Path, labs: Sequence[Lab]) -> Iterator[tuple[str, bytes]]:
    """The helper package, the data and the set-up; declarations of the labs that go out only."""
    for name in SET_UP:
        if (root / name).exists():
            yield name, (root / name).read_bytes()
    package = root / "course_utils"
    numbers = {lab.number for lab in labs}
    for path in sorted(package.rglob("*")):
        relative = path.relative_to(package)
        if not path.is_file() or "__pycache__" in relative.parts or (relative.parts[0] in FOR_AUTHORS and relative.as_posix() not in NEEDED_BY_STUDENTS):
            continue
        if relative.parts[0] == "exercises" and DECLARATION.fullmatch(path.name):
            continue
        content = path.read_bytes()
        if relative.as_posix() == "exercises/__init__.py":
            content += UNPACKING.encode()
        yield f"course_utils/{relative.as_posix()}", content
    yield f"course_utils/exercises/{PACKED}", packed_declarations(package / "exercises", numbers)
    for path in sorted((root / "data").rglob("*")):
        if path.is_file():
            yield f"data/{path.relative_to(root / 'data').as_posix()}", path.read_bytes()


def packed_declarations(folder: Path, numbers: set[str]) -> bytes:
    """The declarations of some labs, and those that they import, as an archive to import from."""
    waiting = [path for path in folder.glob("lab*.py") if path.name[3:5] in numbers]
    taken: dict[str, bytes] = {}
    while waiting:
        path = waiting.pop()
        if path.name in taken:
            continue
        taken[path.name] = path.read_bytes()
        waiting += [folder / f"{name}.py" for name in re.findall(r"course_utils\.exercises\.(lab\w+)", path.read_text(encoding="utf-8"))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(taken):
            archive.writestr(zipfile.ZipInfo(name, WHEN), taken[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tasks_of(lab: Lab) -> list[str]:
    return [label_of(cell) for cell in read_source(lab).cells if "exercise" in tags_of(cell)]


def notebook_of(lab: Lab, tasks: set[str]) -> bytes:
    """The student's copy; without the cells of the tasks that are not given out."""
    notebook = read_notebook(lab.student)
    if tasks:
        dropped = {f"{task}{suffix}" for task in tasks_of(lab) if task not in tasks for suffix in ("", "-check", "-card")}
        aimed = {"target-ex-" + task.replace(".", "-") for task in dropped}
        notebook.cells = [cell for cell in notebook.cells if label_of(cell) not in dropped and cell.id not in aimed]
    return dump(notebook).encode()


def solution_lines(labs: Sequence[Lab], files: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """`(file, exercise, line)` for each line of a solution that stands in a file as it is."""
    wanted: dict[str, str] = {}
    for lab in labs:
        for cell in read_source(lab).cells:
            if "exercise" in tags_of(cell):
                telling = {pack(statement.text) for statement in telling_statements(cell)}
                wanted |= {line.strip(): label_of(cell) for line in cell.source.splitlines() if any(one in pack(line) for one in telling)}
    found = []
    for name, content in files.items():
        lines = {line.strip() for line in text_of(name, content).splitlines()}
        found += [(name, wanted[line], line) for line in sorted(lines & wanted.keys())]
    return found


def text_of(name: str, content: bytes) -> str:
    """All text of a file as people read it; of a notebook, its cells."""
    text = content.decode("utf-8", "replace")
    if name.endswith(".ipynb"):
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def welcome(labs: Iterable[Lab]) -> str:
    """The README of the zip."""
    titles = [f"- `notebooks/{lab.student.name}`" for lab in labs]
    return ("# Labs\n\nYou need Python 3.11, 3.12 or 3.13, and nothing else. In this folder, type\n\n    python3 course.py lab\n\n"
            "(Windows: `py -3.12 course.py lab`). The first time this installs everything (a few minutes; 4 GB of disk); then open the address that it "
            "prints.\n\n" + "\n".join(titles) + "\n\nWrite your functions in the exercise cells, run the cell below each to have it checked, save, and hand in "
            "the notebook (.ipynb). Keep the cells in place: copied or renamed exercise cells are found, but flagged.\n")


def write_zip(path: Path, folder: str, files: dict[str, bytes]) -> None:
    """Write the files below one folder; whole or not at all."""
    draft = path.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", WHEN), files[name], zipfile.ZIP_DEFLATED)
    draft.replace(path)
