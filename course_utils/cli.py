"""The verbs of `course.py`, run in the course's environment: `python -m course_utils.cli VERB`.

Each verb is a few lines that fetch its work from the module that does it: nothing heavy is imported
before it is needed, so that `--help` and `lab` come at once.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from course_utils.settings import course_root, data_dir, profile_name, threads

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
Student = Annotated[bool, typer.Option("--student", help="Run the student's copy instead of the solved lab.")]


class BadCall(RuntimeError):
    """What was asked for cannot be done; the message says what can."""


@app.command()
def lab(
    number: Annotated[str, typer.Argument(help="Open this lab, for example 06.", show_default=False)] = "",
    port: Annotated[int, typer.Option(help="First port to try; the next free one is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser where there is a screen.")] = True,
) -> None:
    """Start JupyterLab on notebooks/ and print its address."""
    from course_utils import doctor as checks
    from course_utils.jupyter import serve

    opened = one_lab(number).student.name if number else None
    if checks.report(checks.essential(), only_broken=True):
        raise BadCall("JupyterLab is not started: mend what is marked ✗ first.")
    checks.report(checks.comfort(), only_broken=True)
    notebooks = course_root() / "notebooks"
    if not any(notebooks.glob("*.ipynb")):
        raise BadCall("The folder notebooks/ holds no lab yet:  python3 course.py build  makes them.")
    serve(notebooks, opened=opened, port=port, browser=browser)


@app.command()
def doctor() -> None:
    """Check versions, memory, disk, widgets, checkpoints, torchvision; say what mends what is broken."""
    from course_utils import doctor as checks

    raise typer.Exit(1 if checks.report(checks.full()) else 0)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out what is slow; under three minutes.")] = False,
) -> None:
    """Run the tests, everything that CI runs. What else is given goes to pytest: test -k cli."""
    from course_utils.testing import pytest_command

    environment = dict(os.environ)
    if fast:
        environment["COURSE_PROFILE"] = "fast"
    command = pytest_command(fast=fast, extra=context.args)
    raise typer.Exit(subprocess.call(command, cwd=course_root(), env=environment))


@app.command()
def run(number: Annotated[str, typer.Argument(help="Number of the lab, for example 06.")], student: Student = False) -> None:
    """Run one lab without a browser; write the executed notebook and a page to runs/."""
    from course_utils.running import run_lab

    raise typer.Exit(run_lab(one_lab(number), student=student))


@app.command()
def build(
    numbers: Annotated[list[str], typer.Argument(metavar="[LABS]...", help="Numbers of labs; all without.", show_default=False)] = [],  # noqa: B006
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a notebook is not up to date.")] = False,
) -> None:
    """Make the solved and the student's notebooks from solutions/*.py."""
    from course_utils.authoring.build import build as build_labs

    raise typer.Exit(build_labs(labs=numbers or None, check=check))


@app.command()
def live(
    number: Annotated[str, typer.Argument(help="Number of the lab, for example 06.", show_default=False)],
    folder: Annotated[Path | None, typer.Option(help="Folder for the copies and the saved classes; course-live in your home if not given.",
                                                show_default=False)] = None,
    font_size: Annotated[int, typer.Option(min=10, max=60, help="Size of code, text and outputs in pixels.")] = 20,
    port: Annotated[int, typer.Option(help="First port to try; the next free one is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser where there is a screen.")] = True,
) -> None:
    """Show a lab to a class: a fresh copy in JupyterLab with large letters, and your notes with the time."""
    instructors_only("live")
    from course_utils.live.markup import AssetMissing
    from course_utils.live.session import live as begin

    try:
        begin(one_lab(number), folder, font_size, port, browser)
    except (AssetMissing, OSError) as error:
        raise BadCall(str(error)) from error


