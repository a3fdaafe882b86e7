"""Exercise 01.6 of lab 01, the overlap count; its oracle is brute force."""
from __future__ import annotations

import math

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def overlap_cases(seed: int) -> list[Case]:
    """Kernels that the stride divides, that it does not, and that it exceeds."""
    rng = np.random.default_rng([16, seed])
    plans = [(3, 2), (4, 2), (5, int(rng.integers(2, 4))), (2, 3), (int(rng.integers(3, 6)), 1)]
    cases = []
    for kernel, stride in plans:
        height = int(rng.integers(2, 5))
        shape = (height, height + int(rng.integers(1, 3)))
        cases.append(Case((shape, kernel, stride), f"{shape[0]}×{shape[1]} stamps, kernel {kernel}, stride {stride}"))
    return cases


def count_one_by_one(shape, kernel, stride) -> np.ndarray:
    """Brute force: every output cell asks every input cell whether its stamp reaches it."""
    def reached(size):
        cell, stamp = np.arange((size - 1) * stride + kernel)[:, None], np.arange(size)
        return (stamp * stride <= cell) & (cell < stamp * stride + kernel)

    return np.einsum("ri,cj->rc", reached(shape[0]).astype(int), reached(shape[1]).astype(int))


def every_stamp_counts(args, answer) -> bool:
    (height, width), kernel, _ = args
    return int(np.sum(answer)) == height * width * kernel**2



def added_sides(shape, kernel, stride):
    one, other = (count_one_by_one((size, 1), kernel, stride)[:, 0] for size in shape)
    return one[:, None] + other[None, :]


def only_touched(shape, kernel, stride):
    return (count_one_by_one(shape, kernel, stride) > 0).astype(int)


def evenly(shape, kernel, stride):
    height, width = ((size - 1) * stride + kernel for size in shape)
    return np.full((height, width), math.ceil(kernel / stride) ** 2)


def without_edges(shape, kernel, stride):
    height, width = ((size - 1) * stride + kernel for size in shape)
    middle = count_one_by_one((kernel + 1, kernel + 1), kernel, stride)
    start = -(-kernel // stride) * stride
    period = middle[start:start + stride, start:start + stride]
    return np.tile(period, (height // stride + 1, width // stride + 1))[:height, :width]


OVERLAP = Exercise(
    id="01.6", title="The overlap count", points=1, minutes=6, difficulty=1, function="overlap_count",
    cases=overlap_cases, oracle=count_one_by_one,
    laws=(Law("every stamp counts", "Each of the h·w stamps covers k² cells, so all counts together are h·w·k².", every_stamp_counts),),
    hints=(
        "You have a function that lays stamps down and adds up what lies on each cell. What should one stamp be worth?",
        "A picture of ones, a filter of ones, one channel each, no padding: each stamp then adds 1 to each of its cells.",
        "`transposed_by_stamping(np.ones((1, h, w)), np.ones((1, 1, kernel, kernel)), stride, 0)[0]`, then `.astype(int)`.",
    ),
    misconceptions=(
        Misconception("sides added", added_sides,
                      "Rows and columns multiply: a cell under 2 rows and 2 columns of stamps lies under 4 of them."),
        Misconception("covered or not", only_touched,
                      "You say whether a cell is covered; count by how many stamps."),
        Misconception("the same everywhere", evenly,
                      "The count changes from cell to cell: at the edges, and inside wherever the stride does not divide the kernel."),
        Misconception("no edges", without_edges,
                      "Near the edges fewer stamps reach a cell: the pattern of the middle does not go on there."),
    ),
)
