"""Where an animal is put together: its grid, its pose, and the layers of its parts."""

import numpy as np

from . import shapes
from .scene import turn
from .species import DRAW, PARTS

WINDOW = 52  # pixels; every animal in every pose fits into it
CENTRE = np.float32(0.62)  # height above the feet that stands in the middle of the window
AHEAD = np.float32(0.06)  # and how far ahead of the middle of the body
INDEX = {part: np.uint8(number) for number, part in enumerate(PARTS, start=1)}


def _column(values):
    return np.asarray(values, np.float32)[:, None, None]


class Easel:
    """Layers of one species in n poses at once.

    Attributes: `x`, `y` (n, h, w) coordinates in body lengths (x forward, y up, feet at 0);
    `scale` (n, 1, 1) pixels to a body length; `pose` dict of (n, 1, 1); and the layers:
    `cover` share of each pixel that the animal covers, `tone` brightness, `accent` share of the
    second colour, `edge` distance to the outline in pixels, `parts` uint8 (0: no animal).
    """

    def __init__(self, scene, offset_x, offset_y, without):
        """offset_x, offset_y (n,): where the middle of the animal stands within the window."""
        self.pose = {name: _column(scene[name]) for name in ("stride", "tail", "flap")}
        self._nod = [_column(part) for part in turn(scene["nod"])]
        self._swing = [_column(part) for part in turn(scene["flap"])]
        self._coat = scene
        self._without = without
        self.scale = _column(scene["scale"])
        cosine, sine = (_column(part) for part in turn(scene["tilt"]))
        step = np.arange(WINDOW, dtype=np.float32) + np.float32(0.5 - WINDOW / 2)
        u = step[None, None, :] - _column(offset_x)
        v = _column(offset_y) - step[None, :, None]
        forward = np.where(_column(scene["facing"]) < 0, np.float32(-1), np.float32(1))
        wide = forward / (self.scale * _column(scene["stretch"]))
        self.x = (u * cosine + v * sine) * wide + AHEAD
        self.y = (v * cosine - u * sine) / self.scale + CENTRE
        shape = self.x.shape
        self.cover = np.zeros(shape, np.float32)
        self.tone = np.zeros(shape, np.float32)
        self.accent = np.zeros(shape, np.float32)
        self.edge = np.full(shape, 1e3, np.float32)
        self.parts = np.zeros(shape, np.uint8)

    def nod(self, ox, oy, x, y):
        """(x, y) turned about (ox, oy) by the nod of each pose."""
        return _turned(self._nod, ox, oy, x - ox, y - oy)

    def swing(self, ox, oy, dx, dy):
        """End of a limb that starts at (ox, oy), rests at (dx, dy) from there and flaps."""
        return _turned(self._swing, ox, oy, dx, dy)

    def limb(self, *numbers):
        return shapes.limb(self.x, self.y, *numbers)

    def ellipse(self, *numbers):
        return shapes.ellipse(self.x, self.y, *numbers)

    def circle(self, *numbers):
        return shapes.circle(self.x, self.y, *numbers)

    def cut_below(self, distance, height):
        """The shape without what lies below a height."""
        return np.maximum(distance, height - self.y)

    union = staticmethod(shapes.union)

    def paint(self, part, distance, tone=1.0, accent=0.0, rim=0.18, coat=False, plates=False, stripes=False):
        """Lay a part over what is there.

        distance (n, h, w) in body lengths; tone its brightness; accent the share of the second
        colour; rim how much darker its edge is; coat, plates, stripes: its pattern.
        """
        if part in self._without:
            return
        distance = distance * self.scale
        inside = np.minimum(np.maximum(np.float32(0.5) - distance, 0), 1)
        if rim:
            # 0 from 2.2 pixels inside, 1 at the edge
            near = np.minimum(np.maximum(distance * np.float32(0.45) + 1, 0), 1)
            tone = np.float32(tone) - np.float32(rim) * near
        if coat:
            tone = tone + self._pattern()
        if plates:
            tone = tone + _plates(self.x, self.y)
        if stripes:
            tone = tone + np.float32(0.10) * _wave(self.x * 7 + self.y * 3)
        self.tone += inside * (tone - self.tone)
        self.accent += inside * (np.float32(accent) - self.accent)
        np.maximum(self.cover, inside, out=self.cover)
        np.minimum(self.edge, distance, out=self.edge)
        np.copyto(self.parts, INDEX[part], where=inside >= 0.5)

    def _pattern(self):
        """A third of the coats plain, a third striped, a third spotted."""
        kind = self._coat["stripes"]
        width = _column(self._coat["stripe_width"])
        striped = _column(np.where((kind > 0.34) & (kind < 0.67), 0.11, 0.0))
        spotted = _column(np.where(kind >= 0.67, 0.13, 0.0))
        across = _wave(self.x / width)
        return striped * across + spotted * np.minimum(across, _wave(self.y / width))

    def colours(self, coat, accent):
        """Colours of the animal, float32 (n, 3, h, w) in [0, 1], lit from above.

        coat, accent: (n, 3). Volume comes from the distance to the outline, as on a cushion.
        """
        depth = np.minimum(np.maximum(self.edge * np.float32(-0.16), 0), 1)
        slope = np.zeros_like(depth)
        slope[:, 1:-1] = depth[:, 2:] - depth[:, :-2]  # > 0 where the upper edge is near
        outline = np.minimum(np.maximum(self.edge * np.float32(0.55) + 1, 0), 1)
        light = np.float32(0.90) + np.float32(0.14) * depth + np.float32(0.55) * slope
        light = light * (1 - np.float32(0.42) * outline) * self.tone
        coat, accent = coat[:, :, None, None], accent[:, :, None, None]
        return (coat + (accent - coat) * self.accent[:, None]) * light[:, None]


def _turned(direction, ox, oy, dx, dy):
    cosine, sine = direction
    return ox + dx * cosine - dy * sine, oy + dx * sine + dy * cosine


def _wave(u):
    """A triangular wave of period 2 between -1 and 1: a sine made of exact arithmetic."""
    return np.abs((u - 2 * np.floor(u / 2)) - 1) * 2 - 1


def _plates(x, y):
    """Plates of a shell: dark seams where two slanted waves meet zero."""
    seam = np.minimum(np.abs(_wave(x * 5 + y * 3)), np.abs(_wave(x * 5 - y * 3)))
    return np.minimum(seam, np.float32(0.35)) * np.float32(0.9) - np.float32(0.28)


def build(name, scene, offset_x, offset_y, without=()):
    """The finished easel of one species in the poses of a scene (arrays of n)."""
    easel = Easel(scene, offset_x, offset_y, without)
    DRAW[name](easel)
    return easel
