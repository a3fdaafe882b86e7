"""A whole run: from a folder to marks, cut and gone on with, on processes here and on a cluster."""
import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import psutil
import pytest
from handed_in import WRONG_BASELINE, finished, need_sandbox, plan, read, solved_cells, untouched, without_pictures, write

from course_utils.grading import labels, pages, plan as plans, planning, record as log, release as releases, report, run, submission, tables, workers
from course_utils.grading.plan import PlanError
from course_utils.grading.sandbox import NoSandbox
from course_utils.settings import course_root

TASKS = ["09.1", "09.3"]


def class_of(folder: Path, right: int = 2) -> Path:
    """A small class: some right, one wrong, one untouched, one that is no notebook."""
    for k in range(right):
        write(without_pictures(finished()), folder / f"Ann {k}.ipynb")
    write(without_pictures(finished(ex_09_3=WRONG_BASELINE)), folder / "Bo \"<b>\" & Söhne.ipynb")
    write(without_pictures(untouched()), folder / "Cy.ipynb")
    (folder / "Di.ipynb").write_text("lost", encoding="utf-8")
    return folder


@pytest.fixture
def planned(tmp_path):
    """A results folder whose cases are drawn already."""
    out = tmp_path / "out"
    out.mkdir()
    made = planning.make("09", TASKS)
    made.seeds = dict.fromkeys(TASKS, 5)
    plans.save(made, out / "plan.json")
    return out


def rows(path: Path) -> list[dict]:
    with open(path, encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def points(out: Path) -> dict[str, int]:
    return {row["submission"]: int(row["Grade"]) for row in rows(out / "totals.csv")}


# ---------------------------------------------------------------- the whole of it


@pytest.mark.slow
def test_a_class_from_a_folder_to_marks_and_feedback(tmp_path, planned):
    need_sandbox()
    place = class_of(tmp_path / "in")
    done = run.grade(place, "09", planned, jobs=1, tasks=TASKS)
    assert (done["submissions"], done["graded"]) == (5, 4)
    most = sum(exercise.points for exercise in plan().exercises if exercise.id in TASKS)
    assert points(planned) == {"Ann 0": most, "Ann 1": most, "Bo __b__ & Söhne": most - 1, "Cy": 0, "Di": 0}
    assert list(rows(planned / "grades.csv")[0]) == ["submission", "exercise", "points", "max_points", "verdict", "seconds"]
    assert len(rows(planned / "grades.csv")) == 10
    feedback = {path.stem: path.read_text(encoding="utf-8") for path in (planned / "feedback").iterdir()}
    assert set(feedback) == set(points(planned)) and "could not be read" in feedback["Di"]
    about = [case.about for exercise in plan().exercises for case in exercise.cases(5)]
    solution_lines = [line.strip() for source in plan().solved.values() for line in source.splitlines() if "return" in line]
    for text in feedback.values():
        assert not any(words in text for words in about) and not any(line in text for line in solution_lines)
    overview = (planned / "report.html").read_text(encoding="utf-8")
    assert "Misconceptions" in overview and "Di" in overview and "<b>" not in overview and "://" not in overview

    before = (planned / "log.jsonl").read_bytes()
    again = run.grade(place, "09", planned, jobs=1, tasks=TASKS)
    assert again["graded"] == 0 and (planned / "log.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as Unix does")
def test_a_run_killed_twice_loses_nothing(tmp_path, planned):
    need_sandbox()
    place = class_of(tmp_path / "in", right=30)
    command = [sys.executable, "-m", "course_utils.cli", "grade", str(place), "--lab", "09", "--out", str(planned), "--jobs", "1", "--tasks", ",".join(TASKS)]
    for least in (3, 12):
        process = subprocess.Popen(command, cwd=course_root(), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(list(log.records(planned / "log.jsonl"))) < least and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        descendants = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        gone, alive = psutil.wait_procs(descendants, timeout=20)
        assert not alive, "processes outlived a killed run"
        assert len(log.latest(planned / "log.jsonl")) >= least
    kept = log.latest(planned / "log.jsonl")
    subprocess.run(command, cwd=course_root(), check=True, stderr=subprocess.DEVNULL)
    after = log.latest(planned / "log.jsonl")
    assert {key: after[key] for key in kept} == kept and len(after) == 33
    assert sum(found == max(points(planned).values()) for found in points(planned).values()) == 30


@pytest.mark.slow
def test_a_cluster_grades_all_once_though_a_worker_dies(tmp_path, planned):
    need_sandbox()
    from dask.distributed import LocalCluster

    place = class_of(tmp_path / "in", right=16)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        victims = [worker.process.pid for worker in cluster.workers.values()]
        original, killed = workers.by_dask, []

        def killing(tasks, address):
            for number, found in enumerate(original(tasks, address)):
                if number == 3:
                    killed.append(victims[0])
                    os.kill(victims[0], signal.SIGKILL)
                yield found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workers, "by_dask", killing)
            run.grade(place, "09", planned, scheduler=cluster.scheduler_address, tasks=TASKS)
    written = [record["submission"] for record in log.records(planned / "log.jsonl")]
    assert killed and len(written) == len(set(written)) == 19
    assert sorted(points(planned).values())[-16:] == [max(points(planned).values())] * 16


def test_only_text_and_numbers_travel_to_a_worker():
    def plain(value) -> bool:
        if isinstance(value, dict):
            return all(plain(key) and plain(item) for key, item in value.items())
        return all(map(plain, value)) if isinstance(value, (list, tuple)) else value is None or type(value) in (str, int, float, bool)

    assert plain(workers.task_of(plan(), "a", solved_cells(), True))


def test_a_scheduler_that_is_not_there_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(workers, "ANSWER_S", 0.2)
    with pytest.raises(workers.SchedulerMissing, match="dask scheduler"):
        list(workers.by_dask(iter([]), "tcp://127.0.0.1:9"))


def test_without_a_sandbox_nothing_is_graded_unless_one_insists(tmp_path, planned, monkeypatch):
    monkeypatch.setenv("PATH", "")
    place = class_of(tmp_path / "in")
    with pytest.raises(NoSandbox):
        run.grade(place, "09", planned, tasks=TASKS)
    assert not (planned / "log.jsonl").exists()


@pytest.mark.slow
def test_grading_without_a_wall_works_and_warns(tmp_path, planned):
    place = class_of(tmp_path / "in", right=1)
    spoilt = "import os\nos._exit(1)\n" + plan().solved["09.3"]
    write(without_pictures(finished(ex_09_3=spoilt)), place / "crash.ipynb")
    run.grade(place, "09", planned, jobs=1, tasks=TASKS, sandboxed=False)
    assert points(planned)["Ann 0"] == max(points(planned).values()) and points(planned)["crash"] == 1
    assert "no sandbox" in (planned / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("lab, tasks, words", [("99", [], "no exercises"), ("09", ["09.77"], "has no task 09.77")])
def test_what_cannot_be_graded_gets_a_sentence(tmp_path, lab, tasks, words):
    with pytest.raises(PlanError, match=words):
        planning.make(lab, tasks)


def test_another_labs_folder_is_not_written_over(tmp_path, planned):
    with pytest.raises(PlanError, match="give another folder"):
        run.prepared("09", ["09.1"], planned)


def test_the_proof_of_the_wall_holds_and_can_fail(capsys):
    need_sandbox()
    from course_utils.grading import proof

    assert proof.prove() == 0 and "The sandbox holds." in capsys.readouterr().out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "TRIES", (("read what it may", "os.path.exists('/proc/self/status')"),))
        assert proof.prove() == 1 and "✗ could read what it may" in capsys.readouterr().out


def test_who_hands_submissions_on_stays_small(tmp_path, planned):
    """The process that waits for the workers needs no torch, also where it goes on with a cut run."""
    code = ("import sys\nfrom pathlib import Path\nfrom course_utils.grading import run\n"
            f"made = run.prepared('09', {TASKS!r}, Path(sys.argv[1]))\nprint(sorted(made.titles), 'torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-P", "-c", code, str(planned)], capture_output=True, encoding="utf-8", env=dict(os.environ) | {"PYTHONPATH": str(course_root())})
    assert done.stdout.strip() == f"{TASKS} False", done.stderr


