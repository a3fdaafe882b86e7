"""The notebooks that are committed: whether their outputs can be taken over, and how they differ from new ones."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring.sources import Lab, name_of_cell, read_notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def reuse_outputs(notebook: NotebookNode, lab: Lab, key: str) -> bool:
    """Fill in the outputs of the solved notebook on the disk; False where they come from other inputs."""
    try:
        old = read_notebook(lab.solved)
    except (OSError, ValueError):  # not there, or torn by a merge
        return False
    stored = old.metadata.get("course", {})
    if stored.get("inputs") != key or stored.get("outputs") != outputs_key(old):
        return False
    for cell, before in zip(code_cells(notebook), code_cells(old), strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return True


def outputs_key(notebook: NotebookNode) -> str:
    """Hash of all outputs."""
    shown = [[cell.execution_count, cell.outputs] for cell in code_cells(notebook)]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def difference(old: NotebookNode, new: NotebookNode) -> str:
    """The first thing in which two notebooks differ, in words."""
    for index, (before, after) in enumerate(zip(old.cells, new.cells)):
        if before != after:
            parts = [part for part in ("cell_type", "id", "source", "metadata", "outputs", "execution_count", "attachments")
                     if before.get(part) != after.get(part)]
            return f"{name_of_cell(after, index)} differs in {' and '.join(parts)}"
    if len(old.cells) != len(new.cells):
        return f"it has {len(old.cells)} cells and should have {len(new.cells)}"
    return "its metadata differ" if old.metadata != new.metadata else "only its layout differs"


def orphans(root: Path, labs: Sequence[Lab]) -> list[str]:
    """One sentence for each notebook that no source gives."""
    built = {path for lab in labs for path in (lab.solved, lab.student)}
    there = [path for folder in ("solutions", "notebooks") for path in sorted((root / folder).glob("*.ipynb"))]
    return [f"{path.relative_to(root).as_posix()} has no source in solutions/; remove it or write the source."
            for path in there if path not in built]
