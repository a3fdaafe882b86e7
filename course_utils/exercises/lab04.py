"""Exercises of lab 04, LIME from scratch."""
from course_utils.exercises import lab04_kernel, lab04_lasso, lab04_note, lab04_picture, lab04_ridge, lab04_row, lab04_sampling

EXERCISES = tuple(module.EXERCISE for module in (lab04_sampling, lab04_kernel, lab04_ridge, lab04_lasso, lab04_row, lab04_note, lab04_picture))
