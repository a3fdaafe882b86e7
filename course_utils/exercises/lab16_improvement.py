"""Exercise 16.4: the expected improvement in closed form."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def beliefs(seed):
    """Means on both sides of the best value, standard deviations over two decades, some of them zero."""
    rng = np.random.default_rng([16, 4, seed])
    cases = []
    for n, what in ((6, "beliefs on both sides of the best value"), (5, "beliefs, the best value far from zero"), (6, "beliefs, some without doubt")):
        best = float(rng.normal(0, 1) + (5 if "far" in what else 0))
        std = np.exp(rng.uniform(-2, 1, size=n))
        mean = best + std * rng.uniform(-2.5, 2.5, size=n)
        if "without" in what:
            std[:3], mean[:3] = 0.0, best + np.array([-0.7, 0.0, 0.4])
        cases.append(Case((mean, std, best), f"{n} {what}"))
    return cases


def by_quadrature(mean, std, best):
    """The slide's integral, over all y below the best value that have any weight."""
    from math import exp, pi, sqrt

    from scipy.integrate import quad

    def integral(m, s):
        if s == 0:
            return max(0.0, best - m)
        low, high = m - 12 * s, min(best, m + 12 * s)
        return quad(lambda y: (best - y) * exp(-(((y - m) / s) ** 2) / 2) / (s * sqrt(2 * pi)), low, high, epsabs=1e-12, epsrel=1e-10)[0] if high > low else 0.0

    return np.array([integral(m, s) for m, s in zip(mean, std)])


def normal(z):
    """Density and distribution function of the standard normal distribution."""
    from scipy.special import ndtr

    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), ndtr(z)


def bent(change):
    """Another formula where there is doubt, the right answer where there is none."""
    def wrong(mean, std, best):
        sure = std == 0
        scale = np.where(sure, 1.0, std)
        gain = best - mean
        return np.where(sure, np.maximum(gain, 0), change(gain, scale, *normal(gain / scale)))
    return wrong


def for_a_maximum(mean, std, best):
    return bent(lambda g, s, pdf, cdf: g * cdf + s * pdf)(2 * best - mean, std, best)


def zero_divided(mean, std, best):
    with np.errstate(all="ignore"):
        z = (best - mean) / std
        pdf, cdf = normal(z)
        return (best - mean) * cdf + std * pdf


def zero_times_infinity(mean, std, best):
    with np.errstate(all="ignore"):
        z = (best - mean) / std
        pdf, cdf = normal(z)
        return std * (pdf + z * cdf)


def loss_without_doubt(mean, std, best):
    return np.where(std == 0, best - mean, bent(lambda g, s, pdf, cdf: g * cdf + s * pdf)(mean, std, best))


def nothing_without_doubt(mean, std, best):
    return np.where(std == 0, 0.0, bent(lambda g, s, pdf, cdf: g * cdf + s * pdf)(mean, std, best))


def by_variance(mean, std, best):
    sure = std == 0
    scale, gain = np.where(sure, 1.0, std), best - mean
    pdf, cdf = normal(gain / scale**2)
    return np.where(sure, np.maximum(gain, 0), gain * cdf + scale**2 * pdf)


def unscaled(mean, std, best):
    pdf, cdf = normal(best - mean)
    return np.where(std == 0, np.maximum(best - mean, 0), (best - mean) * cdf + std * pdf)


IMPROVEMENT = Exercise(
    id="16.4", title="Expected improvement", points=3, minutes=15, difficulty=2, function="expected_improvement",
    cases=beliefs, oracle=by_quadrature,
    laws=(Law("at least the mean's improvement", "The expected improvement is never below max(0, best - mean), and is that where std is 0: chance can only add "
              "to it.", lambda args, answer: (answer >= np.maximum(args[2] - args[0], 0) - 1e-9).all()),),
    hints=(
        "Measure in standard deviations: z = (best - mean) / std says how far the best value lies above the mean.",
        "Two terms: the gain at the mean, best - mean, weighted with the probability of a gain, and std times the density at z. "
        "`ndtr` is Φ; φ(z) = exp(-z²/2)/√(2π). Where std is 0, divide by something else and choose with `np.where`.",
        "`(best - mean) * ndtr(z) + std * density`, and `np.maximum(best - mean, 0)` where std is 0.",
    ),
    misconceptions=(
        Misconception("for a maximum", for_a_maximum,
                      "This is the improvement for a maximum, mean - best. The slide has max(0, y_best - y): we look for the smallest value."),
        Misconception("probability of improvement", bent(lambda g, s, pdf, cdf: cdf),
                      "Φ(z) is the probability that there is an improvement, however small; what is wanted is how large it is on average."),
        Misconception("density without std", bent(lambda g, s, pdf, cdf: g * cdf + pdf),
                      "The factor std is missing before φ(z): an improvement has the unit of y."),
        Misconception("left in standard deviations", bent(lambda g, s, pdf, cdf: pdf + g / s * cdf),
                      "φ(z) + z Φ(z) counts in standard deviations: multiply it by std, and it has the unit of y."),
        Misconception("density left out", bent(lambda g, s, pdf, cdf: g * cdf),
                      "The term std · φ(z) is missing: without it, a point whose mean equals the best value would promise nothing."),
        Misconception("functions swapped", bent(lambda g, s, pdf, cdf: g * pdf + s * cdf),
                      "Φ and φ are swapped: the gain is weighted with the probability Φ(z), the standard deviation with the density φ(z)."),
        Misconception("sign of the density", bent(lambda g, s, pdf, cdf: g * cdf - s * pdf),
                      "The term std · φ(z) is added: doubt makes an improvement more likely, not less."),
        Misconception("improvement of the mean", bent(lambda g, s, pdf, cdf: np.maximum(g, 0)),
                      "That is the improvement of the mean. The mean of the improvement is larger: max(0, ·) comes before the average, not after."),
        Misconception("variance for standard deviation", by_variance, "You use the variance as the scale; z and the second term take `std` itself."),
        Misconception("z not divided", unscaled, "z is (best - mean) / std: without the division, φ and Φ are asked in the wrong unit."),
        Misconception("zero divided by zero", zero_divided,
                      "Where std is 0 you divide by zero: there is no doubt, and the improvement is max(0, best - mean)."),
        Misconception("zero times infinity", zero_times_infinity,
                      "Where std is 0, z is infinite or 0/0, and std times it is NaN: put max(0, best - mean) there."),
        Misconception("loss without doubt", loss_without_doubt,
                      "Where std is 0 and the mean lies above best, you lose nothing: the improvement is 0 there, not best - mean."),
        Misconception("nothing without doubt", nothing_without_doubt,
                      "Where std is 0 the value is known to be the mean: the improvement is max(0, best - mean), not 0."),
    ),
    rtol=1e-6, atol=1e-8,
)
