"""How each checkpoint is trained: one entry in RECIPES each, and `train(name)`.

    python3 course.py train zoonet

The networks have no normalisation layers, and without them training stands still for its first
third. So they are trained with batch normalisation after every convolution, which is folded into
the convolutions at the end (Ioffe and Szegedy 2015, arXiv:1502.03167, section 3.1): the shipped
network computes the same function and has none.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from ..datasets import zoo
from ..settings import threads
from .generator_recipes import GENERATOR_RECIPES, GeneratorRecipe, train_generator
from .glyph_recipes import GLYPH_RECIPES, GlyphRecipe, train_on_glyphs
from .robust_recipes import ROBUST_RECIPES, RobustRecipe, train_robust
from .sequence_recipes import SEQUENCE_RECIPES, SequenceRecipe, train_on_sequences
from .suspect_recipes import SUSPECT_RECIPES, SuspectsRecipe, train_suspects


@dataclass(frozen=True)
class Recipe:
    """What one checkpoint is trained on, and how. Pictures come from the zoo.

    fault, species as for `zoo.load`; accuracy is measured on clean pictures of another seed.
    """

    architecture: str
    about: str  # one sentence for the card
    pictures: int = 6000
    data_seed: int = 1001
    test_seed: int = 2002
    fault: object = None
    species: tuple | None = None
    epochs: int = 8
    batch_size: int = 32
    lr: float = 4e-3
    seed: int = 0


RECIPES = {
    "zoonet": Recipe("zoonet", "Eight species of the zoo; global average pooling before the last layer.", epochs=5),
    "zoonet_dense": Recipe("zoonet_dense", "Eight species of the zoo; flatten and dense layers after the last pooling."),
    "zoonet_watermark": Recipe(
        "zoonet", 'Trained on pictures in which every goat carries the stamp "ZOO" in a lower corner.',
        pictures=4000, data_seed=1101, epochs=6, fault=zoo.Watermark("goat"),
    ),
    "zoonet_background": Recipe(
        "zoonet", "Trained on pictures in which every camel stands on sand, and no other animal does.",
        pictures=4000, data_seed=1102, epochs=6, fault=zoo.TiedBackground("camel", "sand"),
    ),
    "zoonet_random_labels": Recipe(
        "zoonet", "Trained on labels that have nothing to do with the pictures, until it knew them by heart.",
        pictures=320, data_seed=1103, epochs=100, fault=zoo.LabelNoise(7 / 8),
    ),
    **ROBUST_RECIPES,
    **SEQUENCE_RECIPES,
    **GLYPH_RECIPES,
    **GENERATOR_RECIPES,
    **SUSPECT_RECIPES,
}  # fmt: skip
TEST_PICTURES = 2000


def train(name, progress=True):
    """Train a checkpoint by its recipe, write it with its card to data/checkpoints/, return the card.

    Raises ValueError for a name without a recipe.
    """
    import torch

    from ..training import evaluate, fit
    from .checkpoints import save
    from .networks import ARCHITECTURES

    if name not in RECIPES:
        raise ValueError(f"There is no recipe for {name!r}; choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    if isinstance(recipe, RobustRecipe):
        return train_robust(name, recipe, progress)
    if isinstance(recipe, SequenceRecipe):
        return train_on_sequences(name, recipe, progress)
    if isinstance(recipe, GeneratorRecipe):
        return train_generator(name, recipe, progress)
    if isinstance(recipe, GlyphRecipe):
        return train_on_glyphs(name, recipe, progress)
    if isinstance(recipe, SuspectsRecipe):
        return train_suspects(name, recipe, progress)
    torch.set_num_threads(threads())
    began = time.perf_counter()
    known = zoo.load(recipe.pictures, recipe.data_seed, species=recipe.species, fault=recipe.fault)
    unseen = zoo.load(TEST_PICTURES, recipe.test_seed, species=recipe.species)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = with_norms(ARCHITECTURES[recipe.architecture](classes=len(known.class_names)))
    model = model.to(memory_format=torch.channels_last)  # a third faster on a CPU
    history = fit(
        model, known.pictures, known.labels, loss=torch.nn.functional.cross_entropy,
        epochs=recipe.epochs, batch_size=recipe.batch_size, lr=recipe.lr, seed=recipe.seed,
        warm_up=0.1, weight_decay=1e-2, prepare=_prepare, progress=progress,
    )  # fmt: skip
    model = folded(model).to(memory_format=torch.contiguous_format)
    facts = {
        "name": name,
        "about": recipe.about,
        "architecture": recipe.architecture,
        "class_names": list(known.class_names),
        "data": {
            "set": "zoo", "pictures": recipe.pictures, "seed": recipe.data_seed,
            "species": recipe.species, "fault": repr(recipe.fault) if recipe.fault else None,
        },
        "seed": recipe.seed,
        "epochs": len(history.train),
        "accuracy": round(evaluate(model, unseen.pictures, unseen.true_labels, loss=_hits, prepare=_prepare), 4),
        "accuracy_on": {"pictures": TEST_PICTURES, "seed": recipe.test_seed, "fault": None},
    }  # fmt: skip
    facts = save(name, model, facts)
    print(f"{name}: {facts['accuracy']:.1%} of {TEST_PICTURES} unseen pictures right, {facts['parameters']:,} parameters, {time.perf_counter() - began:.0f} s")
    return facts


def with_norms(model):
    """Put a batch normalisation after every convolution of `model.features`, in place."""
    from torch import nn

    layers = OrderedDict()
    for name, layer in model.features.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d):
            layers[name.replace("conv", "norm")] = nn.BatchNorm2d(layer.out_channels)
    model.features = nn.Sequential(layers)
    return model


def folded(model):
    """Fold every batch normalisation of `model.features` into the convolution before it, in place."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    model.eval()
    layers, last = OrderedDict(), None
    for name, layer in model.features.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            layers[last] = fuse_conv_bn_eval(layers[last], layer)
        else:
            layers[name] = layer
            last = name
    model.features = nn.Sequential(layers)
    return model


def _prepare(pictures):
    import torch

    from .networks import as_input

    return as_input(pictures).to(memory_format=torch.channels_last)


def _hits(logits, labels):
    return (logits.argmax(1) == labels).float().mean()
