"""The tables: shapes, split, standardisation, and what is said where one is missing."""

import gzip

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from course_utils.datasets import tables
from course_utils.datasets.real import RealDataMissing

SHAPES = {"breast_cancer": (569, 30), "wine": (178, 13), "diabetes": (442, 10), "concrete": (1030, 8),
          "energy": (768, 8), "power": (9568, 4), "wine_red": (1599, 11), "yacht": (308, 6)}  # fmt: skip


def load_or_skip(name, *args):
    try:
        return tables.load(name, *args)
    except RealDataMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", tables.NAMES)
def test_shapes_and_scaling(name):
    table = load_or_skip(name)
    rows = np.concatenate([table.x_train, table.x_test])
    assert rows.shape == SHAPES[name] and np.isfinite(rows).all()
    assert len(table.feature_names) == len(set(table.feature_names)) == SHAPES[name][1]
    assert np.allclose(table.z_train.mean(axis=0), 0, atol=1e-9) and np.allclose(table.z_train.std(axis=0), 1)
    assert np.allclose(table.original(table.z_test), table.x_test)
    assert table.standardised(table.x_test[0]) == pytest.approx(table.z_test[0])
    assert table.y_train.dtype == (np.int64 if table.class_names else np.float64)


@pytest.mark.parametrize("name", tables.NAMES)
def test_target_is_the_target(name):
    """A linear model on the standardised features is far better than chance."""
    table = load_or_skip(name)
    if table.class_names:
        assert LogisticRegression(max_iter=1000).fit(table.z_train, table.y_train).score(table.z_test, table.y_test) > 0.92
    else:
        assert Ridge().fit(table.z_train, table.y_train).score(table.z_test, table.y_test) > 0.25


@pytest.mark.parametrize("name", tables.BUNDLED)
def test_split_depends_on_the_seed_alone(name):
    first, again, other = tables.load(name, 3), tables.load(name, 3), tables.load(name, 4)
    assert (first.x_train == again.x_train).all() and (first.y_test == again.y_test).all()
    assert not np.array_equal(first.x_test, other.x_test)
    both = np.concatenate([first.x_train, first.x_test])
    assert len(np.unique(both, axis=0)) == len(np.unique(np.concatenate([other.x_train, other.x_test]), axis=0))
    small = tables.load(name, 3, 0.1)
    assert len(small.x_test) < len(first.x_test)
    if first.class_names:  # classes keep their shares
        assert np.bincount(first.y_train) / len(first.y_train) == pytest.approx(np.bincount(first.y_test) / len(first.y_test), abs=0.03)


def test_missing_and_broken_tables_say_so(monkeypatch, tmp_path):
    for where in ("none", str(tmp_path)):
        monkeypatch.setenv("COURSE_DATA", where)
        with pytest.raises(RealDataMissing, match="table yacht is not here"):
            tables.load("yacht")
    (tmp_path / "tables").mkdir()
    with gzip.open(tmp_path / "tables" / "yacht.txt.gz", "wt", encoding="utf-8") as file:
        file.write("1 2 3\n4 5 6\n")
    with pytest.raises(ValueError, match="3 columns, but 7 are expected"):
        tables.load("yacht")


@pytest.mark.parametrize("arguments, part", [(("iris",), "'iris'"), (("wine", -1), "seed is -1"), (("wine", 0, 1.5), "test_share is 1.5")])
def test_bad_input_gets_one_sentence(arguments, part):
    with pytest.raises(ValueError, match=".") as caught:
        tables.load(*arguments)
    assert part in str(caught.value)
