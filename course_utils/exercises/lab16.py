"""Exercises of lab 16, Gaussian processes and Bayesian optimisation."""
from course_utils.exercises.lab16_improvement import IMPROVEMENT
from course_utils.exercises.lab16_kernel import KERNEL
from course_utils.exercises.lab16_lcb import LCB
from course_utils.exercises.lab16_likelihood import LIKELIHOOD
from course_utils.exercises.lab16_loop import LOOP
from course_utils.exercises.lab16_posterior import POSTERIOR

EXERCISES = (KERNEL, POSTERIOR, LIKELIHOOD, IMPROVEMENT, LCB, LOOP)
