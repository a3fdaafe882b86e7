"""Integrated gradients, DeepLIFT, SmoothGrad, guided backprop and the deconvnet (labs 06, 09, 13) beside Captum's."""
from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from course_utils.bench.ceiling import passes
from course_utils.bench.measure import Row
from course_utils.bench.networks import Case, squeezenet, zoonet
from course_utils.bench.settings import quickest
from course_utils.bench.solved import lab

AS_HANDED = {"default layout": "plain", "channels last": "fast"}     # the network's memory layout: no setting of Captum's, so a row of its own
STEPS, SAMPLES, SIGMA = {64: 50, 224: 20}, 8, 0.1      # points on the path by the side of the picture


def part(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference as a share of the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


KINKS = ("The difference is that of the same two calls in double precision. In single precision, in which they are timed, a ReLU or a pooling that stands on its "
         "edge falls either way, which moves single pixels by up to 2 % of the largest value; more than that, and the row does not count.")


def in_double(case: Case) -> Case:
    network = copy.deepcopy(case.plain).double()
    return Case(case.name, network, network, case.pictures.double(), case.labels)


def twice(exact: Callable[[], float]) -> Callable:
    """Compares in single precision, loosely, and in double precision, once for all rows of a case."""
    known: list[float] = []

    def agree(mine: torch.Tensor, theirs: torch.Tensor) -> float:
        loose = part(mine, theirs)
        if not loose <= 0.02:
            return loose
        if not known:
            known.append(exact())
        return known[0]

    return agree


def cases(quick: bool, small: int, large: int) -> Iterator[Case]:
    """The zoo's network with `small` pictures and SqueezeNet with `large`."""
    for case, count in ((zoonet, small), (squeezenet, large)) if not quick else ((zoonet, 1),):
        whole = case()
        yield Case(whole.name, whole.plain, whole.fast, whole.pictures[:count], whole.labels[:count])


def both_layouts(row: Callable, settings: Callable, name: str) -> Iterator[Row]:
    """A row for each memory layout, with Captum's best setting there. settings(network) -> {name: call}."""
    for layout in AS_HANDED:
        found = settings(layout)
        best = quickest(found) if len(found) > 1 else next(iter(found))
        yield row(found[best], ", ".join(word for word in (f"Captum {name}".strip(), best, layout) if word))


# ---------------------------------------------------------------- integrated gradients


def integrated(quick: bool) -> Iterator[Row]:
    from captum.attr import IntegratedGradients

    lab09 = lab("09")
    for case in cases(quick, 4, 1):
        steps = 8 if quick else STEPS[case.side]
        x, labels, start = case.pictures, case.labels, torch.zeros_like(case.pictures)
        ceiling = passes(case.fast, x.repeat_interleave(steps, 0), backward=True)
        last = x.contiguous(memory_format=torch.channels_last), labels, start.contiguous(memory_format=torch.channels_last)
        lab09.BATCH = int(quickest({str(size): own(lab09, size, case, last, steps) for size in (8, 16)}))       # as Captum's is chosen

        def exact(case=in_double(case), steps=steps) -> float:
            start = torch.zeros_like(case.pictures)
            peer = IntegratedGradients(case.plain).attribute(case.pictures, start, target=case.labels, n_steps=steps, method="riemann_middle", internal_batch_size=16)
            return part(lab09.integrated_gradients(case.plain, case.pictures, case.labels, start, steps), peer)

        agree = twice(exact)

        def theirs(layout: str, at_once: int | None, case=case, x=x, labels=labels, start=start, steps=steps) -> Callable:
            network = getattr(case, AS_HANDED[layout])
            return lambda: IntegratedGradients(network).attribute(x, start, target=labels, n_steps=steps, method="riemann_middle", internal_batch_size=at_once)

        def row(peer: Callable, against: str, case=case, x=x, labels=labels, start=start, steps=steps, ceiling=ceiling, agree=agree, last=last) -> Row:
            return Row("integrated", "integrated gradients", f"{case.name}, {count(x)}, {steps} points",
                       lambda: lab09.integrated_gradients(case.fast, *last, steps), peer, agree, 1e-5, 1.3, ceiling, against=against, about=KINKS)

        yield row(theirs("default layout", None), "Captum, all points at once (default)")
        yield from both_layouts(row, lambda layout, theirs=theirs: {f"{size} at a time": theirs(layout, size) for size in (8, 16, 32)}, "best")


def own(lab09, size: int, case: Case, last: tuple, steps: int) -> Callable:
    def call() -> torch.Tensor:
        lab09.BATCH = size
        return lab09.integrated_gradients(case.fast, *last, steps)
    return call


# ---------------------------------------------------------------- DeepLIFT


class TimesOne(nn.Module):
    """Returns a new tensor with the same values: keeps apart what Captum's hooks mix up."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1.0


def kept_apart(network: nn.Module) -> nn.Module:
    """The same network with a `TimesOne` before every max pooling."""
    changed = copy.deepcopy(network)
    for name, layer in list(changed.features.named_children()):
        if isinstance(layer, nn.MaxPool2d):
            setattr(changed.features, name, nn.Sequential(TimesOne(), layer))
    return changed


def deeplift(quick: bool) -> Iterator[Row]:
    from captum.attr import DeepLift

    lab09 = lab("09")
    case = next(cases(quick, 16, 1))
    x, labels, start = case.pictures, case.labels, torch.zeros_like(case.pictures)
    x_last = x.contiguous(memory_format=torch.channels_last)
    setting = f"{case.name}, {count(x)}"
    ceiling = passes(case.fast, torch.cat([x, x]), backward=True)

    def ours() -> torch.Tensor:
        return lab09.deeplift([*case.fast.features, case.fast.pool, nn.Flatten(), case.fast.classifier], x_last, labels, start)

    def captum(network: nn.Module) -> Callable:
        def call() -> torch.Tensor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")         # it announces its hooks
                return DeepLift(network).attribute(x, start, target=labels).detach()
        return call

    def row(peer: Callable, against: str) -> Row:
        return Row("deeplift", "DeepLIFT", setting, ours, peer, part, 1e-4, 1.2, ceiling, against=against)

    networks = {layout: kept_apart(getattr(case, name)) for layout, name in AS_HANDED.items()}
    yield from both_layouts(row, lambda layout: {"": captum(networks[layout])}, "mended (see the notes)")
    error = {name: float(lab09.completeness_error(call(), case.plain, x, labels, start).max()) for name, call in (("ours", ours), ("Captum", captum(case.plain)))}
    yield Row("deeplift", "DeepLIFT", setting, ours, captum(case.plain), part, 1e-4, None, against="Captum on the network as it is",
              about=f"The contributions have to add up to the score's difference. The largest error of this sum is {error['ours']:.1e} of it for ours and "
                    f"{error['Captum']:.2f} for Captum's on the network as it is: it is wrong where a max pooling follows a ReLU. "
                    "With a module between the two that returns a new tensor both agree, and this is what is timed. "
                    "The lab's function takes a chain of layers; SqueezeNet, which branches, is none.")


# ---------------------------------------------------------------- SmoothGrad


def smooth(quick: bool) -> Iterator[Row]:
    from captum.attr import NoiseTunnel, Saliency

    lab06 = lab("06")
    for case in cases(quick, 16, 4):
        x, labels = case.pictures, case.labels
        ceiling = passes(case.fast, x.repeat_interleave(SAMPLES, 0), backward=True)

        def noise(x=x) -> torch.Tensor:
            """As Captum draws it: the samples of a picture one after the other."""
            torch.manual_seed(0)
            return torch.normal(0.0, torch.full((len(x), SAMPLES, *x.shape[1:]), SIGMA)).transpose(0, 1)

        def theirs(layout: str, at_once: int, case=case) -> Callable:
            network, x, labels = getattr(case, AS_HANDED[layout]), case.pictures, case.labels

            def call() -> torch.Tensor:
                torch.manual_seed(0)
                return NoiseTunnel(Saliency(network)).attribute(x, nt_type="smoothgrad", nt_samples=SAMPLES, nt_samples_batch_size=at_once, stdevs=SIGMA,
                                                                target=labels, abs=False)
            return call

        def exact(case=in_double(case), noise=noise, theirs=theirs) -> float:
            return part(lab06.smoothgrad(case.plain, case.pictures, case.labels, noise()), theirs("default layout", SAMPLES, case)())

        def agree(mine: torch.Tensor, other: torch.Tensor, theirs=theirs, both=twice(exact)) -> float:
            """With another number at a time Captum draws other noise; with all at once it is ours."""
            return both(mine, theirs("default layout", SAMPLES)())

        def row(peer: Callable, against: str, case=case, x=x, labels=labels, ceiling=ceiling, noise=noise, agree=agree) -> Row:
            return Row("smooth", "SmoothGrad", f"{case.name}, {count(x)}, {SAMPLES} samples", lambda: lab06.smoothgrad(case.fast, x, labels, noise()), peer, agree,
                       1e-5, 1.2, ceiling, against=against, about="Captum draws its noise from torch's global generator; both sides draw inside the call from the same "
                       "seed. The results are compared with all samples at once, where the noise is the same number by number. " + KINKS)

        yield from both_layouts(row, lambda layout, theirs=theirs: {f"{size} at a time": theirs(layout, size) for size in (1, 2, 4, SAMPLES)}, "best")


# ---------------------------------------------------------------- guided backprop and the deconvnet


def ways_back(quick: bool) -> Iterator[Row]:
    from captum.attr import Deconvolution, GuidedBackprop

    from course_utils.models.strongest import Strongest

    lab13 = lab("13")
    case = next(cases(quick, 16, 1))
    x, filters = case.pictures, torch.arange(len(case.pictures)) * 8
    x_last = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        values = case.plain.features(x).flatten(2).amax(2)[torch.arange(len(x)), filters]
    asked = torch.nonzero(values > 0)[:, 0]                # a filter without an answer has nothing to rebuild
    x, x_last, filters, values = x[asked], x_last[asked].contiguous(memory_format=torch.channels_last), filters[asked], values[asked].clone()
    ceiling = passes(nn.Sequential(Strongest(case.fast.features)), x, backward=True)
    for rule, method, name in (("guided", GuidedBackprop, "guided backprop"), ("deconvnet", Deconvolution, "deconvnet")):
        networks = {layout: Strongest(copy.deepcopy(getattr(case, which).features)) for layout, which in AS_HANDED.items()}

        def captum(layout: str, method=method, networks=networks) -> Callable:
            def call() -> torch.Tensor:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return method(networks[layout]).attribute(x, target=filters).detach()
            return call

        def row(peer: Callable, against: str, rule=rule, name=name, method=lab13.local_deconvnet, bar: float | None = 1.1) -> Row:
            return Row("ways_back", name, f"{case.name}, {count(x)}, one filter of conv4 each", lambda: method(case.fast.features, x_last, filters, rule), peer,
                       lambda mine, theirs: part(mine, theirs * values[:, None, None, None]), 1e-4, bar, ceiling, against=against,
                       about="The plain pass is shown without a bar; the other carries only the square that the unit has seen. ""Captum starts from 1, the lab from the unit's value, as the papers do; its maps are multiplied by the value before they are compared. "
                       "The lab's function takes a chain of layers; SqueezeNet, which branches, is none.")

        yield from both_layouts(row, lambda layout, captum=captum: {"": captum(layout)}, "")
        yield row(captum("default layout"), "Captum, default layout", name=f"{name}, the plain pass", method=lab13.deconvnet, bar=None)


def count(x: torch.Tensor) -> str:
    return "1 picture" if len(x) == 1 else f"{len(x)} pictures"
