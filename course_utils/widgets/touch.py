"""Controls around a pure drawing function: move one, and its picture is drawn anew.

The picture is one `ipywidgets.Image`: on two cores that answers in two thirds of the time of
`interact` with inline figures, and it does not flicker.
"""
from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from course_utils.plots.style import alternative_text, png

PAUSE_S = 0.01  # events that arrive within it, or while a picture is drawn, are answered by one picture


@dataclass(frozen=True)
class Slider:
    """A number to slide, from `low` to `high` in steps.

    Whole numbers where all four are; else a float slider.
    """

    value: float
    low: float
    high: float
    step: float = 1
    label: str = ""

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


def picture(figure: Figure) -> bytes:
    """PNG of a figure, compressed lightly: it travels to a browser beside the kernel."""
    from PIL import Image

    canvas = figure.canvas
    canvas.draw()
    buffer = io.BytesIO()
    Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB").save(
        buffer, format="png", compress_level=1)
    return buffer.getvalue()


def sweep(controls: Mapping[str, Control]) -> list[dict[str, Any]]:
    """Settings that cover every value of every control, one control moved at a time, and all corners."""
    start = {name: control.value for name, control in controls.items()}
    one_at_a_time = [{**start, name: value} for name, control in controls.items() for value in control.values()]
    ends = [(control.values()[0], control.values()[-1]) for control in controls.values()]
    corners = [dict(zip(controls, corner)) for corner in itertools.product(*ends)]
    return [start, *one_at_a_time, *corners]


class Touch:
    """The controls, the picture and the line for messages; made by `touch`.

    Attributes
    ----------
    controls : dict of str to widget
    image : ipywidgets.Image
    message : ipywidgets.HTML
        A setting that cannot be drawn says so here, and the last picture stays.
    """

    def __init__(self, draw: Callable[..., Figure], controls: Mapping[str, Control]) -> None:
        import ipywidgets

        self.draw, self.declared = draw, dict(controls)
        self.controls = {name: make_widget(name, control) for name, control in controls.items()}
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%", width="fit-content"))
        self.message = ipywidgets.HTML()
        self.waiting = False
        self.update()
        for widget in self.controls.values():
            widget.observe(self.changed, names="value")
        self.box = ipywidgets.VBox([*self.controls.values(), self.message, self.image])

    def settings(self) -> dict[str, Any]:
        """Where the controls stand."""
        return {name: widget.value for name, widget in self.controls.items()}

    def changed(self, event: Any = None) -> None:
        """Draw soon: moves that come in a burst are answered by one picture, of the last of them."""
        if self.waiting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.update()
            return
        self.waiting = True
        loop.call_later(PAUSE_S, self.update)

    def update(self) -> None:
        """Draw the picture for where the controls stand."""
        self.waiting = False
        try:
            figure = self.draw(**self.settings())
        except ValueError as error:  # a setting that makes no sense, such as a kernel larger than its input
            self.message.value = f"<i>{error}</i>"
            return
        self.message.value = ""
        self.image.alt = alternative_text(figure)
        self.image.value = picture(figure)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        still = self.draw(**{name: control.value for name, control in self.declared.items()})
        bundle = {"text/plain": alternative_text(still), "image/png": png(still)}
        view = self.box._repr_mimebundle_()
        bundle.update({kind: value for kind, value in view.items() if kind != "text/plain"})
        display(bundle, raw=True, metadata={"image/png": {"alt": alternative_text(still)}})


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
    return kind(value=cast(control.value), min=cast(control.low), max=cast(control.high), step=cast(control.step),
                description=label, continuous_update=True, **wide)


def touch(draw: Callable[..., Figure], **controls: Control) -> Touch:
    """Put controls around a drawing function.

    Parameters
    ----------
    draw : callable
        `draw(**settings) -> Figure`, pure. Raises ValueError with a sentence for settings that make
        no sense.
    **controls : Slider, Choice or Switch
        By the name of draw's parameter.

    Returns
    -------
    Touch
        Displayed as the last line of a cell; where no front end is, its first picture stands there.
    """
    return Touch(draw, controls)
