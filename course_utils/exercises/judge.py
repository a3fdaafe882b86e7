"""The judge: cases in, verdict out."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from course_utils.exercises import guard
from course_utils.exercises.answers import close, describe, flat
from course_utils.exercises.contract import Case, Exercise
from course_utils.exercises.differences import relation
from course_utils.exercises.examination import Problem, ask, build_args, examine, expect, obeys, partial_points, through
from course_utils.exercises.verdict import Verdict

__all__ = ["Problem", "ask", "build_args", "examine", "expect", "judge", "obeys"]


def judge(exercise: Exercise, function: Any, seed: int, recognising: bool = True) -> Verdict:
    """Judge a function on the cases of one seed.

    Parameters
    ----------
    exercise : Exercise
    function : callable
        Called in a thread of its own, at most `exercise.limit_s` seconds a call.
    seed : int
        Of the cases.
    recognising : bool
        Whether a wrong answer is held against the misconceptions; without, the verdict comes sooner.

    Returns
    -------
    Verdict
        Never raises what the function raises.
    """
    verdict = Verdict(exercise.id, exercise.title, "wrong")
    if not callable(function):
        verdict.sentence = (f"`{exercise.function}` is {describe(function)}, not a function: give check the function "
                            f"itself, without calling it.")
        return verdict
    cases = list(exercise.cases(seed))
    verdict.total = len(cases)
    outcomes, expected, problems = [], [], []
    for case in cases:
        outcome = ask(exercise, function, case)
        if outcome.kind == "not started":
            verdict.status, verdict.sentence = "not started", ""
            return verdict
        outcomes.append(outcome)
        expected.append(expect(exercise, case))
        problems.append(examine(exercise, case, outcome, expected[-1]))
        if outcome.kind == "timeout":
            break  # the others would take as long
    verdict.passed = sum(problem is None for problem in problems)
    verdict.stuck = any(outcome.stuck for outcome in outcomes)
    if verdict.passed == len(cases):
        problems[0] = repeats(exercise, function, cases[0])
    bad = next((k for k, problem in enumerate(problems) if problem is not None), None)
    if bad is None:
        verdict.status = "right"
        laws = ", ".join(law.name for law in exercise.laws)
        verdict.sentence = f"Laws that it was held to: {laws}." if laws else ""
    else:
        verdict.passed = min(verdict.passed, len(cases) - 1)
        verdict.points = partial_points(exercise, expected, outcomes, problems)
        explain(exercise, verdict, cases, outcomes, expected, problems[bad], bad, recognising)
    verdict.notes += remarks(exercise, outcomes, bad is None)
    return verdict


def repeats(exercise: Exercise, function: Callable, case: Case) -> Problem | None:
    """Whether a second call on the very same inputs gives the same answer again."""
    if exercise.changes:
        return None
    args = build_args(case)
    if any(hasattr(value, "bit_generator") or type(value).__name__ == "Generator" for value in args):
        return None  # a random generator moves on, as it should
    first = guard.call(function, args, exercise.limit_s, through(exercise))
    numbers = flat(first.value)  # a copy: the second call may write into the very same object
    second = guard.call(function, args, exercise.limit_s, through(exercise))
    if numbers is None or (second.kind == "value" and close(flat(second.value), numbers, exercise.rtol, exercise.atol)):
        return None
    return Problem.of("Called twice with the same inputs, your function gives two different answers: something is left over "
                      "from the first call, such as a gradient that adds up in `.grad` or a list kept between calls.")


def explain(exercise: Exercise, verdict: Verdict, cases: Sequence[Case], outcomes: Sequence[guard.Outcome],
            expected: Sequence[Any], problem: Problem, bad: int, recognising: bool = True) -> None:
    """Fill the verdict in: the misconception where one is recognised, else what was seen."""
    verdict.law = problem.law
    verdict.details += [f"Case: {cases[bad].about}.", *problem.details]
    wrong = recognise(exercise, cases, outcomes) if recognising and outcomes[bad].kind != "timeout" else None
    if wrong is not None:
        verdict.misconception, verdict.sentence = wrong.name, wrong.says
        return
    verdict.sentence = str(problem)
    if problem.off and all(outcome.kind == "value" for outcome in outcomes):
        simple = relation(expected, [outcome.value for outcome in outcomes])
        verdict.sentence = f"{problem} {simple}" if simple else str(problem)


def recognise(exercise: Exercise, cases: Sequence[Case], outcomes: Sequence[guard.Outcome]) -> Any:
    """The misconception that does just what this function did, on every case; or None."""
    for wrong in exercise.misconceptions:
        if all(alike(exercise, outcome, ask(exercise, wrong.function, case)) for case, outcome in zip(cases, outcomes)):
            return wrong
    return None


def alike(exercise: Exercise, one: guard.Outcome, other: guard.Outcome) -> bool:
    """Whether two calls came to the same: equal answers, or the same error."""
    if one.kind != other.kind or one.changed != other.changed:
        return False
    if one.kind == "value":
        return close(one.value, other.value, exercise.rtol, exercise.atol)
    return one.kind == "raised" and type(one.error) is type(other.error) and str(one.error) == str(other.error)


def remarks(exercise: Exercise, outcomes: Sequence[guard.Outcome], right: bool) -> list[str]:
    """What is worth mending although it does not make the answer wrong."""
    notes = []
    printed = next((outcome.printed for outcome in outcomes if outcome.printed.strip()), "")
    if printed:
        first = printed.strip().splitlines()
        more = " ..." if len(first) > 3 or len(printed) > 300 else ""
        notes.append(f"your function prints; check keeps it off the page. It began: {' / '.join(first[:3])[:300]}{more}")
    if right and any(outcome.drew for outcome in outcomes):
        notes.append("your function draws from, or seeds, the global random generator; its state was put back. "
                     "Use the generator that is given, or make one of your own.")
    if right and any(k not in exercise.changes for outcome in outcomes for k in outcome.shares):
        notes.append("what you return is a view of the input: a change to one changes the other. `.copy()` or `.clone()` parts them.")
    return notes
