# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 00 · Averages
#
# A lab of a few seconds on which the tests of the authoring tools are tried.

# %%
import numpy as np

import toy_course  # noqa: F401  (the toy's exercises)
from course_utils.notebook import check, claim, start
from course_utils.plots import describe, panels
from course_utils.widgets import Slider, touch

start("00")

# %% [markdown] tags=["instructor"]
# Three minutes: ask for the unit of the answer first.

# %% [markdown] tags=["card"] label="00.1-card"
# ### Exercise 00.1 · Root mean square
# *2 points · 5 minutes · difficulty ●○○*
#
# Write `root_mean_square`. Stuck? `%hint 00.1` gives a hint, `%reveal 00.1` in the cell below puts the solution there.

# %% tags=["exercise"] label="00.1"
def root_mean_square(values):
    """Root of the mean of the squares.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    squares = np.square(values)
    return float(np.sqrt(np.sum(squares) / len(squares)))
    ### END SOLUTION


# %% tags=["check"] label="00.1-check"
root_mean_square = check("00.1", root_mean_square)

# %%
values = np.array([3.0, 4.0, 12.0])
claim("The root mean square exceeds the mean", root_mean_square(values) - values.mean(), at_least=0)

# %% tags=["nbval-ignore-output"]
root_mean_square(values)

# %% tags=["solution"]
print("a remark for those who have the solution")

# %% [markdown] tags=["card"] label="00.2-card"
# ### Exercise 00.2 · Moving average
# *1 point · 8 minutes · difficulty ●●○*
#
# Write `moving_average`; only windows that lie inside count.

# %% tags=["exercise"] label="00.2"
def moving_average(values, width):
    """Mean of every window of neighbours.

    Parameters
    ----------
    values : ndarray, shape (n,)
    width : int

    Returns
    -------
    ndarray, shape (n - width + 1,)
    """
    ### BEGIN SOLUTION
    return np.convolve(values, np.full(width, 1.0 / width), mode="valid")
    ### END SOLUTION


# %% tags=["check"] label="00.2-check"
moving_average = check("00.2", moving_average)

# %% tags=["target"] target="00.2"
def smoothed(width):
    """The same noise, smoothed over windows of the given width."""
    noise = np.random.default_rng(0).normal(size=200)
    figure, axes = panels(width=6, height=2.5)
    axes.plot(moving_average(noise, width))
    axes.set(xlabel="position (samples)", ylabel="mean of the window", ylim=(-3, 3))
    return describe(figure, f"Noise of 200 samples, smoothed over {width}: a line that wanders about zero.")


smoothed(25)

# %% [markdown]
# What is to be seen: the line keeps close to zero.

# %%
touch(smoothed, width=Slider(5, low=1, high=50))

# %% [markdown]
# What is to be seen: the wider the window, the flatter the line.
