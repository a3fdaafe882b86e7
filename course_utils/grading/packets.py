"""Frames cut into packets, each under the number of the question that it answers.

A number is drawn for each question and is known to nobody before it is put. A packet under another
number is no part of an answer, whenever it comes: before, after or in the middle of one. So what a
submission sends unasked changes no verdict; it is counted, and that is all.
"""
from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from course_utils.grading import wire

HEAD = struct.Struct("<QI")  # number of the question, bytes that follow
MOST = 60_000                # bytes of a frame in one packet
EMPTY = 1000                 # packets of nothing in a row that are taken for the end


def cut(number: int, frame: bytes) -> Iterator[bytes]:
    """The packets of a frame."""
    for at in range(0, len(frame), MOST):
        part = frame[at:at + MOST]
        yield HEAD.pack(number, len(part)) + part


def joined(parts: Iterable[bytes], limit: int) -> tuple[bytes, bytes]:
    """JSON and arrays of the frame whose parts these are; takes no more parts than it needs.

    Raises
    ------
    course_utils.grading.wire.Malformed
        If it announces more bytes of arrays than `limit`, or ends in the middle of a packet.
    """
    frame, size = bytearray(), 0
    for part in parts:
        frame += part
        if not size and len(frame) >= wire.LENGTHS.size:
            text, arrays = wire.lengths(bytes(frame[:wire.LENGTHS.size]), limit)
            size = wire.LENGTHS.size + text + arrays
        if size and len(frame) >= size:
            break
    if not size or len(frame) != size:
        raise wire.Malformed("a frame of another length than it announces")
    return bytes(frame[wire.LENGTHS.size:wire.LENGTHS.size + text]), bytes(frame[wire.LENGTHS.size + text:])


class Packets:
    """Reads packets from a socket: one that keeps their bounds (SOCK_SEQPACKET), or a stream."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.bounded = connection.type == getattr(socket, "SOCK_SEQPACKET", None)
        self.kept = bytearray()

    def next(self) -> tuple[int | None, bytes]:
        """Number and content of the next packet; the number is None where it is no packet of ours.

        Raises
        ------
        EOFError
            At the end.
        BlockingIOError
            If none is there, and the socket does not wait.
        """
        if self.bounded:
            return self.split(self.received(HEAD.size + MOST))
        while True:
            size = HEAD.size + (HEAD.unpack_from(self.kept)[1] if len(self.kept) >= HEAD.size else 0)
            if size > HEAD.size + MOST:
                raise EOFError("a packet without an end")
            if len(self.kept) >= max(size, HEAD.size + 1):
                packet = bytes(self.kept[:size])
                del self.kept[:size]
                return self.split(packet)
            self.kept += self.received(1 << 16)

    @staticmethod
    def split(packet: bytes) -> tuple[int | None, bytes]:
        if len(packet) <= HEAD.size or HEAD.unpack_from(packet)[1] != len(packet) - HEAD.size:
            return None, packet
        return HEAD.unpack_from(packet)[0], packet[HEAD.size:]

    def received(self, size: int) -> bytes:
        """Bytes that have come; a packet of nothing looks like the end, but something else follows it."""
        for _ in range(EMPTY if self.bounded else 1):
            found = self.connection.recv(size)
            if found:
                return found
        raise EOFError("the other side hung up")
