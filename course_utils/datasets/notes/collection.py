"""The data set: `load` for many notes, `compose` for the states that you name."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from ..arguments import rows, share, whole
from . import symptoms, writing
from .symptoms import SYMPTOMS, WEIGHTS
from .words import words


@dataclass(frozen=True)
class Notes:
    """Notes with their truth; `notes[idx]` keeps the notes that idx selects.

    texts          tuple of n str
    labels         int64 (n,): 1 flu, 0 other; index into class_names
    states         int8 (n, 14): +1 present, -1 denied, 0 not mentioned, in the order of SYMPTOMS
    logits         float64 (n,): INTERCEPT + states @ WEIGHTS
    probabilities  float64 (n,): the true P(flu), from which the label was drawn
    spans          int64 (n, 14, 2): texts[i][start:stop] is the symptom; -1 where not mentioned
    cues           int64 (n, 14, 2): the same for what denies it; -1 where nothing does
    """

    texts: tuple
    labels: np.ndarray
    states: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    spans: np.ndarray
    cues: np.ndarray
    class_names: tuple = field(default=("other", "flu"))

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, idx):
        """The selected notes as Notes; an integer selects one (n = 1)."""
        chosen = rows(idx, len(self))
        arrays = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name not in ("texts", "class_names")}
        return replace(self, texts=tuple(self.texts[k] for k in chosen), **arrays)

    @property
    def present(self):
        """bool (n, 14): symptoms that the note reports."""
        return self.states > 0

    @property
    def negated(self):
        """bool (n, 14): symptoms that the note denies."""
        return self.states < 0

    @property
    def absent(self):
        """bool (n, 14): symptoms that the note does not mention."""
        return self.states == 0

    @property
    def contributions(self):
        """float64 (n, 14): what each symptom adds to the logit, its weight times its state."""
        return self.states * WEIGHTS

    def words(self, i):
        """The words of note i with their places, list of Word(text, start, stop)."""
        return words(self.texts[i])

    def word_symptoms(self, i):
        """For each word of note i the number of the symptom that it names, else -1; int64 (words,)."""
        return _covered(self.words(i), self.spans[i])

    def word_cues(self, i):
        """bool (words,): words of note i that deny a symptom."""
        return _covered(self.words(i), self.cues[i]) >= 0

    def word_contributions(self, i):
        """What each word of note i adds to the logit by naming a symptom; float64 (words,).

        Both words of "itchy eyes" carry the whole contribution; words that name no symptom, the
        denying ones too, carry 0.
        """
        named = self.word_symptoms(i)
        return np.where(named >= 0, self.contributions[i][named], 0.0)


def load(n, seed, *, noise=1.0):
    """Write n notes.

    Parameters
    ----------
    n : int
        Notes; the first k of a bigger set are the smaller set.
    seed : int
        Not negative.
    noise : float
        1 draws the labels from the logistic model; 0 makes them the sign of the logit; between
        and beyond, P(flu) = sigmoid(logit / noise). States and texts do not depend on it.

    Returns
    -------
    Notes

    Raises
    ------
    ValueError
        In one sentence, for anything else.

    Examples
    --------
    >>> from course_utils.datasets import notes
    >>> clinic = notes.load(1000, seed=1)
    >>> clinic.states.shape, len(set(clinic.texts))
    ((1000, 14), 1000)
    >>> start, stop = clinic.spans[0][clinic.present[0]][0]
    >>> clinic.texts[0][start:stop].lower() in notes.SYMPTOMS
    True
    """
    n, seed, noise = whole("n", n, 1), whole("seed", seed), share("noise", noise, 0, 100)
    draws = symptoms.DRAWS + 1 + writing.DRAWS
    uniform = np.random.Generator(np.random.PCG64(seed)).random((n, draws))
    states = symptoms.states_from(uniform[:, : symptoms.DRAWS])
    return _notes(states, uniform[:, symptoms.DRAWS], uniform[:, symptoms.DRAWS + 1 :], noise)


def compose(states, seed, *, n=1, noise=1.0):
    """Write n notes with the states that you name, each in other words.

    Parameters
    ----------
    states : dict str -> int
        From SYMPTOMS to 1 (present), -1 (denied) or 0; what is left out is not mentioned.
    seed, n, noise
        As for `load`.

    Examples
    --------
    >>> from course_utils.datasets import notes
    >>> note = notes.compose({"sneezing": 1, "headache": 1, "fatigue": -1}, seed=3)
    >>> float(note.logits[0].round(1))
    -0.7
    """
    n, seed, noise = whole("n", n, 1), whole("seed", seed), share("noise", noise, 0, 100)
    row = np.zeros(len(SYMPTOMS), np.int8)
    for name, state in dict(states).items():
        if name not in SYMPTOMS or state not in (-1, 0, 1):
            raise ValueError(f"states holds {name!r}: {state!r}, but a symptom with 1, 0 or -1 is expected; choose from {', '.join(SYMPTOMS)}.")
        row[SYMPTOMS.index(name)] = state
    if np.abs(row).sum() > symptoms.MENTIONED[1]:
        raise ValueError(f"states mentions {np.abs(row).sum()} symptoms, but a note mentions at most {symptoms.MENTIONED[1]}; leave some out.")
    uniform = np.random.Generator(np.random.PCG64(seed)).random((n, 1 + writing.DRAWS))
    return _notes(np.repeat(row[None], n, 0), uniform[:, 0], uniform[:, 1:], noise)


def _notes(states, label_draw, text_draws, noise):
    logits = symptoms.logits_of(states)
    probabilities = symptoms.probability_of(logits, noise)
    texts, spans, cues = writing.write(states, text_draws)
    labels = (label_draw < probabilities).astype(np.int64)
    return Notes(texts, labels, states, logits, probabilities, spans, cues)


def _covered(found, spans):
    """For each word the row of spans (k, 2) that it lies in, else -1."""
    starts = np.array([word.start for word in found], np.int64)[:, None]
    inside = (starts >= spans[:, 0]) & (starts < spans[:, 1])
    return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
