# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 08 · Occlusion and class activation maps
#
# *Lectures: CS230, interpretability of neural networks, I.B and I.C; MIT 6.874, recitation 5, class activation mapping and global average pooling · 120 minutes · builds on lab 06 (saliency) and, for one figure, on lab 01 (transposed convolutions)*
#
# The zoo does not yet trust your classifier: it wants to see which part of a photograph decides, and then it wants to see that live, in the enclosure. This lab answers twice. **Occlusion** hides a part and watches the probability. **Class activation maps** read the answer off the network itself, in a single forward pass.
#
# You will be able to
# - **hide** a square at every place of a picture in a few fast batches, and read the map of probabilities;
# - **choose** the square's size and colour on purpose, and say what your choice hides;
# - **compute** a class activation map and prove that it adds up to the score;
# - **convert** a flatten-and-dense network into a pooling one, or explain it unconverted with Grad-CAM;
# - **box** the animal and **score** the boxes against the truth and against maps that know no model.

# %%
import time

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import Occlusion
from scipy import ndimage
from scipy.stats import spearmanr

from course_utils import models, plots, scoring
from course_utils.datasets import zoo
from course_utils.notebook import check, claim, cpu_seconds, start, timing
from course_utils.plots import heatmaps
from course_utils.settings import profile

start("08")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes.** 1-3 occlusion 32 · 4 locality 5 · 5-6 the two traps 13 · 7 CAM 14 · 8 boxes 13 · 9 Grad-CAM 18 · 10 conversion 15 · 11-14 score board, live, touch 10. If time is short, leave section 4 and the second half of section 5 for reading.
#
# Open with the Touch at the end of the lab (section 13): let the room find the square that turns the camel into a llama, then ask "how would you find it for a thousand pictures?".

# %% [markdown]
# ## 1. What the zoo hands you
#
# `zoonet` was trained on generated pictures of eight species. It ends in **global average pooling**: convolutions make $K$ maps of $h \times w$ places, each map is averaged to one number, and a linear layer turns the $K$ numbers into a score for each class. The twin `zoonet_dense` flattens its maps and has two dense layers instead; it comes in section 9.
#
# The pictures below are new to both. For each one you have the truth: the species, the pixels of the animal, and the pixels of each of its parts.

# %%
N = profile(full=200, fast=48)
network = models.load("zoonet").to(memory_format=torch.channels_last)   # the layout in which convolutions run fastest
animals = zoo.load(N, seed=808)
x = models.as_input(animals.pictures)                                   # (N, 3, 64, 64), in [0, 1]
y = torch.from_numpy(animals.labels)
with torch.inference_mode():
    scores = network(x)                                                 # (N, 8), before the softmax
p_true = scores.softmax(1)[torch.arange(N), y]                          # probability of the true species

claim("Share of new pictures that the network names right", (scores.argmax(1) == y).float().mean(), at_least=0.95)

# %%
shown = [int(np.flatnonzero(animals.labels == k)[0]) for k in range(8)]   # one picture of each species
heatmaps.grid(animals.pictures[shown], titles=[zoo.SPECIES[k] for k in range(8)],
              alt="One picture of each of the eight species of the zoo, with stones, plants, posts and signs around the animal.")

# %% [markdown]
# What is to be seen: llama and camel differ in the hump alone, hare and goat in what they wear on the head. Beside each animal stand things with harder edges than its own.

# %% [markdown]
# ## 2. Hide one place
#
# What does the network need of the camel? Ask as you would ask a person: put your hand over a part and see whether the answer changes. The "hand" is a grey square, and the answer is the probability of the true species.

# %%
def hide(picture, top, left, size, fill=0.5):
    """A copy of a picture (3, height, width) with one square painted over."""
    hidden = picture.clone()
    hidden[:, top:top + size, left:left + size] = fill
    return hidden


