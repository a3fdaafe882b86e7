"""Exercise 06.5: SmoothGrad."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Misconception, given
from course_utils.exercises.lab06_networks import SHAPES, captum_gradient, chosen, pictures_and_labels, slope
from course_utils.models.networks import small_cnn


def noisy(seed):
    rng = np.random.default_rng([6, 5, seed])
    cases = []
    for (n, size, classes, head), (samples, spread) in zip(SHAPES, ((5, 0.3), (3, 0.2), (4, 0.5))):
        model = given(small_cnn, seed=int(rng.integers(1 << 30)), channels=(6, 8), size=size, classes=classes, head=head)
        pictures, labels = pictures_and_labels(rng, n, size, classes)
        noise = torch.from_numpy(spread * rng.normal(size=(samples, *pictures.shape)))
        cases.append(Case((model, pictures, labels, noise), f"{n} pictures, {samples} samples of noise of {spread}, {head} head"))
    return cases


def captum_mean(model, pictures, labels, noise):
    """All noisy copies as one batch through Captum, then the mean over the copies."""
    m, n = noise.shape[:2]
    copies = (pictures + noise).reshape(m * n, *pictures.shape[1:])
    return captum_gradient(model, copies, labels.repeat(m)).reshape(noise.shape).mean(dim=0)


def gradients(model, copies, labels):
    """The gradient at every copy: (m, n, 3, height, width)."""
    return torch.stack([slope(lambda x: chosen(model(x), labels), copy) for copy in copies])


def all_at_once(model, pictures, labels, noise):
    return slope(lambda x: chosen(model(x), labels), pictures + noise)


def noise_on_gradient(model, pictures, labels, noise):
    return slope(lambda x: chosen(model(x), labels), pictures) + noise.mean(dim=0)


def mean_of_pictures(model, pictures, labels, noise):
    return slope(lambda x: chosen(model(x), labels), (pictures + noise).mean(dim=0))


def mean_of_absolute(model, pictures, labels, noise):
    return gradients(model, pictures + noise, labels).abs().mean(dim=0)


def absolute_of_mean(model, pictures, labels, noise):
    return gradients(model, pictures + noise, labels).mean(dim=0).abs()


def mean_of_squares(model, pictures, labels, noise):
    return gradients(model, pictures + noise, labels).square().mean(dim=0)


def sum_for_mean(model, pictures, labels, noise):
    return gradients(model, pictures + noise, labels).sum(dim=0)


def last_sample(model, pictures, labels, noise):
    return gradients(model, pictures + noise[-1:], labels)[0]


def clipped(model, pictures, labels, noise):
    return gradients(model, (pictures + noise).clamp(0, 1), labels).mean(dim=0)


def adding_up(model, pictures, labels, noise):
    walked, total = pictures.clone(), torch.zeros_like(pictures)
    for one in noise:
        walked = walked + one
        total = total + slope(lambda x: chosen(model(x), labels), walked)
    return total / len(noise)


SMOOTHGRAD = Exercise(
    id="06.5", title="SmoothGrad", points=3, minutes=12, difficulty=2, function="smoothgrad",
    cases=noisy, oracle=captum_mean,
    hints=(
        "Noise goes into the picture, the mean comes out of the gradients.",
        "For each of the m arrays of noise: the gradient at pictures + noise[k], by your `saliency`. Add them up, divide by m.",
        "`for one in noise: total = total + saliency(model, pictures + one, labels)`",
    ),
    misconceptions=(
        Misconception("five axes into the network", all_at_once,
                      "`pictures + noise` has five axes, m copies of the whole batch, and the network takes four: go through the m arrays of "
                      "noise one by one."),
        Misconception("noise on the gradient", noise_on_gradient,
                      "You add the noise to the gradient. It belongs into the picture, before the network: SmoothGrad averages the slopes at "
                      "many places near the picture."),
        Misconception("gradient of the mean picture", mean_of_pictures,
                      "You average the noisy pictures and take one gradient: the noise is gone before the network sees it. Average the gradients."),
        Misconception("mean of absolute values", mean_of_absolute,
                      "You average absolute values: what flips its sign from place to place then no longer cancels, and that is the noise "
                      "to be removed. Average the signed gradients."),
        Misconception("absolute value of the mean", absolute_of_mean,
                      "The mean is right; the absolute value on top of it takes the sign away. Return the signed mean."),
        Misconception("mean of squares", mean_of_squares,
                      "You average squares. That is a method of its own (SmoothGrad squared); here the signed gradients are averaged."),
        Misconception("sum for mean", sum_for_mean, "You add up and do not divide: the result grows with the number of samples."),
        Misconception("last sample only", last_sample, "Only the last array of noise counts: the sum is overwritten in each round."),
        Misconception("clipped pictures", clipped,
                      "You clip the noisy pictures to [0, 1]: near black and white the noise is then no longer centred. Leave them as they are."),
        Misconception("noise that adds up", adding_up,
                      "Each round adds its noise on top of the last one's, so the pictures wander off. Start from the clean picture every time."),
    ),
    rtol=1e-6, atol=1e-9,
)
