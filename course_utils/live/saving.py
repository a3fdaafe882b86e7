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
        wait_until_saved(copy)
        print(f"Saved as {keep(copy, target)}")
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


def wait_until_saved(copy: Path) -> None:
    """Ask JupyterLab to save, and wait until the file has the cell that asks."""
    from IPython.display import Javascript, clear_output, display

    before = copy.stat().st_mtime_ns
    display(Javascript(SAVE_NOW))
    end = time.monotonic() + PATIENCE_S
    while copy.stat().st_mtime_ns == before:
        if time.monotonic() > end:
            raise NotSaved(f"JupyterLab has not saved the notebook within {PATIENCE_S} s: save it (Ctrl-S) and run this cell again.")
        time.sleep(0.1)
    clear_output()


def keep(copy: Path, target: Path) -> Path:
    """Write the notebook to a new file, without the cells that ask for this."""
    notebook: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if not "".join(cell["source"]).lstrip().startswith("%save_class")]
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise NotSaved(f"{target} cannot be written: {error.strerror or error}.") from error
    return target
