# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 16 · Gaussian processes and Bayesian optimisation
#
# *6.874, recitation 5: experimental design. About 120 minutes. Builds on no other lab; the words of lab 15 (epistemic, aleatoric) help.*
#
# An experiment takes a week, and you may run thirty. Which one next? You need a model that says what it expects *and how sure it is*, and
# a rule that turns both into the next experiment.
#
# You will be able to
#
# - **build** a Gaussian process: kernel, posterior, marginal likelihood, with one Cholesky factor;
# - **fit** its kernel by gradient, and **say** when that fails;
# - **derive** expected improvement from its integral, and **compute** it where it is too small for a float;
# - **run** the loop in seven steps, and **measure** its regret against random search and pure exploitation;
# - **tune** a classifier with it, against grid and random search at the same number of fits.

# %%
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import BoundaryNorm, LogNorm
from scipy.integrate import quad
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import erfcx, ndtr
from scipy.stats import binomtest, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from course_utils import scoring
from course_utils.datasets import landscapes, tables
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.bands import band, observations
from course_utils.plots.scores import dots, table
from course_utils.settings import profile, threads
from course_utils.widgets import bo_game

threadpool_limits(threads(), user_api="blas")  # matrices of 50 by 50: more threads would wait for each other
start("16")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 Kernel 20 (16.1) · 2 Posterior 20 (16.2) · 3 Marginal likelihood 20 (16.3) · 4 Expected improvement 20 (16.4) ·
# 5 LCB 8 (16.5) · 6 The loop 17 (16.6) · 7 Regret 5 · 8 A real experiment 5 · 9 Touch 5. The Touch makes a good opening as well: play three
# rounds before anything is explained, and collect the rules by which people chose. If time is short: 16.3 and 16.5 as homework.

# %% [markdown]
# ## 1 · Functions as random vectors
#
# Ask a function for its values at $n$ points and you get a vector. A **Gaussian process** says: whatever points you ask for, that vector is
# normally distributed. Mean zero will do (subtract the data's mean first); all the rest is the covariance of two values, given by a
# **kernel** $k(a, b)$ of their points. Near points, alike values: that is all a kernel says.
#
# The **RBF kernel** is $k(a,b) = \sigma_f^2\, e^{-r^2/2}$ with $r^2 = \sum_j (a_j - b_j)^2/\ell_j^2$. The **variance** $\sigma_f^2$ says how
# far values stray from zero, the **length** $\ell_j$ how far you have to go along axis $j$ to meet something new.

# %%
def rbf(a, b, lengths, variance):
    """RBF kernel of points a (n, d) and b (m, d): covariances (n, m)."""
    return variance * np.exp(-0.5 * cdist(a / lengths, b / lengths, "sqeuclidean"))


# %% [markdown] tags=["card"] label="16.1-card"
# ### Exercise 16.1 · The Matérn kernel
# *2 points · 10 minutes · difficulty ●○○*
#
# Samples of the RBF kernel can be differentiated without end; few experiments are that smooth. The **Matérn kernel** with $\nu = 5/2$
# asks for two derivatives only, and is the usual choice for optimisation:
# $k(a, b) = \sigma_f^2 \left(1 + \sqrt5\, r + \tfrac53 r^2\right) e^{-\sqrt5\, r}$, with the same $r$. Write it for all pairs at once.
# Stuck? `%hint 16.1` gives a hint, `%reveal 16.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="16.1"
def matern52(a, b, lengths, variance):
    """Matérn kernel with nu = 5/2 between all pairs of two sets of points.

    Parameters
    ----------
    a : ndarray, float, shape (n, d)
    b : ndarray, float, shape (m, d)
    lengths : ndarray, float, shape (d,)
        Positive; axis j of the points is measured in units of lengths[j].
    variance : float
        Positive; the kernel of a point with itself.

    Returns
    -------
    ndarray, float, shape (n, m)
        Entry [i, k]: variance * (1 + sqrt(5) r + 5 r**2 / 3) * exp(-sqrt(5) r), where r is the Euclidean
        distance of a[i] and b[k] after division by the lengths.
    """
    ### BEGIN SOLUTION
    s = np.sqrt(5) * cdist(a / lengths, b / lengths)
    return variance * (1 + s + s**2 / 3) * np.exp(-s)
    ### END SOLUTION


# %% tags=["check"] label="16.1-check"
matern52 = check("16.1", matern52)

# %% [markdown]
# To draw a function from the process, draw its values on a grid: if $K = LL^\top$ with $L$ lower triangular (the **Cholesky factor**) and
# $u$ is standard normal, then $Lu$ has the covariance $K$.

# %% tags=["target"] target="16.1"
line = np.linspace(0, 1, 201)[:, None]
white = np.random.default_rng(4).normal(size=(201, 3))
figure, axes = panels(1, 3, width=9.5, height=3, sharey=True)
for axis, (title, kernel, length) in zip(axes, (("RBF, ℓ = 0.2", rbf, 0.2), ("Matérn 5/2, ℓ = 0.2", matern52, 0.2), ("Matérn 5/2, ℓ = 0.05", matern52, 0.05))):
    K = kernel(line, line, np.array([length]), 1.0)
    axis.plot(line[:, 0], cholesky(K + 1e-8 * np.eye(201), lower=True) @ white, linewidth=1.5)
    axis.set(title=title, xlabel="x")
axes[0].set_ylabel("value")
describe(figure, "Three random functions under each of three kernels: RBF is smoothest, Matérn has small wiggles, a short length many hills.")

# %% [markdown]
# What is to be seen: three functions from each process, made of the same random numbers. RBF glides; Matérn with the same length has small
# ripples; a shorter length means more hills.

# %% [markdown] tags=["instructor"]
# Ask before the figure: which of the three would you believe of a reaction's yield against temperature? There is no data yet; this is
# all prior. Type live: change the length to 2 and to 0.01.

# %% [markdown]
# ## 2 · What the data say
#
# Observe $y_i = f(x_i) + \varepsilon_i$ at $n$ points, with noise of variance $\sigma_n^2$. The observations have the covariance
# $K = k(X, X) + \sigma_n^2 I$, of shape $(n, n)$. Everything below needs $K^{-1}$, and no inverse is ever formed: **one Cholesky factor**
# $K = LL^\top$ serves the posterior, the likelihood and its gradient.
#
# All the process's parameters travel as one vector, the $\theta$ of the slides: $\theta = \log(\sigma_f^2, \ell_1, \dots, \ell_d, \sigma_n^2)$.
# The logarithm keeps them positive whatever an optimiser does.

# %%
def unpack(theta):
    """Variance, lengths (d,) and noise variance, from their logarithms (d + 2,)."""
    variance, *lengths, noise = np.exp(theta)
    return variance, np.array(lengths), noise


def condition(x, y, theta):
    """What a process learns from data x (n, d), y (n,): the lower Cholesky factor L (n, n) of K, and alpha (n,), which is K⁻¹y."""
    variance, lengths, noise = unpack(theta)
    K = matern52(x, x, lengths, variance)
    K[np.diag_indices(len(x))] += noise
    factor = cholesky(K, lower=True, check_finite=False)
    return factor, cho_solve((factor, True), y, check_finite=False)


# %% [markdown] tags=["card"] label="16.2-card"
# ### Exercise 16.2 · The posterior of a Gaussian process
# *3 points · 15 minutes · difficulty ●●○*
#
# At a new point $x_*$, with $k_* = k(X, x_*)$ of shape $(n,)$, the value $f(x_*)$ given the data is normal with
# $$\mu(x_*) = k_*^\top K^{-1} y = k_*^\top\alpha, \qquad \sigma^2(x_*) = k(x_*, x_*) - k_*^\top K^{-1} k_*, \qquad k_*^\top K^{-1}k_* = \lVert L^{-1}k_*\rVert^2 .$$
# Write both for $m$ points at once, from the factor and the weights that `condition` returned. `solve_triangular` and `unpack` are at hand.

