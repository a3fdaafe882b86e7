"""Exercise 14.3: the gradient of the Kullback-Leibler divergence. Its cases and oracle serve 14.5 too."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def joint(rng, n):
    """A symmetric distribution over pairs, zero on the diagonal."""
    weights = np.exp(rng.normal(0, 1.5, size=(n, n)))
    weights += weights.T
    np.fill_diagonal(weights, 0)
    return weights / weights.sum()


def cases(seed):
    """Maps of small, middling and large extent, the middling one with exaggerated probabilities."""
    rng = np.random.default_rng([14, 3, seed])
    return [Case((factor * joint(rng, n), rng.normal(0, spread, size=(n, 2)) + rng.normal(0, 3, size=2)),
                 f"{n} points, spread {spread}, entries of joint that sum to {factor}")
            for n, spread, factor in ((5, 0.5, 1), (9, 2.0, 12), (14, 6.0, 1))]


def by_autograd(joint, embedding):
    """torch's derivative of what the map adds to the divergence, -Σ p ln w + ln Z, over all pairs i != j; the p need not sum to 1."""
    import torch

    y = torch.tensor(np.asarray(embedding, np.float64), requires_grad=True)
    n = len(y)
    i, j = torch.nonzero(~torch.eye(n, dtype=torch.bool), as_tuple=True)
    p = torch.tensor(np.asarray(joint, np.float64))[i, j]
    log_weight = -torch.log1p(((y[i] - y[j]) ** 2).sum(dim=1))
    return torch.autograd.grad(torch.logsumexp(log_weight, dim=0) - (p * log_weight).sum(), y)[0].numpy()


def differently(*, factor=4.0, kernel="t", near=1, selves=False, by_row=False, forces=lambda p, q: p - q, power=1.0, scaled=True):
    """The gradient with one thing changed."""
    def kl_gradient(joint, embedding):
        differences = embedding[:, None] - embedding[None]
        squared = (differences**2).sum(axis=2)
        weights = np.exp(-squared) if kernel == "Gaussian" else 1 / (1 + squared**power)
        if not selves:
            np.fill_diagonal(weights, 0)
        q = weights / (weights.sum(axis=1, keepdims=True) if by_row else weights.sum() if scaled else 1.0)
        strength = forces(joint, q) * weights**near
        return factor * (strength[:, :, None] * differences).sum(axis=1)
    return kl_gradient


def of_the_logs(p, q):
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / np.where(q > 0, q, 1)), 0)


GRADIENT = Exercise(
    id="14.3", title="The gradient of the divergence", points=3, minutes=15, difficulty=2, function="kl_gradient",
    cases=cases, oracle=by_autograd,
    laws=(
        Law("no push from outside", "Every pull has its counter-pull: the slopes of all points sum to zero.",
            lambda args, answer: np.allclose(np.asarray(answer).sum(axis=0), 0, atol=1e-10)),
    ),
    hints=(
        "Four steps: differences (n, n, 2), weights (n, n), q (n, n), forces summed over j.",
        "`y[:, None] - y[None]` has y_i - y_j at [i, j]. The weights 1/(1 + d²) need a zero diagonal before you sum them to Z. q is weights/Z, with one "
        "Z for all pairs.",
        "`strength = (joint - q) * weights`, then 4 times `(strength[:, :, None] * differences).sum(axis=1)`.",
    ),
    misconceptions=(
        Misconception("uphill", differently(factor=-4.0), "The sign is off: this is the direction downhill. The gradient has y_i - y_j and p - q."),
        Misconception("factor 1", differently(factor=1.0), "The factor 4 is missing."),
        Misconception("factor 2", differently(factor=2.0),
                      "Your slope is half as large: each pair stands in the sum twice, as (i, j) and as (j, i), so the factor is 4."),
        Misconception("weights left out", differently(near=0),
                      "This is the gradient of SNE with a Gaussian map. The heavy tail brings one more factor 1/(1 + d²) to each pair."),
        Misconception("weights squared", differently(near=2), "The factor 1/(1 + d²) stands there once beside p - q, not twice."),
        Misconception("Gaussian in the map", differently(kernel="Gaussian", near=0),
                      "You use a Gaussian in the map; t-SNE has 1/(1 + d²) there."),
        Misconception("self counted in Z", differently(selves=True),
                      "Your Z counts each point's weight on itself, 1/(1 + 0) = 1: set the diagonal to 0 before you sum."),
        Misconception("q by row", differently(by_row=True),
                      "You normalise each row of q; the joint q is one distribution over all pairs, with a single Z."),
        Misconception("terms of the divergence", differently(forces=of_the_logs),
                      "You put the terms p log(p/q) of the divergence where its derivative has p - q."),
        Misconception("P normalised", differently(forces=lambda p, q: p / p.sum() - q),
                      "You divide joint by its sum. Take it as it is: the loop multiplies it by 12 on purpose, and that would undo it."),
        Misconception("Q scaled like P", differently(forces=lambda p, q: p - q * p.sum()),
                      "You scale q to the sum of joint. Take both as they are: the formula has p - q, also where the p sum to 12."),
        Misconception("Z forgotten", differently(scaled=False), "You take the weights w for q: divide them by their sum Z first."),
        Misconception("distance for its square", differently(power=0.5), "The tail is 1/(1 + d²), with the squared distance: no square root."),
    ),
    rtol=1e-7, atol=1e-10,
)
