"""The verbs: what they say, what they write, and JupyterLab as it is started."""
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils import cli, doctor, jupyter, running, testing
from course_utils.authoring.sources import Lab
from course_utils.settings import course_root


def course(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """A verb, as course.py hands it over."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "course_utils.cli", *arguments], env=os.environ | environment,
        capture_output=True, encoding="utf-8", timeout=300, stdin=subprocess.DEVNULL,
    )


def verbs_of_course_py() -> set[str]:
    spec = importlib.util.spec_from_file_location("course_file", course_root() / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.VERBS)


def test_course_py_and_the_cli_know_the_same_verbs():
    ours = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert ours | {"install"} == verbs_of_course_py()


@pytest.mark.parametrize("verb", ["lab", "test", "doctor", "run", "build", "exercises", "fetch", "train"])
def test_every_verb_explains_itself(verb):
    said = CliRunner().invoke(cli.app, [verb, "--help"])
    assert said.exit_code == 0 and "Usage" in said.output and len(said.output.splitlines()) > 4


@pytest.mark.parametrize("arguments, environment, sentence", [
    (["run", "99"], {}, "There is no lab '99'"),
    pytest.param(["lab", "sixty"], {}, "There is no lab 'sixty'", marks=pytest.mark.slow),
    pytest.param(["fetch", "cifar"], {}, "nothing to fetch called 'cifar'; choose from mnist", marks=pytest.mark.slow),
    (["exercises"], {"COURSE_PROFILE": "quick"}, "COURSE_PROFILE is 'quick'"),
    (["exercises"], {"COURSE_THREADS": "0"}, "COURSE_THREADS is '0'"),
    (["exercises"], {"COURSE_DATA": "no/such/folder"}, "which is no folder"),
    pytest.param(["train", "no_such_network"], {}, "no_such_network", marks=pytest.mark.slow),
])
def test_what_a_user_can_put_right_is_one_sentence(arguments, environment, sentence):
    said = course(*arguments, **environment)
    assert said.returncode == 1 and sentence in said.stderr and "Traceback" not in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("verb", ["live", "slides"])
def test_what_is_for_instructors_is_said_in_a_students_copy(verb, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "cli.py"))
    with pytest.raises(cli.BadCall, match="made for students"):
        cli.instructors_only(verb)


def test_an_unknown_option_is_an_error():
    assert course("run", "06", "--studnet").returncode == 2


# ---------------------------------------------------------------- exercises


def test_exercises_as_json_say_everything_that_a_table_needs():
    from course_utils.exercises.registry import all_exercises

    rows = json.loads(CliRunner().invoke(cli.app, ["exercises", "--json"]).stdout)
    assert len(rows) == len(all_exercises()) > 0
    for row, exercise in zip(rows, all_exercises()):
        assert (row["id"], row["title"], row["function"]) == (exercise.id, exercise.title, exercise.function)
        assert (row["points"], row["minutes"], row["lab"]) == (exercise.points, exercise.minutes, exercise.id[:2])
        assert row["hints"] == len(exercise.hints) >= 3
        assert row["misconceptions"] == [one.name for one in exercise.misconceptions] and len(row["misconceptions"]) >= 3
        assert row["laws"] == [one.name for one in exercise.laws]


def test_exercises_as_a_table_have_a_line_each_and_the_sum():
    from course_utils.exercises.registry import all_exercises

    lines = CliRunner().invoke(cli.app, ["exercises"]).stdout.splitlines()
    count, points = len(all_exercises()), sum(exercise.points for exercise in all_exercises())
    assert [line[:4] for line in lines[1:-1]] == [exercise.id for exercise in all_exercises()]
    assert lines[-1].startswith(f"{count} exercises, {points} points")


# ---------------------------------------------------------------- doctor


def test_quick_checks_find_this_environment_sound():
    checks = [*doctor.essential(), *doctor.comfort()]
    assert len(checks) == 6 and [check for check in checks if not check.ok] == []


@pytest.mark.slow
def test_the_doctor_reports_and_its_exit_status_follows():
    said = course("doctor")
    assert said.returncode == ("✗" in said.stdout), said.stdout + said.stderr
    for name in ("Python", "packages", "widget manager", "disk", "memory", "torch ", "torchvision", "tensorflow", "real data"):
        assert re.search(rf"^[✓✗] {name}", said.stdout, flags=re.MULTILINE), name


def test_a_broken_check_shows_what_mends_it(capsys):
    checks = [doctor.Check("alpha", True, "fine"), doctor.Check("beta", False, "gone", "type this")]
    assert doctor.report(checks) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✓ alpha") and lines[1].startswith("✗ beta") and lines[2].strip() == "→ type this"
    assert doctor.report(checks, only_broken=True) == 1
    assert "alpha" not in capsys.readouterr().out


def test_missing_and_wrong_packages_are_found(monkeypatch):
    real = doctor.importlib.metadata.version

    def version(name):
        if name == "anywidget":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return "1.0" if name == "numpy" else real(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    check = doctor.packages()
    assert not check.ok and "anywidget is missing" in check.found and "numpy is 1.0, needed" in check.found
    assert check.mend == "python3 course.py install"


def test_a_version_within_bounds_is_named_but_not_broken(monkeypatch):
    real = doctor.importlib.metadata.version
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "4.99" if name == "tqdm" else real(name))
    check = doctor.packages()
    assert check.ok and "tqdm 4.99" in check.found


def test_a_missing_widget_manager_full_disk_and_full_memory_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=1e8))
    assert not doctor.disk().ok and "make room" in doctor.disk().mend
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=1e8, total=8e9))
    assert not doctor.memory().ok
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    assert not doctor.widgets().ok and not doctor.kernel().ok


def test_a_library_that_crashes_at_import_costs_one_line(monkeypatch):
    monkeypatch.setattr(doctor, "IMPORTS", {"crash": "import os; os._exit(5)", "error": "raise OSError('no DLL')", "fine": "print(1)"})
    crash, error, fine = doctor.imports()
    assert not crash.ok and "status 5" in crash.found and not error.ok and "no DLL" in error.found and fine.ok


def test_a_check_that_raises_is_a_finding_and_the_others_go_on():
    def one():
        raise OSError("torn")

    def two():
        yield doctor.Check("first", True, "fine")
        raise ValueError("half")

    found = list(doctor.guarded((one, two, doctor.python)))
    assert [check.ok for check in found] == [False, True, False, True]
    assert "OSError: torn" in found[0].found and found[0].mend


def test_damaged_and_missing_checkpoints_are_found(monkeypatch):
    from course_utils import models

    monkeypatch.setattr(models, "verify_checkpoints", lambda: [("one", True, "fine"), ("two", False, "sha256 differs")], raising=False)
    monkeypatch.setattr(models, "RECIPES", {"one": None, "two": None, "three": None}, raising=False)
    found = {check.name: check for check in doctor.checkpoints()}
    assert {name: check.ok for name, check in found.items()} == {"network one": True, "network two": False, "network three": False}
    assert "course.py train two" in found["network two"].mend and "not there" in found["network three"].found


# ---------------------------------------------------------------- run

SOURCE = """# %% [markdown]
# # A lab

# %%
print("first", 6 * 7)

# %%
values = [1, 2]
{last}
"""


@pytest.fixture
def lab(tmp_path):
    def write(last: str, student: bool = False) -> Lab:
        made = Lab(tmp_path, "98_tiny")
        made.source.parent.mkdir(exist_ok=True)
        made.source.write_text(SOURCE.replace("{last}", last), encoding="utf-8")
        if student:
            made.student.parent.mkdir(exist_ok=True)
            nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('the copy')")]), made.student)
        return made

    return write


@pytest.mark.slow
def test_a_lab_runs_and_is_written_as_notebook_and_page(lab, capsys):
    tiny = lab("import numpy; block = numpy.ones(40_000_000); import time; time.sleep(0.5); print(len(values))")
    assert running.run_lab(tiny) == 0
    said = capsys.readouterr().out
    seconds, peak = re.search(r"✓ 98_tiny: ([\d.]+) s in all, peak memory of the kernel (\d+) MB", said).groups()
    assert 0.5 < float(seconds) < 120 and 320 < int(peak) < 2000, "40 million float64 are 320 MB"
    notebook = nbformat.read(tiny.root / "runs" / "98_tiny.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.outputs[0].text for cell in notebook.cells if cell.cell_type == "code"] == ["first 42\n", "2\n"]
    html = (tiny.root / "runs" / "98_tiny.html").read_text(encoding="utf-8")
    assert "first 42" in html and "<title>98_tiny</title>" in html
    assert sorted(path.name for path in (tiny.root / "runs").iterdir()) == ["98_tiny.html", "98_tiny.ipynb"]


def test_where_a_lab_fails_its_cell_and_error_are_shown(lab, capsys):
    tiny = lab("print(values[5])")
    assert running.run_lab(tiny) == 1
    said = capsys.readouterr().out
    assert "IndexError: list index out of range" in said and "→   2  print(values[5])" in said and "\x1b[" not in said
    assert re.search(r"✗ 98_tiny: [\d.]+ s until there", said)
    assert "first 42" in (tiny.root / "runs" / "98_tiny.html").read_text(encoding="utf-8")


def test_the_students_copy_is_run_and_not_changed(lab, capsys):
    tiny = lab("print(1)", student=True)
    before = tiny.student.read_bytes()
    assert running.run_lab(tiny, student=True) == 0
    assert tiny.student.read_bytes() == before
    assert "the copy" in (tiny.root / "runs" / "98_tiny.student.ipynb").read_text(encoding="utf-8")


def test_a_missing_students_copy_is_answered_with_the_command(lab):
    with pytest.raises(Exception, match="python3 course.py build 98"):
        running.run_lab(lab("print(1)"), student=True)


def test_a_cut_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    running.write_whole(path, "old")
    monkeypatch.setattr(running.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        running.write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


# ---------------------------------------------------------------- test


def test_the_fast_run_leaves_out_slow_tests_and_notebooks(tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_a.ipynb").write_text("{}", encoding="utf-8")
    fast, full = testing.pytest_command(fast=True, root=tmp_path), testing.pytest_command(root=tmp_path)
    assert fast[-3:] == ["-m", "not slow", "tests"] and "--nbval" not in fast
    assert full[-2:] == ["tests", "solutions"] and "--nbval" in full and "loadscope" in full


def test_a_path_for_pytest_stands_in_place_of_everything(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text("", encoding="utf-8")
    command = testing.pytest_command(extra=["tests/test_one.py::test_it", "-x"], root=tmp_path)
    assert command[-2:] == ["tests/test_one.py::test_it", "-x"] and "tests" not in command


@pytest.mark.slow
def test_the_exit_status_of_pytest_comes_through(tmp_path):
    test = tmp_path / "test_it.py"
    test.write_text("def test_it():\n    assert 1 == 2\n", encoding="utf-8")
    said = course("test", "--fast", str(test), "-n", "0", "-p", "no:cacheprovider")
    assert said.returncode == 1 and "1 failed" in said.stdout.splitlines()[-1]


# ---------------------------------------------------------------- lab


@pytest.fixture
def server(tmp_path):
    """JupyterLab on an empty folder, started on a port that is taken; yields its output, address and port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = f"from pathlib import Path; from course_utils.jupyter import serve; serve(Path({str(tmp_path)!r}), port={port})"
        hidden = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        hidden |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "BROWSER": "false", "SSH_CONNECTION": "1"}
        process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   encoding="utf-8", env=hidden)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        found = re.search(r"(http://localhost:(\d+))/lab\?token=(\w+)", "".join(lines))
        assert found, "".join(lines)
        yield SimpleNamespace(said="".join(lines), taken=port, process=process, base=found[1], port=int(found[2]), token=found[3])
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        process.wait(timeout=30)


