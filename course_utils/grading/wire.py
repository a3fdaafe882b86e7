"""What travels between the judge and the sandbox: numbers, text, arrays and their containers, never code.

A frame is twelve bytes of lengths, a JSON tree, and the arrays of the tree as npy blobs. Whoever reads
looks at the lengths first, and at an npy header before its data: nothing is allocated on the word of
the other side beyond the limit that the reader set. Pickle is nowhere; dtypes that hold objects are
refused on both sides.
"""
from __future__ import annotations

import io
import json
import math
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LENGTHS = struct.Struct("<IQ")       # bytes of JSON, bytes of npy blobs
MAX_JSON = 8 << 20
MAX_DEPTH, MAX_LEAVES, MAX_HEADER = 12, 100_000, 400
KINDS = frozenset("biufcUS")


class Malformed(ValueError):
    """A frame that no honest peer sends; the message says in a few words what is wrong with it."""


@dataclass(frozen=True)
class Opaque:
    """An answer that cannot travel, such as a generator or an object of the student's own class.

    Attributes
    ----------
    name : str
        Of its type, as the sandbox tells it: at most 40 letters.
    """

    name: str


# ---------------------------------------------------------------- values to trees


def plain(value: Any, blobs: list[np.ndarray], depth: int = 0, left: list[int] | None = None) -> Any:
    """The JSON tree of a value; its arrays are appended to `blobs`.

    Subclasses travel as what they are based on, so that neither `__eq__` nor anything else of their own
    reaches the other side.
    """
    left = [MAX_LEAVES] if left is None else left
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        return ["opaque", "too deep" if depth > MAX_DEPTH else "too many parts"]
    if value is None or isinstance(value, bool):
        return ["plain", value]
    if isinstance(value, np.generic):
        return array("scalar", value, blobs)
    if isinstance(value, int):
        return ["int", format(int(value), "x")]
    if isinstance(value, float):
        return ["float", float.hex(float(value))]
    if isinstance(value, complex):
        return array("scalar", np.complex128(value), blobs)
    if isinstance(value, str):
        return ["text", str.__str__(value).encode("utf-8", "replace").decode()]
    if isinstance(value, np.ndarray):
        return array("array", value, blobs)
    if isinstance(value, (tuple, list)):
        return ["tuple" if isinstance(value, tuple) else "list", [plain(item, blobs, depth + 1, left) for item in value[:MAX_LEAVES]]]
    if isinstance(value, Mapping):
        return ["dict", [[plain(key, blobs, depth + 1, left), plain(item, blobs, depth + 1, left)] for key, item in value.items()]]
    return tensor(value, blobs) or given(value, blobs, depth) or ["opaque", type(value).__name__[:40]]


def array(kind: str, value: Any, blobs: list[np.ndarray]) -> list:
    found = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
    if found.dtype.kind not in KINDS or found.dtype.names or found.dtype.hasobject:
        return ["opaque", f"array of {found.dtype}"[:40]]
    blobs.append(np.asarray(found, dtype=found.dtype.newbyteorder("=")))
    return [kind, len(blobs) - 1]


def tensor(value: Any, blobs: list[np.ndarray]) -> list | None:
    """A tensor of torch or TensorFlow, where the library is loaded at all."""
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if torch is not None and isinstance(value, torch.Tensor):
        found = value.detach().cpu()
        if found.is_sparse or found.is_quantized:
            found = found.to_dense() if found.is_sparse else found.dequantize()
        return array("torch", (found.float() if found.dtype == torch.bfloat16 else found).resolve_conj().resolve_neg().numpy(), blobs)
    if tensorflow is not None and hasattr(tensorflow, "is_tensor") and tensorflow.is_tensor(value):
        return array("tensorflow", np.array(value), blobs)
    return None


def given(value: Any, blobs: list[np.ndarray], depth: int) -> list | None:
    """An input that is built where it is used: a name and plain parameters."""
    if hasattr(value, "builder") and hasattr(value, "parameters"):
        return ["given", value.builder, plain(dict(value.parameters), blobs, depth + 1)]
    return None


