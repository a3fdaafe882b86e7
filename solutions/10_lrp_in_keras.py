# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 10 · Guided backprop, LRP and Deep Taylor, in Keras
#
# *50.039, week 10, programme of "decision interpretation" · CS230, interpretability slides, II.C (the ways back through a ReLU) · 120 minutes · builds on lab 06 (saliency); lab 01 helps with transposed convolutions*
#
# The gradient says which pixels the score is most **sensitive** to. This lab asks another question: which pixels have **contributed** to it, and how much each? Layer-wise relevance propagation (LRP) answers in shares: it takes the score and hands it down, layer by layer, to those who made it, until it lies on the pixels. The week-10 programme does this "in keras+tf+innvestigate"; you do it in Keras with your own few lines.
#
# You will be able to
# - **replace** the gradient of a layer by a rule of your own, in TensorFlow;
# - **share out** relevance through dense, convolutional and pooling layers, by six rules;
# - **account** for every bit of relevance: what arrives, what the bias takes, what is lost;
# - **compose** rules layer by layer, up to Deep Taylor, and **score** them against the truth;
# - **fold** batch normalisation away, and say why relevance needs that.

# %%
import time

import numpy as np
import torch
from captum import attr
from captum.attr._utils import lrp_rules

from course_utils import models, plots, scoring
from course_utils.datasets import zoo
from course_utils.models.keras_twins import as_keras
from course_utils.models.quiet_tensorflow import keras, tf
from course_utils.notebook import check, claim, cpu_seconds, start, timing
from course_utils.plots import cells, heatmaps
from course_utils.plots import scores as score_plots
from course_utils.settings import profile

start("10")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes.** 1 the network 5 · 2 ReLU rules 22 (10.1) · 3 dense 22 (10.2) · 4 convolution 28 (10.3) · 5 pooling 12 (10.4) · 6 whole network 6 · 7 z-box 12 (10.5) · 8-11 accounts, Captum, table, batch norm: 15 minutes of reading and discussion, or homework.
#
# The import takes several seconds: start it before you talk. TensorFlow computes step by step here ("eager"): small networks, no `tf.function`, so that `print` works everywhere.

# %% [markdown]
# ## 1. One network, two libraries
#
# `zoonet` was trained in PyTorch. `keras_twin` builds the same layers in Keras and hands the weights over: kernels turn from (out, in, height, width) into **(height, width, in, out)**, and pictures from (n, 3, 64, 64) into **(n, 64, 64, 3)**, channels last. If the twins agree, what you learn about one holds for the other.

# %%
N = profile(full=64, fast=24)
network = models.keras_twin("zoonet")
animals = zoo.load(N, seed=1010)
pictures = tf.constant(animals.pictures, tf.float32) / 255            # (N, 64, 64, 3) in [0, 1]
labels = animals.labels                                               # (N,)
logits = network(pictures)                                            # (N, 8), scores before the softmax
with torch.inference_mode():
    torch_logits = models.load("zoonet")(models.as_input(animals.pictures)).numpy()

claim("Largest difference between the scores of the twins", np.abs(logits.numpy() - torch_logits).max(), at_most=1e-4)
claim("Share of new pictures that they name right", np.mean(logits.numpy().argmax(1) == labels), at_least=0.95)
for layer in network.layers:
    print(f"{layer.name:12} {type(layer).__name__:24} {tuple(layer.output.shape[1:])}")

# %% [markdown]
# **What happened to iNNvestigate?** The library that the lecture names rebuilt a Keras 2 graph with a rule in place of each layer. Keras 3 replaced the inside of Keras on which that rested; the last release, 2.1.2, needs TensorFlow 2.14 or older and NumPy 1, and this course runs TensorFlow 2.21 with Keras 3 and NumPy 2. It is still good reading. What it did needs no library: one function for each kind of layer, five of which you write now.

# %% [markdown]
# ## 2. Four ways back through a ReLU
#
# A ReLU passes $a = \max(0, z)$ forward. What should pass back when $g$ arrives from above? Ask two yes-or-no questions: *was the ReLU on* ($z > 0$)? *is what arrives positive* ($g > 0$)? Which of them you ask makes four rules:
#
# | | passes back | name |
# |---|---|---|
# | neither | $g$ | no rule: as if there were no ReLU |
# | $z > 0$ | $g \cdot [z>0]$ | the gradient |
# | $g > 0$ | $g \cdot [g>0]$ | deconvnet (Zeiler and Fergus, 2014) |
# | both | $g \cdot [z>0]\,[g>0]$ | guided backprop (Springenberg et al., 2015) |
#
# In TensorFlow, `tf.custom_gradient` takes a function that returns *two* things, the output and a function for the way back. Here is the first rule.

# %%
def unruled_relu(values):
    """A ReLU forward; on the way back, everything passes."""
    def backward(upstream):
        return upstream

    return tf.nn.relu(values), backward


z = tf.constant([-2.0, 0.0, 3.0])
with tf.GradientTape() as tape:
    tape.watch(z)
    output = tf.custom_gradient(unruled_relu)(z)
print(output.numpy(), tape.gradient(output, z, output_gradients=tf.constant([5.0, -6.0, -7.0])).numpy())

# %% [markdown]
# What is to be seen: forward it is a ReLU; back came 5, -6, -7 as they were sent. `output_gradients` is what arrives from above.

# %% [markdown] tags=["card"] label="10.1-card"
# ### Exercise 10.1 · A guided ReLU
# *2 points · 12 minutes · difficulty ●○○*
#
# Write `guided_relu` in the same form: ask both questions. One of the test cases has the numbers of the CS230 slide. Stuck? `%hint 10.1` gives a hint, `%reveal 10.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="10.1"
def guided_relu(values):
    """A ReLU whose way back is guided backprop's, in the form that tf.custom_gradient takes.

    Parameters
    ----------
    values : tf.Tensor, float32 or float64, any shape
        What enters the ReLU.

    Returns
    -------
    output : tf.Tensor
        max(0, values), entry by entry.
    backward : callable
        backward(upstream) -> tf.Tensor, both of the shape and dtype of values: upstream where
        values > 0 and upstream > 0, else zero. Do not decorate the function; the lab does that.
    """
    ### BEGIN SOLUTION
    def backward(upstream):
        return tf.nn.relu(upstream) * tf.cast(values > 0, upstream.dtype)

    return tf.nn.relu(values), backward  # shown
    ### END SOLUTION


# %% tags=["check"] label="10.1-check"
guided_relu = check("10.1", guided_relu)

# %% [markdown]
# The other two, and all four on the slide's numbers: `z` enters the ReLU, `g` comes back.

# %%
def gradient_relu(values):
    """The ReLU's own gradient."""
    return tf.nn.relu(values), lambda upstream: tf.where(values > 0, upstream, tf.zeros_like(upstream))


def deconvnet_relu(values):
    """The deconvnet's rule: a ReLU on the way back, too, whatever happened on the way forward."""
    return tf.nn.relu(values), lambda upstream: tf.nn.relu(upstream)


RULES = {"no rule": unruled_relu, "gradient": gradient_relu, "deconvnet": deconvnet_relu, "guided": guided_relu}
slide_z = tf.constant([[1.0, -2, 3, -4], [4, -1, -1, -2], [30, 2, 0, 1], [1, -2, -9, 7]])
slide_g = tf.constant([[-2.0, 1, -31, -3], [3, 4, 2, 14], [-2, 12, 4, 1], [10, 10, 2, 1]])
tables = {"$z$, forward": slide_z} | {name: rule(slide_z)[1](slide_g) for name, rule in RULES.items()}
figure, axes = plots.panels(1, 5, width=9, height=2.3)
for axis, (name, table) in zip(axes, tables.items()):
    points = cells.frame(axis, 4, 4, 0.85)
    on = table.numpy() > 0 if table is slide_z else table.numpy() != 0
    cells.cells(axis, on, cells.INPUT if table is slide_z else cells.OUTPUT, values=table.numpy(), cell_points=points)
    axis.set_title(name + (" = $g$" if name == "no rule" else ""))
plots.describe(figure, "The slide's 4 by 4 numbers: what enters the ReLU, and what passes back by each of the four rules.")

# %% [markdown]
# What is to be seen: coloured cells are the positive inputs on the left, and what passes on the right. The gradient keeps the places where $z$ is coloured, the deconvnet keeps what is positive, guided backprop keeps what both keep.

# %% [markdown]
# To apply a rule to a whole network, copy the network and put the rule in place of every ReLU. Keras does the walking: `clone_model` asks your function for each layer.

