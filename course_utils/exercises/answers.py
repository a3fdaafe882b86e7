"""Answers as plain arrays: copied, described in words, and compared."""
from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex", "O": "object", "U": "text", "S": "text"}


def is_torch(value: Any) -> bool:
    """Whether the value is a torch tensor; False where torch was never imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_tensorflow(value: Any) -> bool:
    """Whether the value is a TensorFlow tensor or variable."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and tensorflow.is_tensor(value)


def as_array(value: Any) -> np.ndarray | None:
    """The value as a numpy array of its own, or None where it is no array, tensor or number."""
    if is_torch(value):
        plain = value.detach().cpu()
        return (plain.float() if str(plain.dtype) == "torch.bfloat16" else plain).numpy().copy()
    if is_tensorflow(value):
        return np.array(value)
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        return np.array(value)
    return None


def family(value: Any) -> str:
    """What sort of thing a value is: number, array, tensor, sequence, mapping, text, nothing, other."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (tuple, list)):
        return "sequence"
    if isinstance(value, Mapping):
        return "mapping"
    if is_torch(value) or is_tensorflow(value):
        return "tensor" if len(value.shape) else "number"
    array = as_array(value)
    if array is None or array.dtype.kind == "O":
        return "other"
    return "array" if array.ndim else "number"


def dtype_kind(value: Any) -> str:
    """`"float"`, `"int"`, `"bool"`, ... of a number, an array or a tensor."""
    return KINDS.get(as_array(value).dtype.kind, "other")


def describe(value: Any) -> str:
    """A value in words: `a float array of shape (3, 4)`, `the int 5`, `None`."""
    sort = family(value)
    if sort == "nothing":
        return "None"
    if sort == "text":
        return f"the text {value[:40]!r}"
    if sort == "sequence":
        return f"a {type(value).__name__} of {len(value)}"
    if sort == "mapping":
        return f"a dictionary with {', '.join(map(repr, list(value)[:6])) or 'nothing in it'}"
    if sort == "number":
        return f"the {dtype_kind(value)} {as_array(value).item():.6g}" if dtype_kind(value) in ("float", "int") else f"{value}"
    if sort in ("array", "tensor"):
        shape = tuple(int(n) for n in value.shape)
        return f"{'an' if dtype_kind(value) == 'int' else 'a'} {dtype_kind(value)} {sort} of shape {shape}"
    return f"a {type(value).__name__}"


def snapshot(value: Any) -> Any:
    """An independent copy of what can be compared in a value: arrays, containers, the weights of a module.

    Random generators and everything else that is made to change come back as None.
    """
    if isinstance(value, (str, bytes, int, float, complex, bool, type(None))):
        return value
    if isinstance(value, (tuple, list)):
        return [snapshot(item) for item in value]
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return None
    array = as_array(value)
    if array is not None:
        return array
    if hasattr(value, "state_dict") and hasattr(value, "training"):
        return {"training": value.training, **snapshot(value.state_dict())}
    return None


def same(one: Any, other: Any) -> bool:
    """Whether two snapshots are equal to the last bit; NaN equals NaN."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return (isinstance(other, np.ndarray) and one.shape == other.shape and one.dtype == other.dtype
                and one.tobytes() == other.tobytes())
    return type(one) is type(other) and (one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other)))


def close(one: Any, other: Any, rtol: float, atol: float) -> bool:
    """Whether two answers are of one shape and sort, and equal within the tolerance (NaN equals NaN)."""
    if family(one) != family(other):
        return False
    sort = family(other)
    if sort == "sequence":
        return len(one) == len(other) and all(close(a, b, rtol, atol) for a, b in zip(one, other))
    if sort == "mapping":
        return set(one) == set(other) and all(close(one[k], other[k], rtol, atol) for k in other)
    if sort in ("text", "nothing", "other"):
        return sort != "other" and one == other
    a, b = as_array(one), as_array(other)
    if a.shape != b.shape or a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return False
    with np.errstate(all="ignore"):
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def flat(value: Any) -> np.ndarray | None:
    """All numbers of an answer in one line, as float64; None where it holds anything else."""
    if family(value) in ("sequence", "mapping"):
        parts = [flat(item) for item in (value.values() if isinstance(value, Mapping) else value)]
        return None if any(part is None for part in parts) else np.concatenate([np.zeros(0), *parts])
    array = as_array(value)
    return None if array is None or array.dtype.kind not in "biuf" else array.astype(np.float64).ravel()
