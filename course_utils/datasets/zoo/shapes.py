"""Signed distances to the few shapes that everything is drawn with.

Each takes coordinates `x`, `y` (n, h, w) and numbers or arrays (n, 1, 1), and
returns the distance (n, h, w): negative inside, in the units of x and y.
Formulas after Inigo Quilez, "2D distance functions",
https://iquilezles.org/articles/distfunctions2d/ (the ellipse is his
first-order approximation from "Ellipsoid - distance", same site).
"""

import numpy as np

TINY = np.float32(1e-6)


def ellipse(x, y, cx, cy, rx, ry):
    """Ellipse with its centre (cx, cy) and half-axes rx, ry, exact on its rim to first order."""
    u = (x - cx) / rx
    v = (y - cy) / ry
    k = np.sqrt(u * u + v * v)
    u /= rx
    v /= ry
    slope = np.sqrt(u * u + v * v)
    slope += TINY
    return k * (k - 1) / slope


def circle(x, y, cx, cy, r):
    """Circle of radius r about (cx, cy)."""
    u = x - cx
    v = y - cy
    return np.sqrt(u * u + v * v) - r


def limb(x, y, ax, ay, bx, by, ra, rb):
    """Round-ended limb from (ax, ay) with radius ra to (bx, by) with radius rb."""
    ex, ey = bx - ax, by - ay
    u = x - ax
    v = y - ay
    along = (u * ex + v * ey) / (ex * ex + ey * ey)
    along = np.minimum(np.maximum(along, 0), 1)
    u = u - along * ex
    v = v - along * ey
    return np.sqrt(u * u + v * v) - (ra + (rb - ra) * along)


def polygon(x, y, *corners):
    """Convex polygon, corners counter-clockwise where y points up: the largest of its half-planes."""
    distance = None
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey = bx - ax, by - ay
        length = np.sqrt(np.float32(ex) * ex + np.float32(ey) * ey)
        side = ((x - ax) * ey - (y - ay) * ex) / length
        distance = side if distance is None else np.maximum(distance, side)
    return distance


def union(*distances):
    """What lies in any of the shapes."""
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = np.minimum(nearest, distance)
    return nearest


def coverage(distance, scale):
    """Share of each pixel inside the shape, in [0, 1]; `scale` is pixels to one unit of distance."""
    return np.minimum(np.maximum(np.float32(0.5) - distance * scale, 0), 1)
