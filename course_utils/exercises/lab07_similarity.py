"""Exercise 07.2: how alike two heat maps are; its oracle is Wang's formula and scipy's Spearman."""
from __future__ import annotations

import numpy as np
from scipy import ndimage, stats

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed: int) -> list[Case]:
    """Signed maps: a map and its own negative multiple, two strangers, a noisy copy, and one that is zero everywhere."""
    rng = np.random.default_rng([72, seed])
    made = []
    for height, width in ((12, 15), (20, 11)):
        maps = ndimage.gaussian_filter(rng.normal(size=(5, height, width)), (0, 1, 1)) * rng.uniform(0.5, 20, size=(5, 1, 1))
        others = ndimage.gaussian_filter(rng.normal(size=(5, height, width)), (0, 1, 1)) * rng.uniform(0.5, 20, size=(5, 1, 1))
        others[0] = -rng.uniform(2, 5) * maps[0]
        others[2] = 0.7 * maps[2] + 0.3 * others[2]
        maps[3] = np.where(np.abs(maps[3]) > np.median(np.abs(maps[3])), maps[3], 0)      # half of it is tied
        others[4] = 0
        made.append(Case((maps, others), f"5 pairs of maps of {height}×{width}, among them a negative copy and an empty map"))
    return made


def normal(maps):
    """|maps|, each divided by its own largest value; an empty map stays empty."""
    size = np.abs(maps)
    peak = size.max((1, 2), keepdims=True)
    return size / np.where(peak > 0, peak, 1)


