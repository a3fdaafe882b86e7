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
# # Lab 01 · Transposed convolutions
#
# *CS 360, week 12 notes, section 1 · CS 360, slides of April 16 (convolution arithmetic, Handout 23) · CS 230, interpretability
# slides, II.C. About 120 minutes; section 10 and the photograph are extra. Builds on no other lab.*
#
# A convolution makes pictures smaller, and a generator has to make them larger. How can a filter enlarge a picture?
#
# You will be able to
#
# - **compute** the output size of any convolution, ordinary or transposed;
# - **write** a convolution as a matrix $W$, and enlarge with $W^\top$;
# - **implement** the same enlargement by laying down stamps, and by sliding a flipped filter over zeros;
# - **tell** a transpose from an inverse;
# - **predict** where checkerboard patterns come from, and remove them.

# %%
import numpy as np
import torch
import torch.nn.functional as F

from course_utils.datasets import photos
from course_utils.notebook import check, claim, start
from course_utils.plots import DIVERGING, PALETTE, describe, panels
from course_utils.plots.cells import INPUT, OUTPUT, cells, frame, number_grid, outline, weight_matrix
from course_utils.plots.convolution import sliding_picture
from course_utils.widgets import convolution_explorer

start("01")

# %% [markdown] tags=["instructor"]
# **Plan, 120 minutes:** 1 Sliding 6 · 2 Going up 16 (exercise 01.1) · 3 Handout 9 · 4 Matrix 22 (01.2, 01.3) · 5 Trap 9 ·
# 6 Stamps 20 (01.4) · 7 Zeros 22 (01.5) · 8 Sizes 4 · 9 Checkerboard 12 (01.6). Section 10 and the photograph are for those who are
# ahead. In 90 minutes: 01.5 is homework, its section is told at the board.
#
# Have paper on the tables: the handout and the first two hints are pencil work.

# %% [markdown]
# ## 1 · A window slides over a picture
#
# A layer takes $C$ input maps $x$ of shape $(C, h, w)$ and a filter $w$ of shape $(O, C, k, k)$, and gives $O$ output maps:
#
# $$y_{o,i,j} = \sum_{c}\sum_{a,b} w_{o,c,a,b}\; x_{c,\;i s + a - p,\;j s + b - p}$$
#
# The window has side $k$ (**kernel**), moves by $s$ cells (**stride**), and starts $p$ cells outside the picture, where all cells are
# zero (**padding**). The filter is laid on *as it is*: mathematicians call this cross-correlation, networks call it convolution.

# %%
def slide(maps, weight, stride=1, padding=0):
    """Ordinary convolution: the filter, unflipped, over every window.

    Parameters
    ----------
    maps : ndarray, shape (c_in, h, w)
    weight : ndarray, shape (c_out, c_in, kernel height, kernel width)
    stride, padding : int

    Returns
    -------
    ndarray, shape (c_out, h', w')
    """
    padded = np.pad(maps, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(1, 2))
    return np.einsum("cijab,ocab->oij", windows[:, ::stride, ::stride], weight)


# %%
def gap(one, other):
    """Largest absolute difference of two arrays or tensors of one shape."""
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


rng = np.random.default_rng(0)
maps, weight = rng.normal(size=(3, 7, 9)), rng.normal(size=(4, 3, 3, 2))
ours = slide(maps, weight, stride=2, padding=1)
torchs = F.conv2d(torch.from_numpy(maps)[None], torch.from_numpy(weight), stride=2, padding=1)[0].numpy()
claim("Largest difference between slide and torch's conv2d", gap(ours, torchs), at_most=1e-10)

# %% [markdown]
# How large is the output? The next figure shows three settings. Count the positions of the window before you read the size.

# %%
def three_pictures(settings, step, transposed):
    """A row of small drawings: input cells, the window, and the output cell that it gives."""
    figure, axes = panels(1, 3, width=9.6, height=3.2)
    for panel, (title, size, stride, padding) in zip(axes, settings):
        sliding_picture(panel, size, 3, stride, padding, step, transposed=transposed, fit=(14.4, 9.0))
        panel.set_title(f"{title}\nk = 3, s = {stride}, p = {padding}")
    names = "; ".join(title for title, *_ in settings)
    return describe(figure, f"Grids of input cells in blue and output cells in orange, with one window marked: {names}.")


three_pictures([("No padding, no strides", 4, 1, 0), ("No padding, strides", 5, 2, 0), ("Padding, strides", 5, 2, 1)],
               step=1, transposed=False)

# %% [markdown]
# Blue is input, orange is output, dashed is zero. The black window on the left gives the black cell on the right. In all three the
# output is smaller than the input.
#
# On a side of $n$ cells the first window stands at 0, and the others follow in steps of $s$ as long as they fit into $n + 2p$ cells:
#
# $$n' = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$
#
# With a **dilation** $d$ the filter's weights stand $d$ cells apart. Then $k$ gives way to the filter's *span*, the cells from its
# first weight to its last, both counted.

# %% [markdown] tags=["instructor"]
# **1, 6 minutes.** Draw the 5-cell side with k = 3, s = 2 on the board and ask for the number of windows; then make it 6 cells. Same
# number: somebody will ask which of the two the way back should give. Keep the question for section 8.

# %% [markdown]
# ## 2 · The same arrows, backwards
#
# A generator starts from few numbers and has to end with a picture. Turn the drawing round: each input number now *writes* to the
# cells that a window would have read.
#
# - Each input number multiplies the whole filter. That product is a **stamp** of side $k$.
# - The stamps of neighbours are laid on a canvas $s$ cells apart. Where stamps overlap, they add up.
# - Then $p$ cells are **cropped** from every side of the canvas.
#
# This is the **transposed convolution**. Section 4 will say why it has that name. The slides draw it in another way, which section 7
# will prove to be the same: spread the input with zeros, pad it, and slide a window with stride 1.

# %%
three_pictures([("No padding, no strides,\ntransposed", 2, 1, 0), ("No padding, strides,\ntransposed", 2, 2, 0),
                ("Padding, strides,\ntransposed", 3, 2, 1)], step=6, transposed=True)

# %% [markdown]
# The window is as large as before and always moves by one cell. What enlarges is the input: with stride 2 its cells stand two cells
# apart, and the border of zeros lets the window touch every corner. The padding in the titles is that of the layer whose way is
# reversed: more padding gives a *narrower* border here, so the third input is larger than the second and its output is not.

# %% [markdown] tags=["card"] label="01.1-card"
# ### Exercise 01.1 · Output sizes
# *2 points · 8 minutes · difficulty ●○○*
#
# Write `output_size` for one side of an ordinary or a transposed convolution. For the transposed one, ask where the last stamp ends on
# the canvas and what is cropped; the **output padding** (section 8) is a number of cells added to its result.
#
# Stuck? `%hint 01.1` gives a hint, `%reveal 01.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="01.1"
def output_size(size, kernel, stride=1, padding=0, dilation=1, output_padding=0, transposed=False):
    """Cells on one side of the output.

    Parameters
    ----------
    size : int
        Cells on one side of the input.
    kernel, stride, padding, dilation : int
        Of the layer, on this side. The window fits into the padded input at least once.
    output_padding : int
        Cells added at the end of a transposed convolution's output; of no effect in an ordinary one.
    transposed : bool
        False: ordinary convolution; True: transposed.

    Returns
    -------
    int
    """
    ### BEGIN SOLUTION
    span = dilation * (kernel - 1) + 1
    if transposed:
        return (size - 1) * stride + span - 2 * padding + output_padding
    return (size + 2 * padding - span) // stride + 1
    ### END SOLUTION


# %% tags=["check"] label="01.1-check"
output_size = check("01.1", output_size)

# %% [markdown]
# Now move it with the mouse. Each setting is drawn with numbers, so that you can check a cell in your head.
#
# 1. *ordinary*, k = 3, s = 2, p = 1: find two input sizes that give the same output size.
# 2. *transposed: stamps* and *transposed: zeros between*: step to the end in both. Are the numbers the same?
# 3. *transposed: stamps* with s = 3 and k = 2: which output cells stay zero, whatever the filter?

