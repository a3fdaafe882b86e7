"""The time budget of a lab, in units that do not depend on how fast the machine is.

A lab may take 90 seconds on the course's reference machine. Elsewhere, or when the machine is busy,
seconds mean nothing: so the CPU time of a lab's kernel is divided by the CPU time of a fixed piece
of work, measured in the same run, and the ratio is held against that of the reference machine.
"""
from __future__ import annotations

import os
import subprocess
import sys
import time

BUDGET_S = 90.0
# CPU seconds of `work` on the reference machine (two cores of an AMD EPYC server, one thread): 0.49 to 0.57 over
# five quiet runs, 0.50 to 0.54 with both cores at work.
REFERENCE_S = 0.5
BUDGET_UNITS = BUDGET_S / REFERENCE_S


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
    began = time.process_time()
    for _ in range(12):
        network(pictures).square().mean().backward()
        for _ in range(4):
            matrix = np.tanh(matrix @ matrix / 17.0)
    return time.process_time() - began


def calibrate(repeats: int = 3) -> float:
    """The quickest of a few rounds of `work` in a fresh process, in CPU seconds."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "course_utils.authoring.budget", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=env, check=True)
    return float(done.stdout)


def units(cpu_seconds: float, calibration: float) -> float:
    """CPU time in units of the calibration: a lab may have `BUDGET_UNITS`."""
    return cpu_seconds / calibration


if __name__ == "__main__":
    work()  # the first round also pays for what torch sets up
    print(min(work() for _ in range(int(sys.argv[1]))))
