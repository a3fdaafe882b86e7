"""Lab 16: the definitions of the solved notebook, called as a student would, and the game over its whole range."""
import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from course_utils.datasets import landscapes
from course_utils.exercises import solved
from course_utils.plots.style import alternative_text
from course_utils.widgets import bo_game as game
from course_utils.widgets.raster import picture as png_of


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("16")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def data():
    """Twelve points in three dimensions, their values, and a theta."""
    rng = np.random.default_rng(0)
    return rng.random((12, 3)), rng.normal(size=12), np.log([1.3, 0.3, 0.5, 0.9, 0.01])


# The process

def test_a_process_without_noise_passes_through_its_data(lab, data):
    x, y, theta = data
    theta = np.array([*theta[:-1], np.log(1e-10)])
    mean, std = lab.posterior(x, x, *lab.condition(x, y, theta), theta)
    assert np.allclose(mean, y, atol=1e-5) and (std < 1e-3).all()


def test_far_from_the_data_the_process_is_its_prior(lab, data):
    x, y, theta = data
    mean, std = lab.posterior(x + 100, x, *lab.condition(x, y, theta), theta)
    assert np.allclose(mean, 0) and np.allclose(std, np.sqrt(1.3))


def test_a_point_is_asked_alike_alone_and_among_others(lab, data):
    x, y, theta = data
    points = np.random.default_rng(1).random((5, 3))
    learnt = lab.condition(x, y, theta)
    together = np.array(lab.posterior(points, x, *learnt, theta))
    alone = np.concatenate([lab.posterior(points[k : k + 1], x, *learnt, theta) for k in range(5)], axis=1)
    assert np.allclose(together, alone, atol=1e-12)


def test_the_slope_of_the_likelihood_is_that_of_finite_differences(lab, data):
    x, y, theta = data
    _, slope = lab.likelihood_and_slope(theta, x, y)
    assert np.allclose(slope, approx_fprime(theta, lambda t: lab.likelihood_and_slope(t, x, y)[0], 1e-7), atol=1e-4)
    _, slope = lab.downhill(theta, x, y)
    assert np.allclose(slope, approx_fprime(theta, lambda t: lab.downhill(t, x, y)[0], 1e-7), atol=1e-4)


def test_fit_improves_on_where_it_starts_and_survives_doubled_points_and_constant_values(lab, data):
    x, y, _ = data
    model = lab.fit(x, y)
    plain = np.log([1.0, 0.3, 0.3, 0.3, 1e-4])
    assert lab.downhill(model.theta, model.x, model.y)[0] < lab.downhill(plain, model.x, model.y)[0]
    assert np.isfinite(lab.fit(np.concatenate([x, x]), np.concatenate([y, y]), model).alpha).all()
    assert np.isfinite(lab.fit(x, np.ones(12)).alpha).all()


# Acquisitions

def test_expected_improvement_is_the_mean_of_simulated_gains(lab):
    mean, std = np.array([0.3, -0.2, 1.0]), np.array([0.5, 0.1, 2.0])
    drawn = mean + std * norm.ppf((np.arange(100_000)[:, None] + 0.5) / 100_000)
    assert np.allclose(lab.expected_improvement(mean, std, 0.1), np.maximum(0.1 - drawn, 0).mean(axis=0), atol=1e-4)


def test_log_improvement_is_the_logarithm_and_goes_on_where_it_underflows(lab):
    best, std = 0.0, np.full(7, 0.5)
    mean = np.array([-10.0, -1.0, 0.0, 0.4999, 0.5001, 1.0, 3.0])
    value, of_mean, of_std = lab.log_improvement(mean, std, best)
    assert np.allclose(value, np.log(lab.expected_improvement(mean, std, best)), atol=1e-9)
    for slope, shift in ((of_mean, (1e-6, 0)), (of_std, (0, 1e-6))):
        up, down = (lab.log_improvement(mean + sign * shift[0], std + sign * shift[1], best)[0] for sign in (1, -1))
        assert np.allclose(slope, (up - down) / 2e-6, rtol=1e-5, atol=1e-5)
    far = lab.log_improvement(np.array([50.0, 500.0, 5e4]), np.ones(3), best)
    assert np.isfinite(far).all() and (np.diff(far[0]) < 0).all()
    assert np.allclose(far[0][:2], -np.array([50.0, 500]) ** 2 / 2 - np.log(2 * np.pi) / 2 - 2 * np.log([50.0, 500]), rtol=1e-3)


