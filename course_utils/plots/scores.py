"""Charts of scores: methods and, told apart from them, controls that know no model."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots.style import PALETTE, describe, panels

Interval = tuple[float, float, float]  # mean, low, high


def dots(table: Mapping[str, Mapping[str, Interval]], controls: Sequence[str] = (), *, xlabel: str = "score",
         limits: tuple[float, float] | None = (0.0, 1.0), width: float = 9.0, alt: str = "") -> Figure:
    """A dot with its interval for every method, one panel for each score; controls hollow, below a line.

    Parameters
    ----------
    table : mapping of method to mapping of score to (mean, low, high)
        In the order in which methods and panels are drawn. A method may lack a score.
    controls : sequence of str
        Methods that know no model. The best of them is drawn through as a dashed line, because what
        does not pass it shows nothing.
    xlabel : str
    limits : (low, high), optional
        Of the axes; None leaves them to the values.
    width : float
        Inches.
    alt : str
        Alternative text.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If a control is not in the table.
    """
    missing = [name for name in controls if name not in table]
    if missing:
        raise ValueError(f"The control {missing[0]!r} is not in the table; it has {', '.join(table)}.")
    names = [name for name in table if name not in controls] + list(controls)
    scores = list(dict.fromkeys(score for row in table.values() for score in row))
    figure, axes = panels(1, len(scores), width=width, height=0.9 + 0.34 * len(names), squeeze=False, sharey=True)
    split = len(names) - len(controls) - 0.5
    for axis, score in zip(axes[0], scores):
        for place, name in enumerate(names):
            if score not in table[name]:
                continue
            mean, low, high = table[name][score]
            colour = PALETTE[6] if name in controls else PALETTE[0]
            axis.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
            axis.plot(mean, place, "o", color=colour, markersize=8, markerfacecolor="white" if name in controls else colour,
                      markeredgewidth=1.8, clip_on=False, zorder=3)  # a dot at the end of the axis stays whole
        reached = [table[name][score][0] for name in controls if score in table[name]]
        if reached:
            axis.axvline(max(reached), color=PALETTE[6], linewidth=1.2, linestyle="--")
        if controls:
            axis.axhline(split, color="0.8", linewidth=1)
        axis.set(title=score, xlabel=xlabel, yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))
        axis.grid(axis="x", color="0.9")
        axis.set_axisbelow(True)
        if limits is not None:
            axis.set(xlim=limits, xticks=np.linspace(*limits, 6 if len(scores) < 3 else 3))
        axis.xaxis.set_major_formatter("{x:g}")
    return describe(figure, alt) if alt else figure


def table(rows: Mapping[str, Mapping[str, Interval]], digits: int = 2) -> str:
    """The same as text: one line a method, `mean [low, high]` in each column."""
    scores = list(dict.fromkeys(score for row in rows.values() for score in row))
    size = 7 + 3 * digits + 4
    left = max(map(len, rows), default=0)
    lines = [" " * left + "".join(f"  {score:>{size}}" for score in scores)]
    for name, row in rows.items():
        cells = ("{0:.{3}f} [{1:.{3}f}, {2:.{3}f}]".format(*row[score], digits) if score in row else "" for score in scores)
        lines.append(f"{name:<{left}}" + "".join(f"  {cell:>{size}}" for cell in cells))
    return "\n".join(lines)
