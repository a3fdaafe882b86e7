"""Stands in for `course_utils.notebook` where a submission is graded: nothing is judged in here."""
from __future__ import annotations


def start(lab, seed=0):
    """Does nothing."""


def check(exercise_id, function):
    """The function, as it came."""
    return function


def claim(text, value=None, **bounds):
    """Does nothing."""