# %% tags=["exercise"] label="16.2"
def posterior(points, x, factor, alpha, theta):
    """Mean and standard deviation of a Gaussian process at some points, given data.

    Parameters
    ----------
    points : ndarray, float, shape (m, d)
        Where to ask.
    x : ndarray, float, shape (n, d)
        Where the data were measured.
    factor : ndarray, float, shape (n, n)
        Lower Cholesky factor of the data's covariance, noise included.
    alpha : ndarray, float, shape (n,)
        The inverse of that covariance times the measured values.
    theta : ndarray, float, shape (d + 2,)
        Logarithms of variance, lengths and noise variance of the Matérn kernel.

    Returns
    -------
    mean : ndarray, float, shape (m,)
    std : ndarray, float, shape (m,)
        Of the function itself, without the noise of a new measurement. A variance that rounding has made
        negative counts as zero.
    """
    ### BEGIN SOLUTION
    variance, lengths, _ = unpack(theta)
    across = matern52(points, x, lengths, variance)
    explained = solve_triangular(factor, across.T, lower=True, check_finite=False)
    return across @ alpha, np.sqrt(np.maximum(variance - (explained**2).sum(axis=0), 0.0))
    ### END SOLUTION


# %% tags=["check"] label="16.2-check"
posterior = check("16.2", posterior)

# %% tags=["target"] target="16.2"
def wave(x):
    """The function that the data come from: (n, 1) to (n,)."""
    return np.sin(6 * x[:, 0]) + 0.5 * np.cos(17 * x[:, 0])


few = np.array([0.08, 0.2, 0.33, 0.62, 0.7, 0.95])[:, None]
sure, rough = np.log([1.0, 0.2, 1e-6]), np.log([1.0, 0.2, 0.05])
figure, axes = panels(1, 2, width=9.5, height=3.4, sharey=True)
for axis, theta, title in ((axes[0], sure, "hardly any noise assumed"), (axes[1], rough, "noise variance 0.05 assumed")):
    mean, std = posterior(line, few, *condition(few, wave(few), theta), theta)
    band(axis, line[:, 0], mean, std, label="mean and 95 % band")
    axis.plot(line[:, 0], wave(line), "--", color=PALETTE[1], linewidth=1.5, label="truth")
    observations(axis, few[:, 0], wave(few))
    axis.set(title=title, xlabel="x")
axes[0].set_ylabel("value")
axes[1].legend(loc="upper right", fontsize=9)
describe(figure, "Posterior mean with its band through six points. Without noise the band closes at each point; with noise it stays open.")

# %% [markdown]
# What is to be seen: the band closes where you measured and opens where you did not. That width is epistemic uncertainty, and no second
# network was trained for it. The values are exact in both; right, noise is assumed, and so the curve need not pass through them.

# %% [markdown]
# ### The trap: the same point twice
#
# Measure one point twice and $K$ has two equal rows: it has no inverse. In floating point an eigenvalue may even come out slightly
# *negative*, and the Cholesky factor does not exist. An optimiser that closes in on a minimum does just that. Try it 50 times, with the second point at
# distance zero or $10^{-9}$, and with little or no noise.

# %%
def fails(gap, noise, seed):
    """Whether the Cholesky factor fails for 12 points, two of them `gap` apart."""
    x = np.random.default_rng(seed).random((12, 2))
    x[7] = x[3] + gap
    try:
        condition(x, np.zeros(12), np.log([1.0, 1.0, 1.0, max(noise, 1e-300)]))
    except np.linalg.LinAlgError:
        return True
    return False


for gap in (0.0, 1e-9):
    claim(f"No noise, two points {gap:g} apart: share of runs without a factor", np.mean([fails(gap, 0, s) for s in range(50)]), at_least=0.1)
claim("With a noise variance of 1e-6: share of runs without a factor",
      np.mean([fails(gap, 1e-6, s) for gap in (0.0, 1e-9) for s in range(50)]), at_most=0)

# %% [markdown]
# The cure is called **jitter**: something small on the diagonal. Here it is the noise variance, which this lab never lets fall below
# $10^{-6}$ of the data's variance. The price: the process no longer passes *exactly* through its data, by about a thousandth of their spread.

# %% [markdown] tags=["instructor"]
# Ask: why not simply drop the second point? (It may have another value: then it tells you about the noise.) And does `np.linalg.inv`
# complain? (Not always: for some draws it returns numbers of 1e15 and more.)

# %% [markdown]
# ## 3 · Which kernel? The marginal likelihood
#
# A length that is too short calls everything unknown; one that is too long is sure of nonsense. The data themselves say which fits:
# under the process, $y$ is normal with covariance $K$, so its log density is
# $$\log p(y \mid X, \theta) = -\tfrac12\, y^\top K^{-1} y - \tfrac12 \log\det K - \tfrac n2 \log 2\pi .$$
# The first term rewards fit. The second punishes a model that would have fitted anything: it had to spread its density over more room.

# %% [markdown] tags=["card"] label="16.3-card"
# ### Exercise 16.3 · The log marginal likelihood
# *2 points · 10 minutes · difficulty ●●○*
#
# Write it from what `condition` returned: `factor` is $L$ and `alpha` is $K^{-1}y$. No new factorisation, no determinant of a full matrix.

# %% tags=["exercise"] label="16.3"
def log_marginal_likelihood(y, factor, alpha):
    """Log density of measured values under a Gaussian process with mean zero.

    Parameters
    ----------
    y : ndarray, float, shape (n,)
    factor : ndarray, float, shape (n, n)
        Lower Cholesky factor L of the values' covariance K, noise included.
    alpha : ndarray, float, shape (n,)
        K⁻¹y.

    Returns
    -------
    float
        Natural logarithm, with the constant -n/2 log 2 pi.
    """
    ### BEGIN SOLUTION
    return -0.5 * y @ alpha - np.log(np.diag(factor)).sum() - 0.5 * len(y) * np.log(2 * np.pi)
    ### END SOLUTION


# %% tags=["check"] label="16.3-check"
log_marginal_likelihood = check("16.3", log_marginal_likelihood)

# %% [markdown]
# **Its slope** in $\theta$ costs little more than its value. For every entry $\theta_j$,
# $$\frac{\partial \log p}{\partial\theta_j} = \tfrac12 \sum_{ik} W_{ik} \frac{\partial K_{ik}}{\partial \theta_j}, \qquad W = \alpha\alpha^\top - K^{-1}.$$
# For the lengths, $\partial k/\partial \log \ell_j = g(a,b)\,(a_j - b_j)^2/\ell_j^2$ with $g = \tfrac53\sigma_f^2(1+\sqrt5 r)e^{-\sqrt5 r}$. Written
# naively that asks for $d$ arrays of $n \times n$ differences. With $M_{ik} = W_{ik}\, g_{ik}$, which is symmetric, and $z = x/\ell$,
# $$\tfrac12\sum_{ik} M_{ik} (z_{ij} - z_{kj})^2 = \sum_i \Big(\sum_k M_{ik}\Big) z_{ij}^2 - \sum_i z_{ij}\,(M z)_{ij} :$$
# one matrix product serves all lengths.

# %%
def matern52_slope(a, b, lengths, variance):
    """The factor g (n, m) of every slope of the Matérn kernel: -dk/da_j = g (a_j - b_j) / lengths_j²."""
    s = np.sqrt(5 * cdist(a / lengths, b / lengths, "sqeuclidean"))
    return 5 / 3 * variance * (1 + s) * np.exp(-s)


def likelihood_and_slope(theta, x, y):
    """Log marginal likelihood and its slope (d + 2,) in theta."""
    variance, lengths, noise = unpack(theta)
    factor, alpha = condition(x, y, theta)
    W = np.outer(alpha, alpha) - cho_solve((factor, True), np.eye(len(x)), check_finite=False)
    M, z = W * matern52_slope(x, x, lengths, variance), x / lengths
    of_noise = 0.5 * noise * np.trace(W)
    of_all = 0.5 * (alpha @ y - len(y))  # W times K, summed: scaling kernel and noise together
    of_lengths = M.sum(axis=1) @ z**2 - (z * (M @ z)).sum(axis=0)
    return log_marginal_likelihood(y, factor, alpha), np.array([of_all - of_noise, *of_lengths, of_noise])


