"""What an instructor gets back: a folder of notebooks, a folder for each student, or the zip of a learning platform.

Everything in it was written by others. Names of archives' members are never used as paths; sizes are
counted while reading, whatever the archive announces; what cannot be read becomes a submission with a
sentence in place of cells.
"""
from __future__ import annotations

import hashlib
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course_utils.grading.graft import Cell
from course_utils.grading.stripping import LARGE, MAX_KEPT, TooLarge, stripped, without_outputs

MAX_FILE = 1 << 30           # a notebook with its outputs
MAX_CELLS = 50_000
MAX_MEMBERS = 20_000         # of an archive
PASSED_OVER = ("__MACOSX", ".ipynb_checkpoints")


class Unreadable(ValueError):
    """No notebook can be had from a file; the message says why, for student and instructor."""


@dataclass(frozen=True)
class Source:
    """Where a submission lies.

    Attributes
    ----------
    name : str
        Unlike all others of the run, and fit for a file name.
    path : pathlib.Path
        A notebook, or an archive with one in it.
    member : str
        Of the archive; empty for a plain file or an archive of one student's.
    label : str
        As the instructor knows it, with the folder: for the learning platform's columns.
    """

    name: str
    path: Path
    member: str = ""
    label: str = ""


@dataclass
class Submission:
    """A submission as it is graded: text and nothing else.

    Attributes
    ----------
    name, label : str
    digest : str
        sha256 of what was handed in.
    cells : list of Cell
        Its code cells.
    refused : str
        Why it cannot be read; then there are no cells.
    flags : list of str
    """

    name: str
    label: str
    digest: str
    cells: list[Cell] = field(default_factory=list)
    refused: str = ""
    flags: list[str] = field(default_factory=list)


def collect(place: Path) -> list[Source]:
    """All submissions in a folder or an archive, in order of their names.

    Raises
    ------
    FileNotFoundError
        If there is neither, or nothing in it; the sentence says what was expected.
    """
    if place.is_file() and zipfile.is_zipfile(place):
        found = list(of_archive(place))
    elif place.is_dir():
        found = list(of_folder(place))
    else:
        raise FileNotFoundError(f"{place} is neither a folder nor a zip: give the folder with the notebooks (NAME.ipynb, or one folder for each "
                                "student), or the zip that your learning platform exports.")
    if not found:
        raise FileNotFoundError(f"{place} holds no notebooks (.ipynb) and no student's archive (.zip).")
    return unlike(sorted(found, key=lambda source: (source.name.casefold(), source.label)))


def of_folder(place: Path) -> Iterator[Source]:
    """Notebooks that lie in the folder itself, and in one folder for each student."""
    for path in sorted(place.rglob("*")):
        relative = path.relative_to(place)
        if path.suffix.lower() not in (".ipynb", ".zip") or not path.is_file() or path.is_symlink() or passed_over(relative.parts):
            continue
        student = path.stem if len(relative.parts) == 1 else relative.parts[0]
        yield Source(readable(student), path, "", relative.as_posix())


def of_archive(place: Path) -> Iterator[Source]:
    """Notebooks in the export of a learning platform."""
    with zipfile.ZipFile(place) as archive:
        for entry in archive.infolist()[:MAX_MEMBERS]:
            parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
            if entry.is_dir() or not parts or PurePosixPath(parts[-1]).suffix.lower() not in (".ipynb", ".zip") or passed_over(parts):
                continue
            folders = [part for part in parts[:-1] if part not in ("..", "/", ".")]
            yield Source(readable(folders[-1] if folders else PurePosixPath(parts[-1]).stem), place, entry.filename, entry.filename)


def passed_over(parts: tuple[str, ...]) -> bool:
    return any(part in PASSED_OVER or (part.startswith("._")) for part in parts)


def readable(name: str) -> str:
    """A name that every file system takes: letters of all alphabets stay."""
    kept = "".join("_" if unicodedata.category(letter)[0] == "C" or letter in '/\\:*?"<>|' else letter for letter in unicodedata.normalize("NFC", name))
    return kept.strip(" .")[:80] or "nameless"


def unlike(sources: list[Source]) -> list[Source]:
    """The same with names that differ, also where upper and lower case are one."""
    seen: dict[str, int] = {}
    made = []
    for source in sources:
        key = source.name.casefold()
        seen[key] = seen.get(key, 0) + 1
        made.append(source if seen[key] == 1 else Source(f"{source.name} ({seen[key]})", source.path, source.member, source.label))
    return made


