"""Classifiers of clinic notes as explanation methods take them: texts in, probabilities out.

    from course_utils import models

    reader = models.bag_of_words("words")           # scikit-learn pipeline, trained in a second
    reader.predict_proba(["Fever and chills."])     # (1, 2): other, flu
    network = models.note_probabilities(models.load("notesnet"))
    network(["Fever and chills."])                  # (1, 2)
"""

import numpy as np

from ..datasets import notes
from ..datasets.arguments import one_of, whole

READS = ("words", "pairs", "negations")
LETTERS = r"[A-Za-z]+"  # numbers are no words here


def bag_of_words(reads="words", *, seed=0, n=4000):
    """Logistic regression on counts of words, trained on n notes.

    Parameters
    ----------
    reads : str
        "words": single words, so "no fever" and "fever" are nearly the same;
        "pairs": words and pairs of neighbours, so "no fever" is a feature, "no sign of fever" not;
        "negations": single words, the denied ones marked by `notes.negated_words`.
    seed : int
        Of the notes; the training itself has no chance in it.
    n : int
        Notes to train on, at least 100.

    Returns
    -------
    sklearn.pipeline.Pipeline
        `predict_proba(texts)` gives float64 (n, 2), columns as in `Notes.class_names`. Steps
        "vectorizer" (CountVectorizer) and "regression" (LogisticRegression).

    Raises
    ------
    ValueError
        In one sentence, for anything else.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    one_of("reads", reads, READS)
    known = notes.load(whole("n", n, 100), seed)
    settings = {
        "words": {"token_pattern": LETTERS},
        "pairs": {"token_pattern": LETTERS, "ngram_range": (1, 2)},
        "negations": {"analyzer": notes.negated_words},
    }[reads]
    reader = Pipeline([("vectorizer", CountVectorizer(min_df=3, **settings)), ("regression", LogisticRegression(C=0.3, max_iter=1000))])
    return reader.fit(known.texts, known.labels)


def note_probabilities(model, batch_size=500):
    """A function from a sequence of n texts to probabilities, float64 (n, 2).

    Parameters
    ----------
    model : torch.nn.Module
        As `models.load("notesnet")`.
    batch_size : int
    """
    import torch

    def probabilities(texts):
        numbers = torch.from_numpy(notes.encode(texts))
        with torch.no_grad():
            parts = [model(part).double().softmax(dim=1).numpy() for part in numbers.split(batch_size)]
        return np.concatenate(parts)

    return probabilities
