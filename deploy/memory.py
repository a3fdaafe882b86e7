"""Memory and CPU time of all that a hub has started, sampled while a class works (Linux: sizes as /proc has them).

RSS counts a page once for each process that has it, so that sums count shared libraries as often as there are
students. PSS divides a shared page among those who share it: sums of PSS are what the machine really needs. USS is
what a process has for itself, and what its end gives back.
"""
from __future__ import annotations

import statistics
import threading
from pathlib import Path

import psutil

EVERY_S = 2.0
MB = 1e6
FIELDS = {"Rss": "rss", "Pss": "pss", "Private_Clean": "uss", "Private_Dirty": "uss"}


class Memory:
    """Samples the descendants of a hub's process while the block runs; all figures in megabytes."""

    def __init__(self, hub: psutil.Process):
        self.hub, self.ended = hub, threading.Event()
        self.kinds: dict[int, str] = {}
        self.now: dict[int, dict[str, float]] = {}
        self.highest: dict[int, dict[str, float]] = {}
        self.highest_sum = 0.0
        self.watcher = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self) -> Memory:
        self.watcher.start()
        return self

    def __exit__(self, *error) -> None:
        self.ended.set()
        self.watcher.join()

    def watch(self) -> None:
        while not self.ended.wait(EVERY_S):
            self.sample()

    def sample(self) -> None:
        """Read the sizes of every process once."""
        found: dict[int, dict[str, float]] = {}
        for process in [self.hub, *children(self.hub)]:
            try:
                self.kinds[process.pid] = kind_of(process)  # asked anew: a child has its parent's name at first
                found[process.pid] = sizes(process)
            except (psutil.Error, OSError):
                continue  # it has just ended
        for pid, size in found.items():
            before = self.highest.get(pid, size)
            self.highest[pid] = {name: max(value, before[name]) for name, value in size.items()}
        self.now = found
        self.highest_sum = max(self.highest_sum, sum(size["pss"] for size in found.values()))

    def report(self) -> dict:
        """Medians over the processes of each kind, now and at their highest, and sums over all."""
        self.ended.set()
        self.watcher.join()
        self.sample()
        kinds = {}
        for kind in ("kernel", "server", "hub", "proxy", "other"):
            pids = [pid for pid in self.now if self.kinds[pid] == kind]
            if not pids:
                continue
            kinds[kind] = {"count": len(pids)}
            for name in ("rss", "pss", "uss"):
                kinds[kind][f"{name} at rest"] = statistics.median(self.now[pid][name] for pid in pids)
            kinds[kind]["highest rss"] = statistics.median(self.now[pid]["hwm"] for pid in pids)
            kinds[kind]["highest pss"] = statistics.median(self.highest[pid]["pss"] for pid in pids)
            kinds[kind]["cpu s"] = statistics.median(self.now[pid]["cpu"] for pid in pids)
        return {"kinds": kinds, "all": {"pss at rest": sum(size["pss"] for size in self.now.values()), "highest pss": self.highest_sum,
                                        "sum of rss": sum(size["rss"] for size in self.now.values()),
                                        "cpu s": sum(size["cpu"] for size in self.now.values())}}


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def kind_of(process: psutil.Process) -> str:
    """What a process of a hub is, from its command line."""
    line = " ".join(process.cmdline())
    for kind, mark in (("kernel", "ipykernel_launcher"), ("server", "student_server"), ("proxy", "http-proxy"), ("hub", "-m jupyterhub ")):
        if mark in line:
            return kind
    return "other"


def sizes(process: psutil.Process) -> dict[str, float]:
    """RSS, PSS, USS, highest RSS (MB) and CPU time (s) of a process."""
    found = dict.fromkeys(("rss", "pss", "uss"), 0.0)
    folder = Path("/proc") / str(process.pid)
    for line in (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines():
        name, mark, rest = line.partition(":")
        if mark and name in FIELDS:
            found[FIELDS[name]] += int(rest.split()[0]) * 1024 / MB
    for line in (folder / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            found["hwm"] = int(line.split()[1]) * 1024 / MB
    used = process.cpu_times()
    return found | {"cpu": used.user + used.system}
