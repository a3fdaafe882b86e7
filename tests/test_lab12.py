"""Lab 12: the definitions of the solved notebook, called as a student would, its networks' recipe, and the knobs over their whole range."""
import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.datasets import zoo
from course_utils.exercises import solved
from course_utils.models import robust_recipes
from course_utils.plots.style import alternative_text, png
from course_utils.widgets import class_model_knobs
from course_utils.widgets.controls import sweep


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("12")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def pictures():
    return torch.from_numpy(np.random.default_rng(0).random((3, 3, 16, 16)))


# Total variation

def test_a_straight_edge_costs_its_height_times_its_length(lab):
    x = torch.zeros(1, 3, 8, 10, dtype=torch.float64)
    x[..., 4:] = 0.7
    exact, absolute = lab.total_variation(x)
    assert absolute.item() == pytest.approx(3 * 8 * 0.7)
    assert exact.item() == pytest.approx(3 * 8 * 0.7, abs=24 * lab.EPSILON)


def test_total_variation_of_flat_ground_is_zero_and_has_a_slope(lab):
    x = torch.full((2, 3, 5, 5), 0.3, requires_grad=True)
    exact, absolute = lab.total_variation(x)
    assert exact.abs().max() < 1e-6 and (absolute == 0).all()
    assert torch.isfinite(torch.autograd.grad(exact.sum(), x)[0]).all()


# Ascent

def test_a_step_without_penalties_raises_a_linear_objective_by_the_norm(lab, pictures):
    w = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 16, 16)))
    inside = 0.4 + 0.2 * pictures
    moved = lab.ascent_step(inside, inside, lambda x: (x * w).sum(dim=(1, 2, 3)), 0.01)
    assert torch.allclose(moved - inside, (0.01 * w / w.square().mean().sqrt()).expand_as(moved), atol=1e-9)


@pytest.mark.parametrize("knobs", [{"l2": 5.0}, {"tv": 5.0}])
def test_a_strong_penalty_leads_back_to_the_start(lab, pictures, knobs):
    start = 0.3 + 0.4 * pictures
    far = (start + 0.1 * torch.randn(start.shape, generator=torch.Generator().manual_seed(0), dtype=start.dtype)).clamp(0, 1)
    objective = lambda x: 0.001 * x.sum(dim=(1, 2, 3))  # noqa: E731
    nearer = far
    for _ in range(20):
        nearer = lab.ascent_step(nearer, start, objective, 0.005, **knobs)
    cost = (lambda x: ((x - start) ** 2).sum()) if "l2" in knobs else (lambda x: lab.total_variation(x - start)[0].sum())
    assert cost(nearer) < 0.7 * cost(far)


def test_a_ball_holds_the_change(lab):
    start = torch.full((2, 3, 64, 64), 0.5)
    objective = lab.log_odds(models.load("zoonet_robust"), torch.tensor([2, 3]))
    drawn = lab.ascend(start, objective, steps=6, size=0.05, radius=3.0, jitter=2)
    assert ((drawn - start).flatten(1).norm(dim=1) <= 3.0 + 1e-4).all()
    assert (objective(drawn) > objective(start)).all()
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_blur_takes_fine_power(lab):
    start = torch.full((1, 3, 64, 64), 0.5)
    objective = lab.class_score(models.load("zoonet"), torch.tensor([0]))
    plain, blurred = (lab.ascend(start, objective, steps=6, size=0.05, blur=blur) - start for blur in (0.0, 1.0))
    assert lab.radial_power(blurred)[0, 15:].sum() < 0.3 * lab.radial_power(plain)[0, 15:].sum()


def test_log_odds_are_those_of_the_softmax(lab, pictures):
    net, own = models.small_cnn(0, (6, 8), 16, 8), torch.tensor([1, 0, 7])
    p = net(pictures).softmax(dim=1)[torch.arange(3), own]
    assert torch.allclose(lab.log_odds(net, own)(pictures), torch.log(p / (1 - p)))


def test_jitter_of_a_pointwise_step_changes_nothing(lab, pictures):
    assert torch.equal(lab.jittered(lambda x: x**2, pictures, 5, -7), pictures**2)


# Channels, spectrum, dreams

