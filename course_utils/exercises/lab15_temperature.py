"""Exercise 15.5: the temperature of a classifier."""
from __future__ import annotations

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def scored(seed):
    """Scores whose labels were drawn at a known temperature, one too sure and two not sure enough or nearly right."""
    rng = np.random.default_rng([15, 5, seed])
    cases = []
    for n, classes, temperature in ((300, 4, 2.5), (240, 8, 0.45), (400, 3, 1.5)):
        # the class balance is uneven and scores carry an offset, so that a gain in each step shows
        logits = rng.normal(0, 2.2, (n, classes)) * np.exp(rng.normal(0, 0.4, (n, 1)))
        drawn = softmax(logits / (temperature * float(rng.uniform(0.9, 1.1))), axis=1).cumsum(axis=1)
        labels = np.minimum((drawn < rng.random((n, 1))).sum(axis=1), classes - 1)
        cases.append(Case((logits, labels), f"{n} predictions, {classes} classes"))
    return cases


def slope(inverse, logits, labels):
    """Derivative of the mean log-likelihood in 1/T: score of the label minus the score expected under the softmax."""
    p = softmax(inverse * logits, axis=1)
    return (logits[np.arange(len(labels)), labels] - (p * logits).sum(axis=1)).mean()


def by_root(logits, labels):
    """The likelihood is concave in 1/T: its best T is where the slope crosses zero."""
    return float(1 / brentq(slope, 1e-3, 1e3, args=(logits, labels), xtol=1e-14, rtol=1e-13))


def nll(temperature, logits, labels):
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def best(loss):
    """The temperature that makes `loss(temperature, logits, labels)` smallest."""
    def function(logits, labels):
        found = minimize_scalar(lambda s: loss(np.exp(s), logits, labels), bounds=np.log((0.05, 50)), method="bounded", options={"xatol": 1e-8})
        return float(np.exp(found.x))
    return function


def brier(temperature, logits, labels):
    return ((softmax(logits / temperature, axis=1) - np.eye(logits.shape[1])[labels]) ** 2).sum(axis=1).mean()


def own_guess(temperature, logits, labels):
    return nll(temperature, logits, logits.argmax(axis=1))


def of_probabilities(temperature, logits, labels):
    return nll(temperature, softmax(logits, axis=1), labels)


def overall_gap(temperature, logits, labels):
    p = softmax(logits / temperature, axis=1)
    return (p.max(axis=1).mean() - (logits.argmax(axis=1) == labels).mean()) ** 2


def inverse(logits, labels):
    return 1 / by_root(logits, labels)


def logarithm(logits, labels):
    return float(np.log(by_root(logits, labels)))


def squared(logits, labels):
    return by_root(logits, labels) ** 2


def over_axis(axis):
    """The loss with a softmax over another axis than the classes."""
    return lambda temperature, logits, labels: -log_softmax(logits / temperature, axis=axis)[np.arange(len(labels)), labels].mean()


def smallest_loss(logits, labels):
    return float(nll(by_root(logits, labels), logits, labels))


def upper_end(logits, labels):
    return 50.0


def left_at_one(logits, labels):
    return 1.0


def no_better_beside(args, answer):
    logits, labels = args
    return answer > 0 and all(nll(answer, logits, labels) <= nll(answer * way, logits, labels) + 1e-12 for way in (1.02, 1 / 1.02))


TEMPERATURE = Exercise(
    id="15.5", title="The temperature", points=3, minutes=12, difficulty=2, function="fit_temperature",
    cases=scored, oracle=by_root,
    laws=(Law("best likelihood", "No temperature beside yours gives the labels a higher likelihood.", no_better_beside),),
    hints=(
        "It is a minimisation in one number. In which function, and over which range?",
        "loss(T) = mean of -log softmax(logits / T) at the labels. Minimise over log T, so that T stays positive, with "
        "`scipy.optimize.minimize_scalar`, bounded.",
        "`found = minimize_scalar(lambda s: loss(np.exp(s)), bounds=(np.log(0.05), np.log(50)), method=\"bounded\")`, then `np.exp(found.x)`",
    ),
    misconceptions=(
        Misconception("multiplied", inverse, "You multiply the scores by what you return. They are divided: softmax(z / T). Yours is 1 / T."),
        Misconception("log T", logarithm, "You return log T. Take its exponential."),
        Misconception("T squared", squared, "You return T squared: the scores are divided by T, not by its root."),
        Misconception("likelihood of its own guess", best(own_guess),
                      "You fit to the classes that the network prefers, not to the labels: the surer the better, so T runs to its lower end."),
        Misconception("softmax over the pictures", best(over_axis(0)),
                      "Your softmax runs over the pictures: it runs over the classes of each picture, `axis=1`."),
        Misconception("softmax over everything", best(over_axis(None)),
                      "Your softmax runs over all entries at once, as log_softmax does without an axis: give it `axis=1`."),
        Misconception("loss for temperature", smallest_loss,
                      "You return the smallest loss, `fun`: the temperature is where it is reached, `x`."),
        Misconception("upper end", upper_end,
                      "T has run to 50, the upper end: make *minus* the log-likelihood small, and only at the entries of the labels."),
        Misconception("softmax twice", best(of_probabilities),
                      "You divide probabilities by T and apply a softmax to them again. T divides the scores *before* the softmax."),
        Misconception("Brier score", best(brier), "You minimise the Brier score. Temperature scaling maximises the likelihood of the labels."),
        Misconception("overall gap", best(overall_gap),
                      "You match mean confidence and share right. That looks at the largest probability only; use the likelihood of the labels."),
        Misconception("left at one", left_at_one, "T is still 1: nothing was fitted."),
    ),
    rtol=1e-3, atol=1e-4,
)
