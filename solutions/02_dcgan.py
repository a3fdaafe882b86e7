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
# # Lab 02 · DCGAN
#
# *CS 360, week 12 notes, section 1, and slides of April 16 · 6.874, recitation 5. About 120 minutes. Builds on lab 01; lab 03 builds
# on it.*
#
# A network that turns 100 random numbers into a picture of a digit has never been told what a digit is. It has an opponent: a second
# network that tries to tell its pictures from real ones. How do two networks teach each other to draw?
#
# You will be able to
#
# - **write** the losses of both players from logits, so that nothing overflows;
# - **build** a generator from a plan of shapes, with transposed convolutions;
# - **train** both in turn, and **say** what is detached and what is frozen;
# - **explain** why a discriminator that is too good stops its opponent, and which loss does not suffer;
# - **measure** what a generator draws: classes covered, clear pictures, copies.

# %%
import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from course_utils import models
from course_utils.adversarial import Players
from course_utils.datasets import glyphs, real
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, panels
from course_utils.plots.sheets import labelled_rows, sheet, sheets
from course_utils.settings import profile
from course_utils.widgets import latent_walk
from course_utils.widgets.live import LiveSheet

start("02")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 What is to be drawn 8 · 2 The game and its losses 22 (02.1, 02.2) · 3 The generator 20 (02.3) · 4 One step
# each 28 (02.4, 02.5) · 5 Training 15 · 6 Vanishing gradients 15 (02.6) · 7 Two right answers 8 · 8 Touch 4. Start the cell that trains
# before a break and let people watch it.
#
# Open with the question of the notes: 100 numbers in, 784 pixels out; "is that not something for nothing?" Collect answers, and come back
# to it after section 3.

# %% [markdown]
# ## 1 · What is to be drawn
#
# The pictures are `glyphs`: digits of 28 by 28 pixels as in MNIST, drawn from fonts with a slant, a weight, a size and an unsteady hand
# that vary. Two upright fonts without serifs are enough for a lab of two hours. In the closing section one word makes it MNIST.

# %%
train = glyphs.load(8000, seed=21, fonts=glyphs.PLAIN)
held_out = glyphs.load(1000, seed=22, fonts=glyphs.PLAIN)
pictures = models.as_grey(train.pictures)  # float32 (8000, 1, 28, 28): 0 is paper, 1 is ink

sheet(pictures[:64], 16, alt="64 glyphs: white digits on black, of varying slant, weight and size.")

# %% [markdown]
# What is to be seen: what the discriminator will be shown as real. Slant and weight change from digit to digit, the edges are uneven.

# %% [markdown]
# **A yardstick.** Whether a drawn digit can be read is a question for people. In their place stands a classifier, `glyphnet`, that has
# learnt the ten digits *and* to be unsure of blends of two digits, of shuffled pieces and of noise. `models.coverage` asks it about many
# pictures and returns
#
# - `sure`: the share of pictures to which it gives one class a probability of at least 0.9;
# - `covered`: how many of the ten classes at least one picture in a hundred shows so clearly;
# - `counts`: the number of pictures that show each class so clearly.
#
# A yardstick needs its own test: real digits it has not seen, averages of two of them, and noise.

# %%
blends = (models.as_grey(held_out.pictures[:500]) + models.as_grey(held_out.pictures[500:])) / 2
noise = torch.rand(500, 1, 28, 28, generator=torch.Generator().manual_seed(1))
for name, some in {"Unseen glyphs": held_out.pictures, "Averages of two glyphs": blends, "Noise": noise}.items():
    sure = models.coverage(some).sure
    claim(f"{name}: share of which the classifier is sure", sure, **({"at_least": 0.97} if name == "Unseen glyphs" else {"at_most": 0.25}))

# %% [markdown]
# ## 2 · A game of two players
#
# The **generator** $G$ turns latent numbers $z \sim \mathcal N(0, I)$, shape `(n, 100)`, into pictures $G(z)$. The **discriminator** $D$
# turns a picture $x$ into one number $D(x)$ between 0 and 1: its probability that $x$ is real. As in every lab, the network returns the
# number before the last squashing, the **logit** $a$, and $D = \sigma(a) = 1/(1 + e^{-a})$.
#
# The discriminator wants $D(x)$ large for real pictures and $D(G(z))$ small. Recitation 5 writes its loss as
#
# $$J^{(D)} = -\tfrac12\,\mathbb E_x \log D(x) \;-\; \tfrac12\,\mathbb E_z \log\big(1 - D(G(z))\big).$$
#
# Taken literally, these logarithms break as soon as the discriminator is sure:

# %%
for logit in (5.0, 20.0, 100.0):
    probability = torch.sigmoid(torch.tensor(logit))
    print(f"logit {logit:5}:  log(1 - D) = {torch.log(1 - probability).item():8.3f},  exactly {-np.logaddexp(0, logit):8.3f}")

# %% [markdown]
# In float32, $\sigma(20)$ is rounded to 1, and the logarithm of zero is minus infinity. One such picture, and all weights are NaN after
# the next step. The cure is algebra: $\log \sigma(a) = -\log(1 + e^{-a})$ and $1 - \sigma(a) = \sigma(-a)$. The function
# $\log(1 + e^{t})$ is called **softplus**, and torch computes it without overflow.

