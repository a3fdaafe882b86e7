"""Exercise 09.2: integrated gradients."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab09_networks import chosen, other_labels, sequence_layers, sequences, slope
from course_utils.exercises.lab09_rule import captum_rule, made_of
from course_utils.models.networks import small_cnn

CAPTUM = {"left": "riemann_left", "right": "riemann_right", "midpoint": "riemann_middle", "gauss": "gausslegendre"}


def cases(seed):
    rng = np.random.default_rng([9, 2, seed])
    weights = [int(w) for w in rng.integers(1 << 30, size=3)]
    pictures = rng.random((3, 3, 12, 12))
    grey = rng.random((2, 3, 8, 8)) * (rng.random((2, 3, 8, 8)) > 0.2)
    patch = grey.copy()
    patch[:, :, 2:6, 2:6] = rng.random((2, 3, 4, 4))   # equal to its baseline outside the patch
    reads = sequences(rng, 4, 12)
    return [
        Case((given(small_cnn, seed=weights[0], channels=(6, 8), size=12), torch.from_numpy(pictures), other_labels(rng, 3, 4),
              torch.from_numpy(rng.random((3, 3, 12, 12)) * 0.5), 7, "right"), "3 pictures, baselines of noise, right rule, m = 7"),
        Case((given(small_cnn, seed=weights[1], channels=(6, 8), size=8, head="dense"), torch.from_numpy(patch), other_labels(rng, 2, 4),
              torch.from_numpy(grey), 4, "midpoint"), "2 pictures that differ from their baselines in a patch, midpoint, m = 4"),
        Case((given(sequence_layers, seed=weights[2]), reads, other_labels(rng, 4, 2), torch.full_like(reads, 0.25), 5, "gauss"),
             "4 sequences, baseline 0.25, Gauss, m = 5"),
    ]


def captum_integrated(model, inputs, labels, baselines, m, rule):
    from captum.attr import IntegratedGradients

    return IntegratedGradients(model).attribute(inputs, baselines, target=labels, n_steps=m, method=CAPTUM[rule]).detach()


def path_of(inputs, baselines, m, rule):
    """Points (m, n, ...) and weights (m, 1, ...) of the path."""
    alphas, weights = (torch.as_tensor(part, dtype=inputs.dtype).view(m, *[1] * inputs.ndim) for part in made_of()(rule, m))
    return baselines + alphas * (inputs - baselines), weights


def slopes_on(path, model, labels):
    """Gradient (m, n, ...) at every point of the path."""
    return torch.stack([slope(lambda x: chosen(model(x), labels), points) for points in path])


def without_factor(model, inputs, labels, baselines, m, rule):
    path, weights = path_of(inputs, baselines, m, rule)
    return (weights * slopes_on(path, model, labels)).sum(dim=0)


def times_input(model, inputs, labels, baselines, m, rule):
    return inputs * without_factor(model, inputs, labels, baselines, m, rule)


def at_the_input(model, inputs, labels, baselines, m, rule):
    return (inputs - baselines) * slope(lambda x: chosen(model(x), labels), inputs)


def from_zero(model, inputs, labels, baselines, m, rule):
    return (inputs - baselines) * without_factor(model, inputs, labels, torch.zeros_like(inputs), m, rule)


def without_baseline(model, inputs, labels, baselines, m, rule):
    return inputs * without_factor(model, inputs, labels, torch.zeros_like(inputs), m, rule)


def summed(model, inputs, labels, baselines, m, rule):
    path, _ = path_of(inputs, baselines, m, rule)
    return (inputs - baselines) * slopes_on(path, model, labels).sum(dim=0)


def plain_mean(model, inputs, labels, baselines, m, rule):
    path, _ = path_of(inputs, baselines, m, rule)
    return (inputs - baselines) * slopes_on(path, model, labels).mean(dim=0)


def of_probability(model, inputs, labels, baselines, m, rule):
    return right_for(lambda x: torch.softmax(model(x), dim=1), inputs, labels, baselines, m, rule)


def right_for(model, inputs, labels, baselines, m, rule):
    return (inputs - baselines) * without_factor(model, inputs, labels, baselines, m, rule)


def labels_in_blocks(model, inputs, labels, baselines, m, rule):
    path, weights = path_of(inputs, baselines, m, rule)
    spread = labels.repeat_interleave(m).view(m, len(labels))
    gradients = torch.stack([slope(lambda x: chosen(model(x), own), points) for points, own in zip(path, spread)])
    return (inputs - baselines) * (weights * gradients).sum(dim=0)


def mixed_up(model, inputs, labels, baselines, m, rule):
    path, weights = path_of(inputs, baselines, m, rule)
    gradients = slopes_on(path, model, labels).flatten(0, 1).view(len(inputs), m, *inputs.shape[1:])
    return (inputs - baselines) * (weights.transpose(0, 1) * gradients).sum(dim=1)


def absolute(model, inputs, labels, baselines, m, rule):
    return right_for(model, inputs, labels, baselines, m, rule).abs()


def adds_up(args, answer):
    """The sum is the rule's mean slope along the path, by central differences: exact between two kinks."""
    model, inputs, labels, baselines, m, rule = args
    alphas, weights = captum_rule(rule, m)
    step, total = 1e-6, 0.0
    for alpha, weight in zip(alphas, weights):
        up, down = (chosen(model(baselines + (alpha + sign * step) * (inputs - baselines)), labels) for sign in (1, -1))
        total = total + weight * (up - down) / (2 * step)
    return torch.allclose(answer.flatten(1).sum(dim=1), total, rtol=1e-2, atol=1e-3)


