"""From the states of the symptoms to a text, with the place of every symptom and of what denies it."""

import numpy as np

from . import grammar
from .symptoms import SYMPTOMS

DRAWS = 96  # uniform numbers that the text of one note takes at most; see `write`

_FINDINGS = grammar.findings_by_need()
_NEEDS = tuple(_FINDINGS)
_OPENINGS, _HISTORIES, _MEASUREMENTS, _PLANS = (
    tuple(map(grammar.compiled, sentences))
    for sentences in (grammar.OPENINGS, grammar.HISTORIES, grammar.MEASUREMENTS, grammar.PLANS)
)


def write(states, uniform):
    """The texts of notes.

    Parameters
    ----------
    states : int array (n, 14) of -1, 0, 1
    uniform : float array (n, DRAWS) in [0, 1)
        All choices of words are read off these numbers, from left to right.

    Returns
    -------
    texts : tuple of n str
    spans : int64 (n, 14, 2)
        texts[i][start:stop] is the symptom; -1 where it is not mentioned.
    cues : int64 (n, 14, 2)
        The same for the words that deny it ("no", "denies"); -1 where nothing does.
    """
    texts = []
    spans = np.full((len(states), len(SYMPTOMS), 2), -1, np.int64)
    cues = spans.copy()
    for row, (state, numbers) in enumerate(zip(np.asarray(states).tolist(), uniform.tolist(), strict=True)):
        text, found, denied_by = _note(state, iter(numbers))
        texts.append(text)
        for symptom, span in found.items():
            spans[row, symptom] = span
        for symptom, span in denied_by.items():
            cues[row, symptom] = span
    return tuple(texts), spans, cues


def _note(state, numbers):
    """One note: (text, {symptom: span}, {symptom: span of its cue})."""
    present = _shuffled([k for k, value in enumerate(state) if value > 0], numbers)
    denied = _shuffled([k for k, value in enumerate(state) if value < 0], numbers)
    sentences = [(_pick(_OPENINGS, numbers), ())]
    early, late = next(numbers), next(numbers)
    if early < 0.5:
        sentences.append((_pick(_HISTORIES, numbers), ()))
    while present or denied:
        needs = [need for need in _NEEDS if need[0] <= len(present) and need[1] <= len(denied)]
        plus, minus = _pick(needs, numbers)
        taken = present[:plus], denied[:minus]
        present, denied = present[plus:], denied[minus:]
        sentences.append((_pick(_FINDINGS[plus, minus], numbers), taken))
    if 0.4 < early < 0.9:  # between 0.4 and 0.5 there are two
        sentences.append((_pick(_HISTORIES, numbers), ()))
    if late < 0.7:
        sentences.append((_pick(_MEASUREMENTS, numbers), ()))
    if late > 0.2:
        sentences.append((_pick(_PLANS, numbers), ()))
    return _joined(sentences, numbers)


def _joined(sentences, numbers):
    parts, at, found, denied_by = [], 0, {}, {}
    for pieces, taken in sentences:
        present, denied = map(iter, taken or ((), ()))
        cue, waiting, first = None, [], True  # `waiting`: symptoms denied by a cue still to come
        if parts:
            parts.append(" ")
            at += 1
        for kind, content in pieces:
            symptom = None
            if kind == "filler":
                content = _pick(grammar.FILLERS[content], numbers)
            elif kind == "number":
                low, high = grammar.NUMBERS[content]
                content = str(low + int(next(numbers) * (high - low)))
            elif kind in "+-":
                symptom = next(present if kind == "+" else denied)
                content = SYMPTOMS[symptom]
                if kind == "+":
                    adjective = next(numbers) / grammar.ADJECTIVE
                    if adjective < 1:
                        content = grammar.ADJECTIVES[int(adjective * len(grammar.ADJECTIVES))] + " " + content
            end = at + len(content)
            if symptom is not None:
                found[symptom] = (end - len(SYMPTOMS[symptom]), end)
                if kind == "-":
                    waiting.append(symptom)
            elif kind == "cue":
                cue = (at, end)
            if cue:
                denied_by.update((symptom, cue) for symptom in waiting)
                waiting = []
            parts.append(content[0].upper() + content[1:] if first else content)
            at, first = end, False
    return "".join(parts), found, denied_by


def _pick(options, numbers):
    return options[int(next(numbers) * len(options))]


def _shuffled(items, numbers):
    return [item for _, item in sorted((next(numbers), item) for item in items)]
