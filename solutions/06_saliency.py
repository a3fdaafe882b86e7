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
# # Lab 06 · Saliency
#
# *CS 360, week 12 notes, 2.2, and slides of April 16 · 50.039, week 10, sections 2 and 4.1 · CS 230, interpretability slides, I.A ·
# 6.874, recitation 5. About 120 minutes. Builds on no other lab; labs 07, 08, 09 and 12 build on it.*
#
# A zoo has a classifier for its animals and uses it only with a person beside it, because nobody can say how it decides. Which pixels
# does it go by? The cheapest answer costs one backward pass. What is that answer worth?
#
# You will be able to
#
# - **compute** the slope of a class score in every pixel, and **check** it against small changes;
# - **tell** the slope of a score from the slope of a probability;
# - **draw** the heat map of in-class task 4.1, and a better one;
# - **build** gradient times input, SmoothGrad, and a segmentation;
# - **measure** all of them against the truth, with controls beside them that know no model.

# %%
import io

import matplotlib
import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from course_utils import models, scoring
from course_utils.datasets import zoo
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.plots.scores import dots, table
from course_utils.settings import profile
from course_utils.widgets import saliency_brush

start("06")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 The network 5 · 2 Slope and linear model 30 (06.1, 06.2) · 3 Score or probability 15 · 4 Task 4.1 20 (06.3) ·
# 5 Gradient times input 12 (06.4) · 6 SmoothGrad 15 (06.5) · 7 Segmentation and scores 18 (06.6) · 8 Touch 5. The outside section is
# for the break. If time is short: 06.2 and 06.5 as homework; the figures still come, because the check goes on with the solution.
#
# Open with the question of CS 230: "the zoo is reluctant; how do you alleviate their concerns?" Collect answers before you show a map.

# %% [markdown]
# ## 1 · The network that is to be questioned
#
# The pictures are generated, 64 by 64 pixels, and for each one it is known which pixels are the animal's (`masks`) and which part of
# it they show. Stones, plants, posts and signs stand beside every species alike and have harder edges than the animal.
# The network takes `(n, 3, 64, 64)` in [0, 1] and returns **scores** $S_c(I)$, one for each of eight species: the numbers *before* the
# softmax, also called logits.

# %%
animals = zoo.load(profile(200, 64), seed=62)
model = models.load("zoonet")
pictures, labels = models.as_input(animals.pictures), torch.from_numpy(animals.labels)
names = animals.class_names

with torch.no_grad():
    logits = torch.cat([model(batch) for batch in pictures.split(50)])
right = logits.argmax(dim=1) == labels
claim("Pictures that the network has not seen and names rightly", right.double().mean(), at_least=0.95)

# %%
first = [int(np.flatnonzero(animals.labels == species)[0]) for species in range(8)]
shown, shown_pictures, shown_labels = animals[first], pictures[first], labels[first]
heatmaps.grid(shown.pictures, titles=names, masks=shown.masks,
              alt="One picture of each of the eight species, with the outline of the animal.")

# %% [markdown]
# What is to be seen: one picture of each species, with the true outline of the animal. The distractors are more striking than the
# animals.

# %% [markdown]
# ## 2 · The slope of a score
#
# If the network were **linear**, its score would be $S_c(I) = w_c \cdot I + b_c$, with $I$ the picture as one long vector, and $w_c$
# would explain it: raise pixel $p$ by one unit and the score rises by $w_{c,p}$. A network is not linear, but near one picture $I_0$ it
# nearly is. Its first-order **Taylor expansion** at $I_0$ is
#
# $$S_c(I) \approx w_c \cdot I + b_c, \qquad w_c = \left.\frac{\partial S_c}{\partial I}\right|_{I_0}.$$
#
# So the weights of the best linear stand-in at $I_0$ are the gradient of the score *with respect to the picture*: training holds the
# picture fixed and moves the weights; here the weights are fixed and the picture is the variable. $w_c$ has the picture's shape,
# $(3, 64, 64)$. This is the **saliency** of Simonyan, Vedaldi and Zisserman (2014).

# %% [markdown]
# PyTorch gives the slope of any number in any tensor that took part in computing it, once that tensor is told to record:

# %%
x = torch.tensor([2.0, 5.0], requires_grad=True)
y = x[0] ** 2 * x[1]
slope = torch.autograd.grad(y, x)[0]  # one entry for each entry of x: 2 * 2 * 5 and 2 ** 2
claim("Slopes of y in x[0] and x[1]", slope.tolist() == [20.0, 4.0])

# %% [markdown] tags=["card"] label="06.1-card"
# ### Exercise 06.1 · Saliency of a class score
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `saliency(model, pictures, labels)`: the signed gradient of each picture's own class score. One backward pass serves the whole
# batch, because no picture has a part in another's score. Stuck? `%hint 06.1` gives a hint, `%reveal 06.1` in the cell below puts the
# solution there.

# %% tags=["exercise"] label="06.1"
def saliency(model, pictures, labels):
    """Slope of each picture's class score with respect to every colour of every pixel.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, 3, height, width), returns scores before the softmax, (n, classes).
    pictures : torch.Tensor, float, shape (n, 3, height, width)
        Stay as they are: neither their values nor their `requires_grad` may change.
    labels : torch.Tensor, int64, shape (n,)
        The class to explain for each picture, whatever the network prefers.

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width)
        Entry [i, c, y, x]: derivative of the score of class labels[i] of picture i with respect to
        pictures[i, c, y, x]. Signed; it does not depend on which other pictures are in the batch.
    """
    ### BEGIN SOLUTION
    x = pictures.detach().clone().requires_grad_()
    scores = model(x)[torch.arange(len(labels)), labels]
    return torch.autograd.grad(scores.sum(), x)[0]
    ### END SOLUTION


# %% tags=["check"] label="06.1-check"
saliency = check("06.1", saliency)

# %% [markdown] tags=["instructor"]
# Ask before the check: "why may I sum the scores of all pictures before the backward pass?" (No picture has a part in another's score;
# with batch norm in training mode it would.) Then: "what changes if I call `.backward()` twice?"

# %% [markdown]
# For a linear model the saliency has to be its weights, whatever the picture. Every method in this lab gets such a test, on a case whose
# answer you know.

# %%
linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 8))
weights_of_class = linear[1].weight.detach()[shown_labels].view(8, 3, 64, 64)
gap = (saliency(linear, shown_pictures, shown_labels) - weights_of_class).abs().max()
claim("Saliency of a linear model differs from its weights by", gap.double(), at_most=1e-7)

# %% [markdown]
# A second test needs no formula: move one colour of one pixel by $\pm h$ and look at the score. The **central difference**
# $\big(S(I_0 + h e_k) - S(I_0 - h e_k)\big) / 2h$ has to agree with entry $k$ of the gradient. In float64, so that $h$ can be tiny.

