#!/usr/bin/env python3
"""The one command of the course: `python3 course.py lab`.

Needs Python 3.11 to 3.13 and nothing else. Makes the environment `.venv` beside this file, installs
the course into it with the versions of `constraints.txt`, and hands every verb over to
`course_utils.cli` in there. Nothing is installed while nothing has changed, so that a second start
is quick and works without a network.

This file is written so that even Python 2.7 can read it (no f-strings, no annotations): whoever
starts it with an old Python gets a sentence and not a SyntaxError.
"""
from __future__ import print_function

import os
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)  # TensorFlow has no wheels beyond

HELP = """The labs of the course, as Jupyter notebooks. What you can say, in the order in which you need it:

  python3 course.py lab                    install (the first time), check, open the labs in JupyterLab
  python3 course.py doctor                 what is wrong with this installation, and what mends it
  python3 course.py test [--fast]          every test; with --fast those of under three minutes
  python3 course.py run 06 [--student]     run one lab without a browser; writes runs/06_....html
  python3 course.py exercises [--json]     every exercise: points, minutes, hints, what is checked
  python3 course.py fetch                  download the real data that the last sections use
  python3 course.py train NAME             train a shipped network again
  python3 course.py build [--check] [06]   make the notebooks from their sources
  python3 course.py live 06                a lab in front of a class: large letters, your notes beside it
  python3 course.py slides 06              a lab as slides, one file that needs no network
  python3 course.py site [--solved]        all labs as web pages that need no network and no server
  python3 course.py release --labs 06,09 --out DIR       the zip for students, without solutions
  python3 course.py grade FOLDER --lab 09 --out DIR      marks, feedback and a report, in a sandbox
  python3 course.py bench methods|grade|labs  the labs' functions or the grader beside other software; the labs' own times
  python3 course.py install [--test]       only install, or mend an installation

Add --help to one of them for its options."""

VERBS = ("lab", "doctor", "test", "run", "exercises", "fetch", "train", "build", "live", "slides", "site", "release", "grade", "bench", "install")
EXTRAS = {"lab": "", "site": "[site]", "test": "[site,test,deploy]", "bench": "[site,test,deploy,bench]"}  # what is installed for a verb; each holds the one before


def sentence_for_wrong_python(version, answers):
    """What to say to a Python that is too old or too new.

    `version` is its `(major, minor)`; `answers(command)` tells whether a command (a list) runs.
    """
    text = "This is Python {}.{}; the course needs Python {}.{} to {}.{}.".format(*(version + OLDEST + NEWEST))
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        command = ["py", "-3.{}".format(minor)] if os.name == "nt" else ["python3.{}".format(minor)]
        if answers(command + ["-c", ""]):
            return text + " You have one; type:  {} course.py lab".format(" ".join(command))
    return text + " Install Python 3.12 (python.org, or your system's packages), then type:  {} course.py lab".format(
        "py -3.12" if os.name == "nt" else "python3.12"
    )


def answers(command):
    """Whether `command` runs and succeeds: a name on the path alone can be an empty shim."""
    with open(os.devnull, "r+b") as nothing:
        try:
            return subprocess.call(command, stdin=nothing, stdout=nothing, stderr=nothing) == 0
        except OSError:
            return False


if not OLDEST <= tuple(sys.version_info[:2]) <= NEWEST:
    sys.exit(sentence_for_wrong_python(tuple(sys.version_info[:2]), answers))

import contextlib  # noqa: E402  (an older Python must not get as far as here)
import difflib  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STATE = VENV / "course.json"
LOG = VENV / "install.log"
NEEDED_GB = 4.0  # measured: 3.3 GB with torch's CPU build


class Refused(Exception):
    """The course cannot go on; the message says why and what to do."""


# ---------------------------------------------------------------- what is installed


