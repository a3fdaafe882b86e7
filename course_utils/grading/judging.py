"""Judges one exercise of one submission, from outside: asks, compares, and says what may be said.

The comparison is the one of the lab (`exercises.judge.examine`). What comes out of the sandbox is an
answer or a claim about the call; a claim can only make an answer wrong, never right.
"""
from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_utils.exercises import guard, judge
from course_utils.exercises.advice import advice
from course_utils.exercises.answers import close, dtype_kind, family, flat
from course_utils.exercises.contract import Exercise
from course_utils.exercises.differences import not_finite, relation, wrong_form
from course_utils.exercises.examination import partial_points
from course_utils.grading import wire
from course_utils.grading.hidden import Hidden
from course_utils.grading.session import Gone, Late

REACTION_S = 3.0             # beyond what the guard in the sandbox takes to stop a call
STARVED = 0.9                # share of its CPU seconds that a call has to have used for its time to be up in earnest
KINDS = ("value", "raised", "not started", "timeout", "missing", "no function")
NOUNS = {"number": "a number", "array": "a numpy array", "tensor": "a tensor", "sequence": "a tuple or list", "mapping": "a dictionary",
         "text": "a text", "nothing": "nothing", "other": "something else"}


@dataclass
class Result:
    """What is known of one exercise of one submission.

    Attributes
    ----------
    exercise, verdict : str
        Id; `right`, `wrong`, `not started`, `missing` or `unreadable`.
    points, max_points : int
    seconds : float
        Wall time of its calls.
    sentence : str
        For the student: nothing in it comes from the hidden inputs.
    line : str
        The student's own line that raised, if any.
    misconception, law : str
    passed, total : int
        Cases.
    details : list of str
        For the instructor only.
    late, starved : bool
        Whether a call did not come back in time; and whether it had by then not computed for as long as it may.
    beside, broken : bool
        Whether its process had answered for other exercises before; and whether its cell could not be executed.
    flags : list of str
    """

    exercise: str
    verdict: str
    points: int
    max_points: int
    seconds: float = 0.0
    sentence: str = ""
    line: str = ""
    misconception: str = ""
    law: str = ""
    passed: int = 0
    total: int = 0
    late: bool = False
    starved: bool = False
    beside: bool = False
    broken: bool = False
    details: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """What came of a question.

    Attributes
    ----------
    outcome : course_utils.exercises.guard.Outcome
        Of the last call; its kind is `lost` where the process is.
    line : int
        Of the student's cell that raised; 0 where none is known.
    flag : str
    starved : bool
        Whether it ran out of time without having computed for that long.
    """

    outcome: guard.Outcome
    line: int = 0
    flag: str = ""
    starved: bool = False


def judge_exercise(hidden: Hidden, ask: Callable[[dict, float, int], dict], source: str) -> Result:
    """Put the cases of an exercise to a submission and judge its answers.

    Parameters
    ----------
    hidden : Hidden
    ask : callable
        `ask(request, CPU seconds, limit)` of an attempt.
    source : str
        The student's cell, for the line that raised.

    Returns
    -------
    Result
        Right only if every case is: each is asked once, and one wrong answer settles it.
    """
    exercise = hidden.exercise
    result = Result(exercise.id, "wrong", 0, exercise.points, total=len(hidden.cases))
    hidden.prepare()
    began = time.monotonic()
    outcomes: list[guard.Outcome] = []
    problems: list[judge.Problem | None] = []
    lines: list[int] = []
    for number in range(len(hidden.cases)):
        found = asked(hidden, ask, number)
        outcome, result.starved = found.outcome, found.starved
        result.flags += [found.flag] if found.flag else []
        if outcome.kind in ("not started", "missing"):
            result.verdict, result.seconds = outcome.kind, time.monotonic() - began
            return result
        outcomes.append(outcome)
        lines.append(found.line)
        problems.append(examined(hidden, number, outcome))
        if outcome.kind in ("timeout", "lost"):
            break
    result.passed = sum(problem is None for problem in problems)
    if result.passed == result.total and not exercise.changes and not hidden.draws:
        problems[0] = repeated(hidden, ask, outcomes[0], result)
    bad = next((number for number, problem in enumerate(problems) if problem is not None), None)
    result.seconds = time.monotonic() - began
    if bad is None:
        result.verdict, result.points = "right", exercise.points
        return result
    result.passed = min(result.passed, result.total - 1)
    result.points = partial_points(exercise, hidden.expected, outcomes, problems)
    explain(hidden, result, outcomes, problems, bad, line_text(source, lines[bad]))
    return result


