"""Exercises of lab 07, saliency and its pitfalls."""
from course_utils.exercises import lab07_cascade, lab07_edges, lab07_shortcut, lab07_similarity

EXERCISES = tuple(module.EXERCISE for module in (lab07_edges, lab07_similarity, lab07_cascade, lab07_shortcut))
