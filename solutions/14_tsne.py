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
# # Lab 14 · t-SNE from scratch
#
# *50.039, week 10, sections 1.3 and 4.2. About 130 minutes. Builds on no other lab.*
#
# A network turns a picture into 80 numbers. Which pictures are alike *to the network*? Nobody can look at 80 dimensions, so you make a
# map: one point in the plane for each picture, neighbours near neighbours. Such maps are easy to read and easily believed. You build
# the map maker, and then you find out what it makes up.
#
# You will be able to
#
# - **compute** who is whose neighbour, at a perplexity of your choice;
# - **derive and check** the gradient of the divergence, and **write** the loop that follows it;
# - **make it fast** by an idea of its own, and **compare** it with scikit-learn;
# - **read** a map: say what in it is the data's, and what is t-SNE's;
# - **draw** in-class task 4.2, pictures as points, before and after training.

# %%
import copy

import numpy as np
import torch
from matplotlib.patches import Circle
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import silhouette_samples, silhouette_score

from course_utils import models, scoring
from course_utils.datasets import digits, zoo
from course_utils.notebook import check, claim, cpu_seconds, start, timing
from course_utils.plots import PALETTE, describe, maps, panels
from course_utils.plots.scores import dots
from course_utils.settings import profile
from course_utils.training import fit
from course_utils.widgets import tsne_film

start("14")

# %% [markdown] tags=["instructor"]
# **Plan, 130 minutes:** 1 Why a map 5 · 2 Neighbours 25 (14.1) · 3 Pairs 8 (14.2) · 4 The map's side 10 · 5 Gradient 15 (14.3) ·
# 6 Loop 17 (14.4) · 7 All digits 17 (14.5) · 8 Parts taken away 5 · 9 Misreadings 11 · 10 Task 4.2 12 · 11 Touch 5. If time is short,
# 14.5 is homework: nothing below waits for it, because the check goes on with the solution.
#
# Open by showing the finished map of the digits for ten seconds, hide it, and ask: which three things did you learn about the data? Keep
# the answers on the board; section 9 takes most of them back.

# %% [markdown]
# ## 1 · Points in 64 dimensions
#
# You start with data that you can judge by eye: handwritten digits of 8 by 8 pixels, as points $x_i$ with 64 coordinates,
# $i = 1, \dots, n$. The classic map is a **projection**: the plane in which the points vary most (principal components).

# %%
scans = digits.load()
scans = type(scans)(scans.pictures[: profile(1797, 500)], scans.labels[: profile(1797, 500)], scans.class_names)
points = scans.pictures.reshape(len(scans), 64) / 255 * 16
ink = maps.inked(scans.pictures, [maps.TEN[label] for label in scans.labels], side=12)
projection = PCA(2, random_state=0).fit_transform(points)

# %%
maps.sheet(ink, projection, shape=(560, 700), alt="Every digit drawn as itself, in the colour of its class, at its place on the first two principal "
           "components: the classes lie on top of each other.")

# %% [markdown]
# What is to be seen: each digit is drawn where it lies on the first two principal components; colours are classes, for your
# eyes only: neither the projection nor t-SNE sees them. Zero, four and six find room of their own; most others lie on top of each other. A plane is too small for 64
# dimensions, and a projection gives its room to large distances. t-SNE gives it to small ones.

# %% [markdown]
# ## 2 · Who is whose neighbour?
#
# Let $i$ choose a neighbour at random, near points more readily than far ones. The probability that it chooses $j$ falls as a Gaussian
# of the distance:
#
# $$p_{j|i} = \frac{\exp(-\beta_i\,\|x_i - x_j\|^2)}{\sum_{k \ne i}\exp(-\beta_i\,\|x_i - x_k\|^2)}, \qquad p_{i|i} = 0, \qquad
# \beta_i = \frac{1}{2\sigma_i^2} .$$
#
# How wide is wide? In a dense region, a small $\sigma_i$; in a thin one, a large one. So you do not choose the width but the *number of
# neighbours*. The **entropy** $H_i = -\sum_j p_{j|i} \ln p_{j|i}$ says how undecided $i$ is, and
#
# $$\text{perplexity}_i = e^{H_i}$$
#
# says it as a number of points: spread evenly over $k$ neighbours, the perplexity is $k$. For each $i$ you look for the $\beta_i$ at which
# the perplexity is the one asked for. $H_i$ falls as $\beta_i$ rises, so **bisection** finds it: halve the interval that holds it until
# it is short. With $Z_i$ the denominator, $H_i = \ln Z_i + \beta_i \sum_j p_{j|i}\,\|x_i - x_j\|^2$.

# %%
def squared_distances(points):
    """Squared Euclidean distances of all pairs: (n, d) to (n, n), zero on the diagonal."""
    return squareform(pdist(points, "sqeuclidean"))


# %% [markdown] tags=["card"] label="14.1-card"
# ### Exercise 14.1 · Neighbours at a given perplexity
# *4 points · 20 minutes · difficulty ●●●*
#
# Write `conditional_probabilities(squared, perplexity)`. Search all $n$ values of $\beta$ at once, as a column: one round of bisection
# is a few operations on $(n, n)$ arrays, and no loop runs over points. Three traps: a point is not its own neighbour; distances come in
# any unit, so no fixed upper end for $\beta$ is safe (double $\beta$ until the perplexity is too small, then halve the interval); and for a
# far outlier every $\exp$ of its row underflows to zero. Adding a constant to a row of squared distances does not change $p_{j|i}$, so take
# off the row's smallest to *another* point. Stuck? `%hint 14.1` gives a hint, `%reveal 14.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="14.1"
def conditional_probabilities(squared, perplexity):
    """Probability with which each point picks each other point as its neighbour.

    Parameters
    ----------
    squared : ndarray, float, shape (n, n)
        Squared distances, in any unit; zero on the diagonal. No two points coincide. Not to be changed.
    perplexity : float
        Above 1, below n - 1.

    Returns
    -------
    ndarray, float, shape (n, n)
        Entry [i, j] is p(j | i). Each row sums to 1, the diagonal is 0, and the entropy of each row, in
        nats, is ln(perplexity) to within 1e-5.
    """
    ### BEGIN SOLUTION
    n = len(squared)
    excess = np.where(np.eye(n, dtype=bool), np.inf, squared)
    excess = excess - excess.min(axis=1, keepdims=True)
    finite = np.where(np.isinf(excess), 0, excess)
    low, high = np.zeros((n, 1)), np.full((n, 1), np.inf)
    beta = (n - 1) / finite.sum(axis=1, keepdims=True)
    for _ in range(100):
        weights = np.exp(-beta * excess)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + beta * np.einsum("ij,ij->i", weights, finite)[:, None] / total
        if np.abs(entropy - np.log(perplexity)).max() < 1e-6:
            break
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, beta, low), np.where(flat, high, beta)
        beta = np.where(np.isinf(high), 2 * beta, (low + high) / 2)
    return weights / total
    ### END SOLUTION


