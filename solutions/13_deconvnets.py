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
# # Lab 13 · Deconvnets and dataset search
#
# *50.039, week 10, section 1.2 · CS 230, interpretability slides, II.B and II.C. About 140 minutes. Builds on lab 01 (transposed
# convolutions) and lab 06 (gradients); labs 07 and 10 meet the same rules for a ReLU.*
#
# The zoo's network has 240 filters. What is each of them looking for? Two answers that need no label: search the pictures that excite a
# filter most, and run the network backwards from what it found. The first answer is a fact about the data, the second a drawing. What
# may you believe of either?
#
# You will be able to
#
# - **search** ten thousand pictures for the best nine of every filter, in one pass and constant memory;
# - **compute** which pixels a unit can see, for any stack of convolutions and poolings;
# - **build** a deconvnet: switches, unpooling, three ways back through a ReLU;
# - **score** statements such as "this filter finds humps" against the truth;
# - **show** how much of a reconstruction comes from the picture and not from what was learnt.

# %%
import itertools
import warnings

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import nn

from course_utils import models, plots, scoring
from course_utils.datasets import zoo
from course_utils.datasets.endless import album
from course_utils.notebook import check, claim, cpu_seconds, start, timing
from course_utils.plots import cells, heatmaps, patches
from course_utils.settings import profile
from course_utils.widgets import filter_browser

start("13")

# %% [markdown] tags=["instructor"]
# **Plan, 140 minutes:** 1 Filters 5 · 2 Search 28 (13.1) · 3 Receptive fields 25 (13.2) · 4 ReLU rules 12 (13.3) · 5 Switches 12 (13.4) ·
# 6 The pass 30 (13.5) · 7 What a reconstruction knows 12 · 8 Statements 10 · 9 Touch 6. If time is short: 13.3 as homework after lab 10,
# which has the same rules in Keras.
#
# Open with the top nine of one filter on a slide (the figure at the end of section 3) and have the class name it. Keep the names: section
# 8 scores them.

# %% [markdown]
# ## 1 · The network's filters
#
# `zoonet` is a stack of four convolutions with a ReLU after each, two max poolings between them, and a mean over places at the end. A
# **filter** is one of a convolution's output channels. After its ReLU it gives a **map** $z_c$: one number for each place, the larger the
# more the place has what the filter wants. One number of one map, $z_{c,h,w}$ at row $h$ and column $w$, is a
# **unit**.

# %%
network = models.load("zoonet")
features = network.features
x = torch.zeros(1, 3, 64, 64)
for name, layer in features.named_children():
    x = layer(x)
    print(f"{name:6} {type(layer).__name__:10} maps {tuple(x.shape[1:])}")

LAYERS = ("conv1", "conv2", "conv3", "conv4")
WIDTHS = (16, 32, 64, 128)
FIRST = dict(zip(LAYERS, np.cumsum((0, *WIDTHS)).tolist()))           # column of a layer's first filter among all 240
DEPTH = {"conv1": 2, "conv2": 5, "conv3": 8, "conv4": 10}                # layers up to and with its ReLU

# %% [markdown]
# ## 2 · Dataset search
#
# *Given a filter, what examples in the data set lead to a strongly activated feature map?* (CS 230.) In the words of 50.039:
#
# $$\hat x = \operatorname*{argmax}_{x \,\in\, \text{Data}} \;\sum_{h,w} z_{c,h,w}(x)
# \qquad\text{or, by the one strongest unit,}\qquad \hat x = \operatorname*{argmax}_{x \,\in\, \text{Data}} \;\max_{h,w}\, z_{c,h,w}(x) .$$
#
# The sum asks for pictures that have *much* of it, the maximum for the one place that has it *most*. A crop needs a place, so the slides and
# Zeiler and Fergus (2014) go by the maximum; so does this lab.
#
# "It does not show what a filter really learned, but it shows what it focuses on in your given dataset" (50.039). Keep the sentence in
# mind until section 8.
#
# **Constant memory.** Ten thousand of these small pictures would fit into memory; ImageNet's million would not, and the maps of either
# would not by far. So pictures come as a **stream**: a generator that makes a batch, hands it over, and forgets it. Here picture number $i$
# is drawn when it is wanted, by `album`: species $i \bmod 8$, in a scene of its own. So the number is all that one has to remember to get
# it back.

# %%
COUNT = profile(10_080, 960)


def stream(count, size=96):
    """Batches of picture numbers (n,) and pictures (n, 3, 64, 64), one after the other."""
    for first in range(0, count, size):
        numbers = np.arange(first, min(first + size, count))
        yield numbers, models.as_input(album(numbers).pictures)


# %%
numbers, batch = next(stream(COUNT))
heatmaps.grid(list(batch[:8]), titles=[zoo.SPECIES[k % 8] for k in numbers[:8]], width=9,
              alt="The first eight pictures of the stream, one of each species.")

# %% [markdown]
# What is to be seen: the first eight pictures of the stream. Stones, posts, plants and signs stand beside every species alike.

# %% [markdown]
# The score of a picture for a filter is the largest number of its map. A maximum over a whole map is a max pooling with a window as large
# as the map. One walk through the network gives the scores for all filters of all layers: shape (n, 240). Three savings: where a
# pooling follows, the maximum is read after it (the largest number survives, among a quarter as many); small batches, and colours last
# in memory, keep the maps in the processor's cache.

# %%
def largest(maps):
    """The largest value of every map: (n, filters, h, w) to (n, filters)."""
    return F.max_pool2d(maps, maps.shape[2:]).flatten(1)


def peaks(layers, pictures):
    """The strongest answer of every filter of every convolution: array (n, filters of all layers)."""
    found = []
    with torch.inference_mode():
        for part in pictures.contiguous(memory_format=torch.channels_last).split(16):
            answers = []
            for layer, above in itertools.zip_longest(layers, layers[1:]):
                part = layer(part)
                if isinstance(layer, (nn.ReLU, nn.MaxPool2d)) and not isinstance(above, nn.MaxPool2d):
                    answers.append(largest(part))
            found.append(torch.cat(answers, dim=1))
    return torch.cat(found).numpy()


peaks(features, batch).shape

# %% [markdown] tags=["card"] label="13.1-card"
# ### Exercise 13.1 · The top k in one pass
# *3 points · 18 minutes · difficulty ●●○*
#
# Write `top_of_stream(batches, k)`: the k best pictures of every filter, from a stream that can be read once and must not be kept. Work on
# all filters at once: no loop over filters or pictures. Stuck? `%hint 13.1` gives a hint, `%reveal 13.1` in the cell below puts the
# solution there.

# %% tags=["exercise"] label="13.1"
def top_of_stream(batches, k):
    """The k pictures with the largest scores, for every filter, in one pass and constant memory.

    Parameters
    ----------
    batches : iterable of (numbers, scores)
        numbers : ndarray, int, shape (n,), the pictures' numbers, in no order.
        scores : ndarray, float, shape (n, filters), of either sign.
        n differs from batch to batch and may be smaller than k. Can be iterated over once. Together the
        batches hold at least k pictures.
    k : int

    Returns
    -------
    numbers : ndarray, int, shape (filters, k)
        Of the best pictures of each filter, the best first; of equal scores the one that came first.
    scores : ndarray, float, shape (filters, k)
        Their scores.

    When a batch is asked for, the ones before the last must be free to go: keep no list of them, and
    no views into them.
    """
    ### BEGIN SOLUTION
    best_numbers = best_scores = None
    for numbers, scores in batches:
        numbers = np.repeat(numbers[:, None], scores.shape[1], axis=1)
        if best_scores is not None:
            numbers, scores = np.concatenate([best_numbers, numbers]), np.concatenate([best_scores, scores])
        order = np.argsort(-scores, axis=0, kind="stable")[:k]
        best_numbers, best_scores = (np.take_along_axis(values, order, axis=0) for values in (numbers, scores))
    return best_numbers.T, best_scores.T
    ### END SOLUTION


