"""Lab 15: the definitions of the solved notebook, called as a student would, its two plots, and its Touch over the whole range."""
import math

import numpy as np
import pytest
import torch

from course_utils.exercises import solved
from course_utils.plots import panels, reliability, variance
from course_utils.plots.style import alternative_text
from course_utils.widgets import calibration
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import picture as png_of


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("15")
    return solved.definitions(path, path.stat().st_mtime_ns)


# Likelihood

def test_the_likelihood_is_scipys_and_a_density(lab):
    from scipy.stats import norm

    y = torch.linspace(-40, 40, 8001, dtype=torch.float64)
    mean, log_sigma = torch.full_like(y, 0.7), torch.full_like(y, 0.4)
    loss = lab.gaussian_nll(mean, log_sigma, y)
    assert np.allclose(loss, -norm.logpdf(y, 0.7, math.exp(0.4)))
    assert torch.trapezoid(torch.exp(-loss), y) == pytest.approx(1, abs=1e-9)


def test_sigma_that_minimises_the_loss_is_the_residuals_root_mean_square(lab):
    residuals = torch.from_numpy(np.random.default_rng(0).normal(0, 3, 500))
    sigmas = torch.linspace(1, 6, 2001, dtype=torch.float64)
    loss = lab.gaussian_nll(torch.zeros(1, 500, dtype=torch.float64), sigmas.log()[:, None], residuals).mean(dim=1)
    assert sigmas[loss.argmin()] == pytest.approx(residuals.square().mean().sqrt().item(), abs=0.003)


def test_bounds_hold_for_any_number(lab):
    raw = torch.tensor([-1e6, -3.0, 0.0, 3.0, 1e6])
    assert torch.equal(lab.bounded(raw), lab.bounded(raw).clamp(lab.LOW, lab.HIGH)) and (lab.bounded(raw).diff() > 0).all()


# Ensembles

def test_the_parts_of_the_variance_are_those_of_a_large_sample(lab):
    means, sigmas = torch.tensor([[0.0], [4.0]], dtype=torch.float64), torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    total, aleatoric, epistemic = (float(part) for part in lab.decompose(means, sigmas))
    assert (aleatoric, epistemic) == (5.0, 4.0)
    rng = np.random.default_rng(1)
    member = rng.integers(2, size=200_000)
    drawn = rng.normal(means[member, 0], sigmas[member, 0])
    assert total == pytest.approx(drawn.var(), rel=0.02)


def test_an_ensemble_of_one_and_of_copies_does_not_disagree(lab):
    one = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.25]])
    for means, sigmas in (one, [part.repeat(4, 1) for part in one]):
        total, aleatoric, epistemic = lab.decompose(means, sigmas)
        assert not epistemic.any() and torch.equal(total, aleatoric)


def test_networks_trained_together_are_what_they_are_alone(lab):
    layers = lab.initial(3, (1, 8, 8, 2), seed=4)
    x = torch.linspace(-1, 1, 5).expand(3, -1)[..., None]
    together = lab.outputs(layers, x)
    for k in range(3):
        alone = [(weights[k : k + 1], biases[k : k + 1]) for weights, biases in layers]
        assert torch.allclose(lab.outputs(alone, x[k : k + 1])[0], together[k], atol=1e-6)
    assert not torch.allclose(together[0], together[1])


# Bayes by backprop

def test_a_bayesian_layer_without_spread_is_torchs_linear_layer(lab):
    rng = np.random.default_rng(2)
    x, mean, noise = (torch.from_numpy(rng.normal(size=shape)) for shape in ((6, 3), (4, 2), (4, 2)))
    output, _ = lab.bayes_linear(x, mean, torch.full_like(mean, -60.0), noise, 1.0)
    assert torch.allclose(output, torch.nn.functional.linear(x, mean[:-1].T, mean[-1]), atol=1e-12)


def test_draws_of_a_bayesian_layer_have_its_mean_and_spread_and_slopes_reach_both(lab):
    coin = torch.Generator().manual_seed(3)
    mean = torch.tensor([[2.0], [-1.0]], requires_grad=True)
    rho = torch.zeros(2, 1, requires_grad=True)  # softplus(0) = log 2
    drawn = torch.stack([lab.bayes_linear(torch.ones(1, 1), mean, rho, torch.randn(2, 1, generator=coin), 1.0)[0] for _ in range(4000)])
    assert drawn.mean().item() == pytest.approx(1.0, abs=0.06)
    assert drawn.std().item() == pytest.approx(math.sqrt(2) * math.log(2), rel=0.05)
    drawn.square().mean().backward()
    assert mean.grad.abs().min() > 0 and rho.grad.abs().min() > 0


# Two branches

def test_the_mixture_is_a_density(lab):
    layers = lab.initial(1, (1, 8, 6), seed=0)
    y = torch.linspace(-30, 30, 6001)[None]
    with torch.no_grad():
        density = lab.mixture(layers, torch.full_like(y, 0.3), y).exp()
    assert torch.trapezoid(density, y).item() == pytest.approx(1, abs=1e-3)


# Calibration

def test_ece_by_hand_and_in_the_diagram(lab):
    confidence, right = np.array([0.15, 0.12, 0.95, 1.0]), np.array([False, True, True, False])
    by_hand = 0.5 * abs(0.135 - 0.5) + 0.5 * abs(0.975 - 0.5)
    assert lab.ece(confidence, right, 10) == pytest.approx(by_hand)
    assert reliability.binned(confidence, right, 10).gap == pytest.approx(by_hand)


