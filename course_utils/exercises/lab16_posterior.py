"""Exercise 16.2: mean and standard deviation of a Gaussian process given data."""
from __future__ import annotations

import warnings

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def kernel_of(theta):
    """Kernel and noise variance in scikit-learn's words."""
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    variance, *lengths, noise = np.exp(theta)
    return ConstantKernel(variance) * Matern(lengths, nu=2.5), noise


def factorised(x, y, theta):
    """Lower Cholesky factor of the observations' covariance, and the weights alpha."""
    kernel, noise = kernel_of(theta)
    covariance = kernel(x) + noise * np.eye(len(x))
    return np.linalg.cholesky(covariance), np.linalg.solve(covariance, y)


def questions(seed):
    """Points to ask about, data points, factor, weights, theta; asked also at the data, with hardly any noise.

    There the factor is a hair too small, as rounding may leave it, so that the variance at the data is negative in whatever order one adds.
    """
    rng = np.random.default_rng([16, 2, seed])
    cases = []
    for n, m, d, noise, about in ((5, 4, 1, 0.4, ""), (7, 5, 2, 0.3, ""), (6, 5, 3, 1e-12, ", asked also at the data, almost without noise")):
        x, points = rng.random((n, d)), rng.random((m, d))
        theta = np.log([np.exp(rng.uniform(0.4, 1.2)), *np.exp(rng.uniform(-2.3, -1.3, size=d)), noise])
        if about:
            points[: m // 2] = x[: m // 2]
        factor, alpha = factorised(x, rng.normal(size=n), theta)
        if about:
            factor *= 1 - 1e-11
        cases.append(Case((points, x, factor, alpha, theta), f"{n} data points in {d} dimension{'s' * (d > 1)}{about}"))
    return cases


def by_sklearn(points, x, factor, alpha, theta):
    from sklearn.gaussian_process import GaussianProcessRegressor

    kernel, noise = kernel_of(theta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where it cuts a variance off at zero
        model = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, factor @ (factor.T @ alpha))
        mean, std = model.predict(points, return_std=True)
    return mean, std


def parts(points, x, factor, alpha, theta):
    """Mean, prior variance, explained variance and noise."""
    kernel, noise = kernel_of(theta)
    across = kernel(points, x)
    explained = (np.linalg.solve(factor, across.T) ** 2).sum(axis=0)
    return across @ alpha, np.exp(theta[0]), explained, noise


def bent(change):
    """The right mean, and another standard deviation."""
    def wrong(*args):
        mean, prior, explained, noise = parts(*args)
        return mean, change(prior, np.minimum(explained, prior), noise)
    return wrong


def root_of_negative(*args):
    mean, prior, explained, _ = parts(*args)
    with np.errstate(invalid="ignore"):
        return mean, np.sqrt(prior - explained)


def sign_dropped(*args):
    mean, prior, explained, _ = parts(*args)
    return mean, np.sqrt(np.abs(prior - explained))


def half_solved(points, x, factor, alpha, theta):
    mean, prior, _, _ = parts(points, x, factor, alpha, theta)
    across = kernel_of(theta)[0](points, x)
    return mean, np.sqrt(np.maximum(prior - (across * np.linalg.solve(factor, across.T).T).sum(axis=1), 0))


def transposed_solve(points, x, factor, alpha, theta):
    mean, prior, _, _ = parts(points, x, factor, alpha, theta)
    across = kernel_of(theta)[0](points, x)
    return mean, np.sqrt(np.maximum(prior - (np.linalg.solve(factor.T, across.T) ** 2).sum(axis=0), 0))


def diagonal_only(points, x, factor, alpha, theta):
    mean, prior, _, _ = parts(points, x, factor, alpha, theta)
    across = kernel_of(theta)[0](points, x)
    return mean, np.sqrt(np.maximum(prior - ((across / np.diag(factor)) ** 2).sum(axis=1), 0))


def solved_again(points, x, factor, alpha, theta):
    _, prior, explained, _ = parts(points, x, factor, alpha, theta)
    across = kernel_of(theta)[0](points, x)
    return across @ np.linalg.solve(factor.T, np.linalg.solve(factor, alpha)), np.sqrt(np.maximum(prior - explained, 0))


def unit_prior(points, x, factor, alpha, theta):
    mean, _, explained, _ = parts(points, x, factor, alpha, theta)
    return mean, np.sqrt(np.maximum(1 - explained, 0))


def shrinks(args, answer):
    return (answer[1] <= np.exp(args[4][0] / 2) + 1e-9).all() and (answer[1] >= 0).all()


POSTERIOR = Exercise(
    id="16.2", title="The posterior of a Gaussian process", points=3, minutes=15, difficulty=2, function="posterior",
    cases=questions, oracle=by_sklearn,
    laws=(Law("data never add uncertainty", "The standard deviation lies between 0 and that of the prior, √variance.", shrinks),),
    hints=(
        "Everything starts from one array, say `across`: the covariances between the points that you ask about and the data, of shape (m, n).",
        "The mean is a matrix times a vector, `across @ alpha`. For the variance solve one triangular system for all points at once; the "
        "right-hand side has shape (n, m).",
        "`v = solve_triangular(factor, across.T, lower=True)`; the variance is `variance - (v**2).sum(axis=0)`, cut off at 0 with `np.maximum`.",
    ),
    misconceptions=(
        Misconception("variance for standard deviation", bent(lambda p, e, n: p - e),
                      "The second value is the variance; the standard deviation is its root."),
        Misconception("noise added", bent(lambda p, e, n: np.sqrt(p - e + n)),
                      "You add the noise variance: that is the spread of a new measurement. Here the spread of the function itself is wanted."),
        Misconception("reduction for what is left", bent(lambda p, e, n: np.sqrt(e)),
                      "That is what the data explain. The variance that is left is the prior's minus that."),
        Misconception("prior alone", bent(lambda p, e, n: np.sqrt(p - 0 * e)), "Your standard deviation is the prior's everywhere: the data have to lower it."),
        Misconception("root of a negative variance", root_of_negative,
                      "At the data rounding has made the variance negative, and its root is NaN: cut the variance off at 0 before the root."),
        Misconception("sign of a negative variance dropped", sign_dropped,
                      "A variance that rounding has made negative counts as zero: its absolute value is made of rounding alone."),
        Misconception("prior variance of 1", unit_prior,
                      "You start from a prior variance of 1; it is `variance`, the first entry of unpack(theta)."),
        Misconception("half of the solve", half_solved,
                      "k · L⁻¹k is neither one thing nor the other: either |L⁻¹k|², or k · K⁻¹k with two triangular solves."),
        Misconception("transposed factor", transposed_solve,
                      "You solve with the transposed factor. K = L Lᵀ, so kᵀK⁻¹k = |L⁻¹k|²: the lower factor itself."),
        Misconception("upper triangle of a lower factor", diagonal_only,
                      "`solve_triangular` reads the upper triangle unless it is told `lower=True`: of your factor it sees the diagonal alone."),
        Misconception("solved twice for the mean", solved_again,
                      "`alpha` is K⁻¹y already: the mean is the covariances k⋆ times `alpha`, without another solve."),
    ),
    rtol=1e-6, atol=2e-6,
)
