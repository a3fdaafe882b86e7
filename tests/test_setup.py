"""course.py: what it says to a wrong Python, what it notes, and whole installations of a tiny project."""
import ast
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils.settings import course_root

ROOT = course_root()


@pytest.fixture
def course(tmp_path):
    """A copy of course.py in a folder of its own, as a module; nothing of it touches the real environment."""
    root = tiny_project(tmp_path / "labs")
    spec = importlib.util.spec_from_file_location("course_under_test", root / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BACKEND = '''
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1.0-py3-none-any.whl"
    here = str(pathlib.Path(__file__).parent)
    files = {"tiny.pth": here,
             "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\nProvides-Extra: test\\n",
             "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    record = "".join(f"{path},,\\n" for path in [*files, "tiny-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in {**files, "tiny-1.0.dist-info/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
'''
CLI = "import os, sys\nprint('handed over:', sys.argv[1:], sys.flags.utf8_mode, os.environ.get('PYTHONPATH'))\nsys.exit(7)\n"


def tiny_project(root: Path) -> Path:
    """A course of one file, whose build needs nothing but pip: installing it works without a network."""
    (root / "course_utils").mkdir(parents=True)
    shutil.copy(ROOT / "course.py", root)
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
                          '[project]\nname = "tiny"\nversion = "1.0"\n[project.optional-dependencies]\ntest = []\n',
        "constraints.txt": "numpy==1.0\n",
        "backend.py": BACKEND,
        "course_utils/__init__.py": "",
        "course_utils/cli.py": CLI,
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def start(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(root / "course.py"), *arguments], cwd=root.parent, env=os.environ | environment,
        capture_output=True, encoding="utf-8", timeout=300, stdin=subprocess.DEVNULL,
    )


# ---------------------------------------------------------------- a wrong Python


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14), (4, 0)])
def test_a_wrong_python_gets_one_sentence_with_the_command(course, version):
    none = course.sentence_for_wrong_python(version, lambda command: False)
    assert none.startswith(f"This is Python {version[0]}.{version[1]}; the course needs Python 3.11 to 3.13. Install")
    some = course.sentence_for_wrong_python(version, lambda command: "3.12" in command[0] + command[-1])
    assert re.search(r"You have one; type:  (python3\.12|py -3\.12) course\.py lab$", some)


