"""Exercises of lab 10, guided backprop, LRP and Deep Taylor in Keras."""
from course_utils.exercises import lab10_conv, lab10_dense, lab10_guided, lab10_pool, lab10_z_box

EXERCISES = tuple(module.EXERCISE for module in (lab10_guided, lab10_dense, lab10_conv, lab10_pool, lab10_z_box))
