"""Exercise 11.2: FindSIS."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab11_games import as_mask, first_sufficient, game


def prefixes(stack, p):
    """The subsets from the empty one to the whole stack, from the top: bool (len(stack) + 1, p)."""
    masks = np.zeros((len(stack) + 1, p), bool)
    for k, i in enumerate(reversed(stack)):
        masks[k + 1:, i] = True
    return masks


def drawn(rng, about, p, size, wanted):
    """A function without order, a stack and a threshold, drawn until `wanted(values of the prefixes, value of all)` gives one."""
    while True:
        parameters = {"kind": "any", "p": p, "seed": int(rng.integers(10**6))}
        stack = rng.permutation(p)[:size].astype(np.int64)
        value = game(**parameters)
        threshold = wanted(value(prefixes(stack, p)), value(np.ones((1, p), bool))[0])
        if threshold is not None:
            return Case((given(game, **parameters), stack, p, float(threshold)), about)


def exactly(values, whole):
    """A prefix that is a record, neither early nor late, and a higher one after it: the threshold is its own value."""
    records = [j for j in range(2, len(values) - 1) if values[j] > values[:j].max() and values[j + 1:].max() > values[j]]
    return values[records[0]] if records else None


def dips(values, whole):
    """Sufficient, then not, then again with all: going down from the top ends elsewhere."""
    for j in range(2, len(values) - 3):
        threshold = values[j] - 0.05
        if values[:j].max() < threshold and values[j + 1:-1].min() < threshold <= values[-1] and values.argmax() != j:
            return threshold
    return None


def never(values, whole):
    return values.max() + 0.1 if whole > values.max() + 0.2 else None


def empty(values, whole):
    return values[0] - 0.1 if values[1:].max() > values[0] and values[1] > values[0] - 0.1 else None


def cases(seed):
    rng = np.random.default_rng([112, seed])
    return [drawn(rng, "the threshold is just the value of a subset", 8, 8, exactly),
            drawn(rng, "a value that rises, falls and rises again", 9, 9, dips),
            drawn(rng, "a stack of some of the positions, none of its subsets sufficient", 8, 5, never),
            drawn(rng, "the empty subset suffices", 6, 6, empty)]


def oracle(value, stack, p, threshold):
    found = first_sufficient(value, p, [int(i) for i in stack], threshold)
    return None if found is None else as_mask(found, p)


def variant(enough=np.greater_equal, bottom=False, choose=lambda good: int(np.argmax(good)), invert=False, start=0, none=True):
    """FindSIS with one thing changed."""
    def find_sis(value, stack, p, threshold):
        masks = prefixes(stack[::-1] if bottom else stack, p)[start:]
        good = enough(value(~masks if invert else masks), threshold)
        if not good.any():
            return None if none else masks[-1]
        return masks[choose(good)]
    return find_sis


def going_down(good):
    """Delete from the full stack until it no longer suffices, and step back once."""
    return 0 if good.all() else min(len(good) - 1, len(good) - int(np.argmin(good[::-1])))


def best_of_all(value, stack, p, threshold):
    masks = prefixes(stack, p)
    values = value(masks)
    return masks[values.argmax()] if values.max() >= threshold else None


def one_by_one(value, stack, p, threshold):
    top = [np.isin(np.arange(p), i) for i in reversed(stack)]
    return next((mask for mask in top if value(mask[None])[0] >= threshold), None)


def positions_popped(value, stack, p, threshold):
    masks = prefixes(stack, p)
    good = value(masks) >= threshold
    return stack[::-1][:int(np.argmax(good))] if good.any() else None


def pops_without_test(value, stack, p, threshold):
    left, mask = list(stack), np.zeros(p, bool)
    while value(mask[None])[0] < threshold:
        mask[left.pop()] = True
    return mask


def sufficient(args, answer):
    value, _, _, threshold = args
    return answer is None or bool(value(np.asarray(answer)[None])[0] >= threshold)


def first(args, answer):
    value, stack, p, threshold = args
    if answer is None:
        return True
    shorter = prefixes(stack, p)[: int(np.sum(answer))]
    return bool((value(shorter) < threshold).all()) if len(shorter) else True


def from_the_top(args, answer):
    _, stack, p, _ = args
    return answer is None or bool((prefixes(stack, p)[int(np.sum(answer))] == answer).all())


EXERCISE = Exercise(
    id="11.2", title="FindSIS", points=2, minutes=10, difficulty=1, function="find_sis",
    cases=cases, oracle=oracle, rtol=0, atol=0,
    laws=(Law("sufficiency", "f of the subset alone reaches the threshold.", sufficient),
          Law("minimality", "Without the positions that were added last, f stays below the threshold, at every step back to the empty subset.",
              first),
          Law("from the top", "A subset of k positions holds the k on top of the stack.", from_the_top)),
    hints=("What you compare are the subsets of 0, 1, 2, ... positions, always the ones on top of the stack. You may build all of these "
           "masks first, or go step by step.",
           "Start with a mask of False everywhere. As long as its value is below the threshold: is the stack used up? Then return None. "
           "Otherwise take the next position from the end of `stack` and set it to True.",
           "for i in [None, *stack[::-1]]: set mask[i] unless i is None; then `if value(mask[None])[0] >= threshold: return mask`. After the "
           "loop: return None"),
    misconceptions=(
        Misconception("above, not at", variant(enough=np.greater),
                      "A subset whose value is just the threshold suffices: >=, not >."),
        Misconception("from the bottom", variant(bottom=True),
                      "You begin with what was removed first. Pop from the top of the stack: its last entry, the position that stayed longest."),
        Misconception("deleting from the full set", variant(choose=going_down),
                      "You delete from the full set until it no longer suffices. f can fall below the threshold and rise again; start from the "
                      "empty set and stop at the first subset that suffices."),
        Misconception("last insufficient subset", variant(choose=lambda good: max(int(np.argmax(good)) - 1, 0)),
                      "You return the subset one step before it suffices: the position that lifts it to the threshold belongs to it."),
        Misconception("never None", variant(none=False),
                      "Where the whole stack does not suffice, return None: a subset that fails the threshold is no sufficient subset."),
        Misconception("begins with one position", variant(start=1),
                      "You never ask for the empty subset. Where f is at the threshold with everything masked, the answer is the mask without "
                      "a True: the loop tests before it pops."),
        Misconception("highest value", best_of_all,
                      "You return the subset with the highest value; the first one that reaches the threshold is wanted, it is the smallest."),
        Misconception("mask inverted", variant(invert=True),
                      "You ask for the value of everything but the subset: True in a mask means kept."),
        Misconception("positions one by one", one_by_one,
                      "You try the positions each on its own. They add up: the subset keeps what was popped before."),
        Misconception("positions returned", positions_popped,
                      "You return the positions; return a mask of all p positions, True where one is kept."),
        Misconception("pops from an empty stack", pops_without_test,
                      "The stack ran out before the threshold was reached: test for that, and return None."),
    ),
)