camel = zoo.draw("camel", 57)
hump_row, hump_column = (int(places.mean()) for places in np.nonzero(camel.part("hump")[0]))
camel_x, SIZE = models.as_input(camel.pictures)[0], 16
corners = {"sky": (0, 0), "hump": (hump_row - SIZE // 2, hump_column - SIZE // 2), "ground": (48, 40)}
trials = torch.stack([camel_x] + [hide(camel_x, *corner, SIZE) for corner in corners.values()])
with torch.inference_mode():
    trial_p = network(trials).softmax(1)
CAMEL, LLAMA = zoo.SPECIES.index("camel"), zoo.SPECIES.index("llama")
heatmaps.grid(trials, titles=[f"{name}\ncamel {p[CAMEL]:.2f}, llama {p[LLAMA]:.2f}"
                              for name, p in zip(["no square", *corners], trial_p)],
              alt="A camel four times: uncovered, with a grey square in the sky, on its hump and on the ground; the title of each "
                  "gives the probabilities of camel and llama.")

# %% [markdown]
# What is to be seen: squares in the sky and on the ground change little; the square on the hump takes the camel's probability away, and the llama gets it.

# %%
claim("A square on the hump turns this camel into a llama", trial_p[2].argmax() == LLAMA)

camels = zoo.load(profile(full=48, fast=16), seed=77, species=("camel",))
camels = camels[camels.part("hump").sum((1, 2)) > 20]                 # those whose hump nothing hides
camels_x = models.as_input(camels.pictures)
middles = [np.argwhere(hump).mean(0).astype(int) - SIZE // 2 for hump in camels.part("hump")]
with torch.inference_mode():
    on_hump = network(torch.stack([hide(one, *corner.clip(0), SIZE) for one, corner in zip(camels_x, middles)])).argmax(1)
    in_sky = network(torch.stack([hide(one, 0, 0, SIZE) for one in camels_x])).argmax(1)
claim("Share of other camels that stop being camels with a square on the hump", (on_hump != CAMEL).float().mean(), at_least=0.6)
claim("and with the same square in the corner of the sky", (in_sky != CAMEL).float().mean(), at_most=0.1)

# %% [markdown] tags=["instructor"]
# Two minutes of talk: what is being asked here? Not "which pixels are sensitive" (lab 06) but "what if this were not there". Ask the room what "not there" should look like, and park the answers for section 5.

# %% [markdown]
# ## 3. Every place, in batches
#
# Let the square (side `window`) visit a grid of places: its top left corner stands at row $i\,s$ and column $j\,s$, with the step $s$ (`stride`), wherever the whole square lies inside the picture. Each place gives one covered picture $x^{(i,j)}$ and one number,
#
# $$M_{ij} = p_c\big(x^{(i,j)}\big), \qquad i = 0, \dots, \Big\lfloor \tfrac{\text{height} - \text{window}}{s} \Big\rfloor, \quad j = 0, \dots, \Big\lfloor \tfrac{\text{width} - \text{window}}{s} \Big\rfloor .$$
#
# The map is **low where the square hides what matters**. A network is fastest with some sixteen pictures at a time, and a loop over places in Python is slow before the network is even asked, so make all covered pictures with array operations. Along one side it takes one comparison: here a window of 4 visits 10 pixels in steps of 3.

# %%
first, pixel = torch.tensor([0, 3, 6]), torch.arange(10)
covers = (first[:, None] <= pixel) & (pixel <= first[:, None] + 3)     # (3 places, 10 pixels)
print(covers.int().numpy())

# %% [markdown]
# What is to be seen: one row for each place, ones at the pixels that the window covers there. The last place ends exactly at the border, and it counts. In a picture there are two such tables, one for rows and one for columns.

# %% [markdown] tags=["card"] label="08.1-card"
# ### Exercise 08.1 · A square in every place, in batches
# *3 points · 20 minutes · difficulty ●●○*
#
# Write `occlusion_map`: the probability of one class for every place of the square. Build the two tables as above, combine them into one mask for each place, and choose between `fill` and the picture with `torch.where`. No loop over places; the only loop runs over batches. Stuck? `%hint 08.1` gives a hint, `%reveal 08.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="08.1"
def occlusion_map(model, picture, label, window, stride, fill, batch):
    """Probability of one class for every place of a square that hides part of the picture.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, 3, height, width), returns scores before the softmax, (n, classes).
    picture : torch.Tensor, float, shape (3, height, width)
        Height and width may differ.
    label : int
        The class whose probability is mapped, at every place.
    window : int
        Side of the square in pixels, at most height and width.
    stride : int
        Step between places: top left corners stand at rows 0, stride, 2 stride, ... and at columns
        0, stride, 2 stride, ..., as long as the whole square fits.
    fill : torch.Tensor, shape (3, 1, 1) or (3, height, width)
        What the square shows: one colour, or another picture of which it shows the part under it.
    batch : int
        Pictures in each call of the model; fewer only in the last call.

    Returns
    -------
    ndarray, float, shape (rows, columns)
        Entry [i, j]: probability of `label` with the square's corner at (i stride, j stride).
    """
    ### BEGIN SOLUTION
    height, width = picture.shape[1:]
    tops = torch.arange(0, height - window + 1, stride)
    lefts = torch.arange(0, width - window + 1, stride)
    rows, columns = torch.arange(height), torch.arange(width)
    down = (rows >= tops[:, None]) & (rows < tops[:, None] + window)                # (places down, height)
    across = (columns >= lefts[:, None]) & (columns < lefts[:, None] + window)      # (places across, width)
    squares = (down[:, None, :, None] & across[None, :, None, :]).flatten(0, 1)     # (places, height, width)
    with torch.no_grad():
        scores = torch.cat([model(torch.where(part, fill, picture)) for part in squares[:, None].split(batch)])
    return scores.softmax(1)[:, label].reshape(len(tops), len(lefts)).numpy()
    ### END SOLUTION


# %% tags=["check"] label="08.1-check"
occlusion_map = check("08.1", occlusion_map)

# %% tags=["target"] target="08.1"
GREY = torch.full((3, 1, 1), 0.5)
WINDOW, STRIDE, BATCH = 12, 4, 16
four = [shown[zoo.SPECIES.index(name)] for name in ("hare", "tortoise", "camel", "goose")]
maps = np.stack([occlusion_map(network, x[i], int(y[i]), WINDOW, STRIDE, GREY, BATCH) for i in four])
heatmaps.grid(animals.pictures[four], {"map": maps}, titles=[zoo.SPECIES[y[i]] for i in four], limit=1.0, cmap="viridis",
              bar="probability",
              alt="Four animals, and below each the map of the probability of its species for every place of a grey square; "
                  "the maps are dark where the square hides the parts that tell the species.")

# %% [markdown]
# What is to be seen: bright means that the network is still sure, dark that the square at this place has hidden something that it needs. Look also for places that are dark although no animal is there: section 5 comes back to them.

# %% [markdown] tags=["instructor"]
# 20 minutes for 08.1. Common stumble: `reshape` with the places in column order; the check names it. Ask early finishers for the memory that all covered pictures of a 224 x 224 photograph need at once (196 x 3 x 224 x 224 x 4 bytes: 118 MB before the first convolution).

# %% [markdown]
# ### From places to pixels
#
# A map with one value a place is awkward to lay over a picture. Turn it into a map of **drops**, $p_c(x) - M_{ij}$, large where the square hurts, and give each pixel the mean drop of all squares that cover it. Stamping each value as a square is a transposed convolution with a kernel of ones, as in lab 01.

# %%
def to_pixels(drops, window, stride):
    """Mean of the squares that cover each pixel.

    Parameters: drops, array (n, rows, columns). Returns: ndarray (n, height, width), where the last
    square ends at the border.
    """
    drops = torch.as_tensor(drops)[:, None]
    stamp = torch.ones(1, 1, window, window, dtype=drops.dtype)
    total = F.conv_transpose2d(drops, stamp, stride=stride)
    count = F.conv_transpose2d(torch.ones_like(drops), stamp, stride=stride)
    return (total / count)[:, 0].numpy()


drops = to_pixels(p_true[four].numpy()[:, None, None] - maps, WINDOW, STRIDE)
heatmaps.grid(animals.pictures[four], {"drop": drops}, titles=[zoo.SPECIES[y[i]] for i in four], overlaid=True,
              masks=animals.masks[four], show_pictures=False,
              alt="The drops of the four animals laid over the pictures, with the animal outlined.")

# %% [markdown]
# What is to be seen: colour where hiding hurts, grey elsewhere; the outline is the true animal. Each panel has its own scale.

# %% [markdown]
# Captum's `Occlusion` computes just this, so you can trust yours.

# %%
captum_map = Occlusion(lambda pictures: network(pictures).softmax(1)).attribute(
    x[four[2]][None], sliding_window_shapes=(3, WINDOW, WINDOW), strides=(3, STRIDE, STRIDE), baselines=0.5, target=CAMEL,
    perturbations_per_eval=BATCH)
claim("Largest difference from Captum's occlusion map", np.abs(captum_map[0, 0].numpy() - drops[2]).max(), at_most=1e-5)

# %% [markdown]
# ## 4. What a map costs, and what it need not cost
#
# Every place is a forward pass. How they are sent matters, before any cleverness: memory layout (channels last, which the network above has) and the size of the batch.

# %%
plain = models.load("zoonet")                                         # torch's default layout, channels first


def map_seconds(model, batch):
    """Processor seconds of one occlusion map, with one thread."""
    return cpu_seconds(lambda: occlusion_map(model, camel_x, CAMEL, WINDOW, STRIDE, GREY, batch), 2)[0]


one_by_one, batched = map_seconds(plain, 1), map_seconds(network, BATCH)

# %% tags=["nbval-ignore-output"]
timing("Batches of 16, channels last, against one picture at a time: times faster", one_by_one / batched, at_least=1.2)
print(f"one at a time            {1000 * one_by_one:5.0f} ms for one map")
print(f"batches of 16            {1000 * map_seconds(plain, 16):5.0f} ms")
print(f"  and channels last      {1000 * batched:5.0f} ms")
print(f"all places at once, too  {1000 * map_seconds(network, 1000):5.0f} ms")

# %% [markdown]
# ### Only what the square can reach
#
# Most of the work repeats itself. A square of 12 pixels changes 12 x 12 pixels, so after the first 3 x 3 convolution 14 x 14 activations, and so on: everywhere else the covered picture's activations *are* those of the uncovered one. See how far one square reaches.

# %%
covered = hide(camel_x, 24, 24, WINDOW)
with torch.inference_mode():
    pair, reached = torch.stack([camel_x, covered]), {}
    for name, layer in network.features.named_children():
        pair = layer(pair)
        if not name.startswith("relu"):
            reached[name] = (pair[0] - pair[1]).abs().amax(0).numpy()
figure, axes = plots.panels(1, len(reached), width=9, height=2.1)
for axis, (name, change) in zip(axes, reached.items()):
    heatmaps.draw(axis, (change > 0).astype(float))
    axis.set_title(f"{name}\n{change.shape[0]}x{change.shape[1]}: {(change > 0).mean():.0%}")
plots.describe(figure, "For each layer, the places whose activations one square changes: a small patch that grows from "
                       "layer to layer.")

# %% [markdown]
# What is to be seen: the places that the square reaches, layer by layer, and their share of the layer. Outside the patch nothing has to be computed again. A convolution multiplies once for each weight and place, so the shares say how much of the multiplying is left.

# %%
products = {name: layer.weight.numel() * reached[name].size
            for name, layer in network.features.named_children() if name.startswith("conv")}
necessary = sum(count * (reached[name] > 0).mean() for name, count in products.items())
claim("Share of the network's products that one square makes necessary", necessary / sum(products.values()), at_most=0.25)

# %% [markdown]
# So compute the uncovered picture once and keep its activations. Then carry for each place of the square only the patch that changes, with a rim of kept activations around it wherever a convolution looks over the patch's edge. The pooling head needs the sum of the last maps only, and that sum changes by what changes inside the patch.

# %%
def patches(kept, corners, size):
    """Squares cut out of one activation, with zeros where they stick out of it.

    Parameters: kept (1, c, height, width); corners, int (n, 2), row and column, may be negative; size.
    Returns: tensor (n, c, size, size).
    """
    padded = F.pad(kept[0], (size,) * 4).permute(1, 2, 0)
    rows, columns = (corners[:, k, None] + size + torch.arange(size) for k in (0, 1))
    return padded[rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def pooled_under_squares(network, kept, fill, corners, size):
    """Pooled features (n, channels) of a picture with a square at each of n corners, from its kept activations.

    For convolutions that keep the size, ReLUs and 2x2 poolings; corners on multiples of 4.
    """
    patch = patches(fill[None], corners, size)
    for layer, before, after in zip(network.features, kept, kept[1:]):
        if isinstance(layer, torch.nn.ReLU):
            patch = layer(patch)
            continue
        rim, step = (layer.padding[0], 1) if isinstance(layer, torch.nn.Conv2d) else (0, 2)
        low = (corners - rim) // step                             # where the changed patch begins after the layer,
        high = (corners + size + rim + step - 1) // step          # and where it ends
        ground = patches(before, low * step - rim, int(high[0, 0] - low[0, 0]) * step + 2 * rim)
        inner = int(corners[0, 0] - (low[0, 0] * step - rim))
        ground[:, :, inner:inner + size, inner:inner + size] = patch
        patch = F.conv2d(ground, layer.weight, layer.bias) if step == 1 else layer(ground)
        corners, size = low, patch.shape[-1]
        patch = patch * patches(torch.ones_like(after[:, :1]), corners, size)  # padding is zero
    change = (patch - patches(kept[-1], corners, size)).sum((2, 3))
    return (kept[-1].sum((2, 3)) + change) / kept[-1][0, 0].numel()

# %%
def local_occlusion_map(network, picture, label, window, stride, fill, batch=256):
    """The same map as `occlusion_map` gives, recomputing for each place only what the square reaches."""
    with torch.inference_mode():
        kept = [picture[None].contiguous(memory_format=torch.channels_last)]
        for layer in network.features:
            kept.append(layer(kept[-1]))
        steps = stride * torch.arange((picture.shape[1] - window) // stride + 1)
        places, fill = torch.cartesian_prod(steps, steps), fill.expand_as(picture)
        logits = [network.classifier(pooled_under_squares(network, kept, fill, corners, window)) for corners in places.split(batch)]
    return torch.cat(logits).softmax(1)[:, label].reshape(len(steps), -1).numpy()


local = local_occlusion_map(network, camel_x, CAMEL, WINDOW, STRIDE, GREY)
whole = occlusion_map(network, camel_x, CAMEL, WINDOW, STRIDE, GREY, BATCH)
claim("Largest difference between the local map and the whole one", np.abs(local - whole).max(), at_most=1e-5)
local_time, _ = cpu_seconds(lambda: local_occlusion_map(network, camel_x, CAMEL, WINDOW, STRIDE, GREY), 2)

# %% tags=["nbval-ignore-output"]
timing("Local against batched: times faster", batched / local_time, at_least=1.3)
print(f"one by one {1000 * one_by_one:.0f} ms, in batches {1000 * batched:.0f} ms, local {1000 * local_time:.0f} ms for one map")

# %% [markdown]
# The gain is of another kind than that of batches: it comes from not doing the work, and it grows with the picture, because the patch does not. From here on the lab uses the local map, with the same results.

# %% [markdown] tags=["instructor"]
# 5 minutes for section 4, or reading at home. Draw the growth of the patch on the board before showing it: 12, 14, 7 or 8, ... The point to make: batches change the constant, locality changes the amount of work.

# %% [markdown]
# ## 5. Trap: the colour of the square
#
# "What if this part were not there?" is a good question, but a grey square is not an absence: it is a thing, with edges and a colour, and the network has an opinion about it. So try five squares: grey, black, white, the picture's mean colour, and a blurred copy of the picture, which keeps the light and loses the detail.

# %%
M = profile(full=24, fast=8)
blurred = torch.from_numpy(ndimage.gaussian_filter(x.numpy(), (0, 0, 6, 6), mode="nearest"))
paints = {"grey": torch.full_like(x, 0.5), "black": torch.zeros_like(x), "white": torch.ones_like(x),
          "mean": x.mean((2, 3), keepdim=True).expand_as(x), "blur": blurred}


def drops_of(pictures, labels, before, paint, window=WINDOW, stride=STRIDE):
    """Drop of the probability `before` of each picture at each place of the square: ndarray (n, rows, columns)."""
    maps = [local_occlusion_map(network, *each, window, stride, fill) for *each, fill in zip(pictures, labels.tolist(), paint)]
    return before.numpy()[:, None, None] - np.stack(maps)


by_colour = {name: to_pixels(drops_of(x[:M], y[:M], p_true[:M], paint), WINDOW, STRIDE) for name, paint in paints.items()}
one = four[1]
top, left = np.argwhere(animals.part("shell")[one]).mean(0).astype(int) - WINDOW // 2
covered = [hide(x[one], top, left, WINDOW, paint[one, :, top:top + WINDOW, left:left + WINDOW]) for paint in paints.values()]
example = {name: to_pixels(drops_of(x[[one]], y[[one]], p_true[[one]], paint[[one]]), WINDOW, STRIDE)[0]
           for name, paint in paints.items()}
heatmaps.grid(covered, {"drop": np.stack(list(example.values()))}, titles=list(example), limit="row", bar="drop of p",
              alt="A tortoise with a square of each of five paints on its shell, and below each the drop map made with squares of that "
                  "paint: five different maps.")

# %% [markdown]
# What is to be seen: above, one square of each paint; below, the five maps of this picture by the same network, on one scale. The tortoise's dark sky of section 3 was the grey paint's doing: a blurred square in the sky changes nothing.

# %%
grey_share, blur_share = scoring.mass_in_mask(np.stack([example["grey"], example["blur"]]), animals.masks[[one, one]])
claim("Share of the drops that lies on this tortoise, blurred minus grey squares", blur_share - grey_share, at_least=0.1)

# %% [markdown]
# How much do the five stories have in common? Take the **rank correlation** (Spearman) of two maps of one picture: 1 if they order the pixels alike, 0 if they have nothing to do with each other.

# %%
names = list(paints)
agreement = np.array([[np.mean([spearmanr(by_colour[a][i].ravel(), by_colour[b][i].ravel()).statistic for i in range(M)])
                       for b in names] for a in names])
figure, axis = plots.panels(width=4.6, height=3.9)
image = axis.imshow(agreement, vmin=0, vmax=1, cmap=plots.SEQUENTIAL)
axis.set(xticks=range(5), xticklabels=names, yticks=range(5), yticklabels=names)
for (row, column), value in np.ndenumerate(agreement):
    axis.text(column, row, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.45 else "white")
figure.colorbar(image, label="rank correlation, mean over pictures")
plots.describe(figure, "Mean rank correlation between the drop maps of five paints; off the diagonal most values are far below one.")

# %% [markdown]
# What is to be seen: the paints do not tell one story. Off the diagonal the correlations lie between about 0.5 and 0.75; grey and blurred
# squares agree least.

# %%
claim("Mean rank correlation of the maps of black and of blurred squares", agreement[1, 4], at_most=0.8)
beside = {name: np.mean([np.abs(drop[~mask]).mean() for drop, mask in zip(maps, animals.masks)]) for name, maps in by_colour.items()}
claim("Off the animal, black squares change the probability more than blurred ones: times", beside["black"] / beside["blur"], at_least=2)

# %% [markdown]
# Black squares invent evidence: they move the probability where there is no animal. But which paint is *right*? Here you can know, because the zoo can redraw the very same scene without a part. Compare what the network really loses when a part is not there with what it loses when you paint over the same pixels. Losses are measured in log-odds of the true species, $\ln \frac{p}{1-p}$, which do not saturate as the probability does.

# %%
def log_odds(pictures, labels):
    """ln(p / (1 - p)) of each picture's class: tensor (n,)."""
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in pictures.split(BATCH)])
    own = F.one_hot(labels, logits.shape[1]).bool()
    return logits[own] - logits.masked_fill(own, -torch.inf).logsumexp(1)


before, truly, painted = log_odds(x, y), [], {name: [] for name in paints}
for part in ("ears", "horns", "trunk", "shell", "hump", "neck", "wings", "beak", "fins", "legs", "tail"):
    masks = animals.part(part)
    seen = np.flatnonzero(masks.sum((1, 2)) >= 4)[:60]                # pictures in which this part can be seen
    redrawn = zoo.draw([zoo.SPECIES[label] for label in animals.labels[seen]], animals.seeds[seen], without=part)
    truly.append(before[seen] - log_odds(models.as_input(redrawn.pictures), y[seen]))
    hidden = torch.from_numpy(masks[seen])[:, None]
    for name, paint in paints.items():
        painted[name].append(before[seen] - log_odds(torch.where(hidden, paint[seen], x[seen]), y[seen]))
truly, painted = torch.cat(truly).numpy(), {name: torch.cat(losses).numpy() for name, losses in painted.items()}
truth = {name: spearmanr(losses, truly).statistic for name, losses in painted.items()}

# %%
figure, axes = plots.panels(1, 5, width=9, height=2.5, sharex=True, sharey=True)
for axis, (name, losses) in zip(axes, painted.items()):
    axis.plot(truly, losses, ".", markersize=3, alpha=0.5)
    axis.axline((0, 0), slope=1, color="0.6", linewidth=1)
    axis.set(title=f"{name}: {truth[name]:.2f}", xlim=(-6, 12), ylim=(-6, 12))
axes[2].set_xlabel("log-odds lost when the part is not there")
axes[0].set_ylabel("lost under paint")
plots.describe(figure, "For each paint, the log-odds lost when a part is painted over against what is lost when the part is truly absent; "
                       "the blurred paint follows the diagonal best, black worst.")

# %% [markdown]
# What is to be seen: each dot is one part of one picture; the title gives the rank correlation with the truth. A paint that tells what absence would do keeps to the grey diagonal.

# %%
claim("Rank correlation of blurring a part with its true absence", truth["blur"], at_least=0.7)
claim("The same correlation, blur minus black", truth["blur"] - truth["black"], at_least=0.1)

# %% [markdown]
# **Verdict.** A map of occlusion is a map of one question: "what if there were *this* instead?". Say which paint you used, prefer one that could have been there (a blur, the mean, best of all a redrawn background), and look at a second one before you believe a detail.

# %% [markdown] tags=["instructor"]
# 7 minutes for section 5. Come back to the parked answers of section 2. A good question here: which paint would you choose for X-rays, where black is air? For the score of a credit applicant?

# %% [markdown]
# ## 6. Trap: a square smaller than the redundancy sees nothing
#
# Occlusion takes one thing away at a time. If the picture says the same thing twice, each half is dispensable while the other is there. So put two camels face to face and look for the place that makes them camels.

# %%
def face_to_face(left, right, seed):
    """One animal at the left end of its walk and one at the right end, in one scene: uint8 (64, 64, 3)."""
    one, other = (zoo.walk(name, seed, frames=2) for name in (left, right))
    return np.where(other.masks[1][..., None], other.pictures[1], one.pictures[0])


def apart(seed):
    """Whether the camel's two ends of the walk leave room for both."""
    ends = zoo.walk("camel", seed, frames=2).masks
    return not (ends[0] & ends[1]).any()


def p_camel(pictures):
    """Probability of camel for uint8 pictures (n, 64, 64, 3): tensor (n,)."""
    with torch.inference_mode():
        return network(models.as_input(pictures)).softmax(1)[:, CAMEL]


scenes = [seed for seed in range(profile(full=250, fast=120)) if apart(seed)]
scenes = [seed for seed in scenes if p_camel(zoo.walk("camel", seed, frames=2).pictures[:1]) > 0.9]   # there has to be something to lose
herds = {"one camel": np.stack([zoo.walk("camel", seed, frames=2).pictures[0] for seed in scenes])}
for left, right in (("camel", "camel"), ("camel", "llama"), ("llama", "camel"), ("llama", "llama")):
    herds[f"{left}, {right}"] = np.stack([face_to_face(left, right, seed) for seed in scenes])
herd_p = {name: p_camel(pictures) for name, pictures in herds.items()}
heatmaps.grid([pictures[1] for pictures in herds.values()], titles=[f"{name}\np(camel) {p.mean():.2f}" for name, p in herd_p.items()],
              alt="A scene with one camel, then with two camels face to face, then with the right, the left and both of them replaced by "
                  "llamas; the title gives the mean probability of camel over all such scenes.")

# %% [markdown]
# What is to be seen: the same scene with one camel, with two, and with the right, the left or both humps truly gone, because llamas took the camels' place. The numbers are means over all scenes.

# %%
claim("p(camel) of two camels", herd_p["camel, camel"].mean(), at_least=0.9)
claim("p(camel) when the right one's hump is gone", herd_p["camel, llama"].mean(), at_least=0.8)
claim("p(camel) when both humps are gone", herd_p["llama, llama"].mean(), at_most=0.2)

# %% [markdown]
# Without the right hump the network still says camel, without both it says llama. (The two do not count alike: without the left one it wavers.) So the humps are what matters, and there is one to spare. Now ask occlusion.

# %%
herd_x = {name: models.as_input(herds[name]) for name in ("one camel", "camel, camel")}
as_camels = torch.full((len(scenes),), CAMEL)
small = [to_pixels(drops_of(pictures[:3], as_camels[:3], herd_p[name][:3], [GREY] * 3), WINDOW, STRIDE) for name, pictures in herd_x.items()]
heatmaps.grid([*herds["one camel"][:3], *herds["camel, camel"][:3]], {"drop": np.concatenate(small)}, limit="row", bar="drop of p",
              alt="Three scenes with one camel and the same three with two; below each its drop map for one size of square: strong over the "
                  "humps of the single camels, nearly empty over the pairs.")

# %% [markdown]
# What is to be seen: a single camel lights up where its hump is. Two camels: next to nothing, although the picture is more camel than before.

# %%
windows = (4, 8, 12, 16, 32)
largest = {name: np.array([drops_of(pictures, as_camels, herd_p[name], [GREY] * len(scenes), window, 4 if window < 16 else 8)
                           .max((1, 2)) for window in windows]) for name, pictures in herd_x.items()}    # (windows, scenes)
figure, axis = plots.panels(width=5.5, height=3.0)
for (name, values), colour in zip(largest.items(), plots.PALETTE):
    middle, low, high = np.array([scoring.bootstrap(row) for row in values]).T
    axis.plot(windows, middle, "o-", color=colour, label=name.replace("camel, camel", "two camels"))
    axis.fill_between(windows, low, high, color=colour, alpha=0.2, linewidth=0)
axis.set(xlabel="side of the square (pixels)", ylabel="largest drop of p", xticks=windows, ylim=(0, 1.02))
axis.legend()
plots.describe(figure, "The largest drop of the probability against the size of the square: it rises early for one camel and late for two.")

# %% [markdown]
# What is to be seen: how large the square has to be before it finds anything at all, with 95 % intervals over the scenes. With two camels that is far beyond the size of a hump.

# %%
one_drop, two_drop = (values[windows.index(WINDOW)].mean() for values in largest.values())
claim("Largest drop with two camels as a share of that with one", two_drop / one_drop, at_most=0.4)

# %% [markdown]
# **Verdict.** An empty occlusion map does not say that nothing matters. It says that nothing of the square's size matters *alone*. Try several sizes, and remember redundancy when you meet an empty map; section 7 has a method that it does not fool.

# %% [markdown] tags=["instructor"]
# 6 minutes for section 6. Ask for the prediction before the curve is shown: "two camels, one square: what will the map look like?" Collect the guesses. Medical parallel: two lesions in one picture.

# %% [markdown]
# ## 7. Class activation maps: the network's own map
#
# Occlusion asks many questions from outside. A network with global average pooling can be read from inside. Let $f_k(u, v)$ be feature map $k$ at place $(u, v)$ of $h \times w$, $w_{ck}$ the weights of class $c$ and $b_c$ its bias. The score is
#
# $$s_c = b_c + \sum_k w_{ck}\, \frac{1}{hw} \sum_{u,v} f_k(u, v) = b_c + \frac{1}{hw} \sum_{u,v} \underbrace{\sum_k w_{ck}\, f_k(u, v)}_{\mathrm{CAM}_c(u, v)} .$$
#
# Nothing happened but a change of the order of two sums, and yet the right-hand side says **where** the score comes from: each place brings $\mathrm{CAM}_c(u, v)$, positive for the class or negative against it, and the score is their mean plus the bias (Zhou et al. 2016):
#
# $$\operatorname{mean}(\mathrm{CAM}_c) + b_c = s_c .$$
#
# One forward pass, and the map of every class is there.

# %% [markdown] tags=["card"] label="08.2-card"
# ### Exercise 08.2 · The class activation map
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `class_activation_map` for a batch: the weighted sum over the channels, with the weights of each picture's own class. Keep both signs and the scale, so that the identity holds.

# %% tags=["exercise"] label="08.2"
def class_activation_map(features, head, labels):
    """Class activation maps of a network that ends in global average pooling and one linear layer.

    Parameters
    ----------
    features : torch.Tensor, float, shape (n, channels, h, w)
        What goes into the pooling. Entries may have either sign.
    head : torch.nn.Linear
        channels to classes: head.weight (classes, channels), head.bias (classes,).
    labels : torch.Tensor, int64, shape (n,)
        The class to explain for each picture.

    Returns
    -------
    torch.Tensor, shape (n, h, w)
        Map i: sum over k of head.weight[labels[i], k] * features[i, k]. Signed, in units of the
        score, so that its mean plus the bias of the class is the score of the class.
    """
    ### BEGIN SOLUTION
    return torch.einsum("nc,nchw->nhw", head.weight[labels], features)
    ### END SOLUTION


# %% tags=["check"] label="08.2-check"
class_activation_map = check("08.2", class_activation_map)

# %%
def enlarge(maps, side=64):
    """Maps (n, h, w) brought to the pictures' size by bilinear interpolation: ndarray (n, side, side)."""
    return F.interpolate(torch.as_tensor(maps)[:, None], size=(side, side), mode="bilinear", align_corners=False)[:, 0].numpy()


head = network.classifier
with torch.inference_mode():
    features = network.features(x)                                # (N, channels, h, w)
    cams = class_activation_map(features, head, y)                # (N, h, w)
    missing = cams.mean((1, 2)) + head.bias[y] - scores[torch.arange(N), y]
claim("mean(CAM) + b = score: largest difference over all pictures", missing.abs().max(), at_most=1e-4)

# %% tags=["target"] target="08.2"
six = shown[:6]
heatmaps.grid(animals.pictures[six], {"CAM": cams[six]}, titles=[zoo.SPECIES[k] for k in range(6)], signed=True,
              alt="Six animals; below each its class activation map, coarse and signed, red for the class and blue against it.")

# %% [markdown]
# What is to be seen: red places speak for the true species, blue ones against it. The map has the few places of the last layer; brought to the size of the picture it can be laid over it.

# %%
heatmaps.grid(animals.pictures[six], {"CAM": enlarge(cams[six])}, overlaid=True, signed=True, masks=animals.masks[six], show_pictures=False,
              alt="The six maps enlarged and laid over their pictures, with the animals outlined.")

# %% [markdown]
# What is to be seen: the evidence lies on the animal, and there on the parts that set it apart: ears, horns, shell, hump.

# %% [markdown]
# ### The difference of two maps
#
# Scores decide by their differences, and so do the maps: $\mathrm{CAM}_\text{camel} - \mathrm{CAM}_\text{llama}$ says where the picture looks more like a camel than like a llama, and its mean is the difference of the two scores up to the biases. The two species differ in the hump alone, so you know where the difference has to be.

# %%
def class_difference(pictures, yes, no):
    """CAM of class `yes` minus CAM of class `no`, enlarged: ndarray (n, 64, 64)."""
    with torch.inference_mode():
        maps = network.features(pictures)
        one, other = (class_activation_map(maps, head, torch.full((len(pictures),), label)) for label in (yes, no))
    return enlarge(one - other)


evidence = class_difference(camels_x, CAMEL, LLAMA)
heatmaps.grid([*camels.pictures[:3], *herds["camel, camel"][:3]],
              {"camel − llama": np.concatenate([evidence[:3], class_difference(herd_x["camel, camel"][:3], CAMEL, LLAMA)])},
              signed=True, overlaid=True,
              alt="Three camels and three pairs of camels; below, the evidence for camel against llama: it sits on the humps, on both "
                  "humps where there are two.")

# %% [markdown]
# What is to be seen: the evidence sits on the humps, and where there are two camels it sits on **both**. Occlusion asked what happens if one hump goes, and the answer was "little". CAM asks what adds to the score, and both humps do.

# %%
on_hump = scoring.pointing_game(evidence, camels.part("hump"), tolerance=2)
claim("Share of camels whose strongest evidence against llama lies within 2 pixels of the hump", on_hump.mean(), at_least=0.6)
claim("Share of a picture that such a region covers on average", scoring.widen(camels.part("hump"), 2).mean(), at_most=0.1)

# %% [markdown] tags=["instructor"]
# 14 minutes for section 7 with 08.2. Ask before running: what will the map of the *second* class look like? Why may two maps both be red at the head? (Evidence shared by both classes cancels in the softmax.)

# %% [markdown]
# ### Trap: enlarging with the corners aligned
#
# A map of $7 \times 7$ places over a picture of 224 pixels: place 0 stands for pixels 0 to 31, so its middle is at pixel 15.5. `F.interpolate(..., align_corners=True)` puts it at pixel 0 instead, and stretches the rest.

# %%
spot = torch.zeros(1, 1, 7, 7)
spot[0, 0, 1, 5] = 1                                               # evidence in place (1, 5): its middle is at row 47.5, column 175.5
error = {}
for aligned in (False, True):
    large = F.interpolate(spot, size=(224, 224), mode="bilinear", align_corners=aligned)[0, 0]
    row, column = ((large == large.max()).nonzero().double().mean(0)).tolist()
    error[aligned] = max(abs(row - 47.5), abs(column - 175.5))
claim("Error of the peak in pixels, corners not aligned", error[False], at_most=0.5)
claim("Error of the peak in pixels, corners aligned", error[True], at_least=8)

# %% [markdown]
# Ten pixels are a third of a place: enough to move a peak from the ear to the background. Keep `align_corners=False`.

# %% [markdown]
# ## 8. From a map to a box
#
# The zoo wants a frame around the animal, without ever having drawn one for training. Zhou et al. (2016) threshold the map at a share of its maximum and take the box around the largest connected region. Two conventions hold in this lab and in most code: rows before columns, and ends not included, so that `picture[top:bottom, left:right]` is what the box holds.

# %% [markdown] tags=["card"] label="08.3-card"
# ### Exercise 08.3 · A box from a map
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `box_from_map`: threshold, connected regions, the smallest box around the largest of them. `scipy.ndimage` finds regions and boxes; think about what a map without any positive value should give.

# %% tags=["exercise"] label="08.3"
def box_from_map(heat, share):
    """The smallest box around the largest connected region in which a map is strong.

    Parameters
    ----------
    heat : ndarray, float, shape (height, width)
        Of either sign.
    share : float
        Between 0 and 1. Strong are the pixels with heat >= share * heat.max().

    Returns
    -------
    tuple of four int
        (top, left, bottom, right): the region's rows are top to bottom - 1, its columns left to
        right - 1. Pixels are connected where they share a side, not where they touch at a corner;
        the largest region is the one with the most pixels. (0, 0, 0, 0) where no value of the map
        is positive.
    """
    ### BEGIN SOLUTION
    if heat.max() <= 0:
        return 0, 0, 0, 0
    regions, _ = ndimage.label(heat >= share * heat.max())
    largest = np.bincount(regions.ravel())[1:].argmax()
    rows, columns = ndimage.find_objects(regions)[largest]
    return rows.start, columns.start, rows.stop, columns.stop
    ### END SOLUTION


# %% tags=["check"] label="08.3-check"
box_from_map = check("08.3", box_from_map)

# %%
def boxes_from_maps(heats, share):
    """Boxes (n, 4) from maps (n, height, width)."""
    return np.array([box_from_map(heat, share) for heat in heats])


true_boxes = boxes_from_maps(animals.masks.astype(float), 0.5)
cam_maps = enlarge(cams)

# %% tags=["target"] target="08.3"
figure = heatmaps.grid(animals.pictures[six], {"CAM": cam_maps[six]}, titles=[zoo.SPECIES[k] for k in range(6)], overlaid=True,
                       boxes=boxes_from_maps(cam_maps[six], 0.3),
                       alt="Six animals with their class activation maps; a blue box around the largest strong region and a dashed "
                           "orange one around the true animal.")
for axes in np.reshape(figure.axes[:12], (2, 6)):
    for axis, corners in zip(axes, true_boxes[six]):
        heatmaps.box(axis, corners, colour=plots.PALETTE[4], linestyle="--")
figure

# %% [markdown]
# What is to be seen: blue the box that the map gives, dashed orange the box of the true animal. The map's box goes round what *decides*, which is often less than the animal.

# %% [markdown]
# Two boxes are compared by intersection over union (IoU): the shared area over the area that either covers, 1 for the same box. The threshold is a free choice, so make it on **other** pictures than those you report on.

# %%
def cam_maps_of(pictures, labels):
    """Enlarged class activation maps of zoonet: ndarray (n, 64, 64). Sixteen pictures at a time: their maps stay in the cache."""
    with torch.inference_mode():
        return np.concatenate([enlarge(class_activation_map(network.features(some), head, own))
                               for some, own in zip(pictures.split(16), labels.split(16))])


tuning = zoo.load(profile(full=120, fast=40), seed=809)
tuning_maps = cam_maps_of(models.as_input(tuning.pictures), torch.from_numpy(tuning.labels))
tuning_boxes = boxes_from_maps(tuning.masks.astype(float), 0.5)
shares = np.linspace(0.05, 0.8, 16)
curve = np.array([scoring.box_iou(boxes_from_maps(tuning_maps, share), tuning_boxes).mean() for share in shares])
best_share = float(shares[curve.argmax()])
figure, axis = plots.panels(width=5.5, height=2.8)
axis.plot(shares, curve, "o-")
axis.axvline(best_share, color=plots.PALETTE[6], linestyle="--", linewidth=1)
axis.set(xlabel="threshold as a share of the map's maximum", ylabel="mean box IoU", ylim=(0, 1))
plots.describe(figure, "Mean box IoU on the tuning pictures against the threshold: a hill with its top at a low share, marked by a dashed line.")

# %% [markdown]
# What is to be seen: a low threshold gives boxes that are too large, a high one boxes round the very peak. The dashed line is the choice that the lab keeps.

# %% [markdown] tags=["instructor"]
# 13 minutes for section 8 with 08.3. Draw a 5 x 5 grid and ask for the box of a single pixel: (2, 3, 3, 4) under our convention. Then ask for its height by subtraction.

# %% [markdown]
# ## 9. Grad-CAM: the same idea for any head
#
# CAM needs the pooling head. `zoonet_dense` flattens its last maps $A_k$ and has two dense layers with a ReLU between them: no single weight belongs to a map. Selvaraju et al. (2017) replace the weight by the average slope of the score with respect to the map,
#
# $$\alpha_{ck} = \frac{1}{hw} \sum_{u,v} \frac{\partial s_c}{\partial A_k(u, v)}, \qquad \text{Grad-CAM}_c(u, v) = \operatorname{ReLU}\Big( \sum_k \alpha_{ck}\, A_k(u, v) \Big) .$$
#
# The ReLU keeps what speaks for the class. Under a pooling head the slope of $s_c$ is $w_{ck}/(hw)$ at every place, so Grad-CAM is the positive part of CAM divided by $hw$: the general method contains the special one.

# %% [markdown] tags=["card"] label="08.4-card"
# ### Exercise 08.4 · Grad-CAM
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `grad_cam` for a network cut in two: `body` makes the maps, `head` turns them into scores. Take one gradient for the whole batch, with respect to the maps; no hooks are needed.

# %% tags=["exercise"] label="08.4"
def grad_cam(body, head, pictures, labels):
    """Grad-CAM of each picture's class at the maps between body and head (Selvaraju et al. 2017, equations 1 and 2).

    Parameters
    ----------
    body : callable
        Takes pictures, returns the maps A, (n, channels, h, w).
    head : callable
        Takes the maps, returns scores before the softmax, (n, classes).
    pictures : torch.Tensor, float, shape (n, 3, height, width)
    labels : torch.Tensor, int64, shape (n,)
        The class to explain for each picture.

    Returns
    -------
    torch.Tensor, shape (n, h, w)
        Never negative, and without a graph attached (detached). The weights of the network may be
        frozen (no gradient), so let the maps themselves require one. Map i does not depend on the
        other pictures of the batch.
    """
    ### BEGIN SOLUTION
    maps = body(pictures).detach().requires_grad_()
    own = head(maps)[torch.arange(len(labels)), labels]
    slopes, = torch.autograd.grad(own.sum(), maps)
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps.detach()).sum(dim=1))
    ### END SOLUTION


# %% tags=["check"] label="08.4-check"
grad_cam = check("08.4", grad_cam)

# %%
def pooling_top(maps):
    """zoonet from its maps on: mean over the places, linear layer."""
    return head(maps.mean((2, 3)))


few = slice(0, 32)
ours = grad_cam(network.features, pooling_top, x[few], y[few])
places = cams[0].numel()
claim("Grad-CAM times hw equals the positive part of CAM: largest difference", (ours * places - cams[few].relu()).abs().max(), at_most=1e-4)

# %% [markdown]
# Now the network for which CAM cannot be had.

# %%
dense = models.load("zoonet_dense").to(memory_format=torch.channels_last)
dense_top = torch.nn.Sequential(torch.nn.Flatten(), dense.classifier)
with torch.inference_mode():
    dense_right = (dense(x).argmax(1) == y).float().mean()
claim("Share of new pictures that the dense network names right", dense_right, at_least=0.95)
dense_maps = enlarge(grad_cam(dense.features, dense_top, x, y))

# %% tags=["target"] target="08.4"
heatmaps.grid(animals.pictures[six], {"Grad-CAM, dense": dense_maps[six], "CAM, pooling": cam_maps[six].clip(0)},
              titles=[zoo.SPECIES[k] for k in range(6)], overlaid=True, masks=animals.masks[six], show_pictures=False,
              alt="Grad-CAM of the dense network above, the positive part of CAM of the pooling network below, for six animals.")

# %% [markdown]
# What is to be seen: above the dense network through Grad-CAM, below the pooling one through CAM, positive part only. The outline is the animal. The dense network names the animals nearly as well, and yet its maps spill over: averaging the slopes throws away *where* in the map the dense layers look.

# %% [markdown]
# Keep the slopes unaveraged, and each place is weighted by its own: $\operatorname{ReLU}\big(\sum_k \frac{\partial s_c}{\partial A_k(u,v)} A_k(u,v)\big)$. That is HiResCAM (Draelos and Carin 2020); under a pooling head the two are one.

# %%
def hires_cam(body, head, pictures, labels):
    """As `grad_cam`, with each place's own slope in place of the mean: tensor (n, h, w)."""
    maps = body(pictures)                      # the weights are frozen, so nothing before the maps is in the graph
    maps.requires_grad_()
    scores = head(maps)
    score = (scores * F.one_hot(labels, scores.shape[1])).sum()
    return (maps * torch.autograd.grad(score, maps)[0]).sum(1).relu().detach()


hires_maps = enlarge(hires_cam(dense.features, dense_top, x, y))
on_animal = {name: scoring.mass_in_mask(heats, animals.masks).mean() for name, heats in (("mean", dense_maps), ("own", hires_maps))}
claim("Share of the map on the animal, slopes of their own minus mean slopes", on_animal["own"] - on_animal["mean"], at_least=0.04)

# %% [markdown] tags=["instructor"]
# 18 minutes for section 9 with 08.4. On the board: the slope of s with respect to A_k(u, v) under a pooling head is w / hw at every place, so the mean is no loss there; under a dense head every place has its own slope, and the mean is a loss.

# %% [markdown]
# ## 10. Convert the dense network into a pooling one
#
# CS230 goes another way: keep the convolutions, throw away what stands behind them (the dense layers, and the last max pooling, so that the map keeps $16 \times 16$ places), put global average pooling and **one** linear layer there, and train that. Then CAM works, exactly.
#
# While the convolutions stay as they are, the pooled features $g_i \in \mathbb{R}^K$ are fixed numbers and the fit of the new layer has a closed form. With targets $t_i$ (a row of classes for each picture) and a penalty $\lambda$ on the weights, minimise
#
# $$\sum_i \lVert W g_i + b - t_i \rVert^2 + \lambda \lVert W \rVert^2 .$$
#
# Take $t_i$ with 1 at the true species and 0 elsewhere. The bias is not penalised: at the best fit it makes the errors of each class average to zero.

# %% [markdown] tags=["card"] label="08.5-card"
# ### Exercise 08.5 · A pooling head by least squares
# *2 points · 15 minutes · difficulty ●●○*
#
# Write `pooling_head`: pool the features, then solve the penalised least squares problem above for all classes at once. Centre the pooled features and the targets first, and the bias falls out of the problem; their means give it back at the end.

# %% tags=["exercise"] label="08.5"
def pooling_head(features, targets, ridge):
    """Weights and bias of a linear layer on globally averaged features, by ridge regression.

    Parameters
    ----------
    features : torch.Tensor, float, shape (n, channels, h, w)
    targets : torch.Tensor, float, shape (n, classes)
    ridge : float
        Penalty on the weights: what is minimised is the sum over the n pictures and all classes of
        the squared errors, plus ridge times the sum of the squared weights. The bias is free.

    Returns
    -------
    weight : torch.Tensor, shape (classes, channels)
    bias : torch.Tensor, shape (classes,)
        As torch.nn.Linear keeps them.
    """
    ### BEGIN SOLUTION
    pooled = features.mean(dim=(2, 3))
    middle, level = pooled.mean(0), targets.mean(0)
    centred = pooled - middle
    gram = centred.T @ centred + ridge * torch.eye(pooled.shape[1], dtype=pooled.dtype)
    weight = torch.linalg.solve(gram, centred.T @ (targets - level)).T
    return weight, level - weight @ middle
    ### END SOLUTION


# %% tags=["check"] label="08.5-check"
pooling_head = check("08.5", pooling_head)

# %%
from copy import deepcopy

from course_utils.models.networks import PoolingNet
from course_utils.training import fit

lessons = zoo.load(1600, seed=810)                                    # pictures to learn the new head from
stem, last = dense.features[:6], deepcopy(dense.features[6:8])        # up to the second pooling; third convolution and its ReLU


def through(part, inputs):
    """Output of a part of a network for many inputs, without gradients."""
    with torch.no_grad():
        return torch.cat([part(some) for some in inputs.split(BATCH)])


stem_lessons, stem_x = through(stem, models.as_input(lessons.pictures)), through(stem, x)
weight, bias = pooling_head(through(last, stem_lessons).double(), torch.eye(8, dtype=torch.float64)[lessons.labels], ridge=1e-3)
converted = PoolingNet(last, weight.shape[1], 8)
converted.classifier.load_state_dict({"weight": weight, "bias": bias})


def share_right():
    """Share of the new pictures that the converted network names right."""
    return float((through(converted, stem_x).argmax(1) == y).float().mean())


closed_form = share_right()
claim("Share of new pictures named right after the closed form", closed_form, at_least=0.7)
claim("which is less than the dense network's by", float(dense_right) - closed_form, at_least=0.03)

# %% [markdown]
# Most of the accuracy is there after solving one small system, but not all: the convolutions learned for a head that knows *where* each feature is, and the mean forgets that. So let the last convolution adapt together with the new layer, for a few seconds, from where the closed form has put it. (Fitted to targets 0 and 1, its scores are too timid for a softmax; ten times them name the same species.)

# %%
converted.requires_grad_(True)
with torch.no_grad():
    converted.classifier.weight *= 10
    converted.classifier.bias *= 10
fit(converted.to(memory_format=torch.channels_last), stem_lessons, torch.from_numpy(lessons.labels), loss=F.cross_entropy,
    epochs=8, batch_size=32, lr=2e-2, warm_up=0.1, seed=0, progress=False)
converted.requires_grad_(False)
claim("Share of new pictures named right after the short fit", share_right(), at_least=0.92)

places = through(converted.features, stem_x)
converted_cams = class_activation_map(places, converted.classifier, y)
own = converted.classifier(places.mean((2, 3)))[torch.arange(N), y]
claim("mean(CAM) + b = score on the converted network: largest difference",
      (converted_cams.mean((1, 2)) + converted.classifier.bias[y] - own).abs().max(), at_most=1e-4)
weights_of = {name: sum(p.numel() for p in part.parameters()) for name, part in (("dense", dense.classifier), ("pooling", converted.classifier))}
claim("Weights of the dense head for each one of the pooling head", weights_of["dense"] / weights_of["pooling"], at_least=100)

# %% tags=["target"] target="08.5"
converted_maps = enlarge(converted_cams)
heatmaps.grid(animals.pictures[six], {"HiResCAM,\ndense": hires_maps[six], "CAM,\nconverted": converted_maps[six].clip(0)},
              titles=[zoo.SPECIES[k] for k in range(6)], overlaid=True, masks=animals.masks[six], show_pictures=False,
              alt="HiResCAM of the dense network and CAM of the converted one, for six animals.")

# %% [markdown]
# What is to be seen: two heads on the same stem, the dense one read with slopes of their own, and the pooling one that has taken its place. Compare with Grad-CAM in section 9.

# %% [markdown] tags=["instructor"]
# 15 minutes for section 10 with 08.5. Ask what the conversion cost and what it bought: the head can no longer use *where* a feature is, and the picture's size is free now. Show live: `converted(stem(larger))` works on 96 x 96 pictures, `dense(larger)` does not.

# %% [markdown]
# ## 11. The score board
#
# Which map finds the animal, and which finds what tells the species? Score all of them on the same pictures, against the truth:
# - **animal**: does the map's largest value lie on the animal, or within 2 pixels of it (half a place of a $16 \times 16$ map)?
# - **telling part**: the same for the part that tells the species: ears, horns, trunk, shell, neck, hump, wings, fins;
# - **mass**: what share of the map's positive values lies on the animal?
# - **box IoU**: how well does the map's box fit the true one?
#
# Every score gets a 95 % bootstrap interval over the pictures, and every table gets **controls that know no model**: random numbers, a blob in the middle, and Sobel edges. What does not pass them shows nothing. For each method the threshold of the boxes is chosen on half of the pictures and used on the other half, and the other way round.

# %%
explained = {f"occlusion, {name}": to_pixels(drops_of(x, y, p_true, paints[name]), WINDOW, STRIDE) for name in ("grey", "blur")}
explained |= {"CAM": cam_maps, "Grad-CAM, dense": dense_maps, "HiResCAM, dense": hires_maps, "CAM, converted": converted_maps}
controls = {
    "random": scoring.random_maps(animals.masks.shape, seed=1),
    "centre blob": scoring.centre_blob(animals.masks.shape),
    "Sobel edges": scoring.sobel_edges(animals.pictures),
}
telling = np.stack([np.any([animals.part(part)[i] for part in zoo.TELLTALE[zoo.SPECIES[label]]], axis=0)
                    for i, label in enumerate(animals.labels)])


def fair_box_iou(heats):
    """Box IoU (n,) of each picture, with the threshold that is best on the other half of the pictures."""
    table = np.array([scoring.box_iou(boxes_from_maps(heats, share), true_boxes) for share in np.linspace(0.05, 0.5, 10)])
    half = np.arange(len(heats)) % 2
    return np.where(half == 0, table[table[:, half == 1].mean(1).argmax()], table[table[:, half == 0].mean(1).argmax()])


values = {name: {"animal": scoring.pointing_game(heats, animals.masks, tolerance=2),
                 "telling part": scoring.pointing_game(heats, telling, tolerance=2),
                 "mass": scoring.mass_in_mask(heats, animals.masks), "box IoU": fair_box_iou(heats)}
          for name, heats in {**explained, **controls}.items()}
board = {name: {score: scoring.bootstrap(each) for score, each in row.items()} for name, row in values.items()}

# %%
from course_utils.plots import scores as score_plots

score_plots.dots(board, controls=list(controls), xlabel="mean",
                 alt="Pointing at the animal and at the telling part, mass on the animal and box IoU of six maps and three controls, with intervals.")

# %% [markdown]
# What is to be seen: filled dots are maps of a model, hollow ones the controls; lines are 95 % intervals, and the dashed line is the best control of each panel. Read each panel against its own line: a blob in the middle is hard to beat where the animals are large.

# %% tags=["nbval-ignore-output"]
print(score_plots.table(board))

# %%
def margin(name, score, control="centre blob"):
    """Mean and 95 % interval of the paired difference between a method and a control."""
    return scoring.bootstrap(values[name][score] - values[control][score])


claim("Share of pictures in which CAM points within 2 pixels of the animal", board["CAM"]["animal"][0], at_least=0.85)
for score, least in (("animal", 0.08), ("telling part", 0.25), ("mass", 0.1), ("box IoU", 0.03)):
    claim(f"CAM minus centre blob, {score}, lower end of the interval", margin("CAM", score)[1], at_least=least)
claim("Blurred minus grey squares, mass, lower end", margin("occlusion, blur", "mass", "occlusion, grey")[1], at_least=0.08)
claim("Converted CAM minus Grad-CAM, mass, lower end", margin("CAM, converted", "mass", "Grad-CAM, dense")[1], at_least=0.05)
claim("Grey squares minus centre blob, animal, mean: they do not pass it", margin("occlusion, grey", "animal")[0], at_most=0)
claim("Grad-CAM on the dense network minus centre blob, mass, mean: hardly any gain", margin("Grad-CAM, dense", "mass")[0], at_most=0.05)
claim("Share of pictures in which Sobel edges point within 2 pixels of the animal", board["Sobel edges"]["animal"][0], at_most=0.4)

# %% [markdown]
# No method wins every panel: the boxes ask for the whole animal, the telling part for what decides, and these are different questions. Say which one you ask before you look at the table.

# %% [markdown] tags=["instructor"]
# 5 minutes for the board. Cover the figure, ask for a ranking, uncover. Then: which of these numbers would you show the zoo, and what question does it answer?

# %% [markdown]
# ## 12. Live
#
# The zoo wants the map while the animal walks. Occlusion needs some two hundred forward passes for a frame, CAM none beyond the one that classifies. Time everything that a frame needs: pixels to tensor, forward pass, map of the winning class, box, and the overlay that is shown.

# %%
def live_frame(picture):
    """One frame of the live view: uint8 (64, 64, 3) to the species found, its box and the overlay, float (64, 64, 3)."""
    with torch.inference_mode():
        maps = network.features(models.as_input(picture))
        label = head(maps.mean((2, 3))).argmax(1)
        heat = enlarge(class_activation_map(maps, head, label))[0].clip(0)
    return int(label), box_from_map(heat, best_share), heatmaps.overlay(picture, heat)


film = zoo.walk("camel", 21, frames=profile(full=120, fast=40))
live_frame(film.pictures[0])                                       # the first call sets things up; leave it out of the timing
live, ticks = [], [time.perf_counter()]
for picture in film.pictures:
    live.append(live_frame(picture))
    ticks.append(time.perf_counter())
per_second = 1 / np.median(np.diff(ticks))
claim("Frames per second of the live map", per_second, at_least=30)

# %% tags=["nbval-ignore-output"]
print(f"{per_second:.0f} frames a second")

# %%
moments = np.linspace(0, len(live) // 2 - 1, 6).astype(int)
heatmaps.grid([live[k][2] for k in moments], titles=[zoo.SPECIES[live[k][0]] for k in moments], boxes=[live[k][1] for k in moments],
              alt="Six moments of a film: a camel walks from left to right, and the map and its box walk with it.")

# %% [markdown]
# What is to be seen: the camel walks to the right; the map and its box go with it. The title is the species that the network names.

# %%
centres = np.array([[(box[1] + box[3]) / 2, np.nonzero(mask)[1].mean()] for (_, box, _), mask in zip(live, film.masks)])
claim("Correlation between the box's column and the animal's over the film", np.corrcoef(centres.T)[0, 1], at_least=0.8)
claim("Share of frames in which the camel is named", np.mean([label == CAMEL for label, _, _ in live]), at_least=0.8)

# %% [markdown]
# ## 13. Touch: move the square
#
# Move the square and watch all eight probabilities. Find the smallest square that turns the camel into a llama; then change its colour. Where does a white square do what a blurred one does not?

# %% tags=["nbval-ignore-output"]
from course_utils.widgets import occluder

occluder.explore()

# %% [markdown]
# What is to be seen: the bars are the probabilities with the square, the black marks those without it; the bar of the true species is orange.

# %% [markdown]
# ## 14. Touch: a picture of your own
#
# Draw a digit, or load a photograph. The network names it, and you see what it names it for: saliency (lab 06), CAM, and how far the score falls under a square.
#
# Try: draw a 7 and turn it into a 1, a 9 or a 2 stroke by stroke; which stroke decides, and do the three maps say so? Draw a digit in a corner. Load a photograph: the network knows eight animals and no other answer.

# %% tags=["nbval-ignore-output"]
from course_utils.widgets import sketch

sketch.explore()

# %% [markdown]
# What is to be seen: in CAM and occlusion red speaks for the class that is named, blue against it; saliency has no sign, bright means
# steep. The maps explain the likeliest class whether it is right or not: on a photograph of your own they explain a wrong name, as surely
# as they would a right one.

# %% [markdown]
# ## What to remember
#
# - **Occlusion** asks "what if this were something else". It needs no access to the network, many forward passes, and three choices: size, step, colour. All three are in the map.
# - No colour is absence. A blur or the mean comes nearer to it than black; the best is a picture in which the part is really not there.
# - A square smaller than the redundancy of the picture finds nothing, and that nothing is not evidence.
# - **CAM** is a change of the order of two sums: mean(CAM) + b = score. It is exact, costs one forward pass, and needs global average pooling.
# - **Grad-CAM** replaces the weight by the mean slope: CAM where CAM exists, an approximation elsewhere. Or convert the network: new head, closed form.
# - A map shows what **decides**, which is often less than the animal. Score it against the truth, with an interval, beside controls that know no model.

# %% [markdown]
# ## Outside: photographs and a clip
#
# MobileNetV2, trained on ImageNet, ends as `zoonet` does: maps of $7 \times 7$, mean, one linear layer of 1,000 classes. Your functions work on it unchanged. Its weights come from the folder that `COURSE_DATA` names, or by `python3 course.py fetch mobilenet_v2`; where they are not, the cells say so and the lab ends all the same.

# %% tags=["nbval-ignore-output"]
from IPython.display import display

from course_utils.datasets import photos, real
from course_utils.models import imagenet

mobile = real.or_none(imagenet.load, "mobilenet_v2")


def photograph_cam(pictures):
    """CAM of the likeliest ImageNet class: pictures (n, 3, 224, 224) to names, probabilities and maps (n, 224, 224)."""
    with torch.inference_mode():
        maps = mobile.network.features((pictures - mobile.mean) / mobile.std)
        linear = mobile.network.classifier[-1]
        logits = linear(maps.mean((2, 3)))
        heats = class_activation_map(maps, linear, logits.argmax(1))
    return [best[0] for best in imagenet.top(logits, 1)], enlarge(heats, 224).clip(0)


if mobile is not None:
    squares = [photos.square(photos.load(name), 224).picture for name in ("chelsea", "coffee", "china", "flower")]
    guesses, heats = photograph_cam(imagenet.as_input(np.stack(squares)))
    display(heatmaps.grid(squares, {"CAM": heats}, titles=[f"{name}\n{share:.2f}" for name, share in guesses], overlaid=True,
                          boxes=boxes_from_maps(heats, 0.3), alt="Four photographs and the CAM of the class that MobileNetV2 names."))

# %% [markdown]
# What is to be seen, where the network is at hand: the class that it names over each photograph, and the places that speak for it.

# %% tags=["nbval-ignore-output"]
from course_utils.settings import data_dir

clip = sorted((data_dir() / "video" / "car_frames").glob("*.jpg")) if data_dir() else []
if mobile is not None and clip:
    from PIL import Image

    frames = np.stack([np.asarray(Image.open(path).convert("RGB").resize((224, 224))) for path in clip])
    began = time.perf_counter()
    answers = [photograph_cam(imagenet.as_input(frame)) for frame in frames]
    print(f"{len(frames) / (time.perf_counter() - began):.0f} frames a second")
    chosen = np.linspace(0, len(frames) - 1, 5).astype(int)
    display(heatmaps.grid(frames[chosen], {"CAM": np.stack([answers[k][1][0] for k in chosen])},
                          titles=["{}\n{:.2f}".format(*answers[k][0][0]) for k in chosen], overlaid=True,
                          alt="Five frames of a clip with their CAM."))
elif not clip:
    print("There is no clip here: put frames as JPEG into video/car_frames in the folder that COURSE_DATA names.")

# %% [markdown]
# What is to be seen, where the clip is at hand: a car from above is no picture that ImageNet knows, so the names are wrong, and the map explains the wrong name as readily as it would a right one; when the car has left it explains an empty street. A map tells why this class scored, not whether the answer is right.

# %% [markdown]
# ## References
#
# - M. D. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014: occlusion with a grey square.
# - B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, *Learning deep features for discriminative localization*, CVPR 2016: class activation maps, boxes from them.
# - R. R. Selvaraju et al., *Grad-CAM: visual explanations from deep networks via gradient-based localization*, ICCV 2017.
# - R. L. Draelos, L. Carin, *Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks*, arXiv:2011.08891, 2020.
# - J. Zhang et al., *Top-down neural attention by excitation backprop*, IJCV 2018: the pointing game.
# - K. Katanforoosh, *Interpretability of neural networks*, CS230, I.B and I.C; MIT 6.874, recitation 5.
