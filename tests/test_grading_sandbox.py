"""The wall: what a sandbox sees, what it refuses, and that submissions get what they earn and no more."""
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from handed_in import HURRIED, TASKS, WRONG_BASELINE, finished, flags, need_sandbox, plan, solved_cells, untouched, verdicts

from course_utils.exercises import registry
from course_utils.exercises.contract import Exercise, Misconception
from course_utils.grading import sandbox as sandboxes
from course_utils.grading import slices
from course_utils.grading.grader import INSIDE, Grader
from course_utils.grading.graft import Cell
from course_utils.grading.hostile import HOSTILE, Hostile
from course_utils.grading.inside import zygote
from course_utils.grading.submission import cells_of


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")


@pytest.fixture(scope="module")
def grader():
    need_sandbox()
    made = Grader(plan(), limits=HURRIED)
    yield made
    made.close()


# ---------------------------------------------------------------- what is inside


@pytest.mark.parametrize("lab", ["09", pytest.param("", marks=pytest.mark.slow)], ids=["lab 09", "all labs"])
def test_the_copy_of_the_course_holds_no_answers(lab):
    exercises = registry.of_lab(lab) if lab else registry.all_exercises()
    names = slices.needed(exercises)
    parts = slices.slices(names)
    assert len(parts) > (0 if lab else 5)
    text = "\n".join(parts.values())
    for exercise in exercises:
        hidden = [exercise.cases, exercise.oracle, *(law.holds for law in exercise.laws), *(wrong.function for wrong in exercise.misconceptions)]
        for function in hidden:
            module, name = getattr(function, "__module__", ""), getattr(function, "__name__", "<lambda>")
            if name != "<lambda>" and module in parts and f"{module}:{name}" not in names:
                assert not re.search(rf"^def {name}\b", parts[module], re.MULTILINE), f"{module}:{name} of {exercise.id}"
    for word in (Exercise.__name__, Misconception.__name__, "oracle", "misconception"):
        assert not re.search(rf"\b{word}\b", text), word


