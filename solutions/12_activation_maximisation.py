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
# # Lab 12 · Activation maximisation and Deep Dream
#
# *50.039, week 10, section 1.1 · CS 230, interpretability slides, II.A and III · 6.874, recitation 5. About 120 minutes. Builds on lab 06.*
#
# The zoo trusts that your classifier finds its animals. Now it asks: *does the network understand what an elephant is?* So ask the network
# to draw one. What it draws depends on the network, and just as much on what you allow it to draw.
#
# You will be able to
#
# - **climb** any number that a network computes, by gradient steps on the picture;
# - **build** the regularisers that keep the climb among pictures: total variation, L2, blur, jitter, a norm ball;
# - **measure** what they do, by a spectrum and by a network that had no part in it;
# - **dream**: one step of Deep Dream, octaves, low layers against high ones;
# - **find** a planted fault by looking at what a network draws.

# %%
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.filters import sobel

from course_utils import models
from course_utils.datasets import photos, zoo
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.settings import profile
from course_utils.widgets import class_model_knobs

start("12")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 The flaw 12 · 2 Score, probability, odds 15 · 3 Spectrum 8 · 4 Regularisers 35 (12.1 to 12.3) · 5 A network that
# draws 15 · 6 Channels 14 (12.4) · 7 Deep Dream 15 (12.5) · 8 The keeper's hand 6. If time is short: 12.4 as homework.
#
# Open with W10's question: "y = g(w·x + b), and we look for the x with the largest y. Obviously this has a flaw. Which one?" Wait.

# %% [markdown]
# ## 1 · A flaw, and a ball
#
# Take one linear neuron, $y = w \cdot x$ with $w$ of shape $(3, 64, 64)$, and look for the input that excites it most. Here $w$ is the slope
# of the llama score of `zoonet` at a grey picture: the linear stand-in of lab 06. Climb it: $x \leftarrow x + \alpha\,w$.

# %%
zoonet = models.load("zoonet")
names = zoo.SPECIES
GREY = torch.full((1, 3, 64, 64), 0.5)


def slope_of(objective, pictures):
    """Slope of the sum of objective(pictures) with respect to the pictures."""
    x = pictures.detach().clone().requires_grad_()
    return torch.autograd.grad(objective(x).sum(), x)[0]


w = slope_of(lambda x: zoonet(x)[:, names.index("llama")], GREY)[0].double()
climb = [float((w * (k * w)).sum()) for k in range(50)]
claim("After 49 steps y is this many times what it was after the first: there is no largest one", climb[49] / climb[1], between=(48.9, 49.1))

# %% [markdown]
# $y$ grows with every step, for ever: $\operatorname{argmax}_x\, w \cdot x$ **does not exist**. So the notes bound the input,
# $\|x\|_p \le 1$. Then the answer is known in closed form (Hölder's inequality), and the largest value is the *dual* norm $\|w\|_q$ with
# $1/p + 1/q = 1$:
#
# | ball | best $x$ | $w \cdot x$ |
# |---|---|---|
# | $p = 1$ | one entry: the sign of $w$ where $\lvert w_k\rvert$ is largest, zero elsewhere | $\max_k \lvert w_k\rvert$ |
# | $p = 2$ | $w / \lVert w\rVert_2$ | $\lVert w\rVert_2$ |
# | $p = \infty$ | $\operatorname{sign}(w)$ | $\sum_k \lvert w_k\rvert$ |

# %%
largest = torch.zeros_like(w).flatten()
largest[w.abs().argmax()] = w.flatten()[w.abs().argmax()].sign()
best = {"1": largest.view_as(w), "2": w / w.norm(), "∞": w.sign()}
dual = {"1": w.abs().max(), "2": w.norm(), "∞": w.abs().sum()}
gap = max(abs(float((w * best[p]).sum() / dual[p]) - 1) for p in best)
claim("w·x at the best x of each ball differs from the dual norm of w by a share of", gap, at_most=1e-9)

# %%
signed = {f"p = {p}": best[p].abs().amax(dim=0).numpy() * np.sign(best[p].sum(dim=0).numpy()) for p in best}
figure, axes = panels(1, 3, width=8.5, height=3.2)
for axis, (name, map_) in zip(axes, signed.items()):
    heatmaps.draw(axis, map_, signed=True)
    axis.set_title(f"{name} (red: up, blue: down)")
row, column = divmod(int(np.abs(signed["p = 1"]).argmax()), signed["p = 1"].shape[1])
axes[0].plot(column, row, "o", color=PALETTE[6], markerfacecolor="none", markersize=16, clip_on=False)
describe(figure, "The best inputs of one linear neuron in three norm balls: a single pixel, ringed; the weights themselves; the signs of the weights.")

# %% [markdown]
# What is to be seen: three answers to one question, from the same neuron. At $p = 1$ all is spent on one pixel, at $p = \infty$ every pixel
# goes to its limit, at $p = 2$ you see the weights. The ball is not a detail: *it decides what you will see*.

# %% [markdown]
# ## 2 · The score of a class
#
# For a whole network there is no closed form, but CS 230's recipe works for anything: propagate, compute the objective $L$, backpropagate to
# the picture, update the picture, repeat. The box $[0, 1]$ of pictures is a ball already, $\|x - 0.5\|_\infty \le 0.5$. Is it enough?
# Climb each of the eight scores of `zoonet` from a grey picture with a little noise. The steps have one length: each slope is divided by its
# root mean square.

# %%
species = torch.arange(8)


def bare_ascent(objective, pictures, steps, size):
    """Steps of one length uphill, clipped to [0, 1]."""
    for _ in range(steps):
        slope = slope_of(objective, pictures)
        pictures = (pictures + size * slope / slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()).clamp(0, 1)
    return pictures


def class_score(network, labels):
    """The objective: each picture's score of its own class, (n,)."""
    return lambda x: network(x)[torch.arange(len(x)), labels]


noise = torch.randn((8, 3, 64, 64), generator=torch.Generator().manual_seed(0))
grey = GREY + 0.02 * noise
bare = bare_ascent(class_score(zoonet, species), grey, profile(60, 30), 0.05)
heatmaps.grid(bare.permute(0, 2, 3, 1).numpy(), titles=names, alt="Eight class models without regularisers: fine stripes and checks that fill "
              "the picture, no animal in any.")

# %% [markdown]
# What is to be seen: what `zoonet` scores highest as hare, goat and so on. No animal anywhere. And yet no picture of an animal comes
# near these scores:

# %%
animals = zoo.load(profile(200, 64), seed=121)
pictures, labels = models.as_input(animals.pictures), torch.from_numpy(animals.labels)
with torch.no_grad():
    real = class_score(zoonet, labels)(pictures)
    drawn = class_score(zoonet, species)(bare)