def asked(hidden: Hidden, ask: Callable, number: int, times: int = 1) -> Asked:
    """Put one case to a submission, once or twice."""
    seconds = times * (hidden.limit_s + guard.GRACE_S) + REACTION_S
    try:
        answer = ask(hidden.request(number, times), seconds, times * hidden.limits[number])
        return outcome_of(answer, times, len(hidden.cases[number].args), hidden.limit_s)
    except Late as error:
        return Asked(guard.Outcome("timeout"), flag="did not give way when its time was up; its process was ended", starved=error.starved)
    except Gone:
        return Asked(guard.Outcome("lost"), flag="its process ended in the middle of a call")
    except wire.Malformed as error:
        return Asked(guard.Outcome("lost"), flag=f"answered in no form: {error}")


def outcome_of(answer: dict, times: int, arguments: int, limit_s: float) -> Asked:
    """What a frame says of the last of its calls.

    Raises
    ------
    course_utils.grading.wire.Malformed
        If its parts are not what `inside.child` sends.
    """
    told = answer.get("outcomes")
    if not isinstance(told, list) or not told or not isinstance(told[-1], dict):
        raise wire.Malformed("an answer without an outcome")
    told = told[-1] if len(told) == times else told[0]
    kind, changed, line, error, cpu_s = told.get("kind"), told.get("changed", []), told.get("line", 0), told.get("error"), told.get("cpu_s", 0.0)
    if kind not in KINDS or type(line) is not int or not isinstance(changed, list) or not all(type(k) is int and 0 <= k < arguments for k in changed):
        raise wire.Malformed("an outcome of unknown form")
    if kind == "raised" and not (isinstance(error, list) and len(error) > 1 and all(isinstance(part, str) for part in error)):
        raise wire.Malformed("an error without a name")
    outcome = guard.Outcome(kind, told.get("value") if kind == "value" else None, changed=tuple(changed),
                            error=error_of(error) if kind == "raised" else None)
    starved = kind == "timeout" and type(cpu_s) is float and cpu_s < STARVED * limit_s  # its own word: it wins another try with it, and no points
    return Asked(outcome, line, "did not give way when its time was up" if told.get("stuck") is True else "", starved)


def error_of(told: Sequence[str]) -> BaseException:
    """An error of our own that stands for the one in the sandbox: type and message are text there."""
    message, *names = told
    known = next((kind for name in names if isinstance(kind := getattr(builtins, name, None), type) and issubclass(kind, BaseException)), Exception)
    name = names[0] if names[0].isidentifier() and len(names[0]) <= 40 else "Exception"
    return type(name, (known,), {"__str__": lambda self: message[:300], "__init__": lambda self: None})()


def examined(hidden: Hidden, number: int, outcome: guard.Outcome) -> judge.Problem | None:
    """What is wrong with an answer; one that cannot even be compared is wrong."""
    name = hidden.exercise.function
    if outcome.kind == "lost":
        return judge.Problem.of(f"`{name}` ended the process that ran it, or returned far too much: look for `exit()`, a crash, or too much memory.")
    if outcome.kind == "no function":
        return judge.Problem.of(f"`{name}` is no function any more: something in your cells gives its name to something else.")
    try:
        problem = judge.examine(hidden.lawless, hidden.cases[number], outcome, hidden.expected[number])
        if hidden.lawless is hidden.exercise or outcome.kind != "value" or (problem is not None and not problem.off):
            return problem
        broken = hidden.broken(number, outcome.value)
        if not broken:
            return problem
        told = [f"It breaks a law, {law.name}: {law.says}" for law in broken]
        return judge.Problem.of(str(problem or broken[0].says), *(problem.details if problem else ()), *(told if problem else ()),
                                law=broken[0].name, off=problem is not None)
    except Exception as error:
        return judge.Problem.of("Your answer cannot be compared with the right one.", f"{type(error).__name__}: {error}")


