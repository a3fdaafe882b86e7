"""Answers that any checker has to reject, made in the form of the right one."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from course_utils.exercises.answers import as_array, family, is_tensorflow, is_torch
from course_utils.exercises.contract import Exercise
from course_utils.exercises.judge import build_args

Named = Iterator[tuple[str, Callable]]


def empty(exercise: Exercise, solution: Callable, seed: int) -> Named:
    """Functions whose answers have the right form and nothing in them, by name.

    They are zero, one constant, NaN, the first argument, and the right answer to the first case
    whatever the question.
    """
    def right(*args: Any) -> Any:
        return exercise.call(solution, *args)

    remembered = right(*build_args(exercise.cases(seed)[0]))
    yield "An answer of zeros", lambda *args: change(right(*args), np.zeros_like)
    yield "A constant answer", lambda *args: change(right(*args), np.ones_like)
    yield "An answer of NaN", lambda *args: change(right(*args), not_a_number)
    yield "The first argument as the answer", lambda *args: args[0] if args else None
    yield "The first case's answer to every case", lambda *args: change(remembered, np.copy)


def bent(exercise: Exercise, solution: Callable) -> Named:
    """Functions whose answers are the right ones, bent in one way each."""
    def right(*args: Any) -> Any:
        return exercise.call(solution, *args)

    noise = np.random.default_rng(0)
    ways = {
        "negative": np.negative, "doubled": lambda values: values * 2, "shifted": lambda values: values + 1,
        "reversed": lambda values: np.flip(values), "squared": np.square,
        "noisy": lambda values: values + noise.normal(size=values.shape),
    }
    for name, way in ways.items():
        yield name, lambda *args, way=way: change(right(*args), way)


def change(answer: Any, way: Callable[[np.ndarray], np.ndarray]) -> Any:
    """An answer of the same form with every array and number in it changed; text becomes empty."""
    if isinstance(answer, Mapping):
        return {key: change(value, way) for key, value in answer.items()}
    if family(answer) == "sequence":
        changed = [change(value, way) for value in answer]
        return type(answer)(*changed) if hasattr(answer, "_fields") else type(answer)(changed)
    if family(answer) == "text":
        return ""
    array = as_array(answer)
    if array is None or array.dtype.kind not in "biuf":
        return answer
    # Booleans can be neither negated nor doubled as numbers are: the way works on 0 and 1.
    given = array.astype(np.int64) if array.dtype.kind == "b" else array
    values = np.asarray(way(given))
    if not np.isnan(values).any():
        values = values.astype(array.dtype)
    if is_torch(answer):
        import torch

        return torch.from_numpy(np.ascontiguousarray(values))
    if is_tensorflow(answer):
        import tensorflow as tf

        return tf.constant(values)
    return values if isinstance(answer, np.ndarray) else values.item() if not isinstance(answer, np.generic) else values[()]


def not_a_number(values: np.ndarray) -> np.ndarray:
    """NaN in place of every number; whole numbers become floats, as they do in numpy."""
    return np.full(values.shape, np.nan, dtype=values.dtype if values.dtype.kind == "f" else np.float64)
