"""Exercise 10.4: relevance through a pooling layer."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab10_tensors import divide_no_nan, with_tensors


def cases(seed):
    rng = np.random.default_rng([104, seed])
    made = []
    for n, rows, columns, channels, size in ((2, 2, 3, 2, 2), (1, 2, 2, 3, 3)):
        activations = rng.permutation(n * rows * columns * channels * size * size).astype(float) / 7 + 0.1
        activations = activations.reshape(n, rows * size, columns * size, channels)
        activations[activations < np.median(activations)] = 0.0
        activations[0, :size, :size, 0] = 0.0                                        # a window of zeros
        activations[0, :size, -size:, 1] = 0.0
        activations[0, 0, -1, 1] = activations[0, size - 1, -size, 1] = 5.0          # two winners
        relevance = rng.normal(size=(n, rows, columns, channels)) + 0.1
        made += [Case((activations, relevance, size, kind), f"{kind} pooling of {size}x{size}, {channels} channels") for kind in ("max", "average")]
    return made


def by_torch(activations, relevance, size, kind):
    """Torch's own unpooling; for the average, the shares come out of autograd."""
    a, r = (torch.from_numpy(np.ascontiguousarray(value.transpose(0, 3, 1, 2))) for value in (activations, relevance))
    if kind == "max":
        _, winners = F.max_pool2d(a, size, return_indices=True)
        sent = F.max_unpool2d(r, winners, size)
    else:
        a.requires_grad_()
        mean = F.avg_pool2d(a, size)
        per_unit = torch.where(mean == 0, 0.0, r / mean.detach().where(mean != 0, torch.ones_like(mean)))
        sent = a.detach() * torch.autograd.grad(mean, a, per_unit)[0]
    return sent.permute(0, 2, 3, 1).numpy()


def cut(maps, size):
    """(n, h, w, c) to windows (n, h/size, w/size, size * size, c)."""
    n, h, w, c = maps.shape
    return maps.reshape(n, h // size, size, w // size, size, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // size, w // size, size * size, c)


def join(blocks, size):
    n, rows, columns, _, c = blocks.shape
    return blocks.reshape(n, rows, columns, size, size, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, rows * size, columns * size, c)


def first_winner(a):
    return np.arange(a.shape[3])[:, None] == a.argmax(3)[:, :, :, None]


def all_winners(a):
    return a == a.max(3, keepdims=True)


def in_proportion(a):
    return divide_no_nan(a, a.sum(3, keepdims=True))


def evenly(a):
    return np.full(a.shape, 1 / a.shape[3])


def variant(top=first_winner, mean=in_proportion, split=cut, merge=join):
    """Shares of each window, with one of the two kinds done wrongly."""
    def lrp_pool(activations, relevance, size, kind):
        a, r = np.asarray(activations), np.asarray(relevance)
        with np.errstate(all="ignore"):
            shares = (top if kind == "max" else mean)(split(a, size))
        return merge(shares * r[:, :, :, None], size)
    return lrp_pool


def strided(maps, size):
    n, h, w, c = maps.shape
    return maps.reshape(n, size, h // size, size, w // size, c).transpose(0, 2, 4, 1, 3, 5).reshape(n, h // size, w // size, size * size, c)


def strided_back(blocks, size):
    n, rows, columns, _, c = blocks.shape
    return blocks.reshape(n, rows, columns, size, size, c).transpose(0, 3, 1, 4, 2, 5).reshape(n, rows * size, columns * size, c)


def conserved(args, answer):
    activations, relevance, size, kind = args
    kept = cut(activations, size).any(3) | (kind == "max")
    return np.allclose(cut(answer, size).sum(3), relevance * kept)


EXERCISE = Exercise(
    id="10.4", title="Relevance through a pooling", points=2, minutes=15, difficulty=2, function="lrp_pool",
    cases=cases, oracle=by_torch, call=with_tensors,
    laws=(Law("conservation", "The shares of each window add up to the relevance of its output.", conserved),
          Law("winner takes all", "Max pooling passes one input on, so one place in each window gets relevance.",
              lambda args, answer: args[3] != "max" or bool(((cut(answer, args[2]) != 0).sum(3) <= 1).all()))),
    hints=("Max pooling copies one input and ignores the rest: who contributed? Average pooling is a dense layer with equal weights "
           "and no bias: a share is the activation over the sum of its window.",
           "For the maximum, TensorFlow's own gradient of tf.nn.max_pool2d already sends what you give it in output_gradients to the first "
           "winner of each window. For the average, compute the mean with tf.nn.avg_pool2d, the relevance per unit of it with "
           "tf.math.divide_no_nan, and take the gradient in the same way; multiply by the activations at the end.",
           "with tf.GradientTape() as tape: tape.watch(activations), then pooled = pool(activations, size, size, \"VALID\"); after it "
           "tape.gradient(pooled, activations, output_gradients=...)"),
    misconceptions=(
        Misconception("evenly over the window", variant(top=evenly, mean=evenly),
                      "You give every place of a window the same: those that were not the maximum contributed nothing to it, and to an "
                      "average a large activation contributes more than a small one."),
        Misconception("maximum shared by activation", variant(top=in_proportion),
                      "You share a maximum out in proportion to the activations: only the winner contributed to the output, so it "
                      "takes all."),
        Misconception("maximum shared evenly", variant(top=evenly),
                      "You spread a maximum's relevance evenly over its window: only the winner contributed, so it takes all."),
        Misconception("every tie wins", variant(top=all_winners),
                      "A mask `activations == maximum` is true at every tie, so relevance is multiplied there; windows of zeros are "
                      "full of ties. The first place in reading order takes it, once."),
        Misconception("ties share", variant(top=lambda a: all_winners(a) / all_winners(a).sum(3, keepdims=True)),
                      "You split relevance among ties; here, as in TensorFlow's and torch's own way back, the first place in reading order "
                      "takes all of it."),
        Misconception("average shared evenly", variant(mean=evenly),
                      "You share an average out evenly, which is its gradient; the contribution of a place is its activation over the "
                      "window's size, so the share is in proportion to the activation."),
        Misconception("average not divided", variant(mean=lambda a: a / a.shape[3]),
                      "You multiply by the activation but never divide by the mean: the shares then do not add up to one."),
        Misconception("division by zero", variant(mean=lambda a: a / a.sum(3, keepdims=True)),
                      "A window of zeros has the mean zero, and you divide by it: tf.math.divide_no_nan sends nothing back from there."),
        Misconception("windows of far places", variant(split=strided, merge=strided_back),
                      "Your windows hold places that lie apart: split the height into (height / size, size), in this order, and the "
                      "width alike."),
    ),
)