# %% tags=["check"] label="14.1-check"
conditional_probabilities = check("14.1", conditional_probabilities)

# %% [markdown]
# Two clusters in the plane, one six times as wide as the other. From $p_{j|i}$ you can read off the width that the search found:
# $\ln(p_{j|i} / p_{k|i}) = \beta_i\,(\|x_i - x_k\|^2 - \|x_i - x_j\|^2)$ for any two others.

# %%
def widths(squared, conditional):
    """The sigma of each row (n,), from its most and its least likely neighbour among the likely ones."""
    near = conditional.argmax(axis=1)
    far = np.where(conditional > 1e-9, conditional, np.inf).argmin(axis=1)
    rows = np.arange(len(squared))
    beta = np.log(conditional[rows, near] / conditional[rows, far]) / (squared[rows, far] - squared[rows, near])
    return 1 / np.sqrt(2 * beta)


toss = np.random.default_rng(0)
uneven = np.concatenate([toss.normal(0, 1, size=(60, 2)), toss.normal((26, 0), 6, size=(60, 2))])
sigma = {k: widths(squared_distances(uneven), conditional_probabilities(squared_distances(uneven), k)) for k in (5, 30)}

# %% tags=["target"] target="14.1"
figure, axes = panels(1, 2, width=9, height=4.0, sharey=True)
for axis, (perplexity, radii) in zip(axes, sigma.items()):
    for place, radius, colour in zip(uneven, radii, np.repeat([0, 1], 60)):
        axis.add_patch(Circle(place, radius, fill=False, color=PALETTE[colour], alpha=0.45, linewidth=0.8))
    axis.scatter(*uneven.T, s=9, c=np.repeat([PALETTE[0], PALETTE[1]], 60), linewidths=0, zorder=3)
    axis.set(aspect="equal", xlabel="$x_1$", title=f"perplexity {perplexity}", xlim=(-12, 48), ylim=(-24, 28))
axes[0].set_ylabel("$x_2$")
describe(figure, "Points of a narrow and a wide cluster, each with a circle whose radius is its sigma: small in the narrow cluster, large in "
                 "the wide one, and larger at perplexity 30 than at 5.")

# %% [markdown]
# What is to be seen: around each point a circle of radius $\sigma_i$. Points of the narrow cluster look about in a small circle, points of
# the wide one in a large one, so that all have equally many neighbours. Keep this picture in mind: **here the information how wide a cluster
# is gets lost**. Section 9 comes back to it.

# %%
neighbours = conditional_probabilities(squared_distances(points), 30)
effective = np.exp(-(neighbours * np.log(np.maximum(neighbours, 1e-300))).sum(axis=1))
claim("Perplexity of every digit's row differs from 30 by", np.abs(effective - 30).max(), at_most=0.001)
claim("Median sigma in the wide cluster over that in the narrow one", np.median(sigma[5][60:]) / np.median(sigma[5][:60]), between=(3, 10))

# %% [markdown]
# ## 3 · From neighbours to pairs
#
# $p_{j|i}$ and $p_{i|j}$ differ. A map knows distances only, and they are the same both ways, so the two are joined into one probability for
# the pair:
#
# $$p_{ij} = \frac{p_{j|i} + p_{i|j}}{2n} .$$
#
# All $n^2$ entries together sum to 1. Why add? Think of an outlier $i$: nobody picks it, all $p_{i|j}$ are about 0. But it picks others,
# $\sum_j p_{j|i} = 1$, and so $\sum_j p_{ij} > 1/2n$: it has a say in the map.

# %% [markdown] tags=["card"] label="14.2-card"
# ### Exercise 14.2 · Joint probabilities
# *1 point · 5 minutes · difficulty ●○○*
#
# Write `joint_probabilities(conditional)`. One line.

# %% tags=["exercise"] label="14.2"
def joint_probabilities(conditional):
    """One symmetric distribution over all pairs.

    Parameters
    ----------
    conditional : ndarray, float, shape (n, n)
        Entry [i, j] is p(j | i); rows sum to 1, zero on the diagonal. Not to be changed.

    Returns
    -------
    ndarray, float, shape (n, n)
        p_ij: symmetric, zero on the diagonal, all entries together sum to 1.
    """
    ### BEGIN SOLUTION
    return (conditional + conditional.T) / (2 * len(conditional))
    ### END SOLUTION


# %% tags=["check"] label="14.2-check"
joint_probabilities = check("14.2", joint_probabilities)

# %%
joint = joint_probabilities(neighbours)

# %% [markdown] tags=["instructor"]
# Ask: why not the mean of the two distances, or one sigma for all? (With one sigma an outlier has $p_{ij} \approx 0$ with everybody, and may
# lie anywhere.) The lecture notes write $p_{ji}$ for the conditional and $p_{ij}$ for the joint; say once that the bar makes the difference.

# %% [markdown]
# ## 4 · The map's side: why a heavy tail?
#
# Point $i$ of the map lies at $y_i$, two coordinates. Its neighbours are modelled in the same way, but by another curve:
#
# $$q_{ij} = \frac{w_{ij}}{Z}, \qquad w_{ij} = \frac{1}{1 + \|y_i - y_j\|^2}, \qquad w_{ii} = 0, \qquad Z = \sum_{k \ne l} w_{kl} .$$
#
# The curve is Student's t with one degree of freedom: the *t* of t-SNE. Why not a Gaussian again? In many dimensions, almost all
# distances are about the same, so a point has a great many neighbours *at a moderate distance*. Around a point of the plane there is
# no room for so many. This is the **crowding problem**. Measure it: for Gaussian clouds of 500 points, how much nearer is a near neighbour
# (the tenth) than a middling one (the median)?

# %%
DIMENSIONS = (2, 4, 8, 16, 32, 64)


def nearness(dimensions, seed):
    """Distance to the 10th neighbour over the median distance, averaged over 500 points of a Gaussian cloud."""
    cloud = np.random.default_rng(seed).normal(size=(500, dimensions))
    distances = np.sort(squareform(pdist(cloud)), axis=1)[:, 1:]
    return (distances[:, 9] / np.median(distances, axis=1)).mean()


near = np.array([[nearness(d, seed) for d in DIMENSIONS] for seed in range(3)])
gap = np.linspace(0.1, 40, 500)
curves = {"Gaussian, $e^{-d^2}$": np.exp(-gap**2), "heavy tail, $1/(1+d^2)$": 1 / (1 + gap**2)}

# %%
figure, axes = panels(1, 2, width=9, height=3.5)
axes[0].semilogx(DIMENSIONS, near.mean(axis=0), "o-", base=2)
axes[0].set(ylim=(0, 1), xlabel="dimensions of the cloud", ylabel="10th / median distance", title="How much nearer are neighbours?")
axes[0].xaxis.set_major_formatter("{x:g}")
for (name, curve), colour in zip(curves.items(), (PALETTE[4], PALETTE[0])):
    axes[1].loglog(gap, curve, color=colour, label=name)
