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
# # Lab 15 · Uncertainty
#
# *6.874, recitation 5, model uncertainty. About 120 minutes. Builds on no other lab; lab 17 builds on it, and lab 16 uses its words.*
#
# The zoo's network names a species for every picture, and says how sure it is. Then somebody walks a lion past the camera. The network
# knows eight species, and none of them is a lion. It will name one all the same. How sure will it say it is, and would you notice?
#
# You will be able to
#
# - **tell** the noise in the data from the ignorance of the model, and **measure** both;
# - **train** a network that predicts its own noise, and say when that goes wrong;
# - **compare** an ensemble, MC dropout and Bayes by backprop, where there are data and where there are none;
# - **judge** and **mend** the calibration of a classifier;
# - **let** a classifier abstain, and say what that costs.

# %%
import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_auc_score
from torch.nn.functional import cross_entropy, dropout, softplus
from tqdm import tqdm

from course_utils import models
from course_utils.datasets import zoo
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, heatmaps, panels, reliability, variance
from course_utils.plots.scores import dots, table
from course_utils.settings import profile
from course_utils.widgets import calibration

start("15")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 Two kinds 8 · 2 Learnt noise 20 (15.1) · 3 Ensembles 18 (15.2) · 4 Weights as distributions 22 (15.3) ·
# 5 Two answers 7 · 6 Calibration 27 (15.4, 15.5) · 7 Unseen species and abstaining 13 · 8 Touch 5. If time is short: 15.3 as
# homework, section 5 as reading; the figures still come, because the check goes on with the solution.
#
# Open with a question: "I toss a coin behind my back. How sure are you of heads? I show you that it was bent. How sure now?" Noise and
# ignorance can give the same number.

# %% [markdown]
# ## 1 · Two kinds of not knowing
#
# A target $y$ is measured at a place $x$: $y = f(x) + \sigma(x)\,\epsilon$ with $\epsilon \sim N(0, 1)$. Not knowing $y$ has two sources:
#
# - **aleatoric** uncertainty: the noise $\sigma(x)$ of the world. More data do not shrink it. It is **homoscedastic** where $\sigma$ is the
#   same everywhere and **heteroscedastic** where it depends on $x$;
# - **epistemic** uncertainty: you do not know $f$. More data *here* do shrink it.
#
# You know the truth of the data below: a curve $f$, and noise that grows from left to right. There are no data between -1 and 1, and none
# beyond 3. Every seed draws its own data set, so that what you find can be asked of more than one.

# %%
SEEDS, MEMBERS, POINTS = profile(5, 3), 5, 200


def true_mean(x):
    """The curve f(x)."""
    return torch.sin(1.5 * x) + 0.3 * x


def true_sigma(x):
    """Standard deviation of the noise at x."""
    return 0.08 + 0.32 * torch.sigmoid(2 * x)


def measure(n, seed):
    """n places with 1 < |x| < 3, and a noisy measurement at each: two tensors (n,)."""
    coin = torch.Generator().manual_seed(seed)
    side = torch.where(torch.rand(n, generator=coin) < 0.5, -1.0, 1.0)
    x = side * (1 + 2 * torch.rand(n, generator=coin))
    return x, true_mean(x) + true_sigma(x) * torch.randn(n, generator=coin)


x, y = (torch.stack(part) for part in zip(*(measure(POINTS, seed) for seed in range(SEEDS))))  # (seeds, points)
grid = torch.linspace(-6, 6, 241)
inside, gap, outside = (grid.abs() > 1.2) & (grid.abs() < 2.8), grid.abs() < 0.5, grid.abs() > 4.5

# %%
figure, axes = panels(1, 2, width=9, height=3.2, sharey=True)
steady = true_mean(x[0]) + 0.24 * torch.randn(POINTS, generator=torch.Generator().manual_seed(7))
for axis, values, title in ((axes[0], steady, "homoscedastic"), (axes[1], y[0], "heteroscedastic: the lab's data")):
    axis.plot(grid, true_mean(grid), color="0.35", linestyle="--", linewidth=1.5, label="f(x)")
    axis.plot(x[0], values, ".", color=PALETTE[0], markersize=4, label="measurements")
    axis.axvspan(-1, 1, color="0.92", zorder=0)
    axis.set(xlabel="x", title=title, xlim=(-4.5, 4.5), ylim=(-3, 3.2))
axes[0].set_ylabel("y")
axes[0].legend(loc="upper left")
describe(figure, "Two scatter plots about one curve, with no points between -1 and 1. Left, noise of one size; right, noise that grows "
                 "from left to right.")

# %% [markdown]
# What is to be seen: left the same noise everywhere, right noise that grows with $x$. In the grey gap and beyond the ends the noise is not
# the trouble; there nothing was measured.

# %% [markdown]
# ## 2 · A network that predicts its noise
#
# Let a network with weights $\theta$ return two numbers for each $x$: a mean $\mu_\theta(x)$ and the logarithm of a standard deviation,
# $s_\theta(x) = \log\sigma_\theta(x)$, which may be any real number. Recitation 5 trains it by the likelihood of the data,
#
# $$\mathcal{L} = -\frac{1}{N}\sum_{i=1}^{N} \log \mathcal{N}\big(y_i;\, \mu_\theta(x_i),\, \sigma_\theta^2(x_i)\big) .$$
#
# No target for $\sigma$ is needed: a $\sigma$ that is too small pays for its residuals, one that is too large pays for its width.

# %% [markdown] tags=["card"] label="15.1-card"
# ### Exercise 15.1 · The Gaussian likelihood as a loss
# *2 points · 8 minutes · difficulty ●○○*
#
# Write `gaussian_nll(mean, log_sigma, y)`: the negative logarithm of the density of $\mathcal{N}(\mu, \sigma^2)$ at $y$, for each entry,
# the constant included. Stuck? `%hint 15.1` gives a hint, `%reveal 15.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="15.1"
def gaussian_nll(mean, log_sigma, y):
    """Negative log-likelihood of measurements under Gaussians, entry by entry.

    Parameters
    ----------
    mean, log_sigma, y : torch.Tensor, float, of one shape
        Mean and natural logarithm of the *standard deviation* of each Gaussian; where it was measured.

    Returns
    -------
    torch.Tensor, of the same shape
        -log N(y; mean, sigma squared), with the constant log(2 pi) / 2. No mean over the entries.
    """
    ### BEGIN SOLUTION
    return 0.5 * math.log(2 * math.pi) + log_sigma + 0.5 * ((y - mean) * torch.exp(-log_sigma)) ** 2
    ### END SOLUTION


# %% tags=["check"] label="15.1-check"
gaussian_nll = check("15.1", gaussian_nll)

# %% [markdown] tags=["instructor"]
# `torch.nn.GaussianNLLLoss` takes the *variance*, and leaves the constant out unless `full=True`: two of the misconceptions come from
# reading its formula. Ask: "what does this loss become if sigma is held at 1?" (Half the squared error plus a constant.)

# %% [markdown]
# **Many small networks at once.** Each network has two hidden layers of 40. With one axis for the networks, weights `(networks, in, out)`,
# a layer of all of them is one batched product, `torch.baddbmm`. The networks share no weights, so the sum of their losses trains each one
# as if it were alone.

# %%
def initial(networks, sizes, seed, last=0.1):
    """Layers [(weights (networks, in, out), biases (networks, 1, out)), ...], each network drawn apart; the last layer scaled by `last`."""
    coin = torch.Generator().manual_seed(seed)
    layers = [(torch.randn(networks, a, b, generator=coin) * math.sqrt(2 / a), 0.5 * torch.randn(networks, 1, b, generator=coin))
              for a, b in zip(sizes, sizes[1:])]
    layers[-1] = (last * layers[-1][0], torch.zeros_like(layers[-1][1]))
    return [(weights.requires_grad_(), biases.requires_grad_()) for weights, biases in layers]


def outputs(layers, x, drop=0.0):
    """What every network makes of its own inputs: x (networks, n, in) to (networks, n, out)."""
    for weights, biases in layers[:-1]:
        x = dropout(torch.relu(torch.baddbmm(biases, x, weights)), drop)
    weights, biases = layers[-1]
    return torch.baddbmm(biases, x, weights)


