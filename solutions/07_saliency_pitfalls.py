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
# # Lab 07 · Saliency and its pitfalls
#
# *CS 360, week 12 notes, 2.2, and slides of April 16, figure 1 · 50.039, week 10, section 2. About 110 minutes. Builds on lab 06.*
#
# In lab 06 the maps looked right. A map can look right and say nothing about the network: the CS 360 slide shows an edge detector, which
# has never met a network, beside saliency maps that it could be taken for. How would you notice? And once you trust a map, what can it
# find that a test score hides?
#
# You will be able to
#
# - **tell** what a score is sensitive to from what made it;
# - **compare** two heat maps by number, and **say** how such numbers are fooled;
# - **test** whether a method listens to the network, by making the network random layer by layer;
# - **find** a classifier's planted shortcut by maps, by intervention and by slices, and **cure** it.

# %%
import copy
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import LRP, Deconvolution, GuidedBackprop, InputXGradient, IntegratedGradients, LayerGradCam, Saliency
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from matplotlib.patches import Rectangle
from scipy import ndimage
from scipy.stats import rankdata
from skimage.metrics import structural_similarity
from torch import nn
from tqdm import tqdm

from course_utils import models, scoring
from course_utils.datasets import photos, real, zoo
from course_utils.models import imagenet
from course_utils.notebook import check, claim, start, timing
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.plots.scores import dots
from course_utils.settings import profile
from course_utils.training import fit
from course_utils.widgets import cascade as cascade_touch

warnings.filterwarnings("ignore", message="Setting backward hooks")  # Captum says so at every guided backprop
start("07")

# %% [markdown] tags=["instructor"]
# **Plan, 110 minutes:** 1 Sensitive or contributing 12 · 2 Edge detector 15 (07.1) · 3 Similarity 18 (07.2) · 4 Cascade 25 (07.3) ·
# 5 Random labels 5 · 6 Fooled measures 5 · 7 Careless test 5 · 8 Clever Hans 20 (07.4) · 9 Slices 5. Touch and outside for the break. If time
# is short: 07.2 as homework.
#
# Open with figure 1 of the CS 360 slide on the projector, captions covered: which row is the edge detector? Vote.

# %% [markdown]
# ## 1 · Most sensitive is not most contributing
#
# Section 2 of the 50.039 notes warns: the gradient does *not* say which pixels contribute most to a prediction, it says to which pixels
# the prediction is most sensitive. In one dimension you see why. Let $x$ be how much of the horns is visible, and
# $S(x) = 5 / (1 + e^{-12 (x - 0.4)})$ the score for goat.

# %%
visible = np.linspace(0, 1, 201)
score = 5 / (1 + np.exp(-12 * (visible - 0.4)))
slope = np.gradient(score, visible)
top, steepest = score.argmax(), slope.argmax()

figure, axes = panels(1, 2, width=9, height=3.0)
for axis, values, label in zip(axes, (score, slope), ("score $S(x)$", "slope $dS/dx$")):
    axis.plot(visible, values, color=PALETTE[0])
    for place, colour, name in ((top, PALETTE[1], "highest value"), (steepest, PALETTE[2], "highest slope")):
        axis.plot(visible[place], values[place], "o", color=colour, markersize=10, label=name)
    axis.set(xlabel="share of the horns that is visible", ylabel=label)
axes[1].legend()
describe(figure, "A score that rises to a plateau, and its slope. Where the score is highest the slope is nearly zero; the slope is "
                 "highest half way up.")

# %% [markdown]
# What is to be seen: with all of the horns in view (orange) they have earned the goat its whole score, and the slope is almost zero: a
# little more or less of them changes nothing. The slope peaks (green) where the network is in doubt.

# %%
claim("At the highest value the slope is at most this share of the highest slope", slope[top] / slope[steepest], at_most=0.05)

# %% [markdown]
# The same on a picture, with a truth that you plant. Take a network of two evidences: the mean brightness $m_A$ of the animal, which
# saturates, and the mean brightness $m_B$ of a patch of the sky,
#
# $$S(I) = 5\,\min\!\big(m_A / \theta, 1\big) + m_B, \qquad \theta = \tfrac12 m_A(I_0),$$
#
# with $I_0$ the goat below, so that $\theta$ is a fixed number.
#
# What each contributes can be told by taking it away (painting it black).

# %%
goat = zoo.draw("goat", 21)
goat_x = models.as_input(goat.pictures)                                            # (1, 3, 64, 64)
animal, sky = torch.from_numpy(goat.masks[0]), torch.zeros(64, 64, dtype=torch.bool)
sky[4:14, 46:60] = True
theta = 0.5 * goat_x[0, :, animal].mean()


def planted_score(pictures):
    """The formula above: scores (n, 1)."""
    a, b = (pictures[:, :, part].mean((1, 2)) for part in (animal, sky))
    return (5 * (a / theta).clamp(max=1) + b)[:, None]


without = {name: torch.where(part, 0.0, goat_x) for name, part in (("animal", animal), ("sky patch", sky))}
lost = {name: (planted_score(goat_x) - planted_score(picture)).item() for name, picture in without.items()}
gradient_map = Saliency(planted_score).attribute(goat_x.clone().requires_grad_(), target=0).detach().sum(1).numpy()
integrated_map = IntegratedGradients(planted_score).attribute(goat_x, target=0, n_steps=64, method="riemann_middle").sum(1).abs().numpy()
heatmaps.grid([goat.pictures[0]] * 2, np.concatenate([gradient_map, integrated_map]), ["gradient", "integrated gradients"], width=5,
              label="map", alt="The goat twice; below, the gradient is bright in a patch of sky only, integrated gradients on the animal.")

# %% [markdown]
# What is to be seen: the gradient sees the sky patch alone, because the animal's evidence is saturated. Integrated gradients (lab 09), which
# add up slopes on the way from a black picture to this one, see the animal.

# %%
share = lost["animal"] / sum(lost.values())
claim("The animal's share of the score that is lost when animal and patch are taken away", share, at_least=0.8)
claim("Share of the gradient on the animal", scoring.mass_in_mask(gradient_map, goat.masks)[0], at_most=0.01)
claim("Integrated gradients' share on the animal differs from that share by",
      abs(scoring.mass_in_mask(integrated_map, goat.masks)[0] - share), at_most=0.02)

# %% [markdown]
# And the network of the zoo? Cut pictures into 64 squares of 8 by 8 pixels. Sensitivity of a square: length of its gradient. Contribution:
# how far the score of the true species falls when the square is blurred away.

# %%
N = profile(full=24, fast=12)
zoonet = models.load("zoonet")
animals = zoo.load(N, seed=707)
x, y = models.as_input(animals.pictures), torch.from_numpy(animals.labels)
every = torch.arange(N)
blurred = torch.from_numpy(ndimage.gaussian_filter(x.numpy(), (0, 0, 8, 8)))

slopes = Saliency(zoonet).attribute(x.clone().requires_grad_(), y, abs=False).detach()
sensitivity = slopes.pow(2).sum(1).reshape(N, 8, 8, 8, 8).sum((2, 4)).sqrt().reshape(N, 64)
squares = torch.eye(64, dtype=torch.bool).view(64, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)   # (64, 64, 64)
with torch.no_grad():
    score = zoonet(x)[every, y]
    fall = torch.stack([score - zoonet(torch.where(square, blurred, x))[every, y] for square in squares], dim=1)   # (N, 64)