axes[1].axhline(1e-3, color="0.6", linewidth=1)
axes[1].set(ylim=(1e-4, 2), xlabel="distance d in the map", ylabel="weight", title="How far is a weight of 1/1000?")
axes[1].legend(loc="lower left")
describe(figure, "Left: the ratio of the tenth to the median distance rises from about 0.2 in two dimensions to over 0.8 in 64. Right: a Gaussian "
                 "falls to a thousandth at a distance of 2.6, the heavy tail at 31.6.")

# %% [markdown]
# What is to be seen: left, in the plane the tenth neighbour is many times nearer than a middling point; in 64 dimensions hardly nearer at all.
# Right, a pair with a thousandth of the largest weight has to lie at a certain distance in the map. The Gaussian would have it crowd in close by; the heavy
# tail sends it far away. So there is room *between* clusters, and the places close by are left to near pairs.

# %%
claim("The 10th neighbour's share of the median distance, in 64 dimensions less that in the plane", (near[:, -1] - near[:, 0]).min(), at_least=0.5)

# %% [markdown]
# ## 5 · The divergence and its gradient
#
# A good map has $Q$ near $P$. The **Kullback-Leibler divergence** measures how far $Q$ is from $P$, in nats:
#
# $$\mathrm{KL}(P \| Q) = \sum_{i \ne j} p_{ij} \ln\frac{p_{ij}}{q_{ij}} .$$
#
# It is not symmetric, and that is the point: a pair with large $p_{ij}$ and small $q_{ij}$ (neighbours torn apart) is costly; one with small
# $p_{ij}$ and large $q_{ij}$ (strangers put together) is cheap. The gradient (van der Maaten and Hinton, 2008, equation 5):
#
# $$\frac{\partial\,\mathrm{KL}}{\partial y_i} = 4 \sum_j (p_{ij} - q_{ij})\, w_{ij}\, (y_i - y_j) .$$
#
# Read it as springs: one between each two points, which pulls where $p_{ij} > q_{ij}$ and pushes where $p_{ij} < q_{ij}$.
#
# Where does it come from? With $\ln q_{ij} = \ln w_{ij} - \ln Z$ and $\sum p_{ij} = 1$,
#
# $$\mathrm{KL} = \text{const} - \sum_{i \ne j} p_{ij} \ln w_{ij} + \ln Z .$$
#
# Each pair stands in these sums twice, and $\partial w_{ij} / \partial y_i = -2\,w_{ij}^2\,(y_i - y_j)$. So the second term gives the pull,
# $4 \sum_j p_{ij}\,w_{ij}\,(y_i - y_j)$, and $\ln Z$ the push, $-4 \sum_j (w_{ij}^2 / Z)\,(y_i - y_j)$, where $w_{ij}^2 / Z = q_{ij}\,w_{ij}$.

# %%
def kl_divergence(joint, embedding):
    """KL(P || Q) in nats, a float, for joint probabilities (n, n) and a map (n, 2)."""
    weights = 1 / (1 + squared_distances(embedding))
    np.fill_diagonal(weights, 0)
    q = weights / weights.sum()
    pairs = joint > 0
    return float((joint[pairs] * np.log(joint[pairs] / q[pairs])).sum())


# %% [markdown] tags=["card"] label="14.3-card"
# ### Exercise 14.3 · The gradient of the divergence
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `kl_gradient(joint, embedding)` as the formula stands there. Here clarity counts, not speed: an array of all differences,
# $(n, n, 2)$, is welcome.

# %% tags=["exercise"] label="14.3"
def kl_gradient(joint, embedding):
    """Gradient of KL(P || Q) with respect to every point of the map.

    Parameters
    ----------
    joint : ndarray, float, shape (n, n)
        p_ij: symmetric, zero on the diagonal. Not to be changed.
    embedding : ndarray, float, shape (n, 2)
        The map, y_i in row i. Not to be changed.

    Returns
    -------
    ndarray, float, shape (n, 2)
        Row i: derivative with respect to y_i. It points uphill. Also right where the entries of `joint`
        sum to 12, as in section 6: the formula is used as it stands, nothing is normalised.
    """
    ### BEGIN SOLUTION
    differences = embedding[:, None] - embedding[None]
    weights = 1 / (1 + (differences**2).sum(axis=2))
    np.fill_diagonal(weights, 0)
    strength = (joint - weights / weights.sum()) * weights
    return 4 * (strength[:, :, None] * differences).sum(axis=1)
    ### END SOLUTION


# %% tags=["check"] label="14.3-check"
kl_gradient = check("14.3", kl_gradient)

# %% [markdown]
# The check knows the answer from automatic differentiation. You can test it without: move one coordinate by $\pm h$ and watch the divergence.

# %%
few = joint_probabilities(conditional_probabilities(squared_distances(points[:40]), 10))
place = np.random.default_rng(1).normal(size=(40, 2))
bumps = 1e-5 * np.eye(80).reshape(80, 40, 2)
differences = np.array([kl_divergence(few, place + bump) - kl_divergence(few, place - bump) for bump in bumps]) / 2e-5
slope = kl_gradient(few, place)
claim("80 central differences and the gradient part by at most this share of the largest slope",
      np.abs(differences - slope.ravel()).max() / np.abs(slope).max(), at_most=1e-6)

# %% [markdown] tags=["instructor"]
# Derive it on the board once, as it stands above, and ask where the 4 comes from: 2 (from the square) times 2 (each pair occurs twice). Then:
# what becomes of the pull and of the push where the $p_{ij}$ sum to 12, as in section 6?

# %% [markdown]
# ## 6 · The loop
#
# The divergence has many minima, and it is flat where points are far apart. Plain gradient descent gets stuck. Three helpers:
#
# - **Momentum** $m$: a step is $m$ times the last one, less the learning rate times the new slope. Small pushes in a constant direction add up.
# - **Gains**: each coordinate of each point has a factor $g$ on its slope, 1 at first. Where the slope points against the last step
#   (so that downhill still goes that way), $g$ grows by 0.2; elsewhere it shrinks to $0.8\,g$, but not below 0.01. (Jacobs, 1988)
# - **Early exaggeration**: for the first 250 iterations all $p_{ij}$ are multiplied by 12. Neighbours pull each other so hard that clusters form
#   as tight knots, which still have room to pass each other.

# %% [markdown] tags=["card"] label="14.4-card"
# ### Exercise 14.4 · The loop
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `descend`: so many iterations with momentum and gains, and every place on the way. In each iteration, in this order: slope,
# gains, step, place. A step before the first is zero. Exaggeration is not its business: it gets the gradient as a function.

