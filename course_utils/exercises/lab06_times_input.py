"""Exercise 06.4: gradient times input."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab06_networks import SHAPES, chosen, has_biases, pictures_and_labels, slope, without_biases
from course_utils.exercises.lab06_saliency import of_probability
from course_utils.models.networks import small_cnn


def with_and_without_biases(seed):
    rng = np.random.default_rng([6, 4, seed])
    cases = []
    for (n, size, classes, head), builder in zip(SHAPES, (small_cnn, without_biases, small_cnn)):
        model = given(builder, seed=int(rng.integers(1 << 30)), channels=(6, 8), size=size, classes=classes, head=head)
        pictures, labels = pictures_and_labels(rng, n, size, classes)
        cases.append(Case((model, pictures, labels), f"{n} pictures of {size}x{size}, {head} head, "
                          + ("no biases" if builder is without_biases else "with biases")))
    return cases


def captum_input_x_gradient(model, pictures, labels):
    from captum.attr import InputXGradient

    return InputXGradient(model).attribute(pictures.clone().requires_grad_(), target=labels).detach().sum(dim=1)


def product(change):
    """`change(weights, pictures)` of the gradient of the score."""
    return lambda model, pictures, labels: change(slope(lambda x: chosen(model(x), labels), pictures), pictures)


def of_probability_times_input(model, pictures, labels):
    return (of_probability(model, pictures, labels) * pictures).sum(dim=1)


def complete_without_biases(args, answer):
    model, pictures, labels = args
    return has_biases(model) or torch.allclose(answer.sum(dim=(1, 2)), chosen(model(pictures), labels), rtol=1e-6, atol=1e-9)


def black_counts_nothing(args, answer):
    return not answer[(args[1] == 0).all(dim=1)].any()


GRADIENT_TIMES_INPUT = Exercise(
    id="06.4", title="Gradient times input", points=1, minutes=6, difficulty=1, function="gradient_times_input",
    cases=with_and_without_biases, oracle=captum_input_x_gradient,
    laws=(
        Law("completeness", "In a ReLU network without biases the contributions add up to the score.", complete_without_biases),
        Law("black counts nothing", "Where a pixel is black in all three colours, its contribution is zero.", black_counts_nothing),
    ),
    hints=(
        "In a linear model each input contributes its weight times its value.",
        "Multiply gradient and picture entry by entry; a pixel's contribution is the sum of those of its three colours.",
        "`(saliency(model, pictures, labels) * pictures).sum(dim=1)`",
    ),
    misconceptions=(
        Misconception("sum before product", product(lambda w, x: w.sum(dim=1) * x.sum(dim=1)),
                      "You sum over the colours before you multiply: red's slope then meets green's value. Multiply first."),
        Misconception("absolute value", product(lambda w, x: (w * x).sum(dim=1).abs()),
                      "The sign is lost: contributions for and against the class have to be told apart."),
        Misconception("absolute gradient", product(lambda w, x: (w.abs() * x).sum(dim=1)),
                      "You take the gradient's absolute value: what speaks against the class then counts for it."),
        Misconception("squared gradient", product(lambda w, x: (w**2 * x).sum(dim=1)),
                      "The gradient is squared here; a contribution is the gradient itself times the input."),
        Misconception("mean over colours", product(lambda w, x: (w * x).mean(dim=1)),
                      "You take the mean over the colours: the contributions then add up to a third of what they should."),
        Misconception("largest colour", product(lambda w, x: (w * x).amax(dim=1)),
                      "You keep the largest of the three colours; a pixel's contribution is the sum of all three."),
        Misconception("gradient alone", product(lambda w, x: w.sum(dim=1)),
                      "The input is missing: this is the gradient, summed over the colours."),
        Misconception("probability for score", of_probability_times_input,
                      "This multiplies the gradient of the probability. Take the score before the softmax."),
    ),
    rtol=1e-6, atol=1e-9,
)
