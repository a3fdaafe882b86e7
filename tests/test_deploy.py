"""A class on one server: releases, students' own copies and their updates, submissions, and a small class on a real hub."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.settings import course_root

ROOT = course_root()
sys.path.insert(0, str(ROOT / "deploy"))

if os.name == "nt":
    pytest.skip("a server of the course runs Linux", allow_module_level=True)

import pwd  # noqa: E402

import collect as collecting  # noqa: E402
import publish as publishing  # noqa: E402
import submit as submitting  # noqa: E402
import update_labs as updating  # noqa: E402
from places import Places  # noqa: E402

STUB = "raise NotImplementedError"


@pytest.fixture
def needs_puller():
    if importlib.util.find_spec("nbgitpuller") is None or not shutil.which("git"):
        pytest.skip("nbgitpuller and git are needed: python -m pip install --constraint constraints.txt --editable '.[deploy]'")


@pytest.fixture
def handout(tmp_path, needs_puller):
    """A function that gives out notebooks `{name: cells}`, and the student's folder."""
    repository, own = tmp_path / "handout.git", tmp_path / "home" / "labs"

    def give(**notebooks):
        folder = tmp_path / "notebooks"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, sources in notebooks.items():
            (folder / f"{name}.ipynb").write_text(as_notebook(sources), encoding="utf-8")
        publishing.hand_out(folder, repository, "Labs")
        return updating.update(f"file://{repository}", own)

    return give, own


