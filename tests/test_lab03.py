"""Lab 03: the definitions of the solved notebook, called as a student would; the mixtures, the stack of networks, the film."""
import numpy as np
import pytest
import torch

from course_utils.datasets import mixtures
from course_utils.exercises import solved
from course_utils.models.mlp_stack import MLPStack
from course_utils.plots.style import alternative_text
from course_utils.widgets import training_film
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import picture as png_of


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("03")
    return solved.definitions(path, path.stat().st_mtime_ns)


# Distances

def test_distances_of_a_histogram_to_itself_are_zero(lab):
    p = np.array([0.2, 0.0, 0.5, 0.3])
    assert lab.divergences(p, p) == (0, 0, 0) and lab.earth_mover(np.array([0.0, 1.0, 4.0, 5.0]), p, p) == 0


def test_point_masses_of_the_recitation(lab):
    tv, kl, js = lab.divergences(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert (tv, kl) == (1.0, np.inf) and js == pytest.approx(np.log(2))
    assert lab.earth_mover(np.array([0.0, 2.5]), np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 2.5


def test_exact_distance_of_samples_is_that_of_sorted_samples(lab):
    x, y = np.random.default_rng(0).normal(size=(2, 40))
    assert lab.exact(x, y) == pytest.approx(np.abs(np.sort(x) - np.sort(y)).mean())


# Counting

def test_one_good_sample_captures_a_mode_and_a_near_miss_does_not(lab):
    centres = np.array([[0.0, 0.0], [10.0, 0.0]])
    samples = np.array([[[0.0, 0.29], [9.7, 0.31]], [[0.1, 0.0], [10.0, 0.0]]])
    modes, good = lab.count_modes(samples, centres, 0.1)
    assert modes.tolist() == [1, 2] and good.tolist() == [0.5, 1.0]


def test_the_data_itself_is_near_itself_and_a_single_mode_is_far(lab):
    ring = mixtures.load("ring")
    sampled = ring.sample((500,), np.random.default_rng(1))
    assert lab.distance_to_data(sampled, ring) < 0.5
    assert lab.distance_to_data(np.repeat(ring.centres[:1], 500, axis=0), ring) == pytest.approx(
        np.linalg.norm(ring.centres - ring.centres[0], axis=1).mean(), rel=0.1)


# Fixes

def test_closeness_of_equal_samples_is_their_number(lab):
    assert torch.allclose(lab.closeness(torch.ones(2, 5, 3), torch.randn(2, 3, 4, 2)), torch.full((2, 5, 4), 5.0))


def test_smoothing_with_target_one_is_the_plain_loss(lab):
    real, fake = torch.randn(2, 3, 6, 1, generator=torch.Generator().manual_seed(0))
    plain = torch.nn.functional.softplus(-real).mean((1, 2)) + torch.nn.functional.softplus(fake).mean((1, 2))
    assert torch.allclose(lab.smoothed_loss(real, fake, 1.0), plain)


def test_a_sample_in_the_middle_of_its_reference_is_normalised_to_zero(lab):
    assert lab.virtual_batch_norm(torch.tensor([[[3.0]]]), torch.tensor([[[1.0], [5.0]]])).abs().max() == 0


def test_the_penalty_of_a_critic_of_slope_three_is_four(lab):
    direction = 3 * torch.tensor([0.6, 0.8])
    penalty = lab.gradient_penalty(lambda x: (x * direction).sum(-1, keepdim=True), torch.randn(2, 4, 2), torch.randn(2, 4, 2), torch.rand(2, 4, 1))
    assert torch.allclose(penalty, torch.tensor([4.0, 4.0]))


def test_history_keeps_the_plain_mean(lab):
    network = torch.nn.Linear(3, 2)
    past, seen = lab.History(network), [network.weight.detach().clone()]
    for _ in range(4):
        network.weight.data.add_(torch.randn(2, 3))
        past.update()
        seen.append(network.weight.detach().clone())
    assert torch.allclose(past.mean[0], torch.stack(seen).mean(0), atol=1e-6)


@pytest.mark.parametrize("name", ("plain", "minibatch", "virtual", "history", "noise", "clip", "penalty", "matching"))
def test_every_recipe_trains_both_players(lab, name):
    recipe = {
        "plain": lab.Recipe(), "minibatch": lab.Recipe(critic=lab.MinibatchStack), "virtual": lab.Recipe(generator=lab.VirtualStack),
        "history": lab.Recipe(history=0.1), "noise": lab.Recipe(noise=0.7), "matching": lab.Recipe(generator_loss=lab.matching_loss),
        "clip": lab.Recipe(lab.wasserstein_loss, lab.raising_loss, clip=0.1),
        "penalty": lab.Recipe(lab.penalised_loss(1.0), lab.raising_loss, critic_steps=2),
    }[name]
    ring = mixtures.load("ring")

    def play(steps):
        return lab.train(recipe, lambda n, rng: ring.sample((2, n), rng), seeds=(0, 1), sizes=(2, 8), steps=steps,
                         watch=lambda step, generator, critic: [step])

    before, after = play(0), play(3)
    assert np.isfinite(after.losses).all() and after.losses.shape == (3, 2, 2) and after.frames == [0, 1, 2, 3]
    for one, other in ((before.generator, after.generator), (before.critic, after.critic)):
        assert not torch.equal(one.weights[0], other.weights[0])
    if name == "clip":
        assert max(float(parameter.detach().abs().max()) for parameter in after.critic.parameters()) <= 0.1 + 1e-7
    assert np.array_equal(play(3).losses, after.losses)


# Mixtures and networks

@pytest.mark.parametrize("name, modes", (("ring", 8), ("grid", 25)))
def test_mixtures_draw_every_mode_with_their_sigma(name, modes):
    world = mixtures.load(name)
    sampled = world.sample((2, 4000), np.random.default_rng(0))
    distance = np.linalg.norm(sampled[..., None, :] - world.centres, axis=-1)
    assert sampled.shape == (2, 4000, 2) and sampled.dtype == np.float32 and len(world) == modes
    assert len(np.unique(distance.argmin(-1))) == modes
    assert np.sqrt((distance.min(-1) ** 2).mean() / 2) == pytest.approx(world.sigma, rel=0.05)


def test_uniform_references_keep_to_their_shape():
    ring = mixtures.load("ring")
    radii = np.linalg.norm(ring.uniform("annulus", 2000, seed=1), axis=1)
    assert 1.85 - 1e-6 <= radii.min() < 1.87 and 2.13 < radii.max() <= 2.15 + 1e-6
    assert np.abs(mixtures.load("grid").uniform("box", 2000)).max() <= 2.15
    with pytest.raises(ValueError, match="disc"):
        ring.uniform("disc", 10)
    with pytest.raises(ValueError, match="spiral"):
        mixtures.load("spiral")


def test_a_network_of_a_stack_is_the_network_of_its_seed():
    together, alone = MLPStack((2, 7, 5, 1), seeds=(3, 8)), MLPStack((2, 7, 5, 1), seeds=(8,))
    x = torch.randn(2, 6, 2)
    assert torch.allclose(together(x)[1:], alone(x[1:]), atol=1e-6)
    layers = [(weight[1], bias[1]) for weight, bias in zip(together.weights, together.biases)]
    y = x[1]
    for k, (weight, bias) in enumerate(layers):
        y = y @ weight + bias if k == 2 else torch.relu(y @ weight + bias)
    assert torch.allclose(together(x)[1], y, atol=1e-6)


# The film

@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(0)
    ring = mixtures.load("ring")
    return {name: training_film.Film(ring.centres, np.arange(frames) * 30, rng.normal(size=(frames, 50, 2)), rng.normal(size=(frames, 12, 12)),
                                     rng.integers(1, 9, size=frames), rng.random(frames)) for name, frames in (("vanilla", 6), ("noise", 4))}


def test_the_film_says_what_it_shows(films):
    text = alternative_text(training_film.draw(films, "vanilla", 2))
    assert f"step 60: {films['vanilla'].modes[2]} of 8 modes" in text
    assert alternative_text(training_film.draw(films, "noise", 5)) == alternative_text(training_film.draw(films, "noise", 3))
    with pytest.raises(ValueError, match="no film 'silent'"):
        training_film.draw(films, "silent", 0)


def test_the_surface_is_laid_out_from_below_to_above():
    places = training_film.window(3)
    assert places[0].tolist() == [-3, -3] and places[2].tolist() == [3, -3] and places[-1].tolist() == [3, 3]


@pytest.mark.slow
def test_the_film_draws_over_its_whole_range_and_moves(films):
    for setting in sweep(training_film.controls(films)):
        assert png_of(training_film.draw(films, **setting))[:4] == b"\x89PNG"
    made = training_film.explore(films)
    before = made.image.value
    made.controls["frame"].value = 0
    assert made.image.value != before
