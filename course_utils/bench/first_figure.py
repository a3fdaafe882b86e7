"""Runs a lab until its first figure is there, and prints the time of the clock then.

    python -m course_utils.bench.first_figure 01
"""
from __future__ import annotations

import sys
import time

from course_utils.authoring.execute import execute
from course_utils.authoring.growth import has_figure
from course_utils.authoring.sources import find_labs, read_source
from course_utils.settings import course_root


class FigureIsThere(Exception):
    """Nothing below it is wanted."""


def main(number: str) -> None:
    lab = find_labs(course_root(), [number])[0]
    notebook = read_source(lab)
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")

    def look() -> None:
        if has_figure(next(cells)):
            raise FigureIsThere

    try:
        execute(notebook, lab.source.parent, lab.name_of(lab.source), on_cell=look)
    except FigureIsThere:
        print(time.time())


if __name__ == "__main__":
    main(sys.argv[1])
