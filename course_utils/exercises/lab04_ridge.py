"""Exercise 04.3: weighted ridge regression."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Points off the origin with weights that fall with the distance, from a weak to a strong penalty."""
    rng = np.random.default_rng([43, seed])
    made = []
    for n, d, alpha in ((12, 1, 0.3), (40, 4, 5.0), (60, 9, 0.02)):
        alpha *= float(rng.uniform(0.8, 1.25))
        features = rng.normal(size=d) + rng.normal(size=(n, d))
        weights = np.exp(-((features - features[0]) ** 2).sum(axis=1) / (1.5 * d))
        targets = 2.0 + features @ rng.normal(size=d) + 0.7 * features[:, 0] ** 2 + 0.3 * rng.normal(size=n)
        made.append(Case((features, targets, weights, alpha), f"{n} samples, {d} feature{'s' if d > 1 else ''}, alpha {alpha:.3g}"))
    return made


def oracle(features, targets, weights, alpha):
    """scikit-learn's ridge regression with sample weights."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=alpha, tol=1e-10, solver="svd").fit(features, targets, sample_weight=weights)
    return model.coef_, float(model.intercept_)


def solve(features, targets, weights, penalty):
    return np.linalg.solve((features.T * weights) @ features + np.diag(np.broadcast_to(penalty, features.shape[1])), (features.T * weights) @ targets)


def variant(row_weights=lambda weights: weights, centre_weights=None, alpha_of=lambda alpha, weights: alpha):
    """The closed form on centred data, with one thing changed."""
    def weighted_ridge(features, targets, weights, alpha):
        used = row_weights(weights)
        centre = used if centre_weights is None else centre_weights(weights)
        mean, level = np.average(features, axis=0, weights=centre), np.average(targets, weights=centre)
        coefficients = solve(features - mean, targets - level, used, alpha_of(alpha, weights))
        return coefficients, float(level - mean @ coefficients)
    return weighted_ridge


def no_intercept(features, targets, weights, alpha):
    return solve(features, targets, weights, alpha), 0.0


def intercept_lost(features, targets, weights, alpha):
    coefficients, _ = variant()(features, targets, weights, alpha)
    return coefficients, float(np.average(targets, weights=weights))


def intercept_penalised(features, targets, weights, alpha):
    both = solve(np.column_stack([np.ones(len(features)), features]), targets, weights, alpha)
    return both[1:], float(both[0])


def residuals_balance(args, answer):
    features, targets, weights, _ = args
    coefficients, intercept = answer
    left = weights * (targets - intercept - features @ coefficients)
    return abs(left.sum()) < 1e-6 * weights.sum() * np.abs(targets).max()


def normal_equations(args, answer):
    features, targets, weights, alpha = args
    coefficients, intercept = answer
    pull = features.T @ (weights * (targets - intercept - features @ coefficients))
    size = np.abs(features.T @ (weights * targets)).max() + 1e-12
    return bool(np.abs(pull - alpha * coefficients).max() < 1e-5 * size)


EXERCISE = Exercise(
    id="04.3", title="Weighted ridge regression", points=3, minutes=15, difficulty=2, function="weighted_ridge",
    cases=cases, oracle=oracle,
    laws=(Law("residuals balance", "The weighted residuals add up to zero, because the intercept is free.", residuals_balance),
          Law("normal equations", "At the minimum, each feature's weighted sum of residuals equals alpha times its coefficient.", normal_equations)),
    hints=("The intercept is free of the penalty. Take it out of the problem first: subtract from features and targets their means, each weighted by π.",
           "Then scale. An unweighted solver minimises a sum of squares, so a row multiplied by s counts s² times: multiply rows and targets by the root "
           "of the weights. Last, solve the normal equations (AᵀA + alpha I) w = Aᵀb, and get the intercept back from the two means.",
           "root = np.sqrt(weights)[:, None]; A = root * (features - mean); b = root[:, 0] * (targets - level); "
           "w = np.linalg.solve(A.T @ A + alpha * np.eye(d), A.T @ b); intercept = level - mean @ w"),
    misconceptions=(
        Misconception("weights not rooted", variant(row_weights=np.square, centre_weights=lambda weights: weights),
                      "You multiplied rows by the weights themselves; the solver squares them, so each sample counts by its weight squared: use the "
                      "square root."),
        Misconception("squared throughout", variant(row_weights=np.square),
                      "Every sample counts by its weight squared, in the means too: scale rows by the square root of the weights."),
        Misconception("unweighted", variant(row_weights=np.ones_like),
                      "The weights change nothing in your regression, so samples far from x count as much as near ones."),
        Misconception("roots as weights", variant(row_weights=np.sqrt),
                      "Each sample counts by the root of its weight: you took the root where the weight itself belongs, or took it twice."),
        Misconception("no intercept", no_intercept,
                      "Your line is forced through the origin: the model has an intercept, so centre features and targets first, or fit a column of ones."),
        Misconception("intercept not moved back", intercept_lost,
                      "The coefficients are right. The intercept is the mean of the targets minus the coefficients times the means of the features."),
        Misconception("intercept penalised", intercept_penalised,
                      "The column of ones is penalised like a feature, which pulls the intercept to 0: leave it out of the penalty."),
        Misconception("plain means", variant(centre_weights=np.ones_like),
                      "You centred with plain means; with weights, the means have to be weighted as well, or the intercept is not free."),
        Misconception("mean for sum", variant(alpha_of=lambda alpha, weights: alpha * weights.sum()),
                      "You divided the sum of squares by the sum of the weights, which makes the penalty that much stronger: it is a sum."),
        Misconception("no penalty", variant(alpha_of=lambda alpha, weights: 0.0),
                      "The penalty alpha is missing: this is weighted least squares."),
        Misconception("penalty squared", variant(alpha_of=lambda alpha, weights: alpha**2),
                      "Your penalty is alpha squared: extra rows of alpha times the identity should be rows of its root."),
    ),
)
