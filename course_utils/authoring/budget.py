"""The time budget of a lab, in units that do not depend on how fast the machine is.

A lab may take 90 seconds on the course's reference machine. Elsewhere, or when the machine is busy,
seconds mean nothing: so the CPU time of a lab's kernel is divided by the CPU time of a fixed piece
of work, measured in the same run, and the ratio is held against that of the reference machine.

CPU time is that which is spent in the program itself ("user"). What the system spends on its behalf, nearly all
of it on handing out pages of memory, depends on the state of the machine's memory: 2.6 to 11.7 s for the same lab.
"""
from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

BUDGET_S = 90.0
# CPU seconds of `work` on the reference machine (two cores of an AMD EPYC server, one thread): 0.49 to 0.57 over
# five quiet runs, 0.50 to 0.54 with both cores at work.
REFERENCE_S = 0.5
BUDGET_UNITS = BUDGET_S / REFERENCE_S
THREADS_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PROGRAM = [sys.executable, "-m", "course_utils.authoring.budget"]


def work() -> float:
    """CPU seconds that a small network and a few numpy operations take, like those of the labs."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(32, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(32, 8))
    pictures = torch.rand(16, 3, 64, 64)
    matrix = np.random.default_rng(0).normal(size=(300, 300))
    began = os.times().user
    for _ in range(12):
        network(pictures).square().mean().backward()
        for _ in range(4):
            matrix = np.tanh(matrix @ matrix / 17.0)
    return os.times().user - began


def calibrate(repeats: int = 3) -> float:
    """The quickest of a few rounds of `work` in a fresh process, in CPU seconds."""
    done = subprocess.run([*PROGRAM, str(repeats)], capture_output=True, text=True, encoding="utf-8", env=os.environ | THREADS_ENV, check=True)
    return float(done.stdout)


@contextmanager
def calibrator() -> Iterator[Callable[[], float]]:
    """Yields a function that measures one round of `work`, in CPU seconds, whenever it is called.

    The rounds run in one process that is warm: a round takes as long as `work` and nothing more.
    """
    process = subprocess.Popen([*PROGRAM, "asked"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
                               env=os.environ | THREADS_ENV)

    asked = threading.Lock()  # two meters may want a round at the same time

    def measured() -> float:
        with asked:
            process.stdin.write("\n")
            process.stdin.flush()
            return float(process.stdout.readline())

    try:
        yield measured
    finally:
        process.stdin.close()  # it ends where there is nobody left to ask
        process.wait()
        process.stdout.close()


def kernel_seconds(pid: int) -> float:
    """CPU seconds of a kernel's program so far, with those of the processes that it started.

    Raises
    ------
    psutil.NoSuchProcess
        If it has ended.
    """
    import psutil

    kernel = psutil.Process(pid)
    used = kernel.cpu_times()
    seconds = used.user + used.children_user
    for child in kernel.children(recursive=True):  # on Windows an environment's python.exe only starts the real one, as its child
        with suppress(psutil.NoSuchProcess):
            seconds += child.cpu_times().user
    return seconds


class Meter:
    """CPU time that a kernel spends, in units, on a machine whose speed changes as it goes.

    Somebody else's work on the same machine slows a lab and the calibration alike, but only where both
    run at the same time. So a round of the calibration is run beside the kernel, whenever it has spent
    `EVERY_S` since the last, also in the middle of a cell, and what it spent is divided by the mean of the
    rounds before and after.
    """

    EVERY_S = 5.0
    POLL_S = 0.5

    def __init__(self, pid: int, calibrate: Callable[[], float]) -> None:
        self.pid, self.calibrate = pid, calibrate
        self.spent, self.seconds, self.round = 0.0, 0.0, 0.0  # units; CPU seconds; the latest round
        self.looking = threading.Lock()

    def look(self, now: bool = False) -> None:
        """Run a round if it is time for one, or if it is wanted now."""
        with self.looking:
            seconds = kernel_seconds(self.pid)
            if self.round and not now and seconds - self.seconds < self.EVERY_S:
                return
            latest = self.calibrate()
            self.spent += units(seconds - self.seconds, (latest + (self.round or latest)) / 2)
            self.seconds, self.round = seconds, latest

    def watch(self) -> Meter:
        """Look every now and then, on a thread of its own, until the kernel or what calibrates has ended."""
        import psutil

        def looks() -> None:
            with suppress(psutil.Error, OSError, ValueError):  # the kernel's process is gone; a pipe is closed
                while True:
                    self.look()
                    time.sleep(self.POLL_S)

        threading.Thread(target=looks, name="meter", daemon=True).start()
        return self


def units(cpu_seconds: float, calibration: float) -> float:
    """CPU time in units of the calibration: a lab may have `BUDGET_UNITS`."""
    return cpu_seconds / calibration


if __name__ == "__main__":
    work()  # the first round also pays for what torch sets up
    if sys.argv[1] == "asked":
        for _ in sys.stdin:
            print(work(), flush=True)
    else:
        print(min(work() for _ in range(int(sys.argv[1]))))
