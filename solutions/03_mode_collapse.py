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
# # Lab 03 · Mode collapse and its fixes
#
# *CS 360, week 12 notes, 1 · 6.874, recitation 5, GAN problems and solutions. About 120 minutes. Builds on lab 02.*
#
# A generator that draws one good 3 after another, and nothing else, fools its discriminator and is of no use. The recitation lists seven
# fixes. Which of them help, on what, and how would you know?
#
# You will be able to
#
# - **compute** four distances between distributions, and **say** which of them still points the way when the two do not overlap;
# - **count** what a generator covers, as the literature does, and **expose** a score that looks good for nothing;
# - **build** all seven fixes, each in a few lines, in one training loop;
# - **measure** them over seeds, beside references that learnt nothing.

# %%
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import rel_entr
from torch.nn.functional import softplus

from course_utils.datasets import grey28, mixtures, real
from course_utils.models.mlp_stack import MLPStack
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, panels
from course_utils.settings import profile
from course_utils.widgets import training_film
from course_utils.widgets.training_film import Film

start("03")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 Distances 30 (03.1, 03.2) · 2 Collapse, and how to count it 25 (03.3) · 3 Seven fixes 50 (03.4 to 03.8) ·
# 4 Score board 8 · 5 Glyphs 4 · 6 Touch 3. Homework if time is short: 03.5 and 03.7. Open with the sentence of the week 12 notes: the
# generator gets very good at the number 3. Ask: "which loss would have told us?"

# %% [markdown]
# ## 1 · How far apart are two distributions?
#
# A generator is trained by a distance between its distribution $P_g$ and that of the data, $P_r$. The recitation names four. For
# histograms $p$ and $q$ over the same bins they are
#
# $$\delta(p, q) = \max_A |p(A) - q(A)| = \tfrac12 \sum_i |p_i - q_i|, \qquad KL(p\,\|\,q) = \sum_i p_i \log\frac{p_i}{q_i},$$
# $$JS(p, q) = \tfrac12 KL(p\,\|\,m) + \tfrac12 KL(q\,\|\,m), \quad m = \tfrac12 (p + q),$$
#
# total variation, Kullback-Leibler and Jensen-Shannon divergence, and the earth mover's distance, which comes next. The slide leaves
# out the two halves of $JS$; with them it is at most $\log 2$, as the literature has it. $A$ runs over all sets of bins.

# %% [markdown] tags=["card"] label="03.1-card"
# ### Exercise 03.1 · Three distances that do not look where
# *2 points · 12 minutes · difficulty ●○○*
#
# Write `divergences(p, q)`. Mind the empty bins: they are what the rest of this section is about. Stuck? `%hint 03.1` gives a hint,
# `%reveal 03.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="03.1"
def divergences(p, q):
    """Total variation, Kullback-Leibler and Jensen-Shannon divergence of two histograms.

    Parameters
    ----------
    p, q : ndarray, float, shape (bins,)
        Each sums to 1; bins may be empty.

    Returns
    -------
    tuple of three floats
        Total variation; KL(p ‖ q), where a bin with p = 0 counts 0 and a bin with q = 0 < p makes it
        infinite; JS(p, q), with the two halves. Natural logarithms.
    """
    ### BEGIN SOLUTION
    m = (p + q) / 2
    js = (rel_entr(p, m).sum() + rel_entr(q, m).sum()) / 2
    return float(np.abs(p - q).sum() / 2), float(rel_entr(p, q).sum()), float(js)
    ### END SOLUTION


# %% tags=["check"] label="03.1-check"
divergences = check("03.1", divergences)

# %% [markdown]
# All three compare bin by bin: shuffle the bins of both histograms alike and nothing changes. So they cannot know whether mass is *near*
# where it should be. The **earth mover's distance** (Wasserstein-1) can: it is the least work for turning one heap of earth into the
# other, mass times way,
#
# $$W(P_r, P_g) = \inf_{\gamma} \mathbb{E}_{(x, y) \sim \gamma} \|x - y\| ,$$
#
# over all plans $\gamma$ that say how much goes from $x$ to $y$. On a line the best plan needs no search: stand between two places
# $x_i < x_{i+1}$; what is in excess to the left of you has to pass. With cumulative sums $P_i = \sum_{j \le i} p_j$ and $Q_i$,
#
# $$W(p, q) = \sum_i |P_i - Q_i|\,(x_{i+1} - x_i).$$

# %% [markdown] tags=["card"] label="03.2-card"
# ### Exercise 03.2 · The earth mover on a line
# *2 points · 8 minutes · difficulty ●●○*
#
# Write `earth_mover(positions, p, q)` from the second formula. scipy judges it.

# %% tags=["exercise"] label="03.2"
def earth_mover(positions, p, q):
    """Earth mover's distance of two histograms on a line.

    Parameters
    ----------
    positions : ndarray, float, shape (n,)
        Increasing; the gaps may differ.
    p, q : ndarray, float, shape (n,)
        Mass at each position; each sums to 1.

    Returns
    -------
    float
        Mass times distance, in the unit of the positions.
    """
    ### BEGIN SOLUTION
    passing = np.abs(np.cumsum(p - q))[:-1]
    return float((passing * np.diff(positions)).sum())
    ### END SOLUTION


# %% tags=["check"] label="03.2-check"
earth_mover = check("03.2", earth_mover)

# %% [markdown]
# **The case of the recitation.** All of the data at 0, all that the generator draws at $\theta$: two distributions without overlap.
# In many dimensions this is the rule: both lie on thin sheets that hardly meet. Move $\theta$ and watch the four distances.

# %%
PLACES = np.linspace(-3, 3, 601)  # a hundred to a unit


def point_mass(at):
    """Histogram over PLACES with everything in the bin nearest to `at`."""
    return (np.arange(len(PLACES)) == np.abs(PLACES - at).argmin()).astype(float)


def gaussian(at, width):
    """Histogram over PLACES of a Gaussian."""
    weights = np.exp(-0.5 * ((PLACES - at) / width) ** 2)
    return weights / weights.sum()


def four(p, q):
    """Total variation, KL, JS and earth mover's distance."""
    return (*divergences(p, q), earth_mover(PLACES, p, q))


THETAS = np.linspace(-2, 2, 81)
sharp = np.array([four(point_mass(0), point_mass(theta)) for theta in THETAS])
wide = np.array([four(gaussian(0, 0.3), gaussian(theta, 0.3)) for theta in THETAS])

# %% tags=["target"] target="03.2"
figure, axes = panels(1, 4, width=10, height=3)
for k, (axis, name) in enumerate(zip(axes, ("total variation", "KL", "JS", "earth mover"))):
    axis.plot(THETAS, np.where(np.isfinite(sharp[:, k]), sharp[:, k], np.nan), ".", color=PALETTE[0], markersize=5, label="point masses")
    axis.plot(THETAS, wide[:, k], color=PALETTE[1], label="Gaussians, σ = 0.3")
    axis.set(title=name, xlabel="θ", ylim=(-0.1, (1.2, 6, 1.2, 2.2)[k]))
