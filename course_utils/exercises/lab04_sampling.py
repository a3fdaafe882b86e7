"""Exercise 04.1: samples around x in the interpretable space."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given

UNLIKELY = 1e-9  # a right answer breaks a law of chance once in a thousand million cases


def cases(seed):
    """Few and many pieces; enough samples for frequencies to be told apart."""
    draw = np.random.default_rng([41, seed])
    sizes = ((3, 1500), (int(draw.integers(8, 12)), 3000), (int(draw.integers(20, 30)), 4000))
    return [Case((d, n, given(generator, seed=int(draw.integers(1 << 30)))), f"{d} pieces, {n} samples") for d, n in sizes]


def generator(seed):
    """The random generator that a case hands over."""
    return np.random.default_rng(seed)


def counts_off(answer):
    return answer.shape[1] - answer[1:].sum(axis=1)


def right_form(args, answer):
    d, n, _ = args
    return isinstance(answer, np.ndarray) and answer.shape == (n, d) and answer.dtype.kind in "iu" and bool(np.isin(answer, (0, 1)).all())


def original_first(args, answer):
    return bool((answer[0] == 1).all())


def something_off(args, answer):
    return bool((counts_off(answer) >= 1).all())


def counts_even(args, answer):
    from scipy.stats import chisquare

    counts = np.bincount(counts_off(answer), minlength=args[0] + 1)[1:]
    return bool(counts.all()) and chisquare(counts).pvalue > UNLIKELY


def pieces_alike(args, answer):
    """Every piece, and every pair of pieces, is off equally often, up to chance."""
    from scipy.stats import norm

    d, n, _ = args
    off = 1.0 - answer[1:]
    together = off.T @ off / (n - 1)
    size = np.arange(1, d + 1)
    one, two = (size / d).mean(), (size * (size - 1) / (d * (d - 1))).mean()
    expected = np.where(np.eye(d, dtype=bool), one, two)
    worst = np.abs((together - expected) / np.sqrt(expected * (1 - expected) / (n - 1))).max()
    return worst < norm.isf(UNLIKELY / d**2)


def masks_from(count, rng, n, d):
    """The `count[i]` pieces of row i with the smallest random numbers are off; the first row is x'."""
    masks = (rng.random((n, d)).argsort(axis=1).argsort(axis=1) >= count[:, None]).astype(int)
    masks[0] = 1
    return masks


def no_original(d, n, rng):
    return np.concatenate([masks_from(rng.integers(1, d + 1, size=n), rng, n, d)[1:], np.zeros((1, d), int)])


def fair_coins(d, n, rng):
    masks = rng.integers(0, 2, size=(n, d))
    masks[0] = 1
    return masks


def ones_for_off(d, n, rng):
    return 1 - masks_from(rng.integers(1, d + 1, size=n), rng, n, d)


def upper_end_left_out(d, n, rng):
    return masks_from(rng.integers(1, d, size=n), rng, n, d)


def none_off_too(d, n, rng):
    return masks_from(rng.integers(0, d + 1, size=n), rng, n, d)


def with_replacement(d, n, rng):
    masks = np.ones((n, d), int)
    for row in range(1, n):
        masks[row, rng.integers(0, d, size=rng.integers(1, d + 1))] = 0
    return masks


def always_the_first(d, n, rng):
    masks = (np.arange(d) >= rng.integers(1, d + 1, size=n)[:, None]).astype(int)
    masks[0] = 1
    return masks


def one_order_for_all(d, n, rng):
    masks = (rng.permutation(d) >= rng.integers(1, d + 1, size=n)[:, None]).astype(int)
    masks[0] = 1
    return masks


EXERCISE = Exercise(
    id="04.1", title="Sample around x'", points=2, minutes=10, difficulty=2, function="sample_around",
    cases=cases, oracle=None,
    laws=(Law("zeros and ones", "Return one int array of shape (n, d) that holds only 0 and 1: a row for each sample, a column for each piece.",
              right_form),
          Law("the original first", "Row 0 is x' itself, all ones: the regression needs the point that it explains.", original_first),
          Law("something off", "Every row but the first has at least one piece off; some of yours have all pieces on.", something_off),
          Law("uniform counts", "How many pieces are off should be uniform on 1, 2, ..., d; yours come out otherwise. Draw the count first, then "
              "which pieces.", counts_even),
          Law("pieces alike", "Given how many are off, every choice of pieces is equally likely; yours prefers some pieces, or some pairs of them.",
              pieces_alike)),
    hints=("Two draws for each row: how many pieces are off, and which. `rng` makes both.",
           "`rng.integers(1, d + 1, size=n)` draws the counts. For the which: give each piece a random number; the pieces with the smallest ones in "
           "their row are off.",
           "rank = rng.random((n, d)).argsort(axis=1).argsort(axis=1); masks = (rank >= off[:, None]).astype(int); masks[0] = 1"),
    misconceptions=(
        Misconception("no original", no_original,
                      "No row stands for x' itself at place 0: set the first row to ones, whatever was drawn."),
        Misconception("fair coins", fair_coins,
                      "A fair coin for each piece leaves about half of them on in every row, so no sample is near x': draw how many are off first, "
                      "uniformly from 1 to d."),
        Misconception("ones for off", ones_for_off,
                      "Your ones mark what is taken away; here 1 means that the piece stays as it is in x, and 0 that it is off."),
        Misconception("upper end left out", upper_end_left_out,
                      "`rng.integers(1, d)` never gives d, so no sample has everything off: the upper end is not included, write d + 1."),
        Misconception("none off", none_off_too,
                      "Some of your rows have nothing off, which are copies of x': the count starts at 1."),
        Misconception("drawn with replacement", with_replacement,
                      "The same piece is drawn more than once in a row, so fewer are off than you counted: draw without replacement."),
        Misconception("always the first pieces", always_the_first,
                      "It is always the first pieces of a row that are off: the count is random, the choice has to be random too."),
        Misconception("one order for all", one_order_for_all,
                      "All rows share one random order, so some pieces go only after others: each row needs an order of its own."),
    ),
)