def read(source: Source) -> Submission:
    """Read a submission; what is wrong with it stands in the result, never raised."""
    submission = Submission(source.name, source.label, "")
    try:
        submission.cells = cells_of(content_of(source, submission), submission.flags)
    except (Unreadable, TooLarge) as error:
        submission.refused = f"{error}"
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, MemoryError, EOFError, ValueError) as error:
        submission.refused = f"the file cannot be read ({type(error).__name__})"
    submission.digest = submission.digest or hashlib.sha256(source.label.encode("utf-8", "replace")).hexdigest()
    return submission


def content_of(source: Source, submission: Submission) -> bytes:
    """A submission's notebook, without what is large and not needed; notes the sha256 of what was handed in."""
    if source.member:
        with zipfile.ZipFile(source.path) as archive:
            whole = member_of(archive, source.member)
        submission.digest = hashlib.sha256(whole).hexdigest()
        is_archive = source.member.lower().endswith(".zip")
    else:
        size = source.path.stat().st_size
        is_archive = source.path.suffix.lower() == ".zip"
        with open(source.path, "rb") as handle:
            submission.digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if size > (MAX_FILE >> 3 if is_archive else MAX_FILE):
            raise Unreadable(f"the file has {size >> 20} MB, more than any notebook")
        if not is_archive:
            if size > LARGE:
                submission.flags.append(f"{size >> 20} MB of notebook, stripped of its outputs")
            return stripped(source.path)
        whole = source.path.read_bytes()
    content = packed_notebook(whole, submission.flags) if is_archive else whole
    return content if len(content) <= LARGE else without_outputs(content)


def packed_notebook(whole: bytes, flags: list[str]) -> bytes:
    """The one notebook in a student's own archive."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = archive.infolist()[:MAX_MEMBERS]
        if any(".." in PurePosixPath(entry.filename.replace("\\", "/")).parts or entry.filename.startswith("/") for entry in entries):
            flags.append("its archive names files outside itself; they were read as data, and nothing was written")
        names = [entry.filename for entry in entries if entry.filename.lower().endswith(".ipynb")
                 and not passed_over(PurePosixPath(entry.filename).parts)]
        if not names:
            raise Unreadable("its archive holds no notebook (.ipynb)")
        if len(names) > 1:
            flags.append(f"its archive holds {len(names)} notebooks; the last by name counts")
        return member_of(archive, sorted(names)[-1])


def member_of(archive: zipfile.ZipFile, name: str, limit: int = MAX_FILE >> 2) -> bytes:
    """A member of an archive, read in pieces and counted: what it announces may be a lie."""
    found = bytearray()
    with archive.open(name) as member:
        while part := member.read(1 << 20):
            found += part
            if len(found) > limit or len(found) > (1 << 20) + 1000 * archive.getinfo(name).compress_size:
                raise Unreadable("the archive is a bomb: what it unpacks to has no end")
    return bytes(found)


def cells_of(content: bytes, flags: list[str]) -> list[Cell]:
    """The code cells of a notebook.

    Raises
    ------
    Unreadable
        If it is none.
    """
    if not content.strip():
        raise Unreadable("the file is empty")
    notebook = parsed(content, flags)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # notebooks of before 2015
        cells = [cell for sheet in notebook["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise Unreadable("the file is JSON, but no notebook: it has no list of cells")
    language = plain_text(notebook, "metadata", "kernelspec", "language") or plain_text(notebook, "metadata", "language_info", "name")
    if language and not re.search("python", language, re.IGNORECASE):
        flags.append(f"its kernel is {language[:40]!r}; its cells are read as Python")
    if len(cells) > MAX_CELLS:
        flags.append(f"{len(cells)} cells; only the first {MAX_CELLS} are read")
    code = [cell for cell in cells[:MAX_CELLS] if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    if not code:
        flags.append("it has no code cells")
    ids = [cell["id"] for cell in code if isinstance(cell.get("id"), str)]
    if len(set(ids)) < len(ids):
        flags.append("several of its cells have one id")
    return [Cell(plain_text(cell, "id"), plain_text(cell, "metadata", "nbgrader", "grade_id"), source_of(cell)) for cell in code]


def source_of(cell: dict) -> str:
    """Text of a cell: a string, or a list of lines."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.replace("\r\n", "\n").replace("\0", "") if isinstance(source, str) else ""


def plain_text(value: object, *path: str) -> str:
    """A text at a path of keys, empty where anything else is there."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def parsed(content: bytes, flags: list[str]) -> object:
    """The JSON of a file, in UTF-8 or in what Windows programs make of it."""
    if len(content) > MAX_KEPT:
        raise TooLarge("the notebook is larger than a notebook can be")
    try:
        encoding = json.detect_encoding(content)
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        flags.append("it is not in UTF-8; read as Windows text")
    else:
        if encoding not in ("utf-8", "utf-8-sig"):
            flags.append(f"it is not in UTF-8 but in {encoding}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("the file is no JSON, so no notebook: it may be cut off, or another file with the ending .ipynb") from None
