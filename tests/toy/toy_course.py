"""Makes the toy lab known to the course, in a kernel that imports this before anything else of it."""
from pathlib import Path

import course_utils.exercises
from course_utils.exercises import solved

HERE = Path(__file__).resolve().parent
course_utils.exercises.__path__.append(str(HERE))
solved.course_root = lambda: HERE
