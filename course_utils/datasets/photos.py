"""Photographs that come with scikit-image and scikit-learn: in colour, and without any download.

    from course_utils.datasets import photos

    cat = photos.square(photos.load("chelsea"), 224)
    cat.picture, cat.credit

`real.photographs` gives photographs of the same kind with boxes and masks.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Seen:
    """One thing on a photograph.

    label  what it is
    box    (x0, y0, x1, y1) in pixels, x to the right and y down; the corners are edges of pixels
    mask   bool (height, width), its pixels; None where only the box is known
    """

    label: str
    box: tuple[float, float, float, float]
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Photograph:
    """A photograph and what is known about it.

    picture         uint8 (height, width, 3)
    name            by which it is loaded
    shows           what is on it, in words
    credit          whom to name, and where it comes from
    licence         its licence
    imagenet_class  index of its class in ImageNet, or None where no class fits or none was given
    seen            things with boxes and, where known, masks
    """

    picture: np.ndarray
    name: str
    shows: str
    credit: str
    licence: str
    imagenet_class: int | None = None
    seen: tuple[Seen, ...] = ()


def outlined(label: str, mask: np.ndarray) -> Seen:
    """A thing with the box of its mask; `mask` is bool (height, width) and not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Seen(label, (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)), mask)


# shows, credit, licence: as their docstrings and README files say
_SKIMAGE = {
    "astronaut": ("Eileen Collins, astronaut", "NASA", "public domain"),
    "chelsea": ("Chelsea, a cat", "Stéfan van der Walt", "CC0"),
    "coffee": ("a cup of coffee", "Rachel Michetti, courtesy of Pikolo Espresso Bar", "CC0"),
    "rocket": ("a Falcon 9 rocket at its launch", "SpaceX", "public domain"),
    "hubble_deep_field": ("galaxies, the Hubble eXtreme Deep Field", "NASA", "public domain"),
    "retina": ("the retina of a human eye", "Mikael Häggström", "CC0"),
}
_SKLEARN = {
    "china": ("a Chinese temple", "flickr.com/photos/danielbuechele", "CC BY 2.0"),
    "flower": ("a flower", "flickr.com/photos/vultilion", "CC BY 2.0"),
}


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return (*_SKIMAGE, *_SKLEARN)


def load(name: str) -> Photograph:
    """The photograph of this name, at its full size.

    Raises
    ------
    ValueError
        If there is none of that name; the sentence lists those that there are.
    """
    if name in _SKIMAGE:
        from skimage import data

        return Photograph(np.asarray(getattr(data, name)()), name, *_SKIMAGE[name])
    if name in _SKLEARN:
        from sklearn.datasets import load_sample_image

        return Photograph(np.array(load_sample_image(f"{name}.jpg")), name, *_SKLEARN[name])
    raise ValueError(f"There is no photograph {name!r}; choose one of {', '.join(names())}.")


def square(photograph: Photograph, side: int) -> Photograph:
    """The biggest square in the middle, resized to `side` x `side`, with its boxes and masks.

    Things that lie outside the square are dropped. Of the others, the box is that of what is left of
    the mask; where only the box is known, it is cut at the square's edges.

    Examples
    --------
    >>> from course_utils.datasets import photos
    >>> photos.square(photos.load("coffee"), 224).picture.shape
    (224, 224, 3)
    """
    if not isinstance(side, int | np.integer) or side < 1:
        raise ValueError(f"side is {side!r}, but a whole number of pixels is expected; 224 suits most networks.")
    from PIL import Image

    height, width = photograph.picture.shape[:2]
    edge = min(height, width)
    left, top = (width - edge) // 2, (height - edge) // 2
    region = (left, top, left + edge, top + edge)

    def cut(pixels: np.ndarray, how: Image.Resampling) -> np.ndarray:
        return np.array(Image.fromarray(pixels).resize((side, side), how, box=region))

    kept = []
    for thing in photograph.seen:
        if thing.mask is not None:
            mask = cut(thing.mask.astype(np.uint8), Image.Resampling.NEAREST) > 0
            kept += [outlined(thing.label, mask)] if mask.any() else []
            continue
        x0, y0, x1, y1 = (np.clip(np.array(thing.box) - (left, top, left, top), 0, edge) * (side / edge)).tolist()
        if x1 > x0 and y1 > y0:
            kept.append(Seen(thing.label, (x0, y0, x1, y1)))
    return replace(photograph, picture=cut(photograph.picture, Image.Resampling.BICUBIC), seen=tuple(kept))
