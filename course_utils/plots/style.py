"""The look of every figure: colours, sizes, and how one is displayed with its alternative text."""
from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course_utils.plots import ahead

# Okabe and Ito, "Color Universal Design" (2008): eight colours that colour-blind readers tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
SEQUENTIAL = "viridis"   # for what is never negative
DIVERGING = "RdBu_r"     # for signed maps; its limits stand symmetric about zero
DPI = 100
STYLE = {
    "figure.dpi": DPI, "savefig.dpi": DPI, "figure.facecolor": "white", "savefig.facecolor": "white",
    "font.size": 11, "axes.titlesize": 11, "axes.labelsize": 11, "legend.fontsize": 10,
    "xtick.labelsize": 10, "ytick.labelsize": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE), "lines.linewidth": 2.0,
    "image.cmap": SEQUENTIAL, "image.interpolation": "nearest", "legend.frameon": False,
    "svg.hashsalt": "course", "figure.constrained_layout.use": True,
}


def use_style() -> None:
    """Set the course's look, and have notebooks display figures with their alternative text."""
    matplotlib.rcParams.update(STYLE)
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        formatter = shell.display_formatter.formatters["image/png"]
        formatter.for_type(Figure, png_with_description)
        formatter = shell.display_formatter.formatters["text/plain"]
        formatter.for_type(Figure, lambda figure, printer, cycle: printer.text(alternative_text(figure)))


def panels(rows: int = 1, columns: int = 1, *, width: float = 9.0, height: float | None = None,
           **kwargs: Any) -> tuple[Figure, Any]:
    """A figure with a grid of axes, laid out so that nothing overlaps.

    Parameters
    ----------
    rows, columns : int
    width, height : float
        In inches, at 100 dots an inch; 9 inches fill a notebook's column. Height by default makes
        the panels about square.
    **kwargs
        For `Figure.subplots`, such as `sharex`, `width_ratios` or `squeeze`.

    Returns
    -------
    (Figure, Axes or ndarray of Axes)
        As from `pyplot.subplots`.
    """
    height = height if height is not None else max(2.2, width / columns * rows * 0.95)

    def make() -> tuple[Figure, Any]:
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, **kwargs)

    stock = ahead.CURRENT.get()
    return make() if stock is None else stock.take(repr((rows, columns, width, height, kwargs)), make)


def describe(figure: Figure, text: str) -> Figure:
    """Give a figure its alternative text: what a reader who cannot see it should know."""
    figure.alternative_text = " ".join(text.split())
    return figure


def alternative_text(figure: Figure) -> str:
    """The text given with `describe`, else the titles of the panels."""
    given = getattr(figure, "alternative_text", "")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    return given or ("Figure: " + "; ".join(titles) if titles else "Figure")


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, without time stamps or versions, so that equal figures are equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def png_with_description(figure: Figure) -> tuple[str, dict[str, str]]:
    """What IPython shows of a figure: base64 of its PNG, and the alternative text beside it."""
    import base64

    return base64.b64encode(png(figure)).decode("ascii"), {"alt": alternative_text(figure)}


def symmetric_limit(*maps: np.ndarray) -> float:
    """Largest absolute value of all maps: limits (-x, x) put zero in the middle of a diverging colormap."""
    return max((float(np.abs(values).max()) for values in maps if np.size(values)), default=0.0) or 1.0
