"""Exercise 11.1: BackSelect."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab11_games import game, removal_order


def cases(seed):
    """The whole input and parts of it, in functions with and without interaction."""
    rng = np.random.default_rng([111, seed])
    made = []
    for kind, p, size in (("any", 7, 7), ("monotone", 8, 8), ("any", 9, 5), ("redundant", 8, 7)):
        subset = np.zeros(p, bool)
        subset[1 + rng.choice(p - 1, size=size, replace=False) if size < p else slice(None)] = True
        what = "the whole input" if size == p else f"{size} of {p} positions"
        made.append(Case((given(game, kind=kind, p=p, seed=int(rng.integers(10**6))), subset), f"{what}, a function of the sort {kind!r}"))
    return made


def watched(function, value, subset):
    """The stack, and whether each step asked all its questions in one call."""
    calls = []

    def counting(masks):
        calls.append(len(masks))
        return value(masks)

    stack = function(counting, subset)
    return {"stack": stack, "one call a step": len(calls) <= int(subset.sum()) + 1}


def oracle(value, subset):
    order = removal_order(value, len(subset), set(np.flatnonzero(subset).tolist()))
    return {"stack": np.array(order, dtype=np.int64), "one call a step": True}


def variant(pick=np.argmax, whole=False, turn=False, local=False, ask="without"):
    """BackSelect with one thing changed."""
    def back_select(value, subset):
        rest, stack = np.ones_like(subset) if whole else subset.copy(), []
        while rest.any():
            positions = np.flatnonzero(rest)
            masks = np.repeat(rest[None], len(positions), axis=0)
            masks[np.arange(len(positions)), positions] = False
            if ask == "only":
                masks = np.eye(len(rest), dtype=bool)[positions]
            if ask == "gone":
                masks = ~masks
            chosen = int(pick(value(masks)))
            stack.append(chosen if local else positions[chosen])
            rest[positions[chosen]] = False
        return np.array(stack[::-1] if turn else stack, dtype=np.int64)
    return back_select


def ranked_once(value, subset):
    positions = np.flatnonzero(subset)
    masks = np.repeat(subset[None], len(positions), axis=0)
    masks[np.arange(len(positions)), positions] = False
    return positions[np.argsort(-value(masks))]


def forward_selection(value, subset):
    chosen, stack = np.zeros_like(subset), []
    while (subset & ~chosen).any():
        positions = np.flatnonzero(subset & ~chosen)
        masks = np.repeat(chosen[None], len(positions), axis=0)
        masks[np.arange(len(positions)), positions] = True
        stack.append(positions[value(masks).argmax()])
        chosen[stack[-1]] = True
    return np.array(stack[::-1], dtype=np.int64)


def one_at_a_time(value, subset):
    rest, stack = subset.copy(), []
    while rest.any():
        scores = []
        for i in np.flatnonzero(rest):
            mask = rest.copy()
            mask[i] = False
            scores.append(value(mask[None])[0])
        stack.append(np.flatnonzero(rest)[int(np.argmax(scores))])
        rest[stack[-1]] = False
    return np.array(stack, dtype=np.int64)


def every_position_once(args, answer):
    return sorted(np.asarray(answer["stack"]).tolist()) == np.flatnonzero(args[1]).tolist()


def greedy(args, answer):
    value, subset = args
    rest = subset.copy()
    for gone in answer["stack"]:
        masks = np.repeat(rest[None], int(rest.sum()), axis=0)
        masks[np.arange(len(masks)), np.flatnonzero(rest)] = False
        rest[gone] = False
        if value(rest[None])[0] < value(masks).max():
            return False
    return True


EXERCISE = Exercise(
    id="11.1", title="BackSelect", points=3, minutes=15, difficulty=2, function="back_select",
    cases=cases, oracle=oracle, call=watched, rtol=0, atol=0,
    laws=(Law("each position once", "The stack holds every position of the subset once, and no other.", every_position_once),
          Law("greedy", "After each removal the value is the highest that removing one position could have left.", greedy)),
    hints=("At each step there is one candidate mask for each position that is left: the rest without that position. Write them as the rows "
           "of one array.",
           "positions = np.flatnonzero(rest) are the candidates. Repeat `rest` once for each of them, then set entry [k, positions[k]] to "
           "False for all k at once, with two index arrays.",
           "masks = np.repeat(rest[None], len(positions), axis=0); masks[np.arange(len(positions)), positions] = False; "
           "gone = positions[value(masks).argmax()]"),
    misconceptions=(
        Misconception("argmin", variant(pick=np.argmin),
                      "You remove the position that hurts most. BackSelect removes the one that hurts least (the highest value of what is "
                      "left), so that what matters stays to the end."),
        Misconception("ranked once", ranked_once,
                      "You rank all positions by one round of removals. What a position is worth depends on what is left: ask again after "
                      "every removal."),
        Misconception("stack upside down", variant(turn=True),
                      "Your stack is upside down: what is removed first lies at the bottom, entry 0, and the last one on top, entry -1."),
        Misconception("subset ignored", variant(whole=True),
                      "You start from the whole input; start from `subset`. Positions outside it are masked already and stay so."),
        Misconception("numbers within the subset", variant(local=True),
                      "You push the place among the positions that are left; push the position in the input, positions[k]."),
        Misconception("position alone", variant(ask="only"),
                      "You ask what each position does alone. Ask what the others do without it: the mask of the rest, with one entry False."),
        Misconception("mask inverted", variant(ask="gone"),
                      "Your masks are inverted: True means that a position is kept, False that it is masked."),
        Misconception("forward selection", forward_selection,
                      "You build the subset up, best addition first. BackSelect takes the input down: a position that works only together "
                      "with others would look useless on the way up."),
        Misconception("one call a candidate", one_at_a_time,
                      "The stack is right, but you call `value` once for each candidate. Put all candidates of a step into one array of "
                      "masks: one call a step."),
    ),
)