# %% [markdown]
# Is all of this right? scikit-learn has the same process; its kernel parameters are the same logarithms in the same order.

# %%
def peer(theta):
    """The same process in scikit-learn's words."""
    variance, lengths, noise = unpack(theta)
    return ConstantKernel(variance) * Matern(lengths, nu=2.5) + WhiteKernel(noise)


gaps = {"mean": [], "std": [], "likelihood": [], "slope": []}
for seed in range(10):
    rng = np.random.default_rng(seed)
    d = 1 + seed % 4
    x, y, points = rng.random((25, d)), rng.normal(size=25), rng.random((40, d))
    theta = np.log([rng.uniform(0.5, 2), *rng.uniform(0.1, 1, size=d), rng.uniform(0.001, 0.1)])
    model = GaussianProcessRegressor(peer(theta), optimizer=None, alpha=0).fit(x, y)
    mean, std = posterior(points, x, *condition(x, y, theta), theta)
    peer_mean, peer_std = model.predict(points, return_std=True)
    value, slope = likelihood_and_slope(theta, x, y)
    peer_value, peer_slope = model.log_marginal_likelihood(theta, eval_gradient=True)
    gaps["mean"].append(np.abs(mean - peer_mean).max())
    gaps["std"].append(np.abs(std**2 - (peer_std**2 - np.exp(theta[-1]))).max())  # its std is that of a new measurement
    gaps["likelihood"].append(abs(value - peer_value))
    gaps["slope"].append(np.abs(slope - peer_slope).max())

claim("Posterior mean and variance against scikit-learn, largest gap", max(gaps["mean"] + gaps["std"]), at_most=1e-6)
claim("Log marginal likelihood and its slope against scikit-learn, largest gap", max(gaps["likelihood"] + gaps["slope"]), at_most=1e-6)

# %% [markdown]
# ### What the likelihood looks like
#
# Seven noisy measurements of a line of hills; the likelihood over length and noise, with the variance held at 1.

# %%
rng = np.random.default_rng(7)
x_noisy = np.sort(rng.random(7))[:, None]
y_noisy = np.sin(12 * x_noisy[:, 0]) + 0.25 * rng.normal(size=7)
log_lengths, log_noises = np.linspace(np.log(0.02), np.log(3), 45), np.linspace(np.log(1e-4), np.log(2), 45)
surface = np.array([[likelihood_and_slope(np.array([0.0, a, b]), x_noisy, y_noisy)[0] for a in log_lengths] for b in log_noises])


def climb_likelihood(begin):
    """L-BFGS from one theta, the variance held at 1: the theta where it ends."""
    def downhill(free):
        value, slope = likelihood_and_slope(np.array([0.0, *free]), x_noisy, y_noisy)
        return -value, -slope[1:]
    limits = [(log_lengths[0], log_lengths[-1]), (log_noises[0], log_noises[-1])]
    return np.array([0.0, *minimize(downhill, begin, jac=True, method="L-BFGS-B", bounds=limits).x])


ends = [climb_likelihood(np.log(begin)) for begin in ((0.1, 0.01), (2.0, 1.0))]

# %%
figure, axes = panels(1, 3, width=10.5, height=3.4, width_ratios=(1.25, 1, 1))
shades = axes[0].contourf(np.exp(log_lengths), np.exp(log_noises), surface, levels=np.arange(-16, surface.max() + 0.5, 0.5), cmap="viridis", extend="min")
axes[0].set(xscale="log", yscale="log", xlabel="length ℓ", ylabel="noise variance", title="log marginal likelihood")
figure.colorbar(shades, ax=axes[0])
for axis, theta, mark in zip(axes[1:], ends, "AB"):
    axes[0].plot(*np.exp(theta[1:]), "o", color="white", markeredgecolor="black", markersize=9, clip_on=False)
    axes[0].annotate(mark, np.exp(theta[1:]), xytext=(-18, -4), textcoords="offset points", fontweight="bold")
    mean, std = posterior(line, x_noisy, *condition(x_noisy, y_noisy, theta), theta)
    band(axis, line[:, 0], mean, std)
    observations(axis, x_noisy[:, 0], y_noisy, size=5)
    axis.set(title=f"the process at {mark}", xlabel="x", ylim=(-3, 3))
describe(figure, "The likelihood over length and noise has two peaks: A with a short length and little noise, B with a long one and much noise. "
                 "Beside it the processes at both.")

# %% [markdown]
# What is to be seen: two explanations of seven points. At A a function with hills and little noise; at B hardly any function and much
# noise. (The bands are those of the function, without the noise: at B three of the seven points lie outside.) Each is the
# top of its own hill, so where you start decides where you end.

# %%
tops = [likelihood_and_slope(theta, x_noisy, y_noisy)[0] for theta in ends]
claim("The two climbs end at unlike lengths: ratio", np.exp(ends[1][1] - ends[0][1]), at_least=3)
claim("The hills with little noise are the likelier explanation, by (log units)", tops[0] - tops[1], at_least=0.5)

# %% [markdown]
# So start from more than one place. And with five points in six dimensions the likelihood hardly knows the lengths at all: a run in which
# one length ran off to infinity would search with that axis switched off. A weak **prior** on the lengths prevents it: $\log \ell_j$ normal about
# $\log\tfrac12$ with standard deviation 1, on the unit cube. What is maximised is likelihood times prior.

# %%
NOISE_FLOOR, NOISE_CEILING = 1e-6, 0.1
LENGTHS_ABOUT = np.log(0.5)


@dataclass(frozen=True)
class Model:
    """A fitted process: data x (n, d) and standardised values y (n,), with theta, factor and alpha for them."""

    x: np.ndarray
    y: np.ndarray
    theta: np.ndarray
    factor: np.ndarray
    alpha: np.ndarray


def downhill(theta, x, y):
    """Minus the logarithm of likelihood times prior, and its slope."""
    value, slope = likelihood_and_slope(theta, x, y)
    off = theta[1:-1] - LENGTHS_ABOUT
    slope[1:-1] -= off
    return 0.5 * off @ off - value, -slope


def fit(x, y, before=None):
    """Fit a process to data on the unit cube; `before` is the model without the last point, or None.

    Starts from the theta of before, which is nearly right; the first time and every fifth, from a plain one as well.
    """
    d = x.shape[1]
    values = (y - y.mean()) / (y.std() or 1.0)
    plain = np.log([1.0, *[0.3] * d, 1e-4])
    starts = [plain] if before is None else [before.theta] if len(x) % 5 else [before.theta, plain]
    limits = np.log([(0.05, 100), *[(0.05, 10)] * d, (NOISE_FLOOR, NOISE_CEILING)])
    ends = [minimize(downhill, theta, (x, values), jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 50}) for theta in starts]
    theta = min(ends, key=lambda end: end.fun).x
    return Model(x, values, theta, *condition(x, values, theta))


# %% [markdown] tags=["instructor"]
# Point at `fit`: the analytic slope saves d + 2 further likelihoods a step against forward differences; the warm start saves the second
# climb in four rounds of five.

# %% [markdown]
# ## 4 · What is a point worth? Expected improvement
#
# You look for the *smallest* value and have $y_{best}$ so far. If the next value is $y$, you gain $\max(0, y_{best} - y)$. You do not know $y$, but
# given the data so far, $\mathcal D$, the process has a belief about it: $p(y \mid x; \theta, \mathcal D)$, normal with $\mu(x)$ and $\sigma(x)$. The slide's acquisition is the gain
# averaged over that belief:
# $$\alpha_{EI}(x; \theta, \mathcal D) = \int_y \max(0, y_{best} - y)\; p(y \mid x; \theta, \mathcal D)\, dy .$$

