"""Lab 14: the definitions of the solved notebook, called as a student would, the maps of pictures, and the films."""
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from course_utils.exercises import solved
from course_utils.plots import maps, panels
from course_utils.widgets import tsne_film


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("14")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def digits(lab):
    points = load_digits().data[:250]
    squared = lab.squared_distances(points)
    return points, squared, lab.joint_probabilities(lab.conditional_probabilities(squared, 15))


# Probabilities

def test_equal_distances_have_equal_neighbours(lab):
    corners = lab.squared_distances(np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]))
    row = lab.conditional_probabilities(corners, 2.5)[0]
    assert row[0] == 0 and row[1] == pytest.approx(row[2]) and row[3] < row[1] and row.sum() == pytest.approx(1)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(lab, unit):
    points = np.random.default_rng(0).normal(size=(40, 6))
    one, other = (lab.conditional_probabilities(lab.squared_distances(points * scale), 8) for scale in (1.0, unit))
    assert np.allclose(one, other, atol=1e-5)


def test_an_outlier_has_neighbours_and_a_say(lab):
    points = np.random.default_rng(1).normal(size=(30, 3))
    points[0] = 1e5
    conditional = lab.conditional_probabilities(lab.squared_distances(points), 5)
    assert np.isfinite(conditional).all() and conditional[:, 0].sum() < 1e-6
    assert lab.joint_probabilities(conditional)[0].sum() >= 0.5 / 30


def test_joint_probabilities_are_those_of_scikit_learn(lab, digits):
    from scipy.spatial.distance import squareform

    _, squared, joint = digits
    theirs = squareform(_joint_probabilities(squared.astype(np.float32), 15, 0))
    assert np.allclose(joint, theirs, rtol=1e-3, atol=1e-9)


# Gradients

def test_gradient_and_divergence_are_those_of_scikit_learn(lab, digits):
    from scipy.spatial.distance import squareform

    joint = digits[2]
    place = np.random.default_rng(2).normal(0, 3, size=(250, 2))
    value, slope = _kl_divergence(place.ravel(), squareform(joint), 1, 250, 2)
    assert lab.kl_divergence(joint, place) == pytest.approx(value, rel=1e-6)
    assert np.allclose(lab.kl_gradient(joint, place).ravel(), slope, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("spread", [1e-4, 1.0, 100.0])
def test_the_lean_gradient_is_the_plain_one(lab, digits, spread):
    place = spread * np.random.default_rng(3).normal(size=(250, 2))
    plain = lab.kl_gradient(digits[2], place)
    assert np.allclose(lab.lean_gradient(digits[2], place), plain, rtol=1e-6, atol=1e-9 * np.abs(plain).max())
    single = lab.lean_gradient(digits[2].astype(np.float32), place.astype(np.float32))
    share = 1e-3 if spread < 10 else 1e-2  # far from the origin the product |y|² + |y|² - 2 y·y loses digits
    assert single.dtype == np.float32 and np.abs(single - plain).max() <= share * np.abs(plain).max()


def test_inputs_stay_as_they_are(lab, digits):
    joint, place = digits[2].copy(), np.random.default_rng(4).normal(size=(250, 2))
    before = place.copy()
    lab.lean_gradient(joint, place), lab.kl_gradient(joint, place)
    lab.descend(lambda y: y, place, 3, 0.5, 0.1)
    assert np.array_equal(joint, digits[2]) and np.array_equal(place, before)


# The loop

def test_one_step_by_hand(lab):
    path = lab.descend(lambda y: np.full_like(y, 2.0), np.zeros((1, 2)), 2, 0.5, 0.1)
    assert np.allclose(path[:, 0, 0], [0, -0.16, -0.16 - (0.08 + 0.2)])  # gains 0.8, then 1.0


def test_the_map_is_as_good_as_scikit_learns(lab, digits):
    points, _, joint = digits
    ours = lab.tsne(joint, lab.cloud(250, 0), lab.lean_gradient)
    theirs = TSNE(method="exact", init="random", perplexity=15, max_iter=500, random_state=0).fit(points)
    assert ours.shape == (501, 250, 2) and ours.dtype == np.float32
    assert lab.kl_divergence(joint, ours[-1]) <= 1.05 * theirs.kl_divergence_
    assert trustworthiness(points, ours[-1]) >= trustworthiness(points, theirs.embedding_) - 0.01


def test_the_same_start_gives_the_same_map(lab, digits):
    one, again = (lab.tsne(digits[2], lab.cloud(250, 3), lab.lean_gradient, iterations=60, early=30) for _ in range(2))
    assert np.array_equal(one, again)


def test_widths_are_those_of_the_search(lab):
    points = np.random.default_rng(5).normal(size=(50, 4))
    squared = lab.squared_distances(points)
    sigma = lab.widths(squared, lab.conditional_probabilities(squared, 10))
    weights = np.exp(-squared / (2 * sigma[:, None] ** 2)) * ~np.eye(50, dtype=bool)
    assert np.allclose(weights / weights.sum(axis=1, keepdims=True), lab.conditional_probabilities(squared, 10), atol=1e-6)


# Maps of pictures

def test_pictures_stand_where_their_points_are():
    places = maps.placed(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), shape=(210, 310), side=10)
    assert places.tolist() == [[200, 100], [200, 200], [0, 100]]  # up is up, and both directions have one scale