def wang(a, b, data_range=1.0, win=7):
    """Mean SSIM (n,) by the formula of Wang et al. (2004): windows of 7×7 that lie inside, sample (co)variances."""
    def mean(values):
        edge = win // 2
        return ndimage.uniform_filter(values, (0, win, win))[:, edge:-edge, edge:-edge]

    unbiased = win**2 / (win**2 - 1)
    ma, mb = mean(a), mean(b)
    va, vb, cov = (unbiased * (mean(p * q) - mp * mq) for p, q, mp, mq in ((a, a, ma, ma), (b, b, mb, mb), (a, b, ma, mb)))
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    return (((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean((1, 2))


def spearman(a, b):
    """Spearman's correlation (n,) by scipy, one pair at a time; 0 where a map is constant."""
    return np.array([0.0 if np.ptp(p) == 0 or np.ptp(q) == 0 else stats.spearmanr(p.ravel(), q.ravel()).statistic for p, q in zip(a, b)])


def by_formula(maps, others):
    return wang(normal(maps), normal(others)), spearman(np.abs(maps), np.abs(others))


def variant(prepare=lambda maps, others: (normal(maps), normal(others)), ssim=wang, ranks=spearman):
    """The right answer with one thing changed."""
    def similarity(maps, others):
        return ssim(*prepare(maps, others)), ranks(*prepare(maps, others))
    return similarity


def signed(maps, others):
    return tuple(values / np.where((peak := np.abs(values).max((1, 2), keepdims=True)) > 0, peak, 1) for values in (maps, others))


def joint(maps, others):
    peak = np.maximum(np.abs(maps), np.abs(others)).max((1, 2), keepdims=True)
    return np.abs(maps) / peak, np.abs(others) / peak


def stretched(maps, others):
    def one(values):
        low, high = values.min((1, 2), keepdims=True), values.max((1, 2), keepdims=True)
        return (values - low) / np.where(high > low, high - low, 1)
    return one(maps), one(others)


def batch_peak(maps, others):
    return np.abs(maps) / np.abs(maps).max(), np.abs(others) / np.abs(others).max()


def product_moment(a, b):
    return np.array([0.0 if np.ptp(p) == 0 or np.ptp(q) == 0 else np.corrcoef(p.ravel(), q.ravel())[0, 1] for p, q in zip(a, b)])


def without_ties(a, b):
    def ranks(values):
        return values.ravel().argsort(kind="stable").argsort(kind="stable")
    return np.array([0.0 if np.ptp(p) == 0 or np.ptp(q) == 0 else np.corrcoef(ranks(p), ranks(q))[0, 1] for p, q in zip(a, b)])


def ranked_together(a, b):
    """`rankdata` over the whole batch, then the correlation of each pair."""
    ranks = (stats.rankdata(a).reshape(a.shape), stats.rankdata(b).reshape(b.shape))
    return product_moment(*ranks)


def kendall(a, b):
    return np.array([0.0 if np.ptp(p) == 0 or np.ptp(q) == 0 else stats.kendalltau(p.ravel(), q.ravel()).statistic for p, q in zip(a, b)])


def whole_map(a, b):
    """SSIM with one window as large as the map."""
    ma, mb = a.mean((1, 2)), b.mean((1, 2))
    va, vb = a.var((1, 2), ddof=1), b.var((1, 2), ddof=1)
    cov = np.array([np.cov(p.ravel(), q.ravel())[0, 1] for p, q in zip(a, b)])
    return (2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))


def in_range(args, answer):
    return all(bool((np.abs(values) <= 1 + 1e-9).all()) for values in answer)


def itself(args, answer):
    """Pair 0 is a map and its negative multiple: as strengths they are the same."""
    return all(abs(values[0] - 1) < 1e-6 for values in answer)


EXERCISE = Exercise(
    id="07.2", title="How alike are two maps?", points=3, minutes=15, difficulty=2, function="similarity",
    cases=cases, oracle=by_formula,
    laws=(Law("range", "Both numbers lie between -1 and 1.", in_range),
          Law("same strength, same map", "A map and a multiple of it, negative or not, show the same strengths: both numbers are 1.", itself)),
    hints=("Three steps: absolute values; each map divided by its own maximum (mind an empty map); then the two measures, pair by pair.",
           "`structural_similarity(a, b, data_range=1.0)` takes one pair. For Spearman, rank the pixels of each map with `rankdata`, which gives "
           "ties their mean rank, and take the ordinary correlation of the ranks.",
           "with one, other the normalised absolute maps and n their number: ssim = np.array(["
           "structural_similarity(a, b, data_range=1.0) for a, b in zip(one, other)]); ranks = rankdata(one.reshape(n, -1), "
           "axis=1), minus its mean; correlation = sum of products / root of the product of the sums of squares, 0 where that root is 0"),
    misconceptions=(
        Misconception("data range of 2", variant(ssim=lambda a, b: wang(a, b, data_range=2.0)),
                      "SSIM was told that values span 2 (what scikit-image once assumed for floats): absolute, normalised maps span 1, so "
                      "data_range=1.0."),
        Misconception("data range of bytes", variant(ssim=lambda a, b: wang(a, b, data_range=255.0)),
                      "SSIM was told that values span 255: its constants then swamp maps in [0, 1] and everything looks alike. "
                      "data_range=1.0."),
        Misconception("signed maps", variant(signed),
                      "You compared signed maps: a map and its negative, which mark the same pixels, then count as opposites. Take absolute "
                      "values first."),
        Misconception("joint maximum", variant(joint),
                      "You divided both maps by their common maximum: then SSIM mostly compares their sizes. Divide each by its own."),
        Misconception("maximum of the batch", variant(batch_peak),
                      "You divided by the largest value of the whole batch: each map has to be divided by its own maximum."),
        Misconception("stretched", variant(stretched),
                      "You stretched the signed maps from minimum to maximum: a strongly negative pixel then counts as none. Take absolute "
                      "values and divide by the maximum."),
        Misconception("Pearson", variant(ranks=product_moment),
                      "You correlated the values (Pearson): a few large pixels decide that. Correlate the ranks (Spearman)."),
        Misconception("ties in order", variant(ranks=without_ties),
                      "You ranked with argsort: pixels of equal value get different ranks by their place. Tied pixels share their mean "
                      "rank, as `rankdata` has it."),
        Misconception("ranked together", variant(ranks=ranked_together),
                      "`rankdata` without axis ranks all maps together: flatten each map and rank along axis 1."),
        Misconception("Kendall", variant(ranks=kendall), "You took Kendall's tau; asked is Spearman's rank correlation."),
        Misconception("one window", variant(ssim=whole_map),
                      "You computed SSIM once over the whole map: it is the mean over local 7×7 windows, as `structural_similarity` has it."),
    ),
)
