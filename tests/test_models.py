"""The networks, their checkpoints and twins, and the training loop."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import models, training
from course_utils.datasets import zoo
from course_utils.models import checkpoints, networks, recipes

ZOONETS = ("zoonet", "zoonet_dense")


@pytest.fixture(scope="module")
def unseen():
    return zoo.load(800, seed=31, cache=False)


def _accuracy(model, animals):
    with torch.no_grad():
        logits = torch.cat([model(models.as_input(part)) for part in np.array_split(animals.pictures, 25)])
    return (logits.argmax(1).numpy() == animals.labels).mean()


@pytest.mark.parametrize("name", ZOONETS)
def test_zoonets_know_unseen_pictures(name, unseen):
    assert _accuracy(models.load(name), unseen) >= 0.97


def networks_in(facts):
    return len(facts.get("suspects", ["one"]))


def test_cards_tell_the_truth():
    assert set(models.checkpoint_names()) == set(models.RECIPES)
    for name in models.checkpoint_names():
        facts, model = models.card(name), models.load(name)
        assert facts["parameters"] == sum(p.numel() for p in model.parameters()) <= 300_000 * networks_in(facts)
        assert (checkpoints.folder() / f"{name}.safetensors").stat().st_size < min(1_500_000 * networks_in(facts), 4_000_000)
        if facts["data"]["set"] == "zoo":
            assert facts["class_names"] == list(zoo.SPECIES)
        assert {"data", "seed", "accuracy", "sha256", "rebuild"} <= set(facts)
    assert all(ok for _, ok, _ in models.verify_checkpoints())


@pytest.mark.parametrize("name", ZOONETS)
def test_networks_can_be_explained(name):
    """A module for every use, no normalisation, inputs whose gradient is alone."""
    model = models.load(name)
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert not any("Norm" in type(module).__name__ or isinstance(module, nn.Flatten) for module in model.modules())
    used = []
    hooks = [m.register_forward_hook(lambda m, i, o: used.append(m)) for m in model.modules() if isinstance(m, nn.ReLU)]
    picture = torch.rand(2, 3, 64, 64, requires_grad=True)
    logits = model(picture)
    for hook in hooks:
        hook.remove()
    assert logits.shape == (2, 8)
    assert len(used) == len(set(used)) == len(hooks)
    (gradient,) = torch.autograd.grad(logits.sum(), picture)
    assert gradient.abs().sum() > 0


def test_class_activation_map_finds_the_animal(unseen):
    model, animals = models.load("zoonet"), unseen[:200]
    with torch.no_grad():
        maps = model.features(models.as_input(animals.pictures))
        assert maps.shape[2] >= 8
        weights = model.classifier.weight[animals.labels]
        cams = torch.einsum("nchw,nc->nhw", maps, weights)
        # CAM and the score are one computation
        scores = cams.mean((1, 2)) + model.classifier.bias[animals.labels]
        logits = model(models.as_input(animals.pictures))[range(200), animals.labels]
    assert torch.allclose(scores, logits, atol=1e-4)
    large = nn.functional.interpolate(cams[:, None], size=(64, 64), mode="bilinear").flatten(1)
    hits = animals.masks.reshape(200, -1)[range(200), large.argmax(1)]
    assert hits.mean() > 0.6  # masks cover a tenth of the picture


def test_keras_twins_agree():
    pictures = zoo.draw(list(zoo.SPECIES), range(8)).pictures
    for name in ZOONETS:
        with torch.no_grad():
            expected = models.load(name)(models.as_input(pictures)).numpy()
        got = models.keras_twin(name).predict(pictures.astype(np.float32) / 255, verbose=0)
        assert np.abs(got - expected).max() < 1e-4 and np.abs(expected).max() > 1


def test_as_input():
    pictures = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    got = models.as_input(pictures)
    assert got.shape == (2, 3, 4, 5) and got.dtype == torch.float32
    assert got[1, 2, 3, 4] == pictures[1, 3, 4, 2] / np.float32(255)
    assert torch.equal(models.as_input(pictures[0]), got[:1])
    assert torch.equal(models.as_input(torch.from_numpy(pictures)), got)
    for wrong in (pictures / 255, pictures[..., :2], pictures[0, 0]):
        with pytest.raises(ValueError, match="takes uint8 pictures"):
            models.as_input(wrong)


@pytest.mark.parametrize("head", ["pool", "dense"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_small_cnn_depends_on_its_seed_alone(head, dtype):
    torch.manual_seed(1)
    one = models.small_cnn(3, head=head, dtype=dtype)
    torch.manual_seed(2)
    again, other = models.small_cnn(3, head=head, dtype=dtype), models.small_cnn(4, head=head, dtype=dtype)
    picture = torch.rand(5, 3, 16, 16, dtype=dtype)
    assert one(picture).dtype == dtype and one(picture).shape == (5, 4)
    assert torch.equal(one(picture), again(picture)) and not torch.equal(one(picture), other(picture))


def test_small_cnn_refuses():
    with pytest.raises(ValueError, match="'pool' or 'dense'"):
        models.small_cnn(0, head="conv")
    with pytest.raises(ValueError, match="multiple of 4"):
        models.small_cnn(0, channels=(4, 4, 4), size=18, head="dense")


def test_damaged_and_missing_weights_are_named(tmp_path, monkeypatch):
    for name in ZOONETS:
        for ending in ("json", "safetensors"):
            source = checkpoints.folder() / f"{name}.{ending}"
            (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(checkpoints, "folder", lambda: tmp_path)
    (tmp_path / "zoonet.safetensors").write_bytes(b"x" + (tmp_path / "zoonet.safetensors").read_bytes()[1:])
    (tmp_path / "zoonet_dense.safetensors").unlink()
    found = {name: (ok, sentence) for name, ok, sentence in models.verify_checkpoints()}
    assert not found["zoonet"][0] and "sha256" in found["zoonet"][1]
    assert not found["zoonet_dense"][0] and "missing" in found["zoonet_dense"][1]
    with pytest.raises(ValueError, match="python3 course.py train zoonet"):
        models.load("zoonet")
    with pytest.raises(ValueError, match="no checkpoint 'lionnet'"):
        models.load("lionnet")


def test_folding_the_norms_changes_nothing():
    torch.manual_seed(0)
    model = recipes.with_norms(networks.zoonet())
    pictures = torch.rand(8, 3, 64, 64)
    for _ in range(3):
        model(pictures)  # statistics that are not 0 and 1
    model.eval()
    with torch.no_grad():
        expected = model(pictures)
        folded = recipes.folded(model)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
        assert torch.allclose(folded(pictures), expected, atol=1e-5)
    assert folded.state_dict().keys() == networks.zoonet().state_dict().keys()


def test_train_writes_what_load_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(checkpoints, "folder", lambda: tmp_path / "checkpoints")
    monkeypatch.setattr(recipes, "TEST_PICTURES", 16)
    noisy = recipes.Recipe("zoonet", "A try.", pictures=32, epochs=1, fault=zoo.LabelNoise(0.5))
    monkeypatch.setitem(recipes.RECIPES, "try", noisy)
    first = models.train("try", progress=False)
    assert first["rebuild"].endswith("train try") and "LabelNoise" in first["data"]["fault"]
    assert models.load("try")(torch.zeros(1, 3, 64, 64)).shape == (1, 8)
    assert models.train("try", progress=False)["sha256"] == first["sha256"]
    with pytest.raises(ValueError, match="no recipe for 'tri'"):
        models.train("tri")


def test_importing_models_is_light():
    says = "import sys, course_utils.models, course_utils.datasets; print([m for m in ('torch', 'tensorflow', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True).stdout.strip() == "[]"


# --- training ---------------------------------------------------------------------------------


def _line(n=64):
    inputs = torch.linspace(-1, 1, n)[:, None]
    return inputs, 3 * inputs - 1


def _model():
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1))


def _fit(model, **more):
    options = {"loss": nn.functional.mse_loss, "epochs": 30, "batch_size": 16, "lr": 0.02, "seed": 1, "progress": False}
    return training.fit(model, *_line(), **options | more)


def test_fit_learns_and_repeats_itself():
    one, two, three = _model(), _model(), _model()
    history = _fit(one)
    state = torch.random.get_rng_state()
    _fit(two)
    assert torch.equal(state, torch.random.get_rng_state())  # the lab's own draws stay as they were
    _fit(three, seed=2)
    assert history.train[-1] < 0.1 * history.train[0] and len(history.train) == 30
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), three.parameters(), strict=True))
    assert not one.training


def test_early_stop_goes_back_to_the_best_weights():
    inputs, targets = _line()
    model = _model()
    history = _fit(model, validation=(inputs, -targets), patience=3, epochs=200)  # gets worse as it learns
    assert history.stopped and len(history.validation) == history.best_epoch + 4 < 200
    measured = training.evaluate(model, inputs, -targets, loss=nn.functional.mse_loss, batch_size=16)
    assert measured == pytest.approx(min(history.validation), rel=1e-5)


def test_fit_takes_any_loss_optimiser_and_preparation():
    model = nn.Linear(2, 1)
    raw = np.random.default_rng(0).integers(0, 255, (40, 2), dtype=np.uint8)
    history = training.fit(
        model, raw, raw.sum(1).astype(np.float32) / 255, loss=lambda out, y: (out[:, 0] - y).abs().mean(),
        epochs=20, batch_size=7, lr=1.0, seed=0, progress=False, prepare=lambda batch: batch.float() / 255,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    )  # fmt: skip
    assert history.train[-1] < 0.3 * history.train[0]


def test_fit_refuses_in_one_sentence():
    inputs, targets = _line()
    with pytest.raises(ValueError, match="64 inputs and 3 targets"):
        training.fit(_model(), inputs, targets[:3], loss=nn.functional.mse_loss, epochs=1)
    with pytest.raises(ValueError, match="patience needs"):
        _fit(_model(), patience=2)
    with pytest.raises(ValueError, match="batch_size is 0"):
        _fit(_model(), batch_size=0)
    with pytest.raises(FloatingPointError, match="lower lr"):
        _fit(_model(), loss=lambda out, y: (out - y).mean() * float("nan"))


def test_progress_bar_can_be_switched_off(capfd):
    _fit(_model(), progress=True)
    assert "training" in capfd.readouterr().err
    _fit(_model(), progress=False)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_progress_bar_is_off_where_notebooks_are_built():
    """With TQDM_DISABLE, which tqdm reads when it is imported."""
    says = (
        "import torch; from course_utils import training; x = torch.ones(8, 1);"
        "training.fit(torch.nn.Linear(1, 1), x, x, loss=torch.nn.functional.mse_loss, epochs=2)"
    )
    quiet = {**os.environ, "TQDM_DISABLE": "1"}
    assert subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True, env=quiet).stderr == ""


def test_seed_everything():
    import random

    draws = []
    for _ in range(2):
        training.seed_everything(7)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    assert isinstance(training.device(), torch.device)
