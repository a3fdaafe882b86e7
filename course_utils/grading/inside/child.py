"""A submission's process: defines what its cells define, and answers calls.

Everything it says comes from a process that the submission controls, so the judge takes it for an
answer and for nothing else.
"""
from __future__ import annotations

import contextlib
import importlib
import itertools
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.random  # noqa: F401  (numpy loads it when it is first used: once in each fork)

from course_utils.exercises import guard
from course_utils.grading import packets, wire

MAX_REQUEST = 256 << 20
TOLD = 300  # letters of an error's message


def serve(connection: socket.socket) -> None:
    """Answer the judge's frames until it hangs up."""
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    line = packets.Packets(connection)
    while True:
        try:
            number, first = line.next()
            request = wire.decode(*packets.joined(itertools.chain([first], (line.next()[1] for _ in itertools.repeat(None))), MAX_REQUEST), build)
        except (EOFError, OSError):
            return
        frame = encoded(run_cell(request, names) if "cell" in request else call(request, names))
        for packet in packets.cut(number, frame):
            connection.sendall(packet)


def encoded(answer: dict) -> bytes:
    """The answer as a frame; where it cannot be put into one, a frame that says so."""
    answer["clock"] = time.process_time()
    try:
        return wire.encode(answer)
    except Exception:  # a subclass of the student's own may do anything here
        return wire.encode({"outcomes": [{"kind": "value", "value": wire.Opaque("unreadable")}]})


def run_cell(request: dict, names: dict[str, Any]) -> dict:
    """Execute one cell's definitions in the submission's name space."""
    said = guard.LimitedText()
    try:
        code = compile(request["cell"], request["name"], "exec", dont_inherit=True)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            exec(code, names)
        return {"fine": True}
    except BaseException as error:  # SystemExit as well
        return {"fine": False, "error": told(error), "line": line_of(error, request["name"])}


def call(request: dict, names: dict[str, Any]) -> dict:
    """Call the student's function with the inputs of one case, once or twice."""
    function = names.get(request["function"])
    if not callable(function):
        kind = "missing" if function is None else "no function"
        return {"outcomes": [{"kind": kind, "value": None}]}
    through = named(request["through"]) if request["through"] else None
    outcomes = []
    for _ in range(request["times"]):
        outcome, cpu_s = guarded(function, request["args"], request["limit_s"], request["wall_s"], through)
        outcomes.append({
            "kind": outcome.kind, "cpu_s": cpu_s, "value": outcome.value, "stuck": outcome.stuck, "changed": list(outcome.changed),
            "error": None if outcome.error is None else told(outcome.error),
            "line": 0 if outcome.error is None else line_of(outcome.error, getattr(getattr(function, "__code__", None), "co_filename", "")),
        })
        if request["times"] > 1 and outcome.kind == "value":
            blobs: list = []
            outcomes[-1]["value"] = settled(wire.plain(outcome.value, blobs), blobs)  # the second call may write into the first's answer
    return {"outcomes": outcomes}


def guarded(function: Callable, args: list, limit_s: float, wall_s: float, through: Callable | None) -> tuple[guard.Outcome, float]:
    """`guard.call` without what only a notebook needs (its prints, and the random states that it puts back), in CPU seconds.

    Returns
    -------
    tuple
        The outcome, and the CPU seconds of the call.
    """
    before = [guard.snapshot(value) for value in args]
    said, result = guard.LimitedText(), guard.Outcome("timeout")

    def run() -> None:
        try:
            result.value = function(*args) if through is None else through(function, *args)
            result.kind = "value"
        except guard.TimeUp:
            pass
        except BaseException as error:
            result.error = error
            result.kind = "not started" if guard.is_stub(error, function) else "raised"

    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)  # `torch.manual_seed` writes down its whole stack for each device that is not there
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        ended, cpu_s = run_for(run, limit_s, wall_s)
    if not ended:
        return guard.Outcome("timeout", stuck=True), cpu_s
    result.changed = tuple(k for k, (old, new) in enumerate(zip(before, args)) if not guard.same(old, guard.snapshot(new)))
    return result, cpu_s


def run_for(work: Callable[[], None], limit_s: float, wall_s: float) -> tuple[bool, float]:
    """Run `work` in a thread until it has computed so many seconds, or so many have gone by.

    Returns
    -------
    tuple
        Whether it has ended, given way where it was told to; and its CPU seconds.
    """
    seen: dict[str, Any] = {}

    def timed() -> None:
        if hasattr(time, "pthread_getcpuclockid"):
            seen["clock"] = time.pthread_getcpuclockid(threading.get_ident())
        work()
        seen["cpu_s"] = time.thread_time()

    stack = threading.stack_size(guard.STACK_BYTES)
    thread = threading.Thread(target=timed, daemon=True, name="student's function")
    try:
        thread.start()
    finally:
        threading.stack_size(stack)
    end, left = time.monotonic() + wall_s, limit_s
    while thread.is_alive() and left > 0 and time.monotonic() < end:
        thread.join(max(min(left, end - time.monotonic()), 0.02))
        left = limit_s - seen["cpu_s"] if "cpu_s" in seen else limit_s - seconds_of(seen.get("clock"))
    return not thread.is_alive() or guard.interrupt(thread), limit_s - left


def seconds_of(clock: int | None) -> float:
    """CPU seconds of a thread by its clock; of the whole process where the system counts no others."""
    try:
        return time.process_time() if clock is None else time.clock_gettime(clock)
    except OSError:  # it has just ended
        return 0.0


def settled(tree: Any, blobs: list) -> Any:
    """A copy of an answer that later calls cannot change."""
    return wire.value_of(tree, [blob.copy() for blob in blobs], None, [wire.MAX_LEAVES], 0)


def build(builder: str, parameters: dict) -> Any:
    """Make an input such as a network from its name and parameters."""
    return named(builder)(**parameters)


def named(name: str) -> Callable:
    """A function of the course, by `"module:name"`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def told(error: BaseException) -> list[str]:
    """Names of the error's types from its own upwards, and its message."""
    try:
        message = str(error)[:TOLD]
    except Exception:
        message = ""
    return [message, *[kind.__name__[:60] for kind in type(error).__mro__[:8]]]


def line_of(error: BaseException, filename: str) -> int:
    """Line of the cell on which an error arose, counted from its top; 0 where it is not known."""
    line = getattr(error, "lineno", 0) if isinstance(error, SyntaxError) else 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return int(line or 0)
