"""Exercises of lab 05, a model of the model, and what filters listen to."""
from course_utils.exercises import lab05_correlation, lab05_many_tests, lab05_permutation, lab05_surrogate

EXERCISES = tuple(module.EXERCISE for module in (lab05_surrogate, lab05_correlation, lab05_permutation, lab05_many_tests))