# %%
def with_relu(model, rule):
    """The same Keras network, with another way back through its ReLUs."""
    def copy(layer):
        if isinstance(layer, keras.layers.ReLU):
            return keras.layers.Activation(tf.custom_gradient(rule), name=layer.name, dtype=layer.dtype)
        return layer.__class__.from_config(layer.get_config())

    ruled = keras.models.clone_model(model, clone_function=copy)
    ruled.set_weights(model.get_weights())
    return ruled


def pixel_gradient(model, pictures, labels):
    """What comes back to the pixels from the score of each picture's label: array (n, height, width, 3)."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        scores = tf.gather(model(pictures), labels, axis=1, batch_dims=1)
    return tape.gradient(scores, pictures).numpy()


ruled = {name: with_relu(network, rule) for name, rule in RULES.items()}
slopes = {name: pixel_gradient(model, pictures, labels) for name, model in ruled.items()}

# %% tags=["target"] target="10.1"
four = [int(np.flatnonzero(labels == zoo.SPECIES.index(name))[0]) for name in ("hare", "camel", "goose", "tortoise")]
species = [zoo.SPECIES[labels[k]] for k in four]
heatmaps.grid(animals.pictures[four], {name: np.abs(slope[four]).max(-1) for name, slope in slopes.items()}, species,
              alt="Four animals, and below each what comes back to the pixels by the four rules: no rule and deconvnet light up the "
                  "whole picture, the gradient is speckled on the animal, guided backprop draws the animal's lines.")

# %% [markdown]
# What is to be seen: four rules, one picture a column (the largest absolute value of the three colours). Without the question $z > 0$ the map no longer knows what this picture switched on, and stones and posts light up; with both questions, clean lines.

# %%
in_mask = {name: scoring.mass_in_mask(np.abs(slope).max(-1), animals.masks) for name, slope in slopes.items()}
claim("Guided backprop puts more of its mass on the animal than the gradient, by", (in_mask["guided"] - in_mask["gradient"]).mean(), at_least=0.04)
claim("The deconvnet puts less there than the gradient, by", (in_mask["gradient"] - in_mask["deconvnet"]).mean(), at_least=0.15)

# %% [markdown]
# Clean is not faithful: guided backprop draws much the same lines when the last layers are random (lab 07), and its values are in no unit: they are neither a slope nor a share of anything. For shares you need another idea.

# %% [markdown] tags=["instructor"]
# Ask: "does the sum of a guided map mean anything?" Let them compare it with the score. Then: "what would have to hold for the sum to be the score?" That is the next section.

# %% [markdown]
# ## 3. Shares instead of slopes
#
# A neuron computes $z_j = \sum_i a_i w_{ij} + b_j$. Input $i$ has **contributed** $a_i w_{ij}$. If neuron $j$ holds relevance $R_j$, the plain idea of LRP (Bach et al., 2015) is to hand it out in proportion to the contributions, and to add up what each input gets from all neurons above:
#
# $$R_i = \sum_j \frac{a_i w_{ij}}{z_j} \, R_j .$$
#
# The shares of all inputs and the bias add up to $R_j$. This is **LRP-0**. Its danger is in the denominator: large positive and negative contributions can cancel, $z_j$ is nearly zero, and the shares explode. **LRP-$\epsilon$** keeps the denominator away from zero, on the side where it is:
#
# $$R_i = \sum_j \frac{a_i w_{ij}}{z_j + \epsilon\,\mathrm{sign}(z_j)} \, R_j, \qquad \mathrm{sign}(0) = 1 .$$

# %%
line = np.linspace(-1, 1, 401)
figure, axis = plots.panels(width=7, height=3.2)
stabilised = {"$1/z$": np.divide(1, line, out=np.full(401, np.nan), where=np.abs(line) > 1e-9),
              "$1/(z+\\epsilon)$, no sign": np.where(np.abs(line + 0.25) > 4e-3, 1 / np.where(line == -0.25, np.nan, line + 0.25), np.nan),
              "$1/(z+\\epsilon\\,\\mathrm{sign}\\,z)$": 1 / (line + 0.25 * np.where(line >= 0, 1, -1))}
for (name, values), colour, style in zip(stabilised.items(), (plots.PALETTE[6], plots.PALETTE[1], plots.PALETTE[0]), (":", "--", "-")):
    values[np.abs(line) < 1e-9] = np.nan if "sign" in name and "no" not in name else values[np.abs(line) < 1e-9]
    axis.plot(line, values, style, color=colour, label=name)
axis.set(ylim=(-12, 12), xlabel="$z$, the sum of contributions", ylabel="factor on every share", title="$\\epsilon = 0.25$")
axis.legend()
plots.describe(figure, "Three curves against z: 1/z explodes at zero, 1/(z+epsilon) explodes at minus epsilon, and with the sign of z the factor stays between -4 and 4.")

# %% [markdown]
# What is to be seen: an epsilon without the sign of $z$ does not remove the explosion, it moves it to $z=-\epsilon$, where nobody looks for it. With the sign the factor is never larger in size than $1/\epsilon$.

# %%
def sign(values):
    """1 where values >= 0, else -1, in the dtype of values."""
    return tf.where(values >= 0, tf.ones_like(values), -tf.ones_like(values))


# %% [markdown] tags=["card"] label="10.2-card"
# ### Exercise 10.2 · LRP-epsilon through a dense layer
# *2 points · 15 minutes · difficulty ●●○*
#
# Write the formula above for a batch, without loops. The bias is part of $z$. `tf.math.divide_no_nan(x, y)` gives $x/y$, and 0 where $y$ is 0; `sign` above keeps the dtype of its input.

# %% tags=["exercise"] label="10.2"
def lrp_dense(activations, weight, bias, relevance, epsilon):
    """LRP-epsilon through a dense layer (Bach et al. 2015, equation 58).

    Parameters
    ----------
    activations : tf.Tensor, float32 or float64, shape (n, inputs)
        What entered the layer; of either sign.
    weight : tf.Tensor, shape (inputs, outputs)
    bias : tf.Tensor, shape (outputs,)
        Part of every output's sum; its own share of the relevance goes nowhere.
    relevance : tf.Tensor, shape (n, outputs)
        Of the layer's outputs, of either sign.
    epsilon : float, 0 or more
        Added to the sum where the sum is zero or more, subtracted where it is negative.

    Returns
    -------
    tf.Tensor, shape (n, inputs)
        Relevance of the inputs. An output whose denominator is zero (possible with epsilon 0 only)
        hands nothing on.
    """
    ### BEGIN SOLUTION
    z = tf.matmul(activations, weight) + bias
    per_unit = tf.math.divide_no_nan(relevance, z + epsilon * sign(z))
    return activations * tf.matmul(per_unit, weight, transpose_b=True)
    ### END SOLUTION


# %% tags=["check"] label="10.2-check"
lrp_dense = check("10.2", lrp_dense)

# %% [markdown]
# Try it where you can follow it with a pencil: two inputs, one output, $z = 3 \cdot 2 + 1 \cdot (-1) = 5$, and relevance 5 to hand out.

# %%
hand = [tf.constant(value) for value in ([[3.0, 1.0]], [[2.0], [-1.0]], [0.0], [[5.0]])]
for epsilon in (0.0, 5.0):
    print(f"epsilon {epsilon:g}: {lrp_dense(*hand, epsilon).numpy()[0]}")

# %% [markdown]
# What is to be seen: with $\epsilon=0$ the contributions themselves, 6 and -1; their sum is the relevance that was there. With $\epsilon=5$ both are halved: epsilon **absorbs** what is left, and with it the small and the contradictory.

# %% [markdown] tags=["instructor"]
# Common stumble in 10.2: `tf.sign(z)`, which is 0 at 0. Ask why that matters (the denominator is zero although epsilon is not). Second stumble: dividing by `z` without the bias, because "the bias gets nothing": it gets a share, nobody receives it.

# %% [markdown]
# ## 4. Through a convolution
#
# A convolution is a dense layer with shared weights, so what you did in 10.2 applies again, in four steps: the sums $z$; $z$ kept away from zero; relevance per unit of $z$; and back through the same weights, times the activations. Back through the same weights is now the **transposed convolution**. `slide` and `slide_back` are the two directions; `kernel` has the shape (height, width, in, out). `lrp_linear` shows a trick that serves every linear layer: the way back through its weights *is* its gradient, so a gradient tape that is given relevance per unit of $z$ returns what you need.

# %%
def slide(maps, kernel):
    """Convolution that keeps the size: (n, h, w, in) to (n, h, w, out)."""
    return tf.nn.conv2d(maps, kernel, 1, "SAME")


def slide_back(maps, kernel):
    """Its transpose: (n, h, w, out) to (n, h, w, in)."""
    shape = tf.concat([tf.shape(maps)[:3], [tf.shape(kernel)[2]]], axis=0)
    return tf.nn.conv2d_transpose(maps, kernel, shape, 1, "SAME")


def lrp_linear(activations, kernel, bias, relevance, epsilon=0.0):
    """LRP-epsilon through a convolution, by the gradient trick; LRP-0 with epsilon 0."""
    with tf.GradientTape() as tape:
        tape.watch(activations)
        z = slide(activations, kernel) + bias
    whole = z + epsilon * sign(z)
    return activations * tape.gradient(z, activations, output_gradients=tf.math.divide_no_nan(relevance, whole))


def lrp_gamma(activations, kernel, bias, relevance, gamma=0.25):
    """LRP-gamma: LRP-0 after the positive weights have been raised by a share gamma; for activations >= 0."""
    return lrp_linear(activations, kernel + gamma * tf.nn.relu(kernel), bias, relevance)


# %% [markdown]
# **Gamma** (Montavon et al., 2019) favours positive contributions: $w + \gamma w^+$ in place of $w$, where $w^+ = \max(0, w)$ and $w^- = \min(0, w)$. With $\gamma = 0$ it is LRP-0; as $\gamma$ grows only positive contributions count. That limit has a name, **z-plus**, and a relative that weighs both sides on purpose, **alpha-beta** (Bach et al., 2015): split the contributions $z_{ij} = a_i w_{ij}$ into $z_{ij}^+$ and $z_{ij}^-$ by *their* sign, and share out
#
# $$R_i = \sum_j \Big( \alpha \frac{z_{ij}^+}{\sum_{i'} z_{i'j}^+} - \beta \frac{z_{ij}^-}{\sum_{i'} z_{i'j}^-} \Big) R_j, \qquad \alpha - \beta = 1 .$$
#
# $\alpha=1, \beta=0$ is z-plus; $\alpha=2, \beta=1$ also shows what spoke against. The bias is no contribution of an input and stands in neither sum, so it takes nothing; relevance is lost only at an output without any contribution of a sign (section 8). Careful: $z_{ij}^+ = a_i w_{ij}^+$ holds only if $a_i \ge 0$. After a ReLU it is; at the pixels of a normalised picture it is not.

# %% [markdown] tags=["card"] label="10.3-card"
# ### Exercise 10.3 · Alpha-beta through a convolution
# *3 points · 25 minutes · difficulty ●●●*
#
# Write the rule for activations of **either sign**. A product is positive in two ways: split activations *and* kernel into positive and negative parts, and build both sums from four calls of `slide`. The way back takes `slide_back` with the part of the kernel that made the contribution.

# %% tags=["exercise"] label="10.3"
def lrp_conv(activations, kernel, bias, relevance, alpha, beta):
    """LRP-alpha-beta through a convolution with stride 1 that keeps the size (padding "SAME").

    Parameters
    ----------
    activations : tf.Tensor, float32 or float64, shape (n, h, w, channels)
        What entered the layer; of either sign.
    kernel : tf.Tensor, shape (height, width, channels, filters), height and width odd
    bias : tf.Tensor, shape (filters,)
        Takes no share and stands in no sum; it is here so that all rules are called alike.
    relevance : tf.Tensor, shape (n, h, w, filters)
    alpha, beta : float
        Weights of the positive and the negative contributions, alpha - beta = 1.

    Returns
    -------
    tf.Tensor, shape (n, h, w, channels)
        Relevance of the inputs. An output without a contribution of a sign hands nothing on for
        that sign.
    """
    ### BEGIN SOLUTION
    positive, negative = tf.nn.relu(activations), -tf.nn.relu(-activations)
    raising, lowering = tf.nn.relu(kernel), -tf.nn.relu(-kernel)

    def handed_on(share, first, second):
        """Relevance through the contributions positive * first and negative * second."""
        total = slide(positive, first) + slide(negative, second)
        per_unit = tf.math.divide_no_nan(share * relevance, total)
        return positive * slide_back(per_unit, first) + negative * slide_back(per_unit, second)

    speaking_for = handed_on(alpha, raising, lowering)
    return speaking_for - handed_on(beta, lowering, raising) if beta else speaking_for
    ### END SOLUTION


# %% tags=["check"] label="10.3-check"
lrp_conv = check("10.3", lrp_conv)

# %% [markdown]
# Gamma should approach z-plus. Take the second convolution of the network with invented relevance and let gamma grow.

# %%
conv2 = network.get_layer("conv2")
before_conv2 = keras.Model(network.inputs, network.get_layer("pool1").output)(pictures[:4])   # (4, 32, 32, 16), never negative
invented = tf.random.Generator.from_seed(0).uniform((4, 32, 32, 32))
plus = lrp_conv(before_conv2, conv2.kernel, conv2.bias, invented, 1.0, 0.0)
gaps = {}
for gamma in (0.25, 1.0, 100.0, 1e4):
    near = lrp_gamma(before_conv2, conv2.kernel, tf.zeros(32), invented, gamma)
    gaps[gamma] = float(tf.norm(near - plus) / tf.norm(plus))
claim("Gamma of 10,000 against z-plus: relative difference", gaps[1e4], at_most=0.02)

# %% [markdown] tags=["instructor"]
# 28 minutes for sections 4 and 10.3. Draw the four products of signs on the board before they start: (+,+) and (-,-) above the line, the other two below. Early finishers: what does the rule do with an output whose ReLU was off? (Nothing: its relevance is zero, because the layer above multiplied by its activation.)

# %% [markdown]
# ## 5. Through a pooling
#
# **Max pooling** passes one input on and ignores the rest: the winner has contributed everything and takes all. **Average pooling** is a dense layer with equal weights and no bias: LRP-0 hands relevance out in proportion to the activations, $R_i = a_i / \sum_{i'} a_{i'}\, R$. The *global* average pooling before the last layer is the same with one window as large as the map.

# %% [markdown] tags=["card"] label="10.4-card"
# ### Exercise 10.4 · Relevance through a pooling
# *2 points · 15 minutes · difficulty ●●○*
#
# Write both kinds. The trick of `lrp_linear` works here, too: a pooling's gradient is its way back (`tf.nn.max_pool2d` and `tf.nn.avg_pool2d` with "VALID"); cutting the maps into windows by `tf.reshape` is as good. After a ReLU many windows are all zeros: there everything ties for the maximum, and the average's denominator is zero. The docstring says who gets what.

# %% tags=["exercise"] label="10.4"
def lrp_pool(activations, relevance, size, kind):
    """Relevance through a pooling with windows of size x size that do not overlap.

    Parameters
    ----------
    activations : tf.Tensor, float32 or float64, shape (n, h, w, channels)
        What entered the layer, never negative; size divides h and w.
    relevance : tf.Tensor, shape (n, h / size, w / size, channels)
    size : int
    kind : "max" or "average"

    Returns
    -------
    tf.Tensor, shape (n, h, w, channels)
        max: the first largest place of each window, in reading order, takes all of the window's
        relevance, also where the window is all zeros. average: in proportion to the activations; a
        window of zeros hands nothing on.
    """
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        tape.watch(activations)
        pool = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
        pooled = pool(activations, size, size, "VALID")
    if kind == "max":
        return tape.gradient(pooled, activations, output_gradients=relevance)
    per_unit = tf.math.divide_no_nan(relevance, pooled)
    return activations * tape.gradient(pooled, activations, output_gradients=per_unit)
    ### END SOLUTION


# %% tags=["check"] label="10.4-check"
lrp_pool = check("10.4", lrp_pool)

# %% [markdown] tags=["instructor"]
# 12 minutes. Type live the mask `activations == maximum` on a window of zeros and let them count the winners.

# %% [markdown]
# ## 6. Down the whole network
#
# Now chain them. Forward, keep what enters every layer. Backward, start with the score of the label alone and let each layer's rule hand it down. A **recipe** names the rule of every layer that has weights; ReLUs hand on what they get: where one is on, its output *is* its input; where it is off, no relevance arrives.

# %%
def relevances(model, pictures, labels, recipe, start_with="score"):
    """Relevance at every layer's entrance, from the scores down.

    Parameters
    ----------
    model : keras.Model that is a chain of layers
    pictures : tf.Tensor (n, height, width, channels); labels : int (n,)
    recipe : callable
        recipe(name of a layer with weights) -> rule(activations, kernel, bias, relevance).
    start_with : "score" or "one"
        Relevance of the label's output: its score, or 1.

    Returns
    -------
    dict of str to tf.Tensor, in the order of the way back
        "scores", then for each layer the relevance of what enters it; the last entry is the picture's.
    """
    layers, entering = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)], [pictures]
    for layer in layers:
        entering.append(layer(entering[-1]))
    scores = entering.pop()
    relevance = tf.one_hot(labels, scores.shape[1], dtype=scores.dtype) * (scores if start_with == "score" else 1)
    found = {"scores": relevance}
    for layer, activations in zip(layers[::-1], entering[::-1]):
        if layer.weights:
            relevance = recipe(layer.name)(activations, layer.kernel, layer.bias, relevance)
        elif isinstance(layer, keras.layers.MaxPooling2D):
            relevance = lrp_pool(activations, relevance, layer.pool_size[0], "max")
        elif isinstance(layer, keras.layers.GlobalAveragePooling2D):
            relevance = lrp_pool(activations, relevance[:, None, None], activations.shape[1], "average")
        elif isinstance(layer, keras.layers.Flatten):
            relevance = tf.reshape(relevance, activations.shape)
        found[layer.name] = relevance
    return found


# %% [markdown]
# The recipes. `lrp_dense` and the convolution rules are called alike, so a recipe is one line. `without_bias` hands over a bias of zeros; z-plus and alpha-beta ignore the bias in any case, so around them it changes only the dense layer, which has LRP-0.

# %%
def everywhere(conv_rule, dense_epsilon=0.0, pixel_rule=None):
    """A recipe: one rule for all convolutions, epsilon for dense layers, another rule at the pixels if given."""
    def recipe(name):
        if name.startswith("conv"):
            return pixel_rule if pixel_rule and name == "conv1" else conv_rule
        return lambda *layer: lrp_dense(*layer, dense_epsilon)
    return recipe


def without_bias(recipe):
    """The same recipe with every bias left out of the sums."""
    return lambda name: lambda a, kernel, bias, r: recipe(name)(a, kernel, tf.zeros_like(bias), r)


def z_plus(*layer):
    """LRP-alpha-1-beta-0."""
    return lrp_conv(*layer, 1.0, 0.0)


def alpha2_beta1(*layer):
    """LRP-alpha-2-beta-1."""
    return lrp_conv(*layer, 2.0, 1.0)


def epsilon_rule(*layer):
    """LRP-epsilon with an epsilon of a tenth of a score point."""
    return lrp_linear(*layer, epsilon=0.1)


def pixel_map(model, pictures, labels, recipe, **options):
    """Relevance of every colour of every pixel: array (n, height, width, channels)."""
    return list(relevances(model, pictures, labels, recipe, **options).values())[-1].numpy()


# %% [markdown]
# ### Trap: a long way to the gradient times the input
#
# LRP-0 everywhere looks like much machinery. But follow one path through a ReLU network: every share is divided by $z_j$ and multiplied by $a_j = z_j$ one layer above, and all that is left is the product of the weights along active paths, times the pixel. That product is the gradient. So LRP-0 **is** gradient times input (Ancona et al., 2018), a thing that you can have in two lines.

# %%
lrp_0 = pixel_map(network, pictures, labels, everywhere(lrp_linear))
times_input = pixel_gradient(network, pictures, labels) * pictures.numpy()
claim("LRP-0 against gradient times input: largest difference, in shares of the largest value", np.abs(lrp_0 - times_input).max() / np.abs(times_input).max(), at_most=1e-4)

bare = keras.models.clone_model(network)
bare.set_weights([values if values.ndim > 1 else 0 * values for values in network.get_weights()])   # the same weights, every bias zero
bare_scores = tf.gather(bare(pictures), labels, axis=1, batch_dims=1).numpy()
bare_map = pixel_map(bare, pictures, labels, everywhere(lrp_linear))
bare_times_input = pixel_gradient(bare, pictures, labels) * pictures.numpy()
claim("The same on the network without any bias", np.abs(bare_map - bare_times_input).max() / np.abs(bare_times_input).max(), at_most=1e-4)
claim("and there its pixels add up to the score: largest gap, in score points", np.abs(bare_map.sum((1, 2, 3)) - bare_scores).max(), at_most=1e-3)

# %% [markdown]
# One often reads that this needs a network without biases. The measurement says: the *equality* holds with biases too, as long as they stand in $z$; what needs a network without biases is that the pixels add up to the score. The equality holds nearly, too, for LRP-$\epsilon$ with a very small $\epsilon$. So if you see "LRP" in a table, ask which rule.

# %% [markdown]
# ## 7. At the pixels: the z-box rule
#
# z-plus has a blind spot at the first layer: a contribution $x_i w_{ij}$ is zero where the pixel is black, so darkness can never be evidence. But "black" is just the lower end of a range. **Deep Taylor decomposition** (Montavon et al., 2017) derives each rule by a first-order Taylor expansion of a neuron around a root point, an input that the data allow and at which the neuron is zero. Hidden activations are never negative: z-plus comes out. Pixels lie in a box $l_i \le x_i \le h_i$: the **z-box** rule comes out, in which a pixel is measured against the end of the box that speaks least for the neuron:
#
# $$R_i = \sum_j \frac{x_i w_{ij} - l_i w_{ij}^+ - h_i w_{ij}^-}{\sum_{i'} \big(x_{i'} w_{i'j} - l_{i'} w_{i'j}^+ - h_{i'} w_{i'j}^-\big)} \, R_j .$$
#
# Regroup the numerator, $(x_i - l_i)\,w_{ij}^+ + (h_i - x_i)\,|w_{ij}^-|$: it is never negative, and a black pixel counts fully where black is what the filter wants.

# %% [markdown] tags=["card"] label="10.5-card"
# ### Exercise 10.5 · The z-box rule
# *2 points · 15 minutes · difficulty ●●○*
#
# Write `lrp_z_box` for a first convolution. Beyond the border of the picture there is nothing, no pixel and no bound: convolve whole pictures filled with the bounds, and the padding takes care of itself.

# %% tags=["exercise"] label="10.5"
def lrp_z_box(pixels, kernel, bias, relevance, low, high):
    """The z-box rule of Deep Taylor through a convolution (Montavon et al. 2017), stride 1, "SAME".

    Parameters
    ----------
    pixels : tf.Tensor, float32 or float64, shape (n, h, w, channels)
    kernel : tf.Tensor, shape (height, width, channels, filters), height and width odd
    bias : tf.Tensor, shape (filters,)
        Takes no share and stands in no sum.
    relevance : tf.Tensor, shape (n, h, w, filters)
    low, high : tf.Tensor, shape (channels,)
        Smallest and largest value that a pixel of each colour can have.

    Returns
    -------
    tf.Tensor, shape (n, h, w, channels)
        An output whose denominator is zero hands nothing on.
    """
    ### BEGIN SOLUTION
    lows, highs = tf.zeros_like(pixels) + low, tf.zeros_like(pixels) + high
    raising, lowering = tf.nn.relu(kernel), -tf.nn.relu(-kernel)
    z = slide(pixels, kernel) - slide(lows, raising) - slide(highs, lowering)
    per_unit = tf.math.divide_no_nan(relevance, z)
    return pixels * slide_back(per_unit, kernel) - lows * slide_back(per_unit, raising) - highs * slide_back(per_unit, lowering)
    ### END SOLUTION


# %% tags=["check"] label="10.5-check"
lrp_z_box = check("10.5", lrp_z_box)

# %% [markdown]
# With it the recipes are complete. **Deep Taylor** is z-box in the first convolution, at the pixels, and z-plus in all others; here the dense layer keeps LRP-0, without its bias. A **composite** (Montavon et al., 2019; Kohlbrenner et al., 2020) chooses a rule for the job of each layer: $\epsilon$ where the classes are told apart and evidence for and against should be weighed, $\gamma$ in the convolutions, where the positive evidence should not drown, z-box at the pixels, which are no activations.

# %%
def z_box(pixels, kernel, bias, relevance):
    """z-box for pixels in [0, 1]."""
    black, white = tf.zeros(pixels.shape[-1], pixels.dtype), tf.ones(pixels.shape[-1], pixels.dtype)
    return lrp_z_box(pixels, kernel, bias, relevance, black, white)


RECIPES = {
    "LRP-0": everywhere(lrp_linear),
    "epsilon": everywhere(epsilon_rule, dense_epsilon=0.1),
    "gamma": everywhere(lrp_gamma),
    "gamma, no bias": without_bias(everywhere(lrp_gamma)),
    "alpha 2, beta 1": without_bias(everywhere(alpha2_beta1)),
    "z-plus": without_bias(everywhere(z_plus)),
    "Deep Taylor": without_bias(everywhere(z_plus, pixel_rule=z_box)),
    "composite": everywhere(lrp_gamma, dense_epsilon=0.1, pixel_rule=z_box),
}

# %% tags=["nbval-ignore-output"]
found, milliseconds = {}, {}
for name, recipe in RECIPES.items():
    began = time.process_time()
    found[name] = pixel_map(network, pictures, labels, recipe)
    milliseconds[name] = 1000 * (time.process_time() - began) / N
print("\n".join(f"{name:16} {cost:5.1f} ms a picture" for name, cost in milliseconds.items()))

# %% [markdown]
# **Traced once.** So far TensorFlow runs each operation when Python comes to it, and a tape writes down what a later gradient might want. `tf.function` calls your functions once, with stand-ins for the tensors, keeps the graph of operations that comes out, drops what nobody uses, and from then on runs the graph without Python. The rules stay as you have written them.

# %%
def compiled(model, recipe):
    """`pixel_map` for one model and one recipe as a graph: the first call traces it."""
    graph = tf.function(lambda pictures, labels: list(relevances(model, pictures, labels, recipe).values())[-1], autograph=False)
    return lambda pictures, labels: graph(pictures, tf.constant(labels)).numpy()


few, few_labels, traced = pictures[:16], labels[:16], compiled(network, RECIPES["composite"])
step_by_step = pixel_map(network, few, few_labels, RECIPES["composite"])
claim("Traced and step by step: largest difference, in shares of the largest value", np.abs(traced(few, few_labels) - step_by_step).max() / np.abs(step_by_step).max(), at_most=1e-4)

# %% tags=["nbval-ignore-output"]
slow, quick = (cpu_seconds(work, 3)[0] for work in (lambda: pixel_map(network, few, few_labels, RECIPES["composite"]), lambda: traced(few, few_labels)))
timing("Traced against step by step: times faster", slow / quick, at_least=1.2)

# %% tags=["target"] target="10.5"
def clipped(maps, share=0.995):
    """Maps (n, h, w) with the few largest values of each cut down, so that a single pixel does not set the scale of the drawing."""
    limit = np.quantile(np.abs(maps), share, axis=(1, 2), keepdims=True)
    return np.clip(maps, -limit, limit)


figure, axes = plots.panels(4, 1 + len(found), width=10.5, height=5.1)
for row, index in enumerate(four):
    heatmaps.draw_picture(axes[row, 0], animals.pictures[index])
    for axis, maps in zip(axes[row, 1:], found.values()):
        heatmaps.draw(axis, clipped(maps[[index]].sum(-1))[0], signed=True)
for axis, name in zip(axes[0], ["picture", *found]):
    axis.set_title(name.replace(", ", ",\n"), fontsize=10)
plots.describe(figure, "Four animals, and beside each the relevance of its pixels by eight recipes: red speaks for the species, blue against.")

# %% [markdown]
# What is to be seen: one recipe a column, the three colours of a pixel added up; red speaks for the species, blue against, each panel on its own scale, cut off at its largest half percent. LRP-0 is speckled, alpha-beta shows both sides, Deep Taylor and the composite draw the animal. And one column has gone wrong.

# %% [markdown] tags=["instructor"]
# Let the room find the broken column ("gamma, no bias") and guess why before section 8: the sums without the bias can be near zero or of the other sign although the ReLU was on.

# %% [markdown]
# ## 8. Where does the relevance go?
#
# Every rule should be able to give account. Add the relevance up at every layer, in float64 so that rounding cannot be blamed.

# %%
precise = as_keras(models.load("zoonet").double(), size=64, name="precise")
some, some_labels = tf.cast(pictures[:16], tf.float64), labels[:16]


def books(recipe):
    """Sum of the relevance at every layer as a share of the score: names, array (layers, n)."""
    trail = relevances(precise, some, some_labels, recipe)
    sums = np.stack([tf.reduce_sum(r, axis=tuple(range(1, len(r.shape)))).numpy() for r in trail.values()])
    return list(trail), sums / sums[0]


kept = {name: books(recipe)[1] for name, recipe in RECIPES.items()}
stations = [name for name in books(RECIPES["z-plus"])[0] if not name.startswith("relu")]
rows = [k for k, name in enumerate(books(RECIPES["z-plus"])[0]) if not name.startswith("relu")]

# %%
figure, axis = plots.panels(width=9, height=4)
looks = {"LRP-0": ("-", 0), "epsilon": ("--", 1), "gamma": ("-", 2), "composite": ("-.", 3), "gamma, no bias": (":", 4), "z-plus": ("-", 6), "Deep Taylor": ("--", 5)}
for name, (style, colour) in looks.items():
    axis.plot(np.median(kept[name][rows], axis=1), style, color=plots.PALETTE[colour], marker="o", markersize=4, label=name)
axis.axhline(1, color="0.8", zorder=0)
axis.set(xticks=range(len(rows)), xticklabels=stations, xlabel="relevance of what enters the layer, from the scores down to the pixels",
         ylabel="sum of relevance / score\n(median of 16 pictures)")
axis.tick_params(axis="x", rotation=30)
axis.legend(ncols=2)
plots.describe(figure, "Sum of the relevance at every layer, as a share of the score: constant for z-plus, Deep Taylor and gamma without bias; LRP-0, epsilon and gamma lose or gain at each layer with a bias.")

# %% [markdown]
# What is to be seen: the three rules without the bias lie on top of each other, at one from top to bottom. The others change at each layer whose rule counts the bias, by the bias's share and by what $\epsilon$ absorbs (the composite is flat at the pixels, where z-box leaves the bias out). With both signs in play a bias can even hand out relevance that nobody had.
#
# The poolings and the dense layer keep the books exactly. At a convolution one loss remains that no rule can mend: an output that is on **because of its bias alone** has no contribution to hand relevance to. Count it: z-plus strands the relevance of outputs without a positive contribution, alpha-beta hands on $\alpha$ times (or $-\beta$ times) where only one sign is present.

# %%
def largest_gap(name, positive, negative):
    """Largest change of the sum of relevance at a layer that is not explained by outputs without contributions, and the share that those hold."""
    trail, entering = relevances(precise, some, some_labels, RECIPES[name]), {}
    values = some
    for layer in precise.layers[1:]:
        entering[layer.name], values = values, layer(values)
    names, unexplained, stranded = list(trail), [], 0.0
    score = tf.reduce_sum(trail["scores"], axis=1)
    for above, here in zip(names, names[1:]):
        handed = trail[above]
        if here.startswith("conv") and not (here == "conv1" and name == "Deep Taylor"):
            kernel = precise.get_layer(here).kernel
            up, down = (slide(entering[here], side) for side in (tf.maximum(kernel, 0), tf.minimum(kernel, 0)))
            handed = handed * (positive * tf.cast(up > 0, tf.float64) - negative * tf.cast(down < 0, tf.float64))
        axes = [tuple(range(1, len(r.shape))) for r in (handed, trail[above], trail[here])]
        sums = [tf.reduce_sum(r, axis=axis) for r, axis in zip((handed, trail[above], trail[here]), axes)]
        unexplained.append(float(tf.reduce_max(tf.abs(sums[2] - sums[0]) / score)))
        stranded = max(stranded, float(tf.reduce_max(tf.abs(sums[1] - sums[0]) / score)))
    return max(unexplained), stranded


ledger = {"z-plus": largest_gap("z-plus", 1, 0), "Deep Taylor": largest_gap("Deep Taylor", 1, 0), "alpha 2, beta 1": largest_gap("alpha 2, beta 1", 2, 1)}
for name, (gap, stranded) in ledger.items():
    claim(f"{name}: relevance is kept at every layer, largest gap in shares of the score", gap, at_most=1e-4)
claim("Stranded on outputs without a positive contribution, largest share of the score at a layer (z-plus)", ledger["z-plus"][1], at_most=0.08)
claim("LRP-0 with its biases ends at another sum than the score: median gap in shares of it", np.median(np.abs(kept["LRP-0"][-1] - 1)), at_least=0.3)

# %% [markdown]
# ### Trap: keeping the books is not being right
#
# "gamma, no bias" keeps its books and drew the worst map of section 7. Conservation is one line in the account, not the goal: the sum can be right while huge shares of both signs cancel. Where a neuron is on *because of* its bias, the sum without it can be near zero or negative, and dividing by it blows shares up or turns their sign. z-plus is immune: its sums have no two signs that could cancel.

# %%
def churn(name):
    """Sum of absolute relevance at the pixels for each unit of the score, median over pictures."""
    return np.median(np.abs(found[name].sum(-1)).sum((1, 2)) / np.abs(found[name].sum((1, 2, 3))))


claim("Absolute relevance for each unit of its sum: gamma without bias against z-plus, times", churn("gamma, no bias") / churn("z-plus"), at_least=10)
on_animal = {name: scoring.mass_in_mask(maps.sum(-1), animals.masks) for name, maps in found.items()}
claim("Leaving the bias out costs gamma this share of its mass on the animal", (on_animal["gamma"] - on_animal["gamma, no bias"]).mean(), at_least=0.08)

# %% [markdown] tags=["instructor"]
# Sections 8 to 11 together 15 minutes if shown, 40 if worked. In section 8 ask first: "which rule can you trust to add up, and would you therefore trust its map?"

# %% [markdown]
# ## 9. The same maps from Captum
#
# Captum brings LRP for PyTorch. Feed it the torch twin, give its modules the same rules, and compare, in float64. (The course's tests do the same with a second library, zennit, for all rules.)

# %%
torch_twin = models.load("zoonet").double()
torch_pictures = torch.from_numpy(some.numpy()).permute(0, 3, 1, 2)
WEIGHTED = ("features.conv1", "features.conv2", "features.conv3", "features.conv4")


def captum_map(conv_rule=None, dense_epsilon=1e-9):
    """Captum's LRP: array (n, 64, 64, 3). Rules are set anew each time, because a call deletes them."""
    for name in WEIGHTED:
        if conv_rule is not None:
            torch_twin.get_submodule(name).rule = conv_rule()
    torch_twin.classifier.rule = lrp_rules.EpsilonRule(dense_epsilon)
    relevance = attr.LRP(torch_twin).attribute(torch_pictures.clone().requires_grad_(), target=torch.from_numpy(some_labels))
    return relevance.detach().permute(0, 2, 3, 1).numpy()


