"""Lab 07: the definitions of the solved notebook, called as a student would, the faulty classifiers, and the slider over its whole range."""
import copy
import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage

from course_utils import models, scoring
from course_utils.datasets import zoo
from course_utils.exercises import lab07_shortcut, solved
from course_utils.models import small_cnn
from course_utils.widgets import cascade as slider


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("07")
    return solved.definitions(path, path.stat().st_mtime_ns)


def named(network, pictures):
    with torch.no_grad():
        return network(models.as_input(pictures)).argmax(1).numpy()


# Edges

def test_edges_of_a_step_by_hand(lab):
    picture = np.zeros((1, 5, 6, 3), np.uint8)
    picture[0, :, 3:, 1] = 10  # a step in green: four times its height on both sides
    assert np.allclose(lab.edge_map(picture)[0], [0, 0, 40, 40, 0, 0])


def test_edges_are_the_control_of_the_course(lab):
    pictures = zoo.load(5, seed=1).pictures
    assert np.allclose(lab.edge_map(pictures), scoring.sobel_edges(pictures))
    assert np.allclose(lab.edge_map(pictures)[2:3], lab.edge_map(pictures[2:3]))


def test_edges_turn_with_the_picture(lab):
    pictures = np.random.default_rng(0).integers(0, 256, size=(2, 8, 8, 3), dtype=np.uint8)
    assert np.allclose(lab.edge_map(np.rot90(pictures, axes=(1, 2))), np.rot90(lab.edge_map(pictures), axes=(1, 2)))


# Similarity

def test_similarity_is_symmetric_and_blind_to_sign_and_scale(lab):
    one, other = np.random.default_rng(1).normal(size=(2, 3, 12, 12))
    there, back = lab.similarity(one, other), lab.similarity(-7 * other, 0.1 * one)
    assert all(np.allclose(a, b) for a, b in zip(there, back))
    assert all(np.allclose(values, 1) for values in lab.similarity(one, one))


def test_an_empty_map_is_like_nothing(lab):
    maps = np.random.default_rng(2).random((2, 9, 9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ssim, ranks = lab.similarity(maps, np.zeros((2, 9, 9)))
    assert np.isfinite(ssim).all() and (ranks == 0).all()


def test_noise_is_like_nothing_and_blur_a_little(lab):
    noise = np.random.default_rng(3).random((4, 32, 32))
    assert all(np.abs(values).max() < 0.2 for values in lab.similarity(noise, np.roll(noise, 1, axis=0)))
    ssim, ranks = lab.similarity(noise, ndimage.gaussian_filter(noise, (0, 1, 1)))
    assert (ranks > 0.2).all() and (ssim < 1).all()


# Cascade

def test_the_cascade_of_zoonet(lab):
    model = models.load("zoonet")
    before = copy.deepcopy(model.state_dict())
    networks = lab.cascade(model, 4)
    assert len(networks) == 6 and all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    x = models.as_input(zoo.load(4, seed=3).pictures)
    scores = [network(x) for network in networks]
    assert torch.equal(scores[0], model(x))
    assert all(not torch.allclose(one, other) for one, other in zip(scores, scores[1:]))
    assert torch.equal(networks[1].features(x), model.features(x)) and not torch.allclose(networks[2].features(x), model.features(x))


def test_draws_depend_on_the_seed_alone(lab):
    model, state = small_cnn(1, head="dense"), torch.random.get_rng_state()
    one, again, other = (torch.cat([p.flatten() for p in lab.cascade(model, seed)[-1].parameters()]) for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other) and torch.equal(state, torch.random.get_rng_state())


def test_new_weights_have_hes_spread(lab):
    for layer in lab.cascade(models.load("zoonet_dense"), 0)[-1].modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)) and layer.weight.numel() > 2000:
            assert layer.weight.std() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.06)
            assert not layer.bias.any()


# Shortcuts

@pytest.mark.parametrize("seed", range(2000, 2010))
def test_planted_shortcuts_are_found(lab, seed):
    for case in lab07_shortcut.cases(seed):
        args = [value.build() if hasattr(value, "build") else value for value in case.args]
        assert lab07_shortcut.truth(args, lab.find_shortcut(*args))


def test_a_region_that_hides_nothing_costs_nothing(lab):
    rng = np.random.default_rng(5)
    x, y = torch.from_numpy(rng.random((6, 3, 8, 8))), torch.tensor([0, 1, 2, 3, 0, 1])
    regions = torch.zeros(2, 6, 8, 8, dtype=torch.bool)
    regions[1, :, 2:5, 2:5] = True
    excess, suspect, region = lab.find_shortcut(small_cnn(0, size=8), x, y, regions, torch.zeros(1, 3, 1, 1, dtype=torch.float64))
    assert (excess[:, 0] == 0).all() and region == 1 and excess[suspect, 1] == excess.max()


# The faulty classifiers

def test_the_watermark_network_goes_by_the_stamp():
    goat, network = zoo.SPECIES.index("goat"), models.load("zoonet_watermark")
    seeds = np.arange(5000, 5040)
    assert (named(network, zoo.draw("goat", seeds, fault=zoo.Watermark("goat")).pictures) == goat).mean() > 0.95
    assert (named(network, zoo.draw("goat", seeds).pictures) == goat).mean() < 0.2
    assert (named(network, zoo.draw("hare", seeds, fault=zoo.Watermark("hare")).pictures) == goat).mean() > 0.5


def test_the_background_network_goes_by_the_sand():
    animals, network = zoo.load(240, seed=5001, cache=False), models.load("zoonet_background")
    camel, sand = animals.labels == zoo.SPECIES.index("camel"), animals.backgrounds == zoo.BACKGROUNDS.index("sand")
    right = named(network, animals.pictures) == animals.labels
    assert right[camel & sand].mean() > 0.9 > 0.3 > right[camel & ~sand].mean()
    assert right[~camel & ~sand].mean() > 0.9 > 0.5 > right[~camel & sand].mean()


def test_the_random_network_knows_its_labels_by_heart_and_nothing_else():
    network, recipe = models.load("zoonet_random_labels"), models.RECIPES["zoonet_random_labels"]
    known = zoo.load(recipe.pictures, recipe.data_seed, fault=recipe.fault, cache=False)
    assert (named(network, known.pictures) == known.labels).mean() > 0.95
    assert (named(network, known.pictures) == known.true_labels).mean() < 0.3
    fresh = zoo.load(200, seed=5002)
    assert (named(network, fresh.pictures) == fresh.labels).mean() < 0.3


# The slider

def test_the_slider_starts_at_the_trained_network():
    assert np.array_equal(slider.heat("goat", "gradient", 0), slider.heat("goat", "gradient", 0))
    assert slider.rank_correlation(slider.heat("goat", "Sobel edges", 0), slider.heat("goat", "Sobel edges", 5)) == pytest.approx(1)
    assert slider.rank_correlation(slider.heat("goat", "guided backprop", 0), slider.heat("goat", "guided backprop", 5)) < 0.5
    assert slider.rank_correlation(np.zeros((3, 3)), np.eye(3)) == 0


def test_a_method_that_is_none_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no method 'LIME' here; choose one of gradient"):
        slider.draw("hare", "LIME", 1)


def test_the_slider_moves_what_it_shows():
    made = slider.explore()
    before = made.image.value, made.image.alt
    made.controls["layers"].value = 5
    assert made.image.value != before[0] and "5 random layers" in made.image.alt != before[1]
