"""Exercise 08.1: the probability map of a square that visits every position, in batches."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.models import small_cnn


def cases(seed):
    rng = np.random.default_rng([81, seed])
    made = []
    for height, width, window, stride, batch, colour in ((13, 10, 4, 3, 5, "grey"), (10, 14, 3, 2, 16, "blurred"),
                                                         (12, 12, 6, 2, 64, "black")):
        picture = torch.from_numpy(rng.uniform(size=(3, height, width)))
        blurred = F.avg_pool2d(picture[None], 5, 1, 2, count_include_pad=False)[0]
        fill = {"grey": torch.full((3, 1, 1), 0.5, dtype=torch.float64), "black": torch.zeros(3, 1, 1, dtype=torch.float64),
                "blurred": blurred}[colour]
        model = given(small_cnn, seed=int(rng.integers(2**31)))
        made.append(Case((model, picture, int(rng.integers(4)), window, stride, fill, batch),
                         f"picture {height}x{width}, window {window}, stride {stride}, {colour} square, batches of {batch}"))
    return made


class Counting(nn.Module):
    """A network that keeps how many pictures it was given at each call."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.sizes = model, []

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(pictures))
        return self.model(pictures)


def with_sizes(function, model, *rest):
    """The student's map, and beside it the number of pictures in each call of the network."""
    counting = Counting(model).train(model.training)
    map_ = function(counting, *rest)
    # The largest calls first: whoever asks about the uncovered picture too is told the same whether that call comes first or last.
    return {"map": map_, "pictures in each call": np.array(sorted(counting.sizes, reverse=True), dtype=int)}


