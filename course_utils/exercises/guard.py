"""Calls somebody's function so that nothing it does can harm the notebook around it.

The function runs in a thread of its own: that is the one way, on every operating system, to get the
notebook back from an endless loop or from a call that waits in C code.
"""
from __future__ import annotations

import contextlib
import ctypes
import io
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.exercises.answers import same, snapshot

PRINTED_LIMIT = 2_000   # characters kept of what a function prints
GRACE_S = 2.0           # how long a function may take to give way once its time is up
STACK_BYTES = 64 << 20  # macOS gives threads 512 kB, too little for a deep recursion to be noticed first


class TimeUp(BaseException):
    """Raised inside the function when its time is up; no `except Exception` swallows it."""


class LimitedText(io.TextIOBase):
    """Keeps the first characters that are written, and counts the rest."""

    def __init__(self, limit: int = PRINTED_LIMIT) -> None:
        self.kept, self.length, self.limit = [], 0, limit

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.length < self.limit:
            self.kept.append(text[: self.limit - self.length])
        self.length += len(text)
        return len(text)

    @property
    def text(self) -> str:
        return "".join(self.kept)


@dataclass
class Outcome:
    """What came of one call.

    Attributes
    ----------
    kind : str
        `"value"`, `"raised"`, `"not started"` or `"timeout"`.
    value : object
        What the function returned.
    error : BaseException or None
    where : str
        The student's line that raised: `line 3: return a @ b`.
    printed : str
    changed : tuple of int
        Positions of the arguments that the function changed.
    shares : tuple of int
        Positions of the arguments whose memory the answer shares.
    drew : bool
        Whether the state of a global random generator was left changed.
    stuck : bool
        Whether the function did not give way and still runs.
    """

    kind: str
    value: Any = None
    error: BaseException | None = None
    where: str = ""
    printed: str = ""
    changed: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()
    drew: bool = False
    stuck: bool = False


def call(function: Callable, args: Sequence[Any], limit_s: float, through: Callable | None = None) -> Outcome:
    """Call `function(*args)` and report what came of it; never raises what the function raises.

    Parameters
    ----------
    function : callable
    args : sequence
        Compared with a copy of themselves after the call.
    limit_s : float
        Seconds that the call may take.
    through : callable, optional
        `through(function, *args)` asks the function in some other way than a plain call.

    Raises
    ------
    KeyboardInterrupt
        If the user interrupts; the function is stopped first.
    """
    before = [snapshot(value) for value in args]
    out, err, result = LimitedText(), LimitedText(), Outcome("timeout")

    def run() -> None:
        try:
            result.value = function(*args) if through is None else through(function, *args)
            result.kind = "value"
        except TimeUp:
            pass
        except BaseException as error:  # SystemExit and KeyboardInterrupt must not end the kernel either
            result.error, result.where = error, failing_line(error, function)
            result.kind = "not started" if is_stub(error, function) else "raised"

    with global_randomness() as states, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        result.stuck = not run_for(run, limit_s)
        result.drew = not same(states, random_states())
    if result.stuck:  # whatever the thread still does, this outcome no longer changes
        return Outcome("timeout", printed=out.text, stuck=True)
    result.printed = out.text
    result.changed = tuple(i for i, (old, new) in enumerate(zip(before, args)) if not same(old, snapshot(new)))
    if result.kind == "value":
        result.shares = tuple(i for i, value in enumerate(args) if shares_memory(result.value, value))
    return result


def run_for(work: Callable[[], None], limit_s: float) -> bool:
    """Run `work` in a thread for at most so many seconds; False where it would not stop."""
    old = threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=work, daemon=True, name="student's function")
    try:
        thread.start()
    finally:
        threading.stack_size(old)
    try:
        thread.join(limit_s)
    except KeyboardInterrupt:
        interrupt(thread)
        raise
    return interrupt(thread)


def interrupt(thread: threading.Thread) -> bool:
    """Ask a thread to stop until it does or the grace is over; True where it has ended."""
    end = time.monotonic() + GRACE_S
    while thread.is_alive() and time.monotonic() < end:
        # Takes effect at the thread's next bytecode: C code that never returns cannot be reached.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp))
        thread.join(0.05)
    return not thread.is_alive()


def random_states() -> dict[str, Any]:
    """States of the global random generators of Python, numpy and, where it is loaded, torch."""
    states = {"random": repr(random.getstate()), "numpy": [np.asarray(part) for part in np.random.get_state()[1:]]}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].random.get_rng_state().numpy().copy()
    return states


@contextlib.contextmanager
def global_randomness() -> Iterator[dict[str, Any]]:
    """Seed the global generators alike for every call, and put their states back afterwards."""
    torch = sys.modules.get("torch")
    saved = random.getstate(), np.random.get_state(), torch.random.get_rng_state() if torch else None
    random.seed(0)
    np.random.seed(0)
    if torch:
        torch.manual_seed(0)
    try:
        yield random_states()
    finally:
        random.setstate(saved[0])
        np.random.set_state(saved[1])
        if torch:
            torch.random.set_rng_state(saved[2])


def frames_of(error: BaseException, function: Callable) -> list[traceback.FrameSummary]:
    """Frames of the traceback that lie in the file or cell where the function was written."""
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if code is not None and frame.filename == code.co_filename]


def failing_line(error: BaseException, function: Callable) -> str:
    """The student's own line on which the error arose, as `line 3: return a @ b`."""
    frames = frames_of(error, function)
    if not frames or not frames[-1].line:
        return ""
    first = function.__code__.co_firstlineno
    return f"line {frames[-1].lineno - first + 1}: {frames[-1].line}"


def is_stub(error: BaseException, function: Callable) -> bool:
    """Whether the error is the stub's own `raise NotImplementedError()`, not some library's."""
    if not isinstance(error, NotImplementedError):
        return False
    last, frames = traceback.extract_tb(error.__traceback__)[-1], frames_of(error, function)
    return bool(frames) and frames[-1].filename == last.filename and frames[-1].lineno == last.lineno


def shares_memory(answer: Any, value: Any) -> bool:
    """Whether an array or tensor answer is a view of an array or tensor argument."""
    pair = []
    for item in (answer, value):
        if hasattr(item, "detach") and hasattr(item, "data_ptr"):
            item = item.detach().cpu()
            item = item.numpy() if not item.is_sparse else None
        pair.append(item if isinstance(item, np.ndarray) else None)
    return pair[0] is not None and pair[1] is not None and pair[0].size > 0 and np.may_share_memory(*pair)