def ask(server, path: str) -> str:
    request = urllib.request.Request(f"{server.base}{path}", headers={"Authorization": f"token {server.token}"})
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read().decode("utf-8")
        except (ConnectionError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_jupyterlab_answers_on_the_next_free_port(server):
    assert server.port != server.taken and f"Port {server.taken} is taken; using {server.port}." in server.said
    assert "jupyter-config-data" in ask(server, "/lab")
    noise = [line for line in server.said.splitlines() if re.search(r"WARNING|Warning|\[W |Error|Traceback", line)]
    assert noise == [] and server.said.count("http://") == 1


def test_no_news_and_no_foreign_extensions_but_widgets(server):
    settings = json.loads(ask(server, "/lab/api/settings/@jupyterlab/apputils-extension:notification"))
    defaults = {name: value.get("default") for name, value in settings["schema"]["properties"].items()}
    assert defaults["fetchNews"] == "false" and defaults["checkForUpdates"] is False
    page = re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', ask(server, "/lab"), flags=re.DOTALL)
    config = json.loads(page[1])
    loaded = {extension["name"] for extension in config["federated_extensions"]}
    assert {"@jupyter-widgets/jupyterlab-manager", "anywidget"} <= loaded
    assert set(jupyter.UNUSED_IN_BROWSER) <= set(config["disabledExtensions"])


def test_settings_are_written_once(tmp_path):
    jupyter.write_settings(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert len(before) == 2
    jupyter.write_settings(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before


@pytest.mark.parametrize("variables, screen", [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True)])
def test_a_browser_is_opened_only_where_there_is_a_screen(monkeypatch, tmp_path, variables, screen):
    monkeypatch.setattr(jupyter.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert jupyter.has_screen() is screen
    assert ("--ServerApp.open_browser=False" in jupyter.arguments(tmp_path, None, 8888, browser=True)) is not screen
    assert "--ServerApp.open_browser=False" in jupyter.arguments(tmp_path, None, 8888, browser=False)