def test_the_slope_of_an_acquisition_is_that_of_finite_differences(lab, data):
    x, y, _ = data
    model = lab.fit(x, y)
    point = np.array([0.2, 0.6, 0.4])
    for acquire in (lab.log_improvement, lab.bound(1.5), lab.bound(0)):
        measured = approx_fprime(point, lambda p: lab.uphill(p[None], model, acquire)[0][0], 1e-7)
        assert np.allclose(lab.uphill(point[None], model, acquire)[1][0], measured, rtol=1e-3, atol=1e-4)


def test_a_proposal_lies_in_the_cube_and_beats_random_points(lab, data):
    x, y, _ = data
    model = lab.fit(x, y)
    best = lab.proposer(lab.log_improvement, np.random.default_rng(2))(model)
    others = np.random.default_rng(3).random((2000, 3))
    assert best.shape == (3,) and (best >= 0).all() and (best <= 1).all()
    assert lab.uphill(best[None], model, lab.log_improvement)[0][0] >= lab.uphill(others, model, lab.log_improvement)[0].max() - 1e-3


# The loop, and what it is tried on

def test_the_loop_finds_the_deepest_basin_and_is_repeatable(lab):
    trap = landscapes.load("trap")
    x, y = lab.run(trap, lab.log_improvement, 0, 15, 3)
    again = lab.run(trap, lab.log_improvement, 0, 15, 3)
    assert x.shape == (15, 1) and np.array_equal(y, trap(x)) and np.array_equal(y, again[1])
    assert trap.regret(y)[-1] < 0.05


@pytest.mark.parametrize("name", landscapes.NAMES)
def test_landscapes_have_the_minimum_that_they_name(name):
    landscape = landscapes.load(name)
    assert np.allclose(landscape(landscape.minimisers), landscape.minimum, atol=1e-5)
    values = landscape(np.random.default_rng(0).random((20_000, landscape.dimensions)))
    assert values.min() > landscape.minimum - 1e-5
    assert (np.diff(landscape.regret(values)) <= 0).all()


@pytest.mark.parametrize("points, said", [(np.ones((3, 3)), "takes points of shape"), (np.full((1, 2), 1.5), "clip the points")])
def test_landscapes_refuse_in_one_sentence(points, said):
    with pytest.raises(ValueError, match=said):
        landscapes.load("branin")(points)


def test_an_interval_of_the_median_holds_the_median(lab):
    middle, low, high = lab.median_interval(np.random.default_rng(0).normal(size=(10, 4)))
    assert middle.shape == (4,) and (low <= middle).all() and (middle <= high).all() and (low < high).all()


# The game

@pytest.mark.parametrize("landscape", game.LANDSCAPES)
def test_the_game_can_be_won_and_is_not_won_at_the_start(landscape):
    values, known = game.truth(landscape), game.known(landscape)
    assert values[list(known)].min() > values.min() + 0.3
    assert game.opponent(landscape)[:3] == known and len(set(game.opponent(landscape))) == 3 + game.ROUNDS


def test_the_game_shows_only_evaluated_choices():
    base = {name: control.value for name, control in game.controls().items()}
    one, other = (alternative_text(game.draw(**{**base, "rounds": 1, "choice_2": place})).split(" Next: ") for place in (10, 90))
    assert one[0] == other[0] and one[1].startswith("you at 10 %") and other[1].startswith("you at 90 %")
    lowest = int(game.truth("hills 1").argmin())
    won = {**base, "rounds": 1, "choice_1": lowest}
    assert ", 0.00 above the minimum; that of EI" in alternative_text(game.draw(**{**won, "show_truth": True}))
    assert "above the minimum" not in alternative_text(game.draw(**won))


def test_a_choice_of_a_known_place_is_drawn():
    base = {name: control.value for name, control in game.controls().items()}
    assert png_of(game.draw(**{**base, "rounds": 2, "choice_1": game.known("hills 1")[0], "choice_2": game.known("hills 1")[0]}))[:4] == b"\x89PNG"


def test_a_landscape_that_is_none_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no landscape 'plain'; choose one of hills 1"):
        game.truth("plain")


def test_the_game_moves_what_it_shows():
    made = game.explore()
    before = made.image.value, made.image.alt
    made.controls["rounds"].value = 2
    assert made.image.value != before[0] and "after 2 evaluations" in made.image.alt
