"""Exercise 04.7: LIME for a picture, for several classes at once."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab04_explain import clear_cut, draw_masks, explain

BATCH = 16


def region_model(seed, height, width, classes):
    """A function of uint8 pictures (b, height, width, 3), b at most 16, to scores (b, classes).

    Each class looks at the colours of a patch of its own, and at two patches together.
    """
    rng = np.random.default_rng(seed)
    smooth = rng.normal(size=(classes, 2, height // 4 + 1, width // 4 + 1, 3)).repeat(4, axis=2).repeat(4, axis=3)[:, :, :height, :width]

    def scores(pictures):
        if not isinstance(pictures, np.ndarray) or pictures.ndim != 4 or pictures.dtype != np.uint8:
            raise ValueError("This model takes uint8 pictures of shape (b, height, width, 3).")
        if len(pictures) > BATCH:
            raise ValueError(f"This model takes at most {BATCH} pictures at a time; it got {len(pictures)}.")
        seen = np.tanh(np.einsum("bhwc,kphwc->bkp", pictures / 255.0, smooth) / (0.1 * height * width))
        return 2 * seen[..., 0] + seen[..., 0] * seen[..., 1] + 0.5 * seen[..., 1]
    return scores


def segments_of(rng, height, width, d):
    """Each pixel belongs to the nearest of d random points: superpixels of irregular shape, numbered from 0."""
    points = rng.random((d, 2)) * (height, width)
    pixels = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    nearest = ((pixels[:, :, None] - points) ** 2).sum(axis=-1).argmin(axis=-1)
    return np.unique(nearest, return_inverse=True)[1].reshape(height, width)


def cases(seed):
    """Pictures that are not square, classes out of order, more samples than fit into one batch."""
    rng = np.random.default_rng([47, seed])
    return [problem(rng, *plan) for plan in ((12, 15, 9, 70, (2, 0), 3), (14, 10, 7, 55, (3,), 7), (16, 16, 12, 90, (1, 3, 2), 4))]


def problem(rng, height, width, d, n, classes, k):
    while True:
        model = given(region_model, seed=int(rng.integers(1 << 30)), height=height, width=width, classes=4)
        picture = rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
        segments = segments_of(rng, height, width, d)
        pieces, fill, spread = int(segments.max()) + 1, rng.integers(60, 200, size=3).astype(np.uint8), round(float(rng.uniform(0.3, 0.6)), 2)
        masks, k_here = draw_masks(rng, n, pieces), min(k, pieces)
        scores = scores_of(model.build(), pictures_of(picture, segments, masks, fill))
        if all(clear_cut(masks, scores[:, c], k_here, spread) for c in classes):
            args = model, picture, segments, masks, list(classes), fill, k_here, spread
            return Case(args, f"{height} x {width} pixels, {pieces} superpixels, {n} samples, classes {', '.join(map(str, classes))}")


def pictures_of(picture, segments, masks, fill):
    return np.where(masks[:, segments][..., None] == 1, picture, fill)


def scores_of(f, pictures, batch=BATCH):
    return np.concatenate([f(pictures[start:start + batch]) for start in range(0, len(pictures), batch)])


def explain_classes(masks, scores, k, width):
    found = [explain(masks, column, k, width) for column in scores.T]
    return np.array([weights for weights, _ in found]), np.array([intercept for _, intercept in found])


def oracle(f, picture, segments, masks, classes, fill, k, width):
    """Pictures painted one superpixel at a time, scored one at a time."""
    scores = []
    for mask in masks:
        z = picture.copy()
        for piece in np.flatnonzero(mask == 0):
            z[segments == piece] = fill
        scores.append(f(z[None])[0])
    return explain_classes(masks, np.array(scores)[:, classes], k, width)


def variant(paint=pictures_of, choose=lambda scores, classes: scores[:, classes], fit=explain_classes, batch=BATCH):
    """LIME on a picture with one thing changed."""
    def lime_picture(f, picture, segments, masks, classes, fill, k, width):
        return fit(masks, choose(scores_of(f, paint(picture, segments, masks, fill), batch), classes), k, width)
    return lime_picture


def softmax(scores):
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def painted_on_the_original(f, picture, segments, masks, classes, fill, k, width):
    scores = []
    for mask in masks:
        z = picture
        z[np.isin(segments, np.flatnonzero(mask == 0))] = fill
        scores.append(f(z[None])[0])
    return explain_classes(masks, np.array(scores)[:, classes], k, width)


def last_batch_lost(f, picture, segments, masks, classes, fill, k, width):
    masks = masks[:len(masks) // BATCH * BATCH]
    return explain_classes(masks, scores_of(f, pictures_of(picture, segments, masks, fill))[:, classes], k, width)


def one_choice_for_all(masks, scores, k, width):
    """The pieces of the first class, refitted for every class."""
    kept = np.flatnonzero(explain(masks, scores[:, 0], k, width)[0])
    weights, intercepts = np.zeros((scores.shape[1], masks.shape[1])), np.zeros(scores.shape[1])
    for row, column in enumerate(scores.T):
        weights[row, kept], intercepts[row] = explain(masks[:, kept], column, len(kept), width)
    return weights, intercepts


def unweighted(masks, scores, k, width):
    found = [explain(masks, column, k, width, weights=np.ones(len(masks))) for column in scores.T]
    return np.array([weights for weights, _ in found]), np.array([intercept for _, intercept in found])


def at_most_k(args, answer):
    masks, classes, k = args[3], args[4], args[6]
    return answer[0].shape == (len(classes), masks.shape[1]) and bool((np.count_nonzero(answer[0], axis=1) <= k).all())


def right_on_average(args, answer):
    f, picture, segments, masks, classes, fill, _, width = args
    from course_utils.exercises.lab04_kernel import oracle as kernel

    share = kernel(masks, np.ones(masks.shape[1]), width, "cosine")
    scores = scores_of(f, pictures_of(picture, segments, masks, fill))[:, classes]
    gap = share @ (scores - answer[1] - masks @ answer[0].T)
    return bool((np.abs(gap) < 1e-4 * share.sum() * np.abs(scores).max()).all())


EXERCISE = Exercise(
    id="04.7", title="LIME for a picture", points=4, minutes=20, difficulty=3, function="lime_picture",
    cases=cases, oracle=oracle, rtol=1e-4, atol=1e-5,
    laws=(Law("at most K", "Each class has one weight for every superpixel, and no more than K of them differ from zero.", at_most_k),
          Law("right on average", "For each class, the kernel-weighted mean of g(z') equals that of f(z).", right_on_average)),
    hints=("The same three steps as for a note: which pixels stay (n, height, width), the pictures z, their scores. Then one explanation for each class.",
           "`masks[:, segments]` has shape (n, height, width). `np.where` with a trailing axis makes the pictures: do it for BATCH masks at a time, "
           "and ask f for each such batch.",
           "for some in batches of masks: z = np.where(some[:, segments][..., None] == 1, picture, fill); scores.append(f(z)). After "
           "scores = np.concatenate(scores): explain(masks, scores[:, c], k, width) for each c of classes"),
    misconceptions=(
        Misconception("mask turned round", variant(lambda picture, segments, masks, fill: pictures_of(picture, segments, 1 - masks, fill)),
                      "Your pictures are filled where the mask is 1: 1 means that the superpixel stays."),
        Misconception("numbered from one", variant(lambda picture, segments, masks, fill: pictures_of(picture, segments - 1, masks, fill)),
                      "Superpixel j is off where masks[:, j] is 0; you are one column beside it: these segments are numbered from 0."),
        Misconception("black for the fill", variant(lambda picture, segments, masks, fill: pictures_of(picture, segments, masks, np.uint8(0))),
                      "What is off turns black in your pictures; it takes the colour `fill`."),
        Misconception("softmax again", variant(choose=lambda scores, classes: softmax(scores)[:, classes]),
                      "You put f's scores through a softmax of your own; what f returns is explained as it is."),
        Misconception("the first classes", variant(choose=lambda scores, classes: scores[:, :len(classes)]),
                      "You explained the first columns of the scores; `classes` names the columns that are asked for."),
        Misconception("classes sorted", variant(choose=lambda scores, classes: scores[:, sorted(classes)]),
                      "Your rows are not in the order of `classes`: row i explains classes[i]."),
        Misconception("whichever class wins", variant(choose=lambda scores, classes: np.repeat(scores.max(axis=1, keepdims=True), len(classes), axis=1)),
                      "You explained the largest score of each sample, whichever class it belongs to: follow one class through all samples."),
        Misconception("all at once", variant(batch=10**9),
                      "You gave f all pictures at once; it takes at most BATCH at a time, because a thousand big pictures fill the memory."),
        Misconception("last batch lost", last_batch_lost,
                      "The last samples are missing: the last batch may be smaller than BATCH."),
        Misconception("painted on the original", painted_on_the_original,
                      "You painted on the picture that you were given, so what was filled once stays filled: start each sample from a copy."),
        Misconception("one choice for all", variant(fit=one_choice_for_all),
                      "All classes share the superpixels of the first one; each class has a K-LASSO of its own, on the same samples."),
        Misconception("no kernel", variant(fit=unweighted),
                      "All your samples weigh the same: `explain` needs the width that you were given."),
    ),
)