# %% tags=["check"] label="13.1-check"
top_of_stream = check("13.1", top_of_stream)

# %% [markdown] tags=["instructor"]
# Ask before the check: "how many numbers do you carry from batch to batch?" (240 x 9, twice.) And: "is a heap better?" In pure Python it
# visits every picture of every filter; the sort of a hundred rows is one call. The check counts which batches are still alive when the
# next one is asked for.

# %% [markdown]
# Now the search. A control goes through the same pass: a **random** network, the same layers before any training. Whatever it shows too is
# no proof of learning. A gauge notes the memory of the process after every batch.

# %%
def untrained(seed):
    """zoonet as it is before training: weights drawn at random."""
    torch.manual_seed(seed)
    return models.zoonet().eval().requires_grad_(False)


random_network = untrained(13)
gauge = []


def both(batches):
    """Scores of the trained network (240 columns) and of the random one (240 more), batch by batch."""
    for numbers, pictures in batches:
        yield numbers, np.hstack([peaks(net.features, pictures) for net in (network, random_network)])
        gauge.append((numbers[-1] + 1, psutil.Process().memory_info().rss / 2**20))


for net in (network, random_network):
    net.to(memory_format=torch.channels_last)
best_numbers, best_scores = top_of_stream(both(stream(COUNT)), k=9)    # (480, 9) each
claim("Pictures searched, for all filters of both networks in one pass", COUNT, at_least=10_000, needs_full=True)

# %% tags=["nbval-ignore-output"]
seen, megabytes = np.array(gauge).T
figure, axes = plots.panels(width=8, height=3.4)
axes.plot(seen, megabytes - megabytes[0], color=plots.PALETTE[0], label="the search")
axes.plot(seen, seen * 3 * 64 * 64 * 4 / 2**20, "--", color=plots.PALETTE[1], label="keeping the pictures (float32)")
axes.set(xlabel="pictures searched", ylabel="memory gained (MiB)", xlim=(0, COUNT))
axes.legend()
print(f"peak {megabytes.max() - megabytes[0]:.0f} MiB above the first batch; all pictures {COUNT * 3 * 64 * 64 * 4 / 2**20:.0f} MiB, "
      f"their maps {COUNT * 4 * (16 * 64**2 + 32 * 32**2 + 192 * 16**2) / 2**30:.1f} GiB")
plots.describe(figure, "Memory of the process during the search stays flat, while keeping the pictures would rise in a straight line.")

# %% [markdown]
# What is to be seen: the memory of the search hardly depends on how many pictures have passed; a step or a spike is the allocator
# taking a larger block, and keeping or returning it. Keeping the pictures would climb along the dashed line, and keeping their maps would leave the figure at once.

# %%
late = megabytes[seen > COUNT / 2].max() - megabytes[seen <= COUNT / 2].max()
claim("Memory that the second half of the stream added, as a share of that half's pictures",
      late / (COUNT / 2 * 3 * 64 * 64 * 4 / 2**20), at_most=0.5, needs_full=True)

# %% [markdown]
# And the speed? A search cannot be faster than the network alone. How close does it come? Take turns, so that whatever else the machine
# does strikes both, and keep the best turn of each.

# %% tags=["nbval-ignore-output"]
def forward_alone(batches):
    with torch.inference_mode():
        for _, pictures in batches:
            for part in pictures.contiguous(memory_format=torch.channels_last).split(16):
                network(part)


def search_once(batches):
    top_of_stream(((numbers, peaks(features, pictures)) for numbers, pictures in batches), 9)


ready, turns = list(stream(192)), {forward_alone: [], search_once: []}
for work, times in list(turns.items()) * 6:                             # in turns, so that a busy moment meets both
    times.append(cpu_seconds(lambda: work(ready))[0])
share = min(turns[forward_alone]) / min(turns[search_once])
print(f"forward alone {192 / min(turns[forward_alone]):.0f} pictures a second, search {192 / min(turns[search_once]):.0f}")
timing("The search, as a share of the network's own rate", share, at_least=0.85)

# %% [markdown]
# The nine best of one filter, whole. Can you say what it wants?

# %%
FILTER = 24  # of conv3
nine = album(best_numbers[FIRST["conv3"] + FILTER])
heatmaps.grid(nine.pictures, titles=[nine.class_names[k] for k in nine.labels], width=9,
              alt="Nine whole pictures that excite filter 24 of conv3 most.")

# %% [markdown]
# What is to be seen: nine pictures, with too much on each of them. The unit that fired has seen only a small square of its picture. Which one?

# %% [markdown] tags=["instructor"]
# Let the class guess from the whole pictures and note the guesses. CS 230 asks here: "how did we crop the dataset images on the previous
# slide?" That is the next section.

# %% [markdown]
# ## 3 · What a unit can see
#
# A unit of conv1 sees 3 by 3 pixels. Higher up a unit sees more: its **receptive field** is the square of pixels that it depends on. Three
# whole numbers describe the fields of a layer, all in pixels:
#
# - **size**: how many pixels wide a field is;
# - **jump**: how far apart the fields of two neighbouring units are;
# - **start**: the first pixel of the field of unit 0. It is negative where padding lets a field begin outside the picture.
#
# So unit $i$ sees the pixels $\text{start} + i \cdot \text{jump}$ up to, but not including, $\text{start} + i \cdot \text{jump} + \text{size}$,
# in rows and columns alike. Convolution and pooling are the same here: a window of so many places (`kernel`), moved by so many (`stride`),
# on a map that was widened by so many on each side (`padding`).

# %% [markdown] tags=["card"] label="13.2-card"
# ### Exercise 13.2 · Receptive fields
# *2 points · 12 minutes · difficulty ●●○*
#
# Write `receptive_field(layers)` for any stack. Begin at the pixels, where size and jump are 1 and start is 0, and ask of each layer what it
# adds. The check measures the right answer: it looks where a unit's gradient is not zero.

# %% tags=["exercise"] label="13.2"
def receptive_field(layers):
    """Size, jump and start of the receptive fields of a stack of convolutions and poolings.

    Parameters
    ----------
    layers : list of (kernel, stride, padding)
        Whole numbers, from the pixels up; the same for rows and columns.

    Returns
    -------
    size, jump, start : int
        In pixels: unit i of the last layer depends on pixels start + i * jump up to, but not
        including, start + i * jump + size. Pixels beyond the border of the picture count.
    """
    ### BEGIN SOLUTION
    size, jump, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * jump
        start -= padding * jump
        jump *= stride
    return size, jump, start
    ### END SOLUTION


# %% tags=["check"] label="13.2-check"
receptive_field = check("13.2", receptive_field)

# %% [markdown]
# The numbers of `zoonet`, read off its layers. (A dilation of $d$ makes a kernel of $k$ reach as far as one of $d(k-1)+1$.) And a slide to
# check: CS 230 says that a unit of the third layer sees about 80 by 80 pixels. The network there is that of Zeiler and Fergus: convolutions
# of 7, 5 and 3 with strides 2, 2 and 1, and poolings of 3 with stride 2 after the first two.

# %%
def windows_of(layers):
    """(kernel, stride, padding) of every convolution and pooling among the layers, as numbers for one direction."""
    found = [layer for layer in layers if isinstance(layer, (nn.Conv2d, nn.MaxPool2d))]
    one = lambda value: value[0] if isinstance(value, tuple) else value
    return [(one(layer.kernel_size), one(layer.stride), one(layer.padding)) for layer in found]


FIELDS = {}
for name in LAYERS:
    FIELDS[name] = receptive_field(windows_of(features[: DEPTH[name]]))
    print(f"{name}: size {FIELDS[name][0]:2}, jump {FIELDS[name][1]}, start {FIELDS[name][2]:2}")
zeiler = receptive_field([(7, 2, 1), (3, 2, 1), (5, 2, 0), (3, 2, 1), (3, 1, 1)])
claim("Pixels that a unit of layer 3 sees on the slide", zeiler[0], between=(70, 85))