def nothing_for_what_is_missing(args, answer):
    return not bool(answer[args[1] == args[3]].any())


INTEGRATED_GRADIENTS = Exercise(
    id="09.2", title="Integrated gradients", points=3, minutes=15, difficulty=2, function="integrated_gradients",
    cases=cases, oracle=captum_integrated,
    laws=(Law("sum along the path", "The attributions of one input add up to the weighted mean of its score's slope along the path, "
              "d S(x' + α(x - x')) / dα.", adds_up),
          Law("missingness", "Where the input equals its baseline, x - x' is zero, and so is the attribution.", nothing_for_what_is_missing)),
    hints=(
        "Write down the formula for one input and one point α of the path: where do you stand, which gradient do you take there, what do you "
        "multiply it with? Then for m points: what is averaged?",
        "Points of the path: `baselines + alpha * (inputs - baselines)`, with alpha shaped (m, 1, 1, ...) so that all m appear at once: a tensor "
        "(m, n, ...). Flatten the first two axes, ask `gradient` in portions, with each input's label repeated for every point, and give the "
        "answer its shape (m, n, ...) back. A loop over the m points, each with all n inputs, does it too.",
        "`labels.repeat(m)` fits points of shape (m, n, ...) flattened to (m * n, ...). Last line: the difference times the sum over axis 0 of "
        "weights times gradients.",
    ),
    misconceptions=(
        Misconception("factor forgotten", without_factor,
                      "This is the mean gradient along the path. Integrated gradients multiply it with x - x': only then does it add up to a "
                      "difference of scores."),
        Misconception("times the input", times_input,
                      "You multiply with x. The factor is the way from the baseline, x - x'; the two agree for a black baseline only."),
        Misconception("gradient at the input only", at_the_input,
                      "You ask for the gradient at x alone, which is what saturation hides. Average it over the points of the path."),
        Misconception("path from zero", from_zero,
                      "Your path starts at zero, not at the baseline: its points are x' + α(x - x')."),
        Misconception("baseline ignored", without_baseline,
                      "The baseline does not appear in your answer: neither the path starts there, nor does the factor know it."),
        Misconception("sum for mean", summed,
                      "You add the gradients up without their weights, so the answer grows with m. Each gradient counts with its weight from the rule."),
        Misconception("equal weights", plain_mean,
                      "A plain mean is right for the three even rules, but Gauss's points have unequal weights: use those that `path_rule` returns."),
        Misconception("probability for score", of_probability,
                      "You follow the softmax probability. It saturates wherever the network is sure; take the score before the softmax."),
        Misconception("labels in the wrong order", labels_in_blocks,
                      "The points come as all inputs at the first α, then all inputs at the second one. `repeat_interleave` puts the labels in another "
                      "order, so points are asked about other inputs' classes; `repeat` fits."),
        Misconception("inputs mixed up", mixed_up,
                      "After flattening, the points stand in the order (m, n); you read them as (n, m), which averages over different inputs. Give the "
                      "gradients the shape (m, n, ...) back, and add over axis 0."),
        Misconception("absolute value", absolute,
                      "The sign is lost, and with it completeness: what speaks against the class counts negatively."),
    ),
    rtol=1e-4, atol=1e-6, limit_s=20.0,
)