# %% [markdown] tags=["card"] label="02.1-card"
# ### Exercise 02.1 · The loss of the discriminator
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `discriminator_loss(real_logits, fake_logits)`, with both factors of one half. It is judged on logits of 100 as well, and on its
# gradients. Stuck? `%hint 02.1` gives a hint, `%reveal 02.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="02.1"
def discriminator_loss(real_logits, fake_logits):
    """Recitation 5's loss of the discriminator.

    Parameters
    ----------
    real_logits : torch.Tensor, float, shape (n,)
        Logits of real pictures, from about -100 to 100.
    fake_logits : torch.Tensor, float, shape (m,)
        Logits of generated pictures, more or fewer than the real ones.

    Returns
    -------
    torch.Tensor, shape ()
        Half the mean of -log D over the real ones plus half the mean of -log(1 - D) over the fakes,
        D being the sigmoid of the logit. Finite, and differentiable with the right slope also where
        the discriminator is surely wrong.
    """
    ### BEGIN SOLUTION
    return (functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()) / 2
    ### END SOLUTION


# %% tags=["check"] label="02.1-check"
discriminator_loss = check("02.1", discriminator_loss)

# %% [markdown]
# A discriminator that cannot tell anything says $D = \tfrac12$ to every picture. Then the loss is $\log 2$, the level to which it returns
# whenever the generator has caught up.

# %%
undecided = torch.zeros(8, dtype=torch.float64)
claim("Loss of a discriminator that always says one half, minus log 2", abs(float(discriminator_loss(undecided, undecided)) - np.log(2)), at_most=1e-9)

# %% [markdown]
# The generator knows real pictures only through its opponent. It can take one of two losses:
#
# $$J^{(G)}_{\text{minimax}} = +\tfrac12\,\mathbb E_z \log\big(1 - D(G(z))\big), \qquad
# J^{(G)}_{\text{non-saturating}} = -\tfrac12\,\mathbb E_z \log D(G(z)).$$
#
# The first makes it a **minimax** game: what one player gains, the other loses, and Algorithm 1 on the slide descends it. The second is the
# "modified" objective of the recitation. Both fall as $D(G(z))$ rises to 1. Section 6 shows why the difference matters.

# %% [markdown] tags=["card"] label="02.2-card"
# ### Exercise 02.2 · Two losses for the generator
# *2 points · 8 minutes · difficulty ●○○*
#
# Write `generator_losses(fake_logits)`, which returns both, the minimax loss first. Mind the signs: a generator descends both.

# %% tags=["exercise"] label="02.2"
def generator_losses(fake_logits):
    """The two losses of a generator.

    Parameters
    ----------
    fake_logits : torch.Tensor, float, shape (n,)
        The discriminator's logits of generated pictures, from about -100 to 100.

    Returns
    -------
    minimax : torch.Tensor, shape ()
        Half the mean of log(1 - D), D being the sigmoid of the logit.
    non_saturating : torch.Tensor, shape ()
        Half the mean of -log D.
        Both finite, and differentiable with the right slope for large logits.
    """
    ### BEGIN SOLUTION
    minimax = -functional.softplus(fake_logits).mean() / 2
    non_saturating = functional.softplus(-fake_logits).mean() / 2
    return minimax, non_saturating
    ### END SOLUTION


# %% tags=["check"] label="02.2-check"
generator_losses = check("02.2", generator_losses)

# %% [markdown] tags=["instructor"]
# Ask: "in `discriminator_loss`, which part does the generator influence?" Only the second; with the sign turned it is the minimax loss.
# Then: "who would descend `binary_cross_entropy_with_logits(fake_logits, ones)`?" The label is a wish, not a fact.

# %% [markdown]
# ## 3 · From 100 numbers to a picture
#
# The discriminator is a normal CNN: strided convolutions shrink the picture, a dense layer ends in one logit. The generator runs the
# film backwards. It starts with many small maps and ends with one large one; **transposed convolutions** (lab 01) enlarge the maps, and
# the number of channels falls. A transposed convolution with kernel $k$, stride $s$ and padding $p$ turns side $i$ into
#
# $$o = (i - 1)\,s + k - 2p .$$

# %%
PLAN = ((64, 4, 1, 0), (32, 3, 2, 1), (16, 4, 2, 1), (1, 4, 2, 1))  # channels, kernel, stride, padding

side = 1
print("100 latent numbers, as 100 maps of 1 x 1")
for channels, kernel, stride, padding in PLAN:
    side = (side - 1) * stride + kernel - 2 * padding
    print(f"{channels:3} map(s) of {side} x {side}: {channels * side**2:5} numbers")

# %% [markdown]
# DCGAN (Radford, Metz and Chintala, 2016) is a set of habits that made such networks trainable: no pooling; **batch norm** after each
# convolution, but not on the generator's output nor on the discriminator's input; ReLU in the generator, LeakyReLU in the discriminator.
# The generator's last layer here is a sigmoid, because pictures in this course go from 0 to 1; the paper takes tanh and pictures from
# -1 to 1, which is the same curve on another range.

# %% [markdown] tags=["card"] label="02.3-card"
# ### Exercise 02.3 · A generator from a plan of shapes
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `build_generator(latent, plan)`: for each row of the plan a transposed convolution, then batch norm and ReLU; after the last row
# only a sigmoid. The order of the layers counts, since the judge puts its own weights in.

