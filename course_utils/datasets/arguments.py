"""Checks of arguments that several data sets share: one sentence for what is not as expected."""

import numpy as np


def whole(name, value, least=0):
    """`value` as an int; ValueError where it is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}, but a whole number of at least {least} is expected; give such a number.")
    return int(value)


def share(name, value, low=0.0, high=1.0):
    """`value` as a float; ValueError where it is not a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, but a number from {low:g} to {high:g} is expected; give such a number.")
    return float(value)


def one_of(name, value, known):
    """`value` where `known` holds it; ValueError with the list otherwise."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {value!r}, but one of {', '.join(map(repr, known))} is expected; choose from these.")
    return value


def rows(idx, n):
    """Whatever numpy takes as an index of the first axis, as an int64 array of rows.

    An integer selects one row and keeps the axis.
    """
    return np.atleast_1d(np.arange(n)[idx])
