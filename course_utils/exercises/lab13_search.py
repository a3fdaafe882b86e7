"""Exercise 13.1: the top k of every filter in one pass over a stream."""
from __future__ import annotations

import weakref

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

SIZES = ([3, 9, 2, 7, 8, 6], [8, 8, 8, 8], [1, 12, 5, 11, 4, 4])


def streams(seed):
    """Scores of either sign, with ties; batches of unlike size; the first holds fewer than k pictures."""
    rng = np.random.default_rng([13, 1, seed])
    cases = []
    for sizes, filters, k in zip(SIZES, (4, 3, 5), (4, 9, 6)):
        n = sum(sizes)
        scores = rng.integers(-40, 41, size=(n, filters)) / 8 - 3 * rng.integers(0, 2, size=filters)
        scores[:, 0] = -np.abs(scores[:, 0]) - 1  # a filter that is never positive
        numbers = rng.permutation(5 * n)[:n]
        cases.append(Case((numbers, scores, list(sizes), k), f"{n} pictures in {len(sizes)} batches, {filters} filters, top {k}"))
    return cases


def from_a_stream(function, numbers, scores, sizes, k):
    """The answer to a stream that can be read once, and whether the function let go of its batches.

    When a batch is asked for, one or two earlier ones may still be alive in the caller's variables;
    a list of all batches, or of parts of them, keeps all.
    """
    alive, most = [], 0

    def batches():
        nonlocal most
        start = 0
        for size in sizes:
            most = max(most, sum(one() is not None for one in alive))
            part = numbers[start:start + size].copy(), scores[start:start + size].copy()
            alive.append(weakref.ref(part[1]))
            yield part
            del part
            start += size

    answer = function(batches(), k)
    if not (isinstance(answer, tuple) and len(answer) == 2):
        return answer
    return {"numbers": answer[0], "scores": answer[1], "lets go of batches": most <= 2}


def by_sorting_everything(numbers, scores, sizes, k):
    """Brute force: sort all pictures for one filter after the other."""
    ranked = [sorted(range(len(numbers)), key=lambda i: (-column[i], i))[:k] for column in scores.T]
    return {"numbers": np.array([[numbers[i] for i in row] for row in ranked]),
            "scores": np.array([[column[i] for i in row] for row, column in zip(ranked, scores.T)]), "lets go of batches": True}


def ties_settled(args, answer):
    """Whether equal scores stand in the order of the stream; judged only where the scores and their numbers are right."""
    numbers, scores = args[:2]
    expected = by_sorting_everything(*args)
    same = np.array_equal(answer["scores"], expected["scores"]) and np.isin(answer["numbers"], numbers).all()
    if not same:
        return True
    places = np.argsort(numbers)[np.searchsorted(np.sort(numbers), answer["numbers"])]
    carried = np.array_equal(scores[places, np.arange(scores.shape[1])[:, None]], answer["scores"])
    return not carried or np.array_equal(answer["numbers"], expected["numbers"])


def merged(batches, k, key=lambda scores: -scores, start=None, new_first=False):
    """The right answer, with another order or another start, as (numbers, scores) of shape (k, filters)."""
    best = start
    for numbers, scores in batches:
        new = np.repeat(numbers[:, None], scores.shape[1], axis=1), scores
        if best is None:
            best = new
        elif best == "zeros":
            best = tuple(np.concatenate([np.zeros((k, scores.shape[1]), old.dtype), old]) for old in new)
        else:
            best = tuple(np.concatenate(pair[::-1] if new_first else pair) for pair in zip(best, new))
        order = np.argsort(key(best[1]), axis=0, kind="stable")[:k]
        best = tuple(np.take_along_axis(values, order, axis=0) for values in best)
    return best


def keeps_everything(batches, k):
    everything = list(batches)
    numbers, scores = merged(everything, k)
    return numbers.T, scores.T


def smallest(batches, k):
    numbers, scores = merged(batches, k, key=lambda scores: scores)
    return numbers.T, scores.T


def ascending(batches, k):
    numbers, scores = merged(batches, k)
    return numbers[::-1].T.copy(), scores[::-1].T.copy()


def from_zero(batches, k):
    numbers, scores = merged(batches, k, start="zeros")
    return numbers.T, scores.T


def by_size(batches, k):
    numbers, scores = merged(batches, k, key=lambda scores: -np.abs(scores))
    return numbers.T, scores.T