def part(ours, theirs):
    """Largest difference as a share of the largest value."""
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


clamped = captum_map(lambda: lrp_rules.Alpha1_Beta0_Rule(set_bias_to_zero=True))
pairs = {
    "epsilon": (RECIPES["epsilon"], captum_map(lambda: lrp_rules.EpsilonRule(0.1), 0.1)),
    "gamma": (RECIPES["gamma"], captum_map(lambda: lrp_rules.GammaRule(0.25))),
    "z-plus (alpha 1, beta 0)": (everywhere(z_plus), clamped),
}
for name, (recipe, theirs) in pairs.items():
    claim(f"{name}: Captum's map and yours part by at most this share of the largest value", part(pixel_map(precise, some, some_labels, recipe), theirs), at_most=1e-4)

# %% [markdown]
# Three things in Captum 0.9 that have cost people days:
#
# - a rule that you set on a module is **deleted after the call**; a second call silently runs epsilon, with an epsilon so small that it is LRP-0;
# - `Alpha1_Beta0_Rule` **keeps the bias** unless told otherwise, and clamps the weights only, so it is wrong for signed inputs (your 10.3 is not);
# - there is no rule for `nn.Flatten`; networks for it use `torch.flatten`.

# %%
again = attr.LRP(torch_twin).attribute(torch_pictures.clone().requires_grad_(), target=torch.from_numpy(some_labels))
second = again.detach().permute(0, 2, 3, 1).numpy()
claim("Captum's second call, rules not set again, differs from the first by this share at least", part(second, clamped), at_least=0.1)
claim("and is plain LRP-0: largest difference", part(second, pixel_map(precise, some, some_labels, RECIPES["LRP-0"])), at_most=1e-3)
leaky = captum_map(lambda: lrp_rules.Alpha1_Beta0_Rule())
claim("Alpha1_Beta0 as it comes: what its map's sum lacks or exceeds of the score, median share",
      np.median(np.abs(leaky.sum((1, 2, 3)) / clamped.sum((1, 2, 3)) - 1)), at_least=0.08)

