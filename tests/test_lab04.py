"""Lab 04: the definitions of the solved notebook, called as a student would, against the `lime` package and scikit-learn; and the plane over its whole range."""
import re

import numpy as np
import pytest
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from lime.lime_text import IndexedString, LimeTextExplainer
from sklearn.linear_model import Ridge

from course_utils.datasets import notes, zoo
from course_utils.exercises import solved
from course_utils.exercises.lab04_note import rule_of_flu
from course_utils.plots.style import alternative_text, png
from course_utils.plots.weights import bars
from course_utils.plots.words import highlighted, wrap
from course_utils.widgets import lime_plane
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import picture

WIDTH = 0.25                       # of the lime package, whose kernel is the root of ours
OURS = WIDTH * np.sqrt(2)


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("04")
    return solved.definitions(path, path.stat().st_mtime_ns)


def lime_kernel(distances):
    return np.sqrt(np.exp(-(distances**2) / WIDTH**2))


def as_dense(pairs, d):
    weights = np.zeros(d)
    for piece, weight in pairs:
        weights[piece] = weight
    return weights


# The same samples through the lime package

@pytest.mark.parametrize("seed", range(5))
def test_explain_is_lime_base(lab, seed):
    rng = np.random.default_rng(seed)
    masks, truth = lab.sample_around(15, 600, rng), np.zeros(15)
    truth[rng.choice(15, 4, replace=False)] = (0.5, -0.4, 0.3, -0.2)
    scores = 0.2 + masks @ truth + 0.02 * rng.normal(size=600)
    distances = 1 - np.sqrt(masks.mean(axis=1))
    base = LimeBase(lime_kernel, random_state=0)
    intercept, pairs, *_ = base.explain_instance_with_data(masks, scores[:, None], distances, 0, 4, feature_selection="lasso_path",
                                                           model_regressor=Ridge(alpha=lab.ALPHA))
    weights, ours = lab.explain(masks, scores, 4, OURS)
    np.testing.assert_allclose(weights, as_dense(pairs, 15), atol=1e-4)
    assert ours == pytest.approx(intercept, abs=1e-4)
    assert set(np.flatnonzero(weights)) == set(np.flatnonzero(truth))


def test_every_length_follows_the_path(lab):
    """K-LASSO at a penalty where the path has K survivors names what lime's path names."""
    rng = np.random.default_rng(9)
    masks = lab.sample_around(10, 300, rng)
    scores = masks @ rng.normal(size=10) + 0.1 * rng.normal(size=300)
    weights = lab.proximity(masks, np.ones(10), OURS, "cosine")
    base, root, share = LimeBase(lime_kernel), np.sqrt(weights), weights / weights.sum()
    alphas, coefficients = base.generate_lars_path(root[:, None] * (masks - share @ masks), root * (scores - share @ scores))
    for k in (2, 5, 8):
        step = max(step for step in range(len(alphas)) if np.count_nonzero(coefficients[:, step]) <= k)
        lam = alphas[step] * len(masks) / weights.sum()
        named = base.feature_selection(masks, scores, weights, k, "lasso_path")
        expected = Ridge(alpha=0.5).fit(masks[:, named], scores, sample_weight=weights)
        found, intercept = lab.k_lasso(masks, scores, weights, k, lam * (1 + 1e-6), 0.5)
        np.testing.assert_allclose(found[named], expected.coef_, atol=1e-4)
        assert intercept == pytest.approx(expected.intercept_, abs=1e-4) and np.count_nonzero(found) == len(named)


def test_note_is_lime_text(lab):
    text = notes.compose({"fever": 1, "cough": 1, "rash": 1}, seed=31).texts[0]
    rule = rule_of_flu(noise=1.5)
    indexed = IndexedString(text)
    draws = LimeTextExplainer(kernel_width=100 * WIDTH, random_state=5)
    masks, _, _ = draws._LimeTextExplainer__data_labels_distances(indexed, lambda texts: rule(texts)[:, None], 800)
    theirs = LimeTextExplainer(kernel_width=100 * WIDTH, random_state=5, feature_selection="lasso_path").explain_instance(
        text, lambda texts: np.stack([1 - rule(texts), rule(texts)], axis=1), num_features=3, num_samples=800, model_regressor=Ridge(alpha=lab.ALPHA))
    tokens = lab.tokens_of(text)
    pieces, names = lab.numbered([token if re.match(r"\w", token) else None for token in tokens])
    assert names == [indexed.word(i) for i in range(indexed.num_words())]
    weights, intercept = lab.lime_note(rule, tokens, pieces, masks.astype(int), 3, OURS)
    np.testing.assert_allclose(weights, as_dense(theirs.local_exp[1], len(names)), atol=1e-4)
    assert {names[piece] for piece in np.flatnonzero(weights)} == {word for word in names if word.lower() in ("fever", "cough", "rash")}
    assert intercept == pytest.approx(theirs.intercept[1], abs=1e-4)


