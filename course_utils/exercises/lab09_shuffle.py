"""Exercise 09.4: a shuffle that keeps the counts of neighbours."""
from __future__ import annotations

import itertools
from collections import Counter
from functools import cache

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

LETTERS = "ACGT"
COPIES = 2500  # of a short sequence, all of whose arrangements are known
AGAIN = 2      # more from a second generator with the same seed
UNEVEN = "AGACAGCC"  # eight arrangements, whose last arrows are easily drawn unevenly
RARE = 1e-7    # share of right functions that the law of equal chances may refuse


def pairs(sequence):
    return Counter(zip(sequence, sequence[1:]))


@cache
def arrangements(sequence):
    """All sequences with the same neighbours' counts and first letter, by brute force over the order of the letters."""
    wanted = pairs(sequence)
    inner = set(itertools.permutations(sequence[1:-1]))
    return frozenset(text for text in (sequence[0] + "".join(order) + sequence[-1] for order in inner) if pairs(text) == wanted)


def renamed(rng, letters):
    """UNEVEN in other letters."""
    names = dict(zip("ACG", rng.choice(list(letters), size=3, replace=False)))
    return "".join(str(names[letter]) for letter in UNEVEN)


def cases(seed):
    rng = np.random.default_rng([9, 4, seed])
    long = "".join(rng.choice(list(LETTERS), size=60, p=[0.4, 0.1, 0.2, 0.3]))
    while pairs(long)["C", "G"] == 0 or long[0] == long[-1]:
        long = "".join(rng.choice(list(LETTERS), size=60, p=[0.4, 0.1, 0.2, 0.3]))
    return [
        Case((long, int(rng.integers(1 << 30)), 12), "60 letters, 12 shuffles"),
        Case((renamed(rng, "ACGT"), int(rng.integers(1 << 30)), COPIES), f"8 letters, {COPIES} shuffles"),
        Case((renamed(rng, "xyz01"), int(rng.integers(1 << 30)), 12), "8 letters of another alphabet, 12 shuffles"),
        Case((str(rng.choice(list(LETTERS))), int(rng.integers(1 << 30)), 3), "a single letter, 3 shuffles"),
    ]


def many(function, sequence, seed, copies):
    """Ask for several shuffles of one sequence, all from one generator, and for the first of them once more from its twin."""
    one, twin = np.random.default_rng(seed), np.random.default_rng(seed)
    return [function(sequence, one) for _ in range(copies)] + [function(sequence, twin) for _ in range(AGAIN)]


def every(test):
    """A law's test on each of the shuffles; one that comes often is looked at once."""
    return lambda args, answer: len(answer) == args[2] + AGAIN and all(test(args[0], text) for text in set(map(str, answer)))


def by_chance(args, answer):
    """Long sequences come out different every time; of short ones, all arrangements come equally often (chi-squared test)."""
    from scipy.stats import chi2

    sequence, _, copies = args
    drawn = list(answer)[:copies]
    if copies < COPIES:
        return len(sequence) < 20 or (len(set(drawn)) >= copies - 1 and sequence not in drawn)
    possible = arrangements(sequence)
    expected = copies / len(possible)
    seen = Counter(drawn)
    if set(seen) - possible:
        return False
    return chi2.sf(sum((seen[text] - expected) ** 2 / expected for text in possible), len(possible) - 1) > RARE


def same_seed_same_shuffles(args, answer):
    return len(answer) == args[2] + AGAIN and list(answer)[-AGAIN:] == list(answer)[:AGAIN]


def permuted(sequence, rng):
    return "".join(rng.permutation(list(sequence)))


def permuted_inside(sequence, rng):
    return sequence[0] + "".join(rng.permutation(list(sequence[1:-1]))) + sequence[-1]


def blocks(sequence, rng):
    return "".join(rng.permutation([sequence[k:k + 2] for k in range(0, len(sequence), 2)]))


def chain(sequence, rng):
    text = sequence[0]
    while len(text) < len(sequence):
        followers = [b for a, b in zip(sequence, sequence[1:]) if a == text[-1]] or list(sequence)
        text += followers[int(rng.integers(len(followers)))]
    return text


def exits_of(sequence):
    """The letters that follow each letter, in order."""
    exits = {letter: [] for letter in sequence}
    for letter, follower in zip(sequence, sequence[1:]):
        exits[letter].append(follower)
    return exits


def walk(start, exits):
    """Follow the exits in their order until a letter has none left."""
    text, exits = start, {letter: list(followers) for letter, followers in exits.items()}
    while exits[text[-1]]:
        text += exits[text[-1]].pop(0)
    return text


def until_stuck(sequence, rng):
    return walk(sequence[0], {letter: list(rng.permutation(followers)) for letter, followers in exits_of(sequence).items()})


def old_last_exits(sequence, rng):
    return walk(sequence[0], {letter: [*rng.permutation(followers[:-1]), *followers[-1:]] for letter, followers in exits_of(sequence).items()})


def leads_home(letter, last, end):
    for _ in range(len(last) + 1):
        letter = letter if letter == end else last[letter]
    return letter == end


def walked(sequence, rng, last):
    """The walk with these last arrows, the others in random order."""
    exits = {letter: list(followers) for letter, followers in exits_of(sequence).items()}
    for letter, follower in last.items():
        exits[letter].remove(follower)
        exits[letter] = [*rng.permutation(exits[letter]), follower]
    if sequence[-1] not in last:
        exits[sequence[-1]] = list(rng.permutation(exits[sequence[-1]]))
    return walk(sequence[0], exits)


