# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 05 · A model of the model, and what filters listen to
#
# *Lectures: CS 360 week 12 notes, 2.3; CS 360 slides of 16 April, "Model of the model" and "Correlations between CNN filters and interpretable summary statistics" · 100 minutes · builds on no other lab*
#
# LIME explains one decision. This lab explains a whole model, in two ways that the lecture names. First: train a model that people can read on the **predictions** of one that they cannot. Second: correlate the filters of a network with **statistics that a person of the field knows**, and find out what the filters listen to. Both are easy to do and easy to believe too much, so most of the lab is about what to hold them against.
#
# You will be able to
# - **fit** a decision tree to a support vector machine, and score it by fidelity and by accuracy;
# - **find** a fault of a model in the rules of its surrogate;
# - **correlate** filters with statistics, and test the correlations by permutation;
# - **correct** p-values for many tests, three ways;
# - **choose** the control that a correlation has to beat.

# %%
import numpy as np
import torch
from scipy import ndimage
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, export_text

from course_utils import models, plots
from course_utils.datasets import dna, real, tables, zoo
from course_utils.notebook import check, claim, start
from course_utils.settings import profile

start("05")

# %% [markdown] tags=["instructor"]
# **Plan, 100 minutes.** 1 surrogate 25 · 2 two traps 20 · 3 filters and statistics 20 · 4 permutation 20 · 5 many tests 15 · 6 pictures, for reading at home or the last ten minutes if the room is quick.
#
# Open with a question: you have a tree with 93 % accuracy and an SVM with 97 %. You may print one of them on a poster for the ward. What does the tree on the poster explain: the disease, or the SVM?

# %% [markdown]
# ## 1. A tree that stands in for an SVM
#
# In 2016 chemists trained an SVM on their notebooks of failed experiments, to predict which mixtures give crystals. It predicted better than they did, and it told them nothing: hundreds of support vectors are no advice. So they asked the SVM about its own training rows, and trained a **decision tree on its answers**. The rules of that tree could be read, argued about, and tested in the laboratory (Raccuglia et al., the paper on the slide).
#
# You do the same with a real table: 30 measurements of cell nuclei from 569 biopsies, benign or malignant. The black box is an SVM with a Gaussian (RBF) kernel; it wants standardised columns, a tree does not.

# %%
cancer = tables.load("breast_cancer", seed=0)
svm = SVC(C=10, gamma="scale").fit(cancer.z_train, cancer.y_train)


def svm_says(rows):
    """The SVM's class for rows (n, 30) in the units of the table: all that a surrogate gets to see of it."""
    return svm.predict(cancer.standardised(rows))


svm_accuracy = np.mean(svm_says(cancer.x_test) == cancer.y_test)
claim("Accuracy of the SVM on rows that it has not seen", svm_accuracy, at_least=0.93)

# %% [markdown]
# Two numbers say how good the tree is, and they answer different questions. Let $f(x)$ be the model's class, $g(x)$ the tree's, $y$ the label, and let the shares be taken over $n$ held-out rows, where $[\,\cdot\,]$ is 1 if the statement inside is true and 0 if not:
#
# $$\text{fidelity} = \tfrac1n \sum_i [\,g(x_i) = f(x_i)\,], \qquad \text{accuracy} = \tfrac1n \sum_i [\,g(x_i) = y_i\,].$$
#
# Fidelity says whether the tree may speak **for the model**. Accuracy says whether it may speak about the world. They are tied: where tree and model agree and the model is right, the tree is right, so $\text{accuracy}(g) \ge \text{fidelity} + \text{accuracy}(f) - 1$.

# %% [markdown] tags=["card"] label="05.1-card"
# ### Exercise 05.1 · A tree that stands in for a model
# *2 points · 12 minutes · difficulty ●○○*
#
# Write `surrogate`: fit a tree that imitates the model, and score it on held-out rows. The function is given all four arrays of a split table; decide which of them imitation needs, and where. Stuck? `%hint 05.1` gives a hint, `%reveal 05.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="05.1"
def surrogate(predict, x_train, y_train, x_test, y_test, depth):
    """A decision tree that stands in for a model, and its two scores.

    Parameters
    ----------
    predict : callable
        The model: rows (n, features) to classes (n,).
    x_train, x_test : ndarray, float, shapes (n_train, features) and (n_test, features)
    y_train, y_test : ndarray, int, shapes (n_train,) and (n_test,)
        The labels, which are not always what the model says.
    depth : int
        The tree's largest depth. Use DecisionTreeClassifier with max_depth=depth and random_state=0, all
        else by default.

    Returns
    -------
    says : ndarray, int, shape (n_test,)
        The tree's classes for x_test. The tree is fitted to x_train and imitates the model.
    fidelity : float
        Share of the test rows on which tree and model agree.
    accuracy : float
        Share of the test rows on which tree and label agree.
    """
    ### BEGIN SOLUTION
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x_train, predict(x_train))
    says = tree.predict(x_test)
    return says, float(np.mean(says == predict(x_test))), float(np.mean(says == y_test))
    ### END SOLUTION


# %% tags=["check"] label="05.1-check"
surrogate = check("05.1", surrogate)

# %% [markdown]
# How deep should the tree be? Repeat everything for ten splits of the table: new training rows, new SVM, new trees. Beside the two held-out scores, look at the agreement on the rows that the tree was fitted to.