signed = tf.cast(pictures[:8] - tf.reduce_mean(pictures[:8], axis=(0, 1, 2)), tf.float32)   # pixels of both signs, as after normalisation
kernel, sent = network.get_layer("conv1").kernel, tf.random.Generator.from_seed(1).uniform((8, 64, 64, 16))
right = lrp_conv(signed, kernel, tf.zeros(16), sent, 1.0, 0.0).numpy()
careless = lrp_linear(signed, tf.nn.relu(kernel), tf.zeros(16), sent).numpy()              # what clamping the weights alone gives
claim("Signed inputs: correlation of z-plus with its version that clamps weights only", np.corrcoef(right.ravel(), careless.ravel())[0, 1], between=(-0.3, 0.3))

# %% [markdown]
# ## 10. A table of rules
#
# Which map lies on the animal? As in labs 06 and 08: **pointing** (is the largest value on the animal, within 2 pixels?) and **mass** (share of the map's positive values on the animal), each with its 95 % bootstrap interval, beside **controls that know no model**. Relevance is summed over colours and its positive part scored; for gradients the largest absolute value of the three colours.

# %%
strengths = {name: np.abs(slopes[name]).max(-1) for name in ("gradient", "deconvnet", "guided")}
strengths |= {name: maps.sum(-1).clip(0) for name, maps in found.items()}
controls = {"random": scoring.random_maps(animals.masks.shape, seed=1), "centre blob": scoring.centre_blob(animals.masks.shape),
            "Sobel edges": scoring.sobel_edges(animals.pictures)}
