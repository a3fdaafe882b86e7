"""Data sets of the course, one module each: `from course_utils.datasets import zoo`.

Each returns arrays, labels and class names, and where it is generated, the truth as well.
Importing this package imports none of them.
"""