# %% tags=["exercise"] label="14.4"
def descend(gradient, start, iterations, momentum, learning_rate):
    """Gradient descent with momentum and gains.

    Each iteration: slope = gradient(place); the gains grow by 0.2 where last step * slope < 0, else they
    are multiplied by 0.8, and are at least 0.01; step = momentum * last step - learning_rate * gains * slope;
    place = place + step. The last step is zero and all gains are 1 before the first iteration.

    Parameters
    ----------
    gradient : callable
        From a place, shape (n, 2), to its slope, shape (n, 2).
    start : ndarray, float, shape (n, 2)
        Not to be changed.
    iterations : int
        At least 1.
    momentum, learning_rate : float

    Returns
    -------
    ndarray, shape (iterations + 1, n, 2), dtype of start
        The start, and the place after every iteration.
    """
    ### BEGIN SOLUTION
    path = np.empty((iterations + 1, *start.shape), start.dtype)
    path[0] = start
    step, gains = np.zeros_like(start), np.ones_like(start)
    for t in range(iterations):
        slope = gradient(path[t])
        gains = np.where(step * slope < 0, gains + 0.2, 0.8 * gains).clip(0.01)
        step = momentum * step - learning_rate * gains * slope
        path[t + 1] = path[t] + step
    return path
    ### END SOLUTION


# %% tags=["check"] label="14.4-check"
descend = check("14.4", descend)

# %% [markdown]
# t-SNE is two descents: exaggerated with momentum 0.5, then true with 0.8. The start is a tiny random cloud; the learning rate, $n/12$,
# is that of Belkina et al. (2019). All is kept in float32: a map needs no more digits, and half the bytes travel.

# %%
def cloud(n, seed):
    """A tiny random start, (n, 2)."""
    return 1e-4 * np.random.default_rng(seed).normal(size=(n, 2))


def tsne(joint, start, gradient, iterations=500, early=250, exaggeration=12.0):
    """The path of t-SNE, (iterations + 1, n, 2) float32: `early` iterations exaggerated, the others not."""
    p, start = joint.astype(np.float32), start.astype(np.float32)
    rate = len(p) / 12
    exaggerated = np.float32(exaggeration) * p
    knots = descend(lambda y: gradient(exaggerated, y), start, early, 0.5, rate)
    unfolded = descend(lambda y: gradient(p, y), knots[-1], iterations - early, 0.8, rate)
    return np.concatenate([knots, unfolded[1:]])


some, some_labels = points[:300], scans.labels[:300]
some_joint = joint_probabilities(conditional_probabilities(squared_distances(some), 10))
path = tsne(some_joint, cloud(300, seed=0), kl_gradient)

# %% tags=["target"] target="14.4"
FRAMES = (0, 30, 60, 250, 300, 500)
figure, axes = panels(2, 3, width=9, height=6.2)
for axis, t in zip(axes.flat, FRAMES):
    maps.draw_points(axis, path[t], some_labels, size=14)
    axis.set_title(f"iteration {t}: {np.ptp(path[t], axis=0).max():.2g} wide")
describe(figure, "Six maps of 300 digits on the way: a random speck, a streak, knots of one colour each, and, once the exaggeration ends, knots "
                 "that unfold to clusters.")

# %% [markdown]
# What is to be seen: 300 digits on their way at perplexity 10, each frame in its own scale. From a speck, knots of one class each condense while the
# exaggeration lasts; at iteration 250 it ends, and the knots unfold to clouds. Nobody told the loop that there are classes.
#
# The **silhouette** says how well the classes stand apart. For each point it compares the mean distance $a$ to its own class with that to the
# nearest other one, $b$: $(b - a)/\max(a, b)$; 1 is well apart, 0 is mixed, below 0 is on the wrong side.

# %%
knots = [silhouette_score(path[t], some_labels) for t in FRAMES]
claim("At the end of the exaggeration the classes' silhouette is higher than at the start by", knots[3] - knots[0], at_least=0.4)

# %% [markdown]
# ## 7 · All digits, and an idea for speed
#
# Your gradient makes arrays of $(n, n, 2)$. For 1,797 digits, one of them has six million numbers, and several are written and read in every iteration:
# memory is what you wait for, not arithmetic. The idea: **never make the differences**.
#
# *Distances as a product.* $1 + \|y_i - y_j\|^2 = (-2y_i,\; 1 + \|y_i\|^2,\; 1) \cdot (y_j,\; 1,\; \|y_j\|^2)$: the whole table is one product of
# an $(n, 4)$ and a $(4, n)$ matrix. Turn it into $w$ in place.
#
# *Forces as a product.* For any symmetric strengths $s_{ij}$, $\;\sum_j s_{ij}(y_i - y_j) = y_i \sum_j s_{ij} - \sum_j s_{ij} y_j$. Both sums come
# from one product $R\,s$, where $R$ of shape $(3, n)$ has the two coordinates and a row of ones. (Because $s$ is symmetric, $R\,s$ does what
# $s R^\top$ does, but reads $s$ along its rows, as it lies in memory.)
#
# *Pull and push apart.* $(p - q)w = p\,w - w^2/Z$: the **pull** has $s = p\,w$, the **push** has $s = w^2$ and is divided by $Z$ once. First the pull, in one
# new table; then square $w$ in place. Two tables, no more.
#
# *The diagonal cancels itself.* $w_{ii} = 1$ adds $y_i - y_i = 0$ to the forces; only $Z$ must leave it out, $Z = \sum w - n$.
#
# The price: $\|y_i\|^2 + \|y_j\|^2 - 2\,y_i \cdot y_j$ takes large numbers from each other, and loses digits where two points are near each other and far
# from the origin. A map can bear it; the scores below say so.

# %% [markdown] tags=["card"] label="14.5-card"
# ### Exercise 14.5 · The same gradient, lean
# *3 points · 15 minutes · difficulty ●●●*
#
# Write `lean_gradient`: the answer of 14.3 with at most two new tables of $n \times n$ numbers alive at a time, in the dtype of the
# map (`np.ones(n)` is float64 unless told otherwise). The check counts the bytes. numpy writes into an array that is there: `np.reciprocal(w, out=w)`, `np.square(w, out=w)`.

# %% tags=["exercise"] label="14.5"
def lean_gradient(joint, embedding):
    """The gradient of KL(P || Q), as `kl_gradient` gives it, with little memory.

    Parameters
    ----------
    joint : ndarray, float32 or float64, shape (n, n)
        Symmetric, zero on the diagonal; the entries may sum to 12. Not to be changed.
    embedding : ndarray of the same dtype, shape (n, 2)
        Not to be changed.

    Returns
    -------
    ndarray of the same dtype, shape (n, 2)
        At no time are more than two new arrays of n * n numbers of this dtype alive.
    """
    ### BEGIN SOLUTION
    size = (embedding**2).sum(axis=1, keepdims=True)
    ones = np.ones_like(size)
    w = np.hstack([-2 * embedding, 1 + size, ones]) @ np.hstack([embedding, ones, size]).T
    np.reciprocal(w, out=w)
    total = w.sum() - len(w)
    rows = np.ascontiguousarray(np.hstack([embedding, ones]).T)
    pull = rows @ (joint * w)
    np.square(w, out=w)
    force = pull - rows @ w / total
    return 4 * (force[2] * rows[:2] - force[:2]).T
    ### END SOLUTION


