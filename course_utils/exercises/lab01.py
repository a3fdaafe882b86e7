"""Exercises of lab 01, transposed convolutions, in their order."""
from course_utils.exercises.lab01_maps import BY_STAMPING
from course_utils.exercises.lab01_matrix import BY_MATRIX, MATRIX
from course_utils.exercises.lab01_overlap import OVERLAP
from course_utils.exercises.lab01_sizes import SIZES
from course_utils.exercises.lab01_zeros import BY_ZEROS

EXERCISES = (SIZES, MATRIX, BY_MATRIX, BY_STAMPING, BY_ZEROS, OVERLAP)
