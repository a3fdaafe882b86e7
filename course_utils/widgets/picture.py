"""A picture in the browser that can be replaced, with an alternative text that goes with it.

`ipywidgets.Image` has no alternative text: setting `alt` on it stays in the kernel.
"""
from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@cache
def picture_class() -> type:
    """The widget's class, made at its first use: a submission being graded imports this module without anywidget."""
    import anywidget
    import traitlets

    class Picture(anywidget.AnyWidget):
        """An `<img>`.

        Attributes
        ----------
        value : bytes
            PNG.
        alt : str
            Alternative text; read out when it has stopped changing.
        """

        _esm = (HERE / "picture.js").read_text(encoding="utf-8")
        _css = (HERE / "picture.css").read_text(encoding="utf-8")
        value = traitlets.CBytes().tag(sync=True)
        alt = traitlets.Unicode().tag(sync=True)

    return Picture


def new_picture() -> Any:
    """An empty picture."""
    return picture_class()()
