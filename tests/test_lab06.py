"""Lab 06: the definitions of the solved notebook, called as a student would, and the brush over its whole range."""
import numpy as np
import pytest
import torch

from course_utils.datasets import zoo
from course_utils.exercises import lab06, solved
from course_utils.exercises.judge import judge
from course_utils.models import small_cnn
from course_utils.plots.style import alternative_text
from course_utils.widgets import saliency_brush as brush


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("06")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def asked():
    """A small network, four pictures and the class to explain for each."""
    rng = np.random.default_rng(0)
    return small_cnn(3, size=8, head="dense"), torch.from_numpy(rng.random((4, 3, 8, 8))), torch.tensor([2, 0, 3, 1])


class Linear(torch.nn.Module):
    """Scores w_c · I + b_c of pictures (n, 3, 8, 8) in float64, whose weights the tests know."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(1)
        self.weights, self.bias = torch.from_numpy(rng.normal(size=(4, 3, 8, 8))), torch.from_numpy(rng.normal(size=4))

    def forward(self, x):
        return torch.einsum("ncyx,kcyx->nk", x, self.weights) + self.bias


# Saliency

def test_saliency_of_a_linear_model_is_its_weights(lab, asked):
    _, pictures, labels = asked
    assert torch.equal(lab.saliency(Linear(), pictures, labels), Linear().weights[labels])


def test_a_picture_is_explained_alike_alone_and_in_a_batch(lab, asked):
    model, pictures, labels = asked
    together = lab.saliency(model, pictures, labels)
    alone = torch.cat([lab.saliency(model, pictures[k : k + 1], labels[k : k + 1]) for k in range(4)])
    assert torch.allclose(together, alone, atol=1e-12)


def test_saliency_leaves_pictures_and_weights_as_they_were(lab, asked):
    model, pictures, labels = asked
    before = pictures.clone(), [parameter.clone() for parameter in model.parameters()]
    answer = lab.saliency(model, pictures, labels)
    assert torch.equal(pictures, before[0]) and not pictures.requires_grad and pictures.grad is None
    assert all(torch.equal(now, then) and now.grad is None for now, then in zip(model.parameters(), before[1]))
    assert not answer.requires_grad


def test_saliency_takes_any_function_of_pictures(lab, asked):
    model, pictures, labels = asked
    turned = lab.saliency(lambda x: model(1 - x), 1 - pictures, labels)
    assert torch.allclose(turned, -lab.saliency(model, pictures, labels), atol=1e-12)


def test_the_linear_model_touches_the_network_and_is_exact_for_a_linear_one(lab, asked):
    model, pictures, labels = asked
    weights, bias = lab.linear_model(model, pictures, labels)
    scores = model(pictures)[torch.arange(4), labels]
    assert torch.allclose((weights * pictures).sum(dim=(1, 2, 3)) + bias, scores)
    weights, bias = lab.linear_model(Linear(), pictures, labels)
    assert torch.allclose(bias, Linear().bias[labels]) and not bias.requires_grad


@pytest.mark.parametrize("function", (
    lambda model, pictures, labels: torch.autograd.grad(model(pictures.requires_grad_())[torch.arange(len(labels)), labels].sum(), pictures)[0],
    lambda model, pictures, labels: (model(pictures.requires_grad_()).gather(1, labels[:, None]).sum().backward(), pictures.grad)[1],
), ids=("autograd.grad", "backward"))
def test_a_saliency_that_marks_the_callers_pictures_is_told_so(function):
    assert judge(lab06.SALIENCY, function, 0).misconception == "the caller's pictures"


def test_a_linear_model_with_its_graph_is_told_of_it_and_not_of_its_numbers(lab):
    def attached(model, pictures, labels):
        weights = lab.saliency(model, pictures, labels)
        return weights, model(pictures.clone().requires_grad_())[torch.arange(len(labels)), labels] - (weights * pictures).sum(dim=(1, 2, 3))

    verdict = judge(lab06.LINEAR_MODEL, attached, 0)
    assert not verdict.right and verdict.law == "detached" and verdict.misconception is None


# Task 4.1

def test_task_4_1_on_two_pixels_by_hand(lab):
    gradient = np.zeros((1, 3, 1, 3))
    gradient[0, :, 0, 0] = [1.0, -2.0, 2.0]  # squares add up to 9: the peak
    gradient[0, :, 0, 1] = [0.0, -1.5, 1.5]  # 4.5: half of it
    assert np.allclose(lab.sensitivity_heatmap(gradient), [[[1.0, 0.75, 0.5]]])


def test_task_4_1_does_not_depend_on_scale_or_neighbours(lab):
    gradient = np.random.default_rng(2).normal(size=(3, 3, 5, 5))
    heat = lab.sensitivity_heatmap(gradient)
    assert np.allclose(heat, lab.sensitivity_heatmap(gradient * np.array([1e-9, 5.0, -3.0])[:, None, None, None]))
    assert np.allclose(heat[1:2], lab.sensitivity_heatmap(gradient[1:2]))
    assert (lab.sensitivity_heatmap(np.zeros((2, 3, 4, 4))) == 0.5).all()


# Gradient times input, SmoothGrad, masks

def test_contributions_add_up_to_the_score_but_for_the_bias(lab, asked):
    _, pictures, labels = asked
    total = lab.gradient_times_input(Linear(), pictures, labels).sum(dim=(1, 2))
    assert torch.allclose(total + Linear().bias[labels], Linear()(pictures)[torch.arange(4), labels])


def test_smoothgrad_without_noise_is_the_gradient_and_noise_does_nothing_to_a_linear_model(lab, asked):
    model, pictures, labels = asked
    assert torch.allclose(lab.smoothgrad(model, pictures, labels, torch.zeros(3, *pictures.shape, dtype=torch.float64)),
                          lab.saliency(model, pictures, labels), atol=1e-12)
    noise = torch.from_numpy(np.random.default_rng(3).normal(size=(5, *pictures.shape)))
    assert torch.allclose(lab.smoothgrad(Linear(), pictures, labels, noise), Linear().weights[labels])


def test_noise_comes_from_its_seed_alone(lab):
    like = torch.zeros(2, 3, 4, 4)
    state = torch.random.get_rng_state()
    assert torch.equal(lab.gaussian(like, 0.1, 3, seed=4), lab.gaussian(like, 0.1, 3, seed=4))
    assert not torch.equal(lab.gaussian(like, 0.1, 3, seed=4), lab.gaussian(like, 0.1, 3, seed=5))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("share", (0.02, 0.1, 0.5, 0.9))
def test_a_mask_has_the_size_that_was_asked_for(lab, share):
    maps = np.random.default_rng(4).normal(size=(3, 10, 15))
    masks = lab.mask_from_map(maps, share)
    assert masks.dtype == bool and (masks.sum(axis=(1, 2)) == round(share * 150)).all()
    assert all(one[mask].min() > one[~mask].max() for one, mask in zip(maps, masks))


def test_correlation_of_maps_is_numpys(lab):
    one, other = torch.from_numpy(np.random.default_rng(5).normal(size=(2, 3, 6, 6)))
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one.numpy(), other.numpy())]
    assert np.allclose(lab.correlation(one, other), expected)


# The brush

def test_one_pixel_and_the_edges_of_the_picture():
    picture, _, slope = brush.scene("goat")
    one = brush.paint(picture, slope, 10, 20, 1, "white")
    assert np.argwhere((one != picture).any(axis=0)).tolist() == [[20, 10]]
    corner = brush.paint(picture, slope, 0, 63, 7, "red")
    assert {tuple(place) for place in np.argwhere((corner != picture).any(axis=0))} <= {(y, x) for y in range(60, 64) for x in range(4)}
    assert brush.scene("goat")[0] is picture  # painted on a copy


def test_uphill_follows_the_slope_and_downhill_goes_against_it():
    picture, scores, slope = brush.scene("seal")
    for colour, way in (("uphill", 1), ("downhill", -1)):
        step = brush.paint(picture, slope, 32, 32, 9, colour) - picture
        assert 0 < way * (slope * step).sum() and np.abs(step).max() <= brush.NUDGE + 1e-6
        assert np.count_nonzero(step.any(axis=0)) <= 81


def test_the_diamond_is_the_linear_model_of_the_lab(lab):
    picture, scores, slope = brush.scene("camel")
    label = torch.tensor([zoo.SPECIES.index("camel")])
    weights, bias = lab.linear_model(brush.network(), torch.from_numpy(picture)[None], label)
    painted = brush.paint(picture, slope, 30, 30, 5, "red")
    linear = float((weights[0] * torch.from_numpy(painted)).sum() + bias)
    assert f"the linear model predicts {linear:.2f}" in alternative_text(brush.draw("camel", 30, 30, 5, "red"))


def test_a_colour_that_is_none_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no colour 'pink'; choose one of grey"):
        brush.draw("hare", 1, 1, 3, "pink")


def test_the_brush_moves_what_it_shows():
    made = brush.explore()
    before = made.image.value, made.image.alt
    made.controls["x"].value, made.controls["colour"].value = 30, "black"
    assert made.image.value != before[0] and "black square" in made.image.alt != before[1]