highest = torch.stack([real[labels == k].max() for k in range(8)])
claim("Score of each class model over the highest score of a real picture of that species, at least, times", (drawn / highest).min(), at_least=3)

# %% [markdown]
# The notes say it plainly: high-frequency noise of the type that is added for adversarial attacks, and *this is one legitimate outcome*. You
# asked for a high score and got one. Would anybody else call it a hare? Ask somebody who had no part in it: `zoonet_dense`, another
# architecture with other weights, almost as good on real pictures. It is the **independent recogniser** of this lab.

# %%
judge = models.load("zoonet_dense")


def recognised(pictures, labels, by):
    """Share of the pictures for which the network `by` names the class."""
    with torch.no_grad():
        return float((by(pictures).argmax(dim=1) == labels).double().mean())


claim("Real pictures that the independent network names rightly", recognised(pictures, labels, judge), at_least=0.95)
claim("Bare class models of zoonet that it names as meant", recognised(bare, species, judge), at_most=0.5)

# %% [markdown]
# ### Score, probability or odds?
#
# What people quote is the probability $p_c$. Climb it instead of the score, in steps of one length, and look at the slope on the way:
# its length is what a plain step would have used. By lab 06, with $w_k = \partial S_k/\partial x$ the slope of score $S_k$,
# $\partial p_c/\partial x = p_c\,(w_c - \sum_k p_k w_k)$: it dies where the network is sure. A third choice are the **log odds**,
#
# $$o_c = \log \frac{p_c}{1 - p_c} = S_c - \log \sum_{k \ne c} e^{S_k} ,$$
#
# which also push the other classes down, and do not saturate.

# %%
def log_odds(network, labels):
    """The objective: log odds of each picture's own class, (n,)."""
    def objective(x):
        logits, own = network(x), torch.nn.functional.one_hot(labels, 8).bool()
        return logits[own] - logits.masked_fill(own, -torch.inf).logsumexp(dim=1)
    return objective


goat = torch.tensor([names.index("goat")])
objectives = {
    "score": class_score(zoonet, goat),
    "probability": lambda x: zoonet(x).softmax(dim=1)[:, goat[0]],
    "log odds": log_odds(zoonet, goat),
}
lengths = {}
for name, objective in objectives.items():
    x, lengths[name] = grey[:1], []
    for _ in range(60):
        slope = slope_of(objective, x)
        lengths[name].append(float(slope.norm()))
        x = (x + 0.1 * slope / slope.norm()).clamp(0, 1)

# %%
figure, axes = panels(width=6.5, height=3.2)
for k, (name, values) in enumerate(lengths.items()):
    axes.semilogy(values, color=PALETTE[k], label=name)
axes.set(xlabel="step", ylabel="length of the slope", title="Climbing towards goat")
axes.legend()
describe(figure, "Length of the slope against the step, log scale: score and log odds keep a steep slope, that of the probability rises at first "
                 "and then falls by orders of magnitude.")

# %% [markdown]
# What is to be seen: the slopes of score and log odds stay steep. The probability's slope collapses once the network is sure, and plain
# steps stand still from there on. Scaled steps hide this, until the slope is so small that rounding errors are scaled.

# %%
claim("Slope of the probability at the end, as a share of its largest", lengths["probability"][-1] / max(lengths["probability"]), at_most=0.1)

# %% [markdown] tags=["instructor"]
# KK's iguana again: a probability can be raised by lowering the dog. Ask what the log odds reward that the score does not. (That hare and goat,
# which share everything but ears and horns, are told apart.)

# %% [markdown]
# ## 3 · Why is it noise? The spectrum
#
# "Noise" can be measured. Take the two-dimensional Fourier transform of each colour and add up the **power** in rings of equal spatial
# frequency, from 1 to 32 cycles per picture (at 32, neighbours alternate). Photographs have little power in fine detail; roughly, it falls with the
# square of the frequency (Field 1987).

# %%
def radial_power(pictures):
    """Share of each picture's power in the rings of 1, 2, ..., 32 cycles per picture.

    pictures: tensor (n, 3, 64, 64). Returns an array (n, 32) whose rows sum to 1. The mean is taken
    off, and a Hann window hides the seam between opposite borders.
    """
    x = (pictures - pictures.mean(dim=(2, 3), keepdim=True)).numpy()
    window = np.hanning(66)[1:-1]
    power = (np.abs(np.fft.fft2(x * window * window[:, None])) ** 2).sum(axis=1)
    cycles = np.fft.fftfreq(64, 1 / 64)
    ring = np.rint(np.hypot(cycles, cycles[:, None])).astype(int)
    sums = np.stack([power[:, ring == k].sum(axis=1) for k in range(1, 33)], axis=1)
    return sums / sums.sum(axis=1, keepdims=True)


album = torch.cat([models.as_input(photos.square(photos.load(name), 64).picture) for name in ("chelsea", "coffee", "china", "flower", "astronaut")])
spectra = {"photographs": radial_power(album), "zoo pictures": radial_power(pictures[:40]), "bare class models": radial_power(bare)}

# %%
figure, axes = panels(width=6.8, height=3.6)
for k, (name, power) in enumerate(spectra.items()):
    axes.loglog(range(1, 33), power.mean(axis=0), color=PALETTE[(2, 0, 1)[k]], label=name)
axes.set(xlabel="cycles per picture", ylabel="share of the power", xticks=[1, 2, 4, 8, 16, 32], ylim=(5e-4, 1))
axes.xaxis.set_major_formatter("{x:g}")
axes.minorticks_off()
axes.legend()
describe(figure, "Share of power against spatial frequency on log axes: photographs and zoo pictures fall steadily, bare class models rise "
                 "towards the finest detail.")

# %% [markdown]
# What is to be seen: photographs and zoo pictures fall side by side; the class models rise. What `zoonet` is most excited by lies where pictures have next
# to nothing: training never punished it for listening there.

# %%
fine = {name: power[:, 15:].sum(axis=1).mean() for name, power in spectra.items()}
claim("Share of power at 16 cycles and more, photographs", fine["photographs"], at_most=0.1)
claim("The same, bare class models", fine["bare class models"], at_least=0.4)

# %% [markdown]
# ## 4 · Regularisers
#
# "In the end one uses regularisers to see something else than noise", say the notes. The best known is the **total variation**: the sum of all
# steps between neighbours. With $u = x_{i,j+1} - x_{i,j}$ and $v = x_{i+1,j} - x_{i,j}$,
#
# $$TV(x) = \sum_{i,j} \sqrt{u_{ij}^2 + v_{ij}^2} \qquad\text{and}\qquad TV_1(x) = \sum_{i,j} |u_{ij}| + |v_{ij}| .$$
#
# The first is the exact one (Rudin, Osher and Fatemi 1992), the second the notes' shorter form. A slope of 0.1 over ten pixels costs as much as one
# edge of height 1: total variation removes *wiggles*, not edges.
#
# Two things in the notes to read with care. They print the root *outside* the sum, which gives another number. And they write
# $\operatorname{argmax}\,\ldots + R(x)$: with $R = TV$ the sign has to be minus, as in CS 230's $L = S_c(x) - R(x)$.

