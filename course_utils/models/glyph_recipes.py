"""How the networks for glyphs are trained; `recipes.RECIPES` holds these entries too.

`glyphnet` judges what a generator makes. A classifier that has only met digits is sure of
anything, so it also meets what is no digit: blends of two digits, whose answer is half and half,
and shuffled pieces and noise, whose answer is every digit alike (Hendrycks, Mazeika and Dietterich
2019, arXiv:1812.04606).
"""

import time
from dataclasses import dataclass

import numpy as np

from ..datasets import glyphs
from ..settings import threads


@dataclass(frozen=True)
class GlyphRecipe:
    """What one checkpoint is trained on, and how; accuracy is measured on glyphs of another seed."""

    architecture: str
    about: str  # one sentence for the card
    pictures: int = 12_000
    data_seed: int = 1301
    test_seed: int = 2302
    epochs: int = 5
    batch_size: int = 64
    lr: float = 6e-3
    seed: int = 0


GLYPH_RECIPES = {
    "glyphnet": GlyphRecipe("glyphnet", "Names glyphs, and is unsure of blends, pieces and noise."),
}
TEST = 4000


def train_on_glyphs(name, recipe, progress=True):
    """Train the classifier, write it with its card, return the card."""
    import torch

    from ..training import evaluate, fit
    from .checkpoints import save
    from .glyph_networks import as_grey
    from .networks import ARCHITECTURES
    from .recipes import folded, with_norms

    torch.set_num_threads(threads())
    began = time.perf_counter()
    known = glyphs.load(recipe.pictures, recipe.data_seed)
    unseen = glyphs.load(TEST, recipe.test_seed)
    odd, answers = no_digits(known, seed=recipe.data_seed)
    inputs = np.concatenate([known.pictures, odd])
    targets = np.concatenate([np.eye(10, dtype=np.float32)[known.labels], answers])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = with_norms(ARCHITECTURES[recipe.architecture](classes=10)).to(memory_format=torch.channels_last)
    history = fit(
        model, inputs, targets, loss=torch.nn.functional.cross_entropy, epochs=recipe.epochs, batch_size=recipe.batch_size,
        lr=recipe.lr, seed=recipe.seed, warm_up=0.1, weight_decay=1e-2, prepare=as_grey, progress=progress,
    )  # fmt: skip
    model = folded(model).to(memory_format=torch.contiguous_format)
    facts = save(name, model, {
        "name": name,
        "about": recipe.about,
        "architecture": recipe.architecture,
        "class_names": list(known.class_names),
        "data": {"set": "glyphs", "pictures": recipe.pictures, "seed": recipe.data_seed, "no_digits": len(odd)},
        "seed": recipe.seed,
        "epochs": len(history.train),
        "accuracy": round(evaluate(model, unseen.pictures, unseen.labels, loss=_hits, prepare=as_grey), 4),
        "accuracy_on": {"pictures": TEST, "seed": recipe.test_seed},
    })  # fmt: skip
    print(f"{name}: {facts['accuracy']:.1%} of {TEST} unseen glyphs right, {facts['parameters']:,} parameters, {time.perf_counter() - began:.0f} s")
    return facts


def no_digits(known, seed):
    """Pictures that are no digits, and what to answer to them.

    Parameters
    ----------
    known : Glyphs
    seed : int

    Returns
    -------
    pictures : uint8 (n, 28, 28), n a third of the glyphs: blends, shuffled quarters and noise alike
    answers : float32 (n, 10), rows that sum to 1
    """
    rng = np.random.default_rng(seed)
    count = len(known) // 9
    one, other = rng.permutation(len(known))[: 2 * count].reshape(2, count)
    lighter = known.pictures[one] // 2 + known.pictures[other] // 2
    over = np.maximum(known.pictures[one], known.pictures[other])
    blends = np.where(rng.random((count, 1, 1)) < 0.5, lighter, over)
    halves = (np.eye(10)[known.labels[one]] + np.eye(10)[known.labels[other]]) / 2
    side = 7  # pixels of a piece: 16 of them, in another order for each picture
    pieces = known.pictures[rng.integers(0, len(known), count)].reshape(count, 4, side, 4, side).swapaxes(2, 3)
    order = rng.permuted(np.tile(np.arange(16), (count, 1)), axis=1)[..., None, None]
    pieces = np.take_along_axis(pieces.reshape(count, 16, side, side), order, axis=1)
    pieces = pieces.reshape(count, 4, 4, side, side).swapaxes(2, 3).reshape(count, 28, 28)
    grey = rng.normal(rng.uniform(0, 160, (count, 1, 1)), rng.uniform(10, 120, (count, 1, 1)), (count, 28, 28))
    noise = np.clip(grey, 0, 255)
    pictures = np.concatenate([blends, pieces, noise]).astype(np.uint8)
    return pictures, np.concatenate([halves, np.full((2 * count, 10), 0.1)]).astype(np.float32)


def _hits(logits, labels):
    return (logits.argmax(1) == labels).float().mean()