points = {name: scoring.pointing_game(heats, animals.masks, tolerance=2) for name, heats in {**strengths, **controls}.items()}
masses = {name: scoring.mass_in_mask(heats, animals.masks) for name, heats in {**strengths, **controls}.items()}
board = {name: {"pointing": scoring.bootstrap(points[name]), "mass on the animal": scoring.bootstrap(masses[name])} for name in points}
score_plots.dots(board, controls=list(controls), xlabel="mean over pictures",
                 alt="Pointing and mass on the animal of eleven maps and three controls, with intervals.")

# %% [markdown]
# What is to be seen: filled dots are maps of the model, hollow ones controls, lines 95 % intervals, the dashed line the best control. LRP-0 is the map of gradient times input. Nearly everything points well, so pointing separates little; mass separates the rules. Alpha 2, beta 1, whose positive part alone is scored here, has no more of it than the blob. And guided backprop, which gives account of nothing, has as much as Deep Taylor.

# %% tags=["nbval-ignore-output"]
print(score_plots.table(board), "\n")
for name, cost in milliseconds.items():
    print(f"{name:16} {cost:5.1f} ms a picture")

# %%
def ahead(name, other):
    """Lower end of the interval for the mean difference in mass, paired by picture."""
    return scoring.bootstrap(masses[name] - masses[other])[1]


