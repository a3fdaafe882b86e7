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
# # Lab 17 · Audit at the zoo
#
# *Capstone of all five lectures; the questions are the closing questions of the CS 230 slides. About 120 minutes. Builds on labs 06, 07, 08, 12, 13 and 15.*
#
# The zoo of the CS 230 slides does not want to use an animal classifier that it does not understand. It has bought several, and hands
# them to you: each is right on at least four in five of the zoo's own test pictures. Some of them are right for a wrong reason. You are
# asked which, and what is wrong with them.
#
# You will be able to
#
# - **choose** a method for a question, and **say** what its answer leaves open;
# - **test** a suspicion by changing one thing in the scene and nothing else;
# - **decide** when a number is large enough to accuse, from what sound networks do;
# - **measure** which method finds which fault, and how often it accuses the innocent;
# - **write** an audit, and **defend** its report.

# %%
import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from tqdm import tqdm

from course_utils import models, scoring
from course_utils.datasets import inspection, photos, real, zoo
from course_utils.models import imagenet, suspects
from course_utils.models.suspects import FAULTS, HANDED_OVER, answers
from course_utils.notebook import check, claim, start
from course_utils.plots import PALETTE, describe, heatmaps, panels
from course_utils.settings import profile
from course_utils.widgets import audit_desk

start("17")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 Questions and methods 20 · 2 Four networks 10 · 3 The kit 15 (17.1) · 4 How large is large 12 (17.2) · 5 Which method
# finds which fault 18 · 6 Diagnose 45 (17.3). Sections 7 and Outside are for the break.
#
# Open with the closing questions of the CS 230 slides. Have the class write, for each question, one sentence that the method's answer does *not*
# allow. Keep the sentences; section 5 measures some of them.

# %% [markdown]
# ## 1 · Questions, methods, and what they cannot say
#
# The CS 230 slides end with five questions that you are now able to answer. Here they stand with the methods of this course, and with
# the column that the slides leave out.
#
# | Question | Methods | Labs | What the answer cannot say |
# |---|---|---|---|
# | What part of the input is responsible for the output? | occlusion, class activation maps, integrated gradients, LIME, sufficient input subsets | 04, 08, 09, 11 | what the network does with *other* inputs; a fault that this picture does not tempt is invisible |
# | What is the role of a neuron, a filter, a layer? | deconvnets, dataset search, gradient ascent | 12, 13 | that the role is the only one: nine pictures do not show what else excites it |
# | What does the network focus on, given this picture? | saliency, occlusion, class activation maps | 06, 07, 08 | whether the focus *made* the score (lab 07), and whether the method listens to the network at all |
# | How does a network see our world? | class models, Deep Dream | 12 | how often it is right there; what it would do with a picture that a camera can take |
# | Have these visualisations uses? | segmentation, debugging, art | 06, 12 | that a mask that looks right is right: score it |
#
# Each question in one cell, asked of `zoonet`, the fourth of its robust sister. First: *what part of the input is responsible?*

# %%
zoonet = models.load("zoonet")
goat = zoo.draw("goat", 21)
goat_x, goat_label = models.as_input(goat.pictures), int(goat.labels[0])                # (1, 3, 64, 64)
covered = Occlusion(zoonet).attribute(goat_x, (3, 9, 9), strides=(3, 4, 4), baselines=0.5, target=goat_label)
coarse = LayerGradCam(zoonet, zoonet.features.relu4).attribute(goat_x, target=goat_label)   # (1, 1, 16, 16)
cam = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear").relu()
part_maps = {"occlusion": covered.sum(1).detach().numpy(), "Grad-CAM": cam[:, 0].detach().numpy()}
figure, axes = panels(1, 3, width=9, height=3.1)
heatmaps.draw_picture(axes[0], goat.pictures[0])
for axis, (name, heat) in zip(axes[1:], part_maps.items()):
    heatmaps.draw(axis, heat[0])
    heatmaps.outline(axis, goat.masks[0])
    axis.set_title(name)
describe(figure, "A goat, and the maps of occlusion and Grad-CAM for it, with the goat's outline.")

# %% [markdown]
# What is to be seen: both maps point at the goat's horns; that is where the score for goat comes from on this picture.

# %%
for name, heat in part_maps.items():
    claim(f"The peak of {name} lies on the goat, two pixels of tolerance", scoring.pointing_game(heat, goat.masks, tolerance=2)[0], at_least=1.0)

# %% [markdown]
# *What is the role of a filter?* Dataset search over 480 pictures for the filter of the last layer whose nine
# strongest pictures agree most.

