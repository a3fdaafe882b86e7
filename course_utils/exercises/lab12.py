"""Exercises of lab 12, Activation maximisation and Deep Dream."""
from course_utils.exercises.lab12_ascent import ASCENT
from course_utils.exercises.lab12_channel import CHANNEL
from course_utils.exercises.lab12_dream import DREAM
from course_utils.exercises.lab12_jitter import JITTER
from course_utils.exercises.lab12_variation import VARIATION

EXERCISES = (VARIATION, ASCENT, JITTER, CHANNEL, DREAM)
