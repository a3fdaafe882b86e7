"""The truth behind the notes: symptoms, their weights, and the chance of flu.

The state of a symptom in a note is +1 (present), -1 (denied) or 0 (not mentioned). With weights w
and intercept b the logit of flu is z = b + sum_s w_s * state_s, and

    P(flu) = 1 / (1 + exp(-z / noise)).

At noise 1 this is logistic regression; at noise 0 the sign of z decides. A symptom that is denied
counts as much as one that is present, the other way: "no fatigue" is evidence against flu.

The weights are ours, chosen for teaching; they are no medical facts.
"""

from functools import cache

import numpy as np

_TABLE = {
    "fever": 2.6,
    "aches": 2.2,
    "chills": 1.9,
    "fatigue": 1.7,
    "headache": 1.5,
    "cough": 1.3,
    "sneezing": 1.0,
    "nausea": 0.0,  # mentioned as often as the others, and says nothing
    "dizziness": 0.0,
    "heartburn": -1.2,
    "wheezing": -1.4,
    "earache": -1.6,
    "itchy eyes": -1.9,
    "rash": -2.4,
}
SYMPTOMS = tuple(_TABLE)
WEIGHTS = np.array(list(_TABLE.values()))
WEIGHTS.flags.writeable = False
INTERCEPT = -1.5
MENTIONED = (3, 7)  # fewest and most symptoms in a note
DENIED = 0.25  # chance that a symptom that is mentioned is denied

DRAWS = len(SYMPTOMS) * 2 + 1  # uniform numbers that the states of one note take


def states_from(uniform):
    """States of all symptoms, int8 (n, 14), from uniform numbers (n, DRAWS) in [0, 1)."""
    count = len(SYMPTOMS)
    low, high = MENTIONED
    mentions = low + (uniform[:, :1] * (high - low + 1)).astype(int)
    rank = uniform[:, 1 : count + 1].argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    denied = uniform[:, count + 1 :] < DENIED
    return np.where(rank < mentions, np.where(denied, -1, 1), 0).astype(np.int8)


def logits_of(states):
    """The logit z of flu, float64 (n,), of states (n, 14)."""
    return INTERCEPT + np.asarray(states, float) @ WEIGHTS


def probability_of(logits, noise=1.0):
    """P(flu), float64 (n,), of logits (n,); at noise 0 it is 0 or 1."""
    logits = np.asarray(logits, float)
    if noise == 0:
        return (logits > 0).astype(float)
    return 1 / (1 + np.exp(-np.clip(logits / noise, -500, 500)))


@cache
def bayes_rate(noise=1.0, n=100_000):
    """The accuracy that no classifier of these notes can exceed, in expectation.

    Whoever knows P(flu) of a note and names the likelier answer is right with probability
    max(P, 1 - P); the rate is the mean over n drawn notes (standard error below 0.0005 at the
    default n).
    """
    states = states_from(np.random.Generator(np.random.PCG64(0)).random((n, DRAWS)))
    chance = probability_of(logits_of(states), noise)
    return float(np.maximum(chance, 1 - chance).mean())
