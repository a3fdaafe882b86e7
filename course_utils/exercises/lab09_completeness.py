"""Exercise 09.3: the completeness error of an attribution."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab09_integrated import right_for
from course_utils.exercises.lab09_networks import chosen, dense_layers, other_labels
from course_utils.models.networks import small_cnn


def cases(seed):
    rng = np.random.default_rng([9, 3, seed])
    made = []
    for builder, shape, classes, about in ((dense_layers, (5, 6), 3, "5 inputs of 6 numbers"), (small_cnn, (3, 3, 16, 16), 4, "3 pictures")):
        parameters = {"seed": int(rng.integers(1 << 30))}
        inputs, baselines = (torch.from_numpy(rng.random(shape)) for _ in range(2))
        labels = other_labels(rng, shape[0], classes)
        attributions = right_for(builder(**parameters), inputs, labels, baselines, 3, "left")
        # what is left over is made so large that no gap is a matter of rounding, in either direction
        gap = torch.from_numpy(rng.choice([-1, 1], size=shape[0]) * rng.uniform(0.2, 0.6, size=shape[0]))
        attributions.flatten(1)[:, 0] += gap
        made.append(Case((attributions, given(builder, **parameters), inputs, labels, baselines), about))
    return made


def difference(model, inputs, labels, baselines):
    return chosen(model(inputs), labels) - chosen(model(baselines), labels)


def total(attributions):
    return attributions.flatten(1).sum(dim=1)


def from_captum(attributions, model, inputs, labels, baselines):
    from captum.attr import IntegratedGradients

    gap = IntegratedGradients(model).compute_convergence_delta(attributions, baselines, inputs, target=labels)
    return gap.abs() / difference(model, inputs, labels, baselines).abs()


def without_baseline(attributions, model, inputs, labels, baselines):
    score = chosen(model(inputs), labels)
    return (total(attributions) - score).abs() / score.abs()


def by_the_score(attributions, model, inputs, labels, baselines):
    return (total(attributions) - difference(model, inputs, labels, baselines)).abs() / chosen(model(inputs), labels).abs()


def signed(attributions, model, inputs, labels, baselines):
    way = difference(model, inputs, labels, baselines)
    return (total(attributions) - way) / way


def not_relative(attributions, model, inputs, labels, baselines):
    return (total(attributions) - difference(model, inputs, labels, baselines)).abs()


def of_absolute_values(attributions, model, inputs, labels, baselines):
    way = difference(model, inputs, labels, baselines)
    return (total(attributions.abs()) - way).abs() / way.abs()


def whole_batch(attributions, model, inputs, labels, baselines):
    way = difference(model, inputs, labels, baselines)
    return torch.full((len(inputs),), float((attributions.sum() - way.sum()).abs() / way.sum().abs()), dtype=inputs.dtype)


def of_largest(attributions, model, inputs, labels, baselines):
    way = difference(model, inputs, model(inputs).argmax(dim=1), baselines)
    return (total(attributions) - way).abs() / way.abs()


def of_probability(attributions, model, inputs, labels, baselines):
    way = difference(lambda x: torch.softmax(model(x), dim=1), inputs, labels, baselines)
    return (total(attributions) - way).abs() / way.abs()


def divided_by_the_sum(attributions, model, inputs, labels, baselines):
    return (total(attributions) - difference(model, inputs, labels, baselines)).abs() / total(attributions).abs()


COMPLETENESS_ERROR = Exercise(
    id="09.3", title="Completeness error", points=1, minutes=6, difficulty=1, function="completeness_error",
    cases=cases, oracle=from_captum,
    laws=(Law("size", "An error is a size: never negative.", lambda args, answer: bool((answer >= 0).all())),),
    hints=(
        "Two numbers for each input: what its attributions add up to, and what they should add up to. The second needs two calls of the model.",
        "Add over all axes but the first. Pick each input's own class from the scores of the inputs and from those of the baselines, and take the "
        "difference. Then: size of the gap, divided by the size of that difference.",
        "`attributions.flatten(1).sum(dim=1)` adds up each input's own; `model(x)[torch.arange(len(labels)), labels]` picks its score.",
    ),
    misconceptions=(
        Misconception("baseline's score forgotten", without_baseline,
                      "You compare with the score of the input. Attributions explain the way from the baseline: S(x) - S(x'), and S(x') is hardly ever "
                      "zero, not even for a black picture."),
        Misconception("divided by the score", by_the_score,
                      "The gap is right, but you divide it by the score. The attributions explain the difference S(x) - S(x'): divide by that."),
        Misconception("divided by the sum", divided_by_the_sum,
                      "You divide by what the attributions add up to. The yardstick is what they should add up to, S(x) - S(x')."),
        Misconception("sign kept", signed, "Your errors have signs, and would cancel in a mean: take absolute values."),
        Misconception("not relative", not_relative, "This is the gap itself, in units of the score. Divide it by |S(x) - S(x')|."),
        Misconception("absolute attributions", of_absolute_values,
                      "You add up absolute values. Attributions that speak against the class are negative, and completeness needs them so."),
        Misconception("whole batch", whole_batch,
                      "You add over the whole batch, where the gaps of different inputs cancel. Add over each input's own entries."),
        Misconception("largest score for the label's", of_largest,
                      "You compare with the change of the largest score. The attributions explain the score of the class in `labels`."),
        Misconception("probability for score", of_probability,
                      "You compare with a difference of softmax probabilities; the attributions were made for scores."),
    ),
    rtol=1e-5, atol=1e-8,
)
