"""Exercise 15.3: a linear layer whose weights are distributions."""
from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import softplus

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def layers(seed):
    """Inputs, parameters and noise of small layers; the last one is the prior itself, whose KL is zero."""
    rng = np.random.default_rng([15, 3, seed])
    cases = []
    for n, inputs, outputs, prior in ((4, 3, 2, 0.7), (3, 1, 5, 1.6), (5, 4, 3, 0.9)):
        shape = (inputs + 1, outputs)
        mean, rho, noise = rng.normal(0, 0.8, shape), rng.normal(-0.5, 1, shape), rng.normal(size=shape)
        about = f"{inputs} inputs, {outputs} outputs, prior sigma {prior}"
        if inputs == 4:
            mean, rho, about = np.zeros(shape), np.full(shape, math.log(math.expm1(prior))), about + ", weights distributed as the prior"
        x = rng.normal(size=(n, inputs))
        cases.append(Case((*map(torch.from_numpy, (x, mean, rho, noise)), prior), about))
    return cases


def by_distributions(x, mean, rho, noise, prior_sigma):
    """torch's linear layer on the drawn weights; torch's divergence of two normals."""
    from torch.distributions import Normal, kl_divergence

    weights = torch.stack([Normal(m, s).icdf(Normal(0.0, 1.0).cdf(e)) for m, s, e in zip(mean, softplus(rho), noise)])
    output = torch.nn.functional.linear(x, weights[:-1].T, weights[-1])
    return output, kl_divergence(Normal(mean, softplus(rho)), Normal(torch.zeros_like(mean), prior_sigma)).sum()


def each_kl(mean, sigma, prior):
    return torch.log(prior / sigma) + (sigma**2 + mean**2) / (2 * prior**2) - 0.5


def variant(scale=softplus, draw=lambda m, s, e: m + s * e, kl=lambda m, s, p, w: each_kl(m, s, p).sum()):
    """The layer with one of its three steps replaced."""
    def function(x, mean, rho, noise, prior_sigma):
        sigma, prior = scale(rho), torch.tensor(prior_sigma, dtype=mean.dtype)
        weights = draw(mean, sigma, noise)
        return x @ weights[:-1] + weights[-1], kl(mean, sigma, prior, weights)
    return function


def bias_without_noise(mean, sigma, noise):
    return torch.cat([(mean + sigma * noise)[:-1], mean[-1:]])


def sampled(mean, sigma, prior, weights):
    from torch.distributions import Normal

    return (Normal(mean, sigma).log_prob(weights) - Normal(torch.zeros_like(mean), prior).log_prob(weights)).sum()


def reversed_kl(mean, sigma, prior, weights):
    return (torch.log(sigma / prior) + (prior**2 + mean**2) / (2 * sigma**2) - 0.5).sum()


def bias_elsewhere(place):
    """The layer with its bias taken from another place: place(x, weights) is the output."""
    def function(x, mean, rho, noise, prior_sigma):
        sigma = softplus(rho)
        return place(x, mean + sigma * noise), each_kl(mean, sigma, torch.tensor(prior_sigma, dtype=mean.dtype)).sum()
    return function


def zero_at_the_prior(args, answer):
    _, mean, rho, _, prior_sigma = args
    at_prior = not mean.any() and torch.allclose(softplus(rho), torch.full_like(rho, prior_sigma))
    return float(answer[1]) >= -1e-9 and (not at_prior or abs(float(answer[1])) < 1e-8)