@pytest.mark.parametrize("layer, form", [("conv1", "sum"), ("relu1", "squares"), ("pool1", (2, 5))])
def test_channels_by_a_hook(lab, pictures, layer, form):
    net, kept = models.small_cnn(4, (6, 8), 16, 4), []
    hook = getattr(net.features, layer).register_forward_hook(lambda module, x, z: kept.append(z))
    net(pictures)
    hook.remove()
    z = kept[0][:, 3]
    expected = {"sum": z.sum(dim=(1, 2)), "squares": (z**2).sum(dim=(1, 2))}.get(form, z[:, 2, 5])
    assert torch.allclose(lab.channel_objective(net, layer, 3, form)(pictures), expected)


@pytest.mark.parametrize("cycles", [2, 9, 25])
def test_a_wave_has_its_power_in_its_ring(lab, cycles):
    wave = torch.sin(2 * np.pi * cycles * torch.arange(64) / 64).expand(1, 3, 64, 64)
    power = lab.radial_power(0.5 + 0.2 * wave)[0]
    assert abs(int(power.argmax()) + 1 - cycles) <= 1 and power.sum() == pytest.approx(1)


def test_dreams_raise_the_layer_and_keep_the_shape(lab):
    layers, x = models.load("zoonet").features[:5], torch.rand((1, 3, 72, 72), generator=torch.Generator().manual_seed(0))
    dreamt = lab.dream(layers, x, octaves=2, steps=3)
    assert dreamt.shape == x.shape and dreamt.min() >= 0 and dreamt.max() <= 1
    assert layers(dreamt).norm() > layers(x).norm()


# The networks

def test_animals_face_right():
    animals = zoo.load(60, seed=5, cache=False)
    turned = robust_recipes.facing_right(animals)
    same = (turned == animals.pictures).all(axis=(1, 2, 3))
    mirrored = (turned == animals.pictures[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | mirrored).all() and 15 < same.sum() < 45


def test_changes_stay_in_their_ball_and_raise_the_loss():
    net, x, labels = models.load("zoonet"), torch.rand((6, 3, 64, 64), generator=torch.Generator().manual_seed(0)), torch.arange(6)
    change = robust_recipes.worst_nearby(net, x, labels, 0.5, torch.Generator().manual_seed(1), steps=3)
    assert (change.flatten(1).norm(dim=1) <= 0.5 + 1e-5).all()
    assert (x + change).min() >= 0 and (x + change).max() <= 1
    loss = torch.nn.functional.cross_entropy
    assert loss(net(x + change), labels) > loss(net(x), labels) + 0.1


def test_robust_recipe_trains(monkeypatch, tmp_path):
    from course_utils.models import checkpoints, recipes

    monkeypatch.setattr(checkpoints, "folder", lambda: tmp_path)
    monkeypatch.setattr(robust_recipes, "TEST_PICTURES", 16)
    for name, start in (("first", None), ("second", "first")):
        monkeypatch.setitem(recipes.RECIPES, name, robust_recipes.RobustRecipe("A try.", pictures=32, epochs=1, start=start))
        facts = recipes.train(name, progress=False)
        assert facts["parameters"] < 300_000 and 0 <= facts["accuracy_against_changes"] <= facts["accuracy"] + 0.2
    assert not torch.equal(models.load("first").features.conv1.weight, models.load("second").features.conv1.weight)


# The touch

def test_knobs_draw_over_their_whole_range():
    settings = sweep(class_model_knobs.controls())
    assert len(settings) > 60
    for setting in settings[::5]:
        assert setting["animal"] in alternative_text(class_model_knobs.draw(**setting))
    assert png(class_model_knobs.draw()) != png(class_model_knobs.draw(network="plain"))
    with pytest.raises(ValueError, match="plain, robust"):
        class_model_knobs.draw(network="none")


def test_strong_penalties_draw_less():
    free, held = (class_model_knobs.climbed("seal", "robust", variation, 0, 0)[0] for variation in (0, 5))
    empty = class_model_knobs.scene()[0].permute(1, 2, 0).numpy()
    assert np.abs(held - empty).sum() < 0.6 * np.abs(free - empty).sum()
