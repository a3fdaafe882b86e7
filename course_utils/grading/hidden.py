"""The cases of a run, with their right answers and what the known misconceptions answer: all outside the sandbox."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from course_utils.exercises import guard, judge
from course_utils.exercises.contract import Case, Exercise, Law, Misconception, call_plainly
from course_utils.grading import wire

LEAST_ANSWER, TIMES_EXPECTED = 1 << 20, 64   # bytes of arrays that an answer may have


@dataclass
class Hidden:
    """One exercise of a run.

    Attributes
    ----------
    exercise : Exercise
    seed : int
    patience, wall : float
        Times the CPU seconds that the exercise gives to a call; and times these, seconds by the clock on the wall.
    """

    exercise: Exercise
    seed: int
    patience: float = 1.0
    wall: float = 3.0
    matches: dict[str, list[guard.Outcome]] = field(default_factory=dict)

    @property
    def limit_s(self) -> float:
        """CPU seconds for one call."""
        return self.patience * self.exercise.limit_s

    @cached_property
    def cases(self) -> list[Case]:
        return list(self.exercise.cases(self.seed))

    @cached_property
    def expected(self) -> list[Any]:
        """The oracle's answers, as the wire would bring them."""
        return [judge.expect(self.exercise, case) for case in self.cases]

    def prepare(self) -> None:
        """Have the right answers, which are computed when first wanted."""
        _ = self.limits

    @cached_property
    def built(self) -> list[tuple]:
        """The inputs of each case, for the laws: they read them and change nothing, so one set serves all submissions."""
        return [tuple(judge.build_args(case)) for case in self.cases]

    @cached_property
    def lawless(self) -> Exercise:
        """The exercise without its laws, where an oracle judges."""
        return self.exercise if self.exercise.oracle is None else replace(self.exercise, laws=())

    def broken(self, number: int, answer: Any) -> list[Law]:
        """Laws that an answer breaks; one that it cannot be tested on, it breaks."""
        def holds(law: Law) -> bool:
            try:
                return bool(law.holds(self.built[number], answer))
            except Exception:  # whatever an answer of some other shape makes of it
                return False

        return [law for law in self.exercise.laws if not holds(law)]

    @cached_property
    def through(self) -> str | None:
        call = self.exercise.call
        return None if call is call_plainly else f"{call.__module__}:{call.__qualname__}"

    @cached_property
    def draws(self) -> bool:
        """Whether an input is a random generator, which moves on from call to call."""
        return any(hasattr(value, "bit_generator") or type(value).__name__ == "Generator" for value in judge.build_args(self.cases[0]))

    @cached_property
    def limits(self) -> list[int]:
        """Bytes of arrays that the answer to each case may have."""
        return [LEAST_ANSWER + TIMES_EXPECTED * len(wire.encode(value)) for value in self.expected]

    def request(self, number: int, times: int = 1) -> dict:
        """What is asked of the sandbox for one case."""
        return {"function": self.exercise.function, "through": self.through, "limit_s": self.limit_s,
                "wall_s": self.wall * self.limit_s, "times": times, "args": list(self.cases[number].args)}

    def wrong_answers(self, wrong: Misconception) -> list[guard.Outcome]:
        """What a misconception answers, computed when first wanted and kept."""
        if wrong.name not in self.matches:
            self.matches[wrong.name] = [judge.ask(self.exercise, wrong.function, case) for case in self.cases]
        return self.matches[wrong.name]