def minimise(loss, parameters, steps, lr=5e-3, decay=0.0):
    """Adam on `loss()` with a learning rate that falls to zero as half a cosine."""
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in tqdm(range(steps), desc="training", leave=False):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
        schedule.step()


def flat(layers):
    """All tensors of some layers in one list."""
    return [tensor for layer in layers for tensor in layer]


# %% [markdown]
# **Bounds for sigma.** Nothing in the loss keeps $\sigma$ from going to 0 where a point is hit exactly: the likelihood of one point has no
# upper limit. So the second output is squeezed between two values that you can vouch for, here 0.02 and 2.

# %%
LOW, HIGH = math.log(0.02), math.log(2.0)


def bounded(raw):
    """Any number to a log sigma between LOW and HIGH."""
    return LOW + (HIGH - LOW) * torch.sigmoid(raw / 2)


def train_gaussian(x, y, seed, squeeze=bounded, drop=0.0, steps=profile(800, 600)):
    """One network for each row of x and y (networks, n), by the Gaussian likelihood."""
    layers = initial(len(x), (1, 40, 40, 2), seed)

    def loss():
        mean, raw = outputs(layers, x[..., None], drop).unbind(dim=-1)
        return gaussian_nll(mean, squeeze(raw), y).mean(dim=1).sum()

    minimise(loss, flat(layers), steps)
    return layers


@torch.no_grad()
def predict(layers, x, squeeze=bounded, drop=0.0):
    """Mean and sigma of every network at places x (n,) or (networks, n): two tensors (networks, n)."""
    mean, raw = outputs(layers, x.expand(len(layers[0][0]), -1)[..., None], drop).unbind(dim=-1)
    return mean, squeeze(raw).exp()


# %% [markdown]
# For section 3, train not one network on each data set but five, which differ only in the weights that they start with.

# %%
networks = train_gaussian(x.repeat_interleave(MEMBERS, dim=0), y.repeat_interleave(MEMBERS, dim=0), seed=1)
means, sigmas = (part.view(SEEDS, MEMBERS, -1) for part in predict(networks, grid))  # (seeds, members, grid)

# %%
figure, axes = panels(1, 2, width=9, height=3.2)
variance.two_bands(axes[0], grid.numpy(), means[0, 0].numpy(), np.zeros(len(grid)), sigmas[0, 0].numpy())
axes[0].plot(x[0], y[0], ".", color="0.2", markersize=3)
axes[0].set(xlim=(-3.2, 3.2), ylim=(-3, 3), xlabel="x", ylabel="y", title="mean ± 1.96 learnt σ, one network")
axes[1].plot(grid, true_sigma(grid), color="black", linestyle="--", label="true σ(x)")
axes[1].plot(grid, sigmas[:, 0].T, color=PALETTE[0], linewidth=1)
axes[1].plot([], [], color=PALETTE[0], label="learnt, one line a data set")
axes[1].set(xlim=(-3.2, 3.2), ylim=(0, 0.7), xlabel="x", ylabel="σ", title="the learnt noise")
axes[1].legend(loc="upper left")
for axis in axes:
    axis.axvspan(-1, 1, color="0.92", zorder=0)
describe(figure, "Left, one network's mean with a band of its predicted noise, which widens to the right as the points do. Right, predicted "
                 "sigma against the true one: they agree where there are data and part in the gap.")

# %% [markdown]
# What is to be seen: the band widens with the noise, although the network was never told any $\sigma$. On the data the learnt curves stay
# within about a third of the true one. In the grey gap they go where they like: a learnt $\sigma$ says nothing where nothing was learnt.

# %% tags=["nbval-ignore-output"]
ratio = (sigmas / true_sigma(grid))[..., inside]
off = (ratio[:, 0] - 1).abs()
for seed in range(SEEDS):
    print(f"data set {seed}: relative error of the learnt sigma, mean {off[seed].mean():.2f}, largest {off[seed].max():.2f}")

# %%
claim("Relative error of one network's sigma, mean over the data's range, worst data set", (ratio[:, 0] - 1).abs().mean(dim=1).max(), at_most=0.25)

# %% [markdown]
# ### The trap: a likelihood without limit
#
# Take the bounds away, and 12 points for each data set instead of 200, with three networks on each. A network can hit single points, and
# gains likelihood without end by being sure of them.

# %%
few, held_out = ([torch.stack(part).repeat(3, 1) for part in zip(*(measure(n, first + seed) for seed in range(5)))] for n, first in ((12, 100), (500, 900)))
loss_on = {}
for name, squeeze in (("bounded", bounded), ("not bounded", lambda raw: raw)):
    layers = train_gaussian(*few, seed=7, squeeze=squeeze, steps=profile(1200, 900))
    for data, (at, seen) in (("training", few), ("held out", held_out)):
        mean, sigma = predict(layers, at, squeeze)
        loss_on[name, data] = gaussian_nll(mean, sigma.log(), seen).mean(dim=1)

# %% tags=["nbval-ignore-output"]
for (name, data), values in loss_on.items():
    print(f"{name:>12}, {data:<9} mean {values.mean():9.2f}, worst {values.max():9.2f}")

# %%
claim("Mean held-out loss without bounds, of 15 networks", loss_on["not bounded", "held out"].mean(), at_least=1500)
claim("The same with bounds", loss_on["bounded", "held out"].mean(), at_most=400)

# %% [markdown]
# The training loss does not show it: a single held-out point beside a tiny $\sigma$ can cost thousands of nats. The
# remedies are bounds, or a start with the squared error alone (a *warm-up*), and always a look at held-out data. Bounds do not cure
# overfitting (12 points are too few for such a network in any case); they limit what it costs.

# %% [markdown]
# ## 3 · Ask several
#
# A single network has one answer everywhere, and in the gap no way to say that it made it up. Train $M$ of them that differ in where they
# started (Lakshminarayanan, Pritzel and Blundell 2017). Where there are data they have to agree. Where there are none, they need not: the
# lecture's epistemic uncertainty is $\mathrm{Var}(\mu_{\theta_i}(x))$ over the members $i$.
#
# Taken together, the members are a mixture of $M$ Gaussians with equal weights. The **law of total variance** parts its variance:
#
# $$\underbrace{\mathrm{Var}(y \mid x)}_{\text{total}} \;=\; \underbrace{\tfrac1M\sum_i \sigma_i^2(x)}_{\text{aleatoric}} \;+\;
# \underbrace{\tfrac1M\sum_i \big(\mu_i(x) - \bar\mu(x)\big)^2}_{\text{epistemic}}, \qquad \bar\mu = \tfrac1M\sum_i\mu_i .$$

# %% [markdown] tags=["card"] label="15.2-card"
# ### Exercise 15.2 · The two parts of an ensemble's variance
# *2 points · 10 minutes · difficulty ●●○*
#
# Write `decompose(means, sigmas)`, which returns the three variances of the formula at every point. It has to work for a single member too.

# %% tags=["exercise"] label="15.2"
def decompose(means, sigmas):
    """Variance of an equally weighted mixture of Gaussians and its two parts, at every point.

    Parameters
    ----------
    means, sigmas : torch.Tensor, float, shape (members, points)
        Mean and standard deviation that each member predicts at each point; at least one member.

    Returns
    -------
    total, aleatoric, epistemic : torch.Tensor, shape (points,)
        Variances. The sums over members are divided by the number of members.
    """
    ### BEGIN SOLUTION
    aleatoric = (sigmas**2).mean(dim=0)
    epistemic = means.var(dim=0, correction=0)
    return aleatoric + epistemic, aleatoric, epistemic
    ### END SOLUTION


# %% tags=["check"] label="15.2-check"
decompose = check("15.2", decompose)

# %% [markdown]
# The law is an identity, so test it as one. The variance of the mixture from its first two moments, $E[y^2] - E[y]^2$, knows nothing of two
# parts:

