"""Blank figures made ahead of their need: axes take as long to make as everything drawn in them.

A `panels` within `using(...)` takes a blank one from stock, where there is one of its kind, and its
kind is noted; `restock` makes what was taken, when nobody waits.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from matplotlib.figure import Figure

CURRENT: ContextVar[Stock | None] = ContextVar("CURRENT", default=None)


class Stock:
    """Blank figures, one of each kind.

    Attributes
    ----------
    blank : dict of str to (Figure, axes)
        By kind.
    taken : dict of str to callable
        What makes another one of a kind that was taken since the last `restock`.
    ticks : list of (int, int)
        Of the axes of the last figure that was noted, x and y.
    """

    def __init__(self) -> None:
        self.blank: dict[str, Any] = {}
        self.taken: dict[str, Callable[[], Any]] = {}
        self.ticks: list[tuple[int, int]] = []

    def take(self, kind: str, make: Callable[[], Any]) -> Any:
        """A blank one of a kind."""
        self.taken[kind] = make
        return self.blank.pop(kind, None) or make()

    def note(self, figure: Figure) -> None:
        """Remember how many ticks a drawn figure's axes have: a tick is five artists."""
        self.ticks = [(len(axes.xaxis.get_major_ticks()), len(axes.yaxis.get_major_ticks())) if axes.axison else (0, 0)
                      for axes in figure.axes]

    def restock(self) -> None:
        """Make what was taken; other kinds than these are no longer asked for."""
        if not self.taken:
            return
        self.blank = {kind: make() for kind, make in self.taken.items()}
        self.taken = {}
        for figure, _ in self.blank.values():
            for axes, counts in zip(figure.axes, self.ticks):
                for axis, count in zip((axes.xaxis, axes.yaxis), counts):
                    axis.get_major_ticks(count)  # makes those that are missing; too many cost nothing, they are not drawn


@contextmanager
def using(stock: Stock) -> Iterator[None]:
    """Have `panels` take from a stock."""
    token = CURRENT.set(stock)
    try:
        yield
    finally:
        CURRENT.reset(token)