# %%
belief_mean, belief_std, best_so_far = 0.4, 0.5, 0.1
y_axis = np.linspace(-2, 2.2, 400)
density = norm.pdf(y_axis, belief_mean, belief_std)
figure, axes = panels(1, 2, width=9, height=3.2, sharex=True)
axes[0].plot(y_axis, density, color=PALETTE[0], label="belief p(y)")
axes[0].plot(y_axis, np.maximum(0, best_so_far - y_axis), color=PALETTE[1], label="gain max(0, best − y)")
axes[1].fill_between(y_axis, np.maximum(0, best_so_far - y_axis) * density, color=PALETTE[2], alpha=0.5)
axes[1].plot(y_axis, np.maximum(0, best_so_far - y_axis) * density, color=PALETTE[2])
axes[0].set(xlabel="y", ylabel="density, gain", title="belief and gain")
axes[1].set(xlabel="y", ylabel="gain × density", title="the area is the expected improvement")
for axis in axes:
    axis.axvline(best_so_far, color="0.4", linestyle="--", linewidth=1.2)
axes[0].legend(fontsize=9)
describe(figure, "Left a bell curve and a gain that rises to the left of the best value; right their product, whose area is shaded.")

# %% [markdown]
# What is to be seen: the mean (0.4) lies above the best value (dashed), so the *expected* outcome is no gain at all. But part of the
# belief lies below, and the area under the product is what that part is worth.

# %% [markdown] tags=["card"] label="16.4-card"
# ### Exercise 16.4 · Expected improvement
# *3 points · 15 minutes · difficulty ●●○*
#
# The integral has a closed form. Substitute $y = \mu + \sigma t$, so that the gain is positive for $t < z$ with $z = (y_{best} - \mu)/\sigma$. Two
# pieces remain: $\int_{-\infty}^{z} \varphi(t)\,dt = \Phi(z)$, and $\int_{-\infty}^z t\,\varphi(t)\,dt = -\varphi(z)$, with $\varphi$ the standard normal density and $\Phi$
# its distribution function (`ndtr`). Put them together. Mind points without doubt, $\sigma = 0$.

# %% tags=["exercise"] label="16.4"
def expected_improvement(mean, std, best):
    """Expected improvement over the smallest value so far, for beliefs that are normal.

    Parameters
    ----------
    mean, std : ndarray, float, shape (n,)
        Of the belief at each point; std >= 0.
    best : float
        The smallest value so far.

    Returns
    -------
    ndarray, float, shape (n,)
        The mean of max(0, best - y) over y ~ N(mean, std²), in the unit of y. Where std is 0, y is known to
        be the mean. No warning, no NaN.
    """
    ### BEGIN SOLUTION
    scale = np.where(std > 0, std, 1.0)
    z = (best - mean) / scale
    hoped = (best - mean) * ndtr(z) + scale * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.where(std > 0, hoped, np.maximum(best - mean, 0.0))
    ### END SOLUTION


# %% tags=["check"] label="16.4-check"
expected_improvement = check("16.4", expected_improvement)

# %% tags=["target"] target="16.4"
theta = np.log([1.0, 0.15, 1e-6])
mean, std = posterior(line, few, *condition(few, wave(few), theta), theta)
best = wave(few).min()
figure, axes = panels(2, 1, width=7.5, height=4.6, sharex=True, height_ratios=(2, 1))
band(axes[0], line[:, 0], mean, std)
observations(axes[0], few[:, 0], wave(few))
axes[0].axhline(best, color="0.4", linestyle="--", linewidth=1.2, label="best so far")
gain = expected_improvement(mean, std, best)
axes[1].fill_between(line[:, 0], gain, color=PALETTE[2], alpha=0.4)
axes[1].plot(line[gain.argmax()], gain.max(), "v", color=PALETTE[1], markersize=10, clip_on=False)
axes[0].set(ylabel="value")
axes[0].legend(fontsize=9)
axes[1].set(xlabel="x", ylabel="EI", ylim=(0, None))
describe(figure, "A process through six points and, below, its expected improvement: zero at the points, hills between them, the highest marked.")

# %% [markdown]
# What is to be seen: EI is zero where you measured. It is high on both sides of the best value, and there is a low hill at 0.54, where the
# band reaches below the dashed line although the mean does not. At 0.4 the doubt is about as large, but the band stays above the line: EI is next to
# nothing. The triangle is the next experiment.

# %%
def slide_integral(mean, std, best):
    """The slide's integral by quadrature."""
    return quad(lambda y: (best - y) * norm.pdf(y, mean, std), mean - 12 * std, best)[0] if best > mean - 12 * std else 0.0


by_quadrature = np.array([slide_integral(m, s, best) for m, s in zip(mean[::4], std[::4]) if s > 1e-2])
claim("Closed form and the slide's integral differ along the line by", np.abs(by_quadrature - gain[::4][std[::4] > 1e-2]).max(), at_most=1e-6)

# %% [markdown]
# ### The trap: an acquisition that is zero nearly everywhere
#
# Late in a run the process is sure, and the best value is hard to beat: $z = -40$ is common. Then EI is $10^{-350}$, which a float holds as zero.
# On a plateau of zeros there is no slope to climb, and `argmax` returns the first point of the list. Take a process on Branin's function with 60 points,
# and ask it at 4,000 others.

# %%
branin, hartmann = landscapes.load("branin"), landscapes.load("hartmann6")
rng = np.random.default_rng(0)
many = np.vstack([rng.random((50, 2)), np.clip(branin.minimisers[1] + 0.02 * rng.normal(size=(10, 2)), 0, 1)])
late = fit(many, branin(many))
asked = rng.random((4000, 2))
mean, std = posterior(asked, late.x, late.factor, late.alpha, late.theta)
tiny = expected_improvement(mean, std, late.y.min())
claim("Late in a run: share of points whose EI is exactly zero or below 1e-100", np.mean(tiny < 1e-100), at_least=0.5)

# %% [markdown]
# The cure is to compute its **logarithm** (Ament et al., 2023). Write $EI = \sigma\,h(z)$ with $h(z) = \varphi(z) + z\,\Phi(z)$. For $z < -1$ the two terms nearly
# cancel, so take $\varphi(z)$ out: $h = \varphi(z)\,(1 + z\,m)$, where $m = \Phi(z)/\varphi(z) = \sqrt{\pi/2}\;\mathrm{erfcx}(-z/\sqrt2)$ is of moderate size however small both are.
# The slopes in $\mu$ and $\sigma$ come along: $\partial EI/\partial\mu = -\Phi(z)$ and $\partial EI/\partial\sigma = \varphi(z)$; divide both by EI.

# %%
STD_FLOOR = 1e-6
Z_FLOOR = -1e6  # below, 1 + z m is lost in rounding


def log_improvement(mean, std, best):
    """Logarithm of the expected improvement, and its slopes in mean and std: three arrays (n,)."""
    z = (best - mean) / std
    near, far = np.maximum(z, -1), np.clip(z, Z_FLOOR, -1)
    density = np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi)
    h = density + near * ndtr(near)
    mills = np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))
    rest = 1 + far * mills
    log_h = np.where(z > -1, np.log(h), np.log(rest) - 0.5 * far**2 - 0.5 * np.log(2 * np.pi))
    of_mean = np.where(z > -1, ndtr(near) / h, mills / rest)
    of_std = np.where(z > -1, density / h, 1 / rest)
    return np.log(std) + log_h, -of_mean / std, of_std / std


logarithm = log_improvement(mean, np.maximum(std, STD_FLOOR), late.y.min())[0]
claim("Log EI is finite at every point", np.isfinite(logarithm).all())
seen = tiny > 1e-30
claim("Where EI is above 1e-30, exp(log EI) agrees with it to (relative)", np.abs(np.exp(logarithm[seen]) / tiny[seen] - 1).max(), at_most=1e-6)