# %%
total, aleatoric, epistemic = decompose(means[0].double(), sigmas[0].double())
second_moment = (sigmas[0].double() ** 2 + means[0].double() ** 2).mean(dim=0)
from_moments = second_moment - means[0].double().mean(dim=0) ** 2
claim("Aleatoric plus epistemic and the mixture's variance differ at most by", (aleatoric + epistemic - from_moments).abs().max(), at_most=1e-9)

# %%
def uncertainty(means, sigmas):
    """Aleatoric and epistemic standard deviation for each data set: (seeds, members, grid) to two tensors (seeds, grid)."""
    parts = [decompose(*pair) for pair in zip(means, sigmas)]
    return torch.stack([one[1] for one in parts]).sqrt(), torch.stack([one[2] for one in parts]).sqrt()


def growth(epistemic, where):
    """How many times larger the epistemic sd is there than on the data, for each data set."""
    return epistemic[:, where].mean(dim=1) / epistemic[:, inside].mean(dim=1)


noise, ignorance = uncertainty(means, sigmas)

# %% tags=["target"] target="15.2"
figure, axes = panels(1, 2, width=9, height=3.3)
axes[0].plot(grid, means[0].T, color=PALETTE[0], linewidth=1.2)
axes[0].plot(x[0], y[0], ".", color="0.6", markersize=3, zorder=0)
axes[0].plot(grid, true_mean(grid), color="black", linestyle="--", linewidth=1.2, label="f(x)")
axes[0].set(xlabel="x", ylabel="y", ylim=(-5, 5), title="five members, one data set")
axes[0].legend(loc="upper left", fontsize=9)
axes[1].semilogy(grid, ignorance[0], color=variance.EPISTEMIC, label="epistemic")
axes[1].semilogy(grid, noise[0], color=variance.ALEATORIC, label="aleatoric")
axes[1].semilogy(grid, true_sigma(grid), color="black", linestyle="--", linewidth=1.2, label="true noise")
axes[1].set(xlabel="x", ylabel="standard deviation", title="the two parts")
axes[1].legend(loc="upper center", ncols=3, fontsize=9)
axes[1].set_ylim(1e-3, 10)
describe(figure, "Left, five means that agree on the data and fan out beyond. Right, on a logarithmic axis, the epistemic sd, tiny on the "
                 "data and large in the gap and outside, and the aleatoric sd beside the true noise.")

# %% [markdown]
# What is to be seen: left, the means lie on one another where there are points and fan out where there are none. Right, on a logarithmic
# axis: the epistemic part is small on the data and many times larger in the gap and outside; the aleatoric part follows the true noise on
# the data.

# %% [markdown]
# **Does the band hold?** Draw new measurements at the places where there were data, and count how many lie within $\bar\mu \pm
# 1.96\,\sqrt{\text{total}}$.

# %%
def coverage(means, sigmas):
    """Share of new measurements on the data's range within the 95 % band, for each data set."""
    parts = uncertainty(means, sigmas)
    new = true_mean(grid) + true_sigma(grid) * torch.randn(len(means), 200, len(grid), generator=torch.Generator().manual_seed(99))
    within = (new - means.mean(dim=1)[:, None]).abs() < variance.WIDTH * torch.hypot(*parts)[:, None]
    return within[..., inside].float().mean(dim=(1, 2))


claim("Ensemble: its 95 % band holds new measurements, smallest share over the data sets", coverage(means, sigmas).min(), at_least=0.88)
claim("Ensemble: epistemic sd in the gap over that on the data, smallest ratio", growth(ignorance, gap).min(), at_least=5)

# %% [markdown]
# ### The trap: an ensemble of one
#
# Ask a single member for its epistemic uncertainty. Nobody disagrees with it.

# %%
alone = decompose(means[0, :1], sigmas[0, :1])[2]
claim("Largest epistemic variance of an ensemble of one, anywhere", alone.max(), equals=0.0)

# %% [markdown]
# "No epistemic uncertainty" can mean that the model knows, or that nobody was asked. And members that share a fault share it in silence: the
# variance of the means measures disagreement, which is not the same as error.

# %% [markdown] tags=["instructor"]
# Ask: "what would make the members agree off the data too?" (The same start; a strong prior to zero; copies.) In `initial`, let
# somebody draw one start and repeat it for all networks, and predict the figure first.

# %% [markdown]
# ## 4 · Weights as distributions
#
# Bayes' rule says the same differently: given the data, the weights are not known, they have a **posterior** distribution, and each draw
# from it is a member. Two cheap ways to draw:
#
# - **MC dropout** (Gal and Ghahramani 2016): train with dropout and *leave it on* when predicting. Each pass is a member.
# - **Bayes by backprop** (Blundell et al. 2015): every weight is a Gaussian with a mean $m$ and a $\sigma = \mathrm{softplus}(\rho) =
#   \log(1 + e^\rho)$ of its own. A draw is $w = m + \sigma\,\epsilon$, $\epsilon \sim N(0, 1)$: the chance comes from outside, and the slope
#   passes through $m$ and $\rho$ (the *reparametrisation*).
#
# The second is trained by the expected loss plus a price for leaving the prior $N(0, \sigma_p^2)$, in nats, shared among the $N$ points:
#
# $$\mathcal{L} = -\frac1N\sum_i \log \mathcal{N}(y_i; \mu_w(x_i), \sigma_w^2(x_i)) + \frac1N \sum_w \mathrm{KL}\big(N(m_w, \sigma_w^2) \,\|\, N(0, \sigma_p^2)\big),$$
#
# $$\mathrm{KL} = \log\frac{\sigma_p}{\sigma} + \frac{\sigma^2 + m^2}{2\sigma_p^2} - \frac12 .$$

# %% [markdown] tags=["card"] label="15.3-card"
# ### Exercise 15.3 · A linear layer with distributions for weights
# *3 points · 15 minutes · difficulty ●●●*
#
# Write `bayes_linear(x, mean, rho, noise, prior_sigma)`: draw the weights with the noise that is handed over, apply them, and return the
# layer's KL beside its output. The bias is the last row of the weights, and a distribution like the rest.

# %% tags=["exercise"] label="15.3"
def bayes_linear(x, mean, rho, noise, prior_sigma):
    """A linear layer with one draw of its weights, and the divergence of their distribution from the prior.

    Parameters
    ----------
    x : torch.Tensor, shape (n, inputs)
    mean, rho : torch.Tensor, shape (inputs + 1, outputs)
        Each weight is N(mean, sigma squared) with sigma = softplus(rho). The last row is the bias.
    noise : torch.Tensor, shape (inputs + 1, outputs)
        A draw from N(0, 1) for each weight.
    prior_sigma : float
        Standard deviation of the prior N(0, prior_sigma squared) of every weight.

    Returns
    -------
    output : torch.Tensor, shape (n, outputs)
        x times the drawn weights, plus the drawn bias.
    kl : torch.Tensor, shape ()
        KL(weights || prior) in closed form, summed over all weights, the bias included.
    """
    ### BEGIN SOLUTION
    sigma = softplus(rho)
    weights = mean + sigma * noise
    kl = math.log(prior_sigma) - sigma.log() + (sigma**2 + mean**2) / (2 * prior_sigma**2) - 0.5
    return x @ weights[:-1] + weights[-1], kl.sum()
    ### END SOLUTION


# %% tags=["check"] label="15.3-check"
bayes_linear = check("15.3", bayes_linear)

# %% [markdown]
# Now train one network of each kind on each of the first three data sets (two in the fast profile), of the same size as the members of
# the ensemble, and take 100 draws of each.

# %%
DRAWS, DROP, PRIOR, SETS = 100, 0.05, 1.0, profile(3, 2)

with_dropout = train_gaussian(x[:SETS], y[:SETS], seed=2, drop=DROP)
drawn = [predict(with_dropout, grid, drop=DROP) for _ in range(DRAWS)]
by_dropout = [torch.stack(part, dim=1) for part in zip(*drawn)]  # mean and sigma, (seeds, draws, grid)

# %%
def bayes_network(layers, x):
    """One draw of a network of Bayesian layers [(mean, rho), ...] at x (n,): mean and raw log sigma (n,), and the KL of all layers."""
    values, divergence = x[:, None], 0.0
    for number, (mean, rho) in enumerate(layers):
        values, kl = bayes_linear(torch.relu(values) if number else values, mean, rho, torch.randn_like(mean), PRIOR)
        divergence = divergence + kl
    return *values.unbind(dim=1), divergence


