"""The gates of the labs: every exercise rejects what is wrong and passes what is right.

The first half tries the gates themselves on toy exercises that break one rule each: no gate is
trusted that has not been seen to reject.
"""
import dataclasses
import sys
import types

import numpy as np
import pytest
from toy_lab import EXERCISES, TOY

from course_utils.authoring import gates, wrong_answers
from course_utils.authoring.sources import Lab, find_labs, read_source
from course_utils.authoring.student import stub_functions
from course_utils.exercises import registry, solved
from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.settings import course_root, profile

REAL = registry.all_exercises()

RMS, MOVING = EXERCISES


@pytest.fixture(autouse=True)
def toy_module(monkeypatch):
    """The module that the toy's source imports in its kernel would change the course's registry here."""
    monkeypatch.setitem(sys.modules, "toy_course", types.ModuleType("toy_course"))


def solution_of(exercise, root=None):
    return solved.solution(exercise, (root or course_root()) / "solutions")


def stubs_of(lab, declared):
    by_id = {exercise.id: exercise for exercise in declared}
    known = vars(solved.definitions(lab.source, lab.source.stat().st_mtime_ns))
    return stub_functions(read_source(lab), by_id, known)


def changed(exercise=RMS, **fields):
    return dataclasses.replace(exercise, **fields)


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


# Do the gates reject?

def test_gates_pass_sound_exercises():
    for exercise in (RMS, MOVING):
        right = solution_of(exercise, TOY)
        found = [*gates.declaration_gate(exercise), *gates.cases_gate(exercise), *gates.solution_gate(exercise, right),
                 *gates.misconception_gate(exercise), *gates.empty_answer_gate(exercise, right),
                 *gates.law_gate(exercise, right), *gates.self_contained_gate(exercise, right)]
        assert found == []


def test_stubs_are_what_the_student_gets():
    stubs = stubs_of(Lab(TOY, "00_toy"), (RMS, MOVING))
    assert set(stubs) == {"00.1", "00.2"} and "Root of the mean" in stubs["00.1"].__doc__
    with pytest.raises(NotImplementedError):
        stubs["00.1"](np.ones(3))
    assert list(gates.stub_gate(RMS, stubs["00.1"])) == []


@pytest.mark.parametrize("fields, said", [
    ({"hints": RMS.hints[:2]}, "has 2 hints; write at least three"),
    ({"hints": ("a", "b", "b")}, "hints that say nothing or say the same"),
    ({"hints": ("a", "b", " ")}, "hints that say nothing"),
    ({"misconceptions": RMS.misconceptions[:2]}, "has 2 misconceptions"),
    ({"misconceptions": tuple(dataclasses.replace(wrong, says="No.") for wrong in RMS.misconceptions)}, "say the same"),
    ({"points": 0}, "0 points"),
    ({"laws": (Law("mute", " ", lambda args, answer: True),)}, "law 'mute' of 00.1 says nothing"),
])
def test_declaration_gate_rejects(fields, said):
    assert any(said in sentence for sentence in gates.declaration_gate(changed(**fields)))


def test_cases_gate_rejects():
    fixed = [Case((np.ones(3),), "ones"), Case((np.arange(3.0),), "rising")]
    unseeded = np.random.default_rng()
    assert any("the same at seeds 0 and 1" in s for s in gates.cases_gate(changed(cases=lambda seed: fixed)))
    assert any("fewer than two" in s for s in gates.cases_gate(changed(cases=lambda seed: RMS.cases(seed)[:1])))
    drawn = changed(cases=lambda seed: [Case((unseeded.normal(size=3),), "drawn")] * 2)
    assert any("differ from call to call" in s for s in gates.cases_gate(drawn))


def test_solution_gate_rejects():
    def right_but_for_seed_17(values):
        return rms(values) + (1.0 if np.array_equal(values, RMS.cases(17)[2].args[0]) else 0.0)

    def talks(values):
        print("so far so good")
        return rms(values)

    assert list(gates.solution_gate(RMS, rms)) == []
    assert "is not right at seed 17" in next(gates.solution_gate(RMS, right_but_for_seed_17))
    assert "the judge remarks: your function prints" in next(gates.solution_gate(RMS, talks))


@pytest.mark.parametrize("stub", [lambda values: None, lambda values: 0.0, rms], ids=["None", "zero", "solved"])
def test_stub_gate_rejects(stub):
    assert "should be 'not started'" in next(gates.stub_gate(RMS, stub))


def test_misconception_gate_rejects():
    right = Misconception("right", rms, "This is right.")
    same = Misconception("same again", RMS.misconceptions[0].function, "Another sentence.")
    ones = changed(cases=lambda seed: [Case((np.full(3, 1.0 + seed),), "equal"), Case((np.ones(4),), "ones")],
                   misconceptions=RMS.misconceptions[1:2])
    assert "'right' of 00.1 passes at seed 0" in next(gates.misconception_gate(changed(misconceptions=(right,))))
    found = list(gates.misconception_gate(changed(misconceptions=(*RMS.misconceptions, same))))
    assert len(found) == 1 and "'same again' of 00.1 gets the sentence of 'sum for mean'" in found[0]
    assert "passes at seed 0" in next(gates.misconception_gate(ones))  # equal values hide the difference


