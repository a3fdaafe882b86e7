"""Exercises of lab 06, Saliency."""
from course_utils.exercises.lab06_heatmap import HEATMAP
from course_utils.exercises.lab06_linear import LINEAR_MODEL
from course_utils.exercises.lab06_mask import MASK
from course_utils.exercises.lab06_saliency import SALIENCY
from course_utils.exercises.lab06_smoothgrad import SMOOTHGRAD
from course_utils.exercises.lab06_times_input import GRADIENT_TIMES_INPUT

EXERCISES = (SALIENCY, LINEAR_MODEL, HEATMAP, GRADIENT_TIMES_INPUT, SMOOTHGRAD, MASK)
