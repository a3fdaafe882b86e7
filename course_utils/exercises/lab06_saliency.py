"""Exercise 06.1: the saliency of a class score."""
from __future__ import annotations

import torch

from course_utils.exercises.contract import Exercise, Law, Misconception
from course_utils.exercises.lab06_networks import captum_gradient, chosen, explained, slope


def of_probability(model, pictures, labels):
    return slope(lambda x: chosen(torch.softmax(model(x), dim=1), labels), pictures)


def of_loss(model, pictures, labels):
    return slope(lambda x: torch.nn.functional.cross_entropy(model(x), labels, reduction="none"), pictures)


def of_mean_loss(model, pictures, labels):
    return slope(lambda x: torch.nn.functional.cross_entropy(model(x), labels), pictures)


def of_log_probability(model, pictures, labels):
    return slope(lambda x: chosen(torch.log_softmax(model(x), dim=1), labels), pictures)


def of_winner(model, pictures, labels):
    return slope(lambda x: model(x).max(dim=1).values, pictures)


def of_all_classes(model, pictures, labels):
    return slope(model, pictures)


def of_all_labels(model, pictures, labels):
    return slope(lambda x: model(x)[:, labels], pictures)


def of_first_label(model, pictures, labels):
    return slope(lambda x: model(x)[:, labels[0]], pictures)


def of_mean_score(model, pictures, labels):
    return slope(lambda x: chosen(model(x), labels).mean(), pictures)


def absolute(model, pictures, labels):
    return slope(lambda x: chosen(model(x), labels), pictures).abs()


def with_its_tuple(model, pictures, labels):
    return (slope(lambda x: chosen(model(x), labels), pictures),)


def on_the_callers_pictures(model, pictures, labels):
    pictures.requires_grad_()
    return torch.autograd.grad(chosen(model(pictures), labels).sum(), pictures)[0]


def pictures_left_alone(function, model, pictures, labels):
    """The answer; an error where the caller's pictures require a gradient afterwards, as cells further down could not use them then."""
    answer = function(model, pictures, labels)
    if pictures.requires_grad:
        raise ValueError("the pictures that were handed over require a gradient after the call")
    return answer


def predicts_small_changes(args, answer):
    """Central differences along a random direction, in float64: exact between two kinks."""
    model, pictures, labels = args
    direction = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0), dtype=pictures.dtype)
    measured = (chosen(model(pictures + 1e-7 * direction), labels) - chosen(model(pictures - 1e-7 * direction), labels)) / 2e-7
    return torch.allclose((answer * direction).sum(dim=(1, 2, 3)), measured, rtol=1e-3, atol=1e-4)


SALIENCY = Exercise(
    id="06.1", title="Saliency of a class score", points=2, minutes=10, difficulty=1, function="saliency",
    cases=lambda seed: explained(1, seed), oracle=captum_gradient, call=pictures_left_alone,
    laws=(Law("small changes", "A tiny step of the pictures has to change each score by the sum of gradient times step.",
              predicts_small_changes),),
    hints=(
        "The pictures are the variable here, not the weights: let the input record operations (`requires_grad_`), on a copy of it.",
        "Three steps: a copy of the pictures that requires a gradient; one score for each picture, of its own class; the gradient "
        "of the scores' sum with respect to the pictures. The sum mixes nothing: picture 2 has no part in the score of picture 1.",
        "`model(x)[torch.arange(len(labels)), labels]` picks one score a row, and `torch.autograd.grad(scores.sum(), x)` returns a "
        "tuple with the gradient.",
    ),
    misconceptions=(
        Misconception("probability for score", of_probability,
                      "This is the gradient of the softmax probability: it also speaks of all the other classes and dies out where the "
                      "network is sure. Take the score, the number before the softmax."),
        Misconception("loss for score", of_loss,
                      "This is the gradient of the cross-entropy, as in training: it points where the probability falls. Take the class "
                      "score itself."),
        Misconception("mean loss for score", of_mean_loss,
                      "This is the gradient of the cross-entropy, averaged over the batch, as in training. Take each picture's class score itself."),
        Misconception("log-probability for score", of_log_probability,
                      "This is the gradient of the log-probability, the cross-entropy with its sign turned: the other classes are in it too. "
                      "Take each picture's class score itself."),
        Misconception("tuple for tensor", with_its_tuple,
                      "`torch.autograd.grad` returns a tuple, one gradient for each input that you name: take its only entry, with `[0]`."),
        Misconception("the caller's pictures", on_the_callers_pictures,
                      "You make the caller's own pictures require a gradient, and they keep that, and any `.grad`, after the call. Work on a "
                      "copy: `x = pictures.detach().clone().requires_grad_()`."),
        Misconception("winner for label", of_winner,
                      "This explains the class with the largest score. Explain the class that `labels` names, also where the network "
                      "prefers another."),
        Misconception("sum of all classes", of_all_classes,
                      "This is the gradient of the sum of all class scores. Pick one score for each picture before you sum over the batch."),
        Misconception("every label for every picture", of_all_labels,
                      "`scores[:, labels]` is a square table: for each picture the scores of all labels of the batch. Pick one a row, with "
                      "`scores[torch.arange(n), labels]` or `gather`."),
        Misconception("first label for all", of_first_label,
                      "Every picture is explained for the first label. Each has its own."),
        Misconception("mean over the batch", of_mean_score,
                      "Your gradient shrinks with the number of pictures: you take the mean of the scores. Take their sum, and no picture "
                      "depends on how many others come with it."),
        Misconception("absolute value", absolute,
                      "The sign is lost: the gradient itself is asked for. Absolute values or squares come later, when a map is drawn."),
    ),
    rtol=1e-6, atol=1e-9,
)
