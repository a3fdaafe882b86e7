"""Exercises of lab 03, Mode collapse and its fixes."""
from course_utils.exercises.lab03_distances import DIVERGENCES, EARTH_MOVER
from course_utils.exercises.lab03_losses import FEATURE_MATCHING, SMOOTHED
from course_utils.exercises.lab03_minibatch import CLOSENESS
from course_utils.exercises.lab03_modes import COUNT_MODES
from course_utils.exercises.lab03_penalty import PENALTY
from course_utils.exercises.lab03_reference import VIRTUAL

EXERCISES = (DIVERGENCES, EARTH_MOVER, COUNT_MODES, FEATURE_MATCHING, CLOSENESS, SMOOTHED, VIRTUAL, PENALTY)