# %%
DEPTHS, SPLITS = np.arange(1, 9), profile(full=10, fast=5)
scores = np.zeros((SPLITS, len(DEPTHS), 3))      # fidelity, accuracy, fidelity on the training rows
of_svm = np.zeros(SPLITS)
for split in range(SPLITS):
    part = tables.load("breast_cancer", seed=split)
    model = SVC(C=10, gamma="scale").fit(part.z_train, part.y_train)

    def says(rows):
        return model.predict(part.standardised(rows))

    of_svm[split] = np.mean(says(part.x_test) == part.y_test)
    for place, depth in enumerate(DEPTHS):
        _, fidelity, accuracy = surrogate(says, part.x_train, part.y_train, part.x_test, part.y_test, int(depth))
        by_heart = surrogate(says, part.x_train, part.y_train, part.x_train, part.y_train, int(depth))[1]
        scores[split, place] = fidelity, accuracy, by_heart

# %% tags=["target"] target="05.1"
figure, axes = plots.panels(width=7, height=3.6)
for column, (name, style) in enumerate({"fidelity, held out": "-o", "accuracy, held out": "-s", "fidelity, rows of the fit": "--^"}.items()):
    mean, spread = scores[..., column].mean(axis=0), scores[..., column].std(axis=0) / np.sqrt(SPLITS)
    axes.plot(DEPTHS, mean, style, color=plots.PALETTE[column], label=name)
    axes.fill_between(DEPTHS, mean - spread, mean + spread, color=plots.PALETTE[column], alpha=0.2, linewidth=0)
axes.axhline(of_svm.mean(), color="0.4", linestyle=":", label="accuracy of the SVM")
axes.set(xlabel="largest depth of the tree", ylabel="share of rows", ylim=(0.88, 1.005))
axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
plots.describe(figure, "Three curves against the depth of the tree: held-out fidelity and accuracy level off at depth 2, fidelity on the rows of the fit rises to 1.")

# %% [markdown]
# What is to be seen: means over splits, with one standard error. On held-out rows fidelity stops rising after two or three questions. On the rows of the fit it goes on to 1 (dashed), which only says that a deep tree knows these rows by heart. A surrogate is scored on rows that it has not seen, as every model is.

# %%
deep = scores[:, -1].mean(axis=0)
claim("Depth 8: agreement with the SVM on the rows of the fit", deep[2], at_least=0.99)
claim("which is more than on held-out rows, by", deep[2] - deep[0], at_least=0.03)
claim("Three questions lose nothing against eight: held-out fidelity, depth 3 minus depth 8", scores[:, 2, 0].mean() - scores[:, -1, 0].mean(), at_least=-0.02)
claim("The tree is a worse doctor than the SVM: accuracy, SVM minus tree of depth 3", of_svm.mean() - scores[:, 2, 1].mean(), at_least=0.02)

# %% [markdown]
# So take depth 3 and read it. That is the point of the exercise: at most eight rules, in units that a pathologist knows.

# %% tags=["nbval-ignore-output"]
stand_in = DecisionTreeClassifier(max_depth=3, random_state=0).fit(cancer.x_train, svm_says(cancer.x_train))
print(export_text(stand_in, feature_names=list(cancer.feature_names), class_names=list(cancer.class_names), decimals=2))

# %% [markdown]
# Each indented line is a question, each leaf the class that **the SVM** usually gives there. Where both answers to a last question lead to the same class, strike the question: it only parted the surer rows from the less sure. What the tree uses is enough to imitate the SVM on most rows. It is not proof that the SVM uses nothing else: the table's columns are strongly correlated, and another split of the rows may bring up another column of the same kind.

# %% [markdown] tags=["instructor"]
# Have two students read one path aloud as a sentence. Then ask: "the SVM has 30 inputs, the tree names a handful; does the SVM ignore the others?" No. Run the cell with another seed in `tables.load` to show that the names change while the fidelity does not.

# %% [markdown]
# ## 2. Two traps
#
# ### Trap: a tree trained on labels
#
# It is tempting to train the tree on the labels: the same code, and it may even be more accurate. But such a tree is a second model of the world, not a model of the model. Where the SVM is nearly always right, as above, the two trees can hardly be told apart. So take a table on which models err: the progression of diabetes after a year, above or below the median. And use a third way that only a model of the model has: **labels end with the table, questions to the model do not**. Ask the SVM about 3,000 new rows near the training rows.

# %%
def rivals(seed, depth=6, asked=3000):
    """Held-out (fidelity, accuracy) of trees fitted to predictions, to labels, and to predictions for new rows; (3, 2)."""
    part, rng = tables.load("diabetes", seed=seed), np.random.default_rng(seed)
    middle = np.median(part.y_train)
    y_train, y_test = (part.y_train > middle).astype(int), (part.y_test > middle).astype(int)
    model = SVC(C=1, gamma="scale").fit(part.z_train, y_train)
    near = part.z_train[rng.integers(0, len(part.z_train), asked)] + 0.3 * rng.normal(size=(asked, part.z_train.shape[1]))
    fits = {"predictions": (part.z_train, model.predict(part.z_train)), "labels": (part.z_train, y_train),
            "predictions, new rows": (np.concatenate([part.z_train, near]), model.predict(np.concatenate([part.z_train, near])))}
    answers = [DecisionTreeClassifier(max_depth=depth, random_state=0).fit(*fit).predict(part.z_test) for fit in fits.values()]
    return [[np.mean(says == model.predict(part.z_test)), np.mean(says == y_test)] for says in answers]


compared = np.array([rivals(seed) for seed in range(profile(full=12, fast=6))])   # (splits, 3 trees, fidelity and accuracy)

figure, axes = plots.panels(1, 2, width=8.5, height=3.0, sharey=True)
for panel, score, title in zip(axes, range(2), ("fidelity to the SVM", "accuracy")):
    panel.plot(compared[..., score].T, "-", color="0.8", linewidth=1)
    panel.plot(compared[..., score].mean(axis=0), "o", color=plots.PALETTE[0], markersize=9)
    panel.set(title=title, xticks=range(3), xticklabels=["predictions", "labels", "predictions,\nnew rows"], xlim=(-0.4, 2.4), xlabel="what the tree learnt from")