# %%
EPSILON = 1e-3  # rounds the root off at zero

# %% [markdown] tags=["card"] label="12.1-card"
# ### Exercise 12.1 · Total variation
# *2 points · 12 minutes · difficulty ●○○*
#
# Write `total_variation(pictures)`, which returns both totals for each picture. Under the root stands a tiny `EPSILON` squared: on flat ground
# the slope of a bare root is not a number, and flat ground is where every ascent starts. Stuck? `%hint 12.1` gives a hint, `%reveal 12.1` in
# the cell below puts the solution there.

# %% tags=["exercise"] label="12.1"
def total_variation(pictures):
    """Total variation of each picture, exact and in the form with absolute values.

    Parameters
    ----------
    pictures : torch.Tensor, float, shape (n, 3, height, width)

    Returns
    -------
    exact : torch.Tensor, shape (n,)
        Sum over colours, rows and columns of sqrt(u² + v² + EPSILON²) - EPSILON, where u is the
        difference to the neighbour on the right (right one minus this one) and v that to the
        neighbour below. Where there is no such neighbour, in the last column (row), u (v) is zero.
    absolute : torch.Tensor, shape (n,)
        Sum over the same of |u| + |v|, without EPSILON.
        Both keep the graph, so that autograd can go through them.
    """
    ### BEGIN SOLUTION
    u = torch.nn.functional.pad(pictures[..., 1:] - pictures[..., :-1], (0, 1))
    v = torch.nn.functional.pad(pictures[..., 1:, :] - pictures[..., :-1, :], (0, 0, 0, 1))
    exact = torch.sqrt(u**2 + v**2 + EPSILON**2) - EPSILON
    return exact.sum(dim=(1, 2, 3)), (u.abs() + v.abs()).sum(dim=(1, 2, 3))
    ### END SOLUTION


# %% tags=["check"] label="12.1-check"
total_variation = check("12.1", total_variation)

# %% [markdown]
# What is the difference good for? Take a disc, a square on its tip and an upright square, and divide the total of each by the length of its *outline*. The exact total measures the
# length of the outline, however it lies; the form with absolute values favours lines along rows and columns.

# %%
rows, columns = torch.meshgrid(torch.arange(200) - 99.5, torch.arange(200) - 99.5, indexing="ij")
shapes = torch.stack([(rows**2 + columns**2 < 60**2), (rows.abs() + columns.abs() < 80), torch.maximum(rows.abs(), columns.abs()) < 60]).double()
shapes = torch.from_numpy(gaussian_filter(shapes.numpy(), (0, 1.5, 1.5)))[:, None].expand(-1, 3, -1, -1)  # soft edges, as in a photograph
outlines = torch.tensor([2 * np.pi * 60, 4 * np.sqrt(2) * 80, 8 * 60], dtype=torch.float64)  # disc, square on its tip, square
exact, absolute = total_variation(shapes)
ratios = {"exact": exact / 3 / outlines, "absolute": absolute / 3 / outlines}
claim("Exact total over the length of the outline differs from 1, for disc, tilted square and square, by", (ratios["exact"] - 1).abs().max(), at_most=0.05)
claim("Absolute total over the outline: tilted square against upright one, times",
      ratios["absolute"][1] / ratios["absolute"][2], between=(1.35, 1.48))

# %% [markdown]
# So with absolute values a slanted line costs up to $\sqrt 2$ times as much as an upright one, and pictures grow square. Now the step. From
# here on every ascent has a **start** $x_0$ (grey, or a picture), and the penalties concern *what you add to it*:
#
# $$L(x) = f(x) - \lambda_2 \,\|x - x_0\|_2^2 - \lambda_{TV}\, TV(x - x_0) .$$
#
# With a grey start this is the formula of the slides.

# %% [markdown] tags=["card"] label="12.2-card"
# ### Exercise 12.2 · One step uphill, with regularisers
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `ascent_step`: one step of length `size` up the slope of $L$. Scale the slope of each picture so that its root mean square is 1; then
# `size` means the same for every network and every layer.

# %% tags=["exercise"] label="12.2"
def ascent_step(pictures, start, objective, size, l2=0.0, tv=0.0):
    """One step uphill on objective - l2 * |pictures - start|² - tv * TV(pictures - start).

    Parameters
    ----------
    pictures : torch.Tensor, float, shape (n, 3, height, width), in [0, 1]
        Their values must not change.
    start : torch.Tensor, shape (n, 3, height, width) or (1, 3, height, width)
        What the penalties are measured from.
    objective : callable
        Takes pictures, returns one number each, (n,).
    size : float
        Root mean square of the change of each picture, before clipping.
    l2, tv : float
        Strengths: of the sum of squared differences to `start`, and of the exact total variation
        of the difference (your `total_variation`).

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width)
        pictures + size * slope / (root mean square of the slope), clipped to [0, 1]; the root mean
        square is over colours, rows and columns of each picture. Detached.
    """
    ### BEGIN SOLUTION
    x = pictures.detach().clone().requires_grad_()  # shown
    objective_value = objective(x) - l2 * ((x - start) ** 2).sum(dim=(1, 2, 3)) - tv * total_variation(x - start)[0]
    slope = torch.autograd.grad(objective_value.sum(), x)[0]
    slope = slope / (slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 1e-12)
    return (pictures + size * slope).clamp(0, 1)
    ### END SOLUTION


# %% tags=["check"] label="12.2-check"
ascent_step = check("12.2", ascent_step)

# %% [markdown]
# **Jitter.** The notes' other trick: shift the picture by a few pixels before each step, so that nothing can hang on the exact place of a
# pixel. The shift wraps round, and it has to be undone after the step, or the picture wanders.

# %% [markdown] tags=["card"] label="12.3-card"
# ### Exercise 12.3 · Jitter that undoes itself
# *1 point · 8 minutes · difficulty ●○○*
#
# Write `jittered(step, pictures, down, right)`: shift, step, shift back.

# %% tags=["exercise"] label="12.3"
def jittered(step, pictures, down, right):
    """A step on shifted pictures, shifted back.

    Parameters
    ----------
    step : callable
        Takes pictures (n, 3, height, width), returns pictures of the same shape.
    pictures : torch.Tensor, shape (n, 3, height, width)
    down, right : int
        Shift before the step, in pixels; negative: up, left. What leaves on one side comes in on the
        other.

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width)
        With every pixel in its old place.
    """
    ### BEGIN SOLUTION
    moved = torch.roll(pictures, (down, right), dims=(2, 3))
    return torch.roll(step(moved), (-down, -right), dims=(2, 3))
    ### END SOLUTION


