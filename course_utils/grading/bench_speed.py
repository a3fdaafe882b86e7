"""How long the grader takes: CPU seconds of one clean submission, and the same class with one worker and with two."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from course_utils.grading.bench_class import grade_command, hand_in, notebook_of, prepared, timed
from course_utils.grading.plan import Plan

WARM = 3                     # submissions graded before the first that is measured


def clean(folder: Path, plan: Plan, count: int, say: Callable[[str, str], None]) -> None:
    """CPU seconds of one clean submission beyond its own functions, with sandbox and judge warm.

    What its own functions compute is told from where they ran: by the clock of the thread of each call.
    """
    from course_utils.grading.grader import Grader
    from course_utils.grading.submission import Source, read

    if "torch" in plan.modules:
        import torch

        torch.set_num_threads(1)
    path = folder / "clean.ipynb"
    path.write_text(json.dumps(notebook_of(plan)), encoding="utf-8")
    grader = Grader(plan)
    outside, inside, own = [], [], []
    try:
        for number in range(WARM + count):
            began = time.process_time()
            record = grader.grade("clean", read(Source("clean", path)).cells)
            outside.append(time.process_time() - began)
            inside.append(record["cpu_s"])
            own.append(record["own_s"])
    finally:
        grader.close()
    if any(result["verdict"] != "right" for result in record["results"]):
        raise RuntimeError(f"the clean submission was not judged right: {record['results']}")
    outside, inside, own = outside[WARM:], inside[WARM:], own[WARM:]
    beyond = [one + other - theirs for one, other, theirs in zip(outside, inside, own)]
    say("CPU seconds of a clean submission, median", f"{median([a + b for a, b in zip(outside, inside)]):.3f}: {median(outside):.3f} outside, {median(inside):.3f} in the sandbox")
    say("of these its own functions compute", f"{median(own):.3f}, and {plan.own_s:.3f} in a process that has computed before")
    say("**beyond its own functions** (wanted: at most 0.15)", f"**{median(beyond):.3f}**; lowest {min(beyond):.3f}, highest {max(beyond):.3f}")


def median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def scaling(folder: Path, plan: Plan, count: int, say: Callable[[str, str], None]) -> None:
    """The same class with one worker and with two; starting them is counted, and told apart."""
    hand_in(folder / "scale", plan, count)
    seconds, starts = {}, {}
    for jobs in (1, 2):
        hand_in(folder / f"few{jobs}", plan, jobs)
        starts[jobs] = timed(grade_command(folder / f"few{jobs}", prepared(folder / f"few{jobs}-out", plan), jobs))[0]
        seconds[jobs] = timed(grade_command(folder / "scale", prepared(folder / f"scale{jobs}-out", plan), jobs))[0]
    say(f"{count} clean submissions with one worker, with two", f"{seconds[1]:.1f} s, {seconds[2]:.1f} s; of these for the start and one submission each "
        f"{starts[1]:.1f} s, {starts[2]:.1f} s")
    rates = [(count - jobs) / (seconds[jobs] - starts[jobs]) for jobs in (1, 2)]
    say("**two workers against one** (wanted: at least 1.7)", f"**{seconds[1] / seconds[2]:.2f}** with the start, {rates[1] / rates[0]:.2f} once they run")
