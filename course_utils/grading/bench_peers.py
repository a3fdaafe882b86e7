"""The grader beside nbgrader and otter-grader: the same solved exercises with the same checks, one notebook after the other."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from course_utils.grading import record as log
from course_utils.grading.bench_class import grade_command, hand_in, notebook_of, prepared, timed
from course_utils.grading.plan import Plan
from course_utils.settings import cache_dir, course_root

OTTER = "otter-grader>=6,<7"
CELL = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


def peers(folder: Path, plan: Plan, count: int, say: Callable[[str, str], None]) -> None:
    """Submissions a minute on the same work: ours, nbgrader's autograde, otter's run."""
    ours = 10 * count
    hand_in(folder / "peers", plan, ours)
    wall, _ = timed(grade_command(folder / "peers", prepared(folder / "peers-out", plan), 1))
    each = sum(record["seconds"] for record in list(log.records(folder / "peers-out" / "log.jsonl"))[1:]) / (ours - 1)  # the first waits for the oracles
    say("ours, one worker, a submission beyond the first", f"{each:.2f} s, {60 / each:.0f} a minute; {ours} with the start take {wall:.1f} s")
    for name, measure in (("nbgrader autograde", nbgrader), ("otter run", otter)):
        try:
            theirs, theirs_cpu = measure(folder, plan, count)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            say(name, f"not measured: {str(error)[:200]}")
            continue
        say(f"{name}, one at a time", f"{theirs:.1f} s and {theirs_cpu:.1f} CPU s a submission, {60 / theirs:.1f} a minute")
        say(f"**ours against {name}** (wanted: {'20' if 'nb' in name else '40'})", f"**{theirs / each:.0f} times as many a minute**")


def exercises_only(plan: Plan) -> dict:
    """The lab's exercises and checks, and what they need: the work that all three graders do."""
    notebook = notebook_of(plan)
    kept = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["id"].startswith("ex-")]
    notebook["cells"] = [CELL | {"id": "imports", "source": "import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\nfrom course_utils.notebook import check"}, *kept]
    return notebook


def nbgrader(folder: Path, plan: Plan, count: int) -> tuple[float, float]:
    """Seconds and CPU seconds a submission of `nbgrader autograde`, with its own folders and database."""
    course = folder / "nbgrader"
    text = json.dumps(exercises_only(plan))
    (course / "source" / "ps").mkdir(parents=True)
    (course / "source" / "ps" / "lab.ipynb").write_text(text, encoding="utf-8")
    for number in range(count):
        place = course / "submitted" / f"s{number}" / "ps"
        place.mkdir(parents=True)
        (place / "lab.ipynb").write_text(text, encoding="utf-8")
    environment = dict(os.environ) | {"PYTHONPATH": str(course_root()), "OMP_NUM_THREADS": "1", "COURSE_DATA": "none",
                                      "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    program = [sys.executable, "-m", "nbgrader"]
    timed([*program, "generate_assignment", "ps", f"--CourseDirectory.root={course}", "--force"], cwd=course, env=environment)
    wall, cpu = timed([*program, "autograde", "ps", f"--CourseDirectory.root={course}", "--ExecutePreprocessor.timeout=600"], cwd=course, env=environment)
    graded = list((course / "autograded").rglob("lab.ipynb"))
    if len(graded) != count:
        raise RuntimeError(f"nbgrader graded {len(graded)} of {count}")
    return wall / count, cpu / count


def otter(folder: Path, plan: Plan, count: int) -> tuple[float, float]:
    """Seconds and CPU seconds a submission of `otter run`, from an environment of its own beside the course's packages."""
    python = otter_environment()
    place = folder / "otter"
    place.mkdir()
    notebook = exercises_only(plan)
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].endswith("-check")]
    (place / "tests").mkdir()
    (place / "out").mkdir()
    for task in plan.tasks:
        function, name = next(one.function for one in plan.exercises if one.id == task), task.replace(".", "_")
        case = {"code": f">>> from course_utils.exercises import judge, registry\n>>> judge.judge(registry.find({task!r}), {function}, 5).right\nTrue", "hidden": False, "locked": False}
        suite = {"name": f"q{name}", "points": 1, "suites": [{"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}]}
        (place / "tests" / f"q{name}.py").write_text(f"OK_FORMAT = True\n\ntest = {suite!r}\n", encoding="utf-8")
        notebook["cells"].append(CELL | {"id": f"g{name}", "source": f"grader.check('q{name}')"})
    notebook["cells"].insert(0, CELL | {"id": "otter", "source": "import otter\ngrader = otter.Notebook('lab.ipynb')"})
    (place / "lab.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    environment = dict(os.environ) | {"PYTHONPATH": f"{course_root()}{os.pathsep}{next(Path(sys.prefix).glob('lib/python3*/site-packages'))}",
                                      "OMP_NUM_THREADS": "1", "COURSE_DATA": "none", "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    archive = packed_tests(place)
    spent = [timed([str(python), "-m", "otter", "run", "lab.ipynb", "-a", archive, "-o", str(place / "out")], cwd=place, env=environment) for _ in range(count)]
    found = json.loads((place / "out" / "results.json").read_text(encoding="utf-8"))
    if not found.get("tests"):
        raise RuntimeError("otter wrote no results")
    return sum(wall for wall, _ in spent) / count, sum(cpu for _, cpu in spent) / count


def packed_tests(place: Path) -> str:
    """otter's autograder archive of the tests in a folder; returns its path."""
    path = place / "autograder.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for test in (place / "tests").iterdir():
            archive.write(test, f"tests/{test.name}")
        archive.writestr("otter_config.json", "{}")
    return str(path)


def otter_environment() -> Path:
    """Python of otter's environment, made at the first call; outside of the course."""
    folder = cache_dir() / "otter"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OTTER], check=True, stdout=subprocess.DEVNULL)
        (folder / "ready").touch()
    return python
