"""Exercises of lab 15, Uncertainty."""
from course_utils.exercises.lab15_bayes import BAYES_LINEAR
from course_utils.exercises.lab15_calibration import ECE
from course_utils.exercises.lab15_decompose import DECOMPOSE
from course_utils.exercises.lab15_likelihood import GAUSSIAN_NLL
from course_utils.exercises.lab15_temperature import TEMPERATURE

EXERCISES = (GAUSSIAN_NLL, DECOMPOSE, BAYES_LINEAR, ECE, TEMPERATURE)
