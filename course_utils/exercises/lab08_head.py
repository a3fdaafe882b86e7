"""Exercise 08.5: a pooling head by least squares."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def head_cases(seed):
    rng = np.random.default_rng([85, seed])
    made = []
    for n, channels, classes, side, ridge in ((40, 6, 3, 4, 0.5), (30, 4, 4, 3, 2.0), (60, 8, 5, 5, 0.05)):
        features = rng.gamma(1.0, size=(n, channels, side, side)) * rng.uniform(0.3, 2.0, size=(1, channels, 1, 1))
        mixed = features.mean((2, 3)) @ rng.normal(size=(channels, classes))
        targets = mixed + rng.normal(0, 0.5, size=(n, classes)) + rng.normal(0, 3, size=classes)
        made.append(Case((torch.from_numpy(features), torch.from_numpy(targets), ridge),
                         f"{n} pictures, {channels} channels of {side}x{side}, {classes} classes, ridge {ridge}"))
    return made


def by_scikit_learn(features, targets, ridge):
    from sklearn.linear_model import Ridge

    fit = Ridge(alpha=ridge, solver="svd").fit(features.mean((2, 3)).numpy(), targets.numpy())
    return torch.from_numpy(np.ascontiguousarray(fit.coef_)), torch.from_numpy(np.asarray(fit.intercept_))


def fitted(pool=lambda f: f.mean((2, 3)), ridge_of=lambda ridge, n: ridge, intercept="free", transposed=False):
    """Ridge regression with one thing changed."""
    def pooling_head(features, targets, ridge):
        pooled = pool(features)
        n, channels = pooled.shape
        table = torch.cat([pooled, torch.ones(n, 1, dtype=pooled.dtype)], 1)
        penalty = ridge_of(ridge, n) * torch.eye(channels + 1, dtype=pooled.dtype)
        if intercept in ("free", "level"):
            penalty[-1, -1] = 0
        if intercept in ("none", "afterwards"):
            table, penalty = pooled, penalty[:-1, :-1]
        solved = torch.linalg.solve(table.T @ table + penalty, table.T @ targets)
        weight = solved[:channels]
        bias = torch.zeros_like(targets[0]) if intercept == "none" else solved[-1]
        if intercept == "level":
            bias = targets.mean(0)
        if intercept == "afterwards":
            bias = targets.mean(0) - pooled.mean(0) @ weight
        return (weight if transposed else weight.T), bias
    return pooling_head


def residuals_balanced(args, answer):
    features, targets, _ = args
    weight, bias = answer
    return torch.allclose((features.mean((2, 3)) @ weight.T + bias - targets).mean(0), torch.zeros_like(bias), atol=1e-7)


EXERCISE = Exercise(
    id="08.5", title="A pooling head by least squares", points=2, minutes=15, difficulty=2, function="pooling_head",
    cases=head_cases, oracle=by_scikit_learn,
    laws=(Law("residuals of mean zero", "With a free bias the errors of every class average to zero over the pictures.", residuals_balanced),),
    hints=("Once the features are pooled this is a linear regression with a penalty: a table (n, channels), several targets at once.",
           "Centre pooled features and targets by their means over the pictures. The weights solve "
           "(P^T P + ridge I) W^T = P^T T for the centred P and T, and the bias puts the means back.",
           "weight = torch.linalg.solve(P.T @ P + ridge * torch.eye(channels), P.T @ T).T; bias = mean of the targets minus weight @ mean of the "
           "pooled features"),
    misconceptions=(
        Misconception("bias penalised", fitted(intercept="penalised"),
                      "The penalty also pulls the bias towards zero: it belongs on the weights only. Centre features and targets first, or "
                      "leave the bias's entry of the penalty at zero."),
        Misconception("no bias", fitted(intercept="none"),
                      "The fit goes through the origin: without a bias the mean of the targets has to be made of the features. Fit one."),
        Misconception("bias without the features' mean", fitted(intercept="level"),
                      "Your bias is the mean of the targets: that would do if the pooled features had mean zero. Take off what the weights "
                      "make of their mean."),
        Misconception("not centred before the fit", fitted(intercept="afterwards"),
                      "The weights were fitted without a bias, and it was added afterwards: centre pooled features and targets before you "
                      "solve, so that the weights need not make up for it."),
        Misconception("maximum for mean", fitted(pool=lambda f: f.amax((2, 3))),
                      "You pool by the maximum: then the score is no mean over places, and the map no longer adds up to it. Pool by the mean."),
        Misconception("sum for mean", fitted(pool=lambda f: f.sum((2, 3))),
                      "You pool by the sum over the places: pool by the mean, as global average pooling does."),
        Misconception("ridge left out", fitted(ridge_of=lambda ridge, n: 0.0),
                      "The penalty is missing: add ridge times the identity to the matrix before you solve."),
        Misconception("ridge times n", fitted(ridge_of=lambda ridge, n: ridge * n),
                      "Your penalty is n times too strong: the docstring's sum of squares runs over all pictures and is not divided by n."),
        Misconception("weights transposed", fitted(transposed=True),
                      "The weights are transposed: a linear layer keeps them as (classes, channels)."),
    ),
)
