"""Networks trained on ImageNet, through torchvision, for photographs.

    from course_utils.datasets import photos
    from course_utils.models import imagenet

    network = imagenet.load("squeezenet1_1")
    pictures = imagenet.as_input(photos.load("chelsea").picture)
    imagenet.top(network(pictures))

The weights come from `COURSE_DATA/weights`, else by torchvision's download into the course's cache.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from course_utils.datasets.real import downloading
from course_utils.settings import cache_dir, data_dir

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision's networks expect
SIDE = 224

# name -> torchvision's weights, file in COURSE_DATA/weights
NETWORKS = {
    "squeezenet1_1": ("SqueezeNet1_1_Weights", "squeezenet1_1-deepscale-caffe-v1.1.pth"),
    "mobilenet_v2": ("MobileNet_V2_Weights", "mobilenet_v2-tf2-int8.npz"),
    "resnet18": ("ResNet18_Weights", None),
    "vgg16": ("VGG16_Weights", None),
}


class OnUnitRange(nn.Module):
    """A network behind ImageNet's normalisation: takes pictures in [0, 1], as all networks of the course do.

    `network` is torchvision's own, with its `features` and its classifier.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 (n, 3, height, width) in [0, 1] to logits (n, 1000)."""
        return self.network((pictures - self.mean) / self.std)


def load(name: str = "squeezenet1_1") -> OnUnitRange:
    """A network with its weights, in evaluation mode.

    Its ReLUs do not work in place, so that hooks (guided backprop, Captum) see what they expect.

    Parameters
    ----------
    name : one of NETWORKS.

    Raises
    ------
    RealDataMissing
        If the weights are neither in COURSE_DATA nor can be downloaded.
    ValueError
        If there is no such network.
    """
    if name not in NETWORKS:
        raise ValueError(f"There is no ImageNet network {name!r}; choose one of {', '.join(NETWORKS)}.")
    network = getattr(_torchvision().models, name)(weights=None)
    network.load_state_dict(_weights(name, network))
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return OnUnitRange(network).eval()


def class_names() -> tuple[str, ...]:
    """The 1000 classes of ImageNet, in the order of the logits."""
    return tuple(_torchvision().models.SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["categories"])


def as_input(picture: np.ndarray, side: int = SIDE) -> torch.Tensor:
    """A photograph of any size as a network takes it.

    The middle of it, cut and resized as in torchvision's evaluation: the shorter edge to
    side * 256 / 224, then a square of `side`. A square of exactly `side` is taken as it is.

    Parameters
    ----------
    picture : uint8 (height, width, 3), or (n, height, width, 3).
    side : pixels.

    Returns
    -------
    float32 (n, 3, side, side) in [0, 1].
    """
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-1] != 3:
        raise ValueError(
            f"The picture has dtype {pixels.dtype} and shape {pixels.shape}, but uint8 (height, width, 3) is expected; "
            "load it with photos.load(name).picture."
        )
    functional = _torchvision().transforms.functional
    batch = torch.from_numpy(np.ascontiguousarray(pixels.reshape(-1, *pixels.shape[-3:]))).permute(0, 3, 1, 2)
    if batch.shape[-2:] != (side, side):
        batch = functional.resize(batch, side * 256 // SIDE, antialias=True)
        batch = functional.center_crop(batch, [side, side])
    return batch.float() / 255


def top(logits: torch.Tensor, count: int = 5) -> list[list[tuple[str, float]]]:
    """For each picture its `count` likeliest classes, `(name, probability)`, the likeliest first.

    Parameters
    ----------
    logits : (n, 1000).
    """
    probabilities, indices = torch.softmax(logits.detach(), dim=1).topk(count, dim=1)
    names = class_names()
    return [
        [(names[index], probability) for index, probability in zip(row, shares)]
        for row, shares in zip(indices.tolist(), probabilities.tolist())
    ]


def _torchvision():
    """torchvision, imported by the first call: it takes seconds, and most labs come here without weights."""
    from course_utils.models.torchvision_compat import torchvision

    return torchvision


def _weights(name: str, network: nn.Module) -> dict[str, torch.Tensor]:
    published, file = NETWORKS[name]
    given = data_dir()
    if given is not None and file is not None and (given / "weights" / file).is_file():
        path = given / "weights" / file
        if path.suffix == ".npz":
            return folded_int8(path, network)
        return torch.load(path, map_location="cpu", weights_only=True)
    weights = getattr(_torchvision().models, published).IMAGENET1K_V1
    folder = cache_dir() / "weights"
    with downloading(f"The ImageNet network {name}", name):
        return weights.get_state_dict(progress=True, check_hash=True, model_dir=str(folder))


def folded_int8(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """Weights for torchvision's MobileNetV2 from a file with 8-bit weights and batch norm folded in.

    The file holds, for layer NN = 00 to 52 in order, `NN.weight_int8`, `NN.scale` for each output
    channel and `NN.bias`; W = int8 * scale. It was made for inputs 2p - 1 of pixels p in [0, 1], while
    torchvision's takes (p - m) / s. So the first layer gets W * 2s and the bias + sum W (2m - 1). As
    torchvision's convolutions have no bias, each batch norm carries it: mean 0, variance 1, and the
    weight sqrt(1 + eps) that makes it pass its input on unchanged.

    Parameters
    ----------
    path : the .npz file.
    network : torchvision's mobilenet_v2, for the names and the epsilons of its layers.

    Returns
    -------
    A state_dict for `network`.
    """
    modules = list(network.named_modules())
    weighted = [(name, module) for name, module in modules if isinstance(module, nn.Conv2d | nn.Linear)]
    norms = [(name, module) for name, module in modules if isinstance(module, nn.BatchNorm2d)]
    state = {key: value.clone() for key, value in network.state_dict().items()}
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    with np.load(path, allow_pickle=False) as kept:
        for number, (name, module) in enumerate(weighted):
            integers, scale, bias = (
                torch.from_numpy(kept[f"{number:02d}.{part}"]).float() for part in ("weight_int8", "scale", "bias")
            )
            weight = integers * scale.view(-1, *[1] * (integers.ndim - 1))
            if number == 0:
                bias = bias + (weight * (2 * mean - 1)).sum(dim=(1, 2, 3))
                weight = weight * 2 * std
            state[f"{name}.weight"] = weight.reshape(module.weight.shape)
            if number == len(norms):  # the last layer, dense, has a bias of its own
                state[f"{name}.bias"] = bias
                continue
            norm, epsilon = norms[number][0], norms[number][1].eps
            state[f"{norm}.weight"] = torch.full_like(bias, (1 + epsilon) ** 0.5)
            state[f"{norm}.bias"] = bias
            state[f"{norm}.running_mean"] = torch.zeros_like(bias)
            state[f"{norm}.running_var"] = torch.ones_like(bias)
    return state