# %% tags=["nbval-ignore-output"]
convolution_explorer.explore()

# %% [markdown]
# Both transposed views end with the same numbers, although one writes and the other reads. In the zeros view dashed cells are zeros; in
# the stamps view they are the cells that padding crops.

# %% [markdown] tags=["instructor"]
# **2, 16 minutes with 01.1 and the explorer.** In the stamps view step through i = 2, k = 3, s = 2 by hand and ask before each step
# which cells will change. Question 3 leads to the overlap count of section 9: cells that no stamp reaches.

# %% [markdown]
# ## 3 · Handout 23: two conventions
#
# The handout puts a 2×2 picture into a border of two zeros and slides a 3×3 filter over it. It gives the first row of the answer,
# $-9,\ 3,\ 3,\ -1$. Cover the right panel of the next figure with your hand and compute the second row.

# %%
HANDOUT_PICTURE = np.array([[3.0, -1.0], [2.0, 0.0]])
HANDOUT_FILTER = np.array([[2.0, -2.0, 1.0], [0.0, 5.0, 2.0], [1.0, 0.0, -3.0]])

padded = np.pad(HANDOUT_PICTURE, 2)
answer = slide(padded[None], HANDOUT_FILTER[None, None])[0]
claim("First row of the handout's answer, filter slid as it is", answer[0].tolist(), equals=[-9.0, 3.0, 3.0, -1.0])

figure, axes = panels(1, 3, width=9.0, height=3.4)
is_picture = np.pad(np.ones((2, 2), dtype=bool), 2)
number_grid(axes[0], padded, INPUT, "2×2 picture, padded by two", is_picture, fit=(6, 6), mark=(0, 0, 3, 3))
number_grid(axes[1], HANDOUT_FILTER, "#F2F2F2", "filter, as it is", fit=(6, 6))
number_grid(axes[2], answer, OUTPUT, "answer", fit=(6, 6), mark=(0, 0, 1, 1))
describe(figure, "The padded picture of Handout 23, its filter, and the 4 by 4 answer, whose first row is -9, "
                 "3, 3, -1.")

# %% [markdown]
# The marked window holds a single number that is not padding, the 3 in its lower right corner. It meets the filter's lower right
# corner, $-3$: that makes the $-9$.
#
# Now lay stamps instead. The picture has four numbers, so there are four stamps, one cell apart.

# %%
def stamp_of(row, column):
    """The 4×4 canvas with the stamp of one cell of the handout's picture."""
    canvas = np.zeros((4, 4))
    canvas[row:row + 3, column:column + 3] = HANDOUT_PICTURE[row, column] * HANDOUT_FILTER
    return canvas


places = [(0, 0), (0, 1), (1, 0)]   # the fourth number is 0, and so is its stamp
stamps = [stamp_of(*place) for place in places]
figure, axes = panels(1, 4, width=9.6, height=3.0)
for panel, place, stamp in zip(axes, places, stamps):
    covered = np.zeros((4, 4), dtype=bool)
    covered[place[0]:place[0] + 3, place[1]:place[1] + 3] = True
    title = f"{HANDOUT_PICTURE[place]:g} × filter".replace("-", "−")
    number_grid(panel, np.where(covered, stamp, np.nan), "#FBECCC", title, covered, mark=(*place, 3, 3))
number_grid(axes[3], sum(stamps), OUTPUT, "sum of the stamps")
describe(figure, "Three stamps of the handout's filter on a 4 by 4 canvas, and their sum, whose first row is 6, "
                 "-8, 5, -1.")

# %% [markdown]
# Same picture, same filter, another answer: a stamp puts the filter's *upper left* weight on the first cell, a sliding window meets it
# with its *lower right* weight. So one is the other with the filter flipped in both directions. Which of the two is torch's?

# %%
def torch_transposed(maps, weight, **setting):
    """torch's conv_transpose2d on numpy arrays: maps (c_in, h, w), weight (c_in, c_out, kernel h, kernel w)."""
    return F.conv_transpose2d(torch.tensor(maps.copy())[None], torch.tensor(weight.copy()), **setting)[0].numpy()


flipped = HANDOUT_FILTER[::-1, ::-1]
of_torch = torch_transposed(HANDOUT_PICTURE[None], HANDOUT_FILTER[None, None])[0]
claim("torch's conv_transpose2d lays stamps", np.array_equal(of_torch, sum(stamps)))
slid_flipped = slide(padded[None], flipped[None, None])[0]
of_torch_flipped = torch_transposed(HANDOUT_PICTURE[None], flipped[None, None])[0]
claim("Sliding the flipped filter over the padded picture gives the stamps", np.array_equal(slid_flipped, of_torch))
claim("The handout's answer is conv_transpose2d with the flipped filter", np.array_equal(of_torch_flipped, answer))
claim("The two conventions give different answers", not np.array_equal(answer, of_torch))

# %% [markdown]
# | who | what happens to the filter |
# |---|---|
# | CS 360 notes, slides and Handout 23 | slid as it is over the picture that was spread and padded with zeros |
# | CS 230, $x = W^\top y$ | laid down as stamps (section 4) |
# | CS 230, "sub-pixel" convolution | flipped, then slid over zeros: the same as stamps (section 7) |
# | torch `ConvTranspose2d`, Keras `Conv2DTranspose` | laid down as stamps |
#
# Where the filter is learnt, both conventions can express the same layers: training finds the flipped filter. Where the filter is
# *given*, because you load weights or need the transpose of a certain layer, the wrong one is simply wrong. From here on, a transposed
# convolution lays stamps.

# %% [markdown] tags=["instructor"]
# **3, 9 minutes.** Let them fill in the 4×4 grid on paper, half of the class by sliding, half by stamping, and compare the first
# rows. Ask which filters give the same answer both ways (those that are symmetric under a half turn).

# %% [markdown]
# ## 4 · A convolution is a matrix
#
# The CS 230 slides take a signal of $n = 8$ numbers, a filter $(w_1, w_2, w_3, w_4)$, padding 2 and stride 2. The output has
# five numbers, and each is a weighted sum of the padded signal's twelve:
#
# $$y = W x, \qquad y \in \mathbb{R}^5, \quad W \in \mathbb{R}^{5 \times 12}, \quad x = (0, 0, x_1, \dots, x_8, 0, 0) \in \mathbb{R}^{12}$$

# %% [markdown] tags=["card"] label="01.2-card"
# ### Exercise 01.2 · The matrix of a convolution
# *2 points · 10 minutes · difficulty ●●○*
#
# Write `convolution_matrix`, which returns $W$ for any filter, size, stride and padding in one dimension. Write the first two rows of
# the 5×12 matrix on paper first. Numpy can fill all rows at once, but a loop over rows is fine.

# %% tags=["exercise"] label="01.2"
def convolution_matrix(kernel, size, stride, padding):
    """The matrix W with W @ padded = the ordinary convolution, filter unflipped, of a padded signal.

    Parameters
    ----------
    kernel : ndarray, shape (f,)
        The filter.
    size : int
        Cells n of the signal, without padding.
    stride, padding : int
        The padding stands at both ends.

    Returns
    -------
    ndarray of float, shape (m, n + 2 * padding)
        m is the output size of exercise 01.1. Row i gives output i.
    """
    ### BEGIN SOLUTION
    matrix = np.zeros((output_size(size, len(kernel), stride, padding), size + 2 * padding))
    rows = np.arange(len(matrix))[:, None]
    matrix[rows, rows * stride + np.arange(len(kernel))] = kernel
    return matrix
    ### END SOLUTION


# %% tags=["check"] label="01.2-check"
convolution_matrix = check("01.2", convolution_matrix)