axes[0].set_ylabel("share of held-out rows")
plots.describe(figure, "Fidelity and accuracy of three trees over splits: the tree on labels has the lowest fidelity, the one with new rows the highest.")

# %% [markdown]
# What is to be seen: each grey line is one split, the dots are means. All three trees have depth 6. The tree on labels agrees least with the SVM; asking about new rows helps most. In accuracy the three lie closer together.

# %%
gain = compared[:, 0, 0] - compared[:, 1, 0]
claim("Fidelity, tree on predictions minus tree on labels, mean over splits", gain.mean(), at_least=0.03)
claim("Share of the splits in which the tree on predictions is the more faithful one", np.mean(gain > 0), at_least=0.7)
claim("New rows against the tree on labels, mean gain in fidelity", np.mean(compared[:, 2, 0] - compared[:, 1, 0]), at_least=0.05)

# %% [markdown]
# ### Trap: a faithful surrogate of a wrong model
#
# A second hospital adds a column to the table: the **scanner**, A or B, written as -3 or 3, so that it weighs more than a standardised column. In the training rows nearly all malignant cases went through scanner B, because the surgeons' ward has it, and nearly all benign ones through A. In use, patients go through either scanner. The SVM is trained on this table, and on held-out rows of the *same hospital* it looks better than before.

# %%
SCANNER = 3.0   # weight of the column beside standardised ones


def with_scanner(z, labels, tied, rng):
    """Rows with a scanner column (n, 31): -SCANNER or SCANNER; it follows `malignant` in a share `tied` of the rows."""
    follows = rng.random(len(z)) < tied
    malignant = labels == 0
    return np.column_stack([z, SCANNER * np.where(np.where(follows, malignant, ~malignant), 1.0, -1.0)])


def hospital(seed):
    """A leaky SVM and its surrogate of depth 3: root feature, and scores at the same hospital and in use."""
    part, rng = tables.load("breast_cancer", seed=seed), np.random.default_rng(seed)
    rows = with_scanner(part.z_train, part.y_train, 0.98, rng)
    model = SVC(C=1, gamma="scale").fit(rows, part.y_train)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, model.predict(rows))
    found = {}
    for place, tied in {"same hospital": 0.98, "in use": 0.5}.items():
        new = with_scanner(part.z_test, part.y_test, tied, rng)
        found[place] = [np.mean(model.predict(new) == part.y_test), np.mean(tree.predict(new) == model.predict(new)), np.mean(tree.predict(new) == part.y_test)]
    return tree, found


hospitals = [hospital(seed) for seed in range(profile(full=10, fast=5))]
home, use = (np.array([found[place] for _, found in hospitals]) for place in ("same hospital", "in use"))   # (seeds, 3)

# %% tags=["nbval-ignore-output"]
print(export_text(hospitals[0][0], feature_names=[*cancer.feature_names, "scanner"], class_names=list(cancer.class_names), decimals=1))
for name, same, other in zip(("SVM accuracy", "tree fidelity", "tree accuracy"), home.mean(axis=0), use.mean(axis=0)):
    print(f"{name:14s} same hospital {same:.2f}   in use {other:.2f}")

# %% [markdown]
# What is to be seen (thresholds are in standard deviations here, the scanner's apart): the first question of the tree is the scanner. No score at this hospital gave it away; the tree did, because it is faithful. A faithful surrogate repeats the model's mistakes. That is what it is for: **fidelity is no praise of the model**, and a rule in the surrogate is a finding about the model, not about the disease.

# %%
claim("At the same hospital the leaky SVM's accuracy, mean over seeds", home[:, 0].mean(), at_least=0.95)
claim("In use it loses at least", (home[:, 0] - use[:, 0]).mean(), at_least=0.15)
claim("Its surrogate stays faithful in use: fidelity", use[:, 1].mean(), at_least=0.85)
claim("Share of the seeds in which the surrogate asks for the scanner first", np.mean([tree.tree_.feature[0] == 30 for tree, _ in hospitals]), at_least=0.9)

# %% [markdown] tags=["instructor"]
# Ask before the tree is printed: "which of the numbers that you have would have warned you?" None of them. Then: would a tree trained on the labels have shown the scanner too? Yes, here: the leak is in the labels' table. It would not have shown whether *the SVM* uses it.

# %% [markdown]
# ## 3. What do filters listen to?
#
# The second method looks inside. `dnanet` reads a DNA sequence of 100 letters and says whether a protein binds it: 32 filters of 17 letters each, the best place of each filter (max pooling), two dense layers. A biologist does not know filter 17. She knows
#
# - **GC**: the share of the letters G and C, the first thing that is measured of any sequence;
# - how many **sites** of a motif a sequence holds: AP-1 and MAF make a sequence bound, CRE and GATA are decoys;
# - **CpG**: how often G follows C, which is rare in vertebrates.
#
# So correlate. One table, $a$, holds a pooled activation for each of $n$ sequences and $F$ filters, $(n, F)$; the other, $b$, holds $S$ statistics of each sequence, $(n, S)$. The answer is a matrix of Pearson correlations, $(F, S)$:
#
# $$r_{fs} = \frac{\sum_i (a_{if} - \bar a_f)(b_{is} - \bar b_s)}{\lVert a_{\cdot f} - \bar a_f \rVert \, \lVert b_{\cdot s} - \bar b_s \rVert}.$$

# %%
sites = dna.load(1000, seed=51)
MOTIFS = ("AP-1", "MAF", "CRE", "GATA")
STATISTICS = ("GC", *MOTIFS, "CpG")


