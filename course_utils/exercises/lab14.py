"""Exercises of lab 14, t-SNE from scratch."""
from course_utils.exercises.lab14_conditional import CONDITIONAL
from course_utils.exercises.lab14_descent import DESCENT
from course_utils.exercises.lab14_gradient import GRADIENT
from course_utils.exercises.lab14_joint import JOINT
from course_utils.exercises.lab14_lean import LEAN

EXERCISES = (CONDITIONAL, JOINT, GRADIENT, DESCENT, LEAN)
