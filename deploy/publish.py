"""The release step on a server: `python deploy/publish.py --labs 06`.

Makes the zip of `course.py release`, which holds no solution, unpacks it into a folder of its own,
points the link `course` to it, and puts its notebooks into `handout.git`. Labs that were published before
stay published. Servers that run keep the release that they started with; a student has the new
one after the next start, and own work is merged (`update_labs.py`).
"""
from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from places import Places, places  # noqa: E402

from course_utils.authoring.sources import LabError, find_labs  # noqa: E402
from course_utils.grading.release import ReleaseError, release, tasks_of  # noqa: E402
from course_utils.jupyter import write_settings  # noqa: E402
from course_utils.settings import course_root  # noqa: E402

FOR_STUDENTS = ("student_server.py", "update_labs.py")
COMMANDS = ("submit.py", "update_labs.py")  # what students can type in a terminal
GIT_USER = ("-c", "user.name=labs", "-c", "user.email=labs@localhost")


def publish(labs: list[str], tasks: list[str], where: Places) -> tuple[Path, bool]:
    """Publish labs, beside those that are published already.

    Parameters
    ----------
    labs : numbers of labs.
    tasks : exercises that stay exercises in these labs; all if empty.
    where : the folders of the server.

    Returns
    -------
    The release's folder, and whether the students' notebooks have changed.

    Raises
    ------
    ReleaseError
        If a lab or task does not exist, or a line of a solution would go out.
    """
    os.umask(0o022)
    noted = json.loads(where.published.read_text(encoding="utf-8")) if where.published.exists() else {}
    given = {number: [task for task in tasks if task.startswith(f"{number}.")] for number in labs}
    wanted = dict(sorted((noted | given).items()))
    with tempfile.TemporaryDirectory() as scratch:
        made = release(list(wanted), Path(scratch), tasks=kept_tasks(wanted))
        folder = unpack(made.path, where.releases)
    changed = hand_out(folder / "notebooks", where.handout, "Labs " + ", ".join(wanted))
    point(where.course, folder)
    for place in (where.collect, where.hub):
        place.mkdir(parents=True, exist_ok=True)
    if where.environment.is_dir():
        write_settings(where.environment)  # JupyterLab without pop-ups, and without what the labs do not need
    where.collect.chmod(0o755)
    where.hub.chmod(0o700)
    write_whole(where.gitconfig, f"[include]\n\tpath = /etc/gitconfig\n[safe]\n\tdirectory = {where.handout}\n")
    write_whole(where.published, json.dumps(wanted, indent=1))
    return folder, changed


def kept_tasks(wanted: dict[str, list[str]]) -> list[str]:
    """The exercises that stay, for `release`: it takes one list for all labs, empty if all stay."""
    if not any(wanted.values()):
        return []
    return [task for number, some in wanted.items() for task in some or tasks_of(find_labs(course_root(), [number])[0])]


def unpack(archive: Path, releases: Path) -> Path:
    """The release's folder: unpacked, compiled, with what a student's server starts with, and closed for writing."""
    content = archive.read_bytes() + b"".join((HERE / name).read_bytes() for name in (*FOR_STUDENTS, *COMMANDS))
    folder = releases / f"{archive.stem[:60]}-{hashlib.sha256(content).hexdigest()[:10]}"
    if folder.exists():
        return folder
    releases.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=releases))
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(draft)
        root = next(draft.iterdir())
        (root / "deploy").mkdir()
        for name in FOR_STUDENTS:
            shutil.copyfile(HERE / name, root / "deploy" / name)
        (root / "bin").mkdir()
        for name in COMMANDS:
            shutil.copyfile(HERE / name, root / "bin" / Path(name).stem)
        # Students cannot write bytecode here: without it every kernel would compile the package again.
        compileall.compile_dir(root / "course_utils", quiet=1, stripdir=str(root), prependdir=str(folder))
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        root.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def hand_out(notebooks: Path, repository: Path, message: str) -> bool:
    """Commit the notebooks to the repository that students pull from; whether anything was new."""
    if not repository.exists():
        git(notebooks, "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        git(notebooks, "clone", "--quiet", str(repository), str(work))
        git(work, "checkout", "--quiet", "-B", "main")
        for path in work.glob("*.ipynb"):
            path.unlink()
        for path in notebooks.glob("*.ipynb"):
            shutil.copyfile(path, work / path.name)
        (work / ".gitignore").write_text(".ipynb_checkpoints/\n", encoding="utf-8")
        git(work, "add", "--all")
        if not git(work, "status", "--porcelain"):
            return False
        git(work, *GIT_USER, "commit", "--quiet", "-m", message)
        git(work, "push", "--quiet", "origin", "main")
    return True


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints; what it complains of becomes an OSError."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise OSError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def point(link: Path, folder: Path) -> None:
    """Let a link point to a folder, in one step."""
    draft = link.with_name(f".{link.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder)
    os.replace(draft, link)


def write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def main() -> int:
    reader = argparse.ArgumentParser(description="Publish labs to the students of this server.")
    reader.add_argument("--labs", required=True, help="numbers, for example 06 or 06,09; those published before stay")
    reader.add_argument("--tasks", default="", help="keep only these exercises of them, for example 06.1,06.2")
    given = reader.parse_args()
    where = places()
    if not where.home.is_dir():
        sys.exit(f"{where.home} is not there: make it, or name the server's folder with LABS_HOME.")
    labs, tasks = ([part.strip() for part in text.split(",") if part.strip()] for text in (given.labs, given.tasks))
    try:
        labs = [lab.number for lab in find_labs(course_root(), labs)]
        folder, changed = publish(labs, tasks, where)
    except (LabError, ReleaseError, OSError) as error:
        sys.exit(str(error))
    print(f"{folder.name} is in force since {time.strftime('%H:%M')}; students' notebooks {'are new' if changed else 'are as before'}. "
          "Students get it when they start their server, or with the link of docs/deploy.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
