"""Exercise 04.4: K-LASSO, selection and refit."""
from __future__ import annotations

import warnings

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

GAP = 0.05 # the K-th and the next weight of the lasso differ by this share of the largest, so that rounding cannot swap them


def cases(seed):
    """Masks with two twins among their pieces, and scores that near and far samples earn by different pieces.

    Step by step: the lasso gives the weight of both twins to one of them, where a ridge regression splits it; samples near x' speak
    for other pieces than samples far from it; and in the last case the lasso keeps fewer than K.
    """
    rng = np.random.default_rng([44, seed])
    plans = ((150, 11, 4, False, "more survive the lasso than K"), (200, 12, 4, False, "some of the weights are negative"),
             (70, 6, 5, True, "fewer than K survive the lasso"))
    return [Case(problem(rng, n, d, k, few), f"{n} masks of {d} pieces, K = {k}: {about}") for n, d, k, few, about in plans]


def problem(rng, n, d, k, few):
    """Draw until the selection is clear-cut and the usual wrong ways select something else."""
    while True:
        masks = (rng.random((n, d)) < rng.uniform(0.3, 1.0, size=(n, 1))).astype(int)
        masks[:, 1] = np.where(rng.random(n) < 0.9, masks[:, 0], masks[:, 1])      # twins: alike in most rows
        masks[0] = 1
        order = rng.permutation(d)                                                 # so that the twins stand anywhere
        weights = np.exp(-(((d - masks.sum(axis=1)) / (0.3 * d)) ** 2))
        near, far = 0.1 * rng.normal(size=d), 0.1 * rng.normal(size=d)
        near[:5] = 0.6, 0.5, -0.6, 0.55, -0.5
        far[5:] += rng.choice([-1.2, 1.2], size=d - 5)
        masks, near, far = masks[:, order], near[order], far[order]
        targets = 0.4 + masks @ near + np.where(weights < 0.15, masks @ far, 0.0) + 0.05 * rng.normal(size=n)
        lam = largest_penalty(masks, targets, weights) * float(rng.uniform(0.4, 0.6) if few else rng.uniform(0.15, 0.3))
        args = masks, targets, weights, k, float(lam), float(rng.uniform(0.2, 1.0))
        chosen = lasso(masks, targets, weights, lam)
        size = np.sort(np.abs(chosen))[::-1]
        survivors = int((size > 0).sum())
        if few and 2 <= survivors < k and size[survivors - 1] > 0.01 * size[0]:
            return args
        if not few and survivors > k and size[k - 1] - size[k] > GAP * size[0] and different(args, chosen):
            return args


def different(args, chosen):
    """Whether every usual wrong way to select chooses other pieces than the right one, and no two of them the same."""
    masks, targets, weights, k, lam, alpha = args
    ridge = refit(masks, targets, weights, np.arange(masks.shape[1]), alpha)[0]
    plain, roots = (lasso(masks, targets, how(weights), lam) for how in (np.ones_like, np.sqrt))
    choices = [largest(chosen, k), largest(plain, k), largest(roots, k), largest(ridge, k), signed(chosen, k)]
    return len({tuple(choice) for choice in choices}) == len(choices)


def largest_penalty(masks, targets, weights):
    share = weights / weights.sum()
    return np.abs((masks - share @ masks).T @ (share * (targets - share @ targets))).max()


def lasso(masks, targets, weights, lam):
    """scikit-learn's coordinate descent."""
    from sklearn.linear_model import Lasso

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Lasso(alpha=lam, tol=1e-6, max_iter=10_000, random_state=0).fit(masks, targets, sample_weight=weights).coef_


def largest(coefficients, k):
    order = np.argsort(-np.abs(coefficients), kind="stable")[:k]
    return np.sort(order[coefficients[order] != 0])


def refit(masks, targets, weights, kept, alpha):
    from sklearn.linear_model import Ridge

    coefficients = np.zeros(masks.shape[1])
    if not len(kept):
        return coefficients, float(np.average(targets, weights=weights))
    model = Ridge(alpha=alpha, tol=1e-10, solver="svd").fit(masks[:, kept], targets, sample_weight=weights)
    coefficients[kept] = model.coef_
    return coefficients, float(model.intercept_)


def oracle(masks, targets, weights, k, lam, alpha):
    """The lasso by least angle regression on rows scaled by hand, the refit by scikit-learn's ridge."""
    from sklearn.linear_model import lars_path

    share = weights / weights.sum()
    root = np.sqrt(share * len(targets))
    path = lars_path(root[:, None] * (masks - share @ masks), root * (targets - share @ targets), method="lasso", alpha_min=lam)
    return refit(masks, targets, weights, largest(path[2][:, -1], k), alpha)


def variant(lasso_weights=lambda weights: weights, ridge_weights=lambda weights: weights, select=largest):
    """Both steps with one thing changed."""
    def k_lasso(masks, targets, weights, k, lam, alpha):
        chosen = lasso(masks, targets, lasso_weights(weights), lam)
        return refit(masks, targets, ridge_weights(weights), select(chosen, k), alpha)
    return k_lasso


def signed(coefficients, k):
    order = np.argsort(-coefficients, kind="stable")[:k]
    return np.sort(order[coefficients[order] != 0])


def smallest(coefficients, k):
    order = np.argsort(np.abs(coefficients), kind="stable")
    return np.sort(order[coefficients[order] != 0][:k])


def zeros_too(coefficients, k):
    return np.sort(np.argsort(-np.abs(coefficients), kind="stable")[:k])