def test_an_old_python_can_read_the_file():
    """No syntax that Python 2.7 lacks: it would answer with a SyntaxError instead of the sentence."""
    tree = ast.parse((ROOT / "course.py").read_text(encoding="utf-8"))
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.Nonlocal, ast.AsyncFunctionDef, ast.YieldFrom, ast.Starred)
    found = [f"line {node.lineno}: {type(node).__name__}" for node in ast.walk(tree) if isinstance(node, new)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            annotated = [argument.arg for argument in node.args.args if argument.annotation]
            if annotated or node.returns or node.args.kwonlyargs or node.args.posonlyargs:
                found.append(f"line {node.lineno}: signature of {node.name}")
        if isinstance(node, ast.Raise) and node.cause:
            found.append(f"line {node.lineno}: raise from")
    # A starred argument alone in a call is old; only after it nothing may follow but keywords.
    assert [line for line in found if "Starred" not in line] == []
    assert tree.body[1].module == "__future__", "print(..., end=...) needs it"


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.8", "python3.10", "python3.14"])
def test_a_really_old_or_new_python_says_the_sentence(name):
    command = shutil.which(name)
    if not command or subprocess.run([command, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"there is no {name} here")
    said = subprocess.run([command, str(ROOT / "course.py"), "lab"], capture_output=True, encoding="utf-8")
    assert said.returncode == 1 and said.stderr.startswith("This is Python") and said.stderr.count("\n") == 1


def test_without_arguments_the_help_comes_at_once_and_without_installing(course):
    said = start(course.ROOT)
    assert said.returncode == 0 and not course.VENV.exists()
    verbs = re.findall(r"python3 course\.py (\w+)", said.stdout)
    assert verbs[0] == "lab" and sorted(verbs) == sorted(course.VERBS)


def test_a_typing_error_is_answered_before_anything_is_installed(course):
    said = start(course.ROOT, "lba")
    assert said.returncode == 1 and said.stderr.strip() == "There is no command 'lba'. Did you mean 'lab'?"
    assert not course.VENV.exists()


def test_the_doctor_does_not_install(course):
    said = start(course.ROOT, "doctor")
    assert said.returncode == 1 and "python3 course.py install" in said.stderr and not course.VENV.exists()


# ---------------------------------------------------------------- what is noted


@pytest.fixture
def environment(course):
    """A stand-in for `.venv`: its files, and the note that all is installed."""
    course.PYTHON.parent.mkdir(parents=True)
    course.PYTHON.write_bytes(b"")
    (course.VENV / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\nversion = 3.12.1\n", encoding="utf-8")
    course.note({"lab": course.fingerprint()})
    return course


def test_what_is_noted_counts(environment):
    assert environment.is_installed("lab") and not environment.is_installed("test")


@pytest.mark.parametrize("file, text", [
    ("constraints.txt", "numpy==2.0\n"), (".venv/pyvenv.cfg", "home = {home}\nversion = 3.13.0\n"),
    ("pyproject.toml", '[project]\nname = "tiny"\nversion = "1.0"\ndependencies = ["numpy"]\n'),
    (".venv/course.json", "{}"), (".venv/course.json", '{"root": "torn'), (".venv/pyvenv.cfg", "home = /nowhere/at/all\nversion = 3.12.1\n"),
    (".venv/pyvenv.cfg", "home = {home}\nversion = 3.10.4\n"), (".venv/pyvenv.cfg", "home = {home}\nversion = 3.14.0\n"),
])
def test_a_change_asks_for_an_installation(environment, file, text):
    assert environment.is_installed("lab")
    (environment.ROOT / file).write_text(text.replace("{home}", str(Path(sys.executable).parent)), encoding="utf-8")
    assert not environment.is_installed("lab")


def test_a_setting_of_a_tool_does_not(environment):
    with open(environment.ROOT / "pyproject.toml", "a", encoding="utf-8") as file:
        file.write("[tool.ruff]\nline-length = 90\n")
    assert environment.is_installed("lab")


def test_a_moved_folder_gets_a_new_environment(environment):
    state = json.loads(environment.STATE.read_text(encoding="utf-8"))
    environment.STATE.write_text(json.dumps({**state, "root": "/somewhere/else"}), encoding="utf-8")
    assert not environment.venv_stands()


def test_what_a_cut_installation_left_is_swept(course, tmp_path):
    for name in ("whole-1.0.dist-info", "half-1.0.dist-info", "~orch", "torch"):
        (tmp_path / "site" / name).mkdir(parents=True)
    (tmp_path / "site" / "whole-1.0.dist-info" / "RECORD").write_text("", encoding="utf-8")
    course.sweep(tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["torch", "whole-1.0.dist-info"]


def test_progress_is_one_line(course, tmp_path):
    log = "Collecting numpy\n  Downloading numpy.whl (16 MB)\n"
    assert course.progress_line("", 0, tmp_path) == "starting pip"
    assert course.progress_line(log, 0, tmp_path) == "1 packages looked at; Downloading numpy.whl (16 MB)"
    for name in ("old", "new"):
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "RECORD").write_text("", encoding="utf-8")
    assert course.progress_line(log + "Installing collected packages: new, b, c\n", 1, tmp_path) == "unpacking 1 of 3 packages"


@pytest.mark.parametrize("log, word", [
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("NewConnectionError: Failed to establish a new connection", "network"), ("something else", "delete the folder .venv"),
])
def test_a_failure_comes_with_what_to_do(course, log, word):
    assert word in course.advice(log)


def test_too_little_room_is_said_before_anything_is_fetched(course, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1_000_000_000))
    with pytest.raises(course.Refused, match="about 4 GB and 1.0 GB are free"):
        course.make_venv()


# ---------------------------------------------------------------- whole installations


@pytest.mark.slow
def test_first_start_second_start_and_a_change(tmp_path):
    root = tiny_project(tmp_path / "a folder with spaces")
    first = start(root, "run", "06", PYTHONPATH="/foreign")
    assert first.returncode == 7, first.stderr
    assert "handed over: ['run', '06'] 1 None" in first.stdout and "Installed in" in first.stdout
    log = root / ".venv" / "install.log"
    stamp = log.stat().st_mtime_ns
    second = start(root, "run", "06", PIP_NO_INDEX="1")
    assert second.returncode == 7 and "Install" not in second.stdout and log.stat().st_mtime_ns == stamp
    assert start(root, "test").stdout.startswith("Bringing .venv up to date"), "the tests' extra is installed when it is first needed"
    (root / "constraints.txt").write_text("numpy==2.0\n", encoding="utf-8")
    third = start(root, "run", "06")
    assert third.returncode == 7 and "Installed in" in third.stdout and "Making" not in third.stdout


@pytest.mark.slow
def test_a_failed_installation_says_why_and_the_next_start_mends_it(tmp_path):
    root = tiny_project(tmp_path / "labs")
    whole = (root / "pyproject.toml").read_text(encoding="utf-8")
    broken = whole.replace('version = "1.0"\n', 'version = "1.0"\ndependencies = ["no-such-package-of-the-course"]\n')
    (root / "pyproject.toml").write_text(broken, encoding="utf-8")
    (root / "backend.py").write_text(BACKEND.replace("Provides-Extra", "Requires-Dist: no-such-package-of-the-course\\nProvides-Extra"), encoding="utf-8")
    failed = start(root, "run", PIP_NO_INDEX="1")
    assert failed.returncode == 1 and "no-such-package-of-the-course" in failed.stderr and "Traceback" not in failed.stderr
    assert "Start again" in failed.stderr
    (root / "pyproject.toml").write_text(whole, encoding="utf-8")
    (root / "backend.py").write_text(BACKEND, encoding="utf-8")
    assert start(root, "run").returncode == 7


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_a_killed_installation_is_mended_by_the_next_start(tmp_path):
    root = tiny_project(tmp_path / "labs")
    slow = BACKEND.replace('    name = "tiny', '    import time; open("begun", "w").close(); time.sleep(60)\n    name = "tiny')
    (root / "backend.py").write_text(slow, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(root / "course.py"), "run"], cwd=root, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (root / "begun").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 143
    (root / "backend.py").write_text(BACKEND, encoding="utf-8")
    assert start(root, "run").returncode == 7


@pytest.mark.slow
def test_two_starts_at_once_install_one_after_the_other(tmp_path):
    root = tiny_project(tmp_path / "labs")
    command = [sys.executable, str(root / "course.py"), "run"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [7, 7], said
    assert sum("Installed in" in text for text in said) == 1, said


# ---------------------------------------------------------------- the rest of the house


def test_ruff_finds_nothing():
    ran = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stdout


def test_importing_the_package_is_light():
    heavy = "[name for name in ('torch', 'tensorflow', 'matplotlib', 'numpy') if name in sys.modules]"
    said = subprocess.run([sys.executable, "-c", f"import course_utils, course_utils.cli, sys; print({heavy})"],
                          capture_output=True, encoding="utf-8", check=True).stdout
    assert said.strip() == "[]"


def test_the_readme_maps_the_labs_that_there_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((notebooks/\d\d_\w+\.ipynb)\)", readme)
    there = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    assert linked == there
    for stem, minutes in re.findall(r"\]\(notebooks/(\w+)\.ipynb\).*\| (\d+) \|$", readme, flags=re.MULTILINE):
        top = (ROOT / "solutions" / f"{stem}.py").read_text(encoding="utf-8")[:3000]
        assert re.search(r"(\d+) minutes", top)[1] == minutes, f"minutes of {stem} differ between README.md and the lab"
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", readme):
        assert (ROOT / target).exists(), f"README.md links to {target}, which is not there"


def test_ci_runs_the_command_of_the_readme():
    command = "python3 course.py test"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith(f"exec {command}")