claim("Deep Taylor has more mass on the animal than the blob in the middle, by (lower end of the interval)", ahead("Deep Taylor", "centre blob"), at_least=0.15)
claim("z-box in place of z-plus at the pixels adds", ahead("Deep Taylor", "z-plus"), at_least=0.1)
claim("The composite has more than LRP-0, that is, gradient times input, by", ahead("composite", "LRP-0"), at_least=0.12)
claim("Deep Taylor's mean mass less guided backprop's", (masses["Deep Taylor"] - masses["guided"]).mean(), between=(-0.06, 0.08))

# %% [markdown]
# The rule at the pixels decides most of this table: with z-box at the first layer the rules above it hardly differ in mass. That is a warning, too: this table cannot tell you which of them explains the *decision* best.
#
# ### Does the map ask which class?
#
# A map for "camel" should differ from the map for the runner-up on the same picture. Start with relevance 1 at either output and take the cosine between the two maps: 1 if the map ignores the class.

# %%
others = logits.numpy().copy()
others[np.arange(N), labels] = -np.inf
runner_up = others.argmax(1)


def class_blindness(recipe):
    """Cosine between the maps for the label and for the runner-up, (n,)."""
    one, other = (pixel_map(network, pictures, which, recipe, start_with="one").sum(-1).reshape(N, -1) for which in (labels, runner_up))
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


blind = {name: class_blindness(RECIPES[name]) for name in ("LRP-0", "epsilon", "gamma", "alpha 2, beta 1", "z-plus", "Deep Taylor", "composite")}
score_plots.dots({name: {"cosine of the maps for two classes": scoring.bootstrap(values)} for name, values in blind.items()},
                 xlabel="mean over pictures, 1 = the same map", width=6.5, alt="Cosine between the maps for the label and the runner-up, for seven recipes.")

# %% [markdown]
# What is to be seen: z-plus and Deep Taylor ask least which class, LRP-0 and epsilon most. Rules that keep positive contributions only
# forget on the way down what told the classes apart (Sixt et al., 2020, show that z-plus tends to a single map as networks get deeper).

# %%
claim("Deep Taylor's maps for two classes are more alike than LRP-0's, by (lower end)", scoring.bootstrap(blind["Deep Taylor"] - blind["LRP-0"])[1], at_least=0.08)
claim("and than the composite's, by (lower end)", scoring.bootstrap(blind["Deep Taylor"] - blind["composite"])[1], at_least=0.02)

# %% [markdown] tags=["instructor"]
# Ask which column of the table they would show the zoo, and what the cosine adds to it. There is no single best rule here: say which question you ask.

