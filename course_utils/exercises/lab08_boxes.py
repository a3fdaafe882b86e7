"""Exercise 08.3: from a heat map to a box."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Four hand-laid situations, mirrored, turned and scaled by the seed, in maps of whole steps so that ties with the threshold occur."""
    rng = np.random.default_rng([83, seed])
    made = []
    for about, lay in (("a large faint region and a small bright one", two_regions), ("regions that touch at a corner", corner_touch),
                       ("a map with negative values", negative_ground), ("no positive value", none_positive)):
        heat, share = lay(rng)
        heat = heat[::rng.choice([-1, 1]), ::rng.choice([-1, 1])] * float(rng.choice([2.0, 4.0, 8.0]))
        made.append(Case((np.ascontiguousarray(heat), share), about))
    return made


def two_regions(rng):
    heat = np.zeros((11, 16))
    heat[1:5, 2:9] = 5.0                                # 28 pixels, exactly at the threshold
    heat[1, int(rng.integers(2, 9))] = 6.0
    heat[7:10, 12:14] = 8.0                             # brighter, 6 pixels
    heat[8, 12] = 10.0                                  # the peak
    heat[9, 3:3 + int(rng.integers(1, 4))] = 9.0        # a third one
    heat[0, 12] = heat[10, 8] = 7.0                     # neither the first nor the last region that `label` finds is the largest
    return heat, 0.5


def corner_touch(rng):
    heat = rng.integers(0, 3, size=(12, 9)).astype(float)
    heat[2:6, 1:4] = 8.0
    heat[6:9, 4:7] = 11.0                               # touches the first at one corner only; fewer pixels, larger sum
    heat[10:, 0] = 7.0
    heat[8:, 8] = heat[11, 5:] = 7.0                    # thin: fewer pixels than the first, and a larger box
    return heat, 0.6


def negative_ground(rng):
    heat = rng.integers(-40, -20, size=(10, 13)).astype(float)
    heat[3:7, 4:9] = rng.integers(8, 10, size=(4, 5))
    heat[1:9, 10:13] = rng.integers(1, 3, size=(8, 3))  # above half of the range, below half of the maximum
    heat[4, 5] = 10.0
    return heat, 0.5


def none_positive(rng):
    heat = -rng.integers(1, 9, size=(6, 7)).astype(float)
    heat[2, 3:5] = 0.0
    return heat, 0.4


def flood_fill(heat, share):
    """Brute force: grow each region pixel by pixel, keep the largest."""
    if heat.max() <= 0:
        return 0, 0, 0, 0
    waiting = {(int(r), int(c)) for r, c in zip(*np.nonzero(heat >= share * heat.max()))}
    largest = []
    while waiting:
        region, edge = [], [waiting.pop()]
        while edge:
            row, column = edge.pop()
            region.append((row, column))
            for neighbour in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if neighbour in waiting:
                    waiting.remove(neighbour)
                    edge.append(neighbour)
        largest = max(largest, region, key=len)
    rows, columns = zip(*largest)
    return min(rows), min(columns), max(rows) + 1, max(columns) + 1


def variant(hot=lambda heat, share: heat >= share * heat.max(), structure=None, pick="largest",
            ends=lambda top, left, bottom, right: (top, left, bottom, right), empty=True):
    """Threshold, label, bounding box, with one thing changed."""
    def box_from_map(heat, share):
        from scipy import ndimage

        if empty and heat.max() <= 0:
            return 0, 0, 0, 0
        mask = hot(heat, share)
        regions, count = ndimage.label(mask, structure=structure)
        if pick == "all" or not count:
            kept = mask
        elif pick == "peak":
            kept = regions == regions[np.unravel_index(heat.argmax(), heat.shape)]
        elif pick == "first":
            kept = regions == 1
        elif pick == "background":
            kept = regions == np.bincount(regions.ravel()).argmax()
        else:
            kept = regions == 1 + np.bincount(regions.ravel())[1:].argmax()
        if not kept.any():
            return 0, 0, 0, 0
        rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
        return tuple(int(end) for end in ends(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))
    return box_from_map


