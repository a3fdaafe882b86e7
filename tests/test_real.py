"""Digits, photographs, and the code that reads real files; on real files where they are."""
import os
import socket
import time

import numpy as np
import pytest
import torch

from course_utils.datasets import digits, photos, real
from course_utils.models import imagenet
from course_utils.settings import course_root, data_dir

HERE = data_dir() or course_root().parent / "shared" / "data"
needs_files = pytest.mark.skipif(
    not (HERE / "MNIST").is_dir(), reason="no real files here: set COURSE_DATA to a folder that holds MNIST, weights and photos"
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A cache of its own for each test, and nothing remembered of what could not be reached."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(real, "_out_of_reach", set())


@pytest.fixture
def files(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(HERE))


@pytest.fixture
def unplugged(monkeypatch):
    """No COURSE_DATA and no network: every attempt to find or reach another machine fails, and is counted."""
    attempts = []

    def fail(*address, **_):
        attempts.append(address)
        raise OSError("Network is unreachable")

    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(socket.socket, "connect", fail)
    return attempts


# ---------------------------------------------------------------- what ships with the libraries


def test_digits_are_scikit_learns_on_the_range_of_pictures():
    from sklearn.datasets import load_digits

    data, bunch = digits.load(), load_digits()
    assert data.pictures.dtype == np.uint8 and data.pictures.max() == 255 and len(data) == 1797
    assert np.abs(data.pictures / 255 - bunch.images / 16).max() < 1 / 255
    assert np.array_equal(data.labels, bunch.target) and data.class_names == tuple("0123456789")


@pytest.mark.parametrize("name", photos.names())
def test_bundled_photographs_need_no_network(name, unplugged):
    photograph = photos.load(name)
    assert photograph.picture.dtype == np.uint8 and photograph.picture.ndim == 3 and photograph.picture.shape[2] == 3
    assert photograph.picture.std() > 10, "a picture, not a blank"
    assert photograph.credit and photograph.licence and photograph.shows
    assert not unplugged


def test_an_unknown_photograph_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no photograph 'dog'; choose one of astronaut, chelsea"):
        photos.load("dog")


def test_a_square_keeps_boxes_and_masks_on_their_things():
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[20:40, 45:65] = 255
    mask = picture[..., 0] > 0
    inside, outside = (45.0, 20.0, 65.0, 40.0), (0.0, 0.0, 10.0, 10.0)
    whole = photos.Photograph(picture, "square", "a square", "nobody", "CC0",
                              seen=(photos.outlined("masked", mask), photos.Seen("boxed", inside), photos.Seen("away", outside)))
    small = photos.square(whole, 30)
    assert small.picture.shape == (30, 30, 3) and [thing.label for thing in small.seen] == ["masked", "boxed"]
    for thing in small.seen:
        assert thing.box == pytest.approx((12.5, 10, 22.5, 20), abs=0.51)  # x - 20, then halved
    bright = small.picture[..., 0] > 127
    assert (small.seen[0].mask == bright).mean() > 0.98
    with pytest.raises(ValueError, match="whole number of pixels"):
        photos.square(whole, 0)


# ---------------------------------------------------------------- where there is nothing


@pytest.mark.parametrize("source, name", [
    (real.mnist, "mnist"), (real.fashion_mnist, "fashion_mnist"),
    (lambda: imagenet.load("squeezenet1_1"), "squeezenet1_1"), (lambda: imagenet.load("resnet18"), "resnet18"),
])
def test_missing_data_are_one_sentence_with_the_command(source, name, unplugged, tmp_path):
    began = time.monotonic()
    with pytest.raises(real.RealDataMissing) as caught:
        source()
    assert time.monotonic() - began < 20
    assert f"python3 course.py fetch {name}" in str(caught.value) and "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value), "the sentence is the same on every machine"
    tried = len(unplugged)
    assert tried > 0
    with pytest.raises(real.RealDataMissing):
        source()
    assert len(unplugged) == tried, "a second call does not wait for the network again"
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert left == [], "nothing half-fetched is left behind"


def test_or_none_says_it_and_goes_on(unplugged, capsys):
    assert real.or_none(real.mnist, train=False) is None
    assert real.or_none(real.photographs, "coco") is None
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and "fetch mnist" in said[0] and "COURSE_DATA=FOLDER" in said[1]


def test_none_means_neither_folder_nor_download(unplugged, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "none")
    for source in (real.mnist, real.photographs, imagenet.load):
        assert real.or_none(source) is None
    assert not unplugged


def test_the_timeout_of_sockets_is_put_back(unplugged):
    before = socket.getdefaulttimeout()
    real.or_none(real.mnist)
    assert socket.getdefaulttimeout() == before


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="choose one of openimages, coco"):
        real.photographs("flickr")
    with pytest.raises(ValueError, match="choose one of squeezenet1_1"):
        imagenet.load("alexnet2")


# ---------------------------------------------------------------- real files