# %% tags=["target"] target="01.2"
figure, axes = panels(width=9.0, height=4.4)
signal_labels = ["0", "0", *(f"$x_{j}$" for j in range(1, 9)), "0", "0"]
output_labels = [f"$y_{i}$" for i in range(1, 6)]
which_weight = convolution_matrix(np.array([1, 2, 3, 4]), 8, 2, 2).astype(int)
claim("Shape of W for n = 8, f = 4, p = 2, s = 2", which_weight.shape, equals=(5, 12))
weight_matrix(axes, which_weight, output_labels, signal_labels,
              "W: one row for each output, one column for each cell of the padded signal")
describe(figure, "The 5 by 12 matrix W: each row holds w1 to w4, two columns further right than in the row above.")

# %% [markdown]
# Every row holds the whole filter, two columns further to the right than the row above: the stride. The first and last two columns
# belong to the padding.
#
# To go from 5 numbers up to 12, take the matrix that has 12 rows and 5 columns: $x = W^\top y$. This is what gives the transposed
# convolution its name.

# %%
figure, axes = panels(1, 2, width=9.6, height=4.6, width_ratios=[1.0, 1.5])
weight_matrix(axes[0], which_weight.T, signal_labels, output_labels, "$W^⊤$")
y = np.array([1.0, -0.5, 1.5, 0.5, -1.0])
bump = np.array([0.3, 1.0, 0.8, 0.2])
columns = convolution_matrix(bump, 8, 2, 2).T * y   # column j: the filter at its place, times y_j
for j in range(5):
    place = np.flatnonzero(columns[:, j])            # two stamps at most share a cell: left half, right half
    axes[1].bar(place + (0.2 if j % 2 else -0.2), columns[place, j], width=0.4, color=PALETTE[j],
                label=f"$y_{j + 1}$ × filter")
axes[1].plot(np.arange(12), columns.sum(1), "ko", markersize=5, label="sum: $W^⊤ y$")
axes[1].axhline(0, color="black", linewidth=0.8)
axes[1].set(xlabel="cell of the padded signal", ylabel="value", xticks=range(12), ylim=(-1.2, 2.3),
            title="$W^⊤ y$ is a sum of stamps")
axes[1].legend(ncols=3, loc="upper center", fontsize=9)
describe(figure, "Left, W transposed: each column holds the filter, two rows lower than the column before. "
                 "Right, five stamps as bars and their sum.")

# %% [markdown]
# Column $j$ of $W^\top$ is the filter, standing $s \cdot j$ cells down. So $W^\top y$ adds up columns, and each column is a stamp: the
# black dots are the sums of the coloured bars. Colours stand for weights on the left, for stamps on the right.

# %% [markdown] tags=["card"] label="01.3-card"
# ### Exercise 01.3 · Transposed convolution by the transposed matrix
# *2 points · 8 minutes · difficulty ●○○*
#
# Write `transposed_by_matrix` with the two functions that you have. $W^\top y$ also has values for the cells of the padding: those are
# not part of the signal, and the transposed convolution leaves them out.

# %% tags=["exercise"] label="01.3"
def transposed_by_matrix(values, kernel, stride, padding):
    """Transposed convolution in one dimension, as W.T @ values.

    Parameters
    ----------
    values : ndarray, shape (m,)
        Input of the transposed convolution.
    kernel : ndarray, shape (f,)
    stride, padding : int
        Of the ordinary convolution whose matrix is transposed; padding may be 0.

    Returns
    -------
    ndarray of float, shape (n,)
        n is the transposed output size of exercise 01.1, without dilation and output padding.
    """
    ### BEGIN SOLUTION
    size = output_size(len(values), len(kernel), stride, padding, transposed=True)
    full = convolution_matrix(kernel, size, stride, padding).T @ values
    return full[padding:padding + size]
    ### END SOLUTION


# %% tags=["check"] label="01.3-check"
transposed_by_matrix = check("01.3", transposed_by_matrix)

# %% [markdown] tags=["instructor"]
# **4, 22 minutes with 01.2 and 01.3.** Let somebody dictate row 0 and row 1 while you type. Ask what the columns of W mean before you
# show the right panel. Typical slip in 01.3: `full[p:-p]` with p = 0.

# %% [markdown]
# ## 5 · Trap: the transpose is not the inverse
#
# The slides reason: *if* $W$ is invertible there is an $H = W^{-1}$ with $x = H y$; in practice take $W$ as orthogonal, and then
# $W^{-1} = W^\top$. Can the 5×12 matrix be invertible? It squeezes 12 numbers into 5, so different signals have to end in the same
# output. Here are two.

# %%
W = convolution_matrix(np.array([1.0, 3.0, 3.0, 1.0]) / np.sqrt(20.0), 8, 2, 2)
one_signal = np.pad(np.random.default_rng(1).normal(size=8), 2)     # eight numbers between zeros
unseen = np.pad(np.linalg.svd(W[:, 2:10])[2][-1], 2)                # a direction in them that W maps to zero
other_signal = one_signal + 5.0 * unseen
claim("Rank of the 5×12 matrix", int(np.linalg.matrix_rank(W)), equals=5)
claim("Distance between two signals", np.linalg.norm(other_signal - one_signal), at_least=4.9)
claim("Distance between their outputs", np.linalg.norm(W @ other_signal - W @ one_signal), at_most=1e-10)

# %% [markdown]
# No function of $y$ can tell those two apart, so nothing inverts this layer. What $W^\top$ is, by definition, is the **adjoint**: it
# moves $W$ from one side of an inner product to the other.
#
# $$\langle W x,\, y \rangle = \langle x,\, W^\top y \rangle \qquad \text{for all } x \in \mathbb{R}^{12},\ y \in \mathbb{R}^{5}$$

# %%
rng = np.random.default_rng(2)
gaps = []
for _ in range(50):
    x, y = rng.normal(size=12), rng.normal(size=5)
    gaps.append(abs((W @ x) @ y - x @ (W.T @ y)))
claim("Largest gap between ⟨Wx, y⟩ and ⟨x, Wᵀy⟩, 50 random pairs", max(gaps), at_most=1e-10)
relative = np.linalg.norm(W.T @ W @ one_signal - one_signal) / np.linalg.norm(one_signal)
claim("Distance between WᵀWx and x, relative to the length of x", relative, at_least=0.5)

# %% [markdown]
# When does $W^\top$ undo anything? Look at the rows of $W$. If each has length 1 and any two are at right angles, the rows are
# **orthonormal**: $W W^\top = I_5$. For a filter that moves by $s$, this is a condition on its overlaps with itself:
#
# $$\sum_a w_a\, w_{a + m s} = \begin{cases} 1 & m = 0 \\ 0 & m \neq 0 \end{cases}$$
#
# The slides' example is $(w_1, w_2, w_3, w_4) = (-1, 0, 0, 0, 1)$: five numbers for four weights, so probably one zero too many.
# Without it the filter is $(-1, 0, 0, 1)$, of length $\sqrt 2$. Try both with stride 2, scaled to length 1.

# %%
def rows_off(kernel, stride):
    """How far the rows of W are from orthonormal, the filter scaled to length 1: largest entry of |W Wᵀ - I|."""
    matrix = convolution_matrix(np.array(kernel) / np.linalg.norm(kernel), 24, stride, 0)
    return np.abs(matrix @ matrix.T - np.eye(len(matrix))).max()


claim("(-1, 0, 0, 1), stride 2: largest entry of |W Wᵀ − I|", rows_off([-1.0, 0.0, 0.0, 1.0], 2), at_most=1e-12)
claim("(-1, 0, 0, 0, 1), stride 2: largest entry of |W Wᵀ − I|",
      rows_off([-1.0, 0.0, 0.0, 0.0, 1.0], 2), at_least=0.4)
claim("(1, 3, 3, 1), stride 2: largest entry of |W Wᵀ − I|", rows_off([1.0, 3.0, 3.0, 1.0], 2), at_least=0.25)
claim("(1, 3, 3, 1), stride 4, so that windows do not overlap: largest entry of |W Wᵀ − I|",
      rows_off([1.0, 3.0, 3.0, 1.0], 4), at_most=1e-12)

