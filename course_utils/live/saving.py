"""`%save_class NAME`: what was typed in class, as a notebook of its own."""
from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from course_utils.settings import live_notebook

NAME = re.compile(r"\w[\w .-]*")
PATIENCE_S = 20
SAVE_NOW = "window.jupyterapp && window.jupyterapp.commands.execute('docmanager:save')"


class NotSaved(RuntimeError):
    """The class was not saved; the sentence says why."""


def save_class(line: str) -> None:
    """`%save_class monday`: saves the notebook as it stands beside the copies, never over another file."""
    try:
        copy = live_notebook()
        target = target_of(copy, line)
        print(f"Saved as {keep(as_it_stands(copy), target)}")
    except NotSaved as reason:
        print(reason)


def target_of(copy: Path | None, name: str) -> Path:
    """The file that a class of this name gets.

    Raises
    ------
    NotSaved
        If the name is none, or taken.
    """
    name = name.strip().strip("'\"").strip()
    if copy is None:
        raise NotSaved("%save_class works where `python3 course.py live` has started JupyterLab.")
    if not NAME.fullmatch(name):
        raise NotSaved("Give the class a name of letters, digits, spaces, dots and dashes: %save_class monday group")
    target = copy.parents[2] / f"{copy.stem} {name}.ipynb"
    if target.exists():
        raise NotSaved(f"{target} is there already and stays as it is: choose another name.")
    return target


def as_it_stands(copy: Path) -> dict[str, Any]:
    """Ask JupyterLab to save, wait until the file is new and whole, and read it.

    Raises
    ------
    NotSaved
        If JupyterLab does not save.
    """
    from IPython.display import Javascript, clear_output, display

    before = copy.stat().st_mtime_ns
    display(Javascript(SAVE_NOW))
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if copy.stat().st_mtime_ns != before and (notebook := read_whole(copy)) is not None:
            clear_output()
            return notebook
        time.sleep(0.1)
    raise NotSaved(f"JupyterLab has not saved the notebook within {PATIENCE_S} s: save it (Ctrl-S) and run this cell again.")


def read_whole(path: Path) -> dict[str, Any] | None:
    """A notebook; None while JupyterLab is writing it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def keep(notebook: dict[str, Any], target: Path) -> Path:
    """Write the notebook to a new file, without the cells that ask for this."""
    cells = [cell for cell in notebook["cells"] if not "".join(cell["source"]).lstrip().startswith("%save_class")]
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise NotSaved(f"{target} cannot be written: {error.strerror or error}.") from error
    return target
