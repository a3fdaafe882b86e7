"""JupyterLab as the course starts it: on the folder of the labs, quiet, on the next free port."""
from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Server extensions that the labs do not need: loading them takes a second, and nbgrader's put
# warnings about a missing course database on the screen. The user's own Jupyter is not touched.
UNUSED = (
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.validate_assignment",
    "jupyterlab_jupytext",
    "jupyter_lsp",
    "nbgitpuller",
    "notebook",
)
# Their halves in the browser, which would call what is not loaded.
UNUSED_IN_BROWSER = ("@jupyter/nbgrader", "@jupyter-notebook/lab-extension", "jupyterlab-jupytext")

SETTINGS = {
    # No pop-up that asks to fetch news, and no call to the outside for it.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def has_screen() -> bool:
    """Whether a browser could show anything here."""
    if sys.platform.startswith(("win", "darwin")):
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def write_settings(environment: Path) -> None:
    """Put the course's defaults for JupyterLab into this environment; the user's own settings win.

    Nothing is written where the files already say so, or where the environment is read-only.
    """
    disabled = {"disabledExtensions": {name: True for name in UNUSED_IN_BROWSER}}
    files = {
        environment / "share" / "jupyter" / "lab" / "settings" / "overrides.d" / "course.json": SETTINGS,
        environment / "etc" / "jupyter" / "labconfig" / "page_config.json": disabled,
    }
    for path, content in files.items():
        text = json.dumps(content, indent=2)
        try:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        except OSError:
            continue


def arguments(folder: Path, opened: str | None, port: int, browser: bool) -> list[str]:
    """Command line of JupyterLab; what it leaves open is the user's own configuration."""
    given = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=100",
        "--ServerApp.allow_root=True",   # containers and rented machines run as root
        "--ServerApp.answer_yes=True",   # Ctrl-C ends it without a question
        "--Application.log_level=WARN",  # the address is printed below, once
        f"--ServerApp.jpserver_extensions={ {name: False for name in UNUSED} }",
    ]
    if opened:
        given.append(f"--LabApp.default_url=/lab/tree/{opened}")
    if not (browser and has_screen()):
        given.append("--ServerApp.open_browser=False")
    return given


def serve(folder: Path, opened: str | None = None, port: int = 8888, browser: bool = True,
          options: Sequence[str] = (), prepare: Callable[[Any], str] | None = None) -> None:
    """Run JupyterLab on `folder` until Ctrl-C; prints its address once it can be opened.

    Parameters
    ----------
    folder : folder of the notebooks.
    opened : name of a notebook in it that is opened at once.
    port : first port to try; where it is taken, the next free one.
    browser : whether to open a browser, on a machine that has a screen.
    options : further arguments of JupyterLab's command line.
    prepare : called with the server before it starts to serve; what it returns is printed below the address.
    """
    write_settings(Path(sys.prefix))
    # jsonschema imports this parser of web addresses where it finds it, for a check that nothing here
    # uses; building its grammar takes 1.2 of the 2.7 s of a start. None makes the import fail softly.
    sys.modules.setdefault("rfc3987_syntax", None)
    from jupyterlab.labapp import LabApp

    server = LabApp.initialize_server(argv=[*arguments(folder, opened, port, browser), *options])
    if server.port != port:
        print(f"Port {port} is taken; using {server.port}.")
    print(f"JupyterLab runs. Open this address:\n\n    {server.public_url}\n")
    if prepare is not None:
        print(prepare(server))
    print("Leave this window open while you work; Ctrl-C here ends JupyterLab.", flush=True)
    server.identity_provider.token_generated = False  # else the server prints the address again, four times
    server.start()
