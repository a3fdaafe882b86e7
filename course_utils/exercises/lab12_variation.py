"""Exercise 12.1: total variation, exact and in the form of the lecture, and a slope that stays finite."""
from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

EPSILON = 1e-3


def cases(seed: int) -> list[Case]:
    """Noise, pictures that are flat in large parts, and a picture of one row."""
    rng = np.random.default_rng([12, 1, seed])
    noise = rng.random((3, 3, 6, 9))
    steps = np.zeros((2, 3, 8, 7)) + rng.random((2, 3, 1, 1))
    steps[:, :, 2:6, 3:] = rng.random((2, 3, 1, 1))
    return [Case((torch.from_numpy(noise),), "3 pictures of 6×9 pixels of noise"),
            Case((torch.from_numpy(steps),), "2 flat pictures of 8×7 with a rectangle"),
            Case((torch.from_numpy(rng.random((1, 3, 1, 5))),), "a picture of a single row")]


def value_and_slope(function, pictures):
    """The two totals, and the slope of the exact one with respect to the pictures."""
    x = pictures.detach().clone().requires_grad_()
    exact, absolute = function(x)
    slope = torch.autograd.grad(exact.sum(), x)[0]
    return exact.detach(), absolute.detach(), slope


def by_convolution(pictures):
    """Differences by scipy's correlation, the slope as minus the divergence of the unit field."""
    x = pictures.numpy()
    across = ndimage.correlate1d(x, [0, -1, 1], axis=3, mode="nearest")
    down = ndimage.correlate1d(x, [0, -1, 1], axis=2, mode="nearest")
    length = np.sqrt(across**2 + down**2 + EPSILON**2)
    u, v = across / length, down / length
    divergence = u - np.pad(u, [(0, 0)] * 3 + [(1, 0)])[..., :-1] + v - np.pad(v, [(0, 0)] * 2 + [(1, 0), (0, 0)])[..., :-1, :]
    exact = (length - EPSILON).sum(axis=(1, 2, 3))
    absolute = (np.abs(across) + np.abs(down)).sum(axis=(1, 2, 3))
    return torch.from_numpy(exact), torch.from_numpy(absolute), torch.from_numpy(-divergence)


def differences(x, wrap=False, zeros=False):
    """Differences to the right and downwards, (n, 3, height, width) each."""
    if wrap:
        return torch.roll(x, -1, 3) - x, torch.roll(x, -1, 2) - x
    if zeros:
        return (torch.nn.functional.pad(x, (0, 1))[..., 1:] - x, torch.nn.functional.pad(x, (0, 0, 0, 1))[..., 1:, :] - x)
    return (torch.nn.functional.pad(x[..., 1:] - x[..., :-1], (0, 1)),
            torch.nn.functional.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1)))


def root(squares):
    return (squares + EPSILON**2).sqrt() - EPSILON


def over_pixels(values):
    return values.flatten(1).sum(dim=1)


def variant(exact=lambda u, v: over_pixels(root(u**2 + v**2)), absolute=lambda u, v: over_pixels(u.abs() + v.abs()), **border):
    """The right totals with one thing changed."""
    def total_variation(pictures):
        u, v = differences(pictures, **border)
        return exact(u, v), absolute(u, v)
    return total_variation


def over_colours(u, v):
    return root((u**2 + v**2).sum(dim=1)).flatten(1).sum(dim=1)


def root_outside(u, v):
    squares = over_pixels(u**2 + v**2)
    return (squares + EPSILON**2).sqrt() - EPSILON


def cropped(pictures):
    u, v = (d[..., :-1, :-1] for d in differences(pictures))
    return over_pixels(root(u**2 + v**2)), over_pixels(u.abs() + v.abs())


def bracketed(args, answer):
    """Per pixel, the root of u² + v² lies between (|u| + |v|) / √2 and |u| + |v|; EPSILON takes at most itself away."""
    exact, absolute, _ = answer
    places = args[0][0].numel()
    return bool((exact <= absolute + 1e-9).all() and (exact >= absolute / 2**0.5 - places * EPSILON).all())


