"""The judge survives everything that a student's function can do, and says what is wrong."""
import random
import sys
import threading
import time

import numpy as np
import pytest
import torch

from course_utils.exercises import Case, Exercise, Law, Misconception
from course_utils.exercises.judge import judge


def cases(seed):
    rng = np.random.default_rng(seed)
    return [Case((rng.normal(size=(3, 4)),), f"3 rows, case {k}") for k in range(3)]


def rows(x):
    return x.sum(axis=1)


def make(oracle=rows, cases=cases, **changes):
    fields = dict(
        id="99.1", title="Sums of rows", points=1, minutes=5, function="row_sums", cases=cases, oracle=oracle,
        hints=("a", "b", "c"), limit_s=1.0,
        laws=(Law("total", "The sums add up to the sum of all entries.", lambda args, a: np.isclose(a.sum(), args[0].sum())),),
        misconceptions=(Misconception("mean", lambda x: x.mean(axis=1), "A mean divides by the count; leave that out."),))
    return Exercise(**{**fields, **changes})


def said(function, exercise=None, seed=0):
    verdict = judge(exercise or make(), function, seed)
    return verdict, str(verdict)


def test_right_answer_names_the_laws():
    verdict, text = said(lambda x: x @ np.ones(4))
    assert verdict.right and "right on all 3 cases" in text and "total" in text


def test_stub_is_not_started():
    def row_sums(x):
        raise NotImplementedError()

    verdict, text = said(row_sums)
    assert verdict.status == "not started" and "not started" in text


def test_not_implemented_by_a_library_is_an_error_of_the_student():
    verdict, _ = said(lambda x: torch.nn.Module()(torch.zeros(1)))
    assert verdict.status == "wrong"


def test_misconception_gets_its_own_sentence():
    verdict, text = said(lambda x: x.sum(axis=1) / x.shape[1])
    assert verdict.misconception == "mean" and "leave that out" in text


@pytest.mark.parametrize("error, words", [
    (ValueError("bad"), "ValueError: bad"), (SystemExit(), "exit()"), (KeyboardInterrupt(), "KeyboardInterrupt"),
    (BaseException("odd"), "odd"), (NameError("name 'q' is not defined"), "typing mistake"),
])
def test_any_exception_is_reported_with_its_line(error, words):
    def row_sums(x):
        raise error

    verdict, text = said(row_sums)
    assert verdict.status == "wrong" and words in text and "raise error" in text


@pytest.mark.parametrize("answer, words", [
    (lambda x: None, "without a `return`"),
    (lambda x: list(x.sum(1)), "np.array"),
    (lambda x: torch.from_numpy(x.sum(1)), ".detach().numpy()"),
    (lambda x: "sums", "the text 'sums'"),
    (lambda x: x.sum(1, keepdims=True), "axis of length 1"),
    (lambda x: x.sum(), "the float"),
    (lambda x: x.sum(0), "shape (4,); expected: (3,)"),
    (lambda x: x.sum(1).astype(int), "dtype differs"),
    (lambda x: x.sum(1).astype(complex), "dtype differs"),
    (lambda x: (x.sum(1), 0), "a tuple of 2"),
    (lambda x: {"sums": x.sum(1)}, "a dictionary"),
    (lambda x: object(), "a object"),
    (lambda x: x.sum(1) * np.nan, "NaN"),
    (lambda x: np.full(3, np.inf), "infinity"),
    (lambda x: (row for row in x), "a generator"),
])
def test_wrong_type_shape_dtype_and_nan(answer, words):
    verdict, text = said(answer)
    assert verdict.status == "wrong" and words in text, text


@pytest.mark.parametrize("answer, words", [
    (lambda x: -x.sum(1), "wrong sign"), (lambda x: 3 * x.sum(1), "3 times"),
    (lambda x: abs(x.sum(1)), "absolute values"), (lambda x: x.sum(1) + 2, "plus 2"),
    (lambda x: x.sum(1) ** 2, "squares"), (lambda x: x.sum(1)[::-1], "reverse order"),
    (lambda x: x.sum(1) / np.abs(x).max(), "normalisation"), (lambda x: x.sum(1) * 1.0005, "about three digits"),
])
def test_simple_relations_are_recognised(answer, words):
    verdict, text = said(answer, make(misconceptions=()))
    assert verdict.status == "wrong" and words in text, text


def test_broken_law_is_named():
    verdict, text = said(lambda x: x.sum(1) + np.arange(3) ** 2)
    assert verdict.law == "total" and "add up" in text


def test_laws_judge_alone_where_there_is_no_oracle():
    exercise = make(oracle=None)
    assert judge(exercise, rows, 0).right
    verdict, text = said(lambda x: x.sum(1) + 1, exercise)
    assert verdict.law == "total" and verdict.sentence == "The sums add up to the sum of all entries."


def test_change_of_the_input():
    def row_sums(x):
        x -= 1
        return x.sum(1) + 4

    verdict, text = said(row_sums)
    assert verdict.status == "wrong" and "changes its input (argument 1)" in text