@needs_files
@pytest.mark.parametrize("source, first_test_labels, second_class", [
    (real.mnist, [7, 2, 1, 0, 4], "1"), (real.fashion_mnist, [9, 2, 1, 1, 6], "Trouser"),
])
def test_mnist_and_fashion_mnist_from_a_folder(source, first_test_labels, second_class, files, tmp_path):
    before = sorted(os.listdir(HERE / "MNIST" / "raw"))
    test, train = source(train=False), source(train=True)
    assert test.pictures.shape == (10000, 28, 28) and train.pictures.shape == (60000, 28, 28)
    assert test.pictures.dtype == np.uint8 and test.labels[:5].tolist() == first_test_labels
    assert test.class_names[1] == second_class and len(test.class_names) == 10
    assert (np.bincount(train.labels) > 5000).all()
    assert sorted(os.listdir(HERE / "MNIST" / "raw")) == before, "nothing is written into COURSE_DATA"


@needs_files
def test_a_damaged_file_is_not_used(monkeypatch, tmp_path, unplugged):
    folder = tmp_path / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in (HERE / "MNIST" / "raw").glob("*.gz"):
        (folder / file.name).write_bytes(file.read_bytes()[:-1000])
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    with pytest.raises(real.RealDataMissing):
        real.mnist(train=False)


@needs_files
def test_open_images_photographs_carry_boxes_masks_and_licences(files):
    photographs = real.photographs("openimages")
    assert len(photographs) >= 16 and all(photograph.licence and photograph.credit for photograph in photographs)
    masked = [thing for photograph in photographs for thing in photograph.seen if thing.mask is not None]
    assert len(masked) == 2
    for photograph in photographs:
        height, width = photograph.picture.shape[:2]
        for thing in photograph.seen:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height


@needs_files
def test_coco_polygons_fill_their_boxes(files):
    photographs = real.photographs("coco")
    assert len(photographs) == 20
    for photograph in photographs:
        for thing in photograph.seen:
            x0, y0, x1, y1 = thing.box
            assert thing.mask.shape == photograph.picture.shape[:2]
            rows, columns = np.nonzero(thing.mask)
            if len(rows) < 50:
                continue
            assert x0 - 1.5 <= columns.min() and columns.max() <= x1 + 1.5 and y0 - 1.5 <= rows.min() and rows.max() <= y1 + 1.5
            assert thing.mask[round(y0):round(y1), round(x0):round(x1)].mean() > 0.1


@needs_files
@pytest.mark.parametrize("name, at_least", [("squeezenet1_1", 0.6), ("mobilenet_v2", 0.7)])
def test_imagenet_networks_recognise_the_photographs(name, at_least, files):
    network = imagenet.load(name)
    labelled = [photograph for photograph in real.photographs() if photograph.imagenet_class is not None]
    with torch.no_grad():
        logits = network(torch.cat([imagenet.as_input(photograph.picture) for photograph in labelled]))
    answers = imagenet.top(logits, 5)
    names = imagenet.class_names()
    right = [names[photograph.imagenet_class] in dict(best) for photograph, best in zip(labelled, answers)]
    assert len(labelled) >= 8 and np.mean(right) >= at_least
    assert not any(getattr(module, "inplace", False) for module in network.modules())
    assert not network.training


@needs_files
def test_folded_weights_reproduce_the_layer_that_they_were_made_from(files):
    """The first layer on a normalised picture against the file's own weights on 2p - 1, away from the border."""
    with np.load(HERE / "weights" / "mobilenet_v2-tf2-int8.npz") as kept:
        weight = torch.from_numpy(kept["00.weight_int8"]).float() * torch.from_numpy(kept["00.scale"]).view(-1, 1, 1, 1)
        bias = torch.from_numpy(kept["00.bias"])
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.conv2d(2 * pictures - 1, weight, bias, stride=2, padding=1)
    network = imagenet.load("mobilenet_v2")
    convolution, norm, _ = network.network.features[0]
    with torch.no_grad():
        ours = norm(convolution((pictures - network.mean) / network.std))
    assert torch.allclose(ours[:, :, 1:, 1:], expected[:, :, 1:, 1:], atol=1e-4)


def test_as_input_cuts_the_middle_and_scales():
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, 60:140, 0] = 255
    batch = imagenet.as_input(picture, side=64)
    assert batch.shape == (1, 3, 64, 64) and batch.dtype == torch.float32
    assert batch[:, 0].mean() > 0.8 and batch[:, 1:].max() == 0 and batch.max() <= 1
    exact = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    assert torch.equal(imagenet.as_input(exact, side=64)[0], torch.from_numpy(exact).permute(2, 0, 1) / 255)
    assert imagenet.as_input(np.stack([picture] * 3), side=64).shape == (3, 3, 64, 64)
    with pytest.raises(ValueError, match="uint8"):
        imagenet.as_input(picture / 255)


def test_class_names_are_imagenets():
    names = imagenet.class_names()
    assert len(names) == 1000 and names[0] == "tench" and names[999] == "toilet tissue"
