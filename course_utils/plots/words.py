"""A text with its words on coloured ground: orange speaks for the class, blue against it."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from course_utils.plots.style import describe, panels, symmetric_limit
from course_utils.plots.weights import AGAINST, FOR

GROUND = LinearSegmentedColormap.from_list("against-for", [AGAINST, "white", FOR])
STRONGEST = 0.68            # of the way to the full colour: black letters stay readable on it
SIZE, LINE_IN = 12.5, 0.36  # points of the letters, inches from line to line
CLOSING = ".,;:!?)"         # marks that follow a word without a blank


def highlighted(rows: Sequence[tuple[str, Sequence[str], np.ndarray]], *, limit: float | None = None,
                unit: str = "weight", width: float = 9.0, alt: str = "") -> Figure:
    """One or more texts, each under its title.

    Parameters
    ----------
    rows : sequence of (title, tokens, weights)
        tokens: n str, words and punctuation marks. weights: (n,), one for each token, 0 where it is not named.
    limit : float, optional
        Weight at the end of the colours; by default the largest of each row, as rows may be in different units.
    unit : str
        What the colours stand for, named in the alternative text.
    width : float
        Inches.
    alt : str
        Alternative text.

    Returns
    -------
    Figure
    """
    letter = 0.6 * SIZE / 72                                   # inches: every letter of a monospaced font
    columns = int((width - 0.3) / letter)
    laid = [(title, tokens, np.asarray(weights, float), wrap(tokens, columns)) for title, tokens, weights in rows]
    lines = sum(1.35 + max(line for line, _ in places) + 1 for _, _, _, places in laid)
    height = lines * LINE_IN + 0.1
    figure, axes = panels(width=width, height=height)
    figure.set_layout_engine("none")
    axes.set_position((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    top = 0.0
    for title, tokens, weights, places in laid:
        axes.text(0.15, top + 0.7 * LINE_IN, title, fontsize=11.5, va="center", fontweight="bold")
        end = limit or symmetric_limit(weights)
        for token, weight, (line, column) in zip(tokens, weights, places):
            shade = GROUND(0.5 + 0.5 * STRONGEST * np.clip(weight / end, -1, 1)) if weight else "none"
            axes.text(0.15 + column * letter, top + (line + 1.85) * LINE_IN, token, fontsize=SIZE, family="monospace", va="center",
                      bbox={"facecolor": shade, "edgecolor": "none", "pad": 1.8})
        top += (2.35 + max(line for line, _ in places)) * LINE_IN
    named = "; ".join(f"{title}: " + ", ".join(f"{token} {'for' if weight > 0 else 'against'}" for token, weight in zip(tokens, weights) if weight)
                      for title, tokens, weights, _ in laid)
    return describe(figure, alt or f"Words coloured by their {unit}. {named}.")


def wrap(tokens: Sequence[str], columns: int) -> list[tuple[int, int]]:
    """Line and column of each token, with blanks between words and none before a closing mark."""
    line = column = 0
    places = []
    for number, token in enumerate(tokens):
        gap = 0 if token in CLOSING or column == 0 else 1
        follows = number + 1 < len(tokens) and tokens[number + 1] in CLOSING   # a mark stays with its word
        if column + gap + len(token) + follows > columns and column:
            line, column, gap = line + 1, 0, 0
        places.append((line, column + gap))
        column += gap + len(token)
    return places