# %%
ticks = np.linspace(0, 1, 90)
grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
mean, std = posterior(grid, late.x, late.factor, late.alpha, late.theta)
pair = (expected_improvement(mean, std, late.y.min()), log_improvement(mean, np.maximum(std, STD_FLOOR), late.y.min())[0] / np.log(10))
figure, axes = panels(1, 2, width=9, height=3.9)
for axis, values, title, levels in zip(axes, pair, ("EI", "log₁₀ EI"), (12, [-1e5, -3000, -1000, -300, -100, -30, -10, -3, -1, 0])):
    shades = axis.contourf(ticks, ticks, values.reshape(90, 90), levels=levels, cmap="viridis", norm="linear" if title == "EI" else BoundaryNorm(levels, 256),
                           extend="neither" if title == "EI" else "min")
    axis.plot(*late.x.T, ".", color="white", markersize=4)
    axis.set(title=title, xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    figure.colorbar(shades, ax=axis, shrink=0.85)
describe(figure, "Two maps of the same acquisition over the unit square. EI is dark but for a strip at the edge; its logarithm has contour lines everywhere.")

# %% [markdown]
# What is to be seen: the same acquisition twice, with the data as white dots (mind the steps of the right scale). Left, a search by slope that
# starts in the dark stands on a plain of zeros. Right, every place has a slope.

# %% [markdown] tags=["instructor"]
# EI is from 1998 in this form; the numerical trouble was described in full in 2023. Ask: why is rescaling EI by its largest value not
# enough? (Where all are exactly zero, there is no largest.)

# %% [markdown]
# ## 5 · Exploration and exploitation
#
# **Exploitation** trusts the mean and evaluates near what is already good. **Exploration** goes where the doubt is. The slide's second acquisition
# has a dial between them:
# $$\alpha_{LCB}(x; \theta, \mathcal D) = -\mu(x; \theta, \mathcal D) + \beta_t\, \sigma(x; \theta, \mathcal D) .$$
# The index says that the dial may be turned from round $t$ to round $t$ + 1; here $\beta$ stays as it is.

# %% [markdown] tags=["card"] label="16.5-card"
# ### Exercise 16.5 · Lower confidence bound
# *1 point · 5 minutes · difficulty ●○○*
#
# Write it. Acquisitions are maximised, values are minimised: watch the signs, and say to yourself what β = 0 and a very large β do.

# %% tags=["exercise"] label="16.5"
def lower_confidence_bound(mean, std, beta):
    """Acquisition by the lower confidence bound, to be maximised when the smallest value is looked for.

    Parameters
    ----------
    mean, std : ndarray, float, shape (n,)
        Of the belief at each point.
    beta : float
        How many standard deviations of hope, at least 0.

    Returns
    -------
    ndarray, float, shape (n,)
        Large where mean - beta std, the bound, is small.
    """
    ### BEGIN SOLUTION
    return beta * std - mean
    ### END SOLUTION


# %% tags=["check"] label="16.5-check"
lower_confidence_bound = check("16.5", lower_confidence_bound)

# %% tags=["target"] target="16.5"
trap = landscapes.load("trap")
measured = np.array([0.03, 0.3, 0.46, 0.97])[:, None]
theta = np.log([1.0, 0.12, 1e-6])
height = trap(measured).mean()
mean, std = posterior(line, measured, *condition(measured, trap(measured) - height, theta), theta)
figure, axes = panels(2, 3, width=10, height=4.6, sharex=True, sharey="row", height_ratios=(2, 1))
for column, (beta, title) in enumerate(((0, "β = 0: exploitation"), (1, "β = 1"), (20, "β = 20: exploration"))):
    hope = lower_confidence_bound(mean, std, beta)
    place = hope.argmax()
    band(axes[0, column], line[:, 0], mean + height, std)
    axes[0, column].plot(line[:, 0], trap(line), "--", color=PALETTE[1], linewidth=1.3, label="truth")
    observations(axes[0, column], measured[:, 0], trap(measured))
    axes[0, column].axvline(line[place, 0], color=PALETTE[3])
    axes[0, column].set_title(title)
    axes[1, column].plot(line[:, 0], (hope - hope.min()) / np.ptp(hope), color=PALETTE[3])
    axes[1, column].plot(line[place], 1, "v", color=PALETTE[3], markersize=9, clip_on=False)
    axes[1, column].set_xlabel("x")
axes[0, 0].set_ylabel("value")
axes[0, 0].legend(fontsize=9, loc="lower right")
axes[1, 0].set_ylabel("acquisition\n(0 to 1)")
describe(figure, "One process, three values of beta. At 0 the next point is beside the best one; at 1 in the gap next to it; at 20 where the band is widest.")

# %% [markdown]
# What is to be seen: the same data, three next points (vertical lines). With β = 0 it is a step from the best value; with β = 1 it lies
# further into the gap; with β = 20 it is the widest place of the band, whatever the mean. The deepest basin, at 0.14, is not where the mean looks good.

# %% [markdown]
# ## 6 · The loop
#
# The slide's seven steps:
#
# | | step | here |
# |---|---|---|
# | ① | initial sample | `start`, evaluated all at once |
# | ② | initialise the model | `fit(x, y, None)` |
# | ③ | get the acquisition $\alpha(x)$ | inside `propose(model)` |
# | ④ | optimise it: $x_{next} = \arg\max \alpha(x)$ | inside `propose(model)` |
# | ⑤ | sample new data, update the model | the objective at one point; `fit(x, y, model)` |
# | ⑥ | repeat | until the evaluations are used up |
# | ⑦ | make a recommendation | the best point that was evaluated |

# %% [markdown] tags=["card"] label="16.6-card"
# ### Exercise 16.6 · The loop in seven steps
# *3 points · 15 minutes · difficulty ●●○*
#
# Write the loop for any `fit` and any `propose`. An evaluation is what costs: ask the objective for each point once. Hand the model of the last round
# over to `fit`, which starts from it.

# %% tags=["exercise"] label="16.6"
def bayesian_optimisation(objective, start, evaluations, fit, propose):
    """Minimise an expensive function with a model of it.

    Parameters
    ----------
    objective : callable
        objective(points) -> values: (k, d) to (k,).
    start : ndarray, float, shape (n, d)
        The initial sample, n >= 1.
    evaluations : int
        Number of points to evaluate in all, those of the start included; at least n.
    fit : callable
        fit(x, y, before) -> model of all the data so far; before is the model of the round before, None in
        the first.
    propose : callable
        propose(model) -> the next point, of shape (d,).

    Returns
    -------
    x : ndarray, shape (evaluations, d)
        All evaluated points in their order, the start first.
    y : ndarray, shape (evaluations,)
        Their values.
    recommended : ndarray, shape (d,)
        The evaluated point with the smallest value.
    """
    ### BEGIN SOLUTION
    x, y, model = start, objective(start), None
    while len(x) < evaluations:
        model = fit(x, y, model)
        new = propose(model)[None]
        x, y = np.concatenate([x, new]), np.concatenate([y, objective(new)])
    return x, y, x[y.argmin()]
    ### END SOLUTION


# %% tags=["check"] label="16.6-check"
bayesian_optimisation = check("16.6", bayesian_optimisation)

# %% [markdown]
# **Step 4** is an optimisation of its own, of a function with many hills; but this one is cheap. Two stages:
#
# 1. *candidates*: 500 random points and 100 near the best one, all in one call of `posterior`;
# 2. *climb*: from the best four of them by slope (L-BFGS). Each of the four has its own coordinates, so one run on the *sum* of their acquisitions climbs all four at once.
#
# The slope goes by the chain rule. Both acquisitions depend on $x$ through $\mu$ and $\sigma$ only, and
# $\partial\mu/\partial x = (\partial k_*/\partial x)^\top\alpha$, $\;\partial\sigma/\partial x = -\tfrac1\sigma(\partial k_*/\partial x)^\top K^{-1}k_*$.

# %%
def bound(beta):
    """LCB as an acquisition with slopes in mean and std; beta 0 is pure exploitation."""
    def acquire(mean, std, best):
        return lower_confidence_bound(mean, std, beta), np.full(len(mean), -1.0), np.full(len(mean), float(beta))
    return acquire


def uphill(points, model, acquire):
    """Values (m,) of an acquisition at points (m, d), and its slopes (m, d)."""
    variance, lengths, _ = unpack(model.theta)
    k = matern52(points, model.x, lengths, variance)
    solved = cho_solve((model.factor, True), k.T, check_finite=False).T
    std = np.sqrt(np.maximum(variance - (k * solved).sum(axis=1), STD_FLOOR**2))
    value, of_mean, of_std = acquire(k @ model.alpha, std, model.y.min())
    pull = matern52_slope(points, model.x, lengths, variance) * (of_mean[:, None] * model.alpha - (of_std / std)[:, None] * solved)
    return value, (pull @ model.x - pull.sum(axis=1, keepdims=True) * points) / lengths**2


def proposer(acquire, rng, candidates=500, near=100, climbers=4, steps=20):
    """propose(model) -> the point (d,) of the unit cube that is best by an acquisition."""
    def propose(model):
        d = model.x.shape[1]
        around = model.x[model.y.argmin()] + 0.05 * rng.normal(size=(near, d))
        points = np.concatenate([rng.random((candidates, d)), around.clip(0, 1)])
        mean, std = posterior(points, model.x, model.factor, model.alpha, model.theta)
        value = acquire(mean, np.maximum(std, STD_FLOOR), model.y.min())[0]

        def downhill(flat):
            values, slopes = uphill(flat.reshape(-1, d), model, acquire)
            return -values.sum(), -slopes.ravel()

        best = points[np.argsort(value)[-climbers:]]
        end = minimize(downhill, best.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, 1)] * best.size, options={"maxiter": steps})
        tops = end.x.reshape(-1, d).clip(0, 1)
        return tops[uphill(tops, model, acquire)[0].argmax()]
    return propose