def test_nudged_pictures_uncover_each_other_and_stay_on_the_canvas():
    crowd = np.random.default_rng(6).integers(45, 55, size=(12, 2))
    moved = maps.nudge(crowd, (100, 100), 10)
    apart = np.abs(moved[:, None] - moved[None]).max(axis=2)[~np.eye(12, dtype=bool)]
    assert apart.min() >= 4 and moved.min() >= 0 and moved.max() <= 90
    far = np.array([[0, 0], [50, 50]])
    assert np.array_equal(maps.nudge(far, (100, 100), 10), far)


def test_a_frame_has_the_colour_of_its_class_and_ink_its_grey():
    frame = maps.bordered(np.zeros((1, 64, 64, 3), np.uint8), ["#ff0000"], side=20)[0]
    assert np.allclose(frame[0, 0], [1, 0, 0, 1]) and np.allclose(frame[10, 10], [0, 0, 0, 1])
    digit = np.zeros((1, 8, 8), np.uint8)
    digit[0, :, 4:] = 255
    mark = maps.inked(digit, ["#0000ff"], side=16)[0]
    assert np.allclose(mark[8, 0, 3], 0, atol=0.02) and np.allclose(mark[8, -1], [0, 0, 1, 1], atol=0.02)
    canvas = maps.paste(mark[None], np.zeros((1, 2)), (16, 16))
    assert canvas.shape == (16, 16, 3) and np.allclose(canvas[8, 0], 1, atol=0.02)


def test_points_have_names_at_their_medians():
    figure, axis = panels(width=3)
    maps.draw_points(axis, np.array([[0, 0], [2, 2], [9, 9.0]]), np.array([0, 0, 1]), names=("zero", "one", "none"))
    assert [(text.get_text(), text.get_position()) for text in axis.texts] == [("zero", (1.0, 1.0)), ("one", (9.0, 9.0))]


# The films

@pytest.fixture(scope="module")
def films():
    noise = np.random.default_rng(7)
    return {(name, k, seed): tsne_film.Film(noise.normal(size=(51, 200, 2)), np.linspace(2, 0.5, 51), np.arange(200) % 10)
            for name in ("digits", "noise") for k in (2, 30) for seed in range(2)}


def test_a_film_moves_with_its_slider(films):
    made = tsne_film.explore(films)
    before = made.image.value, made.image.alt
    made.controls["iteration"].value = 250
    assert made.image.value != before[0] and "iteration 250" in made.image.alt != before[1]


def test_a_film_that_is_none_is_refused_in_one_sentence(films):
    with pytest.raises(ValueError, match="no film of digits, perplexity 7, seed 0; there are digits, 2, 0"):
        tsne_film.draw(films, "digits", 7, 0, 0)
