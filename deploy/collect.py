"""For instructors: `python deploy/collect.py --lab 06 --out submissions` takes what was handed in, as it is at this moment.

Makes `submissions/NAME.ipynb` for each student: the folder that `course.py grade submissions --lab 06` reads.
The folders that it reads belong to students, so nothing in them is trusted: links are not followed, and only
plain files of a sensible size are read.
"""
from __future__ import annotations

import argparse
import os
import stat
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from places import places  # noqa: E402

LARGEST = 64 << 20


def collect(lab: str, source: Path, out: Path) -> dict[str, float]:
    """Copy every student's submission of a lab.

    Parameters
    ----------
    lab : number of a lab.
    source : folder with one folder for each student.
    out : folder for the copies; made if it is not there.

    Returns
    -------
    Names of the students, and when each handed in (seconds since 1970).
    """
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for student in sorted(entry.name for entry in os.scandir(source) if entry.is_dir(follow_symlinks=False)):
        taken = content(source / student, f"{lab}_submission.ipynb")
        if taken is None:
            continue
        draft = out / f".{student}.part"
        draft.write_bytes(taken[0])
        os.utime(draft, (taken[1], taken[1]))
        os.replace(draft, out / f"{student}.ipynb")
        found[student] = taken[1]
    return found


def content(folder: Path, name: str) -> tuple[bytes, float] | None:
    """Bytes and time of a plain file in a student's folder; None where there is none, or anything else in its place."""
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inside)
    except OSError:
        return None
    finally:
        os.close(inside)
    with open(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > LARGEST:
            return None
        return file.read(LARGEST), found.st_mtime


def main() -> int:
    reader = argparse.ArgumentParser(description="Take what students handed in.")
    reader.add_argument("--lab", required=True, help="number of the lab, for example 06")
    reader.add_argument("--out", required=True, type=Path, help="folder for NAME.ipynb")
    given = reader.parse_args()
    where, lab = places(), given.lab.zfill(2)
    if not where.collect.is_dir():
        sys.exit(f"{where.collect} is not there: publish a lab first, or name the server's folder with LABS_HOME.")
    found = collect(lab, where.collect, given.out)
    known = {name for name in where.students.read_text(encoding="utf-8").split()} if where.students.exists() else set()
    for name, when in sorted(found.items(), key=lambda item: item[1]):
        print(f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(when))}  {name}")
    print(f"{len(found)} handed in lab {lab}." + (f" Not yet: {', '.join(sorted(known - found.keys()))}." if known - found.keys() else ""))
    print(f"Now:  python3 course.py grade {given.out} --lab {lab} --out results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