def distinct_last_arrows(sequence, rng):
    exits, end = exits_of(sequence), sequence[-1]
    while True:
        last = {letter: str(rng.choice(sorted(set(followers)))) for letter, followers in exits.items() if letter != end}
        if all(leads_home(letter, last, end) for letter in last):
            return walked(sequence, rng, last)


def failed_arrows_redrawn(sequence, rng):
    exits, end = exits_of(sequence), sequence[-1]
    last = {letter: str(rng.choice(followers)) for letter, followers in exits.items() if letter != end}
    while lost := [letter for letter in last if not leads_home(letter, last, end)]:
        letter = str(rng.choice(lost))
        last[letter] = str(rng.choice(exits[letter]))
    return walked(sequence, rng, last)


def own_generator(sequence, rng):
    own, exits = np.random.default_rng(), exits_of(sequence)
    while True:
        text = walk(sequence[0], {letter: list(own.permutation(followers)) for letter, followers in exits.items()})
        if len(text) == len(sequence):
            return text


def rotated(sequence, rng):
    cut = int(rng.integers(1, max(2, len(sequence))))
    return sequence[cut:] + sequence[:cut]


def always_the_same(sequence, rng):
    own, exits = np.random.default_rng(0), exits_of(sequence)
    while True:
        text = walk(sequence[0], {letter: list(own.permutation(followers)) for letter, followers in exits.items()})
        if len(text) == len(sequence):
            return text


SHUFFLE = Exercise(
    id="09.4", title="A shuffle that keeps neighbours", points=3, minutes=16, difficulty=3, function="dinucleotide_shuffle",
    cases=cases, oracle=None, call=many,
    laws=(
        Law("length", "A shuffle is as long as its sequence. If the walk stopped early, it came to the last letter and had used up its exits while "
            "other letters still had some: the last exits have to lead there from everywhere.",
            every(lambda sequence, text: len(text) == len(sequence))),
        Law("letters", "A shuffle has the letters of its sequence, each as often.", every(lambda sequence, text: Counter(text) == Counter(sequence))),
        Law("neighbours", "Count how often each letter is followed by each: the sixteen counts have to be those of the sequence, exactly, in every "
            "shuffle.", every(lambda sequence, text: pairs(text) == pairs(sequence))),
        Law("ends", "The first letter and the last letter stay: a walk over all exits has no choice about where it begins and ends.",
            every(lambda sequence, text: (text[0], text[-1]) == (sequence[0], sequence[-1]))),
        Law("equal chances", "The counts are kept, but the shuffles are not drawn evenly: all arrangements that keep the counts have to come equally "
            "often. Draw each last arrow among all arrows of its letter, one that occurs twice counted twice, and where a choice does not lead to the "
            "last letter, draw all of them again.", by_chance),
        Law("given generator", "Two generators with the same seed have to give the same shuffles: draw from `rng`, and from nothing else.",
            same_seed_same_shuffles),
    ),
    hints=(
        "Write CACGAC on paper as a walk: from C to A, from A to C, ... Which arrows leave each letter? Every other walk that uses the same arrows once "
        "each is a shuffle. Try to find one, and watch where you get stuck.",
        "List the followers of each letter. For every letter but the last one of the sequence choose at random which of its arrows will be used last; "
        "accept the choice if, following only these last arrows, you come from every letter to the last one; else choose again. Put the other "
        "arrows of each letter in random order before it, and walk.",
        "To test a choice: `here = letter`, then `here = last[here]` until it is `sequence[-1]`, at most as many times as there are different letters; "
        "if you have not arrived by then, draw all the last arrows again. `rng.permutation(list)` gives a random order, `list.pop(k)` takes an element out.",
    ),
    misconceptions=(
        Misconception("letters permuted", permuted,
                      "You permute the letters: their counts are kept, those of neighbours are not. CG, which is rare in the genome, would become common."),
        Misconception("letters permuted between the ends", permuted_inside,
                      "You keep both ends and permute the letters between them: the counts of neighbours are not kept."),
        Misconception("blocks of two", blocks,
                      "You permute blocks of two letters. That keeps the neighbours inside blocks, which are half of all, and makes new ones where blocks meet."),
        Misconception("Markov chain", chain,
                      "You draw each letter from the followers of the one before it, and put the follower back. That keeps the counts of neighbours on average "
                      "only, and the last letter not at all. Use each arrow once."),
        Misconception("walk until stuck", until_stuck,
                      "Your walk uses each arrow once but ends when it gets stuck, which can be before all arrows are used. Choose each letter's last arrow "
                      "with care, so that every letter leads to the last one."),
        Misconception("old last exits", old_last_exits,
                      "You leave each letter's last arrow as it is in the sequence. The walk always succeeds, but arrangements with other last arrows never come: "
                      "draw the last arrows too."),
        Misconception("last arrows among different followers", distinct_last_arrows,
                      "You draw each last arrow among the *different* followers of its letter. An arrow that occurs twice has to be twice as likely to be "
                      "the last one: draw from the list of followers with its repetitions."),
        Misconception("failed arrows drawn again", failed_arrows_redrawn,
                      "Where a choice of last arrows fails, you draw only the arrow that failed again. That makes some choices more likely than others: "
                      "throw the whole choice away."),
        Misconception("rotation", rotated,
                      "You turn the sequence like a ring. That leaves long pieces of it, motifs included, as they were, and changes its ends."),
        Misconception("always the same", always_the_same,
                      "You get the same shuffle at every call: draw from the generator that is given, do not make one with a fixed seed inside."),
    ),
)
