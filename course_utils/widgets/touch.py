"""Controls around a pure drawing function: move one, and its picture is drawn anew.

The picture is one `<img>` whose bytes are replaced: on two cores that answers in two thirds of the
time of `interact` with inline figures, and it does not flicker. Where no browser is connected to a
kernel (a page, a file on GitHub), a grid of still pictures stands in its place.
"""
from __future__ import annotations

import asyncio
import html
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course_utils.plots.style import DPI, PALETTE, alternative_text, png
from course_utils.widgets.picture import new_picture

PAUSE_S = 0.005  # events that arrive within it, or while a picture is drawn, are answered by one picture
STILLS = 4       # pictures where there is no kernel
STILL_DPI = 64   # two of them, side by side, fill a notebook's column
CAPTION = 24     # pixels above each


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
    figure.canvas.draw()
    return encoded(figure)


def encoded(figure: Figure) -> bytes:
    """The same of a figure that has been drawn."""
    from PIL import Image

    canvas = figure.canvas
    buffer = io.BytesIO()
    Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB").save(
        buffer, format="png", compress_level=1)
    return buffer.getvalue()


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


def settle(figure: Figure, places: list[Any] | None) -> list[Any]:
    """Draw a figure with its panels and their labels where an earlier one, laid out in full, had them.

    Working out a layout takes as long as half the drawing, and pictures that jump are hard to compare.

    Parameters
    ----------
    figure : Figure
    places : list, optional
        What an earlier call returned; with None, or for another number of panels, the figure is laid
        out by its own engine.

    Returns
    -------
    list
        For each panel its position, and where the labels of its axes stand, all as shares.
    """
    if places is not None and len(places) == len(figure.axes):
        figure.set_layout_engine("none")
        for axes, (position, below, beside) in zip(figure.axes, places):
            axes.set_position(position)
            axes.xaxis.set_label_coords(0.5, below)
            axes.yaxis.set_label_coords(beside, 0.5)
            axes.set_title(axes.get_title(), y=1.0, fontsize=axes.title.get_fontsize())  # else every tick is measured to place it
        figure.canvas.draw()
        return places
    figure.canvas.draw()
    as_shares = [axes.transAxes.inverted() for axes in figure.axes]
    return [(axes.get_position(original=True), shares.transform((0, axes.xaxis.label.get_position()[1]))[1],
             shares.transform((axes.yaxis.label.get_position()[0], 0))[0]) for axes, shares in zip(figure.axes, as_shares)]


class Touch:
    """The controls, the picture and the line for messages; made by `touch`.

    Attributes
    ----------
    controls : dict of str to widget
    image : Picture
    message : ipywidgets.HTML
        A setting that cannot be drawn says so here, and the last picture stays.
    along : str
        The control that the still pictures walk along.
    """

    def __init__(self, draw: Callable[..., Figure], controls: Mapping[str, Control], along: str | None = None) -> None:
        import ipywidgets

        self.draw, self.declared = draw, dict(controls)
        self.along = along or next((name for name, control in controls.items() if isinstance(control, Slider)), next(iter(controls)))
        self.controls = {name: make_widget(name, control) for name, control in controls.items()}
        self.image, self.message = new_picture(), ipywidgets.HTML()
        self.waiting, self.places = False, None
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
        """Draw the picture for where the controls stand.

        What goes wrong is said in the line for messages: an exception of a widget's callback is shown
        nowhere else.
        """
        self.waiting = False
        try:
            figure = self.draw(**self.settings())
            self.places = settle(figure, self.places)
        except ValueError as error:  # a setting that makes no sense, such as a kernel larger than its input
            self.say(str(error))
            return
        except Exception as error:
            self.say(f"This cannot be drawn, by a mistake in the course: {type(error).__name__}: {error}")
            raise
        self.say("")
        with self.image.hold_sync():
            self.image.alt = alternative_text(figure)
            self.image.value = encoded(figure)

    def say(self, text: str) -> None:
        """Put a sentence into the line for messages."""
        shown = f'<i role="alert">{html.escape(text, quote=False)}</i>' if text else ""
        if shown != self.message.value:
            self.message.value = shown

    def stills(self) -> tuple[bytes, str]:
        """PNG of a grid of pictures, the control `along` moved from picture to picture, and its alternative text."""
        control, start = self.declared[self.along], {name: one.value for name, one in self.declared.items()}
        shown, places = [], None
        for value in thinned(control.values(), STILLS):
            try:
                figure = self.draw(**start | {self.along: value})
            except ValueError:
                continue
            figure.set_dpi(STILL_DPI)
            places = settle(figure, places)
            shown.append((f"{self.controls[self.along].description}: {value:.4g}" if isinstance(value, float) else
                          f"{self.controls[self.along].description}: {value}", np.asarray(figure.canvas.buffer_rgba()), alternative_text(figure)))
        if not shown:
            figure = self.draw(**start)
            return png(figure), alternative_text(figure)
        return png(side_by_side(shown)), " ".join(f"{caption}: {text.rstrip('.')}." for caption, _, text in shown)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        still, text = self.stills()
        bundle = {"text/plain": text, "image/png": still}
        view = self.box._repr_mimebundle_()
        bundle.update({kind: value for kind, value in view.items() if kind != "text/plain"})
        display(bundle, raw=True, metadata={"image/png": {"alt": text}})


def side_by_side(shown: Sequence[tuple[str, np.ndarray, str]]) -> Figure:
    """Pictures of one size in two columns, each below its caption."""
    height, width = shown[0][1].shape[:2]
    rows = -(-len(shown) // 2)
    total = np.array([width * min(2, len(shown)), (height + CAPTION) * rows])
    page = Figure(figsize=total / DPI, dpi=DPI, layout="none")
    FigureCanvasAgg(page)
    for k, (caption, pixels, _) in enumerate(shown):
        row, column = divmod(k, 2)
        top = total[1] - row * (height + CAPTION)
        page.figimage(pixels, column * width, top - CAPTION - height)
        page.text((column + 0.5) * width / total[0], (top - CAPTION / 2) / total[1], caption, ha="center", va="center", weight="bold")
    return page


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


def touch(draw: Callable[..., Figure], along: str | None = None, /, **controls: Control) -> Touch:
    """Put controls around a drawing function.

    Parameters
    ----------
    draw : callable
        `draw(**settings) -> Figure`, pure. Raises ValueError with a sentence for settings that make
        no sense.
    along : str, optional
        The control along which the still pictures are drawn where there is no kernel; by default the
        first slider.
    **controls : Slider, Choice or Switch
        By the name of draw's parameter.

    Returns
    -------
    Touch
        Displayed as the last line of a cell.
    """
    return Touch(draw, controls, along)
