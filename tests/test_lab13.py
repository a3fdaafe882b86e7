"""Lab 13: the definitions of the solved notebook, called as a student would, and the browser of filters over its range."""
import numpy as np
import pytest
import torch
from torch import nn

from course_utils import models
from course_utils.datasets import endless
from course_utils.exercises import solved
from course_utils.exercises.lab13_deconvnet import plain_stack
from course_utils.plots import patches
from course_utils.plots.style import alternative_text
from course_utils.widgets import filter_browser as browser
from course_utils.widgets.controls import sweep
from course_utils.widgets.raster import picture as png_of


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("13")
    return solved.definitions(path, path.stat().st_mtime_ns)


# The search

def test_pictures_come_back_by_their_numbers():
    together, alone = endless.album([3, 10_071]), endless.album([10_071])
    assert (together.pictures[1] == alone.pictures[0]).all()
    assert together.labels.tolist() == [3, 10_071 % 8]


def test_top_of_stream_equals_a_sort_of_everything(lab):
    scores = np.random.default_rng(0).normal(size=(50, 7))
    batches = ((np.arange(k, min(k + 6, 50)), scores[k : k + 6]) for k in range(0, 50, 6))
    numbers, best = lab.top_of_stream(batches, 5)
    assert (best == np.sort(scores, axis=0)[::-1][:5].T).all()
    assert (scores[numbers, np.arange(7)[:, None]] == best).all()


def test_peaks_are_the_maxima_of_the_maps(lab):
    network, pictures = models.load("zoonet"), models.as_input(endless.album(range(5)).pictures)
    maps, found = pictures, []
    for layer in network.features:
        maps = layer(maps)
        if isinstance(layer, nn.ReLU):
            found.append(maps.amax(dim=(2, 3)))
    assert np.allclose(lab.peaks(network.features, pictures), torch.cat(found, dim=1), atol=1e-4)


# Receptive fields

@pytest.mark.parametrize("layers, expected", [
    ([], (1, 1, 0)),
    ([(3, 1, 1)], (3, 1, -1)),
    ([(3, 1, 1), (2, 2, 0), (3, 1, 1), (2, 2, 0), (3, 1, 1)], (18, 4, -7)),
    ([(7, 2, 3), (3, 2, 1)], (11, 4, -5)),
])
def test_receptive_fields_by_hand(lab, layers, expected):
    assert lab.receptive_field(layers) == expected


def test_the_browser_knows_the_fields(lab):
    layers = list(models.load("zoonet").features)
    for about in browser.LAYERS.values():
        assert lab.receptive_field(lab.windows_of(layers[: about.depth])) == (about.size, about.jump, about.start)
    assert sum(about.filters for about in browser.LAYERS.values()) == 240


# Rules, switches, the pass

def test_rules_on_the_numbers_of_the_slide(lab):
    entered = torch.tensor([1.0, -2, 3, -4, 0])
    arriving = torch.tensor([-2.0, 1, -31, -3, 5])
    expected = {"backward": [-2, 0, -31, 0, 0], "deconvnet": [0, 1, 0, 0, 5], "guided": [0, 0, 0, 0, 0]}
    assert {rule: lab.pass_back(entered, arriving, rule).tolist() for rule in expected} == expected


def test_unpooling_is_the_gradient_of_pooling(lab):
    maps = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
    values, switches = nn.functional.max_pool2d(maps, 3, 2, return_indices=True)
    arriving = torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    slope = torch.autograd.grad((values * arriving).sum(), maps)[0]
    assert torch.allclose(lab.unpool(arriving, switches, (7, 9)), slope, atol=1e-6)