# %%
precise = models.load("zoonet").double()
picture, label = shown_pictures[:1].double(), shown_labels[:1]
entries = torch.from_numpy(np.random.default_rng(0).choice(3 * 64 * 64, size=30, replace=False))
steps = 1e-6 * torch.nn.functional.one_hot(entries, 3 * 64 * 64).double().view(30, 3, 64, 64)

with torch.no_grad():
    up, down = (precise(picture + sign * steps)[:, label[0]] for sign in (1, -1))
slope = saliency(precise, picture, label)
differences = (up - down) / 2e-6
gap = (differences - slope.flatten()[entries]).abs().max() / slope.abs().max()
claim("30 central differences and the gradient part by at most this share of the largest slope", gap, at_most=1e-6)

# %% tags=["target"] target="06.1"
slopes = saliency(model, shown_pictures, shown_labels)
strongest = slopes.abs().amax(dim=1).numpy()
heatmaps.grid(shown.pictures, {"max |slope|": strongest}, names, alt="Eight animals; below each, its saliency map: speckle "
              "that is dense on the animal and nearly absent elsewhere.")

# %% [markdown]
# What is to be seen: a map for each picture, the largest of the three colours' $|w_c|$ at every pixel, as in Simonyan et al. It is
# speckled, and the speckle gathers on the animal although the network was never told where the animal is. Nothing was trained for
# this map.

# %% [markdown] tags=["card"] label="06.2-card"
# ### Exercise 06.2 · The linear model at a picture
# *2 points · 8 minutes · difficulty ●●○*
#
# The expansion has a second part, $b_c$. It is *not* a bias of the network, and it is not the score at $I_0$. Write
# `linear_model(model, pictures, labels)`, which returns $w_c$ and $b_c$ for each picture.

# %% tags=["exercise"] label="06.2"
def linear_model(model, pictures, labels):
    """First-order Taylor expansion of each picture's class score at the picture itself.

    Parameters
    ----------
    model, pictures, labels
        As for `saliency`.

    Returns
    -------
    weights : torch.Tensor, shape (n, 3, height, width)
    bias : torch.Tensor, shape (n,)
        Such that for an I near pictures[i] the score is about (weights[i] * I).sum() + bias[i], and
        exactly so at I = pictures[i]. Both without a graph attached (detached).
    """
    ### BEGIN SOLUTION
    weights = saliency(model, pictures, labels)
    with torch.no_grad():
        scores = model(pictures)[torch.arange(len(labels)), labels]
    return weights, scores - (weights * pictures).sum(dim=(1, 2, 3))
    ### END SOLUTION


# %% tags=["check"] label="06.2-check"
linear_model = check("06.2", linear_model)

# %% [markdown]
# **How far does the linear model reach?** Move each picture a step in one direction, ask network and linear model, and compare: the
# **linearisation error** is $\sum|\Delta S - \Delta \hat S| \,/\, \sum|\Delta S|$ over the pictures, with $\Delta S$ the true change and
# $\Delta\hat S$ the predicted one. Two directions, both of which change every colour of every pixel by the same amount: a random sign
# for each, and the sign of the slope.

# %%
some, some_labels = pictures[: profile(40, 24)], labels[: profile(40, 24)]
weights, bias = linear_model(model, some, some_labels)
coin = torch.Generator().manual_seed(1)
directions = {"random signs": torch.sign(torch.randn(some.shape, generator=coin)), "signs of the slope": torch.sign(weights)}
GREY_LEVELS = np.array([0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])  # of 255


def changes(direction, levels):
    """True and predicted change of every score for one step: two arrays (n,)."""
    moved = some + levels / 255 * direction
    with torch.no_grad():
        before, after = (model(x).gather(1, some_labels[:, None])[:, 0] for x in (some, moved))
    predicted = (weights * moved).flatten(1).sum(dim=1) + bias
    return (after - before).numpy(), (predicted - before).numpy()


found = {name: [changes(direction, levels) for levels in GREY_LEVELS] for name, direction in directions.items()}
error = {name: np.array([np.abs(true - predicted).sum() / np.abs(true).sum() for true, predicted in pairs])
         for name, pairs in found.items()}
size = {name: np.array([np.median(np.abs(true)) for true, _ in pairs]) for name, pairs in found.items()}

# %%
figure, axes = panels(1, 2, width=9, height=3.4)
for k, name in enumerate(directions):
    axes[0].loglog(GREY_LEVELS, 100 * error[name], "o-", color=PALETTE[k], label=name)
    axes[1].loglog(GREY_LEVELS, size[name], "o-", color=PALETTE[k], label=name)
axes[0].set(xlabel="step in every colour (grey levels of 255)", ylabel="linearisation error (%)", title="How wrong the linear model is")
axes[1].set(xlabel="step in every colour (grey levels of 255)", ylabel="median |change of the score|", title="What the step does")
for axis in (*(one.xaxis for one in axes), *(one.yaxis for one in axes)):
    axis.set_major_formatter("{x:g}")
axes[0].legend()
describe(figure, "Two log-log charts against the size of the step: the linearisation error rises with the step; a step along "
                 "the slope changes the score far more than a random one of equal size.")

# %% [markdown]
# What is to be seen: along the slope, the linear model predicts what a step of a fraction of a grey level does, which no eye could notice;
# with growing steps it fails, as ReLUs switch on and off, and at 16 grey levels its error is larger than the change itself. In random
# signs the error is a larger share from the start, because there is so little change to predict: the same tiny step does much more along
# the slope than in a random direction, and that is what saliency measures. In the words of CS 230, the map shows *which pixels need to be
# changed the least to affect the class score the most*.

# %%
one = list(GREY_LEVELS).index(1.0)
claim("Linearisation error along the slope, steps of a tenth of a grey level", error["signs of the slope"][0], at_most=0.05)
claim("The same for steps of 16 grey levels", error["signs of the slope"][-1], at_least=1)
claim("One grey level along the slope does more than one in random signs, times",
      size["signs of the slope"][one] / size["random signs"][one], at_least=20)

# %% [markdown] tags=["instructor"]
# Type live: `models.load("zoonet")(pictures[:1] + 2/255 * torch.sign(saliency(...)))`. Two grey levels, invisible, and the score moves
# by units; with a minus sign it is half of an adversarial example. Ask: is that set of pixels "why it is a hare"?

# %% [markdown]
# ## 3 · The score, or the probability?
#
# What people look at is the probability $p_c = e^{S_c} / \sum_k e^{S_k}$ (the CS 230 slide writes the fraction with the scores
# themselves; read each $s$ there as $e^{s}$). Its slope follows from the chain rule:
#
# $$\frac{\partial p_c}{\partial I} = p_c\,\Big(w_c - \sum_k p_k\, w_k\Big) .$$
#
# Two things are different: a *factor* that vanishes when the network is sure, and *other classes* that are subtracted.
# `saliency` takes any function from pictures to `(n, classes)`, so you can ask it for both.

