"""Words of a note: where they stand, which of them are denied, and their numbers for a network."""

import re
from typing import NamedTuple

import numpy as np

from . import grammar
from .symptoms import SYMPTOMS

PADDING, OTHER, NUMBER = "<padding>", "<other>", "<number>"
VOCABULARY = (PADDING, OTHER, NUMBER) + tuple(
    sorted(set(grammar.plain_words()) | {word for symptom in SYMPTOMS for word in symptom.split()})
)
LONGEST = 96  # words that `encode` keeps by default; no note that `load` writes is longer

_INDEX = {word: number for number, word in enumerate(VOCABULARY)}
_WORD = re.compile(r"\w+")
_BEFORE = {"no", "denies", "without", "negative", "neither", "nor", "free", "not"}
_AFTER = {"absent", "reported"}  # "fever absent", "fever not reported"
_HARMLESS = {"relief", "settling", "better", "known", "recent", "regular", "alcohol", "smoke", "medicine"}


class Word(NamedTuple):
    """A word of a note: note[start:stop] == text."""

    text: str
    start: int
    stop: int


def words(text):
    """The words and numbers of a text (runs of letters, digits, underscores), list of Word."""
    if not isinstance(text, str):
        raise ValueError(f"words got {type(text).__name__}, but takes the text of one note; give a str.")
    return [Word(found.group(), *found.span()) for found in _WORD.finditer(text)]


def negated_words(text):
    """The words of a note in lower case, with `not_` before those that the note denies.

    A few rules in the manner of NegEx (Chapman et al., J. Biomed. Inform. 34, 2001): a cue ("no",
    "denies", "without") denies what follows up to the end of the sentence or to "but"; a cue that
    belongs to something else ("no relief", "not settling") denies nothing; "absent" and "not
    reported" deny what stands before them. Made to be the `analyzer` of a CountVectorizer.

    >>> negated_words("No rash or fever but chills. Cough absent.")
    ['no', 'not_rash', 'not_or', 'not_fever', 'but', 'chills', 'not_cough', 'absent']
    """
    marked = []
    for sentence in text.lower().split("."):
        found = _WORD.findall(sentence)
        if not found:
            continue
        if found[-1] in _AFTER:
            marked += ["not_" + word for word in found[:-1]] + found[-1:]
            continue
        denied = False
        for word, following in zip(found, [*found[1:], ""], strict=True):
            if word in _BEFORE and following not in _HARMLESS:
                denied = True
                marked.append(word)
                continue
            denied = denied and word != "but"
            marked.append("not_" + word if denied else word)
    return marked


def encode(texts, length=LONGEST):
    """Texts as numbers of words, for a network with an embedding.

    Parameters
    ----------
    texts : sequence of n str, or one str
    length : int
        Words beyond it are dropped, shorter texts are filled with 0.

    Returns
    -------
    int64 (n, length)
        Indices into VOCABULARY: 0 padding, 1 a word that is not in it, 2 any number. Upper and
        lower case are one.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    numbers = np.zeros((len(texts), length), np.int64)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"encode got {type(text).__name__} as text {row}, but takes a sequence of str; give the texts of notes.")
        found = [_INDEX.get(word, _INDEX[NUMBER] if word.isdigit() else _INDEX[OTHER]) for word in _WORD.findall(text.lower())]
        numbers[row, : len(found)] = found[:length]
    return numbers