def venv_settings():
    """`pyvenv.cfg` as a dictionary; empty where there is no environment."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, mark, value in (line.partition("=") for line in lines) if mark}


def fingerprint():
    """Hash of all that decides what is installed: the project's tables, the pins, the Python."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [
        {key: project.get(key) for key in ("build-system", "project")},  # a pytest setting changes nothing
        project.get("tool", {}).get("setuptools"),
        (ROOT / "constraints.txt").read_text(encoding="utf-8"),
        venv_settings().get("version"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()


def state():
    """What earlier starts noted: `{"root": folder, "installed": {"lab": hash, "test": hash, "bench": hash}}`."""
    try:
        noted = json.loads(STATE.read_text(encoding="utf-8"))
        return {"root": noted["root"], "installed": dict(noted["installed"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"root": None, "installed": {}}


def note(installed):
    """Write the state in one step, so that a cut leaves the old one or the new one."""
    draft = STATE.with_suffix(".part")
    draft.write_text(json.dumps({"root": str(ROOT), "installed": installed}), encoding="utf-8")
    os.replace(draft, STATE)


def venv_stands():
    """Whether `.venv` has an interpreter of a right version, whose home still exists, and was made in this folder.

    A folder that was moved keeps scripts that point to the old place, so its environment is made anew.
    """
    settings = venv_settings()
    home, version = settings.get("home"), settings.get("version", "0.0").split(".")
    if not (PYTHON.exists() and home and Path(home).is_dir()):
        return False
    return OLDEST <= tuple(int(part) for part in version[:2]) <= NEWEST and state()["root"] in (None, str(ROOT))


def is_installed(what):
    """Whether the environment holds what `what` ("lab", "test" or "bench") needs, judged by the notes alone."""
    return venv_stands() and state()["installed"].get(what) == fingerprint()


# ---------------------------------------------------------------- installing


def child_environment():
    """The environment for Python in `.venv`: no foreign packages, UTF-8 everywhere."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    kept.setdefault("PYTHONUTF8", "1")  # Windows writes files and pipes in the code page otherwise
    return kept


@contextlib.contextmanager
def alone():
    """Holds a lock while installing: two starts at once would write into the same packages.

    The operating system frees the lock when its holders end, however they end.
    """
    folder = ROOT / ".course"
    folder.mkdir(exist_ok=True)
    with open(folder / "install.lock", "a", encoding="utf-8") as handle:
        if os.name == "nt":
            import msvcrt

            def grab():
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            def grab():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

        told = False
        while True:
            try:
                grab()
                break
            except OSError:
                if not told:
                    print("Another start is installing; waiting for it.", flush=True)
                    told = True
                time.sleep(0.5)
        yield handle


def make_venv():
    """Make `.venv`, replacing one that does not work."""
    if venv_stands() and answers([str(PYTHON), "-m", "pip", "--version"]):
        return
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        raise Refused(
            "The installation needs about {:.0f} GB and {:.1f} GB are free on this disk: make room and start "
            "again.".format(NEEDED_GB, free)
        )
    print("Making the environment .venv with Python {}.{}.{}".format(*sys.version_info[:3]), flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, errors="replace"
    )
    if made.returncode:
        said = (made.stdout + made.stderr).strip()
        if "ensurepip" in said:  # Debian and Ubuntu split Python into packages
            minor = "{}.{}".format(*sys.version_info[:2])
            said = "This Python comes without its venv module. On Debian and Ubuntu:  sudo apt-get install python{}-venv".format(minor)
        raise Refused("The environment .venv could not be made. " + said)


def sweep(packages):
    """Remove what a cut installation leaves in the folder `packages`.

    pip writes a package's RECORD last: where it is missing, the package is not complete, but pip
    would take it for installed.
    """
    for folder in packages.glob("*.dist-info"):
        if not (folder / "RECORD").exists():
            shutil.rmtree(folder, ignore_errors=True)
    for folder in packages.glob("~*"):
        shutil.rmtree(folder, ignore_errors=True)


def site_packages():
    """The folder of installed packages in `.venv`."""
    if os.name == "nt":
        return VENV / "Lib" / "site-packages"
    return next(iter(sorted((VENV / "lib").glob("python3*/site-packages"))), VENV / "lib" / "site-packages")


def progress_line(log_text, installed_before, packages):
    """One line on how far pip is, from what it has printed so far."""
    lines = [line.strip() for line in log_text.splitlines() if line.strip() and not line.startswith("WARNING")]
    if not lines:
        return "starting pip"
    for line in lines:
        if line.startswith("Installing collected packages:"):
            total = line.count(",") + 1
            done = sum(1 for record in packages.glob("*.dist-info/RECORD")) - installed_before
            return "unpacking {} of {} packages".format(min(max(done, 0), total), total)
    looked_at = sum(1 for line in lines if line.startswith(("Collecting ", "Requirement already satisfied")))
    return "{} packages looked at; {}".format(looked_at, lines[-1])


def wait_for(process, packages):
    """Show how far pip is until it ends: one line drawn again on a terminal, a line every 15 s elsewhere."""
    began = shown = time.monotonic()
    before = sum(1 for record in packages.glob("*.dist-info/RECORD"))
    live = sys.stdout.isatty()
    while True:
        try:
            process.wait(timeout=0.25)
            break
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if not live and now - shown < 15:
                continue
            shown = now
            line = "{:4.0f} s  {}".format(now - began, progress_line(read_log(), before, packages))
            if live:
                width = shutil.get_terminal_size().columns - 1
                print("\r" + line[:width].ljust(width), end="", flush=True)
            else:
                print(line[:110], flush=True)
    if live:
        print("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r", end="")
    return time.monotonic() - began


def read_log():
    return LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""


def advice(log_text):
    """What to do about a failed installation, from what pip printed."""
    if "No space left" in log_text or "not enough space" in log_text:
        return "The disk is full: make room (about {:.0f} GB) and start again.".format(NEEDED_GB)
    if "Failed to establish a new connection" in log_text or "NameResolution" in log_text or "timed out" in log_text:
        return "The network could not be reached: connect and start again; what has been fetched is kept."
    if "No matching distribution found" in log_text and sys.platform == "darwin":
        return "A package has no build for this machine. torch needs Apple silicon, macOS 14 and an arm64 Python."
    return "Start again; if it fails in the same place, delete the folder .venv first."


def install(what, again=False):
    """Bring `.venv` to what `what` ("lab", "test" or "bench") needs; the note that it is there is written last.

    With `again`, pip looks through everything also where the notes say that it is there.

    Raises
    ------
    Refused
        If the environment cannot be made or pip fails.
    """
    with alone() as lock:
        if is_installed(what) and not again:
            return  # by another start, while this one waited
        make_venv()
        if state()["installed"]:
            print("Bringing .venv up to date", flush=True)
        else:
            print("Installing the course into .venv (minutes, and up to 3 GB to fetch)", flush=True)
        packages = site_packages()
        sweep(packages)
        note({})
        command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-user"]
        command += ["--progress-bar", "off", "--constraint", "constraints.txt"]
        if os.environ.get("COURSE_TORCH_INDEX"):
            command += ["--extra-index-url", os.environ["COURSE_TORCH_INDEX"]]
        command += ["--editable", "." + EXTRAS[what]]
        # The lock goes to pip as well: it holds even where this process is killed and pip lives on.
        inherited = {} if os.name == "nt" else {"pass_fds": (lock.fileno(),)}
        with open(LOG, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=str(ROOT), env=child_environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, **inherited
            )
            try:
                seconds = wait_for(process, packages)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if process.returncode:
            said = [line for line in read_log().splitlines() if line.strip()][-12:]
            raise Refused("pip could not install the course. Its last lines (all: {}):\n  {}\n{}".format(
                LOG.relative_to(ROOT), "\n  ".join(said), advice(read_log())
            ))
        now = fingerprint()
        note({part: now for part in tuple(EXTRAS)[:tuple(EXTRAS).index(what) + 1]})
        print("Installed in {:.0f} s.".format(seconds), flush=True)


# ---------------------------------------------------------------- the verbs


def hand_over(arguments):
    """Run `course_utils.cli` in `.venv`; returns its exit status.

    Where the system can, this process becomes the other one, so that signals reach it directly.
    """
    # -P: a folder `course_utils` where the user happens to be, of another copy, must not come first.
    command = [str(PYTHON), "-P", "-m", "course_utils.cli"] + arguments
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(command[0], command, child_environment())
    process = subprocess.Popen(command, env=child_environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the child got it too and decides


def main(arguments):
    """The exit status of `course.py` with these arguments."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        guess = "Did you mean {!r}?".format(near[0]) if near else "Type  python3 course.py  for the list."
        raise Refused("There is no command {!r}. {}".format(verb, guess))
    if verb == "doctor" and not is_installed("lab"):
        raise Refused("\N{BALLOT X} The environment .venv is missing, not complete or out of date:  "
                      "python3 course.py install  mends it.")
    if verb == "install":
        wanted = [what for what in EXTRAS if "--" + what in arguments or is_installed(what)]
        install(wanted[-1] if wanted else "lab", again=True)
        return 0
    what = "site" if verb in ("live", "slides") else verb  # formulas and slides come with the site's tools
    if what not in EXTRAS or "--help" in arguments:
        what = "lab"
    if not is_installed(what):
        install(what)
    return hand_over(arguments)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal that lacks a sign gets "?", not a traceback
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a running pip is ended as well
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as refused:
        sys.exit(str(refused))
    except KeyboardInterrupt:
        sys.exit("Interrupted. Start again when you like: what has been fetched is kept.")