axes[1].text(0, 4.2, "point\nmasses:\n∞", ha="center", color=PALETTE[0], fontsize=10)
axes[0].set_ylabel("distance")
axes[2].legend(loc="upper center", fontsize=9)
describe(figure, "Four distances against the shift theta. For point masses total variation and JS are flat but for a single point, KL is "
                 "infinite, the earth mover's distance is the absolute value of theta. For Gaussians all are smooth, and JS flattens out far away.")

# %% [markdown]
# What is to be seen: for point masses (blue) three of the four are the same wherever $\theta$ is, except at the one point where it is
# right; only the earth mover's distance is a slope that leads home. Blur both (orange) and all four slope towards $\theta = 0$. Remember this for
# the fix called *noise*. Far away JS is flat all the same.

# %%
apart = np.abs(THETAS) > 0.01
claim("Point masses: total variation 1, KL infinite, JS log 2 wherever they are apart", np.allclose(sharp[apart, :3], [1, np.inf, np.log(2)]))
claim("Point masses: earth mover and |θ| part by", np.abs(sharp[:, 3] - np.abs(THETAS)).max(), at_most=1e-9)

# %% [markdown]
# Training follows a *gradient*. Here are the slopes in $\theta$, at three shifts, by central differences of one hundredth.

# %%
def slopes(shape):
    """d distance / d θ at three shifts for the four distances: (3, 4)."""
    near = [(four(shape(0), shape(theta + 0.01)), four(shape(0), shape(theta - 0.01))) for theta in (0.25, 0.5, 2.0)]
    with np.errstate(invalid="ignore"):  # infinity minus infinity: no slope
        return np.array([(np.array(up) - np.array(down)) / 0.02 for up, down in near])


slope = {"point masses": slopes(point_mass), "Gaussians, σ = 0.3": slopes(lambda at: gaussian(at, 0.3))}
for name, rows in slope.items():
    print(f"{name:20}", *(f"{word:>10}" for word in ("TV", "KL", "JS", "EM")))
    for theta, row in zip((0.25, 0.5, 2.0), rows):
        print(f"   θ = {theta:<13}", *(f"{value + 0.0:10.2f}" for value in np.round(row, 6)))
claim("Slope of JS at θ = 2 for the blurred pair", abs(slope["Gaussians, σ = 0.3"][2, 2]), at_most=0.01)

# %% [markdown]
# A perfect discriminator makes the minimax game a descent on JS (lab 02): with no overlap, its slope is zero. That is the recitation's
# *vanishing gradient*. Collapse is the other problem, and it needs a look at the whole plane.

# %% [markdown] tags=["instructor"]
# Ask before the table: "which of the four would you rather descend?" Then: "KL has a slope of about 22 at θ = 2. Why not take KL?" (It
# needs densities; and for point masses it is infinite everywhere.)

# %% [markdown]
# ## 2 · Collapse, and how to count it
#
# Two worlds in the plane, each a mixture of Gaussians with $\sigma = 0.05$: a **ring** of 8 modes and a **grid** of 25. Here one can
# *see* what a generator leaves out. Three seeds play on each: six games, side by side. `MLPStack` holds the six networks as one, with
# weights of shape $(6, \text{in}, \text{out})$, because one product of six small matrices costs little more than one of one. The games
# share nothing.

# %%
SEEDS = (0, 1, 2)
WORLDS = {name: mixtures.load(name) for name in ("ring", "grid")}
GAMES = [(name, seed) for name in WORLDS for seed in SEEDS]  # six games
LATENT, HIDDEN, BATCH, STEPS = 64, 64, 32, profile(1480, 120)


def draw_worlds(n, rng):
    """Real samples of every game, float32 (6, n, 2)."""
    return np.concatenate([world.sample((len(SEEDS), n), rng) for world in WORLDS.values()])


# %% [markdown]
# **The protocol** is that of VEEGAN and PacGAN: draw 2,500 samples; one is *of high quality* if it lies within three standard deviations
# of its nearest mode; a mode is *captured* if at least one sample of high quality is nearest to it. Two numbers then: modes captured, and
# share of samples of high quality.

# %% [markdown] tags=["card"] label="03.3-card"
# ### Exercise 03.3 · Modes captured, samples of high quality
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `count_modes(samples, centres, sigma)` for several runs at once, without a loop over samples.

# %% tags=["exercise"] label="03.3"
def count_modes(samples, centres, sigma):
    """Modes captured and share of samples of high quality, for each run.

    Parameters
    ----------
    samples : ndarray, float, shape (runs, n, 2)
    centres : ndarray, float, shape (m, 2)
        Of the modes; more than six sigma apart.
    sigma : float
        Standard deviation of a mode in each coordinate.

    Returns
    -------
    modes : ndarray, int, shape (runs,)
        How many centres have at least one sample within 3 * sigma (Euclidean distance).
    good : ndarray, float, shape (runs,)
        Share of the samples that lie within 3 * sigma of their nearest centre.
    """
    ### BEGIN SOLUTION
    distance = np.linalg.norm(samples[:, :, None] - centres, axis=-1)
    near = distance <= 3 * sigma
    return near.any(axis=1).sum(axis=1), near.any(axis=2).mean(axis=1)
    ### END SOLUTION


# %% tags=["check"] label="03.3-check"
count_modes = check("03.3", count_modes)

# %% [markdown]
# A third number has no threshold: the earth mover's distance in the plane between 500 samples and 500 points of the data, exact, by
# solving the assignment problem. It is not zero for the data itself, because two draws of 500 differ.

# %%
def distance_to_data(samples, world, seed=0):
    """Earth mover's distance between the first 500 of `samples` (n, 2) and 500 points of the world."""
    costs = cdist(samples[:500], world.sample((500,), np.random.default_rng([seed, 9])))
    rows, columns = linear_sum_assignment(costs)
    return costs[rows, columns].mean()


def scores(samples, world):
    """Modes, share of good samples, distance to the data for runs (runs, 2500, 2): array (3, runs)."""
    modes, good = count_modes(samples, world.centres, world.sigma)
    return np.array([modes, good, [distance_to_data(one, world, seed) for seed, one in enumerate(samples)]])


# %% [markdown]
# **Before any network: what scores well for nothing?** Points spread evenly over an annulus, or over a box, know of no mode.

# %%
reference = {name: {} for name in WORLDS}
for name, world in WORLDS.items():
    for label, make in (("uniform annulus", lambda seed: world.uniform("annulus", 2500, seed)),
                        ("uniform box", lambda seed: world.uniform("box", 2500, seed)),
                        ("the data itself", lambda seed: world.sample((2500,), np.random.default_rng(seed)))):
        reference[name][label] = scores(np.stack([make(seed) for seed in SEEDS]), world)

claim("An annulus captures all of the ring, a box all of the grid, on every seed",
      reference["ring"]["uniform annulus"][0].min() == 8 and reference["grid"]["uniform box"][0].min() == 25)