def as_notebook(sources: dict[str, str]) -> str:
    cells = [{"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source.splitlines(keepends=True)}
             for name, source in sources.items()]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def sources(path: Path) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


def edit(path: Path, **cells: str) -> None:
    """As JupyterLab saves: the cell's new source, and an output that was not there before."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] in cells:
            cell["source"] = cells[cell["id"]].splitlines(keepends=True)
            cell["execution_count"] = 3
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["✓ done\n"]}]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


LAB = {"title": "# a title", "task": f"def f(x):\n    '''What f does.'''\n    {STUB}\n", "check": "f = check('01.1', f)", "end": "print(1)"}


# ---------------------------------------------------------------- updates


def test_an_update_of_another_notebook_leaves_the_students_work(handout):
    give, own = handout
    give(a=LAB, b=LAB)
    edit(own / "a.ipynb", task="def f(x):\n    return 2 * x\n")
    worked = (own / "a.ipynb").read_bytes()
    assert give(a=LAB, b=LAB | {"end": "print(2)"}, c=LAB) == []
    assert (own / "a.ipynb").read_bytes() == worked
    assert sources(own / "b.ipynb")["end"] == "print(2)" and (own / "c.ipynb").exists()


def test_an_update_of_the_same_notebook_is_merged(handout):
    give, own = handout
    give(a=LAB)
    edit(own / "a.ipynb", task="def f(x):\n    '''What f does.'''\n    return 2 * x\n")
    assert give(a=LAB | {"title": "# a better title"}) == []
    merged = sources(own / "a.ipynb")
    assert merged["task"].endswith("return 2 * x\n") and merged["title"] == "# a better title"


def test_where_both_changed_the_same_lines_the_students_stay(handout):
    give, own = handout
    give(a=LAB)
    edit(own / "a.ipynb", task="def f(x):\n    '''What f does.'''\n    return 2 * x\n")
    give(a=LAB | {"task": f"def f(x):\n    '''What f really does.'''\n    {STUB}  # now\n"})
    assert sources(own / "a.ipynb")["task"].endswith("    return 2 * x\n")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_both_change_the_copy_is_a_notebook_with_all_the_student_wrote(handout, seed):
    """Random edits on both sides; the student's lines are unlike all others, so that each can be looked for."""
    import random

    draw = random.Random(seed)
    give, own = handout
    names = [f"c{k}" for k in range(6)]
    text = {name: "".join(f"{name} line {k}\n" for k in range(3)) for name in names}
    give(a=text)
    mine = {name: text[name] + f"mine {name}\n" for name in draw.sample(names, 3)}
    edit(own / "a.ipynb", **mine)
    theirs = {name: source for name, source in text.items() if draw.random() > 0.25}
    theirs |= {name: theirs[name].replace("line 2", "line two") for name in draw.sample(sorted(theirs), 2)}
    theirs |= {f"new{k}": f"new {k}\n" for k in range(draw.randrange(3))}
    give(a=dict(sorted(theirs.items(), key=lambda item: draw.random() if seed % 2 else 0)))
    kept = sources(own / "a.ipynb")
    for name in mine:
        assert f"mine {name}\n" in kept[name]
    if (own / "a.new.ipynb").exists():
        assert sources(own / "a.new.ipynb").keys() == theirs.keys()


def test_a_merge_that_leaves_no_notebook_gives_the_student_the_own_version_back(handout, monkeypatch):
    give, own = handout
    give(a=LAB)
    edit(own / "a.ipynb", task="def f(x):\n    return 2 * x\n")
    worked = (own / "a.ipynb").read_bytes()
    from nbgitpuller.pull import GitPuller

    whole = GitPuller.pull

    def broken(self):  # as it is, then a file that no merge should leave
        yield from whole(self)
        (own / "a.ipynb").write_text("{\"cells\": [", encoding="utf-8")

    monkeypatch.setattr(GitPuller, "pull", broken)
    assert give(a=LAB | {"end": "print(2)"}) == ["a.ipynb"]
    assert (own / "a.ipynb").read_bytes() == worked and sources(own / "a.new.ipynb")["end"] == "print(2)"


def test_an_update_that_fails_changes_nothing_and_says_so(handout, monkeypatch, capfd, tmp_path):
    give, own = handout
    give(a=LAB)
    edit(own / "a.ipynb", end="print('mine')")
    worked = (own / "a.ipynb").read_bytes()
    monkeypatch.setenv("LABS_FOLDER", str(own))
    monkeypatch.setenv("LABS_HANDOUT", f"file://{tmp_path / 'nowhere.git'}")
    assert updating.main() == 1
    assert (own / "a.ipynb").read_bytes() == worked and "is as it was" in capfd.readouterr().out


def test_a_deleted_notebook_comes_back_fresh(handout):
    give, own = handout
    give(a=LAB)
    (own / "a.ipynb").unlink()
    give(a=LAB)
    assert sources(own / "a.ipynb") == LAB


# ---------------------------------------------------------------- handing in and collecting


def test_what_is_handed_in_can_be_collected_and_nothing_else_can(tmp_path):
    labs, places = tmp_path / "labs", tmp_path / "collect"
    labs.mkdir()
    for name in ("ann", "bob", "cy", "di"):
        (places / name).mkdir(parents=True)
    (labs / "06_saliency.ipynb").write_text(as_notebook(LAB), encoding="utf-8")
    (labs / "06_saliency.new.ipynb").write_text(as_notebook(LAB), encoding="utf-8")
    receipt = submitting.submit("6", labs, places / "ann")
    assert "06_saliency.ipynb" in receipt and "4 code cells" in receipt
    (tmp_path / "secret.ipynb").write_text("not for bob", encoding="utf-8")
    (places / "bob" / "06_submission.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(places / "cy" / "06_submission.ipynb")
    os.link(tmp_path / "secret.ipynb", places / "di" / "06_submission.ipynb")
    (places / "eve").symlink_to(places / "ann")
    assert list(collecting.collect("06", places, tmp_path / "out")) == ["ann"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ann.ipynb"]
    assert sources(tmp_path / "out" / "ann.ipynb") == LAB


@pytest.mark.parametrize("wanted, content, said", [
    ("07", None, "There is no notebook of lab 07"),
    ("06", "{", "cannot be read as a notebook"),
    ("other.ipynb", None, "is no notebook of a lab here"),
])
def test_what_cannot_be_handed_in_is_said_in_a_sentence(tmp_path, wanted, content, said):
    if content:
        (tmp_path / "06_saliency.ipynb").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        submitting.submit(wanted, tmp_path, tmp_path)
    assert not list(tmp_path.glob("06_submission*"))


def test_handing_in_elsewhere_than_on_the_server_is_said(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "LABS_COLLECT"}
    done = subprocess.run([sys.executable, str(ROOT / "deploy" / "submit.py"), "06"], env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1 and "on the course's server only" in done.stdout


# ---------------------------------------------------------------- the release step


@pytest.mark.slow
def test_publishing_adds_labs_and_holds_no_solution(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    where = Places(tmp_path)
    first, new = publishing.publish(["06"], [], where)
    assert new and where.course.resolve() == first and not (first / "solutions").exists()
    assert publishing.publish(["06"], [], where) == (first, False)
    second, new = publishing.publish(["01"], ["01.1"], where)
    assert new and {path.name[:2] for path in (second / "notebooks").iterdir()} == {"01", "06"}
    assert first.exists() and os.access(second / "bin" / "submit", os.X_OK)
    assert json.loads(where.published.read_text(encoding="utf-8")) == {"01": ["01.1"], "06": []}
    assert {cell for cell in sources(next((second / "notebooks").glob("01_*"))) if cell.startswith("ex-01")} >= {"ex-01-1"}
    assert "ex-01-2" not in sources(next((second / "notebooks").glob("01_*")))
    writable = [path for path in second.rglob("*") if path.stat().st_mode & 0o022]
    assert writable == []


# ---------------------------------------------------------------- the hub's configuration


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """What jupyterhub_config.py sets, for a server folder with a release and two students."""
    from traitlets.config import Config

    (tmp_path / "releases" / "labs-06").mkdir(parents=True)
    (tmp_path / "course").symlink_to(tmp_path / "releases" / "labs-06")
    (tmp_path / "students.txt").write_text("ann\nbob\n", encoding="utf-8")
    monkeypatch.setenv("LABS_HOME", str(tmp_path))
    config, path = Config(), ROOT / "deploy" / "jupyterhub_config.py"
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {"get_config": lambda: config, "__file__": str(path)})
    return config


class LocalProcessSpawner:
    """As much of a spawner as the configuration touches."""

    def __init__(self, name: str):
        self.user, self.environment, self.cmd = SimpleNamespace(name=name), {"LABS_HANDOUT": "here"}, []


def test_a_server_starts_with_the_release_in_force_and_hands_in_to_its_own_folder(configured, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=4711, pw_gid=4712))
    given = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **more: given.append((path, uid, gid)))
    spawner = LocalProcessSpawner("ann")
    configured.Spawner.pre_spawn_hook(spawner)
    release = tmp_path / "releases" / "labs-06"
    assert spawner.environment["PYTHONPATH"] == str(release) and spawner.environment["PATH"].startswith(str(release / "bin"))
    assert spawner.environment["LABS_HANDOUT"] == "here" and spawner.cmd[1] == str(release / "deploy" / "student_server.py")
    assert given == [(tmp_path / "collect" / "ann", 4711, 4712)] and (tmp_path / "collect" / "ann").stat().st_mode & 0o777 == 0o700


def test_accounts_of_the_system_get_no_server(configured, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=0, pw_gid=0))
    with pytest.raises(PermissionError, match="root is an account of the system"):
        configured.Spawner.pre_spawn_hook(LocalProcessSpawner("root"))


def test_only_those_in_the_list_may_log_in(configured):
    assert configured.Authenticator.allowed_users == {"ann", "bob"} and "allow_all" not in configured.Authenticator
    assert configured.JupyterHub.authenticator_class == "pam"


# ---------------------------------------------------------------- a class


@pytest.mark.slow
def test_two_students_log_in_work_hand_in_and_are_graded(tmp_path):
    """On loopback, on a hub with the real configuration; the second student's last exercise is not done."""
    import simulate as simulation

    if simulation.missing():
        pytest.skip(simulation.missing())
    result = simulation.simulate(tmp_path, students=2, lab="06", until="06.1")
    assert result["handed_in"] == 2
    assert result["marks"] == result["expected"] and len(set(result["marks"].values())) == 2
    kernels = result["memory"]["kinds"]["kernel"]
    assert kernels["count"] == 2 and 100 < kernels["pss at rest"] <= kernels["rss at rest"] < 2000
