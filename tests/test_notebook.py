"""check, claim, %hint and %reveal, as a lab uses them."""
import textwrap

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils import magics, notebook
from course_utils.exercises import Case, Exercise, Misconception, registry, solved

SOURCE = textwrap.dedent('''
    # %% [markdown] tags=["card"] label="99.1-card"
    # ### Exercise 99.1 · Doubles

    # %%
    import numpy as np
    FACTOR = 2
    data = undefined_in_this_file

    def helper(x):
        return FACTOR * x

    # %% tags=["exercise"] label="99.1"
    def double(x):
        """Twice x."""
        ### BEGIN SOLUTION
        return helper(np.asarray(x))
        ### END SOLUTION

    # %% tags=["check"] label="99.1-check"
    double = check("99.1", double)
''')


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A course with one toy exercise and its solved source."""
    exercise = Exercise(
        id="99.1", title="Doubles", points=1, minutes=2, function="double", oracle=lambda x: x + x,
        cases=lambda seed: [Case((np.random.default_rng(seed).normal(size=3),), f"seed {seed}")],
        hints=("think", "multiply", "2 * x"),
        misconceptions=(Misconception("square", lambda x: x ** 2, "That is the square."),))
    monkeypatch.setattr(registry, "of_lab", lambda lab: (exercise,) if lab == "99" else ())
    folder = tmp_path / "solutions"
    folder.mkdir()
    (folder / "99_toy.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(solved, "course_root", lambda: tmp_path)
    notebook._tries.clear()
    magics.register()
    return folder / "99_toy.py"


def stub(x):
    raise NotImplementedError()


def test_right_function_is_handed_back(course, capsys):
    def mine(x):
        return 2 * x

    assert notebook.check("99.1", mine) is mine
    assert "✓ 99.1 Doubles" in capsys.readouterr().out


def test_stub_and_wrong_function_give_the_solution(course, capsys):
    for function in (stub, lambda x: x ** 2):
        go_on = notebook.check("99.1", function)
        assert np.array_equal(go_on(np.arange(3)), [0, 2, 4])
    out = capsys.readouterr().out
    assert "not started" in out and "That is the square." in out and "goes on with the solution's `double`" in out


def test_withheld_solution_gives_the_students_function_and_says_so(course, capsys):
    course.unlink()
    assert notebook.check("99.1", stub) is stub
    assert "not in this copy" in capsys.readouterr().out


def test_each_check_draws_new_cases(course):
    seen = []
    for _ in range(2):
        notebook.check("99.1", lambda x: seen.append(x.copy()) or 2 * x)
    firsts = seen[0], seen[len(seen) // 2]
    assert not np.array_equal(*firsts)


def test_nbgrader_gets_an_error_for_a_wrong_answer_only(course, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    notebook.check("99.1", lambda x: 2 * x)
    with pytest.raises(notebook.WrongAnswer, match="square"):
        notebook.check("99.1", lambda x: x ** 2)


def test_hints_come_one_by_one(course, capsys):
    for _ in range(4):
        magics.hint("99.1")
    out = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in out] == ["think", "multiply", "2 * x", "2 * x"]


def test_reveal_puts_the_solved_cell_in_place(course, monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(magics, "running_shell", lambda: shell)
    given = []
    monkeypatch.setattr(shell, "set_next_input", lambda text, replace: given.append((text, replace)), raising=False)
    magics.reveal("99.1")
    text, replace = given[0]
    assert replace and text.startswith("def double(x):") and "helper(np.asarray(x))" in text and "###" not in text


@pytest.mark.parametrize("magic", [magics.hint, magics.reveal])
@pytest.mark.parametrize("line", ["", "99.7", "nonsense"])
def test_unknown_exercise_is_one_sentence(course, capsys, magic, line):
    magic(line)
    assert "There is no exercise" in capsys.readouterr().out


def test_a_source_may_define_dataclasses(course):
    """Annotations as text, as they are where a source says `from __future__ import annotations`."""
    text = course.read_text(encoding="utf-8")
    course.write_text(text.replace("def helper", "from dataclasses import dataclass\n\n@dataclass\nclass Pair:\n    first: 'int'\n    second: 'int' = 0\n\ndef helper", 1),
                      encoding="utf-8")
    assert solved.solution(registry.find("99.1"))(2) == 4


def test_solution_sees_edits_of_its_source(course):
    exercise = registry.find("99.1")
    assert solved.solution(exercise)(3) == 6
    course.write_text(SOURCE.replace("FACTOR = 2", "FACTOR = 20"), encoding="utf-8")
    assert solved.solution(exercise)(3) == 60


@pytest.mark.parametrize("bound, good, bad", [
    (dict(at_least=0.9), 0.9, 0.89), (dict(at_most=2), 2, 2.1), (dict(between=(1, 2)), 1.5, 2.5), (dict(equals=3), 3, 4),
    (dict(), True, False), (dict(at_least=0.5), np.float32(0.7), np.float32(np.nan)),
])
def test_claim_holds_or_raises(bound, good, bad, capsys):
    notebook.claim("It is so", good, **bound)
    assert capsys.readouterr().out.startswith("✓ It is so")
    with pytest.raises(notebook.ClaimError, match="It is so"):
        notebook.claim("It is so", bad, **bound)


def test_claim_prints_the_bound_and_not_the_value(capsys):
    notebook.claim("The peak lies on the animal", 0.951234, at_least=0.9)
    assert capsys.readouterr().out == "✓ The peak lies on the animal: at least 0.9\n"


def test_claim_of_the_full_profile_says_so_in_the_fast_one(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    notebook.claim("Long training helps", False, needs_full=True)
    assert "full profile only" in capsys.readouterr().out
    monkeypatch.setenv("COURSE_PROFILE", "full")
    with pytest.raises(notebook.ClaimError):
        notebook.claim("Long training helps", False, needs_full=True)


def test_claim_with_two_bounds_is_refused():
    with pytest.raises(ValueError, match="several bounds"):
        notebook.claim("It is so", 1, at_least=0, at_most=2)


def test_timing_says_where_it_does_not_hold_and_goes_on(capsys):
    notebook.timing("Seconds for a map", 1.234, at_most=3)
    notebook.timing("Seconds for a map", 5.87, at_most=3)
    notebook.timing("times faster", 1.1, at_least=1.2)
    right, slow, small = capsys.readouterr().out.splitlines()
    assert right == "✓ Seconds for a map: at most 3; here 1.23"
    assert slow.startswith("○ Seconds for a map: at most 3 on the course's reference machine; here 5.87")
    assert small.startswith("○ times faster: at least 1.2")


def test_cpu_seconds_are_of_one_thread_and_the_threads_come_back():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        seen = []
        seconds, answer = notebook.cpu_seconds(lambda: seen.append(torch.get_num_threads()) or sum(range(200_000)), 3)
        assert seen == [1, 1, 1] and answer == sum(range(200_000)) and seconds > 0
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError):
            notebook.cpu_seconds(lambda: 1 / 0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
