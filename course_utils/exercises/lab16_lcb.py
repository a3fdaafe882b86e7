"""Exercise 16.5: the lower confidence bound."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def beliefs(seed):
    rng = np.random.default_rng([16, 5, seed])
    cases = []
    for n, beta in ((5, float(rng.uniform(1.3, 3))), (4, float(rng.uniform(0.3, 0.8))), (6, 0.0)):
        cases.append(Case((rng.normal(0.5, 2, size=n), np.exp(rng.uniform(-2, 1, size=n)), beta), f"{n} beliefs, β = {beta:.2f}"))
    return cases


def by_quantile(mean, std, beta):
    """Below the bound lies a share of Φ(-β) of the belief: the bound is that quantile."""
    from scipy.stats import norm

    return -norm.ppf(norm.cdf(-beta), loc=mean, scale=std)


LCB = Exercise(
    id="16.5", title="Lower confidence bound", points=1, minutes=5, difficulty=1, function="lower_confidence_bound",
    cases=beliefs, oracle=by_quantile,
    laws=(Law("hope", "For β ≥ 0 no acquisition is below that of the mean alone, -mean: doubt is a bonus.",
              lambda args, answer: (answer >= -args[0] - 1e-9).all()),),
    hints=(
        "The bound of the values is mean - β std. Which sign makes a low bound a high acquisition?",
        "The acquisition is maximised: a small mean and a large standard deviation have to make it large.",
        "`-mean + beta * std`",
    ),
    misconceptions=(
        Misconception("the bound itself", lambda mean, std, beta: mean - beta * std,
                      "That is the bound itself, to be made small. The acquisition is maximised: take its negative, as on the slide."),
        Misconception("for a maximum", lambda mean, std, beta: mean + beta * std,
                      "This is the upper bound, for a maximum; we look for the smallest value: -mean + β std."),
        Misconception("doubt punished", lambda mean, std, beta: -mean - beta * std,
                      "Your acquisition falls with the standard deviation: it would go only where it knows its way. The bonus is added."),
        Misconception("variance for standard deviation", lambda mean, std, beta: -mean + beta * std**2,
                      "β counts standard deviations, not variances: a sum of values and squared values has no unit."),
        Misconception("no dial", lambda mean, std, beta: -mean + std, "`beta` is missing: it says how many standard deviations are added."),
        Misconception("root of beta", lambda mean, std, beta: -mean + np.sqrt(beta) * std,
                      "Some papers write √β; on the slide β itself is the factor."),
        Misconception("standard deviation alone", lambda mean, std, beta: beta * std,
                      "The mean is missing: this explores, and never uses what it found."),
    ),
    rtol=1e-7, atol=1e-9,
)
