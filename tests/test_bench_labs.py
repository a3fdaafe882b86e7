"""The record of the labs' times, and the check that a lab has not grown."""
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import conftest
import psutil
import pytest
from toy_lab import TOY, put_toy

from course_utils.authoring import budget, growth
from course_utils.bench.labs import bench_labs, text_of
from course_utils.bench.machine import processor

ROW = {"seconds": 50.0, "cpu_s": 40.0, "units": 80.0, "load": 1.0, "first_cell_s": 3.0, "first_figure_s": None, "memory_mib": 600,
       "solved_kb": 900, "student_kb": None}


def later(*figures):
    """Measures anew, with these results one after the other; more calls than figures fail."""
    return iter(figures).__next__


def test_a_lab_that_grew_by_more_than_a_quarter_is_told():
    sentence = growth.complaint("06_saliency", 130, 100, later(128, 126))
    assert "06_saliency takes 126 units" in sentence and "100 are on record" in sentence and "bench labs --only 06" in sentence


def test_a_lab_within_a_quarter_passes_and_is_not_measured_again():
    for spent in (60, 100, 124.9):
        assert growth.complaint("06_saliency", spent, 100, later()) is None


def test_one_slow_run_on_a_busy_machine_is_no_growth():
    assert growth.complaint("06_saliency", 170, 100, later(110)) is None  # the second run is not asked for
    assert growth.complaint("06_saliency", 170, 100, later(140, 110)) is None


def test_units_do_not_depend_on_how_fast_the_machine_is_at_the_moment(monkeypatch):
    """10 s at half a second a round, then 30 s in which a round comes to take 1.5 s."""
    spent, rounds = iter([0.0, 10.0, 12.0, 40.0]), iter([0.5, 0.5, 1.5])
    monkeypatch.setattr(budget, "kernel_seconds", lambda pid: next(spent))
    meter = budget.Meter(1, lambda: next(rounds))
    for _ in range(3):
        meter.look()  # the third comes after too little to measure
    assert meter.spent == pytest.approx(10 / 0.5)
    meter.look(now=True)
    assert meter.spent == pytest.approx(10 / 0.5 + 30 / 1.0) and meter.seconds == 40


def test_a_long_cell_is_measured_while_it_runs(monkeypatch):
    """The kernel spends 6 s each time somebody looks, until it ends: nobody but the meter's own thread does."""
    def spent(pid):
        looks.append(pid)
        if len(looks) > 4:
            ended.set()
            raise psutil.NoSuchProcess(pid)
        return 6.0 * len(looks)

    looks, ended = [], threading.Event()
    monkeypatch.setattr(budget, "kernel_seconds", spent)
    monkeypatch.setattr(budget.Meter, "POLL_S", 0.001)
    meter = budget.Meter(1, lambda: 0.5).watch()
    assert ended.wait(30) and meter.spent == pytest.approx(4 * 6 / 0.5)


def test_what_is_not_on_record_is_said(tmp_path):
    with pytest.raises(growth.NoRecord, match="not on record for Abacus .on record: none.*bench labs"):
        growth.recorded(tmp_path, "06_saliency", "Abacus")
    growth.write_record(tmp_path, {"Abacus": {"labs": {"06_saliency": ROW}}})
    assert growth.recorded(tmp_path, "06_saliency", "Abacus") == 80.0
    with pytest.raises(growth.NoRecord, match="The time of 07_x is not on record.*--only 07"):
        growth.recorded(tmp_path, "07_x", "Abacus")
    with pytest.raises(growth.NoRecord, match="for Slide rule .on record: Abacus"):
        growth.recorded(tmp_path, "06_saliency", "Slide rule")


@pytest.mark.parametrize(("spent", "again", "grown"), [(99.0, [], False), (126.0, [99.0], False), (126.0, [130.0, 127.0], True)])
def test_the_run_of_the_notebooks_asks_the_record(monkeypatch, spent, again, grown):
    def recorded(root, stem, kind):
        assert (stem, kind) == ("06_saliency", processor())
        return 100.0

    runs = iter(again)
    monkeypatch.setattr(growth, "recorded", recorded)
    monkeypatch.setattr(growth, "run_once", lambda lab, calibrate: SimpleNamespace(units=next(runs)))
    monkeypatch.setattr(conftest, "calibrate", lambda: None)
    item = SimpleNamespace(path=Path("solutions/06_saliency.ipynb"), spent=lambda: spent)
    if grown:
        with pytest.raises(conftest.TooSlow, match="06_saliency takes 126 units"):
            conftest.Growth.runtest(item)
    else:
        conftest.Growth.runtest(item)


def test_without_a_record_the_check_is_skipped_with_a_sentence(monkeypatch):
    monkeypatch.setattr(conftest, "course_root", lambda: Path("nowhere"))
    with pytest.raises(pytest.skip.Exception, match="are not on record for"):
        conftest.Growth.runtest(SimpleNamespace(path=Path("solutions/06_saliency.ipynb")))


def test_the_page_shows_every_lab():
    page = text_of({"machine": "An abacus.", "labs": {"07_b": ROW, "06_a": ROW | {"units": 20.0}}, "from clone": {
        "clone_s": 2.0, "figure_s": 5.5, "git_mb": 80.0, "files_mb": 60.0}})
    assert page.index("| 06_a | 50 | 40 | 20 |") < page.index("| 07_b | 50 | 40 | 80 |") < page.index("| all | 100 | 80 | 100 |")
    assert "5.5 s" in page and "An abacus." in page


@pytest.mark.slow
def test_a_lab_is_measured_and_put_on_record(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(TOY), os.environ.get("PYTHONPATH")])))
    lab = put_toy(tmp_path)
    assert bench_labs(root=lab.root) == 0
    row = json.loads((tmp_path / "docs" / "bench_labs.json").read_text(encoding="utf-8"))[processor()]["labs"][lab.stem]
    assert 0 < row["first_cell_s"] <= row["first_figure_s"] <= row["seconds"]
    assert row["cpu_s"] > 0.2 and 30 < row["memory_mib"] < 5000
    assert 0.05 * row["cpu_s"] < row["units"] < 20 * row["cpu_s"]  # a round takes between 0.05 and 20 s anywhere
    assert f"| {lab.stem} |" in (tmp_path / "docs" / "bench_labs.md").read_text(encoding="utf-8")
    assert growth.recorded(tmp_path, lab.stem, processor()) == row["units"]
    lab.source.write_text("# %%\nraise ValueError\n", encoding="utf-8")
    assert bench_labs(root=lab.root) == 1 and "00_toy.py" in capsys.readouterr().out
    assert growth.recorded(tmp_path, lab.stem, processor()) == row["units"]