def test_bags_are_texts(lab):
    """Words that stand in two pieces are there as long as one of them is."""
    from sklearn.feature_extraction.text import CountVectorizer

    tokens, pieces = ["no", "fever", ",", "no", "cough", "today"], np.array([0, 0, -1, 1, 1, 2])
    vectoriser = CountVectorizer(binary=True).fit([" ".join(tokens)])
    slopes = np.array([0.4, -0.9, 0.7, 0.2])

    def f(bags):
        return np.tanh(bags @ slopes)

    masks = lab.sample_around(3, 60, np.random.default_rng(2))
    by_bags = lab.lime_bag(f, vectoriser.transform(["no fever", "no cough", "today"]), masks, 3, 0.4)
    by_texts = lab.lime_note(lambda texts: f(vectoriser.transform(texts)), tokens, pieces, masks, 3, 0.4)
    np.testing.assert_allclose(by_bags[0], by_texts[0], atol=1e-9)
    assert by_bags[1] == pytest.approx(by_texts[1]) and np.count_nonzero(by_bags[0]) == 3


def test_picture_is_lime_image(lab):
    animal = zoo.draw("camel", 5).pictures[0]
    segments = lab.superpixels(animal)
    d, fill = segments.max() + 1, lab.mean_colour(animal)
    sensitive = np.zeros((2, 64, 64))
    sensitive[0, 20:34, 18:40], sensitive[1, 40:60, 4:20] = 1.0, -1.0

    def scores(pictures):
        grey = np.asarray(pictures, float).mean(axis=-1) / 255.0
        return np.einsum("bhw,chw->bc", grey, sensitive) / 100.0

    theirs = LimeImageExplainer(kernel_width=WIDTH, feature_selection="lasso_path", random_state=3).explain_instance(
        animal, scores, labels=(0, 1), hide_color=fill, num_features=3, num_samples=500, segmentation_fn=lambda picture: segments,
        random_seed=1, model_regressor=Ridge(alpha=lab.ALPHA))
    masks = np.random.RandomState(3).randint(0, 2, 500 * d).reshape(500, d)
    masks[0] = 1
    weights, intercepts = lab.lime_picture(scores, animal, segments, masks, [1, 0], fill, 3, OURS)
    for row, label in enumerate((1, 0)):
        np.testing.assert_allclose(weights[row], as_dense(theirs.local_exp[label], d), atol=1e-4)
        assert intercepts[row] == pytest.approx(theirs.intercept[label], abs=1e-4)


# What the lab says

def test_picture_version_takes_any_function(lab):
    rng = np.random.default_rng(0)
    art, segments = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8), np.arange(600).reshape(20, 30) // 100
    batches = []

    def green(pictures):
        batches.append(len(pictures))
        assert isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8
        return pictures[:, :4, :, 1].mean(axis=(1, 2))[:, None]

    weights, _ = lab.lime_picture(green, art, segments, lab.sample_around(6, 100, rng), [0], np.zeros(3, np.uint8), 2, 0.4)
    assert sum(batches) == 100 and max(batches) == lab.BATCH
    assert np.abs(weights[0]).argmax() in (0, 1) and weights.shape == (1, 6)


def test_phrases_hold_the_denial_and_the_symptom(lab):
    clinic = notes.load(300, seed=8)
    for i, text in enumerate(clinic.texts):
        tokens = lab.tokens_of(text)
        keys = lab.phrase_keys(tokens)
        places = [found.start() for found in re.finditer(r"\w+|[^\w\s]", text)]
        of_word = {place: key for place, key in zip(places, keys) if key is not None}
        assert len(of_word) == len(clinic.words(i))
        for symptom in np.flatnonzero(clinic.negated[i]):
            start, stop = clinic.spans[i, symptom]
            key = of_word[start]
            assert text[start:stop].lower() in key, (text, key)
        for symptom in np.flatnonzero(clinic.present[i]):
            word = text[slice(*clinic.spans[i, symptom])].split()[0].lower()
            assert of_word[clinic.spans[i, symptom, 0]] == word, text
        cues = {word.text.lower() for word, cue in zip(clinic.words(i), clinic.word_cues(i)) if cue}
        denied = [key for key in keys if key is not None and " " in key]
        assert bool(cues) == bool(denied)
        assert all(any(cue in key.split() for key in denied) for cue in cues - {"reported", "noticed", "sign", "for", "of"}), (text, denied)


