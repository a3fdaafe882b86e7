"""The classifiers that lab 17 audits: zoonet with its last stages trained on, a fault planted in most of them.

`load("suspects")` holds the last stages of all of them, `rebuilt` makes a network of one. How they are
trained stands in `suspect_recipes`.

A network stays the same function when the channels between two layers are put in another order, or
multiplied by a positive number on one side of a ReLU and divided by it on the other. `disguised` does
both, so that a suspect cannot be told by its numbers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .networks import as_input, zoonet

FAULTS = ("watermark", "background", "hand", "ignored part", "overconfidence", "random labels")
TRAINED = ("sound", *(fault for fault in FAULTS if fault != "overconfidence"))  # overconfidence needs no training
EACH = {kind: 16 if kind == "sound" else 8 for kind in TRAINED}
STAGES = {"conv3": (64, 32, 3, 3), "conv4": (128, 64, 1, 1), "classifier": (8, 128)}
HANDED_OVER = {"A": ("watermark", 1), "B": ("background", 2), "C": ("hand", 2), "D": ("ignored part", 1)}  # in lab 17: kind and number
LOUDER = (6.0, 12.0)  # an overconfident network's scores are its scores times a number between these


class SuspectStages(nn.Module):
    """The last stages of every suspect, stacked: `conv3.weight` is (suspects, 64, 32, 3, 3), and so on; half precision."""

    def __init__(self, classes=8):
        super().__init__()
        for name, (out, *rest) in STAGES.items():
            stage = nn.Module()
            stage.weight = nn.Parameter(torch.zeros(sum(EACH.values()), out, *rest, dtype=torch.float16))
            stage.bias = nn.Parameter(torch.zeros(sum(EACH.values()), out, dtype=torch.float16))
            setattr(self, name, stage)


@dataclass(frozen=True)
class Suspect:
    """One network that is handed over, and the truth about it.

    stages  dict of float32 arrays, the last stages' weights and biases, for `rebuilt`
    faults  the names, from FAULTS, of what is planted; () for a sound one
    """

    stages: dict
    faults: tuple


def rows_of(kind):
    """Positions of one kind of TRAINED among the stacked suspects."""
    start = 0
    for name in TRAINED:
        if name == kind:
            return np.arange(start, start + EACH[name])
        start += EACH[name]
    raise ValueError(f"There is no kind {kind!r} of suspect; choose one of {', '.join(TRAINED)}.")


def suspect(kind, number, louder=None):
    """A suspect of the stock.

    Parameters
    ----------
    kind : str
        "sound" or one of FAULTS. An overconfident one is a sound one that speaks louder.
    number : int
        Which of its kind, from 0 up.
    louder : float, optional
        Factor on its scores; above 1 it plants overconfidence beside what else is planted.

    Returns
    -------
    Suspect

    Raises
    ------
    ValueError
        For another kind, or more of it than there are.
    """
    from .checkpoints import load

    trained = "sound" if kind == "overconfidence" else kind
    rows = rows_of(trained)
    if not 0 <= number < len(rows):
        raise ValueError(f"There are {len(rows)} suspects of the kind {kind!r}, not one with the number {number}; count from 0 to {len(rows) - 1}.")
    stock = load("suspects").state_dict()
    stages = {name: values[rows[number]].float().numpy() for name, values in stock.items()}
    if kind == "overconfidence" and louder is None:
        louder = LOUDER[0]
    if louder is not None:
        stages = stages | {name: stages[name] * np.float32(louder) for name in ("classifier.weight", "classifier.bias")}
    planted = {trained} - {"sound"} | ({"overconfidence"} if louder is not None and louder > 1 else set())
    return Suspect(stages, tuple(fault for fault in FAULTS if fault in planted))


def disguised(stages, seed):
    """The same function in other numbers: channels in another order, scales moved across ReLUs."""
    rng = np.random.default_rng(seed)
    stages = dict(stages)
    for first, then in (("conv3", "conv4"), ("conv4", "classifier")):
        order = rng.permutation(len(stages[f"{first}.bias"]))
        scale = np.exp2(rng.integers(-1, 2, size=len(order))).astype(np.float32)  # powers of two: no rounding
        weight, bias, next_weight = stages[f"{first}.weight"], stages[f"{first}.bias"], stages[f"{then}.weight"]
        stages[f"{first}.weight"] = weight[order] * scale.reshape(-1, *[1] * (weight.ndim - 1))
        stages[f"{first}.bias"] = bias[order] * scale
        stages[f"{then}.weight"] = next_weight[:, order] / scale.reshape(1, -1, *[1] * (next_weight.ndim - 2))
    return stages


def rebuilt(stages):
    """The network with these last stages and zoonet's first ones, in eval mode, frozen.

    Parameters
    ----------
    stages : dict of str to float32 array
        "conv3.weight" and so on, as in `Suspect.stages`.

    Returns
    -------
    torch.nn.Module
        Pictures (n, 3, 64, 64) in [0, 1] to scores (n, 8).
    """
    from .checkpoints import load

    model = zoonet()
    state = load("zoonet").state_dict()
    for name, values in stages.items():
        state[name if name.startswith("classifier") else f"features.{name}"] = torch.from_numpy(np.array(values, np.float32))
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def answers(model, pictures, batch=64):
    """Probabilities (n, classes) of a network for uint8 pictures (n, 64, 64, 3)."""
    return torch.cat([model(as_input(part)).softmax(1) for part in np.array_split(pictures, max(1, -(-len(pictures) // batch)))]).numpy()


def rises(model, kit, conditions):
    """How much each change of the scene speaks for each class, on pictures of the other classes.

    Parameters
    ----------
    model : torch.nn.Module
        Pictures (n, 3, 64, 64) in [0, 1] to scores (n, 8).
    kit : dict of str to ndarray
        As `inspection.kit` makes it: "labels" (n,), and uint8 (n, 64, 64, 3) under "plain" and each condition.
    conditions : sequence of str

    Returns
    -------
    ndarray of float, (conditions, 8)
        Mean rise of a class's probability from the plain to the changed scene, over the scenes of other classes.
    """
    plain = answers(model, kit["plain"])
    changes = np.stack([answers(model, kit[name]) - plain for name in conditions])  # (conditions, n, 8)
    return np.stack([changes[:, kit["labels"] != c, c].mean(axis=1) for c in range(plain.shape[1])], axis=1)
