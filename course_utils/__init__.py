"""The helper package of the course: data, models, plots, widgets and the judge of the exercises.

Importing it costs nothing: the heavy libraries are imported by the modules that need them.
"""

__version__ = "0.1.0"
