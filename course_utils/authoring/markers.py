"""nbgrader's markers, and lines that were meant to be one."""
from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from course_utils.authoring.sources import tags_of

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MARKERS = tuple(f"### {edge} {what}" for what in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME") for edge in ("BEGIN", "END"))


def marker_breaches(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, str]]:
    """Markers that nbgrader would not see, that stand in the wrong cell, or without their partner.

    nbgrader drops the whole cell where it does not know a solution's marker, and ships the tests
    where it does not know a hidden test's.
    """
    for index, cell in enumerate(cells):
        depth = 0
        for line in cell.source.splitlines():
            text = line.strip()
            if text in MARKERS:
                if text in (BEGIN, END):
                    if "exercise" not in tags_of(cell):
                        yield index, f"'{text}' stands in a cell that is not tagged 'exercise'; tag it or remove the marker."
                    depth += 1 if text == BEGIN else -1
                    if depth not in (0, 1):
                        yield index, f"'{text}' has no partner; every BEGIN needs one END after it."
                        depth = 0
                else:
                    yield index, f"'{text}' has no use here, because checks are declared in course_utils/exercises; remove it."
                continue
            meant = marker_meant(text)
            if meant:
                yield index, f"'{text[:60]}' is not a marker that nbgrader knows; did you mean '{meant}' on a line of its own?"
        if depth:
            yield index, f"'{BEGIN}' has no '{END}' after it; add one."


def marker_meant(text: str) -> str | None:
    """The marker that a line was probably meant to be, or None."""
    for marker in MARKERS:
        if marker.removeprefix("### ") in text:
            return marker
    if not text.startswith("#"):
        return None
    close = difflib.get_close_matches(text.strip("# ").upper(), [marker.removeprefix("### ") for marker in MARKERS], 1, 0.8)
    return f"### {close[0]}" if close else None
