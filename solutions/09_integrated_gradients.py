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
# # Lab 09 · Integrated gradients and DeepLIFT
#
# *6.874, recitation 5. About 130 minutes. Builds on lab 06 (saliency).*
#
# A gradient says what the next tiny step would do. If a network is already sure, the next step does nothing, and the gradient says that
# nothing matters. How do you explain a score that no longer moves?
#
# You will be able to
#
# - **show** a score that everything depends on and whose gradient is zero;
# - **compute** integrated gradients with a quadrature rule, and **say** from their sum how wrong they are;
# - **choose** a baseline, and **predict** what it makes invisible;
# - **build** DeepLIFT's rescale rule for dense and convolution layers, ReLU and max pooling;
# - **catch** an implementation that is silently wrong.

# %%
import copy
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score
from torch import nn

from course_utils import models, scoring
from course_utils.datasets import digits, dna, photos, real, zoo
from course_utils.models import imagenet
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, heatmaps, logo, panels
from course_utils.plots.scores import dots
from course_utils.settings import profile
from course_utils.training import fit
from course_utils.widgets import ig_path

start("09")

# %% [markdown] tags=["instructor"]
# **Plan, 130 minutes:** 1 Saturation 8 · 2 Path and points 14 (09.1) · 3 Integrated gradients 20 (09.2) · 4 Completeness 16 (09.3) ·
# 5 Baselines 12 · 6 Shuffles 18 (09.4) · 7 DeepLIFT 28 (09.5, 09.6) · 8 The silent library 5 · 9 Motifs and 10 Touch 8. In 90
# minutes: 09.4 is homework; the check goes on with the solution, and section 9 works.

# %% [markdown]
# ## 1 · A score that no longer moves
#
# The example of the recitation has two inputs, $i_1$ and $i_2$, and a score that stops growing at 1:
#
# $$y = \min(i_1 + i_2,\ 1) .$$
#
# It is a tiny ReLU network, $y = 1 - \mathrm{ReLU}(1 - i_1 - i_2)$: two dense layers and a ReLU between them.

# %%
def saturating():
    """min(i1 + i2, 1) as a network: inputs (n, 2) in float64, one score (n, 1)."""
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1)).double().requires_grad_(False)
    for layer, weight, bias in ((network[0], -1.0, 1.0), (network[2], -1.0, 1.0)):
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    return network


def gradient(model, inputs, labels):
    """Slope of each input's class score in all of its entries, as in lab 06: same shape as `inputs`."""
    x = inputs.detach().clone().requires_grad_()
    scores = model(x)[torch.arange(len(labels)), labels]
    return torch.autograd.grad(scores.sum(), x)[0]


tiny, only = saturating(), torch.tensor([0])
both_on = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
one_off = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
claim("Gradient of y at (1, 1)", gradient(tiny, both_on, only).abs().max(), equals=0.0)
claim("y falls by this if both inputs go to 0, and by this if one does",
      [(tiny(both_on) - tiny(fewer)).item() for fewer in (0 * both_on, one_off)], equals=[1.0, 0.0])

# %% [markdown]
# Everything depends on the two inputs, yet the gradient is zero, and so is the answer of occlusion (lab 08), which takes one input away
# at a time. The next figure shows why.

# %%
side = np.linspace(0, 1.3, 14)
i1, i2 = np.meshgrid(side, side)
everywhere = torch.from_numpy(np.stack([i1.ravel(), i2.ravel()], axis=1))
slopes = gradient(tiny, everywhere, torch.zeros(len(everywhere), dtype=torch.long)).numpy()
values = tiny(everywhere).numpy().reshape(i1.shape)

figure, (plane, line) = panels(1, 2, width=9, height=3.7)
shades = plane.contourf(i1, i2, values, levels=np.linspace(0, 1, 101), cmap="cividis")
moving = slopes.any(axis=1)
plane.quiver(i1.ravel()[moving], i2.ravel()[moving], *slopes[moving].T, color="white", width=0.004, scale=22)
plane.plot([0, 1], [0, 1], color=PALETTE[1])
plane.plot([0, 1], [0, 1], "o", color=PALETTE[1])
plane.set(xlabel="$i_1$", ylabel="$i_2$", title="y, its gradient, and a path", aspect="equal")
figure.colorbar(shades, ax=plane, label="y", ticks=[0, 0.5, 1])
alpha = np.linspace(0, 1, 101)
line.plot(alpha, np.minimum(2 * alpha, 1), color="black", label="y along the path")
line.plot([0.6, 1.0], [1, 1], color=PALETTE[0], linestyle=":", linewidth=4, label="infinitesimal: slope 0")
line.plot([0, 1], [0, 1], color=PALETTE[1], linestyle="--", label="finite: slope 1")
line.set(xlabel="α, share of the way from (0, 0) to (1, 1)", ylabel="y", title="Two kinds of slope")
line.legend(loc="lower right")
describe(figure, "Left: y over the plane of both inputs with arrows of its gradient, which vanish where the sum exceeds 1, and a path from "
                 "(0, 0) to (1, 1). Right: y along the path rises and stays at 1; the tangent at its end is flat, the line from end to end rises.")

# %% [markdown]
# What is to be seen: where $y$ has reached 1 there are no arrows. Along the orange path $y$ rises and then stays; the tangent at its end
# is flat (dotted), the straight line from end to end is not (dashed).
#
# The dashed line is a **finite difference**: it needs a second point, from which the change is counted. That point is called the
# **baseline** $x'$ (DeepLIFT says *reference*). Importance is relative: relative to what, you have to say. Write $S$ for the score, $y$ in the example, and $x$ for the input. Both methods of this lab share out the
# finite difference $S(x) - S(x')$ among the entries of $x$.

# %% [markdown] tags=["instructor"]
# **1, 8 minutes.** Draw min(i1 + i2, 1) on the board and ask: "which input is responsible at (1, 1)?" Collect: none (gradient), none
# (occlusion), half and half. Ask for an argument for the last one; it is completeness and symmetry.

# %% [markdown]
# ## 2 · The mean slope along the way
#
# Walk from the baseline to the input on a straight line, $x' + \alpha\,(x - x')$ with $\alpha$ from 0 to 1, and add up what each entry
# contributes on the way. By the chain rule and the fundamental theorem of calculus,
#
# $$S(x) - S(x') = \int_0^1 \frac{d}{d\alpha} S\big(x' + \alpha(x - x')\big)\, d\alpha
# = \sum_i\ \underbrace{(x_i - x'_i) \int_0^1 \frac{\partial S\big(x' + \alpha(x - x')\big)}{\partial x_i}\, d\alpha}_{\mathrm{IG}_i(x)} .$$
#
# The term $\mathrm{IG}_i$ is the **integrated gradient** of entry $i$ (Sundararajan, Taly and Yan, 2017): the way that the entry has gone,
# times its mean slope on the way. That all of them add up to $S(x) - S(x')$ is called **completeness**.
#
# An integral needs a rule: $m$ points $\alpha_k$ with weights $w_k$, and $\int_0^1 f(\alpha)\,d\alpha \approx \sum_k w_k f(\alpha_k)$.
#
# | rule | points, $k = 0 \dots m-1$ | weights |
# |---|---|---|
# | left | left edge of each of $m$ equal parts | all equal |
# | right | right edge of each part; this is the sum on the slide | all equal |
# | midpoint | middle of each part | all equal |
# | Gauss-Legendre | zeros of a polynomial, denser towards both ends | unequal |

# %% [markdown] tags=["card"] label="09.1-card"
# ### Exercise 09.1 · Where to stand on the path
# *1 point · 7 minutes · difficulty ●○○*
#
# Write `path_rule(rule, m)`: the points and weights of the four rules on the interval from 0 to 1. For Gauss-Legendre,
# `np.polynomial.legendre.leggauss(m)` has points and weights for the interval from -1 to 1; bring them over.
# Stuck? `%hint 09.1` gives a hint, `%reveal 09.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="09.1"
def path_rule(rule, m):
    """Points and weights of a quadrature rule on [0, 1].

    Parameters
    ----------
    rule : "left", "right", "midpoint" or "gauss"
    m : int
        Number of points, at least 1.

    Returns
    -------
    alphas : ndarray of float, shape (m,)
        In ascending order, between 0 and 1.
    weights : ndarray of float, shape (m,)
        They add up to 1.
    """
    ### BEGIN SOLUTION
    if rule == "gauss":
        nodes, weights = np.polynomial.legendre.leggauss(m)  # shown
        return (nodes + 1) / 2, weights / 2
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[rule]
    return (np.arange(m) + shift) / m, np.full(m, 1 / m)
    ### END SOLUTION