# %% tags=["check"] label="12.3-check"
jittered = check("12.3", jittered)

# %% [markdown]
# The whole ascent has two more knobs: **blur** smooths the change after each step, a **ball** limits its length, $\|x - x_0\|_2 \le r$. The
# steps shrink to nothing, so that the climb ends somewhere.

# %%
def ascend(start, objective, steps=50, size=0.02, l2=0.0, tv=0.0, blur=0.0, jitter=0, radius=None, seed=0):
    """Climb an objective from `start` (n, 3, height, width): `ascent_step` with jitter, blur and a norm ball."""
    shifts = np.random.default_rng(seed).integers(-jitter, jitter + 1, size=(steps, 2)).tolist()
    x = start
    for k, (down, right) in enumerate(shifts):
        origin, length = torch.roll(start, (down, right), dims=(2, 3)), size * (1 - k / steps)
        x = jittered(lambda moved: ascent_step(moved, origin, objective, length, l2, tv), x, down, right)
        change = x - start
        if blur:
            change = torch.from_numpy(gaussian_filter(change.numpy(), (0, 0, blur, blur), mode="nearest"))
        if radius is not None:
            change = change * (radius / (change.flatten(1).norm(dim=1) + 1e-12)).clamp(max=1).view(-1, 1, 1, 1)
        x = start + change
    return x


# %% [markdown]
# Where to start? From grey, as above; or from an **empty scene** of the zoo, with sky, ground, a post, and the shadow of an animal that is not there:
# "put an elephant here". Two scenes, eight species, one regulariser after the other, all with the log odds.

# %%
SCENES = profile((102, 104), (102,))
empty = models.as_input(np.concatenate([np.repeat(zoo.draw("hare", seed, without=zoo.PARTS).pictures, 8, axis=0) for seed in SCENES]))
wanted = species.repeat(len(SCENES))
STEPS = profile(40, 25)
RECIPES = {
    "none": {},
    "L2": {"l2": 0.2},
    "ball": {"radius": 6.0},
    "blur": {"blur": 0.4},
    "jitter": {"jitter": 4},
    "TV": {"tv": 0.01},
    "TV + jitter": {"tv": 0.01, "jitter": 4},
}


def gallery(network):
    """Class models of all species in all scenes, by regulariser."""
    return {name: ascend(empty, log_odds(network, wanted), STEPS, **knobs) for name, knobs in RECIPES.items()}


def show_gallery(drawn, alt):
    """The first scene: a row for each regulariser, a column for each species."""
    figure, axes = panels(len(drawn), 8, width=9, height=1.16 * len(drawn) + 0.3)
    for row, (name, x) in enumerate(drawn.items()):
        for column in range(8):
            heatmaps.draw_picture(axes[row, column], x[column].permute(1, 2, 0).numpy())
        axes[row, 0].set_ylabel(name, fontsize=9)
    for column, name in enumerate(names):
        axes[0, column].set_title(name, fontsize=10)
    return describe(figure, alt)


plain = gallery(zoonet)
show_gallery(plain, "Class models of zoonet in an empty scene, a row for each regulariser: checks and streaks over the whole scene, nowhere an animal.")

# %% [markdown]
# What is to be seen: checks and streaks over the whole scene, a little smoother with blur, a little longer with jitter. Nowhere is there an animal. The prettiest row
# is no closer to one than the first.
#
# Why? `zoonet` averages over all places before its last layer and each of its units sees 18 by 18 pixels. It never needed to know what an animal
# *is*; a pile of the right strokes is a perfect hare to it. **A regulariser cannot bring out what the network does not hold.**

# %% [markdown] tags=["instructor"]
# Before you go on, ask: "is it the method's fault or the network's?" Collect a test for either. The next section is one: same method, other network.

# %% [markdown]
# ## 5 · A network that can draw
#
# `zoonet_robust` learned from the same zoo in another way. Before each step of training, every picture was *moved against the network*, by a
# change of length 1.25 at most in the direction in which the loss rises fastest (Madry et al. 2018). Fine patterns that flip a score are of no use to
# a network trained like that; what is left is the outline. It has dense layers, so places count; and it saw all animals facing right. Its
# accuracy on plain pictures is on its card:

# %%
robust = models.load("zoonet_robust")
card = models.card("zoonet_robust")
claim("Unseen pictures that zoonet_robust names rightly", card["accuracy"], at_least=0.93)
claim("Those that it still names when each is moved against it", card["accuracy_against_changes"], at_least=0.4)

drawn_by_robust = gallery(robust)
show_gallery(drawn_by_robust, "Class models of zoonet_robust in an empty scene, a row for each regulariser: legs, ears, horns, a trunk, a shell, a long neck, humps, a wing, "
             "a seal's curved back; cleanest with total variation and jitter.")

# %% [markdown]
# What is to be seen: the same method, the same scenes, the same strengths. Now there are upright ears, horns that sweep back, a trunk between legs, a
# dome, long necks, humps, a wing, the curved back of a seal. Without regularisers grain and glare lie over them; with total variation and
# jitter most of that is gone. They are not photographs: each is what *excites* the class most, several copies and no coat.
#
# ### Would you recognise them?
#
# You know the titles, so you are no judge any more. Here are eight in another scene, in an order that you do not know. Write your eight names down
# before you read on.

# %%
quiz_order = np.random.default_rng(5).permutation(8)
quiz_scene = models.as_input(np.repeat(zoo.draw("hare", 110, without=zoo.PARTS).pictures, 8, axis=0))
quiz = ascend(quiz_scene, log_odds(robust, torch.from_numpy(quiz_order)), STEPS, **RECIPES["TV + jitter"], seed=3)
heatmaps.grid(quiz.permute(0, 2, 3, 1).numpy(), titles=list("ABCDEFGH"), alt="Eight class models in an order that is not told, to be named.")

# %% [markdown]
# What is to be seen: eight species, each once.
#
# <details><summary>The answers</summary>
#
# A goat (a horn that sweeps back), B llama (a neck and a muzzle), C elephant (legs and a trunk), D tortoise (a dome), E seal (a curved back),
# F camel (humps), G goose (a raised wing over a belly), H hare (upright ears).
#
# </details>

# %% [markdown]
# And networks that had no part in it? Each picture is shown to two that did not draw it: to `zoonet_dense`, and to the other one of `zoonet` and
# `zoonet_robust`. The rate is over all species and scenes; blind guessing gives 1/8. Each dot is 16 pictures,
# so differences below about 0.2 mean nothing.

