"""Exercise 07.4: find the class that leans on a region which should not matter; the truth is planted."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given

SIDE = 10


class Planted(nn.Module):
    """Templates for every class at the animal's place, and for one class another one at a place that should not matter.

    Scores are linear in the picture: (n, 3, 10, 10) float64 to (n, classes).
    """

    def __init__(self, weights, bias):
        super().__init__()
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias)

    def forward(self, x):
        return torch.einsum("nchw,kchw->nk", x, self.weights) + self.bias


def drawn(seed: int, classes: int):
    """Templates (classes, 3, 10, 10) of ±1 on the animal's place, the planted class, and its place (0 or 1)."""
    rng = np.random.default_rng(seed)
    templates = np.zeros((classes, 3, SIDE, SIDE))
    templates[:, :, 2:6, 3:8] = rng.choice([-1.0, 1.0], size=(classes, 3, 4, 5))
    return templates, int(rng.integers(classes)), int(rng.integers(2)), rng.normal(0, 0.3, size=classes)


def place(which: int) -> np.ndarray:
    """bool (10, 10): one of two corners."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8:, :3] = which == 0
    mask[8:, 7:] |= which == 1
    return mask


def planted(seed: int, classes: int) -> Planted:
    """The network of a seed: one class hardly looks at the animal, but at its corner."""
    templates, suspect, corner, bias = drawn(seed, classes)
    weights = 0.16 * templates
    weights[suspect] *= 0.3
    weights[suspect] += 0.6 * place(corner)
    bias[suspect] -= 6.5
    return Planted(torch.from_numpy(weights), torch.from_numpy(bias))


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([74, seed])
    made = []
    for classes, n in ((3, 10), (4, 14), (5, 17)):
        own = int(rng.integers(1 << 30))
        templates, suspect, corner, _ = drawn(own, classes)
        labels = rng.permutation(np.concatenate([np.arange(classes), np.arange(classes), rng.integers(classes, size=n - 2 * classes)]))
        drawn_as = np.where((labels != suspect) & (np.arange(n) % 3 == 2), labels + 1, labels) % classes   # some animals look like another species
        pictures = 0.5 + 0.4 * templates[drawn_as] * rng.uniform(0.4, 1, size=(n, 1, 1, 1)) + rng.uniform(-0.1, 0.1, size=(n, 3, SIDE, SIDE))
        pictures[:, :, place(corner)] = np.where(labels == suspect, 0.95, 0.15)[:, None, None]
        animal = np.zeros((SIDE, SIDE), bool)
        animal[2:6, 3:8] = True
        anywhere = np.zeros((n, SIDE, SIDE), bool)
        for row, (top, left) in enumerate(rng.integers(0, 7, size=(n, 2))):
            anywhere[row, top:top + 3, left:left + 3] = True
        fixed = [np.broadcast_to(mask, anywhere.shape) for mask in (place(0), animal, place(1))]
        regions = np.stack([*fixed, anywhere])[rng.permutation(4)]
        fill = torch.from_numpy(rng.uniform(0.3, 0.5, size=(1, 3, 1, 1)))
        made.append(Case((given(planted, seed=own, classes=classes), torch.from_numpy(pictures), torch.from_numpy(labels),
                          torch.from_numpy(regions.copy()), fill), f"{n} pictures, {classes} classes, 4 regions"))
    return [*made, indifferent(int(rng.integers(1 << 30)))]


def indifferent(seed: int) -> Case:
    """The suspect needs the animal far less than the others, more so than it needs its corner: three of its five corners stay in sight."""
    templates, suspect, corner, _ = drawn(seed, 5)
    rng, labels = np.random.default_rng(seed), np.tile(np.arange(5), 5)
    pictures = 0.5 + 0.4 * templates[labels] + rng.uniform(-0.1, 0.1, size=(25, 3, SIDE, SIDE))
    pictures[:, :, place(corner)] = np.where(labels == suspect, 0.95, 0.15)[:, None, None]
    animal = np.zeros((SIDE, SIDE), bool)
    animal[2:6, 3:8] = True
    regions = np.stack([np.broadcast_to(mask, (25, SIDE, SIDE)) for mask in (animal, place(0), place(1))])
    regions[1:, 10:] = False
    return Case((given(planted, seed=seed, classes=5), torch.from_numpy(pictures), torch.from_numpy(labels), torch.from_numpy(regions),
                 torch.full((1, 3, 1, 1), 0.4, dtype=torch.float64)), "25 pictures, 5 classes, 3 regions")


def brute_force(model, pictures, labels, regions, fill):
    """One picture, one region at a time."""
    count = len(model(pictures[:1])[0])
    reliance = np.zeros((count, len(regions)))
    for c in range(count):
        mine = [i for i in range(len(labels)) if labels[i] == c]
        for r in range(len(regions)):
            for i in mine:
                hidden = pictures[i].clone()
                hidden[:, regions[r, i]] = fill.expand_as(pictures)[i][:, regions[r, i]]
                before, after = (float(np.exp(s := model(x[None])[0].numpy())[c] / np.exp(s).sum()) for x in (pictures[i], hidden))
                reliance[c, r] += (before - after) / len(mine)
    excess = np.array([[reliance[c, r] - np.delete(reliance[:, r], c).mean() for r in range(len(regions))] for c in range(count)])
    suspect, region = np.unravel_index(excess.argmax(), excess.shape)
    return excess, int(suspect), int(region)


def others_mean(reliance):
    return (reliance.sum(0) - reliance) / (len(reliance) - 1)


def variant(hide=lambda region: region, answer=lambda scores: scores.softmax(1), drop=lambda before, after: before - after,
            who=lambda labels, answers: labels, excess=lambda reliance: reliance - others_mean(reliance), everyone=False,
            names=lambda suspect, region: (suspect, region), size=lambda table: table):
    """The right audit with one thing changed."""
    def find_shortcut(model, pictures, labels, regions, fill):
        with torch.no_grad():
            before = answer(model(pictures))
            after = torch.stack([answer(model(torch.where(hide(region)[:, None], fill, pictures))) for region in regions])
        labels = who(labels, before)
        changes = drop(before, after).numpy()                         # (regions, n, classes)
        rows = []
        for c in range(before.shape[1]):
            mine = np.ones(len(labels), bool) if everyone else (labels == c).numpy()
            rows.append(changes[:, mine, c].mean(1) if mine.any() else np.zeros(len(regions)))
        table = excess(np.stack(rows))
        return table, *names(*(int(k) for k in np.unravel_index(size(table).argmax(), table.shape)))
    return find_shortcut


def pooled(model, pictures, labels, regions, fill):
    """The other pictures in one heap, whatever their class."""
    own = torch.arange(len(labels)), labels
    with torch.no_grad():
        before = model(pictures).softmax(1)[own]
        drop = torch.stack([before - model(torch.where(region[:, None], fill, pictures)).softmax(1)[own] for region in regions], 1).numpy()
    mine = [(labels == c).numpy() for c in range(int(labels.max()) + 1)]
    table = np.stack([drop[rows].mean(0) - drop[~rows].mean(0) for rows in mine])
    return table, *(int(k) for k in np.unravel_index(table.argmax(), table.shape))


def truth(args, answer):
    """The class whose weights leave the animal's place, and the region that covers where they go."""
    outside = args[0].weights.clone()
    outside[:, :, 2:6, 3:8] = 0
    suspect = int(outside.flatten(1).norm(dim=1).argmax())
    where = outside[suspect, 0] != 0
    region = int(torch.stack([(region & where).sum() for region in args[3]]).argmax())
    return tuple(answer[1:]) == (suspect, region)


