"""How the generator that ships is trained: as in lab 02, but longer, and its weights averaged over time.

The average of a generator's weights over many steps draws more cleanly than the weights of any one
step (Yazici et al. 2019, arXiv:1806.04498).
"""

import copy
import time
from dataclasses import dataclass

from ..datasets import glyphs
from ..settings import threads

AVERAGED = 0.995  # share of the average that each step keeps
JUDGED = 2000  # pictures on which the card's figures are measured


@dataclass(frozen=True)
class GeneratorRecipe:
    """What the generator is trained on, and how."""

    about: str  # one sentence for the card
    pictures: int = 12_000
    data_seed: int = 1401
    steps: int = 6000
    batch_size: int = 48
    lr: float = 4e-3
    seed: int = 0


GENERATOR_RECIPES = {
    "glyphs_generator": GeneratorRecipe("Draws glyphs in two plain fonts from 100 normal numbers."),
}


def train_generator(name, recipe, progress=True):
    """Train the generator against a discriminator, write it with its card, return the card."""
    import torch
    from tqdm.auto import tqdm

    from .checkpoints import save
    from .glyph_networks import LATENT, as_grey, dcgan_discriminator, dcgan_generator
    from .glyph_readers import coverage

    torch.set_num_threads(threads())
    began = time.perf_counter()
    known = as_grey(glyphs.load(recipe.pictures, recipe.data_seed, fonts=glyphs.PLAIN).pictures)
    quiet = {} if progress else {"disable": True}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        generator, judge = dcgan_generator(), dcgan_discriminator()
        average = copy.deepcopy(generator).requires_grad_(False)
        movers = [torch.optim.Adam(player.parameters(), lr=recipe.lr, betas=(0.5, 0.99)) for player in (judge, generator)]
        rests = [torch.optim.lr_scheduler.LinearLR(mover, 1.0, 0.01, total_iters=recipe.steps) for mover in movers]
        for _ in tqdm(range(recipe.steps), desc="training", unit="step", leave=False, **quiet):
            drawn = generator(torch.randn(recipe.batch_size, LATENT, 1, 1))
            shown = known[torch.randint(len(known), (recipe.batch_size,))]
            doubt = torch.nn.functional.softplus(-judge(shown)) + torch.nn.functional.softplus(judge(drawn.detach()))
            _descend(movers[0], doubt.mean())
            _descend(movers[1], torch.nn.functional.softplus(-judge(drawn)).mean())
            for rest in rests:
                rest.step()
            with torch.no_grad():
                for kept, now in zip(average.parameters(), generator.parameters(), strict=True):
                    kept.lerp_(now, 1 - AVERAGED)
        for layer in average.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):  # the averaged weights need statistics of their own
                layer.reset_running_stats()
                layer.momentum = None
        with torch.no_grad():
            for _ in range(20):
                average(torch.randn(250, LATENT, 1, 1))
            found = coverage(average.eval()(torch.randn(JUDGED, LATENT, 1, 1)))
    facts = save(name, average, {
        "name": name,
        "about": recipe.about,
        "architecture": "glyphs_generator",
        "class_names": list("0123456789"),
        "data": {"set": "glyphs", "pictures": recipe.pictures, "seed": recipe.data_seed, "fonts": list(glyphs.PLAIN)},
        "seed": recipe.seed,
        "steps": recipe.steps,
        "accuracy": round(found.sure, 4),
        "accuracy_says": "of its pictures clear to glyphnet",
        "clear_pictures_of_each_digit": found.counts.tolist(),
    })  # fmt: skip
    print(f"{name}: {found.sure:.1%} of {JUDGED} pictures clear, {found.covered} digits, {facts['parameters']:,} parameters, {time.perf_counter() - began:.0f} s")
    return facts


def _descend(mover, loss):
    mover.zero_grad()
    loss.backward()
    mover.step()