# %% tags=["check"] label="14.5-check"
lean_gradient = check("14.5", lean_gradient)

# %% tags=["nbval-ignore-output"]
single, spot = joint.astype(np.float32), 10 * np.random.default_rng(2).normal(size=(len(joint), 2)).astype(np.float32)
plain_s, _ = cpu_seconds(lambda: kl_gradient(joint, spot.astype(float)), 2)
lean_s, _ = cpu_seconds(lambda: lean_gradient(single, spot), 8)
print(f"one gradient of {len(joint)} points: plain {1000 * plain_s:.0f} ms, lean {1000 * lean_s:.1f} ms")
timing("The lean one is faster, times", plain_s / lean_s, at_least=5)

# %% [markdown]
# Now all digits, 500 iterations.

# %%
seconds, path = cpu_seconds(lambda: tsne(joint, cloud(len(joint), seed=0), lean_gradient))
digit_map = path[-1].astype(float)

# %% tags=["nbval-ignore-output"]
timing("Processor seconds for 500 iterations on all digits", seconds, at_most=30)

# %% tags=["target"] target="14.5"
maps.sheet(ink, digit_map, alt="Every digit drawn as itself where t-SNE puts it: islands, nearly each of one class, with a few strangers on them.")

# %% [markdown]
# What is to be seen: every digit where t-SNE puts it. Nearly every class is an island of its own, and within it the handwriting changes
# smoothly. Some classes have several islands: what do the digits on a small one have in common? Find the strangers, too, single digits of another colour.
# Would you have read them otherwise?

# %% [markdown]
# ### Beside scikit-learn
#
# Two scores. The divergence of each map from the *same* $P$. And the **trustworthiness** (Venna and Kaski, 2001), which knows nothing of t-SNE: are the
# $k$ neighbours in the map neighbours in the space as well? 1 where all of them are; strangers count by how far down the true list they stand.
# scikit-learn's exact method is slow, so it gets 600 digits; its fast one (Barnes-Hut, which treats far groups as one point) gets them all. All runs:
# perplexity 30, 500 iterations, random start.

# %%
def library_map(points, method):
    """scikit-learn's map of these points."""
    return TSNE(method=method, init="random", max_iter=500, random_state=0).fit_transform(points)


part = points[: profile(600, 300)]
part_joint = joint_probabilities(conditional_probabilities(squared_distances(part), 30))
contest = {
    "exact": (part, part_joint, tsne(part_joint, cloud(len(part), seed=0), lean_gradient)[-1], library_map(part, "exact")),
    "Barnes-Hut": (points, joint, digit_map, library_map(points, "barnes_hut")),
}
scores = {(name, who): (kl_divergence(p, one), trustworthiness(x, one, n_neighbors=10))
          for name, (x, p, ours, theirs) in contest.items() for who, one in (("yours", ours), ("scikit-learn", theirs))}

# %% tags=["nbval-ignore-output"]
for (name, who), (divergence, trust) in scores.items():
    print(f"{len(contest[name][0]):5d} digits, against {name:10s}  {who:12s}  KL {divergence:.4f}  trustworthiness {trust:.4f}")

# %%
worst = [max(scores[name, "yours"][0] / scores[name, "scikit-learn"][0] for name in contest),
         min(scores[name, "yours"][1] - scores[name, "scikit-learn"][1] for name in contest)]
claim("Your divergence over scikit-learn's, the larger of the two", worst[0], at_most=1.02)
claim("Your trustworthiness less scikit-learn's, the smaller of the two", worst[1], at_least=-0.005)

# %% [markdown] tags=["instructor"]
# Ask who would ship this. With $n = 1{,}797$, exact in numpy takes about four processor seconds (section 7); at 20,000 it is hopeless, because the
# table grows as $n^2$. Say where the line is: memory first (20,000² floats are 1.6 GB).

# %% [markdown]
# ## 8 · Take a part away
#
# What does a part of the method do? Take it away and measure: first the exaggeration, three seeds each; then the heavy tail, with
# a Gaussian in the map in its place (SNE with joint probabilities). Its gradient lacks the factor $w_{ij}$.

# %%
def gaussian_gradient(joint, embedding):
    """Gradient of the divergence where the map has Gaussian weights exp(-d²), (n, 2)."""
    weights = np.exp(-squared_distances(embedding)).astype(embedding.dtype)
    np.fill_diagonal(weights, 0)
    strength = joint - weights / weights.sum()
    return 4 * (strength.sum(axis=1, keepdims=True) * embedding - strength @ embedding)


part_labels = scans.labels[: len(part)]
with_it, without = ([tsne(part_joint, cloud(len(part), seed), lean_gradient, exaggeration=factor)[-1] for seed in range(3)] for factor in (12, 1))
gaussian_map = tsne(part_joint, cloud(len(part), 0), gaussian_gradient)[-1]

# %%
figure, axes = panels(1, 3, width=9, height=3.5)
for axis, one, title in zip(axes, (with_it[0], without[0], gaussian_map), ("t-SNE", "without exaggeration", "with a Gaussian in the map")):
    maps.draw_points(axis, one, part_labels, size=7)
    axis.set_title(f"{title}\nsilhouette {silhouette_score(one, part_labels):.2f}" + ("" if one is gaussian_map else f", KL {kl_divergence(part_joint, one):.3f}"))
describe(figure, "Three maps of 600 digits: t-SNE and the run without exaggeration look alike; with a Gaussian there is hardly any room between "
                 "the classes.")

# %% [markdown]
# What is to be seen: left the whole method. In the middle, without exaggeration, the map looks much the same, and its silhouette is no lower; only the
# divergence tells, which ends higher on average over three seeds: neighbours that began on opposite sides of the cloud find each other less well. Right, the crowding problem: like still lies with like, but there is no room between the classes.

# %%
kept, lost = (np.mean([kl_divergence(part_joint, one) for one in runs]) for runs in (with_it, without))
claim("Without exaggeration the divergence ends higher, times", lost / kept, at_least=1.03)
claim("With a Gaussian in the map the silhouette of the classes falls by",
      silhouette_score(with_it[0], part_labels) - silhouette_score(gaussian_map, part_labels), at_least=0.07)

# %% [markdown]
# ## 9 · Misreading the map
#
# Wattenberg, Viégas and Johnson (2016) warn of readings that come by themselves and are wrong. Here each is an experiment on data whose
# truth you know, with a verdict over five seeds. First a function from points to a map.

# %%
def embed(points, perplexity=30, seed=0):
    """t-SNE's map of points (n, d): (n, 2)."""
    p = joint_probabilities(conditional_probabilities(squared_distances(points), perplexity))
    return tsne(p, cloud(len(points), seed), lean_gradient)[-1].astype(float)


SEEDS = range(profile(5, 3))