def test_change_of_a_network_is_seen():
    def cases(seed):
        return [Case((torch.nn.Linear(2, 1).double(), torch.ones(1, 2).double()), "a layer")]

    def trains(layer, x):
        layer.weight.data += 1
        return layer(x).detach() - 2

    exercise = make(cases=cases, oracle=lambda layer, x: layer(x).detach(), laws=(), misconceptions=())
    assert judge(exercise, lambda layer, x: layer(x).detach(), 0).right
    assert "argument 1" in str(judge(exercise, trains, 0))
    assert "input" not in str(judge(make(cases=cases, oracle=lambda layer, x: layer(x).detach(), laws=(), misconceptions=(), changes=(0,)), trains, 0))


def test_gradient_left_over_from_the_first_call():
    def cases(seed):
        return [Case((torch.tensor([1.0, 2.0]).double() + seed,), "two numbers")]

    def accumulates(x):
        x.requires_grad_()
        (x ** 2).sum().backward()
        return x.grad

    exercise = make(cases=cases, oracle=lambda x: 2 * x, laws=(), misconceptions=())
    assert "Called twice" in str(judge(exercise, accumulates, 0))
    assert judge(exercise, lambda x: 2 * x, 0).right


def test_printing_is_kept_off_the_page(capsys):
    def row_sums(x):
        print("my sums", x.sum())
        print("noise" * 10_000_000)
        return x.sum(1)

    verdict, text = said(row_sums)
    assert verdict.right and "my sums" in text and len(text) < 2_000
    assert capsys.readouterr().out == ""


def test_view_of_the_input_is_noted():
    exercise = make(oracle=lambda x: x.T.copy(), laws=(), misconceptions=())
    verdict, text = said(lambda x: x.T, exercise)
    assert verdict.right and "view of the input" in text
    assert "view" not in said(lambda x: x.T.copy(), exercise)[1]


def test_global_random_state_is_put_back_and_noted():
    def row_sums(x):
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        return x.sum(1)

    np.random.seed(5), torch.manual_seed(5), random.seed(5)
    want = np.random.rand(), torch.rand(1).item(), random.random()
    np.random.seed(5), torch.manual_seed(5), random.seed(5)
    verdict, text = said(row_sums)
    assert verdict.right and "random generator" in text
    assert (np.random.rand(), torch.rand(1).item(), random.random()) == want


def test_endless_loop_is_interrupted():
    def row_sums(x):
        while True:
            x = x + 0

    started = time.monotonic()
    verdict, text = said(row_sums)
    assert "within 1 s" in text and not verdict.stuck and time.monotonic() - started < 4


def test_loop_that_swallows_exceptions_is_interrupted():
    def row_sums(x):
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                pass

    assert not said(row_sums)[0].stuck


def test_wait_in_c_code_does_not_hold_the_notebook():
    release = threading.Event()
    verdict, text = said(lambda x: release.wait(60))
    release.set()
    assert verdict.stuck and "restart the kernel" in text


def test_stuck_function_cannot_turn_its_verdict_later():
    release = threading.Event()

    def row_sums(x):
        release.wait(60)
        return x.sum(1)

    verdict, before = said(row_sums)
    release.set()
    assert str(verdict) == before and verdict.status == "wrong"


def test_deep_recursion():
    def row_sums(x):
        return row_sums(x)

    assert "without an end" in said(row_sums)[1]


@pytest.mark.parametrize("thing", [None, 3, np.ones(3), "rows"])
def test_something_that_is_no_function(thing):
    verdict, text = said(thing)
    assert verdict.status == "wrong" and "not a function" in text


def test_wrong_number_of_arguments():
    assert "keep the signature" in said(lambda: 0)[1]


def test_html_escapes_what_the_student_wrote():
    def row_sums(x):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in judge(make(), row_sums, 0)._repr_html_()


def test_nothing_is_left_in_stdout():
    before = sys.stdout
    said(rows)
    assert sys.stdout is before


@pytest.mark.parametrize("fields, words", [
    (dict(id="6.1"), "06.1"), (dict(function="row sums"), "no Python name"), (dict(difficulty=4), "1, 2 or 3"),
    (dict(oracle=None, laws=()), "neither"),
    (dict(misconceptions=(Misconception("a", rows, "b"), Misconception("a", rows, "c"))), "one name"),
])
def test_bad_declarations_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        make(**fields)


def share_of_rows(expected, answers):
    return float(np.mean([np.isclose(right, given) for right, given in zip(expected, answers)]))


@pytest.mark.parametrize("function, points", [
    (lambda x: np.where(np.arange(3) == 2, 0.0, x.sum(axis=1)), 6),   # two of three rows: 6.67 of 10
    (lambda x: np.zeros(3), 0),
    (lambda x: x.sum(axis=1)[:2], 0),                                # not the right form
    (lambda x: 1 / 0, 0),
])
def test_partial_credit(function, points):
    verdict, text = said(function, make(points=10, credit=share_of_rows))
    assert verdict.status == "wrong" and verdict.points == points
    assert (f"worth {points} points" in text) == bool(points)
    assert said(function)[0].points == 0
