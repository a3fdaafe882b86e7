"""The zoo: its truth, its fairness, its speed, and that a seed means the same pixels everywhere."""

import hashlib
import time

import numpy as np
import pytest

from course_utils.datasets import zoo
from course_utils.datasets.zoo import pictures as zoo_pictures
from course_utils.datasets.zoo.album import ARRAYS


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def animals():
    return zoo.load(800, seed=11, cache=False)


def test_shapes_and_types(animals):
    n = len(animals)
    assert n == 800 and animals.pictures.shape == (n, 64, 64, 3) and animals.pictures.dtype == np.uint8
    assert animals.labels.dtype == np.int64 and animals.class_names == zoo.SPECIES
    assert animals.masks.shape == (n, 64, 64) and animals.masks.dtype == bool
    assert animals.backgrounds.shape == (n,) and animals.seeds.dtype == np.uint64
    assert np.array_equal(animals.labels, animals.true_labels) and not animals.faulty.any()
    assert np.bincount(animals.labels).tolist() == [100] * 8


def test_same_pixels_for_a_seed():
    few = zoo.draw(list(zoo.SPECIES + zoo.UNSEEN) * 3, list(range(33)))
    digest = hashlib.sha256(few.pictures.tobytes() + few.part_maps.tobytes()).hexdigest()
    assert digest == "fb82b1d71b1dc3fbcc5f54f8a5601a76e82cecc38ac420ee4bad7acdce6bcd23"


def test_each_picture_is_drawn_from_its_own_seed(animals):
    some = np.array([3, 700, 41])
    again = zoo.draw([animals.class_names[k] for k in animals.labels[some]], animals.seeds[some])
    assert np.array_equal(again.pictures, animals.pictures[some])
    assert np.array_equal(again.part_maps, animals.part_maps[some])
    assert len(np.unique(animals.seeds)) == len(animals)


def test_smaller_set_is_the_start_of_a_bigger_one(animals):
    assert np.array_equal(zoo.load(20, seed=11, cache=False).pictures, animals.pictures[:20])
    assert not np.array_equal(zoo.load(20, seed=12, cache=False).pictures, animals.pictures[:20])


def test_masks_are_the_union_of_the_parts(animals):
    assert np.array_equal(np.any(list(animals.parts.values()), axis=0), animals.masks)
    share = animals.masks.mean(axis=(1, 2))
    assert share.min() > 0.03 and 0.07 < share.mean() < 0.16
    for label, name in enumerate(zoo.SPECIES):
        for part in zoo.TELLTALE[name]:
            seen = animals.part(part)[animals.labels == label].sum(axis=(1, 2))
            assert (seen >= 8).mean() > 0.97, (name, part)


def test_animals_lie_inside_the_picture(animals):
    rim = animals.masks.copy()
    rim[:, 1:-1, 1:-1] = False
    assert rim.any(axis=(1, 2)).mean() < 0.05


def test_example_in_the_docstring():
    import doctest

    tried = doctest.testmod(zoo_pictures)
    assert tried.attempted >= 4 and tried.failed == 0


@pytest.mark.parametrize("first, second", zoo.PAIRS)
def test_pairs_differ_in_their_telltale_part_only(first, second):
    seeds = np.arange(60)
    one, other = zoo.draw(first, seeds), zoo.draw(second, seeds)
    differing = set(zoo.TELLTALE[first]) ^ set(zoo.TELLTALE[second])
    allowed = np.zeros_like(one.masks)
    for part in differing:
        allowed |= one.part(part) | other.part(part)
    near = np.zeros_like(allowed)  # the shading of a volume reaches seven pixels
    for dy in range(-7, 8):
        for dx in range(-7, 8):
            near |= np.roll(allowed, (dy, dx), axis=(1, 2))
    changed = (one.pictures != other.pictures).any(axis=-1)
    assert changed.any(axis=(1, 2)).all()
    assert not (changed & ~near).any()


