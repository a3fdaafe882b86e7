"""Finds the exercises: `labNN.EXERCISES` of every lab that has a module of declarations."""
from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache

import course_utils.exercises as package
from course_utils.exercises.contract import Exercise


class UnknownExercise(LookupError):
    """No exercise has the id that was asked for; the message names those that exist."""


@cache
def of_lab(lab: str) -> tuple[Exercise, ...]:
    """Exercises of one lab (`"06"`), in order; empty where the lab declares none."""
    if f"lab{lab}" not in {module.name for module in pkgutil.iter_modules(package.__path__)}:
        return ()
    return tuple(importlib.import_module(f"course_utils.exercises.lab{lab}").EXERCISES)


def labs() -> tuple[str, ...]:
    """Labs that declare exercises: `("01", "06", "08")`."""
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name[3:] for name in names if re.fullmatch(r"lab\d\d", name)))


def all_exercises() -> tuple[Exercise, ...]:
    """Every exercise of the course, lab by lab."""
    return tuple(exercise for lab in labs() for exercise in of_lab(lab))


def find(exercise_id: str) -> Exercise:
    """The exercise with this id.

    Raises
    ------
    UnknownExercise
        If there is none; the sentence names the ids of that lab.
    """
    text = str(exercise_id).strip()
    candidates = of_lab(text.split(".")[0])
    for exercise in candidates:
        if exercise.id == text:
            return exercise
    known = ", ".join(exercise.id for exercise in candidates) or f"none; labs with exercises are {', '.join(labs())}"
    raise UnknownExercise(f"There is no exercise {text!r}. Exercises of that lab: {known}.")