def train_bayes(x, y, seed, steps=profile(800, 600)):
    """Bayes by backprop on one data set: the layers, and DRAWS predictions on the grid."""
    layers = [(torch.cat([weights[0], biases[0]]).detach().requires_grad_(), torch.full((weights.shape[1] + 1, weights.shape[2]), -5.0).requires_grad_())
              for weights, biases in initial(1, (1, 40, 40, 2), seed)]

    def loss():
        mean, raw, divergence = bayes_network(layers, x)
        return gaussian_nll(mean, bounded(raw), y).mean() + divergence / len(x)

    minimise(loss, flat(layers), steps)
    with torch.no_grad():
        draws = [bayes_network(layers, grid) for _ in range(DRAWS)]
    return torch.stack([mean for mean, _, _ in draws]), torch.stack([bounded(raw).exp() for _, raw, _ in draws])


by_bayes = [torch.stack(part) for part in zip(*(train_bayes(*data, seed=30 + k) for k, data in enumerate(zip(x[:SETS], y[:SETS]))))]

# %%
ways = {"ensemble of 5": (means[:SETS], sigmas[:SETS]), "MC dropout": by_dropout, "Bayes by backprop": by_bayes}
found = {name: uncertainty(*pair) for name, pair in ways.items()}

figure, axes = panels(2, 3, width=9.6, height=5.2, sharex=True, sharey="row", height_ratios=(1.5, 1))
for column, (name, (mu, _)) in enumerate(ways.items()):
    own, guess = (part[0].numpy() for part in found[name])
    variance.two_bands(axes[0, column], grid.numpy(), mu[0].mean(dim=0).numpy(), guess, own)
    axes[0, column].plot(x[0], y[0], ".", color="0.2", markersize=2)
    axes[0, column].plot(grid, true_mean(grid), color="black", linestyle="--", linewidth=1, label="f(x)")
    axes[0, column].set(title=name, ylim=(-6, 6))
    axes[1, column].semilogy(grid, found[name][1].T, color=variance.EPISTEMIC, linewidth=1)
    axes[1, column].set(xlabel="x", ylim=(5e-4, 10))
    for axis in axes[:, column]:
        axis.axvspan(-1, 1, color="0.93", zorder=0)
axes[0, 0].set_ylabel("y, 95 % bands")
axes[1, 0].set_ylabel("epistemic sd")
axes[0, 0].legend(loc="upper left", fontsize=8)
describe(figure, "Three models on the same data. The ensemble's bands open in the gap and beyond the ends. MC dropout's grow a little "
                 "outside. Bayes by backprop's grow outside, and are narrow in the gap. Below, the epistemic sd for every data set.")

# %% [markdown]
# What is to be seen: the same data three times; above one data set with its bands, below the epistemic part of every data set on a
# logarithmic axis. All three grow beyond the ends of the data; the ensemble by far the most relative to what it has on the data, though at
# the edges all three are of like size. In the gap the ensemble opens, MC dropout opens a little, and Bayes by backprop is *surer* than on
# the data.

# %% tags=["nbval-ignore-output"]
print(f"{'':18}  learnt/true σ   coverage     off/on data    gap/on data   (smallest to largest over data sets)")
for name, (own, guess) in found.items():
    row = ((own / true_sigma(grid))[:, inside].mean(dim=1), coverage(*ways[name]), growth(guess, outside), growth(guess, gap))
    print(f"{name:18}", "".join(f"  {part.min():5.2f} to {part.max():5.2f}" for part in row))

# %%
beyond = {name: growth(guess, outside).min() for name, (_, guess) in found.items()}
claim("Ensemble: epistemic sd beyond the data over that on the data, smallest ratio", beyond["ensemble of 5"], at_least=8)
claim("MC dropout and Bayes by backprop: the same, the smaller", min(beyond["MC dropout"], beyond["Bayes by backprop"]), at_least=1.2)
claim("Bayes by backprop: epistemic sd in the gap over that on the data, largest ratio",
      growth(found["Bayes by backprop"][1], gap).max(), at_most=1.3)

own, guess = found["ensemble of 5"]
held = (means[:SETS].mean(dim=1) - true_mean(grid)).abs() < variance.WIDTH * torch.hypot(own, guess)
claim("Share of the true curve beyond the data that the ensemble's 95 % band holds", held[:, outside].float().mean(), at_most=0.5)

# %% [markdown]
# And off the data even the widest band may miss the truth: the dashed curve turns where no network could know that it does. A band that
# opens says *here I am guessing*; how far the truth is, it cannot say.
#
# That Bayes by backprop does not notice the gap is no accident of this run: for one hidden layer of ReLUs and independent Gaussian weights
# it is proved that a variational posterior cannot be unsure *between* two regions of which it is sure; with two layers, as here, it could
# be, but training seldom finds that (Foong et al. 2020). "Bayesian" is a promise about a posterior; what was
# trained here is the best *factorised Gaussian* stand-in for it. And the bands of both are too wide on the data: their noisy weights are
# taken for noise in the data, so their learnt $\sigma$ is too large.

# %%
too_wide = [(found[name][0] / true_sigma(grid))[:, inside].mean() for name in ("MC dropout", "Bayes by backprop")]
claim("MC dropout and Bayes by backprop: learnt over true sigma on the data, the smaller", min(too_wide), at_least=1.1)

# %% [markdown] tags=["instructor"]
# Ask before the figure: "which of the three will be unsure in the gap?" Most say Bayes. If there is time, change `DROP` to 0.2 and `PRIOR`
# to 0.3 live: the knobs decide the bands, and no data point is in the gap to say which setting is right.

# %% [markdown]
# ## 5 · Two answers
#
# A predicted $\sigma$ is still *one* Gaussian. Let an animal that is startled at $x$ run left or right, by the toss of a coin: the target
# has two branches. The likelihood's best single Gaussian has its mean between them, where hardly any animal is. The lecture's Bayesian
# example is of this kind: a training distribution with two modes.
#
# A **mixture density network** (Bishop 1994) predicts $K$ Gaussians for each $x$, and their weights $\pi_k$:
# $p(y \mid x) = \sum_k \pi_k(x)\, \mathcal{N}(y; \mu_k(x), \sigma_k^2(x))$. Its loss is your `gaussian_nll` once for each component, put
# together by a log-sum-exp. The components start at different heights, because what starts alike stays alike.

# %%
def startled(n, seed):
    """n places between -2 and 2 and where the animal ran: one of two branches, with a little noise."""
    coin = torch.Generator().manual_seed(seed)
    x = 4 * torch.rand(n, generator=coin) - 2
    side = torch.where(torch.rand(n, generator=coin) < 0.5, -1.0, 1.0)
    return x, 0.3 * x + side * (0.7 + 0.2 * x) + 0.1 * torch.randn(n, generator=coin)


def mixture(layers, x, y):
    """Log density log p(y | x) of every network, x and y (networks, n)."""
    share, mean, raw = outputs(layers, x[..., None]).unflatten(-1, (3, -1)).unbind(dim=-2)  # (networks, n, K) each
    each = torch.log_softmax(share, dim=-1) - gaussian_nll(mean, bounded(raw), y[..., None].expand_as(mean))
    return torch.logsumexp(each, dim=-1)


def train_mixture(x, y, components, seed=5):
    """One mixture density network for each row of x and y."""
    layers = initial(len(x), (1, 32, 32, 3 * components), seed)
    with torch.no_grad():
        layers[-1][1][..., components : 2 * components] = torch.linspace(-1, 1, components) if components > 1 else 0.0
    minimise(lambda: -mixture(layers, x, y).mean(dim=1).sum(), flat(layers), profile(500, 400), lr=1e-2)
    return layers


runs, new_runs = ([torch.stack(part) for part in zip(*(startled(300, first + seed) for seed in range(SEEDS)))] for first in (0, 50))
one_gaussian, two_gaussians = (train_mixture(*runs, components) for components in (1, 2))

