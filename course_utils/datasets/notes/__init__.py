"""Clinic notes for the flu example, generated, with the truth about every word.

A note mentions three to seven of 14 symptoms, as present ("fever for two days") or denied ("no
rash"), among history, measurements and plans that say nothing about flu. The label is drawn from
a logistic model whose weights are known, so that an explanation can be held against the truth,
and the best possible accuracy is known as well.

    from course_utils.datasets import notes

    clinic = notes.load(1000, seed=1)
    clinic.texts[0], clinic.labels[0], clinic.probabilities[0]
    clinic.states[0] * notes.WEIGHTS        # what each symptom adds to the logit
    clinic.words(0), clinic.word_contributions(0)
    notes.compose({"sneezing": 1, "headache": 1, "fatigue": -1}, seed=3).texts[0]

| module       | holds                                                            |
|--------------|------------------------------------------------------------------|
| `collection` | `load`, `compose`, the data class `Notes`                        |
| `symptoms`   | SYMPTOMS, WEIGHTS, INTERCEPT, the model of the label, `bayes_rate` |
| `grammar`    | the sentences                                                    |
| `writing`    | from states to texts                                             |
| `words`      | `words`, `negated_words`, `encode`, VOCABULARY                   |
"""

from .collection import Notes, compose, load
from .symptoms import INTERCEPT, SYMPTOMS, WEIGHTS, bayes_rate
from .words import VOCABULARY, Word, encode, negated_words, words

__all__ = [
    "INTERCEPT", "SYMPTOMS", "VOCABULARY", "WEIGHTS",
    "Notes", "Word", "bayes_rate", "compose", "encode", "load", "negated_words", "words",
]  # fmt: skip
