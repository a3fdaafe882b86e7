"""What the tests ask of an executed notebook: an untouched copy meets no errors, a second run says the same."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_utils.authoring.execute import WIDGET_VIEW, output_complaints, text_of
from course_utils.authoring.sources import label_of, name_of_cell, tags_of
from course_utils.exercises.verdict import SIGNS

IGNORED = "nbval-ignore-output"


def untouched_complaints(notebook: NotebookNode, name: str, root: Path) -> list[str]:
    """One sentence for each thing that an untouched student's copy must not show when it is run.

    Every check says that its exercise is not started; nothing raises, nothing warns.
    """
    complaints = output_complaints(notebook, name, root)
    for cell in notebook.cells:
        if "check" not in tags_of(cell):
            continue
        said = "\n".join(text_of(output) for output in cell.outputs)
        if not said.lstrip().startswith(SIGNS["not started"]):
            complaints.append(f"{name}, cell {label_of(cell)}: its verdict should be 'not started' and is {said[:200]!r}.")
    return complaints


def differing(one: NotebookNode, other: NotebookNode, name: str, checks: bool = True) -> Iterator[str]:
    """One sentence for each cell, of those in both notebooks, whose checked output differs.

    Parameters
    ----------
    one, other : NotebookNode
        Executed notebooks of one lab.
    name : str
        The notebook in messages.
    checks : bool
        Whether verdicts are compared too.
    """
    before = {cell.id: cell for cell in one.cells if cell.cell_type == "code"}
    for index, cell in enumerate(other.cells):
        if cell.id not in before or IGNORED in tags_of(cell) or ("check" in tags_of(cell) and not checks):
            continue
        first, second = checked(before[cell.id]), checked(cell)
        if first != second:
            place = next((k for k, (a, b) in enumerate(zip(first, second)) if a != b), min(len(first), len(second)))
            shown = [str(outputs[place])[:200] if place < len(outputs) else "nothing" for outputs in (first, second)]
            yield f"{name}, {name_of_cell(cell, index)}: one run shows {shown[0]} and the other {shown[1]}."


def checked(cell: NotebookNode) -> list[Any]:
    """The part of a cell's output that nbval compares: texts of all forms, not pictures nor views of widgets."""
    parts: list[Any] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append([output.ename, output.evalue])
        else:
            parts.append({kind: value for kind, value in sorted(output.data.items())
                          if kind not in ("image/png", "image/jpeg", WIDGET_VIEW)})
    return parts
