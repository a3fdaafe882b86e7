"""Pictures of the zoo and their truth, from species and seeds."""

import numpy as np

from . import distractors, easel, faults, landscape
from .scene import BACKGROUNDS, SIDE, choose, scenes
from .species import PARTS

BATCH = 96  # pictures drawn at once: few calls, and the layers stay in the cache

# Coats and accents (horns, shells, wings, ...), all species alike; RGB in 0..255.
_COATS = np.array(
    [
        [164, 112, 68], [120, 84, 60], [196, 150, 96], [150, 146, 148], [104, 108, 122],
        [190, 106, 62], [206, 178, 142], [136, 126, 84], [112, 132, 150], [178, 120, 118],
    ],
    np.float32,
) / np.float32(255)  # fmt: skip
_ACCENTS = np.array(
    [
        [222, 196, 150], [92, 72, 64], [226, 140, 66], [116, 138, 78], [214, 210, 200],
        [150, 76, 66], [96, 114, 146], [188, 164, 92],
    ],
    np.float32,
) / np.float32(255)  # fmt: skip
_SKIN = np.array([[236, 190, 160], [198, 142, 106], [132, 88, 64], [92, 60, 46]], np.float32) / np.float32(255)
_SLEEVE = np.array([44, 92, 74], np.float32) / np.float32(255)


def _place(scene):
    """Add where the animal stands: `centre_x`, `centre_y`, `feet_y` (pixels), the same for all species."""
    reach = scene["scale"] * np.float32(0.90)
    scene["centre_x"] = reach + scene["across"] * (SIDE - 2 * reach)
    # The tallest animals (a llama) must stay in the picture.
    top = np.maximum(scene["scale"] * np.float32(1.52) + 1, scene["horizon"] + 6)
    scene["feet_y"] = top + scene["down"] * (61 - top)
    scene["centre_y"] = scene["feet_y"] - scene["scale"] * easel.CENTRE


def _colours(table, choice, light, warmth):
    colour = table[choose(choice, len(table))] * light[:, None]
    colour[:, 0] += warmth
    colour[:, 2] -= warmth
    return colour


def _animals(canvas, parts, scene, names, without):
    """Draw every animal onto the padded canvases (n, 3, ...) and part maps (n, 1, ...), in place."""
    coat = _colours(_COATS, scene["coat"], scene["coat_light"], scene["warmth"])
    accent = _colours(_ACCENTS, scene["accent"], scene["accent_light"], scene["warmth"] * 0)
    column = np.floor(scene["centre_x"]).astype(np.int64)
    row = np.floor(scene["centre_y"]).astype(np.int64)
    half = easel.WINDOW // 2
    corner_x, corner_y = column - half + landscape.PAD, row - half + landscape.PAD
    for name in dict.fromkeys(names):
        for missing in dict.fromkeys(without[names == name]):
            at = np.flatnonzero((names == name) & (without == missing))
            pose = {key: values[at] for key, values in scene.items()}
            shift_x, shift_y = pose["centre_x"] - column[at], pose["centre_y"] - row[at]
            animal = easel.build(name, pose, shift_x, shift_y, missing.split("+") if missing else ())
            colours = animal.colours(coat[at], accent[at])
            for image, paint in ((canvas, colours), (parts, None)):
                view, _ = landscape.windows(image, 0, 0, easel.WINDOW)
                where = (at, slice(None), corner_y[at], corner_x[at])
                if paint is None:
                    view[where] = animal.parts[:, None]
                else:
                    square = view[where]
                    square += animal.cover[:, None] * (paint - square)
                    view[where] = square


def draw_batch(names, seeds, planted=(), change=None):
    """Draw one batch; see `zoo.draw`. names: array of str (n,); seeds: uint64 (n,);
    change: dict name -> (n,), values that take the place of those drawn from the seeds.

    Returns a dict of arrays: what `Zoo` holds, and the shares that decide on label noise.
    """
    n = len(names)
    scene, texture = scenes(seeds)
    scene.update(change or {})
    _place(scene)
    without = np.full(n, "", object)  # parts that are not drawn, joined by "+"
    kinds = choose(scene["background"], len(BACKGROUNDS))
    faulty = np.zeros(n, bool)
    fault_masks = np.zeros((n, SIDE, SIDE), bool)
    for fault in planted:
        hit = faults.struck(fault, names, scene)
        if isinstance(fault, faults.TiedBackground):
            kinds = faults.tie_backgrounds(fault, names, scene, kinds)
        if isinstance(fault, faults.MissingPart):
            without = np.where(hit, [f"{old}+{fault.part}".strip("+") for old in without], without)
        if not isinstance(fault, faults.LabelNoise):
            faulty |= hit

    pad = landscape.PAD
    canvas = np.zeros((n, 3, SIDE + 2 * pad, SIDE + 2 * pad), np.float32)
    parts = np.zeros((n, 1, SIDE + 2 * pad, SIDE + 2 * pad), np.uint8)
    inner = canvas[:, :, pad:-pad, pad:-pad]
    inner[:] = landscape.backgrounds(scene, texture, kinds)
    distractors.stand(canvas, scene)
    wide = scene["scale"] * np.float32(0.62)
    landscape.shadow(canvas, scene["centre_x"], scene["feet_y"], wide, wide * np.float32(0.24), 0.45)
    _animals(canvas, parts, scene, names, without)
    fur = (texture.astype(np.float32) - np.float32(127.5)) * np.float32(0.00014) + 1
    inner *= landscape.light(scene) * fur[:, None]
    parts = parts[:, 0, pad:-pad, pad:-pad]

    for fault in planted:
        hit = np.flatnonzero(faults.struck(fault, names, scene))
        if not len(hit):
            continue
        part = {key: values[hit] for key, values in scene.items()}
        if isinstance(fault, faults.Watermark):
            cover, mask = faults.watermark(part)
            ink = np.where(cover > 0.5, 1, 0)[:, None]
            colour = faults.STAMP_COLOURS[ink[:, 0]].transpose(0, 3, 1, 2)
        elif isinstance(fault, faults.KeepersHand):
            cover, cloth, tone, mask = faults.hand(part, fault.species)
            skin = _SKIN[choose(part["hand_tone"], len(_SKIN))][:, :, None, None]
            colour = (skin + (_SLEEVE[:, None, None] - skin) * cloth[:, None]) * tone[:, None]
            parts[hit] = np.where(mask, 0, parts[hit])
        else:
            if isinstance(fault, faults.TiedBackground):
                fault_masks[hit] |= parts[hit] == 0
            continue
        inner[hit] += cover[:, None] * (colour - inner[hit])
        fault_masks[hit] |= mask

    pixels = np.rint(np.minimum(np.maximum(inner, 0), 1) * 255).astype(np.uint8)
    return {
        "pictures": np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)),
        "part_maps": np.ascontiguousarray(parts),
        "backgrounds": kinds,
        "faulty": faulty,
        "fault_masks": fault_masks,
        "fault": scene["fault"],
        "fault_choice": scene["fault_choice"],
    }


def known_part(name):
    """The part's index in a map of parts; ValueError in one sentence for an unknown name."""
    if name not in easel.INDEX:
        raise ValueError(f"{name!r} is no part of an animal; choose one of {', '.join(PARTS)}.")
    return easel.INDEX[name]
