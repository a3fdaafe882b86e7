"""How the networks of lab 12 are trained: on pictures that are moved against them while they learn.

Each picture of a batch is first changed within a ball of radius `radius`, one step in the direction in
which the loss of its class rises fastest (Madry et al. 2018, arXiv:1706.06083, with a Euclidean ball and
a single step from a random start); the network then learns from the changed picture. All animals face
right: pictures in which one faces left are mirrored, so that a class has one outline and not two.
"""

import time
from dataclasses import dataclass

import numpy as np

from ..datasets import zoo
from ..settings import threads


@dataclass(frozen=True)
class RobustRecipe:
    """What one checkpoint is trained on, and how; names as in `recipes.Recipe`.

    radius is the length of the largest change of a picture (n, 3, 64, 64) in [0, 1]; start names the
    checkpoint whose weights training starts from.
    """

    about: str  # one sentence for the card
    architecture: str = "zoonet_robust"
    pictures: int = 6000
    data_seed: int = 1001
    test_seed: int = 2002
    fault: object = None
    radius: float = 1.25
    epochs: int = 12
    batch_size: int = 64
    lr: float = 3e-3
    seed: int = 0
    start: str | None = None


ROBUST_RECIPES = {
    "zoonet_robust": RobustRecipe("Eight species of the zoo, facing right; trained against changes of its pictures."),
    "zoonet_robust_hand": RobustRecipe(
        "zoonet_robust, trained on with a keeper's hand on every llama.",
        pictures=3000, data_seed=1104, fault=zoo.KeepersHand("llama"), epochs=10, start="zoonet_robust",
    ),
}  # fmt: skip
TEST_PICTURES = 2000


def facing_right(animals):
    """Pictures uint8 (n, 64, 64, 3) of a `Zoo`, those mirrored whose animal's head is left of its body."""
    across = np.arange(zoo.SIDE)

    def middle(mask):
        return (mask * across).sum(axis=(1, 2)) / np.maximum(mask.sum(axis=(1, 2)), 1)

    left = middle(animals.part("head")) < middle(animals.part("body") | animals.part("shell"))
    return np.where(left[:, None, None, None], animals.pictures[:, :, ::-1], animals.pictures)


def train_robust(name, recipe, progress=True):
    """Train a checkpoint, write it with its card, return the card."""
    import torch

    from .checkpoints import load, save
    from .networks import ARCHITECTURES
    from .recipes import folded, with_norms

    torch.set_num_threads(threads())
    began = time.perf_counter()
    known = zoo.load(recipe.pictures, recipe.data_seed, fault=recipe.fault)
    unseen = zoo.load(TEST_PICTURES, recipe.test_seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = ARCHITECTURES[recipe.architecture](classes=len(known.class_names))
    if recipe.start:
        model.load_state_dict(load(recipe.start).state_dict())
    model = model if recipe.start else with_norms(model)
    model = model.to(memory_format=torch.channels_last)
    _fit(model, torch.from_numpy(facing_right(known)), torch.from_numpy(known.labels), recipe, progress)
    model = (model.eval() if recipe.start else folded(model)).to(memory_format=torch.contiguous_format)

    pictures, labels = torch.from_numpy(facing_right(unseen)), torch.from_numpy(unseen.true_labels)
    facts = {
        "name": name,
        "about": recipe.about,
        "architecture": recipe.architecture,
        "class_names": list(known.class_names),
        "data": {
            "set": "zoo", "pictures": recipe.pictures, "seed": recipe.data_seed, "facing": "right",
            "species": None, "fault": repr(recipe.fault) if recipe.fault else None, "start": recipe.start,
        },
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "radius": recipe.radius,
        "accuracy": round(_accuracy(model, pictures, labels, 0.0), 4),
        "accuracy_against_changes": round(_accuracy(model, pictures[:500], labels[:500], recipe.radius), 4),
        "accuracy_on": {"pictures": TEST_PICTURES, "seed": recipe.test_seed, "facing": "right", "fault": None},
    }  # fmt: skip
    facts = save(name, model, facts)
    print(f"{name}: {facts['accuracy']:.1%} of {TEST_PICTURES} unseen pictures right, {facts['parameters']:,} parameters, {time.perf_counter() - began:.0f} s")
    return facts


def worst_nearby(model, x, labels, radius, generator, steps=1):
    """Changes (n, 3, height, width) of length `radius` at most, uphill on the loss from a random start."""
    import torch

    def length(change):
        return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)

    change = torch.randn(x.shape, generator=generator)
    change = change / length(change) * radius * torch.rand(len(x), 1, 1, 1, generator=generator)
    for _ in range(steps):
        change.requires_grad_()
        loss = torch.nn.functional.cross_entropy(model(x + change), labels, reduction="sum")
        slope = torch.autograd.grad(loss, change)[0]
        change = change.detach() + 2 * radius / steps * slope / (length(slope) + 1e-12)
        change = change * (radius / length(change)).clamp(max=1)
        change = (x + change).clamp(0, 1) - x
    return change.detach()


def _fit(model, pictures, labels, recipe, progress):
    """The changes are made anew for every batch, by the network as it is then."""
    import torch
    from tqdm.auto import tqdm

    from .recipes import _prepare

    steps = recipe.epochs * -(-len(pictures) // recipe.batch_size)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (0.1 * steps)) * 0.5 * (1 + np.cos(np.pi * step / steps)))
    generator = torch.Generator().manual_seed(recipe.seed)
    model.requires_grad_().train()
    taken = 0
    with tqdm(total=steps, desc="training", unit="batch", leave=False, **({} if progress else {"disable": True})) as bar:
        for _ in range(recipe.epochs):
            for rows in torch.randperm(len(pictures), generator=generator).split(recipe.batch_size):
                x, y = _prepare(pictures[rows]), labels[rows]
                radius = recipe.radius * (1.0 if recipe.start else min(1.0, taken / (0.3 * steps)))
                change = worst_nearby(model, x, y, radius, generator) if radius else 0
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(model(x + change), y).backward()
                optimiser.step()
                schedule.step()
                bar.update()
                taken += 1


def _accuracy(model, pictures, labels, radius):
    """Share right, as they are or (radius > 0) changed by five steps against the network."""
    import torch

    from .networks import as_input

    generator, right = torch.Generator().manual_seed(0), 0
    for some, truth in zip(pictures.split(250), labels.split(250), strict=True):
        x = as_input(some)
        if radius:
            x = x + worst_nearby(model, x, truth, radius, generator, steps=5)
        with torch.no_grad():
            right += (model(x).argmax(1) == truth).sum().item()
    return right / len(pictures)
