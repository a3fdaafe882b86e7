"""What nbgrader does not catch in the source of a lab: each breach gives one sentence."""
from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from course_utils.authoring.exercise_cells import ENDINGS, exercise_cell_breaches
from course_utils.authoring.markers import marker_breaches
from course_utils.authoring.sources import EXERCISE_LABEL, LABEL, Lab, label_of, name_of_cell, tags_of
from course_utils.exercises.contract import Exercise

TAGS = ("exercise", "check", "target", "card", "solution", "instructor", "nbval-ignore-output")


def lint(lab: Lab, cells: Sequence[NotebookNode], declared: Sequence[Exercise]) -> list[str]:
    """Everything that has to be mended in a source before it is run.

    Parameters
    ----------
    lab : Lab
    cells : sequence of NotebookNode
        The source's cells.
    declared : sequence of Exercise
        The lab's declarations, in order.

    Returns
    -------
    list of str
        One sentence each: file, cell, what to do. Empty where all is well.
    """
    found = [*tag_breaches(cells), *label_breaches(cells), *marker_breaches(cells),
             *exercise_cell_breaches(cells, declared, lab)]
    where = lab.name_of(lab.source)
    return [f"{where}: {sentence}" if index is None else f"{where}, {name_of_cell(cells[index], index)}: {sentence}"
            for index, sentence in sorted(found, key=lambda breach: -1 if breach[0] is None else breach[0])]


def tag_breaches(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, str]]:
    """Tags that nothing reads: a misspelt one would be ignored in silence."""
    for index, cell in enumerate(cells):
        for tag in tags_of(cell):
            if tag not in TAGS:
                close = difflib.get_close_matches(tag, TAGS, 1, 0.6)
                yield index, f"the tag {tag!r} means nothing here; " + (f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(TAGS)}.")
        if cell.cell_type == "markdown" and {"exercise", "check", "target"} & set(tags_of(cell)):
            yield index, f"a cell tagged {tags_of(cell)[0]!r} holds code; remove [markdown] or the tag."
        if "card" in tags_of(cell) and cell.cell_type != "markdown":
            yield index, "a card is text; write '# %% [markdown]'."


def label_breaches(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, str]]:
    """Labels that clash, that no id can be made of, or that do not fit their tag."""
    count = Counter(label_of(cell) for cell in cells if label_of(cell))
    ids = Counter(cell.id for cell in cells)
    for index, cell in enumerate(cells):
        label = label_of(cell)
        for tag, ending in ENDINGS.items():
            if tag in tags_of(cell) and not re.fullmatch(EXERCISE_LABEL.pattern + ending, label):
                yield index, f'a cell tagged {tag!r} needs a label such as label="06.1{ending}"; it has {label!r}.'
        if label and not LABEL.fullmatch(label):
            yield index, f"the label {label!r} has other characters than letters, digits, '.', '_' and '-'; rename it."
        elif count[label] > 1:
            yield index, f"{count[label]} cells have the label {label}; give each its own."
        elif label and ids[cell.id] > 1:
            yield index, f"the label {label} makes the same cell id, {cell.id}, as another; rename one."


def figure_breaches(lab: Lab, cells: Sequence[NotebookNode]) -> list[str]:
    """Executed cells with a figure that no text below says how to read."""
    kept = [(index, cell) for index, cell in enumerate(cells) if not {"solution", "instructor"} & set(tags_of(cell))]
    found = []
    for position, (index, cell) in enumerate(kept):
        shows = any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        below = kept[position + 1][1] if position + 1 < len(kept) else None
        if shows and (below is None or below.cell_type != "markdown"):
            found.append(f"{lab.name_of(lab.source)}, {name_of_cell(cell, index)}: it shows a figure and no text follows; "
                         "add a markdown cell that says what is to be seen.")
    return found