def shaped(answer, size=4):
    """An exercise whose right answer is `answer(values)`, on random values."""
    return changed(cases=lambda seed: [Case((np.random.default_rng([seed, k]).normal(size=size),), str(k)) for k in range(3)],
                   oracle=answer, laws=())


@pytest.mark.parametrize("answer, said", [
    (lambda values: np.zeros(4), "An answer of zeros passes"),
    (lambda values: np.ones(4), "A constant answer passes"),
    (lambda values: np.full(4, np.nan), "An answer of NaN passes"),
    (lambda values: values.copy(), "The first argument as the answer passes"),
    (lambda values: np.arange(4.0), "The first case's answer to every case passes"),
    (lambda values: {"sum": (np.zeros(2), 0.0)}, "An answer of zeros passes"),
    (lambda values: True, "A constant answer passes"),
    (lambda values: "", "An answer of zeros passes"),
], ids=["zeros", "ones", "nan", "identity", "constant", "nested", "bool", "text"])
def test_empty_answer_gate_rejects(answer, said):
    exercise = shaped(answer)
    assert any(said in sentence for sentence in gates.empty_answer_gate(exercise, answer))


def test_empty_answers_are_made_through_call():
    """An exercise that returns a function is judged by what that function gives."""
    exercise = changed(call=lambda function, values: function()(values), oracle=lambda values: float(np.sum(values)), laws=())
    named = dict(wrong_answers.empty(exercise, lambda: lambda values: float(np.sum(values)), 0))
    assert named["An answer of zeros"](np.arange(3.0)) == 0.0 and named["A constant answer"](np.arange(3.0)) == 1.0
    assert list(gates.empty_answer_gate(exercise, lambda: lambda values: float(np.sum(values)))) == []


def test_law_gate_rejects():
    vacuous = changed(laws=(Law("vacuous", "It is a number.", lambda args, answer: True), *RMS.laws))
    found = list(gates.law_gate(vacuous, rms))
    assert len(found) == 1 and "the law 'vacuous' of 00.1" in found[0]


def test_self_contained_gate_rejects():
    names = {"np": np, "CONSTANT": 2}
    exec("def uses(values):\n    def inner():\n        return scale\n    return CONSTANT * np.sum(values) * inner() + len(values)", names)
    assert "uses scale, which its source sets" in next(gates.self_contained_gate(RMS, names["uses"]))
    assert list(gates.self_contained_gate(RMS, rms)) == []


# Every exercise of the course

SEEDS = profile(full=gates.SOLUTION_SEEDS, fast=gates.SOLUTION_SEEDS[:2])
WRONG_SEEDS = profile(full=gates.WRONG_SEEDS, fast=gates.WRONG_SEEDS[:1])
LONG = ("17.3",)
MISCONCEPTIONS = profile(full=None, fast=3)  # the full profile tries all of them


@pytest.fixture(params=REAL, ids=[exercise.id for exercise in REAL])
def exercise(request):
    return request.param


@pytest.fixture
def right(exercise):
    return solution_of(exercise)


def test_declaration(exercise):
    assert list(gates.declaration_gate(exercise)) == []


def test_cases(exercise):
    assert list(gates.cases_gate(exercise)) == []


def test_solution_is_right_at_every_seed(swept, right):
    exercise = swept
    assert len(gates.SOLUTION_SEEDS) >= 20
    assert list(gates.solution_gate(exercise, right, SEEDS)) == []


def test_solution_is_self_contained(exercise, right):
    assert list(gates.self_contained_gate(exercise, right)) == []


def test_stub_is_not_started(exercise):
    lab = find_labs(course_root(), [exercise.lab])[0]
    stub = stubs_of(lab, registry.of_lab(exercise.lab))[exercise.id]
    assert list(gates.stub_gate(exercise, stub)) == []


@pytest.fixture
def swept(exercise):
    """Exercises whose every call audits six networks are swept in the full run only."""
    if exercise.id in LONG and profile(full=False, fast=True):
        pytest.skip("long: in the full run only")
    return exercise


def test_misconceptions_get_their_sentences(swept):
    exercise = swept
    some = dataclasses.replace(exercise, misconceptions=exercise.misconceptions[:MISCONCEPTIONS])
    assert list(gates.misconception_gate(some, WRONG_SEEDS)) == []


def test_empty_answers_fail(swept, right):
    exercise = swept
    assert list(gates.empty_answer_gate(exercise, right, WRONG_SEEDS[:2])) == []


def test_laws_can_be_broken(swept, right):
    exercise = swept
    assert list(gates.law_gate(exercise, right)) == []


def test_every_lab_with_a_source_is_declared_and_the_other_way_round():
    assert [lab.number for lab in find_labs(course_root())] == list(registry.labs())
    assert all(isinstance(exercise, Exercise) for exercise in REAL)