def dna_statistics(some):
    """GC, the counts of the four motifs, and CpG, of each sequence: (n, 6)."""
    cpg = (some.sequences[:, 1, :-1] * some.sequences[:, 2, 1:]).sum(axis=1)   # row 1 is C, row 2 is G
    return np.column_stack([some.gc, *(some.count(name) for name in MOTIFS), cpg]).astype(float)


def dna_maps(network, sequences):
    """What the filters say at each position, after the ReLU: (n, 32, 100)."""
    with torch.no_grad():
        return network.features.relu(network.features.conv(models.as_dna_input(sequences))).double().numpy()


known = dna_statistics(sites)
maps = dna_maps(models.load("dnanet"), sites.sequences)

# %% [markdown] tags=["card"] label="05.2-card"
# ### Exercise 05.2 · Filters against statistics
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `filter_correlations`: pool the maps to one number for each input and filter, then the correlation of every filter with every statistic in one matrix product. It has to take maps of sequences, $(n, F, L)$, and of pictures, $(n, F, H, W)$.

# %% tags=["exercise"] label="05.2"
def filter_correlations(maps, statistics, pool):
    """Pearson's correlation of each filter's pooled activation with each statistic, over the inputs.

    Parameters
    ----------
    maps : ndarray, float, shape (n, F, ...)
        Activations of F filters for n inputs; one or more axes of positions follow.
    statistics : ndarray, float, shape (n, S)
        No column is constant.
    pool : str
        "max" or "mean": over all positions.

    Returns
    -------
    ndarray, float, shape (F, S)
        Between -1 and 1. A filter that is 0 for every input has correlation 0 with everything.
    """
    ### BEGIN SOLUTION
    flat = maps.reshape(*maps.shape[:2], -1)
    a = flat.max(axis=2) if pool == "max" else flat.mean(axis=2)
    a, b = a - a.mean(axis=0), statistics - statistics.mean(axis=0)
    lengths = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0)
    return np.where(lengths > 0, a.T @ b / np.where(lengths > 0, lengths, 1), 0.0)
    ### END SOLUTION


# %% tags=["check"] label="05.2-check"
filter_correlations = check("05.2", filter_correlations)

# %% tags=["target"] target="05.2"
heard = filter_correlations(maps, known, "max")
order = np.lexsort((-np.abs(heard).max(axis=1), np.abs(heard).argmax(axis=1)))   # by the statistic that each filter follows most

figure, axes = plots.panels(width=9, height=2.9)
image = axes.imshow(heard[order].T, cmap=plots.DIVERGING, vmin=-1, vmax=1, aspect="auto")
axes.set(yticks=range(6), yticklabels=STATISTICS, xlabel="filter (sorted by what it follows most)")
figure.colorbar(image, ax=axes, label="correlation r")
plots.describe(figure, "Correlations of 32 filters with six statistics: groups of filters follow AP-1 and MAF, some follow GC, none CRE or GATA.")

# %% [markdown]
# What is to be seen: some filters follow the count of AP-1, some the count of MAF, none follows the decoys. Nobody told the network about motifs. But some filters follow GC too, and GC says nothing about binding in these sequences. Did the network learn it?

# %%
strongest = dict(zip(STATISTICS, np.abs(heard).max(axis=0)))
claim("Strongest correlation of a filter with the count of AP-1", strongest["AP-1"], at_least=0.6)
claim("and with the count of MAF", strongest["MAF"], at_least=0.6)
claim("Strongest correlation with a decoy", max(strongest["CRE"], strongest["GATA"]), at_most=0.25)

# %% [markdown]
# ### Trap: the filters of a network that has learnt nothing
#
# Ask an untrained one. Five random networks of the same shape, the same sequences, max pooling as in `dnanet`, then mean pooling. Beside them `dnanet_gc`, trained on sequences in which the bound ones are richer in G and C: a planted shortcut.

# %%
def untrained(build, seed):
    """A network with the random weights that training would start from."""
    torch.manual_seed(seed)
    return build().eval()


guesses = [dna_maps(untrained(models.dnanet, seed), sites.sequences) for seed in range(5)]
biased = dna_maps(models.load("dnanet_gc"), sites.sequences)
peak = {pool: {"dnanet": np.abs(filter_correlations(maps, known, pool)).max(axis=0), "dnanet_gc": np.abs(filter_correlations(biased, known, pool)).max(axis=0),
               "random": np.array([np.abs(filter_correlations(guess, known, pool)).max(axis=0) for guess in guesses])} for pool in ("max", "mean")}

figure, axes = plots.panels(1, 2, width=9, height=3.3, sharey=True)
for panel, (pool, found) in zip(axes, peak.items()):
    for place in range(6):
        panel.plot(np.full(5, place - 0.2), found["random"][:, place], "o", color="0.55", markerfacecolor="white", label="random networks" if place == 0 else None)
    panel.plot(np.arange(6), found["dnanet"], "o", color=plots.PALETTE[0], markersize=8, label="dnanet")
    panel.plot(np.arange(6) + 0.2, found["dnanet_gc"], "s", color=plots.PALETTE[1], markersize=7, label="dnanet_gc")
    panel.set(title=f"{pool} pooling", xticks=range(6), xticklabels=STATISTICS, ylim=(0, 1))
axes[0].set_ylabel("strongest |r| of 32 filters")
axes[0].legend(loc="upper right", fontsize=9)
plots.describe(figure, "Strongest correlation for each statistic: trained networks stand far above random ones for AP-1 and MAF only; for GC random networks reach as much as dnanet.")

# %% [markdown]
# What is to be seen: for AP-1 and MAF the random networks (hollow) stay low, and the trained ones stand far above. For GC they reach as much as `dnanet`; with mean pooling they reach nearly 1. `dnanet_gc`, trained on the shortcut, stands above them with max pooling only. A random filter has, by chance, larger or smaller weights for G and C than for A and T, and the mean of its answers **is**, but for the ReLU and the edges, a count of letters. So *"the filter correlates with GC"* says little about what was learnt. Statistics of composition are read by almost any linear filter. The control is a random network, not zero.

