"""Figures of the course. Every function returns a matplotlib Figure, made without pyplot's global state."""
from course_utils.plots.style import DIVERGING, PALETTE, SEQUENTIAL, describe, panels

__all__ = ["DIVERGING", "PALETTE", "SEQUENTIAL", "describe", "panels"]