def last_zeros_too(coefficients, k):
    return np.sort(np.argsort(np.abs(coefficients), kind="stable")[-k:])


def all_survivors(coefficients, k):
    return np.flatnonzero(coefficients)


def no_refit(masks, targets, weights, k, lam, alpha):
    chosen = lasso(masks, targets, weights, lam)
    kept = largest(chosen, k)
    coefficients = np.zeros(len(chosen))
    coefficients[kept] = chosen[kept]
    return coefficients, float(np.average(targets - masks @ coefficients, weights=weights))


def lasso_as_it_is(masks, targets, weights, k, lam, alpha):
    chosen = lasso(masks, targets, weights, lam)
    share = weights / weights.sum()
    coefficients, kept = np.zeros(len(chosen)), largest(chosen, k)
    coefficients[kept] = chosen[kept]
    return coefficients, float(share @ (targets - masks @ chosen))     # the intercept that goes with all of the lasso's weights


def ridge_of_all(masks, targets, weights, k, lam, alpha):
    kept = largest(lasso(masks, targets, weights, lam), k)
    full, intercept = refit(masks, targets, weights, np.arange(masks.shape[1]), alpha)
    coefficients = np.zeros(len(full))
    coefficients[kept] = full[kept]
    return coefficients, intercept


def no_lasso(masks, targets, weights, k, lam, alpha):
    full, _ = refit(masks, targets, weights, np.arange(masks.shape[1]), alpha)
    return refit(masks, targets, weights, largest(full, k), alpha)


def largest_of_ridge(masks, targets, weights, k, lam, alpha):
    full, intercept = refit(masks, targets, weights, np.arange(masks.shape[1]), alpha)
    coefficients, kept = np.zeros(len(full)), largest(full, k)
    coefficients[kept] = full[kept]
    return coefficients, intercept


def at_most_k(args, answer):
    return int(np.count_nonzero(answer[0])) <= args[3]


def refitted(args, answer):
    """On the pieces that are named, the answer is their own weighted ridge regression."""
    masks, targets, weights, _, _, alpha = args
    coefficients, intercept = answer
    left = weights * (targets - intercept - masks @ coefficients)
    kept = coefficients != 0
    gap = masks[:, kept].T @ left - alpha * coefficients[kept]
    size = np.abs(masks.T @ (weights * targets)).max()
    return bool(kept.any() and max(abs(left.sum()), np.abs(gap).max()) < 1e-5 * size)


EXERCISE = Exercise(
    id="04.4", title="K-LASSO", points=3, minutes=15, difficulty=2, function="k_lasso",
    cases=cases, oracle=oracle,
    laws=(Law("at most K", "No more than K coefficients differ from zero.", at_most_k),
          Law("refitted", "On the pieces that it keeps, the answer is the weighted ridge regression on those pieces alone.", refitted)),
    hints=("Two steps that share nothing but a list of columns: the lasso says which, the ridge says how much.",
           "`Lasso(alpha=lam).fit(masks, targets, sample_weight=weights).coef_` has the weights of step 1. Sort their absolute values, take the K largest, "
           "drop those that are exactly 0. Step 2 is your `weighted_ridge` on `masks[:, kept]`.",
           "kept = np.argsort(-np.abs(chosen))[:k]; kept = kept[chosen[kept] != 0]; coefficients = np.zeros(d); "
           "coefficients[kept], intercept = weighted_ridge(masks[:, kept], targets, weights, alpha)"),
    misconceptions=(
        Misconception("signed selection", variant(select=signed),
                      "You kept the K largest weights with their signs, so evidence against is never named: sort the absolute values."),
        Misconception("no refit", no_refit,
                      "These are the lasso's own weights, which its penalty has shrunk: they choose the pieces, and a regression on those pieces alone "
                      "gives the numbers."),
        Misconception("the lasso as it is", lasso_as_it_is,
                      "You returned the lasso's weights, which its penalty has shrunk: fit `weighted_ridge` on the chosen pieces."),
        Misconception("ridge on all", ridge_of_all,
                      "You fitted all pieces and blanked the others out; the second regression sees the K chosen columns only."),
        Misconception("no lasso", no_lasso,
                      "Your K pieces are those with the largest ridge weights: the selection is the lasso's."),
        Misconception("largest of a ridge", largest_of_ridge,
                      "The lasso has to choose the pieces; you chose by a ridge regression on all of them."),
        Misconception("lasso without weights", variant(lasso_weights=np.ones_like),
                      "The lasso of step 1 does not know the kernel: hand it the weights as sample_weight, or far samples choose the pieces."),
        Misconception("refit without weights", variant(ridge_weights=np.ones_like),
                      "The regression of step 2 does not know the kernel: it needs the weights too."),
        Misconception("roots in the lasso", variant(lasso_weights=np.sqrt),
                      "scikit-learn's sample_weight multiplies the squared error itself: give it the weights, not their roots."),
        Misconception("smallest kept", variant(select=smallest),
                      "You kept the smallest weights: argsort sorts upwards."),
        Misconception("zeros kept", variant(select=zeros_too),
                      "Where fewer than K pieces survive the lasso, you filled up with pieces that it had set to zero: keep the survivors alone."),
        Misconception("last zeros kept", variant(select=last_zeros_too),
                      "You filled up to K with pieces whose lasso weight is 0; those are never chosen, even if fewer than K remain."),
        Misconception("all survivors", variant(select=all_survivors),
                      "You kept every piece that the lasso left: the explanation may have K pieces at most."),
    ),
)