claim("Annulus: share of its samples of high quality", reference["ring"]["uniform annulus"][1].max(), at_most=0.25)
claim("Share of the data's own samples of high quality, at least", min(rows["the data itself"][1].min() for rows in reference.values()), at_least=0.97)

# %% [markdown]
# So "8 of 8 modes" proves nothing alone. These rows stand in every table below.
#
# ### One training loop
#
# The plain game: the critic $D$ gives a logit, large for real samples; it descends on
# $\mathrm{softplus}(-D(x)) + \mathrm{softplus}(D(G(z)))$, and the generator on the non-saturating $\mathrm{softplus}(-D(G(z)))$ (lab 02).
# All losses have the shape (games,).

# %%
def plain_loss(critic, real, fake):
    """The critic's loss in the plain game, for each game: (games,)."""
    return softplus(-critic(real)).mean(dim=(1, 2)) + softplus(critic(fake)).mean(dim=(1, 2))


def fooling_loss(critic, real, fake):
    """The generator's non-saturating loss, for each game: (games,)."""
    return softplus(-critic(fake)).mean(dim=(1, 2))


# %% [markdown]
# A **recipe** says what is different from the plain game. Each of the seven fixes changes one or two of these lines, and nothing else.

# %%
class Recipe(NamedTuple):
    """What a run does; the defaults are the plain game."""

    critic_loss: Callable = plain_loss         # (critic, real, fake) -> (games,)
    generator_loss: Callable = fooling_loss    # the same
    generator: type = MLPStack
    critic: type = MLPStack
    noise: float = 0.0                         # on the critic's inputs, at the start; falls to zero
    history: float = 0.0                       # weight of historical averaging
    clip: float | None = None                  # limit of the critic's weights
    critic_steps: int = 1                      # for each step of the generator


class Run(NamedTuple):
    """What is left of a run."""

    generator: torch.nn.Module
    critic: torch.nn.Module
    losses: np.ndarray     # (steps, 2, games): critic, generator
    frames: list           # what `watch` returned
    seconds: float


# %% [markdown]
# Two of the fixes need a line inside the loop. **Historical averaging** (Salimans et al., 2016) adds
# $\|\Theta - \frac1t\sum_{i \le t}\Theta_i\|^2$ to both losses: parameters $\Theta$ that circle are pulled to the middle of the circle. The
# mean over time needs no memory of the past, only the mean so far: $\bar\Theta_t = \bar\Theta_{t-1} + (\Theta_t - \bar\Theta_{t-1})/t$.

# %%
class History:
    """The mean of a network's parameters over time, and the distance from it."""

    def __init__(self, network):
        self.parameters = list(network.parameters())
        self.mean, self.steps = [parameter.detach().clone() for parameter in self.parameters], 1

    def penalty(self):
        return sum(((parameter - mean) ** 2).sum() for parameter, mean in zip(self.parameters, self.mean))

    @torch.no_grad()
    def update(self):
        self.steps += 1
        for parameter, mean in zip(self.parameters, self.mean):
            mean += (parameter - mean) / self.steps


# %% [markdown]
# For point parameters 3, 5, 10 the mean is 6 and the penalty at 10 is 16. **Instance noise** (Sønderby et al., 2017) is one line too: both real
# and fake samples get Gaussian noise before the critic sees them, as in the orange curves above, and the noise fades during training.

# %%
point = torch.nn.Linear(1, 1, bias=False)
past = None
for value in (3.0, 5.0, 10.0):
    point.weight.data.fill_(value)
    past = History(point) if past is None else past
    past.update() if value > 3 else None
claim("Penalty of historical averaging by hand", past.penalty().item(), between=(15.999, 16.001))


# %%
def train(recipe, draw, seeds=[seed for _, seed in GAMES], sizes=(2, HIDDEN), rates=(2e-3, 1e-2), steps=STEPS, watch=None):
    """Play one game a seed, side by side, by one recipe; `watch(step, generator, critic)` makes frames."""
    torch.manual_seed(0)
    rng, (inputs, hidden) = np.random.default_rng(0), sizes
    generator = recipe.generator((LATENT, hidden, hidden, inputs), seeds)
    critic = recipe.critic((inputs, hidden, hidden, 1), [seed + 1000 for seed in seeds])
    optimisers = [torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.999), fused=True) for net, rate in zip((generator, critic), rates)]
    past = [History(generator), History(critic)]
    losses, frames, began = np.zeros((steps, 2, len(seeds))), [], time.process_time()

    def blurred(x, sigma):
        return x + sigma * torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)) if sigma else x

    def descend(loss, which):
        total = loss.sum() + (recipe.history * past[which].penalty() if recipe.history else 0)
        optimisers[which].zero_grad()
        total.backward()
        optimisers[which].step()
        return loss.detach().numpy()

    for step in range(steps):
        if watch is not None:
            frames += watch(step, generator, critic)
        sigma = recipe.noise * (1 - step / steps)                                            # instance noise
        for _ in range(recipe.critic_steps):
            z = torch.from_numpy(rng.standard_normal((len(seeds), BATCH, LATENT), dtype=np.float32))
            real, fake = blurred(torch.from_numpy(draw(BATCH, rng)), sigma), blurred(generator(z), sigma)
            losses[step, 0] = descend(recipe.critic_loss(critic, real, fake.detach()), 1)
            if recipe.clip is not None:                                                      # weight clipping
                with torch.no_grad():
                    for parameter in critic.parameters():
                        parameter.clamp_(-recipe.clip, recipe.clip)
        losses[step, 1] = descend(recipe.generator_loss(critic, real, fake), 0)
        if recipe.history:                                                                   # historical averaging
            past[0].update()
            past[1].update()
    if watch is not None:
        frames += watch(steps, generator, critic)
    return Run(generator, critic, losses, frames, time.process_time() - began)

# %% [markdown]
# ### Vanilla first
#
# `play` runs a recipe on all six games, scores them, and keeps a film of the first ring.

