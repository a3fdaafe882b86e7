"""Exercise 04.6: LIME for a text."""
from __future__ import annotations

import re

import numpy as np

from course_utils.datasets import notes
from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab04_explain import clear_cut, draw_masks, explain


def rule_of_flu(noise):
    """A function of texts to P(flu), (n,): reads symptoms and denials by rule, and weighs them by the true weights."""
    last_words = [symptom.split()[-1] for symptom in notes.SYMPTOMS]

    def probability(texts):
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError("This model takes a list of texts (str), one for each sample.")
        found = [notes.negated_words(text) for text in texts]
        states = np.array([[(word in marked) - ("not_" + word in marked) for word in last_words] for marked in found], float)
        length = np.array([len(marked) for marked in found])
        return 1 / (1 + np.exp(-(notes.INTERCEPT + states @ notes.WEIGHTS - 0.01 * length) / noise))
    return probability


def cases(seed):
    """Notes cut into words and punctuation; a piece is every place of a word, one place, or several neighbours."""
    rng = np.random.default_rng([46, seed])
    plans = (("word", "a piece is a word, wherever it stands"), ("place", "a piece is one place"), ("pair", "a piece is two neighbours"))
    return [problem(rng, plan, about) for plan, about in plans]


def problem(rng, plan, about):
    while True:
        text = notes.load(1, seed=int(rng.integers(1 << 30))).texts[0]
        tokens = re.findall(r"\w+|[^\w\s]", text)[:34]
        pieces = numbered(tokens, plan)
        d = int(pieces.max()) + 1
        if pieces[-1] >= 0 or (plan == "word" and d == (pieces >= 0).sum()):
            continue  # the last is a full stop, which belongs to no piece; some word stands twice
        k, width, model = int(rng.integers(3, 6)), round(float(rng.uniform(0.4, 0.8)), 2), given(rule_of_flu, noise=4.0)
        masks = draw_masks(rng, 150, d)
        if clear_cut(masks, model.build()(texts(tokens, pieces, masks)), k, width):
            return Case((model, tokens, pieces, masks, k, width), f"{len(tokens)} words and marks in {d} pieces, K = {k}: {about}")


def numbered(tokens, plan):
    """The piece of each token, -1 for punctuation."""
    index, pieces, places = {}, [], 0
    for token in tokens:
        if not token[0].isalnum():
            pieces.append(-1)
            continue
        key = {"word": token.lower(), "place": places, "pair": places // 2}[plan]
        places += 1
        pieces.append(index.setdefault(key, len(index)))
    return np.array(pieces)


def texts(tokens, pieces, masks):
    return [" ".join(token for token, piece in zip(tokens, pieces) if piece < 0 or mask[piece]) for mask in masks]


def oracle(f, tokens, pieces, masks, k, width):
    """Texts put together word by word, scored one at a time."""
    return explain(masks, np.array([f([text])[0] for text in texts(tokens, pieces, masks)]), k, width)


def variant(write=texts, fit=explain):
    """LIME on a note with one thing changed."""
    def lime_note(f, tokens, pieces, masks, k, width):
        return fit(masks, f(write(tokens, pieces, masks)), k, width)
    return lime_note


def turned_round(tokens, pieces, masks):
    return texts(tokens, pieces, 1 - masks)


def marks_with_the_last_piece(tokens, pieces, masks):
    return [" ".join(token for token, keep in zip(tokens, mask[pieces]) if keep) for mask in masks]


def marks_dropped(tokens, pieces, masks):
    return [" ".join(token for token, piece in zip(tokens, pieces) if piece >= 0 and mask[piece]) for mask in masks]


def first_place_only(tokens, pieces, masks):
    first = [piece >= 0 and piece not in pieces[:place] for place, piece in enumerate(pieces)]
    return [" ".join(token for token, piece, new in zip(tokens, pieces, first) if not new or mask[piece]) for mask in masks]


def letters_replaced(tokens, pieces, masks):
    made = []
    for mask in masks:
        text = " ".join(tokens)
        for token, piece in zip(tokens, pieces):
            if piece >= 0 and not mask[piece]:
                text = text.replace(token, "")
        made.append(text)
    return made


def run_together(tokens, pieces, masks):
    return ["".join(text.split()) for text in texts(tokens, pieces, masks)]


def unweighted(masks, scores, k, width):
    return explain(masks, scores, k, width, weights=np.ones(len(masks)))


def at_most_k(args, answer):
    return np.count_nonzero(answer[0]) <= args[4] and len(answer[0]) == args[3].shape[1]


def right_on_average(args, answer):
    f, tokens, pieces, masks, _, width = args
    from course_utils.exercises.lab04_kernel import oracle as kernel

    share = kernel(masks, np.ones(masks.shape[1]), width, "cosine")
    gap = f(texts(tokens, pieces, masks)) - answer[1] - masks @ answer[0]
    return abs(share @ gap) < 1e-4 * share.sum()


EXERCISE = Exercise(
    id="04.6", title="LIME for a note", points=3, minutes=12, difficulty=2, function="lime_note",
    cases=cases, oracle=oracle, rtol=1e-4, atol=1e-5,
    laws=(Law("at most K", "There is one weight for each piece, and no more than K differ from zero.", at_most_k),
          Law("right on average", "The kernel-weighted mean of g(z') equals that of f(z).", right_on_average)),
    hints=("First find out which tokens stay, for all samples at once: an array (n, tokens) made by indexing the masks with the pieces. Then join.",
           "A column of ones appended to the masks has the index -1, which is just what punctuation has in `pieces`: "
           "`np.column_stack([masks, np.ones(len(masks), int)])[:, pieces]`.",
           "kept = np.column_stack([masks, np.ones(len(masks), int)])[:, pieces]; "
           "texts = [\" \".join(t for t, keep in zip(tokens, row) if keep) for row in kept]; return explain(masks, f(texts), k, width)"),
    misconceptions=(
        Misconception("mask turned round", variant(turned_round),
                      "Your texts hold the pieces whose mask is 0: 1 means that the piece stays."),
        Misconception("punctuation with the last piece", variant(marks_with_the_last_piece),
                      "`masks[:, pieces]` reads -1 as the last column, so punctuation comes and goes with the last piece; tokens with piece -1 always stay."),
        Misconception("punctuation dropped", variant(marks_dropped),
                      "Your texts have lost their punctuation; a token with piece -1 stays, because where a sentence ends matters to f."),
        Misconception("first place only", variant(first_place_only),
                      "You took away the first token of a piece only; a piece that is off takes all its tokens with it."),
        Misconception("letters replaced", variant(letters_replaced),
                      "Replacing text also hits other words: taking \"a\" away with `replace` turns \"rash\" into \"rsh\". Keep or drop whole tokens."),
        Misconception("run together", variant(run_together),
                      "Your words run together: join tokens with a blank between them."),
        Misconception("no kernel", variant(fit=unweighted),
                      "All your samples weigh the same: `explain` needs the width that you were given."),
    ),
)