# %% tags=["exercise"] label="02.3"
def build_generator(latent, plan):
    """A DCGAN generator.

    Parameters
    ----------
    latent : int
        Latent numbers; they come in as (n, latent, 1, 1).
    plan : sequence of (channels, kernel, stride, padding)
        One row for each transposed convolution: channels that come out, and its geometry.

    Returns
    -------
    torch.nn.Module
        Row by row nn.ConvTranspose2d without bias, nn.BatchNorm2d, nn.ReLU; for the last row
        nn.ConvTranspose2d with bias, nn.Sigmoid. Maps (n, latent, 1, 1) to pictures in [0, 1].
    """
    ### BEGIN SOLUTION
    layers, entrance = [], latent
    for number, (channels, kernel, stride, padding) in enumerate(plan, start=1):
        last = number == len(plan)
        layers.append(nn.ConvTranspose2d(entrance, channels, kernel, stride, padding, bias=last))
        layers.extend([nn.Sigmoid()] if last else [nn.BatchNorm2d(channels), nn.ReLU()])
        entrance = channels
    return nn.Sequential(*layers)
    ### END SOLUTION


# %% tags=["check"] label="02.3-check"
build_generator = check("02.3", build_generator)


# %%
LATENT = 100


def latent_numbers(n, coin):
    """Latent numbers (n, 100, 1, 1), standard normal, from a torch.Generator."""
    return torch.randn(n, LATENT, 1, 1, generator=coin)