# %% tags=["check"] label="09.1-check"
path_rule = check("09.1", path_rule)

# %% tags=["target"] target="09.1"
RULES = ("left", "right", "midpoint", "gauss")
LOOKS = dict(zip(RULES, ((PALETTE[0], "o"), (PALETTE[4], "s"), (PALETTE[1], "D"), (PALETTE[2], "^"))))

figure, axes = panels(1, 4, width=9.6, height=2.7, sharey=True)
for panel, rule in zip(axes, RULES):
    alphas, weights = path_rule(rule, 5)
    slope_there = np.where(alphas < 0.5, 2.0, 0.0)
    panel.step([0, 0.5, 1], [2, 2, 0], where="pre", color="0.6")
    panel.bar(np.cumsum(weights) - weights, slope_there, weights, align="edge", color=LOOKS[rule][0], alpha=0.3)
    panel.plot(alphas, slope_there, LOOKS[rule][1], color=LOOKS[rule][0])
    panel.set(title=f"{rule}: {weights @ slope_there:.2f}", xlabel="α", xlim=(-0.05, 1.05), ylim=(-0.1, 2.3))
axes[0].set_ylabel("slope of y on the path")
describe(figure, "Four panels with five points each on a slope that is 2 up to one half and 0 beyond: the estimates of the area differ between "
                 "the rules and from the true area, 1.")

# %% [markdown]
# What is to be seen: the slope of $y$ along the orange path is 2 up to the kink and 0 beyond it, so its integral is 1. Five points, four rules, three answers (in the titles): the middle point of the midpoint rule falls on the jump itself, and
# its estimate is that of the right rule. A kink in the score is a jump in the slope, and near a jump it is a matter of luck on which side
# a point falls.

# %% [markdown] tags=["instructor"]
# **2, 14 minutes.** Before the figure: "m = 10 with the left rule on this example: exact or not? And m = 5?" (The jump lies on an edge for
# even m.) Rules with good names do not win where the function has jumps; section 4 measures it.

# %% [markdown]
# ## 3 · Integrated gradients
#
# For $n$ inputs and $m$ points there are $m \cdot n$ gradients to take, and no two depend on each other: they can go through the network
# in batches. Small ones: what a batch leaves behind in the layers should fit into the processor's cache until the way back needs it.

# %%
BATCH = 16   # points that the network gets at a time

# %% [markdown] tags=["card"] label="09.2-card"
# ### Exercise 09.2 · Integrated gradients
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `integrated_gradients`. `gradient` (section 1) takes the slopes of a batch, and `path_rule` says where. The function has to
# work for inputs of any shape: pictures `(n, 3, h, w)`, sequences `(n, 4, length)`, tables `(n, features)`. Hand the network `BATCH`
# points at once: all $m \cdot n$ of them would fill the memory.

# %% tags=["exercise"] label="09.2"
def integrated_gradients(model, inputs, labels, baselines, m, rule="midpoint"):
    """Integrated gradients of each input's class score.

    Parameters
    ----------
    model : callable
        Takes (n, ...), returns scores (n, classes), before the softmax.
    inputs : torch.Tensor, float, shape (n, ...)
    labels : torch.Tensor, int64, shape (n,)
        Class to explain for each input.
    baselines : torch.Tensor, shape of `inputs`
        Where each input's path starts.
    m : int
        Points on the path.
    rule : str
        As for `path_rule`.

    Returns
    -------
    torch.Tensor, shape of `inputs`
        Input minus baseline, times the weighted mean of the gradients at the m points. Detached.
    """
    ### BEGIN SOLUTION
    alphas, weights = (torch.as_tensor(part, dtype=inputs.dtype).view(m, *[1] * inputs.ndim) for part in path_rule(rule, m))
    difference = inputs - baselines
    path = (baselines + alphas * difference).flatten(0, 1)
    portions = zip(path.split(BATCH), labels.repeat(m).split(BATCH))
    gradients = torch.cat([gradient(model, points, classes) for points, classes in portions])
    return difference * (weights * gradients.view(m, *inputs.shape)).sum(dim=0)
    ### END SOLUTION


# %% tags=["check"] label="09.2-check"
integrated_gradients = check("09.2", integrated_gradients)

# %% [markdown]
# Two cases whose answer you know. In the saturated example the two inputs are alike and the score has risen by 1, so each has to get a
# half. For a linear model $S = w \cdot x + b$ the slope is $w$ everywhere on the path, so $\mathrm{IG} = w\,(x - x')$ with any rule.

# %%
halves = integrated_gradients(tiny, both_on, only, torch.zeros_like(both_on), 100)

coins = torch.Generator().manual_seed(0)
linear = nn.Linear(5, 3).double().requires_grad_(False)
vectors, origins = torch.randn((2, 4, 5), generator=coins, dtype=torch.float64)
classes = torch.tensor([0, 2, 1, 2])
products = linear.weight[classes] * (vectors - origins)
gaps = (halves - 0.5).abs().max(), (integrated_gradients(linear, vectors, classes, origins, 3, "left") - products).abs().max()
claim("Integrated gradients of the saturated example and of a linear model are off by", max(gaps), at_most=1e-9)

# %% [markdown]
# Now the zoo. The baseline has to be *a picture that shows nothing*; take the same picture, blurred until no part can be told.

# %%
model = models.load("zoonet")
animals = zoo.load(profile(32, 12), seed=92)
pictures, labels = models.as_input(animals.pictures), torch.from_numpy(animals.labels)
names = animals.class_names


def blurred(pictures, sigma=6.0):
    """Pictures (n, 3, h, w) behind a Gaussian blur of `sigma` pixels."""
    return torch.from_numpy(gaussian_filter(pictures.numpy(), (0, 0, sigma, sigma)))


def own_score(model, inputs, labels):
    """Score (n,) of each input's own class, without a graph."""
    with torch.no_grad():
        return model(inputs)[torch.arange(len(labels)), labels]


blur = blurred(pictures)

# %% tags=["target"] target="09.2"
six = [int(np.flatnonzero(animals.labels == species)[0]) for species in np.unique(animals.labels)[:6]]
integrated = integrated_gradients(model, pictures[six], labels[six], blur[six], 32)
product = gradient(model, pictures[six], labels[six]) * (pictures - blur)[six]
two_maps = {"gradient ×\ndifference": product.sum(dim=1).numpy(), "integrated\ngradients": integrated.sum(dim=1).numpy()}
figure, axes = panels(4, 6, width=9.2, height=6.3)
for column, k in enumerate(six):
    heatmaps.draw_picture(axes[0, column], pictures[k])
    axes[0, column].set_title(names[animals.labels[k]])
    heatmaps.draw_picture(axes[1, column], blur[k])
    for row, heats in enumerate(two_maps.values(), start=2):
        limit = float(np.quantile(np.abs(heats[column]), 0.995))
        heatmaps.draw(axes[row, column], heats[column], signed=True, limit=limit)
        heatmaps.outline(axes[row, column], animals.masks[k], "0.3", 0.8)
for row, name in enumerate(("picture", "baseline", *two_maps)):
    axes[row, 0].set_ylabel(name)
describe(figure, "Six animals, their blurred baselines, and two maps each in red and blue: gradient times difference, and integrated gradients. "
                 "Both gather on the animals' outlines.")

# %% [markdown]
# What is to be seen: red entries raise the score of the class above the blurred picture's, blue ones lower it (each map's scale ends at its
# 99.5th percentile). Both gather on the animal and look much alike there; integrated gradients mark plants and stones, too. So what is the
# integral good for? Unlike the row above it, the last row *adds up*, and that can be tested.

# %% [markdown]
# ### A second opinion
#
# Captum is the library that most people use. In double precision, with the same rule, the two have to agree to rounding (Captum keeps the
# weights of its rules in single precision).

# %%
from captum.attr import DeepLift, IntegratedGradients

precise = copy.deepcopy(model).double()
two, two_labels, two_blurs = pictures[:2].double(), labels[:2], blur[:2].double()
differences = []
for rule, method in (("right", "riemann_right"), ("midpoint", "riemann_middle"), ("gauss", "gausslegendre")):
    ours = integrated_gradients(precise, two, two_labels, two_blurs, 8, rule)
    theirs = IntegratedGradients(precise).attribute(two, two_blurs, target=two_labels, n_steps=8, method=method)
    differences.append((ours - theirs).abs().max() / ours.abs().max())
