"""One group of rows in a process of its own.

    python -m course_utils.bench.group NAME OUT.json [--quick]
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from course_utils.bench.measure import Measured, Row, measure
from course_utils.bench.registry import GROUPS
from course_utils.memory import keep_freed_memory

ROUNDS, QUICK_ROUNDS = 15, 3
LIMIT_S, QUICK_LIMIT_S = 5.0, 2.0      # processor seconds for the turns of one row


def rows_of(name: str, quick: bool) -> Iterable[Row]:
    """The rows of a group: `module:function`, called with `quick`."""
    module, _, function = GROUPS[name].partition(":")
    return getattr(import_module(module), function)(quick)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="course_utils.bench.group")
    parser.add_argument("name")
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    one_thread()
    keep_freed_memory()  # as in the labs, for both sides
    measured: list[dict] = []
    for row in rows_of(given.name, given.quick):
        one_thread()
        print(f"  {row.name}, {row.setting}, against {row.against or 'the ceiling'} ...", flush=True)
        found = measure(row, QUICK_ROUNDS if given.quick else ROUNDS, QUICK_LIMIT_S if given.quick else LIMIT_S, memory=not given.quick)
        print(f"    {said(found)}", flush=True)
        measured.append(asdict(found))
        given.out.write_text(json.dumps(measured), encoding="utf-8")    # after each row: what follows may break


def one_thread() -> None:
    """Torch takes its number of threads from no variable once a library has set it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def said(found: Measured) -> str:
    """One row in one sentence."""
    if found.state != "counted":
        return found.said
    parts = [f"{1000 * found.ours_s:.3g} ms"]
    if found.ratio is not None:
        parts.append(f"{found.ratio:.2f} times as fast ({found.low:.2f} to {found.high:.2f}; wanted {found.bar or 'nothing'})")
    if found.share is not None:
        parts.append(f"{found.share:.0%} of the ceiling's rate" + (f", the peer {found.peer_share:.0%}" if found.peer_share is not None else "")
                     + (f"; wanted {found.share_bar:.0%}" if found.share_bar else ""))
    return "; ".join(parts) + f"; results differ by {found.difference:.1g}"


if __name__ == "__main__":
    main()