def test_planted_sums_every_symptom_once(lab):
    clinic = notes.load(100, seed=12)
    for i in range(100):
        for keys_of in (lab.word_keys, lab.phrase_keys):
            keys = keys_of(lab.tokens_of(clinic.texts[i]))
            pieces, names = lab.numbered(keys)
            truth = lab.planted(clinic, i, keys, names)
            eyes = notes.SYMPTOMS.index("itchy eyes")
            split = keys_of is lab.word_keys or clinic.states[i, eyes] > 0   # then both of its words carry it
            assert truth.sum() == pytest.approx(clinic.contributions[i].sum() + split * clinic.contributions[i, eyes])
            assert len(truth) == pieces.max() + 1


def test_linear_model_has_known_contributions(lab):
    rng = np.random.default_rng(0)
    table, slopes = rng.normal(size=(500, 6)), rng.normal(size=6)
    row, masks = rng.normal(size=6) * 2, lab.sample_around(6, 6000, rng)
    weights, intercept = lab.lime_row(lambda rows: rows @ slopes + 1.0, row, table[rng.integers(500, size=6000)], masks, 6, 1.0)
    np.testing.assert_allclose(weights, slopes * (row - table.mean(axis=0)), atol=0.25)
    assert intercept == pytest.approx(table.mean(axis=0) @ slopes + 1, abs=0.25)


def test_a_constant_score_names_nothing(lab):
    masks = lab.sample_around(5, 50, np.random.default_rng(0))
    weights, intercept = lab.explain(masks, np.full(50, 0.3), 2, 0.4)
    assert not weights.any() and intercept == pytest.approx(0.3)


# Figures

@pytest.mark.slow
def test_the_plane_draws_everywhere():
    touch = lime_plane.explore()
    settings = sweep(touch.declared)
    assert len(settings) > 80
    for setting in settings:
        figure = lime_plane.draw(**setting)
        assert len(picture(figure)) > 3000 and "cross" in alternative_text(figure)


def test_the_plane_fits_what_scikit_learn_fits():
    points = lime_plane.sample(200, 4)
    scores = lime_plane.black_box(points)
    weights = np.exp(-((points - lime_plane.CROSS) ** 2).sum(axis=1))
    both, one = lime_plane.fit(points, scores, weights, 2), lime_plane.fit(points, scores, weights, 1)
    model = Ridge(alpha=lime_plane.ALPHA).fit(points, scores, sample_weight=weights)
    np.testing.assert_allclose(both[0], model.coef_)
    assert np.count_nonzero(one[0]) == 1
    errors = [weights @ (scores - points @ coefficients - intercept) ** 2 for coefficients, intercept in (both, one)]
    alone = [weights @ (scores - Ridge(alpha=1e-3).fit(points[:, [j]], scores, sample_weight=weights).predict(points[:, [j]])) ** 2 for j in (0, 1)]
    assert errors[0] <= errors[1] + 1e-9 and errors[1] == pytest.approx(min(alone), rel=1e-6)


def test_words_wrap_and_keep_their_marks():
    tokens = "One two , three . Four five six , seven".split()
    places = wrap(tokens, 12)
    assert all(column + len(token) <= 12 for token, (_, column) in zip(tokens, places))
    assert places[2] == (0, places[1][1] + 3) and places[0] == (0, 0)
    for before, (token, after) in zip(places, list(zip(tokens, places))[1:]):
        assert after > before
        assert token not in ",." or after[0] == before[0]


def test_figures_say_what_they_show():
    figure = highlighted([("a note", ["No", "rash", "."], np.array([0.0, -1.0, 0.0]))])
    assert "rash against" in alternative_text(figure) and png(figure)
    assert "b for, a against" in alternative_text(bars(["a", "b", "c"], [-0.1, 0.4, 0.0]))
    with pytest.raises(ValueError, match="2 names for 3 weights"):
        bars(["a", "b"], [1, 2, 3])
