"""Exercise 12.3: a step on shifted pictures, shifted back; brute force by indices judges it."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given


def marker(seed: int, shape: list[int]):
    """A step that depends on the place: x -> x / 2 + a pattern drawn from the seed, of shape (3, height, width)."""
    pattern = torch.from_numpy(np.random.default_rng(seed).random(shape))
    return lambda pictures: pictures / 2 + pattern


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([12, 3, seed])
    found = []
    for height, width, shift in ((6, 6, (2, 1)), (5, 8, (-1, 3)), (7, 4, (0, -1)), (6, 7, (3, -2))):
        pictures = torch.from_numpy(rng.random((2, 3, height, width)))
        step = given(marker, seed=int(rng.integers(1 << 30)), shape=[3, height, width])
        found.append(Case((step, pictures, shift[0], shift[1]), f"{height}×{width} pixels, {shift[0]} down and {shift[1]} right"))
    return found


def by_indices(step, pictures, down, right):
    """Every pixel is looked up where it came from, and afterwards where it went."""
    height, width = pictures.shape[2:]
    rows, columns = np.arange(height), np.arange(width)
    moved = pictures.numpy()[:, :, (rows - down) % height][..., (columns - right) % width]
    after = step(torch.from_numpy(moved.copy())).numpy()
    return torch.from_numpy(after[:, :, (rows + down) % height][..., (columns + right) % width].copy())


def roll(x, down, right):
    return torch.roll(x, (down, right), dims=(2, 3))


def not_undone(step, pictures, down, right):
    return step(roll(pictures, down, right))


def twice(step, pictures, down, right):
    return roll(step(roll(pictures, down, right)), down, right)


def axes_exchanged(step, pictures, down, right):
    return roll(step(roll(pictures, right, down)), -right, -down)


def undone_exchanged(step, pictures, down, right):
    return roll(step(roll(pictures, down, right)), -right, -down)


def half_undone(step, pictures, down, right):
    return roll(step(roll(pictures, down, right)), -down, 0)


def other_way(step, pictures, down, right):
    return roll(step(roll(pictures, -down, -right)), down, right)


def undone_too_early(step, pictures, down, right):
    return step(roll(roll(pictures, down, right), -down, -right))


def with_zeros(step, pictures, down, right):
    def move(x, d, r):
        moved, (height, width) = torch.zeros_like(x), x.shape[2:]
        moved[:, :, max(d, 0):height + min(d, 0), max(r, 0):width + min(r, 0)] = x[:, :, max(-d, 0):height + min(-d, 0), max(-r, 0):width + min(-r, 0)]
        return moved
    return move(step(move(pictures, down, right)), -down, -right)


def a_step_that_does_nothing(args, answer):
    """Half of every pixel of the right answer is the old pixel in its old place; the rest is the pattern, moved back."""
    step, pictures, down, right = args
    pattern = step(torch.zeros_like(pictures))
    return torch.allclose(roll(answer - pictures / 2, down, right), pattern)


JITTER = Exercise(
    id="12.3", title="Jitter that undoes itself", points=1, minutes=8, difficulty=1, function="jittered",
    cases=cases, oracle=by_indices,
    laws=(Law("in its old place", "What the step keeps of the picture has to come back to the place where it was.", a_step_that_does_nothing),),
    hints=(
        "Shift there, step, shift back: three calls.",
        "`torch.roll(x, shifts, dims)` shifts and wraps round. Rows are axis 2, columns axis 3. The way back has both signs changed.",
        "`torch.roll(step(torch.roll(pictures, (down, right), dims=(2, 3))), (-down, -right), dims=(2, 3))`",
    ),
    misconceptions=(
        Misconception("not undone", not_undone, "You never shift back: after 200 steps the picture has wandered about. Undo the shift after the step."),
        Misconception("shifted twice", twice, "You shift the same way again in place of back. The second shift has both signs changed."),
        Misconception("axes exchanged", axes_exchanged, "Down and right are exchanged: in (n, 3, height, width), axis 2 runs down and axis 3 runs right."),
        Misconception("way back exchanged", undone_exchanged, "The way there is right; on the way back you exchange down and right."),
        Misconception("half undone", half_undone, "You undo the shift in one direction only."),
        Misconception("other way round", other_way, "You start with the shift back. Down and right are positive on the way *there*."),
        Misconception("undone too early", undone_too_early, "You shift back before the step, so the step sees the picture where it always was."),
        Misconception("zeros in place of wrapping", with_zeros, "What leaves the picture on one side is lost, and zeros come in. Let it come in again on the other side, as `torch.roll` does."),
    ),
    rtol=1e-7, atol=1e-9,
)
