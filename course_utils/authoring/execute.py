"""Runs a notebook as the build, the tests and `course.py run` do, and holds its outputs to the house's rules."""
from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring.sources import LabError, name_of_cell
from course_utils.settings import course_root

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
CELL_TIMEOUT_S = 300


def environment(profile: str = "full", threads: int = 1) -> dict[str, str]:
    """Environment in which a lab's outputs are the same everywhere.

    Progress bars are off: what they print depends on the machine's speed. Real data are out of
    sight, also those that could be downloaded: the cells that want them say what they say without.

    Parameters
    ----------
    profile : {"full", "fast"}
        `COURSE_PROFILE`.
    threads : int
        Threads of torch and of the BLAS libraries.
    """
    path = [str(course_root()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return dict(os.environ) | {
        "COURSE_DATA": "none",
        "COURSE_PROFILE": profile,
        "COURSE_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait sleep: spinning, they take the cores of the run beside this one
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path),
        "TQDM_DISABLE": "1",
    }


def execute(notebook: NotebookNode, folder: Path, name: str, env: Mapping[str, str] | None = None,
            on_cell: Callable[[], None] | None = None, on_kernel: Callable[[int], None] | None = None) -> NotebookNode:
    """Run a notebook's cells in a fresh kernel; fills in the outputs and returns the same notebook.

    Parameters
    ----------
    notebook : NotebookNode
    folder : pathlib.Path
        The kernel's working folder.
    name : str
        The notebook in messages: `"solutions/06_saliency.py"`.
    env : mapping, optional
        Environment of the kernel; `environment()` if not given.
    on_cell : callable, optional
        Called after each code cell.
    on_kernel : callable, optional
        Called with the process id of the kernel, before the first cell.

    Raises
    ------
    LabError
        If a cell raises, runs longer than five minutes, or its kernel dies.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        record_timing=False, coalesce_streams=True, store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # else ipykernel warns in the middle of the progress bar
    )
    current: list[str] = ["before the first cell"]

    def began(cell: NotebookNode, cell_index: int) -> None:
        if on_kernel is not None and current[0] == "before the first cell":
            on_kernel(client.km.provisioner.pid)
        current[0] = name_of_cell(cell, cell_index)

    def ended(**_) -> None:
        if on_cell is not None:
            on_cell()

    client.on_cell_start = began
    client.on_cell_executed = ended
    metadata = notebook.metadata.copy()
    try:
        client.execute(env=dict(environment() if env is None else env))
    except CellExecutionError as error:
        told = f"{error.ename}: {ESCAPES.sub('', str(error.evalue))}".strip()
        raise LabError(f"{name}, {current[0]} raises {told}") from error
    except CellTimeoutError as error:
        raise LabError(f"{name}, {current[0]} runs longer than {CELL_TIMEOUT_S} seconds; make it smaller.") from error
    except DeadKernelError as error:
        raise LabError(f"{name}, {current[0]} ended its kernel; look for a crash or for too much memory.") from error
    finally:
        notebook.metadata = metadata  # the kernel writes its version there
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop from the outputs what a rebuild would change: views of widgets and their state.

    A widget's cell keeps its other forms, the picture and the text; the text loses its addresses.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.outputs:
            data = output.get("data")
            if data is not None and WIDGET_VIEW in data:
                del data[WIDGET_VIEW]
                if "text/plain" in data:
                    data["text/plain"] = ADDRESS.sub("", data["text/plain"])
                if not data:
                    continue
            kept.append(output)
        cell.outputs = kept
    return notebook


def output_complaints(notebook: NotebookNode, name: str, root: Path) -> list[str]:
    """One sentence for each output that a committed notebook must not have.

    These are warnings and everything else on stderr, errors, addresses of objects, and folders of
    the machine that ran it.
    """
    folders = machine_folders(root)
    complaints = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        where = f"{name}, {name_of_cell(cell, index)}"
        for output in cell.outputs:
            if output.output_type == "error":
                complaints.append(f"{where} raises {output.ename}: {output.evalue}")
            elif output.output_type == "stream" and output.name == "stderr":
                line = next((line for line in output.text.splitlines() if line.strip()), "")
                complaints.append(f"{where} writes to stderr: {line.strip()[:160]!r}; remove the cause, not the message.")
            else:
                text = text_of(output)
                if ADDRESS.search(text):
                    complaints.append(f"{where} shows the address of an object; end it with something that reads well.")
                for folder in folders:
                    if folder in text:
                        complaints.append(f"{where} shows a folder of this machine, {folder}; print the file's name only.")
                        break
    return complaints


def text_of(output: NotebookNode) -> str:
    """All text in an output, whatever its form; pictures left out."""
    if output.output_type == "stream":
        return output.text
    return "\n".join(value for kind, value in output.get("data", {}).items()
                     if isinstance(value, str) and not kind.startswith("image/p"))


def machine_folders(root: Path) -> list[str]:
    """Folders of this machine that must not stand in a committed notebook."""
    folders = {str(root.resolve()), str(course_root()), str(Path.home()), sys.prefix, tempfile.gettempdir()}
    return sorted(folder for folder in folders if len(folder) > 3)