def spread(points):
    """Root mean square distance from the centre."""
    return np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())


# %% [markdown]
# **"The map shows how many groups there are."** Two round clusters of 50 points in the plane, clearly apart. Only the perplexity
# changes.

# %%
def two_clusters(seed):
    """Two Gaussian clusters of 50 points, eight standard deviations apart: points (100, 2), labels (100,)."""
    return np.random.default_rng(seed).normal(size=(100, 2)) + np.repeat([[0, 0], [8, 0]], 50, axis=0), np.repeat([0, 1], 50)


PERPLEXITIES = (2, 5, 30, 50, 90)
groups = {k: [embed(two_clusters(seed)[0], k, seed) for seed in SEEDS] for k in PERPLEXITIES}
apart = {k: np.mean([silhouette_score(one, two_clusters(0)[1]) for one in ones]) for k, ones in groups.items()}

# %%
figure, axes = panels(1, 6, width=9, height=2.3)
for axis, one, title in zip(axes, (two_clusters(0)[0], *(groups[k][0] for k in PERPLEXITIES)), ("the truth", *(f"perplexity {k}" for k in PERPLEXITIES))):
    maps.draw_points(axis, one, two_clusters(0)[1], size=10)
    axis.set_title(title)
describe(figure, "Two clusters and their maps at five perplexities: crumbs at 2, two clean clusters at 30 and 50, swollen ones at 90.")

# %% [markdown]
# What is to be seen: at perplexity 2 each point cares for two neighbours only, and the clusters crumble; at 90, nearly the number of points,
# everybody is everybody's neighbour and the clusters swell. At 30 and 50, the truth. No single map tells you which one you have: **draw several.**

# %%
claim("Silhouette of the true groups, perplexity 30 less perplexity 2", apart[30] - apart[2], at_least=0.3)

# %% [markdown]
# **"This cluster is wider"** and **"these two clusters are near each other".** First, two clusters of 100 points, one ten times as
# wide. Then three clusters of 50 points in a row; the third is five times as far from the second as the first is.

# %%
def wide_and_narrow(seed):
    """Two clusters of 100 points, standard deviations 10 and 1, 60 apart."""
    toss = np.random.default_rng(seed)
    return np.concatenate([toss.normal(0, 10, size=(100, 2)), toss.normal((60, 0), 1, size=(100, 2))]), np.repeat([0, 1], 100)


def two_near_one_far(seed):
    """Three clusters of 50 points, standard deviation 1, at 0, 10 and 60."""
    return np.random.default_rng(seed).normal(size=(150, 2)) + np.repeat([[0, 0], [10, 0], [60, 0]], 50, axis=0), np.repeat([0, 1, 2], 50)


def ratio_of_widths(points):
    """Spread of the first hundred points over that of the second."""
    return spread(points[:100]) / spread(points[100:])


def ratio_of_distances(points):
    """Distance of the third cluster's centre from the second, over that of the second from the first."""
    a, b, c = points.reshape(3, 50, 2).mean(axis=1)
    return np.linalg.norm(c - b) / np.linalg.norm(b - a)


tests = {"width": (wide_and_narrow, ratio_of_widths, (5, 15, 30)), "distance": (two_near_one_far, ratio_of_distances, (5, 15, 30, 50))}
verdicts = {name: {k: [(ratio(make(seed)[0]), ratio(embed(make(seed)[0], k, seed))) for seed in SEEDS] for k in tried}
            for name, (make, ratio, tried) in tests.items()}

# %%
figure, axes = panels(2, 3, width=9, height=5.4)
for row, (name, (make, _, tried)) in zip(axes, tests.items()):
    data, labels = make(0)
    for axis, one, title in zip(row, (data, embed(data, 30)), ("the truth", "map, perplexity 30")):
        maps.draw_points(axis, one, labels, size=10)
        axis.set_title(title)
    for k, pairs in verdicts[name].items():
        row[2].plot([k] * len(pairs), [found for _, found in pairs], "o", color=PALETTE[0], alpha=0.6)
    row[2].axhline(np.mean([true for pairs in verdicts[name].values() for true, _ in pairs]), color=PALETTE[1])
    row[2].axhline(1, color="0.6", linewidth=1, linestyle="--")
    row[2].set(ylim=(0, 11 if name == "width" else 6), xticks=tried, xlabel="perplexity", ylabel=f"ratio of {name}s", title="orange: the truth; blue: maps")
describe(figure, "Above, a wide and a narrow cluster, which the map draws equally wide; below, three clusters of which two are near each other, "
                 "which the map sets equally far apart. In both, the maps' ratios lie at 1, far below the truth.")

# %% [markdown]
# What is to be seen: in the map both clusters are equally wide, whatever the seed and the perplexity: each point's $\sigma_i$ took care of that,
# as you saw in section 2. And three clusters stand equally far from each other. Beyond a point's neighbours all $p_{ij}$ are
# practically zero, so the far and the very far are the same to the divergence. Only a perplexity as large as the clusters hears a little of it.

# %%
claim("True ratio of widths 10; the largest in any map", max(found for pairs in verdicts["width"].values() for _, found in pairs), at_most=1.6)
claim("True ratio of distances 5; mean in the maps at perplexity 30", np.mean([found for _, found in verdicts["distance"][30]]), at_most=1.5)

# %% [markdown]
# **"There are clusters."** Now there is nothing: 300 points of one Gaussian cloud in 50 dimensions. For each map, a clustering method
# (HDBSCAN) marks groups; then the silhouette of *these same groups* is measured in the map and in the 50 dimensions.

# %%
def noise(seed):
    """300 points of one Gaussian cloud in 50 dimensions."""
    return np.random.default_rng(seed).normal(size=(300, 50))


def found_groups(one):
    """A group for each point of a map, -1 for none."""
    return HDBSCAN(min_cluster_size=5, copy=True).fit_predict(one)


clumps = {k: [embed(noise(seed), k, seed) for seed in SEEDS] for k in (2, 30)}
marks = [found_groups(one) for one in clumps[2]]
seen = [silhouette_score(one[group >= 0], group[group >= 0]) for one, group in zip(clumps[2], marks)]
real = [silhouette_score(noise(seed)[group >= 0], group[group >= 0]) for seed, group in zip(SEEDS, marks)]

# %%
figure, axes = panels(1, 3, width=9, height=3.4)
shades = np.where(marks[0] < 0, "#cccccc", np.array(maps.TEN)[marks[0] % 10])
for axis, one, title, shown in zip(axes, (PCA(2).fit_transform(noise(0)), clumps[2][0], clumps[30][0]),
                                   ("projection (PCA)", "map, perplexity 2", "map, perplexity 30"), (None, shades, None)):
    maps.draw_points(axis, one, None if shown is None else np.arange(300), colours=maps.TEN if shown is None else shown, size=10)
    axis.set_title(title)
describe(figure, "Noise three times: a projection without structure, a map at perplexity 2 with many clumps in colours, and a map at perplexity "
                 "30, an even disc.")