VARIATION = Exercise(
    id="12.1", title="Total variation", points=2, minutes=12, difficulty=1, function="total_variation",
    cases=cases, oracle=by_convolution, call=value_and_slope,
    laws=(Law("bracketing", "The exact total lies between the absolute one divided by √2 and the absolute one.", bracketed),),
    hints=(
        "Two pictures of differences, one to the right and one downwards. Both exact and absolute total come out of these two.",
        "Differences of neighbours have one column (row) less than the picture: pad them with a last column (row) of zeros, so that both have "
        "the picture's shape and u and v of one pixel meet. The root is taken pixel by pixel, and only then do you sum over all axes but the first.",
        "`u = torch.nn.functional.pad(x[..., 1:] - x[..., :-1], (0, 1))` and `v = torch.nn.functional.pad(x[..., 1:, :] - x[..., :-1, :], "
        "(0, 0, 0, 1))`; then `(torch.sqrt(u**2 + v**2 + EPSILON**2) - EPSILON).sum(dim=(1, 2, 3))`",
    ),
    misconceptions=(
        Misconception("root outside the sum", variant(exact=root_outside),
                      "You sum the squares of the whole picture and take one root, as the notes print it. That is the length of the vector of "
                      "differences. For the total variation the root is taken in each pixel, and then the roots are summed."),
        Misconception("no root", variant(exact=lambda u, v: over_pixels(u**2 + v**2)),
                      "You sum squares and never take the root: one step of height 1 then costs ten times as much as ten steps of a tenth. "
                      "Take the root in each pixel before you sum."),
        Misconception("wrapped round", variant(wrap=True),
                      "Your last column is compared with the first one (`torch.roll` wraps round). A pixel without a neighbour has difference zero."),
        Misconception("black border", variant(zeros=True),
                      "Your last column and row are compared with black pixels outside the picture. A pixel without a neighbour has difference zero."),
        Misconception("one root for three colours", variant(exact=over_colours),
                      "You put the squares of all three colours under one root (colour total variation, a method of its own). Here each colour "
                      "has a root of its own."),
        Misconception("mean for sum", variant(exact=lambda u, v: root(u**2 + v**2).flatten(1).mean(dim=1),
                                              absolute=lambda u, v: (u.abs() + v.abs()).flatten(1).mean(dim=1)),
                      "You take the mean over the pixels: the total then no longer grows with the picture. Sum."),
        Misconception("no absolute value", variant(absolute=lambda u, v: over_pixels(u + v)),
                      "Your absolute total has no absolute values: differences up and down cancel, and what is left depends on the border only."),
        Misconception("one total for the batch", variant(exact=lambda u, v: root(u**2 + v**2).sum().expand(len(u)),
                                                        absolute=lambda u, v: (u.abs() + v.abs()).sum().expand(len(u))),
                      "You sum over the pictures too. Each picture has its own total: sum over all axes but the first."),
        Misconception("cropped to the common part", cropped,
                      "You cut the last row and the last column off to make u and v fit, and their other differences are lost: pad u and v with zeros instead."),
        Misconception("EPSILON not taken off", variant(exact=lambda u, v: over_pixels((u**2 + v**2 + EPSILON**2).sqrt())),
                      "Your root of EPSILON squared is still there on flat ground: subtract EPSILON in every pixel, so that a flat picture has total zero."),
        Misconception("root without EPSILON", variant(exact=lambda u, v: over_pixels((u**2 + v**2).sqrt())),
                      "Your root is bare, and its slope on flat ground is not a number: put EPSILON squared under it and take EPSILON off after it."),
        Misconception("totals exchanged", lambda pictures: variant()(pictures)[::-1],
                      "Your two totals come in the wrong order: return the exact one first, then the absolute one."),
        Misconception("exact twice the square root of each", variant(exact=lambda u, v: over_pixels(root(u**2) + root(v**2))),
                      "You take a root of each square by itself, which gives the absolute total again. Add the two squares first, then take the root."),
    ),
    rtol=1e-6, atol=1e-8,
)
