"""The judge's end of the line to one submission's process."""
from __future__ import annotations

import secrets
import select
import socket
import time
from collections.abc import Callable, Iterator

from course_utils.grading import packets, wire


class Gone(RuntimeError):
    """The submission's process, or the whole sandbox, ended before it answered."""


class Late(TimeoutError):
    """The submission did not answer in time.

    Attributes
    ----------
    starved : bool
        Whether it had not computed for as long as it may: it slept, or the machine had no time for it.
    """

    def __init__(self, message: str, starved: bool = False) -> None:
        super().__init__(message)
        self.starved = starved


def give_up(waited: float) -> float:
    """What `Session.ask` does unless told otherwise, once its time is over."""
    raise Late("it does not answer")


class Session:
    """Questions to a submission, one after the other.

    Attributes
    ----------
    unasked : int
        Packets that came and belong to no question that was open.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.packets = packets.Packets(connection)
        self.unasked = 0
        connection.setblocking(False)

    def ask(self, request: dict, seconds: float, limit: int, over: Callable[[float], float] = give_up) -> dict:
        """Send a request and read the answer that carries its number.

        Parameters
        ----------
        request : dict
            Sent under a number that nobody can guess beforehand.
        seconds : float
            Until the whole answer has to be here.
        limit : int
            Bytes of arrays in it.
        over : callable
            `over(seconds waited)` is called when that time is over, returns how long to wait on, or raises.

        Raises
        ------
        Gone, Late
            If nothing comes.
        course_utils.grading.wire.Malformed
            If what comes under the number is no answer.
        """
        clock = Clock(seconds, over)
        number = secrets.randbits(63)
        for packet in packets.cut(number, wire.encode(request)):
            self.send(packet, clock)
        answer = wire.decode(*packets.joined(self.parts(number, clock), limit))
        if not isinstance(answer, dict):
            raise wire.Malformed("an answer without its parts")
        return answer

    def send(self, packet: bytes, clock: "Clock") -> None:
        view = memoryview(packet)
        while view:
            self.wait(False, clock)
            try:
                view = view[self.connection.send(view):]
            except BlockingIOError:
                continue
            except OSError:
                raise Gone("it ended") from None

    def parts(self, number: int, clock: "Clock") -> Iterator[bytes]:
        """What comes under a number; the rest is counted."""
        while clock.left():
            try:
                found, content = self.packets.next()
            except BlockingIOError:
                self.wait(True, clock)
                continue
            except (OSError, EOFError):
                raise Gone("it ended") from None
            if found == number:
                yield content
            else:
                self.unasked += 1

    def wait(self, reading: bool, clock: "Clock") -> None:
        """Until the line is ready, for as long as the clock gives."""
        wanted = [self.connection]
        while not any(select.select(wanted if reading else (), () if reading else wanted, (), clock.left())):
            pass

    def drain(self) -> int:
        """Take what lies there unasked; returns how many packets there were since the beginning."""
        try:
            while self.unasked < packets.EMPTY:
                self.packets.next()
                self.unasked += 1
        except (OSError, EOFError):  # nothing more, or the end
            pass
        return self.unasked

    def close(self) -> None:
        self.connection.close()


class Clock:
    """How long is left of a time that can be given more."""

    def __init__(self, seconds: float, over: Callable[[float], float]) -> None:
        self.began = time.monotonic()
        self.end, self.over = self.began + seconds, over

    def left(self) -> float:
        """Seconds until the end, more than none; asks for more, or raises what `over` raises."""
        while (left := self.end - time.monotonic()) <= 0:
            self.end = time.monotonic() + self.over(time.monotonic() - self.began)
        return left