# %% [markdown]
# What is to be seen: pure noise, three times. At perplexity 2 it falls into clumps, and a clustering method finds them, too (colours; grey belongs to none). At
# perplexity 30 there is an even disc. The check that saves you is simple: **measure in the space what you saw in the map.**

# %%
claim("Groups found in maps of noise at perplexity 2: mean silhouette in the map", np.mean(seen), at_least=0.4)
claim("The silhouette of the same groups in the 50 dimensions, largest of all seeds", max(real), at_most=0.05)

# %% [markdown] tags=["instructor"]
# Go back to the board: "ten classes", "seven and nine are similar", "the zeros are all alike": which of these did the map show, and which
# did we read into it? Ask how to test the second (distances of the classes in 64 dimensions).

# %% [markdown]
# ## 10 · Task 4.2: pictures as points, before and after training
#
# *"Take any pretrained neural net, compute features for about 2 × 250 images from two classes; compute a t-SNE; visualize it with images as
# points; then redo this after you trained the same neural net to discriminate these two classes."*
#
# The network is `zoonet_dense`, trained on eight species. Lion and hedgehog are not among them. **Features** are what goes into its last layer:
# 80 numbers for each picture, $(n, 80)$. You need two sets of 2 × 250: one to train on, and a fresh one for the map. Why, you will see at the end.

# %%
PAIR = ("lion", "hedgehog")


def two_species(n, seed):
    """n pictures of the pair, and their labels 0 and 1."""
    animals = zoo.load(n, seed=seed, species=PAIR)
    return animals.pictures, (animals.labels != animals.class_names.index(PAIR[0])).astype(np.int64)


def features(network, pictures):
    """What enters the network's last linear layer: uint8 (n, 64, 64, 3) to (n, d)."""
    last = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)][-1]
    caught = []
    hook = last.register_forward_pre_hook(lambda layer, given: caught.append(given[0]))
    with torch.no_grad():
        for batch in torch.from_numpy(pictures).split(50):
            network(models.as_input(batch))
    hook.remove()
    return torch.cat(caught).numpy()


SHEET = (800, 900)  # height and width of the maps, in pixels
train_pictures, train_labels = two_species(profile(500, 300), seed=141)
fresh_pictures, fresh_labels = two_species(profile(500, 300), seed=142)
frames = maps.bordered(fresh_pictures, [PALETTE[label] for label in fresh_labels], side=27)

# %%
before = models.load("zoonet_dense")
after = copy.deepcopy(before).requires_grad_(True)
torch.manual_seed(0)
after.classifier.dense2 = torch.nn.Linear(80, 2)
history = fit(after, train_pictures, torch.from_numpy(train_labels), loss=torch.nn.functional.cross_entropy, epochs=profile(7, 10),
              batch_size=32, lr=2e-3, prepare=models.as_input, progress=False)

# %%
stages = {"before": before, "after": after}
space = {(when, which): features(network, pictures) for when, network in stages.items()
         for which, pictures in (("training", train_pictures), ("fresh", fresh_pictures))}
plane = {key: embed(values) for key, values in space.items()}

# %%
maps.sheet(frames, plane["before", "fresh"], shape=SHEET, nudged=True, title="before: features of a network that knows neither species",
           alt="500 pictures as points, with blue frames for lions and orange ones for hedgehogs: both colours in large patches that touch.")

# %% [markdown]
# What is to be seen: each point is its picture; blue frames are lions, orange ones hedgehogs. The network was never shown either, and yet they are
# nearly sorted, and the two touch: parts that it learnt on other species serve here as well. (Pictures are nudged apart a little; some still overlap.) Look at neighbours that share a background colour or a pose: the network
# sees these, too.

# %%
maps.sheet(frames, plane["after", "fresh"], shape=SHEET, nudged=True, title="after training on exactly these two species",
           alt="The same 500 pictures after training: a blue and an orange continent, with hardly a frame of the other colour.")

# %% [markdown]
# What is to be seen: the same pictures after training on *other* pictures of these two species: two continents. Is there a frame of the
# wrong colour among those that you can see? Then look closely: is the animal small, hidden, turned away? The gap between the continents, its width and their shapes are
# t-SNE's, as you know from section 9. That they are apart is to be measured, in the features.

# %%
figures = {}
for when in stages:
    for which, labels in (("training", train_labels), ("fresh", fresh_labels)):
        figures[f"{when}, {which} pictures"] = {
            "in the 80 features": scoring.bootstrap(silhouette_samples(space[when, which], labels)),
            "in the map": scoring.bootstrap(silhouette_samples(plane[when, which], labels))}
dots(figures, xlabel="silhouette, 95 %", alt="Silhouettes of the two species before and after training, in the features and in the map, "
     "for training and for fresh pictures: training raises all of them; in the map all are higher than in the features.")

# %% [markdown]
# What is to be seen: training pulls the two species apart, in the features and in the map (the 95 % intervals lie within the dots or hardly reach out). The map exaggerates: at each stage its
# silhouette is above that of the features. Do not report the map's.

# %%
silhouettes = {name: {where: values[0] for where, values in row.items()} for name, row in figures.items()}
claim("Silhouette in the features, fresh pictures: after minus before",
      silhouettes["after, fresh pictures"]["in the 80 features"] - silhouettes["before, fresh pictures"]["in the 80 features"], at_least=0.15)
claim("The map flatters: its silhouette less that of the features, smallest of the four",
      min(row["in the map"] - row["in the 80 features"] for row in silhouettes.values()), at_least=0.05)

# %% [markdown]
# ### The trap: a map of the training pictures
#
# Why fresh pictures? Meet `zoonet_random_labels`: it was trained on pictures whose labels had been **drawn at random**, until it knew them by heart. There
# is nothing to learn in them. Take the pictures that were called "hare" and "goat", first those it was trained on, then fresh ones with labels that are
# random again.

# %%
memory, recipe = models.load("zoonet_random_labels"), models.RECIPES["zoonet_random_labels"]
learnt = zoo.load(recipe.pictures, recipe.data_seed, fault=recipe.fault)
learnt = learnt[np.flatnonzero(learnt.labels < 2)]
fresh = zoo.load(len(learnt), seed=143)
made_up = np.random.default_rng(4).permutation(learnt.labels)
heart = {"learnt": (embed(features(memory, learnt.pictures), 15), learnt.labels, learnt.pictures),
         "fresh": (embed(features(memory, fresh.pictures), 15), made_up, fresh.pictures)}

# %%
figure, axes = panels(1, 2, width=8.6, height=4.3)
figure.set_layout_engine("none")  # one dot of the screen for each pixel
for k, (axis, (which, (one, labels, pictures))) in enumerate(zip(axes, heart.items())):
    axis.set_position((k / 2, 0, 1 / 2, 400 / 430))
    maps.draw_pictures(axis, maps.bordered(pictures, [PALETTE[2 + label] for label in labels], side=34), one, shape=(400, 430), nudged=True)
    axis.set_title(f"{which} pictures, random labels: silhouette {round(silhouette_score(one, labels), 2) + 0.0:.2f}")  # no minus before 0.00