# %%
motif = [STATISTICS.index(name) for name in ("AP-1", "MAF")]
claim("Motif counts, trained minus the best of five random networks, at least", (peak["max"]["dnanet"][motif] - peak["max"]["random"][:, motif].max(axis=0)).min(), at_least=0.3)
claim("GC, dnanet minus the random networks' mean (max pooling)", peak["max"]["dnanet"][0] - peak["max"]["random"][:, 0].mean(), between=(-0.2, 0.2))
claim("GC, the weakest of the random networks, mean pooling", peak["mean"]["random"][:, 0].min(), at_least=0.8)
claim("GC, dnanet_gc minus the best random network (max pooling)", peak["max"]["dnanet_gc"][0] - peak["max"]["random"][:, 0].max(), at_least=0.1)

# %% [markdown] tags=["instructor"]
# Let the room vote before the figure: what will the strongest correlation with GC be in a random network? Most say 0. This is the sentence to keep: a correlation is compared with what an untrained network of the same shape gives, on the same inputs, with the same pooling.

# %% [markdown]
# ### From hearing to using: change the input
#
# A correlation is an observation. An experiment is better, and here it is easy: scramble the letters inside every AP-1 site and look at the filter again; then scramble the decoys, as a control. And the **answer** of the network has the last word on use: does the score itself follow GC, in sequences in which GC says nothing?

# %%
listener = np.abs(heard[:, STATISTICS.index("AP-1")]).argmax()
holders = sites[(sites.count("AP-1") > 0) & (sites.count("CRE", "GATA") > 0)]


def change(names):
    """Mean change of the listening filter when the elements of these names are scrambled, in its standard deviations."""
    before, after = (dna_maps(models.load("dnanet"), letters)[:, listener].max(axis=1) for letters in (holders.sequences, dna.knock_out(holders, 5, names)))
    return np.mean(after - before) / maps[:, listener].max(axis=1).std()


def score_follows_gc(name):
    """Correlation of a network's score, bound minus unbound, with GC."""
    with torch.no_grad():
        logits = models.load(name)(models.as_dna_input(sites.sequences)).double().numpy()
    return np.corrcoef(logits[:, 1] - logits[:, 0], sites.gc)[0, 1]


claim("AP-1 scrambled: the filter falls, in standard deviations, by", -change(("AP-1",)), at_least=1.0)
claim("Decoys scrambled: it changes by no more than", abs(change(("CRE", "GATA"))), at_most=0.25)
claim("The score of dnanet follows GC with |r|", abs(score_follows_gc("dnanet")), at_most=0.15)
claim("The score of dnanet_gc does, with r", score_follows_gc("dnanet_gc"), at_least=0.3)

# %% [markdown]
# Filters of both networks hear GC. The answer of one of them follows it.

# %% [markdown]
# ## 4. Chance: permutation
#
# How large a correlation does chance give? The textbook formula assumes normal data, and counts and rectified activations are not normal; but there is a way that assumes nothing of the kind. If filter and statistic have nothing to do with each other, any pairing of the activations with the rows of the statistics is as good as the real one. So **shuffle the rows of the statistics**, $P$ times, and look at how often a shuffled $|r|$ reaches the real one:
#
# $$p_{fs} = \frac{c_{fs} + 1}{P + 1}, \qquad c_{fs} = \#\{k : |r^{(k)}_{fs}| \ge |r_{fs}|\}.$$
#
# The ones stand for the real pairing, which is one of the possible ones. Without them $p$ could be 0, which no number of shuffles can show.
#
# Shuffling moves rows, so means and lengths of columns stay as they are. Scale the columns once with this helper, and each shuffle is only a matrix product.

# %%
def unit_columns(table):
    """A table (n, k) with columns of mean 0 and length 1: the inner product of two such columns is their correlation."""
    deviations = table - table.mean(axis=0)
    size = np.sqrt((deviations**2).sum(axis=0))
    return deviations / np.where(size > 0, size, 1)


# %% [markdown] tags=["card"] label="05.3-card"
# ### Exercise 05.3 · Permutation p-values
# *3 points · 18 minutes · difficulty ●●○*
#
# Write `permutation_p_values`. The permutations are given, so that your answer has nothing random in it. Use no Python loop over filters or statistics: `table[permutations]` picks the rows of all permutations at once, and `@` multiplies stacks of matrices.

# %% tags=["exercise"] label="05.3"
def permutation_p_values(activations, statistics, permutations):
    """Two-sided permutation p-values of Pearson's correlation, for each filter and each statistic.

    Parameters
    ----------
    activations : ndarray, float, shape (n, F)
        Pooled activations.
    statistics : ndarray, float, shape (n, S)
    permutations : ndarray, int, shape (P, n)
        Each row is a permutation of 0, ..., n - 1. Permutation k pairs row i of the activations with row
        permutations[k, i] of the statistics, all columns together.

    Returns
    -------
    ndarray, float, shape (F, S)
        (c + 1) / (P + 1), with c the number of permutations whose |r| is at least the measured |r|. Ties
        count: compare with |r| - 1e-9, because sums in another order are not equal to the last digit.
        Phipson and Smyth (2010).
    """
    ### BEGIN SOLUTION
    a, b = unit_columns(activations), unit_columns(statistics)
    drawn = a.T @ b[permutations]  # (F, n) times (P, n, S): (P, F, S)
    hits = (np.abs(drawn) >= np.abs(a.T @ b) - 1e-9).sum(axis=0)
    return (hits + 1) / (len(permutations) + 1)
    ### END SOLUTION


