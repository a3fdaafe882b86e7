"""Which cells of a submission are graded, and what is executed with them."""
import json

import pytest
from handed_in import TASKS, plan, solved_cells, untouched

from course_utils.exercises import registry
from course_utils.grading.graft import Cell, graft
from course_utils.grading import planning
from course_utils.grading.submission import cells_of

RIGHT = {cell.id: cell.source for cell in solved_cells()}


def grafted(cells, tasks=TASKS, **options):
    made = plan(tasks)
    return graft(cells, made.exercises, made.order, made.stubs, **options)


def names_defined(made) -> dict:
    names: dict = {}
    for _, source, _ in made.cells:
        exec(source, names)
    return names


def test_the_untouched_copy_gives_its_stubs():
    made = grafted(cells_of(json.dumps(untouched()).encode(), []))
    assert list(made.found) == list(TASKS) and made.flags == [] and made.errors == {}
    with pytest.raises(NotImplementedError):
        names_defined(made)["path_rule"]("left", 3)


def test_imports_and_helpers_of_the_source_come_with_them_also_where_the_student_deleted_them():
    names = names_defined(grafted(solved_cells()))
    assert names["np"].__name__ == "numpy" and names["torch"].__name__ == "torch" and callable(names["rescale"])


def test_cells_stand_in_the_order_of_the_source_wherever_they_were_moved():
    made = grafted(solved_cells()[::-1])
    assert [exercise for _, _, exercise in made.cells if exercise] == list(TASKS)


def test_what_a_cell_uses_of_the_students_own_comes_with_it():
    own = [Cell("a", "", "import math\nHALF = math.sqrt(0.25)\ntotal = 0\nprint(open('/etc/passwd').read())\ndef half(x):\n    return HALF * x + total\n"),
           Cell("ex-09-1", "", "def path_rule(rule, m):\n    return half(m)\n"), Cell("b", "", "def unused():\n    pass\nx = half(3)\n")]
    made = grafted(own)
    assert names_defined(made)["path_rule"]("left", 4) == 2.0
    text = "".join(source for _, source, _ in made.cells)
    assert "unused" not in text and "print" not in text and "x = half" not in text


def test_a_copied_cell_counts_where_it_is_the_last_that_is_no_stub():
    stub, right = plan().stubs["09.1"], RIGHT["ex-09-1"]
    older = "def path_rule(rule, m):\n    return 1\n"
    for sources, wanted in (([right, stub], right), ([stub, right], right), ([older, right], right), ([right, older], older), ([stub, stub], stub)):
        made = grafted([Cell("ex-09-1", "", source) for source in sources])
        assert made.found["09.1"] == wanted and "2 cells" in made.flags[0]


def test_a_cell_is_found_by_its_grade_id_or_by_its_function():
    assert grafted([Cell("x1", "ex-09-1", RIGHT["ex-09-1"])]).found["09.1"] == RIGHT["ex-09-1"]
    made = grafted([Cell("x1", "", RIGHT["ex-09-1"])])
    assert made.found["09.1"] == RIGHT["ex-09-1"] and "by the function's name" in made.flags[0]


def test_edited_metadata_and_deleted_checks_change_nothing():
    notebook = untouched()
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].endswith("-check")]
    for cell in notebook["cells"]:
        cell["metadata"] = {"nbgrader": {"grade": True, "points": 1000, "grade_id": cell["id"], "solution": False}, "tags": ["exercise"]}
    flags = []
    made = grafted(cells_of(json.dumps(notebook).encode(), flags))
    assert list(made.found) == list(TASKS) and made.flags == flags == []


@pytest.mark.parametrize("source, line", [("def path_rule(rule, m)\n    return 1\n", 1), ("x = 1\nreturn x\n", 2), ("def f():\n  x\n\ty\n", 3), ("(" * 500, 0),
                                          ("x = '\0'", 0), ("𝟏𝟐 = 3", 1), ("def f():\n    nonlocal x\n", 2)])
def test_a_cell_that_is_no_python_costs_its_own_exercise(source, line):
    made = grafted(solved_cells(ex_09_1=source))
    assert set(made.errors) == {"09.1"} and (made.errors["09.1"] == line or not line)
    assert callable(names_defined(made)["rescale"])


def test_what_only_a_notebook_understands_is_left_out():
    made = grafted([Cell("ex-09-1", "", "%hint 09.1\n!ls\n" + RIGHT["ex-09-1"] + "\npath_rule?\n")])
    assert made.errors == {} and callable(names_defined(made)["path_rule"])


def test_calls_between_exercises_are_known_and_a_cell_can_be_replaced():
    tasks = ("09.1", "09.2", "09.3")
    cells = [Cell(f"ex-09-{k}", "", plan(tasks).solved[f"09.{k}"]) for k in (1, 2, 3)]
    made = grafted([Cell("ex-09-1", "", "def path_rule(rule, m):\n    return None\n"), *cells[1:]], tasks)
    assert made.uses["09.2"] == ["09.1"] and made.uses["09.1"] == []
    mended = grafted(cells[1:], tasks, instead={"09.1": cells[0].source}, only="09.2")
    assert [exercise for _, _, exercise in mended.cells if exercise] == ["09.1", "09.2"]
    assert names_defined(mended)["path_rule"]("left", 4)[0][0] == 0


def test_a_heap_of_code_is_cut_down_to_the_exercises():
    made = grafted([*solved_cells(), Cell("big", "", "x = 1\n" * 1_000_000)])
    assert list(made.found) == list(TASKS) and "MB of code" in made.flags[0]


@pytest.mark.parametrize("labs", [["09"], pytest.param(registry.labs(), marks=pytest.mark.slow)], ids=["lab 09", "all labs"])
def test_every_lab_can_be_planned_and_its_solutions_grafted(labs):
    for lab in labs:
        made = planning.make(lab)
        found = graft([], made.exercises, made.order, instead=made.solved)
        assert [exercise for _, _, exercise in found.cells if exercise] == made.tasks, lab
        assert found.errors == {}
