"""A batch of pictures, drawn at once: bend the plane, read the distance to the outline, ink the inside."""

from functools import cache

import numpy as np

from .outlines import HEIGHT, distances
from .outlines import SIDE as MAP

SIDE = 28  # pixels of a picture, as in MNIST
BENDS, ROUGH = 4, 12  # knots a side of the elastic deformation and of the unsteady edge
BEND, ROUGHNESS = 0.8, 0.22  # their standard deviations, pixels


def ink(labels, lots):
    """Pictures uint8 (n, 28, 28) of digits.

    Parameters
    ----------
    labels : int array (n,), 0 to 9
    lots : dict of arrays with n rows
        fonts (int), slants (degrees, to the right), weights (pixels added to a stroke), sizes
        (height in pixels), shifts (n, 2) (pixels right and down), bends (n, 2, 4, 4) and rough
        (n, 12, 12), both standard normal.
    """
    n = len(labels)
    centre = (SIDE - 1) / 2
    axis = np.arange(SIDE, dtype=np.float32) - centre
    bends = _spread(lots["bends"] * BEND, BENDS)
    x = axis[None, None, :] - lots["shifts"][:, 0, None, None] + bends[:, 0]
    y = axis[None, :, None] - lots["shifts"][:, 1, None, None] + bends[:, 1]
    x = x + np.tan(np.radians(lots["slants"]))[:, None, None] * y  # y runs down: the top leans right
    zoom = (HEIGHT / lots["sizes"]).astype(np.float32)[:, None, None]  # pixels of the map in one of the picture
    x, y = (np.clip(axis * zoom + (MAP - 1) / 2, 0, MAP - 1.001) for axis in (x, y))
    column, row = x.astype(np.int32), y.astype(np.int32)
    right, down = x - column, y - row
    maps = distances().reshape(-1)
    first = ((lots["fonts"] * 10 + labels) * MAP * MAP).astype(np.int32)[:, None, None]
    at = first + row * MAP + column
    upper = maps[at] * (1 - right) + maps[at + 1] * right
    lower = maps[at + MAP] * (1 - right) + maps[at + MAP + 1] * right
    depth = (upper * (1 - down) + lower * down) / zoom  # pixels of the picture, positive inside
    depth = depth + lots["weights"].astype(np.float32)[:, None, None] / 2 + _spread(lots["rough"] * ROUGHNESS, ROUGH)
    grey = np.clip(depth + 0.5, 0, 1)  # the share of the pixel that is inside, for a straight edge
    return np.round(255 * grey).astype(np.uint8).reshape(n, SIDE, SIDE)


def _spread(knots, count):
    """Values at count x count knots, spread over 28 x 28 pixels: float32 (..., 28, 28)."""
    weights = _spline(count)
    return weights @ knots.astype(np.float32) @ weights.T


@cache
def _spline(count):
    """float32 (28, count): cubic interpolation from knots to pixels."""
    from scipy.interpolate import make_interp_spline

    knots = np.linspace(0, SIDE - 1, count)
    return make_interp_spline(knots, np.eye(count))(np.arange(SIDE)).astype(np.float32)