def test_the_backward_rule_gives_the_gradient_and_stays_inside_the_field(lab):
    layers = plain_stack(4, [[5, 3, 1, 1, True], [6, 3, 1, 1, False]])
    pictures = torch.from_numpy(np.random.default_rng(2).random((2, 3, 16, 16))).requires_grad_()
    filters = torch.tensor([0, 3])
    peak = layers(pictures)[torch.arange(2), filters].flatten(1).amax(dim=1)
    slope = torch.autograd.grad((peak**2 / 2).sum(), pictures)[0]
    back = lab.deconvnet(layers, pictures.detach(), filters, "backward")
    assert torch.allclose(back, slope) and not back.requires_grad
    size = lab.receptive_field(lab.windows_of(layers))[0]
    for one in lab.deconvnet(layers, pictures.detach(), filters):
        assert all(np.ptp(np.flatnonzero(one.numpy().any(axis=axes))) < size for axes in ((0, 1), (0, 2)))


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "backward"])
@pytest.mark.parametrize("seed", range(3))
def test_the_local_pass_is_the_whole_pass_also_at_borders(lab, rule, seed):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
                           nn.Conv2d(8, 7, 1), nn.ReLU()).requires_grad_(False)
    pictures, filters = torch.rand(12, 3, 26, 22), torch.arange(12) % 7      # odd maps; small, so that many units stand at a border
    whole = lab.deconvnet(layers, pictures, filters, rule)
    assert torch.allclose(lab.local_deconvnet(layers, pictures, filters, rule), whole, atol=1e-5 * float(whole.abs().max())) and whole.any()


def test_auc_and_top_share(lab):
    scores, positive = np.array([1.0, 2, 3, 4]), np.array([False, False, True, True])
    assert lab.auc(scores, positive) == 1 and lab.auc(-scores, positive) == 0 and lab.auc(np.ones(4), positive) == 0.5
    assert lab.top_share(scores, positive) == 1 and lab.top_share(np.array([1.0, 4, 2, 3]), positive) == 0.5


# Patches

def test_crops_reach_over_the_border():
    pictures = np.arange(2 * 4 * 4 * 3, dtype=float).reshape(2, 4, 4, 3)
    cut = patches.crops(pictures, np.array([[-1, 2], [1, 1]]), 3, fill=-5)
    assert (cut[1] == pictures[1, 1:4, 1:4]).all()
    assert (cut[0, 0] == -5).all() and (cut[0, :, 2] == -5).all() and (cut[0, 1:, :2] == pictures[0, :2, 2:]).all()


def test_mosaics_and_grey():
    assert patches.mosaic(np.zeros((7, 4, 4, 3)), columns=3, gap=1).shape == (14, 14, 3)
    assert patches.mosaic(np.zeros((2, 4, 4, 3)), columns=2, gap=0).shape == (4, 8, 3)
    grey = patches.about_grey(np.stack([np.zeros((3, 3, 3)), -np.ones((3, 3, 3))]))
    assert (grey[0] == 0.5).all() and (grey[1] == 0).all()


# The browser

def test_the_browser_shows_the_winners_it_is_given():
    winners = np.arange(240 * 9).reshape(240, 9) % 80 * 8 + 3  # tortoises only
    assert "Species of most of the nine: tortoise, 9 times" in alternative_text(browser.draw("conv3", 5, "guided", winners))
    with pytest.raises(ValueError, match="no rule 'magic'; choose one of deconvnet"):
        browser.draw("conv3", 5, "magic", winners)
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        browser.draw("conv9", 5, "guided", winners)


def test_the_browsers_way_back_is_the_labs(lab):
    pictures = (8, 17, 26, 35, 44, 53, 62, 71, 80)
    back = browser.reconstructions("conv4", 40, "deconvnet", pictures)
    _, x, corners = browser.seen("conv4", 40, pictures)
    ours = lab.deconvnet(models.load("zoonet").features, x, torch.full((9,), 40)).permute(0, 2, 3, 1).numpy()
    ours = patches.about_grey(patches.crops(ours, corners, 18, fill=0.0))
    assert np.allclose(back, ours, atol=1e-3)


def test_the_browser_moves_what_it_shows():
    made = browser.explore(np.tile(np.arange(9), (240, 1)))
    before = made.image.value
    made.controls["rule"].value = "gradient"
    assert made.image.value != before and "rule gradient" in made.image.alt


@pytest.mark.slow
def test_the_browser_draws_over_its_whole_range():
    for setting in sweep(browser.controls()):
        figure = browser.draw(**setting)
        assert png_of(figure)[:4] == b"\x89PNG" and setting["layer"] in alternative_text(figure)
