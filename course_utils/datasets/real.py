"""Real data for the closing sections of the labs: MNIST, Fashion-MNIST, photographs with boxes.

They come from the folder that COURSE_DATA names, else by torchvision's download into the course's
cache. Where neither works, or COURSE_DATA is `none`, `RealDataMissing` says so in one sentence, the
same on every machine; a lab asks through `or_none` and goes on without:

    digits = real.or_none(real.mnist, train=False)
    if digits is not None:
        ...
"""
from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import numpy as np

from course_utils.datasets.digits import Digits
from course_utils.datasets.photos import Photograph, Seen, outlined
from course_utils.settings import cache_dir, data_dir, real_data_wanted

CONNECT_S = 10  # seconds without an answer after which a download is given up
FETCHED_AS = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist"}
Answer = TypeVar("Answer")
_out_of_reach: set[str] = set()  # asked for in vain: not asked for again by this process


class RealDataMissing(RuntimeError):
    """Real data are neither in COURSE_DATA nor to be had by download; the sentence says what to do."""


def or_none(source: Callable[..., Answer], *arguments, **named) -> Answer | None:
    """What `source(*arguments, **named)` returns, or None after saying why there is nothing.

    Parameters
    ----------
    source : a function that raises `RealDataMissing`: those of this module, `imagenet.load`.
    """
    try:
        return source(*arguments, **named)
    except RealDataMissing as missing:
        print(missing)
        return None


def mnist(train: bool = True) -> Digits:
    """MNIST: pictures uint8 (60000 or 10000, 28, 28), labels 0 to 9.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.

    Raises
    ------
    RealDataMissing
        If it is neither in COURSE_DATA nor can be downloaded.
    """
    return _idx("MNIST", train)


def fashion_mnist(train: bool = True) -> Digits:
    """Fashion-MNIST: pictures uint8 (60000 or 10000, 28, 28) of ten kinds of clothes.

    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747.

    Raises
    ------
    RealDataMissing
        If it is neither in COURSE_DATA nor can be downloaded.
    """
    return _idx("FashionMNIST", train)


def photographs(collection: str = "openimages") -> list[Photograph]:
    """Photographs with boxes, and masks where there are some, from `COURSE_DATA/photos`.

    Parameters
    ----------
    collection : {"openimages", "coco"}
        "openimages" reads `openimages/attribution.json`, "coco" reads `coco/annotations.json`.

    Raises
    ------
    RealDataMissing
        If COURSE_DATA holds no such photographs: there is no download for them.
    """
    readers = {"openimages": _open_images, "coco": _coco}
    if collection not in readers:
        raise ValueError(f"There is no collection {collection!r}; choose one of {', '.join(readers)}.")
    folder = (data_dir() or Path()) / "photos" / collection
    if data_dir() is None or not folder.is_dir():
        raise RealDataMissing(
            f"The photographs of {collection} are not here: start the course with the folder that holds "
            f"photos/{collection},  COURSE_DATA=FOLDER python3 course.py lab,  or go on with photos.load(\"chelsea\")."
        )
    return list(readers[collection](folder))


def _idx(name: str, train: bool) -> Digits:
    """One of the data sets that torchvision keeps in MNIST's file format."""
    from course_utils.models.torchvision_compat import torchvision

    kind = getattr(torchvision.datasets, name)
    if not real_data_wanted():
        raise _missing(name, FETCHED_AS[name])
    for root in filter(None, (data_dir(), cache_dir())):
        try:
            return _as_digits(kind(root, train=train, download=False))
        except RuntimeError:  # torchvision's word for: its unpacked files are not there
            continue
    _unpack(kind, name)
    return _as_digits(kind(cache_dir(), train=train, download=False))


def _as_digits(dataset) -> Digits:
    names = tuple(text.partition(" - ")[0] for text in dataset.classes)
    return Digits(dataset.data.numpy(), dataset.targets.numpy().astype(np.int64), names)


def _unpack(kind: type, name: str) -> None:
    """Let torchvision fetch, verify (md5) and unpack a data set into the cache.

    Packed files in COURSE_DATA are copied first, so that nothing is fetched and nothing is written
    into that folder. All happens in a draft folder that is moved in one step: a cut leaves nothing.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir(), ignore_cleanup_errors=True) as draft:
        packed = (data_dir() or Path()) / name / "raw"
        raw = Path(draft) / name / "raw"
        raw.mkdir(parents=True)
        if data_dir() is not None:
            for file in packed.glob("*.gz"):
                shutil.copyfile(file, raw / file.name)
        with downloading(name, FETCHED_AS[name]):
            kind(draft, download=True)
        for file in raw.glob("*.gz"):
            file.unlink()
        target = cache_dir() / name
        if target.exists():  # of an earlier version, or incomplete: it could not be read just now
            shutil.rmtree(target)
        os.replace(raw.parent, target)


@contextmanager
def downloading(what: str, name: str) -> Iterator[None]:
    """Around a download: gives up after ten silent seconds, and turns its errors into `RealDataMissing`.

    Parameters
    ----------
    what : what is fetched, as the message calls it.
    name : what is fetched, as `course.py fetch` calls it.
    """
    if not real_data_wanted() or name in _out_of_reach:
        raise _missing(what, name)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_S)
    try:
        yield
    except (OSError, HTTPException, RuntimeError) as error:  # torchvision and torch.hub raise RuntimeError
        _out_of_reach.add(name)
        raise _missing(what, name) from error
    finally:
        socket.setdefaulttimeout(before)


def _missing(what: str, name: str) -> RealDataMissing:
    return RealDataMissing(
        f"{what} is not here: no folder that COURSE_DATA names holds it, and it was not downloaded. With a network,  "
        f"python3 course.py fetch {name}  gets it once and for all."
    )


def _picture(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _open_images(folder: Path) -> Iterator[Photograph]:
    from PIL import Image

    for entry in json.loads((folder / "attribution.json").read_text(encoding="utf-8"))["images"]:
        seen = [Seen(box["label"], tuple(float(edge) for edge in box["box_xyxy"])) for box in entry.get("boxes", [])]
        if "mask" in entry:
            with Image.open(folder / entry["mask"]) as image:
                seen.append(outlined(entry["what"], np.array(image.convert("L")) > 127))
        yield Photograph(
            _picture(folder / entry["file"]), Path(entry["file"]).stem, entry["what"], entry["url"], entry["licence"],
            entry.get("imagenet_index"), tuple(seen),
        )


def _coco(folder: Path) -> Iterator[Photograph]:
    from skimage.draw import polygon2mask

    for entry in json.loads((folder / "annotations.json").read_text(encoding="utf-8"))["images"]:
        picture = _picture(folder / "images" / entry["file"])
        seen = []
        for thing in entry["objects"]:
            x, y, width, height = thing["bbox_xywh"]
            mask = np.zeros(picture.shape[:2], bool)
            for flat in thing["polygons"]:
                mask |= polygon2mask(mask.shape, np.array(flat).reshape(-1, 2)[:, ::-1])  # x, y to row, column
            seen.append(Seen(thing["category"], (x, y, x + width, y + height), mask))
        yield Photograph(
            picture, Path(entry["file"]).stem, ", ".join(thing.label for thing in seen), entry["flickr_photo"],
            entry["licence"], None, tuple(seen),
        )
