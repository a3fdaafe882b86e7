"""Exercise 11.3: SIScollection."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab11_back_select import variant as back_select_variant
from course_utils.exercises.lab11_find_sis import variant as find_sis_variant
from course_utils.exercises.lab11_games import as_mask, first_sufficient, game, of_set, removal_order


def drawn(rng, about, kind, p, wanted):
    """A function and a threshold, drawn until `wanted(value)` gives one that the empty subset does not reach."""
    while True:
        parameters = {"kind": kind, "p": p, "seed": int(rng.integers(10**6))}
        value = game(**parameters)
        threshold = wanted(value, p, rng)
        if threshold is not None and of_set(value, p, set()) < threshold:
            return Case((given(game, **parameters), p, float(threshold)), about)


def several(value, p, rng):
    """Two or more subsets, and another second one if the stack of the first is used again."""
    whole = of_set(value, p, set(range(p)))
    for share in (0.35, 0.25, 0.15):
        threshold = share * whole
        right = oracle(value, p, threshold)
        if len(right) >= 2 and not np.array_equal(right, one_stack(value, p, threshold)):
            return threshold
    return None


def redundant(value, p, rng):
    return 0.9 if of_set(value, p, set(range(p))) >= 0.9 else None


def rest_fails(value, p, rng):
    """The whole input is just at the threshold; what is left at the end fails, although a subset of it would do."""
    whole = of_set(value, p, set(range(p)))
    if of_set(value, p, set()) >= whole:
        return None
    right = oracle(value, p, whole)
    if not 0 < right.any(axis=0).sum() < p:
        return None
    rest = {i for i in range(p) if not right.any(axis=0)[i]}
    return whole if first_sufficient(value, p, removal_order(value, p, rest), whole) is not None else None


def no_decision(value, p, rng):
    """The whole input stays below the threshold, and some subset reaches it."""
    whole = of_set(value, p, set(range(p)))
    if of_set(value, p, set()) >= whole + 0.3:
        return None
    return whole + 0.3 if first_sufficient(value, p, removal_order(value, p, set(range(p))), whole + 0.3) else None


def cases(seed):
    rng = np.random.default_rng([113, seed])
    return [drawn(rng, "groups that each suffice", "redundant", 7, redundant),
            drawn(rng, "several subsets in a function with interactions", "monotone", 9, several),
            drawn(rng, "the whole input is just at the threshold", "any", 7, rest_fails),
            drawn(rng, "the whole input stays below the threshold", "any", 6, no_decision)]


def oracle(value, p, threshold):
    """By recursion on sets, one subset at a time."""
    def collect(rest):
        if of_set(value, p, rest) < threshold:
            return []
        found = first_sufficient(value, p, removal_order(value, p, rest), threshold)
        return [found, *collect(rest - found)]
    return np.array([as_mask(found, p) for found in collect(set(range(p)))], dtype=bool).reshape(-1, p)


back_select, find_sis = back_select_variant(), find_sis_variant()


def variant(cut=slice(None), rest_of=lambda rest, found: rest & ~found, decided=None, begin=True, enough=np.greater_equal, stop=True):
    """SIScollection with one thing changed."""
    def sis_collection(value, p, threshold):
        rest, subsets, full = np.ones(p, bool), [], np.ones(p, bool)
        while len(subsets) < p:
            tested = full if decided == "full" else rest
            if (begin or subsets) and not enough(value(tested[None])[0], threshold):
                break
            found = find_sis(value, back_select(value, rest), p, threshold)
            if found is None:
                break
            subsets.append(found)
            rest = rest_of(rest, found)
        return np.array(subsets[cut], dtype=bool).reshape(-1, p)
    return sis_collection


def one_stack(value, p, threshold):
    rest, subsets = np.ones(p, bool), []
    stack = back_select(value, rest)
    while value(rest[None])[0] >= threshold:
        found = find_sis(value, stack[rest[stack]], p, threshold)
        if found is None:
            break
        subsets.append(found)
        rest = rest & ~found
    return np.array(subsets, dtype=bool).reshape(-1, p)


def sufficient(args, answer):
    value, _, threshold = args
    return not len(answer) or bool((value(answer) >= threshold).all())


def minimal(args, answer):
    value, p, threshold = args
    return all(of_set(value, p, set(np.flatnonzero(row).tolist()) - {i}) < threshold for row in answer for i in np.flatnonzero(row))


def disjoint(args, answer):
    return bool((np.asarray(answer).sum(axis=0) <= 1).all())


def exhausted(args, answer):
    value, _, threshold = args
    return bool(value(~np.asarray(answer).any(axis=0)[None])[0] < threshold)


EXERCISE = Exercise(
    id="11.3", title="SIScollection", points=2, minutes=10, difficulty=2, function="sis_collection",
    cases=cases, oracle=oracle, rtol=0, atol=0,
    laws=(Law("sufficiency", "Each subset alone reaches the threshold.", sufficient),
          Law("minimality", "Each subset falls below the threshold when any one of its positions is masked.", minimal),
          Law("disjoint", "No position belongs to two subsets.", disjoint),
          Law("exhausted", "What all subsets together leave over is below the threshold.", exhausted)),
    hints=("One loop: as long as the rest still decides as before, take one subset out of it.",
           "The test is on the rest, before each round, the first one included. In a round: BackSelect on the rest, FindSIS on its stack, "
           "remember the subset, take its positions out of the rest.",
           "while value(rest[None])[0] >= threshold: found = find_sis(value, back_select(value, rest), p, threshold); subsets.append(found); "
           "rest = rest & ~found. At the end: return np.array(subsets, dtype=bool).reshape(-1, p), which is right for no subset too"),
    misconceptions=(
        Misconception("as printed on the slide", variant(cut=slice(None, -1)),
                      "You leave out the last subset, as line 6 of the slide has it: S_1 to S_(k-1). But S_k suffices as the others do; only "
                      "what is left after it does not."),
        Misconception("first subset only", variant(cut=slice(1)),
                      "You return one subset. As long as the rest reaches the threshold there is another reason in it: go on."),
        Misconception("nothing removed", variant(rest_of=lambda rest, found: rest),
                      "Every round finds the same subset, because you do not take S_k out of the rest before the next one."),
        Misconception("test on the whole input", variant(decided="full"),
                      "You test the whole input before each round, and that never changes. Test what is left: the rest without the subsets "
                      "found so far."),
        Misconception("one stack for all", one_stack,
                      "You call BackSelect once and use its stack in every round. Without S_1 other positions come to matter: select again on "
                      "the rest."),
        Misconception("no test at first", variant(begin=False),
                      "You look for a subset before you test whether the whole input reaches the threshold. Where it does not, there is no "
                      "decision to explain: return no rows."),
        Misconception("above, not at", variant(enough=np.greater),
                      "A rest whose value is just the threshold still decides: go on while it is >= the threshold."),
        Misconception("until None", variant(enough=lambda value, threshold: True),
                      "You go on until `find_sis` returns None. Stop as soon as the *rest* is below the threshold: a part of it may still "
                      "reach it, but the rest no longer decides the same."),
    ),
)