# %%
def slope_gap(acquire):
    """Largest gap between the slope of an acquisition and central differences, relative to the slope."""
    model = fit(many[:20], branin(many[:20]))
    points = np.random.default_rng(1).random((30, 2))
    steps = 1e-6 * np.eye(2)
    measured = np.stack([(uphill(points + h, model, acquire)[0] - uphill(points - h, model, acquire)[0]) / 2e-6 for h in steps], axis=1)
    slopes = uphill(points, model, acquire)[1]
    return np.max(np.linalg.norm(measured - slopes, axis=1) / np.linalg.norm(slopes, axis=1))


claim("Slopes of log EI and LCB against central differences, largest relative gap", max(slope_gap(log_improvement), slope_gap(bound(2))), at_most=1e-3)

# %% [markdown]
# All parts stand. A run on the one-dimensional `trap`: three basins, equally wide, the deepest of them near the edge.

# %%
def run(landscape, acquire, seed, evaluations, first):
    """Points and values of one run; the initial sample and the candidates come from the seed."""
    rng = np.random.default_rng(seed)
    return bayesian_optimisation(landscape, rng.random((first, landscape.dimensions)), evaluations, fit, proposer(acquire, rng))[:2]


x, y = run(trap, log_improvement, 1, 14, 3)
figure, axes = panels(2, 4, width=11, height=4.8, sharex=True, sharey="row", height_ratios=(2, 1))
for column, n in enumerate((3, 5, 8, 12)):
    model = fit(x[:n], y[:n])
    mean, std = posterior(line, model.x, model.factor, model.alpha, model.theta)
    value = log_improvement(mean, np.maximum(std, STD_FLOOR), model.y.min())[0] / np.log(10)
    band(axes[0, column], line[:, 0], mean * y[:n].std() + y[:n].mean(), std * y[:n].std())
    axes[0, column].plot(line[:, 0], trap(line), "--", color=PALETTE[1], linewidth=1.3, label="truth")
    observations(axes[0, column], x[:n, 0], y[:n], size=5)
    axes[0, column].set(title=f"{n} evaluations", ylim=(-0.6, 1.6))
    axes[1, column].plot(line[:, 0], np.maximum(value, -12), color=PALETTE[2])
    axes[1, column].axvline(x[n, 0], color=PALETTE[3], linewidth=1.5)
    axes[1, column].set(xlabel="x", ylim=(-12.5, 1))
axes[0, 0].set_ylabel("value")
axes[0, 0].legend(fontsize=8, loc="upper right")
axes[1, 0].set_ylabel("log₁₀ EI")
describe(figure, "Four stages of a run: the process above, log expected improvement below, the next point as a line. The doubt shrinks "
                 "as the points gather in the deepest basin and fill the gaps.")

# %% [markdown]
# What is to be seen: the process after 3, 5, 8 and 12 evaluations, its log EI below (cut at −12), and the next point (line). After three
# points it is far too sure of itself: nothing yet says that there are hills, and the likelihood takes a long length. Each surprise shortens it. From then on EI goes back and forth between the deepest basin and the gaps.

# %% [markdown]
# ### Greed against doubt
#
# Twenty starts (ten in the fast profile) of three random points each, then twelve evaluations: EI, LCB with β = 2, **pure exploitation** (β = 0) and random search. How often is the deepest basin found?

# %%
RULES = {"EI": log_improvement, "LCB, β = 2": bound(2), "pure exploitation": bound(0)}


def runs(landscape, seeds, evaluations, first):
    """Values (seeds, evaluations) under every rule, and of random search."""
    values = {name: np.array([run(landscape, acquire, seed, evaluations, first)[1] for seed in range(seeds)]) for name, acquire in RULES.items()}
    values["random"] = np.array([landscape(np.random.default_rng(seed).random((evaluations, landscape.dimensions))) for seed in range(seeds)])
    return {name: np.array([landscape.regret(one) for one in many]) for name, many in values.items()}


def share(hits):
    """Share of hits and its exact 95 % interval (Clopper and Pearson); a bootstrap of nothing but hits would have no width."""
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    return hits.mean(), low, high


STARTS = profile(20, 10)
trapped = runs(trap, STARTS, 15, 3)
found = {name: regret[:, -1] < 0.05 for name, regret in trapped.items()}
dots({name: {f"share of {STARTS} starts": share(hits)} for name, hits in found.items()}, ("random",), xlabel="deepest basin found, 95 % interval", width=6.5,
     alt="Share of starts from which each rule finds the deepest basin: EI nearly always, LCB mostly, random search in half, pure exploitation in fewer.")

# %% [markdown]
# What is to be seen: pure exploitation digs where it stands. It finds the deepest basin when one of its first points fell into it, and seldom else: even random search, which has no model, does no worse. EI, with the same model and the same
# starts, gets there from every start of this run (with twenty starts the true share may still be 0.83).

# %%
claim("Share of starts from which EI finds the deepest basin", found["EI"].mean(), at_least=0.85)
claim("EI's share minus that of pure exploitation", found["EI"].mean() - found["pure exploitation"].mean(), at_least=0.25)

# %% [markdown] tags=["instructor"]
# Before the next section, vote: will pure exploitation lose on Branin's function too? Most will say yes. Write the vote on the board.

# %% [markdown]
# ## 7 · Regret
#
# **Simple regret** after $n$ evaluations is the best value so far minus the true minimum. Two classics, both from Dixon and Szegö (1978), moved to the unit cube: *Branin* (two dimensions, three minima that are
# equally deep) and *Hartmann-6* (six dimensions). Every rule gets the same initial samples.

# %% tags=["nbval-ignore-output"]
SEEDS = profile(10, 4)
regrets = {"Branin": runs(branin, SEEDS, 30, 5), "Hartmann-6": runs(hartmann, SEEDS, profile(50, 30), 10)}