def new_players(seed, plan=PLAN):
    """A fresh generator and discriminator with Adam for each, weights drawn as in the DCGAN paper."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, discriminator = build_generator(LATENT, plan), models.dcgan_discriminator()
        for layer in (*generator.modules(), *discriminator.modules()):
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(layer.weight, 0.0, 0.02)
    # beta1 = 0.5 as in the paper; higher rates and a shorter memory than there, for a short training
    adam = [torch.optim.Adam(player.parameters(), lr=4e-3, betas=(0.5, 0.99)) for player in (generator, discriminator)]
    return Players(generator, discriminator, *adam)


players = new_players(seed=0)
same_z = latent_numbers(64, torch.Generator().manual_seed(64))  # always the same 64 points, to watch them change
with torch.no_grad():
    untrained = players.generator(same_z)
claim("An untrained generator's pictures: share of which the classifier is sure", models.coverage(untrained).sure, at_most=0.02)

# %%
print(players.discriminator)

# %% [markdown]
# Is it "something for nothing", 784 pixels from 100 numbers? No: the pictures lie on a surface of 100 dimensions in the space of 784.
# Nothing can be drawn that is off this surface; training bends it until it runs through the digits.

# %% [markdown]
# ## 4 · One step of each player
#
# The players move in turn, and each may change only its own weights. But both losses are computed through *both* networks:
#
# | step | computed through | must change | must not change |
# |---|---|---|---|
# | discriminator | $z \to G \to D \to J^{(D)}$ and $x \to D \to J^{(D)}$ | $D$ | $G$: the fakes are **detached** |
# | generator | $z \to G \to D \to J^{(G)}$ | $G$ | $D$: its weights are **frozen**, but the gradient runs through it |
#
# `backward` *adds* to the gradients that are stored in `.grad`. What one player leaves behind in the other is added to that one's next
# step, unless somebody clears it: the classic silent mistake in this loop.
#
# `fake.detach()` has the same values as `fake`, and no way back to what made it. `network.requires_grad_(False)` freezes all weights of a
# network until `requires_grad_(True)` thaws them: no gradient is stored for them, yet it runs through to the network's input.
#
# `Players` holds four things by name: `generator`, `discriminator`, `generator_optimiser`, `discriminator_optimiser`.

# %% [markdown] tags=["card"] label="02.4-card"
# ### Exercise 02.4 · One step of the discriminator
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `discriminator_step(players, real, z)`. It is held against a step computed by hand, on players who have old gradients lying about.
# Real and generated pictures go through the discriminator one after the other, each as its own batch.

# %% tags=["exercise"] label="02.4"
def discriminator_step(players, real, z):
    """One step of the discriminator on one batch.

    Parameters
    ----------
    players : Players
        Its discriminator is changed by one step of its optimiser. The generator's weights and its
        stored gradients (`.grad`) stay as they are, and its parameters require gradients afterwards.
    real : torch.Tensor, shape (n, ...)
        Real pictures.
    z : torch.Tensor
        Latent numbers for as many fakes.

    Returns
    -------
    float
        `discriminator_loss` before the step, as a plain number. Gradients stored from earlier steps
        have no part in the step.
    """
    ### BEGIN SOLUTION
    fake = players.generator(z).detach()
    loss = discriminator_loss(players.discriminator(real), players.discriminator(fake))
    players.discriminator_optimiser.zero_grad()
    loss.backward()
    players.discriminator_optimiser.step()
    return loss.item()
    ### END SOLUTION


# %% tags=["check"] label="02.4-check"
discriminator_step = check("02.4", discriminator_step)

# %% [markdown] tags=["card"] label="02.5-card"
# ### Exercise 02.5 · One step of the generator
# *3 points · 15 minutes · difficulty ●●●*
#
# Write `generator_step(players, z)` with the **non-saturating** loss. Leave the discriminator as you found it: same weights, same stored
# gradients, and ready to learn again.

# %% tags=["exercise"] label="02.5"
def generator_step(players, z):
    """One step of the generator on one batch, with the non-saturating loss.

    Parameters
    ----------
    players : Players
        Its generator is changed by one step of its optimiser. The discriminator's weights and its
        stored gradients (`.grad`) stay as they are, and its parameters require gradients afterwards.
    z : torch.Tensor
        Latent numbers, shape (n, ...).

    Returns
    -------
    float
        The loss before the step, as a plain number. Gradients stored from earlier steps have no part
        in the step.
    """
    ### BEGIN SOLUTION
    players.discriminator.requires_grad_(False)
    _, loss = generator_losses(players.discriminator(players.generator(z)))
    players.discriminator.requires_grad_(True)
    players.generator_optimiser.zero_grad()
    loss.backward()
    players.generator_optimiser.step()
    return loss.item()
    ### END SOLUTION


# %% tags=["check"] label="02.5-check"
generator_step = check("02.5", generator_step)

# %% [markdown] tags=["instructor"]
# Ask for predictions before the check: "what happens without `detach`?" (Nothing visible: the generator's optimiser is not stepped, its
# gradients are only polluted, and its own `zero_grad` clears them. It costs time, and in a loop without `zero_grad` it is wrong.) "What if
# the fakes are detached in the generator's step?" (It never moves, and no error tells you, where old gradients are still stored.)

# %% [markdown]
# ## 5 · Algorithm 1
#
# Goodfellow et al. (2014), as on the slide: for each step of the generator, $k$ steps of the discriminator, each on fresh noise and fresh
# pictures. They used $k = 1$, "the least expensive option", and so do you (for a comparison, put a cell with
# `play(new_players(1), pictures, 60, k=5, watch=same_z)` below). The learning rates fall in a straight line to a hundredth, so that
# the players come to rest; the rest of the loop only keeps records.

# %%
def play(players, pictures, steps, k=1, batch=32, seed=0, watch=None):
    """Algorithm 1; a dict of records. `watch` are latent numbers whose pictures are shown while it runs."""
    coin = torch.Generator().manual_seed(seed)
    record = {"discriminator": [], "generator": [], "moments": [], "snapshots": []}
    moments = {round(steps * share) for share in (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)}
    optimisers = (players.generator_optimiser, players.discriminator_optimiser)
    rest = [torch.optim.lr_scheduler.LinearLR(one, 1.0, 0.01, total_iters=steps) for one in optimisers]

    with LiveSheet(steps) as live:
        for step in range(steps + 1):
            if watch is not None and (step in moments or live.due()):
                with torch.no_grad():
                    drawn = players.generator(watch)
                live.show(step, drawn)
                if step in moments:
                    record["moments"].append(step)
                    record["snapshots"].append(drawn)
            if step == steps:
                return record
            for _ in range(k):
                real_batch = pictures[torch.randint(len(pictures), (batch,), generator=coin)]
                loss = discriminator_step(players, real_batch, latent_numbers(batch, coin))
            record["discriminator"].append(loss)
            record["generator"].append(generator_step(players, latent_numbers(batch, coin)))
            for one in rest:
                one.step()


# %% [markdown]
# This is the cell to watch: it takes about half a minute to a minute, and shows the same 64 latent points again and again.

# %% tags=["nbval-ignore-output"]
STEPS = profile(1400, 150)
record = play(players, pictures, STEPS, watch=same_z)

# %% tags=["nbval-ignore-output"]
labelled_rows([(f"step {step}", drawn[:14]) for step, drawn in zip(record["moments"], record["snapshots"])],
              alt="Fourteen latent points at six moments of training: grey noise, blobs, strokes, and in the end digits.")

# %% [markdown]
# What is to be seen: each column is one latent point, from the first step above to the last below. Noise becomes blobs where digits have
# ink, then strokes, then digits.

# %% tags=["target", "nbval-ignore-output"] target="02.5"
samples_z = latent_numbers(1000, torch.Generator().manual_seed(7))
with torch.no_grad():
    samples = torch.cat([players.generator(z) for z in samples_z.split(250)])
sheet(samples[:96], 16, alt="96 generated pictures, more than half of them digits that can be read, some of them in between.")

# %% [markdown]
# What is to be seen: 96 pictures from fresh latent numbers. None is chosen. More than half can be read at a glance; some are caught between two
# digits, which a surface without tears can hardly avoid.

# %%
found = [models.coverage(drawn) for drawn in record["snapshots"]]
result = models.coverage(samples)
claim("Digits covered of ten", result.covered, at_least=7, needs_full=True)
claim("Share of the samples of which the classifier is sure", result.sure, at_least=0.25, needs_full=True)

# %% tags=["nbval-ignore-output"]
print("clear pictures of each digit, among 1,000:", result.counts.tolist(), f"({result.sure:.0%} sure; of unseen glyphs {models.coverage(held_out.pictures).sure:.0%})")

# %% [markdown]
# Read the counts. The training set has a tenth of each digit; the samples do not. Is there a digit that your generator hardly ever draws?
# Nothing in its loss minds, as long as what it does draw passes. That is the small beginning of **mode collapse**, of which the notes warn
# with a generator that draws nothing but threes; lab 03 is about it.

# %% [markdown]
# **What the curves say, and what they do not.** The losses of a GAN are not like the loss of a classifier: each is measured against an
# opponent who learns as well.

# %%
def smooth(values, width=25):
    """Mean over neighbouring steps."""
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


figure, (left, right) = panels(1, 2, width=9, height=3.4)
for name, colour in (("discriminator", PALETTE[0]), ("generator", PALETTE[1])):
    left.plot(smooth(record[name]), color=colour, label=name)
left.axhline(np.log(2), color=PALETTE[6], linestyle=":", linewidth=1, label="log 2: cannot tell")
left.axhline(np.log(2) / 2, color=PALETTE[6], linestyle="--", linewidth=1, label="half of it")
left.set(xlabel="step of the generator", ylabel="loss (mean of 25 steps)")
left.legend(fontsize=8)
right.plot(record["moments"], [one.covered / 10 for one in found], "s-", color=PALETTE[2], label="classes covered / 10")
right.plot(record["moments"], [one.sure for one in found], "o-", color=PALETTE[1], label="share of clear pictures")
right.set(xlabel="step of the generator", ylabel="share", ylim=(-0.03, 1.03))
right.legend(fontsize=8)
describe(figure, "Left the losses of both players over training: the generator's falls for some 400 steps and then rises slowly. Right the share of clear "
                 "pictures and the classes covered among the 64 watched points: both rise.")

# %% [markdown]
# What is to be seen: right, the pictures get better (64 pictures at each moment, so the points are rough). Left, the generator's
# loss falls during the first 400 steps only; from there on it *rises* while the pictures get better: the discriminator learns faster what
# to look for. Dotted and dashed are the losses of a discriminator and of its generator when the one cannot tell and says one half to everything.

# %%
middle, late = (np.mean(record["generator"][part]) for part in (slice(STEPS // 5, 2 * STEPS // 5), slice(-STEPS // 5, None)))
claim("The generator's loss in the last fifth of training, as a multiple of that in the second fifth", late / middle, at_least=1.05, needs_full=True)

# %% [markdown]
# **Does it copy?** A generator that had learnt its training pictures by heart would also score well. So look for the nearest training
# picture of each sample, by the length of the difference, and compare: how near is a *held-out* glyph, which nobody can have copied, to its
# nearest training picture?

# %%
def nearest(some, others):
    """Distance of each picture to the nearest of the others, and which one that is: (n,), (n,)."""
    distances = torch.cdist(some.flatten(1), others.flatten(1))
    return distances.min(dim=1)


sample_gap, sample_twin = nearest(samples, pictures)
real_gap, _ = nearest(models.as_grey(held_out.pictures), pictures)
clear = torch.from_numpy(models.class_probabilities(samples).max(axis=1) >= 0.9)
claim("Distance to the nearest training picture, samples against held-out glyphs (medians)", (sample_gap.median() / real_gap.median()).double(), at_least=0.9)
claim("Smallest such distance among 1,000 samples, against the median of held-out glyphs", (sample_gap.min() / real_gap.median()).double(), at_least=0.3)

# %% tags=["nbval-ignore-output"]
order = torch.argsort(sample_gap + 1e3 * ~clear)[:14]  # of the clear samples the fourteen nearest to a training picture: the worst case
labelled_rows([("sample", samples[order]), ("nearest glyph", pictures[sample_twin[order]]), ("difference", (samples[order] - pictures[sample_twin[order]]).abs())],
              alt="The fourteen clear samples that are nearest to a training picture, that picture, and the difference: outlines remain.")

# %% [markdown]
# What is to be seen: the *fourteen most suspicious* clear samples, their nearest training pictures, and the difference, which follows the
# outline of the digit: another slant, another weight. The generator has not stored pictures.

# %% [markdown]
# **With more time.** The same two networks, trained for four times as many steps and with the generator's weights averaged over the last
# few hundred of them, ship with the course as `glyphs_generator`.

# %%
patient = models.load("glyphs_generator")
with torch.no_grad():
    patient_samples = torch.cat([patient(z) for z in samples_z.split(250)])
patient_result = models.coverage(patient_samples)
claim("Trained for longer: digits covered of ten", patient_result.covered, at_least=10)
claim("Trained for longer: share of the samples of which the classifier is sure", patient_result.sure, at_least=0.6)

sheet(patient_samples[:48], 16, alt="48 pictures of the generator that was trained longer: nearly all are digits that can be read.")

# %% [markdown]
# What is to be seen: the same kind of pictures, cleaner. Among all 1,000 samples each of the ten digits occurs, though no clear 1 is among these
# 48. Seven in ten of the 1,000 satisfy a strict judge; the others still do not.

# %% [markdown] tags=["instructor"]
# Ask what `k` does before anybody tries it: type `play(new_players(1), pictures, 60, k=5)` and compare the discriminator's loss. A larger
# k buys a better judge at k times its price; section 6 says why too good a judge can be a bad teacher.

# %% [markdown]
# ## 6 · A judge who is too good
#
# "If the discriminator does a great job, the gradient of the loss function drops down to close to zero and the learning becomes super slow
# or even jammed" (recitation 5). Of *which* loss function? All that the generator learns passes through one number for each picture: the slope
# of its loss in the logit $a$ of that picture. The rest is the chain rule through $D$'s layers and $G$'s.

# %% [markdown] tags=["card"] label="02.6-card"
# ### Exercise 02.6 · The slope that reaches the generator
# *2 points · 10 minutes · difficulty ●●○*
#
# With pencil first: the derivative by $a$ of $\tfrac12\log(1 - \sigma(a))$ and of $-\tfrac12\log\sigma(a)$. Then write
# `logit_slopes(logits)`, without autograd, exact for large logits too.

# %% tags=["exercise"] label="02.6"
def logit_slopes(logits):
    """Slope of each sample's generator losses in its logit.

    Parameters
    ----------
    logits : ndarray, float64, shape (n,)
        Logits of generated pictures, from about -100 to 100.

    Returns
    -------
    minimax : ndarray, shape (n,)
        Derivative of log(1 - D) / 2 by the logit, for each sample by itself (no mean).
    non_saturating : ndarray, shape (n,)
        Derivative of -log(D) / 2 by the logit. Both right to nine digits, also where they are tiny.
    """
    ### BEGIN SOLUTION
    from scipy.special import expit

    return -expit(logits) / 2, -expit(-logits) / 2
    ### END SOLUTION


# %% tags=["check"] label="02.6-check"
logit_slopes = check("02.6", logit_slopes)

# %% tags=["target"] target="02.6"
logits = np.linspace(-8, 8, 201)
figure, (left, right) = panels(1, 2, width=9, height=3.4)
for name, slope, colour in zip(("minimax", "non-saturating"), logit_slopes(logits), (PALETTE[0], PALETTE[1])):
    left.plot(1 / (1 + np.exp(-logits)), -slope, color=colour, label=name)
    right.semilogy(logits, -slope, color=colour, label=name)
left.set(xlabel="D(G(z)): belief that the picture is real", ylabel="steepness in the logit")
right.set(xlabel="logit of the picture", ylabel="steepness in the logit")
left.legend()
describe(figure, "Steepness of both losses in the logit, against the discriminator's belief and against the logit. The minimax loss is flat where the "
                 "picture is surely found out, the other is steepest there.")

# %% [markdown]
# What is to be seen: a generator whose pictures everybody sees through stands at the left end of each chart. There the
# minimax loss is flat (it **saturates**), and the non-saturating one is steepest. The two add up to one half.

# %% [markdown]
# Now with real networks. The generator is held still, untrained, while a fresh discriminator trains against it alone; after every few
# steps measure the length of the gradient that *would* reach the generator's weights, for both losses.

# %%
def gradient_lengths(players, z):
    """Length of the gradient in the generator's weights for both losses, and the mean logit of the fakes."""
    fake_logits = players.discriminator(players.generator(z))
    weights = list(players.generator.parameters())
    lengths = [torch.cat([slope.flatten() for slope in torch.autograd.grad(loss, weights, retain_graph=True)]).norm().item()
               for loss in generator_losses(fake_logits)]
    return (*lengths, fake_logits.mean().item())


