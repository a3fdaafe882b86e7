"""Text that is drawn once, word by word, and then copied: half of a small figure's time goes into its letters.

From move to move a Touch writes nearly the same words and numbers. Matplotlib lays out and rasters
each of them anew in every figure.
"""
from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties

ROOM = 8  # pixels around a word, for letters that reach over its box
KEPT = 4096


def words(text: str, is_math: bool | str) -> list[str]:
    """The words of a line, each with the space after it; their widths add up to the line's. A formula is one word."""
    return [text] if is_math else re.findall("[^ ]+ ?| ", text)


@lru_cache(KEPT)
def extent(word: str, font: FontProperties, is_math: bool | str, dpi: float) -> tuple[float, float, float]:
    """Width, height and descent of a word, in pixels."""
    return RendererAgg(1, 1, dpi).get_text_width_height_descent(word, font, is_math)


@lru_cache(KEPT)
def lettering(word: str, font: FontProperties, angle: float, colour: tuple[float, ...], is_math: bool | str,
              dpi: float) -> tuple[np.ndarray, int, int] | None:
    """A word as a picture.

    Returns
    -------
    (ndarray, int, int) or None
        RGBA of shape (height, width, 4), its lowest row first as Agg takes it; how far its left edge
        lies to the right of the word's anchor, and its lower edge below it, in pixels. None where
        nothing is to be seen.
    """
    width, height, _ = extent(word, font, is_math, dpi)
    turned = np.abs([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    x, y = int(turned @ (width, height)) + ROOM, int(turned @ (height, width)) + ROOM  # as far as it can reach from its anchor
    page = RendererAgg(2 * x, 2 * y, dpi)
    page.clear()
    context = page.new_gc()
    context.set_foreground(colour, isRGBA=True)
    page.draw_text(context, x, y, word, font, angle, is_math)
    pixels = np.asarray(page.buffer_rgba())
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    seen = pixels[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    return np.ascontiguousarray(seen[::-1]), int(columns[0]) - x, int(rows[-1]) + 1 - y


class LetteringRenderer(RendererAgg):
    """Agg, with words from memory; a word stands on whole pixels."""

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: bool | str) -> tuple[float, float, float]:
        """As Matplotlib's."""
        font = prop.copy()  # it can be changed later, and stands in a key here
        widths, heights, descents = zip(*[extent(word, font, ismath, self.dpi) for word in words(s, ismath)])
        descent = max(descents)
        return sum(widths), max(height - below for height, below in zip(heights, descents)) + descent, descent

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float, ismath: bool | str = False,
                  mtext: Any = None) -> None:
        """As Matplotlib's."""
        font = prop.copy()
        colour = (*gc.get_rgb()[:3], gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[-1])
        context = self.new_gc()
        context.copy_properties(gc)  # for its clipping
        context.set_alpha(1.0)       # the colour has its own
        for word in [s] if angle else words(s, ismath):
            found = lettering(word, font, angle, colour, ismath, self.dpi)
            if found is not None:
                pixels, right, below = found
                self.draw_image(context, round(x) + right, self.height - round(y) - below, pixels)
            x += extent(word, font, ismath, self.dpi)[0]


class LetteringCanvas(FigureCanvasAgg):
    """Agg's canvas with that renderer."""

    renderer: LetteringRenderer | None = None

    def get_renderer(self) -> LetteringRenderer:
        """One for the figure's size."""
        width, height = self.get_width_height(physical=True)
        now = self.renderer
        if now is None or (now.width, now.height, now.dpi) != (width, height, self.figure.dpi):
            self.renderer = LetteringRenderer(width, height, self.figure.dpi)
        return self.renderer
