"""One training loop for every lab: seeds, device, progress bar, early stop.

    history = fit(model, pictures, labels, loss=torch.nn.functional.cross_entropy,
                  epochs=5, batch_size=64, lr=1e-3, seed=0, prepare=as_input)
"""

from __future__ import annotations

import copy
import os
import random
import time
from dataclasses import dataclass, field


@dataclass
class History:
    """What happened in training; lists have one entry an epoch.

    train       mean loss over the epoch's batches
    validation  mean loss on the validation pairs, empty where none were given
    best_epoch  epoch (from 0) whose weights the model holds now
    seconds     wall time
    stopped     True where patience ran out before the last epoch
    """

    train: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    best_epoch: int = -1
    seconds: float = 0.0
    stopped: bool = False


def seed_everything(seed):
    """Seed Python's, numpy's and torch's global generators (and TensorFlow's, if it is imported)."""
    import sys

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(seed)


def device():
    """The torch.device to train on: CUDA, else Apple's MPS, else the CPU (the reference)."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def fit(
    model, inputs, targets, *, loss, epochs, batch_size=64, lr=1e-3, seed=0,
    validation=None, patience=None, progress=True,
    prepare=None, optimizer=None, warm_up=0.0, weight_decay=0.0,
):  # fmt: skip
    """Train a model in place and return its History.

    The same arguments give the same weights; torch's global generator is left as it was.

    Parameters
    ----------
    model : torch.nn.Module
        Trained where its parameters lie (see `device`), left in eval mode.
    inputs, targets : tensor or array (n, ...)
        One row a sample.
    loss : callable (outputs, targets) -> scalar tensor
    epochs, batch_size : int
        Every epoch sees each sample once, in a new order; a last batch may be smaller.
    lr : float
        Highest learning rate of Adam; it falls to zero as half a cosine.
    seed : int
        Order of the samples, dropout and whatever else the model draws.
    validation : (inputs, targets), optional
        Held-out pairs whose loss is measured after each epoch.
    patience : int, optional
        Stop after so many epochs without a better validation loss, and go back to the best one.
    progress : bool
        Show a bar, one step a batch.
    prepare : callable, optional
        Turns a batch of inputs into what the model takes, e.g. `as_input` for uint8 pictures.
    optimizer : callable (parameters) -> torch optimizer, optional
        In place of Adam; then `lr` and `warm_up` still scale its learning rate.
    warm_up : float
        Share of the steps over which the learning rate rises from zero.
    weight_decay : float
        Of AdamW; 0 is plain Adam.

    Raises
    ------
    ValueError
        Where inputs and targets differ in length, patience has nothing to watch, or a number is
        out of its range.
    FloatingPointError
        Where the loss is no longer a finite number.
    """
    import math

    import torch
    from tqdm.auto import tqdm

    inputs, targets = torch.as_tensor(inputs), torch.as_tensor(targets)
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"There are {len(inputs)} inputs and {len(targets)} targets; give one target for each input, and at least one.")
    if patience is not None and validation is None:
        raise ValueError("patience needs a validation pair to watch; give validation=(inputs, targets) or leave patience out.")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} is {value!r}, but at least 1 is expected; give a whole number from 1 up.")

    where = next(model.parameters()).device
    make = optimizer or (lambda parameters: torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay))
    optimiser = make([parameter for parameter in model.parameters() if parameter.requires_grad])
    steps = epochs * math.ceil(len(inputs) / batch_size)

    def rate(step):
        rise = min(1.0, (step + 1) / (warm_up * steps)) if warm_up else 1.0
        return rise * 0.5 * (1 + math.cos(math.pi * step / steps))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    order = torch.Generator().manual_seed(seed)
    history = History()
    best, best_state = math.inf, None
    # The bar of a notebook does not look at TQDM_DISABLE by itself, as that of a terminal does.
    hidden = not progress or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    began = time.perf_counter()
    with (
        torch.random.fork_rng(devices=[where] if where.type == "cuda" else []),
        tqdm(total=steps, desc="training", unit="batch", leave=False, disable=hidden) as bar,
    ):
        torch.manual_seed(seed)
        for epoch in range(epochs):
            model.train()
            total = 0.0
            for rows in torch.randperm(len(inputs), generator=order).split(batch_size):
                batch = _batch(inputs, rows, prepare, where)
                optimiser.zero_grad(set_to_none=True)
                value = loss(model(batch), targets[rows].to(where))
                value.backward()
                optimiser.step()
                schedule.step()
                total += value.item() * len(rows)
                bar.update()
            history.train.append(total / len(inputs))
            if not math.isfinite(history.train[-1]):
                raise FloatingPointError(f"The loss is {history.train[-1]} in epoch {epoch}; lower lr (now {lr}) or check the inputs for NaN.")
            watched = history.train[-1]
            if validation is not None:
                watched = evaluate(model, *validation, loss=loss, batch_size=batch_size, prepare=prepare)
                history.validation.append(watched)
            bar.set_postfix(epoch=epoch + 1, loss=f"{history.train[-1]:.3f}")
            if patience is None or watched < best:
                best, history.best_epoch = watched, epoch
                if patience is not None:
                    best_state = copy.deepcopy(model.state_dict())
            elif epoch - history.best_epoch >= patience:
                history.stopped = True
                break
    if best_state is not None:
        model.load_state_dict(best_state)
    model.eval()
    history.seconds = time.perf_counter() - began
    return history


def evaluate(model, inputs, targets, *, loss, batch_size=64, prepare=None):
    """Mean of `loss` over all samples, in eval mode and without gradients; arguments as for `fit`.

    The model is left in eval mode.
    """
    import torch

    inputs, targets = torch.as_tensor(inputs), torch.as_tensor(targets)
    where = next(model.parameters()).device
    model.eval()
    total = 0.0
    with torch.no_grad():
        for rows in torch.arange(len(inputs)).split(batch_size):
            value = loss(model(_batch(inputs, rows, prepare, where)), targets[rows].to(where))
            total += value.item() * len(rows)
    return total / len(inputs)


def _batch(inputs, rows, prepare, where):
    batch = inputs[rows]
    return (prepare(batch) if prepare else batch).to(where)
