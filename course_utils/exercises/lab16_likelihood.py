"""Exercise 16.3: the log marginal likelihood."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab16_posterior import factorised


def data_and_factors(seed):
    rng = np.random.default_rng([16, 3, seed])
    cases = []
    for n, d in ((4, 1), (7, 2), (11, 3)):
        x, y = rng.random((n, d)), rng.normal(0.4, 1.3, size=n)
        theta = np.log([np.exp(rng.uniform(0, 1)), *np.exp(rng.uniform(-1.5, -0.5, size=d)), rng.uniform(0.02, 0.2)])
        cases.append(Case((y, *factorised(x, y, theta)), f"{n} values measured in {d} dimension{'s' * (d > 1)}"))
    return cases


def by_scipy(y, factor, alpha):
    """The density of all values together under the normal distribution that the process says they have."""
    from scipy.stats import multivariate_normal

    return float(multivariate_normal(np.zeros(len(y)), factor @ factor.T).logpdf(y))


def terms(fit=-0.5, volume=-1.0, constant=-0.5):
    """The three terms with other factors."""
    def wrong(y, factor, alpha):
        return float(fit * y @ alpha + volume * np.log(np.diag(factor)).sum() + constant * len(y) * np.log(2 * np.pi))
    return wrong


def constant_once(y, factor, alpha):
    return terms(constant=0)(y, factor, alpha) - float(0.5 * np.log(2 * np.pi))


def common_logarithm(y, factor, alpha):
    return float(-0.5 * y @ alpha - np.log10(np.diag(factor)).sum() - 0.5 * len(y) * np.log10(2 * np.pi))


def without_the_model(y, factor, alpha):
    return terms(fit=0)(y, factor, alpha) - float(0.5 * y @ y)


def per_value(y, factor, alpha):
    return by_scipy(y, factor, alpha) / len(y)


def weights_squared(y, factor, alpha):
    return terms(fit=0)(y, factor, alpha) - float(0.5 * alpha @ alpha)


LIKELIHOOD = Exercise(
    id="16.3", title="The log marginal likelihood", points=2, minutes=10, difficulty=2, function="log_marginal_likelihood",
    cases=data_and_factors, oracle=by_scipy,
    laws=(Law("zeros are likeliest", "Under a process with mean zero, no values are likelier than zeros: the term of fit is never positive.",
              lambda args, answer: answer <= terms(fit=0)(*args) + 1e-9),),
    hints=(
        "Three terms: how well the values fit, how much room the model leaves them, and a constant. Which of them needs y?",
        "The determinant of a triangular matrix is the product of its diagonal, and det K = (det L)². So ½ log det K is a sum of logarithms.",
        "`-0.5 * y @ alpha - np.log(np.diag(factor)).sum() - 0.5 * len(y) * np.log(2 * np.pi)`",
    ),
    misconceptions=(
        Misconception("determinant not halved", terms(volume=-2.0),
                      "Your second term is log det K; the formula has half of it, and with L that is Σ log Lᵢᵢ."),
        Misconception("determinant halved twice", terms(volume=-0.5),
                      "You take ½ Σ log Lᵢᵢ; but det K = (det L)², so the half is used up: Σ log Lᵢᵢ."),
        Misconception("sign of the determinant", terms(volume=1.0),
                      "The determinant has the wrong sign: a model that leaves much room gives each place in it less density."),
        Misconception("fit not halved", terms(fit=-1.0), "The ½ before yᵀK⁻¹y is missing."),
        Misconception("sign of the fit", terms(fit=0.5), "yᵀK⁻¹y has the wrong sign: values far from what the model expects are less likely."),
        Misconception("minus the whole", terms(0.5, 1.0, 0.5),
                      "That is minus the log likelihood, as a minimiser wants it; here the logarithm itself is asked for."),
        Misconception("sign of the constant", terms(constant=0.5), "The constant is subtracted: -n/2 log 2π."),
        Misconception("no constant", terms(constant=0.0), "The term -n/2 log 2π is missing: you need it to compare with other libraries."),
        Misconception("constant not halved", terms(constant=-1.0), "The constant is n/2 log 2π; the ½ is missing."),
        Misconception("constant for one value", constant_once, "The constant counts once for each of the n values: n/2 log 2π."),
        Misconception("common logarithm", common_logarithm, "`np.log10` is the logarithm to base 10; here the natural one, `np.log`, is meant."),
        Misconception("fit without the model", without_the_model,
                      "yᵀy forgets the covariance: the term of fit is yᵀK⁻¹y, and `alpha` is K⁻¹y."),
        Misconception("weights squared", weights_squared, "αᵀα is yᵀK⁻²y; the term of fit is yᵀα."),
        Misconception("mean for sum", per_value, "You divide by the number of values; the likelihood is of all values together."),
    ),
    rtol=1e-7, atol=1e-7,
)
