"""The three ways of a transposed convolution (lab 01) beside torch's."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from course_utils.bench.measure import Row
from course_utils.bench.solved import lab


def rows(quick: bool) -> Iterator[Row]:
    """The matrix for a signal, as the lab has it; stamps and zeros for a layer of a DCGAN's generator."""
    import torch
    from torch.nn import functional as F

    lab01, rng = lab("01"), np.random.default_rng(0)
    signal, taps = rng.normal(size=64 if quick else 512), rng.normal(size=4)
    maps, weight = rng.normal(size=(16 if quick else 128, 16, 16)), rng.normal(size=(16 if quick else 128, 64, 4, 4))

    def gap(mine: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(mine - other).max())

    def by_torch(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        transposed = F.conv_transpose1d if one.ndim == 2 else F.conv_transpose2d
        with torch.inference_mode():
            return transposed(torch.from_numpy(one)[None], torch.from_numpy(other), stride=2, padding=1)[0].numpy()

    one, other = signal[None], taps[None, None]
    ways = [("Wᵀ", f"signal of {len(signal)}, filter of 4, stride 2", lambda: lab01.transposed_by_matrix(signal, taps, 2, 1)[None],
             lambda: by_torch(one, other), "the matrix is made in every call")]
    layer = f"{len(maps)} maps of 16 x 16 to 64 of 32 x 32, filter of 4 x 4"
    ways += [(name, layer, lambda way=way: way(maps, weight, 2, 1), lambda: by_torch(maps, weight), about) for name, way, about in (
        ("stamps", lab01.transposed_by_stamping, "one product a cell of the filter"),
        ("zeros", lab01.transposed_by_zeros, "three of four products are with the zeros between"))]
    for name, setting, ours, theirs, about in ways:
        yield Row("transposed", f"transposed convolution by {name}", setting, ours, theirs, gap, 1e-10, None, against="torch, float64", about=about + ".")
