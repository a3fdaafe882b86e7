"""Says in one sentence how an answer differs from the right one."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_utils.exercises.answers import as_array, close, describe, dtype_kind, family, flat

MEND = {  # (expected, given): what to do about it
    ("tensor", "array"): "return the tensor itself, or make one with `torch.from_numpy(...)`",
    ("array", "tensor"): "turn it into a numpy array with `.detach().numpy()`",
    ("array", "sequence"): "make it an array with `np.array(...)`",
    ("tensor", "sequence"): "make it one tensor, with `torch.stack(...)` or `torch.tensor(...)`",
    ("number", "array"): "return a single number: sum, average or pick one entry",
    ("number", "tensor"): "return a single number: sum, average or pick one entry",
}


def wrong_form(expected: Any, given: Any, what: str = "Your function") -> str | None:
    """One sentence on type, length, shape or dtype, or None where the form is right."""
    want, have = family(expected), family(given)
    if have == "nothing" and want != "nothing":
        return f"{what} returned None: it ends without a `return` of the result. Expected: {describe(expected)}."
    if want != have:
        mend = MEND.get((want, have), "look at what the docstring says it returns")
        return f"{what} returned {describe(given)}; expected: {describe(expected)}. {mend[0].upper()}{mend[1:]}."
    if want == "sequence":
        if len(expected) != len(given):
            return f"{what} returned {len(given)} values; expected: {len(expected)}."
        parts = (wrong_form(e, g, f"Value {k + 1} of what your function returned is off: it") for k, (e, g) in enumerate(zip(expected, given)))
        return next(filter(None, parts), None)
    if want == "mapping":
        if set(expected) != set(given):
            return f"{what} returned the keys {sorted(map(str, given))}; expected: {sorted(map(str, expected))}."
        parts = (wrong_form(expected[k], given[k], f"Under {k!r}, your function") for k in expected)
        return next(filter(None, parts), None)
    if want in ("number", "array", "tensor"):
        return wrong_numbers_form(expected, given, what)
    return None


def wrong_numbers_form(expected: Any, given: Any, what: str) -> str | None:
    """The same for a number, an array or a tensor."""
    want, have = as_array(expected), as_array(given)
    if want.shape != have.shape:
        mend = ""
        if sorted(want.shape) == sorted(have.shape):
            mend = " The sizes are right but in another order: an axis is swapped."
        elif [n for n in want.shape if n != 1] == [n for n in have.shape if n != 1]:
            mend = " They differ by an axis of length 1: `squeeze`, index or `keepdim` mends it."
        return f"{what} returned shape {have.shape}; expected: {want.shape}.{mend}"
    kinds = dtype_kind(expected), dtype_kind(given)
    if kinds[0] == kinds[1] or (family(expected) == "number" and kinds == ("float", "int")):
        return None
    if kinds == ("int", "float"):
        mend = "`//` divides whole numbers, `int(...)` or `.astype(int)` turns into them"
    else:
        mend = "look at the dtype with which you make the result"
    return f"{what} returned {describe(given)}; expected: {describe(expected)}. The dtype differs: {mend}."


def not_finite(expected: Any, given: Any) -> str | None:
    """One sentence on NaN and infinity where the right answer has none."""
    want, have = flat(expected), flat(given)
    if want is None or have is None or want.shape != have.shape:
        return None
    for name, test in (("NaN (not a number)", np.isnan), ("infinity", np.isinf)):
        bad = test(have) & ~test(want)
        if bad.any():
            return (f"Your answer holds {name} in {int(bad.sum())} of {bad.size} places: "
                    "look for a division by zero, a log of zero or an overflowing exp.")
    return None


def worst_entry(expected: Any, given: Any) -> str:
    """The entry that is furthest off: where it is, what it is, what it should be."""
    want, have = as_array(expected), as_array(given)
    if family(expected) in ("sequence", "mapping"):
        keys = range(len(expected)) if family(expected) == "sequence" else list(expected)
        far = next((k for k in keys if not close(given[k], expected[k], 1e-6, 1e-9)), None)
        if far is None:
            return ""
        where = f"In value {far + 1}" if family(expected) == "sequence" else f"Under {far!r}"
        return f"{where}: {worst_entry(expected[far], given[far])}"
    if want is None or want.dtype.kind not in "biuf":
        return f"Yours: {describe(given)}; expected: {describe(expected)}."
    gap = np.abs(have.astype(np.float64) - want.astype(np.float64))
    place = np.unravel_index(int(np.nan_to_num(gap, nan=-1).argmax()), gap.shape)
    at = f"At {list(map(int, place))}: yours" if gap.ndim else "Yours:"
    return f"{at} {have[place]:.6g}, expected {want[place]:.6g}."


def relation(expected: Sequence[Any], given: Sequence[Any]) -> str | None:
    """What simple thing turns the right answers into these, over all cases, in one sentence; or None."""
    pairs = [(flat(e), flat(g)) for e, g in zip(expected, given)]
    if not pairs or any(e is None or g is None or e.shape != g.shape or not np.isfinite(g).all() or not np.isfinite(e).all() for e, g in pairs):
        return None
    pairs = [(e, g) for e, g in pairs if e.size]
    if sum(e.size for e, _ in pairs) < 4 or not any(g.any() for _, g in pairs):
        return None

    def agree(change) -> bool:
        return all(np.allclose(g, change(e), rtol=1e-3, atol=1e-9 + 1e-6 * np.abs(e).max()) for e, g in pairs)

    whole, wrong = np.concatenate([e for e, _ in pairs]), np.concatenate([g for _, g in pairs])
    factor = float(whole @ wrong / max(whole @ whole, 1e-300))
    if agree(lambda e: -e):
        return "Every number has the wrong sign; otherwise they are right."
    if factor and agree(lambda e: factor * e):
        if abs(factor - 1) < 2e-3:
            return ("Your numbers agree with the right ones to about three digits and no further: look for a lower precision, "
                    "a rounding, or a small constant that is too large.")
        return f"Your numbers are {factor:.4g} times the right ones, on every case."
    if agree(np.abs):
        return "Your numbers are the absolute values of the right ones: the sign was lost."
    if agree(np.square):
        return "Your numbers are the squares of the right ones."
    shift = float(np.mean(wrong - whole))
    if agree(lambda e: e + shift):
        return f"Your numbers are the right ones plus {shift:.4g}, on every case."
    if all(e.size > 1 and np.allclose(g * (e @ e), (e @ g) * e, rtol=1e-3, atol=1e-6 * float(e @ e) * max(np.abs(g).max(), 1e-30)) for e, g in pairs):
        return "Your numbers are right up to a factor that changes from case to case: look at the normalisation."
    for axis in range(max((np.ndim(as_array(e)) for e in expected if as_array(e) is not None), default=0)):
        if all(as_array(e) is not None and np.ndim(as_array(e)) > axis and close(np.flip(as_array(e), axis), as_array(g), 1e-3, 1e-6) for e, g in zip(expected, given)):
            return f"Your numbers are the right ones in reverse order along axis {axis}."
    return None
