"""Glyphs: generated digits in the shape of MNIST, 28 x 28 and grey, with the truth about each.

The outlines come from the fonts that ship with matplotlib, so nothing is downloaded. Slant,
weight, size, place, an elastic deformation and an unsteady edge vary and say nothing about the
digit.

    from course_utils.datasets import glyphs

    train = glyphs.load(10_000, seed=0)        # pictures uint8 (n, 28, 28), labels 0 to 9
    train.fonts, train.slants, train.weights   # what the pictures were drawn with
    glyphs.draw([3, 8], seed=1, slants=20.0)   # chosen digits, all leaning
    glyphs.load(8000, 0, fonts=glyphs.PLAIN)   # two plain fonts: an easier set

`grey28.load("glyphs", 10_000, seed=0)` takes "mnist" or "fashion_mnist" in place of "glyphs".

| module     | holds                                          |
|------------|------------------------------------------------|
| `pictures` | the data class `Glyphs`, `load`, `draw`        |
| `pen`      | a batch of pictures from what was drawn by lot |
| `outlines` | the digits of each font as distance maps       |
"""

from .outlines import FONTS, PLAIN
from .pictures import Glyphs, draw, load

__all__ = ["FONTS", "PLAIN", "Glyphs", "draw", "load"]
