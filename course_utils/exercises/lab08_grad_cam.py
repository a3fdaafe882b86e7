"""Exercise 08.4: Grad-CAM."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab08_cam import by_convolution
from course_utils.exercises.lab08_networks import body, head


def grad_cam_cases(seed):
    rng = np.random.default_rng([84, seed])
    made = []
    for n, kind in ((2, "pool"), (3, "dense"), (4, "dense")):
        number = int(rng.integers(2**31))
        pictures = torch.from_numpy(rng.uniform(size=(n, 3, 10, 10)))
        trunk, top = given(body, seed=number, kind=kind), given(head, seed=number, kind=kind)
        scores = top.build()(trunk.build()(pictures))
        ranked = scores.argsort(1, descending=True)
        labels = []                            # not the largest score, and not the same for all, so that these can be told apart
        for order in ranked[:, 1:].tolist():
            labels.append(next((label for label in order if label not in labels), order[0]))
        made.append(Case((trunk, top, pictures, torch.tensor(labels)), f"{n} pictures, {'pooling' if kind == 'pool' else 'dense'} head"))
    return made


def by_captum(body, head, pictures, labels):
    from captum.attr import LayerGradCam

    whole = nn.Sequential(body, head)
    return LayerGradCam(whole, whole[0]).attribute(pictures, target=labels, relu_attributions=True)[:, 0].detach()


def gradient_of(body, head, pictures, labels, objective):
    activations = body(pictures).detach().requires_grad_()
    gradient, = torch.autograd.grad(objective(head(activations), labels), activations)
    return activations.detach(), gradient


def chosen(scores, labels):
    return scores[torch.arange(len(labels)), labels]


def score_sum(scores, labels):
    return chosen(scores, labels).sum()


def standard(activations, gradient):
    return (gradient.mean((2, 3), keepdim=True) * activations).sum(1).relu()


def grad_variant(combine=standard, objective=score_sum):
    """Grad-CAM with one thing changed: how the two are combined, or whose gradient is taken."""
    def grad_cam(body, head, pictures, labels):
        return combine(*gradient_of(body, head, pictures, labels, objective))
    return grad_cam


def equals_cam(args, answer):
    trunk, top, pictures, labels = args
    if not isinstance(top[0], nn.AdaptiveAvgPool2d):
        return True
    features = trunk(pictures)
    maps = by_convolution(features, top[-1], labels)
    return torch.allclose(answer * features[0, 0].numel(), maps.relu(), rtol=1e-6, atol=1e-9)


EXERCISE = Exercise(
    id="08.4", title="Grad-CAM", points=3, minutes=15, difficulty=2, function="grad_cam",
    cases=grad_cam_cases, oracle=by_captum,
    laws=(Law("CAM on a pooling head", "Under a pooling head, Grad-CAM times height times width is the positive part of CAM.", equals_cam),
          Law("no negative values", "The last step is a ReLU, so no value of the map is negative.",
              lambda args, answer: bool((answer >= 0).all())),
          Law("detached", "The maps come without a graph, so that they can become numpy arrays: call `.detach()` on what you return.",
              lambda args, answer: not answer.requires_grad)),
    hints=("Grad-CAM asks for the gradient of one score a picture with respect to the activations, not to the pixels or weights. "
           "What has to require a gradient?",
           "Take activations = body(pictures), cut them off and let them require a gradient. The scores of the labels, summed over "
           "the pictures, are one number: its gradient has the shape of the activations. Average it over the two places axes to get "
           "one weight a channel.",
           "weights = gradient.mean(dim=(2, 3), keepdim=True); map = relu of (weights * activations) summed over dim 1"),
    misconceptions=(
        Misconception("no ReLU", grad_variant(lambda a, g: (g.mean((2, 3), keepdim=True) * a).sum(1)),
                      "The last step is missing: Grad-CAM keeps only what speaks for the class, by a ReLU after the sum."),
        Misconception("ReLU before the sum", grad_variant(lambda a, g: (g.mean((2, 3), keepdim=True) * a).relu().sum(1)),
                      "The ReLU stands before the sum over the channels: channels that speak against the class no longer count. Sum "
                      "first, cut off afterwards."),
        Misconception("only positive gradients", grad_variant(lambda a, g: (g.relu().mean((2, 3), keepdim=True) * a).sum(1).relu()),
                      "You cut the negative gradients off before averaging: the weight of a channel is the mean of its gradient with "
                      "both signs; the ReLU comes once, at the end."),
        Misconception("gradients not averaged", grad_variant(lambda a, g: (g * a).sum(1).relu()),
                      "You multiply each activation by its own gradient, which is another method (HiResCAM): Grad-CAM first averages "
                      "the gradient over the places, one weight for each channel."),
        Misconception("averaged over the channels", grad_variant(lambda a, g: (g.mean(1, keepdim=True) * a).sum(1).relu()),
                      "You average the gradient over the channels (dim 1): average over the places, height and width (dims 2 and 3), so "
                      "that each channel keeps a weight of its own."),
        Misconception("averaged over the pictures", grad_variant(lambda a, g: (g.mean((0, 2, 3), keepdim=True) * a).sum(1).relu()),
                      "You average the gradient over the pictures too (dim 0): each picture has weights of its own, so average over height "
                      "and width alone (dims 2 and 3)."),
        Misconception("sum for mean", grad_variant(lambda a, g: (g.sum((2, 3), keepdim=True) * a).sum(1).relu()),
                      "You sum the gradient over the places: the weight of a channel is its mean, height times width times smaller."),
        Misconception("gradient of the probability", grad_variant(objective=lambda s, labels: chosen(s.softmax(1), labels).sum()),
                      "You took the gradient of the probability: it mixes in all other classes and vanishes where the network is sure. "
                      "Take the score, before softmax."),
        Misconception("gradient of the batch mean", grad_variant(objective=lambda s, labels: chosen(s, labels).mean()),
                      "You took the gradient of the mean over the pictures: every map is too small by the number of pictures. Sum the "
                      "scores; a picture's gradient then does not know of the others."),
        Misconception("largest score", grad_variant(objective=lambda s, labels: s.max(1).values.sum()),
                      "You explain the class with the largest score; the question is about the class in `labels`."),
        Misconception("every picture's label for each", grad_variant(objective=lambda s, labels: s[:, labels].sum()),
                      "`scores[:, labels]` takes the labels of all pictures for each picture; one score a picture is "
                      "scores[torch.arange(len(labels)), labels]."),
        Misconception("all scores", grad_variant(objective=lambda s, labels: s.sum()),
                      "You took the gradient of all scores together: pick the score of labels[i] for picture i first."),
    ),
)
