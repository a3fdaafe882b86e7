"""Heat maps: in colours, laid over their pictures, and in grids beside them.

A map that is never negative starts at zero in a sequential colormap; a signed one is drawn in a
diverging colormap with zero in its middle. Which of the two it is, the values decide, unless the
caller says so.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from course_utils.plots.style import DIVERGING, describe, panels, symmetric_limit

HEAT = "magma"           # black where a map is zero, so that what glows is what counts
OUTLINE = "#56B4E9"      # of masks and boxes, on pictures and on maps


def as_rgb(picture: Any) -> np.ndarray:
    """A picture as matplotlib wants it.

    Parameters
    ----------
    picture : array or tensor
        uint8 or bool (height, width, 3) or (height, width); float in [0, 1] of those shapes; or
        (3, height, width), as networks take it.

    Returns
    -------
    ndarray, float, shape (height, width, 3)
        In [0, 1]; what lies outside is clipped.

    Raises
    ------
    ValueError
        If the shape is none of these.
    """
    array = picture.detach().cpu().numpy() if hasattr(picture, "detach") else np.asarray(picture)
    array = array / 255.0 if array.dtype == np.uint8 else array.astype(float)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ValueError(f"A picture of shape {np.shape(picture)} cannot be drawn; "
                         "give (height, width), (height, width, 3) or (3, height, width).")
    return np.clip(np.broadcast_to(array, (*array.shape[:2], 3)), 0, 1)


def scale_of(heat: np.ndarray, signed: bool | None = None, limit: float | None = None,
             cmap: str | None = None) -> dict[str, Any]:
    """`cmap`, `vmin` and `vmax` for `imshow`: symmetric about zero for a signed map, else from zero.

    Parameters
    ----------
    heat : ndarray
        One map, or several that share a scale.
    signed : bool, optional
        By default, whether any value is negative.
    limit : float, optional
        End of the scale; by default the largest absolute value.
    cmap : str, optional
        Another colormap.
    """
    heat = np.asarray(heat, float)
    signed = bool((heat < 0).any()) if signed is None else signed
    limit = symmetric_limit(heat) if limit is None else limit
    return {"cmap": cmap or (DIVERGING if signed else HEAT), "vmin": -limit if signed else 0.0, "vmax": limit}


def in_colours(heat: np.ndarray, *, signed: bool | None = None, limit: float | None = None,
               cmap: str | None = None) -> np.ndarray:
    """A map in the colours of its scale: (height, width) to float (height, width, 3) in [0, 1]."""
    scale = scale_of(heat, signed, limit, cmap)
    shares = (np.asarray(heat, float) - scale["vmin"]) / (scale["vmax"] - scale["vmin"])
    return matplotlib.colormaps[scale["cmap"]](np.clip(shares, 0, 1))[..., :3]


def overlay(picture: Any, heat: np.ndarray, *, strength: float = 0.85, signed: bool | None = None,
            limit: float | None = None, cmap: str | None = None) -> np.ndarray:
    """A heat map laid over its picture: the picture turns grey, and colour comes where the map is large.

    Parameters
    ----------
    picture : array or tensor
        As `as_rgb` takes it.
    heat : ndarray, shape (height, width)
        Of the picture's size.
    strength : float
        Share of the map's colour where it is at the end of its scale.
    signed, limit, cmap
        As for `scale_of`; a map that is never negative glows from dark red to yellow by default.

    Returns
    -------
    ndarray, float, shape (height, width, 3)
        In [0, 1].

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    rgb, heat = as_rgb(picture), np.asarray(heat, float)
    if heat.shape != rgb.shape[:2]:
        raise ValueError(f"The map has shape {heat.shape} and its picture {rgb.shape[:2]}; "
                         "bring the map to the picture's size first.")
    scale = scale_of(heat, signed, limit, cmap)
    share = np.clip(np.abs(heat) / scale["vmax"], 0, 1)[..., None]
    grey = (rgb @ [0.299, 0.587, 0.114])[..., None] * 0.75 + 0.12
    if scale["vmin"] < 0 or cmap:
        colours = in_colours(heat, signed=signed, limit=limit, cmap=cmap)
    else:  # the dark end would darken the picture where the map is small
        colours = matplotlib.colormaps["inferno"](0.35 + 0.65 * share[..., 0])[..., :3]
    weight = strength * share**0.7  # or only the very peak would be seen
    return (1 - weight) * grey + weight * colours


def draw(axes: Any, heat: np.ndarray, *, picture: Any = None, signed: bool | None = None,
         limit: float | None = None, cmap: str | None = None) -> Any:
    """Draw one map on axes, over its picture where one is given; returns the image for a colour bar."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    scale = scale_of(heat, signed, limit, cmap)
    image = axes.imshow(heat, **scale)
    if picture is not None:
        axes.imshow(overlay(picture, heat, signed=signed, limit=limit, cmap=cmap))
    return image


def draw_picture(axes: Any, picture: Any) -> None:
    """Draw a picture on axes without ticks."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.imshow(as_rgb(picture))


