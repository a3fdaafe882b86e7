"""What an exercise is: one declaration that the lab, the class, the gates and the grader all use."""
from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Given:
    """An input that is built where it is used: a name and plain parameters travel, never the object.

    Attributes
    ----------
    builder : str
        `"module:function"` of a function in `course_utils`.
    parameters : mapping of str to plain values
        Its keyword arguments: numbers, strings, lists of them, arrays.
    """

    builder: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> Any:
        """Call the builder; every call makes a fresh object."""
        module, _, name = self.builder.partition(":")
        if module.split(".")[0] != "course_utils":
            raise ValueError(f"{self.builder!r} is no builder: it has to be a function of course_utils.")
        return getattr(importlib.import_module(module), name)(**self.parameters)


def given(builder: Callable, **parameters: Any) -> Given:
    """Declare an input that `builder(**parameters)` makes, such as a network from its seed.

    Parameters
    ----------
    builder : callable
        A function at the top level of a module of `course_utils`.
    **parameters
        Plain keyword arguments for it.
    """
    return Given(f"{builder.__module__}:{builder.__qualname__}", parameters)


@dataclass(frozen=True)
class Case:
    """One set of inputs.

    Attributes
    ----------
    args : tuple
        Positional arguments of the student's function; a `Given` among them is built afresh.
    about : str
        The case in a phrase that a verdict can quote: `"stride 2, padding 1"`.
    """

    args: tuple
    about: str


@dataclass(frozen=True)
class Law:
    """What every right answer obeys, whatever the oracle says.

    Attributes
    ----------
    name : str
        The field's word for it: `"completeness"`.
    says : str
        One sentence for the student whose answer breaks it.
    holds : callable
        `holds(args, answer) -> bool`, with the arguments built.
    """

    name: str
    says: str
    holds: Callable[[tuple, Any], bool]


@dataclass(frozen=True)
class Misconception:
    """A wrong function that people really write, and the sentence that puts it right.

    Attributes
    ----------
    name : str
        Short name for reports: `"softmax instead of score"`.
    function : callable
        The wrong function, with the exercise's signature.
    says : str
        The sentence that the student gets.
    """

    name: str
    function: Callable
    says: str


def call_plainly(function: Callable, *args: Any) -> Any:
    """Call the function with the case's arguments: how most exercises are asked."""
    return function(*args)


@dataclass(frozen=True)
class Exercise:
    """One exercise, in full.

    Attributes
    ----------
    id : str
        Lab and number: `"06.1"`.
    title : str
        What the card says.
    points, minutes, difficulty : int
        Points in grading, planned minutes, one to three dots.
    function : str
        Name of the student's function.
    cases : callable
        `cases(seed) -> sequence of Case`; other seed, other inputs.
    oracle : callable or None
        The right answer from an independent source; its type and shape are what is expected.
        None only where the answer is random and the laws pin it down.
    hints : sequence of str
        At least three: a nudge, a sketch, the line that matters.
    misconceptions : sequence of Misconception
        At least three.
    laws : sequence of Law
        Checked after the oracle, on each case.
    rtol, atol : float
        An answer a is right where abs(a - oracle) <= atol + rtol * abs(oracle), elementwise.
    call : callable
        `call(function, *args) -> answer`: how the student's function is asked. For functions that
        return functions or modules, it runs what they return.
    changes : sequence of int
        Positions of the arguments that the function is meant to change; the others must stay as
        they are.
    limit_s : float
        Seconds for one call of the student's function.
    credit : callable or None
        `credit(expected, answers) -> share` of the points, from 0 to 1, for answers to all cases of
        which not all are right. None: all or nothing.

    Raises
    ------
    ValueError
        If a field cannot be right: one sentence says which.
    """

    id: str
    title: str
    points: int
    minutes: int
    function: str
    cases: Callable[[int], Sequence[Case]]
    oracle: Callable | None
    hints: Sequence[str]
    misconceptions: Sequence[Misconception]
    laws: Sequence[Law] = ()
    difficulty: int = 1
    rtol: float = 1e-4
    atol: float = 1e-6
    call: Callable = call_plainly
    changes: Sequence[int] = ()
    limit_s: float = 10.0
    credit: Callable[[Sequence[Any], Sequence[Any]], float] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d\.\d+", self.id):
            raise ValueError(f"The exercise id {self.id!r} should be the lab's two digits, a point and a number: '06.1'.")
        if not self.function.isidentifier():
            raise ValueError(f"Exercise {self.id} names the function {self.function!r}, which is no Python name.")
        if self.difficulty not in (1, 2, 3):
            raise ValueError(f"Exercise {self.id} has difficulty {self.difficulty}; it should be 1, 2 or 3.")
        if self.oracle is None and not self.laws:
            raise ValueError(f"Exercise {self.id} has neither an oracle nor laws: nothing could judge it.")
        names = [wrong.name for wrong in self.misconceptions]
        if len(set(names)) < len(names):
            raise ValueError(f"Exercise {self.id} has two misconceptions of one name: {names}.")

    @property
    def lab(self) -> str:
        """Two digits of the lab."""
        return self.id.split(".")[0]

    @property
    def card(self) -> str:
        """The two lines that the exercise's card starts with in the lab."""
        dots = "●" * self.difficulty + "○" * (3 - self.difficulty)
        points = f"{self.points} point{'s' if self.points != 1 else ''}"
        return f"### Exercise {self.id} · {self.title}\n*{points} · {self.minutes} minutes · difficulty {dots}*"
