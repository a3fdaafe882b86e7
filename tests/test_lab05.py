"""Lab 05: the definitions of the solved notebook, called as a student would."""
import itertools
import warnings

import numpy as np
import pytest
from scipy.stats import pearsonr, permutation_test
from sklearn.svm import SVC

from course_utils.datasets import dna, tables
from course_utils.exercises import solved


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("05")
    return solved.definitions(path, path.stat().st_mtime_ns)


# A tree that stands in for a model

def test_a_model_that_is_a_tree_is_imitated_perfectly(lab):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3))
    labels = rng.integers(0, 2, 300)  # nothing to learn in them
    says, fidelity, accuracy = lab.surrogate(lambda x: (x[:, 1] > 0.2).astype(int), rows[:200], labels[:200], rows[200:], labels[200:], 1)
    assert fidelity > 0.97 and says.shape == (100,)
    assert 0.3 < accuracy < 0.7


def test_the_surrogate_never_looks_at_training_labels(lab):
    part = tables.load("wine", seed=3)
    model = SVC().fit(part.z_train, part.y_train)
    asked = []

    def predict(rows):
        asked.append(len(rows))
        return model.predict(part.standardised(rows))

    one = lab.surrogate(predict, part.x_train, part.y_train, part.x_test, part.y_test, 3)
    other = lab.surrogate(predict, part.x_train, np.zeros_like(part.y_train), part.x_test, part.y_test, 3)
    assert np.array_equal(one[0], other[0]) and one[1:] == other[1:]
    assert max(asked) == len(part.x_train)


# Filters against statistics

def test_a_filter_that_copies_a_statistic_has_correlation_one(lab):
    rng = np.random.default_rng(1)
    statistics = rng.normal(size=(30, 2))
    maps = np.zeros((30, 3, 4, 5))
    maps[:, 0, 2, 3] = 10 + statistics[:, 0]    # the largest value of its map
    maps[:, 1] = 7 - 2 * statistics[:, 1, None, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = lab.filter_correlations(maps, statistics, "max")
        mean = lab.filter_correlations(maps, statistics, "mean")
    assert np.allclose([r[0, 0], r[1, 1]], [1, -1]) and np.allclose(mean[0, 0], 1)
    assert (r[2] == 0).all()


def test_correlations_are_those_of_scipy_and_know_no_units(lab):
    rng = np.random.default_rng(2)
    maps, statistics = rng.random((25, 4, 9)), rng.normal(size=(25, 3))
    r = lab.filter_correlations(maps, statistics, "mean")
    assert np.isclose(r[3, 2], pearsonr(maps[:, 3].mean(axis=1), statistics[:, 2]).statistic)
    assert np.allclose(r, lab.filter_correlations(5 * maps, 1e3 + 0.01 * statistics, "mean"))


# Permutation

def test_all_permutations_of_a_few_inputs_are_the_exact_test(lab):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    every = np.array(list(itertools.permutations(range(6))))
    exact = permutation_test((a[:, 0],), lambda x: abs(pearsonr(x, b[:, 0]).statistic), permutation_type="pairings", n_resamples=np.inf,
                             alternative="greater", vectorized=False).pvalue
    assert np.isclose(lab.permutation_p_values(a, b, every)[0, 0], (exact * 720 + 1) / 721)


def test_p_values_are_the_same_for_both_signs_and_never_zero(lab):
    rng = np.random.default_rng(4)
    a = rng.normal(size=(40, 3))
    statistics = np.column_stack([a[:, 0], -a[:, 0], rng.normal(size=40)])
    permutations = np.array([rng.permutation(40) for _ in range(99)])
    p = lab.permutation_p_values(a, statistics, permutations)
    assert p[0, 0] == p[0, 1] == 0.01 and p.shape == (3, 3) and (p >= 0.01).all() and (p <= 1).all()


# Many tests

def test_corrections_by_hand(lab):
    p = np.array([[0.03, 0.01], [0.02, 0.9]])
    assert np.allclose(lab.adjusted(p, "bonferroni"), [[0.12, 0.04], [0.08, 1.0]])
    assert np.allclose(lab.adjusted(p, "holm"), [[0.06, 0.04], [0.06, 0.9]])
    assert np.allclose(lab.adjusted(p, "bh"), [[0.04, 0.04], [0.04, 0.9]])


def test_holm_lies_between_bh_and_bonferroni(lab):
    p = np.random.default_rng(5).random(50) ** 3
    bh, holm, bonferroni = (lab.adjusted(p, method) for method in ("bh", "holm", "bonferroni"))
    assert (bh <= holm + 1e-12).all() and (holm <= bonferroni + 1e-12).all()


# The lab's own statistics

def test_statistics_of_sequences(lab):
    sites = dna.load(20, seed=1)
    statistics = lab.dna_statistics(sites)
    assert np.allclose(statistics[:, 5], [text.count("CG") for text in sites.letters])
    assert np.allclose(statistics[:, 0], [(text.count("G") + text.count("C")) / 100 for text in sites.letters])


def test_uprightness_of_stripes(lab):
    stripes = np.zeros((2, 64, 64, 3), np.uint8)
    stripes[0, :, ::4] = 200   # columns: upright
    stripes[1, ::4] = 200      # rows: level
    statistics = lab.picture_statistics(stripes, np.zeros((2, 64, 64), bool))
    assert np.allclose(statistics[:, 4], [1, -1]) and np.allclose(statistics[0, [0, 3]], statistics[1, [0, 3]])


def test_a_tied_scanner_follows_the_diagnosis(lab):
    labels = np.array([0, 1] * 500)
    rows = lab.with_scanner(np.zeros((1000, 30)), labels, 1.0, np.random.default_rng(0))
    assert rows.shape == (1000, 31) and ((rows[:, 30] > 0) == (labels == 0)).all()