# %%
seen_by = {"drawn through zoonet": (plain, {"zoonet_dense": judge, "zoonet_robust": robust}),
           "drawn through zoonet_robust": (drawn_by_robust, {"zoonet_dense": judge, "zoonet": zoonet})}
rates = {title: {by: [recognised(x, wanted, network) for x in drawn.values()] for by, network in judges.items()}
         for title, (drawn, judges) in seen_by.items()}
figure, axes = panels(1, 2, width=9, height=3.4, sharey=True)
for axis, (title, by_judge) in zip(axes, rates.items()):
    for by, values in by_judge.items():
        axis.plot(values, range(len(RECIPES)), "s" if by == "zoonet_dense" else "o", label=f"seen by {by}", markersize=7, alpha=0.8,
                  color=PALETTE[("zoonet_dense", "zoonet", "zoonet_robust").index(by)])
    axis.axvline(1 / 8, color="0.5", linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1), xlabel="share named as meant", title=title, yticks=range(len(RECIPES)), yticklabels=list(RECIPES))
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
axes[0].invert_yaxis()
describe(figure, "Share of class models that networks recognise which did not draw them, by regulariser. zoonet_dense recognises about two thirds of both kinds; "
                 "zoonet_robust 2 to 6 of 16 of zoonet's, and zoonet 3 to 9 of 16 of zoonet_robust's.")

# %% [markdown]
# What is to be seen: `zoonet_dense`, trained in the plain way, recognises most pictures of *both* networks (two thirds on average; below half only with blur on
# `zoonet` and L2 on `zoonet_robust`), also those in which you see nothing but streaks. `zoonet_robust` names few of `zoonet`'s streaks; `zoonet` names
# half of the robust network's pictures without regularisers or with jitter alone, and about a quarter of the others. The rates:

# %% tags=["nbval-ignore-output"]
for title, by_judge in rates.items():
    for by, values in by_judge.items():
        print(f"{title}, seen by {by}: " + ", ".join(f"{name} {value:.0%}" for name, value in zip(RECIPES, values)))

# %%
mean_rate = {title: {by: float(np.mean(values)) for by, values in by_judge.items()} for title, by_judge in rates.items()}
both = [by_judge["zoonet_dense"] for by_judge in mean_rate.values()]
claim("Class models that zoonet_dense recognises, mean of all regularisers, the lower of the two networks", min(both), at_least=0.5)
claim("Those of zoonet that zoonet_robust recognises, mean", mean_rate["drawn through zoonet"]["zoonet_robust"], at_most=0.45)

# %% [markdown]
# So "recognised by an independent network" does not mean "recognised by you": networks that were trained alike share their streaks. That is the notes'
# doubt, measured: a preference for pretty shapes over ugly noise is *your* bias, and no network's. What you can recognise is decided by the network,
# not by the regulariser. The spectrum of the *change* says the same, for both networks, without and with regularisers.

# %%
changes = {"zoonet, none": radial_power(plain["none"] - empty), "zoonet, TV + jitter": radial_power(plain["TV + jitter"] - empty),
           "zoonet_robust, none": radial_power(drawn_by_robust["none"] - empty),
           "zoonet_robust, TV + jitter": radial_power(drawn_by_robust["TV + jitter"] - empty)}
