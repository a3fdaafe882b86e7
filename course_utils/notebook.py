"""What a lab's first cell imports: `start`, `check` and `claim`, and with them `%hint` and `%reveal`."""
from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from course_utils.exercises import registry
from course_utils.exercises.judge import judge
from course_utils.exercises.solved import SolutionMissing, solution, solved_cell
from course_utils.settings import profile_name, threads

__all__ = ["ClaimError", "WrongAnswer", "check", "claim", "start"]

_tries: Counter[str] = Counter()       # every check of an exercise draws new cases
_hints_shown: Counter[str] = Counter()


class ClaimError(AssertionError):
    """A statement that the lab makes does not hold in this run."""


class WrongAnswer(AssertionError):
    """Raised by `check` where an nbgrader run asks for the marks; a student never meets it."""


def start(lab: str, seed: int = 0) -> None:
    """Get a lab ready: seeds, threads, the look of figures, `%hint` and `%reveal`.

    Parameters
    ----------
    lab : str
        Two digits of the lab.
    seed : int
        Of the global random generators.
    """
    from course_utils.plots.style import use_style
    from course_utils.training import seed_everything

    _tries.clear()
    _hints_shown.clear()
    seed_everything(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads())
    use_style()
    shell = running_shell()
    if shell is not None:
        shell.register_magic_function(hint, "line", "hint")
        shell.register_magic_function(reveal, "line", "reveal")
    if profile_name() == "fast":
        print(f"Lab {lab} in the fast profile: fewer steps, pictures and seeds.")


def running_shell() -> Any:
    """The IPython shell that this runs in, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def show(thing: Any) -> None:
    """Display in a notebook, print elsewhere."""
    if running_shell() is None:
        print(thing)
    else:
        from IPython.display import display

        display(thing)


def check(exercise_id: str, function: Callable) -> Callable:
    """Judge a function on fresh cases and return one to go on with.

    Parameters
    ----------
    exercise_id : str
        `"06.1"`.
    function : callable
        The student's.

    Returns
    -------
    callable
        The student's function where it is right, else the solution's; the student's again where
        the solutions were withheld.
    """
    exercise = registry.find(exercise_id)
    verdict = judge(exercise, function, seed=_tries[exercise.id])
    _tries[exercise.id] += 1
    go_on = function
    if not verdict.right:
        try:
            go_on = solution(exercise)
            verdict.going_on = f"Until yours is right, the lab goes on with the solution's `{exercise.function}`."
        except SolutionMissing:
            verdict.going_on = (f"The solutions are not in this copy of the course: the lab goes on with your "
                                f"`{exercise.function}`, so cells below may fail until it is right.")
    show(verdict)
    if not verdict.right and os.environ.get("NBGRADER_EXECUTION"):
        raise WrongAnswer(str(verdict))
    return go_on


def claim(text: str, value: Any, *, at_least: float | None = None, at_most: float | None = None,
          between: tuple[float, float] | None = None, equals: Any = None, needs_full: bool = False) -> None:
    """Assert a measured statement, and print it in words that do not depend on the machine.

    Parameters
    ----------
    text : str
        The statement: `"The peak of CAM lies on the animal"`.
    value : number or bool
        What was measured; a plain condition where no bound is given.
    at_least, at_most, between, equals : optional
        The bound, in the unit of the value. One of them at most.
    needs_full : bool
        The statement is made in the full profile only; in the fast one, it says so instead.

    Raises
    ------
    ClaimError
        If the statement does not hold: the sentence has the measured value.
    """
    if sum(bound is not None for bound in (at_least, at_most, between, equals)) > 1:
        raise ValueError(f"The claim {text!r} has several bounds; give one of at_least, at_most, between, equals.")
    if needs_full and profile_name() != "full":
        print(f"– {text}: claimed in the full profile only")
        return
    measured = value.item() if hasattr(value, "item") else value
    if at_least is not None:
        holds, bound = measured >= at_least, f": at least {at_least:g}"
    elif at_most is not None:
        holds, bound = measured <= at_most, f": at most {at_most:g}"
    elif between is not None:
        holds, bound = between[0] <= measured <= between[1], f": between {between[0]:g} and {between[1]:g}"
    elif equals is not None:
        holds, bound = measured == equals, f": {equals}"
    else:
        holds, bound = bool(measured), ""
    if not holds:
        raise ClaimError(f"✗ {text}{bound} does not hold in this run: measured {measured!r}.")
    print(f"✓ {text}{bound}")


def hint(line: str) -> None:
    """`%hint 06.1`: the next hint of an exercise, from a nudge to the line that matters."""
    exercise = find_or_say(line, "hint")
    if exercise is None:
        return
    shown = _hints_shown[exercise.id] = min(_hints_shown[exercise.id] + 1, len(exercise.hints))
    print(f"Hint {shown} of {len(exercise.hints)} for {exercise.id}: {exercise.hints[shown - 1]}")


def reveal(line: str) -> None:
    """`%reveal 06.1`: puts the solved cell in place of the cell that it is run in."""
    exercise = find_or_say(line, "reveal")
    if exercise is None:
        return
    try:
        text = solved_cell(exercise)
    except SolutionMissing as missing:
        print(f"{missing} Ask for `%hint {exercise.id}` instead.")
        return
    shell = running_shell()
    if shell is not None and hasattr(shell, "set_next_input"):
        shell.set_next_input(text, replace=True)
        print(f"The solution of {exercise.id} stands in this cell: run it, then the check below.")
    else:
        print(text)


def find_or_say(line: str, magic: str) -> Any:
    """The exercise that a magic's line names; where there is none, one sentence and None."""
    try:
        return registry.find(line.strip().strip("'\""))
    except registry.UnknownExercise as unknown:
        print(f"{unknown} Write for example `%{magic} 06.1`.")
        return None
