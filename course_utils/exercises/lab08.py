"""Exercises of lab 08, occlusion and class activation maps."""
from course_utils.exercises import lab08_boxes, lab08_cam, lab08_grad_cam, lab08_head, lab08_occlusion

EXERCISES = tuple(module.EXERCISE for module in (lab08_occlusion, lab08_cam, lab08_boxes, lab08_grad_cam, lab08_head))