# %%
where, height = torch.meshgrid(torch.linspace(-2, 2, 121), torch.linspace(-2.2, 2.2, 121), indexing="xy")
figure, axes = panels(1, 2, width=9, height=3.6, sharey=True)
for axis, layers, title in ((axes[0], one_gaussian, "one Gaussian"), (axes[1], two_gaussians, "two components")):
    with torch.no_grad():
        density = mixture(layers, where.reshape(1, -1).expand(SEEDS, -1), height.reshape(1, -1).expand(SEEDS, -1))[0].exp().view(where.shape)
    shown = axis.pcolormesh(where, height, density, cmap="cividis", vmin=0, vmax=2)
    axis.plot(*(part[0] for part in runs), ".", color="white", markersize=2)
    axis.set(xlabel="x", title=title)
axes[0].set_ylabel("y")
figure.colorbar(shown, ax=axes, label="density p(y | x)", extend="max")
describe(figure, "Two density maps over the points of two branches. One Gaussian covers both with a broad band that is highest between them; "
                 "two components lie on the branches.")

# %% [markdown]
# What is to be seen: left, one Gaussian spreads over both branches and puts its largest density between them. Right, each component has
# found a branch.

# %%
with torch.no_grad():
    gain = (mixture(two_gaussians, *new_runs) - mixture(one_gaussian, *new_runs)).mean(dim=1)
    middle = outputs(one_gaussian, new_runs[0][..., None])[..., 1]
claim("Gain in held-out log-likelihood by the second component (nats a point), smallest over the data sets", gain.min(), at_least=0.5)
claim("Animals within 0.2 of the single Gaussian's mean, share", ((new_runs[1] - middle).abs() < 0.2).float().mean(), at_most=0.1)

# %% [markdown]
# An ensemble of single Gaussians would not help: its members agree on the wrong shape, and report large *aleatoric* and small epistemic
# uncertainty. The decomposition is of a variance, and a variance does not show two modes.

# %% [markdown]
# ## 6 · Is the network as sure as it is right?
#
# Back to the zoo. A classifier's scores $z$ become probabilities by the softmax; the largest is its **confidence**. A classifier is
# **calibrated** if, of all pictures to which it gives a confidence of 0.8, it names four in five rightly. The **reliability diagram** puts
# the two side by side, bin by bin.
#
# Ask `zoonet` about clean pictures and about four **shifts** that it did not meet in training: two strengths of noise, a blur, and less
# light.

# %%
SHIFTS = {
    "clean": lambda p, coin: p,
    "noise 0.05": lambda p, coin: p + coin.normal(0, 0.05, p.shape),
    "dark": lambda p, coin: 0.6 * p,
    "blur": lambda p, coin: gaussian_filter(p, (0, 0.6, 0.6, 0)),
    "noise 0.1": lambda p, coin: p + coin.normal(0, 0.1, p.shape),
}
zoonet = models.load("zoonet")


@torch.no_grad()
def scores(model, pictures):
    """Scores (n, 8) of uint8 pictures, as a float64 array."""
    return torch.cat([model(models.as_input(pictures[k : k + 50])) for k in range(0, len(pictures), 50)]).double().numpy()


def shifted(pictures, name, seed):
    """uint8 pictures under one of SHIFTS, which work on colours in [0, 1]."""
    moved = SHIFTS[name](pictures.astype(np.float32) / 255, np.random.default_rng(seed))
    return (np.clip(moved, 0, 1) * 255).round().astype(np.uint8)


animals = zoo.load(profile(800, 500), seed=1578)
labels = animals.labels
practice, test = np.arange(len(labels)) < profile(300, 200), np.arange(len(labels)) >= profile(300, 200)
logits = {name: scores(zoonet, shifted(animals.pictures, name, seed)) for seed, name in enumerate(SHIFTS)}

# %%
figure, axes = panels(2, 5, width=9.5, height=4)
for row, k in enumerate((0, 5)):
    for axis, name in zip(axes[row], SHIFTS):
        heatmaps.draw_picture(axis, shifted(animals.pictures[k : k + 1], name, 3)[0])
        axis.set_title(name if row == 0 else "")
describe(figure, "Two animals, clean and under the four shifts.")

# %% [markdown]
# What is to be seen: two animals as they are, and under each shift. None of the shifts would keep you from naming the animal.

# %%
def sureness(scores, labels, temperature=1.0):
    """Confidence (n,) and whether the first choice is right (n,), at a temperature."""
    p = softmax(scores / temperature, axis=1)
    return p.max(axis=1), p.argmax(axis=1) == labels


figure, axes = panels(1, 5, width=10.5, height=2.7, sharey=True)
for axis, name in zip(axes, SHIFTS):
    confidence, right = sureness(logits[name][test], labels[test])
    reliability.draw(axis, reliability.binned(confidence, right, 10), title=f"{name}\n{right.mean():.0%} right")
    axis.set_xticks((0, 0.5, 1))
for axis in axes[1:]:
    axis.set_ylabel("")
describe(figure, "Five reliability diagrams. Clean, slightly noisy and dark pictures: dots above the diagonal. Blurred: below it. Strong "
                 "noise: far below.")

# %% [markdown]
# What is to be seen: each bar is the share of right answers among the pictures of that confidence, darker where there are more of them; the
# dashed line is calibration, and an orange line the gap to it. On clean pictures the dots lie *above* the diagonal: the network is right more often
# than it says. On strong noise they lie far below: it is right one time in five, and hardly less sure.

# %%
clean_confidence, clean_right = sureness(logits["clean"][test], labels[test])
noisy_confidence, noisy_right = sureness(logits["noise 0.1"][test], labels[test])
claim("Clean pictures: share right minus mean confidence", clean_right.mean() - clean_confidence.mean(), at_least=0.015)
claim("Strong noise: mean confidence minus share right", noisy_confidence.mean() - noisy_right.mean(), at_least=0.4)

# %% [markdown]
# One number for a diagram is the **expected calibration error**, the mean gap, each of $B$ bins weighed by its number of pictures
# (Naeini, Cooper and Hauskrecht 2015):
#
# $$\mathrm{ECE} = \sum_{b=1}^{B} \frac{n_b}{n}\,\big|\,\mathrm{accuracy}_b - \mathrm{confidence}_b\,\big| .$$

# %% [markdown] tags=["card"] label="15.4-card"
# ### Exercise 15.4 · The expected calibration error
# *3 points · 12 minutes · difficulty ●●○*
#
# Write `ece(confidence, right, bins)` with numpy. Bins of equal width over [0, 1]; mind the confidence that is exactly 1 and the bins that
# are empty.

# %% tags=["exercise"] label="15.4"
def ece(confidence, right, bins=15):
    """Expected calibration error with bins of equal width.

    Parameters
    ----------
    confidence : ndarray, float, shape (n,)
        Probability of the first choice, in [0, 1].
    right : ndarray, bool, shape (n,)
        Whether the first choice is right.
    bins : int
        Bin k = 0 ... bins - 1 holds k / bins <= confidence < (k + 1) / bins; the last one holds 1 too.

    Returns
    -------
    float
        Sum over the bins of (share of the predictions in it) * |mean confidence - share right|; an empty bin adds nothing.
    """
    ### BEGIN SOLUTION
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(which, confidence - right, minlength=bins)).sum() / len(confidence))
    ### END SOLUTION


# %% tags=["check"] label="15.4-check"
ece = check("15.4", ece)

# %% [markdown]
# **Temperature scaling** (the formula of the lecture's calibration slide; Guo et al. 2017) divides all scores by one number:
# $P(\hat y) = e^{z / T} / \sum_j e^{z_j / T}$. With $T > 1$ every answer becomes less sure, with $T < 1$ surer; the order of the classes,
# and so the accuracy, stays as it is. $T$ is fitted on pictures that were *not* used for training, by the likelihood of their labels.

# %% [markdown] tags=["card"] label="15.5-card"
# ### Exercise 15.5 · The temperature
# *3 points · 12 minutes · difficulty ●●○*
#
# Write `fit_temperature(logits, labels)`. It is a minimisation in one number. `scipy.optimize.minimize_scalar` and
# `scipy.special.log_softmax` are imported.

