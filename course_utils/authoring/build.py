"""`python course.py build`: both notebooks of every lab, from its source.

A lab is executed only where its inputs changed. Their hash (`inputs.inputs_key`) is kept in the
solved notebook itself, under `metadata.course.inputs`, beside the hash of the outputs: it travels
with the repository, so `build --check` is as fast in a fresh clone as in the author's, and a merge
or an edit by hand cannot part the outputs from what they came from. Where both hashes fit, the
outputs are taken over and everything else is derived anew. `--check` never executes: other inputs
mean that the committed notebook is old, and it says so.
"""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring import execute as running
from course_utils.authoring.committed import code_cells, difference, orphans, outputs_key, reuse_outputs
from course_utils.authoring.inputs import inputs_key
from course_utils.authoring.leaks import leaks
from course_utils.authoring.lint import figure_breaches, lint
from course_utils.authoring.sources import Lab, LabError, dump, find_labs, read_notebook, read_source, write
from course_utils.authoring.student import student_copy, with_nbgrader
from course_utils.exercises import registry
from course_utils.exercises.contract import Exercise
from course_utils.settings import course_root

Declared = Callable[[str], Sequence[Exercise]]


def build(labs: Iterable[str] | None = None, check: bool = False, progress: bool = True, *,
          root: Path | None = None, declared: Declared = registry.of_lab) -> int:
    """Build the notebooks of some labs or all, or check that they are as they would be built.

    Parameters
    ----------
    labs : iterable of str, optional
        Numbers or names; all if not given.
    check : bool
        Write nothing and execute nothing; a byte that differs is an error.
    progress : bool
        Show a bar while a lab is executed, and a line for each lab.
    root : pathlib.Path, optional
        Folder with `solutions/` and `notebooks/`; the course's if not given.
    declared : callable
        `declared("06")` gives a lab's exercises in order.

    Returns
    -------
    int
        Exit status: 0, or 1 where anything has to be mended; the sentences go to stderr.
    """
    root = root or course_root()
    try:
        chosen = find_labs(root, labs)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    complaints = orphans(root, chosen) if check and labs is None else []
    for lab in chosen:
        try:
            done = check_lab(lab, declared) if check else build_lab(lab, declared, progress)
        except LabError as error:
            complaints += error.sentences
        else:
            if progress:
                print(f"{lab.stem}: {done}")
    for sentence in complaints:
        print(sentence, file=sys.stderr)
    return 1 if complaints else 0


def build_lab(lab: Lab, declared: Declared, progress: bool = False) -> str:
    """Build one lab and write what changed; returns in a few words what was done.

    Raises
    ------
    LabError
        If the source, its outputs or the student's copy break a rule; nothing is written then.
    """
    notebook, key = prepared(lab, declared)
    done = "as it was"
    if not reuse_outputs(notebook, lab, key):
        began = time.monotonic()
        run(notebook, lab, progress)
        done = f"executed in {time.monotonic() - began:.0f} s"
    for path, built in finished(notebook, lab, key).items():
        if not path.exists() or path.read_text(encoding="utf-8") != dump(built):
            write(built, path)
            done = "derived anew" if done == "as it was" else done
    return done


def check_lab(lab: Lab, declared: Declared) -> str:
    """Hold what is committed against what would be built.

    Raises
    ------
    LabError
        If anything differs; the sentence names the first cell that does.
    """
    again = f"run `python course.py build {lab.number}` and commit what it writes."
    missing = [lab.name_of(path) for path in (lab.solved, lab.student) if not path.exists()]
    if missing:
        raise LabError(*(f"{name} is not there; {again}" for name in missing))
    notebook, key = prepared(lab, declared)
    if not reuse_outputs(notebook, lab, key):
        raise LabError(f"{lab.name_of(lab.solved)} is older than the code it comes from (the lab's own cells, what they "
                       f"import, its exercises or its data), or its outputs were changed by hand; {again}")
    sentences = [f"{lab.name_of(path)} is not what its source gives: {difference(read_notebook(path), built)}; {again}"
                 for path, built in finished(notebook, lab, key).items() if path.read_text(encoding="utf-8") != dump(built)]
    if sentences:
        raise LabError(*sentences)
    return "as committed"


def prepared(lab: Lab, declared: Declared) -> tuple[NotebookNode, str]:
    """The linted source with nbgrader's metadata, without outputs, and the key of its inputs."""
    notebook, exercises = read_source(lab), declared(lab.number)
    sentences = lint(lab, notebook.cells, exercises)
    if sentences:
        raise LabError(*sentences)
    key = inputs_key(lab, [cell.source for cell in code_cells(notebook)], course_root())
    return with_nbgrader(notebook, {exercise.id: exercise for exercise in exercises}), key


def run(notebook: NotebookNode, lab: Lab, progress: bool) -> None:
    """Execute a lab in the folder that it will lie in, and refuse outputs that must not be committed."""
    from tqdm import tqdm

    name = lab.name_of(lab.source)
    with tqdm(total=len(code_cells(notebook)), desc=lab.stem, unit="cell", disable=not progress, leave=False) as bar:
        running.execute(notebook, lab.solved.parent, name, on_cell=bar.update)
    running.clean(notebook)
    sentences = running.output_complaints(notebook, name, lab.root)
    if sentences:
        raise LabError(*sentences)


def finished(notebook: NotebookNode, lab: Lab, key: str) -> dict[Path, NotebookNode]:
    """Both notebooks of an executed lab, by where they belong.

    Raises
    ------
    LabError
        If a figure has no sentence, or the student's copy holds a part of a solution.
    """
    notebook.metadata.course = NotebookNode(inputs=key, outputs=outputs_key(notebook))
    name = lab.name_of(lab.source)
    student = student_copy(notebook, name)
    sentences = [*figure_breaches(lab, notebook.cells), *leaks(lab, notebook.cells, student.cells)]
    if sentences:
        raise LabError(*sentences)
    return {lab.solved: notebook, lab.student: student}
