"""Backgrounds: sky, hills, ground, light and shadows."""

import numpy as np

from . import shapes
from .scene import BACKGROUNDS, SIDE

PAD = 26  # pixels around the canvas, so that no window leaves it

# Colours in [0, 1]: top of the sky, horizon, hills, far ground, near ground.
_LAND = np.array(
    [
        [[132, 184, 230], [214, 233, 242], [120, 158, 128], [146, 182, 96], [92, 142, 62]],
        [[146, 196, 236], [243, 230, 206], [206, 170, 128], [236, 212, 160], [208, 172, 114]],
        [[150, 172, 206], [216, 224, 236], [176, 190, 210], [240, 244, 250], [214, 224, 238]],
        [[150, 200, 236], [226, 236, 240], [122, 146, 150], [132, 186, 204], [58, 124, 160]],
        [[164, 172, 188], [216, 214, 212], [136, 132, 136], [170, 160, 150], [122, 112, 106]],
    ],
    np.float32,
) / np.float32(255)
# Grain of the ground: strength, and how far it is drawn out sideways.
_GRAIN = np.array([0.075, 0.04, 0.022, 0.05, 0.085], np.float32)
_LONG = np.array([0.0, 0.35, 0.3, 1.0, 0.15], np.float32)

_ROWS = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5))[None, :, None]
_COLUMNS = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5))[None, None, :]


def _cell(values):
    return values[:, None, None]


def _smooth(share):
    return np.minimum(np.maximum(share, 0), 1)


def backgrounds(scene, texture, kinds):
    """Empty landscapes, float32 (n, 3, 64, 64) in [0, 1]; kinds: indices into BACKGROUNDS, (n,)."""
    land = _LAND[kinds][:, :, :, None, None]  # (n, 5, 3, 1, 1)
    horizon = _cell(scene["horizon"])
    high = _smooth(_ROWS / horizon)[:, None]
    picture = np.repeat(land[:, 0] + (land[:, 1] - land[:, 0]) * high, SIDE, 3)

    # Two hills: parabolas on the horizon.
    first = _COLUMNS - _cell(scene["hill_place"])
    second = _COLUMNS - (64 - _cell(scene["hill_place"]) * np.float32(0.7))
    wide = _cell(scene["hill_width"])
    tall = _cell(scene["hill_height"])
    crest = np.maximum(
        tall * (1 - (first * first) / (wide * wide)),
        tall * np.float32(0.6) * (1 - (second * second) / (wide * wide * np.float32(1.7))),
    )
    hill = shapes.coverage(horizon - crest - _ROWS, 1)[:, None]
    picture += hill * (land[:, 2] + (land[:, 1] - land[:, 2]) * np.float32(0.25) - picture)

    near = _smooth((_ROWS - horizon) / (SIDE - horizon))[:, None]
    ground = land[:, 3] + (land[:, 4] - land[:, 3]) * near
    grain = (texture.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    drawn_out = (grain + np.roll(grain, 1, 2) + np.roll(grain, 2, 2) + np.roll(grain, 3, 2)) / 4
    drawn_out = (drawn_out + np.roll(drawn_out, 4, 2)) / 2
    long = _cell(_LONG[kinds])
    grain = grain + (drawn_out * np.float32(2.2) - grain) * long
    strength = _cell(_GRAIN[kinds] * scene["grain"])
    ground = ground * (1 + (grain * strength * (np.float32(0.35) + np.float32(0.65) * near[:, 0]))[:, None])
    flat = shapes.coverage(horizon - _ROWS, 1)[:, None]
    picture += flat * (ground - picture)
    return picture


def light(scene):
    """Factor of the light on every pixel and channel, float32 (n, 3, 64, 64)."""
    across = (_COLUMNS - SIDE / 2) / (SIDE / 2)
    down = (_ROWS - SIDE / 2) / (SIDE / 2)
    bright = _cell(scene["sun"]) + _cell(scene["light_x"]) * across - _cell(scene["light_y"]) * down
    warm = scene["sun_warmth"]
    tint = np.stack([1 + warm, np.ones_like(warm), 1 - warm], 1)[:, :, None, None]
    return bright[:, None] * tint


def shadow(canvas, x, y, wide, deep, strength):
    """Darken each canvas softly around (x, y), in place; all (n,), in pixels of the picture."""
    inner = canvas[:, :, PAD:-PAD, PAD:-PAD]
    u = (_COLUMNS - _cell(x)) / _cell(wide)
    v = (_ROWS - _cell(y)) / _cell(deep)
    soft = np.maximum(1 - (u * u + v * v), 0)
    inner *= (1 - np.float32(strength) * soft * (2 - soft))[:, None]


def windows(canvas, x, y, side):
    """View of the (n, c, side, side) squares whose upper left corners are x, y (n,) on the padded canvas."""
    view = np.lib.stride_tricks.sliding_window_view(canvas, (side, side), axis=(2, 3), writeable=True)
    return view, (np.arange(len(canvas)), slice(None), y, x)


assert len(_LAND) == len(BACKGROUNDS)
