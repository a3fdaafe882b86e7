"""Lab 02: the definitions of the solved notebook, called as a student would; contact sheets, the live sheet, and the walk."""
import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import models
from course_utils.adversarial import Players
from course_utils.datasets import glyphs
from course_utils.exercises import registry, solved
from course_utils.exercises.judge import judge
from course_utils.plots import sheets
from course_utils.plots.style import alternative_text
from course_utils.widgets import latent_walk as walk
from course_utils.widgets import live


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("02")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture
def pair():
    """A generator of one number and a discriminator of one weight, small enough for pencil and paper."""
    generator, discriminator = nn.Linear(1, 1).double(), nn.Sequential(nn.Linear(1, 1), nn.Flatten(0)).double()
    with torch.no_grad():
        for network, weight, bias in ((generator, 2.0, 0.0), (discriminator[0], 1.0, 0.0)):
            network.weight.fill_(weight)
            network.bias.fill_(bias)
    return Players(generator, discriminator, torch.optim.SGD(generator.parameters(), 1.0), torch.optim.SGD(discriminator.parameters(), 1.0))


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


# Losses

def test_losses_by_hand(lab):
    real, fake = torch.tensor([math.log(3.0)]), torch.tensor([-math.log(3.0)])  # D = 3/4 and 1/4
    assert float(lab.discriminator_loss(real, fake)) == pytest.approx(-math.log(0.75))
    minimax, other = lab.generator_losses(fake)
    assert float(minimax) == pytest.approx(math.log(0.75) / 2) and float(other) == pytest.approx(-math.log(0.25) / 2)


