"""Exercise 05.3: p-values from given permutations."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def cases(seed):
    """Few inputs, counts among the statistics (so that ties occur), both signs, the identity among the permutations; one case with repeated rows."""
    rng = np.random.default_rng([53, seed])
    made = []
    for n, filters, columns, count in ((9, 4, 3, 60), (16, 3, 2, 99), (24, 5, 2, 49)):
        statistics = rng.normal(size=(n, columns))
        statistics[:, 0] = np.arange(n) % 3 == 0  # a count of 0 or 1
        activations = rng.normal(size=(n, filters))
        strengths = np.where(np.arange(filters) % 2, -0.7, 0.7)
        activations += statistics[:, 1:2] * strengths
        activations[:, 0] = statistics[:, 0] + 0.3 * (rng.random(n) < 0.4)
        permutations = np.array([rng.permutation(n) for _ in range(count)])
        permutations[int(rng.integers(count))] = np.arange(n)
        made.append(Case((activations, statistics, permutations), f"{n} inputs, {filters} filters, {columns} statistics, {count} permutations"))
    # Inputs that come three times: permutations within the threes give the same r, with sums in another order.
    triple = rng.permutation(np.arange(15) % 5)
    activations, statistics = rng.normal(size=(5, 3))[triple], rng.normal(size=(15, 2))
    places = np.argsort(triple, kind="stable")
    permutations = np.array([rng.permutation(15) for _ in range(79)])
    for k in range(40):
        permutations[k, places] = rng.permuted(places.reshape(5, 3), axis=1).ravel()
    made.append(Case((activations, statistics, rng.permutation(permutations)), "15 inputs, each activation three times, 3 filters, 2 statistics, 79 permutations"))
    return made


def oracle(activations, statistics, permutations):
    """Brute force: one filter, one statistic, one permutation at a time, by np.corrcoef."""
    answer = np.empty((activations.shape[1], statistics.shape[1]))
    for f, a in enumerate(activations.T):
        for s, b in enumerate(statistics.T):
            seen = abs(np.corrcoef(a, b)[0, 1]) - 1e-9
            hits = sum(abs(np.corrcoef(a, b[order])[0, 1]) >= seen for order in permutations)
            answer[f, s] = (hits + 1) / (len(permutations) + 1)
    return answer


def unit(columns):
    columns = columns - columns.mean(axis=-2, keepdims=True)
    return columns / np.linalg.norm(columns, axis=-2, keepdims=True)


def both_sides(drawn, seen):
    return (np.abs(drawn) >= np.abs(seen) - 1e-9).sum(axis=0)


def variant(count=both_sides, share=lambda hits, P: (hits + 1) / (P + 1), draw=None, scale=unit):
    """The test with one step changed: what is counted, the share, what is permuted, or the scaling."""
    def permutation_p_values(activations, statistics, permutations):
        a, b = scale(activations), scale(statistics)
        drawn = a.T @ b[permutations] if draw is None else draw(a, b, permutations)
        return share(count(drawn, a.T @ b), len(permutations))
    return permutation_p_values


def both_permuted(a, b, permutations):
    return np.swapaxes(a[permutations], 1, 2) @ b[permutations]


def activations_permuted(a, b, permutations):
    return np.swapaxes(a[permutations], 1, 2) @ b


def largest_of_all(drawn, seen):
    return (np.abs(drawn).max(axis=(1, 2), keepdims=True) >= np.abs(seen) - 1e-9).sum(axis=0)


def on_the_grid(args, answer):
    """A whole number of (P + 1)ths, at least one."""
    steps = np.asarray(answer, float) * (len(args[2]) + 1)
    return bool((np.abs(steps - np.round(steps)) < 1e-6).all() and (steps > 0.5).all() and (steps < len(args[2]) + 1.5).all())


def ties_count(args, answer):
    """Permutations that exchange only equal rows of the activations are hits for every pair."""
    activations, _, permutations = args
    ties = (activations[np.argsort(permutations, axis=1)] == activations).all(axis=(1, 2)).sum()
    return bool((np.asarray(answer) * (len(permutations) + 1) > ties + 0.5).all())


EXERCISE = Exercise(
    id="05.3", title="Permutation p-values", points=3, minutes=18, difficulty=2, function="permutation_p_values",
    cases=cases, oracle=oracle,
    laws=(Law("counting the data", "With c of P permutations at least as extreme, p is (c + 1)/(P + 1): a whole number of (P + 1)ths, never 0.", on_the_grid),
          Law("ties", "A permutation that exchanges only rows of equal activations leaves r as it is and counts: compare with |r| - 1e-9, as rounding is not to decide.",
              ties_count)),
    hints=("A permutation of the rows of one table breaks every tie between the two tables, and leaves each table as it was. What does a correlation reach then?",
           "Centre the columns and scale them to length 1 once: permuting rows changes neither. statistics[permutations] has shape (P, n, S), and a matrix "
           "product with the activations, turned to (F, n), works for all P at once: (P, F, S). Count along axis 0.",
           "drawn = a.T @ b[permutations]; hits = (np.abs(drawn) >= np.abs(a.T @ b) - 1e-9).sum(axis=0); p is (hits + 1) / (P + 1)"),
    misconceptions=(
        Misconception("c over P", variant(share=lambda hits, P: hits / P),
                      "With c/P a p-value can be 0, which no finite number of permutations shows: the data count as one arrangement more, (c + 1)/(P + 1)."),
        Misconception("c plus 1 over P", variant(share=lambda hits, P: (hits + 1) / P),
                      "You added the data to the count and not to the total: divide by P + 1."),
        Misconception("raw inner products", variant(scale=lambda columns: columns),
                      "You compare inner products of raw columns; centre and scale both tables first (unit_columns)."),
        Misconception("one-sided", variant(count=lambda drawn, seen: (drawn >= seen - 1e-9).sum(axis=0)),
                      "You count only correlations that are larger with their sign; a filter that falls with the statistic listens too: compare absolute values."),
        Misconception("absolute on one side", variant(count=lambda drawn, seen: (np.abs(drawn) >= seen - 1e-9).sum(axis=0)),
                      "You took the absolute value of the permuted correlations and not of the measured one, so negative correlations get p = 1."),
        Misconception("less extreme counted", variant(count=lambda drawn, seen: (np.abs(drawn) <= np.abs(seen) + 1e-9).sum(axis=0)),
                      "You count the permutations that are less extreme than the data: a strong correlation should get a small p."),
        Misconception("ties left out", variant(count=lambda drawn, seen: (np.abs(drawn) > np.abs(seen) + 1e-9).sum(axis=0)),
                      "A permutation that reaches exactly the measured value counts as well: at least as extreme, ≥."),
        Misconception("both permuted", variant(draw=both_permuted),
                      "You permuted both tables alike, so every pair is still together and nothing changes: permute the statistics alone."),
        Misconception("activations permuted", variant(draw=activations_permuted),
                      "You permuted the activations. That tests the same, by other pairs; asked for is row i of the activations beside row permutations[k, i] of the statistics."),
        Misconception("largest of all", variant(count=largest_of_all),
                      "You compare each pair with the largest correlation of all pairs: that is a correction for many tests, which comes later. Compare each pair with itself."),
    ),
)