BAYES_LINEAR = Exercise(
    id="15.3", title="A linear layer with distributions for weights", points=3, minutes=15, difficulty=3, function="bayes_linear",
    cases=layers, oracle=by_distributions,
    laws=(Law("divergence", "KL is never negative, and zero where the weights' distribution is the prior.", zero_at_the_prior),),
    hints=(
        "A draw from N(mean, sigma²) is the mean plus sigma times a draw from N(0, 1): the noise comes from outside, and the slope passes "
        "through mean and sigma.",
        "sigma = softplus(rho); weights = mean + sigma * noise; all rows but the last multiply x, the last is added. The KL of each weight: "
        "log(prior/sigma) + (sigma² + mean²)/(2 prior²) - 1/2; then the sum.",
        "`kl = (math.log(prior_sigma) - sigma.log() + (sigma**2 + mean**2) / (2 * prior_sigma**2) - 0.5).sum()`",
    ),
    misconceptions=(
        Misconception("exp for softplus", variant(scale=torch.exp), "Your sigma is exp(rho); here it is softplus(rho) = log(1 + exp(rho))."),
        Misconception("rho as sigma", variant(scale=torch.abs), "You use rho itself as sigma. rho may be negative; softplus(rho) is not."),
        Misconception("variance times noise", variant(draw=lambda m, s, e: m + s**2 * e),
                      "You scale the noise by sigma squared. A draw is mean + sigma · noise."),
        Misconception("root of sigma", variant(draw=lambda m, s, e: m + s.sqrt() * e),
                      "You scale the noise by the root of softplus(rho), as if that were the variance. It is sigma: mean + sigma · noise."),
        Misconception("noise left out", variant(draw=lambda m, s, e: m),
                      "The output uses the mean weights: the noise is left out, so sigma never meets the data."),
        Misconception("bias without noise", variant(draw=bias_without_noise),
                      "The bias is left at its mean. It is the last row of the weights and has a distribution as they have."),
        Misconception("divergence the other way round", variant(kl=reversed_kl),
                      "This is KL(prior ‖ weights). Bayes by backprop needs KL(weights ‖ prior): the expectation is over your distribution."),
        Misconception("sampled divergence", variant(kl=sampled),
                      "You estimate KL from the one draw, log q(w) - log p(w). That is right on average; the closed form is asked for, without "
                      "the noise."),
        Misconception("mean for sum", variant(kl=lambda m, s, p, w: each_kl(m, s, p).mean()),
                      "You average the KL over the weights. The weights are independent: their divergences add up."),
        Misconception("prior sigma as variance", variant(kl=lambda m, s, p, w: each_kl(m, s, p.sqrt()).sum()),
                      "You use prior_sigma as the prior's variance; its variance is prior_sigma squared."),
        Misconception("logarithm the other way round", variant(kl=lambda m, s, p, w: (each_kl(m, s, p) + 2 * torch.log(s / p)).sum()),
                      "The logarithm in your KL is turned over: it is log(prior/sigma), which grows as sigma shrinks."),
        Misconception("prior not squared", variant(kl=lambda m, s, p, w: (torch.log(p / s) + (s**2 + m**2) / (2 * p) - 0.5).sum()),
                      "The denominator in your KL is 2 · prior_sigma: it is twice the prior's variance, 2 · prior_sigma squared."),
        Misconception("product for quotient", variant(kl=lambda m, s, p, w: (torch.log(p / s) + (s**2 + m**2) / 2 * p**2 - 0.5).sum()),
                      "You multiply by prior_sigma squared: put brackets round the denominator, (2 * prior_sigma**2)."),
        Misconception("no bias", bias_elsewhere(lambda x, w: x @ w[:-1]), "The output lacks the bias, the last row of the drawn weights."),
        Misconception("bias first", bias_elsewhere(lambda x, w: x @ w[1:] + w[0]),
                      "You take the first row for the bias: it is the last."),
        Misconception("no minus a half", variant(kl=lambda m, s, p, w: (each_kl(m, s, p) + 0.5).sum()),
                      "The -1/2 of each weight is missing: your KL is not zero at the prior."),
        Misconception("divergence without the bias", variant(kl=lambda m, s, p, w: each_kl(m, s, p)[:-1].sum()),
                      "The last row, the bias, is missing in the KL: it too has a distribution and a prior."),
    ),
    rtol=1e-6, atol=1e-8,
)
