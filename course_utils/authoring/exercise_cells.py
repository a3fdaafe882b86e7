"""Rules for the cells of an exercise: its card, its function, its check, and their declaration."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from nbformat import NotebookNode

from course_utils.authoring.markers import BEGIN
from course_utils.authoring.sources import Lab, label_of, tags_of
from course_utils.exercises.contract import Exercise

ENDINGS = {"exercise": "", "check": "-check", "card": "-card"}  # of the label, by tag
Breaches = Iterator[tuple[int | None, str]]  # place of the cell, None for the whole file, and the sentence


def exercise_cell_breaches(cells: Sequence[NotebookNode], declared: Sequence[Exercise], lab: Lab) -> Breaches:
    """All rules of this module."""
    by_id = {exercise.id: exercise for exercise in declared}
    rules = {"exercise": function_breaches, "check": check_breaches, "card": card_breaches}
    yield from declaration_breaches(cells, declared, lab)
    for index, cell in enumerate(cells):
        exercise = by_id.get(re.sub("-(check|card)$", "", label_of(cell)))
        for tag, rule in rules.items():
            if exercise is not None and tag in tags_of(cell):
                yield from ((index, sentence) for sentence in rule(cell, exercise))
    yield from order_breaches(cells, by_id)


def declaration_breaches(cells: Sequence[NotebookNode], declared: Sequence[Exercise], lab: Lab) -> Breaches:
    """Exercises that stand in only one of source and declarations, or lack their card or check."""
    here = {tag: {label_of(cell): index for index, cell in enumerate(cells) if tag in tags_of(cell)} for tag in ENDINGS}
    ids = [exercise.id for exercise in declared]
    place = f"course_utils/exercises/lab{lab.number}.py"
    for exercise in declared:
        for tag, ending in ENDINGS.items():
            if exercise.id + ending not in here[tag]:
                yield None, (f"{place} declares {exercise.id}, and no cell here is its {tag}; "
                             f'add one with tags=["{tag}"] label="{exercise.id}{ending}".')
    for tag, ending in ENDINGS.items():
        for label, index in here[tag].items():
            if label.removesuffix(ending) not in ids:
                yield index, f"there is no exercise {label.removesuffix(ending)!r} in {place}; declare it or mend the label."
    for index, cell in enumerate(cells):
        target = str(cell.metadata.get("target", ""))
        if "target" in tags_of(cell) and target not in ids:
            yield index, f'a target cell names its exercise, such as target="{ids[0] if ids else "06.1"}"; it has {target!r}.'


def function_breaches(cell: NotebookNode, exercise: Exercise) -> Iterator[str]:
    """An exercise cell holds one function with its docstring, and the solution inside its body."""
    try:
        body = ast.parse(cell.source).body
    except SyntaxError as error:
        yield f"this is no Python ({error.msg}, line {error.lineno}); mend it."
        return
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        yield f"an exercise cell holds the one function `{exercise.function}` and nothing else; move the rest to a cell of its own."
        return
    function = body[0]
    if function.name != exercise.function:
        yield f"it defines `{function.name}`, but the declaration names `{exercise.function}`; make them one."
    if not ast.get_docstring(function):
        yield f"`{function.name}` has no docstring; it is the student's full specification, write one."
    lines = cell.source.splitlines()
    begins = [number for number, line in enumerate(lines, 1) if line.strip() == BEGIN]
    if not begins:
        yield f"it has no '{BEGIN}', so the student would get the solution or an empty cell; mark the solution."
    elif begins[0] < function.body[0].lineno or (ast.get_docstring(function) and begins[0] <= function.body[0].end_lineno):
        yield f"'{BEGIN}' has to stand inside the function, below its docstring; move it."


def check_breaches(cell: NotebookNode, exercise: Exercise) -> Iterator[str]:
    """A check cell has one exact form, so that nothing can be hidden in it."""
    wanted = f'{exercise.function} = check("{exercise.id}", {exercise.function})'
    if cell.source.strip() != wanted:
        yield f"a check cell holds exactly one line; write {wanted}"


def card_breaches(cell: NotebookNode, exercise: Exercise) -> Iterator[str]:
    """A card begins with the two lines of the declaration and then says what to do."""
    lines, wanted = cell.source.strip().splitlines(), exercise.card.splitlines()
    if lines[: len(wanted)] != wanted:
        differs = next((line for line in wanted if line not in lines[: len(wanted)]), wanted[0])
        yield f"the card and the declaration differ; the card's first lines have to be {wanted!r}, and this one is not there: {differs}"
    elif not any(line.strip() for line in lines[len(wanted):]):
        yield "the card does not say what to do; add two to five sentences."


def order_breaches(cells: Sequence[NotebookNode], by_id: Mapping[str, Exercise]) -> Breaches:
    """Card, exercise and check follow each other, and exercises come in the order of their numbers."""
    kept = [index for index, cell in enumerate(cells) if not {"solution", "instructor"} & set(tags_of(cell))]
    place = {label_of(cells[index]): position for position, index in enumerate(kept) if label_of(cells[index])}
    last = -1
    for exercise_id in by_id:
        card, stub, test = (place.get(exercise_id + ending) for ending in ("-card", "", "-check"))
        if None in (card, stub, test):
            continue  # told already
        if not card + 1 == stub == test - 1:
            yield kept[stub], "the card stands directly above the exercise and the check directly below it; move them together."
        if stub < last:
            yield kept[stub], "exercises stand in the order in which they are declared; move this one or its declaration."
        last = stub