claim("Three rules: largest difference from Captum, as a share of the largest value", max(differences), at_most=1e-5)

# %% [markdown] tags=["instructor"]
# **3, 20 minutes.** While they write: the two classical bugs are `repeat_interleave` for `repeat`, and `.mean()` with Gauss. Both pass a look
# at the map. Show with the hint of the checker how a wrong map looks just like a right one.

# %% [markdown]
# ## 4 · Does it add up?
#
# Completeness holds for the integral. With $m$ points it holds up to an error, and the error can be *seen*, without knowing the right map:
#
# $$\text{completeness error} = \frac{\big|\sum_i a_i - \big(S(x) - S(x')\big)\big|}{\big|S(x) - S(x')\big|} ,$$
#
# with $a_i$ the attributions of one input.

# %% [markdown] tags=["card"] label="09.3-card"
# ### Exercise 09.3 · Completeness error
# *1 point · 6 minutes · difficulty ●○○*
#
# Write `completeness_error` for a batch: one number for each input. It will be the test for every method from here on.

# %% tags=["exercise"] label="09.3"
def completeness_error(attributions, model, inputs, labels, baselines):
    """Relative gap between the sum of the attributions and the difference of the scores.

    Parameters
    ----------
    attributions : torch.Tensor, shape of `inputs`
    model, inputs, labels, baselines
        As for `integrated_gradients`.

    Returns
    -------
    torch.Tensor, shape (n,)
        |sum of the input's attributions - (S(x) - S(x'))| / |S(x) - S(x')|, S the score of its own class.
    """
    ### BEGIN SOLUTION
    mine = torch.arange(len(labels))
    with torch.no_grad():
        rise = model(inputs)[mine, labels] - model(baselines)[mine, labels]
    return (attributions.flatten(1).sum(dim=1) - rise).abs() / rise.abs()
    ### END SOLUTION


# %% tags=["check"] label="09.3-check"
completeness_error = check("09.3", completeness_error)

# %%
error = completeness_error(product, model, pictures[six], labels[six], blur[six]).mean()
claim("Mean completeness error of gradient × difference", error, at_least=0.15)
error = completeness_error(integrated, model, pictures[six], labels[six], blur[six]).mean()
claim("Mean completeness error of integrated gradients, midpoint rule with m = 32", error, at_most=0.05)

# %% [markdown]
# ### How many points?
#
# Textbooks say how a rule's error falls *for smooth functions*: left and right as $1/m$, midpoint as $1/m^2$, Gauss faster than any power.
# Is a network smooth? With ReLU and max pooling the score is piecewise linear, so along the path its slope is made of steps. For
# comparison, take a *smooth twin* of the network with the same weights: softplus for ReLU, averages for max pooling. It is no good at
# naming animals; it is there to be integrated.

# %%
def smooth_twin(network, sharpness=2.0):
    """The network with softplus for every ReLU and average pooling for max pooling."""
    twin = copy.deepcopy(network)
    for name, layer in list(twin.features.named_children()):
        if isinstance(layer, nn.ReLU):
            setattr(twin.features, name, nn.Softplus(beta=sharpness))
        elif isinstance(layer, nn.MaxPool2d):
            setattr(twin.features, name, nn.AvgPool2d(layer.kernel_size))
    return twin


def slope_along(model, inputs, labels, baselines, alphas):
    """dS/dα of each input's score at each α of its path: float64 (len(alphas), n)."""
    way = inputs - baselines
    return np.stack([(gradient(model, baselines + float(alpha) * way, labels) * way).flatten(1).sum(dim=1).double().numpy() for alpha in alphas])


FINE = profile(256, 128)   # the points of all even rules with m up to FINE / 2 lie on one grid of FINE + 1 points