# %%
def probabilities(x):
    """Class probabilities (n, 8) of the network."""
    return torch.softmax(model(x), dim=1)


def in_batches(function, *inputs, size=50):
    """`function` on batches of pictures (and labels), the answers as one tensor."""
    return torch.cat([function(*parts) for parts in zip(*(values.split(size) for values in inputs))])


score_slope = in_batches(lambda x, y: saliency(model, x, y), pictures, labels)
probability_slope = in_batches(lambda x, y: saliency(probabilities, x, y), pictures, labels)

# %%
every_class = torch.stack([saliency(model, shown_pictures, torch.full((8,), k)) for k in range(8)], dim=1)  # (picture, class, 3, 64, 64)
p = probabilities(shown_pictures)
own = every_class[torch.arange(8), shown_labels]
formula = p.gather(1, shown_labels[:, None])[:, 0, None, None, None] * (own - torch.einsum("nk,nkcyx->ncyx", p, every_class))
gap = (saliency(probabilities, shown_pictures, shown_labels) - formula).abs().max() / own.abs().max()
claim("Slope of the probability and the formula part by at most this share of the largest slope of the score", gap.double(), at_most=1e-6)

# %%
doubt = 1 - torch.softmax(logits.double(), dim=1).gather(1, labels[:, None])[:, 0].numpy()
ratio = (probability_slope.flatten(1).norm(dim=1) / score_slope.flatten(1).norm(dim=1)).numpy()
figure, axes = panels(width=6.5, height=3.4)
axes.loglog(doubt[right.numpy()], ratio[right.numpy()], ".", color=PALETTE[0], markersize=7)
axes.set(xlabel="doubt of the network, $1 - p_c$", ylabel="length of slope:\nprobability / score")
describe(figure, "Scatter of all rightly named pictures: the less doubt, the shorter the slope of the probability, in proportion.")

# %% [markdown]
# What is to be seen: each dot is a picture. The surer the network, the flatter its probability, in proportion: a map of the probability
# shows least where the network is best. In Keras's issue 5881 somebody asks why such a map holds nothing but numbers like 1e-28: a sure
# softmax is the usual reason.

# %%
sure = right.numpy() & (doubt < 0.01)
claim("Where the network is at least 99 % sure, the probability's slope is shorter than the score's: largest ratio", ratio[sure].max(), at_most=0.05)

# %% [markdown]
# **Raise the iguana by lowering the dog.** The subtracted classes change the *question*. The log-odds of a class are its score minus a
# smooth maximum of all the other scores:
#
# $$\log\frac{p_c}{1 - p_c} = S_c - \log\sum_{k \ne c} e^{S_k} .$$
#
# So a step can make the network surer of the iguana in two ways: raise the iguana's score, or lower the rivals, such as the dog. Which way
# does the gradient go? (The animals are the slide's; here the dog is the true species and the iguana the target.) Take pictures that
# the network knows, choose another species as the target, and climb in small steps of equal length: once on the target's probability, once on its score.

# %%
def climb(objective, x, steps=6, length=0.1):
    """Steps of fixed length up the slope of `objective(scores)`; the scores on the way, (steps + 1, n, 8)."""
    way = []
    for _ in range(steps + 1):
        x = x.detach().requires_grad_()
        scores = model(x)
        way.append(scores.detach())
        uphill = torch.autograd.grad(objective(scores).sum(), x)[0]
        x = x + length * uphill / uphill.flatten(1).norm(dim=1).clamp_min(1e-20)[:, None, None, None]
    return torch.stack(way)


begin, dog = pictures[right][: profile(64, 24)], labels[right][: profile(64, 24)]
iguana = (dog + 3) % 8  # some other species


def pick(values, classes):
    """Values (..., n, 8) of one class each: (..., n)."""
    return values[..., torch.arange(len(classes)), classes]


climbs = {
    "on the probability": climb(lambda scores: pick(torch.log_softmax(scores, dim=1), iguana), begin),  # the log has the same direction
    "on the score": climb(lambda scores: pick(scores, iguana), begin),
}

# %%
figure, axes = panels(1, 2, width=9, height=3.4, sharey=True)
for axis, (name, way) in zip(axes, climbs.items()):
    for classes, colour, role in ((iguana, PALETTE[0], "target"), (dog, PALETTE[1], "true species")):
        values = pick(way, classes).numpy()
        axis.plot(values, color=colour, linewidth=0.5, alpha=0.3)
        axis.plot(values.mean(axis=1), color=colour, linewidth=3, label=role)
    axis.set(xlabel="steps of length 0.1", title=f"climbing {name} of the target")
axes[0].set_ylabel("score")
axes[0].legend(loc="lower right")
describe(figure, "Scores along the climb. On the probability, the true species falls as fast as the target rises; on the score, the "
                 "target rises more and the true species falls little.")

# %% [markdown]
# What is to be seen: thin lines are single pictures, thick ones their mean. On the probability, the true species falls as fast as the
# target rises: the iguana gains because the dog loses. On the score, the target rises more and the dog falls little.

# %%
def share_by_lowering(way):
    """How much of the gain in the target's log-odds comes from lower rivals, over all pictures."""
    rivals = torch.logsumexp(way.masked_fill(torch.nn.functional.one_hot(iguana, 8).bool(), -torch.inf), dim=2)
    rise = (pick(way[-1], iguana) - pick(way[0], iguana)).sum()
    fall = (rivals[0] - rivals[-1]).sum()
    return float(fall / (rise + fall))


claim("Climbing on the probability, share of the gain that comes from lowering rivals", share_by_lowering(climbs["on the probability"]), at_least=0.4)
claim("Climbing on the score, the same share", share_by_lowering(climbs["on the score"]), at_most=0.3)

# %% [markdown]
# So: for *what speaks for this class*, differentiate the **score**. For *why this class and not that one*, differentiate the difference
# of two scores, which is the logarithm of $p_c / p_k$. The probability mixes all rivals, and whispers when it is sure.

# %% [markdown]
# ## 4 · The heat map of in-class task 4.1
#
# 50.039 takes the *squared* slope as the relevance of an input, $r_d(x) = \left(\partial f / \partial x_d\right)^2$, and asks in task
# 4.1 for a heat map:
#
# 1. sum over the three colours of a pixel: $h(p) = \sum_{c \in \{r,g,b\}} \left(\partial f/\partial x_{p,c}\right)^2$, of shape $(64, 64)$;
# 2. normalise so that $\max_p |h(p)| = 1$ and $h(p) \in [-1, 1]$;
# 3. transform so that the values lie in $[0, 1]$ and $h(p) = 0$ is mapped onto 0.5;
# 4. turn them into colours with a colormap; the notes take `seismic`.

# %% [markdown] tags=["card"] label="06.3-card"
# ### Exercise 06.3 · The heat map of in-class task 4.1
# *3 points · 12 minutes · difficulty ●●○*
#
# Write steps 1 to 3 as `sensitivity_heatmap(gradient)`, for a batch of pictures, each normalised by itself. It works on numpy arrays.

