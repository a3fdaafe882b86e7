"""One submission's processes: forked from the zygote, asked, ended; and what the instructor has to know of them."""
from __future__ import annotations

import math

from course_utils.grading import wire
from course_utils.grading.graft import Graft
from course_utils.grading.sandbox import Sandbox, SandboxBroken
from course_utils.grading.session import Gone, Late, Session

CELL_S = 10.0                # CPU seconds to execute one cell of definitions
NEVER = "When your cell is executed, it never comes back or ends its process: a cell of an exercise defines a function and does nothing else."


class Attempt:
    """A submission's processes, one after the other: a new one wherever the last was lost.

    Attributes
    ----------
    flags : list of str
    cpu_s, own_s : float
        CPU seconds of all that were ended; and of the calls in them, as they tell themselves.
    answered : set of str
        Functions that the process of now has been asked for.
    broken : dict of str to str
        Exercises whose cell cannot be executed, with the sentence.
    starved : bool
        Whether a cell ran out of time without having computed for that long.
    """

    def __init__(self, sandbox: Sandbox, grafted: Graft) -> None:
        self.sandbox = sandbox
        self.session: Session | None = None
        self.flags: list[str] = []
        self.cpu_s = self.own_s = self.clock = 0.0
        self.answered: set[str] = set()
        self.begin(grafted)

    def begin(self, grafted: Graft) -> None:
        """Take other cells from now on."""
        self.grafted = grafted
        self.broken: dict[str, str] = {}
        self.skipped: set[int] = set()
        self.starved = False

    def ready(self) -> None:
        """Have a process in which all cells that can be executed have been."""
        while self.session is None:
            self.session, self.clock, self.answered = self.fork(), 0.0, set()
            for place, (name, source, exercise) in enumerate(self.grafted.cells):
                if place in self.skipped:
                    continue
                trouble = self.execute(name, source)
                if trouble:
                    self.skipped.add(place)
                    if exercise:
                        self.broken[exercise] = trouble
                    if self.session is None:
                        break  # the process is gone: once more, without this cell

    def fork(self) -> Session:
        """A fresh process; of a fresh sandbox, where the old one is no more."""
        for last in (False, False, True):
            if self.sandbox.process is None:
                self.sandbox.start()
            try:
                return self.sandbox.fork()
            except SandboxBroken:
                self.sandbox.close()
                if last:
                    raise
        raise AssertionError("not reached")

    def execute(self, name: str, source: str) -> str:
        """Execute a cell; returns what went wrong in a sentence, or nothing."""
        try:
            answer = self.put({"cell": source, "name": name}, CELL_S * self.sandbox.limits.patience, 1 << 16)
        except (Gone, Late, wire.Malformed) as error:
            self.flags.append(f"{name}: while it was executed, {error}")
            self.starved = self.starved or getattr(error, "starved", False)
            return NEVER
        if answer.get("fine") is True:
            return ""
        error, line = answer.get("error"), answer.get("line")
        kind = error[1] if isinstance(error, list) and len(error) > 1 and isinstance(error[1], str) and error[1].isidentifier() else "an error"
        return f"When your cell is executed, it stops with {kind[:40]}{f' in line {line}' if type(line) is int and line > 0 else ''}."

    def ask(self, request: dict, cpu_s: float, limit: int) -> dict:
        """Put a case to the submission; where its process is lost, the next exercise gets a new one."""
        if self.session is None:
            raise Gone("it ended")
        answer = self.put(request, cpu_s, limit)
        self.answered.add(request["function"])
        outcomes = [one for one in answer["outcomes"] if isinstance(one, dict)] if isinstance(answer.get("outcomes"), list) else []
        self.own_s += sum(one["cpu_s"] for one in outcomes if type(one.get("cpu_s")) is float and 0 <= one["cpu_s"] < math.inf)
        if any(one.get("kind") == "timeout" for one in outcomes):
            self.drop()  # with all that it started: a loop that gave way may have left a hundred processes at work
        return answer

    def put(self, request: dict, cpu_s: float, limit: int) -> dict:
        """Send a request that may take so many CPU seconds; a process that does not answer is ended.

        On a crowded machine these take longer: what counts is what the submission has used since its last
        answer, as the zygote sees it. It has told itself how much that was before; who tells too much is
        waited for longer and gains nothing.
        """
        def over(waited: float) -> float:
            account = self.sandbox.spent()
            left = cpu_s - (account["cpu_s"] - self.clock)
            if not account["alive"]:
                raise Gone("it ended")
            if left <= 0 or waited >= cpu_s * self.sandbox.limits.wall:
                raise Late("it does not answer", starved=left > 0)
            return max(min(left, cpu_s * self.sandbox.limits.wall - waited), 0.1)

        try:
            answer = self.session.ask(request, cpu_s, limit, over)
        except (Gone, Late, wire.Malformed):
            self.drop()
            raise
        except SandboxBroken as error:
            self.drop()
            raise Late(f"{error}", starved=True) from None
        clock = answer.get("clock")
        self.clock = clock if type(clock) is float and math.isfinite(clock) else self.clock
        return answer

    def drop(self) -> None:
        """End the process and all that it started."""
        if self.session is None:
            return
        if self.session.drain():
            self.flags.append("sent answers that nobody asked for; they counted for nothing")
        self.session.close()
        self.session = None
        try:
            found = self.sandbox.sweep()
        except SandboxBroken as error:
            self.flags.append(f"the sandbox had to be made anew: {error}")
            self.sandbox.close()
            return
        self.cpu_s += found["cpu_s"]
        if found["left"]:
            self.flags.append(f"left {found['left']} processes behind; they were ended")
        if found["files"]:
            self.flags.append(f"left {found['files']} files in /tmp or /dev/shm; they were removed")

    def end(self) -> None:
        """After the last exercise."""
        self.drop()
        self.flags[:] = list(dict.fromkeys(self.flags))