# %% tags=["exercise"] label="15.5"
def fit_temperature(logits, labels):
    """Temperature at which softmax(logits / T) gives the labels the highest likelihood.

    Parameters
    ----------
    logits : ndarray, float, shape (n, classes)
        Scores before the softmax.
    labels : ndarray, int, shape (n,)

    Returns
    -------
    float
        T between 0.05 and 50 with the smallest mean of -log softmax(logits / T)[label], to three digits or better.
    """
    ### BEGIN SOLUTION
    def loss(log_temperature):
        chosen = log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(len(labels)), labels]
        return -chosen.mean()

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(50)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
    ### END SOLUTION


# %% tags=["check"] label="15.5-check"
fit_temperature = check("15.5", fit_temperature)

# %% [markdown]
# Fit one temperature on the practice pictures of *each* shift, and one on the clean ones that is then used everywhere. An ECE from a few
# hundred pictures is itself uncertain, so give it a **bootstrap** interval: draw the pictures again with replacement, 400 times. Each draw
# adds sampling noise of its own, which an ECE counts as a gap; so the interval is the *basic* one, which reflects the quantiles of the
# draws about the estimate.

# %%
def ece_interval(confidence, right, bins=15, draws=400):
    """ECE and its basic bootstrap interval at 95 %: (estimate, low, high), not below 0."""
    coin = np.random.default_rng(0)
    picks = coin.integers(len(right), size=(draws, len(right)))
    again = [ece(confidence[pick], right[pick], bins) for pick in picks]
    estimate = ece(confidence, right, bins)
    low, high = np.quantile(again, [0.025, 0.975])
    return estimate, max(0.0, 2 * estimate - high), max(0.0, 2 * estimate - low)


own = {name: fit_temperature(logits[name][practice], labels[practice]) for name in SHIFTS}
choices = {"T = 1": {name: 1.0 for name in SHIFTS}, "T fitted on clean": {name: own["clean"] for name in SHIFTS}, "T fitted on its shift": own}
errors = {choice: {name: ece_interval(*sureness(logits[name][test], labels[test], temperatures[name])) for name in SHIFTS}
          for choice, temperatures in choices.items()}

# %% tags=["nbval-ignore-output"]
print("  ".join(f"{name}: T = {temperature:.2f}" for name, temperature in own.items()))
print("ECE with its 95 % interval")
print(table({name: {choice: row[name] for choice, row in errors.items()} for name in SHIFTS}, digits=3))

# %% tags=["target"] target="15.5"
figure, axes = panels(width=8.5, height=3.4)
for k, (choice, row) in enumerate(errors.items()):
    estimate, low, high = (np.array(part) for part in zip(*row.values()))
    places = np.arange(len(row)) + 0.22 * (k - 1)
    axes.vlines(places, low, high, color=PALETTE[k], linewidth=3)
    axes.plot(places, estimate, "o^s"[k], color=PALETTE[k], markersize=7, label=choice)
axes.set(xticks=range(len(SHIFTS)), xticklabels=list(SHIFTS), ylabel="ECE, 95 % interval", ylim=(-0.02, 0.95))
axes.grid(axis="y", color="0.9")
axes.legend(loc="upper left")
describe(figure, "ECE for five kinds of picture and three temperatures. The temperature fitted on the shift has the smallest ECE each time; "
                 "the one from clean pictures makes blur and strong noise worse than no temperature at all.")

# %% [markdown]
# What is to be seen: a temperature fitted on pictures of the same kind lowers the ECE. The temperature from clean pictures is *below* 1,
# because there the network was too modest; where blur or strong noise makes it overconfident, sharpening is worse than doing nothing. A
# temperature holds for the kind of pictures on which it was fitted. And under blur what is left after the fit is well above zero: one
# number cannot bend a whole diagram.

# %%
claim("Clean, blur, strong noise: lower end of the ECE before minus upper end after its own temperature, smallest",
      min(errors["T = 1"][name][1] - errors["T fitted on its shift"][name][2] for name in ("clean", "blur", "noise 0.1")), at_least=0)
claim("Blur, strong noise: ECE with the temperature from clean pictures minus ECE with none, smaller",
      min(errors["T fitted on clean"][name][0] - errors["T = 1"][name][0] for name in ("blur", "noise 0.1")), at_least=0.04)
claim("First choices that a temperature has changed",
      sum((softmax(logits[name] / own[name], axis=1).argmax(axis=1) != logits[name].argmax(axis=1)).sum() for name in SHIFTS), equals=0)

# %% [markdown]
# ### Three traps
#
# **ECE depends on the bins**, and on how many pictures fill them. A network that is calibrated by construction shows it: take the
# confidences of the blurred pictures at their own temperature as the truth, and *draw* whether each answer is right. Its true calibration
# error is zero.

# %%
coin = np.random.default_rng(4)
confidence, right = sureness(logits["blur"][test], labels[test], own["blur"])
numbers = (1, 2, 5, 10, 15, 20, 30, 50, 75, 100)
measured = [ece(confidence, right, bins) for bins in numbers]
calibrated = {}
for n in (100, len(confidence)):
    draws = [coin.choice(confidence, n) for _ in range(100)]
    calibrated[n] = [np.mean([ece(c, coin.random(n) < c, bins) for c in draws]) for bins in numbers]

figure, axes = panels(width=6.5, height=3.4)
axes.plot(numbers, measured, "o-", color=PALETTE[0], label="zoonet, blurred pictures, T fitted")
for (n, values), style in zip(calibrated.items(), (":", "--")):
    axes.plot(numbers, values, style, color=PALETTE[1], label=f"calibrated by construction, {n} pictures")
axes.set(xlabel="number of bins", ylabel="ECE", ylim=(0, None))
axes.legend(fontsize=9, loc="upper left")
axes.set_ylim(0, 1.5 * axes.get_ylim()[1])
describe(figure, "ECE against the number of bins. All three lines rise; that of a calibrated network does too, and is higher for fewer pictures.")

# %% [markdown]
# What is to be seen: the solid line is one network on one set of pictures, and its ECE rises with the bins, though not at every step. The
# broken lines are a perfect network: what they show is sampling noise, more of it for fewer pictures. An ECE means something only beside its
# number of bins and this floor.

# %%
claim("ECE of one network with 100 bins over that with 2 bins", measured[-1] / measured[1], at_least=1.3)
claim("ECE of a perfectly calibrated network, 100 pictures and 100 bins", calibrated[100][-1], at_least=0.1)

# %% [markdown]
# **Wrong labels.** The likelihood fits what it is given. Let a careless keeper label the clean practice pictures: one label in five is
# drawn at random from the eight. Fit $T$ to these labels, and judge by the true ones. Ten careless keepers:

# %%
worse, likelier = [], []
for seed in range(10):
    keeper = np.random.default_rng(seed)
    careless = np.where(keeper.random(len(labels)) < 0.2, keeper.integers(8, size=len(labels)), labels)
    fitted = fit_temperature(logits["clean"][practice], careless[practice])
    loss = {t: -log_softmax(logits["clean"][test] / t, axis=1)[np.arange(test.sum()), careless[test]].mean() for t in (1.0, fitted)}
    likelier.append(loss[fitted] < loss[1.0])
    worse.append(ece(*sureness(logits["clean"][test], labels[test], fitted)) > ece(clean_confidence, clean_right))
claim("Keepers for whose labels, on held-out pictures, the fitted temperature is likelier than T = 1", sum(likelier), equals=10)
claim("Keepers whose temperature makes the ECE by the true labels worse", sum(worse), equals=10)

# %% [markdown]
# The temperature did its work: it made the network as modest as the *labels* are unreliable. About the animals, it is now too modest.
#
# **No mistakes.** The seed of the pictures above was chosen so that a few of the clean practice pictures are named wrongly. Fit on those
# alone that are named rightly, as you would have got from most other seeds. Then surer is always likelier, and there is no best temperature; the
# search stops at the end of its range, wherever you have put it.