# %%
def watch(step, generator, critic, side=24):
    """Every fortieth part of the run: samples of the first game, and its critic's surface."""
    if step % (STEPS // 40):
        return []
    z = torch.randn(len(GAMES), 500, LATENT, generator=torch.Generator().manual_seed(step))
    places = torch.from_numpy(training_film.window(side))
    with torch.no_grad():
        return [(step, generator(z)[0].numpy(), critic(places.repeat(len(GAMES), 1, 1))[0].view(side, side).numpy())]


def film_of(run, world):
    """The frames of a run as a film."""
    steps, samples, surface = map(np.stack, zip(*run.frames))
    return Film(world.centres, steps, samples[:, :300], surface, *count_modes(samples, world.centres, world.sigma))


runs, board, films = {}, {name: {} for name in WORLDS}, {}


def play(name, recipe):
    """Train by a recipe, put its scores on the board and its film on the shelf."""
    run = runs[name] = train(recipe, draw_worlds, watch=watch)
    z = torch.randn(len(GAMES), 2500, LATENT, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        samples = run.generator(z).numpy()
    for k, (place, world) in enumerate(WORLDS.items()):
        board[place][name] = scores(samples[k * len(SEEDS) : (k + 1) * len(SEEDS)], world)
    films[name] = film_of(run, WORLDS["ring"])


play("vanilla", Recipe())

# %%
def strip(film, frames=(0, 4, 8, 16, 40)):
    """Some frames of a film in a row."""
    figure, axes = panels(1, len(frames), width=10, height=2.5)
    for axis, frame in zip(axes, frames):
        training_film.draw_frame(axis, film, frame)
        axis.set(xlabel="$x_1$", title=f"step {film.steps[frame]}: {film.modes[frame]} modes")
    axes[0].set_ylabel("$x_2$")
    return figure


describe(strip(films["vanilla"]), "Five moments of the plain game on the ring: a blob, a spread over several modes, and at the end tight clusters on very few.")

# %% [markdown]
# What is to be seen: circles mark the places of the modes, not their size; black dots are samples; the critic scores red places high and
# blue ones low, white is its median. The generator first reaches several modes, then drops one after another, and what it keeps it draws well.

# %%
ring = board["ring"]["vanilla"]
claim("Vanilla, ring: most modes that any seed keeps, of 8", ring[0].max(), at_most=5, needs_full=True)
claim("Vanilla, ring: share of samples of high quality, mean over the seeds", ring[1].mean(), at_least=0.5, needs_full=True)

# %% [markdown]
# Each sample is good, and a critic that looks at one sample at a time has nothing to object to. That is why coverage has to be counted.
#
# ### The trap: the loss
#
# You will watch losses while you train. What did they say while the modes went?

# %%
def smooth(values, width=STEPS // 20):
    """Moving average along the first axis."""
    sums = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values]), axis=0)
    return (sums[width:] - sums[:-width]) / width


film, losses = films["vanilla"], smooth(runs["vanilla"].losses[:, :, 0])
at = np.arange(len(losses)) + STEPS // 40
figure, axes = panels(1, 2, width=9, height=3.2)
axes[0].plot(at, losses[:, 0], color=PALETTE[0], label="critic")
axes[0].plot(at, losses[:, 1], color=PALETTE[1], label="generator")
axes[0].set(xlabel="step", ylabel="loss, moving average", title="what you see")
axes[0].legend()
axes[1].plot(film.steps, film.modes, "o-", color=PALETTE[2], markersize=4)
axes[1].set(xlabel="step", ylabel="modes captured, of 8", ylim=(0, 8.3), title="what happens")
describe(figure, "Losses of critic and generator, and beside them the modes captured over the same steps.")

# %% [markdown]
# What is to be seen: one ring, seed 0. The number of modes falls from six to two. The losses do not tell: from step 700 on the
# generator's falls and the critic's stays level, as in training that goes well.