# %% [markdown]
# With five numbers the window two rows down meets $-1$ with $1$; with four it meets zeros only. And where the stride is at least the
# filter's length, rows never share a column: *any* filter of length 1 will do.
#
# The figure compares $W W^\top$ and $W^\top W$ for three cases: a smoothing filter, the slides' filter mended, and two filters
# together, the **Haar pair** $(1, 1)/\sqrt 2$ and $(1, -1)/\sqrt 2$, whose two matrices of 6×12 are stacked into a square one.

# %%
average, difference = np.array([1.0, 1.0]) / np.sqrt(2), np.array([1.0, -1.0]) / np.sqrt(2)
MENDED = np.array([-1.0, 0.0, 0.0, 1.0]) / np.sqrt(2)
cases = {
    "(1, 3, 3, 1)/√20": W,
    "(−1, 0, 0, 1)/√2": convolution_matrix(MENDED, 8, 2, 2),
    "Haar pair": np.vstack([convolution_matrix(average, 12, 2, 0), convolution_matrix(difference, 12, 2, 0)]),
}
figure, axes = panels(2, 3, width=9.0, height=6.2)
for column, (name, matrix) in enumerate(cases.items()):
    for row, (product, label) in enumerate([(matrix @ matrix.T, "$W W^⊤$"), (matrix.T @ matrix, "$W^⊤ W$")]):
        image = axes[row, column].imshow(product, cmap=DIVERGING, vmin=-1, vmax=1)
        ends = {"ticks": [0, len(product) - 1], "labels": [1, len(product)]}
        axes[row, column].set(title=f"{label}, {name}", xlabel="column", ylabel="row")
        axes[row, column].set_xticks(**ends)
        axes[row, column].set_yticks(**ends)
figure.colorbar(image, ax=axes, label="entry", shrink=0.6)
describe(figure, "Products of W and its transpose. The smoothing filter gives the identity neither way, the "
                 "mended filter one way, the Haar pair both ways.")

# %% [markdown]
# The identity is a red diagonal on white. Left: neither product is the identity. Middle: $W W^\top$ is, so from 5 numbers up and down
# again nothing is lost; but $W^\top W$ is not, and for no 5×12 matrix could it be, because its rank is at most 5. Right: a square
# orthogonal $W$, the case in which the transpose *is* the inverse.

# %%
mended, haar = cases["(−1, 0, 0, 1)/√2"], cases["Haar pair"]
y = np.random.default_rng(4).normal(size=5)
projection = mended.T @ mended
claim("Mended filter, up and down again: largest difference between W Wᵀy and y",
      gap(mended @ (mended.T @ y), y), at_most=1e-12)
claim("Mended filter: WᵀW is a projection, largest difference between (WᵀW)² and WᵀW",
      gap(projection @ projection, projection), at_most=1e-12)
signals = np.random.default_rng(3).normal(size=(2000, 12))
kept = np.mean((signals @ projection)**2) / np.mean(signals**2)
claim("Mended filter: share of a random signal's energy that WᵀW keeps, 5/12 expected", kept, between=(0.38, 0.45))
claim("Haar pair: largest difference between WᵀWx and x",
      gap(haar.T @ (haar @ one_signal), one_signal), at_most=1e-12)
claim("Smoothing filter, up by the pseudo-inverse W⁺ and down again: largest difference between W W⁺y and y",
      gap(W @ (np.linalg.pinv(W) @ y), y), at_most=1e-10)
claim("Smoothing filter, up by the transpose and down again: largest difference between W Wᵀy and y",
      gap(W @ (W.T @ y), y), at_least=0.1)

# %% [markdown]
# So "deconvolution" is a misleading name: a transposed convolution does not undo a convolution. It has the *shape* of an inverse, and
# its numbers only where the filters are orthonormal and there are as many outputs as inputs.

# %% [markdown] tags=["instructor"]
# **5, 9 minutes.** Ask for a vote first: is $W^\top W = I$ for the slides' matrix? Then: could *any* filter make it so? The rank
# argument takes one sentence. If there is time, look for a filter of four numbers with stride 2, not zero in the middle, whose rows
# are orthonormal (Daubechies found one in 1988).

# %% [markdown]
# ## 6 · First way in two dimensions: stamps
#
# With maps and channels, in the layout of torch, $y$ has shape $(C, h, w)$ and the filter has shape $(C, O, k, k)$: *input channels
# first*, because it is the filter of the ordinary layer that leads the other way.
#
# $$x_{o,\;i s + a - p,\;j s + b - p} \mathrel{+}= \sum_c y_{c,i,j}\; w_{c,o,a,b} \qquad \text{for all } i, j, a, b$$
#
# A loop over all input cells $(i, j)$ is slow. Fix the weight $(a, b)$ instead, and let all cells write at once.

# %%
figure, axes = panels(1, 3, width=9.0, height=3.5)
for panel, (a, b) in zip(axes, [(0, 0), (1, 2), (2, 1)]):
    reached = np.zeros((7, 7), dtype=bool)
    reached[np.ix_(a + 2 * np.arange(3), b + 2 * np.arange(3))] = True
    frame(panel, 7, 7, shares=0.85)
    cells(panel, np.ones((7, 7), dtype=bool), OUTPUT, pale=~reached)
    outline(panel, (2, 2), 3, 3)
    panel.set_title(f"weight (a, b) = ({a}, {b})")
describe(figure, "A 7 by 7 canvas for 3 by 3 inputs, kernel 3, stride 2: the cells that one weight of all nine "
                 "stamps reaches form a grid with step 2.")

# %% [markdown]
# The canvas of a 3×3 input with $k = 3$, $s = 2$; outlined is the stamp of the middle input cell. Dark are the cells that *one* weight
# of all nine stamps reaches: a regular grid that begins at $(a, b)$ and steps by the stride. One slice with a step picks them out.

# %% [markdown] tags=["card"] label="01.4-card"
# ### Exercise 01.4 · Transposed convolution by stamping
# *3 points · 18 minutes · difficulty ●●●*
#
# Write `transposed_by_stamping`. Loop over the kernel's cells, not over the picture's. Begin with one channel in and one out if you
# like, then let `np.einsum` or a matrix product sum over the input channels. Crop at the end.

# %% tags=["exercise"] label="01.4"
def transposed_by_stamping(maps, weight, stride=1, padding=0):
    """Transposed convolution of feature maps: stamps that add up on a canvas.

    Parameters
    ----------
    maps : ndarray, shape (c_in, h, w)
    weight : ndarray, shape (c_in, c_out, kernel height, kernel width)
        The two kernel sides may differ.
    stride, padding : int
        For both directions; padding is at most the smaller kernel side - 1, and may be 0.

    Returns
    -------
    ndarray of float, shape (c_out, (h - 1) * stride + kernel height - 2 * padding, and the same for the width)
    """
    ### BEGIN SOLUTION
    (_, height, width), (_, c_out, kernel_height, kernel_width) = maps.shape, weight.shape
    canvas = np.zeros((c_out, (height - 1) * stride + kernel_height, (width - 1) * stride + kernel_width))
    for a, b in np.ndindex(kernel_height, kernel_width):
        rows, columns = slice(a, a + height * stride, stride), slice(b, b + width * stride, stride)
        canvas[:, rows, columns] += np.einsum("cij,co->oij", maps, weight[:, :, a, b])
    return canvas[:, padding:canvas.shape[1] - padding, padding:canvas.shape[2] - padding]
    ### END SOLUTION


# %% tags=["check"] label="01.4-check"
transposed_by_stamping = check("01.4", transposed_by_stamping)

# %% [markdown] tags=["instructor"]
# **6, 20 minutes with 01.4.** Write the four-fold loop over $(i, j, a, b)$ with the class first: it is the formula, word for word.
# Then ask which two loops a slice can replace. The loop over the kernel has 9 to 25 rounds, whatever the picture's size.

