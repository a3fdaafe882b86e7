"""Exercise 11.4: the table of subsets with their frequencies."""
from __future__ import annotations

from collections import Counter

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

PAIR = {"A": "T", "C": "G", "G": "C", "T": "A", "-": "-"}
MOTIFS = ("TGACTCA", "GCTGA--GCA", "CACG", "TT-GC-A", "AAC--T")


def turned(text):
    """The other strand, letter by letter."""
    return "".join(PAIR[letter] for letter in reversed(text))


def cases(seed):
    rng = np.random.default_rng([114, seed])
    return [drawn(rng, "motifs on both strands", 10, (5, 3, 1), 30), drawn(rng, "equal counts", 16, (2, 2, 2), 24),
            drawn(rng, "subsets at the ends of the sequence", 7, (4, 2), 14, ends=True)]


def drawn(rng, about, n, counts, length, ends=False):
    """Random sequences, with some motifs planted and kept as often as `counts` says, and random subsets in the others."""
    sequences, subsets = [], []
    chosen = rng.permutation(MOTIFS)[: len(counts)]
    planned = [str(motif) for motif, count in zip(chosen, counts) for _ in range(count)]
    for k in range(n + len(planned) - sum(counts)):
        letters, mask = rng.choice(list("ACGT"), size=length), np.zeros(length, bool)
        if k < len(planned):
            text = turned(planned[k]) if (k % 2 if k < 2 else rng.integers(2)) else planned[k]
            start = (0 if k % 2 else length - len(text)) if ends else int(rng.integers(1, length - len(text)))
            for place, letter in enumerate(text, start):
                if letter != "-":
                    letters[place], mask[place] = letter, True
        else:
            start = int(rng.integers(0, length - 9))
            mask[start + rng.choice(9, size=5, replace=False)] = True
        sequences.append("".join(letters))
        subsets.append(mask)
    order = rng.permutation(len(sequences))
    return Case(([sequences[k] for k in order], np.array(subsets)[order]), about)


def oracle(sequences, subsets):
    """Both strands written out letter by letter, counted in a dictionary."""
    counts = {}
    for sequence, mask in zip(sequences, subsets):
        here = [k for k in range(len(sequence)) if mask[k]]
        text = ""
        for k in range(here[0], here[-1] + 1):
            text += sequence[k] if k in here else "-"
        name = sorted([text, turned(text)])[0]
        counts[name] = counts.get(name, 0) + 1
    return [(name, counts[name]) for name in sorted(counts, key=lambda name: (-counts[name], name))]


def variant(other=turned, merged=True, gap="-", cut=True, key=lambda row: (-row[1], row[0]), best=min):
    """The table with one thing changed; gap None shows the masked letters."""
    def sis_table(sequences, subsets):
        texts = []
        for sequence, mask in zip(sequences, subsets):
            where = np.flatnonzero(mask)
            start, stop = (where[0], where[-1] + 1) if cut else (0, len(sequence))
            text = "".join(sequence[k] if mask[k] or gap is None else gap for k in range(start, stop))
            texts.append(best(text, other(text)) if merged else text)
        return sorted(Counter(texts).items(), key=key)
    return sis_table


def falling(sequences, subsets):
    return sorted(variant()(sequences, subsets), key=lambda row: (row[1], row[0]), reverse=True)


def all_counted(args, answer):
    return sum(count for _, count in answer) == len(args[0])


def sorted_by_count(args, answer):
    return list(answer) == sorted(answer, key=lambda row: (-row[1], row[0]))


def one_strand(args, answer):
    names = [name for name, _ in answer]
    return len(set(names)) == len(names) and all(name == turned(name) or turned(name) not in names for name in names)


EXERCISE = Exercise(
    id="11.4", title="The table of subsets", points=2, minutes=12, difficulty=2, function="sis_table",
    cases=cases, oracle=oracle, rtol=0, atol=0,
    laws=(Law("all counted", "The counts add up to the number of subsets.", all_counted),
          Law("most frequent first", "Rows come with falling counts; equal counts in alphabetical order of the text.", sorted_by_count),
          Law("one strand", "A text and its reverse complement are one row.", one_strand)),
    hints=("First the text of a single subset: from its first to its last position, letter or dash. Then the name under which it is counted. "
           "Then count.",
           "where = np.flatnonzero(mask) gives the first and the last position. `dna.reverse_complement(text)` turns a text round and leaves "
           "dashes; the name is the smaller of the two, `min(text, other)`. `collections.Counter` counts names.",
           "return sorted(Counter(names).items(), key=lambda row: (-row[1], row[0]))"),
    misconceptions=(
        Misconception("reversed only", variant(other=lambda text: text[::-1]),
                      "You read the text backwards but keep its letters. On the other strand A pairs with T and C with G: reverse and "
                      "complement."),
        Misconception("complement only", variant(other=lambda text: turned(text)[::-1]),
                      "You complement the letters but keep their order. The other strand is read the other way: reverse and complement."),
        Misconception("strands apart", variant(merged=False),
                      "A motif and its reverse complement stand in two rows: count each subset under the smaller of the two texts."),
        Misconception("masked letters shown", variant(gap=None),
                      "You show the letters at masked positions too. The network did not see them: write '-'."),
        Misconception("gaps closed", variant(gap=""),
                      "You leave masked positions out, so that letters that were apart stand together: write '-' for each masked position in "
                      "between."),
        Misconception("not trimmed", variant(cut=False),
                      "Your texts are as long as the sequence. Begin at the first kept position and end at the last, or the same motif at two "
                      "places counts as two."),
        Misconception("alphabetical", variant(key=lambda row: row[0]),
                      "Your rows stand in alphabetical order; the most frequent come first, and only equal counts are sorted by the text."),
        Misconception("sorted by count only", variant(key=lambda row: -row[1]),
                      "Equal counts stand in the order in which you met them, as `most_common` leaves them; sort by (-count, text)."),
        Misconception("lowest count first", variant(key=lambda row: (row[1], row[0])),
                      "Your rows begin with the lowest count; the highest comes first, so sort by (-count, text)."),
        Misconception("texts from T to A", falling,
                      "The order of your rows is off: the highest count first, and among equal counts the text from A to T."),
        Misconception("larger text", variant(best=max),
                      "Of a text and its reverse complement you take the one that comes later in the alphabet; the smaller one names the row."),
    ),
)
