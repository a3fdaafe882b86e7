"""The gates: tries every exercise with right, wrong and empty answers before a student does.

No checker is trusted that has not been seen to reject. Each gate takes an exercise and returns one
sentence for each thing that has to be mended, none where all is well.
"""
from __future__ import annotations

import dataclasses
import dis
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from course_utils.authoring import wrong_answers
from course_utils.exercises.answers import same, snapshot
from course_utils.exercises.contract import Case, Exercise, Given, Law, call_plainly
from course_utils.exercises.judge import build_args, judge, obeys

SOLUTION_SEEDS = range(20)
WRONG_SEEDS = (0, 1, 1000)  # check begins at 0 and counts up; grading draws others


def declaration_gate(exercise: Exercise) -> Iterator[str]:
    """Three hints and three misconceptions at least, each with words of its own."""
    told = [wrong.says.strip() for wrong in exercise.misconceptions]
    for what, texts in (("hints", [hint.strip() for hint in exercise.hints]), ("misconceptions", told)):
        if len(texts) < 3:
            yield f"{exercise.id} has {len(texts)} {what}; write at least three."
        if not all(texts) or len(set(texts)) < len(texts):
            yield f"{exercise.id} has {what} that say nothing or say the same; give each a sentence of its own."
    if exercise.points < 1 or exercise.minutes < 1:
        yield f"{exercise.id} has {exercise.points} points and {exercise.minutes} minutes; both are at least 1."
    for law in exercise.laws:
        if not law.says.strip():
            yield f"The law {law.name!r} of {exercise.id} says nothing; write the sentence that a student gets."


def cases_gate(exercise: Exercise) -> Iterator[str]:
    """Two cases or more at every seed, the same again for a seed, others for another."""
    first, again, other = exercise.cases(0), exercise.cases(0), exercise.cases(1)
    if min(len(first), len(other)) < 2:
        yield f"{exercise.id} has fewer than two cases at a seed; a single case can be guessed."
    if not same(inputs(first), inputs(again)):
        yield f"The cases of {exercise.id} differ from call to call at one seed; draw everything from the seed."
    if same(inputs(first), inputs(other)):
        yield f"The cases of {exercise.id} are the same at seeds 0 and 1; draw them from the seed, or answers can be copied."


def inputs(cases: Sequence[Case]) -> list[Any]:
    """The inputs of some cases as plain values that can be compared."""
    return [[snapshot([value.builder, value.parameters] if isinstance(value, Given) else value) for value in case.args]
            for case in cases]


def solution_gate(exercise: Exercise, solution: Callable, seeds: Sequence[int] = SOLUTION_SEEDS) -> Iterator[str]:
    """The solution is right at every seed, without a remark of the judge."""
    for seed in seeds:
        verdict = judge(exercise, solution, seed)
        if not verdict.right:
            yield f"The solution of {exercise.id} is not right at seed {seed}: {verdict}"
            return
        if verdict.notes:
            yield f"The solution of {exercise.id} is right, but the judge remarks: {verdict.notes[0]}"
            return


def stub_gate(exercise: Exercise, stub: Callable) -> Iterator[str]:
    """What the student is given is told apart from an attempt."""
    verdict = judge(exercise, stub, 0)
    if verdict.status != "not started":
        yield f"The bare stub of {exercise.id} should be 'not started'; the judge says: {verdict}"


def misconception_gate(exercise: Exercise, seeds: Sequence[int] = WRONG_SEEDS) -> Iterator[str]:
    """Every misconception is wrong, and is answered with its own sentence."""
    for wrong in exercise.misconceptions:
        for seed in seeds:
            verdict = judge(exercise, wrong.function, seed)
            if verdict.right:
                yield (f"The misconception {wrong.name!r} of {exercise.id} passes at seed {seed}: choose cases in which it "
                       "differs from the right answer.")
                break
            if verdict.misconception != wrong.name or verdict.sentence != wrong.says:
                instead = f"the sentence of {verdict.misconception!r}" if verdict.misconception else f"'{verdict.sentence}'"
                yield f"The misconception {wrong.name!r} of {exercise.id} gets {instead} at seed {seed} in place of its own."
                break


def empty_answer_gate(exercise: Exercise, solution: Callable, seeds: Sequence[int] = WRONG_SEEDS[:2]) -> Iterator[str]:
    """Answers of the right form with nothing in them are wrong: constant, zero, identity, NaN."""
    # The answers are made in their final form, so a `call` that runs what a student returns is left out.
    plain = dataclasses.replace(exercise, call=call_plainly)
    for name, function in wrong_answers.empty(exercise, solution, seeds[0]):
        for seed in seeds:
            if judge(plain, function, seed, recognising=False).right:
                yield f"{name} passes {exercise.id} at seed {seed}: choose richer cases."
                break


def law_gate(exercise: Exercise, solution: Callable, seed: int = 0) -> Iterator[str]:
    """Every law is broken by some wrong answer; one that nothing breaks, says nothing."""
    wrong = [function for _, function in (*wrong_answers.empty(exercise, solution, seed), *wrong_answers.bent(exercise, solution))]
    asked = [lambda *args, one=one: exercise.call(one.function, *args) for one in exercise.misconceptions]
    for law in exercise.laws:
        cases = exercise.cases(seed)
        if not any(broken(law, case, function) for function in (*asked, *wrong) for case in cases):
            yield f"No wrong answer breaks the law {law.name!r} of {exercise.id}: it may hold for everything; make it say more."


def broken(law: Law, case: Case, function: Callable) -> bool:
    """Whether a function's answer breaks a law; one that stops with an error shows nothing."""
    try:
        answer = function(*build_args(case))
    except Exception:
        return False
    return not obeys(law, case, answer)


def self_contained_gate(exercise: Exercise, solution: Callable) -> Iterator[str]:
    """The solution uses its arguments, imports, and what is defined at the top level of the source."""
    names = sorted(global_names(solution.__code__) - set(solution.__globals__) - set(dir(__import__("builtins"))))
    if names:
        yield (f"The solution of {exercise.id} uses {', '.join(names)}, which its source sets in the course of the lab: "
               "hand it over as an argument, or define it at the top level as a function or a CONSTANT.")


def global_names(code: types.CodeType) -> set[str]:
    """Names that a function and the functions inside it look up in their module."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(global_names(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))
