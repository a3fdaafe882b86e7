"""Exercises of lab 09, Integrated gradients and DeepLIFT."""
from course_utils.exercises.lab09_completeness import COMPLETENESS_ERROR
from course_utils.exercises.lab09_deeplift import DEEPLIFT
from course_utils.exercises.lab09_integrated import INTEGRATED_GRADIENTS
from course_utils.exercises.lab09_rescale import RESCALE
from course_utils.exercises.lab09_rule import PATH_RULE
from course_utils.exercises.lab09_shuffle import SHUFFLE

EXERCISES = (PATH_RULE, INTEGRATED_GRADIENTS, COMPLETENESS_ERROR, SHUFFLE, RESCALE, DEEPLIFT)