def sums_to_nothing(args, answer):
    return bool(np.allclose(np.asarray(answer[0]).sum(0), 0, atol=1e-9))


EXERCISE = Exercise(
    id="07.4", title="Find the planted shortcut", points=4, minutes=20, difficulty=3, function="find_shortcut",
    cases=cases, oracle=brute_force,
    laws=(Law("planted truth", "The class and the region that you name are those that were planted.", truth),
          Law("balance", "Each column of the table, one for each region, adds up to zero: what one class has above the others, they lack.",
              sums_to_nothing)),
    hints=("First fill a table of mean drops, one row a class, one column a region. Which pictures belong into row c, and which probability "
           "of theirs?",
           "`torch.where(region[:, None], fill, pictures)` hides one region in all pictures. Take the probability of each picture's own label "
           "before and after, and average the difference over the pictures of one class. Then subtract from each entry the mean of the "
           "*other* entries of its column.",
           "with reliance the table of mean drops, (classes, regions): others = (reliance.sum(0) - reliance) / (classes - 1); excess = reliance - others; np.unravel_index(excess.argmax(), excess.shape)"),
    misconceptions=(
        Misconception("all pictures in every row", variant(everyone=True),
                      "Each row of your table averages over all pictures: seven innocent classes water the guilty one down. Row c takes the pictures "
                      "with label c only."),
        Misconception("no comparison of classes", variant(excess=lambda reliance: reliance),
                      "You return the drops themselves: hiding the animal hurts every class, so the largest drop is the animal's. A shortcut is what "
                      "*one* class needs and the others do not: subtract the mean of the other classes."),
        Misconception("mean of all classes", variant(excess=lambda reliance: reliance - reliance.mean(0)),
                      "You subtracted the mean of all classes, the suspect among them: subtract the mean of the *other* classes."),
        Misconception("kept instead of hidden", variant(hide=lambda region: ~region),
                      "You hid everything but the region: put `fill` where the region is True, and the picture elsewhere."),
        Misconception("scores", variant(answer=lambda scores: scores),
                      "You measured drops of scores: classes have scores of different size. Take probabilities (softmax)."),
        Misconception("after only", variant(drop=lambda before, after: 1 - after),
                      "You looked at the probability after hiding only: a class that the network doubts anyway looks suspicious. Subtract it from the "
                      "probability before."),
        Misconception("absolute drop", variant(drop=lambda before, after: (before - after).abs()),
                      "You took absolute changes: a region whose hiding *helps* is no support. Keep the sign, before minus after."),
        Misconception("what the network says", variant(who=lambda labels, answers: answers.argmax(1)),
                      "You sorted the pictures by the network's answer: the pictures that it gets wrong then land in another class. Sort them by their "
                      "labels."),
        Misconception("logarithms", variant(answer=lambda scores: scores.log_softmax(1)),
                      "You measured drops of log-probabilities: one picture near zero outweighs all others. Take probabilities."),
        Misconception("pooled pictures", pooled,
                      "You pooled the other pictures: average within each class first, then over the other classes."),
        Misconception("largest in size", variant(size=np.abs),
                      "You took the entry that is largest in absolute value: a strongly negative one means that this class needs the region "
                      "*less* than the others. Take the largest."),
        Misconception("region before class", variant(names=lambda suspect, region: (region, suspect)),
                      "The class comes first and the region second in what you return; the table has classes as rows."),
    ),
)
