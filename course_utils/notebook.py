"""What a lab's first cell imports: `start`, `check`, `claim` and `timing`; `start` brings the magics."""
from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from course_utils import magics
from course_utils.exercises import registry
from course_utils.exercises.judge import judge
from course_utils.exercises.solved import SolutionMissing, solution
from course_utils.memory import keep_freed_memory
from course_utils.settings import profile_name, threads

__all__ = ["ClaimError", "WrongAnswer", "check", "claim", "cpu_seconds", "start", "timing"]

_tries: Counter[str] = Counter()  # every check of an exercise draws new cases


class ClaimError(AssertionError):
    """A statement that the lab makes does not hold in this run."""


class WrongAnswer(AssertionError):
    """Raised by `check` where an nbgrader run asks for the marks; a student never meets it."""


def start(lab: str, seed: int = 0) -> None:
    """Get a lab ready: seeds, threads, memory, the look of figures, and the magics.

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
    keep_freed_memory()
    seed_everything(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads())
    use_style()
    magics.register()
    if profile_name() == "fast":
        print(f"Lab {lab} in the fast profile: fewer steps, pictures and seeds.")


def show(thing: Any) -> None:
    """Display in a notebook, print elsewhere."""
    if magics.running_shell() is None:
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
    if needs_full and profile_name() != "full":
        print(f"– {text}: claimed in the full profile only")
        return
    holds, statement, measured = weigh(text, value, at_least=at_least, at_most=at_most, between=between, equals=equals)
    if not holds:
        raise ClaimError(f"✗ {statement} does not hold in this run: measured {measured!r}.")
    print(f"✓ {statement}")


def weigh(text: str, value: Any, *, at_least: float | None = None, at_most: float | None = None,
          between: tuple[float, float] | None = None, equals: Any = None) -> tuple[bool, str, Any]:
    """Whether a bound holds, the statement in words, and the value as a plain Python one."""
    if sum(bound is not None for bound in (at_least, at_most, between, equals)) > 1:
        raise ValueError(f"The claim {text!r} has several bounds; give one of at_least, at_most, between, equals.")
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
    return bool(holds), text + bound, measured


def timing(text: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
    """Print a statement about time with what was measured; where it does not hold, say so and go on.

    Time belongs to the machine as much as to the method, and a lab has to reach its end on a slow or busy one.
    Its cell is tagged `nbval-ignore-output`.

    Parameters
    ----------
    text : str
        The statement: `"Seconds for 1,000 samples"`.
    value : number
        What was measured here.
    at_least, at_most : number, optional
        The bound that the course's reference machine keeps, two cores of a server, in the unit of the value.
    """
    holds, statement, measured = weigh(text, value, at_least=at_least, at_most=at_most)
    print(f"✓ {statement}; here {measured:.3g}" if holds
          else f"○ {statement} on the course's reference machine; here {measured:.3g}, on this machine and as busy as it is")


def cpu_seconds(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Processor time of `work()` on one thread, in seconds: the least of some repeats. And its last answer.

    One thread, because threads that wait for each other count as work.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    spent, answer = [], None
    try:
        with threadpool_limits(limits=1):
            if torch:
                torch.set_num_threads(1)
            for _ in range(repeats):
                began = time.process_time()
                answer = work()
                spent.append(time.process_time() - began)
    finally:
        if torch:
            torch.set_num_threads(before)
    return min(spent), answer