def new_above_old(batches, k):
    numbers, scores = merged(batches, k, new_first=True)
    return numbers.T, scores.T


def transposed(batches, k):
    return merged(batches, k)


def places_in_batch(batches, k):
    numbers, scores = merged(((np.arange(len(numbers)), scores) for numbers, scores in batches), k)
    return numbers.T, scores.T


def places_in_stream(batches, k):
    def counted():
        seen = 0
        for numbers, scores in batches:
            yield np.arange(seen, seen + len(numbers)), scores
            seen += len(numbers)

    numbers, scores = merged(counted(), k)
    return numbers.T, scores.T


def largest_batch_only(batches, k):
    best = None
    for numbers, scores in batches:
        if len(numbers) >= k:
            best = merged([(numbers, scores)], k)
    return best[0].T, best[1].T


def one_ranking(batches, k):
    def averaged():
        for numbers, scores in batches:
            yield numbers, np.concatenate([scores.mean(axis=1, keepdims=True), scores], axis=1)

    found = None
    for numbers, scores in averaged():
        new = np.concatenate([numbers[:, None], scores], axis=1)
        found = new if found is None else np.concatenate([found, new])
        found = found[np.argsort(-found[:, 1], kind="stable")[:k]]
    filters = found.shape[1] - 2
    return np.repeat(found[None, :, 0], filters, axis=0).astype(int), found[:, 2:].T.copy()


SEARCH = Exercise(
    id="13.1", title="The top k in one pass", points=3, minutes=18, difficulty=2, function="top_of_stream",
    cases=streams, oracle=by_sorting_everything, call=from_a_stream,
    laws=(
        Law("constant memory", "The stream has to flow through: when the next batch comes, the ones before the last are gone.",
            lambda args, answer: bool(answer["lets go of batches"])),
        Law("descending", "Each row of scores falls from left to right.",
            lambda args, answer: bool((np.diff(answer["scores"], axis=1) <= 0).all())),
        Law("best of all", "The first column holds the largest score that each filter has in the whole stream.",
            lambda args, answer: bool(np.array_equal(answer["scores"][:, 0], args[1].max(axis=0)))),
        Law("ties", "Of equal scores the picture that came first stands first: sort the negative scores with `kind=\"stable\"`.", ties_settled),
    ),
    hints=(
        "What do you have to remember after a batch? Only the best k of each filter so far: a picture that is not among them now will "
        "not be among them later.",
        "For each batch: put the best so far above the new scores (at most k + n rows), sort every column, keep the first k rows. Carry "
        "the numbers along. The first batch has nothing above it, and may have fewer than k rows.",
        "`order = np.argsort(-scores, axis=0, kind=\"stable\")[:k]`, then `np.take_along_axis(scores, order, axis=0)` and the same for "
        "the numbers, repeated to the shape of the scores. `.T` at the end.",
    ),
    misconceptions=(
        Misconception("keeps everything", keeps_everything,
                      "The answer is right, but you keep all batches until the end: with 10,000 pictures nobody notices, with ten million the "
                      "memory is gone. Merge each batch into the best so far, then let it go."),
        Misconception("smallest", smallest, "You keep the smallest scores: `argsort` rises, so sort the negative scores."),
        Misconception("ascending", ascending, "These are the right pictures in rising order; the strongest comes first."),
        Misconception("starts from zeros", from_zero,
                      "You start from a best of zeros, so a score below zero can never enter. Start with nothing, or with minus infinity."),
        Misconception("by absolute value", by_size, "You rank by absolute value: a strongly negative score is no strong response."),
        Misconception("the new above the best", new_above_old,
                      "You put the new scores above the best so far, so of equal scores the later picture wins: the best so far goes on top."),
        Misconception("pictures in rows", transposed,
                      "Your answer has a column for each filter; it should have a row for each: shape (filters, k)."),
        Misconception("places in the batch", places_in_batch,
                      "You return the place of a picture in its batch: the batch is gone then. Carry the numbers that come with the scores."),
        Misconception("places in the stream", places_in_stream,
                      "You count the pictures as they come; return the numbers that come with the scores."),
        Misconception("forgets earlier batches", largest_batch_only,
                      "You return the best of one batch: merge every batch with the best so far."),
        Misconception("one ranking for all filters", one_ranking,
                      "All filters get the same pictures, ranked by the mean score: every filter, so every column, has a ranking of its own."),
    ),
)
