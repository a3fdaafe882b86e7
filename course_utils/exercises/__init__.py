"""The exercises: what one is (`contract`), who judges it (`judge`), and the declarations (`labNN`)."""
from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given

__all__ = ["Case", "Exercise", "Law", "Misconception", "given"]
