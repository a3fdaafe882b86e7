"""Where everything lies on the server: one folder, `LABS_HOME`, and what is below it.

    author/        the course's checkout, for instructors only (mode 700): releases, solutions, marks
    env/           the Python environment that all students' servers share
    releases/      what `publish.py` unpacked, one folder a release; nothing in them is written to
    course         a link to the release in force
    gitconfig      lets git take the handout, which belongs to root, from students' hands
    handout.git    the notebooks given out, as a git repository that students' servers pull from
    collect/NAME/  what student NAME handed in; only that student and root can enter
    hub/           the hub's own state (mode 700)
    students.txt   who may log in, a name a line
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The folders of one server, below `home`."""

    home: Path

    def __getattr__(self, name: str) -> Path:
        below = {"environment": "env", "releases": "releases", "course": "course", "handout": "handout.git", "gitconfig": "gitconfig", "collect": "collect",
                 "hub": "hub", "students": "students.txt", "published": "published.json"}
        if name not in below:
            raise AttributeError(name)
        return self.home / below[name]


def places() -> Places:
    """Those that `LABS_HOME` names; `/srv/labs` if it is not set."""
    return Places(Path(os.environ.get("LABS_HOME", "/srv/labs")))