@pytest.mark.slow
def test_the_copy_of_the_course_builds_every_input(tmp_path):
    exercises = registry.all_exercises()
    course = slices.write_course(tmp_path, slices.needed(exercises))
    assert not list(course.rglob("judge.py")) and not list(course.rglob("registry.py")) and not list(course.rglob("*solution*"))
    wanted = sorted(name for name in slices.needed(exercises))
    code = ("import importlib, sys\n"
            "for name in sys.argv[1:]:\n    module, _, function = name.partition(':'); getattr(importlib.import_module(module), function)\n"
            "import course_utils; print(course_utils.__file__)")
    done = subprocess.run([sys.executable, "-P", "-c", code, *wanted], capture_output=True, encoding="utf-8", cwd=tmp_path,
                          env=dict(os.environ) | {"PYTHONPATH": str(course)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(course / "course_utils" / "__init__.py")


@linux
def test_folders_above_what_is_bound_can_be_passed():
    args = sandboxes.command("bwrap", Path("/nowhere"), sandboxes.Limits(), 5, 6)
    made = {args[place + 1] for place, word in enumerate(args) if word == "--dir"}
    for place, word in enumerate(args):
        if word == "--ro-bind" and args[place + 2].startswith(str(sandboxes.inside(Path(sys.prefix)))):
            assert {str(parent) for parent in Path(args[place + 2]).parents} - {"/"} <= made
    assert all(args[place - 1] == "0755" for place, word in enumerate(args) if word == "--dir")
    assert "/" not in [args[place + 1] for place, word in enumerate(args) if word == "--ro-bind"]
    bound = [Path(args[place + 1]) for place, word in enumerate(args) if word.startswith("--ro-bind")]
    assert not any(Path(__file__).is_relative_to(folder) for folder in bound)


def test_an_environment_below_a_private_folder_is_seen_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/tmp/course/.venv")
    assert sandboxes.inside(Path("/tmp/course/.venv/bin/python")) == Path("/venv/bin/python")
    assert sandboxes.inside(Path("/usr/lib")) == Path("/usr/lib")
    monkeypatch.setattr(sys, "prefix", "/nowhere/course/.venv")
    assert sandboxes.inside(Path("/nowhere/course/.venv/bin/python")) == Path("/nowhere/course/.venv/bin/python")


def test_python_in_the_sandbox_takes_the_same_packages():
    need_sandbox()
    box = sandboxes.Sandbox(["numpy"], [])
    try:
        assert box.start()["where"]["numpy"].startswith(str(sandboxes.inside(Path(sys.prefix))))
    finally:
        box.close()


def test_folders_that_nobody_can_pass_are_noticed_not_worked_around(monkeypatch):
    """With bubblewrap's own 0700 Python finds no packages of its environment, and would take the system's in silence."""
    need_sandbox()
    original = sandboxes.command
    monkeypatch.setattr(sandboxes, "command", lambda *args: ["0700" if word == "0755" else word for word in original(*args)])
    with pytest.raises(sandboxes.NoSandbox):
        sandboxes.Sandbox(["numpy"], []).start()


def test_another_numpy_is_not_accepted(monkeypatch):
    need_sandbox()
    box = sandboxes.Sandbox(["numpy"], [])
    receive = box.receive
    monkeypatch.setattr(box, "receive", lambda seconds: receive(seconds) | {"where": {"numpy": "/usr/lib/python3/dist-packages/numpy/__init__.py"}})
    with pytest.raises(sandboxes.NoSandbox, match="took numpy from"):
        box.start()


@linux
def test_a_zygote_with_two_threads_forks_nothing():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="threads"):
            zygote.assert_one_thread()
    finally:
        stop.set()
        thread.join()


@pytest.mark.slow
def test_a_zygote_that_has_computed_with_two_threads_is_refused(tmp_path):
    """What would hang: the assertion comes before the fork."""
    need_sandbox()
    code = "import torch\ntorch.set_num_threads(2)\ntorch.randn(800, 800) @ torch.randn(800, 800)\nfrom course_utils.grading.inside import zygote\n"
    done = subprocess.run([sys.executable, "-c", code + "zygote.assert_one_thread()"], capture_output=True, encoding="utf-8",
                          env={name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")})
    assert done.returncode and "threads; a fork would hang" in done.stderr


@linux
def test_without_bubblewrap_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sandboxes.shutil, "which", lambda name: None)
    with pytest.raises(sandboxes.NoSandbox, match="apt-get install bubblewrap"):
        sandboxes.find_bwrap()


def test_on_other_systems_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setattr(sandboxes.sys, "platform", "darwin")
    with pytest.raises(sandboxes.NoSandbox, match="Linux"):
        sandboxes.find_bwrap()


# ---------------------------------------------------------------- honest submissions


def test_a_right_submission_gets_its_points(grader):
    record = grader.grade("right", solved_cells())
    assert set(verdicts(record).values()) == {"right"} and flags(record) == []
    assert sum(result["points"] for result in record["results"]) == sum(exercise.points for exercise in plan().exercises)


def test_whole_notebooks_are_graded_solved_and_untouched(grader):
    assert set(verdicts(grader.grade("a", cells_of(json.dumps(finished()).encode(), []))).values()) == {"right"}
    assert set(verdicts(grader.grade("b", cells_of(json.dumps(untouched()).encode(), []))).values()) == {"not started"}


def test_a_misconception_is_named_with_its_sentence(grader):
    record = grader.grade("wrong", solved_cells(ex_09_3=WRONG_BASELINE))
    result = record["results"][1]
    assert (result["verdict"], result["misconception"], result["points"]) == ("wrong", "without the baseline", 0) or result["misconception"]
    says = {wrong.name: wrong.says for wrong in registry.find("09.3").misconceptions}
    assert result["sentence"] == says[result["misconception"]]


@pytest.mark.slow
def test_every_misconception_of_a_lab_is_recognised_from_outside(grader):
    """The wrong functions of the declarations, as if students had written them."""
    import inspect
    import textwrap

    exercise = registry.find("09.1")
    module = inspect.getmodule(exercise.oracle)
    source = re.sub(r"(?s)\nPATH_RULE = .*", "\n", inspect.getsource(module)).replace("from course_utils.exercises.contract import Case, Exercise, Law, Misconception", "")
    found = {}
    for wrong in exercise.misconceptions:
        name = wrong.function.__name__
        call = name if name != "<lambda>" else textwrap.dedent(inspect.getsource(wrong.function)).partition("lambda")[0] and None
        if call is None:
            continue
        cell = f"{source}\ndef path_rule(rule, m):\n    return {call}(rule, m)\n"
        found[wrong.name] = grader.grade("x", solved_cells(ex_09_1=cell))["results"][0]["misconception"]
    assert len(found) > 2 and found == {name: name for name in found}


def test_a_missing_cell_and_a_syntax_error_cost_their_own_points(grader):
    cells = [cell for cell in solved_cells(ex_09_5="def rescale(:\n") if cell.id != "ex-09-1"]
    assert verdicts(grader.grade("x", cells)) == {"09.1": "missing", "09.3": "right", "09.5": "wrong"}


def test_an_exercise_that_calls_a_wrong_one_is_judged_with_the_labs_own(grader):
    tasks = ("09.1", "09.2")
    made = Grader(plan(tasks), limits=HURRIED)
    made.sandbox = grader.sandbox
    record = made.grade("x", [Cell("ex-09-1", "", "def path_rule(rule, m):\n    return np.zeros(m), np.zeros(m)\n"), Cell("ex-09-2", "", plan(tasks).solved["09.2"])])
    assert verdicts(record) == {"09.1": "wrong", "09.2": "right"}
    assert "the lab's own `path_rule`" in record["results"][1]["sentence"]


# ---------------------------------------------------------------- the others


@pytest.mark.parametrize("case", [pytest.param(one, marks=pytest.mark.slow if one.slow else (), id=one.name) for one in HOSTILE])
def test_hostile(grader, case: Hostile):
    """The honest points for its numbers, nothing lost for its other exercises, the flag, and nothing left behind."""
    record = grader.grade(case.name, solved_cells(ex_09_3=case.cell))
    assert verdicts(record) == {"09.1": "right", "09.3": case.verdict, "09.5": "right"}, record
    assert case.flag in "".join(flags(record))
    said = json.dumps([[result["sentence"], result["misconception"], result["law"]] for result in record["results"]])
    assert "INPUTS" not in said and "SAW" not in said
    assert "SAW" not in json.dumps(record) and "WROTE" not in json.dumps(record)
    if grader.sandbox.process is not None:
        inside = psutil.Process(grader.sandbox.process.pid).children(recursive=True)
        assert len(inside) == 2, inside       # bubblewrap's first process and the zygote


def test_a_control_group_holds_all_of_a_sandbox(grader):
    grader.grade("x", solved_cells())
    folders = grader.sandbox.group.folders
    if not folders:
        pytest.skip("this user may make no control groups")
    inside = {process.pid for process in psutil.Process(grader.sandbox.process.pid).children(recursive=True)}
    assert all(inside <= set(map(int, (folder / "cgroup.procs").read_text(encoding="ascii").split())) for folder in folders)
    held = [int((folder / name).read_text(encoding="ascii")) for folder in folders for name in ("memory.limit_in_bytes", "memory.max") if (folder / name).exists()]
    assert all(HURRIED.memory_bytes < most < HURRIED.group_bytes for most in held)


def test_the_next_submission_is_graded_as_if_nothing_had_been(grader):
    for name in ("os._exit", "kills the zygote", "fills the disk"):
        grader.grade(name, solved_cells(ex_09_3=next(one.cell for one in HOSTILE if one.name == name)))
        record = grader.grade("after", solved_cells())
        assert set(verdicts(record).values()) == {"right"} and flags(record) == []


@pytest.mark.slow
def test_a_dead_sandbox_is_replaced(grader):
    grader.grade("before", solved_cells())
    psutil.Process(grader.sandbox.process.pid).kill()
    grader.sandbox.process.wait()
    assert set(verdicts(grader.grade("after", solved_cells())).values()) == {"right"}


def test_ten_answers_to_one_question_add_no_points(grader):
    cell = next(one.cell for one in HOSTILE if one.name == "forged answers")
    record = grader.grade("forged", [cell_ for cell_ in solved_cells(ex_09_3=cell)])
    assert [result["points"] for result in record["results"]][1] == 0
    assert [result["exercise"] for result in record["results"]] == list(TASKS)


def test_nothing_is_left_on_the_machine():
    need_sandbox()
    box = sandboxes.Sandbox(["numpy", *INSIDE], [], HURRIED)
    try:
        box.start()
        session = box.fork()
        daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(10000)\n    os._exit(0)\nos.wait()\n"
        assert session.ask({"cell": daemon, "name": "x"}, 60, 1 << 16)["fine"]
        folder, processes = box.folder, psutil.Process(box.process.pid).children(recursive=True)
        groups = list(box.group.folders)
        assert folder.exists() and len(processes) == 4      # bubblewrap's first one, the zygote, the submission, its daemon
        session.close()
    finally:
        box.close()
    assert not folder.exists() and not any(group.exists() for group in groups)
    assert not psutil.wait_procs(processes, timeout=10)[1]