def test_the_game_is_zero_sum_up_to_the_part_that_the_generator_cannot_change(lab):
    real, fake = torch.randn(2, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    total = lab.discriminator_loss(real, fake) + lab.generator_losses(fake)[0]
    assert torch.allclose(total, torch.nn.functional.softplus(-real).mean() / 2)


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
def test_losses_and_slopes_are_right_for_sure_logits(lab, dtype):
    logits = torch.tensor([100.0, -100.0], dtype=dtype, requires_grad=True)
    loss = lab.discriminator_loss(logits, -logits)
    assert loss.item() == pytest.approx(50.0)
    assert torch.autograd.grad(loss, logits)[0].tolist() == pytest.approx([0.0, -0.5])


def test_slopes_of_the_exercise_are_those_of_the_losses(lab):
    logits = np.linspace(-15, 15, 31)
    for which, slopes in enumerate(lab.logit_slopes(logits)):
        a = torch.from_numpy(logits).requires_grad_()
        assert np.allclose(torch.autograd.grad(lab.generator_losses(a)[which], a)[0] * len(logits), slopes)


# The generator

def test_the_lab_plans_the_generator_that_ships(lab):
    from course_utils.models.glyph_networks import PLAN

    assert lab.PLAN == PLAN
    torch.manual_seed(1)
    built = lab.build_generator(100, PLAN).eval()
    shipped = models.dcgan_generator()
    shipped.load_state_dict(dict(zip(shipped.state_dict(), built.state_dict().values(), strict=True)))
    z = torch.randn(3, 100, 1, 1)
    with torch.no_grad():
        pictures = built(z)
        assert pictures.shape == (3, 1, 28, 28) and torch.equal(shipped.eval()(z), pictures)
    assert 0 <= float(pictures.min()) and float(pictures.max()) <= 1


def test_new_players_come_from_their_seed_and_leave_the_global_generator_alone(lab):
    state = torch.random.get_rng_state()
    one, same, other = (lab.new_players(seed).generator[0].weight for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.std().item() == pytest.approx(0.02, rel=0.1)


# Steps

def test_a_step_of_the_discriminator_by_hand(lab, pair):
    loss = lab.discriminator_step(pair, column(0.0), column(0.0))  # both pictures are 0, both logits 0
    assert loss == pytest.approx(math.log(2))
    assert pair.discriminator[0].weight.item() == 1.0 and pair.discriminator[0].bias.item() == pytest.approx(0.0)
    lab.discriminator_step(pair, column(1.0), column(0.0))  # real 1, fake 0: the weight rises by half of 1 - σ(1)
    assert pair.discriminator[0].weight.item() == pytest.approx(1 + 0.5 / (1 + math.e))
    assert pair.generator.weight.item() == 2.0 and pair.generator.weight.grad is None


def test_a_step_of_the_generator_by_hand(lab, pair):
    loss = lab.generator_step(pair, column(0.0))  # logit 0: slope -1/4 in the logit, and so in the bias
    assert loss == pytest.approx(math.log(2) / 2) and pair.generator.bias.item() == pytest.approx(0.25)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in pair.discriminator.parameters())


def test_algorithm_1_moves_the_discriminator_k_times_as_often(lab):
    counts = {"d": 0, "g": 0}

    def counted(which, step):
        def run(*args):
            counts[which] += 1
            return step(*args)
        return run

    play = lab.play
    names = play.__globals__
    before = names["discriminator_step"], names["generator_step"]
    names["discriminator_step"], names["generator_step"] = counted("d", before[0]), counted("g", before[1])
    try:
        record = play(lab.new_players(0), torch.rand(20, 1, 28, 28), steps=3, k=4, batch=4)
    finally:
        names["discriminator_step"], names["generator_step"] = before
    assert counts == {"d": 12, "g": 3} and len(record["generator"]) == len(record["discriminator"]) == 3


def test_training_is_the_same_for_a_seed_and_its_records_stand_still(lab):
    pictures = models.as_grey(glyphs.load(100, seed=3, cache=False).pictures)
    watched = torch.randn(4, 100, 1, 1, generator=torch.Generator().manual_seed(0))
    records, players = [], []
    for _ in range(2):
        players.append(lab.new_players(2))
        records.append(lab.play(players[-1], pictures, steps=6, batch=8, seed=1, watch=watched))
    assert records[0]["generator"] == records[1]["generator"] and all(map(math.isfinite, records[0]["generator"]))
    assert records[0]["moments"] == sorted({round(6 * share) for share in (0, 0.05, 0.15, 0.3, 0.6, 1)})
    first, last = records[0]["snapshots"][0], records[0]["snapshots"][-1]
    assert not torch.equal(first, last) and not first.requires_grad


def test_nearest_finds_copies(lab):
    some = models.as_grey(glyphs.load(40, seed=4, cache=False).pictures)
    gap, twin = lab.nearest(some[10:13], some)
    assert twin.tolist() == [10, 11, 12] and float(gap.max()) < 1e-2


# What students write that the declarations do not quote word for word

def loss_in_numpy(real, fake):
    return (np.logaddexp(0, -real.detach().numpy()).mean() + np.logaddexp(0, fake.detach().numpy()).mean()) / 2


def all_pictures_together(real, fake):
    logits, labels = torch.cat([real, fake]), torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    return nn.functional.binary_cross_entropy_with_logits(logits, labels)


def tidied_up_afterwards(players, real, z):
    players.discriminator_optimiser.zero_grad()
    softplus = nn.functional.softplus
    loss = (softplus(-players.discriminator(real)).mean() + softplus(players.discriminator(players.generator(z))).mean()) / 2
    loss.backward()
    players.discriminator_optimiser.step()
    players.generator_optimiser.zero_grad()
    return loss.item()


def detached_before_a_frozen_judge(players, z):
    players.discriminator.requires_grad_(False)
    nn.functional.softplus(-players.discriminator(players.generator(z).detach())).mean().backward()


def discriminator_evaluated(players, z):
    players.discriminator.eval()
    players.generator_optimiser.zero_grad()
    loss = nn.functional.softplus(-players.discriminator(players.generator(z))).mean() / 2
    loss.backward()
    players.generator_optimiser.step()
    return loss.item()


@pytest.mark.parametrize("number, function, name", [
    ("02.1", loss_in_numpy, "a number without its gradient"),
    ("02.1", all_pictures_together, "one mean over both batches"),
    ("02.3", lambda latent, plan: nn.ModuleList([nn.ConvTranspose2d(latent, *row) for row in plan]), "a list for a network"),
    ("02.4", tidied_up_afterwards, "the generator's gradients cleared"),
    ("02.5", detached_before_a_frozen_judge, "no_grad for frozen"),
    ("02.5", discriminator_evaluated, "eval for frozen"),
])
def test_the_judge_recognises(number, function, name):
    exercise = next(one for one in registry.of_lab("02") if one.id == number)
    assert judge(exercise, function, 0).misconception == name


@pytest.mark.parametrize("number", ["02.4", "02.5"])
def test_a_step_returns_a_number_and_no_tensor(lab, number):
    exercise = next(one for one in registry.of_lab("02") if one.id == number)
    step = getattr(lab, exercise.function)
    assert judge(exercise, lambda *args: np.float64(step(*args)), 0).right
    verdict = judge(exercise, lambda *args: torch.tensor(step(*args), dtype=torch.float64), 0)
    assert not verdict.right and verdict.misconception == "tensor for a number"


# The film

def test_both_futures_are_three_pixels_away(lab):
    frame = torch.zeros(1, 1, 14, 14)
    frame[0, 0, 5, 7] = 1
    left, right = lab.futures(frame)
    assert torch.nonzero(left[0, 0]).tolist() == [[5, 4]] and torch.nonzero(right[0, 0]).tolist() == [[5, 10]]


def test_a_perfect_forecast_has_no_distance_and_the_average_is_neither(lab):
    frames = torch.nn.functional.avg_pool2d(models.as_grey(glyphs.load(5, seed=5, cache=False).pictures), 2)
    _, gap, to_left = lab.judged(lambda given: torch.cat([given[:, :1], torch.roll(given[:, :1], -3, dims=3)], dim=1), frames)
    assert np.allclose(gap, 0) and to_left.all()
    _, gap, _ = lab.judged(lambda given: torch.cat([given[:, :1], lab.futures(given[:, :1]).mean(dim=0)], dim=1), frames)
    assert (gap > 0.3).all()


# Contact sheets and the live sheet

def test_tiles_lie_row_by_row():
    pictures = np.stack([np.full((3, 4), value, np.uint8) for value in (10, 20, 30)])
    page = sheets.tiled(pictures, columns=2)
    gap = sheets.GAP
    assert page.shape == (2 * (3 + gap) + gap, 2 * (4 + gap) + gap) and page.dtype == np.uint8
    assert page[gap, gap] == 10 and page[gap, 2 * gap + 4] == 20 and page[2 * gap + 3, gap] == 30
    assert page[0, 0] == 255 and page[2 * gap + 3, 2 * gap + 4] == 255  # the frame, and the place that is left
    assert np.array_equal(sheets.tiled(torch.tensor([[[[0.0, 1.0], [2.0, -1.0]]]]), 1)[gap:-gap, gap:-gap], [[0, 255], [255, 0]])


def test_sheets_are_figures_with_a_description():
    pictures = np.zeros((6, 28, 28), np.uint8)
    assert alternative_text(sheets.sheet(pictures, 3, alt="six")) == "six"
    assert len(sheets.sheets({"a": pictures, "b": pictures, "c": pictures}, 3, across=2, alt="three").axes) == 3
    rows = sheets.labelled_rows([("one", pictures), ("two", pictures)], alt="two rows")
    assert [label.get_text() for label in rows.axes[0].get_yticklabels()] == ["one", "two"]


def test_the_live_sheet_is_silent_without_a_notebook(monkeypatch):
    monkeypatch.setattr("sys.modules", {name: module for name, module in __import__("sys").modules.items() if name != "IPython"})
    with live.LiveSheet(10) as shown:
        assert not shown.due()
        shown.show(1, np.zeros((2, 28, 28)), "nothing")


def test_the_live_sheet_replaces_its_picture_and_leaves_nothing(monkeypatch):
    import IPython
    import IPython.display

    displayed, cleared = [], []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
    monkeypatch.setattr(IPython.display, "display", displayed.append)
    monkeypatch.setattr(IPython.display, "clear_output", lambda: cleared.append(True))
    with live.LiveSheet(10) as shown:
        assert shown.due() and len(displayed) == 1
        shown.show(3, np.zeros((2, 28, 28)), "loss 1")
        first = shown.image.value
        assert first[:4] == b"\x89PNG" and shown.bar.value == 3 and "step 3 of 10, loss 1" in shown.line.value
        assert not shown.due()  # just shown
        shown.show(4, np.ones((2, 28, 28)))
        assert shown.image.value != first and len(displayed) == 1
    assert cleared == [True] and shown.box is None


def test_the_live_sheet_leaves_nothing_after_an_error_either(monkeypatch):
    import IPython
    import IPython.display

    cleared = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
    monkeypatch.setattr(IPython.display, "display", lambda box: None)
    monkeypatch.setattr(IPython.display, "clear_output", lambda: cleared.append(True))
    with pytest.raises(KeyboardInterrupt), live.LiveSheet(10):
        raise KeyboardInterrupt
    assert cleared == [True]


# The walk and the generator that ships

def test_the_generator_that_ships_draws_digits():
    with torch.no_grad():
        drawn = models.load("glyphs_generator")(torch.randn(500, 100, 1, 1, generator=torch.Generator().manual_seed(3)))
    found, card = models.coverage(drawn), models.card("glyphs_generator")
    assert found.covered >= 9 and abs(found.sure - card["accuracy"]) < 0.08
    assert "of its pictures clear" in dict((name, says) for name, _, says in models.verify_checkpoints())["glyphs_generator"]


@pytest.mark.parametrize("path", walk.PATHS)
def test_a_way_starts_and_ends_where_it_should(path):
    points = walk.way(3, 8, path, np.linspace(0, 1, 5))
    assert np.allclose(points[0], walk.end(3)) and np.allclose(points[-1], walk.end(8))
    assert np.allclose(walk.way(4, 4, path, np.linspace(0, 1, 3)), walk.end(4))


def test_only_the_straight_line_cuts_through_the_middle():
    lengths = {path: np.linalg.norm(walk.way(1, 2, path, np.linspace(0, 1, 13)), axis=1) for path in walk.PATHS}
    ends = lengths["straight line"][[0, -1]]
    assert lengths["straight line"].min() < 0.85 * ends.min() and lengths["on the sphere"].min() > 0.95 * ends.min()


def test_the_walk_takes_the_generator_that_was_trained(lab):
    mine = lab.new_players(0).generator
    made = walk.explore(mine)
    before = made.image.value
    made.controls["stop"].value = 0
    assert made.image.value != before and mine.training
    with torch.no_grad():
        shipped = walk.drawn(walk.shipped(), 1, 2, walk.PATHS[0])[0]
    assert not np.allclose(shipped, walk.drawn(mine, 1, 2, walk.PATHS[0])[0])
    expected = copy.deepcopy(mine).eval()(torch.from_numpy(walk.end(1)).float().view(1, 100, 1, 1))
    assert np.allclose(walk.drawn(mine, 1, 2, walk.PATHS[0])[0][0], expected.detach()[0, 0], atol=1e-5)


def test_a_path_that_is_none_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no path 'zigzag'; choose one of"):
        walk.draw(1, 2, 0, "zigzag")
