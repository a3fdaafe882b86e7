"""`course.py bench grade`: the grader beside nbgrader and otter-grader on the same work, and a class of 1,000.

nbgrader and otter grade the same solved exercises with the same checks as `check` in the lab, one notebook
after the other, as their commands do. otter runs in an environment of its own, made in the cache folder
when it is first wanted. Rates on a busy machine mean little: the table has CPU seconds beside them.
"""
from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from course_utils.grading import plan as plans, record as log
from course_utils.grading.hostile import HOSTILE
from course_utils.grading.plan import Plan
from course_utils.settings import cache_dir, course_root

LAB = "09"
CLASS, SHARE_HOSTILE = 1000, 0.05
OTTER = "otter-grader>=6,<7"


def bench_grade(quick: bool = False) -> int:
    """Measure and write docs/bench_grade.md; returns 0."""
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="course-bench-") as name:
        folder = Path(name)
        plan = plans.seeded(plans.make(LAB))
        say = Teller(rows)
        clean(folder, plan, 20 if quick else 60, say)
        peers(folder, plan, 2 if quick else 5, say)
        scaling(folder, plan, 40 if quick else 200, say)
        crowd(folder, plan, 60 if quick else CLASS, say)
    page = ["# The grader, measured", "", f"`python3 course.py bench grade{' --quick' if quick else ''}`, on {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f} at the end; lab {LAB}, all exercises.", "", "| what | measured |", "|---|---|"]
    page += [f"| {what} | {found} |" for what, found in rows]
    target = course_root() / "docs" / "bench_grade.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(page) + "\n", encoding="utf-8", newline="\n")
    print(f"Written to {target.relative_to(course_root()).as_posix()}")
    return 0