judge = new_players(seed=5)
coin = torch.Generator().manual_seed(5)
probe = latent_numbers(64, coin)
rows = [gradient_lengths(judge, probe)]
for step in range(1, 81):
    real_batch = pictures[torch.randint(len(pictures), (32,), generator=coin)]
    discriminator_step(judge, real_batch, latent_numbers(32, coin))
    if step % 5 == 0:
        rows.append(gradient_lengths(judge, probe))
minimax, non_saturating, mean_logit = np.array(rows).T

# %%
figure, (left, right) = panels(1, 2, width=9, height=3.5)
for name, lengths, colour in (("minimax", minimax, PALETTE[0]), ("non-saturating", non_saturating, PALETTE[1])):
    left.semilogy(5 * np.arange(len(rows)), lengths, "o-", color=colour, label=name)
left.set(xlabel="steps of the discriminator alone", ylabel="length of the generator's gradient")
left.legend(loc="center right")
span = np.array([mean_logit.min(), mean_logit.max()])
right.semilogy(span, np.divide(*logit_slopes(span)), color=PALETTE[6], linewidth=1, label="your slopes: minimax / non-saturating")
right.semilogy(mean_logit, minimax / non_saturating, "o", color=PALETTE[2], label="measured, all weights")
right.set(xlabel="mean logit of the generated pictures", ylabel="ratio of the two lengths")
right.legend()
describe(figure, "Left the length of the gradient in the generator's weights against the discriminator's training: of the minimax loss it falls by "
                 "orders of magnitude, of the non-saturating loss it does not. Right the ratio of both against the mean logit: the measured points lie "
                 "on the line of the formula.")

