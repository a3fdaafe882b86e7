"""A class of a thousand with hostile submissions in it, graded with two workers and killed twice on the way."""
from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from course_utils.grading import record as log
from course_utils.grading.bench_class import grade_command, hand_in, prepared
from course_utils.grading.plan import Plan
from course_utils.settings import course_root

SHARE_HOSTILE = 0.05
LOOK_S = 1.0                 # between two looks at memory
STARTING = 0.2               # share of the run that is left out of its memory: the workers are not there yet


def crowd(folder: Path, plan: Plan, count: int, say: Callable[[str, str], None]) -> None:
    """Time, memory, and what is lost, graded twice or scored wrongly."""
    lost = hand_in(folder / "crowd", plan, count, SHARE_HOSTILE)
    out = prepared(folder / "crowd-out", plan)
    began, peaks, kills = time.monotonic(), [], 0
    for least in (count // 3, 2 * count // 3, count + 1):
        process = subprocess.Popen(grade_command(folder / "crowd", out, 2), cwd=course_root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        killed = False
        while process.poll() is None:
            peaks.append((time.monotonic() - began, *memory_of(process.pid)))
            if not killed and lines_of(out / "log.jsonl") >= least:
                process.send_signal(signal.SIGKILL)
                killed = True
                kills += 1
            try:
                process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                continue
        if process.returncode and not killed:
            raise RuntimeError(f"the run ended with {process.returncode}")
    seconds = time.monotonic() - began
    written = list(log.records(out / "log.jsonl"))
    records = log.latest(out / "log.jsonl").values()
    wrong = {record["submission"]: sorted(missed(record) ^ lost[record["submission"]]) for record in records if missed(record) != lost[record["submission"]]}
    late = [peak for at, peak, _ in peaks if at > STARTING * seconds]
    say(f"{count} submissions, {round(100 * SHARE_HOSTILE)} % hostile, two workers, killed {kills} times", f"{seconds:.0f} s, {60 * count / seconds:.0f} a minute")
    say("lost, graded twice, scored wrongly", f"{count - len(records)}, {len(written) - len({record['key'] for record in written})}, {len(wrong)}"
        + "".join(f"; {name}: {', '.join(tasks)}" for name, tasks in list(wrong.items())[:5]))
    say("memory of graders, judges and zygotes, highest of the run (wanted: 1.2 GiB)", f"{max(late) / 2**30:.2f} GiB; in its second and its last third "
        f"{max(third(late, 1)) / 2**30:.2f} and {max(third(late, 2)) / 2**30:.2f}")
    both = sorted(both for _, _, both in peaks)
    say("and with what submissions held at the time", f"{both[-1] / 2**30:.2f} GiB; 95 % of the time at most {both[int(0.95 * (len(both) - 1))] / 2**30:.2f}")


def missed(record: dict) -> set[str]:
    """Exercises that were not judged right."""
    return {result["exercise"] for result in record["results"] if result["verdict"] != "right"}


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def third(values: list[float], number: int) -> list[float]:
    size = max(len(values) // 3, 1)
    return values[number * size:(number + 1) * size] or values


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
            parent = process.parent()
            submission = parent is not None and "inside.zygote" in " ".join(parent.cmdline()) and "bwrap" not in parent.name()
        except (psutil.Error, OSError):
            continue
        everything += size
        lasting += 0 if submission else size
    return lasting, everything