class Teller:
    """Prints a result and keeps it for the table."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self.rows = rows

    def __call__(self, what: str, found: str) -> None:
        self.rows.append((what, found))
        print(f"{what}: {found}", flush=True)


# ---------------------------------------------------------------- submissions


def notebook_of(plan: Plan, **instead: str) -> dict:
    """The student's copy, solved; cells by id in place of the solution's."""
    path = next((course_root() / "notebooks").glob(f"{LAB}_*.ipynb"))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = {f"ex-{task.replace('.', '-')}": source for task, source in plan.solved.items()} | {k.replace("_", "-"): v for k, v in instead.items()}
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
        cell.pop("attachments", None)
    return notebook


def hand_in(folder: Path, plan: Plan, count: int, hostile: float = 0.0, seed: int = 0) -> dict[str, set[str]]:
    """Write a class; returns the exercises that each submission is to lose."""
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    right, lost = json.dumps(notebook_of(plan)), {}
    bad = set(rng.sample(range(count), round(count * hostile)))
    for number in range(count):
        name = f"student {number:04d}"
        text, lost[name] = right, set()
        if number in bad:
            one = HOSTILE[sum(k < number for k in bad) % len(HOSTILE)]
            text, lost[name] = json.dumps(notebook_of(plan, ex_09_3=one.cell)), set() if one.verdict == "right" else {"09.3"}
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    return lost


def grade_command(place: Path, out: Path, jobs: int) -> list[str]:
    return [sys.executable, "-P", "-m", "course_utils.cli", "grade", str(place), "--lab", LAB, "--out", str(out), "--jobs", str(jobs)]


def prepared(out: Path, plan: Plan) -> Path:
    """A results folder with the plan: drawing it is no part of what is measured."""
    out.mkdir(parents=True)
    plans.save(plan, out / "plan.json")
    return out


def timed(command: Sequence[str], **options) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all that it started and waited for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=options.pop("cwd", course_root()), **options)
    if done.returncode:
        raise RuntimeError(f"{command[0:4]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# ---------------------------------------------------------------- measurements


def clean(folder: Path, plan: Plan, count: int, say: Teller) -> None:
    """CPU seconds of one clean submission beyond its own functions, with sandbox and judge warm."""
    from course_utils.grading.grader import Grader
    from course_utils.grading.submission import Source, read

    import torch

    torch.set_num_threads(1)
    path = folder / "clean.ipynb"
    path.write_text(json.dumps(notebook_of(plan)), encoding="utf-8")
    grader = Grader(plan)
    try:
        for _ in range(3):
            grader.grade("warm", read(Source("warm", path)).cells)
        judge, inside = [], []
        for number in range(count):
            began = time.process_time()
            record = grader.grade("clean", read(Source("clean", path)).cells)
            judge.append(time.process_time() - began)
            inside.append(record["cpu_s"])
    finally:
        grader.close()
    own = plans.rehearse(plan)["cpu_s"]
    total = sorted(one + other for one, other in zip(judge, inside))[count // 2]
    say("CPU seconds of a clean submission, median", f"{total:.3f}: {sorted(judge)[count // 2]:.3f} outside, {sorted(inside)[count // 2]:.3f} in the sandbox")
    say("of these its own functions compute", f"{own:.3f}")
    say("**beyond its own functions** (wanted: at most 0.15)", f"**{total - own:.3f}**")


def scaling(folder: Path, plan: Plan, count: int, say: Teller) -> None:
    """The same class with one worker and with two; starting them is counted too."""
    hand_in(folder / "scale", plan, count)
    seconds = {jobs: timed(grade_command(folder / "scale", prepared(folder / f"scale{jobs}", plan), jobs))[0] for jobs in (1, 2)}
    say(f"{count} clean submissions with one worker, with two", f"{seconds[1]:.1f} s, {seconds[2]:.1f} s")
    say("**two workers against one** (wanted: at least 1.7)", f"**{seconds[1] / seconds[2]:.2f}**")


def crowd(folder: Path, plan: Plan, count: int, say: Teller) -> None:
    """A class with hostile submissions in it, graded with two workers and killed twice on the way."""
    lost = hand_in(folder / "crowd", plan, count, SHARE_HOSTILE)
    out = prepared(folder / "crowd-out", plan)
    command = grade_command(folder / "crowd", out, 2)
    began, peaks, kills = time.monotonic(), [], 0
    for least in (count // 3, 2 * count // 3, count + 1):
        process = subprocess.Popen(command, cwd=course_root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peaks.append((time.monotonic() - began, *memory_of(process.pid)))
            if sum(1 for _ in log.records(out / "log.jsonl")) >= least:
                process.send_signal(signal.SIGKILL)
                kills += 1
            time.sleep(0.5)
        process.wait()
    seconds = time.monotonic() - began
    written = [record["key"] for record in log.records(out / "log.jsonl")]
    records = log.latest(out / "log.jsonl").values()
    wrong = [record["submission"] for record in records if {result["exercise"] for result in record["results"] if result["verdict"] != "right"} != lost[record["submission"]]]
    late = [peak for at, peak, _ in peaks if at > 0.2 * seconds]
    say(f"{count} submissions, {round(100 * SHARE_HOSTILE)} % hostile, two workers, killed {kills} times", f"{seconds:.0f} s, {60 * count / seconds:.0f} a minute")
    say("lost, graded twice, scored wrongly", f"{count - len(records)}, {len(written) - len(set(written))}, {len(wrong)}{' (' + ', '.join(wrong[:5]) + ')' if wrong else ''}")
    say("memory of graders, judges and zygotes, highest of the run (wanted: 1.2 GiB)", f"{max(late) / 2**30:.2f} GiB; in its second and its last third "
        f"{max(middle(late, 1)) / 2**30:.2f} and {max(middle(late, 2)) / 2**30:.2f}")
    say("and with what hostile submissions held at the time", f"{max(both for _, _, both in peaks) / 2**30:.2f} GiB")


def middle(values: list[float], third: int) -> list[float]:
    size = max(len(values) // 3, 1)
    return values[third * size:(third + 1) * size] or values


def memory_of(pid: int) -> tuple[float, float]:
    """Bytes of a run, shared pages counted once: of its lasting processes, and of all."""
    lasting = everything = 0.0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for process in processes:
        try:
            size = process.memory_full_info().pss
            submission = process.parent() is not None and "inside.zygote" in " ".join(process.parent().cmdline()) and "bwrap" not in process.parent().name()
        except (psutil.Error, OSError):
            continue
        everything += size
        lasting += 0 if submission else size
    return lasting, everything


# ---------------------------------------------------------------- the peers


def peers(folder: Path, plan: Plan, count: int, say: Teller) -> None:
    """Submissions a minute on the same work: ours, nbgrader's autograde, otter's run."""
    ours = 10 * count
    hand_in(folder / "peers", plan, ours)
    wall, _ = timed(grade_command(folder / "peers", prepared(folder / "peers-out", plan), 1))
    start, _ = timed(grade_command(one_of(folder, plan), prepared(folder / "one-out", plan), 1))
    each = (wall - start) / (ours - 1)
    say("ours, one worker, a submission beyond the first", f"{each:.2f} s, {60 / each:.0f} a minute; the start takes {start:.1f} s")
    for name, measure in (("nbgrader autograde", nbgrader), ("otter run", otter)):
        try:
            theirs, theirs_cpu = measure(folder, plan, count)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            say(name, f"not measured: {str(error)[:200]}")
            continue
        say(f"{name}, one at a time", f"{theirs:.1f} s and {theirs_cpu:.1f} CPU s a submission, {60 / theirs:.1f} a minute")
        say(f"**ours against {name}** (wanted: {'20' if 'nb' in name else '40'})", f"**{theirs / each:.0f} times as many a minute**")


def one_of(folder: Path, plan: Plan) -> Path:
    hand_in(folder / "one", plan, 1)
    return folder / "one"


def exercises_only(plan: Plan) -> dict:
    """The lab's exercises and checks, and what they need: the work that all three graders do."""
    notebook = notebook_of(plan)
    kept = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["id"].startswith("ex-")]
    notebook["cells"] = [{"cell_type": "code", "id": "imports", "metadata": {}, "outputs": [], "execution_count": None,
                          "source": "import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\nfrom course_utils.notebook import check"}, *kept]
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
        notebook["cells"].append({"cell_type": "code", "id": f"g{name}", "metadata": {}, "outputs": [], "execution_count": None, "source": f"grader.check('q{name}')"})
    notebook["cells"].insert(0, {"cell_type": "code", "id": "otter", "metadata": {}, "outputs": [], "execution_count": None,
                                 "source": "import otter\ngrader = otter.Notebook('lab.ipynb')"})
    (place / "lab.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    environment = dict(os.environ) | {"PYTHONPATH": f"{course_root()}{os.pathsep}{next(Path(sys.prefix).glob('lib/python3*/site-packages'))}",
                                      "OMP_NUM_THREADS": "1", "COURSE_DATA": "none", "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    with zipfile_of(place) as archive:
        spent = [timed([str(python), "-m", "otter", "run", "lab.ipynb", "-a", archive, "-o", str(place / "out")], cwd=place, env=environment) for _ in range(count)]
    found = json.loads((place / "out" / "results.json").read_text(encoding="utf-8"))
    if not found.get("tests"):
        raise RuntimeError("otter wrote no results")
    return sum(wall for wall, _ in spent) / count, sum(cpu for _, cpu in spent) / count


def zipfile_of(place: Path):
    """otter's autograder archive of the tests in a folder."""
    import contextlib
    import zipfile

    @contextlib.contextmanager
    def made():
        path = place / "autograder.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for test in (place / "tests").iterdir():
                archive.write(test, f"tests/{test.name}")
            archive.writestr("otter_config.json", "{}")
        yield str(path)

    return made()


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
