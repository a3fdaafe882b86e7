"""The sources of the labs: where they lie, their cells, and ids that a rebuild does not change."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
EXERCISE_LABEL = re.compile(r"\d\d\.\d+")
STEM = re.compile(r"\d\d_[a-z0-9_]+")
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker")  # jupytext's notes on empty lines


class LabError(Exception):
    """Something in a lab has to be mended; each of its sentences names the file, the cell and the remedy.

    Attributes
    ----------
    sentences : tuple of str
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Lab:
    """Three files of one lab.

    Attributes
    ----------
    root : pathlib.Path
        Folder that holds `solutions/` and `notebooks/`.
    stem : str
        `"06_saliency"`.
    """

    root: Path
    stem: str

    @property
    def number(self) -> str:
        """Two digits, as in the ids of its exercises."""
        return self.stem[:2]

    @property
    def source(self) -> Path:
        """What the author writes."""
        return self.root / "solutions" / f"{self.stem}.py"

    @property
    def solved(self) -> Path:
        """Built: executed, with outputs."""
        return self.root / "solutions" / f"{self.stem}.ipynb"

    @property
    def student(self) -> Path:
        """Built: the student's copy."""
        return self.root / "notebooks" / f"{self.stem}.ipynb"

    def name_of(self, path: Path) -> str:
        """A file as messages name it: relative to the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def find_labs(root: Path, wanted: Iterable[str] | None = None) -> list[Lab]:
    """Labs with a source below `root/solutions`, in order.

    Parameters
    ----------
    root : pathlib.Path
    wanted : iterable of str, optional
        Numbers (`"06"`, `"6"`) or stems (`"06_saliency"`); all labs if not given.

    Raises
    ------
    LabError
        If a wanted lab does not exist.
    """
    found = [Lab(root, path.stem) for path in sorted((root / "solutions").glob("*.py")) if STEM.fullmatch(path.stem)]
    if wanted is None:
        return found
    chosen = []
    for name in wanted:
        matches = [lab for lab in found if name in (lab.stem, lab.number, lab.number.lstrip("0"))]
        if not matches:
            known = ", ".join(lab.stem for lab in found) or "none"
            raise LabError(f"There is no lab {name!r}: give the number or the name of one of these: {known}.")
        chosen += matches
    return sorted(set(chosen), key=lambda lab: lab.stem)


def read_source(lab: Lab) -> NotebookNode:
    """The source as a notebook without outputs: cells with ids, one line of kernel metadata, nothing else.

    The cell metadata keep what the author wrote: `tags`, `label`, `target`.
    """
    import jupytext

    notebook = jupytext.reads(lab.source.read_text(encoding="utf-8"), fmt="py:percent")
    for cell, cell_id in zip(notebook.cells, cell_ids(lab.stem, notebook.cells)):
        cell.id = cell_id
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key not in LAYOUT})
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def cell_ids(stem: str, cells: Sequence[NotebookNode]) -> list[str]:
    """An id for each cell that stays the same while the cell does: from its label, else from its text.

    Cells with equal text are told apart by how many of them stand above.
    """
    ids, seen = [], {}
    for cell in cells:
        label = label_of(cell)
        if label and LABEL.fullmatch(label):
            ids.append(slug(label))
            continue
        text = f"{stem}\0{cell.cell_type}\0{cell.source}"
        seen[text] = seen.get(text, 0) + 1
        ids.append(hashlib.sha256(f"{text}\0{seen[text]}".encode()).hexdigest()[:12])
    return ids


def slug(label: str) -> str:
    """A label in the letters that ids of cells and of nbgrader may have: `ex-06-1` for `06.1`."""
    return ("ex-" if label[0].isdigit() else "") + label.replace(".", "-")


def tags_of(cell: NotebookNode) -> list[str]:
    """Tags of a cell."""
    return list(cell.metadata.get("tags", []))


def label_of(cell: NotebookNode) -> str:
    """Label of a cell, empty if it has none."""
    return str(cell.metadata.get("label", ""))


def name_of_cell(cell: NotebookNode, index: int | None = None) -> str:
    """A cell as messages name it: by its label, else by its place and first line."""
    label = label_of(cell)
    if label:
        return f"cell {label}"
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    place = "" if index is None else f"{index + 1} "
    return f"cell {place}({first[:50]!r})"


def dump(notebook: NotebookNode) -> str:
    """The notebook as text: sorted keys, one line an entry, a line end at the end."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook with the same line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump(notebook), encoding="utf-8", newline="\n")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook as it lies on the disk."""
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