# %% tags=["exercise"] label="06.3"
def sensitivity_heatmap(gradient):
    """Squared gradient as values for a colormap whose middle stands for zero (in-class task 4.1).

    Parameters
    ----------
    gradient : ndarray, float, shape (n, 3, height, width)

    Returns
    -------
    ndarray, float, shape (n, height, width)
        For each picture by itself: the squares, summed over the three colours, are h(p) >= 0; h is
        divided by its largest absolute value over the pixels of the picture, however small that is,
        so that it lies in [-1, 1]; then it is moved into [0, 1] so that h(p) = 0 becomes 0.5. Where
        a gradient is zero everywhere, all values are 0.5.
    """
    ### BEGIN SOLUTION
    h = np.square(gradient).sum(axis=1)
    peak = np.abs(h).max(axis=(1, 2), keepdims=True)
    return h / np.where(peak > 0, peak, 1.0) / 2.0 + 0.5
    ### END SOLUTION


# %% tags=["check"] label="06.3-check"
sensitivity_heatmap = check("06.3", sensitivity_heatmap)

# %% [markdown]
# Step 4. A colormap is a function from [0, 1] to red, green, blue and opacity. The notes' `plt.cm.get_cmap` is gone since Matplotlib
# 3.9; `matplotlib.colormaps["seismic"]` replaces it.

# %% tags=["target"] target="06.3"
heat = sensitivity_heatmap(slopes.numpy())             # (8, 64, 64)
coloured = matplotlib.colormaps["seismic"](heat)       # (8, 64, 64, 4): red, green, blue, opacity
figure, axes = panels(2, 8, width=9, height=2.6)
for column in range(8):
    heatmaps.draw_picture(axes[0, column], shown.pictures[column])
    heatmaps.draw_picture(axes[1, column], coloured[column, ..., :3])
    axes[1, column].spines[:].set(visible=True, color="0.7")
    axes[0, column].set_title(names[column])
axes[0, 0].set_ylabel("picture")
axes[1, 0].set_ylabel("task 4.1")
describe(figure, "Eight animals and their heat maps as task 4.1 asks: white, with few red specks on the animals.")

# %% [markdown]
# What is to be seen: task 4.1 as it was set. Red specks on white; most of each map looks empty.

# %%
file = io.BytesIO()  # a path such as "heat.png" does as well
Image.fromarray((255 * coloured[0]).astype(np.uint8)).save(file, format="png")
claim("The saved heat map is a picture of 64 by 64", Image.open(file).size == (64, 64))

# %% [markdown]
# ### The trap: half of a colormap
#
# `seismic` runs from blue over white to red, for values on both sides of zero. A square is never negative. Count how much of the
# colormap the maps of all pictures use, and how many pixels you can tell from white.

# %%
all_heats = sensitivity_heatmap(score_slope.numpy())
indices = np.minimum((all_heats * 256).astype(int), 255)  # the entry of the colormap that each pixel takes
used = np.bincount(indices.ravel(), minlength=256) > 0
claim("Share of seismic's 256 colours that the squared gradient ever uses", used.mean(), at_most=0.51)
claim("Blue is never used: smallest value", all_heats.min(), at_least=0.5)
claim("Share of pixels within a tenth of the red side from white", np.mean(all_heats < 0.55), at_least=0.9)

# %%
example = 4
h = (slopes[example].numpy() ** 2).sum(axis=0)
peak, high = h.max(), np.quantile(h, 0.99)
signed = slopes[example].numpy().sum(axis=0)
versions = {
    "task 4.1: $h$, seismic": (h / peak, "seismic", -1, 1),
    "$h$, one-sided colours": (h / peak, "magma", 0, 1),
    "$h$, cut at its\n99th percentile": (np.minimum(h / high, 1), "magma", 0, 1),
    "signed slope, seismic": (signed / np.abs(signed).max(), "seismic", -1, 1),
}
figure, axes = panels(2, 4, width=9, height=3.6, height_ratios=(4, 1))
for column, (title, (values, cmap, low, top)) in enumerate(versions.items()):
    heatmaps.draw(axes[0, column], values, signed=low < 0, limit=top, cmap=cmap)
    axes[0, column].set_title(title)
    strip = axes[1, column]
    strip.imshow(np.linspace(0, 1, 256)[None], cmap=cmap, aspect="auto", extent=(low, top, 0, 1))
    share, edges = np.histogram(values, bins=24, range=(low, top))
    strip.step(edges[:-1], np.log1p(share) / np.log1p(4096), where="post", color=PALETTE[2], linewidth=2)
    strip.set(xlim=(low, top), ylim=(0, 1.05), xticks=(low, (low + top) / 2, top), yticks=[],
              xlabel="value (99th percentile = 1)" if "percentile" in title else "value (peak = 1)")
    strip.xaxis.set_major_formatter("{x:g}")
describe(figure, "Four drawings of one gradient, each above its colormap with a histogram of the values: seismic leaves its blue half "
                 "empty for squares; a one-sided colormap uses all of its range; cutting at the 99th percentile shows the weak pixels too.")

# %% [markdown]
# What is to be seen: the same numbers four times, and under each the colormap with a histogram of the map's values (logarithmic, green).
# The square uses the red half only. In a one-sided colormap the same map has twice the steps. Cut at the 99th percentile, it no longer
# hangs on a few pixels. The *signed* slope is what a two-sided colormap is for.

# %%
signed_maps = score_slope.sum(dim=1).numpy()
two_sided = signed_maps / np.abs(signed_maps).max(axis=(1, 2), keepdims=True) / 2 + 0.5
both = np.bincount(np.minimum((two_sided * 256).astype(int), 255).ravel(), minlength=256) > 0
claim("Share of seismic's colours that the signed slope uses", both.mean(), at_least=0.9)

# %% [markdown] tags=["instructor"]
# Ask for the verdict: is task 4.1 wrong? No: its normalisation is right for signed relevances (gradient times input, later LRP), and
# having one scale for all methods makes them comparable. Applied to a square it wastes half of the colours, and zero is the brightest.

# %% [markdown]
# ## 5 · Gradient times input
#
# In a linear model $g(x) = \sum_d w_d x_d$, input $d$ *contributes* $w_d x_d$, not $w_d$: a steep slope on an input that is zero adds
# nothing. Recitation 5 carries this over to a network: the weight of input $d$ is the slope at this picture, and its contribution is
# $\frac{\partial S_c}{\partial x_d}\, x_d$. This map has a sign: red speaks for the class, blue against it.

# %% [markdown] tags=["card"] label="06.4-card"
# ### Exercise 06.4 · Gradient times input
# *1 point · 6 minutes · difficulty ●○○*
#
# Write `gradient_times_input(model, pictures, labels)`: one signed contribution for each pixel, its three colours added up.