def test_scene_says_nothing_about_the_species():
    """One seed: the same pixels away from the animal, whatever stands there."""
    everyone = zoo.draw(list(zoo.SPECIES), [5] * 8)
    anyone = np.zeros((64, 64), bool)
    for mask in everyone.masks:
        anyone |= mask
    near = anyone.copy()
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            near |= np.roll(anyone, (dy, dx), axis=(0, 1))
    assert (~near).sum() > 1500
    outside = everyone.pictures[:, ~near]
    assert (outside == outside[0]).all()


def test_edges_alone_do_not_find_the_animal(animals):
    from skimage.filters import sobel

    grey = animals.pictures @ np.array([0.299, 0.587, 0.114])
    peaks = [int(sobel(picture).argmax()) for picture in grey]
    on_animal = animals.masks.reshape(len(animals), -1)[np.arange(len(animals)), peaks]
    assert on_animal.mean() <= 0.5


def test_mean_colours_do_not_tell_the_species():
    from sklearn.linear_model import LogisticRegression

    train, test = zoo.load(1600, seed=21, cache=False), zoo.load(800, seed=22, cache=False)
    mean, held_out = train.pictures.mean(axis=(1, 2)), test.pictures.mean(axis=(1, 2))
    centre, spread = mean.mean(0), mean.std(0)
    model = LogisticRegression(max_iter=1000).fit((mean - centre) / spread, train.labels)
    assert model.score((held_out - centre) / spread, test.labels) < 0.4


def test_backgrounds_and_distractors_are_balanced(animals):
    table = np.zeros((8, len(zoo.BACKGROUNDS)))
    np.add.at(table, (animals.labels, animals.backgrounds), 1)
    assert np.abs(table / 100 - 1 / len(zoo.BACKGROUNDS)).max() < 0.16
    assert (table.sum(0) > 0).all()


def _loop():
    """Calibration: plain numpy on one core, the same kind of work as drawing."""
    field = np.linspace(-1, 1, 96 * 4096, dtype=np.float32)
    start = time.process_time()
    for _ in range(200):
        np.sqrt(field * field + field * field).sum()
    return time.process_time() - start


def test_speed():
    """At least 500 pictures a second on one core, as a ratio to a loop measured beside it."""
    names = list(zoo.SPECIES) * 24
    zoo.draw(names[:96], list(range(96)))
    ratios = []
    for _ in range(3):
        loop = _loop()
        start = time.process_time()
        zoo.draw(names, list(range(192)))
        ratios.append((time.process_time() - start) / loop)
    # Measured where the loop took 0.065 s: 500 pictures a second are a ratio of 5.9; 2.2 was seen.
    assert min(ratios) < 5.5


def test_cache_is_read_and_heals(tmp_path, monkeypatch):
    first = zoo.load(256, seed=2, fault=zoo.Watermark("hare", 0.5))
    (kept,) = (tmp_path / "zoo").glob("*")
    assert kept.suffix == ".npz"
    with monkeypatch.context() as patch:
        patch.setattr(zoo_pictures.render, "draw_batch", None)  # drawing would raise
        again = zoo.load(256, seed=2, fault=zoo.Watermark("hare", 0.5))
    for name in ARRAYS:
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
        assert getattr(first, name).dtype == getattr(again, name).dtype, name
    kept.write_bytes(kept.read_bytes()[:5000])
    assert np.array_equal(zoo.load(256, seed=2, fault=zoo.Watermark("hare", 0.5)).pictures, first.pictures)
    assert kept.stat().st_size > 5000


def test_watermark():
    names = ["hare", "goat"] * 40
    seeds = np.arange(80)
    clean, marked = zoo.draw(names, seeds), zoo.draw(names, seeds, fault=zoo.Watermark("goat", 0.5))
    assert not marked.faulty[::2].any() and 8 <= marked.faulty[1::2].sum() <= 32
    assert np.array_equal(marked.fault_masks.any(axis=(1, 2)), marked.faulty)
    changed = (clean.pictures != marked.pictures).any(axis=-1)
    assert not (changed & ~marked.fault_masks).any()
    assert changed[marked.faulty].any(axis=(1, 2)).all()