# %% tags=["check"] label="05.3-check"
permutation_p_values = check("05.3", permutation_p_values)

# %%
rng = np.random.default_rng(5)
shuffles = np.array([rng.permutation(len(sites)) for _ in range(999)])
pooled = maps.max(axis=2)                                                # (1000, 32)
p = permutation_p_values(pooled, known, shuffles)                        # (32, 6)
chance_p = permutation_p_values(pooled, known[rng.permutation(len(known))], shuffles)   # the same statistics, of other sequences

figure, axes = plots.panels(1, 2, width=9, height=2.8, sharey=True)
for panel, values, title in zip(axes, (p, chance_p), ("dnanet, its own statistics", "statistics of other sequences")):
    panel.hist(values.ravel(), bins=np.linspace(0, 1, 21), color=plots.PALETTE[0])
    panel.axvspan(0, 0.05, color="#F8D5B8", linewidth=0, zorder=0)
    panel.set(title=title, xlabel="p-value")
axes[0].set_ylabel("pairs of 192")
plots.describe(figure, "Histograms of 192 p-values: many below 0.05 for the real pairing, evenly spread where the statistics belong to other sequences.")

# %% [markdown]
# What is to be seen: on the left many pairs of a filter and a statistic have $p$ near 0. On the right nothing is to be found, because the statistics were dealt to other sequences before the test. Still some pairs lie in the orange strip below 0.05: with 192 tests, about one in twenty does, by chance.

# %%
dealt = [permutation_p_values(pooled[:400], known[:400][rng.permutation(400)], np.array([rng.permutation(400) for _ in range(199)]))
         for _ in range(profile(full=60, fast=30))]
claim("Nothing to find: share of the p-values that are at most 0.05, over many deals", np.mean(np.array(dealt) <= 0.05), between=(0.03, 0.07))
claim("but share of the deals in which at least one pair looks like a finding", np.mean([values.min() <= 0.05 for values in dealt]), at_least=0.8)

# %% [markdown]
# ## 5. Many tests
#
# A p-value that is right for one test is not right for the best of $m$. Three corrections; sort the p-values, $p_{(1)} \le \dots \le p_{(m)}$:
#
# | name | multiply $p_{(i)}$ by | then | keeps below 0.05 |
# |---|---|---|---|
# | Bonferroni | $m$ | | the chance of **any** false finding |
# | Holm | $m - i + 1$ | running maximum, from the smallest up | the same, and never finds less |
# | Benjamini and Hochberg (BH) | $m / i$ | running minimum, from the largest down | the expected **share** of false ones among the findings (if the tests are independent, or depend positively) |
#
# The result is cut at 1 and compared with 0.05 as a p-value is. The running maximum and minimum see to it that a smaller $p$ never ends up with the larger adjusted value.

# %% [markdown] tags=["card"] label="05.4-card"
# ### Exercise 05.4 · Many tests
# *3 points · 15 minutes · difficulty ●●○*
#
# Write `adjusted`. All entries of the table are one family of tests, whatever its shape, and each adjusted value goes back to the place of its p-value.

# %% tags=["exercise"] label="05.4"
def adjusted(p, method):
    """p-values adjusted for many tests.

    Parameters
    ----------
    p : ndarray, float, any shape
        m p-values, all of one family.
    method : str
        "bonferroni", "holm" (Holm 1979) or "bh" (Benjamini and Hochberg 1995).

    Returns
    -------
    ndarray, float, the shape of p
        Adjusted p-values in the places of their p-values, at most 1. With rank i = 1 for the smallest p:
        bonferroni m p; holm the largest of (m - j + 1) p_(j) over j <= i; bh the smallest of
        m p_(j) / j over j >= i.
    """
    ### BEGIN SOLUTION
    flat = p.ravel()
    m, order = flat.size, np.argsort(flat)
    rank = np.arange(1, m + 1)
    if method == "bonferroni":
        scaled = m * flat[order]
    elif method == "holm":
        scaled = np.maximum.accumulate((m - rank + 1) * flat[order])
    else:
        scaled = np.minimum.accumulate((m * flat[order] / rank)[::-1])[::-1]
    answer = np.empty(m)
    answer[order] = np.minimum(scaled, 1)
    return answer.reshape(p.shape)
    ### END SOLUTION


# %% tags=["check"] label="05.4-check"
adjusted = check("05.4", adjusted)

# %% [markdown]
# ### Trap: too few shuffles to find anything
#
# With 999 shuffles no p-value is smaller than 1/1000. Bonferroni multiplies by 192. Whatever the data say, the result cannot fall below 0.05. Either you draw many more shuffles, or you put the many tests **into** the permutation: note of each shuffle the largest $|r|$ of all 192 pairs, and compare each pair with that distribution. This **max statistic** (Westfall and Young) keeps the chance of any false finding, knows that filters resemble each other, and is content with 999.

# %%
largest = np.array([np.abs(filter_correlations(pooled[..., None], known[order], "max")).max() for order in shuffles])
by_largest = (1 + (largest[:, None, None] >= np.abs(heard)).sum(axis=0)) / (1 + len(shuffles))
findings = {"no correction": p, **{method: adjusted(p, method) for method in ("bonferroni", "holm", "bh")}, "max statistic": by_largest}
counts = {name: (values <= 0.05).sum(axis=0) for name, values in findings.items()}     # for each statistic

figure, axes = plots.panels(width=8, height=3.0)
left = np.zeros(5)
for place, name in enumerate(STATISTICS):
    width = np.array([count[place] for count in counts.values()])
    axes.barh(range(5), width, left=left, color=plots.PALETTE[place], label=name)
    left += width