def test_a_submission_gets_the_memory_that_its_solutions_need():
    small, large = (workers.limits_for({"need_bytes": need << 20}, False).memory_bytes >> 20 for need in (1, 200))
    assert (small, large) == (256, 800)
    assert workers.limits_for({"need_bytes": 0}, True).wall > workers.limits_for({"need_bytes": 0}, False).wall


# ---------------------------------------------------------------- the log and the tables


def test_a_line_that_was_cut_is_passed_over_and_the_next_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    log.append(path, {"key": "a", "points": 1})
    with open(path, "ab") as handle:
        handle.write(b'{"key": "b", "poi')
    log.append(path, {"key": "c", "name": "Zoë\ud800"})
    assert [record["key"] for record in log.records(path)] == ["a", "c"]
    log.append(path, {"key": "a", "points": 2})
    assert log.latest(path)["a"]["points"] == 2


def test_a_record_answers_for_its_bytes_and_its_declaration():
    assert len({log.key_of(*parts) for parts in (("a", "1", "x"), ("b", "1", "x"), ("a", "2", "x"), ("a", "1", "y"))}) == 4


@pytest.mark.parametrize("label, expected", [
    ("Ann Lee_1234_assignsubmission_file_/09.ipynb", ("Ann Lee", "", "1234")), ("leeann_55_66_09-1.ipynb", ("leeann", "55", "")),
    ("leeann_LATE_55_66_09.ipynb", ("leeann", "55", "")), ("Ann.ipynb", ("", "", ""))])
