"""Exercises of lab 13, Deconvnets and dataset search."""
from course_utils.exercises.lab13_deconvnet import DECONVNET
from course_utils.exercises.lab13_field import FIELD
from course_utils.exercises.lab13_rules import RULES
from course_utils.exercises.lab13_search import SEARCH
from course_utils.exercises.lab13_unpool import UNPOOL

EXERCISES = (SEARCH, FIELD, RULES, UNPOOL, DECONVNET)
