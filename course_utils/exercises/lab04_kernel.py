"""Exercise 04.2: the kernel, which turns distances into weights."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Masks under the cosine distance, one of them all off, points under the same, and points of the plane and of a table under L2."""
    rng = np.random.default_rng([42, seed])
    made = []
    for d, n, width in ((7, 12, 0.4), (30, 25, 0.9)):
        masks = (rng.random((n, d)) < rng.uniform(0.1, 0.9, size=(n, 1))).astype(int)
        masks[0], masks[int(rng.integers(1, n))] = 1, 0
        width = round(width * float(rng.uniform(0.8, 1.2)), 2)
        made.append(Case((masks, np.ones(d, int), width, "cosine"), f"{n} masks of {d} pieces, cosine distance, width {width:g}"))
    x, samples = rng.normal(size=6), rng.normal(size=(14, 6))
    samples[0], samples[int(rng.integers(1, 14))] = x, 0
    width = round(float(rng.uniform(0.5, 0.9)), 2)
    made.append(Case((samples, x, width, "cosine"), f"14 points of 6 numbers, one of them zero, cosine distance, width {width:g}"))
    for d, n, width in ((2, 20, 1.3), (5, 15, 2.1)):
        x = rng.normal(size=d)
        samples = np.concatenate([x[None], x + rng.normal(size=(n - 1, d))])
        width = round(width * float(rng.uniform(0.8, 1.2)), 2)
        made.append(Case((samples, x, width, "l2"), f"{n} points of {d} numbers, Euclidean distance, width {width:g}"))
    return made


def oracle(samples, x, width, distance):
    """Distances from scikit-learn and scipy, the exponential written out."""
    from scipy.spatial.distance import cdist
    from sklearn.metrics.pairwise import cosine_distances

    far = cosine_distances(samples, [x]) if distance == "cosine" else cdist(samples, [x], "euclidean")
    return np.array([np.exp(-d * d / (width * width)) for d in far[:, 0]])


def distances(samples, x, distance, all_off=1.0):
    samples, x = np.asarray(samples, float), np.asarray(x, float)
    if distance == "l2":
        return np.sqrt(((samples - x) ** 2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        similarity = samples @ x / (np.linalg.norm(samples, axis=1) * np.linalg.norm(x))
    return 1 - np.where(samples.any(axis=1), similarity, 1 - all_off)


def variant(kernel=lambda far, width: np.exp(-(far**2) / width**2), how=distances):
    """The kernel with one thing changed: its formula, or the distance that goes into it."""
    def proximity(samples, x, width, distance):
        return kernel(how(samples, x, distance), width)
    return proximity


def similarity_for_distance(samples, x, distance):
    far = distances(samples, x, distance)
    return 1 - far if distance == "cosine" else far


def root_forgotten(samples, x, distance):
    far = distances(samples, x, distance)
    return far if distance == "cosine" else far**2


def mean_for_sum(samples, x, distance):
    far = distances(samples, x, distance)
    return far if distance == "cosine" else far / np.sqrt(len(x))


def blind_to_x(samples, x, distance):
    """What the cosine distance comes to where x is all ones and the samples are 0 or 1."""
    if distance == "l2":
        return distances(samples, x, distance)
    with np.errstate(invalid="ignore"):
        return 1 - np.sqrt(np.asarray(samples, float).mean(axis=1))


def one_at_x(args, answer):
    return abs(answer[0] - 1) < 1e-9


def nearer_weighs_more(args, answer):
    """Sorted by the oracle's distance, the weights never rise."""
    from scipy.spatial.distance import cdist
    from sklearn.metrics.pairwise import cosine_distances

    samples, x, _, distance = args
    if distance == "cosine":
        far = cosine_distances(samples, [x])[:, 0]
    else:
        far = cdist(samples, [x])[:, 0]
    order = np.argsort(far, kind="stable")
    return bool((np.diff(np.asarray(answer)[order]) <= 1e-9).all())


EXERCISE = Exercise(
    id="04.2", title="The kernel", points=2, minutes=8, difficulty=1, function="proximity",
    cases=cases, oracle=oracle,
    laws=(Law("one at x", "The sample that is x itself has distance 0 and weight 1.", one_at_x),
          Law("nearer weighs more", "A sample that is further from x never weighs more than a nearer one.", nearer_weighs_more)),
    hints=("Two steps: a distance for each row, then one formula for all of them.",
           "Euclidean: the root of the sum of squares along axis 1. Cosine distance: 1 minus the cosine of the angle, which is the inner product over "
           "the two lengths; a row of zeros has no angle, and its distance is 1.",
           "length = np.linalg.norm(samples, axis=1) * np.linalg.norm(x); far = 1 - samples @ x / np.where(length > 0, length, 1); and at the end "
           "np.exp(-far**2 / width**2)"),
    misconceptions=(
        Misconception("similarity for distance", variant(how=similarity_for_distance),
                      "You put the cosine similarity into the exponential, so x itself weighs least: the kernel wants a distance, 1 minus the "
                      "similarity."),
        Misconception("no square", variant(lambda far, width: np.exp(-far / width)),
                      "The distance enters squared, as does the width: exp(-D²/width²), not exp(-D/width)."),
        Misconception("distance not squared", variant(lambda far, width: np.exp(-far / width**2)),
                      "You left the distance unsquared: the kernel is exp(-D²/width²)."),
        Misconception("width not squared", variant(lambda far, width: np.exp(-(far**2) / width)),
                      "You squared the distance and not the width: with exp(-D²/width²) the width has the unit of the distance."),
        Misconception("two in the denominator", variant(lambda far, width: np.exp(-(far**2) / (2 * width**2))),
                      "You have 2 width² in the denominator, as in a Gaussian density (and in the `lime` package, which takes the root of its kernel); "
                      "the paper's kernel, asked for here, is exp(-D²/width²)."),
        Misconception("root forgotten", variant(how=root_forgotten),
                      "Your Euclidean distance is still squared when the kernel squares it again: take the root, or leave the second square out."),
        Misconception("mean for sum", variant(how=mean_for_sum),
                      "The Euclidean distance is the root of the sum of the squared differences; you averaged them."),
        Misconception("sign missing", variant(lambda far, width: np.exp(far**2 / width**2)),
                      "Without the minus sign the weight grows with the distance."),
        Misconception("all off is no number", variant(how=lambda samples, x, distance: distances(samples, x, distance, all_off=np.nan)),
                      "The sample with every piece off has length 0, and 0/0 is no number: its cosine distance is set to 1."),
        Misconception("blind to x", variant(how=blind_to_x),
                      "Your cosine distance does not look at x: 1 - √(s/d) holds only where x is all ones and the samples are 0 or 1. Divide the "
                      "inner product by the two lengths."),
        Misconception("divided by their sum", variant(lambda far, width: np.exp(-(far**2) / width**2) / np.exp(-(far**2) / width**2).sum()),
                      "You divided the weights by their sum; here x itself keeps the weight 1."),
    ),
)
