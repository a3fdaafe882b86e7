"""Exercise 08.2: class activation maps."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab08_networks import linear


def cam_cases(seed):
    rng = np.random.default_rng([82, seed])
    made = []
    for n, channels, classes, height, width, signed in ((1, 6, 3, 4, 5, False), (3, 5, 5, 3, 4, False), (4, 3, 6, 5, 5, True)):
        features = rng.normal(0.3, 1.0, size=(n, channels, height, width))
        layer = given(linear, weight=rng.normal(size=(classes, channels)).tolist(), bias=rng.normal(0, 2, size=classes).tolist())
        labels = rng.permutation(classes)[:n]
        made.append(Case((torch.from_numpy(features if signed else features.clip(0)), layer, torch.from_numpy(labels)),
                         f"{n} picture{'s' * (n > 1)}, {channels} channels of {height}x{width}, {classes} classes"
                         + (", features of both signs" if signed else "")))
    return made


def by_convolution(features, head, labels):
    """The head slid over the features as a 1x1 convolution: a map for each class, of which one is taken."""
    maps = F.conv2d(features, head.weight[:, :, None, None])
    return maps[torch.arange(len(labels)), labels]


def summed(change=lambda product: product, after=lambda maps, head, labels, features: maps, of=lambda labels: labels,
           weights=lambda head, labels: head.weight[labels]):
    """The weighted sum with one thing changed."""
    def class_activation_map(features, head, labels):
        labels = of(labels)
        product = weights(head, labels)[:, :, None, None] * features
        return after(change(product).sum(1), head, labels, features)
    return class_activation_map


def stretched(maps, head, labels, features):
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


def identity_holds(args, answer):
    features, layer, labels = args
    scores = layer(features.mean((2, 3)))[torch.arange(len(labels)), labels]
    return torch.allclose(answer.mean((1, 2)) + layer.bias[labels], scores, rtol=1e-6, atol=1e-9)


EXERCISE = Exercise(
    id="08.2", title="The class activation map", points=2, minutes=10, difficulty=1, function="class_activation_map",
    cases=cam_cases, oracle=by_convolution,
    laws=(Law("mean(CAM) + b = score", "The mean of the map plus the bias of the class is the score of the class.", identity_holds),),
    hints=("Which row of the head's weights belongs to the label of each picture, and which axis of the features does it run along?",
           "Weights for all pictures at once: head.weight indexed with labels is (n, channels). Multiply with the features "
           "(n, channels, height, width) and sum over the channels; nothing else.",
           'torch.einsum("nc,nchw->nhw", ..., features) with the rows of head.weight that labels picks in place of the dots'),
    misconceptions=(
        Misconception("bias in the map", summed(after=lambda maps, head, labels, features: maps + head.bias[labels][:, None, None]),
                      "The bias of the class is in your map: it has no place in the picture, so the map is the weighted sum alone and "
                      "the bias is what mean(CAM) still lacks of the score."),
        Misconception("ReLU before the sum", summed(change=torch.relu),
                      "You cut the negative products off channel by channel: channels that speak against the class then no longer "
                      "count. Sum all channels, negative ones too."),
        Misconception("ReLU after the sum", summed(after=lambda maps, head, labels, features: maps.relu()),
                      "You cut the negative part of the map off: that is a choice for the picture, and it breaks mean(CAM) + b = score. "
                      "Return both signs."),
        Misconception("mean over channels", summed(after=lambda maps, head, labels, features: maps / features.shape[1]),
                      "You average over the channels; the score is a weighted sum over them, so the map is too."),
        Misconception("divided by the places", summed(after=lambda maps, head, labels, features: maps / features[0, 0].numel()),
                      "You divide by height times width: then the map's sum is the score without its bias. Here it is the mean, "
                      "because the pooling already divides once."),
        Misconception("stretched to 0..1", summed(after=stretched),
                      "You stretched each map to run from 0 to 1: that is for drawing. Return the evidence in units of the score."),
        Misconception("absolute weights", summed(weights=lambda head, labels: head.weight[labels].abs()),
                      "You took the absolute weights: a negative weight says that the channel speaks against the class. Keep its sign."),
        Misconception("first label for all", summed(of=lambda labels: labels[:1].expand_as(labels)),
                      "Every picture got the map of the first picture's class: picture i wants the weights of labels[i]."),
    ),
)
