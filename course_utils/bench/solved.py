"""Functions of the labs for the benchmark: out of the solved sources, the same cells that students write."""
from __future__ import annotations

from types import ModuleType

from course_utils.exercises.solved import definitions, source_of


def lab(number: str) -> ModuleType:
    """What a solved lab defines at its top level, its functions, classes and constants: `lab("08").occlusion_map`.

    Nothing else of the lab is run: what a function takes from the lab's own variables has to be set first,
    as `lab("04").network = network`.

    Raises
    ------
    SolutionMissing
        If the solved source is not in this copy of the course.
    """
    path = source_of(number)
    return definitions(path, path.stat().st_mtime_ns)
