"""The ceiling: what the network alone needs for the same number of pictures, at the batch that suits it best."""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn


def passes(network: nn.Module, pictures: torch.Tensor, backward: bool = False, batches: Sequence[int] = (2, 4, 8, 16, 32),
           channels_last: bool = True) -> Callable[[], None]:
    """A call that sends `pictures` (n, 3, height, width) through the network, and nothing else.

    Parameters
    ----------
    network : its memory layout stays as it is given.
    pictures : as many as the method that is measured sends.
    backward : also back to the pixels, from the sum of the largest scores.
    batches : sizes that are tried; the quickest a picture is taken.
    channels_last : layout of the pictures.
    """
    if channels_last:
        pictures = pictures.contiguous(memory_format=torch.channels_last)

    def run(size: int, upto: int | None = None) -> None:
        with torch.set_grad_enabled(backward), torch.inference_mode(not backward):
            for part in pictures[:upto].split(size):
                if backward:
                    part = part.detach().requires_grad_()
                    torch.autograd.grad(network(part).amax(dim=1).sum(), part)
                else:
                    network(part)

    best: list[int] = []

    def call() -> None:
        """The first call finds the best size."""
        if not best:
            most = min(len(pictures), 2 * max(batches))
            sizes = [size for size in batches if size <= most] or [most]
            for size in sizes:
                run(size, size)             # warms up
            spent = {size: min(seconds(lambda: run(size, most)) for _ in range(2)) for size in sizes}
            best.append(min(spent, key=spent.get))
        run(best[0])

    return call


def seconds(call: Callable[[], None]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began
