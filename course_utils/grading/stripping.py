"""Takes the outputs out of a notebook file without loading them: some are 200 MB of stale figures."""
from __future__ import annotations

import mmap
import re
from pathlib import Path

LARGE = 4 << 20              # smaller files are read whole
MAX_KEPT = 24 << 20          # what may be left without the outputs
MAX_TOKENS = 4_000_000       # strings and brackets looked at in all
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
TOKEN = re.compile(STRING + rb"|[\[\]{}]", re.DOTALL)
KEY = re.compile(rb'"(?:outputs|attachments)"\s*:\s*(?=[\[{])')


class TooLarge(ValueError):
    """What is left without the outputs is still more than anybody writes."""


def stripped(path: Path) -> bytes:
    """The bytes of a notebook; those of a large one without its outputs and attached pictures.

    Raises
    ------
    TooLarge
        If too much is left, or the file is made of more parts than a notebook has.
    """
    if path.stat().st_size <= LARGE:
        return path.read_bytes()
    with open(path, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return without_outputs(text)


def without_outputs(text: bytes | mmap.mmap) -> bytes:
    """The notebook with `null` in place of every list of outputs; memory stays at what is kept."""
    kept, size, begin, at, tokens = [], 0, 0, 0, 0
    while (token := TOKEN.search(text, at)) is not None:
        tokens += 1
        key = KEY.match(text, token.start())
        if key:
            kept.append(text[begin:key.end()] + b"null")
            size += len(kept[-1])
            begin, tokens = end_of_value(text, key.end(), tokens)
            at = begin
        else:
            at = token.end()
        if tokens > MAX_TOKENS or size + at - begin > MAX_KEPT:
            raise TooLarge("without its outputs the notebook is still larger than a notebook can be")
    kept.append(text[begin:])
    if size + len(kept[-1]) > MAX_KEPT:
        raise TooLarge("without its outputs the notebook is still larger than a notebook can be")
    return b"".join(kept)


def end_of_value(text: bytes | mmap.mmap, begin: int, tokens: int) -> tuple[int, int]:
    """Where the bracket that opens at `begin` is closed again, and how many tokens were seen by then."""
    depth, at = 0, begin
    while (token := TOKEN.search(text, at)) is not None:
        tokens += 1
        at = token.end()
        sign = text[token.start()]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth == 0:
            return at, tokens
        if tokens > MAX_TOKENS:
            break
    raise TooLarge("its outputs do not end")