@pytest.mark.slow
def test_ece_is_torchmetrics(lab):
    from course_utils.models import torchvision_compat  # noqa: F401  torchmetrics imports torchvision

    functional = pytest.importorskip("torchmetrics.functional.classification")
    rng = np.random.default_rng(5)
    confidence, right = rng.beta(3, 2, 300), rng.random(300) < 0.6
    expected = functional.binary_calibration_error(torch.from_numpy(confidence), torch.from_numpy(right.astype(int)), n_bins=15)
    assert lab.ece(confidence, right, 15) == pytest.approx(float(expected), abs=1e-6)


def test_temperature_is_scikit_learns(lab):
    pytest.importorskip("sklearn", minversion="1.8")
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(6)
    labels = rng.integers(3, size=600)
    inputs = rng.normal(size=(600, 4)) + 1.2 * np.eye(4)[labels]
    sure = LogisticRegression(C=1e4).fit(inputs[:20], labels[:20])
    theirs = CalibratedClassifierCV(FrozenEstimator(sure), method="temperature").fit(inputs[20:], labels[20:])
    fitted = lab.fit_temperature(sure.decision_function(inputs[20:]), labels[20:])
    assert fitted * theirs.calibrated_classifiers_[0].calibrators[0].beta_ == pytest.approx(1, rel=1e-3)


def test_temperature_recovers_the_one_that_labels_were_drawn_at(lab):
    from scipy.special import softmax

    rng = np.random.default_rng(7)
    logits = rng.normal(0, 3, (20_000, 5))
    labels = (softmax(logits / 1.8, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert lab.fit_temperature(logits, labels) == pytest.approx(1.8, rel=0.03)


def test_ece_interval_is_about_the_estimate(lab):
    rng = np.random.default_rng(8)
    confidence = rng.uniform(0.5, 1, 300)
    right = rng.random(300) < confidence**3
    estimate, low, high = lab.ece_interval(confidence, right, draws=200)
    assert estimate == lab.ece(confidence, right) and 0 < low < high < 2 * estimate


# Abstaining

def test_risk_and_coverage_by_hand(lab):
    covered, risk = lab.risk_coverage(np.array([0.2, 0.9, 0.5, 0.7]), np.array([False, True, True, False]))
    assert np.allclose(covered, [0.25, 0.5, 0.75, 1.0]) and np.allclose(risk, [0, 1 / 2, 1 / 3, 2 / 4])


def test_threshold_keeps_its_promise_where_it_was_set(lab):
    rng = np.random.default_rng(9)
    confidence = rng.random(500)
    right = rng.random(500) < confidence
    threshold = lab.threshold_for(confidence, right, 0.1)
    answered = confidence >= threshold
    assert 0 < answered.sum() < 500 and (~right[answered]).mean() <= 0.1


# Plots

def test_bins_of_a_reliability_diagram():
    table = reliability.binned(np.array([0.05, 0.5, 0.5, 1.0]), np.array([True, False, True, True]), 4)
    assert table.count.tolist() == [1, 0, 2, 1]
    assert np.allclose(table.accuracy[[0, 2, 3]], [1, 0.5, 1]) and np.isnan(table.confidence[1])
    with pytest.raises(ValueError, match="takes probabilities"):
        reliability.binned(np.array([1.5]), np.array([True]))


def test_bands_refuse_what_is_no_standard_deviation():
    _, axes = panels()
    x = np.arange(3.0)
    variance.two_bands(axes, x, x, np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="negative standard deviation"):
        variance.two_bands(axes, x, x, -np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="give all as"):
        variance.two_bands(axes, x, x, np.ones(2), np.ones(3))


# The Touch

@pytest.fixture
def without_network(monkeypatch):
    """Scores of a made-up classifier in place of the network's."""
    rng = np.random.default_rng(10)
    labels = rng.integers(8, size=200)
    made = {shift: (size * (2 * np.eye(8)[labels] + rng.normal(size=(200, 8))), labels) for shift, size in zip(calibration.SHIFTS, (1, 2, 4))}
    monkeypatch.setattr(calibration, "logits", made.__getitem__)
    calibration.likelihood_curve.cache_clear()
    yield made
    calibration.likelihood_curve.cache_clear()


def test_the_diagram_shows_the_ece_of_the_lab(lab, without_network):
    from scipy.special import softmax

    scores, labels = without_network["noise"]
    p = softmax(scores / 2, axis=1)
    expected = lab.ece(p.max(axis=1), p.argmax(axis=1) == labels, 12)
    assert f"ECE {expected:.3f}" in alternative_text(calibration.draw("noise", math.log10(2), 12))


def test_the_curve_is_lowest_at_the_temperature_of_the_lab(lab, without_network):
    curve = calibration.likelihood_curve("strong noise")
    best = 10 ** calibration.EXPONENTS[curve.argmin()]
    assert best == pytest.approx(lab.fit_temperature(*without_network["strong noise"]), rel=0.13)


def test_a_shift_that_is_none_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no shift 'rain'; choose one of clean"):
        calibration.logits.__wrapped__("rain")


@pytest.mark.slow
def test_the_touch_draws_over_its_whole_range():
    for setting in sweep(calibration.controls()):
        figure = calibration.draw(**setting)
        assert png_of(figure)[:4] == b"\x89PNG" and setting["shift"] in alternative_text(figure)
    made = calibration.explore()
    before = made.image.value
    made.controls["bins"].value = 40
    assert made.image.value != before
