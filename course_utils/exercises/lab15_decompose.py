"""Exercise 15.2: the variance of an ensemble, and its two parts."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def ensembles(seed):
    """Means and sigmas (members, points) of ensembles, one of them with a single member."""
    rng = np.random.default_rng([15, 2, seed])
    cases = []
    for members, points in ((5, 4), (3, 6), (1, 3)):
        means = rng.normal(0, np.exp(rng.normal(0, 0.5, points)), (members, points)) + rng.normal(0, 3, points)
        sigmas = np.exp(rng.normal(-0.3, 0.6, (members, points)))
        cases.append(Case((torch.from_numpy(means), torch.from_numpy(sigmas)), f"{members} members, {points} points"))
    return cases


def by_mixture(means, sigmas):
    """Total: the variance of torch's mixture; aleatoric: its variance with all means moved to zero."""
    from torch.distributions import Categorical, MixtureSameFamily, Normal

    def variance(centres):
        weights = Categorical(torch.ones(centres.T.shape, dtype=centres.dtype))
        return MixtureSameFamily(weights, Normal(centres.T, sigmas.T)).variance

    epistemic = torch.from_numpy(np.cov(means.numpy(), rowvar=False, bias=True, ddof=0).reshape(means.shape[1], -1)).diagonal().clone()
    return variance(means), variance(torch.zeros_like(means)), epistemic


def parts(aleatoric, epistemic):
    """A wrong function from its two parts."""
    def function(means, sigmas):
        a, e = aleatoric(sigmas), epistemic(means)
        return a + e, a, e
    return function


def mean_square(sigmas):
    return (sigmas**2).mean(dim=0)


def spread(means):
    return means.var(dim=0, correction=0)


def unbiased(means):
    return means.var(dim=0, correction=1) if len(means) > 1 else torch.zeros_like(means[0])


def swapped(means, sigmas):
    total, aleatoric, epistemic = parts(mean_square, spread)(means, sigmas)
    return total, epistemic, aleatoric


def deviations(means, sigmas):
    total, aleatoric, epistemic = parts(mean_square, spread)(means, sigmas)
    return total.sqrt(), aleatoric.sqrt(), epistemic.sqrt()


def pooled(means, sigmas):
    """The variance of the mean of independent members: what averaging measurements would give."""
    aleatoric, epistemic = mean_square(sigmas) / len(sigmas), spread(means)
    return aleatoric + epistemic, aleatoric, epistemic


def total_last(means, sigmas):
    total, aleatoric, epistemic = parts(mean_square, spread)(means, sigmas)
    return aleatoric, epistemic, total


DECOMPOSE = Exercise(
    id="15.2", title="The two parts of an ensemble's variance", points=2, minutes=10, difficulty=2, function="decompose",
    cases=ensembles, oracle=by_mixture,
    laws=(
        Law("total variance", "Total = aleatoric + epistemic, at every point.",
            lambda args, answer: torch.allclose(answer[0], answer[1] + answer[2])),
        Law("one member agrees with itself", "With a single member the epistemic part is 0, not NaN.",
            lambda args, answer: len(args[0]) > 1 or not answer[2].any()),
    ),
    hints=(
        "The ensemble is a mixture of Gaussians with equal weights. Which part of its variance remains if all members agree on the mean?",
        "Aleatoric: the mean over members of the *variances*. Epistemic: the variance over members of the *means*, divided by the number "
        "of members. Total: their sum.",
        "`aleatoric, epistemic = (sigmas**2).mean(dim=0), means.var(dim=0, correction=0)`",
    ),
    misconceptions=(
        Misconception("divided by n - 1", parts(mean_square, unbiased),
                      "You divide by the number of members minus one. The members are the whole mixture, not a sample from it: `correction=0`."),
        Misconception("square of the mean sigma", parts(lambda s: s.mean(dim=0) ** 2, spread),
                      "You average the sigmas and square afterwards. Variances add up, standard deviations do not: square first."),
        Misconception("mean sigma", parts(lambda s: s.mean(dim=0), spread),
                      "You average sigmas where variances belong: square them first, else the parts have different units."),
        Misconception("standard deviation of the means", parts(mean_square, lambda m: m.std(dim=0, correction=0)),
                      "Your epistemic part is a standard deviation. A variance is asked for; only variances add up."),
        Misconception("variance of the sigmas", lambda means, sigmas: parts(mean_square, lambda m: sigmas.var(dim=0, correction=0))(means, sigmas),
                      "You take the spread of the sigmas. Epistemic uncertainty is the members' disagreement about the mean."),
        Misconception("sum for mean", parts(lambda s: (s**2).sum(dim=0), spread),
                      "You add up the members' variances: the noise would grow with every member. Take their mean."),
        Misconception("averaging measurements", pooled,
                      "You divide the mean variance by the number of members, as for the mean of independent measurements. The noise of a new "
                      "observation does not shrink because more networks look at it."),
        Misconception("names exchanged", swapped,
                      "The parts are exchanged: aleatoric is the noise that each member predicts, epistemic the disagreement of the means."),
        Misconception("total last", total_last, "The order is another one: total first, then aleatoric, then epistemic."),
        Misconception("means not centred", parts(mean_square, lambda m: (m**2).mean(dim=0)),
                      "You average the squares of the means themselves: subtract the members' common mean at each point first."),
        Misconception("one mean for all points", parts(mean_square, lambda m: ((m - m.mean()) ** 2).mean(dim=0)),
                      "You subtract one mean over all points: the members' mean is taken at each point apart, `dim=0`."),
        Misconception("both sums", parts(lambda s: (s**2).sum(dim=0), lambda m: ((m - m.mean(dim=0)) ** 2).sum(dim=0)),
                      "You add up over the members and never divide: both parts are means over the members."),
        Misconception("standard deviations", deviations, "These are standard deviations. Return variances: only they add up."),
    ),
    rtol=1e-6, atol=1e-9,
)
