"""What training shows while it runs: a bar, a line of numbers and a picture, replaced in place.

    with LiveSheet(total=1000) as live:
        for step in range(1000):
            ...
            if live.due():
                live.show(step, pictures, "a line of numbers")

Nothing of it stays behind: when training ends, the cell is empty again, and a figure can follow.
Without a notebook around it (a script, a test) it shows nothing.
"""
from __future__ import annotations

import io
import sys
import time
from typing import Any

from course_utils.plots.sheets import tiled
from course_utils.widgets.picture import new_picture

PAUSE_S = 0.7  # between two pictures: often enough to watch, rare enough to cost nothing
SCALE = 2      # screen pixels for one of a picture


class LiveSheet:
    """A context manager around training; see the module's text.

    Parameters
    ----------
    total : int
        Steps in all.
    columns : int
        Pictures in a row.
    """

    def __init__(self, total: int, columns: int = 16) -> None:
        self.total, self.columns = total, columns
        self.shown, self.box = 0.0, None

    def __enter__(self) -> LiveSheet:
        ipython = sys.modules.get("IPython")
        if ipython is not None and ipython.get_ipython() is not None:
            import ipywidgets
            from IPython.display import display

            self.bar = ipywidgets.IntProgress(0, 0, self.total, layout=ipywidgets.Layout(width="34em"))
            self.line = ipywidgets.HTML()
            self.image = new_picture()
            self.box = ipywidgets.VBox([ipywidgets.HBox([self.bar, self.line]), self.image])
            display(self.box)
        return self

    def due(self) -> bool:
        """Whether it is time for the next picture; the caller makes none where it is not."""
        return self.box is not None and time.monotonic() - self.shown >= PAUSE_S

    def show(self, step: int, pictures: Any, line: str = "") -> None:
        """Replace the picture by a sheet of `pictures` (n, 1, height, width) in [0, 1], and move the bar to `step`."""
        if self.box is None:
            return
        with self.image.hold_sync():
            self.image.value = png_of(tiled(pictures, self.columns))
            self.image.alt = f"{len(pictures)} generated pictures after {step} of {self.total} steps"
        self.line.value = f"step {step} of {self.total}{', ' + line if line else ''}"
        self.bar.value = step
        self.shown = time.monotonic()

    def __exit__(self, *error: Any) -> None:
        if self.box is None:
            return
        from IPython.display import clear_output

        clear_output()
        for widget in (self.bar, self.line, self.image, *self.box.children, self.box):
            widget.close()
        self.box = None


def png_of(page: Any) -> bytes:
    """PNG of a grey page, enlarged."""
    from PIL import Image

    image = Image.fromarray(page)
    buffer = io.BytesIO()
    image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()