axes.set(yticks=range(5), yticklabels=["no correction", "Bonferroni", "Holm", "BH", "max statistic"], xlabel="findings of 192 pairs", ylim=(4.6, -0.6))
axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
plots.describe(figure, "Findings at 0.05 under five corrections, coloured by statistic: Bonferroni and Holm find none with 999 shuffles, the max statistic keeps GC, AP-1, MAF and CpG.")

# %% [markdown]
# What is to be seen: without correction every statistic has findings, decoys as well. Bonferroni and Holm find nothing, for want of shuffles. BH keeps most, and with them a few pairs of the decoys. Not each of those need be false: the GATA count goes a little with GC and CRE with CpG, so a filter that follows GC follows them as well, a little. The max statistic keeps the planted motifs, and GC with its relative CpG.

# %%
decoys = [STATISTICS.index(name) for name in ("CRE", "GATA")]
claim("Bonferroni with 999 shuffles finds", int(counts["bonferroni"].sum()), equals=0)
claim("The max statistic finds filters for AP-1 and for MAF, of each at least", min(counts["max statistic"][motif]), at_least=5)
claim("and for the decoys at most", counts["max statistic"][decoys].sum(), at_most=2)
threshold = np.quantile(largest, 0.95)
fresh = [np.abs(filter_correlations(pooled[..., None], known[rng.permutation(len(known))], "max")).max() for _ in range(profile(full=300, fast=150))]
claim("Nothing to find: share of deals in which the max statistic finds something", np.mean(np.array(fresh) >= threshold), at_most=0.1)

# %% [markdown]
# **Two controls, two questions.** Permutation asks: *has the filter anything to do with the statistic?* For GC the answer is yes, for a random network as well. The random network asks: *is it more than the architecture brings along?* A finding that matters passes both.

# %%
significant = np.array([(permutation_p_values(guess.max(axis=2), known, shuffles)[:, 0] <= 0.05).mean() for guess in guesses])
claim("Filters of random networks that 'significantly' follow GC, share, mean over five networks", significant.mean(), at_least=0.5)

# %% [markdown] tags=["instructor"]
# The sentence on the board: significant is not learnt. Ask for the smallest number of shuffles with which Bonferroni could find something here: 192/0.05 = 3840, so 3839 and the data.

# %% [markdown]
# ## 6. Filters that see
#
# The same for pictures, in mean pooling, because these statistics are means as well: `zoonet` names animals in pictures of 64×64 pixels, with four convolutions. Statistics that an image person knows: brightness; colour, as red minus green and as blue minus yellow; **edge energy**; and the **orientation** of edges, from the structure tensor. With Sobel derivatives $g_x$, $g_y$ and means over a picture,
#
# $$E = \langle g_x^2\rangle + \langle g_y^2\rangle, \qquad \text{uprightness} = \frac{\langle g_x^2\rangle - \langle g_y^2\rangle}{E},$$
#
# which is 1 if all edges are upright (the grey changes from left to right), and -1 if all are level. The last statistic is the share of the picture that the **animal** covers, known because the pictures are drawn.

# %%
animals = zoo.load(profile(full=600, fast=300), seed=52)
SEEN = ("brightness", "red - green", "blue - yellow", "edge energy", "uprightness", "animal's area")


def sobel(grey, axis):
    """Sobel derivative of pictures (n, 64, 64) along axis 1 or 2; scipy's own would also blur from picture to picture."""
    return ndimage.correlate1d(ndimage.correlate1d(grey, [-1, 0, 1], axis=axis), [1, 2, 1], axis=3 - axis) / 8


def picture_statistics(pictures, masks):
    """The six statistics of pictures (n, 64, 64, 3) with masks (n, 64, 64): (n, 6)."""
    red, green, blue = np.moveaxis(pictures / 255, -1, 0)
    grey = (red + green + blue) / 3
    across, down = sobel(grey, 2), sobel(grey, 1)
    upright, level = (across**2).mean(axis=(1, 2)), (down**2).mean(axis=(1, 2))
    means = [values.mean(axis=(1, 2)) for values in (grey, red - green, blue - (red + green) / 2)]
    return np.column_stack([*means, upright + level, (upright - level) / (upright + level), masks.mean(axis=(1, 2))])


def layer_means(network, pictures):
    """Mean activation of every filter after each of the four ReLUs: list of (n, filters)."""
    found, x = [], models.as_input(pictures)
    with torch.no_grad():
        for name, layer in network.features.named_children():
            x = layer(x)
            if name.startswith("relu"):
                found.append(x.mean(dim=(2, 3)).double().numpy())
    return found


def strongest_by_layer(network):
    """Largest |r| of a filter with each statistic, for each layer: (4, 6)."""
    return np.array([np.abs(filter_correlations(means[..., None], scene, "mean")).max(axis=0) for means in layer_means(network, animals.pictures)])


scene = picture_statistics(animals.pictures, animals.masks)
trained = strongest_by_layer(models.load("zoonet"))
random_nets = np.array([strongest_by_layer(untrained(models.zoonet, seed)) for seed in range(3)])

# %%
figure, axes = plots.panels(2, 3, width=9, height=4.6, sharex=True, sharey=True)
for place, (panel, name) in enumerate(zip(axes.ravel(), SEEN)):
    panel.plot(range(1, 5), random_nets[:, :, place].T, "-", color="0.65", linewidth=1.2)
    panel.plot(range(1, 5), trained[:, place], "-o", color=plots.PALETTE[0])
    panel.set(title=name, ylim=(0, 1.03), xticks=range(1, 5))
for panel in axes[1]:
    panel.set_xlabel("convolution")
for panel in axes[:, 0]:
    panel.set_ylabel("strongest |r|")
