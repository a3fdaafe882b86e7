"""How the rules of lab 10 are asked: arrays go in and come out as TensorFlow's tensors, in float64."""
from __future__ import annotations

from typing import Any

import numpy as np


def with_tensors(function: Any, *args: Any) -> Any:
    """Call with every array as a tensor; a tensor that comes back becomes an array again."""
    from course_utils.models.quiet_tensorflow import tf

    answer = function(*(tf.constant(value) if isinstance(value, np.ndarray) else value for value in args))
    return answer.numpy() if tf.is_tensor(answer) else answer


def divide_no_nan(values: Any, by: Any) -> np.ndarray:
    """values / by, and zero where `by` is zero: numpy's own, for the wrong functions and the oracles."""
    values, by = np.broadcast_arrays(values, by)
    return np.divide(values, by, out=np.zeros(by.shape), where=by != 0)


def windows(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """What a filter sees at every place: (n, h, w, c) to (n, h, w, height, width, c), zeros beyond the border.

    Height and width are odd, as "SAME" padding has them in the middle then.
    """
    down, across = height // 2, width // 2
    padded = np.pad(maps, ((0, 0), (down, down), (across, across), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)


def put_back(shares: np.ndarray) -> np.ndarray:
    """Adds what every place sends to what it saw, (n, h, w, height, width, c), up to maps (n, h, w, c)."""
    n, h, w, height, width, c = shares.shape
    padded = np.zeros((n, h + height - 1, w + width - 1, c))
    for row in range(height):
        for column in range(width):
            padded[:, row:row + h, column:column + w] += shares[:, :, :, row, column]
    return padded[:, height // 2:height // 2 + h, width // 2:width // 2 + w]
