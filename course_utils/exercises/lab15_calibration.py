"""Exercise 15.4: the expected calibration error."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def predictions(seed):
    """Confidences, unevenly spread and partly overconfident, some bins empty, one confidence of exactly 1, in the last case some on an edge."""
    rng = np.random.default_rng([15, 4, seed])
    cases = []
    for n, bins, shape in ((60, 10, (4, 1.3)), (40, 15, (2, 2)), (90, 4, (6, 1))):
        confidence = rng.beta(*shape, size=n)
        confidence[0] = 1.0
        right = rng.random(n) < confidence ** rng.uniform(1.5, 2.5)
        right[:2] = False, True
        if bins == 4:  # right on the edge, all others of that bin wrong: it shows in which bin the edge lies
            right[(confidence > 0.5) & (confidence < 0.75)] = False
            confidence[2:14], right[2:14] = 0.5, True
        cases.append(Case((confidence, right, bins), f"{n} predictions, {bins} bins"))
    return cases


def by_scipy(confidence, right, bins):
    from scipy.stats import binned_statistic

    sums = binned_statistic(confidence, [confidence, right.astype(float)], "sum", bins, (0, 1)).statistic
    return float(np.abs(sums[0] - sums[1]).sum() / len(confidence))


def by_bin(confidence, right, bins):
    """Count, mean confidence and share right of the bins that hold anything."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return table(which, confidence, right)


def table(which, confidence, right):
    filled = np.unique(which)
    count = np.array([(which == k).sum() for k in filled])
    return count, np.array([confidence[which == k].mean() for k in filled]), np.array([right[which == k].mean() for k in filled])


def over(change):
    """`change(count, confidence, accuracy)` of the bins of equal width."""
    return lambda confidence, right, bins: float(change(*by_bin(confidence, right, bins)))


def weighted(count, confidence, accuracy):
    return (count * np.abs(confidence - accuracy)).sum() / count.sum()


def equal_mass(confidence, right, bins):
    which = np.empty(len(confidence), int)
    for number, part in enumerate(np.array_split(np.argsort(confidence), bins)):
        which[part] = number
    return float(weighted(*table(which, confidence, right)))


def between_extremes(confidence, right, bins):
    edges = np.linspace(confidence.min(), confidence.max(), bins + 1)
    return float(weighted(*table(np.clip(np.digitize(confidence, edges) - 1, 0, bins - 1), confidence, right)))


def one_bin(confidence, right, bins):
    return float(abs(confidence.mean() - right.mean()))


def brier(confidence, right, bins):
    return float(((confidence - right) ** 2).mean())


def each_alone(confidence, right, bins):
    return float(np.abs(confidence - right).mean())


def middle_of_bin(confidence, right, bins):
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    count, _, accuracy = table(which, confidence, right)
    return float(weighted(count, (np.unique(which) + 0.5) / bins, accuracy))


def certain_left_out(confidence, right, bins):
    kept = confidence < 1
    count, says, accuracy = by_bin(confidence[kept], right[kept], bins)
    return float((count * np.abs(says - accuracy)).sum() / len(confidence))


def upper_edges(confidence, right, bins):
    which = np.maximum(np.ceil(confidence * bins).astype(int) - 1, 0)
    return float(weighted(*table(which, confidence, right)))


def always_fifteen(confidence, right, bins):
    return float(weighted(*by_bin(confidence, right, 15)))


def share_of_bins(confidence, right, bins):
    _, says, accuracy = by_bin(confidence, right, bins)
    return float(np.abs(says - accuracy).sum() / bins)


ECE = Exercise(
    id="15.4", title="The expected calibration error", points=3, minutes=12, difficulty=2, function="ece",
    cases=predictions, oracle=by_scipy,
    laws=(Law("not below the overall gap", "ECE is at least |mean confidence - share right|: parting a set cannot shrink the sum of the gaps.",
              lambda args, answer: one_bin(*args) - 1e-9 <= answer <= 1),),
    hints=(
        "Which bin is a confidence in? Multiply by the number of bins and cut off the decimals; mind a confidence of exactly 1.",
        "For each bin: how many, mean confidence, share right. The gap of the two counts as many times as there are predictions in the bin; "
        "divide by all of them. Empty bins add nothing.",
        "`np.abs(np.bincount(which, confidence - right, minlength=bins)).sum() / len(confidence)`: the count cancels.",
    ),
    misconceptions=(
        Misconception("bins count alike", over(lambda n, c, a: np.abs(c - a).mean()),
                      "Every filled bin counts alike in yours. Weigh each with its share of the predictions: a bin of three says little."),
        Misconception("empty bins count", share_of_bins,
                      "You add up the gaps and divide by the number of bins. Weigh each gap with its bin's share of the predictions."),
        Misconception("gaps added up", over(lambda n, c, a: np.abs(c - a).sum()),
                      "You add up the gaps as they are: weigh each with its bin's share of the predictions."),
        Misconception("overconfidence only", over(lambda n, c, a: (n * np.maximum(c - a, 0)).sum() / n.sum()),
                      "You count the bins that are too sure and leave out those that are too modest: take the absolute value of each gap."),
        Misconception("number of bins ignored", always_fifteen, "You use 15 bins whatever is asked for: use the argument `bins`."),
        Misconception("upper edges", upper_edges,
                      "A confidence on an edge falls into the lower of the two bins in yours: it belongs to the upper one, whose smallest value it is."),
        Misconception("largest gap", over(lambda n, c, a: np.abs(c - a).max()),
                      "This is the largest gap, the *maximum* calibration error. The expected one is the weighted mean."),
        Misconception("gaps squared", over(lambda n, c, a: (n * (c - a) ** 2).sum() / n.sum()),
                      "You square the gaps; ECE takes their absolute values."),
        Misconception("one bin", one_bin,
                      "This is one gap for all predictions together, and what gaps with their signs add up to: overconfident bins pay for "
                      "underconfident ones. Bin first, and take the absolute value in each bin."),
        Misconception("Brier score", brier, "This is the mean squared distance of confidence and outcome, the Brier score: it does not bin, and "
                      "is not zero even for a calibrated classifier."),
        Misconception("absolute value of each prediction", each_alone,
                      "You take the absolute value for each prediction. Average within the bin first: a calibrated 0.7 is wrong three times in ten."),
        Misconception("bins of equal count", equal_mass,
                      "Your bins hold equally many predictions. That is a good estimator too, but here the bins have equal width in [0, 1]."),
        Misconception("bins over the range seen", between_extremes,
                      "Your bins reach from the smallest to the largest confidence. They reach from 0 to 1, whatever occurs."),
        Misconception("middle of the bin", middle_of_bin,
                      "You compare the share right with the bin's middle. Compare it with the mean of the confidences that fell into the bin."),
        Misconception("confidence one left out", certain_left_out,
                      "A confidence of exactly 1 falls into no bin of yours. The last bin includes its upper edge."),
    ),
    rtol=1e-6, atol=1e-9,
)