# %% [markdown]
# ## 7 · Second way in two dimensions: zeros between
#
# The CS 230 slides call the third way **sub-pixel convolution** with stride 1/2: put zeros between the inputs, flip the filter, and
# slide it by half an input cell at a time, which is one cell of the spread signal. In one dimension, with $y$ of length 5 and stride 2:
#
# $$(w_4, w_3, w_2, w_1) \quad \text{slides over} \quad (0, \dots, 0,\; y_1, 0, y_2, 0, y_3, 0, y_4, 0, y_5,\; 0, \dots, 0)$$
#
# How many zeros belong at each end? The slide shows two. Count the windows.

# %%
y = np.array([1.0, -0.5, 1.5, 0.5, -1.0])
kernel = np.array([1.0, 2.0, 3.0, 4.0])
spread = np.zeros(9)
spread[::2] = y                                   # y1 0 y2 0 y3 0 y4 0 y5
full = convolution_matrix(kernel, 8, 2, 2).T @ y  # all 12 cells
slid = {border: np.correlate(np.pad(spread, border), kernel[::-1], mode="valid") for border in (1, 2, 3)}

claim("Windows with two zeros at each end", len(slid[2]), equals=10)
claim("Windows with three, that is f - 1", len(slid[3]), equals=12)
claim("With three zeros: largest difference from the 12 cells of Wᵀy", gap(slid[3], full), at_most=1e-12)
claim("With one zero, that is f - 1 - p: largest difference from x1 to x8",
      gap(slid[1], transposed_by_matrix(y, kernel, 2, 2)), at_most=1e-12)

# %% [markdown]
# Two zeros give 10 windows, and the vector on the slide has 12 entries: it takes $f - 1 = 3$ zeros, so that the first window touches
# $y_1$ with one cell. If you want the eight signal cells only, cropping $p$ and a narrower border come to the same: $f - 1 - p$ zeros.
#
# Why the flip? The stamp of $y_1$ writes $w_1, w_2, w_3, w_4$ into cells 1 to 4. The window that computes cell 1 must therefore meet
# $y_1$ with $w_1$, and it meets it with its *last* place. The window for cell 4 meets it with its first.

# %% [markdown] tags=["card"] label="01.5-card"
# ### Exercise 01.5 · Transposed convolution by spread zeros
# *3 points · 18 minutes · difficulty ●●●*
#
# Write `transposed_by_zeros` in three steps: spread, pad, slide; use `slide` from section 1. The output padding enlarges the border
# at the lower and right ends only. Mind the filter's layout: `weight` has the input channels first, `slide` wants them second.

# %% tags=["exercise"] label="01.5"
def transposed_by_zeros(maps, weight, stride=1, padding=0, output_padding=0):
    """Transposed convolution of feature maps: a flipped filter slides by one over the spread, padded input.

    Parameters
    ----------
    maps : ndarray, shape (c_in, h, w)
    weight : ndarray, shape (c_in, c_out, kernel height, kernel width)
        The two kernel sides may differ.
    stride, padding : int
        Of the transposed convolution, for both directions; padding is at most the smaller kernel side - 1.
    output_padding : int
        Rows added at the lower end and columns at the right; less than the stride.

    Returns
    -------
    ndarray of float, shape (c_out, (h - 1) * stride + kernel height - 2 * padding + output_padding, and the same for the width)
    """
    ### BEGIN SOLUTION
    channels, height, width = maps.shape
    spread = np.zeros((channels, (height - 1) * stride + 1, (width - 1) * stride + 1))
    spread[:, ::stride, ::stride] = maps
    borders = [(side - 1 - padding, side - 1 - padding + output_padding) for side in weight.shape[2:]]
    return slide(np.pad(spread, ((0, 0), *borders)), weight.swapaxes(0, 1)[..., ::-1, ::-1])
    ### END SOLUTION


# %% tags=["check"] label="01.5-check"
transposed_by_zeros = check("01.5", transposed_by_zeros)

# %% [markdown]
# Three ways, one result? Fifty layers at random: one to four channels, kernels of one to five cells, strides one to four, every padding.

# %%
def random_layer(seed):
    """Maps, filter, stride and padding of a random transposed convolution."""
    rng = np.random.default_rng([7, seed])
    c_in, c_out, stride = rng.integers(1, 5, size=3)
    sides, kernel = rng.integers(3, 9, size=2), rng.integers(1, 6, size=2)
    padding = int(rng.integers(0, kernel.min()))
    return rng.normal(size=(c_in, *sides)), rng.normal(size=(c_in, c_out, *kernel)), int(stride), padding


def matrix_of(weight, sides, stride, padding):
    """W of an ordinary convolution in two dimensions: column j is its answer to unit impulse j."""
    count = weight.shape[1] * sides[0] * sides[1]
    impulses = torch.eye(count, dtype=torch.float64).reshape(count, weight.shape[1], *sides)
    return F.conv2d(impulses, torch.tensor(weight), stride=stride, padding=padding).reshape(count, -1).T.numpy()


gaps = {"Wᵀ": [], "stamps": [], "zeros": [], "adjoint": []}
for seed in range(50):
    maps, weight, stride, padding = random_layer(seed)
    expected = torch_transposed(maps, weight, stride=stride, padding=padding)
    matrix = matrix_of(weight, expected.shape[1:], stride, padding)
    gaps["Wᵀ"].append(gap(matrix.T @ maps.ravel(), expected.ravel()))
    gaps["stamps"].append(gap(transposed_by_stamping(maps, weight, stride, padding), expected))
    gaps["zeros"].append(gap(transposed_by_zeros(maps, weight, stride, padding), expected))
    other = np.random.default_rng(seed).normal(size=expected.shape)
    gaps["adjoint"].append(abs(np.sum(slide(other, weight, stride, padding) * maps) - np.sum(other * expected)))

for way in ("Wᵀ", "stamps", "zeros"):
    claim(f"By {way}: largest difference from torch, 50 random layers", max(gaps[way]), at_most=1e-10)
claim("Largest gap between ⟨conv(x), y⟩ and ⟨x, transposed conv(y)⟩, the same 50 layers",
      max(gaps["adjoint"]), at_most=1e-10)

# %% [markdown]
# Which way should a computer take? With stride $s$, all but one in $s^2$ cells of the spread input are zeros between, so sliding
# multiplies about $s^2$ times as often as stamping. Libraries therefore stamp, or run the backward pass of a convolution.
#
# That is the other place where you meet it. Since $y = Wx$, the chain rule gives $\partial L / \partial x = W^\top\, \partial L /
# \partial y$: the gradient that flows back through *any* convolution is a transposed convolution.

# %%
x = torch.randn(1, 3, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
layer_weight = torch.randn(5, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
y = F.conv2d(x, layer_weight, stride=2, padding=1)
sensitivity = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))   # ∂L/∂y
gradient, = torch.autograd.grad(y, x, sensitivity)                                                    # ∂L/∂x
ours = transposed_by_stamping(sensitivity[0].numpy(), layer_weight.numpy(), stride=2, padding=1)
claim("Largest difference between autograd's gradient and your transposed convolution",
      gap(gradient[0], ours), at_most=1e-10)

# %% [markdown] tags=["instructor"]
# **7, 22 minutes with 01.5.** On the board: the last of the six pictures with numbers, first window only. Ask where $w_1$ has to sit.
# The backward pass is worth a minute of its own: it is what saliency maps (lab 06) and deconvnets (lab 13) are made of.

# %% [markdown]
# ## 8 · One size, several answers
#
# A stride rounds down, so several input sizes share an output size, and the way back has to choose. Without a word from you it takes
# the smallest; the **output padding** asks for one of the others.

# %%
down = {n: output_size(n, 3, stride=2, padding=1) for n in (7, 8)}
up = {extra: output_size(4, 3, stride=2, padding=1, output_padding=extra, transposed=True) for extra in (0, 1)}
claim("Ordinary, k = 3, s = 2, p = 1: output sizes of 7 and of 8 cells", list(down.values()), equals=[4, 4])
claim("Transposed, from 4 cells with output padding 0 and 1", list(up.values()), equals=[7, 8])

