"""One case of an exercise: how the function and the oracle are asked, and what is wrong with the answer."""
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from course_utils.exercises import guard
from course_utils.exercises.advice import advice
from course_utils.exercises.answers import close
from course_utils.exercises.contract import Case, Exercise, Given, call_plainly
from course_utils.exercises.differences import not_finite, worst_entry, wrong_form


def build_args(case: Case) -> list[Any]:
    """Fresh arguments for one call: `Given` ones built, the others copied."""
    return [value.build() if isinstance(value, Given) else copy.deepcopy(value) for value in case.args]


def ask(exercise: Exercise, function: Callable, case: Case) -> guard.Outcome:
    """Call the function on one case, under guard, with arguments of its own."""
    return guard.call(function, build_args(case), exercise.limit_s, through(exercise))


def through(exercise: Exercise) -> Callable | None:
    return None if exercise.call is call_plainly else exercise.call


def expect(exercise: Exercise, case: Case) -> Any:
    """The oracle's answer to one case; None where the exercise has no oracle."""
    if exercise.oracle is None:
        return None
    with guard.global_randomness():
        return exercise.oracle(*build_args(case))


class Problem(str):
    """What is wrong with one answer: the sentence, with the law it breaks and details beside it."""

    law: str | None = None
    details: tuple[str, ...] = ()
    off: bool = False  # right form, wrong numbers

    @classmethod
    def of(cls, sentence: str, *details: str, law: str | None = None, off: bool = False) -> "Problem":
        problem = cls(sentence)
        problem.law, problem.details, problem.off = law, tuple(filter(None, details)), off
        return problem


def examine(exercise: Exercise, case: Case, outcome: guard.Outcome, expected: Any) -> Problem | None:
    """The first thing that is wrong with one outcome, or None."""
    name = exercise.function
    if outcome.kind == "timeout":
        rest = (" It could not be stopped and still runs: restart the kernel before you go on." if outcome.stuck
                else "")
        return Problem.of(f"`{name}` did not come back within {exercise.limit_s:g} s and was interrupted: "
                          f"look for a loop that never ends.{rest}")
    if outcome.kind == "raised":
        error = outcome.error
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return Problem.of(f"`{name}` stopped with an error. {advice(error)}".rstrip(), message[:500], outcome.where)
    touched = [k for k in outcome.changed if k not in exercise.changes]
    if touched:
        which = ", ".join(str(k + 1) for k in touched)
        return Problem.of(f"`{name}` changes its input (argument {which}): the caller's data is no longer what it was. "
                          "Work on a copy (`x.copy()`, `x.clone()`), and avoid `+=` and `x[...] =` on an argument.")
    if exercise.oracle is not None:
        sentence = wrong_form(expected, outcome.value) or not_finite(expected, outcome.value)
        if sentence:
            return Problem.of(sentence)
    elif outcome.value is None:
        return Problem.of(f"`{name}` returned None: it ends without a `return` of the result.")
    broken = [law for law in exercise.laws if not obeys(law, case, outcome.value)]
    if exercise.oracle is not None and not close(outcome.value, expected, exercise.rtol, exercise.atol):
        return Problem.of("The numbers are off.", worst_entry(expected, outcome.value),
                          *(f"It breaks a law, {law.name}: {law.says}" for law in broken),
                          law=broken[0].name if broken else None, off=True)
    if broken:
        return Problem.of(broken[0].says, law=broken[0].name)
    return None


def obeys(law: Any, case: Case, answer: Any) -> bool:
    """Whether the answer obeys a law; one that it cannot be tested on, it breaks."""
    try:
        return bool(law.holds(tuple(build_args(case)), answer))
    except Exception:
        return False


def partial_points(exercise: Exercise, expected: Sequence[Any], outcomes: Sequence[guard.Outcome], problems: Sequence[Problem | None]) -> int:
    """Points for a part that is right, rounded down; 0 where the exercise gives none, or an answer has not even the right form."""
    judged = len(problems) == len(outcomes) and all(problem is None or problem.off for problem in problems)
    if exercise.credit is None or not judged:
        return 0
    share = exercise.credit(list(expected), [outcome.value for outcome in outcomes])
    return int(exercise.points * min(max(share, 0.0), 1.0) + 1e-9)