# %% [markdown]
# **Against the gradient.** A pixel that a unit does not see has slope zero, exactly. The other way round it need not hold: a ReLU that is off
# and a place that lost its pooling stop the slope, so the trained network often looks at less than it could. A network with the same
# layers, all weights positive, and pictures of noise leaves no gaps when you add up the slopes of several pictures.

# %%
def support(layers, row, column, pictures, filter=None):
    """Pixels with a slope on the unit at (row, column), in any of the pictures: bool (height, width); all filters if None."""
    x = pictures.clone().requires_grad_()
    maps = layers(x)[:, :, row, column]
    slope = torch.autograd.grad((maps if filter is None else maps[:, filter]).sum(), x)[0]
    return (slope != 0).any(dim=1).any(dim=0).numpy()


positive = models.zoonet().features.requires_grad_(False)
for layer in positive:
    if isinstance(layer, nn.Conv2d):
        layer.weight.abs_()
        layer.bias.abs_()
noise = torch.rand(24, 3, 64, 64, generator=torch.Generator().manual_seed(3))

exact = 0
for name, (size, jump, start_at) in FIELDS.items():
    for row, column in ((0, 0), (3, 9), (15, 6)):
        expected = np.zeros((64, 64), bool)
        ends = [slice(max(0, start_at + jump * place), start_at + jump * place + size) for place in (row, column)]
        expected[tuple(ends)] = True
        exact += np.array_equal(support(positive[: DEPTH[name]], row, column, noise), expected)
claim("Units of four layers, at corners and inside, whose slopes fill the computed square exactly", exact, equals=12)

# %% tags=["target"] target="13.2"
figure, axes = plots.panels(1, 4, width=9, height=2.7)
place = {"conv1": (40, 24), "conv2": (20, 12), "conv3": (10, 6), "conv4": (10, 6)}
for axis, (name, (row, column)) in zip(axes, place.items()):
    size, jump, start_at = FIELDS[name]
    seen = support(features[: DEPTH[name]], row, column, batch[:1])
    top, left = start_at + jump * row, start_at + jump * column
    shade = np.where(seen[..., None], batch[0].permute(1, 2, 0).numpy(), 0.25 * batch[0].permute(1, 2, 0).numpy() + 0.7)
    heatmaps.draw_picture(axis, shade)
    heatmaps.box(axis, (top, left, top + size, left + size), plots.PALETTE[1])
    axis.set_title(f"{name}: {size} × {size}")
plots.describe(figure, "One picture four times: the pixels on which a unit of each layer has a slope, inside the box that the arithmetic "
                       "gives: 3, 8, 18 and 18 pixels wide.")

# %% [markdown]
# What is to be seen: in full colour the pixels with a slope on one unit of the trained network, in the orange box of the arithmetic. conv4
# has a kernel of 1 and sees what conv3 sees.

# %% [markdown]
# **Why the crop and not the picture.** Because the rest of the picture *has had no part* in the score. Put it to the test: take each filter's
# best picture, grey out everything but the field of the unit that fired, and ask again. Then the other way round: grey out the field.
#
# Only the winners are drawn again, by their numbers. `where` finds the row and column of the strongest unit.

# %%
winners = np.unique(best_numbers[:240])
found = album(winners)
winning = models.as_input(found.pictures)


def where(layers, pictures, filters):
    """Row and column of the strongest unit of one filter in each picture: int (n, 2)."""
    at = []
    with torch.inference_mode():
        for part, wanted in zip(pictures.split(32), torch.as_tensor(filters).split(32)):
            maps = layers(part)
            own = maps[torch.arange(len(part)), wanted].flatten(1).argmax(dim=1).numpy()
            at.append(np.stack(np.divmod(own, maps.shape[3]), axis=1))
    return np.concatenate(at)


def corners_of(name, places):
    """Row and column of the first pixel of the field of each unit."""
    size, jump, start_at = FIELDS[name]
    return start_at + jump * np.asarray(places)


def nine_of(name, filters, rank=slice(0, 9)):
    """Winning pictures of some filters of a layer: places in `winning` (filters * ranks,), and the filters, repeated."""
    chosen = best_numbers[FIRST[name] + np.asarray(filters)][:, rank]
    return np.searchsorted(winners, chosen).ravel(), np.repeat(filters, chosen.shape[1])


# %%
def greyed(name):
    """Best score of every filter of a layer on the picture, on its field alone, and on the picture without its field."""
    at, filters = nine_of(name, np.arange(WIDTHS[LAYERS.index(name)]), slice(0, 1))
    size, layers, pictures = FIELDS[name][0], features[: DEPTH[name]], winning[at]
    places = where(layers, pictures, filters)
    rows, columns = torch.arange(64)[None, :, None], torch.arange(64)[None, None, :]
    top, left = (torch.from_numpy(values)[:, None, None] for values in corners_of(name, places).T)
    inside = ((rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size))[:, None]

    def ask(pictures):
        with torch.inference_mode():
            return layers(pictures)[torch.arange(len(at)), filters, places[:, 0], places[:, 1]].numpy()

    return ask(pictures), ask(torch.where(inside, pictures, 0.5)), ask(torch.where(inside, 0.5, pictures))


whole, field_alone, without_field = (np.concatenate(parts) for parts in zip(*(greyed(name) for name in LAYERS)))
claim("Scores of pictures that were drawn again differ from those of the search by",
      np.abs(whole - best_scores[:240, 0]).max(), at_most=1e-3)
claim("The field alone changes the score of any of the 240 filters by at most", np.abs(field_alone - whole).max(), at_most=1e-4)
claim("Without its field the score of the median filter falls to a share of", np.median(without_field / whole), at_most=0.5)

# %%
at, filters = nine_of("conv3", [FILTER])
places = where(features[: DEPTH["conv3"]], winning[at], filters)
tiles = patches.crops(found.pictures[at] / 255, corners_of("conv3", places), FIELDS["conv3"][0])
figure, axes = plots.panels(2, 9, width=9, height=2.3)
for column, (top, left) in enumerate(corners_of("conv3", places)):
    heatmaps.draw_picture(axes[0, column], found.pictures[at[column]])
    heatmaps.box(axes[0, column], (top, left, top + 18, left + 18), plots.PALETTE[1])
    heatmaps.draw_picture(axes[1, column], tiles[column])
axes[0, 0].set_ylabel("picture")
axes[1, 0].set_ylabel("crop")
plots.describe(figure, "The nine pictures again with the field of the unit that fired, and below each its crop.")

# %% [markdown]
# What is to be seen: the same nine pictures with the fields that fired, and the crops. Cropped, they have something in common.

# %% [markdown]
# ## 4 · The way back through a ReLU
#
# The crop says where a unit looked. *What* in the crop did it want? Run the network backwards from the unit to the pixels. CS 230 writes the
# way back through a ReLU on a 4 by 4 example: `entered` went into the ReLU on the way up, `arriving` comes down from the layer above.
# These are the slide's numbers.

# %%
entered = torch.tensor([[1.0, -2, 3, -4], [4, -1, -1, -2], [30, 2, 0, 1], [1, -2, -9, 7]])
arriving = torch.tensor([[-2.0, 1, -31, -3], [3, 4, 2, 14], [-2, 12, 4, 1], [10, 10, 2, 1]])

# %% [markdown]
# Three rules, two yes-or-no questions:
#
# | rule | lets `arriving` pass where | source |
# |---|---|---|
# | `"backward"` | `entered` $> 0$: the ReLU was on | the gradient |
# | `"deconvnet"` | `arriving` $> 0$ | Zeiler and Fergus (2014) |
# | `"guided"` | both | Springenberg et al. (2015) |
#
# The slide calls the mask of the first rule *switches*: it remembers what the way up has switched on. Section 5 has other switches, those
# of a pooling.