# %%
faultless = practice & (logits["clean"].argmax(axis=1) == labels)
claim("Temperature from a set without a mistake, where the search ends at 0.05", fit_temperature(logits["clean"][faultless], labels[faultless]), at_most=0.051)

# %% [markdown] tags=["instructor"]
# Ask: "your network has an ECE of 0.02. Good?" Collect the questions that belong in the answer: on which pictures, how many, how many bins,
# whose labels, before or after which temperature.

# %% [markdown]
# ## 7 · Animals that it has never seen
#
# Three species were kept back: lion, hedgehog, crab. And two that *are* known get a handicap: hare and goat share a cage, and whoever
# labelled the training pictures tossed a coin between these two names. More pictures would not help; this is **aleatoric** uncertainty by
# construction. The lion is **epistemic**: nobody has ever told the network.
#
# Can a network tell "one of two, no way to know" from "never seen"? Take the 128 maps of `zoonet` before its last layer, the mean and the
# maximum of each, and train ensembles of ten small heads on these 256 numbers. To make members differ, each sees a random tenth of
# the numbers (Ho 1998, *the random subspace method*). For classes, the entropy $H(p) = -\sum_c p_c\log p_c$ takes the place of the variance, and
# parts in the same way:
#
# $$\underbrace{H(\bar p)}_{\text{total}} = \underbrace{\tfrac1M\sum_i H(p_i)}_{\text{aleatoric}} +
# \underbrace{H(\bar p) - \tfrac1M\sum_i H(p_i)}_{\text{epistemic: mutual information}}, \qquad \bar p = \tfrac1M\sum_i p_i .$$

# %%
@torch.no_grad()
def features(pictures):
    """Mean and maximum of each of zoonet's last 128 maps: (n, 256)."""
    maps = [zoonet.features(models.as_input(pictures[k : k + 50])) for k in range(0, len(pictures), 50)]
    return torch.cat([torch.cat([m.mean(dim=(2, 3)), m.amax(dim=(2, 3))], dim=1) for m in maps])


known = zoo.load(profile(800, 600), seed=1501)
strangers = zoo.load(profile(200, 120), seed=1503, species=zoo.UNSEEN)
PAIR = [zoo.SPECIES.index(name) for name in ("hare", "goat")]

seen = features(known.pictures)
centre, width = seen.mean(dim=0), seen.std(dim=0) + 1e-6
seen, familiar, strange = ((part - centre) / width for part in (seen, features(animals.pictures[test]), features(strangers.pictures)))
in_pair = np.isin(labels[test], PAIR)

# %%
HEADS = 10


def train_heads(inputs, labels, seed, steps=200):
    """HEADS classifiers (inputs, 32, 8) on random tenths of the inputs, hare and goat labelled by coin: their layers and masks."""
    coin = torch.Generator().manual_seed(seed)
    tossed = torch.where(torch.isin(labels, torch.tensor(PAIR)), torch.tensor(PAIR)[torch.randint(2, labels.shape, generator=coin)], labels)
    masks = (torch.rand(HEADS, 1, inputs.shape[1], generator=coin) < 0.1) / math.sqrt(0.1)
    layers = initial(HEADS, (inputs.shape[1], 32, 8), seed, last=1.0)

    def loss():
        rows = torch.randint(len(inputs), (HEADS, 64), generator=coin)
        return HEADS * cross_entropy(outputs(layers, inputs[rows] * masks).flatten(0, 1), tossed[rows].flatten())

    minimise(loss, flat(layers), steps, lr=3e-3, decay=0.1)
    return layers, masks


@torch.no_grad()
def entropies(layers, masks, inputs):
    """Total, aleatoric and epistemic uncertainty in nats, (n,) each, of the ensemble."""
    p = torch.softmax(outputs(layers, inputs * masks), dim=-1)  # (heads, n, 8)

    def entropy(p):
        return torch.special.entr(p).sum(dim=-1)

    total, aleatoric = entropy(p.mean(dim=0)), entropy(p).mean(dim=0)
    return {"total": total, "aleatoric": aleatoric, "epistemic": total - aleatoric}


ensembles = [train_heads(seen, torch.from_numpy(known.labels), seed) for seed in range(5)]
on_known, on_strange = ([entropies(*heads, part) for heads in ensembles] for part in (familiar, strange))

# %%
figure, axes = panels(1, 2, width=9, height=3.5)
k = 0
for axis, kind in zip(axes, ("aleatoric", "epistemic")):
    values = {"six known": on_known[k][kind][~in_pair], "hare, goat\n(coin)": on_known[k][kind][in_pair], "unseen": on_strange[k][kind]}
    shown = axis.boxplot([part.numpy() for part in values.values()], tick_labels=list(values), patch_artist=True, whis=(5, 95), showfliers=False,
                         medianprops={"color": "black"}, widths=0.6)
    for patch, colour in zip(shown["boxes"], (PALETTE[5], PALETTE[4], PALETTE[1])):
        patch.set_facecolor(colour)
    axis.set(title=kind, ylabel="nats")
describe(figure, "Box plots of aleatoric and epistemic uncertainty for known species, the pair labelled by coin, and unseen species. The "
                 "aleatoric part is high for both the pair and the unseen; the epistemic part is high for the unseen alone.")

# %% [markdown]
# What is to be seen: the first of the five ensembles; boxes from the first to the third quartile, a line at the median, whiskers from 5 to
# 95 percent. The aleatoric part is high for the pair *and* for the unseen. The epistemic part is high for the unseen alone: ten heads agree
# that hare and goat are a coin toss, and disagree about lions.

# %% [markdown]
# The score for a ranking is the **area under the ROC curve**: the probability that an unseen animal gets a larger value than a known one;
# 0.5 is chance. Once against all known pictures, and once against the pair alone.

# %%
def ranking(kind, k, against):
    """Area under the ROC curve of one ensemble: unseen against known pictures."""
    values = np.r_[on_known[k][kind][against], on_strange[k][kind]]
    return roc_auc_score(np.arange(len(values)) >= against.sum(), values)


against = {"unseen against all known": np.ones(len(in_pair), bool), "unseen against hare and goat": in_pair}
areas = {kind: {name: [ranking(kind, k, rows) for k in range(5)] for name, rows in against.items()} for kind in ("total", "aleatoric", "epistemic")}
dots({kind: {name: (np.mean(values), min(values), max(values)) for name, values in row.items()} for kind, row in areas.items()},
     xlabel="area under ROC, mean and range of 5 ensembles", limits=(0.5, 1), alt="Areas under the ROC curve for total, aleatoric and epistemic "
     "uncertainty, against all known pictures and against the pair. Epistemic is highest in both, and by far against the pair.")

# %% [markdown]
# What is to be seen: against all known pictures every kind of uncertainty ranks the strangers high, because most known pictures are easy.
# Against the pair, where *both* groups are uncertain, the kind matters.

# %%
pair_areas = {kind: np.array(row["unseen against hare and goat"]) for kind, row in areas.items()}
claim("Epistemic ranks the unseen above hare and goat, smallest area over 5 ensembles", pair_areas["epistemic"].min(), at_least=0.8)
claim("Area by epistemic minus area by aleatoric uncertainty, smallest over 5 ensembles",
      (pair_areas["epistemic"] - pair_areas["aleatoric"]).min(), at_least=0.08)

# %% [markdown]
# Do not take more from it than it holds. A member that has seen no lion has no reason to be unsure of one; that the members disagree on
# these is luck that you have measured. For a stranger that looks like a hare to all of them, they would agree.

# %% [markdown]
# ### Let it abstain
#
# **Selective prediction**: answer the surest pictures only and hand the rest to a keeper. **Coverage** is the share that is answered, **risk**
# the share of wrong names among them. Sort by confidence and read off both at every threshold (Geifman and El-Yaniv 2017).