def repeated(hidden: Hidden, ask: Callable, first: guard.Outcome, result: Result) -> judge.Problem | None:
    """Whether a function that is put the same inputs twice answers alike."""
    numbers = flat(first.value)
    if numbers is None:
        return None
    found = asked(hidden, ask, 0, times=2)
    second, result.starved = found.outcome, found.starved
    result.flags += [found.flag] if found.flag else []
    if second.kind in ("timeout", "lost"):
        result.late = second.kind == "timeout"
        return examined(hidden, 0, second)
    again = flat(second.value) if second.kind == "value" else None
    if again is not None and close(again, numbers, hidden.exercise.rtol, hidden.exercise.atol):
        return None
    return judge.Problem.of("Called twice with the same inputs, your function gives two different answers: something is left over from the "
                            "first call, such as a gradient that adds up in `.grad` or a list kept between calls.")


def explain(hidden: Hidden, result: Result, outcomes: Sequence[guard.Outcome], problems: Sequence[judge.Problem | None], bad: int, line: str) -> None:
    """Fill in what the student and what the instructor is told."""
    problem, outcome = problems[bad], outcomes[bad]
    result.law, result.late = problem.law or "", result.late or outcome.kind == "timeout"
    result.details = [f"Case: {hidden.cases[bad].about}.", str(problem), *problem.details]
    wrong = recognised(hidden, outcomes) if outcome.kind in ("value", "raised") else None
    if wrong is not None:
        result.misconception, result.sentence = wrong.name, wrong.says
        return
    result.sentence = disclosed(hidden.exercise, problem, outcome, hidden.expected[bad])
    if outcome.kind == "raised":
        result.line = line
    if problem.off and all(one.kind == "value" for one in outcomes) and len(outcomes) == len(hidden.cases):
        simple = relation(hidden.expected, [one.value for one in outcomes])
        result.sentence += f" {simple}" if simple else ""
        law = next((law for law in hidden.exercise.laws if law.name == problem.law), None)
        result.sentence += f" It breaks a law, {law.name}: {law.says}" if law else ""


def disclosed(exercise: Exercise, problem: judge.Problem, outcome: guard.Outcome, expected: Any) -> str:
    """The sentence for the student: as the lab's, but without any value, size or message that inputs could shine through."""
    if outcome.kind == "raised":
        kind = next((name.__name__ for name in type(outcome.error).__mro__ if getattr(builtins, name.__name__, None) is name), "Exception")
        return f"`{exercise.function}` stopped with an error ({kind}). {advice(outcome.error)}".rstrip()
    if outcome.kind != "value" or problem.law or problem.off or exercise.oracle is None:
        return str(problem)
    if outcome.changed and any(k not in exercise.changes for k in outcome.changed):
        return str(problem)
    if wrong_form(expected, outcome.value):
        return f"What `{exercise.function}` returns has another form than the docstring says: {form_of(outcome.value)}; expected: {form_of(expected)}."
    if not_finite(expected, outcome.value):
        return "Your answer holds NaN or infinity where the right one does not: look for a division by zero, a log of zero or an overflowing exp."
    return str(problem)


def form_of(value: Any) -> str:
    """The form of a value in words, without its numbers and sizes."""
    sort = family(value)
    if sort in ("array", "tensor"):
        return f"{NOUNS[sort]} of {dtype_kind(value)} with {len(value.shape)} ax{'i' if len(value.shape) == 1 else 'e'}s"
    if sort == "sequence" and len(value) <= 6:
        return f"{NOUNS[sort]} of {len(value)} ({', '.join(form_of(item) if family(item) != 'sequence' else NOUNS['sequence'] for item in value)})"
    return f"{NOUNS[sort]} ({dtype_kind(value)})" if sort == "number" else NOUNS[sort]


def recognised(hidden: Hidden, outcomes: Sequence[guard.Outcome]) -> Any:
    """The misconception that answers just like this on every case, or None."""
    for wrong in hidden.exercise.misconceptions:
        if all(alike(hidden.exercise, one, other) for one, other in zip(outcomes, hidden.wrong_answers(wrong))):
            return wrong
    return None


def alike(exercise: Exercise, one: guard.Outcome, other: guard.Outcome) -> bool:
    """Whether two calls came to the same; an error from the sandbox is compared by name and message."""
    if one.kind == other.kind == "raised" and one.changed == other.changed:
        return type(one.error).__name__ == type(other.error).__name__ and str(one.error) == str(other.error)[:300]
    return judge.alike(exercise, one, other)


def line_text(source: str, line: int) -> str:
    """A line of the student's cell, with its number."""
    lines = source.splitlines()
    return f"line {line}: {lines[line - 1].strip()[:160]}" if 0 < line <= len(lines) else ""