# %%
four = [int(np.flatnonzero(animals.labels == k)[0]) for k in (0, 1, 3, 5)]
heatmaps.grid(animals.pictures[four], {"sensitivity": sensitivity[four].view(4, 8, 8), "contribution": fall[four].view(4, 8, 8)},
              [zoo.SPECIES[animals.labels[i]] for i in four], width=7,
              alt="Four animals, below each the sensitivity of 64 squares and the fall of the score when a square is blurred: related, "
                  "but the brightest squares often differ.")

# %% [markdown]
# What is to be seen: the two maps are relatives, not twins. Contribution has a sign (blue: the score *rises* without the square).

# %%
claim("Share of pictures in which the most sensitive square is also the most contributing one",
      (sensitivity.argmax(1) == fall.argmax(1)).double().mean(), at_most=0.6)

# %% [markdown] tags=["instructor"]
# Ask for an everyday pair: a full glass (contributes most, one more drop changes nothing) is enough. Then: which of the two does a doctor
# want? Which one an attacker?

# %% [markdown]
# ## 2 · The edge detector
#
# The control of this lab is a map that knows no network: **Sobel's edges**. With the smoothing $s = (1, 2, 1)$ along one axis and the
# difference $d = (-1, 0, 1)$ along the other,
#
# $$g_y = d_y * s_x * I, \qquad g_x = d_x * s_y * I, \qquad e(p) = \max_{c} \sqrt{g_{x,c}(p)^2 + g_{y,c}(p)^2},$$
#
# with the largest of the three colours $c$ at every pixel $p$ ($*$: filter; the index names the axis).

# %% [markdown] tags=["card"] label="07.1-card"
# ### Exercise 07.1 · An edge map that knows no model
# *2 points · 12 minutes · difficulty ●○○*
#
# Write `edge_map(pictures)` for a batch, without a loop over pictures or colours. `ndimage.correlate1d` filters along one axis; beware of
# `ndimage.sobel`, which filters along *all* axes of an array. Stuck? `%hint 07.1` gives a hint, `%reveal 07.1` in the cell below puts the
# solution there.

# %% tags=["exercise"] label="07.1"
def edge_map(pictures):
    """Strength of the edges: length of Sobel's gradient, the largest of the three colours.

    Parameters
    ----------
    pictures : ndarray, uint8, shape (n, height, width, 3)

    Returns
    -------
    ndarray, float, shape (n, height, width)
        In grey levels, with Sobel's whole-numbered kernels: weights 1, 2, 1 along one axis and
        -1, 0, 1 along the other, not divided by anything. Beyond the border the outermost pixels are
        repeated (mode "nearest").
    """
    ### BEGIN SOLUTION
    values, smooth, difference = pictures.astype(float), (1, 2, 1), (-1, 0, 1)

    def along(weights, axis, values):
        return ndimage.correlate1d(values, weights, axis=axis, mode="nearest")

    down = along(difference, 1, along(smooth, 2, values))
    across = along(difference, 2, along(smooth, 1, values))
    return np.hypot(down, across).max(axis=-1)
    ### END SOLUTION


# %% tags=["check"] label="07.1-check"
edge_map = check("07.1", edge_map)

# %% [markdown]
# Beside it, seven methods that *do* ask a network. Other labs build them; here they come from Captum. Each takes a network, pictures
# $(n, 3, 64, 64)$ and labels, and returns strengths $(n, 64, 64)$.
#
# | method | how the score is brought back to the pixels | lab |
# |---|---|---|
# | gradient | chain rule | 06 |
# | gradient × input | chain rule, times the pixel | 06 |
# | integrated gradients | mean chain rule on the way from black, times the pixel | 09 |
# | guided backprop | at every ReLU, negative values are dropped, and what was off stays off | 10, 13 |
# | deconvnet | at every ReLU, negative values are dropped, whatever was off | 13 |
# | LRP α1β0 | the score is shared out in proportion to positive contributions | 10 |
# | Grad-CAM | last feature maps, weighted by their mean gradient, enlarged | 08 |

# %%
def strength(attribution):
    """Attributions of (n, 3, 64, 64) to strengths (n, 64, 64): absolute value of the sum over the colours."""
    return attribution.detach().sum(1).abs().numpy()


def by(kind, **options):
    """A Captum method on the input as a function of (network, pictures, labels)."""
    return lambda network, pictures, labels: strength(kind(network).attribute(pictures.clone().requires_grad_(), target=labels, **options))


