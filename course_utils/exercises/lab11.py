"""Exercises of lab 11, sufficient input subsets."""
from course_utils.exercises import lab11_back_select, lab11_collection, lab11_find_sis, lab11_table

EXERCISES = tuple(module.EXERCISE for module in (lab11_back_select, lab11_find_sis, lab11_collection, lab11_table))
