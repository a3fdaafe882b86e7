"""How much memory a call takes at its highest, beyond what the process held before."""
from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil


def peak_of(call: Callable) -> int:
    """Bytes of resident memory by which the process grows at its highest while `call()` runs.

    Before the call, what earlier ones have freed goes back to the system, as far as the C library lets it: a call
    that finds freed memory would seem to need none. Linux keeps the highest value itself, and it can be set back;
    elsewhere the process is looked at every millisecond.
    """
    process = psutil.Process()
    gc.collect()
    give_back()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if sys.platform == "linux":
        try:
            reset.write_text("5", encoding="ascii")     # sets the highest value back to the present one
        except OSError:                                 # a container may forbid it
            return sampled(call, process)
        before = process.memory_info().rss
        call()
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return max(0, int(line.split()[1]) * 1024 - before)
    return sampled(call, process)


def give_back() -> None:
    """glibc's malloc_trim; other C libraries have none."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        pass


def sampled(call: Callable, process: psutil.Process) -> int:
    before = process.memory_info().rss
    highest, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.001):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        call()
    finally:
        highest[0] = max(highest[0], process.memory_info().rss)
        done.set()
        watcher.join()
    return highest[0] - before
