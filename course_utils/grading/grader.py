"""Grades submissions one by one: a sandbox, the hidden cases, and what happens when either breaks."""
from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from course_utils.grading import wire
from course_utils.grading.graft import Cell, Graft, graft
from course_utils.grading.hidden import Hidden
from course_utils.grading.judging import Result, judge_exercise
from course_utils.grading.plan import Plan
from course_utils.grading.sandbox import Gone, Late, Limits, Sandbox, SandboxBroken, Session

CELL_S = 15.0                # to execute one cell of definitions
INSIDE = ("course_utils.grading.inside.child",)


class Grader:
    """Everything that one worker keeps between submissions.

    Parameters
    ----------
    plan : Plan
    slot : int
        Of the worker, among those on this machine.
    limits : Limits
    sandboxed : bool
        False: processes without a wall, for those who insist.
    """

    def __init__(self, plan: Plan, slot: int = 0, limits: Limits | None = None, sandboxed: bool = True) -> None:
        self.plan = plan
        limits = limits or Limits()
        self.hidden = [Hidden(exercise, plan.seeds[exercise.id], limits.patience) for exercise in plan.exercises]
        if sandboxed:
            self.sandbox = Sandbox([*INSIDE, *plan.modules, *builder_modules(plan)], plan.names, limits, slot)
        else:
            from course_utils.grading.bare import Bare

            self.sandbox = Bare(limits)

    def grade(self, name: str, cells: Sequence[Cell]) -> dict:
        """Grade the code cells of one submission; returns a record of plain data.

        Never raises for anything that a submission does.
        """
        began = time.monotonic()
        grafted = graft(cells, self.plan.exercises, self.plan.order, self.plan.stubs)
        attempt = Attempt(self.sandbox, grafted)
        results: list[Result] = []
        try:
            for hidden in self.hidden:
                results.append(self.one(attempt, grafted, hidden))
            for place, instead in self.second_looks(grafted, results).items():
                attempt.drop()
                task = results[place].exercise
                attempt.begin(graft(cells, self.plan.exercises, self.plan.order, self.plan.stubs, instead, only=task))
                again = self.one(attempt, attempt.grafted, self.hidden[place])
                again.flags = [*results[place].flags, *again.flags]
                again.seconds += results[place].seconds
                if again.verdict == "right" and instead:
                    again.sentence = (f"Judged with the lab's own {' and '.join(self.function_of(one) for one in instead)}: "
                                      "yours, which it calls, is not right yet.")
                if again.verdict == "right":
                    results[place] = again
        finally:
            attempt.end()
        return {"submission": name, "results": [asdict(result) for result in results], "flags": [*grafted.flags, *attempt.flags],
                "cpu_s": round(attempt.cpu_s, 4), "seconds": round(time.monotonic() - began, 4)}

    def second_looks(self, grafted: Graft, results: Sequence[Result]) -> dict[int, dict[str, str]]:
        """Wrong exercises that are judged once more, in a process without the cells that they do not call.

        Two mistakes of others could have cost them: an exercise that they call is wrong itself, or a
        cell broke what all cells share. A mistake costs its points once: as `check` does in the lab, the
        first are judged with the solution's function; only solutions of exercises that are judged
        already, and lost, go in.
        """
        wrong = {result.exercise for result in results if result.verdict != "right"}
        chosen = {}
        for place, result in enumerate(results):
            instead = {task: self.plan.solved[task] for task in grafted.uses.get(result.exercise, []) if task in wrong and task in self.plan.solved}
            own = result.misconception or result.late or result.exercise in grafted.errors
            if result.verdict == "wrong" and (instead or (not own and len(grafted.found) > 1)):
                chosen[place] = instead
        return chosen

    def function_of(self, task: str) -> str:
        return next(f"`{exercise.function}`" for exercise in self.plan.exercises if exercise.id == task)

    def one(self, attempt: "Attempt", grafted: Graft, hidden: Hidden) -> Result:
        """One exercise of a submission."""
        exercise = hidden.exercise
        source = grafted.found.get(exercise.id)
        if source is None:
            return Result(exercise.id, "missing", 0, exercise.points, total=len(hidden.cases),
                          sentence="There is no cell with this exercise in your notebook, and no function of its name.")
        if exercise.id in grafted.errors:
            line = grafted.errors[exercise.id]
            return Result(exercise.id, "wrong", 0, exercise.points, total=len(hidden.cases),
                          sentence=f"Your cell is no Python{f': look at line {line}' if line else ''}.", line=f"line {line}" if line else "")
        attempt.ready()
        if exercise.id in attempt.broken:
            return Result(exercise.id, "wrong", 0, exercise.points, total=len(hidden.cases), sentence=attempt.broken[exercise.id])
        result = judge_exercise(hidden, attempt.ask, source)
        if result.verdict == "missing":
            result.verdict, result.sentence = "wrong", f"Your cell does not define `{exercise.function}`."
        return result

    def close(self) -> None:
        self.sandbox.close()


