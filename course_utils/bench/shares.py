"""Dataset search (lab 13), sufficient input subsets (lab 11) and class activation maps (lab 08): share of the network's own rate."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models
from course_utils.bench.ceiling import passes, seconds
from course_utils.bench.measure import Row
from course_utils.bench.networks import zoonet
from course_utils.bench.solved import lab
from course_utils.datasets import dna, zoo

WANTED = 0.85
BATCHES = (16, 32, 64, 100, 200, 400)       # for the small network on sequences


def search(quick: bool) -> Iterator[Row]:
    """The nine best pictures for every filter of every layer."""
    lab13, network = lab("13"), zoonet().fast
    pictures = models.as_input(zoo.load(32 if quick else 192, seed=13).pictures)
    batches = [(np.arange(first, first + 96)[:len(part)], part) for first, part in zip(range(0, len(pictures), 96), pictures.split(96))]

    def ours() -> tuple[np.ndarray, np.ndarray]:
        return lab13.top_of_stream(((numbers, lab13.peaks(network.features, part)) for numbers, part in batches), 9)

    def agree(found: tuple, _: tuple) -> float:
        """Against a sort of what hooks on the ReLUs of the network, in its own layout, have seen."""
        kept: list[torch.Tensor] = []
        relus = [layer for layer in zoonet().plain.features if isinstance(layer, nn.ReLU)]
        hooks = [layer.register_forward_hook(lambda _layer, _given, maps: kept.append(maps.amax((2, 3)))) for layer in relus]
        with torch.inference_mode():
            zoonet().plain(pictures)
        for hook in hooks:
            hook.remove()
        best = torch.cat(kept, dim=1).topk(9, dim=0).values.T.numpy()
        return float(np.abs(best - found[1]).max())

    yield Row("search", "dataset search", f"zoonet, {len(pictures)} pictures, all 240 filters, the best 9", ours, None, agree, 1e-4, None,
              passes(network, pictures), WANTED, against="a full sort, for the results only")


def cam(quick: bool) -> Iterator[Row]:
    """Class activation maps, enlarged to the picture's size."""
    lab08, network = lab("08"), zoonet().fast
    album = zoo.load(16 if quick else 120, seed=809)
    pictures, labels = models.as_input(album.pictures), torch.from_numpy(album.labels)
    lab08.network, lab08.head = network, network.classifier

    def agree(found: np.ndarray, _: np.ndarray) -> float:
        """Against the classifier slid over the maps as a convolution of one cell."""
        with torch.inference_mode():
            maps = F.conv2d(zoonet().plain.features(pictures), network.classifier.weight[:, :, None, None])[torch.arange(len(labels)), labels]
            return float((F.interpolate(maps[None], size=(64, 64), mode="bilinear")[0] - torch.from_numpy(found)).abs().max())

    yield Row("cam", "CAM", f"zoonet, {len(pictures)} pictures, enlarged to 64 x 64", lambda: lab08.cam_maps_of(pictures, labels), None, agree, 1e-3, None,
              passes(network, pictures), WANTED, against="the classifier as a convolution, for the results only")


def sis(quick: bool) -> Iterator[Row]:
    """All sufficient input subsets of DNA sequences; the ceiling is the network on as many masked sequences as the definition asks about."""
    lab11, network = lab("11"), models.load("dnanet")
    sites = dna.load(40, seed=1177)
    bound = sites[np.flatnonzero(sites.labels == 1)]
    sequences = models.as_dna_input(bound.sequences)[:1 if quick else 4]
    lab11.dnanet, lab11.sequences = network, sequences
    asked = 0

    def one_by_one() -> np.ndarray:
        return np.concatenate([lab11.one_by_one(k) for k in range(len(sequences))])

    def side_by_side() -> np.ndarray:
        owners, subsets = lab11.all_subsets(network, sequences)
        return subsets[np.argsort(owners, kind="stable")]

    def plainly() -> np.ndarray:
        """The definition, with a batch for every step, on the network in float64: counts what it asks."""
        nonlocal asked
        found, exact = [], models.load("dnanet").double()
        for sequence in sequences.double():
            def value(masks: torch.Tensor) -> torch.Tensor:
                nonlocal asked
                asked += len(masks)
                with torch.inference_mode():
                    return lab11.log_odds(exact(torch.where(masks[:, None], sequence, 0.25)), 1)

            rest = torch.ones(sequence.shape[1], dtype=torch.bool)
            while value(rest[None])[0] >= lab11.TAU:
                left, stack = rest.clone(), []
                while left.any():
                    places = left.nonzero().flatten()
                    masks = left.repeat(len(places), 1)
                    masks[torch.arange(len(places)), places] = False
                    stack.append(int(places[value(masks).argmax()]))
                    left[stack[-1]] = False
                tops = torch.zeros(len(stack) + 1, len(rest), dtype=torch.bool)
                for k, place in enumerate(reversed(stack)):
                    tops[k + 1:, place] = True
                subset = tops[int((value(tops) >= lab11.TAU).int().argmax())]
                found.append(subset)
                rest = rest & ~subset
        return torch.stack(found).numpy()

    truth = plainly()

    def agree(found: np.ndarray, _: np.ndarray) -> float:
        """Positions in which the subsets differ from those of the definition in float64."""
        return float((found != truth).sum()) if found.shape == truth.shape else float("inf")

    def at_its_batches() -> str:
        """How near the network alone comes to the ceiling at the batches of one search, a candidate less at every step."""
        batches = [masked[:size] for size in [*range(100, 0, -1)] * round(asked / 5050)]

        def network_alone() -> None:
            with torch.inference_mode():
                for batch in batches:
                    network(batch)

        shares = [sum(map(len, batches)) / asked * seconds(ceiling) / seconds(network_alone) for _ in range(7)]
        return (f"a step asks about one set less than the step before, so its batches shrink from 100 to 1; the network alone, at these batches, reaches "
                f"{np.median(shares):.2f} of the rate that it has at its best batch. What is left is masking and the log-odds, which cost the same for one set "
                "as for ten. The next row takes many sequences side by side.")

    masked = torch.where(torch.rand(asked, 1, sequences.shape[2], generator=torch.Generator().manual_seed(0)) < 0.5, sequences[:1], 0.25)
    ceiling = passes(network, masked, batches=BATCHES, channels_last=False)
    setting = f"dnanet, {len(sequences)} sequences of {sequences.shape[2]} letters, {asked:,} sets"
    against = "the definition in float64, for the results only"
    yield Row("sis", "SIS, one batch a step", setting, one_by_one, None, agree, 0, None, ceiling, WANTED, against=against,
              about=at_its_batches)
    yield Row("sis", "SIS, side by side with local updates", setting, side_by_side, None, agree, 0, None, ceiling, WANTED, against=against,
              about="more than 1 is possible: masking a letter changes a filter's answer at 17 places only, and only these are computed anew.")
