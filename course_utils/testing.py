"""How the tests are called: one pytest run over the tests and, unless in a hurry, every solved notebook."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.settings import course_root


def pytest_command(fast: bool = False, extra: Sequence[str] = (), root: Path | None = None) -> list[str]:
    """The command line of a test run, to be started in the course's root.

    Parameters
    ----------
    fast : leave out the tests marked `slow` and the solved notebooks.
    extra : what the user adds for pytest. Where a path is among it, it stands in place of everything.
    root : the course's root, if not this one.
    """
    root = root or course_root()
    command = [sys.executable, "-m", "pytest"]
    # Two workers, each with whole modules and whole notebooks: a notebook's cells need one kernel.
    command += ["-n", "2", "--dist", "loadscope"]
    if fast:
        command += ["-m", "not slow"]
    notebooks = not fast and any((root / "solutions").glob("*.ipynb"))
    if notebooks:
        command += ["--nbval", "--nbval-current-env"]
    if not any((root / word.partition("::")[0]).exists() for word in extra if not word.startswith("-")):
        command += ["tests", "solutions"] if notebooks else ["tests"]
    return command + list(extra)