# %% tags=["exercise"] label="06.4"
def gradient_times_input(model, pictures, labels):
    """Contribution of each pixel to its picture's class score, as if the network were linear.

    Parameters
    ----------
    model, pictures, labels
        As for `saliency`.

    Returns
    -------
    torch.Tensor, shape (n, height, width)
        Gradient times picture, entry by entry, summed over the three colours. Signed.
    """
    ### BEGIN SOLUTION
    return (saliency(model, pictures, labels) * pictures).sum(dim=1)
    ### END SOLUTION


# %% tags=["check"] label="06.4-check"
gradient_times_input = check("06.4", gradient_times_input)

# %% [markdown]
# Do the contributions add up to the score? In exercise 06.2 you found $S_c(I_0) = w_c \cdot I_0 + b_c$, so their sum misses the score
# by just $b_c$. A ReLU network *without biases* has $b_c = 0$ everywhere: doubling the picture doubles every layer.

# %%
bare = models.load("zoonet")
with torch.no_grad():
    for parameter in bare.parameters():
        if parameter.ndim == 1:
            parameter.zero_()

gaps = {}
for name, network in (("with biases", model), ("without biases", bare)):
    total = gradient_times_input(network, shown_pictures, shown_labels).sum(dim=(1, 2))
    with torch.no_grad():
        scores = network(shown_pictures).gather(1, shown_labels[:, None])[:, 0]
    gaps[name] = ((total - scores).abs() / scores.abs()).median().double()
claim("Without biases the contributions add up to the score: median gap", gaps["without biases"], at_most=1e-4)
claim("With biases they miss it: median gap as a share of the score", gaps["with biases"], at_least=0.1)

# %% [markdown]
# ### The trap: what is zero?
#
# Gradient times input depends on which colour is called zero. Build the same classifier for **negatives**: $g(I') = S(1 - I')$ with
# $I' = 1 - I$ gives the same scores for the same animals, and only black and white have changed names.

# %%
def negative_model(x):
    """The zoo's network for negatives: every score as for the picture itself."""
    return model(1 - x)


slope_of_negative = in_batches(lambda x, y: saliency(negative_model, x, y), 1 - pictures, labels)
product = in_batches(lambda x, y: gradient_times_input(model, x, y), pictures, labels)
product_of_negative = in_batches(lambda x, y: gradient_times_input(negative_model, x, y), 1 - pictures, labels)


def correlation(one, other):
    """Correlation of two maps, picture by picture: (n,)."""
    one, other = (values.flatten(1).double() - values.flatten(1).double().mean(dim=1, keepdim=True) for values in (one, other))
    return (one * other).sum(dim=1) / (one.norm(dim=1) * other.norm(dim=1))


squared, squared_of_negative = (score_slope**2).sum(dim=1), (slope_of_negative**2).sum(dim=1)
claim("Squared gradient, picture against negative: smallest correlation", correlation(squared, squared_of_negative).min(), at_least=0.999)
turned = (torch.sign(product) != torch.sign(product_of_negative))[product != 0].double().mean()
claim("Gradient times input has the opposite sign on the negative in a share of the pixels of", turned, at_least=0.8)