# %%
fall = smooth(runs["vanilla"].losses[:, 1, :3])
best = np.array([fall[: len(fall) * 3 // 4, k].max() for k in range(3)])
claim("Vanilla: the generator's loss at the end over its peak, worst seed", (fall[-1] / best).max(), at_most=0.95, needs_full=True)

# %% [markdown]
# The generator's loss ended *below* its peak on all three rings, with few modes left. It says how well the generator fools
# this critic with what it draws, and nothing about what it does not draw. Each loss is
# measured against an opponent that moves.

# %% [markdown] tags=["instructor"]
# Ask: "with which loss curve would you have stopped?" Collapse shows only where you count. On pictures there is no list of modes; section
# 5 has to find another way to count.

# %% [markdown]
# ## 3 · Seven fixes, one at a time
#
# ### Fix 1: feature matching
#
# Do not fool the critic; match statistics of what it looks at. With $f(x)$ the critic's last hidden layer, the *generator's* loss becomes
#
# $$\big\|\, \mathbb{E}_{x \sim p_r} f(x) - \mathbb{E}_{z} f(G(z)) \,\big\|_2^2$$
#
# (the slide speaks of the discriminator; it is the generator that minimises this, while the critic goes on as before). A generator with
# one mode has the wrong mean, so dropping modes costs.

# %% [markdown] tags=["card"] label="03.4-card"
# ### Exercise 03.4 · Feature matching
# *1 point · 6 minutes · difficulty ●○○*
#
# Write the squared distance of the two means, for each game.

# %% tags=["exercise"] label="03.4"
def feature_matching(real_features, fake_features):
    """Squared Euclidean distance between the mean features of real and of fake samples.

    Parameters
    ----------
    real_features, fake_features : torch.Tensor, float, shape (games, n, features)

    Returns
    -------
    torch.Tensor, shape (games,)
        One for each game; means over its n samples, sum of squares over the features.
    """
    ### BEGIN SOLUTION
    gap = real_features.mean(dim=1) - fake_features.mean(dim=1)
    return (gap**2).sum(dim=1)
    ### END SOLUTION


# %% tags=["check"] label="03.4-check"
feature_matching = check("03.4", feature_matching)


# %%
def matching_loss(critic, real, fake):
    """The generator's loss with feature matching: (games,)."""
    return feature_matching(critic.hidden(real).detach(), critic.hidden(fake))


play("1 feature matching", Recipe(generator_loss=matching_loss))

# %% [markdown]
# ### Fix 2: minibatch discrimination
#
# A critic that sees one sample at a time cannot see that all are alike. Salimans et al. (2016) let it look at its neighbours. Each
# sample's features $f(x_i)$, $A$ numbers, are multiplied with a learnt tensor $T$ of shape $A \times B \times C$ into a matrix $M_i$ of
# $B$ rows, the *kernels*, and $C$ columns. Row by row the matrices of two samples are compared, and the results are summed over the batch:
#
# $$c_b(x_i, x_j) = \exp\big(-\|M_{i,b} - M_{j,b}\|_{L_1}\big), \qquad o(x_i)_b = \sum_{j=1}^{n} c_b(x_i, x_j).$$
#
# $o(x_i)$, $B$ numbers, joins the features of $x_i$ before the last layer. The sum includes $j = i$, which adds 1. Real and fake batches are
# looked at apart.

# %% [markdown] tags=["card"] label="03.5-card"
# ### Exercise 03.5 · Minibatch discrimination
# *3 points · 14 minutes · difficulty ●●●*
#
# Write $o$ for all samples of all games at once. Without a Python loop: the lab calls it thousands of times.

# %% tags=["exercise"] label="03.5"
def closeness(features, T):
    """How close each sample is to its batch, by each kernel (Salimans et al. 2016, section 3.2).

    Parameters
    ----------
    features : torch.Tensor, float, shape (games, n, A)
    T : torch.Tensor, float, shape (games, A, B, C)
        B kernels of size C for each game.

    Returns
    -------
    torch.Tensor, shape (games, n, B)
        Entry [g, i, b]: sum over all j of game g's batch, i itself included, of exp(-L1 distance of
        row b of M_i and row b of M_j), with M_i = features[g, i] T[g], of shape (B, C).
    """
    ### BEGIN SOLUTION
    M = torch.einsum("gna,gabc->gbnc", features, T)
    return torch.exp(-torch.cdist(M, M, p=1)).sum(dim=3).transpose(1, 2)
    ### END SOLUTION


# %% tags=["check"] label="03.5-check"
closeness = check("03.5", closeness)

# %% [markdown]
# By hand, with one kernel of size 2 and $T$ the identity: three samples $(0,0)$, $(0,0)$, $(1, 1)$ have the distances 0 and 2, so
# $o = (2 + e^{-2},\; 2 + e^{-2},\; 1 + 2e^{-2})$. The two that are alike have the larger sum.

# %%
by_hand = closeness(torch.tensor([[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]]), torch.eye(2).view(1, 2, 1, 2))[0, :, 0]
expected = torch.tensor([2 + np.exp(-2), 2 + np.exp(-2), 1 + 2 * np.exp(-2)])
claim("Closeness of three samples and the sum by hand part by", (by_hand - expected).abs().max(), at_most=1e-6)


# %%
class MinibatchStack(MLPStack):
    """Critics whose last layer also sees `closeness`, through 4 kernels of size 2."""

    def __init__(self, sizes, seeds):
        super().__init__(sizes, seeds)
        drawn = torch.Generator().manual_seed(0)
        self.T = torch.nn.Parameter(0.1 * torch.randn(len(seeds), sizes[-2], 4, 2, generator=drawn))
        self.of_kernels = torch.nn.Parameter(0.1 * torch.randn(len(seeds), 4, 1, generator=drawn))

    def forward(self, x):
        features = self.hidden(x)
        return self.readout(features) + closeness(features, self.T) @ self.of_kernels


play("2 minibatch discrimination", Recipe(critic=MinibatchStack))

# %% [markdown]
# ### Fix 3: historical averaging
#
# It stands in the loop already: `recipe.history` is the weight of its penalty.

# %%
play("3 historical averaging", Recipe(history=0.1))

# %% [markdown]
# ### Fix 4: one-sided label smoothing
#
# The critic's targets are softened: real samples get 0.9 in place of 1. The slide softens both, 0.9 and 0.1; Salimans et al. keep the 0
# of the fakes, and have a reason. With targets $\alpha$ for real and $\beta$ for fake the best critic is
#
# $$D^*(x) = \frac{\alpha\, p_r(x) + \beta\, p_g(x)}{p_r(x) + p_g(x)} :$$
#
# with $\beta > 0$ the generator's own density stands in the numerator. Where there are many fakes and hardly any data it then has no
# reason, the paper says, to move them towards the data. So only one side is smoothed.

# %% [markdown] tags=["card"] label="03.6-card"
# ### Exercise 03.6 · One-sided label smoothing
# *2 points · 8 minutes · difficulty ●○○*
#
# Write the critic's loss from logits, with the target `smooth` for real samples and 0 for fakes. It has to stay finite for logits of
# several hundred.

# %% tags=["exercise"] label="03.6"
def smoothed_loss(real_logits, fake_logits, smooth):
    """Cross-entropy of a critic's logits, targets `smooth` for real and 0 for fake samples.

    Parameters
    ----------
    real_logits, fake_logits : torch.Tensor, float, shape (games, n, 1)
        Before the sigmoid.
    smooth : float
        Target of the real samples, in (0, 1].

    Returns
    -------
    torch.Tensor, shape (games,)
        Mean over the real samples plus mean over the fake ones, natural logarithms.
    """
    ### BEGIN SOLUTION
    on_real = smooth * softplus(-real_logits) + (1 - smooth) * softplus(real_logits)
    return on_real.mean(dim=(1, 2)) + softplus(fake_logits).mean(dim=(1, 2))
    ### END SOLUTION


# %% tags=["check"] label="03.6-check"
smoothed_loss = check("03.6", smoothed_loss)

# %%
play("4 one-sided smoothing", Recipe(critic_loss=lambda critic, real, fake: smoothed_loss(critic(real), critic(fake), 0.9)))

# %% [markdown]
# ### Fix 5: virtual batch normalisation
#
# Batch normalisation makes a sample's output depend on its neighbours. Virtual batch normalisation replaces them by a **reference batch** that is
# drawn once. In the paper each sample is normalised by the statistics of the reference batch *and of itself*: a batch of $m + 1$. With
# reference values $r_1, \dots, r_m$ of one feature,
#
# $$\mu(x) = \frac{\sum_k r_k + x}{m + 1}, \qquad \sigma^2(x) = \frac{\sum_k r_k^2 + x^2}{m + 1} - \mu(x)^2, \qquad
# \hat x = \frac{x - \mu(x)}{\sqrt{\sigma^2(x) + \epsilon}} .$$

# %% [markdown] tags=["card"] label="03.7-card"
# ### Exercise 03.7 · Virtual batch normalisation
# *3 points · 12 minutes · difficulty ●●○*
#
# Write $\hat x$ for all samples at once. torch's own batch norm, run once for each sample with the reference, judges it.

# %% tags=["exercise"] label="03.7"
def virtual_batch_norm(x, reference, eps=1e-5):
    """Normalise each sample by the statistics of a reference batch and itself (Salimans et al. 2016, 3.5).

    Parameters
    ----------
    x : torch.Tensor, float, shape (games, n, features)
    reference : torch.Tensor, float, shape (games, m, features)
    eps : float
        Under the root.

    Returns
    -------
    torch.Tensor, shape (games, n, features)
        Every feature by itself; mean and variance over m + 1 members, the variance with divisor m + 1.
        No sample of x has a part in another's answer.
    """
    ### BEGIN SOLUTION
    m = reference.shape[1]
    mean = (reference.sum(dim=1, keepdim=True) + x) / (m + 1)
    square = ((reference**2).sum(dim=1, keepdim=True) + x**2) / (m + 1)
    return (x - mean) / torch.sqrt(square - mean**2 + eps)
    ### END SOLUTION


# %% tags=["check"] label="03.7-check"
virtual_batch_norm = check("03.7", virtual_batch_norm)

# %% [markdown]
# By hand: reference 0 and 2, sample 4. The batch 0, 2, 4 has the mean 2 and the variance 8/3, so the sample becomes
# $2 / \sqrt{8/3} = \sqrt{3/2}$.

# %%
claim("Virtual batch norm by hand, squared", virtual_batch_norm(torch.tensor([[[4.0]]]), torch.tensor([[[0.0], [2.0]]]), 0.0).item() ** 2,
      between=(1.49999, 1.50001))


# %% [markdown]
# The paper uses it in the generator only, since the reference has to go through the network as well. So do we: the reference is a
# batch of latent numbers, drawn once.

# %%
class VirtualStack(MLPStack):
    """Generators with virtual batch normalisation in every hidden layer."""

    def __init__(self, sizes, seeds):
        super().__init__(sizes, seeds)
        self.reference = torch.randn(len(seeds), BATCH, sizes[0], generator=torch.Generator().manual_seed(0))

    def hidden(self, x):
        reference = self.reference
        for weight, bias in self.hidden_layers():
            x, reference = x @ weight, reference @ weight
            x, reference = (torch.relu(virtual_batch_norm(one, reference) + bias) for one in (x, reference))
        return x


play("5 virtual batch norm", Recipe(generator=VirtualStack))

# %% [markdown]
# ### Fix 6: noise
#
# Also in the loop: `recipe.noise` is the standard deviation at the start. It falls to zero, else the generator would learn the
# blurred data.

# %%
play("6 instance noise", Recipe(noise=0.7))

# %% [markdown]
# ### Fix 7: a better distance
#
# The earth mover's distance in more than one dimension has no formula, but a dual form (Kantorovich and Rubinstein):
#
# $$W(P_r, P_g) = \sup_{\|f\|_L \le 1} \mathbb{E}_{x \sim P_r} f(x) - \mathbb{E}_{x \sim P_g} f(x) ,$$
#
# over all functions whose slope is nowhere longer than 1. The *critic* is such an $f$: no sigmoid, no logarithm, it descends on
# $\mathbb{E} f(\text{fake}) - \mathbb{E} f(\text{real})$, the generator on $-\mathbb{E} f(\text{fake})$. What keeps the slope at 1? Arjovsky et
# al. (2017) **clip** all weights to $[-c, c]$, and call it a terrible way. Gulrajani et al. (2017) add the **gradient penalty**
#
# $$\lambda\; \mathbb{E}_{\hat x} \big( \|\nabla_{\hat x} f(\hat x)\|_2 - 1 \big)^2, \qquad \hat x = u\, x_{\text{real}} + (1 - u)\, x_{\text{fake}},$$
#
# with $u$ uniform in $[0, 1]$ for each pair.

# %% [markdown] tags=["card"] label="03.8-card"
# ### Exercise 03.8 · The gradient penalty
# *3 points · 15 minutes · difficulty ●●●*
#
# Write `gradient_penalty(critic, real, fake, mix)` without $\lambda$. It is itself part of a loss: the critic's weights must be able
# to hear of it.

# %% tags=["exercise"] label="03.8"
def gradient_penalty(critic, real, fake, mix):
    """Mean squared deviation of the critic's slope from 1, between real and fake samples (WGAN-GP, equation 3).

    Parameters
    ----------
    critic : callable
        (games, n, d) -> (games, n, 1); no sample has a part in another's score.
    real, fake : torch.Tensor, float, shape (games, n, d)
    mix : torch.Tensor, float, shape (games, n, 1)
        Share of the real sample in each mixed point, in [0, 1].

    Returns
    -------
    torch.Tensor, shape (games,)
        Mean over the n points of (length of the slope - 1) squared, the length over the d coordinates.
        Differentiable in the critic's weights.
    """
    ### BEGIN SOLUTION
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    slope = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]
    return ((slope.norm(dim=2) - 1) ** 2).mean(dim=1)
    ### END SOLUTION


# %% tags=["check"] label="03.8-check"
gradient_penalty = check("03.8", gradient_penalty)


# %%
def wasserstein_loss(critic, real, fake):
    """The critic's loss: minus its estimate of the earth mover's distance, (games,)."""
    return (critic(fake) - critic(real)).mean(dim=(1, 2))


def penalised_loss(weight):
    """The same with the gradient penalty, λ = weight."""
    def loss(critic, real, fake):
        mix = torch.rand(*real.shape[:2], 1)
        return wasserstein_loss(critic, real, fake) + weight * gradient_penalty(critic, real, fake, mix)
    return loss


def raising_loss(critic, real, fake):
    """The generator's loss: minus the critic's score, (games,)."""
    return -critic(fake).mean(dim=(1, 2))


# %% [markdown]
# **Does the critic measure?** On a line the exact answer is known from section 1. Nine pairs of samples, Gaussians of width 0.3 that
# are $\theta = 0.25 \dots 3$ apart, and nine critics side by side: once clipped, once penalised. The line lies in the plane, so that a
# critic can turn its slope round: on a bare line the slopes $1$ and $-1$ are both free of penalty, with a wall at 0 between them, and some
# critics stay on the wrong side.

# %%
shifts = np.linspace(0.25, 3, 9)
drawn = np.random.default_rng(3).normal(0, 0.3, size=(2, 9, 128, 1)).astype(np.float32)
drawn[1] += shifts[:, None, None]
left, right = (torch.from_numpy(np.concatenate([x, np.zeros_like(x)], axis=2)) for x in drawn)  # (9, 128, 2): on the first axis


def exact(x, y):
    """Earth mover's distance of two samples on a line, by your function: equal masses on the joint places."""
    places, which = np.unique(np.concatenate([x, y]), return_inverse=True)
    p, q = (np.bincount(part, minlength=len(places)) / len(x) for part in (which[: len(x)], which[len(x):]))
    return earth_mover(places, p, q)


def estimates(loss, clip=None, steps=profile(300, 150)):
    """What nine critics say after training on the nine pairs: (9,)."""
    torch.manual_seed(0)
    critic = MLPStack((2, 32, 32, 1), seeds=range(9))
    optimiser = torch.optim.Adam(critic.parameters(), betas=(0.5, 0.9))
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
        optimiser.zero_grad()
        loss(critic, right, left).sum().backward()
        optimiser.step()
        if clip is not None:
            with torch.no_grad():
                for parameter in critic.parameters():
                    parameter.clamp_(-clip, clip)
    return -wasserstein_loss(critic, right, left).detach().numpy()


truth = np.array([exact(x[:, 0], y[:, 0]) for x, y in zip(*drawn.astype(float))])
penalised, clipped = estimates(penalised_loss(10.0)), estimates(wasserstein_loss, clip=0.1)

# %%
figure, axes = panels(width=6, height=3.4)
axes.plot(shifts, truth, color="0.3", label="exact")
axes.plot(shifts, penalised, "o", color=PALETTE[0], label="critic, gradient penalty")
axes.plot(shifts, clipped, "s", color=PALETTE[1], label="critic, weights clipped to ±0.1")
axes.set(xlabel="shift θ", ylabel="earth mover's distance")
axes.legend()
describe(figure, "Exact earth mover's distance against the shift, with the estimates of two critics: the penalised one on the line, the "
                 "clipped one well off it.")

# %% [markdown]
# What is to be seen: the penalised critic reads off the distance, and a little more: against a pull of $\theta$ the penalty gives way to
# a slope of $1 + \theta/2\lambda$, as setting the derivative to zero shows. The clipped one gives it in a unit of its own, set by $c$ and the number
# of layers: it still rises with the distance by and large, but its number is no distance.

# %%
claim("Penalised critic: largest relative error", (np.abs(penalised - truth) / truth).max(), at_most=0.25)
claim("Its estimate and W (1 + W / 2λ) part by, relatively", np.abs(penalised / (truth * (1 + truth / 20)) - 1).max(), at_most=0.1)
claim("Clipped critic: smallest relative error", (np.abs(clipped - truth) / truth).min(), at_least=0.3)

# %%
play("7a Wasserstein, clipped", Recipe(wasserstein_loss, raising_loss, clip=0.1))
play("7b Wasserstein, penalty", Recipe(penalised_loss(1.0), raising_loss))

# %% [markdown] tags=["instructor"]
# While these run: "which fix changes what the critic sees (2, 6), which its loss (4, 7), which the generator's (1, 7), which only how the
# parameters move (3, 5)?" Let the class bet before the board comes.

# %% [markdown]
# ## 4 · The score board

# %%
def dot_board(name):
    """Modes, quality and distance of every recipe on one world: dots are seeds, hollow rows learnt nothing."""
    rows = {**board[name], **reference[name]}
    figure, axes = panels(1, 3, width=10, height=4.2, sharey=True)
    for k, (axis, label) in enumerate(zip(axes, (f"modes captured, of {len(WORLDS[name])}", "samples of high quality, share", "distance to the data"))):
        for place, (row, values) in enumerate(rows.items()):
            known = row in reference[name]
            colour = PALETTE[6] if known else PALETTE[1] if row == "vanilla" else PALETTE[0]
            axis.plot(values[k], place + np.array([-0.15, 0, 0.15]), "o", color=colour, markerfacecolor="white" if known else colour, markersize=5)
            axis.plot([values[k].mean()] * 2, [place - 0.35, place + 0.35], color=colour)
        axis.axhline(len(board[name]) - 0.5, color="0.6", linewidth=0.8)
        axis.set(xlabel=label, ylim=(len(rows) - 0.4, -0.6))
        axis.set_xlim(left=0)
    axes[0].set(yticks=range(len(rows)), yticklabels=list(rows), title=name)
    return describe(figure, f"Score board on the {name}: for every recipe and reference three seeds and their mean, in modes captured, share "
                            "of samples of high quality, and distance to the data.")


dot_board("ring")

# %% [markdown]
# What is to be seen: each dot is a seed, each bar a mean; orange is vanilla, hollow rows learnt nothing. Look at the first two panels
# *together*. Vanilla is far right in quality and far left in modes. Four fixes reach seven or eight modes on every seed, and
# all four pay with quality.

# %% tags=["nbval-ignore-output"]
def print_board(name):
    """The numbers of a board."""
    print(f"{name:28} {'modes':>10} {'good':>13} {'distance':>13} {'CPU s':>6}")
    for row, (modes, good, distance) in {**board[name], **reference[name]}.items():
        seconds = f"{runs[row].seconds:6.1f}" if row in runs else ""
        print(f"{row:28} {' '.join(f'{int(m)}' for m in modes):>10} {good.mean():6.2f} ± {good.std():4.2f} "
              f"{distance.mean():6.2f} ± {distance.std():4.2f} {seconds}")


print_board("ring")
print()
print_board("grid")

# %% [markdown]
# **Who covers the ring?**

# %%
ring, annulus = board["ring"], reference["ring"]["uniform annulus"]
modes = {name: values[0] for name, values in ring.items()}
good = {name: values[1].mean() for name, values in ring.items()}
covers = ("1 feature matching", "6 instance noise", "7b Wasserstein, penalty")
claim("Feature matching, noise, gradient penalty: fewest modes of any seed, of 8", min(modes[name].min() for name in covers), at_least=6, needs_full=True)
claim("Historical averaging: modes, mean over the seeds", modes["3 historical averaging"].mean(), at_least=6, needs_full=True)
claim("One-sided smoothing: the worst seed keeps modes", modes["4 one-sided smoothing"].min(), at_most=5, needs_full=True)

# %% [markdown]
# **At what price?** Hold the covering recipes against the annulus, which covers everything and has learnt nothing.

# %%
claim("Historical averaging, clipped critic: share of good samples over that of an annulus, the better of the two",
      max(good["3 historical averaging"], good["7a Wasserstein, clipped"]) / annulus[1].mean(), at_most=0.6, needs_full=True)
claim("Virtual batch norm: share of good samples minus that of the annulus", good["5 virtual batch norm"] - annulus[1].mean(), at_least=0.1, needs_full=True)
claim("Vanilla is further from the data than the penalised critic's generator, times",
      ring["vanilla"][2].mean() / ring["7b Wasserstein, penalty"][2].mean(), at_least=2, needs_full=True)

# %% [markdown]
# So, on this ring, with these networks, rates and steps:
#
# - **Feature matching, instance noise and the penalised critic** end the collapse on every seed. Their samples are no better than the annulus's
#   yet. Whether more steps sharpen them is for you to try.
# - **Historical averaging** with this weight covers the ring with samples that spread over the plane. It scores in the first column
#   only. The **clipped** critic, with this limit, does no better, and one seed stays at two modes, far from the data.
# - **Virtual batch norm** keeps more modes than vanilla and stays sharp, but not every mode on every seed.
# - **Minibatch discrimination** covers more, unevenly, and costs most time.
# - **One-sided smoothing** is no cure. It was proposed against overconfident critics, not against collapse.
#
# Each fix had one setting, and the settings of the game (a critic that learns five times as fast) were chosen so that vanilla collapses
# quickly. Other settings give other tables: change one and run the cell again before you believe a ranking, this one included.
#
# ### The grid exposes the metric

# %%
dot_board("grid")

# %% [markdown]
# What is to be seen: on the grid nearly everything covers most modes, and the second panel says how: with about the quality of the
# uniform box. Nobody has found a mode there; the generators fill the square, and 2,500 points in a square hit 25 discs by chance.

# %%
box = reference["grid"]["uniform box"][1].mean()
covering = [name for name, values in board["grid"].items() if values[0].mean() >= 20]
claim("Grid: recipes that cover 20 modes or more in the mean", len(covering), at_least=3, needs_full=True)
claim("The best quality among these over that of a uniform box", max(board["grid"][name][1].mean() for name in covering) / box, at_most=1.5, needs_full=True)

# %% [markdown]
# A paper that reports "25 of 25 modes" and no second number has told you nothing yet.

# %% [markdown] tags=["instructor"]
# The point to make: two axes, coverage and quality, and a reference row for each. Ask who lost a bet. Then: "which recipe would you run
# longer?"

# %% [markdown]
# ## 5 · Glyphs: when there is no list of modes
#
# Pictures have no centres. What can be counted on `glyphs`, digits drawn from fonts, here reduced to 14 by 14 pixels for speed? The same
# protocol with real pictures in place of centres: a sample is **of high quality** if its nearest real picture is no further than that of
# 95 % of fresh real pictures; a **class is covered** if at least 1 % of the samples are of high quality and nearest to it. The same
# loop, with rates that are equal for both players, three seeds, and four of the recipes: all nine would take too long here.

# %%
def small(pictures):
    """uint8 (n, 28, 28) to float32 (n, 196) in [0, 1], each pixel the mean of four."""
    return pictures.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float32) / 255


def drawn_from(train):
    """`draw` for three games on a set of pictures (n, 196)."""
    return lambda n, rng: train[rng.integers(len(train), size=(len(SEEDS), n))]


class PictureStack(MLPStack):
    """Generators of pixels in [0, 1]."""

    def forward(self, x):
        return torch.sigmoid(super().forward(x))


def picture_scores(samples, train, labels, fresh):
    """Classes covered, share of good samples, distance to fresh pictures, of samples (n, 196)."""
    radius = np.quantile(cdist(fresh, train).min(axis=1), 0.95)
    distance = cdist(samples, train)
    counted = labels[distance.argmin(axis=1)][distance.min(axis=1) <= radius]
    costs = cdist(samples, fresh)
    return ((np.bincount(counted, minlength=10) >= 0.01 * len(samples)).sum(), len(counted) / len(samples),
            costs[linear_sum_assignment(costs)].mean())


PICTURES = {
    "vanilla": Recipe(generator=PictureStack),
    "1 feature matching": Recipe(generator_loss=matching_loss, generator=PictureStack),
    "6 instance noise": Recipe(generator=PictureStack, noise=0.5),
    "7b Wasserstein, penalty": Recipe(penalised_loss(10.0), raising_loss, generator=PictureStack),
}


def train_on(recipe, train_set, steps):
    """The loop of section 2 on pictures."""
    return train(recipe, drawn_from(train_set), seeds=SEEDS, sizes=(196, 128), rates=(2e-3, 2e-3), steps=steps)


def play_pictures(data, steps, recipes=PICTURES):
    """Samples (3, 400, 196) and scores (3, 3: classes, good, distance) of each recipe, and the scores of real pictures."""
    train, fresh = small(data.pictures[:3000]), small(data.pictures[3000:3400])
    z, shown, rows = torch.randn(len(SEEDS), 400, LATENT, generator=torch.Generator().manual_seed(2)), {}, {}
    for name, recipe in recipes.items():
        generator = train_on(recipe, train, steps).generator
        with torch.no_grad():
            shown[name] = generator(z).numpy()
        rows[name] = np.array([picture_scores(one, train, data.labels[:3000], fresh) for one in shown[name]])
    rows["real pictures"] = np.array([picture_scores(small(data.pictures[3400:3800]), train, data.labels[:3000], fresh)])
    return shown, rows


shown, rows = play_pictures(grey28.load("glyphs", 3800, seed=3), profile(600, 30))

# %%
def gallery(shown, columns=14):
    """A row of samples for each recipe, from the first game."""
    figure, axes = panels(len(shown), 1, width=9, height=0.62 * len(shown) + 0.2)
    for axis, (name, samples) in zip(axes, shown.items()):
        axis.imshow(samples[0, :columns].reshape(columns, 14, 14).transpose(1, 0, 2).reshape(14, -1), cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    return describe(figure, "Samples of four recipes on small glyphs, a row each.")


gallery(shown)

# %% [markdown]
# What is to be seen: a row of samples from one game each, none of them chosen. Count the different digits in a row, and the blurred ones:
# instance noise repeats few kinds, the penalised critic shows most.

# %% tags=["nbval-ignore-output"]
for name, row in rows.items():
    print(f"{name:26} classes {' '.join(str(int(value)) for value in row[:, 0]):8} good {row[:, 1].mean():.2f}  distance {row[:, 2].mean():.2f}")

# %%
claim("Glyphs, penalised critic: classes covered of 10, mean over the seeds", rows["7b Wasserstein, penalty"][:, 0].mean(), at_least=6, needs_full=True)
claim("Glyphs: classes covered, penalised critic minus vanilla, mean over the seeds",
      (rows["7b Wasserstein, penalty"] - rows["vanilla"])[:, 0].mean(), at_least=1, needs_full=True)
claim("Glyphs: vanilla's distance to the data minus the penalised critic's, mean over the seeds",
      (rows["vanilla"] - rows["7b Wasserstein, penalty"])[:, 2].mean(), at_least=0.1, needs_full=True)
claim("Glyphs: the distance with instance noise minus the penalised critic's, mean over the seeds",
      (rows["6 instance noise"] - rows["7b Wasserstein, penalty"])[:, 2].mean(), at_least=0.1, needs_full=True)

# %% [markdown]
# Instance noise and feature matching, which ended the collapse on the ring, gain little here. The penalised critic is the one of these that
# helps on the ring *and* here. One problem in the plane does not rank methods.

# %% [markdown]
# ## 6 · Touch: scrub through training
#
# Choose a run and move through time. Left, samples of the first ring on the critic's surface: red where it scores high; right, the two
# scores, and where you are.
#
# Try: find the step at which vanilla drops a mode, and look at the critic there; watch where instance noise keeps the surface smooth; see
# historical averaging stand still. (With minibatch discrimination a score belongs to a batch: there the surface shows how the
# critic would score the whole window at once.)

# %% tags=["nbval-ignore-output"]
training_film.explore(films)

# %% [markdown]
# What is to be seen: the run and the step that the controls name. In vanilla's last frames the critic scores the abandoned modes high, and
# no sample is near enough for its slope to lead there.

# %% [markdown]
# ## What to remember
#
# - Without overlap, total variation, KL and JS do not say which way to go; the earth mover's distance does.
# - A loss in this game is measured against an opponent that moves: it does not show collapse. Count.
# - Coverage and quality are two axes. Every table needs rows that learnt nothing.
# - Of the seven fixes some end the collapse here, some do not, and most cost quality or time. Noise, feature matching and the penalised
#   critic covered the ring; only the last did better on glyphs too.
# - Whoever shows one seed shows nothing.
#
# ## Outside: MNIST
#
# The experiment of section 5 with one word changed, where MNIST is at hand: vanilla and the penalised critic, with fewer steps.

# %% tags=["nbval-ignore-output"]
handwritten = real.or_none(grey28.load, "mnist", 3800, seed=3)
two = {name: PICTURES[name] for name in ("vanilla", "7b Wasserstein, penalty")}
outside = play_pictures(handwritten, profile(300, 30), two) if handwritten is not None else None
if outside is not None:
    for name, row in outside[1].items():
        print(f"{name:26} classes {' '.join(str(int(value)) for value in row[:, 0]):8} good {row[:, 1].mean():.2f}  distance {row[:, 2].mean():.2f}")
gallery(outside[0]) if outside is not None else None

# %% [markdown]
# What is to be seen, where MNIST was found: the same two rows, on handwriting. Handwriting varies more than type, and half the steps make
# coarser digits.
#
# ## References
#
# - T. Salimans et al., *Improved techniques for training GANs*, 2016: fixes 1 to 5.
# - C. K. Sønderby et al., *Amortised MAP inference for image super-resolution*, 2017; M. Arjovsky, L. Bottou, *Towards principled methods for
#   training GANs*, 2017: noise, and disjoint supports.
# - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein GAN*, 2017: clipping; the example of the point masses.
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017: the gradient penalty.
# - L. Metz et al., *Unrolled generative adversarial networks*, 2017: the ring.
# - A. Srivastava et al., *VEEGAN*, 2017; Z. Lin et al., *PacGAN*, 2018: the protocol of modes and high quality.
