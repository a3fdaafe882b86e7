"""The functions that the labs teach, timed beside what one would pick instead: `course.py bench methods`."""
