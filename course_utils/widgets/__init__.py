"""Things to move with the mouse. Each module has a pure `draw(...) -> Figure`; `touch` puts the controls around it."""
from course_utils.widgets.touch import Choice, Slider, Switch, touch

__all__ = ["Choice", "Slider", "Switch", "touch"]
