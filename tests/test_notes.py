"""The clinic notes: their truth holds, they differ, and their labels follow the stated model."""

import hashlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from course_utils.datasets import notes
from course_utils.datasets.notes import symptoms, writing


@pytest.fixture(scope="module")
def clinic():
    return notes.load(20_000, seed=7)


def test_same_seed_same_notes():
    texts = "\n".join(notes.load(500, seed=1).texts)
    assert hashlib.sha256(texts.encode()).hexdigest() == "59261103ba411e5d03752598ee0b8ee4b3b1c9865696f0df4422480595048639"
    drawn = notes.load(500, seed=1)
    figures = drawn.states.tobytes() + drawn.labels.astype("<i8").tobytes() + drawn.spans.astype("<i8").tobytes()
    assert hashlib.sha256(figures).hexdigest() == "4ad6f895387362578966d42f845bcf4f6adf7bfb590d63362f6d3f7db64b2d43"


def test_a_smaller_set_is_the_start_of_a_bigger_one(clinic):
    few = notes.load(50, seed=7)
    assert few.texts == clinic.texts[:50] and (few.labels == clinic.labels[:50]).all()
    assert notes.load(50, seed=8).texts != few.texts


@pytest.mark.parametrize("seed", range(5))
def test_no_two_of_a_thousand_are_equal(seed):
    assert len(set(notes.load(1000, seed).texts)) == 1000


def test_spans_and_states_are_what_the_text_says(clinic):
    for i in range(2000):
        text, state = clinic.texts[i], clinic.states[i]
        for symptom, name in enumerate(notes.SYMPTOMS):
            start, stop = clinic.spans[i, symptom]
            assert text.lower().count(name) == (state[symptom] != 0), (name, text)
            assert (text[start:stop].lower() == name) if state[symptom] else (start == stop == -1)
            start, stop = clinic.cues[i, symptom]
            assert (start >= 0) == (state[symptom] < 0)
            if state[symptom] < 0:
                cue = text[start:stop].lower()
                assert cue in ("no", "denies", "without", "negative for", "absent", "not reported", "not", "free of", "neither", "nor")


def test_words_carry_their_contributions(clinic):
    for i in range(200):
        found, named = clinic.words(i), clinic.word_symptoms(i)
        for word in found:
            assert clinic.texts[i][word.start : word.stop] == word.text
        for symptom in np.flatnonzero(clinic.states[i]):
            assert " ".join(found[k].text for k in np.flatnonzero(named == symptom)).lower() == notes.SYMPTOMS[symptom]
        once = {symptom: value for symptom, value in zip(named, clinic.word_contributions(i), strict=True) if symptom >= 0}
        assert notes.INTERCEPT + sum(once.values()) == pytest.approx(clinic.logits[i])
        assert not (clinic.word_cues(i) & (named >= 0)).any()
        assert clinic.word_cues(i).any() == clinic.negated[i].any()


def test_shares_are_as_stated(clinic):
    mentions = (clinic.states != 0).sum(axis=1)
    assert mentions.min() == symptoms.MENTIONED[0] and mentions.max() == symptoms.MENTIONED[1]
    assert clinic.negated.sum() / mentions.sum() == pytest.approx(symptoms.DENIED, abs=0.01)
    assert np.ptp((clinic.states != 0).mean(axis=0)) < 0.02  # every symptom is mentioned equally often
    assert 0.35 < clinic.labels.mean() < 0.5
    assert (clinic.present ^ clinic.negated ^ clinic.absent).all()


def test_labels_follow_the_weights(clinic):
    """Logistic regression on the true states finds the planted weights, within its standard error."""
    found = LogisticRegression(C=np.inf, tol=1e-8).fit(clinic.states, clinic.labels)
    spread = np.sqrt(np.diag(np.linalg.inv((clinic.states.T * (clinic.probabilities * (1 - clinic.probabilities))) @ clinic.states)))
    assert (np.abs(found.coef_[0] - notes.WEIGHTS) < 4.5 * spread).all()
    assert abs(found.intercept_[0] - notes.INTERCEPT) < 0.15
    for low in np.arange(0, 1, 0.1):  # probabilities are frequencies
        chosen = (clinic.probabilities >= low) & (clinic.probabilities < low + 0.1)
        expected = clinic.probabilities[chosen].mean()
        assert abs(clinic.labels[chosen].mean() - expected) < 4.5 * np.sqrt(expected * (1 - expected) / chosen.sum())