# %% [markdown]
# ## 11. Batch normalisation has to go first
#
# `zoonet` has no batch normalisation; most networks do. At test time it multiplies each channel by a constant and adds another ($\mu$, $\sigma^2$: the channel's running mean and variance; $\gamma$, $\beta$: its learned scale and shift; $\varepsilon$: a small constant; none of them has to do with the rules of the same name):
#
# $$y = \gamma\,\frac{z - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta .$$
#
# That is a linear layer that could be part of the convolution before it: **folding** multiplies the kernel by $\gamma / \sqrt{\sigma^2 + \varepsilon}$ for each filter and moves the rest into the bias. The function stays the same; relevance does not, because LRP looks at the layers and not at the function. Train a small network on scikit-learn's digits, in Keras.

# %%
from sklearn.datasets import load_digits

digits = load_digits()
digit_pictures, digit_labels = (digits.images[..., None] / 16).astype(np.float32), digits.target      # (1797, 8, 8, 1)
keras.utils.set_random_seed(0)
K = keras.layers
normalised = keras.Sequential([
    keras.Input((8, 8, 1)),
    K.Conv2D(16, 3, padding="same", use_bias=False, name="conv1"), K.BatchNormalization(momentum=0.9, name="norm1"), K.ReLU(), K.MaxPooling2D(2),
    K.Conv2D(32, 3, padding="same", use_bias=False, name="conv2"), K.BatchNormalization(momentum=0.9, name="norm2"), K.ReLU(),
    K.GlobalAveragePooling2D(), K.Dense(10, name="classifier")])
normalised.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
normalised.fit(digit_pictures[:1500], digit_labels[:1500], batch_size=50, epochs=profile(full=12, fast=10), verbose=0)
normalised.trainable = False
tests, test_labels = tf.constant(digit_pictures[1500:]), digit_labels[1500:]
claim("Share of new digits named right", np.mean(normalised(tests).numpy().argmax(1) == test_labels), at_least=0.75)

# %%
def folded(model):
    """The same Keras chain with every batch normalisation folded into the convolution before it."""
    plain, values = [keras.Input(model.input_shape[1:])], {}
    for layer in model.layers:
        if isinstance(layer, K.BatchNormalization):
            scale = layer.gamma / tf.sqrt(layer.moving_variance + layer.epsilon)
            kernel = values[plain[-1].name][0]
            values[plain[-1].name] = [kernel * scale, layer.beta - scale * layer.moving_mean]
            continue
        settings = layer.get_config() | ({"use_bias": True} if isinstance(layer, K.Conv2D) else {})
        plain.append(layer.__class__.from_config(settings))
        values[layer.name] = list(layer.weights)
    whole = keras.Sequential(plain)
    for name, arrays in values.items():
        if arrays:
            whole.get_layer(name).set_weights([np.asarray(array) for array in arrays])
    return whole


plain_digits = folded(normalised)
claim("Folded and unfolded scores: largest difference", np.abs(plain_digits(tests).numpy() - normalised(tests).numpy()).max(), at_most=1e-3)


def unfolded_recipe(conv_rule):
    """Rules for the network as it is: the batch normalisation hands relevance through as if it were not there."""
    def recipe(name):
        if name.startswith("norm"):
            return lambda activations, kernel, bias, relevance: relevance
        if name.startswith("conv"):
            return lambda a, kernel, bias, r: conv_rule(a, kernel, tf.zeros(kernel.shape[-1]), r)
        return lambda *layer: lrp_dense(*layer, 0.0)
    return recipe


# %% [markdown]
# Handing relevance through the normalisation unchanged is what many implementations do (Captum's `IdentityRule` is made for it). Compare with the folded network, digit by digit, by the correlation of the two maps. Then a test that shows the principle: turn the sign of half of the filters *and* of their $\gamma$ and $\mu$. The function is the same to the last bit; a good explanation should not notice.

# %%
def walk(model, recipe):
    """Relevance maps (n, 8, 8) of a chain that may hold batch normalisations, for the test digits' labels."""
    layers, entering = model.layers, [tests]
    for layer in layers:
        entering.append(layer(entering[-1]))
    r = tf.one_hot(test_labels, 10) * entering.pop()
    for layer, a in zip(layers[::-1], entering[::-1]):
        if layer.weights:
            r = recipe(layer.name)(a, getattr(layer, "kernel", None), getattr(layer, "bias", None), r)
        elif isinstance(layer, K.MaxPooling2D):
            r = lrp_pool(a, r, 2, "max")
        elif isinstance(layer, K.GlobalAveragePooling2D):
            r = lrp_pool(a, r[:, None, None], a.shape[1], "average")
    return r.numpy()[..., 0]


turned = keras.models.clone_model(normalised)
turned.set_weights(normalised.get_weights())
for conv, norm in (("conv1", "norm1"), ("conv2", "norm2")):
    kernel, = turned.get_layer(conv).get_weights()
    gamma, beta, mean, variance = turned.get_layer(norm).get_weights()
    flip = np.where(np.arange(len(mean)) % 2, -1.0, 1.0)
    turned.get_layer(conv).set_weights([kernel * flip])
    turned.get_layer(norm).set_weights([gamma * flip, beta, mean * flip, variance])


def alike(maps, others):
    """Mean correlation of two maps of one digit."""
    return np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(maps, others)])


digit_maps = {
    "LRP-0, folded": walk(plain_digits, everywhere(lrp_linear)), "LRP-0, unfolded": walk(normalised, unfolded_recipe(lrp_linear)),
    "z-plus, folded": walk(plain_digits, everywhere(z_plus)), "z-plus, unfolded": walk(normalised, unfolded_recipe(z_plus)),
    "z-plus, unfolded,\nsigns turned": walk(turned, unfolded_recipe(z_plus)),
}
ten = [int(np.flatnonzero(test_labels == k)[0]) for k in range(0, 10, 2)]
heatmaps.grid(1 - digit_pictures[1500:][ten][..., 0], {name.replace(", ", ",\n", 1): maps[ten] for name, maps in digit_maps.items()}, signed=True,
              alt="Five digits and five maps of each: LRP-0 folded and unfolded differ; z-plus folded and unfolded are equal until the signs of filters are turned.")

# %% [markdown]
# What is to be seen: three networks that compute the same function. LRP-0 depends on whether the normalisation was folded; z-plus does not as long as every $\gamma$ is positive, because a positive factor cancels in a share, but with turned signs it shares out the wrong contributions.

# %%
claim("Turned signs leave the scores as they are: largest difference", np.abs(turned(tests).numpy() - normalised(tests).numpy()).max(), at_most=1e-3)
claim("LRP-0, folded against unfolded: mean correlation", alike(digit_maps["LRP-0, folded"], digit_maps["LRP-0, unfolded"]), at_most=0.5)
claim("z-plus, unfolded, before and after the signs were turned", alike(digit_maps["z-plus, unfolded"], digit_maps["z-plus, unfolded,\nsigns turned"]), at_most=0.95)
claim("z-plus, folded after the signs were turned against folded before: mean correlation",
      alike(walk(folded(turned), everywhere(z_plus)), digit_maps["z-plus, folded"]), at_least=0.999)

# %% [markdown]
# So: fold first, then explain. iNNvestigate and zennit do it, too ("canonisation").

# %% [markdown]
# ## What to remember
#
# - Two questions at every ReLU make four ways back; **guided backprop** asks both. Its lines are clean, and they are no shares of anything.
# - **LRP** hands the score down in shares of contributions $a_i w_{ij}$. Rules differ in what they divide by: everything (0, $\epsilon$), positive raised ($\gamma$), each sign apart ($\alpha\beta$, z-plus), distance from the box (z-box).
# - LRP-0 is gradient times input. Epsilon takes the sign of $z$, zero counting as positive.
# - Bias, epsilon and outputs without contributions take relevance; know how much. Keeping the sum is no proof of a good map.
# - Split by the sign of the **contribution**, not of the weight. Max pooling: the winner takes all, once.
# - **Deep Taylor** is z-plus with z-box at the pixels. The rule at the pixels decides how the map looks; rules that hand out positive shares alone ask least which class.
# - Fold batch normalisation before you explain.

# %% [markdown]
# ## Outside: a photograph through MobileNetV2
#
# Real networks are no chains: MobileNetV2 has strides, depthwise convolutions, ReLUs that stop at 6, batch normalisation, and shortcuts that add two branches. Your trick of section 2 carries over: give each layer a way back of its own, and let the gradient tape do the walking. What arrives at the pixels is then not the gradient but the relevance. Some of its layers have no ReLU behind them, so outputs are negative, too: z-plus is extended to them by sharing every output out among the contributions of *its own* sign. The last layer takes epsilon.
#
# The weights come from the folder that `COURSE_DATA` names, or by `python3 course.py fetch mobilenet_v2`; where they are not, the cells say so and the lab ends all the same.