maps, weight = np.random.default_rng(4).normal(size=(1, 4, 4)), np.random.default_rng(5).normal(size=(1, 1, 3, 3))
larger = transposed_by_zeros(maps, weight, 2, 1, output_padding=1)
smaller = transposed_by_zeros(maps, weight, 2, 1, output_padding=0)
claim("The first 7×7 cells are the same with output padding", np.allclose(larger[:, :7, :7], smaller))
claim("Cells of the added last row that are not zero", int(np.count_nonzero(larger[0, -1])), equals=8)

# %% [markdown]
# The name misleads: these cells are not zeros that somebody appends. Output padding crops that many cells less at the lower and right
# ends, and stamps reach into them; only an output padding above $p$ goes beyond the canvas, where zeros follow. With $k = 4$, $s = 2$,
# $p = 1$ the size doubles exactly and the question does not come up. That is one reason why generators take that setting. Here is the
# plan of a DCGAN generator (lab 02 trains one), from 100 random numbers to a picture: the maps grow and their number falls, the
# reverse of a discriminator.

# %%
# channels in, channels out, stride, padding
plan = [(100, 512, 1, 0), (512, 256, 2, 1), (256, 128, 2, 1), (128, 64, 2, 1), (64, 3, 2, 1)]
generator = torch.nn.Sequential(*(torch.nn.ConvTranspose2d(c_in, c_out, 4, s, p) for c_in, c_out, s, p in plan))
sizes = [1]
for c_in, c_out, s, p in plan:
    sizes.append(output_size(sizes[-1], 4, s, p, transposed=True))
    print(f"{c_in:4d} maps of {sizes[-2]:2d}×{sizes[-2]:<2d}  ->  {c_out:4d} maps of {sizes[-1]:2d}×{sizes[-1]:<2d}")
with torch.no_grad():
    picture = generator(torch.randn(1, 100, 1, 1))
claim("Sides from layer to layer", sizes, equals=[1, 4, 8, 16, 32, 64])
claim("The generator's picture has the shape that you computed", tuple(picture.shape) == (1, 3, sizes[-1], sizes[-1]))

# %% [markdown] tags=["instructor"]
# **8, 4 minutes.** Take up the question from section 1: which of the two sizes does the way back give? Type `output_padding=1` in the
# explorer and let them say which cells change (none of the old ones).

# %% [markdown]
# ## 9 · Checkerboards
#
# Generated pictures often show a fine regular pattern that no training picture has. Stamps explain it: how many of them land on a
# cell depends on where the cell is.

# %% [markdown] tags=["card"] label="01.6-card"
# ### Exercise 01.6 · The overlap count
# *1 point · 6 minutes · difficulty ●○○*
#
# Write `overlap_count`: for each cell of the uncropped canvas, the number of stamps that cover it. You have a function that adds up
# stamps; think what picture and what filter make it count.

# %% tags=["exercise"] label="01.6"
def overlap_count(shape, kernel, stride):
    """How many stamps cover each cell of the canvas, without cropping.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the input: one stamp for each of its cells.
    kernel, stride : int
        For both directions; the stride may exceed the kernel.

    Returns
    -------
    ndarray of int, shape ((height - 1) * stride + kernel, (width - 1) * stride + kernel)
    """
    ### BEGIN SOLUTION
    counts = transposed_by_stamping(np.ones((1, *shape)), np.ones((1, 1, kernel, kernel)), stride)
    return np.rint(counts[0]).astype(int)
    ### END SOLUTION


# %% tags=["check"] label="01.6-check"
overlap_count = check("01.6", overlap_count)

# %%
figure, axes = panels(2, 2, width=9.0, height=6.4, height_ratios=[1, 1.9])
for column, kernel in enumerate((3, 4)):
    counts = overlap_count((6, 6), kernel, 2)
    line = overlap_count((6, 1), kernel, 2)[:, 0]
    axes[0, column].bar(np.arange(len(line)), line, width=0.8, color=OUTPUT, edgecolor="#333333")
    axes[0, column].set(title=f"kernel {kernel}, stride 2", xlabel="cell of the output", ylabel="stamps on the cell",
                        xlim=(-0.5, len(line) - 0.5), ylim=(0, 2.4), yticks=[0, 1, 2])
    image = axes[1, column].imshow(counts, cmap="viridis", vmin=0, vmax=4)
    axes[1, column].set(xlabel="column", ylabel="row")
figure.colorbar(image, ax=axes[1, :], label="stamps on the cell", ticks=range(5))
describe(figure, "Stamps on each cell: for kernel 3 and stride 2 they alternate between 1 and 2 along a side, "
                 "and between "
                 "1, 2 and 4 in the plane; for kernel 4 they are even except at the edges.")

# %% [markdown]
# Kernel 3, stride 2: one stamp, two stamps, one stamp, two; in the plane 1, 2 and 4, a checkerboard before any learning. Kernel 4,
# stride 2: two stamps along a side and four in the plane, everywhere but at the edges.

# %%
def even_inside(kernel, stride):
    """Whether all cells far from the edges lie under the same number of stamps."""
    line = overlap_count((16, 1), kernel, stride)[:, 0]
    return len(set(line[kernel:-kernel].tolist())) == 1


rule = all(even_inside(kernel, stride) == (kernel % stride == 0) for kernel in range(1, 9) for stride in range(1, 6))
claim("The overlap is even inside exactly where the stride divides the kernel (40 pairs)", rule)
for network, kernel, stride in [("U-Net", 2, 2), ("FCN-8s, last layer", 16, 8), ("DCGAN as in PyTorch's example", 4, 2),
                                ("DCGAN, the authors' code", 5, 2), ("style transfer, Johnson et al.", 3, 2)]:
    print(f"{network:32s} kernel {kernel:2d}, stride {stride}: {'even' if even_inside(kernel, stride) else 'uneven'}")

# %% [markdown]
# Section 7 said that gradients flow back through transposed convolutions. So every ordinary layer with a stride writes the same
# pattern into its gradient, and you will see it again in saliency maps (lab 06).

# %%
x = torch.zeros(1, 1, 13, 13, requires_grad=True)
F.conv2d(x, torch.ones(1, 1, 3, 3), stride=2).sum().backward()
claim("The gradient of a 3×3 layer with stride 2, all weights 1, is the overlap count",
      np.array_equal(x.grad[0, 0].numpy(), overlap_count((6, 6), 3, 2)))

# %% [markdown] tags=["instructor"]
# **9, 12 minutes with 01.6.** Ask for the 1-D count of kernel 5, stride 2 before anybody computes it. Then the vote for the trap: does
# kernel 4 with stride 2 cure the checkerboard? Collect reasons, then run.

# %% [markdown]
# ### Trap: "a kernel that the stride divides cures it"
#
# Even overlap means that equal weights give an even picture. But weights are not equal. To measure the pattern, take the picture's
# power spectrum, leave the mean out, and ask which share of the power lies at the highest frequency, one period in two cells, in
# either direction. White noise has its power everywhere alike and sets the scale.

# %%
def checkerboard_share(picture):
    """Share of a picture's variance at the highest frequency of rows or columns; picture (h, w), sides even."""
    power = np.abs(np.fft.fft2(picture - picture.mean()))**2
    half_height, half_width = picture.shape[0] // 2, picture.shape[1] // 2
    at_highest = power[half_height].sum() + power[:, half_width].sum() - power[half_height, half_width]
    return at_highest / power.sum()


def features(seed):
    """Maps as they stand behind a ReLU, smooth and never negative: (1, 16, 16, 16)."""
    coarse = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.relu(F.interpolate(coarse, size=16, mode="bicubic", align_corners=False))


