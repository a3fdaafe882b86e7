"""torchvision, also beside a torch that it was not built for.

Every import of torchvision in the course goes through here:

    from course_utils.models.torchvision_compat import torchvision

Why: torchvision's Linux wheel in the package index is built against a CUDA torch. Beside a CPU torch
its compiled library cannot be loaded, so that the operators in it are never declared, and the import
ends with "operator torchvision::nms does not exist": at its import torchvision describes the shapes of
these operators to torch, and two of them without asking first whether they are there. They serve object
detection, which the course does not use. So they are declared here, without an implementation: the
import then succeeds, and data sets, transforms, networks and their weights work. What needs the
compiled library (`torchvision.ops.nms`, `torchvision.io`) raises an error when it is called.
"""
from __future__ import annotations

import sys
from types import ModuleType

import torch

DECLARATIONS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# torch forgets the operators of a library that is collected as garbage.
_declared: list[torch.library.Library] = []


def state() -> str:
    """How torchvision was imported, in words for `course.py doctor`."""
    return "operators declared by the course (built for another torch)" if _declared else "complete"


def _import() -> ModuleType:
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]  # a half-imported package would be taken for the whole
        library = torch.library.Library("torchvision", "FRAGMENT")
        for declaration in DECLARATIONS:
            library.define(declaration)
        _declared.append(library)
        import torchvision
    return torchvision


torchvision = _import()
