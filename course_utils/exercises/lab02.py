"""Exercises of lab 02, DCGAN."""
from course_utils.exercises.lab02_losses import DISCRIMINATOR_LOSS, GENERATOR_LOSSES
from course_utils.exercises.lab02_plan import BUILD_GENERATOR
from course_utils.exercises.lab02_slopes import SLOPES
from course_utils.exercises.lab02_steps import DISCRIMINATOR_STEP, GENERATOR_STEP

EXERCISES = (DISCRIMINATOR_LOSS, GENERATOR_LOSSES, BUILD_GENERATOR, DISCRIMINATOR_STEP, GENERATOR_STEP, SLOPES)
