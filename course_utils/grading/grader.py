"""Grades submissions one by one: a sandbox, the hidden cases, and what happens when either breaks."""
from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from course_utils.grading.attempt import Attempt
from course_utils.grading.graft import Cell, Graft, graft
from course_utils.grading.hidden import Hidden
from course_utils.grading.judging import Result, judge_exercise, line_text
from course_utils.grading.plan import Plan
from course_utils.grading.sandbox import Limits, Sandbox

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
        self.hidden = [Hidden(exercise, plan.seeds[exercise.id], limits.patience, limits.wall) for exercise in plan.exercises]
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
                results[place].starved = results[place].starved and again.starved
                if again.verdict == "right" and instead:
                    again.sentence = (f"Judged with the lab's own {' and '.join(self.function_of(one) for one in instead)}: "
                                      "yours, which it calls, is not right yet.")
                if again.verdict == "right" or results[place].late:
                    results[place] = again
        finally:
            attempt.end()
        starved = [result.exercise for result in results if result.starved]
        return {"submission": name, "results": [asdict(result) for result in results], "flags": [*grafted.flags, *attempt.flags], "starved": starved,
                "cpu_s": round(attempt.cpu_s, 4), "own_s": round(attempt.own_s, 4), "seconds": round(time.monotonic() - began, 4)}

    def second_looks(self, grafted: Graft, results: Sequence[Result]) -> dict[int, dict[str, str]]:
        """Wrong exercises that are judged once more, in a process without the cells that they do not call.

        Mistakes of others could have cost them: an exercise that they call is wrong itself, a cell broke
        what all cells share, or one that was asked before left something that takes their time. A mistake
        costs its points once: as `check` does in the lab, the first are judged with the solution's
        function; only solutions of exercises that are judged already, and lost, go in.
        """
        wrong = {result.exercise for result in results if result.verdict != "right"}
        chosen = {}
        for place, result in enumerate(results):
            instead = {task: self.plan.solved[task] for task in grafted.uses.get(result.exercise, []) if task in wrong and task in self.plan.solved}
            own = result.misconception or (result.late and not result.beside) or result.exercise in grafted.errors or result.broken
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
                          sentence=f"Your notebook has no cell for this exercise, and no function `{exercise.function}`.")
        if exercise.id in grafted.errors:
            line = grafted.errors[exercise.id]
            return Result(exercise.id, "wrong", 0, exercise.points, total=len(hidden.cases),
                          sentence=f"Your cell is no valid Python{': look at this line and the one before it' if line else ''}.", line=line_text(source, line))
        attempt.ready()
        if exercise.id in attempt.broken:
            return Result(exercise.id, "wrong", 0, exercise.points, total=len(hidden.cases), sentence=attempt.broken[exercise.id],
                          broken=True, starved=attempt.starved)
        beside = attempt.answered - {exercise.function}
        result = judge_exercise(hidden, attempt.ask, source)
        result.beside = bool(beside)
        if result.verdict == "missing":
            result.verdict, result.sentence = "wrong", f"Your cell does not define `{exercise.function}`."
        return result

    def close(self) -> None:
        self.sandbox.close()


def builder_modules(plan: Plan) -> list[str]:
    """Modules of the builders: imported once, by the zygote."""
    return sorted({name.split(":")[0] for name in plan.names})