# %%
def median_interval(values, draws=1000):
    """Median over the runs and its 95 % bootstrap interval at every evaluation, for (runs, n): three arrays (n,)."""
    picks = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(np.median(values[picks], axis=1), [0.025, 0.975], axis=0)
    return np.median(values, axis=0), low, high


STYLES = {"EI": (PALETTE[0], "-"), "LCB, β = 2": (PALETTE[2], "--"), "pure exploitation": (PALETTE[1], "-."), "random": (PALETTE[6], ":")}
figure, axes = panels(1, 2, width=10, height=3.9)
for axis, (name, by_rule) in zip(axes, regrets.items()):
    for rule, values in by_rule.items():
        middle, low, high = median_interval(values)
        counts = np.arange(1, len(middle) + 1)
        axis.semilogy(counts, middle, STYLES[rule][1], color=STYLES[rule][0], label=rule)
        axis.fill_between(counts, low, high, color=STYLES[rule][0], alpha=0.13, linewidth=0)
    axis.set(title=name, xlabel="evaluations")
axes[0].set_ylabel(f"simple regret, median of {SEEDS} runs")
axes[0].legend(fontsize=9, loc="lower left")
describe(figure, "Median simple regret against evaluations with 95 % bands, on two functions: the three rules with a model fall by orders of magnitude, "
                 "random search hardly; the bands of the three overlap.")

# %% [markdown]
# What is to be seen: medians over the runs with their 95 % intervals, on a logarithmic scale. Whatever rule uses the model leaves random search far behind. Among the three rules the bands overlap.

# %%
for name, by_rule in regrets.items():
    times = np.log10((by_rule["random"][:, -1] + 1e-6) / (by_rule["EI"][:, -1] + 1e-6))
    claim(f"{name}: random search's regret over EI's, factors of ten, lower end of the interval", scoring.bootstrap(times)[1], at_least=0.5)
times = np.log10((regrets["Branin"]["random"][:, -1] + 1e-6) / (regrets["Branin"]["pure exploitation"][:, -1] + 1e-6))
claim("Branin: the same for pure exploitation, which never explores", scoring.bootstrap(times)[1], at_least=0.5)

half = np.log10(regrets["Branin"]["EI"][:, 14] / regrets["Branin"]["pure exploitation"][:, 14])
claim("Branin, half-way: EI's regret over that of pure exploitation, factors of ten, mean", half.mean(), at_least=0.2)

# %% [markdown]
# **So does greed pay?** On Branin it does: half-way through its median is even ahead of EI's, and at the end on a par. Whichever of the three
# minima greed runs into is a right one. Nothing there punishes greed, so Branin cannot teach you that exploration is needed. The trap of
# section 6 can. Whether *your* experiment is a Branin or a trap you do not know beforehand: EI is the insurance, and after 30 evaluations here
# it has cost nothing.
#
# How do the libraries fare? The figures below were measured once on two cores, 10 runs each at the same number of evaluations: scikit-optimize with EI and BoTorch with log EI at their defaults, with initial samples of their own. They are quoted, not executed.

# %% tags=["nbval-ignore-output"]
QUOTED = {  # median simple regret, and milliseconds to think in each iteration where they were measured
    "Branin": {"scikit-optimize": (0.0031, 101), "BoTorch": (0.0031, 105), "random": (0.74, None)},
    "Hartmann-6": {"scikit-optimize": (0.085, None), "BoTorch": (0.17, None), "random": (1.8, None)},
}
for name, by_rule in regrets.items():
    print(f"{name}, median simple regret after {by_rule['EI'].shape[1]} evaluations")
    for rule, values in by_rule.items():
        print("   {:<28}{:.4f}   [{:.4f}, {:.4f}]".format(rule, *(each[-1] for each in median_interval(values))))
    for library, (value, thinking) in QUOTED[name].items():
        print(f"   {library + ' (quoted)':<28}{value:.4f}" + (f"   {thinking} ms an iteration" if thinking else ""))

# %% [markdown]
# With ten runs each, an interval can span a factor of several hundred, and random search itself differs by a factor of two between the quoted
# ten runs on Branin and these: smaller differences between the libraries and this lab say nothing. A hundred lines reach what
# the libraries reach on these two functions. They do far more: several objectives, constraints, batches, noise, categories.

# %% [markdown]
# ## 8 · A real experiment: tuning a classifier
#
# The table: 569 biopsies of the breast, 30 measurements each, malignant or benign; it comes with scikit-learn. The classifier: logistic regression on 40 RBF features (an approximation of a kernel classifier). Two numbers to choose: `gamma`, $10^{-5}$ to $10$, with which the features grow narrower, and
# the inverse `C` of the regularisation, $10^{-3}$ to $10^{6}$. The experiment: three-fold cross-validation on the training rows. The value: the
# logarithm of its **log loss**, which tells settings apart even where they make equally many errors.
#
# Twenty experiments for each: a grid of 5 by 4, random search, and Bayesian optimisation that starts with five random ones.

# %%
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

cancer = tables.load("breast_cancer", seed=0)
folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(cancer.z_train, cancer.y_train))


def classifier(point):
    """The classifier for a point (2,) of the unit square."""
    gamma, C = 10.0 ** (-5 + 6 * point[0]), 10.0 ** (-3 + 9 * point[1])
    return make_pipeline(Nystroem(gamma=gamma, n_components=40, random_state=0), LogisticRegression(C=C, solver="newton-cholesky"))


def experiment(points):
    """Log of the cross-validated log loss at points (n, 2): values (n,)."""
    x, y = cancer.z_train, cancer.y_train
    return np.log([np.mean([log_loss(y[out], classifier(point).fit(x[rows], y[rows]).predict_proba(x[out])) for rows, out in folds]) for point in points])


# %% tags=["nbval-ignore-output"]
BUDGET, REPEATS = 20, profile(10, 3)
cells = np.stack(np.meshgrid((np.arange(5) + 0.5) / 5, (np.arange(4) + 0.5) / 4), axis=-1).reshape(-1, 2)
tried = {"grid": [(cells, experiment(cells))], "random": [], "Bayesian": []}
for seed in range(REPEATS):
    rng = np.random.default_rng(seed)
    points = rng.random((BUDGET, 2))
    tried["random"].append((points, experiment(points)))
    tried["Bayesian"].append(bayesian_optimisation(experiment, points[:5], BUDGET, fit, proposer(log_improvement, rng))[:2])
losses = {name: np.exp([np.minimum.accumulate(values) for _, values in each]) for name, each in tried.items()}

# %%
figure, axes = panels(1, 3, width=9.5, height=3.4, sharey=True)
for axis, (name, each) in zip(axes, tried.items()):
    points, values = each[0]
    shades = axis.scatter(-5 + 6 * points[:, 0], -3 + 9 * points[:, 1], c=np.exp(values), cmap="viridis_r", s=50, edgecolor="0.3", linewidth=0.5, norm=LogNorm(0.07, 0.7))
    axis.set(title=f"{name}: best {np.exp(values.min()):.3f}", xlabel="log₁₀ gamma", xlim=(-5.3, 1.3), ylim=(-3.4, 6.4))
axes[0].set_ylabel("log₁₀ C")
bar = figure.colorbar(shades, ax=axes, label="log loss", ticks=[0.07, 0.1, 0.2, 0.4, 0.7], format="{x:g}")
bar.minorticks_off()
describe(figure, "Where grid, random search and one run of Bayesian optimisation looked for gamma and C: Bayesian optimisation gathers in a diagonal valley.")

# %% [markdown]
# What is to be seen: twenty experiments each, coloured by their log loss (yellow is good). The good settings lie in a narrow valley that runs across the grid's axes: small gamma wants large C. Grid and random search spend most experiments
# outside it; of Bayesian optimisation's fifteen own choices about five go to the edges and the rest into the valley.

# %%
figure, axes = panels(width=6.5, height=3.4)
for name, style in (("random", STYLES["random"]), ("Bayesian", STYLES["EI"])):
    middle, low, high = median_interval(losses[name])
    axes.plot(np.arange(1, BUDGET + 1), middle, style[1], color=style[0], label=name)
    axes.fill_between(np.arange(1, BUDGET + 1), low, high, color=style[0], alpha=0.13, linewidth=0)
