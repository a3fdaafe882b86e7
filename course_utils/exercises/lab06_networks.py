"""Networks and pictures on which the exercises of lab 06 are judged: small, float64, by seed; and the right gradient."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, given
from course_utils.models.networks import small_cnn

SHAPES = (  # pictures, side, classes, head
    (3, 12, 4, "pool"),
    (4, 8, 3, "dense"),
    (2, 16, 5, "pool"),
)


def without_biases(seed: int, **kwargs) -> torch.nn.Module:
    """A `small_cnn` whose biases are zero: it scales with its input, f(2x) = 2 f(x)."""
    model = small_cnn(seed, **kwargs)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.zero_()
    return model


def has_biases(model: torch.nn.Module) -> bool:
    """Whether any bias differs from zero."""
    return any(bool(parameter.any()) for parameter in model.parameters() if parameter.ndim == 1)


def pictures_and_labels(rng: np.random.Generator, n: int, size: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, 3, size, size) in [0, 1] with some black pixels, and classes to explain, no two neighbours alike.

    The black pixels are scattered: in a patch of one colour all inputs of a max pooling tie, and there
    a score has no slope that finite differences could confirm.
    """
    pictures = rng.random((n, 3, size, size)) * (rng.random((n, 1, size, size)) > 0.1)
    steps = rng.integers(1, classes, size=n)
    return torch.from_numpy(pictures), torch.from_numpy(np.cumsum(steps) % classes)


def chosen(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The value (n,) of its own class for each row of (n, classes)."""
    return values[torch.arange(len(labels)), labels]


def slope(function, pictures: torch.Tensor) -> torch.Tensor:
    """Gradient of the sum of `function(pictures)` with respect to the pictures."""
    pictures = pictures.detach().clone().requires_grad_()
    return torch.autograd.grad(function(pictures).sum(), pictures)[0]


def explained(exercise: int, seed: int) -> list[Case]:
    """A network, pictures, and the class to explain for each."""
    rng = np.random.default_rng([6, exercise, seed])
    cases = []
    for n, size, classes, head in SHAPES:
        model = given(small_cnn, seed=int(rng.integers(1 << 30)), channels=(6, 8), size=size, classes=classes, head=head)
        pictures, labels = pictures_and_labels(rng, n, size, classes)
        cases.append(Case((model, pictures, labels), f"{n} pictures of {size}x{size}, {classes} classes, {head} head"))
    return cases


def captum_gradient(model, pictures, labels):
    from captum.attr import Saliency

    return Saliency(model).attribute(pictures.clone().requires_grad_(), target=labels, abs=False).detach()