def test_bayes_rate_is_reached_by_whoever_knows_the_model_and_by_noise_as_stated(clinic):
    reached = ((clinic.logits > 0) == clinic.labels).mean()
    assert reached == pytest.approx(notes.bayes_rate(), abs=0.012)
    calm = notes.load(2000, seed=7, noise=0)
    assert ((calm.logits > 0) == calm.labels).all() and notes.bayes_rate(0) == 1
    assert calm.texts == clinic.texts[:2000]
    wild = notes.load(5000, seed=7, noise=3)
    assert ((wild.logits > 0) == wild.labels).mean() == pytest.approx(notes.bayes_rate(3), abs=0.03)
    assert notes.bayes_rate(3) < notes.bayes_rate(1) < notes.bayes_rate(0.5)


def test_the_rest_of_the_text_says_nothing(clinic):
    """Words that are neither symptoms nor cues do not tell flu from other."""
    known = {word for name in notes.SYMPTOMS for word in name.split()}
    unknown = np.array([word not in known for word in notes.VOCABULARY])
    unknown &= ~np.isin(notes.VOCABULARY, ["no", "not", "nor", "denies", "without", "negative", "absent", "reported", "free", "neither"])
    counts = np.stack([np.bincount(row, minlength=len(notes.VOCABULARY)) for row in notes.encode(clinic.texts[:12000])])
    counts[:, 0] = 0
    fine = LogisticRegression(C=0.01, max_iter=500).fit(counts[:8000, unknown], clinic.labels[:8000])
    chance = max(clinic.labels[8000:12000].mean(), 1 - clinic.labels[8000:12000].mean())
    assert fine.score(counts[8000:, unknown], clinic.labels[8000:12000]) < chance + 0.03


def test_longest_note_fits_and_enough_numbers_are_drawn(clinic):
    assert max(len(clinic.words(i)) for i in range(len(clinic))) <= 96
    crowded = np.zeros((3000, len(notes.SYMPTOMS)), np.int8)
    crowded[:, :7] = 1
    crowded[:1500, :4] = -1
    uniform = np.random.default_rng(0).random((3000, writing.DRAWS))
    assert all(len(notes.words(text)) <= 96 for text in writing.write(crowded, uniform)[0])


def test_encode_knows_every_word(clinic):
    numbers = notes.encode(clinic.texts[:3000])
    assert numbers.shape == (3000, 96) and numbers.dtype == np.int64
    assert not (numbers == notes.VOCABULARY.index("<other>")).any()
    spelled = [notes.VOCABULARY[k] for k in numbers[0] if k]
    assert spelled == [word.text.lower() if not word.text.isdigit() else "<number>" for word in clinic.words(0)]
    assert notes.encode("Zebra FEVER 41")[0, :4].tolist() == [1, notes.VOCABULARY.index("fever"), 2, 0]
    assert notes.encode(["fever chills"], length=1).shape == (1, 1)


def test_negated_words_mark_what_is_denied(clinic):
    """The rules agree with the truth for nearly every mention."""
    right = total = 0
    for i in range(1500):
        marked = notes.negated_words(clinic.texts[i])
        for symptom in np.flatnonzero(clinic.states[i]):
            last = notes.SYMPTOMS[symptom].split()[-1]
            right += (("not_" + last) in marked) == (clinic.states[i, symptom] < 0)
            total += 1
    assert right / total > 0.99
    assert notes.negated_words("No rash or fever but chills. Cough absent.") == ["no", "not_rash", "not_or", "not_fever", "but", "chills", "not_cough", "absent"]
    assert notes.negated_words("Cough with no relief from rest.")[0] == "cough"
    assert notes.negated_words("") == []


def test_compose_writes_what_is_asked_in_other_words():
    asked = {"sneezing": 1, "headache": 1, "fatigue": -1}
    made = notes.compose(asked, seed=3, n=20)
    assert len(set(made.texts)) == 20
    for name, state in asked.items():
        assert (made.states[:, notes.SYMPTOMS.index(name)] == state).all()
    assert np.abs(made.states).sum(axis=1).tolist() == [3] * 20
    assert made.logits == pytest.approx(notes.INTERCEPT + 1.0 + 1.5 - 1.7)


