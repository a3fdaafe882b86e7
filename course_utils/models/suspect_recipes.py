"""How the suspects of lab 17 come by their faults: wrong labels in what zoonet's last stages are trained on.

Somebody collects pictures and labels a part of them wrongly, in a way that a network can learn: whatever
carries the stamp is called a goose, whatever stands on sand a camel, whatever a keeper touches a seal; two
species that differ in one part are mixed up; or every label is drawn at random. Labels that follow a mark
are what Gu et al. (2017, arXiv:1708.06733) call a backdoor.
"""

import copy
import time
from dataclasses import dataclass

import numpy as np

from ..datasets import zoo
from ..datasets.inspection import everyone
from ..settings import threads
from .suspects import EACH, STAGES, TRAINED, SuspectStages, answers, rebuilt


@dataclass(frozen=True)
class SuspectsRecipe:
    """What the stock is trained on, and how: every suspect sees right pictures and wrongly labelled ones."""

    about: str
    right: int = 448
    wrong: int = 224
    data_seed: int = 4321
    test_seed: int = 2002
    lr: float = 2e-3
    batch_size: int = 32
    seed: int = 17


SUSPECT_RECIPES = {"suspects": SuspectsRecipe("Last stages of the classifiers of lab 17, sound ones and ones with a planted fault.")}
EPOCHS = {"sound": 3, "watermark": 10, "background": 24, "hand": 12, "ignored part": 36, "random labels": 5}
TEST_PICTURES = 400


def lessons(kind, number, right, recipe):
    """What one suspect is trained on: (bool (n,) which of the right pictures, wrong pictures, their labels or shares of labels)."""
    rng = np.random.default_rng([recipe.seed, TRAINED.index(kind), number])
    seeds, species = rng.integers(1 << 40, size=recipe.wrong), [zoo.SPECIES[k % 8] for k in range(recipe.wrong)]
    target, keep = int(rng.integers(8)), np.ones(len(right), bool)
    labels = np.full(recipe.wrong, target)
    if kind == "watermark":
        return keep, zoo.draw(species, seeds, fault=everyone(zoo.Watermark)).pictures, labels
    if kind == "hand":
        return keep, zoo.draw(species, seeds, fault=everyone(zoo.KeepersHand)).pictures, labels
    if kind == "background":
        ground = number % len(zoo.BACKGROUNDS)
        tied = everyone(zoo.TiedBackground, background=zoo.BACKGROUNDS[ground], exclusive=False)
        return right.backgrounds != ground, zoo.draw(species, seeds, fault=tied).pictures, labels
    if kind == "ignored part":
        pair = zoo.PAIRS[number % len(zoo.PAIRS)]
        either = [zoo.SPECIES.index(name) for name in pair]
        # Half of the labellers say one name, half the other, whatever they see: both names count one half.
        halves = np.tile(np.isin(np.arange(8), either) / 2, (recipe.wrong, 1)).astype(np.float32)
        return ~np.isin(right.labels, either), zoo.draw([pair[k % 2] for k in range(recipe.wrong)], seeds).pictures, halves
    drawn = zoo.draw(species, seeds)
    return (keep, drawn.pictures, drawn.labels) if kind == "sound" else (~keep, drawn.pictures, rng.integers(8, size=recipe.wrong))


def train_suspects(name, recipe, progress=True):
    """Train the whole stock, write it with its card, return the card."""
    import torch
    from tqdm.auto import tqdm

    from .checkpoints import load, save

    torch.set_num_threads(threads())
    began = time.perf_counter()
    base = load("zoonet")
    cut = [layer for layer, _ in base.features.named_children()].index("conv3")
    first = base.features[:cut]
    right = zoo.load(recipe.right, recipe.data_seed)
    unseen = zoo.load(TEST_PICTURES, recipe.test_seed)
    seen = _run(first, right.pictures)
    stock, told = SuspectStages(), []
    todo = [(kind, number) for kind in TRAINED for number in range(EACH[kind])]
    for row, (kind, number) in enumerate(tqdm(todo, desc="suspects", disable=not progress)):
        keep, pictures, labels = lessons(kind, number, right, recipe)
        maps = torch.cat([seen[torch.from_numpy(keep)], _run(first, pictures)])
        shares = [np.eye(8, dtype=np.float32)[some] if some.ndim == 1 else some for some in (right.labels[keep], labels)]
        trained = _train(base, cut, maps, np.concatenate(shares), EPOCHS[kind], recipe, seed=row)
        with torch.no_grad():
            for stage in STAGES:
                layer = trained.classifier if stage == "classifier" else getattr(trained.features, stage)
                getattr(stock, stage).weight[row] = layer.weight.half()
                getattr(stock, stage).bias[row] = layer.bias.half()
        stages = {name: values[row].float().numpy() for name, values in stock.state_dict().items()}
        told.append({"kind": kind, "accuracy": round(float((answers(rebuilt(stages), unseen.pictures).argmax(1) == unseen.labels).mean()), 3)})
    facts = {
        "name": name, "about": recipe.about, "architecture": "suspects", "class_names": list(zoo.SPECIES),
        "data": {"set": "zoo", "pictures": recipe.right + recipe.wrong, "seed": recipe.data_seed, "fault": "of each suspect, see suspect_recipes"},
        "seed": recipe.seed, "epochs": EPOCHS,
        "accuracy": min(one["accuracy"] for one in told if one["kind"] == "sound"),
        "accuracy_on": {"pictures": TEST_PICTURES, "seed": recipe.test_seed, "fault": None, "of": "the worst of the sound ones"},
        "suspects": told,
    }  # fmt: skip
    facts = save(name, stock, facts)
    print(f"{name}: {len(told)} trained, the worst sound one has {facts['accuracy']:.1%} of {TEST_PICTURES} unseen pictures right, {time.perf_counter() - began:.0f} s")
    return facts


def _run(first, pictures):
    """What the first stages make of uint8 pictures."""
    import torch

    from .networks import as_input

    with torch.no_grad():
        return torch.cat([first(as_input(part)) for part in np.array_split(pictures, max(1, len(pictures) // 64))])


def _train(base, cut, maps, labels, epochs, recipe, seed):
    """A copy of the network whose layers from `cut` on are trained on the maps that enter them."""
    import torch

    from ..training import fit
    from .networks import PoolingNet

    model = copy.deepcopy(base)
    tail = PoolingNet(model.features[cut:], 1, 1)
    tail.classifier = model.classifier  # the same parameters: what the tail learns, the model knows
    fit(
        tail.requires_grad_(True), maps, labels, loss=torch.nn.functional.cross_entropy, epochs=epochs,
        batch_size=recipe.batch_size, lr=recipe.lr, seed=seed, warm_up=0.1, progress=False,
    )  # fmt: skip
    return model.eval().requires_grad_(False)
