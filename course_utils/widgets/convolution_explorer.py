"""The Touch of lab 01: a convolution, ordinary or transposed, one window at a time."""
from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from course_utils.plots import describe, panels
from course_utils.plots.convolution import sliding_picture, stamping_picture
from course_utils.widgets.touch import Choice, Slider, Touch, touch

ORDINARY, STAMPS, ZEROS = "ordinary", "transposed: stamps", "transposed: zeros between"
VIEWS = (ORDINARY, STAMPS, ZEROS)
CONTROLS = {
    "view": Choice(ZEROS, VIEWS, "convolution"),
    "size": Slider(3, 2, 4, label="input size i"),
    "kernel": Slider(3, 1, 4, label="kernel k"),
    "stride": Slider(2, 1, 3, label="stride s"),
    "padding": Slider(1, 0, 2, label="padding p"),
    "output_padding": Slider(0, 0, 2, label="output padding"),
    "step": Slider(8, 1, 49, label="step", stills=(1, 9, 17, 25)),  # of the 25 that the default view has
}


def draw(view: str, size: int, kernel: int, stride: int, padding: int, output_padding: int, step: int) -> Figure:
    """The grids of one convolution, with the window of one step marked.

    Parameters
    ----------
    view : str
        One of `VIEWS`.
    size, kernel, stride, padding, output_padding : int
        Of one side; all grids are square.
    step : int
        From 1; beyond the last window it begins again.

    Raises
    ------
    ValueError
        If the setting makes no sense: one sentence that says what to change.
    """
    import torch
    import torch.nn.functional as F

    picture, weights = example(size, kernel)
    as_batch = [torch.from_numpy(array)[None, None] for array in (picture, weights)]
    transposed = view != ORDINARY
    if transposed and output_padding >= stride:
        raise ValueError(f"An output padding of {output_padding} needs a stride above it: stride {stride} leaves "
                         f"{'no size' if stride == 1 else 'only ' + str(stride) + ' sizes'} to choose from.")
    if not transposed and size + 2 * padding < kernel:
        raise ValueError(f"A window of {kernel} does not fit on {size + 2 * padding} cells: enlarge the input or the padding.")
    if transposed and padding > kernel - 1:
        raise ValueError(f"Padding {padding} would crop more than a stamp of {kernel} reaches over: keep it at most {kernel - 1}.")
    if transposed and (size - 1) * stride + kernel + output_padding <= 2 * padding:
        raise ValueError("Padding crops the whole output: take a larger input or less padding.")

    figure, axes = panels(width=9.0, height=4.4)
    numbers = {"input": picture, "filter": weights}
    if view == STAMPS:
        last = (step - 1) % size**2
        so_far = as_batch[0] * (torch.arange(size * size).reshape(size, size) <= last)
        canvas = F.conv_transpose2d(so_far, as_batch[1], stride=stride)[0, 0].numpy()
        canvas = np.pad(canvas, ((0, output_padding), (0, output_padding)))
        stamping_picture(axes, size, kernel, stride, padding, last, output_padding=output_padding,
                         numbers={**numbers, "canvas": canvas})
        out, steps = len(canvas) - 2 * padding, size**2
    elif view == ZEROS:
        output = F.conv_transpose2d(*as_batch, stride=stride, padding=padding, output_padding=output_padding)[0, 0].numpy()
        numbers |= {"filter": weights[::-1, ::-1], "output": output}
        sliding_picture(axes, size, kernel, stride, padding, step - 1, transposed=True, output_padding=output_padding,
                        numbers=numbers)
        out, steps = len(output), output.size
    else:
        output = F.conv2d(*as_batch, stride=stride, padding=padding)[0, 0].numpy()
        sliding_picture(axes, size, kernel, stride, padding, step - 1, numbers={**numbers, "output": output})
        out, steps = len(output), output.size
    now = (step - 1) % steps + 1
    axes.set_title(f"{view}, i = {size}, k = {kernel}, s = {stride}, p = {padding}"
                   + (f", output padding {output_padding}" if transposed else "") + f"; step {now} of {steps}")
    return describe(figure, f"Convolution, {view}: input {size} by {size}, kernel {kernel}, stride {stride}, padding {padding}; "
                            f"the output is {out} by {out}; step {now} of {steps} is marked.")


def example(size: int, kernel: int) -> tuple[np.ndarray, np.ndarray]:
    """Small whole numbers for the cells of an input and of a filter, the same for a size every time."""
    rng = np.random.default_rng([size, kernel])
    picture = rng.integers(1, 6, size=(size, size)).astype(float)
    weights = rng.choice([-2.0, -1.0, 1.0, 2.0], size=(kernel, kernel))
    weights[0, 0], weights[-1, -1] = (2.0, 2.0) if kernel == 1 else (1.0, -2.0)  # so that a flip is seen
    return picture, weights


def explore() -> Touch:
    """The drawing with its controls."""
    return touch(draw, "step", **CONTROLS)
