"""Lab 08: the definitions of the solved notebook, called as a student would, and the occluder over its whole range."""
import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from course_utils import models
from course_utils.exercises import lab08_boxes, lab08_grad_cam, lab08_occlusion, solved
from course_utils.exercises.judge import judge
from course_utils.exercises.lab08_boxes import flood_fill
from course_utils.plots.style import alternative_text, png
from course_utils.widgets import occluder
from course_utils.widgets.controls import sweep

GREY = torch.full((3, 1, 1), 0.5, dtype=torch.float64)


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("08")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def picture():
    return torch.from_numpy(np.random.default_rng(0).uniform(size=(3, 24, 24)))


def net(seed=0, head="pool", channels=(6, 8, 5)):
    return models.small_cnn(seed, channels, 24, 4, head)


# Occlusion

@pytest.mark.parametrize("window, stride", [(4, 4), (8, 4), (12, 6)])
def test_drops_spread_to_pixels_are_captums_occlusion(lab, picture, window, stride):
    from captum.attr import Occlusion

    model = net()
    map_ = lab.occlusion_map(model, picture, 2, window, stride, GREY, 5)
    before = model(picture[None]).softmax(1)[0, 2].item()
    captum = Occlusion(lambda x: model(x).softmax(1)).attribute(
        picture[None], (3, window, window), (3, stride, stride), baselines=0.5, target=2)
    assert np.allclose(lab.to_pixels(before - map_[None], window, stride)[0], captum[0, 0].numpy(), atol=1e-12)


def test_a_square_of_the_picture_itself_changes_nothing(lab, picture):
    model = net()
    assert np.allclose(lab.occlusion_map(model, picture, 1, 6, 3, picture, 8), model(picture[None]).softmax(1)[0, 1].item())


@pytest.mark.parametrize("window, stride", [(4, 4), (5, 4), (8, 8), (12, 4), (24, 4)])
@pytest.mark.parametrize("batch", [3, 256])
def test_the_local_map_is_the_whole_map(lab, picture, window, stride, batch):
    model = net(seed=window)
    fill = torch.from_numpy(np.random.default_rng(1).uniform(size=(3, 24, 24)))
    whole = lab.occlusion_map(model, picture, 3, window, stride, fill, 16)
    assert np.allclose(lab.local_occlusion_map(model, picture, 3, window, stride, fill, batch), whole, atol=1e-12)


def test_the_local_map_on_the_courses_network(lab):
    model = models.load("zoonet")
    picture = torch.from_numpy(np.random.default_rng(0).uniform(size=(3, 64, 64)).astype(np.float32))
    whole = lab.occlusion_map(model, picture, 0, 12, 4, lab.GREY, 16)
    assert np.allclose(lab.local_occlusion_map(model, picture, 0, 12, 4, lab.GREY), whole, atol=1e-5)


def test_patches_hold_zeros_outside(lab):
    kept = torch.arange(1.0, 13.0).reshape(1, 1, 3, 4)
    cut = lab.patches(kept, torch.tensor([[-1, -1], [1, 2]]), 2)[:, 0]
    assert cut.tolist() == [[[0, 0], [0, 1]], [[7, 8], [11, 12]]]


@pytest.mark.parametrize("first", (True, False), ids=("asked first", "asked last"))
def test_a_drop_is_called_one_whenever_the_uncovered_picture_is_asked_about(lab, first):
    def drop(model, picture, label, *rest):
        before = model(picture[None]).softmax(1)[0, label].item() if first else None
        map_ = lab.occlusion_map(model, picture, label, *rest)
        return (before if first else model(picture[None]).softmax(1)[0, label].item()) - map_

    assert judge(lab08_occlusion.EXERCISE, drop, 0).misconception == "drop instead of probability"


# Maps

def test_cam_adds_up_and_grad_cam_is_its_positive_part(lab, picture):
    model, labels = net(), torch.tensor([3, 0])
    pictures = torch.stack([picture, picture.flip(2)])
    features = model.features(pictures)
    cam = lab.class_activation_map(features, model.classifier, labels)
    scores = model(pictures)[torch.arange(2), labels]
    assert torch.allclose(cam.mean((1, 2)) + model.classifier.bias[labels], scores)
    top = nn.Sequential(model.pool, nn.Flatten(), model.classifier)
    assert torch.allclose(lab.grad_cam(model.features, top, pictures, labels) * cam[0].numel(), cam.relu())
    assert torch.allclose(lab.hires_cam(model.features, top, pictures, labels) * cam[0].numel(), cam.relu())


def test_grad_cam_of_one_picture_is_that_of_the_batch(lab, picture):
    model, labels = net(head="dense"), torch.tensor([3, 0])
    pictures = torch.stack([picture, picture.flip(2)])
    top = nn.Sequential(nn.Flatten(), model.classifier)
    both = lab.grad_cam(model.features, top, pictures, labels)
    assert torch.allclose(both[1:], lab.grad_cam(model.features, top, pictures[1:], labels[1:]))
    assert not both.requires_grad


