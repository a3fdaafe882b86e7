#!/usr/bin/env python3
"""Brings a student's own copy of the notebooks up to date, and loses nothing that the student wrote.

nbgitpuller does the work: it commits what the student has changed, fetches what is new, and merges
line by line; where both changed the same lines, the student's stay. git knows nothing of
notebooks, so a merge can leave a file that is none. Such a file, and one in which a cell that the student
wrote is missing, gets the student's version back, and the new one is put beside it as `NAME.new.ipynb`.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BRANCH = "main"


def update(repository: str, folder: Path) -> list[str]:
    """Make or renew the student's copy.

    Parameters
    ----------
    repository : address of the handout, as git takes it: a path, `file://...`, `https://...`.
    folder : the student's copy; made if it is not there.

    Returns
    -------
    Names of the notebooks whose new version was put beside the student's.

    Raises
    ------
    subprocess.CalledProcessError, nbgitpuller.errors.BranchExistError
        If git cannot do it; the student's files are as they were.
    """
    from nbgitpuller.pull import GitPuller

    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()  # an empty one, as an image may bring, would be taken for a copy
    before = {path: path.read_bytes() for path in folder.glob("*.ipynb")}
    given = {path: committed(folder, path.name) for path in before}
    try:
        for line in GitPuller(repository, str(folder), branch=BRANCH, depth=0).pull():
            print(line, end="" if line.endswith("\n") else "\n", flush=True)
    except BaseException:
        git(folder, "merge", "--abort")  # a merge that stopped half-way has left its marks in the files
        for path, own in before.items():
            path.write_bytes(own)
        raise
    beside = []
    for path, own in before.items():
        if own == given[path] or (path.exists() and holds_work(path.read_bytes(), own, given[path])):
            continue
        new = git(folder, "show", f"origin/{BRANCH}:{path.name}")
        if new is not None:
            path.with_suffix(".new.ipynb").write_bytes(new)
        path.write_bytes(own)
        beside.append(path.name)
    return beside


def holds_work(merged: bytes, own: bytes, given: bytes | None) -> bool:
    """Whether a merged file is a notebook in which every line that the student added to a cell still stands."""
    ours = cells(own)
    if ours is None:
        return merged == own  # was no notebook before: nothing to compare, and nothing of it may change
    merged_cells, given_cells = cells(merged), cells(given or b"") or {}
    if merged_cells is None:
        return False
    for name, source in ours.items():
        added = set(source.splitlines()) - set(given_cells.get(name, "").splitlines())
        if added - set(merged_cells.get(name, "").splitlines()):
            return False
    return True


def cells(content: bytes) -> dict[str, str] | None:
    """Sources of a notebook's cells by their ids; None where it is no notebook, or two cells have one id."""
    try:
        listed = json.loads(content)["cells"]
        found = {cell.get("id", str(k)): "".join(cell["source"]) for k, cell in enumerate(listed)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if len(found) == len(listed) else None


def committed(folder: Path, name: str) -> bytes | None:
    """The file as it was last pulled or committed; None where git does not know it."""
    return git(folder, "show", f"origin/{BRANCH}:{name}") if (folder / ".git").exists() else None


def git(folder: Path, *arguments: str) -> bytes | None:
    if not folder.is_dir():
        return None
    done = subprocess.run(["git", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return None if done.returncode else done.stdout


def main() -> int:
    """Update the copy that `LABS_FOLDER` names (`~/labs`) from `LABS_HANDOUT`; what fails is said and stops nothing."""
    folder = Path(os.environ.get("LABS_FOLDER", "~/labs")).expanduser()
    try:
        beside = update(os.environ["LABS_HANDOUT"], folder)
    except Exception as error:  # a student works with the copy there is rather than not at all
        said = (getattr(error, "stderr", "") or str(error) or type(error).__name__).strip()
        print(f"The labs could not be brought up to date; the copy in {folder} is as it was. {said}", flush=True)
        return 1
    for name in beside:
        print(f"{name}: your version was kept; the new one is beside it, as {Path(name).stem}.new.ipynb.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