describe(figure, "Two maps of a network that learnt random labels by heart: on the pictures it learnt, two clean groups; on fresh ones, both colours mixed.")

# %% [markdown]
# What is to be seen: green frames were called hare, pink ones goat. Left, two clean groups, of *nothing*: look at the animals, both groups mix the species. Right, the same network on fresh pictures: no groups. A
# map of training pictures shows what the network has memorised. Draw maps of pictures that it has not seen.

# %%
claim("Random labels, in the map of the pictures that were learnt: silhouette", silhouette_score(*heart["learnt"][:2]), at_least=0.5)
claim("In the map of fresh pictures", silhouette_score(*heart["fresh"][:2]), at_most=0.15)

# %% [markdown]
# ## 11 · Touch: scrub through the iterations
#
# Your own runs, on 200 points each: digits, noise, and a wide and a narrow cluster, at four perplexities and three seeds.

# %%
def film(points, labels, perplexity, seed, every=10):
    """One run of t-SNE, kept at every tenth iteration."""
    p = joint_probabilities(conditional_probabilities(squared_distances(points), perplexity))
    frames = tsne(p, cloud(len(points), seed), lean_gradient)[::every]
    return tsne_film.Film(frames, np.array([kl_divergence(p, one) for one in frames]), np.asarray(labels), every)


reels = {"digits": (points[:200], scans.labels[:200]), "noise": (noise(0)[:200], np.zeros(200, int)), "wide and narrow": wide_and_narrow(0)}
films = {(name, k, seed): film(*reel, k, seed) for name, reel in reels.items() for k in (2, 10, 30, 80) for seed in range(profile(3, 1))}

# %% [markdown]
# Try: digits at perplexity 30, three seeds: what stays, what does not? Noise from 2 to 80. Which iteration decides where a cluster ends up? In the
# grey stretch the $p_{ij}$ are exaggerated; what does the divergence do when that ends?

# %% tags=["nbval-ignore-output"]
tsne_film.explore(films)

# %% [markdown]
# What is to be seen: left the map at one iteration, right the divergence on its way down, with a dot where you are. Turn the seed: how
# much does the final divergence change, and where do the islands lie?

# %% [markdown]
# ## What to remember
#
# - t-SNE turns distances into probabilities of being neighbours, in the space by Gaussians, in the map by a heavy tail, and moves the map
#   until the two agree. It has no axes, no units, and no place for a new point.
# - The perplexity is a number of neighbours. Each point gets its own width; so the width of clusters is lost at the start.
# - Compare runs by their divergence, never by their looks; judge a map by trustworthiness, or better by a measurement in the space.
# - What you may read: who is near whom. What you may not: widths, distances between islands, places, and clumps at a small perplexity.
# - Exact t-SNE costs $n^2$ in every iteration. Most of it is moving memory: fewer and smaller tables are the speed.
# - A map of training pictures shows memory. Use fresh ones, and report the silhouette in the features.

# %% [markdown]
# ## Outside: the same for an ImageNet network
#
# SqueezeNet 1.1 has seen a million photographs, none of them of this zoo. Its features: the mean over all places of its last feature maps, 512
# numbers. Then the same training on lion and hedgehog. The weights come from `COURSE_DATA` or by download; where neither is there, the cell says so and the lab
# ends here.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import real
from course_utils.models import imagenet

squeezenet = real.or_none(imagenet.load, "squeezenet1_1")


def enlarged(pictures, side=96):
    """Pictures of the zoo for an ImageNet network: uint8 (n, 64, 64, 3) to float32 (n, 3, side, side) in [0, 1]."""
    big = [np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in np.asarray(pictures)]
    return models.as_input(np.stack(big))


class TwoSpecies(torch.nn.Module):
    """An ImageNet network's features, averaged over the picture, and a new last layer."""

    def __init__(self, network):
        super().__init__()
        self.network, self.last = copy.deepcopy(network), torch.nn.Linear(512, 2)

    def forward(self, x):
        maps_of_x = self.network.network.features((x - self.network.mean) / self.network.std)
        return self.last(maps_of_x.mean(dim=(2, 3)))


def outside(network, epochs=2):
    """Maps of the fresh pictures through the network, before and after training on the pair."""
    torch.manual_seed(0)
    model, shown = TwoSpecies(network), []
    for rounds in (0, epochs):
        if rounds:
            fit(model, train_pictures, torch.from_numpy(train_labels), loss=torch.nn.functional.cross_entropy, epochs=rounds, batch_size=32,
                lr=3e-4, prepare=enlarged, progress=False)
        caught = []
        hook = model.last.register_forward_pre_hook(lambda layer, given: caught.append(given[0]))
        with torch.no_grad():
            for batch in np.array_split(fresh_pictures, 10):
                model(enlarged(batch))
        hook.remove()
        shown.append(torch.cat(caught).numpy())
    figure, axes = panels(2, 1, width=9, height=14.4)
    for axis, values, when in zip(axes, shown, ("before", "after")):
        one = embed(values)
        maps.draw_pictures(axis, frames, one, shape=(680, 880), nudged=True)
        axis.set_title(f"ImageNet network, {when}: silhouette {silhouette_score(values, fresh_labels):.2f} in the features, "
                       f"{silhouette_score(one, fresh_labels):.2f} in the map")
    return describe(figure, "Maps of the 500 pictures through an ImageNet network, before and after training on the two species.")


outside(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: above, a network of photographs that has never seen a drawn animal, and yet large patches have one
# colour of frame; its silhouettes say how much of that is in the features and how much the map adds. Below, after training on the pair. Compare with
# section 10: which network knew more before, which after?
#
# ## References
#
# - L. van der Maaten, G. Hinton, *Visualizing data using t-SNE*, JMLR 2008: the method; the gradient is equation 5.
# - G. Hinton, S. Roweis, *Stochastic neighbor embedding*, NIPS 2002: the Gaussian version.
# - M. Wattenberg, F. Viégas, I. Johnson, *How to use t-SNE effectively*, Distill 2016: the misreadings.
# - R. Jacobs, *Increased rates of convergence through learning rate adaptation*, Neural Networks 1988: the gains.
# - A. Belkina et al., *Automated optimized parameters for t-SNE*, Nature Communications 2019: the learning rate.
# - D. Kobak, P. Berens, *The art of using t-SNE for single-cell transcriptomics*, Nature Communications 2019: good practice.
# - J. Venna, S. Kaski, *Neighborhood preservation in nonlinear projection methods*, ICANN 2001: trustworthiness.
# - P. Rousseeuw, *Silhouettes*, Journal of Computational and Applied Mathematics 1987.
# - L. van der Maaten, *Accelerating t-SNE using tree-based algorithms*, JMLR 2014: Barnes-Hut.
