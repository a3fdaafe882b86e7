"""Exercises of the toy lab that the tests of authoring and of the gates build on."""
import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def vectors(seed):
    rng = np.random.default_rng([1, seed])
    return [Case((rng.normal(1.0, 2.0, size=n),), f"{n} numbers") for n in (3, 8, 21)]


def signals(seed):
    rng = np.random.default_rng([2, seed])
    return [Case((rng.normal(size=n), width), f"{n} numbers, width {width}") for n, width in ((9, 3), (16, 5), (12, 2))]


def root_of_sum(values):
    return float(np.sqrt(np.sum(values**2)))


def mean_of_absolute(values):
    return float(np.mean(np.abs(values)))


def without_root(values):
    return float(np.mean(values**2))


def forgot_to_divide(values, width):
    return np.convolve(values, np.ones(width), mode="valid")


def padded(values, width):
    return np.convolve(values, np.ones(width) / width, mode="same")


def one_too_few(values, width):
    return np.convolve(values, np.ones(width) / width, mode="valid")[:-1]


EXERCISES = (
    Exercise(
        id="00.1", title="Root mean square", points=2, minutes=5, difficulty=1, function="root_mean_square",
        cases=vectors, oracle=lambda values: float(np.linalg.norm(values) / len(values) ** 0.5),
        laws=(Law("scaling", "Twice the values have twice the root mean square, so it is never negative.",
                  lambda args, answer: answer >= 0),),
        hints=("Read the name from right to left.", "Square, average, take the root.", "np.mean(values**2) is under the root."),
        misconceptions=(
            Misconception("sum for mean", root_of_sum, "The sum grows with the number of values: take the mean."),
            Misconception("absolute for square", mean_of_absolute, "Squares come before the mean, not absolute values."),
            Misconception("no root", without_root, "The root is missing: the unit is that of the values."),
        ),
    ),
    Exercise(
        id="00.2", title="Moving average", points=1, minutes=8, difficulty=2, function="moving_average",
        cases=signals, oracle=lambda values, width: np.lib.stride_tricks.sliding_window_view(values, width).mean(axis=-1),
        hints=("How many windows fit?", "Each window gives one mean.", "np.lib.stride_tricks.sliding_window_view makes the windows."),
        misconceptions=(
            Misconception("sum for mean", forgot_to_divide, "Divide by the width."),
            Misconception("padding", padded, "Only windows that lie inside count."),
            Misconception("last window", one_too_few, "There are n - width + 1 windows: one more than you have."),
        ),
    ),
)
