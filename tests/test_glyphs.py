"""Glyphs: their truth, their speed, the cache, and one door to them and to MNIST."""
import time

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.datasets import glyphs, grey28, real
from course_utils.datasets.glyphs import outlines, pictures
from course_utils.models import glyph_recipes
from course_utils.settings import course_root, data_dir

HERE = data_dir() or course_root().parent / "shared" / "data"
needs_files = pytest.mark.skipif(not (HERE / "MNIST").is_dir(), reason="no MNIST here: set COURSE_DATA to a folder that holds it")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def some():
    return glyphs.load(3000, seed=5, cache=False)


def leaning(picture_set):
    """Degrees that each picture leans to the right, from its second moments."""
    ink = picture_set.pictures / picture_set.pictures.sum(axis=(1, 2), keepdims=True)
    place = np.arange(28)
    x, y = ink.sum(axis=1) @ place, ink.sum(axis=2) @ place
    dx, dy = place[None, None, :] - x[:, None, None], place[None, :, None] - y[:, None, None]
    return np.degrees(np.arctan(-(ink * dx * dy).sum(axis=(1, 2)) / (ink * dy**2).sum(axis=(1, 2))))


def test_shapes_ranges_and_types_are_those_of_mnist(some):
    assert some.pictures.shape == (3000, 28, 28) and some.pictures.dtype == np.uint8
    assert some.labels.dtype == np.int64 and some.class_names == tuple("0123456789")
    assert some.pictures.min() == 0 and some.pictures.max() == 255
    assert 0.15 < (some.pictures > 0).mean() < 0.3  # MNIST: 0.19
    border = np.concatenate([some.pictures[:, [0, -1]], some.pictures[:, :, [0, -1]].swapaxes(1, 2)], axis=2)
    assert (border.max(axis=(1, 2)) > 0).mean() < 0.05  # hardly any is cut off


def test_digits_and_fonts_are_equally_likely(some):
    for values in (some.labels, some.fonts):
        counts = np.bincount(values, minlength=10)
        assert len(counts) == 10 and counts.min() > 240 and counts.max() < 360
    assert len(some.font_names) == len(glyphs.FONTS) == 10


def test_same_pixels_for_a_seed_and_others_for_another(some):
    again = glyphs.load(700, seed=5, cache=False)
    for name in pictures.ARRAYS:
        assert np.array_equal(getattr(again, name), getattr(some, name)[:700]), name
    assert not np.array_equal(glyphs.load(700, seed=6, cache=False).pictures, again.pictures)
    assert len(np.unique(some.pictures.reshape(3000, -1), axis=0)) == 3000


def test_chosen_fonts_and_no_others():
    plain = glyphs.load(600, seed=5, fonts=glyphs.PLAIN)
    assert set(plain.fonts) == set(glyphs.PLAIN) and np.bincount(plain.fonts)[list(glyphs.PLAIN)].min() > 240
    assert np.array_equal(glyphs.load(600, seed=5, fonts=range(10)).pictures, glyphs.load(600, seed=5).pictures)


def test_outlines_have_the_holes_of_their_digit():
    from skimage.measure import euler_number

    holes = np.array([[1 - euler_number(digit > 0, connectivity=2) for digit in font] for font in outlines.distances()])
    assert np.array_equal(holes, np.tile([1, 0, 0, 0, 1, 0, 1, 0, 2, 1], (10, 1)))


@pytest.mark.parametrize("digit", range(10))
def test_slant_weight_and_size_say_what_is_seen(digit):
    upright = glyphs.draw([digit] * 40, seed=3, fonts=4, slants=0.0)
    tilted = glyphs.draw([digit] * 40, seed=3, fonts=4, slants=20.0)
    change = (leaning(tilted) - leaning(upright)).mean()
    assert 12 < change < 26
    light, heavy = (glyphs.draw([digit] * 40, seed=3, fonts=4, weights=weight).pictures.mean() for weight in (0.0, 1.0))
    assert heavy > 1.15 * light
    heights = [(glyphs.draw([digit] * 40, 3, sizes=size).pictures > 127).any(axis=2).sum(axis=1).mean() for size in (16.0, 22.0)]
    assert 4 < heights[1] - heights[0] < 8


def test_a_font_looks_like_itself():
    """The mean picture of a font's digit is nearer to its own other pictures than that of another font."""
    means, others = (
        np.stack([glyphs.draw([2] * 60, seed, fonts=font, slants=0, weights=0.4, sizes=20).pictures.mean(axis=0) for font in range(10)])
        for seed in (1, 2)
    )  # fmt: skip
    apart = np.square(means[:, None] - others[None]).mean(axis=(2, 3))
    assert np.array_equal(apart.argmin(axis=1), np.arange(10))


def test_a_thousand_pictures_a_second():
    glyphs.load(500, seed=0, cache=False)  # outlines and imports
    began = time.process_time()
    glyphs.load(4000, seed=1, cache=False)
    assert 4000 / (time.process_time() - began) > 1000