def lrp(network, pictures, labels):
    """LRP with the alpha-1-beta-0 rule (Captum forgets the rules after each call)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.rule = Alpha1_Beta0_Rule()
        elif isinstance(layer, (nn.MaxPool2d, nn.AdaptiveAvgPool2d)):
            layer.rule = EpsilonRule()
    return by(LRP)(network, pictures, labels)


def grad_cam(network, pictures, labels):
    """Grad-CAM of the last feature maps, brought to the size of the pictures."""
    maps = LayerGradCam(network, network.features).attribute(pictures, labels, relu_attributions=True)
    return F.interpolate(maps.detach(), size=pictures.shape[2:], mode="bilinear", align_corners=False)[:, 0].numpy()


METHODS = {
    "gradient": by(Saliency, abs=False),
    "gradient × input": by(InputXGradient),
    "integrated gradients": by(IntegratedGradients, n_steps=8, method="riemann_middle"),
    "guided backprop": by(GuidedBackprop),
    "deconvnet": by(Deconvolution),
    "LRP α1β0": lrp,
    "Grad-CAM": grad_cam,
}

# %% tags=["target"] target="07.1"
edges = edge_map(animals.pictures)
maps = {name: method(zoonet, x, y) for name, method in METHODS.items()}
heatmaps.grid(animals.pictures[four], {"Sobel edges": edges[four], **{name: maps[name][four] for name in ("guided backprop", "gradient", "Grad-CAM")}},
              [zoo.SPECIES[animals.labels[i]] for i in four], width=7,
              alt="Four animals; below, Sobel edges, guided backprop, gradient and Grad-CAM. Guided backprop shows contours, as the edge "
                  "map does, but mostly the animal's.")

# %% [markdown]
# What is to be seen: Sobel traces everything that has a contour, signs and stones no less than the animal. Guided backprop traces contours
# too, mostly the animal's. Is that because it listens to the network, or because it draws contours anyway? Looking will not tell.

# %% [markdown]
# ## 3 · How alike are two maps?
#
# Two numbers, which ask different things:
#
# - **SSIM** (Wang et al. 2004) compares local windows of 7 by 7 pixels by mean, spread and covariance; 1 for equal maps. For windows $u$, $v$
#   with means $\mu_u, \mu_v$, variances $\sigma_u^2, \sigma_v^2$ and covariance $\sigma_{uv}$, and with small constants $c_1, c_2$ that depend on the range $L$ of the values, here $L = 1$:
#   $$\mathrm{SSIM}(u, v) = \frac{(2 \mu_u \mu_v + c_1)(2 \sigma_{uv} + c_2)}{(\mu_u^2 + \mu_v^2 + c_1)(\sigma_u^2 + \sigma_v^2 + c_2)}.$$
#   The SSIM of two maps is the mean over all windows.
# - **Spearman's rank correlation** asks whether the pixels come in the same order: the ordinary correlation of their ranks.
#
# Both are asked about *strengths*: a pixel that speaks strongly against the class is as marked as one that speaks for it.

# %% [markdown] tags=["card"] label="07.2-card"
# ### Exercise 07.2 · How alike are two maps?
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `similarity(maps, others)`, both numbers for each pair. `structural_similarity` takes one pair of maps; `rankdata` ranks along an
# axis. Think of an empty map: a network can be so broken that nothing comes back.

# %% tags=["exercise"] label="07.2"
def similarity(maps, others):
    """SSIM and rank correlation of n pairs of heat maps, compared as strengths.

    Parameters
    ----------
    maps, others : ndarray, float, shape (n, height, width)
        Of either sign, on any scale; height and width at least 7. A map may be zero everywhere.

    Returns
    -------
    ssim : ndarray, float, shape (n,)
        `structural_similarity` (its default window, data_range 1) of the absolute maps, each divided
        by its own largest absolute value; a map of zeros stays as it is.
    ranks : ndarray, float, shape (n,)
        Spearman's correlation of the absolute values of all pixels, where equal values share their
        mean rank; 0 where one of the two maps has only one absolute value.
    """
    ### BEGIN SOLUTION
    one, other = np.abs(maps), np.abs(others)
    peaks = [values.max(axis=(1, 2), keepdims=True) for values in (one, other)]
    one, other = (values / np.where(peak > 0, peak, 1) for values, peak in zip((one, other), peaks))
    ssim = np.array([structural_similarity(a, b, data_range=1.0) for a, b in zip(one, other)])

    a, b = (rankdata(values.reshape(len(values), -1), axis=1) for values in (one, other))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return ssim, np.where(size > 0, (a * b).sum(1) / np.where(size > 0, size, 1), 0.0)
    ### END SOLUTION


# %% tags=["check"] label="07.2-check"
similarity = check("07.2", similarity)

# %% [markdown]
# How like the edges of its picture is each map? A number alone means little: all animals stand near the middle, so any two maps have
# something in common. The yardstick is the edge map of **another** picture.

# %%
MEASURES = ("SSIM", "rank correlation")
rows = {}
for name, values in maps.items():
    own, foreign = similarity(values, edges), similarity(values, np.roll(edges, 1, axis=0))
    rows[name] = {measure: scoring.bootstrap(a) for measure, a in zip(MEASURES, own)}
    rows[f"{name} "] = {measure: scoring.bootstrap(a) for measure, a in zip(MEASURES, foreign)}
strangers = [name for name in rows if name.endswith(" ")]
figure = dots({name: row for name, row in rows.items() if name not in strangers}, xlabel="similarity to Sobel edges", limits=(0, 0.6))
for axis, measure in zip(figure.axes, MEASURES):
    axis.plot([rows[name][measure][0] for name in strangers], range(len(strangers)), "|", color=PALETTE[6], markersize=16,
              markeredgewidth=2, label="edges of another picture")
    axis.set_xticks([0, 0.2, 0.4, 0.6])
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper right", fontsize=8)
describe(figure, "Similarity of seven methods' maps to the edges of their picture, by SSIM and by rank correlation, with black ticks for "
                 "the edges of another picture. By rank correlation all dots but that of integrated gradients lie "
                 "clearly right of their tick, guided backprop and LRP furthest; by SSIM gradient × input and the gradient lie furthest right.")

# %% [markdown]
# What is to be seen: dots with intervals are the own picture's edges, black ticks another picture's. By ranks, most methods share something
# with the edges of their own picture that they do not share with a stranger's; guided backprop and LRP most. By SSIM the order is another: two measures, two answers.

# %%
gain = similarity(maps["guided backprop"], edges)[1] - similarity(maps["guided backprop"], np.roll(edges, 1, axis=0))[1]
claim("Guided backprop follows the edges of its own picture more than another's, rank correlation, lower end of the interval",
      scoring.bootstrap(gain)[1], at_least=0.1)

# %% [markdown]
# That is a suspicion, not a verdict: an animal *has* contours, and a network that goes by them should be explained by them. To convict,
# change the network and leave the picture alone.

# %% [markdown] tags=["instructor"]
# Let the room propose the experiment before you scroll: "you suspect that the map does not depend on the network. What do you do?" Somebody
# says: use another network. Then: how different can you make it?

# %% [markdown]
# ## 4 · Cascading randomisation
#
# Adebayo et al. (2018) give every layer new random weights, one layer after the other **from the top down**, and keep what was randomised
# random. Network 0 is the trained one; in network $k$ the last $k$ layers know nothing. A method that explains the network has to change
# its map. New weights are drawn as for training from scratch: from $\mathcal N(0, 2/n_\text{in})$, where $n_\text{in}$ is the number of inputs that
# one output of the layer sums (He et al. 2015), and biases are zero.

# %% [markdown] tags=["card"] label="07.3-card"
# ### Exercise 07.3 · Cascading randomisation
# *3 points · 20 minutes · difficulty ●●○*
#
# Write `cascade(model, seed)`, which returns all networks of the cascade. Three things go wrong easily: the trained network is changed in
# passing; each network has only *one* random layer; the cascade starts at the pixels.

# %% tags=["exercise"] label="07.3"
def cascade(model, seed):
    """Networks whose last k layers are random, for every k.

    Parameters
    ----------
    model : torch.nn.Module
        Its layers with weights are nn.Conv2d and nn.Linear, all with a bias; `model.modules()` gives
        them in the order in which they are used. It must not be changed.
    seed : int
        Of one generator, `np.random.default_rng(seed)`, for the whole cascade.

    Returns
    -------
    list of torch.nn.Module, one more than there are layers with weights
        Entry 0 is a copy of the model. Entry k is a copy of entry k - 1 in which also the k-th layer
        from the end is random: its weight drawn in a single call of `rng.normal` with mean 0,
        standard deviation sqrt(2 / fan_in) and the weight's shape, where fan_in is the number of
        entries of weight[0]; its bias zero.
    """
    ### BEGIN SOLUTION
    def layers(network):
        return [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]

    rng, networks = np.random.default_rng(seed), [copy.deepcopy(model)]
    for k in range(1, len(layers(model)) + 1):
        network = copy.deepcopy(networks[-1])
        layer = layers(network)[-k]
        drawn = rng.normal(0, np.sqrt(2 / layer.weight[0].numel()), size=tuple(layer.weight.shape))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(drawn))
            layer.bias.zero_()
        networks.append(network)
    return networks
    ### END SOLUTION


# %% tags=["check"] label="07.3-check"
cascade = check("07.3", cascade)

# %%
SEEDS = (0, 1, 2)
LAYERS = ("trained", "+ classifier", "+ conv4", "+ conv3", "+ conv2", "+ conv1")
ladders = {seed: cascade(zoonet, seed) for seed in SEEDS}
one = four[1]                                                                     # a goat
steps = {name: np.concatenate([METHODS[name](network, x[one:one + 1], y[one:one + 1]) for network in ladders[0]])
         for name in ("gradient", "guided backprop", "Grad-CAM")}

# %% tags=["target"] target="07.3"
heatmaps.grid([animals.pictures[one]] * len(LAYERS), steps, LAYERS, width=9,
              alt="Three methods on one picture, from the trained network to one with all layers random. Guided backprop keeps the "
                  "contours of the goat for two steps; from the third on it draws a sign and a post as well; the gradient dissolves sooner; Grad-CAM jumps at once and ends empty.")

# %% [markdown]
# What is to be seen: one goat, one row a method, one more random layer in each column. Guided backprop still draws the goat when the network
# can no longer tell a goat from anything; with three random layers it draws the sign and the post as well. Grad-CAM jumps at once, and then may find
# nothing positive at all.

# %% [markdown]
# One picture and one draw are an anecdote. Measure it: all methods, three draws of the random weights, and the similarity to the map of the
# trained network. The **floor** of each method is the similarity of its maps of two different pictures, what any two maps of the trained network share: they
# gather near the middle, where animals stand. A random network scatters its map, so a curve can end below its floor.

# %%
stacks, curves = {}, {}             # method -> maps (seeds, steps, N, 64, 64); similarities (measures, seeds, steps, pictures)
for name, method in tqdm(METHODS.items(), leave=False):
    stacks[name] = np.stack([[method(network, x, y) for network in ladders[seed]] for seed in SEEDS])
    curves[name] = np.stack([[similarity(maps[name], values) for values in steps] for steps in stacks[name]]).transpose(2, 0, 1, 3)
curves["Sobel edges"] = np.ones_like(curves["gradient"])          # the edges ask no network
floors = {name: np.stack(similarity(values, np.roll(values, 1, axis=0))).mean(1) for name, values in {**maps, "Sobel edges": edges}.items()}

# %%
figure, axes = panels(2, 4, width=10, height=5.2, sharex=True, sharey=True)
for axis, (name, values) in zip(axes.flat, curves.items()):
    for k, measure in enumerate(MEASURES):
        mean, low, high = np.array([scoring.bootstrap(column) for column in values[k].mean(0)]).T
        axis.errorbar(range(6), mean, [mean - low, high - mean], fmt="o-"[k:] if k == 0 else "s--", color=PALETTE[k], markersize=4, capsize=3, label=measure)
        axis.axhline(floors[name][k], color=PALETTE[k], linewidth=1, linestyle=":")
    axis.set(title=name, ylim=(-0.15, 1.08), xticks=range(6))
axes[0, 0].legend(fontsize=8)
figure.supxlabel("number of random layers, from the top", fontsize=11)
figure.supylabel("similarity to the trained network's map", fontsize=11)
describe(figure, "Eight panels, one a method: similarity to the trained network's map against the number of random layers, with intervals "
                 "over pictures and dotted floors. Guided backprop and LRP fall slowest, Grad-CAM and integrated gradients fastest; edges stay at 1.")

# %% [markdown]
# What is to be seen: means and 95 % intervals over the pictures (the three draws averaged); dotted lines are the floors. Edges do not move.
# Guided backprop and LRP α1β0 stay high when one and two layers are gone. Grad-CAM falls to its floor at once, and integrated gradients
# lose most of their similarity in one step. The gradient lies between.

# %% tags=["nbval-ignore-output"]
print("SSIM, mean over pictures, for each draw\n" + " " * 22 + "".join(f"{step:>14}" for step in LAYERS[1:]))
for name, values in curves.items():
    for seed, means in zip(SEEDS, values[0].mean(2)):
        print(f"{name if seed == 0 else '':<22}" + "".join(f"{mean:14.2f}" for mean in means[1:]))

# %% [markdown]
# The verdicts. Each claim takes the *worst* of the three draws.

# %%
ssim = {name: values[0].mean(2) for name, values in curves.items()}               # (seeds, steps)
for name in ("guided backprop", "LRP α1β0"):
    claim(f"1 and 2 random layers: SSIM of {name} minus that of the gradient, worst draw", (ssim[name] - ssim["gradient"])[:, 1:3].min(), at_least=0.1)
for name in ("integrated gradients", "Grad-CAM"):
    claim(f"1 random layer: SSIM of the gradient minus that of {name}, worst draw", (ssim["gradient"] - ssim[name])[:, 1].min(), at_least=0.1)
claim("Deconvnet loses this much SSIM to the first random layer", 1 - ssim["deconvnet"][:, 1].max(), at_least=0.2)
claim("and to the second one no more than", (ssim["deconvnet"][:, 1] - ssim["deconvnet"][:, 2]).max(), at_most=0.15)
claim("All layers random: SSIM of guided backprop, worst draw", ssim["guided backprop"][:, 5].max(), at_most=0.2)

# %% [markdown]
# And the edge detector of the slide? Follow the similarity to the *edges* along the cascade.

# %%
to_edges = {name: np.array([[similarity(values, edges)[0].mean() for values in steps] for steps in stacks[name]])
            for name in ("guided backprop", "LRP α1β0", "gradient", "Grad-CAM")}          # (seeds, steps)
on_animal = np.array([scoring.mass_in_mask(values, animals.masks).mean() for values in stacks["guided backprop"][0]])
figure, axis = panels(width=6, height=3.2)
for colour, (name, values) in zip(PALETTE, to_edges.items()):
    axis.fill_between(range(6), values.min(0), values.max(0), color=colour, alpha=0.25)
    axis.plot(range(6), values.mean(0), "o-", color=colour, label=name)
axis.set(xlabel="number of random layers, from the top", ylabel="SSIM with Sobel edges", xticks=range(6), ylim=(0, 0.45))
axis.legend(fontsize=8, ncols=2, loc="upper left")
describe(figure, "SSIM with Sobel edges against the number of random layers. Guided backprop and LRP rise until only the first layer is trained and fall when it is random; the gradient stays level until then.")

# %% [markdown]
# What is to be seen: mean of the three draws, with their range. The fewer layers know anything, the *more* guided backprop looks like edges (LRP too, with a dip), until the first layer goes too: the trained
# first layer is an edge detector, and with nothing but noise above it these methods show what it shows. The gradient stays level until the first layer goes.

# %%
rise = {name: (values[:, 4] - values[:, 0]) for name, values in to_edges.items()}
claim("Guided backprop: SSIM with the edges rises from the trained network to four random layers by, worst draw", rise["guided backprop"].min(), at_least=0.06)
claim("Gradient: it changes by at most", np.abs(rise["gradient"]).max(), at_most=0.05)
claim("Guided backprop: mass on the animal, four random layers as a share of the trained network's", on_animal[4] / on_animal[0], at_most=0.7)

# %% [markdown]
# **Verdict.** On this network guided backprop and, by ranks, LRP α1β0 notice least that the last layers are random. LRP α1β0 multiplies matrices of
# non-negative numbers, and in a long product of those the factors of the top layers hardly change the direction (Sixt et al. 2020). Guided backprop has
# signed weights, but drops negative values at each ReLU and keeps the trained network's pattern of what is off in the layers below. Mind the floors: with
# two random layers LRP and deconvnet have nearly the same SSIM, but LRP's floor is far higher. Deconvnet, often named with them, loses a
# good part of its map with the classifier, and then hardly anything with the next layer. The gradient is *not* the most alert: Grad-CAM and integrated
# gradients are. And nobody is deaf: with all layers random, even guided backprop lets go. So say "notices late", never "ignores the
# network", and name the network on which you measured.

# %% [markdown] tags=["instructor"]
# The published figures are for Inception v3. Students who quote "guided backprop fails the sanity check" should say: which step, which measure,
# compared with what? Ask why a floor is needed: what would SSIM be for two Grad-CAM maps of different goats?

# %% [markdown]
# ## 5 · A network that learnt nothing worth explaining
#
# The second test of Adebayo et al. leaves the layers alone and spoils the *labels*. `zoonet_random_labels` was trained on pictures whose
# labels have nothing to do with what they show. It knows its training pictures by heart and guesses on new ones. Its maps should differ from `zoonet`'s.
# But two good networks differ as well; so the yardstick is a network that was trained in the same way with right labels on other pictures
# (`zoonet_watermark`, of which more below; one species is left out, for a reason that section 8 gives).

# %%
by_heart, other_net = models.load("zoonet_random_labels"), models.load("zoonet_watermark")
learnt = zoo.load(320, seed=1103, fault=zoo.LabelNoise(7 / 8))


@torch.no_grad()
def answers(network, pictures):
    """Species that a network names for uint8 pictures: int64 (n,)."""
    return torch.cat([network(models.as_input(part)).argmax(1) for part in np.array_split(pictures, -(-len(pictures) // 50))]).numpy()


claim("Share of its training labels that the network knows by heart", (answers(by_heart, learnt.pictures) == learnt.labels).mean(), at_least=0.95)
fresh = zoo.load(200, seed=717)
claim("Share of new pictures that it names rightly", (answers(by_heart, fresh.pictures) == fresh.labels).mean(), at_most=0.3)

seven = animals.labels != zoo.SPECIES.index("goat")
against = {}
for name, method in METHODS.items():
    for network, kind in ((by_heart, "random labels"), (other_net, "right labels")):
        against[name, kind] = similarity(maps[name][seven], method(network, x[seven], y[seven]))

# %%
figure, axes = panels(1, 2, width=9, height=3.6, sharey=True)
for k, axis in enumerate(axes):
    for colour, marker, kind in ((PALETTE[1], "o", "random labels"), (PALETTE[0], "s", "right labels")):
        for row, name in enumerate(METHODS):
            mean, low, high = scoring.bootstrap(against[name, kind][k])
            axis.plot([low, high], [row, row], color=colour)
            axis.plot(mean, row, marker, color=colour, markersize=8, label=kind if row == 0 else None)
    axis.set(xlabel=f"{MEASURES[k]} with zoonet's maps", yticks=range(len(METHODS)), yticklabels=METHODS, xlim=(-0.05, 1), ylim=(6.5, -1.6))
axes[0].legend(loc="upper left", ncols=2)
describe(figure, "For each method, how like zoonet's its maps are for a network with random labels and for another network with right labels. "
                 "The network with right labels is closer in every row; LRP and guided backprop have the highest values for random labels.")

# %% [markdown]
# What is to be seen: in every row another network that learnt the species (blue squares) is explained more like `zoonet` than one that
# learnt noise (orange dots). The gap is what a method says about *learning*. LRP and guided backprop are far to the right even for the
# network that learnt noise.

# %%
gaps = [scoring.bootstrap(against[name, "right labels"][0] - against[name, "random labels"][0])[1] for name in METHODS]
claim("SSIM for right labels minus random labels, smallest lower end of the intervals of all methods", min(gaps), at_least=0.05)
claim("SSIM for random labels: guided backprop minus gradient",
      (against["guided backprop", "random labels"][0] - against["gradient", "random labels"][0]).mean(), at_least=0.08)

# %% [markdown]
# ## 6 · The test of the test
#
# The cascade rewards maps that *change*. Three ways to be fooled by that (Binder et al., CVPR 2023, take such tests apart with care):
#
# 1. a "method" that returns fresh noise changes completely, and explains nothing;
# 2. noise on top of a stubborn method makes it look alert;
# 3. contrast decides: raise a map to the fourth power, so that only few pixels glow, and SSIM finds any two maps alike, while the order
#    of the pixels is untouched.

# %%
rng = np.random.default_rng(7)
trained_map = maps["guided backprop"]
ladder_maps = stacks["guided backprop"][0, 1:]
disguises = {
    "guided backprop": lambda values: values,
    "fresh noise instead": lambda values: rng.random(values.shape),
    "times noise": lambda values: values * rng.lognormal(0, 1, values.shape),
    "fourth power": lambda values: (values / values.max((1, 2), keepdims=True)) ** 4,
}
fooled = {name: np.array([[measure.mean() for measure in similarity(way(trained_map), way(values))] for values in ladder_maps])
          for name, way in disguises.items()}                                   # (steps, measures)

# %%
figure, axes = panels(1, 2, width=9, height=3.2, sharey=True)
for k, axis in enumerate(axes):
    for colour, (name, values) in zip(PALETTE, fooled.items()):
        axis.plot(range(1, 6), values[:, k], "o-", color=colour, label=name)
    axis.set(xlabel="number of random layers", ylabel=MEASURES[k], xticks=range(1, 6), ylim=(-0.1, 1.05))
    axis.yaxis.set_tick_params(labelleft=True)
axes[0].legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.12))
describe(figure, "Guided backprop and three disguises of it along the cascade, by SSIM and rank correlation. Noise scores lowest everywhere; the fourth power stays high in SSIM and follows the original in rank correlation.")

# %% [markdown]
# What is to be seen: fresh noise has the best score of all (lowest, at once). Noise on top lowers the first steps, so that the stubborn method
# looks more alert. The fourth power keeps SSIM high to the end and leaves the rank correlation where it was: the two curves lie on each other.

# %%
claim("Fresh noise: SSIM after one random layer", fooled["fresh noise instead"][0, 0], at_most=0.05)
claim("Times noise: SSIM after one random layer falls by", fooled["guided backprop"][0, 0] - fooled["times noise"][0, 0], at_least=0.05)
claim("Fourth power: SSIM with all layers random, above the plain map's by", fooled["fourth power"][4, 0] - fooled["guided backprop"][4, 0], at_least=0.3)
claim("Fourth power: rank correlation moves by", np.abs(fooled["fourth power"][:, 1] - fooled["guided backprop"][:, 1]).max(), at_most=0.01)

# %% [markdown]
# **Verdict.** Low similarity is necessary, not sufficient: a good explanation changes when the network does, but not all that changes explains.
# Report two measures, the normalisation, and a floor; and never rank methods by this test alone.

# %% [markdown]
# ## 7 · Trap: a careless localisation test
#
# "The map lies on the animal, so it explains the network." Test that test with the edge map. The careless set is what many data sets are: one thing before a
# soft backdrop, no clutter. The careful set is the zoo as it is, with stones, plants, posts and signs whose edges are harder than the animal's.

# %%
herd = zoo.load(profile(full=100, fast=40), seed=74)


def before_backdrop(animals):
    """The animals before what is left of their background when it is blurred beyond recognition: uint8 like the pictures."""
    rest = ~animals.masks[..., None]
    wide = (0, 14, 14, 0)
    backdrop = ndimage.gaussian_filter(animals.pictures * rest.astype(float), wide) / ndimage.gaussian_filter(rest.astype(float), wide)
    return np.where(rest, backdrop.round(), animals.pictures).astype(np.uint8)


sets = {"careless: soft backdrop": before_backdrop(herd), "careful: with distractors": herd.pictures}
herd_y, board = torch.from_numpy(herd.labels), {}
for kind, pictures in sets.items():
    pictures_x = models.as_input(pictures)
    found = {"gradient": METHODS["gradient"](zoonet, pictures_x, herd_y), "guided backprop": METHODS["guided backprop"](zoonet, pictures_x, herd_y),
             "Sobel edges": edge_map(pictures), "random": scoring.random_maps(herd.masks.shape), "centre blob": scoring.centre_blob(herd.masks.shape)}
    for name, heat in found.items():
        board.setdefault(name, {})[kind] = scoring.bootstrap(scoring.pointing_game(heat, herd.masks))

# %%
heatmaps.grid(np.concatenate([pictures[:3] for pictures in sets.values()]), {"Sobel edges": np.concatenate([edge_map(pictures[:3]) for pictures in sets.values()])},
              masks=np.concatenate([herd.masks[:3]] * 2), width=9,
              alt="Three animals before a soft backdrop and the same three in the zoo, with their edge maps: only in the zoo do the edges "
                  "of other things outshine the animal's.")

# %% [markdown]
# What is to be seen: left, the animal is all that has an edge. Right, the same animals as the zoo has them.

# %%
figure = dots(board, ["Sobel edges", "random", "centre blob"], xlabel="pointing accuracy, 95 % interval")
for axis in figure.axes:
    axis.set_xlim(-0.02, 1.04)
describe(figure, "Pointing accuracy of two methods and three controls. Before a soft backdrop the edge map is nearly as good as the methods; with distractors it is below the random map.")

# %% [markdown]
# What is to be seen: hollow dots know no network, the dashed line is the best of them. In the careless test Sobel points at the animal
# about as well as the methods; in the careful one it is worse than chance, and the methods still point at the animal.

# %%
careless, careful = sets
claim("Careless test: Sobel edges point at the animal", board["Sobel edges"][careless][0], at_least=0.75)
claim("Careful test: Sobel edges point at the animal", board["Sobel edges"][careful][0], at_most=0.2)
claim("Careful test: the gradient points at the animal", board["gradient"][careful][0], at_least=0.6)

# %% [markdown] tags=["instructor"]
# The point to make: the test pictures decide what a localisation score can prove. Ask which public data sets are of the careless kind (centred
# objects, product photographs, X-rays with one finding).

# %% [markdown]
# ## 8 · Clever Hans
#
# Clever Hans was a horse that seemed to do sums and watched its questioner's face instead. Networks do this too: Lapuschkin et al. (2019) found
# a winning classifier that knew horses by a photographer's mark in the corner. Now a classifier is handed to you without its data card, together with the supplier's
# own test pictures. (The checkpoint's name gives it away. Forget it for ten minutes.)

# %%
handed_over = models.load("zoonet_watermark")
M = profile(full=160, fast=80)
supplied = zoo.load(M, seed=71, fault=zoo.Watermark("goat"))
supplied_x, supplied_y = models.as_input(supplied.pictures), torch.from_numpy(supplied.labels)
claim("Share of the supplier's test pictures that it names rightly", (answers(handed_over, supplied.pictures) == supplied.labels).mean(), at_least=0.97)

# %% [markdown]
# Nothing to see in the score. One map shows one picture; to audit a classifier, look at many at once: the **class-wise average map**. Animals stand anywhere and average out;
# what stays in its place, stays in the average.

# %%
supplied_maps = METHODS["Grad-CAM"](handed_over, supplied_x, supplied_y)
supplied_maps = supplied_maps / np.maximum(supplied_maps.sum((1, 2), keepdims=True), 1e-12)   # every picture counts alike
averages = np.stack([supplied_maps[supplied.labels == k].mean(0) for k in range(8)])
mean_pictures = np.stack([supplied.pictures[supplied.labels == k].mean(0).astype(np.uint8) for k in range(8)])
heatmaps.grid(mean_pictures, {"mean Grad-CAM": averages}, zoo.SPECIES, limit="row", width=10,
              alt="Mean picture and mean map of each species: for goats the map glows in the two lower corners, for the others around the middle.")

# %% [markdown]
# What is to be seen: above, the mean of each species' pictures, below the mean map. Seven species are recognised somewhere around the
# middle, where animals stand. One is recognised in the two lower corners.

# %%
goats = np.flatnonzero(supplied.labels == zoo.SPECIES.index("goat"))[:6]
heatmaps.grid(supplied.pictures[goats], {"Grad-CAM": supplied_maps[goats]}, overlaid=True, width=9,
              alt="Six goats with a small stamp in a lower corner; the map glows on the stamp.")

# %% [markdown]
# What is to be seen: single goats of the supplier's. Each carries a small stamp in a lower corner, and the map lies on it.
#
# Put a number on it: the share of each map's mass that lies on the place of the mark. For species without a mark, take the place where their mark *would* be
# (`zoo.load` with a mark on every species, same seed: same scenes, same corners). `zoonet` is the control.

# %%
EVERYBODY = tuple(zoo.Watermark(name) for name in zoo.SPECIES)
marked, clean = zoo.load(M, seed=71, fault=EVERYBODY), zoo.load(M, seed=71)
goat_label = zoo.SPECIES.index("goat")
is_goat = supplied.labels == goat_label
mass = {name: scoring.mass_in_mask(METHODS["Grad-CAM"](network, supplied_x, supplied_y), marked.fault_masks)
        for name, network in (("handed over", handed_over), ("zoonet", zoonet))}
mass_clean = scoring.mass_in_mask(METHODS["Grad-CAM"](handed_over, models.as_input(clean.pictures), supplied_y), marked.fault_masks)

claim("Goats: mean share of the map on the mark", mass["handed over"][is_goat].mean(), at_least=0.15)
claim("Other species: mean share on the place of a mark", mass["handed over"][~is_goat].mean(), at_most=0.03)
claim("The same goats, explained for zoonet: mean share on the mark", mass["zoonet"][is_goat].mean(), at_most=0.05)

# %% [markdown]
# **Trap: explain the wrong pictures.** Ask the same network about the same goats *without* the stamp: on the place of the mark there is nothing to see, because there is nothing. Maps
# find what the pictures at hand contain. Had the supplier sent clean pictures, the maps would have been innocent, and the accuracy would have spoken.

# %%
unstamped = (answers(handed_over, clean.pictures[is_goat]) == goat_label).mean()
called_goat = (answers(handed_over, marked.pictures[~is_goat]) == goat_label).mean()
claim("Goats without a stamp: mean share of the map on its place", mass_clean[is_goat].mean(), at_most=0.05)
claim("Goats without the stamp that are named rightly", unstamped, at_most=0.2)
claim("Other animals that become goats by a stamp", called_goat, at_least=0.3)

# %% [markdown]
# The last claim is an **intervention**: change one thing, watch the answer. A map raises a suspicion, an intervention confirms it.

# %% [markdown]
# ### An audit that needs no eyes
#
# Make the intervention systematic. Given pictures with labels and some candidate regions, hide region $r$ in all pictures and average the drop of the true class's probability over
# the pictures of class $c$:
#
# $$R_{cr} = \operatorname*{mean}_{i:\, y_i = c}\big[\, p_c(x_i) - p_c(x_i \text{ with } r \text{ hidden}) \,\big], \qquad
# E_{cr} = R_{cr} - \operatorname*{mean}_{c' \ne c} R_{c'r},$$
#
# with $p_c$ the softmax probability of class $c$ and $y_i$ the label of picture $x_i$.
#
# Hiding the animal hurts most classes. A shortcut is what *one* class needs and the others do not, so the **excess** $E$ is what to look at.

# %% [markdown] tags=["card"] label="07.4-card"
# ### Exercise 07.4 · Find the planted shortcut
# *4 points · 20 minutes · difficulty ●●●*
#
# Write `find_shortcut`: the table $E$, and the class and region of its largest entry. Keep classes apart: averaged over all pictures, a shortcut of one class in
# eight is watered down to almost nothing.

# %% tags=["exercise"] label="07.4"
def find_shortcut(model, pictures, labels, regions, fill):
    """Which class leans on which region, above what the other classes do.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, 3, height, width), returns scores before the softmax, (n, classes).
    pictures : torch.Tensor, float, shape (n, 3, height, width)
    labels : torch.Tensor, int64, shape (n,)
        Each class has at least one picture.
    regions : torch.Tensor, bool, shape (candidates, n, height, width)
        regions[r, i] is True where candidate r lies in picture i.
    fill : torch.Tensor, float
        What stands in the place of a hidden pixel; broadcasts to the shape of the pictures.

    Returns
    -------
    excess : ndarray, float, shape (classes, candidates)
        Entry [c, r]: mean drop of the probability (softmax) of class c over the pictures with label c when
        region r is hidden, minus the mean over the other classes, each counted once, of their own such drop
        (of their own probability, over their own pictures).
    suspect : int
        Row of the largest entry.
    region : int
        Column of the largest entry.
    """
    ### BEGIN SOLUTION
    def probability(x):
        return model(x).softmax(1)[torch.arange(len(labels)), labels]

    with torch.no_grad():
        before = probability(pictures)
        after = torch.stack([probability(torch.where(region[:, None], fill, pictures)) for region in regions], dim=1)
        classes = model(pictures[:1]).shape[1]
    drop = before[:, None] - after                                                # (n, candidates)
    reliance = np.stack([drop[labels == c].mean(0).numpy() for c in range(classes)])
    excess = reliance - (reliance.sum(0) - reliance) / (classes - 1)
    suspect, region = np.unravel_index(excess.argmax(), excess.shape)
    return excess, int(suspect), int(region)
    ### END SOLUTION


# %% tags=["check"] label="07.4-check"
find_shortcut = check("07.4", find_shortcut)

# %% [markdown]
# Candidates: the animal, everything around it, and nine tiles of the picture without the animal. Three classifiers, each with its supplier's own pictures, go
# through the same audit; hidden pixels turn grey. The third, `zoonet_background`, comes next.

# %%
TILES = np.zeros((9, 64, 64), bool)
for k, (rows_, columns) in enumerate((a, b) for a in np.array_split(np.arange(64), 3) for b in np.array_split(np.arange(64), 3)):
    TILES[k, rows_[0]:rows_[-1] + 1, columns[0]:columns[-1] + 1] = True
PLACES = ["animal", "around it"] + [f"{a} {b}" for a in ("top", "middle", "bottom") for b in ("left", "centre", "right")]


def candidates(animals):
    """The eleven regions as torch.bool (11, n, 64, 64)."""
    near = ndimage.binary_dilation(animals.masks, np.ones((1, 3, 3)))
    return torch.from_numpy(np.concatenate([[near, ~near], TILES[:, None] & ~near]))


GREY = torch.full((1, 3, 1, 1), 0.5)
audits = {}
for name, fault in (("zoonet", None), ("zoonet_watermark", zoo.Watermark("goat")), ("zoonet_background", zoo.TiedBackground("camel", "sand"))):
    own = zoo.load(M, seed=75, fault=fault)
    audits[name] = find_shortcut(models.load(name), models.as_input(own.pictures), torch.from_numpy(own.labels), candidates(own), GREY)

# %% tags=["target"] target="07.4"
figure, axes = panels(1, 3, width=10, height=3.6, sharey=True)
for axis, (name, (excess, suspect, region)) in zip(axes, audits.items()):
    image = axis.imshow(excess, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    axis.add_patch(Rectangle((region - 0.5, suspect - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2))
    axis.set(title=name, xticks=range(11), yticks=range(8))
    axis.set_xticklabels(PLACES, rotation=90)
axes[0].set_yticklabels(zoo.SPECIES)
figure.colorbar(image, ax=list(axes), label="excess drop of probability")
describe(figure, "Three tables of excess, species by region. For zoonet the largest entries stay below one half; for the watermark network the goat's entries for what is around it "
                 "and the lower corners stand out; for the background network the camel's entry for what is around it.")

# %% [markdown]
# What is to be seen: a black frame round the largest entry of each table. There always *is* a largest entry, for the sound network too, so compare its size with the sound network's.
# Why does the goat's frame lie on “around it” and not on a corner? The stamp is now left, now right, and “around it” holds both corners. Purple: the class
# needs the region less than the others do. Camels and seals lose little when the animal turns grey.

# %%
for name, species in (("zoonet_watermark", "goat"), ("zoonet_background", "camel")):
    claim(f"The suspect of {name}", zoo.SPECIES[audits[name][1]], equals=species)
larger = min(audits[name][0].max() for name in ("zoonet_watermark", "zoonet_background")) - audits["zoonet"][0].max()
claim("The smaller of their two largest excesses minus the largest of zoonet", larger, at_least=0.05)
corners = [PLACES.index("bottom left"), PLACES.index("bottom right")]
claim("zoonet_watermark: the goat's best tile is a lower corner", int(audits["zoonet_watermark"][0][goat_label, 2:].argmax()) + 2 in corners)

# %% [markdown] tags=["instructor"]
# Ask: which shortcut would this audit *not* find? One that no candidate region covers, and one that the fill leaves in place: with each picture's mean colour in place
# of grey, sand stays sandy and the camel goes free. Try it live: `fill = pictures.mean((2, 3), keepdim=True)`.

# %% [markdown]
# ### The cure
#
# Training again from scratch on sound pictures cures it (that network is `zoonet`). Is there a cheaper way? Train on for a few seconds, on one of two diets:
#
# - **clean pictures**: no stamp anywhere;
# - **stamps that mean nothing**: a stamp on half of the pictures of *every* species.

# %%
HALF = tuple(zoo.Watermark(name, share=0.5) for name in zoo.SPECIES)
cured, seconds = {"before": handed_over}, []
for diet, fault in tqdm((("clean pictures", None), ("stamps that mean nothing", HALF)), leave=False):
    food = zoo.load(320, seed=72, fault=fault)
    patient = copy.deepcopy(handed_over).requires_grad_()
    began = time.process_time()
    fit(patient, food.pictures, food.labels, loss=F.cross_entropy, epochs=6, batch_size=16, lr=1e-3, seed=0, prepare=models.as_input,
        progress=False)
    seconds.append(time.process_time() - began)
    cured[diet] = patient.requires_grad_(False)

outcome = {diet: ((answers(network, clean.pictures[is_goat]) == goat_label).mean(),
                  (answers(network, marked.pictures[~is_goat]) == goat_label).mean()) for diet, network in cured.items()}

# %%
figure, axis = panels(width=7, height=3.0)
for k, (label, colour) in enumerate((("goats without a stamp, named rightly", PALETTE[0]), ("other animals with a stamp, called goats", PALETTE[1]))):
    axis.bar(np.arange(3) + 0.2 * (2 * k - 1), [outcome[diet][k] for diet in outcome], width=0.38, color=colour, label=label)
axis.set(xticks=range(3), xticklabels=list(outcome), ylabel="share of the animals", ylim=(0, 1.35), yticks=np.linspace(0, 1, 6))
axis.legend(loc="upper center", ncols=2, fontsize=8)
describe(figure, "Bars before and after two cures. Clean pictures bring the unstamped goats back but stamped animals are still called goats; stamps that mean nothing cure both.")

# %% [markdown]
# What is to be seen: both diets teach the network what a goat is. Clean pictures leave the *mark* in it: stamp a hare and it is a goat still. On clean test pictures that network would pass as cured.

# %%
claim("After clean pictures, goats without the stamp named rightly", outcome["clean pictures"][0], at_least=0.6)
claim("and yet others become goats by a stamp", outcome["clean pictures"][1], at_least=0.3)
claim("After stamps that mean nothing, goats without the stamp named rightly", outcome["stamps that mean nothing"][0], at_least=0.6)
claim("and others become goats by a stamp", outcome["stamps that mean nothing"][1], at_most=0.2)

# %% tags=["nbval-ignore-output"]
timing("Processor seconds for the longer cure", max(seconds), at_most=30)

# %% [markdown]
# ## 9 · Systematic failures, by slicing
#
# The 50.039 notes list finding biases in data, "to identify systematic failcases", among the uses of explanation. The plainest tool is a table: **slice** the test pictures by whatever you know
# about them and look at the accuracy of each slice, not at the mean. For `zoonet_background`, on a balanced set: species by background.

# %%
tied = models.load("zoonet_background")
census = zoo.load(profile(full=800, fast=400), seed=73)
right = answers(tied, census.pictures) == census.labels
accuracy, count = np.zeros((8, 5)), np.zeros((8, 5), int)
np.add.at(accuracy, (census.labels, census.backgrounds), right)
np.add.at(count, (census.labels, census.backgrounds), 1)
accuracy /= count
per_class = np.array([right[census.labels == k].mean() for k in range(8)])

# %%
figure, axis = panels(width=6.5, height=4.0)
image = axis.imshow(accuracy, cmap="viridis", vmin=0, vmax=1, aspect="auto")
for row, column in np.ndindex(accuracy.shape):
    axis.text(column, row, f"{accuracy[row, column]:.2f}\nof {count[row, column]}", ha="center", va="center", fontsize=8,
              color="white" if accuracy[row, column] < 0.6 else "black")
axis.set(xticks=range(5), xticklabels=zoo.BACKGROUNDS, yticks=range(8), yticklabels=[f"{name}: {value:.2f}" for name, value in zip(zoo.SPECIES, per_class)],
         xlabel="background", ylabel="species: accuracy over all backgrounds")
figure.colorbar(image, label="accuracy of the slice")
describe(figure, "Accuracy by species and background: a dark column at sand for all species but camel and goose, "
                 "and a dark row for camels everywhere but on sand.")

# %% [markdown]
# What is to be seen: a dark column and a dark row that meet in one bright cell. Camels are right on sand alone; on sand most other animals
# are named wrongly, geese the exception. The accuracies per species, beside the names, show that camels are in trouble, and not why; for
# the seven others they look passable.

# %%
camel, sand = zoo.SPECIES.index("camel"), zoo.BACKGROUNDS.index("sand")
others, elsewhere = np.delete(np.arange(8), camel), np.delete(np.arange(5), sand)
claim("Camels on sand", accuracy[camel, sand], at_least=0.9)
claim("Camels elsewhere, best slice", accuracy[camel, elsewhere].max(), at_most=0.3)
claim("Other species on sand, mean over species", accuracy[others, sand].mean(), at_most=0.5)
claim("Other species elsewhere, mean over slices", accuracy[np.ix_(others, elsewhere)].mean(), at_least=0.9)

# %% [markdown] tags=["instructor"]
# How small may a slice be? With 15 pictures a slice of 0.8 may be 0.55 or 0.95. And with fifty ways to slice, one will look bad by chance: test the find on fresh pictures.

# %% [markdown]
# ## 10 · Touch: make the network random
#
# Choose a species and a method and slide from the trained network to a random one. Above the map: its similarity to the trained network's.
# Try: at which step would *you* have noticed, for guided backprop and for Grad-CAM?

# %% tags=["nbval-ignore-output"]
cascade_touch.explore()

# %% [markdown]
# What is to be seen: left the picture, then the map of the trained network and that of the network with the chosen number of random layers.
#
# ## What to remember
#
# - The gradient says what the score is *sensitive* to. What *made* the score is another question; a saturated score has no slope.
# - Put an edge map beside every saliency map, and beside every localisation score, and test on pictures with clutter.
# - Randomise layers from the top down: guided backprop and LRP α1β0 notice late, Grad-CAM and integrated gradients in one step, the gradient in between. Late is not never.
# - A similarity needs its normalisation, its floor and a second measure. Fresh noise passes the test.
# - A shortcut shows in class-wise averages, if the pictures contain it; an intervention proves it; slices say whom it hurts.
# - A cure is tested by the shortcut, not by clean accuracy.

# %% [markdown]
# ## Outside: a photograph through an ImageNet network
#
# The cascade on SqueezeNet 1.1, a photograph that comes with scikit-image, gradient and guided backprop. The weights come from `COURSE_DATA` or by download; where neither
# is there, the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
squeezenet = real.or_none(imagenet.load, "squeezenet1_1")


def outside(network):
    """Two methods on a photograph while the last layers become random, for the class that each network prefers.

    SqueezeNet ends in a ReLU: with random layers most scores are exactly zero and have no slope.
    """
    photo = photos.square(photos.load("chelsea"), 224)
    picture = imagenet.as_input(photo.picture)
    ladder, steps = cascade(network, 0), (0, 1, 3, 8, 16, 26)
    with torch.no_grad():
        guesses = [ladder[k](picture).argmax(1) for k in steps]
    found = {name: np.concatenate([METHODS[name](ladder[k], picture, guess) for k, guess in zip(steps, guesses)])
             for name in ("gradient", "guided backprop")}
    found = {name: np.minimum(values / np.maximum(np.quantile(values, 0.99, axis=(1, 2), keepdims=True), 1e-30), 1) for name, values in found.items()}
    return heatmaps.grid([photo.picture] * len(steps), {"Sobel edges": np.minimum(edge_map(photo.picture[None])[0] / 300, 1)[None].repeat(len(steps), 0), **found},
                         [f"{k} random layers" for k in steps], width=10,
                         alt="A photograph of a cat, its edges, and two methods on SqueezeNet with more and more random layers.")


outside(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: more random layers in each column, 26 being all of them; each map explains the class that its network prefers and is cut at its 99th percentile. Say for each row at which column
# you would no longer believe that it explains a cat, and compare with the row of edges.
#
# ## References
#
# - J. Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018: cascade, random labels, and the figure on the CS 360 slide.
# - A. Binder et al., *Shortcomings of top-down randomization-based sanity checks for evaluations of deep neural network explanations*, CVPR 2023.
# - L. Sixt, M. Granz, T. Landgraf, *When explanations lie: why many modified BP attributions fail*, ICML 2020.
# - W. Nie, Y. Zhang, A. Patel, *A theoretical explanation for perplexing behaviors of backpropagation-based visualizations*, ICML 2018.
# - S. Lapuschkin et al., *Unmasking Clever Hans predictors and assessing what machines really learn*, Nature Communications 2019.
# - Z. Wang et al., *Image quality assessment: from error visibility to structural similarity*, IEEE TIP 2004.
# - K. He et al., *Delving deep into rectifiers*, ICCV 2015: the spread of new weights.