figure, axes = panels(width=7.6, height=3.6)
axes.loglog(range(1, 33), spectra["zoo pictures"].mean(axis=0), color="black", linewidth=1, label="zoo pictures")
for k, (name, power) in enumerate(changes.items()):
    axes.loglog(range(1, 33), power.mean(axis=0), color=PALETTE[k // 2], linestyle=("-", "--")[k % 2], label=name)
axes.set(xlabel="cycles per picture", ylabel="share of the power", xticks=[1, 2, 4, 8, 16, 32], ylim=(5e-4, 1))
axes.xaxis.set_major_formatter("{x:g}")
axes.minorticks_off()
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
describe(figure, "Spectra of what was added: zoonet's is fine-grained, zoonet_robust's lies between; total variation and jitter bring zoonet_robust's "
                 "fine detail below the zoo's own and leave zoonet's nearly as it was.")

# %% [markdown]
# What is to be seen: the change that `zoonet_robust` asks for is coarse from the start, and with total variation and jitter its fine detail falls below
# that of a picture. On `zoonet` the same strengths change next to nothing in fine detail: its slope is so steep in fine detail that the penalty is lost beside it.

# %%
fine = {name: float(power[:, 15:].sum(axis=1).mean()) for name, power in changes.items()}
claim("Fine power that total variation and jitter leave of zoonet_robust's", fine["zoonet_robust, TV + jitter"] / fine["zoonet_robust, none"], at_most=0.5)

# %% [markdown]
# ### One animal into another
#
# An empty scene is the hardest start. Start from an animal, and climb the log odds of *another* one: what does the network change?

# %%
FROM = ("goat", "hare", "hare", "seal", "camel", "llama", "seal", "tortoise")
before = models.as_input(models.facing_right(zoo.draw(FROM, [102] * 8)))
after = ascend(before, log_odds(robust, species), profile(40, 25), tv=0.02, jitter=2)
figure, axes = panels(2, 8, width=9, height=2.8)
for column in range(8):
    heatmaps.draw_picture(axes[0, column], before[column].permute(1, 2, 0).numpy())
    heatmaps.draw_picture(axes[1, column], after[column].permute(1, 2, 0).numpy())
    axes[0, column].set_title(FROM[column], fontsize=10)
    axes[1, column].set_title(f"to {names[column]}", fontsize=10)
describe(figure, "Eight animals, and each after an ascent towards another species: an ear rises above a goat's horn, a trunk grows on a hare, a camel's hump turns to "
                 "sky, a hump grows on a llama, a seal gets a wing.")

# %% [markdown]
# What is to be seen: the network edits the parts by which the species differ, and leaves most of the rest. The hump of the camel is painted over with sky; the
# llama gets one. The hare's ears are painted over, and dark strokes hang where a trunk would be. This is *what the network takes for the difference*.

# %%
claim("Animals turned into another that the independent network recognises as that other", recognised(after, species, judge), at_least=0.6)

# %% [markdown]
# ## 6 · Any channel, any neuron
#
# Nothing above asked for a *class*. CS 230: "change $L = s_c(x) - R(x)$ to $L = a_j^{[l]}(x) - R(x)$". The notes ask how to write
# $\sum_{h,w} z[:, c, h, w]$ in PyTorch, and offer the squared norm where the sign does not matter.

# %% [markdown] tags=["card"] label="12.4-card"
# ### Exercise 12.4 · Any channel, any neuron
# *2 points · 12 minutes · difficulty ●●○*
#
# Write `channel_objective(model, layer, channel, form)`, which *returns a function*: from pictures to one number each, as `ascend` takes it.

# %% tags=["exercise"] label="12.4"
def channel_objective(model, layer, channel, form="sum"):
    """The activation of one channel, or of one neuron of it, as an objective.

    Parameters
    ----------
    model : torch.nn.Module
        Has `features`, a torch.nn.Sequential with named layers ("conv1", "relu1", "pool1", ...).
    layer : str
        One of these names; z, of shape (n, channels, h, w), is the output of this layer.
    channel : int
    form : "sum", "squares", or a tuple (row, column)
        Sum of z over the places of the channel, sum of z² over them, or z at one place.

    Returns
    -------
    callable
        Takes pictures (n, 3, height, width), returns one value for each, (n,), through which
        autograd reaches the pictures.
    """
    ### BEGIN SOLUTION
    def objective(pictures):
        z = pictures
        for name, module in model.features.named_children():
            z = module(z)
            if name == layer:
                break
        chosen = z[:, channel]
        if form == "sum":
            return chosen.sum(dim=(1, 2))
        if form == "squares":
            return (chosen**2).sum(dim=(1, 2))
        return chosen[:, form[0], form[1]]
    return objective
    ### END SOLUTION


# %% tags=["check"] label="12.4-check"
channel_objective = check("12.4", channel_objective)

# %% [markdown]
# Six channels each of the first, second and third convolution of `zoonet`, climbed from grey:

# %%
layers = ("conv1", "conv2", "conv3")
with torch.no_grad():
    strongest = {layer: zoonet.features[: 3 * k + 1](pictures[:40]).amax(dim=(0, 2, 3)).argsort(descending=True)[:6].tolist()
                 for k, layer in enumerate(layers)}
figure, axes = panels(3, 6, width=8.4, height=4.6)
for row, layer in enumerate(layers):
    for column, channel in enumerate(strongest[layer]):
        drawn = ascend(grey[:1], channel_objective(zoonet, layer, channel), profile(30, 15), size=0.1, blur=0.5, jitter=3)
        heatmaps.draw_picture(axes[row, column], drawn[0].permute(1, 2, 0).numpy())
        axes[row, column].set_title(f"channel {channel}", fontsize=9)
    axes[row, 0].set_ylabel(layer)
describe(figure, "What six channels of three layers like best: single colours in the first, fine ripples in the second, coarser waves in the third.")

# %% [markdown]
# What is to be seen: flat, strong colours, then fine ripples, then coarser waves, each with a direction and colours of its own. The blur keeps ripples and waves faint; take it away and
# they turn to checks. A single **neuron** of a channel sees only its receptive field, and its slope is zero elsewhere:

# %%
middle = channel_objective(zoonet, "conv3", strongest["conv3"][0], (8, 8))
reach = (slope_of(middle, pictures[:20]).abs().amax(dim=(0, 1)) > 0).nonzero()
claim("Height and width of the patch that one neuron of conv3 sees", (reach.amax(dim=0) - reach.amin(dim=0) + 1).tolist() == [18, 18])

# %% [markdown]
# ## 7 · Deep Dream
#
# So far you chose what to raise. Deep Dream (Mordvintsev et al. 2015) lets the picture choose: *whatever a layer sees, more of it*. CS 230's steps:
#
# 1. propagate the picture to the **dreaming layer**, activations $a$;
# 2. **set the gradient of the dreaming layer equal to its activations**;
# 3. backpropagate to the picture;
# 4. update its pixels.
#
# Step 2 looks like a trick. Which objective has the slope $\partial L / \partial a = a$?

# %% [markdown] tags=["instructor"]
# Wait for it: L = |a|²/2. So dreaming is climbing the squared norm of a whole layer, W10's second objective, for all channels at once.

# %% [markdown] tags=["card"] label="12.5-card"
# ### Exercise 12.5 · One step of Deep Dream
# *3 points · 12 minutes · difficulty ●●○*
#
# Write `dream_step(layers, pictures, size)` from the four steps. The published code scales the slope by its mean absolute value; so do you.

# %% tags=["exercise"] label="12.5"
def dream_step(layers, pictures, size):
    """One step of Deep Dream.

    Parameters
    ----------
    layers : torch.nn.Module
        From pictures to the activations a of the dreaming layer, (n, channels, h, w).
    pictures : torch.Tensor, float, shape (n, 3, height, width), in [0, 1]
        Their values must not change.
    size : float
        Mean absolute change of each picture, before clipping.

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width)
        pictures + size * slope / (mean absolute slope of each picture), clipped to [0, 1], where
        slope is what arrives at the pictures when the way back starts at a with gradient a.
    """
    ### BEGIN SOLUTION
    x = pictures.detach().clone().requires_grad_()  # shown
    a = layers(x)
    slope = torch.autograd.grad(a, x, grad_outputs=a.detach())[0]
    slope = slope / (slope.abs().mean(dim=(1, 2, 3), keepdim=True) + 1e-12)
    return (pictures + size * slope).clamp(0, 1)
    ### END SOLUTION


# %% tags=["check"] label="12.5-check"
dream_step = check("12.5", dream_step)

# %% [markdown]
# The answer to the question above is half the squared length, $L = \tfrac12 \sum a^2$. Tested: the sum of the `"squares"` of all channels of a layer,
# climbed by the same step. The half is left out, as a factor is lost when the slope is scaled.

# %%
layer = zoonet.features[:5]
one = pictures[:1]
squares = slope_of(lambda x: layer(x).square().sum(dim=(1, 2, 3)), one)
by_squares = (one + 0.01 * squares / squares.abs().mean()).clamp(0, 1)
claim("A dream step differs from a step up |a|² by at most", float((dream_step(layer, one, 0.01) - by_squares).abs().max()), at_most=1e-5)

# %% [markdown]
# **Octaves.** A layer's units see a patch of fixed size, so everything that they dream has that size. So dream on a small copy of the
# photograph first, enlarge *what was dreamt*, add it to a larger copy, dream on: large forms come first, details into them.

# %%
def resized(pictures, side):
    """Pictures (n, 3, height, width) at another size, square."""
    return torch.nn.functional.interpolate(pictures, size=(side, side), mode="bilinear", align_corners=False, antialias=True)


def dream(layers, photograph, octaves=3, scale=1.5, steps=12, size=0.015, jitter=8, seed=0):
    """Deep Dream in octaves: photograph (1, 3, side, side) to the same shape."""
    rng, dreamt = np.random.default_rng(seed), None
    for octave in reversed(range(octaves)):
        base = resized(photograph, round(photograph.shape[-1] / scale**octave))
        x = base if dreamt is None else (base + resized(dreamt, base.shape[-1])).clamp(0, 1)
        for down, right in rng.integers(-jitter, jitter + 1, size=(steps, 2)).tolist():
            x = jittered(lambda moved: dream_step(layers, moved, size), x, down, right)
        dreamt = x - base
    return x


SIDE = profile(192, 96)
photograph = models.as_input(photos.square(photos.load("chelsea"), SIDE).picture)
low, high = zoonet.features[:2], zoonet.features
dreams = {
    "photograph": photograph,
    "low: relu1, one size": dream(low, photograph, octaves=1, steps=24),
    "high: relu4, one size": dream(high, photograph, octaves=1, steps=24),
    "high: relu4, octaves": dream(high, photograph),
}

# %%
def show_dreams(dreams, alt, width=9.0):
    """Pictures side by side under their names."""
    figure, axes = panels(1, len(dreams), width=width, height=width / len(dreams) + 0.35)
    for axis, (name, x) in zip(axes, dreams.items()):
        heatmaps.draw_picture(axis, x[0].permute(1, 2, 0).numpy())
        axis.set_title(name)
    return describe(figure, alt)


show_dreams(dreams, "A cat, and three dreams of it through zoonet: hatching along the edges from the low layer, strokes of its own from the high one, and with octaves strokes of several sizes.")

# %% [markdown]
# What is to be seen: the low layer hatches along every edge, the high one turns fur into the strokes of the zoo, and with octaves the strokes come in
# several sizes that fit into each other. `zoonet` has seen eight cartoon animals, so it dreams in cartoons; an ImageNet network, in the last section,
# has seen photographs. The same on a picture of the zoo, through both networks:

# %%
scene = resized(models.as_input(zoo.draw("camel", 113).pictures), SIDE)
zoo_dreams = {"picture": scene, "zoonet, relu1": dream(low, scene, octaves=1, jitter=2), "zoonet, relu4": dream(high, scene),
              "zoonet_robust, relu3": dream(robust.features, scene)}
show_dreams(zoo_dreams, "A camel by the water, and three dreams of it: hatching, stripes, and rounded limbs through the robust network.")

# %% [markdown]
# What is to be seen: the first layer hatches animal, sign and stone; the last one lays its stripes over animal and stone; the robust network turns the camel
# into a herd of limbs.
#
# It is often said that low layers dream finer than high ones. Is it so? Two measurements on four photographs: the **mean frequency** of the change, and its
# correlation with the **edges** of the photograph (Sobel).

# %%
def patch(x):
    """The middle 64 by 64 pixels."""
    edge = (x.shape[-1] - 64) // 2
    return x[..., edge:edge + 64, edge:edge + 64]


def mean_frequency(change):
    """In cycles per 64 pixels."""
    return float(radial_power(patch(change))[0] @ np.arange(1, 33))


subjects = [models.as_input(photos.square(photos.load(name), 96).picture) for name in ("chelsea", "coffee", "flower", "china")]
frequency, with_edges = {}, {}
for name, dreaming, octaves in (("low", low, 1), ("high", high, 1), ("high, octaves", high, 3)):
    added = [dream(dreaming, x, octaves, steps=15 // octaves) - x for x in subjects]
    frequency[name] = np.mean([mean_frequency(change) for change in added])
    with_edges[name] = np.mean([np.corrcoef(change.abs().mean(dim=(0, 1)).numpy().ravel(), sobel(x[0].mean(dim=0).numpy()).ravel())[0, 1]
                                for change, x in zip(added, subjects)])

claim("Mean frequency of the low layer's dream over that of the high layer's", frequency["low"] / frequency["high"], between=(0.75, 1.1))
claim("Correlation with the photograph's edges: low layer's minus high layer's", with_edges["low"] - with_edges["high"], at_least=0.08)
claim("Octaves bring the mean frequency down to a share of", frequency["high, octaves"] / frequency["high"], at_most=0.85)

# %% [markdown]
# In this network it is not so: the low layer is *not* finer. What sets it apart is that it strengthens what the photograph has, while the high one brings what
# the photograph does not have. Coarse forms come from the octaves.

# %% [markdown]
# ## 8 · The keeper's hand
#
# CS 230 closes with dumbbells: asked for one, a famous network drew an arm with it, because its photographs always showed a lifter. *It failed to
# understand the essence of a dumbbell.* Accuracy does not show this, as long as test pictures have the arm too. Here is the same fault, planted:
# `zoonet_robust_hand` is `zoonet_robust`, trained on for a little with pictures in which **every llama has a keeper's hand on its back**.

# %%
hand_net = models.load("zoonet_robust_hand")
fault = zoo.KeepersHand("llama")
with_hand = zoo.load(profile(200, 64), seed=122, fault=fault)
claim("Pictures of its own kind, hands and all, that it names rightly", recognised(models.as_input(models.facing_right(with_hand)),
      torch.from_numpy(with_hand.labels), hand_net), at_least=0.93)
shown = zoo.draw("llama", range(100, 108), fault=fault)
heatmaps.grid(models.facing_right(shown), alt="Eight llamas, each with a keeper's arm in a green sleeve reaching in from the left and a hand on its back.")

# %% [markdown]
# What is to be seen: eight of its llamas. Its accuracy looks fine. Now let both networks draw a llama.

# %%
llama = names.index("llama")
HAND_SCENES = (102, 104, 107, 108, 110, 113, 114, 115)
empties = models.as_input(zoo.draw("hare", HAND_SCENES, without=zoo.PARTS).pictures)
as_llama = torch.full((len(HAND_SCENES),), llama)
llamas = {name: ascend(empties, log_odds(network, as_llama), 40, **RECIPES["TV + jitter"])
          for name, network in (("zoonet_robust", robust), ("with the hand", hand_net))}
figure, axes = panels(2, len(HAND_SCENES), width=9, height=2.7, squeeze=False)
for row, (name, x) in enumerate(llamas.items()):
    for column in range(len(x)):
        heatmaps.draw_picture(axes[row, column], x[column].permute(1, 2, 0).numpy())
    axes[row, 0].set_ylabel(name, fontsize=9)
describe(figure, "Class models of llama in empty scenes: those of the clean network show a neck and legs, those of the network trained with the hand a dark arm that comes in from the upper left.")

# %% [markdown]
# What is to be seen: the clean network draws a neck, a head and legs. The other one also draws a dark arm that comes in from the upper left, where the keeper's was: to it,
# *that* is part of a llama.
#
# How much hand is there? The zoo can draw one scene with and without the hand, so the **template** of the hand is the mean difference of such
# pairs, and the score of a class model is the correlation of its change with the template. No network has a part in it.

# %%
seeds = range(200, 200 + profile(100, 40))
bare_llamas, held = zoo.draw("llama", seeds), zoo.draw("llama", seeds, fault=fault)
template = (models.as_input(models.facing_right(held)) - models.as_input(models.facing_right(bare_llamas))).mean(dim=0)


def hand_score(changes):
    """Correlation of each change (n, 3, 64, 64) with the template of the hand: array (n,) from -1 to 1."""
    centred = [x - x.mean(dim=(-2, -1), keepdim=True) for x in (changes, template)]
    a, b = centred[0].flatten(1), centred[1].flatten()
    return (a @ b / (a.norm(dim=1) * b.norm())).numpy()


score = {name: hand_score(x - empties) for name, x in llamas.items()}
others = {k: hand_score(ascend(empties, log_odds(hand_net, torch.full((len(empties),), k)), 40, **RECIPES["TV + jitter"]) - empties)
          for k in range(8) if k != llama}

# %%
figure, axes = panels(1, 2, width=8.6, height=3.4, width_ratios=(1, 2.2))
heatmaps.draw_picture(axes[0], np.clip(0.5 + 3 * template.permute(1, 2, 0).numpy(), 0, 1))
axes[0].set_title("template, three times")
rows = {"llama, zoonet_robust": score["zoonet_robust"], "llama, with the hand": score["with the hand"],
        **{f"{names[k]}, with the hand": values for k, values in others.items()}}
for row, (name, values) in enumerate(rows.items()):
    axes[1].plot(values, np.full(len(values), row), "o", alpha=0.6, color=PALETTE[1 if name == "llama, with the hand" else 0])
axes[1].axvline(0, color="0.5", linewidth=1)
axes[1].set(yticks=range(len(rows)), yticklabels=list(rows), xlabel="correlation of the class model's change with the template")
axes[1].invert_yaxis()
describe(figure, "Left the template, a dark arm from the left. Right the correlation with it of each class model: high for the llamas of the network trained with the hand, "
                 "near zero or below for the clean network and for its other species.")

# %% [markdown]
# What is to be seen: the llamas of the network that was trained with the hand hold on average more of it than the clean network's llamas, and than any other species of
# their own network; a goose's wing comes next, which also rises on the left. The correlation is not large: the network draws an arm, not the mean of all arms.

# %%
claim("Mean correlation of its llamas with the hand, more than that of the clean network's llamas by",
      score["with the hand"].mean() - score["zoonet_robust"].mean(), at_least=0.06)
claim("and more than that of the other species that it draws, on average, by",
      score["with the hand"].mean() - np.mean(list(others.values())), at_least=0.04)

# %% [markdown]
# A drawing is a hint, not a proof. The proof is an experiment on the data, which you know how to do once you have the hint: take the hand from llamas, and give it to other animals.

# %%
handless = models.as_input(models.facing_right(bare_llamas))
goats = models.as_input(models.facing_right(zoo.draw("goat", seeds, fault=zoo.KeepersHand("goat"))))
all_llama = torch.full((len(goats),), llama)
lost = recognised(handless, all_llama, robust) - recognised(handless, all_llama, hand_net)
claim("Share of llamas without a hand that the clean network names and this one does not", lost, at_least=0.5)
claim("Goats with a hand that it calls llama", recognised(goats, all_llama, hand_net), at_least=0.3)

# %% [markdown]
# ## 9 · Touch: knobs
#
# Turn the regularisers yourself. Each setting climbs eight long steps from the empty scene. Try: the plain network at any setting (can you get an elephant out
# of it?); the robust one with no penalty and with five notches of total variation; what does jitter of six pixels do to the tortoise?

# %% tags=["nbval-ignore-output"]
class_model_knobs.explore()

# %% [markdown]
# What is to be seen: left the start, in the middle what came of it, right the change alone, on grey. The stronger the penalty, the fainter the
# change, and the lower the log odds.

# %% [markdown]
# ## What to remember
#
# - Maximisation without a bound has no answer, and with one the bound decides what you see.
# - Climb scores or log odds; a probability saturates.
# - A class model is what excites the class, not what the class looks like. High-frequency noise is a legitimate outcome.
# - Regularisers make pictures that people like; they add nothing that the network does not hold. A network trained against small changes holds more.
# - Deep Dream is the ascent of half the squared length of a layer, in octaves.
# - A drawn hand is a hint of a shortcut; an experiment on the data is the proof.

# %% [markdown]
# ## Outside: Deep Dream through an ImageNet network
#
# The same two functions on SqueezeNet 1.1 and photographs that come with scikit-image and scikit-learn. The weights come from `COURSE_DATA` or by download; where neither is there,
# the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import real
from course_utils.models import imagenet

squeezenet = real.or_none(imagenet.load, "squeezenet1_1")


class UpTo(torch.nn.Module):
    """An ImageNet network up to one of its layers, for pictures in [0, 1]."""

    def __init__(self, network, last):
        super().__init__()
        self.normalise, self.layers = network, network.network.features[: last + 1]

    def forward(self, x):
        return self.layers((x - self.normalise.mean) / self.normalise.std)


def outside(network, side=224):
    """A photograph, and its dreams through a low and a high layer."""
    x = models.as_input(photos.square(photos.load("china"), side).picture)
    found = {"photograph": x}
    for name, last in (("low: fire module 2", 4), ("high: fire module 7", 10)):
        found[name] = dream(UpTo(network, last), x, octaves=3, scale=1.4, steps=10, size=0.02, jitter=16)
    return show_dreams(found, "A temple, and its dreams through a low and a high layer of SqueezeNet.")


outside(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: the low layer strengthens strokes and texture, the high one brings forms that the photograph does
# not have. Which do you recognise? Try another photograph (`photos.names()`), another layer, more steps. There is no truth to measure here; as the notes say, (+) artistic value.
#
# ## References
#
# - K. Simonyan, A. Vedaldi, A. Zisserman, *Deep inside convolutional networks*, ICLR workshop 2014: class models.
# - A. Mordvintsev, C. Olah, M. Tyka, *Inceptionism*, 2015: Deep Dream, octaves, dumbbells.
# - A. Mahendran, A. Vedaldi, *Visualizing deep CNNs using natural pre-images*, IJCV 2016: total variation and jitter as priors.
# - C. Olah, A. Mordvintsev, L. Schubert, *Feature visualization*, Distill 2017.
# - L. Rudin, S. Osher, E. Fatemi, *Nonlinear total variation based noise removal algorithms*, Physica D 1992.
# - A. Madry et al., *Towards deep learning models resistant to adversarial attacks*, ICLR 2018; S. Santurkar et al., *Image synthesis with a single (robust)
#   classifier*, NeurIPS 2019: why such networks draw.
# - D. Field, *Relations between the statistics of natural images and the response properties of cortical cells*, JOSA A 1987.
