"""Layer-wise relevance propagation (lab 10) beside zennit's.

The lab's functions are TensorFlow's, zennit's PyTorch's: the twins have the same weights, and the maps are compared.
So a row tells what a user of either library waits for, and part of it is the framework.
"""
from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from course_utils.bench.ceiling import passes
from course_utils.bench.gradients import AS_HANDED, cases, count
from course_utils.bench.measure import Row
from course_utils.bench.solved import lab

TINY = 1e-12
ABOUT = ("The lab's rules are written in TensorFlow, zennit's in PyTorch, on twins with the same weights; the lab's functions are traced once into a "
         "graph, as the lab shows; step by step, as they are written, they stand beside it without a bar.")


def rows(quick: bool) -> Iterator[Row]:
    from course_utils.models.keras_twins import as_keras
    from course_utils.models.quiet_tensorflow import tf

    lab10 = lab("10")
    case = next(cases(quick, 16, 1))
    twin = as_keras(copy.deepcopy(case.plain), size=64, name="twin")
    pictures, labels = tf.constant(case.pictures.permute(0, 2, 3, 1).numpy()), case.labels.numpy()
    ceiling = passes(case.fast, case.pictures, backward=True)
    recipes = {"z-plus": lab10.without_bias(lab10.everywhere(lab10.z_plus)),
               "composite": lab10.without_bias(lab10.everywhere(lab10.lrp_gamma, dense_epsilon=0.1, pixel_rule=lab10.z_box))}
    for rule, recipe in recipes.items() if not quick else [("z-plus", recipes["z-plus"])]:
        def row(peer: Callable, against: str, name: str = f"LRP, {rule}, traced", bar: float | None = 1.2) -> Row:
            return Row("lrp", name, f"{case.name}, {count(case.pictures)}", partial(ours, pictures, labels), peer, difference, 1e-3, bar,
                       ceiling, needs=("zennit",), against=against, about=ABOUT)

        ours = lab10.compiled(twin, recipe)
        for layout, which in AS_HANDED.items():
            yield row(zennit_call(getattr(case, which), case.pictures, case.labels, rule), f"zennit, {layout}")
        ours = lambda pictures, labels, recipe=recipe: lab10.pixel_map(twin, pictures, labels, recipe)
        yield row(zennit_call(case.plain, case.pictures, case.labels, rule), "zennit, default layout", f"LRP, {rule}, step by step", None)


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def zennit_call(network: torch.nn.Module, pictures: torch.Tensor, labels: torch.Tensor, rule: str) -> Callable:
    """The same rules layer by layer, as a name map; the network's hooks are set and taken away in each call, as zennit does."""
    network, hot = copy.deepcopy(network).requires_grad_(True), None

    def call() -> np.ndarray:
        nonlocal hot
        from course_utils.models.torchvision_compat import torchvision  # noqa: F401 (zennit imports it)
        from zennit import rules
        from zennit.attribution import Gradient
        from zennit.composites import NameMapComposite

        no_bias = {"zero_params": "bias"}
        hooks = []
        for path, module in network.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                plus = rules.ZPlus(stabilizer=TINY, **no_bias) if rule == "z-plus" else rules.Gamma(0.25, stabilizer=TINY, **no_bias)
                hooks.append(([path], rules.ZBox(0.0, 1.0, stabilizer=TINY, **no_bias) if rule != "z-plus" and path.endswith("conv1") else plus))
            elif isinstance(module, torch.nn.Linear):
                hooks.append(([path], rules.Epsilon(TINY, **no_bias) if rule == "z-plus" else rules.Epsilon(0.1, **no_bias)))
            elif isinstance(module, torch.nn.ReLU):
                hooks.append(([path], rules.Pass()))
            elif isinstance(module, torch.nn.AdaptiveAvgPool2d):
                hooks.append(([path], rules.Norm(stabilizer=TINY)))
        if hot is None:
            hot = torch.nn.functional.one_hot(labels, network(pictures).shape[1])
        with Gradient(network, composite=NameMapComposite(hooks)) as attributor:
            _, relevance = attributor(pictures.clone().requires_grad_(), lambda scores: scores * hot)
        return relevance.detach().permute(0, 2, 3, 1).numpy()

    return call