def normal(seed, *shape):
    """Weights as a layer starts with: normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1000 + seed))


# %% [markdown]
# Four ways to double 16 smooth maps of 16×16 into one of 32×32, all with random weights:
#
# - *kernel 3* and *kernel 4*: transposed convolutions with stride 2;
# - *resize, then convolve*: repeat each cell 2×2, then an ordinary 3×3 convolution (Odena et al. 2016);
# - *ICNR*: a transposed convolution with kernel 4 whose initial weights repeat in blocks of 2×2 (Aitken et al. 2017), so that the
#   four output cells of one input cell start with the same weights.

# %%
def doubled(x):
    """Each cell repeated 2×2."""
    return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


WAYS = {
    "kernel 3": lambda x, seed: F.conv_transpose2d(x, normal(seed, 16, 1, 3, 3), stride=2, padding=1, output_padding=1),
    "kernel 4": lambda x, seed: F.conv_transpose2d(x, normal(seed, 16, 1, 4, 4), stride=2, padding=1),
    "resize, then convolve": lambda x, seed: F.conv2d(doubled(x), normal(seed, 1, 16, 3, 3), padding=1),
    "ICNR, kernel 4": lambda x, seed: F.conv_transpose2d(x, doubled(normal(seed, 16, 1, 2, 2)), stride=2, padding=1),
}


def inner(picture):
    """Without four cells at each edge, where fewer stamps land."""
    return picture[0, 0, 4:-4, 4:-4].numpy()


# %%
figure, axes = panels(2, 2, width=8.4, height=7.6)
for panel, (name, way) in zip(axes.flat, WAYS.items()):
    picture = inner(way(features(0), 0))
    limit = np.abs(picture - picture.mean()).max()
    image = panel.imshow(picture - picture.mean(), cmap=DIVERGING, vmin=-limit, vmax=limit)
    panel.set_title(name)
    panel.axis("off")
    figure.colorbar(image, ax=panel, label="value − mean", shrink=0.8)
describe(figure, "Random maps doubled in four ways: kernel 3 and kernel 4 both show a pattern of period two, "
                 "resizing first and ICNR do not.")

# %% [markdown]
# Both transposed convolutions show a weave of period two, kernel 4 no less than kernel 3. The two lower pictures have the smooth blots
# of their input and no weave. The next figure measures 20 layers of each kind.

# %%
SEEDS = 20
pictures = {name: [inner(way(features(seed), seed)) for seed in range(SEEDS)] for name, way in WAYS.items()}
pictures["white noise"] = np.random.default_rng(0).normal(size=(SEEDS, 24, 24))
shares = {name: np.array([checkerboard_share(picture) for picture in drawn]) for name, drawn in pictures.items()}
median = {name: float(np.median(values)) for name, values in shares.items()}
claim("White noise: share, median of 20", median["white noise"], between=(0.05, 0.12))
claim("Kernel 4, random weights: share, median of 20", median["kernel 4"], at_least=0.3)
claim("Kernel 4, random weights: share, smallest of 20", shares["kernel 4"].min(), at_least=0.15)
claim("Kernel 4 against kernel 3: ratio of the medians", median["kernel 4"] / median["kernel 3"], at_least=0.6)
claim("Resize, then convolve: share, largest of 20", shares["resize, then convolve"].max(), at_most=0.05)
claim("ICNR, kernel 4: share, largest of 20", shares["ICNR, kernel 4"].max(), at_most=0.05)

figure, axes = panels(width=9.0, height=3.4)
for row, (name, values) in enumerate(shares.items()):
    axes.plot(values, row + np.linspace(-0.15, 0.15, SEEDS), "o", color=PALETTE[row], alpha=0.6, markersize=5)
    axes.plot([np.median(values)] * 2, [row - 0.32, row + 0.32], color="black", linewidth=2.5)
axes.set(yticks=range(len(shares)), yticklabels=shares, xlabel="share of the variance at period two", xlim=(-0.01, None))
axes.invert_yaxis()
describe(figure, "Checkerboard share over 20 seeds: both transposed convolutions lie far above white noise, "
                 "resizing first and ICNR far below.")

# %% [markdown]
# Each dot is one random layer, the black bar their median. White noise marks the share that a picture without any structure has: both
# transposed convolutions lie well above it, and the other two next to zero.
#
# Why? An output cell is written by only those weights whose position has the right remainder modulo the stride: with stride 2 there
# are four such **phases**, each with a filter of its own: with kernel 4, four of the sixteen weights. Phases with different *sums*
# turn an even input into a pattern. Counting stamps is adding up the phases of a filter of ones.

# %%
def phase_sums(filter_2d, stride):
    """Sum of the weights of each phase: (stride, stride)."""
    return np.array([[filter_2d[a::stride, b::stride].sum() for b in range(stride)] for a in range(stride)])


def spread_of(filter_2d):
    """Largest phase sum less the smallest, stride 2."""
    return float(np.ptp(phase_sums(filter_2d, 2)))


line_3, line_4 = np.array([1.0, 2.0, 1.0]) / 2, np.array([1.0, 3.0, 3.0, 1.0]) / 4
of_ones = phase_sums(np.ones((3, 3)), 2).astype(int).tolist()
claim("Ones, kernel 3: the phase sums are the overlap counts inside", of_ones, equals=[[4, 2], [2, 1]])
claim("Ones, kernel 4: spread of the phase sums", spread_of(np.ones((4, 4))), at_most=1e-12)
at_random = [spread_of(normal(seed, 4, 4).numpy()) for seed in range(20)]
claim("Random, kernel 4: spread of the phase sums, smallest of 20", min(at_random), at_least=0.5)
claim("Bilinear, kernel 4: spread of the phase sums", spread_of(np.outer(line_4, line_4)), at_most=1e-12)
claim("Bilinear, kernel 3: spread of the phase sums", spread_of(np.outer(line_3, line_3)), at_most=1e-12)

# %% [markdown]
# So what decides is neither kernel nor stride but the phase sums. A kernel that the stride divides makes them equal for equal weights
# and easier to learn; a random start has them unequal whatever the kernel; and even kernel 3 can be free of the pattern, as the last
# claim shows, if its weights are right. Resizing first, or ICNR, starts with equal phases.

# %% [markdown]
# ## 10 · Optional: Keras says `same`, torch says `output_padding`
#
# Keras' `Conv2DTranspose(padding="same")` makes the output exactly stride times as large. With kernel 3 and stride 2 torch reaches that
# size with padding 1 and output padding 1. Equal size, equal weights: equal numbers? Importing TensorFlow takes some seconds.

# %%
def keras_same(maps, weight, stride):
    """Keras' Conv2DTranspose(padding="same") on maps (c_in, h, w), with the weight in torch's layout."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")   # TensorFlow is silent only with both of these,
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # set before its import
    import keras

    layer = keras.layers.Conv2DTranspose(weight.shape[1], weight.shape[2:], strides=stride, padding="same",
                                         use_bias=False, dtype="float64")
    layer.build((None, *maps.shape[1:], maps.shape[0]))
    layer.set_weights([weight.transpose(2, 3, 1, 0)])     # Keras keeps (kernel height, kernel width, c_out, c_in)
    answer = np.asarray(layer(maps.transpose(1, 2, 0)[None]))[0]
    return answer.transpose(2, 0, 1)


maps, weight = np.random.default_rng(8).normal(size=(2, 5, 5)), np.random.default_rng(9).normal(size=(2, 3, 4, 4))
of_keras = keras_same(maps, weight, 2)
claim("Kernel 4, stride 2: largest difference between Keras same and torch padding 1",
      gap(of_keras, torch_transposed(maps, weight, stride=2, padding=1)), at_most=1e-10)

# %%
weight_3 = weight[..., :3, :3]
of_keras = keras_same(maps, weight_3, 2)
of_torch_3 = torch_transposed(maps, weight_3, stride=2, padding=1, output_padding=1)
claim("Kernel 3, stride 2: both have the same shape", of_keras.shape == of_torch_3.shape)
claim("Kernel 3, stride 2: largest difference between Keras same and torch padding 1, output padding 1",
      gap(of_keras, of_torch_3), at_least=0.5)
