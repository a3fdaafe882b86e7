"""Small functions of subsets for the cases of lab 11: every value is looked up, so equal questions get equal answers."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

KINDS = ("additive", "monotone", "redundant", "any")


def all_masks(p: int) -> np.ndarray:
    """Every subset of p positions, bool (2 ** p, p); row k holds the binary digits of k, the lowest first."""
    return (np.arange(2**p)[:, None] >> np.arange(p)) % 2 == 1


def table(kind: str, p: int, seed: int) -> np.ndarray:
    """The value of each subset, float64 (2 ** p,), in the order of `all_masks`; no two are equal.

    additive    a weight for each position
    monotone    products over small groups, with positive weights: more positions, higher value
    redundant   the best of two or three groups that have no position in common
    any         an independent number for each subset
    """
    rng = np.random.default_rng([11, p, KINDS.index(kind), seed])
    masks = all_masks(p)
    noise = 1e-3 * rng.uniform(size=len(masks))
    weights = rng.uniform(0.2, 1.0, size=p)
    if kind == "additive":
        return masks @ weights
    if kind == "any":
        return rng.normal(size=len(masks))
    if kind == "monotone":
        values = 0.05 * (masks @ weights)
        for _ in range(p):
            group = rng.choice(p, size=rng.integers(2, 4), replace=False)
            values += rng.uniform(0.2, 1.0) * masks[:, group].all(axis=1)
        return values
    groups = np.array_split(rng.permutation(p)[: p - 1], 3 if p > 6 else 2)
    return np.max([masks[:, group].mean(axis=1) ** 2 for group in groups], axis=0) + noise


def game(kind: str, p: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """`value(masks)`: bool (n, p) to float64 (n,), read off `table(kind, p, seed)`."""
    values = table(kind, p, seed)

    def value(masks):
        masks = np.asarray(masks)
        if masks.ndim != 2 or masks.shape[1] != p or masks.dtype != bool:
            raise ValueError(f"value got masks of shape {masks.shape} and dtype {masks.dtype}; it takes one bool row of length {p} for each subset: (n, {p}).")
        return values[masks @ (1 << np.arange(p))]

    return value


def of_set(value: Callable, p: int, positions: set[int]) -> float:
    """The value of one subset, given as a set of positions."""
    return float(value(np.array([[i in positions for i in range(p)]]))[0])


def removal_order(value: Callable, p: int, positions: set[int]) -> list[int]:
    """BackSelect by recursion, one subset at a time: the first removed comes first."""
    if not positions:
        return []
    gone = max(sorted(positions), key=lambda i: of_set(value, p, positions - {i}))
    return [gone, *removal_order(value, p, positions - {gone})]


def first_sufficient(value: Callable, p: int, order: list[int], threshold: float) -> set[int] | None:
    """FindSIS by recursion over the ends of the order; None where not even the whole of it suffices."""
    def grow(kept):
        if of_set(value, p, set(order[len(order) - kept:])) >= threshold:
            return set(order[len(order) - kept:])
        return grow(kept + 1) if kept < len(order) else None
    return grow(0)


def as_mask(positions: set[int], p: int) -> np.ndarray:
    """A set of positions as bool (p,)."""
    return np.isin(np.arange(p), sorted(positions))
