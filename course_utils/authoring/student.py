"""Derives the two committed notebooks: nbgrader's metadata, the stubs, the figures to aim at.

nbgrader's own preprocessors make the student's copy, in the order of its `generate_assignment`, so
the copy is a valid nbgrader assignment and needs neither its folders nor its database.
"""
from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course_utils.authoring.sources import LabError, label_of, slug, tags_of
from course_utils.exercises.contract import Exercise

DROPPED = {"solution", "instructor"}
CHECK = "-check"


def with_nbgrader(notebook: NotebookNode, declared: Mapping[str, Exercise]) -> NotebookNode:
    """Give the exercise and check cells nbgrader's metadata; changes and returns the notebook.

    Parameters
    ----------
    notebook : NotebookNode
    declared : mapping of str to Exercise
        By id; the points stand in the declaration only.
    """
    for cell in notebook.cells:
        tags, label = tags_of(cell), label_of(cell)
        if "exercise" in tags:
            cell.metadata.nbgrader = NotebookNode(
                schema_version=3, grade=False, solution=True, locked=False, task=False, grade_id=slug(label))
        elif "check" in tags:
            points = declared[label.removesuffix(CHECK)].points
            cell.metadata.nbgrader = NotebookNode(
                schema_version=3, grade=True, solution=False, locked=True, task=False, grade_id=slug(label), points=points)
    return notebook


def student_copy(solved: NotebookNode, name: str) -> NotebookNode:
    """The student's copy of a solved and executed notebook.

    Parameters
    ----------
    solved : NotebookNode
        With nbgrader's metadata and outputs; it is not changed.
    name : str
        The source in messages.

    Returns
    -------
    NotebookNode
        Stubs for solutions, no cells tagged `solution` or `instructor`, no outputs; above each
        exercise that a `target` cell names stands that cell's figure.

    Raises
    ------
    LabError
        If nbgrader refuses the notebook, or a target shows no picture.
    """
    figures = target_figures(solved, name)
    notebook = copy.deepcopy(solved)
    notebook.metadata.pop("course", None)
    cells = []
    for cell in notebook.cells:
        if DROPPED & set(tags_of(cell)):
            continue
        if "exercise" in tags_of(cell) and label_of(cell) in figures:
            cells.append(figures[label_of(cell)])
        cells.append(cell)
    notebook.cells = cells
    return through_nbgrader(notebook, name)


def stub_functions(notebook: NotebookNode, declared: Mapping[str, Exercise], known: Mapping[str, Any]) -> dict[str, Callable]:
    """What a student finds for each exercise, as functions by id.

    Parameters
    ----------
    notebook : NotebookNode
        The source.
    declared : mapping of str to Exercise
    known : mapping
        Names that the stubs may use: those of the source's module.
    """
    cells = [cell for cell in copy.deepcopy(notebook).cells if "exercise" in tags_of(cell)]
    exercises = with_nbgrader(NotebookNode({**notebook, "cells": cells}), declared)
    functions = {}
    for cell in through_nbgrader(exercises, "the source").cells:
        names = dict(known)
        exec(compile(cell.source, f"<stub of {label_of(cell)}>", "exec"), names)
        functions[label_of(cell)] = names[declared[label_of(cell)].function]
    return functions


def through_nbgrader(notebook: NotebookNode, name: str) -> NotebookNode:
    """What `nbgrader generate_assignment` does to a notebook, in its order."""
    from nbgrader import preprocessors as nbgrader
    from traitlets.config import Config

    steps = (nbgrader.LockCells, nbgrader.ClearSolutions, nbgrader.ClearOutput, nbgrader.CheckCellMetadata,
             nbgrader.ComputeChecksums, nbgrader.ClearHiddenTests, nbgrader.ClearMarkScheme,
             nbgrader.ComputeChecksums, nbgrader.CheckCellMetadata)
    resources: dict = {}
    try:
        for step in steps:
            notebook, resources = step(config=Config()).preprocess(notebook, resources)
    except Exception as error:  # nbgrader raises RuntimeError, ValidationError and its own
        raise LabError(f"{name} is refused by nbgrader: {error}") from error
    return notebook


def target_figures(solved: NotebookNode, name: str) -> dict[str, NotebookNode]:
    """A markdown cell with the figure for each exercise that a `target` cell names."""
    figures = {}
    for cell in solved.cells:
        if "target" not in tags_of(cell):
            continue
        exercise = str(cell.metadata.get("target", ""))
        shown = [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
        if len(shown) != 1:
            raise LabError(f'{name}, the cell with target="{exercise}" shows {len(shown)} pictures; '
                           "a target cell ends with one figure.")
        attachment = f"target-{slug(exercise)}.png"
        markdown = new_markdown_cell(
            f"**What to aim at**\n\n![{alternative_text(shown[0])}](attachment:{attachment})",
            id=f"target-{slug(exercise)}",
            attachments={attachment: {"image/png": shown[0].data["image/png"].strip()}},
        )
        figures[exercise] = markdown
    return figures


def alternative_text(output: NotebookNode) -> str:
    """The alternative text that a figure was shown with, fit for a markdown picture."""
    metadata = output.get("metadata", {})
    text = metadata.get("image/png", {}).get("alt") or metadata.get("alt") or output.data.get("text/plain", "")
    if not isinstance(text, str) or text.startswith("<Figure"):
        text = "The figure that the finished exercise draws"
    return " ".join(text.split()).replace("[", "(").replace("]", ")")
