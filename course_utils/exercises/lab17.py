"""Exercises of lab 17, Audit at the zoo."""
from course_utils.exercises.lab17_chance import CHANCE
from course_utils.exercises.lab17_diagnose import DIAGNOSE
from course_utils.exercises.lab17_rise import RISE

EXERCISES = (RISE, CHANCE, DIAGNOSE)
