"""Exercise 10.5: the z-box rule at the pixels."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab10_conv import backward, forward
from course_utils.exercises.lab10_tensors import divide_no_nan, put_back, windows, with_tensors


def cases(seed):
    rng = np.random.default_rng([105, seed])
    made = []
    for n, size, kernel, filters, low, high, about in (
            (2, (4, 5), (3, 3), 3, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "pixels in [0, 1]"),
            (1, (5, 4), (3, 3), 2, (-2.1, -2.0, -1.8), (2.2, 2.4, 2.6), "normalised pixels, bounds for each colour")):
        low, high = np.array(low), np.array(high)
        pixels = low + rng.uniform(0, 1, size=(n, *size, 3)) * (high - low)
        weight = rng.normal(size=(*kernel, 3, filters))
        if not low.any():
            weight[..., 0] = np.abs(weight[..., 0])
            pixels[0] = 0.0                                            # a black picture: nothing above the lower bound
        made.append(Case((pixels, weight, rng.normal(size=filters), rng.uniform(0.1, 1, size=(n, *size, filters)), low, high),
                         f"{about}, {filters} filters of {kernel[0]}x{kernel[1]}"))
    return made


def contributions_of(pixels, kernel, low, high):
    """Every x w - l w+ - h w- on its own: (n, h, w, height, width, 3, filters); nothing beyond the border."""
    height, width = kernel.shape[:2]
    x, l, h = (windows(np.broadcast_to(value, pixels.shape), height, width)[..., None] for value in (pixels, low, high))
    return x * kernel - l * kernel.clip(0) - h * kernel.clip(None, 0)


def by_contributions(pixels, kernel, bias, relevance, low, high):
    """Brute force over the explicit contributions."""
    contributions = contributions_of(pixels, kernel, low, high)
    whole = contributions.sum((3, 4, 5))
    return put_back((contributions * divide_no_nan(relevance, whole)[:, :, :, None, None, None]).sum(-1))


def variant(bounds=lambda low, high: (low, high), parts=lambda k: (k.clip(0), k.clip(None, 0)), add=lambda b: 0.0, divide=divide_no_nan,
            upper=True, lower=True, border=True):
    """The rule with one thing changed: bounds, clamping, or the terms in the numerator or the denominator."""
    def lrp_z_box(pixels, kernel, bias, relevance, low, high):
        x, k, b, r, low, high = (np.asarray(value) for value in (pixels, kernel, bias, relevance, low, high))
        low, high = bounds(low, high)
        low, high, (up, down) = np.broadcast_to(low, x.shape), np.broadcast_to(high, x.shape), parts(k)
        shift = forward(low, up) + forward(high, down)
        if not border:
            shift = (low[0, 0, 0][:, None] * up.sum((0, 1)) + high[0, 0, 0][:, None] * down.sum((0, 1))).sum(0)
        whole = forward(x, k) - (shift if lower else 0) + add(b)
        with np.errstate(all="ignore"):
            s = divide(r, whole)
            return x * backward(s, k) - (low * backward(s, up) + high * backward(s, down) if upper else 0)
    return lrp_z_box


def conserved(args, answer):
    pixels, kernel, _, relevance, low, high = args
    alive = contributions_of(pixels, kernel, low, high).sum((3, 4, 5)) != 0
    return np.allclose(answer.sum((1, 2, 3)), (relevance * alive).sum((1, 2, 3)), rtol=1e-6, atol=1e-9)


EXERCISE = Exercise(
    id="10.5", title="The z-box rule", points=2, minutes=15, difficulty=2, function="lrp_z_box",
    cases=cases, oracle=by_contributions, call=with_tensors,
    laws=(Law("conservation", "What arrives at the pixels is what was sent, from all outputs that have any contribution.", conserved),
          Law("never negative", "x w - l w+ - h w- is never negative for l <= x <= h, so positive relevance gives no negative share.",
              lambda args, answer: bool((answer >= -1e-9).all()))),
    hints=("The contribution has three terms, so there are three convolutions forward, and three on the way back.",
           "Fill two pictures with the bounds: tf.zeros_like(pixels) + low, and the same with high. The middle term takes the positive "
           "part of the kernel, the last one the negative part; s = relevance over the sum of all three.",
           "pixels * slide_back(s, kernel) - lows * slide_back(s, positive part) - highs * slide_back(s, negative part)"),
    misconceptions=(
        Misconception("bounds swapped", variant(bounds=lambda low, high: (high, low)),
                      "low and high have changed places: a positive weight contributes least at the lower bound, so w+ goes with low and "
                      "w- with high."),
        Misconception("weights not clamped", variant(parts=lambda k: (k, k)),
                      "You take the whole kernel with both bounds: low belongs to the positive part of the kernel only, high to the "
                      "negative part only."),
        Misconception("bounds only below", variant(upper=False),
                      "The bounds stand in your sum but not in the shares: all three terms come back, or the shares do not add up."),
        Misconception("bounds only above", variant(lower=False),
                      "The bounds stand in your shares but not in the sum that they are divided by: it is the sum of all three terms."),
        Misconception("no bounds", variant(upper=False, lower=False),
                      "Your rule never uses low and high: that is LRP-0 without the bias, in which a black pixel can get nothing."),
        Misconception("border forgotten", variant(border=False),
                      "You subtract the same number at every place; beyond the border there is no pixel and no bound. Convolve "
                      "pictures that are filled with the bounds, with \"SAME\" padding."),
        Misconception("bias takes a share", variant(add=lambda b: b),
                      "The bias stands in your sum and takes a share that reaches no pixel: leave it out."),
        Misconception("division by zero", variant(divide=lambda r, z: r / z),
                      "Where all pixels stand at their bounds the sum can be zero: tf.math.divide_no_nan sends nothing back from there."),
        Misconception("one bound for all colours", variant(bounds=lambda low, high: (low[:1], high[:1])),
                      "You took the first colour's bounds for all colours: low and high have one entry for each."),
    ),
)