# %% [markdown] tags=["card"] label="13.3-card"
# ### Exercise 13.3 · Three ways back through a ReLU
# *2 points · 10 minutes · difficulty ●○○*
#
# Write `pass_back(entered, arriving, rule)`. If you have done lab 10, it is the table of that lab in PyTorch.

# %% tags=["exercise"] label="13.3"
def pass_back(entered, arriving, rule):
    """What passes down through a ReLU.

    Parameters
    ----------
    entered : torch.Tensor, float, any shape
        What entered the ReLU on the way up. A ReLU is on where this is larger than 0.
    arriving : torch.Tensor, of the same shape
        What comes down to the ReLU's output.
    rule : "backward", "deconvnet" or "guided"

    Returns
    -------
    torch.Tensor, of the same shape and dtype
        arriving where the rule lets it pass, else 0.
    """
    ### BEGIN SOLUTION
    on, positive = entered > 0, arriving > 0
    keep = {"backward": on, "deconvnet": positive, "guided": on & positive}[rule]
    return arriving * keep
    ### END SOLUTION


# %% tags=["check"] label="13.3-check"
pass_back = check("13.3", pass_back)

# %% tags=["target"] target="13.3"
tables = {"entered": entered, "ReLU forward": F.relu(entered), "arriving": arriving,
          **{f"ReLU {rule}": pass_back(entered, arriving, rule) for rule in ("backward", "deconvnet", "guided")}}
figure, axes = plots.panels(2, 3, width=7.5, height=5.2)
for axis, (name, table) in zip(axes.flat, tables.items()):
    points = cells.frame(axis, 4, 4, 0.85)
    colour = cells.INPUT if name in ("entered", "ReLU forward") else cells.OUTPUT
    cells.cells(axis, table.numpy() != 0 if name != "entered" else table.numpy() > 0, colour, values=table.numpy(), cell_points=points)
    axis.set_title(name)
plots.describe(figure, "The 4 by 4 numbers of CS 230: what entered, what the ReLU passed on, what arrives from above, and what passes down "
                       "by the gradient, the deconvnet and guided backprop.")

# %% [markdown]
# What is to be seen: above the way up and what comes down, below the three rules. The first keeps the shape of the blue cells, the second
# that of the positive numbers, the third what both have in common.

# %%
slide = {"forward": [1, 0, 3, 0, 4, 0, 0, 0, 30, 2, 0, 1, 1, 0, 0, 7],
         "backward": [-2, 0, -31, 0, 3, 0, 0, 0, -2, 12, 0, 1, 10, 0, 0, 1],
         "deconvnet": [0, 1, 0, 0, 3, 4, 2, 14, 0, 12, 4, 1, 10, 10, 2, 1]}
ours = {"forward": F.relu(entered), **{rule: pass_back(entered, arriving, rule) for rule in ("backward", "deconvnet")}}
claim("The three tables of the slide, number by number", all(ours[name].flatten().tolist() == table for name, table in slide.items()))

# %% [markdown]
# ## 5 · Switches and unpooling
#
# A max pooling keeps the largest of each window and forgets where it stood. A deconvnet has to put values back, so on the way up it notes the
# winners' addresses, the **switches**; PyTorch returns them on request: row times width plus column.

# %%
small = torch.tensor([[[[1.0, 5, 2, 0], [3, 4, 7, 6], [0, 2, 9, 1], [8, 1, 3, 2]]]])
pooled, switches = F.max_pool2d(small, 2, return_indices=True)
print("pooled", pooled[0, 0].tolist(), "switches", switches[0, 0].tolist())

# %% [markdown] tags=["card"] label="13.4-card"
# ### Exercise 13.4 · Unpooling with switches
# *2 points · 10 minutes · difficulty ●●○*
#
# Write `unpool(values, switches, size)`: a canvas of zeros, and every value at its address. Where windows overlap, one place may have won
# several; then its values add up, as in the gradient. (PyTorch's `max_unpool2d` keeps one of them.)

# %% tags=["exercise"] label="13.4"
def unpool(values, switches, size):
    """Put values back where a max pooling found its winners.

    Parameters
    ----------
    values : torch.Tensor, float, shape (n, channels, h, w)
    switches : torch.Tensor, int64, shape (n, channels, h, w)
        Addresses in the map of their own picture and channel: row * width + column.
    size : (height, width)
        Of the maps before the pooling.

    Returns
    -------
    torch.Tensor, shape (n, channels, height, width), dtype of values
        Zero but at the switches; values with one address add up.
    """
    ### BEGIN SOLUTION
    canvas = torch.zeros(*values.shape[:2], size[0] * size[1], dtype=values.dtype)
    canvas.scatter_add_(2, switches.flatten(2), values.flatten(2))
    return canvas.view(*values.shape[:2], *size)
    ### END SOLUTION


# %% tags=["check"] label="13.4-check"
unpool = check("13.4", unpool)

# %% tags=["target"] target="13.4"
down = torch.tensor([[[[10.0, 20], [30, 40]]]])
back = unpool(down, switches, (4, 4))
figure, axes = plots.panels(1, 4, width=9, height=2.6)
won = unpool(torch.ones_like(down), switches, (4, 4))[0, 0].numpy() > 0
steps = [("before pooling", small, won, cells.INPUT), ("pooled", pooled, None, cells.INPUT),
         ("arriving", down, None, cells.OUTPUT), ("unpooled", back, won, cells.OUTPUT)]
for axis, (name, table, filled, colour) in zip(axes, steps):
    cells.number_grid(axis, table[0, 0].numpy(), colour, name, filled=filled, fit=(4, 4))
plots.describe(figure, "A 4 by 4 map whose four winners are marked, the pooled map, four values that arrive, and the unpooled map with each "
                       "value at its winner's place.")

# %% [markdown]
# What is to be seen: winners in blue. Whatever arrives goes where the winner stood, not into the middle of its window and not all over it.

# %%
maps = torch.randn(2, 5, 12, 12, generator=torch.Generator().manual_seed(5))
values, addresses = F.max_pool2d(maps, 2, return_indices=True)
claim("Unpooling differs from torch's by", (unpool(values, addresses, (12, 12)) - F.max_unpool2d(values, addresses, 2)).abs().max(), equals=0)

# %% [markdown]
# ## 6 · The deconvnet
#
# Now the whole way (CS 230: *we need to pass the filters and switches from the ConvNet to the DeconvNet*):
#
# 1. **Up.** Run the picture through the layers, and note what entered each of them.
# 2. **Pick.** All maps are set to zero, except for one filter's strongest unit, which keeps its value.
# 3. **Down.** From the last layer to the first: at a ReLU, `pass_back`; at a pooling, `unpool`; at a convolution, the transposed
#    convolution of lab 01 with the same weights, $W^\top$, and without the bias.
#
# What comes out has the shape of the picture: the **reconstruction**. `torch.nn.grad.conv2d_input(shape, weight, signal, stride, padding)`
# is the transposed convolution to exactly the shape that entered, also where a stride has left several shapes possible.

# %% [markdown] tags=["card"] label="13.5-card"
# ### Exercise 13.5 · The deconvnet pass
# *4 points · 25 minutes · difficulty ●●●*
#
# Write `deconvnet(layers, pictures, filters, rule)` with `unpool` and `pass_back`. With the rule `"backward"` the same walk gives the
# gradient: a test that you can make yourself.

