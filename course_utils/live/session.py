"""`course.py live`: JupyterLab for a projector on a fresh copy of a lab, and the speaker's notes beside it."""
from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import webbrowser
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from course_utils import jupyter
from course_utils.authoring.sources import Lab, LabError
from course_utils.live.notes import notes_page
from course_utils.live.plan import plan_of

FOLDER = "course-live"          # in the user's home: saved classes; below it, in `scratch`, the copies
NOTES = "notes-of-the-speaker"  # path of the page on JupyterLab's server
SAVE_EVERY_S = 5                # so that what was typed lies on the disk, whatever happens
THEMES = "@jupyterlab/apputils-extension:themes"
DOCUMENTS = "@jupyterlab/docmanager-extension:plugin"


def live(lab: Lab, folder: Path | None = None, font_size: int = 20, port: int = 8888, browser: bool = True) -> None:
    """Show a lab to a class until Ctrl-C.

    Parameters
    ----------
    lab : Lab
    folder : pathlib.Path, optional
        Where copies and saved classes go; `course-live` in the user's home if not given.
    font_size : int
        Of code, text and outputs, in pixels; JupyterLab's own are 13 and 14.
    port, browser
        As for `jupyter.serve`.

    Raises
    ------
    LabError
        If the student's copy is not built.
    AssetMissing
        If the script that typesets formulas is not installed.
    """
    page = notes_page(plan_of(lab), f"course-live {lab.stem}")
    copy = scratch_copy(lab, folder or Path.home() / FOLDER)
    os.environ["COURSE_LIVE"] = str(copy)  # what the kernels inherit
    with tempfile.TemporaryDirectory(prefix="course-live-") as place:
        settings, workspaces = Path(place) / "settings", Path(place) / "workspaces"
        projector_settings(users_settings(), settings, font_size)
        options = [f"--LabApp.default_url=/doc/tree/{copy.name}", f"--LabApp.user_settings_dir={settings}",
                   f"--LabApp.workspaces_dir={workspaces}", "--LabApp.expose_app_in_browser=True"]
        jupyter.serve(copy.parent, port=port, browser=browser, options=options,
                      prepare=lambda server: serve_notes(server, page, browser))
    print(f"What was typed lies in {copy}")


def scratch_copy(lab: Lab, folder: Path) -> Path:
    """A copy of the student's notebook in a new folder below `folder/scratch`."""
    if not lab.student.exists():
        raise LabError(f"{lab.name_of(lab.student)} is not there:  python3 course.py build {lab.number}  makes it.")
    named = folder / "scratch" / f"{lab.number} {datetime.now():%Y-%m-%d %H.%M.%S}"
    place, more = named, 1
    while place.exists():
        more += 1
        place = named.with_name(f"{named.name} ({more})")
    place.mkdir(parents=True)
    return Path(shutil.copyfile(lab.student, place / lab.student.name))


def users_settings() -> Path:
    """Folder of the user's own settings of JupyterLab."""
    from jupyterlab.commands import get_user_settings_dir

    return Path(get_user_settings_dir())


def projector_settings(own: Path, copy: Path, font_size: int) -> None:
    """Write settings for this start into `copy`: the user's own, with large letters and frequent saving."""
    if own.is_dir():
        shutil.copytree(own, copy)
    px = f"{font_size}px"
    fonts = {"code-font-size": px, "content-font-size1": px, "ui-font-size1": f"{max(13, round(font_size * 0.75))}px"}
    themes = read_setting(copy, THEMES)
    write_setting(copy, THEMES, themes | {"overrides": {**(themes.get("overrides") or {}), **fonts}})
    write_setting(copy, DOCUMENTS, read_setting(copy, DOCUMENTS) | {"autosave": True, "autosaveInterval": SAVE_EVERY_S})


def setting_file(folder: Path, name: str) -> Path:
    """Where JupyterLab keeps the settings of one of its plugins."""
    package, _, plugin = name.partition(":")
    return folder.joinpath(*package.split("/"), f"{plugin}.jupyterlab-settings")


def read_setting(folder: Path, name: str) -> dict[str, Any]:
    """A plugin's settings; empty where there are none, or none that can be read."""
    import json5

    try:
        return dict(json5.loads(setting_file(folder, name).read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, TypeError):
        return {}


def write_setting(folder: Path, name: str, content: dict[str, Any]) -> None:
    path = setting_file(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def serve_notes(server: Any, page: str, browser: bool) -> str:
    """Let JupyterLab's server show the notes, behind its token; returns what to print."""
    from jupyter_server.base.handlers import JupyterHandler
    from tornado import web

    class Notes(JupyterHandler):
        @web.authenticated
        def get(self) -> None:
            self.finish(page)

    path = server.base_url + NOTES
    server.web_app.add_handlers(".*$", [(path, Notes)])
    parts = urlsplit(server.public_url)
    address = urlunsplit(parts._replace(path=path))
    if browser and jupyter.has_screen():
        opening = threading.Thread(target=webbrowser.open, args=(address,), daemon=True)
        server.io_loop.call_later(1, opening.start)  # after the notebook, so that it comes to the front
    return f"Your notes, for your own screen:\n\n    {address}\n"