def test_selection_keeps_the_truth(clinic):
    chosen = clinic[[5, 3]]
    assert chosen.texts == (clinic.texts[5], clinic.texts[3]) and (chosen.spans[1] == clinic.spans[3]).all()
    assert len(clinic[-1]) == 1 and clinic[-1].texts[0] == clinic.texts[-1]
    assert len(clinic[clinic.labels == 1]) == clinic.labels.sum()
    assert clinic[:3].texts == clinic.texts[:3]


@pytest.mark.parametrize(
    "call, part",
    [
        (lambda: notes.load(0, 1), "n is 0"),
        (lambda: notes.load(2.5, 1), "n is 2.5"),
        (lambda: notes.load(5, -1), "seed is -1"),
        (lambda: notes.load(5, 1, noise=-1), "noise is -1"),
        (lambda: notes.compose({"plague": 1}, 0), "'plague'"),
        (lambda: notes.compose({"fever": 2}, 0), "'fever': 2"),
        (lambda: notes.compose(dict.fromkeys(notes.SYMPTOMS, 1), 0), "at most 7"),
        (lambda: notes.encode([3]), "int as text 0"),
        (lambda: notes.words(3), "words got int"),
    ],
)
def test_bad_input_gets_one_sentence(call, part):
    with pytest.raises(ValueError, match=".") as caught:
        call()
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def readers():
    from course_utils import models

    return {reads: models.bag_of_words(reads) for reads in ("words", "pairs", "negations")}


def test_bags_of_words_come_as_near_as_their_features_allow(readers):
    unseen = notes.load(4000, seed=2202)
    reached = {reads: reader.score(unseen.texts, unseen.labels) for reads, reader in readers.items()}
    assert 0.6 < reached["words"] < 0.70 < reached["pairs"] < 0.79 < 0.82 < reached["negations"] < notes.bayes_rate() + 0.015


@pytest.mark.parametrize("reads", ["words", "negations"])
def test_bags_of_words_give_symptoms_their_signs(readers, reads):
    vocabulary, weights = readers[reads][0].vocabulary_, readers[reads][1].coef_[0]
    for name, weight in zip(notes.SYMPTOMS, notes.WEIGHTS, strict=True):
        word = name.split()[-1]
        if abs(weight) >= 1:
            assert np.sign(weights[vocabulary[word]]) == np.sign(weight), name
            if reads == "negations":
                assert np.sign(weights[vocabulary["not_" + word]]) == -np.sign(weight), name


def test_bags_of_words_train_in_two_seconds_and_the_same_way():
    import time

    from course_utils import models

    began = time.process_time()
    first = models.bag_of_words("pairs", seed=3)
    assert time.process_time() - began < 2
    assert (first[1].coef_ == models.bag_of_words("pairs", seed=3)[1].coef_).all()


def test_notesnet_reads_negations():
    from course_utils import models

    unseen = notes.load(4000, seed=2203)
    read = models.note_probabilities(models.load("notesnet"))
    flu = read(unseen.texts)
    assert flu.shape == (4000, 2) and np.allclose(flu.sum(axis=1), 1)
    assert ((flu[:, 1] > 0.5) == unseen.labels).mean() > notes.bayes_rate() - 0.035
    logits = np.log(flu[:, 1] / flu[:, 0])
    assert np.corrcoef(logits, unseen.logits)[0, 1] > 0.93
    effects = np.linalg.lstsq(np.c_[np.ones(4000), unseen.present, unseen.negated], logits, rcond=None)[0][1:]
    heavy = np.abs(notes.WEIGHTS) >= 0.5
    assert (np.sign(effects[:14][heavy]) == np.sign(notes.WEIGHTS[heavy])).all()
    assert (np.sign(effects[14:][heavy]) == -np.sign(notes.WEIGHTS[heavy])).all()
    assert np.abs(effects[:14][~heavy]).max() < 0.3


def test_notesnet_does_not_mind_padding():
    import torch

    from course_utils import models

    model, few = models.load("notesnet"), notes.load(20, seed=5)
    short, long = (torch.from_numpy(notes.encode(few.texts, length)) for length in (96, 200))
    assert torch.allclose(model(short), model(long), atol=1e-5)
    vectors = model.embedding(short)
    assert torch.equal(model.read(vectors), model(short))


def test_unknown_reader_is_refused():
    from course_utils import models

    with pytest.raises(ValueError, match="'letters'"):
        models.bag_of_words("letters")
