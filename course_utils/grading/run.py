"""`course.py grade`: a folder of submissions to marks, feedback and a report; goes on where it was cut."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_utils.grading import pages, plan as plans, record as log, report, submission as submissions, tables, workers
from course_utils.grading.plan import Plan
from course_utils.grading.sandbox import find_bwrap

NO_WALL = ("This run had no sandbox: submissions ran as programs of the user who graded, and could read, change and send what that user can. "
           "Trust its marks as far as you trust the students.")


def grade(place: Path, lab: str, out: Path, jobs: int = 0, scheduler: str = "", tasks: Iterable[str] = (), sandboxed: bool = True) -> dict:
    """Grade all submissions.

    Parameters
    ----------
    place : pathlib.Path
        Folder or archive with the submissions.
    lab : str
    out : pathlib.Path
        Folder for the results; one that a cut run left is gone on with.
    jobs : int
        Processes; as many as there are cores if 0.
    scheduler : str
        Address of a dask scheduler, in place of processes here.
    tasks : iterable of str
        Ids of the exercises to grade; all if empty.
    sandboxed : bool

    Returns
    -------
    dict
        `graded`, `skipped`, `flagged`: how many submissions.

    Raises
    ------
    FileNotFoundError, course_utils.grading.plan.PlanError, course_utils.grading.sandbox.NoSandbox
        With a sentence that says what to do.
    """
    sources = submissions.collect(place)
    if sandboxed and not scheduler:
        find_bwrap()
    plan = prepared(lab, list(tasks), out)
    path = out / "log.jsonl"
    known = log.latest(path)
    wanted: dict[str, str] = {}
    bar = progress(len(sources))
    digests: dict[str, dict] = {}

    def waiting() -> Iterator[dict]:
        """Submissions that no record answers for; what cannot be read is written down at once."""
        for source in sources:
            read = submissions.read(source)
            key = log.key_of(read.name, read.digest, plan.declared)
            wanted[read.name] = key
            digests[read.name] = {"digest": read.digest, "label": read.label, "refused": read.refused, "flags": read.flags}
            if key in known:
                bar.update()
            elif read.refused:
                finish(unreadable(plan, read))
            else:
                yield workers.task_of(plan, read.name, read.cells, sandboxed)

    def finish(found: dict) -> None:
        about = digests[found["submission"]]
        found["flags"] = [*about["flags"], *found["flags"]]
        found |= {"key": wanted[found["submission"]], **{name: about[name] for name in ("digest", "label", "refused")}}
        found["results"] = found["results"] or unreadable(plan, None)["results"]
        if not found.pop("lost", False):
            log.append(path, found)
        known[found["key"]] = found
        pages.write(out / "feedback" / f"{found['submission']}.html", pages.feedback(found, titles, plan.lab))
        bar.update()

    titles = plan.titles
    (out / "feedback").mkdir(exist_ok=True)
    skipped = len(known)
    with bar:
        graded = 0
        for found in workers.by_dask(waiting(), scheduler) if scheduler else workers.locally(waiting(), jobs or os.cpu_count() or 1):
            finish(found)
            graded += 1
    records = [known[wanted[source.name]] for source in sources]
    write_results(records, plan, out, titles, [] if sandboxed else [NO_WALL])
    return {"submissions": len(records), "graded": graded, "skipped": len(records) - graded if skipped else 0,
            "flagged": sum(bool(report.all_flags(found)) for found in records)}


def write_results(records: list[dict], plan: Plan, out: Path, titles: dict[str, str], warnings: list[str]) -> None:
    """Tables, feedback and report of a whole run, from its records."""
    tables.write_grades(records, out / "grades.csv")
    tables.write_totals(records, out / "totals.csv", plan.lab)
    kept = {f"{found['submission']}.html" for found in records}
    for found in records:
        target = out / "feedback" / f"{found['submission']}.html"
        if not target.exists():
            pages.write(target, pages.feedback(found, titles, plan.lab))
    for path in (out / "feedback").glob("*.html"):
        if path.name not in kept:
            path.unlink()  # of a submission that was taken back
    pages.write(out / "report.html", report.report(records, titles, plan.lab, warnings))


def prepared(lab: str, tasks: list[str], out: Path) -> Plan:
    """The plan of this run: that of the folder where it still holds, so that a cut run goes on with the same cases."""
    lab, tasks = lab.strip().zfill(2), [task.strip() for task in tasks if task.strip()]
    noted = plans.load(out / "plan.json")
    if noted is not None:
        if noted.lab != lab or noted.asked != tasks:
            raise plans.PlanError(f"{out} holds results of lab {noted.lab}, {'tasks ' + ', '.join(noted.asked) if noted.asked else 'all tasks'}: "
                                  "give another folder with --out.")
        if noted.declared == plans.declared_hash(lab) and noted.seeds:
            return noted
    print("Drawing cases and trying the solutions on them", file=sys.stderr, flush=True)
    fresh = plans.draw(lab, tasks)
    out.mkdir(parents=True, exist_ok=True)
    plans.save(fresh, out / "plan.json")
    return fresh


def unreadable(plan: Plan, read: submissions.Submission | None) -> dict:
    """The record of a submission from which no cells can be had."""
    results = [{"exercise": task, "verdict": "unreadable", "points": 0, "max_points": plan.points[task], "seconds": 0.0, "sentence": "",
                "line": "", "misconception": "", "law": "", "passed": 0, "total": 0, "late": False, "details": [], "flags": []} for task in plan.tasks]
    return {"submission": read.name if read else "", "results": results, "flags": [], "cpu_s": 0.0, "seconds": 0.0}


def progress(total: int):
    """A bar with the rate and the time left."""
    from tqdm import tqdm

    width = min(shutil.get_terminal_size().columns, 100)
    return tqdm(total=total, desc="grading", unit=" submissions", ncols=width, smoothing=0.05, mininterval=0.5, file=sys.stderr)