axes.axhline(losses["grid"][0, -1], color=PALETTE[1], linestyle="--", label="grid, at its end")
axes.set(xlabel="experiments", ylabel=f"best log loss so far,\nmedian of {REPEATS} runs", ylim=(0.07, 0.13), xlim=(4, BUDGET), xticks=range(4, BUDGET + 1, 4))
axes.legend()
describe(figure, "Best cross-validated log loss against experiments: Bayesian optimisation passes the grid's result after eight, "
                 "random search barely reaches it.")

# %% [markdown]
# What is to be seen: medians with their 95 % intervals, from the fourth experiment on (the axis ends at 0.13).
# After its five random points, Bayesian optimisation soon passes what the whole grid found, and its runs agree; random search depends on its luck.

# %%
gain_random = np.log(losses["random"][:, -1] / losses["Bayesian"][:, -1])
gain_grid = np.log(losses["grid"][0, -1] / losses["Bayesian"][:, -1])
claim("Log loss of random search over that of Bayesian optimisation, geometric mean, lower end of the interval", np.exp(scoring.bootstrap(gain_random)[1]), at_least=1.01)
claim("Log loss of the grid over that of Bayesian optimisation, the same", np.exp(scoring.bootstrap(gain_grid)[1]), at_least=1.01)

# %% [markdown]
# **And on rows that nobody tuned on?** The smallest of twenty cross-validated losses is small partly by luck. Train each winner on all training rows, and ask the test rows.

# %%
def on_test(points, values):
    """Log loss of each test row (143,) under the setting that cross-validation liked best."""
    best = classifier(points[np.argmin(values)]).fit(cancer.z_train, cancer.y_train)
    return -np.log(best.predict_proba(cancer.z_test)[np.arange(len(cancer.y_test)), cancer.y_test])


by_row = {name: np.array([on_test(*one) for one in each]) for name, each in tried.items()}  # (runs, rows)
final = {name: {"cross-validation, over runs": scoring.bootstrap(losses[name][:, -1]), "test rows, over rows": scoring.bootstrap(by_row[name].mean(axis=0))}
         for name in tried}
dots(final, xlabel="log loss, 95 % interval", limits=None, width=8.5,
     alt="Log loss of the three searches. In cross-validation Bayesian optimisation is lowest; on the test rows the three intervals overlap widely.")

# %% [markdown]
# What is to be seen: left what was searched for, with intervals over the runs (the grid is a single run). Right what you wanted, with intervals over the 143 test rows: far wider than the differences, and in another order.

# %%
lead = scoring.bootstrap((by_row["Bayesian"] - by_row["grid"]).mean(axis=0))
claim("Bayesian winners against the grid's on the test rows: the interval of the difference holds zero", lead[1] <= 0 <= lead[2])

# %% [markdown]
# A better search of a small validation set is no promise: the four to ten thousandths won in cross-validation do not show on other rows.
# What the search saved you is experiments, not biopsies.

# %% tags=["nbval-ignore-output"]
print(table(final, digits=4))

# %% [markdown] tags=["instructor"]
# Time one experiment and one `propose` here. For a table this small Bayesian optimisation is not worth its trouble; for a network that trains
# a night it is.

# %% [markdown]
# ## 9 · Touch: you against EI
#
# A hidden landscape, three points known. You choose up to five more, one after the other; EI, with the same model, chooses its own. The sliders set where your choices lie (in percent of the axis); *your evaluations* says how many of them are made. Your next choice is
# the orange line. At the end, show the truth.
#
# Try: win without looking at the band; win by always taking the lowest point of the mean; find a landscape on which EI loses.

# %% tags=["nbval-ignore-output"]
bo_game.explore()

# %% [markdown]
# What is to be seen: above your process with your points, below that of EI with the same number of evaluations. The best value so far stands in each title. EI does not always win: it hedges, and a lucky guess needs no hedge.

# %% [markdown]
# ## What to remember
#
# - A Gaussian process is a kernel and one Cholesky factor: posterior, likelihood and slopes all come from it.
# - The marginal likelihood weighs fit against room; it has several hills, and with few data it needs a prior.
# - Two equal points break the factor; a little noise on the diagonal mends it.
# - EI is an integral with a closed form; compute its logarithm, or it is zero where you need its slope.
# - LCB is a dial between exploitation and exploration. Pure exploitation fails on a trap and does well on Branin.
# - Compare searches at equal numbers of evaluations, over many starts, with intervals; and the winners on data that no search has seen.
#
# For work, take a library: **BoTorch** and **Ax** (Gaussian processes with everything around them), or **Optuna** (many dials, trees instead of processes). scikit-optimize, which many tutorials use, is archived.

# %% [markdown]
# ## Outside: ships in a towing tank
#
# Does the process hold on a table of measurements? 308 trials of sailing yachts (Gerritsma et al., 1981): five numbers of a hull, its speed, and the resistance of the water. The file `tables/yacht.txt.gz` comes from `COURSE_DATA`; where it is not there, the cell says so.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import real


def outside(yacht):
    """Predictions on held-out trials with their 95 % intervals, and two scores."""
    x, x_test = (0.5 + rows / 6 for rows in (yacht.z_train, yacht.z_test))  # about the unit cube
    centre, scale = np.log(yacht.y_train).mean(), np.log(yacht.y_train).std()
    model = fit(x, np.log(yacht.y_train))
    mean, std = posterior(x_test, model.x, model.factor, model.alpha, model.theta)
    spread = np.sqrt(std**2 + np.exp(model.theta[-1]))
    truth = (np.log(yacht.y_test) - centre) / scale
    inside = np.mean(np.abs(truth - mean) < 1.96 * spread)
    order = np.argsort(truth)
    figure, axes = panels(width=7, height=3.6)
    axes.errorbar(np.arange(len(order)), mean[order], 1.96 * spread[order], fmt="o", color=PALETTE[0], markersize=4, linewidth=1, label="predicted, 95 %")
    axes.plot(np.arange(len(order)), truth[order], color=PALETTE[1], label="measured")
    explained = 1 - np.mean((truth - mean) ** 2) / truth.var()
    axes.set(xlabel="held-out trials, by measured resistance", ylabel="log resistance (standardised)", title=f"{explained:.1%} of the variance explained; {inside:.0%} of the intervals hold the truth")
    axes.legend(loc="upper left")
    return describe(figure, "Held-out trials in order of their resistance, with predictions and intervals.")


yacht = real.or_none(tables.load, "yacht", seed=0)
outside(yacht) if yacht is not None else None

# %% [markdown]
# What is to be seen, where the table was found: predictions for trials that the process has not seen, with their 95 % intervals. Look at the intervals as much as at the fit: how many hold the truth? Which length did the process give to the speed, and which to the five numbers of the hull
# (print `np.exp(model.theta)` inside `outside`)?
#
# ## References
#
# - C. Rasmussen, C. Williams, *Gaussian processes for machine learning*, 2006: algorithm 2.1 (posterior and likelihood from one factor), 5.4 (two explanations of the same data).
# - D. Jones, M. Schonlau, W. Welch, *Efficient global optimization of expensive black-box functions*, 1998: expected improvement.
# - N. Srinivas et al., *Gaussian process optimization in the bandit setting*, ICML 2010: confidence bounds and their β.
# - S. Ament et al., *Unexpected improvements to expected improvement for Bayesian optimization*, NeurIPS 2023: log EI.
# - J. Bergstra, Y. Bengio, *Random search for hyper-parameter optimization*, JMLR 2012.
# - L. Dixon, G. Szegö, *The global optimization problem: an introduction*, 1978: Branin and Hartmann.
# - M. Balandat et al., *BoTorch*, NeurIPS 2020; T. Akiba et al., *Optuna*, KDD 2019.