# %% tags=["exercise"] label="13.5"
def deconvnet(layers, pictures, filters, rule="deconvnet"):
    """Reconstruct what excited the strongest unit of one filter, for each picture.

    Parameters
    ----------
    layers : torch.nn.Sequential of Conv2d, ReLU and MaxPool2d
        From the pixels up to and with the ReLU of the layer that is looked into. Convolutions have
        dilation 1 and one group.
    pictures : torch.Tensor, float, shape (n, 3, height, width)
    filters : torch.Tensor, int64, shape (n,)
        The filter to ask for each picture.
    rule : "deconvnet", "guided" or "backward"
        Handed to pass_back at every ReLU, the last one too.

    Returns
    -------
    torch.Tensor, shape (n, 3, height, width), no graph attached
        What comes down from the filter's largest value in the picture: that value starts at its own
        place, all other places and filters start from zero.
    """
    ### BEGIN SOLUTION
    steps, maps = [], pictures
    with torch.no_grad():
        for layer in layers:
            entered, switches = maps, None
            if isinstance(layer, nn.MaxPool2d):
                maps, switches = F.max_pool2d(maps, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode, True)
            else:
                maps = layer(maps)
            steps.append((layer, entered, switches))
        own = maps[torch.arange(len(filters)), filters].flatten(1)
        value, place = own.max(dim=1)
        signal = torch.zeros_like(maps).flatten(2)
        signal[torch.arange(len(filters)), filters, place] = value
        signal = signal.view(maps.shape)
        for layer, entered, switches in reversed(steps):
            if isinstance(layer, nn.MaxPool2d):
                signal = unpool(signal, switches, entered.shape[2:])
            elif isinstance(layer, nn.ReLU):
                signal = pass_back(entered, signal, rule)
            else:
                signal = torch.nn.grad.conv2d_input(entered.shape, layer.weight, signal, layer.stride, layer.padding)
    return signal
    ### END SOLUTION


# %% tags=["check"] label="13.5-check"
deconvnet = check("13.5", deconvnet)

# %% [markdown] tags=["instructor"]
# Type the way down for two layers live, with shapes beside it, before they write it. Ask: "why no bias?" (It belongs to the unit, not to any
# pixel.) "Which of the two walks is linear in its start?" (By the rule `backward`, exactly the second.)

# %% [markdown]
# Two tests on the trained network. Captum's `Deconvolution` puts the rule into the backward pass of autograd: another road to the same
# pixels. And for conv1 the answer is known in advance: with nothing below but the convolution itself, the reconstruction of the one
# unit *is the filter*, times the unit's value.

# %%
from captum.attr import Deconvolution

from course_utils.models.strongest import Strongest

at, filters = nine_of("conv4", np.arange(0, 128, 8), slice(0, 1))
ours = deconvnet(features, winning[at], torch.from_numpy(filters))
deconvolution = Deconvolution(Strongest(features))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")                                    # Captum announces its hooks
    theirs = deconvolution.attribute(winning[at].clone().requires_grad_(), target=torch.from_numpy(filters)).detach()
size_of = lambda values: values.flatten(1).norm(dim=1)
claim("Smallest cosine between Captum's reconstruction and ours, 16 filters",
      ((ours * theirs).flatten(1).sum(dim=1) / size_of(ours) / size_of(theirs)).min(), at_least=0.999)

# %%
at, filters = nine_of("conv1", np.arange(16), slice(0, 1))
places = where(features[:2], winning[at], filters)
back = deconvnet(features[:2], winning[at], torch.from_numpy(filters)).permute(0, 2, 3, 1).numpy()
from_unit = patches.crops(back, corners_of("conv1", places), 3, fill=0.0)
kernels = features.conv1.weight.permute(0, 2, 3, 1).numpy()
inside = ((corners_of("conv1", places) >= 0) & (corners_of("conv1", places) <= 61)).all(axis=1)   # fields that no border cuts
gap = from_unit / best_scores[:16, 0, None, None, None] - kernels
claim("Reconstructions of conv1, divided by the unit's value, differ from the filters by", np.abs(gap[inside]).max(), at_most=1e-3)

# %% [markdown]
# **Only what the unit has seen.** Most of the way down carries zeros: what starts at one unit never leaves its receptive field, one place
# in the last layer and 18 by 18 pixels at the end. So carry only that square, for each picture with the row and column of its corner, and
# cut out of what was noted on the way up the part that lies under it. Places beyond the border of a map do not exist: they stay zero.

# %%
def under(maps, corners, size):
    """The square at each picture's own corner (n, 2) of maps (n, c, h, w): (n, c, size, size), and which of its places exist."""
    (rows, columns), limits = ((corners[:, k, None] + torch.arange(size) for k in (0, 1)), maps.shape[2:])
    exists = ((rows >= 0) & (rows < limits[0]))[:, :, None] & ((columns >= 0) & (columns < limits[1]))[:, None]
    rows, columns = rows.clamp(0, limits[0] - 1)[:, :, None], columns.clamp(0, limits[1] - 1)[:, None]
    found = maps.permute(0, 2, 3, 1)[torch.arange(len(maps))[:, None, None], rows, columns].permute(0, 3, 1, 2)
    return found * exists[:, None], exists[:, None]