plots.describe(figure, "Strongest correlation by layer for six statistics: random networks keep brightness and colour through all layers, the trained one forgets "
                       "them and edge energy, and gains the animal's area, and orientation half way.")

# %% [markdown]
# What is to be seen: random networks (grey) pass brightness and colour on through all four layers. The trained one (blue) **forgets** them, because light and colour say nothing about the species, and in the end edge energy too. It gains the area of the animal, and the orientation of edges half way: after layer 4 that is back at the level of random networks. Measured against zero, you would have praised the trained network for knowing brightness. Measured against random networks, what it learnt is to lose it.

# %%
claim("Brightness after the last layer: random minus trained, at least", (random_nets[:, 3, 0] - trained[3, 0]).min(), at_least=0.4)
claim("Uprightness after layer 2: trained minus the best random network", trained[1, 4] - random_nets[:, 1, 4].max(), at_least=0.1)
claim("The animal's area after layer 3: trained minus the best random network", trained[2, 5] - random_nets[:, 2, 5].max(), at_least=0.15)

# %% [markdown]
# And the experiment beside the correlation: **transpose** the pictures, so that rows become columns. Brightness, colour and area stay exactly as they are, uprightness changes its sign. If the filter of layer 2 that follows uprightness listens to orientation, its activation has to change along.

# %%
before = layer_means(models.load("zoonet"), animals.pictures)[1]
after = layer_means(models.load("zoonet"), animals.pictures.transpose(0, 2, 1, 3))[1]
turned = picture_statistics(animals.pictures.transpose(0, 2, 1, 3), animals.masks.transpose(0, 2, 1))
link = filter_correlations(before[..., None], scene, "mean")[:, 4]
chosen = np.abs(link).argmax()
ranked = np.argsort(np.sign(link[chosen]) * before[:, chosen])

figure, axes = plots.panels(2, 8, width=9, height=2.6)
for row, which in enumerate((ranked[::-1][:8], ranked[:8])):
    for panel, k in zip(axes[row], which):
        panel.imshow(animals.pictures[k])
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    axes[row, 0].set_ylabel("most upright" if row == 0 else "least")
figure.suptitle("by one filter of layer 2", fontsize=11)
plots.describe(figure, "Eight pictures with the strongest and eight with the weakest response of the filter that follows uprightness.")

# %% [markdown]
# What is to be seen: the eight pictures with the largest activation of the filter, and the eight with the smallest (sign turned so that upright comes first). Above stand animals on legs, most beside plants; below most lie or swim. But the grounds above are also lighter. From the pictures alone you could not say which of the two the filter listens to, nor from the correlation: the two statistics go together a little. The transposed pictures part them.

# %%
moved = np.corrcoef(after[:, chosen] - before[:, chosen], turned[:, 4] - scene[:, 4])[0, 1]
claim("Transposed pictures keep brightness and area, largest difference", np.abs(turned - scene)[:, [0, 5]].max(), at_most=1e-9)
claim("The filter moves with uprightness: correlation of the changes, in the direction of r", np.sign(link[chosen]) * moved, at_least=0.5)

# %% [markdown]
# ## What to remember
#
# - A model of the model learns from **predictions**. Its score is fidelity on held-out rows; accuracy answers another question.
# - The model answers any question, so ask it about more rows than you have labels for.
# - A faithful surrogate repeats the model's faults. Read it to find them.
# - A correlation is held against two controls: permutation for chance, a random network for what the architecture brings along. Composition and brightness are read by filters that have learnt nothing.
# - Many tests need a correction, and a permutation test needs enough permutations for it; the max statistic needs fewest.
# - Correlation says what a filter follows. To know what it, and the network, listen to, change the input.

# %% [markdown]
# ## Outside: wine
#
# 1,599 red wines with eleven measurements, and a jury's opinion (Cortez et al. 2009; with `COURSE_DATA`). Good means 6 points of 10 or more. Without the table the cell says so and goes on.

# %% tags=["nbval-ignore-output"]
wine = real.or_none(tables.load, "wine_red")
if wine is not None:
    good, good_test = (wine.y_train >= 6).astype(int), (wine.y_test >= 6).astype(int)
    taster = SVC(C=3, gamma="scale").fit(wine.z_train, good)
    _, fidelity, accuracy = surrogate(lambda rows: taster.predict(wine.standardised(rows)), wine.x_train, good, wine.x_test, good_test, 3)
    print(f"SVM accuracy {taster.score(wine.z_test, good_test):.2f}, tree fidelity {fidelity:.2f}, tree accuracy {accuracy:.2f}\n")
    rules = DecisionTreeClassifier(max_depth=3, random_state=0).fit(wine.x_train, taster.predict(wine.z_train))
    print(export_text(rules, feature_names=list(wine.feature_names), class_names=["below 6", "6 or more"], decimals=2))

# %% [markdown]
# Where the table was found: show the rules to somebody who makes wine, and ask which of them would be news. That conversation is what a surrogate is for.
#
# ## References
#
# - P. Raccuglia et al., *Machine-learning-assisted materials discovery using failed experiments*, Nature 533, 2016: the tree on the slide.
# - M. Craven, J. Shavlik, *Extracting tree-structured representations of trained networks*, NeurIPS 1995: trees on predictions, fidelity, and asking about new rows.
# - B. Phipson, G. Smyth, *Permutation p-values should never be zero*, Statistical Applications in Genetics and Molecular Biology 9, 2010.
# - S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6, 1979.
# - Y. Benjamini, Y. Hochberg, *Controlling the false discovery rate*, Journal of the Royal Statistical Society B 57, 1995.
# - P. Westfall, S. Young, *Resampling-based multiple testing*, Wiley 1993: the max statistic.
# - J. Bigün, G. Granlund, *Optimal orientation detection of linear symmetry*, ICCV 1987: the structure tensor.