# %% [markdown]
# What is to be seen: left, the better the judge, the less of the minimax loss reaches the generator. The non-saturating gradient does not die: at
# the same moment, through the same networks; only the factor in front of each picture differs. Right, that factor explains it all: the ratio of
# the measured gradients, over all weights of the generator, lies on the line that your two slopes draw.

# %%
claim("From the start to a sure discriminator, the minimax gradient shrinks by a factor of", minimax[0] / minimax[-1], at_least=50)
claim("The logarithm of the measured ratio and the mean logit part by at most", np.abs(np.log(minimax / non_saturating) - mean_logit).max(), at_most=1)

# %% [markdown]
# **The trap: the perfect discriminator.** "First train the judge until it is perfect, then the generator gets the best advice." Try it: from the
# judge above, which stays as it is, let two copies of the generator take plain gradient steps, one on each loss. (Plain, because Adam divides
# each gradient by its usual size, which hides a small one until rounding takes over.)

# %%
def advised(which, steps=40, lr=0.05):
    """Mean logit of the fakes, step by step, for a copy of the generator that descends one of its two losses."""
    pupil = copy.deepcopy(judge.generator)
    weights, way = list(pupil.parameters()), []
    for _ in range(steps):
        fake_logits = judge.discriminator(pupil(probe))
        way.append(fake_logits.mean().item())
        slopes = torch.autograd.grad(generator_losses(fake_logits)[which], weights)
        with torch.no_grad():
            for weight, slope in zip(weights, slopes):
                weight -= lr * slope
    return np.array(way)