def local_deconvnet(layers, pictures, filters, rule="deconvnet"):
    """What `deconvnet` returns, by way of the unit's receptive field alone; for poolings whose windows do not overlap."""
    noted, maps, every = [], pictures, torch.arange(len(filters))
    with torch.no_grad():
        for layer in layers:
            noted.append(maps)
            maps = layer(maps)
        value, place = maps[every, filters].flatten(1).max(dim=1)
        corners = torch.stack([place // maps.shape[3], place % maps.shape[3]], dim=1)
        signal = torch.zeros(*maps.shape[:2], 1, 1).index_put((every, filters), value[:, None, None])
        for layer, entered in zip(layers[::-1], noted[::-1]):
            if isinstance(layer, nn.MaxPool2d):
                corners, size = corners * layer.stride, signal.shape[2] * layer.stride
                switches = F.max_pool2d(under(entered, corners, size)[0], layer.kernel_size, layer.stride, return_indices=True)[1]
                signal = unpool(signal, switches, (size, size))
            elif isinstance(layer, nn.ReLU):
                signal = pass_back(under(entered, corners, signal.shape[2])[0], signal, rule)
            else:
                signal = F.conv_transpose2d(signal, layer.weight, stride=layer.stride)
                corners = corners * layer.stride[0] - layer.padding[0]
                signal = signal * under(entered[:, :1], corners, signal.shape[2])[1]
        size, (height, width) = signal.shape[2], pictures.shape[2:]
        canvas = torch.zeros(len(pictures), height + 2 * size, width + 2 * size, 3)
        rows, columns = (corners[:, k, None] + size + torch.arange(size) for k in (0, 1))
        canvas[every[:, None, None], rows[:, :, None], columns[:, None]] = signal.permute(0, 2, 3, 1)
    return canvas[:, size:-size, size:-size].permute(0, 3, 1, 2)


at, filters = nine_of("conv4", np.arange(0, 128, 8), slice(0, 1))
both = [(deconvnet(features, winning[at], torch.from_numpy(filters), rule), local_deconvnet(features, winning[at], torch.from_numpy(filters), rule))
        for rule in ("deconvnet", "guided", "backward")]
claim("Largest difference of the local pass from the whole one, three rules, as a share of the largest value",
      max((whole - local).abs().max() / whole.abs().max() for whole, local in both), at_most=1e-5)

# %% tags=["nbval-ignore-output"]
turns = {deconvnet: [], local_deconvnet: []}
for work, times in list(turns.items()) * 6:
    times.append(cpu_seconds(lambda: work(features, winning[at], torch.from_numpy(filters)))[0])
timing("Whole pass against local pass: times faster", min(turns[deconvnet]) / min(turns[local_deconvnet]), at_least=1.2)

# %% [markdown]
# The way up is the same in both; what is saved lies on the way down. It is the saving of lab 08 once more: not doing what cannot matter beats doing
# it fast.

# %% [markdown]
# **The figure.** Nine patches of a filter, and below them what the deconvnet makes of each, zero in middle grey. To show what is there and
# not what is pretty, the filters are chosen by a rule: every fourth of conv2, every eighth of conv3; of conv4, for each species the filter
# that the last layer weighs most for it.

# %%
chosen = {"conv2": np.arange(0, 32, 4), "conv3": np.arange(0, 64, 8), "conv4": network.classifier.weight.argmax(dim=1).numpy()}


def found_and_rebuilt(name, filters, rule="deconvnet"):
    """Nine patches and nine reconstructions of some filters: two arrays (filters, 9, size, size, 3) in [0, 1]."""
    at, repeated = nine_of(name, filters)
    layers, size = features[: DEPTH[name]], FIELDS[name][0]
    corners = corners_of(name, where(layers, winning[at], repeated))
    back = deconvnet(layers, winning[at], torch.from_numpy(repeated), rule).permute(0, 2, 3, 1).numpy()
    tiles = patches.crops(found.pictures[at] / 255, corners, size), patches.about_grey(patches.crops(back, corners, size, fill=0.0))
    return [values.reshape(len(filters), -1, size, size, 3) for values in tiles]


# %% tags=["target"] target="13.5"
rebuilt = {name: found_and_rebuilt(name, filters) for name, filters in chosen.items()}
figure, axes = plots.panels(6, 8, width=10, height=8.2)
for row, (name, pair) in enumerate(rebuilt.items()):
    for column in range(8):
        title = f"{chosen[name][column]}" + (f" {zoo.SPECIES[column]}" if name == "conv4" else "")
        patches.show(axes[2 * row, column], pair[0][column], title=title)
        patches.show(axes[2 * row + 1, column], pair[1][column])
    axes[2 * row, 0].set_ylabel(f"{name}\npatches")
    axes[2 * row + 1, 0].set_ylabel("rebuilt")
plots.describe(figure, "For eight filters of each of three layers the nine patches that excite it most, and the deconvnet's nine "
                       "reconstructions: edges and colours in conv2, curves and limbs in conv3, mostly parts of one species in conv4.")

# %% [markdown]
# What is to be seen: number of the filter, its nine patches, its nine reconstructions. conv2 answers to edges of one direction and to
# corners, 8 pixels wide, mostly on signs and plants. conv3 and conv4 answer to pieces of animals, whatever their colour: in most
# filters the nine agree in shape (7 of conv4 mixes shells with legs). The reconstruction draws the lines that made the unit fire, and leaves out the ground around them. And one thing does not fit:
# the filters that count most for *llama* and for *goose* have found hares' ears. Section 8 comes back to it.

# %% [markdown] tags=["instructor"]
# Give the figure five minutes in silence and have pairs name three filters of conv3. Then ask what would prove a name wrong. Sections 7 and
# 8 do both: how much of the drawing is the picture's own, and what the names are worth.

# %% [markdown]
# ## 7 · What does a reconstruction know?
#
# The deconvnet's ReLU looks only at what arrives. So on the way down the picture speaks in two ways alone: where the unit stood, and the
# **switches**. (The value of the unit only scales the drawing.) Take the switches away, by putting every value into a fixed corner of its window, and the way down needs no picture at
# all: it draws one template for each filter.

# %%
def template(layers, maps_shape, filter, place):
    """The deconvnet's way down from one unit with value 1, every unpooling into the top left corner: no picture is used."""
    signal = torch.zeros(1, *maps_shape)
    signal[0, filter, place, place] = 1.0
    for layer in reversed(layers):
        if isinstance(layer, nn.MaxPool2d):
            spread = torch.zeros(*signal.shape[:2], 2 * signal.shape[2], 2 * signal.shape[3])
            spread[:, :, ::2, ::2] = signal
            signal = spread
        elif isinstance(layer, nn.ReLU):
            signal = F.relu(signal)
        else:
            signal = F.conv_transpose2d(signal, layer.weight, padding=layer.padding)
    return signal


blind = np.concatenate([template(features[:8], (64, 16, 16), k, 8).permute(0, 2, 3, 1).numpy() for k in chosen["conv3"]])
middle = np.full((8, 2), FIELDS["conv3"][2] + 8 * FIELDS["conv3"][1])
blind = patches.about_grey(patches.crops(blind, middle, 18, fill=0.0))

# %%
figure, axes = plots.panels(3, 8, width=10, height=4.4)
for column in range(8):
    patches.show(axes[0, column], blind[column, None], columns=1, title=f"{chosen['conv3'][column]}")
    patches.show(axes[1, column], rebuilt["conv3"][1][column])
    patches.show(axes[2, column], rebuilt["conv3"][0][column])
for axis, name in zip(axes[:, 0], ("no switches", "rebuilt", "patches")):
    axis.set_ylabel(name)
plots.describe(figure, "For eight filters of conv3 the template without switches, coarse and dotted, and the nine reconstructions with "
                       "switches, which differ from patch to patch and follow its lines.")

# %% [markdown]
# What is to be seen: above what the weights alone say, a coarse template, the same for any picture; in the middle the nine reconstructions
# with switches. What differs among the nine, and most of what makes them look like the patches, has come in through the switches.

# %%
values = rebuilt["conv3"][1].reshape(8, 9, -1) - 0.5
values /= np.linalg.norm(values, axis=2, keepdims=True)
alike = np.einsum("fid,fjd->fij", values, values)[:, ~np.eye(9, dtype=bool)].mean(axis=1)
claim("Without switches the nine would have cosine 1; with them, on average over eight filters", alike.mean(), at_most=0.5)

# %% [markdown]
# ### The trap: drawings of a network that has learnt nothing
#
# If the lines come through the switches, does it take a trained network to draw them? Ask the random networks for the same kind of
# drawing: pictures of the stream, for each picture a filter of conv3, its strongest unit, its field. **Likeness** is the correlation of the
# grey values of patch and drawing, pixel by pixel; the control compares each drawing with the patch of *another* picture.

# %%
GREY = np.array([0.299, 0.587, 0.114])
drawn_for = np.arange(20_000, 20_000 + profile(128, 64))               # numbers that the search has not seen
asked = album(drawn_for)


def likeness(net, rule):
    """Correlation of drawing and own patch, and of drawing and another patch: two arrays (n,)."""
    layers, x, filters = net.features[:8], models.as_input(asked.pictures), np.arange(len(asked)) % 64
    corners = corners_of("conv3", where(layers, x, filters))
    parts = zip(x.split(16), torch.from_numpy(filters).split(16))
    back = torch.cat([deconvnet(layers, part, wanted, rule) for part, wanted in parts]).permute(0, 2, 3, 1).numpy()
    drawing, patch = (patches.crops(values, corners, 18, fill=fill) @ GREY for values, fill in ((back, 0.0), (asked.pictures / 255, 0.5)))
    standard = [values.reshape(len(values), -1) - values.mean(axis=(1, 2))[:, None] for values in (drawing, patch)]
    alive = np.abs(standard[0]).max(axis=1) > 0                        # a filter that is off has no drawing
    drawing, patch = (values[alive] / np.linalg.norm(values[alive], axis=1, keepdims=True) for values in standard)
    return (drawing * patch).sum(axis=1), (drawing * np.roll(patch, 8, axis=0)).sum(axis=1)


networks = {"trained": network} | {f"random {seed}": untrained(seed) for seed in (13, 14, 15)}
RULES = ("backward", "deconvnet", "guided")
measured = {rule: {name: likeness(net, rule) for name, net in networks.items()} for rule in RULES}

# %%
figure, axes = plots.panels(1, 3, width=9, height=2.9, sharey=True)
for axis, (rule, rows) in zip(axes, measured.items()):
    for row, (name, (own, other)) in enumerate(rows.items()):
        for values, colour, filled in ((own, plots.PALETTE[0], True), (other, plots.PALETTE[6], False)):
            mean, low, high = scoring.bootstrap(values)
            axis.plot([low, high], [row, row], color=colour)
            axis.plot(mean, row, "o", color=colour, markerfacecolor=colour if filled else "white",
                      label=None if row else "own patch" if filled else "another patch")
    axis.set(title=rule, xlim=(-0.1, 0.6), xlabel="likeness (mean, 95 %)", ylim=(3.6, -0.6), yticks=range(4), yticklabels=list(rows))
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
plots.describe(figure, "Likeness of drawing and patch for the trained and three random networks under three rules. Guided backprop through "
                       "random networks resembles the patches nearly as much as through the trained one, the deconvnet less and unevenly.")

# %% [markdown]
# What is to be seen: guided backprop through a network that has learnt nothing draws the patches nearly as well as through the trained
# one, and far better than chance (hollow). The deconvnet does so in part, with much spread from one random network to the next. The
# gradient hardly resembles its patch (below 0.1), trained or not. So a likeness to the patch is no sign of learning: the rule that has most of it
# needs no training.

# %%
own = {rule: np.array([mean.mean() for mean, _ in rows.values()]) for rule, rows in measured.items()}      # the trained network first
other = max(abs(mean.mean()) for rows in measured.values() for _, mean in rows.values())
claim("guided: likeness in the worst of three random networks, as a share of that in the trained one",
      own["guided"][1:].min() / own["guided"][0], at_least=0.5)
claim("deconvnet: likeness in random networks, mean of three", own["deconvnet"][1:].mean(), at_least=0.1)
claim("Likeness to another picture's patch, largest of all networks and rules", other, at_most=0.12)

# %% [markdown]
# Nie, Zhang and Patel (2018) derive it: with random weights and the positive parts alone kept, guided backprop and the deconvnet with
# max pooling recover the picture, partly, whatever the weights. A sharp drawing is a property of the *rule*. So look at **which** patches
# a filter has found, and let the drawing only say where in the patch the unit's evidence lies.

# %% [markdown]
# ## 8 · Statements, scored with the truth
#
# "It seems that the filter has learned to detect shirts" (CS 230). Here such a sentence can be scored. First layer by layer: how many of a
# filter's nine pictures show one species? Chance is what nine random pictures would give, and what a random network gives.

# %%
def most_common(winners):
    """Of the nine pictures of each filter, how many show the species that most of them show: int (filters,)."""
    return np.stack([(winners % 8 == species).sum(axis=1) for species in range(8)]).max(axis=0)


of_nine = most_common(best_numbers)
chance = most_common(np.random.default_rng(0).integers(0, 8, size=(10_000, 9))).mean()
figure, axes = plots.panels(1, 4, width=9, height=2.7, sharey=True)
for axis, name, width in zip(axes, LAYERS, WIDTHS):
    for offset, label, colour, shift in ((0, "trained", plots.PALETTE[0], -0.2), (240, "random", plots.PALETTE[4], 0.2)):
        part = of_nine[offset + FIRST[name]: offset + FIRST[name] + width]
        axis.bar(np.arange(1, 10) + shift, np.bincount(part, minlength=10)[1:] / width, width=0.4, color=colour, label=label)
    axis.axvline(chance, color="0.4", linestyle=":", linewidth=1.5)
    axis.set(title=name, xticks=(1, 3, 5, 7, 9), xlabel="of nine, one species")
axes[0].set_ylabel("share of filters")
axes[0].legend()
plots.describe(figure, "For each layer, how many of a filter's nine pictures show one species: about three for every layer of a random network "
                       "and for the first two layers of the trained one; seven to nine for conv3 and conv4.")

# %% [markdown]
# What is to be seen: in conv1 and conv2 the nine are a mixture (but for one filter of conv2), as chance has it (dotted: the mean of nine random
# pictures). In the trained network a third of conv3's filters and two thirds of conv4's have nine pictures of one species, and nothing like it happens
# without training.

# %%
conv4 = slice(FIRST["conv4"], 240)
claim("Share of conv4's filters with eight or nine pictures of one species", (of_nine[conv4] >= 8).mean(), at_least=0.5)
claim("The same in the random network", (of_nine[240:][conv4] >= 8).mean(), at_most=0.05)

# %% [markdown]
# Now a name for each filter of conv4: the part of a species that all nine fields show, if there is one among the parts by which the species
# are told. And then a test of the name on *new* pictures, which the search has not seen: does the filter's score tell pictures that show
# the part from those that do not? The area under the ROC curve (**AUC**) is the share of such pairs that it ranks rightly; 0.5 is chance.

# %%
NAMES = {f"{species}'s {part}": (zoo.SPECIES.index(species), part) for species, part in (
    ("hare", "ears"), ("goat", "horns"), ("elephant", "ears"), ("elephant", "trunk"), ("tortoise", "shell"), ("camel", "hump"),
    ("goose", "wings"), ("goose", "beak"), ("seal", "fins"))}
ENOUGH = 12                                                            # pixels of a part that count as showing it

at, filters = nine_of("conv4", np.arange(128))
corners = corners_of("conv4", where(features, winning[at], filters))


def fields_show(species, part):
    """Of the nine fields of each filter of conv4, how many show the part on this species: int (128,)."""
    pixels = patches.crops(found.part(part)[at, :, :, None], corners, 18, fill=0).sum(axis=(1, 2, 3))
    return ((pixels >= ENOUGH) & (found.labels[at] == species)).reshape(128, 9).sum(axis=1)


shown = np.stack([fields_show(*about) for about in NAMES.values()])    # (names, 128), of nine
named = {int(k): list(NAMES)[shown[:, k].argmax()] for k in range(128) if shown[:, k].max() == 9}

test_numbers = np.arange(30_000, 30_000 + profile(1_200, 320))
tested = album(test_numbers)
test_scores = peaks(features, models.as_input(tested.pictures))[:, conv4]
has = {name: (tested.part(part).sum(axis=(1, 2)) >= ENOUGH) & (tested.labels == species) for name, (species, part) in NAMES.items()}


def auc(scores, positive):
    """Area under the ROC curve, by ranks."""
    ranks = rankdata(scores)
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


def top_share(scores, positive):
    """Of as many top pictures as there are positive ones, the share that is positive."""
    return positive[np.argsort(-scores)[: positive.sum()]].mean()


aucs = {k: auc(test_scores[:, k], has[name]) for k, name in named.items()}
shares = {k: top_share(test_scores[:, k], has[name]) for k, name in named.items()}

# %%
figure, axes = plots.panels(1, 2, width=9, height=3.7, sharey=True)
for row, name in enumerate(NAMES):
    mine = [k for k in named if named[k] == name]
    for axis, values in zip(axes, (aucs, shares)):
        axis.plot([values[k] for k in mine], row + np.linspace(-0.2, 0.2, len(mine)) if mine else [], "o", color=plots.PALETTE[0], alpha=0.7)
    axes[1].plot(has[name].mean(), row, "|", color="black", markersize=16, markeredgewidth=2)
axes[0].axvline(0.5, color="black", linewidth=1.5)
axes[0].set(yticks=range(9), yticklabels=[f"{name} ({list(named.values()).count(name)})" for name in NAMES], ylim=(8.6, -0.6),
            xlim=(0.4, 1.02), xlabel="AUC on new pictures", title="does the score tell the part?")
axes[1].set(xlim=(0, 1.02), xlabel="share that shows the part", title="the top pictures, as many as show it")
plots.describe(figure, "For nine parts the filters of conv4 that are named after them: their AUC on new pictures, mostly far above one half, "
                       "and the share of top pictures that show the part, mostly below the nine of nine of the search.")

# %% [markdown]
# What is to be seen: a dot is a filter named after the part, in brackets how many there are; black marks are chance. Left, nearly all names
# hold on new pictures. Right, what the nine of nine hid: take as many top pictures as there are pictures with the part, and part of them
# show something else.

# %%
claim("Filters of conv4 whose nine fields all show one of these parts", len(named), at_least=30)
claim("AUC of the median named filter on new pictures", np.median(list(aucs.values())), at_least=0.85)
claim("Median share that shows the part, among as many top pictures as show it", np.median(list(shares.values())), at_most=0.9)

# %% [markdown]
# Even so: the nine best are a thousandth of the data. And the class score does not go by a filter's one strongest unit but by the *mean* of
# its map, as in the sum of 50.039. Take the filter that the last layer weighs most for goose: what are its best pictures by either?

# %%
goose = int(chosen["conv4"][zoo.SPECIES.index("goose")])
with torch.inference_mode():
    sums = torch.cat([features(part)[:, goose].sum(dim=(1, 2)) for part in models.as_input(tested.pictures).split(32)]).numpy()
by_species = {"strongest unit": test_scores[:, goose], "sum over the map": sums}
figure, axes = plots.panels(1, 2, width=9, height=3, sharey=True)
for axis, (name, values) in zip(axes, by_species.items()):
    axis.boxplot([values[tested.labels == k] / values.max() for k in range(8)], orientation="horizontal", widths=0.6,
                 flierprops={"markersize": 3}, medianprops={"color": plots.PALETTE[1], "linewidth": 2})
    axis.set(yticks=range(1, 9), yticklabels=zoo.SPECIES, ylim=(8.6, 0.4), xlabel=f"{name} (largest = 1)", title=f"conv4, filter {goose}")
plots.describe(figure, "One filter of conv4 on new pictures of each species, by its strongest unit and by the sum over its map.")

# %% [markdown]
# What is to be seen: by the strongest unit hares lead and geese come next; by the sum over the map it is a filter for geese, which is what
# the last layer uses it for. Geese give it a little less at the peak and far more in all.

# %%
medians = {name: np.array([np.median(values[tested.labels == k]) for k in range(8)]) for name, values in by_species.items()}
claim("Of its nine best pictures in the search, hares", (best_numbers[FIRST["conv4"] + goose] % 8 == 0).sum(), at_least=5)
claim("By the strongest unit the filter's species is", zoo.SPECIES[medians["strongest unit"].argmax()], equals="hare")
claim("By the sum over its map it is", zoo.SPECIES[medians["sum over the map"].argmax()], equals="goose")

# %% [markdown]
# Two formulas for "what excites the filter most", two names. Both are true of this data set; neither is the meaning of the filter. A name is
# a hypothesis: test it on pictures that the search has not seen, against a network that has learnt nothing, and say by which score.

# %% [markdown] tags=["instructor"]
# Bring back the names that the class gave in sections 2 and 6 and score two of them live: `auc(test_scores[:, k], has[...])`. Ask what they would
# do without `has`, on photographs: somebody has to label pictures that the filter did *not* choose.

# %% [markdown]
# ## 9 · Touch: a browser of filters
#
# Choose a layer and one of its filters: the nine patches of your search, what comes back from each, and the species that they are from.
# Where a layer has fewer filters than the slider, it counts on from the first.
#
# Try: find a filter of conv3 for legs, one for plants or signs; find one of conv4 whose nine are *not* of one species; compare the
# three ways back on conv1, and say why they agree there.

# %% tags=["nbval-ignore-output"]
filter_browser.explore(best_numbers[:240])

# %% [markdown]
# What is to be seen: left the patches, in the middle what comes back, on a scale of its own for each patch, right the count of species. On
# conv1 there is no ReLU below the unit's own, so all rules give the filter.

# %% [markdown]
# ## What to remember
#
# - Dataset search needs no gradient: one pass, the best k of every filter, memory that does not grow. It shows what a filter answers to *in
#   this data*.
# - Size, jump and start say which pixels a unit sees: crop there. What lies outside has had no part in the score.
# - A deconvnet walks back with the same filters, the switches of the pooling, and a ReLU of its own. Gradient, deconvnet and guided backprop
#   differ only at the ReLU.
# - Its picture comes in through the switches, and guided backprop's through the ReLUs as well: both draw without having learnt.
# - A name for a filter is a statement. Score it on pictures that the filter did not choose; maximum and sum can disagree.

# %% [markdown]
# ## Outside: photographs through an ImageNet network
#
# The same search on photographs through SqueezeNet 1.1. Its blocks run a 1 by 1 and a 3 by 3 convolution side by side, so the larger window
# decides the field, and the way back is left to Captum. Photographs are cut into tiles of 224 pixels; those of `COURSE_DATA/photos` join in
# where they are. Weights come from `COURSE_DATA` or by download; where neither is there, the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
from course_utils.datasets import photos, real
from course_utils.models import imagenet

to_fire = receptive_field([(3, 2, 0), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 2, 0), (3, 1, 1), (3, 1, 1)])   # up to the fourth Fire block
OURS = ("chelsea", "coffee", "rocket", "astronaut", "china", "flower")


def tiles_of(photo, side=224):
    """Two rows of square tiles from a photograph: uint8 (n, side, side, 3)."""
    picture = torch.from_numpy(photo.picture.copy()).permute(2, 0, 1)[None].float()
    width = max(2 * side, round(2 * side * picture.shape[3] / picture.shape[2]))
    picture = F.interpolate(picture, size=(2 * side, width), mode="bilinear", antialias=True)[0].round().byte()
    return picture.unfold(1, side, side).unfold(2, side, side).flatten(1, 2).permute(1, 2, 3, 0).numpy()


def search_photographs(squeezenet):
    """The nine patches of six filters of the fourth Fire block, and what Captum's deconvnet makes of them."""
    collections = [real.or_none(real.photographs, name) or [] for name in ("openimages", "coco")]
    tiles = np.concatenate([tiles_of(photo) for photo in itertools.chain(map(photos.load, OURS), *collections)])
    x, layers = imagenet.as_input(tiles), squeezenet.network.features[:8]
    x = (x - squeezenet.mean) / squeezenet.std
    with torch.inference_mode():
        batches = ((np.arange(k, k + len(part)), largest(layers(part)).numpy()) for k, part in zip(range(0, len(x), 8), x.split(8)))
        numbers, scores = top_of_stream(batches, 9)
    filters = np.argsort(-scores[:, 0] / np.maximum(scores.mean(axis=1), 1))[:6]
    at, repeated = numbers[filters].ravel(), torch.from_numpy(np.repeat(filters, 9))
    size, jump, start_at = to_fire
    corners = start_at + jump * where(layers, x[at], repeated)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = torch.cat([Deconvolution(Strongest(layers)).attribute(part.clone().requires_grad_(), target=wanted).detach()
                          for part, wanted in zip(x[at].split(9), repeated.split(9))])
    rebuilt = patches.about_grey(patches.crops(back.permute(0, 2, 3, 1).numpy(), corners, size, fill=0.0))
    seen = patches.crops(tiles[at] / 255, corners, size)
    figure, axes = plots.panels(2, 6, width=10, height=3.8)
    for column, filter in enumerate(filters):
        part = slice(9 * column, 9 * column + 9)
        patches.show(axes[0, column], seen[part], gap=4, title=f"filter {filter}")
        patches.show(axes[1, column], rebuilt[part], gap=4)
    return plots.describe(figure, f"Six filters of SqueezeNet: the nine patches of {len(tiles)} tiles that excite each most, and reconstructions.")


squeezenet = real.or_none(imagenet.load, "squeezenet1_1")
search_photographs(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: six filters, the nine patches of 63 pixels that excite each most, and what comes back.
# Is there one for eyes, one for writing? With few photographs several of the nine are from one of them, so names are cheap here. Does
# what comes back fill the field, or gather in its middle? A unit often uses less than it could see (Luo et al., 2016).
#
# ## References
#
# - M. D. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014: the deconvnet, switches, the top nine.
# - K. Simonyan, A. Vedaldi, A. Zisserman, *Deep inside convolutional networks*, ICLR workshop 2014: the deconvnet beside the gradient.
# - J. T. Springenberg et al., *Striving for simplicity: the all convolutional net*, ICLR workshop 2015: guided backprop.
# - W. Nie, Y. Zhang, A. Patel, *A theoretical explanation for perplexing behaviors of backpropagation-based visualizations*, ICML 2018.
# - A. Mahendran, A. Vedaldi, *Salient deconvolutional networks*, ECCV 2016: what the switches bring in.
# - W. Luo et al., *Understanding the effective receptive field in deep convolutional neural networks*, NeurIPS 2016.
# - A. Araujo, W. Norris, J. Sim, *Computing receptive fields of convolutional neural networks*, Distill 2019: size, jump and start in general.