def encode(value: Any) -> bytes:
    """A value as one frame, lengths included."""
    blobs: list[np.ndarray] = []
    tree = plain(value, blobs)
    parts = []
    for blob in blobs:
        out = io.BytesIO()
        np.lib.format.write_array(out, blob, version=(1, 0), allow_pickle=False)
        parts.append(out.getvalue())
    text = json.dumps([tree, [len(part) for part in parts]], separators=(",", ":")).encode()
    return b"".join([LENGTHS.pack(len(text), sum(map(len, parts))), text, *parts])


# ---------------------------------------------------------------- trees to values


def lengths(head: bytes, limit: int) -> tuple[int, int]:
    """Bytes of JSON and of arrays that a frame announces, both within the limit.

    Raises
    ------
    Malformed
        If it announces more.
    """
    text, blobs = LENGTHS.unpack(head)
    if text > MAX_JSON or blobs > limit:
        raise Malformed(f"oversized: {text + blobs} bytes announced, {limit} allowed")
    return text, blobs


def decode(text: bytes, data: bytes, build: Callable[[str, dict], Any] | None = None) -> Any:
    """The value of a frame.

    Parameters
    ----------
    text, data : bytes
        Its JSON and its arrays.
    build : callable, optional
        `build(builder, parameters)` makes a `given` input; without it such an input is refused, as
        it is in everything that comes out of a sandbox.

    Raises
    ------
    Malformed
        If it is not exactly what `encode` writes.
    """
    try:
        tree, sizes = json.loads(text)
        if not all(type(size) is int and size > 0 for size in sizes) or sum(sizes) != len(data):
            raise Malformed("the lengths of its arrays do not add up")
        arrays, at = [], 0
        for size in sizes:
            arrays.append(from_npy(data[at:at + size]))
            at += size
        return value_of(tree, arrays, build, [2 * MAX_LEAVES], 0)
    except Malformed:
        raise
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError, AttributeError) as error:
        raise Malformed(f"no frame: {type(error).__name__}") from None


def from_npy(blob: bytes) -> np.ndarray:
    """The array of an npy blob; its header is held against the bytes that are there before any is read."""
    source = io.BytesIO(blob)
    if np.lib.format.read_magic(source) != (1, 0):
        raise Malformed("an array of another npy version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(source, max_header_size=MAX_HEADER)
    if dtype.kind not in KINDS or dtype.names or dtype.subdtype or dtype.hasobject or not dtype.isnative:
        raise Malformed(f"an array of {dtype}"[:60])
    if len(shape) > 32 or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(blob) - source.tell():
        raise Malformed("an array of another size than its header says")
    if dtype.itemsize == 0:
        raise Malformed("an array of nothing")
    flat = np.frombuffer(blob, dtype=dtype, offset=source.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy(order="C")


def value_of(tree: Any, arrays: list[np.ndarray], build: Callable | None, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH + 2:
        raise Malformed("too many parts")
    kind, content = tree[0], tree[1]
    if kind == "plain" and (content is None or isinstance(content, bool)):
        return content
    if kind == "int":
        return int(content, 16)
    if kind == "float":
        return float.fromhex(content)
    if kind == "text" and isinstance(content, str):
        return content
    if kind in ("array", "scalar", "torch", "tensorflow") and type(content) is int and content >= 0:
        return of_kind(kind, arrays[content])
    if kind in ("tuple", "list") and isinstance(content, list):
        parts = [value_of(item, arrays, build, left, depth + 1) for item in content]
        return tuple(parts) if kind == "tuple" else parts
    if kind == "dict" and isinstance(content, list):
        return {value_of(key, arrays, build, left, depth + 1): value_of(item, arrays, build, left, depth + 1) for key, item in content}
    if kind == "given" and build is not None:
        return build(content, value_of(tree[2], arrays, build, left, depth + 1))
    if kind == "opaque" and isinstance(content, str):
        return Opaque(content[:40])
    raise Malformed("a part of unknown kind")


def of_kind(kind: str, found: np.ndarray) -> Any:
    if kind == "array":
        return found
    if kind == "scalar":
        if found.ndim:
            raise Malformed("a number with axes")
        return found[()]
    if found.dtype.kind not in "biufc":
        raise Malformed("a tensor of text")
    if kind == "torch":
        import torch

        return torch.from_numpy(found)
    from course_utils.models.quiet_tensorflow import tf

    return tf.constant(found)