class Attempt:
    """A submission's processes, one after the other: a new one wherever the last was lost."""

    def __init__(self, sandbox: Sandbox, grafted: Graft) -> None:
        self.sandbox = sandbox
        self.session: Session | None = None
        self.flags: list[str] = []
        self.cpu_s = 0.0
        self.begin(grafted)

    def begin(self, grafted: Graft) -> None:
        """Take other cells from now on."""
        self.grafted = grafted
        self.broken: dict[str, str] = {}       # exercises whose cell cannot be executed, with the sentence
        self.skipped: set[int] = set()

    def ready(self) -> None:
        """Have a process in which all cells that can be executed have been."""
        while self.session is None:
            self.session = self.fork()
            for place, (name, source, exercise) in enumerate(self.grafted.cells):
                if place in self.skipped:
                    continue
                trouble = self.execute(name, source)
                if trouble:
                    self.skipped.add(place)
                    if exercise:
                        self.broken[exercise] = trouble
                    if self.session is None:
                        break  # the process is gone: once more, without this cell

    def fork(self) -> Session:
        """A fresh process; of a fresh sandbox, where the old one is no more."""
        for last in (False, False, True):
            if self.sandbox.process is None:
                self.sandbox.start()
            try:
                return self.sandbox.fork()
            except SandboxBroken:
                self.sandbox.close()
                if last:
                    raise
        raise AssertionError("not reached")

    def execute(self, name: str, source: str) -> str:
        """Execute a cell; returns what went wrong in a sentence, or nothing."""
        try:
            answer = self.session.ask({"cell": source, "name": name}, max(CELL_S * self.sandbox.limits.patience, 1.0), 1 << 16)
        except (Gone, Late, wire.Malformed) as error:
            self.flags.append(f"{name}: while it was executed, {error}")
            self.drop()
            return "When your cell is executed, it never comes back or ends its process: a cell of an exercise defines a function and does nothing else."
        if answer.get("fine") is True:
            return ""
        error, line = answer.get("error"), answer.get("line")
        kind = error[1] if isinstance(error, list) and len(error) > 1 and isinstance(error[1], str) and error[1].isidentifier() else "an error"
        return f"When your cell is executed, it stops with {kind[:40]}{f' in line {line}' if type(line) is int and line > 0 else ''}."

    def ask(self, request: dict, seconds: float, limit: int) -> dict:
        """Put a case to the submission; where its process is lost, the next exercise gets a new one."""
        if self.session is None:
            raise Gone("it ended")
        try:
            answer = self.session.ask(request, seconds, limit)
        except (Gone, Late, wire.Malformed):
            self.drop()
            raise
        outcomes = answer.get("outcomes")
        if isinstance(outcomes, list) and any(isinstance(one, dict) and one.get("kind") == "timeout" for one in outcomes):
            self.drop()  # with all that it started: a loop that gave way may have left a hundred processes at work
        return answer

    def drop(self) -> None:
        """End the process and all that it started."""
        if self.session is None:
            return
        if self.session.waiting():
            self.flags.append("sent answers that nobody asked for")
        self.session.close()
        self.session = None
        try:
            found = self.sandbox.sweep()
        except SandboxBroken as error:
            self.flags.append(f"the sandbox had to be made anew: {error}")
            self.sandbox.close()
            return
        self.cpu_s += found["cpu_s"]
        if found["left"]:
            self.flags.append(f"left {found['left']} processes behind; they were ended")
        if found["files"]:
            self.flags.append(f"left {found['files']} files in /tmp or /dev/shm; they were removed")

    def end(self) -> None:
        """After the last exercise."""
        self.drop()
        self.flags[:] = list(dict.fromkeys(self.flags))


def builder_modules(plan: Plan) -> list[str]:
    """Modules of the builders: imported once, by the zygote."""
    return sorted({name.split(":")[0] for name in plan.names})
