"""One comparison: results first, then processor seconds in turns.

Other programs slow a machine down by the second, so the two sides take turns and each turn gives one ratio;
the median of the ratios counts, and their quartiles are told with it. Processor time of one thread: what
waits costs nothing, and threads that wait for each other do not count as work.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median, quantiles
from typing import Any

from course_utils.bench.memory import peak_of

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")}
ONE_THREAD |= {"TQDM_DISABLE": "1", "COURSE_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
TURN_S = 0.05       # a turn of calls that are quicker than this repeats them
FEWEST = 5          # pairs, however long they take, unless fewer are asked for


@dataclass(frozen=True)
class Row:
    """A comparison: `ours` and `peer` do the same work and return their results; `agree` compares these.

    ours, peer : without arguments. `peer` is None where only the share of the ceiling counts; `agree` then gets
        `ours()` twice, from two calls.
    agree(ours, theirs) : the difference, a number that is 0 where both are the same.
    tolerance : the row counts only where the difference is at most this.
    bar : least ratio of processor seconds, peer to ours; None where there is none to reach.
    ceiling : without arguments; the network's own forward (or forward and backward) passes for the same work.
    share_bar : least share of the ceiling's rate.
    needs : modules of the peer; where one is not installed, the row says so.
    against : what the peer is and how it is set.
    about : one sentence for below the table: what the tolerance means, or what explains the figure; a function
        without arguments that makes it is called once the row has been timed.
    """

    group: str
    name: str
    setting: str
    ours: Callable[[], Any]
    peer: Callable[[], Any] | None
    agree: Callable[[Any, Any], float]
    tolerance: float
    bar: float | None
    ceiling: Callable[[], Any] | None = None
    share_bar: float | None = None
    needs: tuple[str, ...] = ()
    against: str = ""
    about: str | Callable[[], str] = ""


@dataclass
class Measured:
    """What was found for a row. Seconds are medians of processor seconds a call, memory is in MiB."""

    group: str
    name: str
    setting: str
    against: str
    about: str
    bar: float | None
    share_bar: float | None
    tolerance: float
    state: str = "counted"               # or "disagree", "not installed", "failed"
    said: str = ""                       # the sentence for all states but "counted"
    difference: float | None = None
    pairs: int = 0
    ours_s: float | None = None
    peer_s: float | None = None
    ceiling_s: float | None = None
    ratio: float | None = None           # peer to ours: median of the pairs
    low: float | None = None             # its lower and upper quartile
    high: float | None = None
    share: float | None = None           # of the ceiling's rate: ours
    peer_share: float | None = None      # and the peer's
    ours_mib: float | None = None
    peer_mib: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the row reaches what it is to reach; None where nothing is wanted or nothing was measured."""
        wanted = [(self.ratio, self.bar), (self.share, self.share_bar)]
        wanted = [(found, bar) for found, bar in wanted if bar is not None]
        if not wanted or self.state == "not installed":
            return None
        return self.state == "counted" and all(found is not None and found >= bar for found, bar in wanted)


def measure(row: Row, rounds: int, limit_s: float = 120.0, memory: bool = False) -> Measured:
    """Compare the results of a row, then time it in `rounds` turns, fewer (but 5) once they have taken `limit_s` processor seconds.

    Each turn is one call of ours, of the peer and of the ceiling, in changing order. `memory`: one more call of ours
    and of the peer, for what it needs at its highest.
    """
    found = Measured(row.group, row.name, row.setting, row.against, "" if callable(row.about) else row.about, row.bar, row.share_bar, row.tolerance)
    missing = [name for name in row.needs if not installed(name)]
    if missing:
        found.state, found.said = "not installed", f"{missing[0]} is not installed"
        return found
    try:
        found.difference = float(row.agree(row.ours(), (row.peer or row.ours)()))
        if not found.difference <= row.tolerance:       # so that NaN does not count either
            found.state = "disagree"
            found.said = f"the results differ by {found.difference:.2g}, more than {row.tolerance:.2g}: the row does not count"
            return found
        if memory:
            found.ours_mib = peak_of(row.ours) / 2**20
            found.peer_mib = peak_of(row.peer) / 2**20 if row.peer is not None else None
        take_turns(row, found, rounds, limit_s)
        if callable(row.about):
            found.about = row.about()
    except Exception as error:                          # one row's failure is its own
        found.state, found.said = "failed", f"{type(error).__name__}: {first_line(error)}"
    return found


def take_turns(row: Row, found: Measured, rounds: int, limit_s: float) -> None:
    sides = {"ours": row.ours, "peer": row.peer, "ceiling": row.ceiling}
    sides = {side: call for side, call in sides.items() if call is not None}
    if row.ceiling is not None:
        row.ceiling()                   # its first call finds the best batch
    calls = {side: calls_a_turn(call) for side, call in sides.items()}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    began = time.process_time()
    for number in range(rounds):
        if number >= FEWEST and time.process_time() - began > limit_s:
            break
        for side in list(sides) if number % 2 == 0 else list(sides)[::-1]:
            seconds[side].append(cpu(sides[side], calls[side]))
    found.pairs = len(seconds["ours"])
    found.ours_s = median(seconds["ours"])
    if row.peer is not None:
        found.peer_s = median(seconds["peer"])
        found.ratio, found.low, found.high = ratio(seconds["peer"], seconds["ours"])
    if row.ceiling is not None:
        found.ceiling_s = median(seconds["ceiling"])
        found.share = ratio(seconds["ceiling"], seconds["ours"])[0]
        if row.peer is not None:
            found.peer_share = ratio(seconds["ceiling"], seconds["peer"])[0]


def ratio(above: Sequence[float], below: Sequence[float]) -> tuple[float, float, float]:
    """Median and quartiles of the ratios of pairs."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    low, _, high = quantiles(each, n=4, method="inclusive") if len(each) > 1 else each * 3
    return median(each), low, high


def calls_a_turn(call: Callable[[], Any]) -> int:
    """How many calls fill a turn."""
    return max(1, round(TURN_S / max(cpu(call, 1), 1e-6)))


def cpu(call: Callable[[], Any], times: int) -> float:
    """Processor seconds of one call, the mean of some."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")[:200]
