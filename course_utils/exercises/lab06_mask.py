"""Exercise 06.6: a mask from a map."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def maps_and_shares(seed):
    """Maps with a heavy tail, of unlike strength from picture to picture, no two values alike."""
    rng = np.random.default_rng([6, 6, seed])
    cases = []
    for (n, height, width), share in zip(((3, 8, 8), (2, 10, 5), (4, 6, 9)), (0.25, 0.1, 0.4)):
        maps = np.exp(rng.normal(0, 1.2, size=(n, height, width))) * np.exp(rng.normal(0, 2, size=(n, 1, 1)))
        share = round(share + float(rng.uniform(-0.03, 0.03)), 3)
        cases.append(Case((maps, share), f"{n} maps of {height}x{width}, share {share}"))
    return cases


def by_rank(maps, share):
    from scipy.stats import rankdata

    flat = maps.reshape(len(maps), -1)
    return (rankdata(flat, axis=1) > flat.shape[1] - round(share * flat.shape[1])).reshape(maps.shape)


def size_of(maps, share):
    return round(share * maps[0].size)


def cut(maps, axis, count):
    """Whether a value is among the `count` largest along the axes."""
    flat = np.sort(maps.reshape(len(maps), -1) if axis == "picture" else maps.reshape(1, -1), axis=1)
    return maps >= flat[:, -count][:, None, None]


def by_value(maps, share):
    return maps > (1 - share) * maps.max(axis=(1, 2), keepdims=True)


def by_share_of_peak(maps, share):
    return maps > share * maps.max(axis=(1, 2), keepdims=True)


def by_plain_value(maps, share):
    return maps > share


def over_batch(maps, share):
    return cut(maps, "batch", size_of(maps, share) * len(maps))


def smallest(maps, share):
    return ~cut(maps, "picture", maps[0].size - size_of(maps, share))


def complement(maps, share):
    return cut(maps, "picture", maps[0].size - size_of(maps, share))


def by_row(maps, share):
    return maps >= np.quantile(maps, 1 - share, axis=2, keepdims=True)


def order_for_rank(maps, share):
    flat = maps.reshape(len(maps), -1)
    return (np.argsort(flat, axis=1) >= flat.shape[1] - size_of(maps, share)).reshape(maps.shape)


def by_mass(maps, share):
    flat = np.sort(maps.reshape(len(maps), -1), axis=1)[:, ::-1]
    count = (np.cumsum(flat, axis=1) < share * flat.sum(axis=1, keepdims=True)).sum(axis=1)
    return maps >= np.take_along_axis(flat, count[:, None], axis=1)[:, :, None]


MASK = Exercise(
    id="06.6", title="A mask from a map", points=2, minutes=8, difficulty=2, function="mask_from_map",
    cases=maps_and_shares, oracle=by_rank,
    laws=(
        Law("size", "Every mask has exactly round(share · height · width) pixels.",
            lambda args, answer: (answer.sum(axis=(1, 2)) == round(args[1] * args[0][0].size)).all()),
        Law("order", "No pixel left out is larger than one that is kept.",
            lambda args, answer: all(not found.any() or found.all() or one[found].min() > one[~found].max()
                                     for one, found in zip(args[0], answer))),
    ),
    hints=(
        "A share is a matter of rank, not of value: how many pixels are k, and how large is the k-th largest?",
        "Flatten each map to a row, sort the rows, read off the k-th largest of each, compare the maps with it.",
        "`threshold = np.sort(maps.reshape(len(maps), -1), axis=1)[:, -k]`; with `[:, None, None]` it lines up with the maps.",
    ),
    misconceptions=(
        Misconception("value for rank, from the top", by_value,
                      "You keep what exceeds a part of the peak: one bright pixel then decides the size of the mask. Rank the pixels and keep "
                      "the k largest."),
        Misconception("value for rank", by_share_of_peak,
                      "You keep what exceeds share times the peak. The share counts pixels, not brightness: rank them and keep the k largest."),
        Misconception("share as threshold", by_plain_value,
                      "You compare the values with the share itself: a map in other units would give another mask. Rank the pixels."),
        Misconception("one threshold for the batch", over_batch,
                      "One threshold for all pictures: strong maps get large masks and weak ones none. Each picture has its own."),
        Misconception("the smallest", smallest, "You keep the least salient pixels: sort order and side of the comparison do not fit."),
        Misconception("one minus the share", complement,
                      "You keep the largest 1 - share of the pixels: the quantile to cut at is 1 - share, what lies above it is the share."),
        Misconception("argsort for rank", order_for_rank,
                      "`argsort` lists which pixel comes first, second and so on; it does not give each pixel its rank. Sort the "
                      "values, take the k-th largest and compare."),
        Misconception("row by row", by_row,
                      "Every row of the picture gets the same share of pixels. Flatten rows and columns into one axis before you sort."),
        Misconception("share of the mass", by_mass,
                      "You keep the pixels that together hold that share of the map's sum. Here the share counts pixels."),
    ),
)
