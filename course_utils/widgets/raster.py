"""From a drawn figure to bytes for a browser, in as little time as it takes."""
from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course_utils.plots.style import DPI
from course_utils.widgets.lettering import LetteringCanvas

CAPTION = 24  # pixels above each still picture


def picture(figure: Figure) -> bytes:
    """PNG of a figure, compressed lightly: it travels to a browser beside the kernel."""
    LetteringCanvas(figure)
    figure.canvas.draw()
    return encoded(figure)


def encoded(figure: Figure) -> bytes:
    """The same of a figure that has been drawn."""
    from PIL import Image

    canvas = figure.canvas
    buffer = io.BytesIO()
    Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB").save(
        buffer, format="png", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


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
    LetteringCanvas(figure)
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