def test_tied_background():
    names = list(zoo.SPECIES) * 25
    tied = zoo.draw(names, np.arange(200), fault=zoo.TiedBackground("camel", "sand"))
    sand = tied.backgrounds == zoo.BACKGROUNDS.index("sand")
    assert np.array_equal(sand, tied.labels == zoo.SPECIES.index("camel"))
    loose = zoo.draw(names, np.arange(200), fault=zoo.TiedBackground("camel", "sand", exclusive=False))
    assert (loose.backgrounds == zoo.BACKGROUNDS.index("sand")).sum() > sand.sum()


def test_keepers_hand():
    names = ["seal", "goose"] * 30
    clean = zoo.draw(names, np.arange(60))
    held = zoo.draw(names, np.arange(60), fault=zoo.KeepersHand("seal"))
    assert held.faulty.tolist() == [True, False] * 30
    assert (held.fault_masks[::2].sum(axis=(1, 2)) > 60).all()
    assert not (held.masks & held.fault_masks).any()
    assert np.array_equal(clean.pictures[1::2], held.pictures[1::2])
    touches = clean.masks[::2] & held.fault_masks[::2]
    assert touches.any(axis=(1, 2)).mean() > 0.8


def test_missing_part_and_without():
    cut = zoo.draw("goat", np.arange(20), without="horns")
    assert not cut.part("horns").any()
    assert cut.part("head").any(axis=(1, 2)).all()
    some = zoo.draw(["goat", "hare"] * 20, np.arange(40), fault=zoo.MissingPart("horns", "goat"))
    assert np.array_equal(some.pictures[::2][:5], zoo.draw("goat", np.arange(0, 10, 2), without="horns").pictures)
    assert some.part("ears")[1::2].any(axis=(1, 2)).all()


def test_label_noise():
    noisy = zoo.load(400, seed=3, fault=zoo.LabelNoise(0.3), cache=False)
    wrong = noisy.labels != noisy.true_labels
    assert np.array_equal(wrong, noisy.faulty) and 0.2 < wrong.mean() < 0.4
    assert np.array_equal(noisy.pictures, zoo.load(400, seed=3, cache=False).pictures)
    assert set(noisy.labels) == set(range(8))


def test_unseen_species():
    strangers = zoo.load(30, seed=1, species=zoo.UNSEEN)
    assert strangers.class_names == zoo.SPECIES + zoo.UNSEEN
    assert np.bincount(strangers.labels)[8:].tolist() == [10, 10, 10]


def test_slicing(animals):
    assert len(animals[5]) == 1 and len(animals[-1]) == 1 and len(animals[:7]) == 7
    goats = animals[animals.labels == 1]
    assert len(goats) == 100 and goats.part("horns").shape == (100, 64, 64)


def test_walk():
    film = zoo.walk("camel", seed=4, frames=40)
    centre = [np.nonzero(mask)[1].mean() for mask in film.masks]
    assert centre[20] - centre[0] > 8 and centre[20] - centre[-1] > 8
    assert len(np.unique(film.backgrounds)) == 1


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: zoo.load(0, 1), "at least 1"),
        (lambda: zoo.load(10, -1), "at least 0"),
        (lambda: zoo.load(2.5, 1), "whole number"),
        (lambda: zoo.load(10, 1, species=["cat"]), "'cat' is no species"),
        (lambda: zoo.load(10, 1, species=[]), "empty"),
        (lambda: zoo.load(10, 1, fault="watermark"), "zoo.Watermark"),
        (lambda: zoo.load(10, 1, fault=zoo.Watermark("cat")), "choose one of hare"),
        (lambda: zoo.load(10, 1, fault=zoo.LabelNoise(2)), "between 0 and 1"),
        (lambda: zoo.load(10, 1, fault=zoo.TiedBackground("hare", "moon")), "meadow"),
        (lambda: zoo.load(10, 1, fault=zoo.MissingPart("nose")), "no part"),
        (lambda: zoo.draw(["hare", "goat"], [1, 2, 3]), "one name for each seed"),
        (lambda: zoo.draw("hare", [0.5]), "whole numbers"),
        (lambda: zoo.draw("hare", 1, without="nose"), "no part"),
        (lambda: zoo.load(1, 1).part("nose"), "no part"),
    ],
)
def test_bad_arguments_get_one_sentence(call, says):
    with pytest.raises(ValueError) as error:
        call()
    assert says in str(error.value) and "\n" not in str(error.value)