def outline(axes: Any, mask: np.ndarray, colour: str = OUTLINE, width: float = 1.4) -> None:
    """Draw the outline of a mask (height, width) along the edges of its pixels."""
    padded = np.pad(np.asarray(mask, bool), 1)
    down, across = padded[1:, 1:-1] != padded[:-1, 1:-1], padded[1:-1, 1:] != padded[1:-1, :-1]
    y, x = np.nonzero(down)
    flat = np.stack([x - 0.5, y - 0.5, x + 0.5, y - 0.5], axis=1)
    y, x = np.nonzero(across)
    upright = np.stack([x - 0.5, y - 0.5, x - 0.5, y + 0.5], axis=1)
    edges = np.concatenate([flat, upright]).reshape(-1, 2, 2)
    axes.add_collection(LineCollection(edges, colors=colour, linewidths=width, capstyle="projecting"), autolim=False)


def box(axes: Any, corners: Sequence[float], colour: str = OUTLINE, width: float = 2.0, **kwargs: Any) -> None:
    """Draw a box (top, left, bottom, right), in pixels, ends not included, as slices have it."""
    from matplotlib.patches import Rectangle

    top, left, bottom, right = corners
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=colour,
                             linewidth=width, **kwargs))


def grid(pictures: Sequence[Any], heats: Any = None, titles: Sequence[str] | None = None, *,
         label: str = "map", overlaid: bool = False, masks: Sequence[np.ndarray] | None = None,
         boxes: Sequence[Sequence[float]] | None = None, limit: float | str | None = None,
         signed: bool | None = None, cmap: str | None = None, bar: str | None = None,
         show_pictures: bool = True, width: float = 9.0, alt: str = "") -> Figure:
    """Pictures in a row, and under them one row of maps for each method.

    Parameters
    ----------
    pictures : sequence of n pictures
        As `as_rgb` takes them.
    heats : None, (n, height, width), or mapping of name to (n, height, width)
        The maps of one method or of several; a row each, labelled with the name.
    titles : sequence of n str, optional
        Over the columns.
    label : str
        Name of the row where `heats` is a single array.
    overlaid : bool
        Lay each map over its picture.
    masks : (n, height, width) bool, optional
        Outlined on every panel.
    boxes : sequence of n boxes (top, left, bottom, right), optional
        Drawn on every panel.
    limit : None, float or "row"
        End of the scales: each panel's own, given, or one for each row. A scale that panels share is
        the only one on which their brightness can be compared.
    signed, cmap
        As for `scale_of`.
    bar : str, optional
        Label of a colour bar beside each row of maps; asks for a shared scale.
    show_pictures : bool
        Whether the pictures have a row of their own.
    width : float
        Inches.
    alt : str
        Alternative text.

    Raises
    ------
    ValueError
        If the numbers of pictures and maps differ, or a bar is asked for without a shared scale.
    """
    rows = {} if heats is None else dict(heats) if isinstance(heats, Mapping) else {label: heats}
    n = len(pictures)
    wrong = next((name for name, maps in rows.items() if len(maps) != n), None)
    if wrong is not None:
        raise ValueError(f"The row {wrong!r} has {len(rows[wrong])} maps for {n} pictures; give one for each.")
    if bar and limit is None:
        raise ValueError('A colour bar stands for all panels of its row: give limit="row" or a number with it.')
    shown = show_pictures + len(rows)
    ratio = np.mean([as_rgb(picture).shape[0] / as_rgb(picture).shape[1] for picture in pictures])
    room = 0.5 + (0.9 if bar else 0.0)
    height = (width - room) / n * ratio * shown * 1.03 + (0.35 if titles is not None else 0.1)
    figure, axes = panels(shown, n, width=width, height=height, squeeze=False)
    if show_pictures:
        for column, picture in enumerate(pictures):
            draw_picture(axes[0, column], picture)
    for row, (name, maps) in enumerate(rows.items(), start=int(show_pictures)):
        maps = np.asarray([np.asarray(one, float) for one in maps])
        shared = symmetric_limit(maps) if limit == "row" else limit
        sign = bool((maps < 0).any()) if signed is None else signed
        for column in range(n):
            image = draw(axes[row, column], maps[column], picture=pictures[column] if overlaid else None, signed=sign,
                         limit=shared, cmap=cmap)
        axes[row, 0].set_ylabel(name)
        if bar:
            figure.colorbar(image, ax=list(axes[row]), label=bar, fraction=0.04, pad=0.01)
    if show_pictures and rows:
        axes[0, 0].set_ylabel("picture")
    for column in range(n):
        if titles is not None:
            axes[0, column].set_title(titles[column])
        for row in range(shown):
            if masks is not None:
                outline(axes[row, column], masks[column])
            if boxes is not None:
                box(axes[row, column], boxes[column])
    if alt:
        describe(figure, alt)
    return figure