def inside(args, answer):
    heat, _ = args
    top, left, bottom, right = answer
    return 0 <= top <= bottom <= heat.shape[0] and 0 <= left <= right <= heat.shape[1]


def tight(args, answer):
    heat, share = args
    top, left, bottom, right = answer
    if heat.max() <= 0:
        return (top, left, bottom, right) == (0, 0, 0, 0)
    hot = heat[top:bottom, left:right] >= share * heat.max()
    return bool(hot.size and hot[0].any() and hot[-1].any() and hot[:, 0].any() and hot[:, -1].any())


EXERCISE = Exercise(
    id="08.3", title="A box from a map", points=2, minutes=10, difficulty=1, function="box_from_map",
    cases=cases, oracle=flood_fill,
    laws=(Law("inside the map", "0 <= top <= bottom <= height and 0 <= left <= right <= width.", inside),
          Law("tight", "Each of the four sides of the box touches a pixel at or above the threshold.", tight)),
    hints=("Three steps: threshold, regions, the smallest box around one of them. `scipy.ndimage` has the second and third.",
           "`ndimage.label(mask)` numbers the regions from 1 (0 is the rest) and joins pixels that share a side. `np.bincount` of the numbers "
           "gives their sizes: leave out entry 0. `ndimage.find_objects` gives the slices around each region.",
           "largest = np.bincount(regions.ravel())[1:].argmax(); rows, columns = ndimage.find_objects(regions)[largest]; the box is "
           "rows.start, columns.start, rows.stop, columns.stop"),
    misconceptions=(
        Misconception("closed ends", variant(ends=lambda t, l, b, r: (t, l, b - 1, r - 1)),
                      "Your bottom and right are the last row and column inside the box; here they are the first ones outside, as slices "
                      "have it, so that height is bottom - top."),
        Misconception("x before y", variant(ends=lambda t, l, b, r: (l, t, r, b)),
                      "x and y are swapped: the box is (top, left, bottom, right), rows first, as arrays are indexed."),
        Misconception("sizes for ends", variant(ends=lambda t, l, b, r: (t, l, b - t, r - l)),
                      "The last two of your numbers are height and width; the box wants its ends, bottom and right."),
        Misconception("all regions", variant(pick="all"),
                      "Your box goes round everything above the threshold; take the largest connected region alone."),
        Misconception("region of the peak", variant(pick="peak"),
                      "You took the region that holds the peak; the box goes round the region with the most pixels."),
        Misconception("first region", variant(pick="first"),
                      "You took the first region that `label` found; count the pixels of each, without entry 0, which is the background, and "
                      "take the one with the most."),
        Misconception("background counted", variant(pick="background"),
                      "Your largest region is the background, to which `label` gives the number 0: leave entry 0 of the sizes out, and add 1 "
                      "to what `argmax` then says."),
        Misconception("share of the range", variant(hot=lambda heat, share: heat >= heat.min() + share * (heat.max() - heat.min())),
                      "Your threshold is a share of the range from minimum to maximum; it is a share of the maximum, so negative values do "
                      "not move it."),
        Misconception("share as threshold", variant(hot=lambda heat, share: heat >= share),
                      "You compare the map with `share` itself; the threshold is share times the maximum of this map."),
        Misconception("above, not at", variant(hot=lambda heat, share: heat > share * heat.max()),
                      "Pixels exactly at the threshold belong to the mask: >=, not >."),
        Misconception("corners join", variant(structure=np.ones((3, 3), bool)),
                      "You join pixels that touch at a corner; only pixels that share a side are connected, which is `label`'s default."),
        Misconception("box without evidence", variant(empty=False),
                      "A map without a positive value shows no evidence for the class: return (0, 0, 0, 0) before you take a share of its "
                      "maximum."),
    ),
)