ways = {"minimax": advised(0), "non-saturating": advised(1)}
gain = {name: way[-1] - way[0] for name, way in ways.items()}

# %%
figure, axes = panels(width=6.5, height=3.2)
for (name, way), colour in zip(ways.items(), (PALETTE[0], PALETTE[1])):
    axes.plot(way, color=colour, label=name)
axes.axhline(0, color=PALETTE[6], linestyle=":", linewidth=1)
axes.set(xlabel="plain gradient steps of the generator", ylabel="mean logit of its pictures")
axes.legend(loc="center right", bbox_to_anchor=(1, 0.3))
describe(figure, "Mean logit of the generated pictures over plain gradient steps before a fixed, sure judge: on the minimax loss it stays where it "
                 "was, on the non-saturating loss it rises.")

# %% [markdown]
# What is to be seen: the dotted line is where the judge is undecided. On the minimax loss the generator stands still, on the other it climbs.

# %%
claim("Before a sure judge, the non-saturating loss raises the mean logit by", gain["non-saturating"], at_least=1)
claim("The minimax loss raises it by this share of that", gain["minimax"] / gain["non-saturating"], at_most=0.1)

# %% [markdown]
# The non-saturating loss cures the factor, not everything: what comes through such a judge is a direction that fools *this* judge. Lab 03
# asks what else goes wrong, and builds seven fixes.

# %% [markdown] tags=["instructor"]
# Ask where the other factor is: "slope in D times slope of the sigmoid". By itself log(1 - D) is not flat at D = 0, its slope is -1; it is the
# sigmoid that is flat. Draw σ and its tangent at a = -6.

# %% [markdown]
# ## 7 · Two right answers: squared error against an opponent
#
# Why an opponent at all? Why not ask for a small squared error? Recitation 5 shows predicted frames of a film: the mean squared error gives a
# blur, the adversarial loss a sharp picture. Here is the smallest film with that property: a digit that will move three pixels, to the **left or to the
# right**, with equal chance. The frame before does not say which.

# %%
frames = functional.avg_pool2d(pictures, 2)  # 14 x 14 pixels will do
held_frames = functional.avg_pool2d(models.as_grey(held_out.pictures[:200]), 2)


def futures(frames):
    """Both possible next frames: (2, n, 1, 14, 14), left first."""
    return torch.stack([torch.roll(frames, shift, dims=3) for shift in (-3, 3)])