@app.command()
def slides(
    number: Annotated[str, typer.Argument(help="Number of the lab, for example 06.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="File to write; runs/NAME.slides.html if not given.", show_default=False)] = None,
    solved: Annotated[bool, typer.Option("--solved", help="Show the solutions of the exercises as well.")] = False,
) -> None:
    """Write a lab as slides: one HTML file that needs no network; S opens your notes."""
    instructors_only("slides")
    from course_utils.live.deck import write_slides
    from course_utils.live.markup import AssetMissing

    try:
        print(write_slides(one_lab(number), out, solved=solved))
    except (AssetMissing, OSError) as error:
        raise BadCall(str(error)) from error


@app.command()
def exercises(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with the names of misconceptions and laws.")] = False,
) -> None:
    """List every exercise."""
    from course_utils.exercises.registry import all_exercises

    rows = [
        {
            "id": exercise.id,
            "lab": exercise.id.partition(".")[0],
            "title": exercise.title,
            "points": exercise.points,
            "minutes": exercise.minutes,
            "difficulty": exercise.difficulty,
            "function": exercise.function,
            "hints": len(exercise.hints),
            "misconceptions": [misconception.name for misconception in exercise.misconceptions],
            "laws": [law.name for law in exercise.laws],
        }
        for exercise in all_exercises()
    ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    columns = ("id", "title", "points", "minutes", "difficulty", "function", "hints", "misconceptions", "laws")
    table = [columns] + [
        tuple(str(len(row[name]) if isinstance(row[name], list) else row[name]) for name in columns) for row in rows
    ]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    print(f"{len(rows)} exercises, {sum(row['points'] for row in rows)} points, {sum(row['minutes'] for row in rows)} minutes")


@app.command()
def train(name: Annotated[str, typer.Argument(help="Name of the network, for example zoonet.")]) -> None:
    """Train one of the networks that ship, from its recipe."""
    from course_utils import models

    if name not in models.RECIPES:
        raise BadCall(f"There is no network {name!r} to train; choose from {', '.join(models.RECIPES)}.")
    models.train(name)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="[NAMES]...", show_default=False,
                                               help="mnist, fashion_mnist, or an ImageNet network.")] = [],  # noqa: B006
) -> None:
    """Download the real data that the last sections of the labs use, before a class without a network."""
    from course_utils.datasets import real
    from course_utils.models import imagenet

    sources = {"mnist": real.mnist, "fashion_mnist": real.fashion_mnist}
    sources |= {name: partial(imagenet.load, name) for name in imagenet.NETWORKS}
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise BadCall(f"There is nothing to fetch called {unknown[0]!r}; choose from {', '.join(sources)}.")
    missing = 0
    for name in names or ("mnist", "fashion_mnist", "squeezenet1_1", "mobilenet_v2"):
        try:
            sources[name]()
            print(f"✓ {name}", flush=True)
        except real.RealDataMissing as error:
            missing += 1
            print(f"✗ {name}: {error}", flush=True)
    raise typer.Exit(1 if missing else 0)


@app.command()
def site(
    numbers: Annotated[list[str], typer.Argument(metavar="[LABS]...", help="Numbers of labs; all without.", show_default=False)] = [],  # noqa: B006
    solved: Annotated[bool, typer.Option("--solved", help="The solved labs with their figures, in place of the students' copies.")] = False,
    repository: Annotated[str, typer.Option(help="Address of the repository for the links to Binder, for example "
                                            "https://github.com/OWNER/NAME; else the one in pyproject.toml.", show_default=False)] = "",
) -> None:
    """Make web pages of the labs and of course_utils, for reading without a network and without a server."""
    from course_utils.website.build import SiteError, build_site

    try:
        made = build_site(labs=numbers or None, solved=solved, repository=repository)
    except SiteError as error:
        raise BadCall(str(error)) from error
    for fault in made.faults:
        print(f"○ {fault}")
    print(f"{made.pages} pages, {made.size / 1e6:.0f} MB in {made.seconds:.0f} s. Open this file in a browser:\n  {made.start}")


@app.command()
def release(
    labs: Annotated[str, typer.Option(help="Numbers of the labs, for example 06,09.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the zip.", show_default=False)],
    tasks: Annotated[str, typer.Option(help="Keep only these exercises, for example 06.2,09.1.", show_default=False)] = "",
    with_solutions: Annotated[bool, typer.Option("--with-solutions", help="Put the solved labs in as well.")] = False,
) -> None:
    """Make the zip that students get: notebooks, helper package, set-up; no solution anywhere."""
    from course_utils.grading.release import ReleaseError, release as make_release

    try:
        made = make_release(listed(labs), out, tasks=listed(tasks), with_solutions=with_solutions)
    except (ReleaseError, OSError) as error:
        raise BadCall(str(error)) from error
    print(f"{made.path}: {made.files} files, {made.size / 1e6:.1f} MB; {made.said}")


