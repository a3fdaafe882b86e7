"""Exercise 17.2: how often a sound network would look as suspicious."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    rng = np.random.default_rng([17, 2, seed])
    sound = rng.gamma(2.0, 0.1, size=12)
    tied = np.round(rng.uniform(0, 1, size=15), 1)
    return [
        Case((rng.gamma(3.0, 0.1, size=9), sound), "9 suspects, 12 sound networks"),
        Case((np.array([sound.max() + 1, sound.min() - 1, sound.max(), sound.min()]), sound), "statistics beyond, and equal to, the extremes"),
        Case((np.concatenate([rng.choice(tied, size=4), rng.uniform(0, 1, size=3)]), tied), "ties, 15 sound networks"),
    ]


def brute_force(statistics, sound):
    return np.array([(1 + sum(1 for other in sound if other >= value)) / (1 + len(sound)) for value in statistics])


def counting(at_least=np.greater_equal, plus=1, below=1):
    """The share of sound networks, with one thing changed."""
    def p_values(statistics, sound):
        return (plus + at_least(sound, statistics[:, None]).sum(axis=1)) / (below + len(sound))
    return p_values


def normal(statistics, sound):
    from scipy.stats import norm

    return norm.sf(statistics, sound.mean(), sound.std(ddof=1))


def never_zero(args, answer):
    return bool(np.all(np.asarray(answer) >= 1 / (1 + len(args[1])) - 1e-9) and np.all(np.asarray(answer) <= 1 + 1e-9))


def falls(args, answer):
    order = np.argsort(args[0], kind="stable")
    return bool(np.all(np.diff(np.asarray(answer)[order]) <= 1e-9))


CHANCE = Exercise(
    id="17.2", title="How often by chance", points=2, minutes=8, difficulty=2, function="p_values",
    cases=cases, oracle=brute_force,
    laws=(Law("range", "With n sound networks to compare with, no p-value is below 1 / (n + 1), and none above 1.", never_zero),
          Law("order", "The larger the statistic, the smaller the p-value.", falls)),
    hints=(
        "If the suspect were sound, it would be one of n + 1 sound networks. How many of these n + 1 have a statistic at least as large as its own?",
        "Compare all with all: a table of booleans (suspects, sound networks), counted along one axis. The suspect itself counts too, above and below the "
        "fraction bar.",
        "`(1 + (sound >= statistics[:, None]).sum(axis=1)) / (1 + len(sound))`.",
    ),
    misconceptions=(
        Misconception("the suspect not counted", counting(plus=0, below=0),
                      "You count the sound networks only, and get 0 for a suspect beyond all of them. Were it sound, it would be one of n + 1: count it too."),
        Misconception("ties left out", counting(at_least=np.greater),
                      "You count the larger ones only: a sound network with the *same* statistic looks just as suspicious. Use at least as large."),
        Misconception("the other tail", counting(at_least=np.less_equal),
                      "You count the sound networks that look *less* suspicious. Count those at least as large."),
        Misconception("counted above only", counting(below=0),
                      "You count the suspect above the fraction bar but not below it: the least suspicious one would get more than 1."),
        Misconception("counted below only", counting(plus=0),
                      "You count the suspect below the fraction bar but not above it: it looks at least as suspicious as itself."),
        Misconception("normal distribution", normal,
                      "You fit a normal distribution to a dozen networks and read off its tail, where you have no data. Count."),
    ),
)