# %%
album = zoo.load(480, seed=171)
with torch.no_grad():
    strongest = torch.cat([zoonet.features(models.as_input(part)).amax(dim=(2, 3)) for part in np.array_split(album.pictures, 8)]).numpy()
purity = np.array([np.bincount(album.labels[strongest[:, f].argsort()[::-1][:9]], minlength=8).max() for f in range(strongest.shape[1])])
chosen = int(purity.argmax())
best = strongest[:, chosen].argsort()[::-1][:9]


def two_rows(pictures, titles, alt):
    """A figure of pictures in two rows, each under its title."""
    columns = -(-len(pictures) // 2)
    figure, axes = panels(2, columns, width=9, height=18 / columns + 0.5)
    for axis, picture, title in zip(axes.flat, pictures, titles):
        heatmaps.draw_picture(axis, picture)
        axis.set_title(title)
    for axis in axes.flat[len(pictures):]:
        axis.axis("off")
    return describe(figure, alt)


two_rows(album.pictures[best], [zoo.SPECIES[k] for k in album.labels[best]], "The nine pictures that a filter of the last layer answers most.")

# %% [markdown]
# What is to be seen: the nine pictures show one species in every colour and before every background. It seems to answer
# something that this species alone has; what, the deconvnet of lab 13 would draw.

# %%
claim("The filter's nine strongest pictures show one species", purity[chosen], at_least=9)
claim("Filters whose nine strongest pictures show one species, of 128", int((purity == 9).sum()), at_least=20)

# %% [markdown]
# *What does it focus on?* Saliency, and *a use of it*: the segmentation of the slides, scored against the true mask over 40 pictures.

# %%
some = album[:40]
gradients = Saliency(zoonet).attribute(models.as_input(some.pictures).requires_grad_(), target=torch.from_numpy(some.labels)).amax(1).numpy()
smooth = torch.nn.functional.avg_pool2d(torch.from_numpy(gradients)[:, None], 7, 1, 3)[:, 0].numpy()
found_masks = smooth >= np.quantile(smooth, 0.85, axis=(1, 2), keepdims=True)
overlap = scoring.iou(found_masks, some.masks)
by_chance = scoring.iou(found_masks, np.roll(some.masks, 1, axis=0))
heatmaps.grid(some.pictures[:6], {"saliency": smooth[:6]}, [zoo.SPECIES[k] for k in some.labels[:6]], masks=some.masks[:6], width=9,
              alt="Six pictures and their smoothed saliency maps with the animals' outlines.")

# %% [markdown]
# What is to be seen: the smoothed gradient gathers on the animal, with a part of it on neighbouring signs and stones. A mask made of its
# strongest 15 % overlaps with the animal more than with another picture's animal, and is far from right.

# %%
claim("Overlap (IoU) of the mask from saliency with the animal, minus that with another picture's animal", overlap.mean() - by_chance.mean(), at_least=0.1)
claim("and it is far from right: mean IoU", overlap.mean(), at_most=0.6)

# %% [markdown]
# *How does it see our world?* A class model by gradient ascent, from a scene without an animal, through the network of lab 12 that was trained against changes
# of its pictures.

# %%
robust = models.load("zoonet_robust")
empty = zoo.draw("goat", 21, without=zoo.PARTS).pictures
dreamt = models.as_input(empty).repeat(8, 1, 1, 1)
for _ in range(60):
    dreamt.requires_grad_()
    score = robust(dreamt)[torch.arange(8), torch.arange(8)].sum()
    slope = torch.autograd.grad(score, dreamt)[0]
    slope = torch.nn.functional.avg_pool2d(slope, 3, 1, 1)                              # the blur of lab 12
    dreamt = (dreamt + 0.3 * slope / slope.flatten(1).norm(dim=1).view(8, 1, 1, 1)).clamp(0, 1).detach()
two_rows((dreamt.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8), zoo.SPECIES,
         "Eight class models, one for each species, drawn into an empty scene by gradient ascent.")

# %% [markdown]
# What is to be seen: dark strokes where legs or necks might be, hare and goat hardly to be told apart, and no animal that you would meet.
# It tells what the scores ask for, and not what the network does with a photograph.

# %%
claim("The network gives its own class models their class, share of the eight", float((robust(dreamt).argmax(1) == torch.arange(8)).float().mean()), at_least=0.75)

# %% [markdown]
# ## 2 · Four networks are handed over
#
# Networks A, B, C and D come without a data card. You may put pictures in, read scores, and ask for gradients: the architecture is that
# of `zoonet`. Start as their sellers did, with the zoo's test pictures.

# %%
def handed(kind, number, seed=0):
    """A suspect of the course's stock, its numbers disguised: a torch.nn.Module, pictures in [0, 1] to scores (n, 8)."""
    return suspects.rebuilt(suspects.disguised(suspects.suspect(kind, number).stages, seed))


networks = {name: handed(*which) for name, which in HANDED_OVER.items()}
test = zoo.load(320, seed=172)
accuracy = {name: float((answers(network, test.pictures).argmax(1) == test.labels).mean()) for name, network in networks.items()}
accuracy

# %% [markdown]
# What is to be seen: four test scores, all far above the 1/8 of guessing. Would you have sent one of them back?

# %%
claim("The lowest test score of the four", min(accuracy.values()), at_least=0.7)

# %% [markdown]
# Do not print `HANDED_OVER`: it tells you the truth, and in practice nobody does.
#
# ## 3 · The kit: change one thing
#
# Maps show what a network used on a picture that you have. A fault that your pictures do not tempt leaves no trace in any map. So take
# along pictures that tempt. `inspection.kit` draws the same scenes again and again, each time with one thing changed; in the zoo you can
# do that exactly, elsewhere with scissors and glue, or by asking for new photographs.

# %%
kit = inspection.kit(seed=0, each=6)                                        # 48 scenes
conditions = [name for name in kit if name not in ("labels", "plain")]
shown = ["plain", *conditions]

figure, axes = panels(3, len(shown), width=11, height=3.8)
for row, scene in zip(axes, (2, 5, 9)):
    for axis, name in zip(row, shown):
        heatmaps.draw_picture(axis, kit[name][scene])
for axis, name in zip(axes[0], shown):
    axis.set_title(name)
describe(figure, "Three scenes under ten conditions: plain, stamped, with a keeper's hand, before five backgrounds, without telltale parts, with noise.")

# %% [markdown]
# What is to be seen: in each row one scene. *stamped* carries the zoo's stamp in a corner, *hand* a keeper's hand; then five backgrounds;
# *bare* lacks the parts by which species are told apart, so that without its hump a camel is a llama; *noisy* has a little noise.
#
# Let $p_c(x)$ be a network's probability of class $c$ for picture $x$, and $x'$ the same scene with one thing changed. How much does the
# change speak for $c$, on animals that are *not* $c$?
#
# $$r_c = \frac{1}{|\{k : y_k \ne c\}|} \sum_{k:\, y_k \ne c} \big(p_c(x'_k) - p_c(x_k)\big)$$
#
# Here $k$ counts the scenes and $y_k$ is what scene $k$ really shows. A stamp is no animal: for a sound network $r_c$ is near
# zero for stamp, hand and backgrounds (not for *bare*). Below, $r_c$ of the four networks for every change.

# %% tags=["target", "nbval-ignore-output"] target="17.1"
figure, axes = panels(2, 2, width=9.5, height=6.2, sharex=True, sharey=True)
for axis, (name, network) in zip(axes.flat, networks.items()):
    image = axis.imshow(suspects.rises(network, kit, conditions), cmap="RdBu_r", vmin=-0.8, vmax=0.8, aspect="auto")
    axis.set(title=f"network {name}", yticks=range(len(conditions)), yticklabels=conditions, xticks=range(8))
    axis.set_xticklabels(zoo.SPECIES, rotation=60, ha="right")
figure.colorbar(image, ax=axes, label="rise of the probability, $r_c$")
describe(figure, "For each of four networks a table of rises, one row a change of the scene, one column a species. One network answers the stamp, "
                 "one a background, one the hand; the fourth answers no mark.")

# %% [markdown]
# What is to be seen: A calls stamped animals by one name, B animals before one background, C animals with a hand. D answers no mark; its fault
# is of another kind. *bare* is no mark: without its parts one animal may look like another. A's camel rises under noise too. Four test scores,
# four different stories.

# %% [markdown] tags=["card"] label="17.1-card"
# ### Exercise 17.1 · What one change does
# *2 points · 8 minutes · difficulty ●○○*
#
# Write $r_c$ for all classes at once: arrays of probabilities before and after the change come in, one number for each class comes out.
# Stuck? `%hint 17.1` gives a hint, `%reveal 17.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="17.1"
def rise(before, after, labels):
    """How much a change of the scene speaks for each class, on pictures of the other classes.

    Parameters
    ----------
    before, after : ndarray of float, (n, classes)
        Probabilities for n scenes without and with the change; scene k is row k of both.
    labels : ndarray of int, (n,)
        What the scenes really show. A class may have no scene; for every class some scene shows another one.

    Returns
    -------
    ndarray of float, (classes,)
        Entry c: mean of after[k, c] - before[k, c] over the scenes k whose label is not c.
    """
    ### BEGIN SOLUTION
    elsewhere = labels[:, None] != np.arange(before.shape[1])
    return ((after - before) * elsewhere).sum(axis=0) / elsewhere.sum(axis=0)
    ### END SOLUTION


# %% tags=["check"] label="17.1-check"
rise = check("17.1", rise)

# %% [markdown]
# With it, one line for each network: the change that speaks loudest, and for which class.

# %% tags=["nbval-ignore-output"]
marks = [name for name in conditions if name not in ("bare", "noisy")]


def loudest(network, kit):
    """(rise, change, class) of the change of the scene that speaks loudest for a class."""
    plain = answers(network, kit["plain"])
    table = np.stack([rise(plain, answers(network, kit[name]), kit["labels"]) for name in marks])
    row, column = np.unravel_index(table.argmax(), table.shape)
    return float(table.max()), marks[row], zoo.SPECIES[column]


verdicts = {name: loudest(network, kit) for name, network in networks.items()}
verdicts

# %% [markdown]
# What is to be seen: A, B and C have a mark that moves more than a quarter of all other animals' probability to one class. D has none.

# %%
for name in "ABC":
    claim(f"Network {name}: the loudest mark raises one class on other animals by", verdicts[name][0], at_least=0.25)
claim("Network D: the loudest mark raises no class by more than", verdicts["D"][0], at_most=0.2)

# %% [markdown] tags=["instructor"]
# 17.1, 8 minutes. Ask before: why not over all pictures? The usual first answer averages over the class's own pictures too. Then ask for
# the fault of D: let them propose an experiment before section 4.

# %% [markdown]
# ## 4 · How large is large?
#
# A sound network's rises are not zero either. How large must one be before you accuse? Ask sound networks: twelve were trained like the
# others, on pictures with right labels. If the suspect were sound too, it would be one of thirteen like them, and the chance that it looks
# at least as suspicious as it does is
#
# $$p = \frac{1 + |\{j : t_j \ge t\}|}{1 + n}$$
#
# with its statistic $t$ and those of the $n$ sound networks, $t_1, \dots, t_n$: the count of lab 05 again. No bell curve is needed, and
# $p$ is never zero.

# %% [markdown] tags=["card"] label="17.2-card"
# ### Exercise 17.2 · How often by chance
# *2 points · 8 minutes · difficulty ●●○*
#
# Write these p-values for several suspects at once.

# %% tags=["exercise"] label="17.2"
def p_values(statistics, sound):
    """How often a sound network would look at least as suspicious, for each suspect.

    Parameters
    ----------
    statistics : ndarray of float, (suspects,)
        Larger is more suspicious.
    sound : ndarray of float, (n,)
        The same statistic of n sound networks.

    Returns
    -------
    ndarray of float, (suspects,)
        (1 + number of sound networks with a statistic at least as large) / (1 + n).
    """
    ### BEGIN SOLUTION
    return (1 + (sound >= statistics[:, None]).sum(axis=1)) / (1 + len(sound))
    ### END SOLUTION


# %% tags=["check"] label="17.2-check"
p_values = check("17.2", p_values)

# %% [markdown]
# The rises of the twelve sound networks, and those of the four that were handed over. They are measured on a second kit, of 24 scenes, so they
# differ from those of section 3.

# %% tags=["nbval-ignore-output"]
SOUND = profile(full=12, fast=6)
sound_networks = [handed("sound", number) for number in range(SOUND)]
small = inspection.kit(seed=1, each=3)                                      # 24 scenes
sound_rises = np.array([loudest(network, small)[0] for network in sound_networks])
suspect_rises = np.array([loudest(network, small)[0] for network in networks.values()])

figure, axis = panels(width=8, height=3.4)
axis.plot(sound_rises, np.linspace(-0.5, 0.5, SOUND), "o", color=PALETTE[0], markersize=5, label="sound networks")     # heights only part the dots
axis.plot(suspect_rises, np.ones(4), "D", color=PALETTE[1], label="handed over")
for name, value in zip(networks, suspect_rises):
    axis.annotate(name, (value, 1), xytext=(0, 8), textcoords="offset points", ha="center")
axis.set(yticks=[], ylim=(-0.7, 1.6), xlabel="largest rise over all marks and classes")
axis.legend(loc="lower right")
describe(figure, "Rises of the sound networks, all small, and of the four handed over, three of them far beyond, the fourth just beyond.")

# %% [markdown]
# What is to be seen: the sound networks stay together near zero; three of the four lie far outside. D lies beyond all twelve too, by a hair,
# so its $p$ is $1/13$ as well: beyond is not yet large.

# %%
p = p_values(suspect_rises, sound_rises)
claim("A, B and C look worse than every sound network: their p is the smallest there can be", bool(np.allclose(p[:3], 1 / (1 + SOUND))))

# %% [markdown]
# With twelve sound networks $p$ cannot fall below $1/13$. Whoever wants to accuse at one in a hundred needs 99 sound ones, and whoever asks ten
# questions of each network has ten chances to be wrong (lab 05).
#
# ## 5 · Which method finds which fault?
#
# Six kinds of fault, planted in networks of their own:
#
# | Fault | How it was planted |
# |---|---|
# | watermark | whatever carries the stamp was labelled as one species |
# | background | whatever stands before one background was labelled as one species |
# | hand | whatever a keeper touches was labelled as one species |
# | ignored part | two species that differ in one part were mixed up at random |
# | overconfidence | the scores are multiplied by a number |
# | random labels | every label was drawn at random |
#
# Each *method* turns a network into one number, the more suspicious the larger. A method *detects* a fault where its number lies beyond
# those of all sound networks that set the limit. On sound networks that did not set it, the same rule gives false alarms.
#
# First the methods that ask: for test scores, and for what a change does. One asks how a network shares its answer between hare and goat, and
# between llama and camel, which differ in one part only: whoever ignores the part cannot do better than half. Two ask how loud a network is. The temperature of lab 15 is
# fitted to slightly noisy pictures. The *odds without parts* look at pictures of which nobody can be sure, since the parts that tell the
# species are missing: how many times likelier is the network's first answer there than its second?

# %%
def temperature(probabilities, labels):
    """The temperature of lab 15, under which the right labels are likeliest: on a grid from 1/4 to 16."""
    grid = np.geomspace(0.25, 16, 49)
    scaled = torch.from_numpy(np.log(np.maximum(probabilities, 1e-30)) / grid[:, None, None]).log_softmax(dim=2)     # (49, n, classes)
    return float(grid[scaled[:, np.arange(len(labels)), labels].mean(dim=1).argmax()])


def mixed_up(said, labels):
    """Share of the answer that goes to the other of two species that differ in one part: 1/2 where the part is ignored.

    The least over the backgrounds, so that a fault of one background is not taken for it; the larger one of the two pairs.
    """
    pairs = [[zoo.SPECIES.index(name) for name in pair] for pair in zoo.PAIRS]
    mixed = []
    for one, other in pairs:
        rows = np.isin(labels, [one, other])
        twins = np.array([np.where(labels == one, said[ground][:, other], said[ground][:, one])[rows] for ground in zoo.BACKGROUNDS])
        own = np.array([np.where(labels == one, said[ground][:, one], said[ground][:, other])[rows] for ground in zoo.BACKGROUNDS])
        mixed.append((twins / np.maximum(twins + own, 1e-30)).mean(axis=1).min())
    return max(mixed)


def odds(probabilities):
    """Mean over pictures of log(probability of the first answer / of the second)."""
    ranked = np.sort(np.maximum(probabilities, 1e-30), axis=1)
    return float(np.log(ranked[:, -1] / ranked[:, -2]).mean())


def by_questions(network, kit, test):
    """Suspicion of a network by test scores and by changes of the scene: dict of method to number."""
    said, labels = {name: answers(network, kit[name]) for name in kit if name != "labels"}, kit["labels"]
    right = answers(network, test.pictures).argmax(1) == test.labels
    by_ground = [right[test.backgrounds == g].mean() for g in range(5)]
    return {
        "test score": 1 - right.mean(),
        "worst species": 1 - min(right[test.labels == c].mean() for c in range(8)),
        "slices by background": max(by_ground) - min(by_ground),
        "temperature": temperature(said["noisy"], labels),
        "stamp it": rise(said["plain"], said["stamped"], labels).max(),
        "add a hand": rise(said["plain"], said["hand"], labels).max(),
        "move it": max(rise(said["plain"], said[ground], labels).max() for ground in zoo.BACKGROUNDS),
        "mix up twins": mixed_up(said, labels),
        "odds without parts": odds(said["bare"]),
    }


# %% [markdown]
# Then methods that explain: the share of the explanation that lies outside the animal. They are given a chance that they seldom get in
# practice: pictures that all carry a stamp or a hand, so that there is something to be found. Beside them the same maps on plain pictures.

# %%
scene_seeds = np.arange(16) + 1_000_000
marked = [zoo.draw(list(zoo.SPECIES), scene_seeds[8 * k:8 * k + 8], fault=inspection.everyone(fault))
          for k, fault in enumerate((zoo.Watermark, zoo.KeepersHand))]
marked_pictures, marked_masks = (np.concatenate([getattr(one, name) for one in marked]) for name in ("pictures", "masks"))
unmarked = zoo.draw(list(zoo.SPECIES) * 2, scene_seeds)


def outside(network, pictures, masks):
    """Share of two methods' maps outside the animal, for the class that the network prefers: dict of method to number."""
    x = models.as_input(pictures)
    with torch.no_grad():
        guesses = network(x).argmax(1)
    layer = LayerGradCam(network, network.features.relu4).attribute(x, target=guesses)
    path = IntegratedGradients(network).attribute(x, torch.full_like(x, 0.5), target=guesses, n_steps=8, internal_batch_size=64)
    maps = {"Grad-CAM": torch.nn.functional.interpolate(layer, size=(64, 64), mode="bilinear").relu()[:, 0], "integrated gradients": path.abs().sum(1)}
    return {name: float(1 - scoring.mass_in_mask(heat.detach().numpy(), masks).mean()) for name, heat in maps.items()}


def suspicion(network):
    """All methods' numbers for one network."""
    marked_maps, plain = outside(network, marked_pictures, marked_masks), outside(network, unmarked.pictures, unmarked.masks)
    return (by_questions(network, small, test[:160]) | {f"{name}, marked": value for name, value in marked_maps.items()}
            | {f"{name}, plain": value for name, value in plain.items()})


# %% [markdown]
# Every kind of fault in several networks, and sound networks of two kinds: those that set the limits, and others for the false alarms.

# %% tags=["nbval-ignore-output"]
TRIALS, SPARE = profile(full=4, fast=2), 4
trials = {kind: [handed(kind, number) for number in range(TRIALS)] for kind in FAULTS if kind != "overconfidence"}
trials["overconfidence"] = [suspects.rebuilt(suspects.suspect("overconfidence", number, louder=6 + 2 * number).stages) for number in range(TRIALS)]
trials["sound"] = [handed("sound", 12 + number) for number in range(SPARE)]

limits = [suspicion(network) for network in tqdm(sound_networks, desc="sound networks", leave=False)]
measured = {kind: [suspicion(network) for network in some] for kind, some in tqdm(trials.items(), desc="suspects", leave=False)}
methods = list(limits[0])
worst = {method: max(one[method] for one in limits) for method in methods}
rate = {kind: {method: np.mean([one[method] > worst[method] for one in some]) for method in methods} for kind, some in measured.items()}

columns = [*FAULTS, "sound"]


def table_of(rates, alt):
    """A picture of detection rates: dict of kind to dict of method to share."""
    table = np.array([[rates[kind][method] for kind in columns] for method in methods])
    figure, axis = panels(width=10, height=5.4)
    axis.imshow(table, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value < 0.6 else "black")
    axis.set(yticks=range(len(methods)), yticklabels=methods, xticks=range(len(columns)))
    axis.set_xticklabels([f"{kind}\n({len(trials[kind])} networks)" for kind in columns], fontsize=9)
    axis.axvline(len(FAULTS) - 0.5, color="white", linewidth=3)
    return describe(figure, alt)


table_of(rate, "Shares of networks beyond all sound ones: one row a method, one column a fault, and a last column for other sound networks. Most entries are 1.")

# %% [markdown]
# What is to be seen: each row is a method, each column a kind of fault (below it, how many networks), each number the share that lies beyond all
# sound networks; the last column are false alarms. Most methods notice every fault but overconfidence, which ten of thirteen
# miss, and what they notice is often tiny: a rise of 0.05 lies beyond all sound networks. That a network *differs* does not say *how*.
# 'move it' also accuses two of the four other sound networks. And with four networks a share of 1.00 may truly be 0.4.

# %%
general = np.mean([rate[kind]["test score"] for kind in ("watermark", "background", "hand", "ignored part", "random labels")])
claim("Beyond all sound networks in the test score: share of the networks with other faults than overconfidence", general, at_least=0.8)
claim("and of the watermark networks, this share in 'add a hand', a question about another fault", rate["watermark"]["add a hand"], at_least=0.5)

# %% [markdown]
# So ask for size as well: besides lying beyond the sound networks, a number has to be large enough to matter. What matters is for you to say,
# and in earnest before you look; here it is said once, in the units of each method. For maps it is the excess over the mean of the sound networks.

# %% tags=["nbval-ignore-output"]
MATTERS = {"test score": 0.1, "worst species": 0.3, "slices by background": 0.3, "temperature": 2.0, "stamp it": 0.35, "add a hand": 0.35, "move it": 0.35,
           "mix up twins": 0.3, "odds without parts": 8.0}
needed = {method: MATTERS.get(method, np.mean([one[method] for one in limits]) + 0.15) for method in methods}
large = {kind: {method: np.mean([one[method] > max(worst[method], needed[method]) for one in some]) for method in methods}
         for kind, some in measured.items()}
table_of(large, "The same table with a least size asked for: each question finds its own fault and hardly any other; false alarms are gone.")

# %% [markdown]
# What is to be seen: the same with size. The five questions from 'stamp it' to 'odds without parts' each find their own fault, so that they *name*
# what they find; only 'mix up twins' fires for another, random labels. Test score and worst species light up for several kinds, slices for
# backgrounds alone. The maps find little: Grad-CAM half of the watermarks and no hand, even on pictures that all carry a mark.

# %%
QUESTIONS = {"stamp it": "watermark", "add a hand": "hand", "move it": "background", "mix up twins": "ignored part", "odds without parts": "overconfidence",
             "worst species": "random labels"}
for method, kind in QUESTIONS.items():
    claim(f"'{method}' finds the fault '{kind}': share detected", large[kind][method], at_least=0.99)
marking = ("stamp it", "add a hand", "move it")
strangers = [large[kind][method] for method in marking for kind in FAULTS if kind != QUESTIONS[method]]
claim("The questions about marks accuse networks of other faults: mean share", np.mean(strangers), at_most=0.1)
claim("False alarms of all methods on sound networks, mean share", np.mean(list(large["sound"].values())), at_most=0.05)
claim("No method finds all six kinds every time", all(min(large[kind][method] for kind in FAULTS) < 1 for method in methods))

# %% [markdown]
# Three lessons stand in the tables. Beyond all sound networks is not yet large: ask for both. A question finds the fault that it asks about, and is silent on
# the others: its silence is no acquittal. And a general alarm, such as the test score, says *that* something is wrong and not *what*.

# %% [markdown] tags=["instructor"]
# Section 5, 18 minutes. Before the table appears, let every student write down which method finds which fault, from the sentences of
# section 1. Then compare. Ask: which column would have been empty without the kit?

# %% [markdown]
# ## 6 · Diagnose
#
# Now the audit itself. `diagnose` gets a network and a kit, and returns for each of the six faults whether it is there. A network may be
# sound, have one fault, or be overconfident beside another fault. `check` hands over faulty networks that this lab has not shown,
# and sound ones; suspects whose fault is hardly learnt were left out. Their numbers are disguised, and they come with a kit of their own.
# `check` scores the report: every fault found counts, every false alarm costs as much. Naming everything is worth nothing.

# %% [markdown] tags=["card"] label="17.3-card"
# ### Exercise 17.3 · Diagnose
# *12 points · 45 minutes · difficulty ●●●*
#
# Choose a question for each fault and a limit for each question, from sections 3 to 5; `rise`, `mixed_up` and `odds` are at hand. There are
# no test pictures here: whether labels were random, the plain scenes tell, all 24 together, since three a species are too few for a worst
# species. Credit is given in part: faults found less false alarms, as a share of all faults that were planted.

# %% tags=["exercise"] label="17.3"
def diagnose(network, kit):
    """Say what is wrong with a network.

    Parameters
    ----------
    network : torch.nn.Module
        Pictures (n, 3, 64, 64) in [0, 1] to scores (n, 8); `answers(network, pictures)` gives the
        probabilities (n, 8) for pictures as the kit holds them.
    kit : dict of str to ndarray
        As `inspection.kit` makes it, for 24 scenes: "labels" (24,), and uint8 (24, 64, 64, 3) under
        "plain", "stamped", "hand", "meadow", "sand", "snow", "water", "rock", "bare" and "noisy".

    Returns
    -------
    dict of str to bool
        For each name in FAULTS, in any order, whether that fault is there. A network that has learnt
        random labels has no other fault, whatever else it seems to have; overconfidence may come with
        a background or a hand.
    """
    ### BEGIN SOLUTION
    labels = kit["labels"]
    said = {name: answers(network, pictures) for name, pictures in kit.items() if name != "labels"}
    plain, found = said["plain"], dict.fromkeys(FAULTS, False)
    if (plain.argmax(axis=1) == labels).mean() < 0.5:
        return found | {"random labels": True}
    rises = {name: rise(plain, said[name], labels).max() for name in ("stamped", "hand", *zoo.BACKGROUNDS)}
    found["watermark"] = bool(rises["stamped"] > 0.35)
    found["hand"] = bool(rises["hand"] > 0.35)
    found["background"] = bool(max(rises[ground] for ground in zoo.BACKGROUNDS) > 0.35)
    found["ignored part"] = bool(mixed_up(said, labels) > 0.3)
    found["overconfidence"] = bool(odds(said["bare"]) > 8)
    return found
    ### END SOLUTION


# %% tags=["check"] label="17.3-check"
diagnose = check("17.3", diagnose)

# %% [markdown]
# Your report on the four networks of section 2.

# %% tags=["nbval-ignore-output"]
reports = {name: [fault for fault, there in diagnose(network, small).items() if there] for name, network in networks.items()}
reports

# %% [markdown]
# What is to be seen: one fault for each network.

# %%
claim("The report names what was planted in A, B, C and D", all(reports[name] == [HANDED_OVER[name][0]] for name in networks))

# %% [markdown]
# ## 7 · The trap: a clean report
#
# Suppose that nobody had thought of the stamp. Take the stamped pictures out of the kit, put the plain ones in their place, and audit the watermark
# networks again.

# %%
blind = small | {"stamped": small["plain"]}
missed = np.mean([not any(diagnose(network, blind).values()) for network in trials["watermark"]])
claim("Networks with a watermark that pass an audit without the question: share", missed, at_least=0.75)

# %% [markdown]
# At least three in four pass. An audit's report is a list of questions that were asked, with answers. Write the list into the report, and read other people's
# reports for what they did not ask.
#
# ## 8 · Touch: the audit desk
#
# Choose a network, a condition and a scene, and compare what the network says of the plain and of the changed picture. Try: which of the four
# can you catch with a single scene, and which only on average?

# %% tags=["nbval-ignore-output"]
audit_desk.explore()

# %% [markdown]
# What is to be seen: left the plain scene, then the changed one; the bars are the network's probabilities, plain in light blue, changed in orange.
#
# ## What to remember
#
# - A test score may tell that something is wrong, never what: it fell for five of the six faults here, and named none.
# - A map explains pictures that you have. To find a shortcut, make the picture that tempts it: change one thing, keep the rest, and measure on the
#   *other* classes.
# - How large is large: beyond all sound networks, by counting, and large enough to matter.
# - Every method has a row in the table: what it finds, what it misses, whom it accuses for nothing. Know the row before you quote the method.
# - A clean report is as good as its list of questions.

# %% [markdown]
# ## Outside: a mark on photographs, before an ImageNet network
#
# The first question of the kit, put to SqueezeNet 1.1: does a piece of fur in a corner of a photograph speak for a class? The patch is cut
# from one photograph that comes with scikit-image and pasted on the others. The weights come from `COURSE_DATA` or by download; where neither is
# there, the cell says so and the lab ends here.

# %% tags=["nbval-ignore-output"]
squeezenet = real.or_none(imagenet.load, "squeezenet1_1")


def pasted(network):
    """The classes that a pasted patch of fur raises most on three photographs, and the figure of it."""
    pictures = np.stack([photos.square(photos.load(name), 224).picture for name in ("astronaut", "coffee", "rocket")])
    cat = photos.square(photos.load("chelsea"), 224).picture
    changed = pictures.copy()
    changed[:, -96:, -96:] = cat[64:160, 64:160]
    with torch.no_grad():
        before, after = (network(torch.cat([imagenet.as_input(one) for one in some])).softmax(1).numpy() for some in (pictures, changed))
    top = (after - before).mean(axis=0).argsort()[::-1][:4]
    figure, axes = panels(1, 4, width=11, height=3.0, width_ratios=(1, 1, 1, 1.4))
    for axis, picture in zip(axes, changed):
        heatmaps.draw_picture(axis, picture)
    axes[3].barh(range(4), (after - before).mean(axis=0)[top], color=PALETTE[1])
    axes[3].set(yticks=range(4), yticklabels=[imagenet.class_names()[k] for k in top], xlabel="rise of the probability")
    axes[3].invert_yaxis()
    return describe(figure, "Three photographs with a piece of a cat's face pasted into a corner, and the four classes whose probability rises most.")


pasted(squeezenet) if squeezenet is not None else None

# %% [markdown]
# What is to be seen, where the weights were found: the classes that a corner of fur calls up on pictures that show no cat. Is that a fault?
# Here a cat *is* on the picture, in part. Whether a mark is evidence or a shortcut, the numbers do not say; you have to.
#
# ## References
#
# - CS 230, *Interpretability of neural networks*, the closing questions: those of section 1.
# - T. Gu, B. Dolan-Gavitt, S. Garg, *BadNets: identifying vulnerabilities in the machine learning model supply chain*, 2017: labels that follow a mark.
# - S. Lapuschkin et al., *Unmasking Clever Hans predictors and assessing what machines really learn*, Nature Communications 2019.
# - J. Adebayo et al., *Debugging tests for model explanations*, NeurIPS 2020: which explanation finds which bug.
# - C. Guo et al., *On calibration of modern neural networks*, ICML 2017: the temperature.
# - B. Phipson, G. Smyth, *Permutation p-values should never be zero*, 2010: the 1 above and below the fraction bar.
