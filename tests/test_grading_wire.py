"""What travels between judge and sandbox, and what does not."""
import io
import json
import pickle
import struct

import numpy as np
import pytest
import torch

from course_utils.exercises.answers import same, snapshot
from course_utils.exercises.contract import Given
from course_utils.exercises.registry import all_exercises, of_lab
from course_utils.grading import wire

MEGABYTE = 1 << 20


def parts(frame: bytes, limit: int = MEGABYTE) -> tuple[bytes, bytes]:
    text, arrays = wire.lengths(frame[:wire.LENGTHS.size], limit)
    rest = frame[wire.LENGTHS.size:]
    assert len(rest) == text + arrays
    return rest[:text], rest[text:]


def there_and_back(value):
    return wire.decode(*parts(wire.encode(value)))


@pytest.mark.parametrize("value", [
    None, True, False, 0, -(10**30), 1.5, float("nan"), float("-inf"), np.complex128(1 + 2j), "", "Zoë ∂ 'quotes'", [], (1, (2.0, [None])), {"a": 1, 2: "b"},
    np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3).T, np.zeros((0, 3)), np.array(3), np.array(["a", "bcd"]), np.float32(2.5), np.bool_(True),
    np.arange(3, dtype=">i4"), torch.ones(2, 3, dtype=torch.float64), torch.arange(6).reshape(2, 3).T, torch.tensor(True),
], ids=repr)
def test_a_value_arrives_as_it_left(value):
    back = there_and_back(value)
    assert type(back) is type(value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype.newbyteorder("=") and np.array_equal(back, value)
    else:
        assert same(snapshot(back), snapshot(value))


@pytest.mark.parametrize("lab", ["09", pytest.param("", marks=pytest.mark.slow)], ids=["lab 09", "all labs"])
def test_every_input_of_every_exercise_travels(lab):
    for exercise in of_lab(lab) if lab else all_exercises():
        for case in exercise.cases(7):
            back = wire.decode(*parts(wire.encode(list(case.args)), 64 * MEGABYTE), lambda builder, parameters: Given(builder, parameters))
            for value, arrived in zip(case.args, back, strict=True):
                if isinstance(value, Given):
                    assert arrived.builder == value.builder and arrived.build() is not None, exercise.id
                else:
                    assert same(snapshot(arrived), snapshot(value)), exercise.id


class Sly(np.ndarray):
    def __eq__(self, other):
        return True


def test_subclasses_arrive_as_what_they_are_based_on():
    assert type(there_and_back(np.zeros(2).view(Sly))) is np.ndarray
    assert type(there_and_back(type("Text", (str,), {"__eq__": lambda *_: True, "__hash__": None})("x"))) is str
    assert type(there_and_back(torch.zeros(2).as_subclass(type("T", (torch.Tensor,), {})))) is torch.Tensor


@pytest.mark.parametrize("value", [(x for x in "ab"), object(), lambda: 0, np.array([object()]), np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])])
def test_what_cannot_travel_arrives_as_its_name(value):
    assert isinstance(there_and_back([value])[0], wire.Opaque)


def test_an_answer_of_too_many_parts_is_cut_short():
    back = there_and_back([0] * 10**6)
    assert len(back) <= wire.MAX_LEAVES and isinstance(back[-1], wire.Opaque)


def framed(tree, blobs=()) -> tuple[bytes, bytes]:
    return json.dumps([tree, [len(blob) for blob in blobs]]).encode(), b"".join(blobs)


def npy(header: dict | str, data: bytes = b"") -> bytes:
    text = (header if isinstance(header, str) else repr(header)).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def saved(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize("text, data", [
    (b"", b""), (b"[]", b""), (b"null", b""), (b"{}", b""), (b"[1,2", b""), (b"\xff\xfe", b""), (b"[[\"int\",\"zz\"],[]]", b""),
    framed(["unknown", 1]), framed(["plain", 3]), framed(["array", 0]), framed(["array", -1], [npy({"descr": "<f8", "fortran_order": False, "shape": ()}, bytes(8))]),
    framed(["given", "os:system", ["dict", [[["text", "command"], ["text", "true"]]]]]), framed(["dict", [[["list", []], ["plain", None]]]]),
    framed(["array", 0], [npy({"descr": "<f8", "fortran_order": False, "shape": (10**12,)}, bytes(8))]),
    framed(["array", 0], [npy({"descr": "<f8", "fortran_order": False, "shape": (-1,)}, bytes(8))]),
    framed(["array", 0], [npy({"descr": "|V0", "fortran_order": False, "shape": (10**12,)})]),
    framed(["array", 0], [npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, pickle.dumps([1]))]),
    framed(["array", 0], [npy("__import__('os').system('true')")]), framed(["array", 0], [b"\x80\x04K\x01."]),
    framed(["array", 0], [saved(np.array([object()], dtype=object))]), framed(["torch", 0], [saved(np.array(["a"]))]),
    (b"[" * 100_000, b""), (json.dumps([["list", [["plain", None]] * 300_000], []]).encode(), b""),
], ids=range(23))
def test_what_no_honest_peer_sends_is_refused(text, data):
    with pytest.raises(wire.Malformed):
        wire.decode(text, data)


def test_nothing_is_read_on_the_word_of_the_other_side():
    for text, arrays in ((1 << 31, 0), (10, 1 << 50), (10, MEGABYTE + 1)):
        with pytest.raises(wire.Malformed, match="oversized"):
            wire.lengths(wire.LENGTHS.pack(text, arrays), MEGABYTE)
