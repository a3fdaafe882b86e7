"""Exercise 06.2: the linear model at a picture."""
from __future__ import annotations

import torch

from course_utils.exercises.contract import Exercise, Law, Misconception
from course_utils.exercises.lab06_networks import captum_gradient, chosen, explained, slope


def by_forward_mode(model, pictures, labels):
    """Weights from Captum; b = S(I0) minus the slope along I0 itself, by forward-mode differentiation."""
    scores, along = torch.func.jvp(lambda x: chosen(model(x), labels), (pictures,), (pictures,))
    return captum_gradient(model, pictures, labels), (scores - along).detach()


def parts(model, pictures, labels):
    weights = slope(lambda x: chosen(model(x), labels), pictures)
    return weights, chosen(model(pictures), labels).detach(), (weights * pictures).sum(dim=(1, 2, 3))


def score_as_bias(model, pictures, labels):
    weights, scores, _ = parts(model, pictures, labels)
    return weights, scores


def plus_for_minus(model, pictures, labels):
    weights, scores, inner = parts(model, pictures, labels)
    return weights, scores + inner


def minus_scores(model, pictures, labels):
    weights, scores, inner = parts(model, pictures, labels)
    return weights, inner - scores


def inner_over_batch(model, pictures, labels):
    weights, scores, inner = parts(model, pictures, labels)
    return weights, scores - inner.sum()


def mean_for_sum(model, pictures, labels):
    weights, scores, _ = parts(model, pictures, labels)
    return weights, scores - (weights * pictures).mean(dim=(1, 2, 3))


def bias_of_last_layer(model, pictures, labels):
    return parts(model, pictures, labels)[0], list(model.parameters())[-1][labels].detach()


def score_of_black(model, pictures, labels):
    """What b would be if the network were linear all the way to the black picture; its graph still attached."""
    return parts(model, pictures, labels)[0], chosen(model(torch.zeros_like(pictures)), labels)


def touches(args, answer):
    model, pictures, labels = args
    weights, bias = answer
    return torch.allclose((weights * pictures).sum(dim=(1, 2, 3)) + bias, chosen(model(pictures), labels), rtol=1e-6, atol=1e-9)


LINEAR_MODEL = Exercise(
    id="06.2", title="The linear model at a picture", points=2, minutes=8, difficulty=2, function="linear_model",
    cases=lambda seed: explained(2, seed), oracle=by_forward_mode,
    laws=(
        Law("touching", "At the picture itself the linear model gives the network's score: w · I₀ + b = S(I₀).", touches),
        Law("detached", "Weights and b come without a graph, so that they can become numpy arrays: ask the network for the scores under "
            "`torch.no_grad()`, or call `.detach()` on what you return.",
            lambda args, answer: not any(part.requires_grad for part in answer)),
    ),
    hints=(
        "The weights you have already. What must b be so that both models agree at I₀?",
        "Solve S(I₀) = w · I₀ + b for b; w · I₀ is one number for each picture: multiply entry by entry, then sum.",
        "`b = scores - (w * pictures).sum(dim=(1, 2, 3))`",
    ),
    misconceptions=(
        Misconception("score as b", score_as_bias,
                      "Your b is the score at I₀. That is right for w · (I - I₀) + b; for w · I + b, take off what w · I₀ already gives."),
        Misconception("sign of w · I₀", plus_for_minus, "The sign of w · I₀ is off: at I₀ your linear model gives more than the score."),
        Misconception("b negative", minus_scores, "Your b has the wrong sign: b = S(I₀) - w · I₀, not the other way round."),
        Misconception("inner product over the batch", inner_over_batch,
                      "You sum w · I₀ over all pictures of the batch: keep axis 0, and sum over colours, rows and columns only."),
        Misconception("mean for sum", mean_for_sum, "w · I₀ is a sum over all colours and pixels, not their mean."),
        Misconception("score of the black picture", score_of_black,
                      "Your b is the network's score of a black picture. The linear model touches the network at I₀, not at black; its value "
                      "at black is S(I₀) - w · I₀."),
        Misconception("bias of the last layer", bias_of_last_layer,
                      "That is the bias of the network's last layer. The b of the linear model gathers what all layers add at this picture."),
    ),
    rtol=1e-6, atol=1e-9,
)
