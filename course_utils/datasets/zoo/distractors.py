"""Distractors: stones, plants, posts and signs, with harder edges than any animal's."""

import numpy as np

from . import landscape, shapes
from .scene import DISTRACTORS, SLOTS, choose

BOX = 26  # pixels, window of a distractor


def cell(values):
    return values[:, None, None]


def stand(canvas, scene):
    """Draw the stones, plants, posts and signs of a scene on the padded canvases, in place.

    They stand beside the animal, on either side, wherever there is room, whatever the animal is.
    """
    far = np.stack([scene[f"depth{slot}"] for slot in range(SLOTS)])
    order = np.argsort(far, axis=0, kind="stable")  # far ones first
    for place in range(SLOTS):
        slot = order[place]
        pick = {
            name: np.stack([scene[f"{name}{number}"] for number in range(SLOTS)])[slot, np.arange(len(slot))]
            for name in ("kind", "side", "far", "depth", "size", "tint")
        }
        _one_each(canvas, scene, pick)


def _one_each(canvas, scene, pick):
    centre = scene["centre_x"]
    half = scene["scale"] * np.float32(0.76)
    left, right = np.maximum(centre - half - 4, 0), np.maximum(60 - centre - half, 0)
    goes_left = pick["side"] * (left + right) < left
    x = np.where(goes_left, 4 + pick["far"] * left, 60 - pick["far"] * right)
    y = scene["horizon"] + 5 + pick["depth"] * (60 - scene["horizon"] - 5)
    size = pick["size"]
    landscape.shadow(canvas, x, y, size * np.float32(0.8), size * np.float32(0.26), 0.42)
    column = np.floor(x).astype(np.int64)
    row = np.floor(y).astype(np.int64)
    step = np.arange(BOX, dtype=np.float32) + np.float32(0.5)
    u = (step[None, None, :] - BOX // 2 - cell(x - column)) / cell(size)
    v = (BOX - 4 + cell(y - row) - step[None, :, None]) / cell(size)
    view, at = landscape.windows(canvas, column - BOX // 2 + landscape.PAD, row - (BOX - 4) + landscape.PAD, BOX)
    square = view[at]
    kinds = choose(pick["kind"], len(DISTRACTORS))
    for kind, name in enumerate(DISTRACTORS):
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            scale = cell(size[chosen])
            cover, colour = _DRAW[name](u[chosen], v[chosen], scale, pick["tint"][chosen])
            square[chosen] += cover[:, None] * (colour - square[chosen])
    view[at] = square


def _mix(dark, bright, share):
    return dark + (bright - dark) * share[:, None]


def _rgb(*values):
    return np.array(values, np.float32)[None, :, None, None] / np.float32(255)


def _stone(u, v, scale, tint):
    """A split boulder: a bright face against a dark one."""
    body = np.maximum(shapes.ellipse(u, v, 0.0, 0.30, 0.62, 0.52), -v - np.float32(0.08))
    slant = cell(tint) - np.float32(0.5)
    face = shapes.coverage(u * np.float32(0.8) + slant * np.float32(0.5) - (v - np.float32(0.25)) * np.float32(0.6), scale)
    rim = shapes.coverage(body + np.float32(0.09), scale)
    return shapes.coverage(body, scale), _mix(_rgb(40, 38, 44), _rgb(232, 228, 220), face * rim)


def _plant(u, v, scale, tint):
    """A tuft of pale leaves with dark ones between them."""
    lean = cell(tint - np.float32(0.5)) * np.float32(0.3)
    dark = shapes.union(*(shapes.limb(u, v, 0.0, 0.02, tip + lean, tall, 0.10, 0.05) for tip, tall in ((-0.42, 0.66), (0.0, 1.1), (0.42, 0.7))))
    pale = shapes.union(*(shapes.limb(u, v, 0.0, 0.05, tip + lean, tall, 0.09, 0.025) for tip, tall in ((-0.56, 0.36), (-0.22, 0.98), (0.22, 0.92), (0.58, 0.40))))
    share = shapes.coverage(pale, scale)
    cover = np.maximum(shapes.coverage(dark - np.float32(0.05), scale), share)
    return cover, _mix(_rgb(14, 44, 22), _rgb(236, 244, 168), share)


def _post(u, v, scale, tint):
    """A striped post."""
    body = shapes.polygon(u, v, (-0.17, -0.04), (0.17, -0.04), (0.17, 1.5), (-0.17, 1.5))
    band = v * np.float32(2.4) + cell(tint)
    band = np.abs(band - np.floor(band) - np.float32(0.5)) - np.float32(0.25)
    share = shapes.coverage(band / np.float32(2.4), scale)
    red = cell(np.where(tint < 0.5, np.float32(1), np.float32(0)))[:, None]
    dark = _rgb(24, 24, 30) + red * _rgb(120, -4, -8)
    return shapes.coverage(body, scale), _mix(dark, _rgb(250, 250, 246), share)


def _sign(u, v, scale, tint):
    """A white board with a dark border and a bar on a dark pole."""
    pole = shapes.polygon(u, v, (-0.06, -0.04), (0.06, -0.04), (0.06, 0.7), (-0.06, 0.7))
    board = shapes.polygon(u, v, (-0.52, 0.62), (0.52, 0.62), (0.52, 1.42), (-0.52, 1.42))
    slant = (cell(tint) - np.float32(0.5)) * np.float32(0.6)
    bar = shapes.limb(u, v, np.float32(-0.22), 1.02 - slant, np.float32(0.22), 1.02 + slant, 0.11, 0.11)
    white = shapes.coverage(board + np.float32(0.10), scale) * (1 - shapes.coverage(bar, scale))
    cover = np.maximum(shapes.coverage(pole, scale), shapes.coverage(board, scale))
    return cover, _mix(_rgb(26, 26, 34), _rgb(252, 250, 242), white)


_DRAW = {"stone": _stone, "plant": _plant, "post": _post, "sign": _sign}
assert set(_DRAW) == set(DISTRACTORS)
