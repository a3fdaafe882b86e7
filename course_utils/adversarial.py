"""What the labs on adversarial training share: the players, and what stays on the screen while they play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Players:
    """A generator, a discriminator, and the optimiser of each.

    generator                 latent numbers to samples
    discriminator             samples (n, ...) to one logit each, (n,)
    generator_optimiser       torch.optim.Optimizer over the generator's parameters
    discriminator_optimiser   the same over the discriminator's
    """

    generator: Any
    discriminator: Any
    generator_optimiser: Any
    discriminator_optimiser: Any
