"""Blank figures made ahead of their need: axes take as long to make as everything drawn in them.

A `panels` within `using(...)` takes a blank one from stock, where there is one of its kind, and its
kind is noted; `restock` makes what was taken, when nobody waits.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

CURRENT: ContextVar[Stock | None] = ContextVar("CURRENT", default=None)


class Stock:
    """Blank figures, one of each kind.

    Attributes
    ----------
    blank : dict of str to (Figure, axes)
        By kind.
    taken : dict of str to callable
        What makes another one of a kind that was taken since the last `restock`.
    """

    def __init__(self) -> None:
        self.blank: dict[str, Any] = {}
        self.taken: dict[str, Callable[[], Any]] = {}

    def take(self, kind: str, make: Callable[[], Any]) -> Any:
        """A blank one of a kind."""
        self.taken[kind] = make
        return self.blank.pop(kind, None) or make()

    def restock(self) -> None:
        """Make what was taken; other kinds than these are no longer asked for."""
        self.blank = {kind: make() for kind, make in self.taken.items()}
        self.taken = {}


@contextmanager
def using(stock: Stock) -> Iterator[None]:
    """Have `panels` take from a stock."""
    token = CURRENT.set(stock)
    try:
        yield
    finally:
        CURRENT.reset(token)