def test_a_grad_cam_with_its_graph_is_told_of_it_and_not_of_its_numbers():
    def attached(body, head, pictures, labels):
        maps = body(pictures).requires_grad_()
        slopes, = torch.autograd.grad(head(maps)[torch.arange(len(labels)), labels].sum(), maps)
        return (slopes.mean((2, 3), keepdim=True) * maps).sum(1).relu()

    verdict = judge(lab08_grad_cam.EXERCISE, attached, 0)
    assert not verdict.right and verdict.law == "detached" and verdict.misconception is None


@pytest.mark.parametrize("seed", range(8))
def test_grad_cam_of_the_first_label_for_all_is_wrong(lab, seed):
    assert not judge(lab08_grad_cam.EXERCISE, lambda body, head, pictures, labels: lab.grad_cam(body, head, pictures, labels[:1].expand_as(labels)),
                     seed).right


def test_enlarged_maps_keep_the_middle_of_a_place(lab):
    spots = np.zeros((2, 4, 4))
    spots[0, 1, 2] = spots[1, 2, 1] = 1
    for spot, large in zip(spots, lab.enlarge(spots, 32)):
        rows, columns = np.nonzero(large == large.max())
        assert [rows.mean(), columns.mean()] == [8 * place + 3.5 for place in np.argwhere(spot)[0]]


# Boxes

@pytest.mark.parametrize("seed", range(25))
def test_boxes_of_noise_go_round_a_largest_region(lab, seed):
    heat = np.random.default_rng(seed).integers(-5, 6, size=(9, 12)).astype(float)
    regions, count = ndimage.label(heat >= 0.5 * heat.max())
    sizes = [(regions == k).sum() for k in range(1, count + 1)]
    largest = [flood_fill((regions == k).astype(float), 0.5) for k in range(1, count + 1) if sizes[k - 1] == max(sizes)]
    given = lab.box_from_map(heat, 0.5)
    assert given in largest and all(isinstance(end, int) for end in given)


def test_box_of_a_rectangle_is_its_slices(lab):
    heat = np.full((10, 10), -1.0)
    heat[2:5, 3:9] = 1.0
    assert lab.box_from_map(heat, 0.7) == (2, 3, 5, 9)
    assert lab.box_from_map(-np.ones((4, 4)), 0.5) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", (
    lambda heat, regions, k: np.prod([np.ptp(places) + 1 for places in np.nonzero(regions == k)]),
    lambda heat, regions, k: heat[regions == k].sum(),
    lambda heat, regions, k: heat[regions == k].mean(),
    lambda heat, regions, k: k,
), ids=("box", "sum", "mean", "number"))
def test_a_region_that_is_largest_in_another_sense_is_not_taken_for_the_largest(size):
    def box_from_map(heat, share):
        if heat.max() <= 0:
            return 0, 0, 0, 0
        regions, count = ndimage.label(heat >= share * heat.max())
        largest = max(range(1, count + 1), key=lambda k: size(heat, regions, k))
        rows, columns = ndimage.find_objects(regions)[largest - 1]
        return rows.start, columns.start, rows.stop, columns.stop

    for seed in range(8):
        verdict = judge(lab08_boxes.EXERCISE, box_from_map, seed)
        assert not verdict.right and verdict.misconception in (None, "region of the peak")


# The pooling head

def test_pooling_head_without_a_penalty_finds_a_linear_truth(lab):
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(50, 6, 3, 3)))
    weight, bias = torch.from_numpy(rng.normal(size=(4, 6))), torch.from_numpy(rng.normal(size=4))
    found = lab.pooling_head(features, features.mean((2, 3)) @ weight.T + bias, 0.0)
    assert torch.allclose(found[0], weight) and torch.allclose(found[1], bias)


# The touch

@pytest.mark.slow
def test_occluder_draws_over_its_whole_range():
    controls = occluder.explore().declared
    settings = sweep(controls)
    assert len(settings) > 150
    for setting in settings[::3]:
        figure = occluder.draw(**setting)
        assert setting["animal"] in alternative_text(figure)
    assert png(occluder.draw()) != png(occluder.draw(row=60))


def test_occluder_hides_what_it_says():
    picture, square = occluder.hide("goat", 0, 63, 10, "black")
    assert square == (0, 58, 5, 64)
    assert (picture[0:5, 58:64] == 0).all()
    untouched = occluder.scene("goat")[0]
    assert (picture[5:] == untouched[5:]).all() and (picture[:, :58] == untouched[:, :58]).all()
    for colour in occluder.COLOURS:
        assert occluder.paint("goat", colour).shape == untouched.shape


def test_occluder_turns_the_camel_into_a_llama():
    from course_utils.datasets import zoo

    now = occluder.probabilities(occluder.hide("camel", 25, 37, 16, "grey")[0])
    assert occluder.untouched("camel").argmax() == zoo.SPECIES.index("camel")
    assert now.argmax() == zoo.SPECIES.index("llama")