def test_ids_of_learning_platforms_are_read_off_their_names(label, expected):
    assert labels.who(label) == expected


def test_a_name_is_never_a_formula_nor_a_tag(tmp_path):
    record = {"submission": "=1+1", "label": "", "digest": "x", "refused": "", "flags": ["<script>"], "results": [
        {"exercise": "09.1", "points": 0, "max_points": 1, "verdict": "wrong", "seconds": 0.1, "sentence": "<i>", "line": "a<b", "misconception": "", "law": "",
         "passed": 0, "total": 3, "details": [], "flags": []}]}
    tables.write_totals([record], tmp_path / "t.csv", "09")
    assert rows(tmp_path / "t.csv")[0]["Student"] == "'=1+1"
    for text in (pages.feedback(record, {}, "09"), report.report([record], {}, "09")):
        assert "<script>" not in text and "<i>" not in text


# ---------------------------------------------------------------- release


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    made = releases.release(["06", "09"], tmp_path_factory.mktemp("release"))
    with zipfile.ZipFile(made.path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_no_byte_of_the_release_holds_a_line_of_its_labs_solutions(handed_out):
    """A line that lab 09 itself hands out, of what lab 06 had students write, is said in the command's output."""
    from course_utils.authoring.leaks import pack, telling_statements
    from course_utils.authoring.sources import find_labs, read_source, tags_of

    for lab in find_labs(course_root(), ["06", "09"]):
        lines = set()
        for cell in read_source(lab).cells:
            if "exercise" in tags_of(cell):
                telling = {pack(one.text) for one in telling_statements(cell)}
                lines |= {line.strip() for line in cell.source.splitlines() if any(one in pack(line) for one in telling)}
        assert len(lines) > 10
        other = {"06": "notebooks/09", "09": "notebooks/06"}[lab.number]
        for name, content in handed_out.items():
            found = [line for line in lines if line.encode() in content or json.dumps(line)[1:-1].encode() in content]
            assert not found or name.startswith(other), (name, found)
    assert not any(name.startswith(("solutions/", "tests/")) or "grading" in name for name in handed_out)


@pytest.mark.slow
def test_a_release_checks_without_solutions(tmp_path, handed_out):
    for name, content in handed_out.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    code = ("from course_utils.notebook import check\nimport numpy as np\n"
            "def path_rule(rule, m): return np.linspace(0, 1, m), np.full(m, 1 / m)\n"
            "assert check('09.1', path_rule) is path_rule")
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path,
                          env=dict(os.environ) | {"PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr
    assert "The solutions are not in this copy" in done.stdout


def test_tasks_and_solutions_of_a_release(tmp_path):
    made = releases.release(["09"], tmp_path, tasks=["09.1"])
    with zipfile.ZipFile(made.path) as archive:
        notebook = json.loads(archive.read("labs-09/notebooks/09_integrated_gradients.ipynb"))
    ids = {cell["id"] for cell in notebook["cells"]}
    assert {"ex-09-1", "ex-09-1-check"} <= ids and not any(name.startswith("ex-09-2") for name in ids)
    solved = releases.release(["09"], tmp_path, with_solutions=True)
    with zipfile.ZipFile(solved.path) as archive:
        assert any(name.endswith("solutions/09_integrated_gradients.py") for name in archive.namelist())
    with pytest.raises(releases.ReleaseError, match="no task 06.1"):
        releases.release(["09"], tmp_path, tasks=["06.1"])


def test_the_same_course_gives_the_same_zip(tmp_path):
    first, second = (releases.release(["06"], tmp_path / name).path.read_bytes() for name in ("a", "b"))
    assert first == second


# ---------------------------------------------------------------- nbgrader


@pytest.mark.slow
@pytest.mark.parametrize("solved", [False, True])
def test_nbgrader_validates_our_notebooks(tmp_path, solved):
    """Its own validator: the untouched copy fails its checks and says so, the solved one passes them."""
    from nbgrader.validator import Validator
    from traitlets.config import Config

    notebook = nbformat.reads(read("notebooks"), as_version=4)
    if solved:
        sources = {cell.id: cell.source for cell in solved_cells()}
        for cell in notebook.cells:
            cell.source = sources.get(cell.id, cell.source)
    kept = {"ex-09-1", "ex-09-1-check"}
    first = next(k for k, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells = [cell for k, cell in enumerate(notebook.cells) if k == first or cell.id in kept]
    path = tmp_path / "09.ipynb"
    nbformat.write(notebook, path)
    folder = Path.cwd()
    os.chdir(tmp_path)
    try:
        found = Validator(config=Config()).validate(str(path))
    finally:
        os.chdir(folder)
    assert "error" not in found, found
    assert bool(found.get("failed")) is not solved and "changed" not in found




def test_submissions_are_collected_with_their_labels(tmp_path):
    class_of(tmp_path)
    assert [source.label for source in submission.collect(tmp_path)][0] == "Ann 0.ipynb"