# %% tags=["nbval-ignore-output"]
from IPython.display import display

from course_utils.datasets import photos, real
from course_utils.models import imagenet


def in_keras(network):
    """Keras' MobileNetV2 with torchvision's weights, each batch normalisation folded into its convolution; what it adds stays as the norm's shift."""
    mobile = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    modules = list(network.modules())
    convs = iter([module for module in modules if isinstance(module, torch.nn.Conv2d)])
    norms = iter([module for module in modules if isinstance(module, torch.nn.BatchNorm2d)])
    for layer in mobile.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            norm, weight = next(norms), next(convs).weight.detach()
            scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
            order = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
            layer.set_weights([(weight * scale[:, None, None, None]).permute(order).numpy()])
            layer.shift = shift = (norm.bias.detach() - scale * norm.running_mean).numpy()
        elif isinstance(layer, keras.layers.BatchNormalization):
            one = np.ones_like(shift)
            layer.set_weights([np.sqrt(1 + layer.epsilon) * one, shift, 0 * one, one])
    linear = network.classifier[-1]
    mobile.layers[-1].set_weights([linear.weight.detach().numpy().T, linear.bias.detach().numpy()])
    return mobile


# %%
def signed_parts(values):
    """The positive and the negative part."""
    return tf.nn.relu(values), -tf.nn.relu(-values)


def handing_on(forward, kernel, shift):
    """forward(maps, kernel) + shift as a function of the maps, whose way back shares out by contributions of the output's sign."""
    kernel, shift = tf.constant(kernel), tf.constant(shift)
    raising, lowering = signed_parts(kernel)

    @tf.custom_gradient
    def layer(maps):
        output = forward(maps, kernel) + shift

        def backward(relevance):
            sides = positive, negative = signed_parts(maps)
            with tf.GradientTape() as tape:
                tape.watch(sides)
                totals = [forward(positive, raising) + forward(negative, lowering), forward(positive, lowering) + forward(negative, raising)]
            chosen = [relevance * tf.cast(output >= 0, maps.dtype), relevance * tf.cast(output < 0, maps.dtype)]
            per_unit = [tf.math.divide_no_nan(part, total) for part, total in zip(chosen, totals)]
            back = tape.gradient(totals, sides, output_gradients=per_unit)
            return positive * back[0] + negative * back[1]

        return output, backward

    return layer


@tf.custom_gradient
def branches(one, other):
    """The sum of two branches; relevance goes to what has the sum's sign, in proportion."""
    total = one + other

    def backward(relevance):
        sides = [tf.where(total >= 0, tf.nn.relu(side), -tf.nn.relu(-side)) for side in (one, other)]
        per_unit = tf.math.divide_no_nan(relevance, sides[0] + sides[1])
        return sides[0] * per_unit, sides[1] * per_unit

    return total, backward


@tf.custom_gradient
def mean_of_places(maps):
    """Global average pooling with your rule for it."""
    return tf.reduce_mean(maps, (1, 2)), lambda relevance: lrp_pool(maps, relevance[:, None, None], maps.shape[1], "average")


def with_z_plus(layer):
    """What stands in the copy in place of a layer of MobileNetV2; its gradient is a rule."""
    kinds, lambda_ = keras.layers, keras.layers.Lambda
    if isinstance(layer, kinds.DepthwiseConv2D):
        strides, padding = [1, *layer.strides, 1], layer.padding.upper()
        return lambda_(handing_on(lambda maps, kernel: tf.nn.depthwise_conv2d(maps, kernel, strides, padding), layer.kernel.numpy(), layer.shift))
    if isinstance(layer, kinds.Conv2D):
        strides, padding = layer.strides, layer.padding.upper()
        return lambda_(handing_on(lambda maps, kernel: tf.nn.conv2d(maps, kernel, strides, padding), layer.kernel.numpy(), layer.shift))
    if isinstance(layer, kinds.BatchNormalization):
        return lambda_(lambda maps: maps)                              # its shift stands in the convolution now
    if isinstance(layer, kinds.ReLU):
        return lambda_(tf.custom_gradient(lambda maps: (tf.clip_by_value(maps, 0, 6), lambda relevance: relevance)))
    if isinstance(layer, kinds.Add):
        return lambda_(lambda pair: branches(*pair))
    if isinstance(layer, kinds.GlobalAveragePooling2D):
        return lambda_(mean_of_places)
    if isinstance(layer, kinds.Dense):
        weight, bias = tf.constant(layer.kernel), tf.constant(layer.bias)
        return lambda_(tf.custom_gradient(lambda a: (a @ weight + bias, lambda relevance: lrp_dense(a, weight, bias, relevance, 1e-6))))
    return layer.__class__.from_config(layer.get_config())


def guided_up_to_6(layer):
    """In place of MobileNetV2's ReLUs: guided backprop, off above 6, too."""
    if isinstance(layer, keras.layers.ReLU):
        def rule(values):
            def backward(upstream):
                return tf.nn.relu(upstream) * tf.cast((values > 0) & (values < 6), upstream.dtype)

            return tf.clip_by_value(values, 0, 6), backward
        return keras.layers.Activation(tf.custom_gradient(rule), name=layer.name)
    return layer.__class__.from_config(layer.get_config())


# %% tags=["nbval-ignore-output"]
torch_mobile = real.or_none(imagenet.load, "mobilenet_v2")
if torch_mobile is not None:
    mobile = in_keras(torch_mobile.network)
    squares = [photos.square(photos.load(name), 224).picture for name in ("chelsea", "coffee", "flower")]
    normalised_pixels = tf.constant((np.stack(squares) / 255 - imagenet.MEAN) / imagenet.STD, tf.float32)
    best = mobile(normalised_pixels).numpy().argmax(1)
    shares = keras.models.clone_model(mobile, clone_function=with_z_plus)
    guided_mobile = keras.models.clone_model(mobile, clone_function=guided_up_to_6)
    guided_mobile.set_weights(mobile.get_weights())
    assert np.allclose(shares(normalised_pixels), mobile(normalised_pixels), atol=1e-2)
    lines = {"gradient": pixel_gradient(mobile, normalised_pixels, best), "guided": pixel_gradient(guided_mobile, normalised_pixels, best)}
    rows = {name: np.minimum(np.abs(back).max(-1), np.quantile(np.abs(back).max(-1), 0.995, axis=(1, 2), keepdims=True)) for name, back in lines.items()}
    shared = pixel_gradient(shares, normalised_pixels, best).sum(-1)
    rows["z-plus"] = np.minimum(shared.clip(0), np.quantile(shared, 0.995, axis=(1, 2), keepdims=True))
    display(heatmaps.grid(squares, rows, [imagenet.class_names()[k] for k in best],
                          alt="Three photographs, and for the class that MobileNetV2 names: gradient, guided backprop and z-plus."))
    print("Of relevance 1, reaches the pixels:", shared.sum((1, 2)).round(4))

# %% [markdown]
# What is to be seen, where the network is at hand: the class over each photograph, and three ways back from it. z-plus keeps to the thing that is named; but section 10 has shown that it asks less than other rules which class, so do not take it for proof of *this* class. The last line is section 8 on a real network: next to nothing of the relevance arrives. An output of a depthwise convolution has nine inputs and a bias; where it is on by its bias, none of the nine may have a contribution of its sign, and its relevance is stranded. A map is drawn on its own scale and does not tell.

# %% [markdown]
# ## References
#
# - S. Bach et al., *On pixel-wise explanations for non-linear classifier decisions by layer-wise relevance propagation*, PLOS ONE 2015: LRP-0, epsilon, alpha-beta.
# - G. Montavon et al., *Explaining nonlinear classification decisions with deep Taylor decomposition*, Pattern Recognition 2017: z-plus, z-box.
# - G. Montavon et al., *Layer-wise relevance propagation: an overview*, in Explainable AI, Springer 2019: gamma, composites.
# - M. Kohlbrenner et al., *Towards best practice in explaining neural network decisions with LRP*, IJCNN 2020.
# - M. Ancona et al., *Towards better understanding of gradient-based attribution methods*, ICLR 2018: LRP and gradient times input.
# - L. Sixt, M. Granz, T. Landgraf, *When explanations lie: why many modified BP attributions fail*, ICML 2020.
# - M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014; J. T. Springenberg et al., *Striving for simplicity*, ICLR workshop 2015: deconvnet, guided backprop.
# - M. Alber et al., *iNNvestigate neural networks!*, JMLR 2019; C. Anders et al., *Software for dataset-wide XAI: zennit, CoRelAy, ViRelAy*, 2021.
# - 50.039, week 10 notes, programme; K. Katanforoosh, *Interpretability of neural networks*, CS230, II.C.
