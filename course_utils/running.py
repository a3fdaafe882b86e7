"""One lab from its first cell to its last without a browser: seconds, peak memory, notebook and page."""
from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from nbformat import NotebookNode
from tqdm import tqdm

from course_utils.authoring.execute import ESCAPES, clean, execute
from course_utils.authoring.sources import Lab, LabError, dump, read_notebook, read_source

SAMPLE_S = 0.1
SHOWN_LINES = 30


def run_lab(lab: Lab, student: bool = False, folder: Path | None = None) -> int:
    """Execute a lab and write `runs/NAME.ipynb` and `runs/NAME.html`; nothing else is changed.

    Parameters
    ----------
    lab : the lab.
    student : run the student's copy as it lies in `notebooks/` instead of the solved source.
    folder : where to write, if not `runs/` in the lab's root.

    Returns
    -------
    Exit status: 0, or 1 where a cell fails; the cell and its error are printed, and what ran until
    there is written all the same.

    Raises
    ------
    LabError
        If there is no student's copy yet.
    """
    if student and not lab.student.exists():
        raise LabError(f"{lab.name_of(lab.student)} is not there:  python3 course.py build {lab.number}  makes it.")
    notebook = read_notebook(lab.student) if student else read_source(lab)
    path = lab.student if student else lab.source
    name = f"{lab.stem}.student" if student else lab.stem
    folder = folder or lab.root / "runs"
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)

    failure: LabError | None = None
    began = time.monotonic()
    with peak_memory() as peak, tqdm(total=cells, desc=name, unit="cell", file=sys.stdout) as bar:
        try:
            execute(notebook, path.parent, lab.name_of(path), env=dict(os.environ), on_cell=bar.update)
        except LabError as error:
            failure = error
    seconds = time.monotonic() - began

    clean(notebook)
    written = [folder / f"{name}.ipynb", folder / f"{name}.html"]
    write_whole(written[0], dump(notebook))
    write_whole(written[1], page(notebook, name))
    if failure:
        print(f"✗ {failure}\n{failing_cell(notebook)}")
    state = "until there" if failure else "in all"
    print(f"{'✗' if failure else '✓'} {name}: {seconds:.1f} s {state}, peak memory of the kernel {peak() / 1e6:.0f} MB")
    for file in written:
        print(f"  {file.relative_to(lab.root) if file.is_relative_to(lab.root) else file}")
    return 1 if failure else 0


@contextmanager
def peak_memory() -> Iterator:
    """Watches the processes that this one starts; yields a function that gives their highest sum in bytes.

    Sampled ten times a second, since not every system keeps a peak for other processes.
    """
    highest, ended, me = [0], threading.Event(), psutil.Process()

    def watch() -> None:
        while not ended.wait(SAMPLE_S):
            total = 0
            for child in me.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            highest[0] = max(highest[0], total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: highest[0]
    finally:
        ended.set()
        watcher.join()


def failing_cell(notebook: NotebookNode) -> str:
    """The cell that raised, its lines numbered and the guilty one marked, then the end of the traceback."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type != "error" or "raises-exception" in cell.metadata.get("tags", []):
                continue
            traceback = ESCAPES.sub("", "\n".join(output.traceback))
            at = re.search(r"Cell In\[\d+\], line (\d+)", traceback)
            guilty = int(at.group(1)) if at else 0
            lines = [
                f"{'→' if number == guilty else ' '} {number:3d}  {line}"
                for number, line in enumerate(cell.source.splitlines(), start=1)
            ]
            start = max(0, min(guilty - SHOWN_LINES // 2, len(lines) - SHOWN_LINES))
            tail = traceback.splitlines()[-SHOWN_LINES:]
            return "\n".join([*lines[start:start + SHOWN_LINES], "", *tail, ""])
    return ""


def page(notebook: NotebookNode, title: str) -> str:
    """The notebook as one HTML page with its figures inside."""
    from nbconvert import HTMLExporter

    text, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return text


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a run that is cut leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