claim("Kernel 3, stride 2: largest difference between torch's cell (i, j) and Keras' cell (i + 1, j + 1)",
      gap(of_torch_3[:, :-1, :-1], of_keras[:, 1:, 1:]), at_most=1e-10)

# %% [markdown]
# Shifted by one cell: the canvas has one cell too many, Keras crops it at the end and torch in front. Nothing fails when you carry
# weights over, and every picture comes out shifted. The way that always agrees: stamp without padding, then crop as Keras does,
# $\lfloor (k - s)/2 \rfloor$ cells in front and the rest behind.

# %%
differences = []
for kernel, stride in [(3, 2), (4, 2), (5, 2), (5, 3), (4, 3), (3, 3)]:
    weight_k = np.random.default_rng(kernel).normal(size=(2, 3, kernel, kernel))
    front, length = (kernel - stride) // 2, 5 * stride
    cropped = transposed_by_stamping(maps, weight_k, stride)[:, front:front + length, front:front + length]
    differences.append(gap(cropped, keras_same(maps, weight_k, stride)))
claim("Stamped, then cropped as Keras crops: largest difference over six settings", max(differences), at_most=1e-10)

# %% [markdown]
# ## What to remember
#
# - A transposed convolution lays a copy of the filter, times the input number, for every input cell; stamps stand $s$ apart and add up,
#   and $p$ cells are cropped. Its size is $(n - 1)s + d(k - 1) + 1 - 2p$ plus the output padding.
# - It is $W^\top$ for the $W$ of the ordinary convolution: the adjoint, the backward pass, and not the inverse. Only a square
#   orthogonal $W$ makes the two the same.
# - Sliding over zeros gives the same numbers with $s - 1$ zeros between neighbours, a border of $k - 1 - p$, stride 1, and the filter
#   **flipped**. Handout 23 slides it unflipped.
# - Output padding crops less at one end; only above $p$ does it add zeros. Keras' `same` and torch's output padding can differ by a shift.
# - Checkerboards come from phases with unequal sums. An even overlap is not enough at a random start; resizing first, or ICNR, is.

# %% [markdown]
# ## Outside: a photograph
#
# Bilinear enlarging is a transposed convolution with a fixed filter: by 2, with kernel 4, stride 2, padding 1 and weights
# $(1, 3, 3, 1)/4$ in each direction. FCN, the first fully convolutional network for segmentation, starts its upsampling layers so.
# The photograph comes with scikit-image: Chelsea, a cat, by Stéfan van der Walt (CC0).

# %%
cat = photos.load("chelsea").picture[48:208, 96:288]                       # uint8 (160, 192, 3)
photograph = torch.from_numpy(cat / 255.0).permute(2, 0, 1)[None]          # (1, 3, 160, 192)
small = F.avg_pool2d(photograph, 2)                                        # (1, 3, 80, 96)


def enlarged(small, line):
    """Twice as large: the filter `line` in both directions, each colour for itself; line of 3 or 4 weights."""
    kernel = len(line)
    weight = torch.from_numpy(np.outer(line, line)).expand(3, 1, kernel, kernel)
    return F.conv_transpose2d(small, weight, stride=2, padding=1, output_padding=kernel % 2, groups=3)


bilinear = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
ours = enlarged(small, line_4)
claim("Largest difference from torch's bilinear interpolation, inside",
      gap(ours[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1]), at_most=1e-6)
claim("Largest difference, outermost cells included", gap(ours, bilinear), at_least=0.05)

with_edge = enlarged(F.pad(small, (1, 1, 1, 1), mode="replicate"), line_4)[..., 2:-2, 2:-2]
claim("Largest difference with the edge repeated outwards first, everywhere", gap(with_edge, bilinear), at_most=1e-6)

# %% [markdown]
# Outside the picture a transposed convolution finds zeros and the interpolation repeats the edge: that is the whole difference. Now
# the checkerboard on the same photograph, with equal weights of sum 4 in kernels of 3 and of 4.

# %%
box_3, box_4 = np.full(3, 2 / 3), np.full(4, 1 / 2)
pictures = {"small, cells repeated": doubled(small), "bilinear, kernel 4": ours,
            "equal weights, kernel 3": enlarged(small, box_3), "equal weights, kernel 4": enlarged(small, box_4)}
share = {name: checkerboard_share(picture[0].mean(0)[4:-4, 4:-4].numpy()) for name, picture in pictures.items()}
claim("Checkerboard share, equal weights, kernel 3", share["equal weights, kernel 3"], at_least=0.3)
claim("Checkerboard share, bilinear", share["bilinear, kernel 4"], at_most=0.001)
claim("Checkerboard share, equal weights, kernel 4", share["equal weights, kernel 4"], at_most=0.001)

figure, axes = panels(2, 2, width=9.0, height=7.8)
for panel, (name, picture) in zip(axes.flat, pictures.items()):
    panel.imshow(picture[0].permute(1, 2, 0)[44:120, 36:130].clamp(0, 1), interpolation="nearest")
    panel.set_title(name)
    panel.axis("off")
describe(figure, "A cat's eye, enlarged in four ways; with equal weights and kernel 3 a regular grid of bright "
                 "and dark cells covers it.")

# %% [markdown]
# Kernel 3 with equal weights covers the cat with a grid, exactly the overlap count of section 9. Kernel 4 with equal weights is even,
# and softer than bilinear.
#
# Last, the case in which the transpose *is* the inverse, in two dimensions: four Haar filters of 2×2 with stride 2. Each map has a
# quarter of the cells, four maps have all of them, and $W$ is square and orthogonal.

# %%
pairs = [np.outer(down, right) for down in (average, difference) for right in (average, difference)]
haar_filters = torch.from_numpy(np.stack(pairs))[:, None]            # (4, 1, 2, 2)
grey = photograph.mean(1, keepdim=True)                               # (1, 1, 160, 192)
bands = F.conv2d(grey, haar_filters, stride=2)                        # (1, 4, 80, 96)
back = F.conv_transpose2d(bands, haar_filters, stride=2)              # (1, 1, 160, 192)
blurred = F.conv_transpose2d(bands[:, :1], haar_filters[:1], stride=2)
claim("Four maps, back by the transpose: largest difference from the photograph", gap(back, grey), at_most=1e-10)
claim("The first map alone, back by the transpose: largest difference", gap(blurred, grey), at_least=0.1)

figure, axes = panels(1, 4, width=9.6, height=2.6)
for panel, band, name in zip(axes, bands[0], ("average", "left − right", "upper − lower", "diagonal")):
    if name == "average":
        panel.imshow(band, cmap="gray", vmin=0, vmax=2)
    else:
        panel.imshow(band, cmap=DIVERGING, vmin=-0.15, vmax=0.15)
    panel.set_title(name)
    panel.axis("off")
describe(figure, "Four maps of the photograph: a smaller copy, and three maps of differences that are bright at "
                 "edges.")

# %% [markdown]
# A small copy and three maps of edges (red positive, blue negative, full colour from ±0.15): together they hold the photograph, and `conv_transpose2d` with the
# same filters puts it together again. With one map of the four, $W^\top$ gives back only what that map kept.

# %% [markdown]
# ## References
#
# - V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016: the arithmetic of sizes, ordinary and transposed.
# - W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016: sub-pixel convolution.
# - M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014: the deconvnet of CS 230, II.C (lab 13).
# - J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015: learnt upsampling.
# - O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015; A. Radford, L. Metz, S. Chintala, "DCGAN", ICLR 2016; J. Johnson,
#   A. Alahi, L. Fei-Fei, "Perceptual losses for real-time style transfer", ECCV 2016: the layers of section 9.
# - A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016.
# - A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", 2017: ICNR.
# - I. Daubechies, "Orthonormal bases of compactly supported wavelets", 1988: filters whose transpose undoes them.
