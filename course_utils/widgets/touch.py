"""Controls around a pure drawing function: move one, and its picture is drawn anew.

The picture is one `<img>` whose bytes are replaced: on two cores that answers in two thirds of the
time of `interact` with inline figures, and it does not flicker. Where no browser is connected to a
kernel (a page, a file on GitHub), a grid of still pictures stands in its place.
"""
from __future__ import annotations

import asyncio
import gc
import html
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import ahead
from course_utils.plots.style import alternative_text, png
from course_utils.widgets.controls import Choice, Control, Slider, Switch, make_widget, thinned
from course_utils.widgets.picture import new_picture
from course_utils.widgets.raster import encoded, settle, side_by_side

PAUSE_S = 0.005  # what came while a picture was drawn arrives within it, and is answered by one picture
LEISURE_S = 0.03  # by then a picture has left: clearing up at once would hold it back
STILLS = 4       # pictures where there is no kernel
STILL_DPI = 64   # two of them, side by side, fill a notebook's column

__all__ = ["Choice", "Slider", "Switch", "Touch", "touch"]


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
    waiting : bool
        A picture is to be drawn in a moment.
    untidy : int
        Pictures after which nothing has been cleared away yet; the garbage collector rests as long.
    """

    def __init__(self, draw: Callable[..., Figure], controls: Mapping[str, Control], along: str | None = None) -> None:
        import ipywidgets

        self.draw, self.declared = draw, dict(controls)
        self.along = along or next((name for name, control in controls.items() if isinstance(control, Slider)), next(iter(controls)))
        self.controls = {name: make_widget(name, control) for name, control in controls.items()}
        self.image, self.message = new_picture(), ipywidgets.HTML()
        self.waiting, self.places, self.ended = False, None, 0.0
        self.stock, self.untidy = ahead.Stock(), 0
        self.update()
        for widget in self.controls.values():
            widget.observe(self.changed, names="value")
        self.box = ipywidgets.VBox([*self.controls.values(), self.message, self.image])

    def settings(self) -> dict[str, Any]:
        """Where the controls stand."""
        return {name: widget.value for name, widget in self.controls.items()}

    def changed(self, event: Any = None) -> None:
        """Draw: at once where nothing was drawn just now, else after a moment, for the last of the moves that waited."""
        if self.waiting:
            return
        self.waiting = True
        after(self.ended + PAUSE_S - time.monotonic(), self.update)

    def update(self) -> None:
        """Draw the picture for where the controls stand.

        What goes wrong is said in the line for messages: an exception of a widget's callback is shown
        nowhere else.
        """
        self.waiting = False
        collects = gc.isenabled()
        gc.disable()  # a figure's thousands of objects would have it look through all that the kernel holds, several times a picture
        try:
            with ahead.using(self.stock):
                self.replace_picture()
        finally:
            self.ended = time.monotonic()
            self.untidy += 1
            after(LEISURE_S, lambda: self.tidy(collects))

    def tidy(self, collects: bool) -> None:
        """Clear away the figure that has been sent, and make what the next one begins with."""
        if collects:
            gc.enable()
            gc.collect(1)  # the young objects alone: the figure is among them
        self.stock.restock()
        self.untidy -= 1

    def replace_picture(self) -> None:
        """Draw it and send it."""
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
        self.stock.note(figure)

    def say(self, text: str) -> None:
        """Put a sentence into the line for messages."""
        shown = f'<i role="alert">{html.escape(text, quote=False)}</i>' if text else ""
        if shown != self.message.value:
            self.message.value = shown

    def stills(self) -> tuple[bytes, str]:
        """PNG of a grid of pictures, the control `along` moved from picture to picture, and its alternative text."""
        control, start = self.declared[self.along], {name: one.value for name, one in self.declared.items()}
        shown, places = [], None
        for value in getattr(control, "stills", ()) or thinned(control.values(), STILLS):
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


def after(seconds: float, call: Callable[[], None]) -> None:
    """Call by the kernel's event loop, or at once where there is none or nothing to wait for."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is None or seconds <= 0:
        call()
    else:
        loop.call_later(seconds, call)


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
