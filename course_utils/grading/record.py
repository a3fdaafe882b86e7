"""The log of a run: one line for each submission, written whole and at once, so that a cut loses nothing finished."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path


def key_of(name: str, digest: str, declared: str) -> str:
    """What a record answers for: this submission's bytes under these declarations."""
    return f"{name}\0{digest}\0{declared}"


def append(path: Path, record: dict) -> None:
    """Add one record as one line, and have it on the disk before anything goes on.

    A single write to a file that is opened for appending; a line that an earlier run was cut in is
    ended first.
    """
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and last_byte(descriptor, size) != b"\n":
            line = b"\n" + line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


def records(path: Path) -> Iterator[dict]:
    """Whole records of a log, from the top; a line that was cut is passed over."""
    if not path.exists():
        return
    with open(path, "rb") as handle:
        for line in handle:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and "key" in record:
                yield record


def latest(path: Path) -> dict[str, dict]:
    """The last record for each key."""
    return {record["key"]: record for record in records(path)}