def test_cache_gives_back_the_same_set_and_mends_itself(tmp_path, monkeypatch):
    first = glyphs.load(600, seed=8)
    files = list((tmp_path / "glyphs").iterdir())
    assert len(files) == 1 and files[0].suffix == ".npz"
    monkeypatch.setattr(pictures, "_chunk", None)  # nothing can be drawn: it must be read
    again = glyphs.load(600, seed=8)
    assert all(np.array_equal(getattr(first, name), getattr(again, name)) for name in pictures.ARRAYS)
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    files[0].write_bytes(files[0].read_bytes()[:5000])
    assert np.array_equal(glyphs.load(600, seed=8).pictures, first.pictures)
    assert np.array_equal(pictures._read(files[0])["pictures"], first.pictures)
    assert [file.name for file in (tmp_path / "glyphs").iterdir()] == [files[0].name]


@pytest.mark.parametrize("call, said", [
    (lambda: glyphs.load(0), "n is 0"),
    (lambda: glyphs.load(10, seed=-1), "seed is -1"),
    (lambda: glyphs.load(10, fonts=(3, 10)), "choose fonts from 0 to 9"),
    (lambda: glyphs.load(10, fonts=()), "choose fonts from 0 to 9"),
    (lambda: glyphs.draw([10]), "whole numbers from 0 to 9"),
    (lambda: glyphs.draw([]), "whole numbers from 0 to 9"),
    (lambda: glyphs.draw([1], fonts=10), "choose fonts from 0 to 9"),
    (lambda: glyphs.draw([1], colours=3), "'colours' cannot be chosen"),
    (lambda: grey28.load("emnist", 10), "one of 'glyphs', 'mnist', 'fashion_mnist'"),
])  # fmt: skip
def test_bad_input_gets_one_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("name", [grey28.NAMES[0], *(pytest.param(name, marks=[needs_files, pytest.mark.slow]) for name in grey28.REAL)])
def test_one_word_changes_the_set(name, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(HERE))
    few, again, others = (grey28.load(name, 300, seed) for seed in (4, 4, 5))
    assert few.pictures.shape == (300, 28, 28) and few.pictures.dtype == np.uint8 and few.labels.dtype == np.int64
    assert len(few) == 300 and len(few.class_names) == 10 and set(few.labels) == set(range(10))
    assert np.array_equal(few.pictures, again.pictures) and not np.array_equal(few.pictures, others.pictures)


def test_real_sets_say_when_they_are_missing(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "none")
    with pytest.raises(real.RealDataMissing):
        grey28.load("mnist", 10)
    assert len(grey28.load("glyphs", 10)) == 10


@needs_files
@pytest.mark.slow
def test_no_more_pictures_than_there_are(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(HERE))
    with pytest.raises(ValueError, match="has 60000 pictures"):
        grey28.load("mnist", 60_001)


# The classifier that judges generated pictures


def test_glyphnet_knows_unseen_glyphs_and_is_sure_of_them():
    unseen = glyphs.load(1000, seed=77, cache=False)
    says = models.class_probabilities(unseen.pictures)
    assert says.shape == (1000, 10) and np.allclose(says.sum(axis=1), 1, atol=1e-5)
    assert (says.argmax(axis=1) == unseen.labels).mean() > 0.99
    found = models.coverage(unseen.pictures)
    assert found.covered == 10 and found.sure > 0.97 and found.counts.sum() == round(1000 * found.sure)


def test_glyphnet_is_unsure_of_what_is_no_digit():
    """Kinds that it was trained on, drawn afresh, and kinds that it was not: blank paper and an untrained generator.

    Not of everything: even stripes it takes for a digit.
    """
    odd, answers = glyph_recipes.no_digits(glyphs.load(900, seed=78, cache=False), seed=5)
    assert answers.shape == (300, 10) and np.allclose(answers.sum(axis=1), 1)
    assert models.coverage(odd[100:]).sure < 0.02
    assert models.coverage(odd[:100]).sure < 0.25  # blends: some are a digit over its like
    assert models.coverage(np.zeros((2, 28, 28), np.uint8)).sure == 0
    torch.manual_seed(0)
    with torch.no_grad():
        untrained = models.dcgan_generator()(torch.randn(100, 100, 1, 1))
    assert models.coverage(untrained).sure < 0.02


def test_coverage_counts_classes_not_pictures():
    threes = glyphs.draw([3] * 50, seed=9)
    found = models.coverage(threes.pictures)
    assert found.covered == 1 and found.counts[3] >= 45
    assert models.coverage(models.as_grey(threes.pictures)).counts.tolist() == found.counts.tolist()


def test_grey_pictures_as_networks_take_them():
    some = glyphs.draw([1, 2])
    assert models.as_grey(some.pictures).shape == (2, 1, 28, 28) and float(models.as_grey(some.pictures).max()) == 1
    for wrong in (some.pictures[0], some.pictures / 255):
        with pytest.raises(ValueError, match="takes uint8 pictures"):
            models.as_grey(wrong)
    pictures = models.dcgan_generator(((8, 7, 1, 0), (4, 4, 2, 1), (1, 4, 2, 1)), latent=5)(torch.randn(3, 5, 1, 1))
    assert pictures.shape == (3, 1, 28, 28) and 0 <= float(pictures.detach().min()) and float(pictures.detach().max()) <= 1
    assert models.dcgan_discriminator((4, 8), 16)(pictures).shape == (3,)