class Forecast(nn.Module):
    """From a frame and a sheet of noise, (n, 2, 14, 14), to the pair of frame and predicted next frame, of the same shape."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 16, 5, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 16, 5, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid())

    def forward(self, given):
        return torch.cat([given[:, :1], self.body(given)], dim=1)


def with_noise(frames, coin):
    """Frame and noise, (n, 2, 14, 14): one number for each frame, the same at every pixel."""
    return torch.cat([frames, torch.randn(len(frames), 1, 1, 1, generator=coin).expand_as(frames)], dim=1)


# %% [markdown]
# The steps of section 4 serve as they are: the "latent numbers" are now frame and noise, the "picture" is the pair of frames, so that the
# discriminator judges whether the second can follow the first. The other predictor descends the squared error.

# %%
def film_players(seed):
    """A forecaster and a judge of pairs of frames."""
    torch.manual_seed(seed)
    forecast = Forecast()
    judge_of_pairs = nn.Sequential(
        nn.Conv2d(2, 24, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(32 * 16, 1), nn.Flatten(0))
    adam = [torch.optim.Adam(one.parameters(), lr=1e-3, betas=(0.5, 0.99)) for one in (forecast, judge_of_pairs)]
    return Players(forecast, judge_of_pairs, *adam)


def forecasts(steps, seed=0):
    """Two trained predictors, one by squared error and one by an opponent, on the same films."""
    coin = torch.Generator().manual_seed(seed)
    film, plain = film_players(seed), Forecast()
    descend = torch.optim.Adam(plain.parameters(), lr=2e-3)
    for _ in range(steps):
        now = frames[torch.randint(len(frames), (32,), generator=coin)]
        side = torch.randint(2, (32,), generator=coin)
        following = futures(now)[side, torch.arange(32)]
        given = with_noise(now, coin)
        discriminator_step(film, torch.cat([now, following], dim=1), given)
        generator_step(film, with_noise(now, coin))
        descend.zero_grad()
        functional.mse_loss(plain(given)[:, 1:], following).backward()
        descend.step()
    return {"squared error": plain, "opponent": film.generator}


FILM_STEPS = profile(350, 60)
predictors = forecasts(FILM_STEPS)

# %%
def judged(predictor, frames, seed=3):
    """Predictions, their distance to the nearest possible future (as a share of its length), and whether that is the left one."""
    with torch.no_grad():
        predicted = predictor(with_noise(frames, torch.Generator().manual_seed(seed)))[:, 1:]
    both = futures(frames)
    gaps = (predicted - both).flatten(2).norm(dim=2) / both.flatten(2).norm(dim=2)
    return predicted, gaps.min(dim=0).values.double().numpy(), (gaps[0] < gaps[1]).numpy()


verdicts = {name: judged(predictor, held_frames) for name, predictor in predictors.items()}
average = futures(held_frames).mean(dim=0)
left_future, right_future = futures(held_frames)
labelled_rows([("frame", held_frames[:14]), ("left future", left_future[:14]), ("right future", right_future[:14]),
               ("squared error", verdicts["squared error"][0][:14]), ("opponent", verdicts["opponent"][0][:14])],
              alt="Fourteen frames, their two possible futures, and two predictions: the squared error shows both futures at half strength, "
                  "the opponent one of them.")

# %% [markdown]
# What is to be seen: the squared error answers with *both* futures at half strength, a picture that never occurs. The opponent has it choose:
# here left, there right. No judge would take two half digits for a frame of the film.

# %%
gap = {name: float(np.mean(verdict[1])) for name, verdict in verdicts.items()}
to_average = (verdicts["squared error"][0] - average).flatten(1).norm(dim=1) / average.flatten(1).norm(dim=1)
claim("Squared error: distance to the nearest possible future", gap["squared error"], at_least=0.4)
claim("Squared error: distance to the average of the two futures", to_average.mean().double(), at_most=0.25, needs_full=True)
claim("Opponent: distance to the nearest possible future, as a share of that", gap["opponent"] / gap["squared error"], at_most=0.7, needs_full=True)
claim("Opponent: share of the digits that it moves to the left", verdicts["opponent"][2].mean(), between=(0.1, 0.9), needs_full=True)

# %% [markdown]
# It is not that the squared error was trained badly: the average *is* the best answer to it, since the mean minimises a sum of squares. Ask
# for what you want: the expected picture, or a picture that could be.

# %% [markdown]
# ## 8 · Touch: a walk through the latent space
#
# Choose two latent points and a stop on the way between them. Try: where does one digit turn into another? Are there stops at which nobody
# could say what it is? Compare the two paths: the straight line passes through latent numbers that are shorter than any drawn in training.

# %% tags=["nbval-ignore-output"]
latent_walk.explore(players.generator)

# %% [markdown]
# What is to be seen: the way from one digit to another, without jumps, since the generator is a continuous function. Between digits it cannot but
# pass through pictures that are neither. `latent_walk.explore()` takes a generator that was trained longer.

# %% [markdown]
# ## What to remember
#
# - The discriminator is a normal CNN, the generator runs it backwards: channels fall, maps grow.
# - Losses are computed from logits: softplus does not overflow, a logarithm of a sigmoid does.
# - In the discriminator's step the fakes are detached; in the generator's step the discriminator is frozen and the gradient runs through it.
# - Whoever is sure passes nothing on through log(1 - D); -log D keeps the slope.
# - The losses of a GAN do not measure its pictures. Count classes, count clear pictures, look for copies, look.
# - Squared error answers an ambiguous question with the average of all answers.

# %% [markdown]
# ## Outside: MNIST and Fashion-MNIST
#
# The same code on handwritten digits and on clothes: another set is another word. They come from `COURSE_DATA` or by download; where neither
# is to be had, the cell says so and the lab ends here. Four hundred steps on each give a first impression; raise the number when you have time.

# %% tags=["nbval-ignore-output"]
real_sets = {"MNIST": real.or_none(real.mnist), "Fashion-MNIST": real.or_none(real.fashion_mnist)}

# %% tags=["nbval-ignore-output"]
OUTSIDE_STEPS = profile(400, 20)


def first_impression(data):
    """What a fresh generator draws at the watched points after a few hundred steps on a data set: (64, 1, 28, 28)."""
    fresh = new_players(seed=0)
    play(fresh, models.as_grey(data.pictures[:20_000]), OUTSIDE_STEPS, watch=same_z)
    with torch.no_grad():
        return fresh.generator(same_z)


drawn = {name: first_impression(data) for name, data in real_sets.items() if data is not None}
sheets(drawn, 8, alt="64 generated pictures of each real set that was found.") if drawn else None

# %% [markdown]
# What is to be seen, where the sets were found: strokes of a pen, some of them digits already, and clothes, whose outlines come before their
# patterns. The fine grid on the clothes is the checkerboard of lab 01. Which of the ten kinds do you find? Is `glyphnet` a fair judge of
# handwriting?
#
# ## References
#
# - I. Goodfellow et al., *Generative adversarial nets*, NIPS 2014: Algorithm 1, the minimax game, and the remark on saturation.
# - A. Radford, L. Metz, S. Chintala, *Unsupervised representation learning with deep convolutional generative adversarial networks*, ICLR 2016.
# - M. Arjovsky, L. Bottou, *Towards principled methods for training generative adversarial networks*, ICLR 2017: why the gradient vanishes.
# - M. Mathieu, C. Couprie, Y. LeCun, *Deep multi-scale video prediction beyond mean square error*, ICLR 2016: the blurred film.
# - D. Hendrycks, M. Mazeika, T. Dietterich, *Deep anomaly detection with outlier exposure*, ICLR 2019: how the yardstick learnt to be unsure.
