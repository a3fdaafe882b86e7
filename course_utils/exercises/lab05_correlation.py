"""Exercise 05.2: pooled activations correlated with statistics."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Activations of sequences and of pictures, after a ReLU; one filter that never fires; statistics with an offset."""
    rng = np.random.default_rng([52, seed])
    made = []
    for shape, columns, pool in (((14, 5, 9), 3, "max"), ((17, 4, 4, 6), 2, "mean"), ((12, 6, 4, 3), 4, "max"), ((15, 3, 11), 2, "mean")):
        maps = np.maximum(rng.normal(0.3, 1.0, size=shape) + rng.normal(size=shape[:2] + (1,) * (len(shape) - 2)), 0)
        maps[:, int(rng.integers(shape[1]))] = 0
        level = maps.reshape(*shape[:2], -1).mean(axis=2).sum(axis=1, keepdims=True)
        statistics = rng.uniform(2, 6, size=columns) + rng.normal(size=(shape[0], columns)) + rng.uniform(-1, 1, size=columns) * level
        kind = "sequences" if len(shape) == 3 else "pictures"
        made.append(Case((maps, statistics, pool), f"{shape[1]} filters on {shape[0]} {kind}, {columns} statistics, {pool} pooling"))
    return made


def pooled(maps, pool):
    flat = maps.reshape(*maps.shape[:2], -1)
    return flat.max(axis=2) if pool == "max" else flat.mean(axis=2)


def oracle(maps, statistics, pool):
    """scipy's pearsonr, one filter and one statistic at a time."""
    from scipy.stats import pearsonr

    columns = np.array([[(maps[k, f].max() if pool == "max" else maps[k, f].mean()) for f in range(maps.shape[1])] for k in range(len(maps))])
    return np.array([[0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else pearsonr(a, b).statistic for b in statistics.T] for a in columns.T])


def variant(pool_of=pooled, centre=lambda columns: columns - columns.mean(axis=0), after=lambda r: r, dead=0.0, scaled=True):
    """The correlation with one step changed."""
    def filter_correlations(maps, statistics, pool):
        a, b = centre(pool_of(maps, pool)), centre(statistics)
        if not scaled:
            return a.T @ b / len(a)
        sizes = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0)
        return after(np.where(sizes > 1e-12, a.T @ b / np.where(sizes > 1e-12, sizes, 1), dead))
    return filter_correlations


def other_pool(maps, pool):
    return pooled(maps, "mean" if pool == "max" else "max")


def first_place(maps, pool):
    return maps.reshape(*maps.shape[:2], -1)[:, :, 0]


def summed_deviations(maps, statistics, pool):
    """Covariance with n - 1, standard deviations with n."""
    return variant()(maps, statistics, pool) * len(maps) / (len(maps) - 1)


def ranked(maps, statistics, pool):
    from scipy.stats import rankdata

    return variant(pool_of=lambda maps, pool: rankdata(pooled(maps, pool), axis=0))(maps, rankdata(statistics, axis=0), pool)


def within_one(args, answer):
    return bool((np.abs(answer) <= 1 + 1e-9).all())


def silent_is_zero(args, answer):
    """A filter with one value for all inputs has correlation 0."""
    silent = np.ptp(pooled(args[0], args[2]), axis=0) == 0
    return bool((np.asarray(answer)[silent] == 0).all())


EXERCISE = Exercise(
    id="05.2", title="Filters against statistics", points=3, minutes=15, difficulty=2, function="filter_correlations",
    cases=cases, oracle=oracle,
    laws=(Law("between -1 and 1", "A correlation lies between -1 and 1.", within_one),
          Law("silent filters", "A filter that gives the same value for every input has no correlation with anything: 0.", silent_is_zero)),
    hints=("Three steps: one number for each input and filter; columns with mean zero and length one; one matrix product.",
           "To pool maps of any number of dimensions, flatten what follows the first two axes and reduce the last one. Centre both tables along the axis of the "
           "inputs, axis 0. Correlation is the inner product of two centred columns over the product of their lengths; where a length is 0, the answer is 0.",
           "a = a - a.mean(axis=0); lengths = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0); the numerator is a.T @ b"),
    misconceptions=(
        Misconception("wrong axis", variant(centre=lambda columns: columns - columns.mean(axis=1, keepdims=True)),
                      "You took means over the filters of one input; a correlation runs over the inputs, so centre along axis 0."),
        Misconception("not centred", variant(centre=lambda columns: columns),
                      "Without subtracting the means you compute a cosine: everything that is positive then seems to correlate."),
        Misconception("not scaled", variant(scaled=False),
                      "This is the covariance, whose size depends on units: divide by the standard deviations of both columns."),
        Misconception("other pooling", variant(pool_of=other_pool),
                      "You pool by the mean where the maximum is asked for, or the other way round."),
        Misconception("maximum for both", variant(pool_of=lambda maps, pool: pooled(maps, "max")),
                      "You take the maximum whatever `pool` says."),
        Misconception("mean for both", variant(pool_of=lambda maps, pool: pooled(maps, "mean")),
                      "You take the mean whatever `pool` says."),
        Misconception("one axis of positions", variant(pool_of=lambda maps, pool: getattr(maps, pool)(axis=2)),
                      "You pooled one axis of positions only; pictures have two: reduce everything after axis 1."),
        Misconception("one place for all", variant(pool_of=first_place),
                      "You looked at one position of each map: pool over all positions."),
        Misconception("absolute values", variant(after=np.abs),
                      "You return absolute values; the sign says whether the filter rises or falls with the statistic."),
        Misconception("squared", variant(after=np.square),
                      "You return r², the share of the variance; asked for is r, with its sign."),
        Misconception("transposed", variant(after=np.transpose),
                      "Rows and columns have changed places: filters are rows, statistics are columns."),
        Misconception("not a number", variant(dead=np.nan),
                      "A filter that never fires has standard deviation 0, and 0/0 is no number: put 0 there."),
        Misconception("n and n - 1 mixed", summed_deviations,
                      "Your covariance divides by n - 1 and your standard deviations by n, so r can pass 1: use the same divisor in both, or none."),
        Misconception("ranks", ranked,
                      "This is Spearman's correlation of ranks; asked for is Pearson's, of the values."),
    ),
)