# %%
def risk_coverage(confidence, right):
    """Coverage and risk (n,) when the 1, 2, ..., n surest are answered."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return answered / len(order), np.cumsum(~right[order]) / answered


mixed = [name for name in SHIFTS if name != "noise 0.1"]
confidence, right = (np.concatenate(part) for part in zip(*(sureness(logits[name][test], labels[test]) for name in mixed)))
orders = np.random.default_rng(1).random((50, len(right)))
curves = {"by confidence": risk_coverage(confidence, right), "at random, mean of 50": np.mean([risk_coverage(one, right) for one in orders], axis=0),
          "by an oracle": risk_coverage(right.astype(float), right)}

figure, axes = panels(width=6.5, height=3.4)
for (name, (covered, risk)), colour, style in zip(curves.items(), (PALETTE[0], PALETTE[6], PALETTE[2]), ("-", "--", ":")):
    axes.plot(covered, risk, style, color=colour, label=name)
axes.set(xlabel="coverage: share answered", ylabel="risk: wrong among the answered", xlim=(0, 1), ylim=(0, 0.3))
axes.legend()
describe(figure, "Risk against coverage on clean, slightly noisy, dark and blurred pictures. By confidence the risk falls as fewer are "
                 "answered; at random it stays level; an oracle's is zero until only errors are left.")

# %% [markdown]
# What is to be seen: clean, slightly noisy, dark and blurred pictures together. Those who answer less err less, if they choose by
# confidence; at random (the mean of 50 orders) the risk stays where it is. The oracle, which knows what is wrong, shows how much room is left.

# %%
area = {name: risk[len(risk) // 20 :].mean() for name, (_, risk) in curves.items()}
claim("Mean risk over coverages above 5 %, by confidence over at random", area["by confidence"] / area["at random, mean of 50"], at_most=0.6)

# %% [markdown]
# In use you set a *threshold*, and set it on practice pictures: the lowest confidence at which at most one answer in fifty is wrong. Does
# the promise hold on test pictures of the same mixture? On other pictures?

# %%
def threshold_for(confidence, right, risk=0.02):
    """Lowest confidence such that the answers from there on are wrong at most so often."""
    covered, risks = risk_coverage(confidence, right)
    return np.sort(confidence)[::-1][np.flatnonzero(risks <= risk).max()]


practised = [np.concatenate(part) for part in zip(*(sureness(logits[name][practice], labels[practice]) for name in mixed))]
threshold, only_clean = threshold_for(*practised), threshold_for(*sureness(logits["clean"][practice], labels[practice]))
lions = softmax(scores(zoonet, strangers.pictures), axis=1).max(axis=1)

# %% tags=["nbval-ignore-output"]
print(f"thresholds: {threshold:.3f} from the mixture, {only_clean:.3f} from clean pictures")
print(f"unseen animals that are answered: {(lions >= threshold).mean():.1%} and {(lions >= only_clean).mean():.1%}")

# %%
claim("Threshold from the same mixture: wrong among the answered", (~right[confidence >= threshold]).mean(), at_most=0.05)
claim("Threshold from clean pictures, on the mixture: wrong among the answered", (~right[confidence >= only_clean]).mean(), at_least=0.06)
claim("Threshold from clean pictures: unseen animals that get a name all the same, share", (lions >= only_clean).mean(), at_least=0.3)

# %% [markdown]
# A threshold is a promise about pictures like those it was set on. Even there it holds only roughly: it is the lowest that met the mark on
# the practice pictures, and on others somewhat more than one answer in fifty may be wrong. Whatever name the lion gets is wrong, at any
# confidence: the threshold from the mixture lets about one stranger in ten through, the one from clean pictures nearly all.

# %% [markdown]
# ## 8 · Touch: temperature and bins
#
# Choose the pictures, slide the temperature, change the number of bins. Left the reliability diagram, right the logarithm of the
# labels' mean negative log-likelihood at every temperature, with a dot where you stand.
#
# Try: find the temperature of the lowest ECE, and the one of the best likelihood: are they the same? Raise the bins to 60 without touching
# anything else. Find a temperature that is right for clean pictures, then switch to strong noise. With one bin, make the ECE zero for a network
# that is wrong nearly everywhere.

# %% tags=["nbval-ignore-output"]
calibration.explore()

# %% [markdown]
# What is to be seen: the curve on the right does not move with the bins, the ECE in the title does. The likelihood's valley is broad; for
# clean and slightly noisy pictures it lies left of $T = 1$, for strong noise far to the right.

# %% [markdown]
# ## What to remember
#
# - Aleatoric uncertainty is the world's noise, epistemic the model's ignorance; total variance is their sum, exactly.
# - A network can learn its noise by the Gaussian likelihood; bound sigma, and trust it only where there were data.
# - Disagreement of an ensemble grows where there are no data. An ensemble of one never disagrees, and agreement is not knowledge.
# - Bayes by backprop with independent weights may be sure in a gap. A method's name is no evidence; a picture off the data is.
# - One Gaussian cannot hold two answers, however many members you train.
# - ECE needs its number of bins, its number of pictures, and its interval. Temperature leaves the accuracy as it is, and holds for the kind
#   of data and labels on which it was fitted.
# - Abstaining helps as far as confidence ranks errors, and a threshold need not keep its promise under another shift.

# %% [markdown]
# ## Outside: digits, and clothes that are none
#
# The same functions on MNIST, with Fashion-MNIST as the unseen kind. The data come from `COURSE_DATA` or by download; where neither is
# there, the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import real

digits, clothes = real.or_none(real.mnist, train=False), real.or_none(real.fashion_mnist, train=False)


def outside_the_zoo(digits, clothes, heads=5, n=4000):
    """Areas under ROC, clothes against digits, and a reliability diagram of an ensemble trained on part of MNIST's test set."""
    inputs, odd = (torch.from_numpy(part.pictures).flatten(1).float() / 255 for part in (digits, clothes))
    names = torch.from_numpy(np.asarray(digits.labels)).long()
    layers = initial(heads, (784, 64, 10), seed=0, last=1.0)
    coin = torch.Generator().manual_seed(0)

    def loss():
        rows = torch.randint(n, (heads, 64), generator=coin)
        return cross_entropy(outputs(layers, inputs[rows]).flatten(0, 1), names[rows].flatten()) * heads

    minimise(loss, flat(layers), 400, lr=2e-3)
    plain = torch.ones(heads, 1, 784)
    known, strange = (entropies(layers, plain, part[-2000:].expand(heads, -1, -1)) for part in (inputs, odd))
    for kind in known:
        print(f"{kind:>9}: area under ROC {roc_auc_score(np.arange(4000) >= 2000, np.r_[known[kind], strange[kind]]):.3f}")
    with torch.no_grad():
        p = torch.softmax(outputs(layers, inputs[-2000:].expand(heads, -1, -1)), dim=-1).mean(dim=0)
    figure, axes = panels(width=4, height=3.4)
    right = (p.argmax(dim=1) == names[-2000:]).numpy()
    reliability.draw(axes, reliability.binned(p.amax(dim=1).numpy(), right, 15), title=f"MNIST, {right.mean():.1%} right")
    return describe(figure, "Reliability diagram of an ensemble on MNIST.")


outside_the_zoo(digits, clothes) if digits is not None and clothes is not None else None

# %% [markdown]
# What is to be seen, where the data were found: the areas by which each kind of uncertainty tells clothes from digits, and the reliability
# of the ensemble's mean. Is the epistemic part the best here too? There was no coin toss in these labels.
#
# ## References
#
# - B. Lakshminarayanan, A. Pritzel, C. Blundell, *Simple and scalable predictive uncertainty estimation using deep ensembles*, 2017.
# - Y. Gal, Z. Ghahramani, *Dropout as a Bayesian approximation*, 2016.
# - C. Blundell et al., *Weight uncertainty in neural networks*, 2015: Bayes by backprop.
# - A. Foong, D. Burt, Y. Li, R. Turner, *On the expressiveness of approximate inference in Bayesian neural networks*, 2020: the gap.
# - C. Bishop, *Mixture density networks*, 1994.
# - M. Naeini, G. Cooper, M. Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, 2015: ECE.
# - C. Guo et al., *On calibration of modern neural networks*, 2017: temperature scaling.
# - Y. Geifman, R. El-Yaniv, *Selective classification for deep neural networks*, 2017.
# - T. K. Ho, *The random subspace method for constructing decision forests*, 1998.
