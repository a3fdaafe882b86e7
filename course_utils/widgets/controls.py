"""What can be moved: sliders, choices and switches, declared apart from any browser, and the widgets made of them."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.plots.style import PALETTE


@dataclass(frozen=True)
class Slider:
    """A number to slide, from `low` to `high` in steps.

    Whole numbers where all four are; else a float slider. `stills` are the values shown where there is no
    kernel; without them, some of all values, evenly spread.
    """

    value: float
    low: float
    high: float
    step: float = 1
    label: str = ""
    stills: Sequence[float] = ()

    def values(self) -> list[float]:
        """Every value that the slider can take."""
        count = int(round((self.high - self.low) / self.step)) + 1
        return [self.low + k * self.step for k in range(count)]


@dataclass(frozen=True)
class Choice:
    """One of several options, by name."""

    value: Any
    options: Sequence[Any]
    label: str = ""

    def values(self) -> list[Any]:
        """Every option."""
        return list(self.options)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    value: bool
    label: str = ""

    def values(self) -> list[bool]:
        """Off and on."""
        return [False, True]


Control = Slider | Choice | Switch


def sweep(controls: Mapping[str, Control], most: int | None = None) -> list[dict[str, Any]]:
    """Settings that cover every value of every control, one control moved at a time, and all corners.

    Parameters
    ----------
    controls : mapping of str to Control
    most : int, optional
        At most so many values of each control, its ends among them, and twice as many corners.
    """
    start = {name: control.value for name, control in controls.items()}
    one_at_a_time = [{**start, name: value} for name, control in controls.items() for value in thinned(control.values(), most)]
    ends = [(control.values()[0], control.values()[-1]) for control in controls.values()]
    corners = [dict(zip(controls, corner)) for corner in thinned(list(itertools.product(*ends)), most and 2 * most)]
    return [start, *one_at_a_time, *corners]


def thinned(values: list[Any], most: int | None) -> list[Any]:
    """At most so many of the values, evenly spread, both ends among them."""
    if most is None or len(values) <= most:
        return values
    return [values[k] for k in np.linspace(0, len(values) - 1, most).round().astype(int)]


def make_widget(name: str, control: Control) -> Any:
    """The ipywidget of one declared control, labelled and reachable by keyboard."""
    import ipywidgets

    wide = {"style": {"description_width": "12em"}, "layout": ipywidgets.Layout(width="34em")}
    label = control.label or name.replace("_", " ")
    if isinstance(control, Switch):
        return ipywidgets.Checkbox(value=control.value, description=label, indent=False)
    if isinstance(control, Choice):
        return ipywidgets.Dropdown(value=control.value, options=list(control.options), description=label, **wide)
    whole = all(float(number).is_integer() for number in (control.value, control.low, control.high, control.step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    cast = int if whole else float
    wide["style"] |= {"handle_color": PALETTE[0]}  # white on white by default
    return kind(value=cast(control.value), min=cast(control.low), max=cast(control.high), step=cast(control.step),
                description=label, continuous_update=True, **wide)