@app.command()
def grade(
    submissions: Annotated[Path | None, typer.Argument(help="Folder with NAME.ipynb or one folder a student, or the zip that your learning "
                                                       "platform exports.", show_default=False)] = None,
    lab: Annotated[str, typer.Option(help="Number of the lab, for example 09.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for grades.csv, totals.csv, feedback/, report.html and log.jsonl. A run that was cut "
                                             "goes on where it was.", show_default=False)] = None,
    jobs: Annotated[int, typer.Option(help="Submissions graded at a time; as many as the machine has cores if 0.")] = 0,
    tasks: Annotated[str, typer.Option(help="Grade only these exercises, for example 09.1,09.4.", show_default=False)] = "",
    scheduler: Annotated[str, typer.Option(help="Address of a dask scheduler, tcp://HOST:8786, in place of processes here.", show_default=False)] = "",
    check: Annotated[bool, typer.Option("--check", help="Say what the sandbox can do on this machine, by trying to break out of it.")] = False,
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Run submissions as programs of yours, with limits on time and memory only.")] = False,
) -> None:
    """Grade a folder of notebooks in a sandbox: marks, feedback for each student, a report."""
    from course_utils.grading.plan import PlanError
    from course_utils.grading.sandbox import NoSandbox
    from course_utils.grading.workers import SchedulerMissing

    if check:
        from course_utils.grading.proof import prove

        raise typer.Exit(prove())
    if submissions is None or not lab or out is None:
        raise BadCall("Say what is to be graded:  python3 course.py grade SUBMISSIONS --lab 09 --out DIR")
    from course_utils.grading.run import grade as grade_all

    try:
        done = grade_all(submissions, lab, out, jobs=jobs, scheduler=scheduler, tasks=listed(tasks), sandboxed=not no_sandbox)
    except NoSandbox as error:
        raise BadCall(f"{error}\nNothing was graded. --no-sandbox grades without a wall: submissions are then programs that run as you.") from error
    except (PlanError, SchedulerMissing, OSError) as error:
        raise BadCall(str(error)) from error
    print(f"{done['submissions']} submissions: {done['graded']} graded now, {done['submissions'] - done['graded']} kept from before or not "
          f"readable, {done['flagged']} flagged. Look at {out / 'report.html'} first.")


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="methods: the labs' functions beside Captum, lime and others. grade: the grader beside nbgrader and "
                                             "otter-grader, and a class of 1,000. labs: every lab in full, with time, "
                                             "memory and size.")] = "methods",
    quick: Annotated[bool, typer.Option("--quick", help="Less work and fewer turns; of methods and labs, nothing is written.")] = False,
    only: Annotated[str, typer.Option(help="Of methods: this group alone. Of labs: these alone, for example 06,09.", show_default=False)] = "",
) -> None:
    """Measure speed and memory; writes docs/bench_methods.md, docs/bench_grade.md or docs/bench_labs.md."""
    if what not in BENCHMARKS:
        raise BadCall(f"There is no benchmark {what!r}; there is: {', '.join(BENCHMARKS)}.")
    instructors_only("bench")
    raise typer.Exit(BENCHMARKS[what](quick, only))


def bench_methods(quick: bool, only: str) -> int:
    from course_utils.bench.methods import bench_methods as measure_methods
    from course_utils.bench.registry import GROUPS

    if only and only not in GROUPS:
        raise BadCall(f"There is no group {only!r}; there is: {', '.join(GROUPS)}.")
    return measure_methods(quick=quick, only=only)


def bench_grade(quick: bool, only: str) -> int:
    from course_utils.grading.bench import bench_grade as measure_grader

    if only:
        raise BadCall("--only goes with bench methods and bench labs.")
    return measure_grader(quick=quick)


def bench_labs(quick: bool, only: str) -> int:
    from course_utils.bench.labs import bench_labs as measure_labs

    return measure_labs(quick=quick, only=only)


BENCHMARKS = {"methods": bench_methods, "grade": bench_grade, "labs": bench_labs}


def listed(text: str) -> list[str]:
    """The parts of a list that is written with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def instructors_only(verb: str) -> None:
    """One sentence where this is a copy for students, which has neither solutions nor notes."""
    if not (Path(__file__).parent / "live").is_dir():
        raise BadCall(f"`course.py {verb}` is the instructor's: this copy of the course was made for students and has neither solutions nor notes.")


def one_lab(number: str):
    """The lab that a person means by `6`, `06` or `06_saliency`."""
    from course_utils.authoring.sources import find_labs

    return find_labs(course_root(), [number])[0]


def main() -> None:
    """Entry point: what a user can put right becomes one sentence and exit status 1, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    try:
        check_settings()
        app(prog_name="course.py")
    except (BadCall, *lab_errors()) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted.")


def check_settings() -> None:
    """Read every switch of the environment once, so that a wrong one is said first and in one sentence."""
    try:
        profile_name()
        threads()
    except ValueError as error:
        raise BadCall(str(error)) from error
    given = data_dir()
    if given is not None and not given.is_dir():
        raise BadCall(f"COURSE_DATA is {given}, which is no folder: set it to one that exists, or unset it.")


def lab_errors() -> tuple[type[Exception], ...]:
    """`LabError`, if anything has loaded it: nothing else can have raised it."""
    module = sys.modules.get("course_utils.authoring.sources")
    return (module.LabError,) if module else ()


if __name__ == "__main__":
    main()