# %%
def closest(maps, k, side=18):
    """The window of so many pixels about the most sensitive spot of picture k."""
    y, x = np.unravel_index(gaussian_filter(squared[k].numpy(), 2).argmax(), (64, 64))
    top, left = (int(np.clip(place - side // 2, 0, 64 - side)) for place in (y, x))
    return np.asarray(maps[k])[top : top + side, left : left + side]


chosen = [first[k] for k in (0, 3, 6)]
strong = squared > torch.quantile(squared.flatten(1), 0.95, dim=1)[:, None, None]
rows = {"squared": squared, "squared,\nnegative": squared_of_negative,
        "sign of\ngrad. × input": torch.sign(product) * strong, "the same,\nnegative": torch.sign(product_of_negative) * strong}
heatmaps.grid([closest(animals.pictures, k) for k in chosen], {name: [closest(maps, k) for k in chosen] for name, maps in rows.items()},
              [names[k] for k in (0, 3, 6)], width=5.2, alt="Close-ups of three animals: the squared gradient is the same for picture and "
              "negative; the sign of gradient times input turns from red to blue and from blue to red.")

# %% [markdown]
# What is to be seen, in windows of 18 by 18 pixels: the squared gradients agree. In the last two rows, which show the signs at the 5 % most
# sensitive pixels, red and blue have changed places almost everywhere: what spoke for the animal now speaks against it. Nothing about the animals or the decisions differs between them. A method that multiplies with the
# input compares with a **baseline**, here black, whether you chose it or not; a bright pixel that the network wants darker counts against
# the animal from black, and for it from white. Lab 09 makes that choice explicit. (Kindermans et al., 2017, found it by adding a constant
# to all inputs.)

# %% [markdown]
# ## 6 · SmoothGrad
#
# Where does the speckle come from? A ReLU network is linear in pieces, and the slope jumps from piece to piece: two pictures that you
# cannot tell apart can have quite different slopes. **SmoothGrad** (Smilkov et al., 2017) averages over the neighbourhood:
#
# $$\bar w_c = \frac{1}{m}\sum_{k=1}^{m} \left.\frac{\partial S_c}{\partial I}\right|_{I_0 + \varepsilon_k}, \qquad \varepsilon_k \sim \mathcal N(0, \sigma^2) .$$
#
# As $m$ grows this tends to the slope of the score *blurred* with a Gaussian of width $\sigma$: slope and mean change places.

# %% [markdown] tags=["card"] label="06.5-card"
# ### Exercise 06.5 · SmoothGrad
# *3 points · 12 minutes · difficulty ●●○*
#
# Write `smoothgrad(model, pictures, labels, noise)`. The noise comes in as an array, so that the same call gives the same map.

# %% tags=["exercise"] label="06.5"
def smoothgrad(model, pictures, labels, noise):
    """Mean gradient over noisy copies of each picture (Smilkov et al. 2017).

    Parameters
    ----------
    model, pictures, labels
        As for `saliency`.
    noise : torch.Tensor, shape (m, n, 3, height, width)
        m arrays to add to the pictures, already of the wanted strength. The sums may leave [0, 1]
        and stay as they are.

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width)
        Mean of the m gradients. Signed.
    """
    ### BEGIN SOLUTION
    total = torch.zeros_like(pictures)
    for one in noise:
        total += saliency(model, pictures + one, labels)
    return total / len(noise)
    ### END SOLUTION


# %% tags=["check"] label="06.5-check"
smoothgrad = check("06.5", smoothgrad)

# %%
def gaussian(like, sigma, samples, seed=0):
    """Noise of strength sigma for `samples` copies of a batch of pictures, from a generator of its own."""
    return sigma * torch.randn((samples, *like.shape), generator=torch.Generator().manual_seed(seed))


SIGMAS = (0.0, 0.02, 0.05, 0.1, 0.2)
trial, trial_labels = pictures[right][:32], labels[right][:32]
trial_masks = animals.masks[right.numpy()][:32]
smooth = {sigma: smoothgrad(model, trial, trial_labels, gaussian(trial, sigma, 8 if sigma else 1)) for sigma in SIGMAS}

# %% [markdown]
# How much noise? The paper suggests 10 to 20 % of the range of the pixels, found by eye on ImageNet networks. Here there is a truth:
# the share of the brightest pixels that lie on the animal (**rank accuracy**: of the $K$ largest values, how many lie on the mask of size $K$).
# And there is a question to ask first: *does the network still know the animal in that noise?*

# %%
accuracy, ranks = [], []
for sigma in SIGMAS:
    noise = gaussian(trial, sigma, 4, seed=1)
    with torch.no_grad():
        accuracy.append(float(np.mean([(model(trial + one).argmax(dim=1) == trial_labels).double().mean() for one in noise])))
    ranks.append(scoring.rank_accuracy((smooth[sigma] ** 2).sum(dim=1), trial_masks).mean())

figure, axes = panels(width=6.5, height=3.2)
axes.plot(SIGMAS, accuracy, "o-", color=PALETTE[1], label="network names the noisy picture rightly")
axes.plot(SIGMAS, ranks, "s-", color=PALETTE[0], label="rank accuracy of SmoothGrad")
axes.axhline(trial_masks.mean(), color=PALETTE[6], linestyle="--", linewidth=1.2, label="rank accuracy of a random map")
axes.set(xlabel="strength of the noise, σ (pixels run from 0 to 1)", ylabel="share", ylim=(0, 1.02))
axes.legend(fontsize=9)
describe(figure, "Accuracy of the network and rank accuracy of SmoothGrad against the strength of the noise: both fall together.")

# %% [markdown]
# What is to be seen: the two curves fall together. This network was trained on clean pictures; at the strength that the paper recommends
# it hardly tells the species better than a guess would, and SmoothGrad faithfully averages the slopes of a network that is lost. Test the
# network in the noise before you trust a map that is made of noise.

# %%
claim("At σ = 0.1 the network names a share of the noisy pictures rightly", accuracy[3], at_most=0.5)
claim("At σ = 0.2 rank accuracy has fallen by", ranks[0] - ranks[-1], at_least=0.2)

# %%
lengths = {f"σ = {sigma}": smooth[sigma][:4].norm(dim=1).numpy() for sigma in (0.0, 0.05, 0.2)}
heatmaps.grid(animals.pictures[right.numpy()][:4], lengths, [names[k] for k in trial_labels[:4]], width=6, masks=trial_masks[:4],
              alt="Four animals and their SmoothGrad maps without noise, with a little and with much.")

# %% [markdown]
# What is to be seen: the length of SmoothGrad's vector at each pixel, with the true outline. A little noise leaves the map as it is;
# with the recommended amount it is lost.

# %% [markdown]
# **How many samples?** A mean of $m$ independent terms strays in proportion to $1/\sqrt m$. Measured as the distance between two SmoothGrad
# maps from different noise:

# %%
few, few_labels = trial[:6], trial_labels[:6]
single = torch.stack([saliency(model, few + one, few_labels) for one in gaussian(few, 0.05, 128, seed=2)])  # (128, 6, 3, 64, 64)
SAMPLES = np.array([2, 4, 8, 16, 32, 64])
distance = [float((single[:m].mean(dim=0) - single[64 : 64 + m].mean(dim=0)).norm()) for m in SAMPLES]
exponent = np.polyfit(np.log(SAMPLES), np.log(distance), 1)[0]
claim("The distance falls with the number of samples as m to the power of", exponent, between=(-0.6, -0.4))

# %% [markdown]
# **The same from a library.** From here on the labs take these methods from Captum. Two of its defaults have caught many people: its
# `Saliency` returns absolute values unless told otherwise, and its `NoiseTunnel` (SmoothGrad) draws from the global random generator.

# %%
from captum.attr import InputXGradient, Saliency

x = shown_pictures.clone().requires_grad_()
theirs = Saliency(model).attribute(x, target=shown_labels, abs=False)
claim("Captum's saliency and yours part by at most", (theirs - slopes).abs().max().double(), at_most=1e-5)
claim("Its default has no sign: smallest entry", Saliency(model).attribute(x, target=shown_labels).min().double(), at_least=0)
theirs = InputXGradient(model).attribute(x, target=shown_labels).detach().sum(dim=1)
claim("Captum's gradient times input and yours part by at most",
      (theirs - gradient_times_input(model, shown_pictures, shown_labels)).abs().max().double(), at_most=1e-5)

# %% [markdown]
# ## 7 · Can it be used for segmentation?
#
# The CS 230 slide asks, and answers yes. Try it: keep the most salient pixels as a mask, and compare with the true one by
# **intersection over union**, $\mathrm{IoU} = |A \cap B| / |A \cup B|$.

# %% [markdown] tags=["card"] label="06.6-card"
# ### Exercise 06.6 · A mask from a map
# *2 points · 8 minutes · difficulty ●●○*
#
# Write `mask_from_map(maps, share)`: True at the given share of the pixels, the largest of each map.

# %% tags=["exercise"] label="06.6"
def mask_from_map(maps, share):
    """The most salient pixels of each map.

    Parameters
    ----------
    maps : ndarray, float, shape (n, height, width)
        No two values of a map are equal.
    share : float
        Between 0 and 1, and not so small that k, below, is 0.

    Returns
    -------
    ndarray, bool, shape (n, height, width)
        True at the k largest values of each map, k = round(share * height * width).
    """
    ### BEGIN SOLUTION
    flat = maps.reshape(len(maps), -1)
    k = round(share * flat.shape[1])
    threshold = np.sort(flat, axis=1)[:, -k]
    return maps >= threshold[:, None, None]
    ### END SOLUTION


# %% tags=["check"] label="06.6-check"
mask_from_map = check("06.6", mask_from_map)

# %% [markdown]
# Two knobs remain: how far the speckle is smeared out before the cut (a Gaussian blur), and the share. They are chosen on one set of
# pictures and judged on another, *for the controls as for the methods*: a control that is not given the same care is no control.
#
# The controls know no model: **random** numbers, a **blob in the centre** (photographers put things there), and **Sobel edges** of the
# picture, because the slides of April 16 warn that a saliency map can be little more than an edge detector. What does not beat them shows
# nothing about the network.

# %%
CONTROLS = ("random", "centre blob", "Sobel edges")


def all_maps(animals):
    """Maps (n, 64, 64) of every method and control for some pictures of the zoo, by name."""
    x, y = models.as_input(animals.pictures), torch.from_numpy(animals.labels)
    gradient = in_batches(lambda a, b: saliency(model, a, b), x, y)
    averaged = in_batches(lambda a, b: smoothgrad(model, a, b, gaussian(a, 0.05, 6)), x, y)
    product = in_batches(lambda a, b: gradient_times_input(model, a, b), x, y)
    shape = animals.masks.shape
    return {
        "squared gradient": (gradient**2).sum(dim=1).numpy(),
        "length of gradient": gradient.norm(dim=1).numpy(),
        "|gradient × input|": product.abs().numpy(),
        "SmoothGrad, squared": (averaged**2).sum(dim=1).numpy(),
        "random": scoring.random_maps(shape),
        "centre blob": scoring.centre_blob(shape),
        "Sobel edges": scoring.sobel_edges(animals.pictures),
    }


practice = zoo.load(profile(80, 48), seed=61)
practice_maps, maps = all_maps(practice), all_maps(animals)

# %%
BLURS, SHARES = (0, 1, 2, 3), (0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
tie_break = 1e-9 * scoring.random_maps(animals.masks.shape, seed=5)


def segment(maps, blur, share):
    """Masks from maps: peak to 1, blur of so many pixels, cut."""
    maps = maps / maps.max(axis=(1, 2), keepdims=True)
    smooth = gaussian_filter(maps, (0, blur, blur)) if blur else maps
    return mask_from_map(smooth + tie_break[: len(maps)], share)


def tuned(name):
    """The blur and share with the best mean IoU on the practice pictures."""
    tried = {(blur, share): scoring.iou(segment(practice_maps[name], blur, share), practice.masks).mean()
             for blur in BLURS for share in SHARES}
    return max(tried, key=tried.get)


knobs = {name: tuned(name) for name in maps}
masks = {name: segment(maps[name], *knobs[name]) for name in maps}
ious = {name: scoring.iou(masks[name], animals.masks) for name in maps}

# %% tags=["target"] target="06.6"
three = [first[k] for k in (0, 3, 4, 6)]
figure, axes = panels(3, 4, width=7, height=5.6)
for row, name in enumerate(("squared gradient", "centre blob", "Sobel edges")):
    for column, k in enumerate(three):
        heatmaps.draw_picture(axes[row, column], np.where(masks[name][k][..., None], animals.pictures[k], 255))
        heatmaps.outline(axes[row, column], animals.masks[k], PALETTE[1])
        axes[row, column].set_title(f"IoU {ious[name][k]:.2f}")
    axes[row, 0].set_ylabel(name)
describe(figure, "Four pictures cut out by three masks, with the true outline: the gradient's cut is a rough animal, the centre blob a "
                 "disc, the edges take distractors along and of most animals only parts.")

# %% [markdown]
# What is to be seen: what each mask cuts out, and the true outline in orange. The gradient's mask is a rough animal; the disc does not
# move; the edges take stones, posts and signs along, and of most animals only parts.

# %% [markdown]
# Besides IoU, three scores that need no cut:
#
# - **pointing game**: does the largest value lie on the animal? (Zhang et al., 2018)
# - **mass in mask**: which share of the map's sum lies on the animal? (Arras et al., 2022)
# - **rank accuracy**: of the $K$ largest values, how many lie on the animal of $K$ pixels? (the same)

# %%
def intervals(name):
    """Mean and 95 % bootstrap interval of every score of one map."""
    values = {"pointing": scoring.pointing_game(maps[name], animals.masks), "mass in mask": scoring.mass_in_mask(maps[name], animals.masks),
              "rank accuracy": scoring.rank_accuracy(maps[name], animals.masks), "IoU": ious[name]}
    return {score: scoring.bootstrap(value) for score, value in values.items()}


results = {name: intervals(name) for name in maps}
dots(results, CONTROLS, xlabel="mean, 95 % interval", alt="Four scores of four gradient maps and three controls. All gradient maps beat "
     "the controls in IoU; Sobel edges hardly ever point at the animal; the centre blob points at it in about half of the pictures.")

# %% [markdown]
# What is to be seen: filled dots know the network, hollow ones do not; the dashed line is the best control. Without the hollow dots the
# first panel would look better than it is: a blob that never moves points at every second animal.

# %% tags=["nbval-ignore-output"]
print(table(results))

# %%
best_control = max(CONTROLS, key=lambda name: results[name]["IoU"][0])
for name in ("squared gradient", "SmoothGrad, squared", "|gradient × input|"):
    low = scoring.bootstrap(ious[name] - ious[best_control])[1]
    claim(f"IoU of {name} minus that of the best control, lower end of the interval", low, at_least=0.05)
claim("SmoothGrad's IoU minus that of the squared gradient, upper end of the interval",
      scoring.bootstrap(ious["SmoothGrad, squared"] - ious["squared gradient"])[2], at_most=0)
claim("Sobel edges point at the animal in a share of pictures", results["Sobel edges"]["pointing"][0], at_most=0.3)
claim("A blob in the centre points at it in a share of", results["centre blob"]["pointing"][0], at_least=0.4)

claim("Gradient × input points at the animal less often than the blob does, by",
      results["centre blob"]["pointing"][0] - results["|gradient × input|"]["pointing"][0], at_least=0.05)

# %% [markdown]
# By IoU all four maps know more than the controls. By pointing, gradient × input does worse than a blob that never moves: one bright pixel
# decides, and its speckle has bright pixels everywhere. And no refinement beats the plain gradient here; SmoothGrad was judged by eye, on
# other networks. The intervals speak for other pictures of this zoo, not for other networks: measure on yours.
#
# ### The trap: which method is best?
#
# Rows one and two of the table are *the same map*, once squared and once not. The order of the pixels is the same, so pointing and rank
# accuracy agree; mass in mask does not.

# %%
claim("Squaring a map changes rank accuracy by",
      abs(results["squared gradient"]["rank accuracy"][0] - results["length of gradient"]["rank accuracy"][0]), at_most=0.005)
claim("Squaring a map raises mass in mask by",
      results["squared gradient"]["mass in mask"][0] - results["length of gradient"]["mass in mask"][0], at_least=0.1)

# %% [markdown]
# A score can be raised without knowing more about the network. So a table shows several scores, says what each rewards, and has controls;
# it does not crown a method.

# %% [markdown]
# ### Where on the animal?
#
# An outline is a coarse truth. The species differ in parts: ears, horns, a hump. Does the gradient gather on the part by which a species
# is told? Compare the part's share of the animal's *sensitivity* with its share of the animal's *area*.

# %%
telltale = np.zeros(animals.masks.shape, bool)
for species, parts in zoo.TELLTALE.items():
    if species in names:
        mine = animals.labels == names.index(species)
        telltale[mine] = np.any([animals.part(part)[mine] for part in parts], axis=0)

on_animal = maps["squared gradient"] * animals.masks
of_mass = (on_animal * telltale).sum(axis=(1, 2)) / on_animal.sum(axis=(1, 2))
of_area = telltale.sum(axis=(1, 2)) / animals.masks.sum(axis=(1, 2))
shares = {name: {"of sensitivity": scoring.bootstrap(of_mass[animals.labels == k]), "of area": scoring.bootstrap(of_area[animals.labels == k])}
          for k, name in enumerate(names)}

# %%
figure, axes = panels(width=6.5, height=3.4)
for offset, score, colour in ((-0.14, "of sensitivity", PALETTE[0]), (0.14, "of area", PALETTE[4])):
    for row, name in enumerate(names):
        mean, low, high = shares[name][score]
        axes.plot([low, high], [row + offset] * 2, color=colour)
        axes.plot(mean, row + offset, "o", color=colour, label=f"share {score}" if row == 0 else None)
labels_of_rows = [f"{name}: {', '.join(zoo.TELLTALE[name])}" for name in names]
axes.set(yticks=range(8), yticklabels=labels_of_rows, ylim=(7.5, -0.5), xlim=(0, 1), xlabel="telltale part's share of the animal")
axes.legend()
describe(figure, "For each species, the telltale part's share of the squared gradient on the animal and its share of the area.")

# %% [markdown]
# What is to be seen: for most species the part by which you would tell them has more of the sensitivity than of the area. Hare and goat
# differ in nothing but ears and horns, and there the difference is largest.

# %%
claim("Telltale parts: share of the sensitivity minus share of the area, lower end of the interval",
      scoring.bootstrap(of_mass - of_area)[1], at_least=0.05)
for name in ("hare", "goat"):
    claim(f"{name}: the telltale part has more of the sensitivity than of the area, times",
          shares[name]["of sensitivity"][0] / shares[name]["of area"][0], at_least=1.5)

# %% [markdown]
# And if you explain the *wrong class*? Ask the pictures of hares for the score of goat, and the other way round.

# %%
for species, rival in ((0, 1), (1, 0)):
    mine = torch.from_numpy(np.flatnonzero(animals.labels == species))
    of_rival = (saliency(model, pictures[mine], torch.full((len(mine),), rival)) ** 2).sum(dim=1).numpy() * animals.masks[mine]
    share = (of_rival * telltale[mine]).sum(axis=(1, 2)) / of_rival.sum(axis=(1, 2))
    claim(f"On a {names[species]}, the telltale part's share for its own score exceeds that for the {names[rival]} score by",
          (of_mass[mine.numpy()] - share).mean(), at_least=0.03)

# %% [markdown]
# So the map is that of a class. Code that explains the network's favourite (`argmax`) instead of the class that you asked for shows
# another map wherever the network is wrong, just where an explanation is wanted most.

# %% [markdown] tags=["instructor"]
# Close the circle to the zoo: what would you hand to the keepers? A map, its control, a sentence on what it does not say. Lab 07 asks how
# far such maps depend on the network at all; say so now, or students leave with too much trust.

# %% [markdown]
# ## 8 · Touch: a brush
#
# Paint over a picture and watch: the score of its species (orange bar; the black tick is the clean picture's), what the linear model
# predicted for it (blue diamond), and the map of the painted picture. Size 1 changes one pixel. The colours *uphill* and *downhill* move
# every colour under the brush by 0.1 along its slope, or against it.
#
# Try: cover the hare's ears; cover its body; paint a signpost; find a single pixel that moves the score by more than a whole grey
# square elsewhere; find where diamond and bar part.

# %% tags=["nbval-ignore-output"]
saliency_brush.explore()

# %% [markdown]
# What is to be seen: left the painted picture, in the middle the largest $|w_c|$ at each pixel, right all eight scores. A grey square over
# the ears pulls the score of hare down towards that of goat. It is a large step, and the linear model foresees only part of it.

# %% [markdown]
# ## What to remember
#
# - Saliency is the gradient of a class *score* with respect to the picture: the weights of the linear model that fits the network there.
# - It answers *what would change the score most*, not *what made the score*. Lab 07 takes this further.
# - The probability's slope asks another question, of all classes at once, and vanishes where the network is sure.
# - A square goes with a one-sided colormap, a signed map with a two-sided one that has zero in its middle.
# - Whatever multiplies with the input has a baseline, chosen or not.
# - SmoothGrad averages over noise: first see whether the network still works in that noise.
# - Every score of a map needs controls without a model beside it, tuned as carefully, and an interval.

# %% [markdown]
# ## Outside: photographs through an ImageNet network
#
# The same functions on SqueezeNet 1.1 and photographs that come with scikit-image. The weights come from `COURSE_DATA` or by download;
# where neither is there, the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import photos, real
from course_utils.models import imagenet

squeezenet = real.or_none(imagenet.load, "squeezenet1_1")
album = [photos.square(photos.load(name), 224) for name in ("chelsea", "coffee", "rocket")]


def outside(network, sigma=0.1):
    """Photographs, the network's best guess and how often it holds in noise, and three maps for it, cut at their 99th percentile."""
    x = torch.cat([imagenet.as_input(photo.picture) for photo in album])
    noise = gaussian(x, sigma, 12)
    with torch.no_grad():
        scores = network(x)
        guess = scores.argmax(dim=1)
        holds = sum((network(x + one).argmax(dim=1) == guess).int() for one in noise)
    rows = {
        "squared": (saliency(network, x, guess) ** 2).sum(dim=1).numpy(),
        "SmoothGrad": (smoothgrad(network, x, guess, noise) ** 2).sum(dim=1).numpy(),
        "times input": gradient_times_input(network, x, guess).abs().numpy(),
    }
    cut = {name: np.minimum(h / np.quantile(h, 0.99, axis=(1, 2), keepdims=True), 1) for name, h in rows.items()}
    titles = [f"{answers[0][0]} ({count} of 12)" for answers, count in zip(imagenet.top(scores, 1), holds.tolist())]
    return heatmaps.grid([photo.picture for photo in album], cut, titles, width=7.5,
                         alt="Photographs with the best guess of SqueezeNet, and three maps for it.")


outside(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: over each photograph the best guess, and in how many of 12 noisy copies it stays the
# same; below it three maps for that guess. Is the guess right? Does SmoothGrad look better only where the guess holds in the noise? There
# is no true mask here, so say what you see, and what you cannot know from it.
#
# ## References
#
# - K. Simonyan, A. Vedaldi, A. Zisserman, *Deep inside convolutional networks*, ICLR workshop 2014: saliency, the Taylor view, and
#   segmentation started from it.
# - D. Smilkov et al., *SmoothGrad: removing noise by adding noise*, 2017.
# - A. Shrikumar et al., *Not just a black box*, 2016: gradient times input.
# - P.-J. Kindermans et al., *The (un)reliability of saliency methods*, 2017.
# - J. Zhang et al., *Top-down neural attention by excitation backprop*, IJCV 2018: the pointing game.
# - L. Arras, A. Osman, W. Samek, *CLEVR-XAI*, Information Fusion 2022: mass and rank accuracy.
# - J. Adebayo et al., *Sanity checks for saliency maps*, 2018: the paper behind the edge detector on the CS 360 slide, and lab 07.