def rule_errors(model, inputs, labels, baselines, most):
    """Grid of slopes, the values of m, and for each rule the mean completeness error at each m, up to m = most."""
    rise = (own_score(model, inputs, labels) - own_score(model, baselines, labels)).double().numpy()
    grid = slope_along(model, inputs, labels, baselines, np.arange(2 * most + 1) / (2 * most))
    counts = [m for m in (4, 8, 16, 32, 64, 128) if m <= most]
    sums = {"left": lambda m: grid[:-1:2 * most // m].mean(axis=0), "midpoint": lambda m: grid[most // m::2 * most // m].mean(axis=0)}

    def by_gauss(m):
        alphas, weights = path_rule("gauss", m)
        return weights @ slope_along(model, inputs, labels, baselines, alphas)

    sums["gauss"] = lambda m: by_gauss(m) if m <= 64 else np.full(len(rise), np.nan)
    return grid, counts, {rule: [np.mean(np.abs(total(m) - rise) / np.abs(rise)) for m in counts] for rule, total in sums.items()}


few = slice(0, profile(8, 3))
kinked = rule_errors(model, pictures[few], labels[few], blur[few], FINE // 2)
smooth = rule_errors(smooth_twin(precise), pictures[:3].double(), labels[:3], blur[:3].double(), 32)

# %%
figure, axes = panels(1, 2, width=9, height=3)
for panel, (grid, _, _), title in ((axes[0], kinked, "the network"), (axes[1], smooth, "its smooth twin")):
    for k in range(3):
        panel.plot(np.linspace(0, 1, len(grid)), grid[:, k], color=PALETTE[k], linewidth=1.4, label=f"picture {k}")
    panel.set(xlabel="α, share of the way to the picture", ylabel="slope dS/dα", title=title)
    panel.axhline(0, color="0.7", linewidth=0.8, zorder=0)
axes[0].legend()
describe(figure, "Slope of the score along the path for three pictures: ragged, in steps, for the network; smooth curves for its twin.")

# %% [markdown]
# What is to be seen: the curve under which the area is wanted. The network's is ragged, with jumps wherever a ReLU switches or a max
# pooling changes its winner; the twin's is smooth.

# %%
figure, axes = panels(1, 2, width=9, height=3.6)
for panel, (_, counts, errors), title in ((axes[0], kinked, "the network"), (axes[1], smooth, "its smooth twin")):
    for rule, values in errors.items():
        panel.loglog(counts, values, LOOKS[rule][1] + "-", color=LOOKS[rule][0], label=rule)
    panel.loglog(counts, errors["left"][0] * counts[0] / np.array(counts), color="0.6", linestyle="--", linewidth=1, label="1/m")
    panel.set(xlabel="points m", ylabel="completeness error", title=title, xticks=counts, xticklabels=counts)
    panel.minorticks_off()
axes[0].legend()
describe(figure, "Two log-log charts of the completeness error against m: for the network all rules fall about as 1/m, midpoint lowest "
                 "from 8 points on; for the smooth twin midpoint falls as 1/m squared and Gauss drops to rounding.")

# %% [markdown]
# What is to be seen: on the right the textbook; on the left the network, where every rule falls about as $1/m$, because the jumps set the
# pace. Midpoint lies lower there by roughly a constant factor, Gauss only at first; neither has a better power.

# %%
def power(counts, values):
    """Exponent p of values ~ m^p, by least squares on logarithms."""
    kept = np.isfinite(values)
    return np.polyfit(np.log(np.array(counts)[kept]), np.log(np.array(values)[kept]), 1)[0]


eight = kinked[1].index(8)
claim("Smooth twin: the error of the midpoint rule falls as m to the power of", power(smooth[1], smooth[2]["midpoint"]), between=(-2.4, -1.8))
claim("Network: the error of the left rule falls as m to the power of", power(kinked[1], kinked[2]["left"]), between=(-1.4, -0.75))
claim("Network: the same for the midpoint rule", power(kinked[1], kinked[2]["midpoint"]), between=(-1.5, -0.75))
claim("Smooth twin, m = 8: error of Gauss divided by that of midpoint", smooth[2]["gauss"][eight] / smooth[2]["midpoint"][eight], at_most=0.1)
claim("Network, m = 8: the same", kinked[2]["gauss"][eight] / kinked[2]["midpoint"][eight], at_least=0.9, needs_full=True)

# %% [markdown]
# On the smooth twin Gauss with eight points is far ahead of the midpoint rule. On the network the finer-looking rule gains nothing: which
# of the two is ahead changes with $m$ and with the pictures.

# %% [markdown]
# ### The trap: m = 10 looks fine
#
# Take the slide's sum (the right rule) with $m = 10$, and look at the map.

# %%
some = slice(0, profile(6, 3))
rough = integrated_gradients(model, pictures[some], labels[some], blur[some], 10, "right")
careful = integrated_gradients(model, pictures[some], labels[some], blur[some], profile(128, 64))
alike = [np.corrcoef(a.sum(dim=0).flatten(), b.sum(dim=0).flatten())[0, 1] for a, b in zip(rough, careful)]
limit = float(np.quantile(careful[:3].sum(dim=1).abs(), 0.998))
heatmaps.grid(animals.pictures[:3], {"right, m = 10": rough[:3].sum(dim=1).numpy(), f"midpoint,\nm = {profile(128, 64)}": careful[:3].sum(dim=1).numpy()},
              limit=limit, signed=True, width=6, alt="Three pictures, their maps with ten points and with many: hardly to be told apart.")

# %% [markdown]
# What is to be seen: on one scale, hardly a difference. No eye finds this error; the sum does.

# %%
claim("Mean correlation of the map with m = 10 with the careful one", np.mean(alike), at_least=0.85)
error = completeness_error(rough, model, pictures[some], labels[some], blur[some]).mean()
claim("Mean completeness error with m = 10", error, at_least=0.02)

# %% [markdown]
# So always print the completeness error beside a map, and raise $m$ until it is small. It is a necessary test, not a sufficient one: errors
# of single entries can cancel in a sum.

# %% [markdown] tags=["instructor"]
# **4, 16 minutes.** Let them bet on the power before the figure. Why is midpoint not 1/m² on the left? Each jump makes an error of at most
# its size times half a part. Captum's default is Gauss with 50 points; its `riemann_trapezoid` gives m points but weights that add up to
# (m - 1)/m, which the completeness error finds too.

# %% [markdown]
# ## 5 · The baseline
#
# *For MNIST a black background is suitable. With other inputs, picking a baseline is not so intuitive*, says the recitation. First ask the
# network what it thinks of a "picture that shows nothing".

# %%
starting_points = {
    "black": torch.zeros_like(pictures),
    "white": torch.ones_like(pictures),
    "mean colour": pictures.mean(dim=(2, 3), keepdim=True).expand_as(pictures).clone(),
    "blurred": blur,
}


def sureness(inputs):
    """Mean over the inputs of the largest class probability, and the class that wins most often."""
    with torch.no_grad():
        top, winner = torch.softmax(model(inputs), dim=1).max(dim=1)
    return top.mean().item(), names[int(winner.mode().values)]


# %% tags=["nbval-ignore-output"]
for name, starts in starting_points.items():
    print("{:12} largest probability {:.2f}, mostly {}".format(name, *sureness(starts)))

# %% [markdown]
# A network with eight classes has no class "nothing". Whatever it says of the baseline is subtracted from what it says of the picture, so
# look at it before you explain anything.
#
# Which baseline finds the animals? Rank accuracy (lab 06) is the share of the $K$ largest values that lie on the animal of $K$ pixels;
# random numbers and edges of the picture are controls that know no model.

# %%
def strength(attributions):
    """Size of the attribution of each pixel: (n, 3, h, w) to (n, h, w)."""
    return attributions.sum(dim=1).abs().numpy()


POINTS = profile(12, 6)
maps = {f"IG, {name}": strength(integrated_gradients(model, pictures, labels, starts, POINTS)) for name, starts in starting_points.items()}
slope = gradient(model, pictures, labels)
maps["gradient × input"] = strength(slope * pictures)
maps["gradient, length"] = slope.norm(dim=1).numpy()
maps |= {"random": scoring.random_maps(animals.masks.shape), "Sobel edges": scoring.sobel_edges(animals.pictures)}
scores = {name: {"rank accuracy": scoring.bootstrap(scoring.rank_accuracy(values, animals.masks)),
                 "mass in mask": scoring.bootstrap(scoring.mass_in_mask(values, animals.masks))} for name, values in maps.items()}
dots(scores, ("random", "Sobel edges"), xlabel="mean, 95 % interval",
     alt="Rank accuracy and mass in mask of integrated gradients with four baselines, of two gradients, and of two controls: black is no better "
         "than edges, the other baselines are far above.")

# %% [markdown]
# What is to be seen: the same method, four baselines. With a black one, integrated gradients do no better than edges; with the others
# they find the animal. The plain gradient does as well by rank accuracy: this network's *scores* are not saturated by one animal. Completeness is
# no promise of a better place.

# %%
gains = [scoring.rank_accuracy(maps[f"IG, {name}"], animals.masks) - scoring.rank_accuracy(maps["IG, black"], animals.masks)
         for name in ("white", "mean colour", "blurred")]
claim("Rank accuracy of each other baseline minus that of black, lower end of the interval, smallest",
      min(scoring.bootstrap(gain)[1] for gain in gains), at_least=0.05)

# %% [markdown]
# ### The trap: the colour of the baseline is invisible
#
# The factor $x_i - x'_i$ is zero where picture and baseline agree. Paint all animals black: the network still names most of them, by their
# shape. Then explain them with a black baseline and with the mean colour.

# %%
dozen = slice(0, profile(16, 8))
inside = torch.from_numpy(animals.masks[dozen])
silhouettes = torch.where(inside[:, None], 0.0, pictures[dozen])
mean_colour = silhouettes.mean(dim=(2, 3), keepdim=True).expand_as(silhouettes).clone()
from_black = integrated_gradients(model, silhouettes, labels[dozen], torch.zeros_like(silhouettes), POINTS)
from_mean = integrated_gradients(model, silhouettes, labels[dozen], mean_colour, POINTS)
with torch.no_grad():
    named = (model(silhouettes).argmax(dim=1) == labels[dozen]).double().mean()
claim("Black animals that the network still names rightly, share", named, at_least=0.5)

# %%
heatmaps.grid(silhouettes[:5].numpy(), {"from black": strength(from_black)[:5], "from the\nmean colour": strength(from_mean)[:5]}, width=8,
              alt="Black silhouettes of animals; with a black baseline their maps have a hole where the animal is, with the mean colour the animal glows.")

# %% [markdown]
# What is to be seen: with a black baseline the map has a hole in the shape of the animal, and the network's evidence is put down to the
# landscape. With the mean colour the animal glows.

# %%
claim("Largest attribution on a black animal, black baseline", strength(from_black)[inside.numpy()].max(), equals=0.0)
on_animal = scoring.mass_in_mask(strength(from_mean), animals.masks[dozen]).mean()
claim("Share of the map on the animal, mean colour as the baseline", on_animal, at_least=0.4)

# %% [markdown]
# Nothing has to be painted for that. Give each picture a baseline in the median colour of its own animal, and one in the opposite colour:

# %%
colour = torch.stack([picture[:, mask].median(dim=1).values for picture, mask in zip(pictures[dozen], inside)])[:, :, None, None]
shares = {}
for name, tint in (("own", colour), ("opposite", 1 - colour)):
    found = integrated_gradients(model, pictures[dozen], labels[dozen], tint.expand_as(pictures[dozen]).clone(), POINTS)
    shares[name] = scoring.mass_in_mask(strength(found), animals.masks[dozen])
claim("Share of the map on the animal, opposite colour minus own colour", np.mean(shares["opposite"] - shares["own"]), at_least=0.1)

# %% [markdown]
# ### Digits: is black really suitable?
#
# In a picture of a digit, black is "no ink". A dense network on the digits of scikit-learn (8×8 pixels, ink is 1) shows what that hides.

# %%
written = digits.load()
flat, which = torch.from_numpy(written.pictures.reshape(-1, 64) / 255).float(), torch.from_numpy(written.labels)
torch.manual_seed(0)
reader = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 10))
fit(reader, flat[:1200], which[:1200], loss=F.cross_entropy, epochs=15, batch_size=32, lr=5e-3, progress=False)
reader.requires_grad_(False)
unseen, unseen_labels = flat[1200:], which[1200:]

zeros = unseen[(unseen_labels == 0) & (reader(unseen).argmax(dim=1) == 0)]
zero = torch.zeros(len(zeros), dtype=torch.long)
HOLE = [27, 28, 35, 36]   # the four pixels in the middle
filled = zeros.clone()
filled[:, HOLE] = 1.0

# %%
mean_digit = flat[:1200].mean(dim=0).expand_as(zeros).clone()
ink = integrated_gradients(reader, zeros, zero, torch.zeros_like(zeros), 32)
ink_and_paper = integrated_gradients(reader, zeros, zero, mean_digit, 32)
shown = (zeros[0], filled[0], mean_digit[0], ink[0], ink_and_paper[0])
titles = ("a zero", "its hole filled", "mean digit", "IG, black", "IG, mean digit")
limit = float(torch.stack(shown[3:]).abs().max())
figure, axes = panels(1, 5, width=9.2, height=2.3)
for panel, values, title in zip(axes, shown, titles):
    if title.startswith("IG"):
        heatmaps.draw(panel, values.view(8, 8).numpy(), signed=True, limit=limit)
    else:
        heatmaps.draw_picture(panel, values.view(8, 8))
    heatmaps.box(panel, (3, 3, 5, 5), PALETTE[4])
    panel.set_title(title)
describe(figure, "A written zero, the same with its hole filled, the mean digit, and two maps of integrated gradients: with a black baseline the hole is "
                 "white, with the mean digit it is red.")

# %% [markdown]
# What is to be seen: the orange box is the hole of the zero. From black, it gets nothing, because there is nothing to take away. From the
# mean digit, which has ink there, *the absence of ink* speaks for a zero.

# %%
drop = own_score(reader, zeros, zero) - own_score(reader, filled, zero)
claim("Filling the hole lowers the score of 0 in a share of the zeros", (drop > 0).double().mean(), at_least=0.9)
claim("Share of the zeros whose hole speaks for 0, baseline mean digit", (ink_and_paper[:, HOLE].sum(dim=1) > 0).double().mean(), at_least=0.9)

# %% [markdown] tags=["instructor"]
# **5, 12 minutes.** Ask before the figure of black animals: "what will the map of a black animal from a black baseline look like?" There is
# no baseline without a blind spot. What helps: several baselines, averaged (Sturmfels et al. 2020 compare them; expected gradients
# average over the data). The next section averages over shuffles.

# %% [markdown]
# ## 6 · A baseline for DNA
#
# A sequence of length $L$ goes into a network as *one-hot* columns, $(4, L)$: rows A, C, G, T. Candidates for "a sequence that says
# nothing":
#
# - **zeros**: no letter anywhere, which the network has never seen;
# - **uniform**: 0.25 in each row, every letter a little, which it has not seen either;
# - **shuffles** of the sequence itself: real letters in a meaningless order. One is arbitrary; the mean over several is not.
#
# How to shuffle? In genomes of vertebrates the pair CG is rare. A shuffle of single letters makes it common, and the network may answer to
# that. So the counts of all sixteen **dinucleotides**, pairs of neighbours, should stay.
#
# Read the sequence as a walk: CACGAC walks C→A→C→G→A→C. Its five arrows are the pairs. A sequence with the same letters and the same pairs is another walk that
# uses each arrow once (an *Euler path*), and it starts and ends where the first one does. Drawing such a walk at random needs one
# idea, of Altschul and Erickson (1985): the walk cannot get stuck if each letter's *last* arrow is chosen well.
#
# 1. List the arrows that leave each letter.
# 2. For every letter but the sequence's last one, draw one of its arrows to be its last. Follow only these last arrows: if you come from
#    every letter to the sequence's last letter, keep them; else draw all of them again.
# 3. Put the other arrows of each letter in random order before it.
# 4. Start at the first letter and walk, using each letter's arrows in their order.

# %% [markdown] tags=["card"] label="09.4-card"
# ### Exercise 09.4 · A shuffle that keeps neighbours
# *3 points · 16 minutes · difficulty ●●●*
#
# Write `dinucleotide_shuffle(sequence, rng)` in these four steps. All arrangements that keep the counts of letters and pairs have to come equally often. Try it on
# CACGAC by hand first: which other walks are there?

# %% tags=["exercise"] label="09.4"
def dinucleotide_shuffle(sequence, rng):
    """A random sequence with the same first letter and the same count of every pair of neighbours.

    Parameters
    ----------
    sequence : str
        At least one letter, of any alphabet; some letters of the alphabet may be missing.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    str
        As long as `sequence`, with the same letters, pairs, first and last letter; each arrangement
        that has them is equally likely.
    """
    ### BEGIN SOLUTION
    exits = {letter: [] for letter in sequence}
    for letter, follower in zip(sequence, sequence[1:]):
        exits[letter].append(follower)
    end = sequence[-1]

    def arrives(letter):
        for _ in exits:
            letter = letter if letter == end else last[letter]
        return letter == end

    while True:
        order = {letter: [str(follower) for follower in rng.permutation(followers)] for letter, followers in exits.items()}
        last = {letter: followers[-1] for letter, followers in order.items() if letter != end}
        if all(arrives(letter) for letter in exits):
            break
    text = sequence[0]
    for _ in sequence[1:]:
        text += order[text[-1]].pop(0)
    return text
    ### END SOLUTION


# %% tags=["check"] label="09.4-check"
dinucleotide_shuffle = check("09.4", dinucleotide_shuffle)

# %% [markdown]
# What does the difference come to? Count CG in generated sequences (in whose background G rarely follows C, as in vertebrates), in their
# dinucleotide shuffles, and after shuffling single letters.

# %%
sites = dna.load(profile(400, 200), seed=92)
rng = np.random.default_rng(9)
by_pairs = [dinucleotide_shuffle(text, rng) for text in sites.letters[:100]]
by_letters = ["".join(rng.permutation(list(text))) for text in sites.letters[:100]]
count = {name: sum(text.count("CG") for text in texts) for name, texts in
         (("sequences", sites.letters[:100]), ("pairs", by_pairs), ("letters", by_letters))}
claim("CG after a shuffle of pairs, as often as before", count["pairs"] == count["sequences"])
claim("CG after a shuffle of single letters, times as often", count["letters"] / count["sequences"], at_least=1.3)

# %% [markdown] tags=["instructor"]
# **6, 18 minutes.** Do CACGAC at the board (arrows: C→A, C→G, A→C twice, G→A). Ask why both ends are fixed. Somebody will propose to walk at
# random and start again when stuck: that is right too, equally likely, and slow for long sequences with rare letters. Ask why.

# %% [markdown]
# ## 7 · DeepLIFT: one finite step through every layer
#
# Integrated gradients take $m$ gradients. **DeepLIFT** (Shrikumar, Greenside and Kundaje, 2017) takes finite differences *inside* the
# network instead. It runs the input and the reference forward once each and writes down, for every unit, the difference
# $\Delta t = t - t'$. Then it asks how much of $\Delta t$ each of the unit's inputs has contributed, $C_{\Delta x_i \Delta t}$, so that
# nothing is lost:
#
# $$\sum_i C_{\Delta x_i \Delta t} = \Delta t .$$
#
# The recitation does it for one ReLU in three steps. The reference is $x' = 2$, the input $x = -2$:
#
# 1. **slope:** $\Delta y = 0 - 2 = -2$ and $\Delta x = -2 - 2 = -4$, so $\Delta y / \Delta x = 0.5$;
# 2. **contribution:** $\Delta x \cdot \Delta y / \Delta x = -4 \cdot 0.5 = -2$;
# 3. **summation to delta:** the contributions add up to $\Delta y = -2$. They do: there is only one.
#
# The slope in step 1 is called the **multiplier**, $m_{\Delta x \Delta y} = C_{\Delta x \Delta y} / \Delta x$ (with indices, to
# tell it from $m$, the number of points). The gradient at $x = -2$ would have been 0.

# %% [markdown] tags=["card"] label="09.5-card"
# ### Exercise 09.5 · The rescale rule
# *2 points · 8 minutes · difficulty ●●○*
#
# Write `rescale(activation, inputs, references)`: the multiplier of every unit of an elementwise nonlinearity. One case needs thought: units
# whose input equals their reference. What is the limit of $\Delta y / \Delta x$ as $\Delta x \to 0$?

# %% tags=["exercise"] label="09.5"
def rescale(activation, inputs, references):
    """Multipliers of an elementwise nonlinearity by DeepLIFT's rescale rule.

    Parameters
    ----------
    activation : callable
        Tensor to tensor of the same shape, entry by entry: torch.relu, torch.tanh, ...
    inputs, references : torch.Tensor, float, any shape
        What enters the nonlinearity, for the input and for the reference.

    Returns
    -------
    torch.Tensor, same shape
        Change of the output for each unit of change of the input. Where the input differs from its
        reference by less than 1e-10, the derivative at the input. Detached; never NaN.
    """
    ### BEGIN SOLUTION
    x = inputs.detach().clone().requires_grad_()  # shown
    derivative = torch.autograd.grad(activation(x).sum(), x)[0]
    change = inputs - references
    same = change.abs() < 1e-10
    finite = (activation(inputs) - activation(references)) / torch.where(same, 1.0, change)
    return torch.where(same, derivative, finite).detach()
    ### END SOLUTION


# %% tags=["check"] label="09.5-check"
rescale = check("09.5", rescale)

# %%
of_slide = rescale(torch.relu, torch.tensor([-2.0]), torch.tensor([2.0]))
claim("The slide's slope and contribution", [of_slide.item(), (-4 * of_slide).item()], equals=[0.5, -2.0])

# %%
grid = torch.linspace(-3, 3, 241, dtype=torch.float64)
figure, axes = panels(1, 2, width=9, height=3.1, sharey=True)
for panel, (activation, title) in zip(axes, ((torch.relu, "ReLU"), (torch.sigmoid, "4 × sigmoid"))):
    factor = 4 if activation is torch.sigmoid else 1
    for k, reference in enumerate((-2.0, 2.0)):
        multiplier = factor * rescale(activation, grid, torch.full_like(grid, reference))
        panel.plot(grid, multiplier, color=PALETTE[k], label=f"multiplier, reference {reference:g}".replace("-", "−"))
    panel.plot(grid, factor * rescale(activation, grid, grid), color="black", linestyle="--", label="gradient")
    panel.set(xlabel="input x of the unit", title=title)
axes[0].set(ylabel="slope", ylim=(-0.05, 1.5))
axes[0].legend(fontsize=9, loc="upper left")
describe(figure, "Multipliers of ReLU and sigmoid against the input for two references, beside the gradient: the gradient is zero where the unit is "
                 "saturated; the multipliers change without jumps, and ReLU's is zero only where input and reference are both off.")

# %% [markdown]
# What is to be seen: the gradient (dashed) of a ReLU knows only "on" and "off", that of a sigmoid fades, and
# both die where a unit is saturated. The multiplier depends on the
# reference, moves without jumps, and is zero only if the output has not changed at all. It is the *mean slope* between reference and input; times the difference it is the integrated gradient of this one unit.

# %% [markdown]
# ### Max pooling
#
# A dense or a convolution layer is linear: its multipliers are its weights. A max pooling is not. Say a window holds $(3, 1)$ and its
# reference $(0, 2)$: the output goes from 2 up to 3. The rise of 1 is put down to the input's winner, the first entry, which moved by 3:
# multiplier $1/3$. If the window holds $(1, 2)$ and the reference $(4, 0)$, the output falls from 4 to 2, and the fall is put down to the
# *reference's* winner, which moved by $-3$: multiplier $2/3$. So a rise goes to who has won, a fall to who has lost.

# %%
def through_max_pooling(layer, inputs, references, multipliers):
    """Multipliers of what enters a max pooling, from those of what leaves it.

    layer: nn.MaxPool1d or nn.MaxPool2d; inputs, references: what enters it, (n, channels, ...);
    multipliers: shape of what leaves it. Returns the shape of `inputs`.
    """
    pool = F.max_pool1d if inputs.ndim == 3 else F.max_pool2d
    setting = {"kernel_size": layer.kernel_size, "stride": layer.stride, "padding": layer.padding, "return_indices": True}
    outputs, winners = pool(inputs, **setting)
    reference_outputs, reference_winners = pool(references, **setting)
    higher = torch.maximum(outputs, reference_outputs)
    shares = torch.zeros_like(inputs).flatten(2)    # scatter_add, as windows may overlap: one entry can win several
    shares = shares.scatter_add(2, winners.flatten(2), (multipliers * (higher - reference_outputs)).flatten(2))
    shares = shares.scatter_add(2, reference_winners.flatten(2), (multipliers * (outputs - higher)).flatten(2))
    change = inputs - references
    return torch.where(change == 0, 0.0, shares.view_as(inputs) / torch.where(change == 0, 1.0, change))


windows, before = torch.tensor([[[3.0, 1.0, 1.0, 2.0]]]), torch.tensor([[[0.0, 2.0, 4.0, 0.0]]])
by_hand = through_max_pooling(nn.MaxPool1d(2), windows, before, torch.ones(1, 1, 2))
claim("The two windows above: multipliers 1/3, 0, 2/3, 0", torch.allclose(by_hand, torch.tensor([[[1 / 3, 0, 2 / 3, 0]]])))

# %% [markdown]
# ### Through the whole network
#
# Multipliers obey a chain rule, just as gradients do: $m_{\Delta x_i \Delta S} = \sum_j m_{\Delta x_i \Delta h_j}\, m_{\Delta h_j \Delta S}$
# with $h_j$ the units in between. So DeepLIFT is a backward pass in which every nonlinearity passes its *finite* slope in place of its
# derivative. Only at the very end are the multipliers turned into contributions, $C_{\Delta x_i \Delta S} = m_{\Delta x_i \Delta S}\,(x_i - x'_i)$.

# %% [markdown] tags=["card"] label="09.6-card"
# ### Exercise 09.6 · DeepLIFT through a network
# *3 points · 14 minutes · difficulty ●●●*
#
# Write `deeplift` for a network that is given as the list of its layers. Forward twice, keeping what enters each layer; then backward
# through the list with multipliers, from a 1 for the class in question. Linear layers need no formula of yours: their backward pass *is* the
# multiplication with their weights, and autograd does it at any point.

# %% tags=["exercise"] label="09.6"
def deeplift(layers, inputs, labels, references):
    """Contributions of each input's entries to its class score, by DeepLIFT's rescale rule.

    Parameters
    ----------
    layers : list of torch.nn.Module
        In order, from the inputs to the scores (n, classes). nn.ReLU; nn.MaxPool1d or nn.MaxPool2d;
        all others are linear up to a constant (dense, convolution, flatten, average pooling).
    inputs : torch.Tensor, float, shape (n, ...)
    labels : torch.Tensor, int64, shape (n,)
        Class to explain for each input.
    references : torch.Tensor, shape of `inputs`

    Returns
    -------
    torch.Tensor, shape of `inputs`
        Multiplier times difference from the reference. The entries of one input add up to
        S(x) - S(x'). Detached.
    """
    ### BEGIN SOLUTION
    entering, entering_references = [inputs], [references]
    for layer in layers:
        entering.append(layer(entering[-1]))
        entering_references.append(layer(entering_references[-1]))
    multipliers = F.one_hot(labels, entering[-1].shape[1]).to(inputs.dtype)
    for layer, x, reference in reversed(list(zip(layers, entering, entering_references))):
        if isinstance(layer, nn.ReLU):
            multipliers = multipliers * rescale(layer, x, reference)
        elif isinstance(layer, nn.MaxPool1d | nn.MaxPool2d):
            multipliers = through_max_pooling(layer, x, reference, multipliers)
        else:
            x = x.detach().clone().requires_grad_()
            multipliers = torch.autograd.grad(layer(x), x, multipliers)[0]
    return (multipliers * (inputs - references)).detach()
    ### END SOLUTION


# %% tags=["check"] label="09.6-check"
deeplift = check("09.6", deeplift)

# %%
def layers_of(network):
    """The layers of one of the zoo's networks with a pooling head, as a list."""
    return [*network.features, network.pool, nn.Flatten(), network.classifier]


claim("DeepLIFT of min(i1 + i2, 1) at (1, 1)", deeplift(list(tiny), both_on, only, torch.zeros_like(both_on))[0].tolist(), equals=[0.5, 0.5])
lifted = deeplift(layers_of(model), pictures, labels, blur)
claim("Largest completeness error of DeepLIFT on the zoo's pictures", completeness_error(lifted, model, pictures, labels, blur).max(), at_most=1e-3)

# %% [markdown]
# The sum is right with no number of points to choose: two passes forward and one backward. Are they the same numbers as integrated gradients, then?

# %% tags=["target"] target="09.6"
four = [six[k] for k in (0, 2, 4, 5)]
rows = {"integrated\ngradients": integrated[[0, 2, 4, 5]].sum(dim=1).numpy(), "DeepLIFT": lifted[four].sum(dim=1).numpy()}
scale = np.quantile(np.abs(np.stack(list(rows.values()))), 0.99, axis=(0, 2, 3))[:, None, None]   # one for both maps of a picture
heatmaps.grid(animals.pictures[four], {name: heats / scale for name, heats in rows.items()}, [names[k] for k in animals.labels[four]], signed=True,
              limit=1.0, masks=animals.masks[four], width=7.5,
              alt="Four animals; integrated gradients and DeepLIFT with the same blurred baseline: alike on the animal, different beside it.")

# %% [markdown]
# What is to be seen: the same baseline, one scale for both maps of a picture. Alike on the animal, different beside it: here integrated
# gradients mark stones, plants and signs, DeepLIFT hardly. Both share out the same total; one unit alone would get the same from both, but
# over several layers the two ways of sharing diverge. Completeness does not say which is better.

# %%
together = [np.corrcoef(a.sum(dim=0).flatten(), b.sum(dim=0).flatten())[0, 1] for a, b in zip(integrated, lifted[six])]
claim("Mean correlation of the two maps", np.mean(together), between=(0.5, 0.98))

# %% [markdown] tags=["instructor"]
# **7, 28 minutes.** Do the slide's example live with `rescale`. For 09.6 draw three columns on the board: layer, what enters (twice), multiplier
# that leaves. If a group is stuck on linear layers: "what does autograd return for y = Wx + b if you hand it grad_outputs?"

# %% [markdown]
# ## 8 · The trap: a library that is silently wrong
#
# Captum has DeepLIFT too, by hooks that replace the gradients of nonlinear modules. Ask it about the same network, in double precision,
# and apply your test.

# %%
def captum_deeplift(network, inputs, labels, references):
    """Captum's DeepLift, without its announcement that it sets hooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DeepLift(network).attribute(inputs, references, target=labels).detach()


several = slice(0, 8)
asked = pictures[several].double(), labels[several], blur[several].double()
ours = deeplift(layers_of(precise), *asked)
theirs = captum_deeplift(precise, *asked)
mismatch = completeness_error(theirs, precise, *asked)
claim("Completeness error of Captum's DeepLift, largest", mismatch.max(), at_least=0.005)
claim("Largest difference of the two, as a share of the largest contribution", (theirs - ours).abs().max() / ours.abs().max(), at_least=0.1)

# %% [markdown]
# No warning, no error, a map that looks like any other, and a sum that is off. The cause (in Captum 0.9; reported to its authors as issue
# 1104): a max pooling that stands directly behind a ReLU shares a tensor with it, and the hooks of the two get in each other's way. Put a
# module between them that makes a new tensor:

# %%
class TimesOne(nn.Module):
    """Changes nothing, but returns a new tensor."""

    def forward(self, x):
        return x * 1.0


def parted(network):
    """A copy of the network with `TimesOne` before every max pooling."""
    twin = copy.deepcopy(network)
    apart = [part for layer in twin.features for part in ((TimesOne(), layer) if isinstance(layer, nn.MaxPool2d) else (layer,))]
    twin.features = nn.Sequential(*apart)
    return twin


repaired = captum_deeplift(parted(precise), *asked)
claim("With TimesOne: largest difference, as a share of the largest contribution", (repaired - ours).abs().max() / ours.abs().max(), at_most=1e-8)

# %% [markdown]
# Now that you have a test, try it on a variant of the network whose pooling windows overlap (three pixels wide, two apart), as in many
# published networks. There one entry can win two windows, and Captum's unpooling keeps only one of its two shares.

# %%
overlapping = copy.deepcopy(parted(precise))
for place, layer in enumerate(overlapping.features):
    if isinstance(layer, nn.MaxPool2d):
        overlapping.features[place] = nn.MaxPool2d(3, stride=2)
theirs, ours = captum_deeplift(overlapping, *asked), deeplift(layers_of(overlapping), *asked)
claim("Overlapping windows: largest completeness error of Captum's", completeness_error(theirs, overlapping, *asked).max(), at_least=0.05)
claim("Overlapping windows: largest completeness error of yours", completeness_error(ours, overlapping, *asked).max(), at_most=1e-8)

# %% [markdown]
# Hooks hang on *modules*. A ReLU that is a function has none, so its plain gradient is passed on in silence; a module that is used twice
# is refused, which is the better kind of wrong.

# %%
class Functional(nn.Module):
    """Two dense layers with F.relu between them, as a function."""

    def __init__(self, dense, last):
        super().__init__()
        self.dense, self.last = dense, last

    def forward(self, x):
        return self.last(F.relu(self.dense(x)))


torch.manual_seed(1)
dense, last = nn.Linear(5, 20).double(), nn.Linear(20, 3).double()
functional = Functional(dense, last)
silent = captum_deeplift(functional, vectors, classes, origins)
plain = gradient(functional, vectors, classes) * (vectors - origins)
claim("With F.relu, Captum's DeepLift is gradient × difference: largest gap", (silent - plain).abs().max(), at_most=1e-12)
honest = captum_deeplift(nn.Sequential(dense, nn.ReLU(), last), vectors, classes, origins)
claim("With nn.ReLU it is another answer: completeness error", completeness_error(honest, functional, vectors, classes, origins).max(), at_most=1e-10)

shared = nn.ReLU()
try:
    captum_deeplift(nn.Sequential(dense, shared, nn.Linear(20, 20).double(), shared, last), vectors, classes, origins)
    refused = False
except RuntimeError:
    refused = True
claim("A ReLU module that is used twice is refused with an error", refused)

# %% [markdown]
# The rules: one module for every use, and **completeness as a test of every implementation**, also of one that has many users.

# %% [markdown] tags=["instructor"]
# **8, 5 minutes.** Ask who would have noticed from the map. Then ask for a network whose completeness error is zero although the map is wrong
# (errors that cancel: swap the attributions of two pixels).

# %% [markdown]
# ## 9 · Where are the motifs?
#
# `dnanet` tells sequences that a protein binds from others: bound ones hold sites of the motifs AP-1 or MAF, whose places are known because
# they were planted. Take the sequences of which the network is surest, and explain them.

# %%
reader_of_dna = models.load("dnanet")
dna_layers = [*reader_of_dna.features, nn.Flatten(), *reader_of_dna.classifier]


def probability(x):
    """Class probabilities (n, 2) of dnanet."""
    return torch.softmax(reader_of_dna(x), dim=1)


everything = torch.from_numpy(sites.sequences).float()
with torch.no_grad():
    bound = probability(everything)[:, 1].numpy()
sure = np.flatnonzero((sites.labels == 1) & (bound > 0.999))[: profile(80, 30)]
planted, reads = sites[sure], everything[sure]
bound_class = torch.ones(len(sure), dtype=torch.long)

# %% [markdown]
# These are the saturated examples: the probability cannot rise any more. Ten shuffles of each sequence are its references, and a method's
# answer is the mean over them.

# %%
REFERENCES = profile(10, 4)
shuffled = np.stack([dna.one_hot([dinucleotide_shuffle(text, rng) for _ in range(REFERENCES)]) for text in planted.letters])
references = torch.from_numpy(shuffled).float().transpose(0, 1)    # (references, n, 4, 100)


def over_references(method):
    """Mean of `method(references)` over the shuffles."""
    return torch.stack([method(one) for one in references]).mean(dim=0)


slope_of_probability = gradient(probability, reads, bound_class)
ig_of_probability = over_references(lambda starts: integrated_gradients(probability, reads, bound_class, starts, 16))
claim("Median over sequences of the largest slope of the probability", slope_of_probability.abs().flatten(1).amax(dim=1).median(), at_most=1e-3)
claim("Median of the sum of its integrated gradients", ig_of_probability.sum(dim=(1, 2)).median(), at_least=0.85)

# %% [markdown]
# The recitation's toy, in a network: the slope has died, the finite difference is nearly 1, and integrated gradients find it. The *score*
# before the softmax does not saturate in this way; inside the network units still do.

# %%
slope_of_score = gradient(reader_of_dna, reads, bound_class)
quarter = torch.full_like(reads, 0.25)
attributions = {
    "gradient × input": slope_of_score * reads,
    "IG, zeros": integrated_gradients(reader_of_dna, reads, bound_class, torch.zeros_like(reads), 16),
    "IG, 0.25 each": integrated_gradients(reader_of_dna, reads, bound_class, quarter, 16),
    "IG, one shuffle": integrated_gradients(reader_of_dna, reads, bound_class, references[0], 16),
    "IG, shuffles": over_references(lambda starts: integrated_gradients(reader_of_dna, reads, bound_class, starts, 16)),
    "DeepLIFT, shuffles": over_references(lambda starts: deeplift(dna_layers, reads, bound_class, starts)),
}
by_position = {name: values.sum(dim=1).numpy() for name, values in attributions.items()}   # (n, 100): sum over the four letters
by_position["|gradient|"] = slope_of_score.abs().sum(dim=1).numpy()
by_position["random"] = scoring.random_maps((1, *planted.motif_masks.shape))[0]

# %%
where = planted.motif_masks
two_sites = planted.count("AP-1", "MAF") == 2
example = int(np.flatnonzero(two_sites)[0])
figure, axes = panels(3, 1, width=10, height=5, sharex=True)
for panel, name in zip(axes, ("gradient × input", "IG, shuffles", "DeepLIFT, shuffles")):
    logo.draw(panel, planted.letters[example], by_position[name][example], where[example])
    panel.set(title=name, ylabel="contribution")
axes[-1].set_xlabel("position")
describe(figure, "A sequence of 100 letters, each as high as its contribution by three methods; the planted sites have a grey background and hold "
                 "the highest letters.")

# %% [markdown]
# What is to be seen: one sequence with two sites (grey), each letter as high as its contribution to the score, downwards where it speaks
# against. The tall letters spell the motif, on one strand or the other; compare with TGACTCA (AP-1) and TGCTGAC..GCA (MAF).
#
# Over all of them: call a position *planted* if it is one of a motif's informative positions, rank the positions by contribution, and take
# the **area under the ROC curve**, the chance that a planted position ranks above another one. Random numbers get 0.5.

# %%
informative = planted.mask("AP-1", "MAF", informative=True)


def areas(values, chosen):
    """Area under the ROC curve of each chosen sequence."""
    return np.array([roc_auc_score(informative[k], values[k]) for k in np.flatnonzero(chosen)])


table = {name: {"one site": scoring.bootstrap(areas(values, ~two_sites)), "two sites": scoring.bootstrap(areas(values, two_sites))}
         for name, values in by_position.items()}
figure = dots(table, ("random",), xlabel="area under ROC, mean and 95 % interval", limits=None)
for axis in figure.axes:
    axis.set(xlim=(0.45, 1), xticks=np.linspace(0.5, 1, 6))
describe(figure, "Area under the ROC curve by position for seven methods and a random control, for sequences with one and with two sites: all methods "
                 "are far above chance; one shuffle is worst, the mean over shuffles is above gradient times input where there are two sites.")

# %% [markdown]
# What is to be seen: all methods put the planted letters first. A single shuffle is a poor reference, because its own letters leave their
# mark; the mean over ten is a good one. Where two sites share the work, the two finite methods gain on gradient × input. The size of the
# gradient, added over *all four* letters, finds the places best of all: it shows where any change would matter. It has no sign and no
# sum, so it cannot say how much a letter has contributed.

# %%
anyone = np.ones(len(sure), bool)
area = {name: areas(values, anyone) for name, values in by_position.items()}
claim("Mean area under ROC with shuffles, the lower one of integrated gradients and DeepLIFT",
      min(area["IG, shuffles"].mean(), area["DeepLIFT, shuffles"].mean()), at_least=0.92)
claim("Mean over shuffles minus a single shuffle", (area["IG, shuffles"] - area["IG, one shuffle"]).mean(), at_least=0.05)
gain = (area["IG, shuffles"] - area["gradient × input"])[two_sites].mean()
claim("Integrated gradients minus gradient × input where there are two sites", gain, at_least=0.01, needs_full=True)

# %% [markdown]
# Now ask for the *probability* again, and rank the positions of all sequences in one list, as you would to find the strongest sites
# of a genome. Each sequence's slopes have shrunk by how sure the network is of it, so they cannot be compared.

# %%
pooled = {name: roc_auc_score(informative.ravel(), values.ravel()) for name, values in
          (("slope", slope_of_probability.abs().sum(dim=1).numpy()), ("integrated", ig_of_probability.sum(dim=1).numpy()))}
claim("One list, size of the slope of the probability: area under ROC", pooled["slope"], at_most=0.8)
claim("One list, integrated gradients of the probability: area under ROC", pooled["integrated"], at_least=0.9)

# %% [markdown] tags=["instructor"]
# **9, 6 minutes.** The honest reading matters: per sequence the plain |gradient| wins. Ask which question each row answers: "where would a
# mutation matter?" against "which letters made the score, compared with a shuffle?"

# %% [markdown]
# ## 10 · Touch: baseline and points
#
# Choose a baseline, a rule and $m$. The panel on the right has the slope along the path (grey), the points that your rule takes, and the
# completeness error; the map's share on the animal stands over the map.
#
# 1. Right rule: how many points until the error is below one percent? Then the midpoint rule.
# 2. Find a baseline with a small error and a bad map. What does that say about completeness?
# 3. *The animal's colour*: where has the map gone?

# %% tags=["nbval-ignore-output"]
ig_path.explore()

# %% [markdown]
# What is to be seen: picture, baseline, map (red for, blue against), and the area that the rule adds up. The error can fall to nothing while
# the map stays bad: completeness checks the sum, and the baseline decides what is summed.

# %% [markdown]
# ## What to remember
#
# - A gradient is an infinitesimal difference and dies where a score is saturated. Integrated gradients and DeepLIFT share out a finite
#   difference, $S(x) - S(x')$.
# - Integrated gradients: way gone times mean slope on the way. DeepLIFT: every nonlinearity passes its finite slope.
# - **Completeness is a test**: print the error beside every map, of your own code and of a library's.
# - On a network with kinks the error falls about as $1/m$ whatever the rule; the midpoint rule has a good constant. A map that looks fine
#   can miss several percent of its sum.
# - The baseline's own colour is invisible. Ask the network about the baseline, try several, average over shuffles for DNA.
# - Neither method is the better at every score: a plain gradient can point better, and cannot add up.

# %% [markdown]
# ## Outside: a photograph through an ImageNet network
#
# The same functions on SqueezeNet 1.1 and a photograph that comes with scikit-image. The weights come from `COURSE_DATA` or by download;
# where neither is there, the cell says so and the lab ends here. SqueezeNet pools right behind its ReLUs: what does Captum's DeepLift do?

# %% tags=["nbval-ignore-output"]
squeezenet = real.or_none(imagenet.load, "squeezenet1_1")


def outside(network):
    """A cat, two baselines, and integrated gradients from each with their completeness errors; Captum's DeepLift beside them."""
    cat = imagenet.as_input(photos.square(photos.load("chelsea"), 224).picture)
    network.requires_grad_(False)
    with torch.no_grad():
        guess = network(cat).argmax(dim=1)
    starts = {"black": torch.zeros_like(cat), "blurred": blurred(cat, 15.0)}
    found = {f"IG, {name}": (integrated_gradients(network, cat, guess, baseline, 32), baseline) for name, baseline in starts.items()}
    found["Captum's DeepLift"] = captum_deeplift(network, cat, guess, starts["blurred"]), starts["blurred"]
    figure, axes = panels(1, 4, width=10, height=3)
    heatmaps.draw_picture(axes[0], cat[0])
    axes[0].set_title(imagenet.class_names()[int(guess)])
    for panel, (name, (answer, baseline)) in zip(axes[1:], found.items()):
        heat = answer[0].sum(dim=0).numpy()
        heatmaps.draw(panel, heat, signed=True, limit=float(np.quantile(np.abs(heat), 0.995)))
        panel.set_title(f"{name}\ncompleteness error {completeness_error(answer, network, cat, guess, baseline).item():.0%}")
    return describe(figure, "A cat, two maps of integrated gradients and one of Captum's DeepLift, with their completeness errors.")


outside(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: three maps with their errors over them. `TimesOne` alone does not mend the last one:
# SqueezeNet's pooling windows overlap.
#
# ## References
#
# - M. Sundararajan, A. Taly, Q. Yan, *Axiomatic attribution for deep networks*, ICML 2017: integrated gradients.
# - A. Shrikumar, P. Greenside, A. Kundaje, *Learning important features through propagating activation differences*, ICML 2017: DeepLIFT,
#   the rescale rule, and the saturated example.
# - M. Ancona et al., *Towards better understanding of gradient-based attribution methods*, ICLR 2018: DeepLIFT as a modified gradient.
# - P. Sturmfels, S. Lundberg, S.-I. Lee, *Visualizing the impact of feature attribution baselines*, Distill 2020: the baseline's blind spot.
# - G. Erion et al., *Improving performance of deep learning models with axiomatic attribution priors and expected gradients*, Nature Machine
#   Intelligence 2021: averaging over baselines.
# - S. Altschul, B. Erickson, *Significance of nucleotide sequence alignments: a method for random sequence permutation that preserves
#   dinucleotide and codon usage*, Molecular Biology and Evolution 1985.
# - N. Kokhlikyan et al., *Captum: a unified and generic model interpretability library for PyTorch*, 2020.