def one_by_one(model, picture, label, window, stride, fill, batch):
    """Brute force: a fresh copy, one square, one forward pass for each position."""
    height, width = picture.shape[1:]
    colours = fill.expand(3, height, width)
    rows = []
    for top in range(0, height - window + 1, stride):
        row = []
        for left in range(0, width - window + 1, stride):
            hidden = picture.clone()
            hidden[:, top:top + window, left:left + window] = colours[:, top:top + window, left:left + window]
            scores = model(hidden[None])[0].numpy()
            powers = np.exp(scores - scores.max())
            row.append(powers[label] / powers.sum())
        rows.append(row)
    count = len(rows) * len(rows[0])
    sizes = [batch] * (count // batch) + ([count % batch] if count % batch else [])
    return {"map": np.array(rows), "pictures in each call": np.array(sizes, dtype=int)}


def variant(*, last=1, order="rows", answer="probability", piling=False, split=None, colour=None, wider=0, outside=False):
    """The exercise done with one thing changed."""
    def occlusion_map(model, picture, label, window, stride, fill, batch):
        height, width = picture.shape[1:]
        tops = list(range(0, height - window + last, stride))
        lefts = list(range(0, width - window + last, stride))
        colours = (fill if colour is None else torch.full_like(fill, colour)).expand_as(picture)
        places = [(t, l) for t in tops for l in lefts] if order == "rows" else [(t, l) for l in lefts for t in tops]
        hidden, pictures = picture.clone(), []
        for top, left in places:
            hidden = hidden if piling else picture.clone()
            square = (slice(None), slice(top, top + window + wider), slice(left, left + window + wider))
            shown = hidden[square].clone()
            hidden[square] = colours[square]
            if outside:
                hidden = colours.clone()
                hidden[square] = shown
            pictures.append(hidden.clone())
        pictures = torch.stack(pictures)
        before = model(picture[None]).softmax(1)[0, label] if answer == "drop" else None
        scores = torch.cat([model(part) for part in pictures.split(split or batch)])
        probabilities = scores.softmax(1)
        values = {"probability": lambda: probabilities[:, label], "score": lambda: scores[:, label],
                  "twice": lambda: probabilities.softmax(1)[:, label], "largest": lambda: probabilities.max(1).values,
                  "drop": lambda: before - probabilities[:, label]}[answer]()
        return values.reshape(len(tops), len(lefts)).numpy()
    return occlusion_map


def shape_of_grid(args, answer):
    _, picture, _, window, stride, _, _ = args
    return answer["map"].shape == tuple((side - window) // stride + 1 for side in picture.shape[1:])


EXERCISE = Exercise(
    id="08.1", title="A square in every place, in batches", points=3, minutes=20, difficulty=2, function="occlusion_map",
    cases=cases, oracle=one_by_one, call=with_sizes,
    laws=(Law("one value a position", "The map has (side - window) // stride + 1 positions along each side.", shape_of_grid),
          Law("probability", "Every value of the map is a probability, between 0 and 1.",
              lambda args, answer: bool(((answer["map"] >= 0) & (answer["map"] <= 1)).all()))),
    hints=("Build the pictures first and ask the network afterwards. Along one side, which pixels does each position hide? "
           "That is a table (positions, pixels) of True and False, as in the cell above.",
           "A pixel is hidden where its row is hidden and its column is hidden: bring the two tables to shapes "
           "(rows, 1, height, 1) and (1, columns, 1, width) and combine them with `&`. Flatten the first two axes, then "
           "`torch.where` chooses between `fill` and `picture`, and `.split(batch)` cuts the stack into batches.",
           "hidden = (down[:, None, :, None] & across[None, :, None, :]).flatten(0, 1)[:, None]; then for each part of "
           "hidden.split(batch): model(torch.where(part, fill, picture)).softmax(1)[:, label]"),
    misconceptions=(
        Misconception("last position missing", variant(last=0),
                      "The last row and the last column of positions are missing: a window that ends exactly at the border still "
                      "fits, so the first pixel of the last one is side - window, which `range` and `arange` leave out unless you add 1."),
        Misconception("rows and columns swapped", variant(order="columns"),
                      "Your positions come in another order than your reshape reads them: reshape(rows, columns) wants all columns of the "
                      "first row first, so the row is the outer axis and the column the inner one."),
        Misconception("drop instead of probability", variant(answer="drop"),
                      "You return how far the probability falls; the map of this exercise is the probability itself, low where the "
                      "square hides what matters."),
        Misconception("score instead of probability", variant(answer="score"),
                      "You return scores (logits): the probability of a class is the softmax over all classes, at the class's place."),
        Misconception("softmax twice", variant(answer="twice"),
                      "Softmax was applied twice: the network returns scores, so one softmax makes them probabilities, and a second "
                      "one squeezes those towards 1 / classes."),
        Misconception("most likely class", variant(answer="largest"),
                      "You took the largest probability at each position; when the square makes the network change its mind that is "
                      "another class's. Follow the class `label` everywhere."),
        Misconception("squares pile up", variant(piling=True),
                      "The squares pile up: each position starts from the picture that the last one has already covered. Start each "
                      "from the untouched picture."),
        Misconception("batch ignored", variant(split=10_000),
                      "All positions go through the network in one call; with a large picture that fills the memory. Send at most "
                      "`batch` pictures a call, fewer only in the last one."),
        Misconception("one picture at a time", variant(split=1),
                      "The network is called once for every position: that is the slow way. Stack the pictures and send `batch` of them "
                      "a call."),
        Misconception("filled outside", variant(outside=True),
                      "`fill` and picture have changed places: you fill everything around the square and keep the picture in it. "
                      "`torch.where(hidden, fill, picture)` takes `fill` where `hidden` is True."),
        Misconception("square too wide", variant(wider=1),
                      "Your square is one pixel too wide: from `first` it covers `window` pixels, the last of which is first + window - 1, "
                      "so compare with < first + window."),
        Misconception("always black", variant(colour=0.0),
                      "The square is black whatever `fill` says: multiplying by a mask paints black. Put `fill` where the square is."),
    ),
)
