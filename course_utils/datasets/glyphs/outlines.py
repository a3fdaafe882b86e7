"""The ten digits of each font as maps of the signed distance to the outline."""

from functools import cache

import numpy as np

# Upright fonts only, so that the slant of a picture is the slant that it was drawn with.
FONTS = {
    "DejaVu Sans": "DejaVuSans.ttf",
    "DejaVu Sans Bold": "DejaVuSans-Bold.ttf",
    "DejaVu Serif": "DejaVuSerif.ttf",
    "DejaVu Serif Bold": "DejaVuSerif-Bold.ttf",
    "STIX": "STIXGeneral.ttf",
    "STIX Bold": "STIXGeneralBol.ttf",
    "Computer Modern": "cmr10.ttf",
    "Computer Modern Bold": "cmb10.ttf",
    "Computer Modern Sans": "cmss10.ttf",
    "Computer Modern Typewriter": "cmtt10.ttf",
}
PLAIN = (0, 8)  # numbers of those without serifs and of normal weight
SIDE = 96  # pixels of a map
HEIGHT = 60.0  # of every digit in its map


@cache
def distances():
    """float32 (fonts, 10, 96, 96): pixels to the outline, positive inside; each digit centred, 60 high."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties

    folder = f"{get_data_path()}/fonts/ttf"
    return np.stack([
        np.stack([_distance(FontProperties(fname=f"{folder}/{file}"), character) for character in "0123456789"])
        for file in FONTS.values()
    ])  # fmt: skip


def _distance(font, character):
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    outline = TextPath((0, 0), character, size=100, prop=font)  # unhinted: not fitted to a grid of pixels
    low, high = outline.get_extents().get_points()
    scale = HEIGHT / (high[1] - low[1])
    ticks = np.arange(SIDE) - (SIDE - 1) / 2
    columns, rows = np.meshgrid(ticks / scale + (low[0] + high[0]) / 2, -ticks / scale + (low[1] + high[1]) / 2)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    # Even-odd: a point inside an outer and an inner contour lies in the hole of a 0, 4, 6, 8 or 9.
    contours = outline.to_polygons()
    inside = np.logical_xor.reduce([Path(contour).contains_points(points) for contour in contours]).reshape(SIDE, SIDE)
    # Half a pixel: the outline runs between the last pixel inside and the first one outside.
    distance = np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))
    return gaussian_filter(distance, 0.7).astype(np.float32)
