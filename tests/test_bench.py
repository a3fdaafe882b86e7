"""The benchmark of the methods: a row counts only where the results agree, and it is timed in turns."""
import ast
import json
import time
from dataclasses import asdict, replace

import pytest

from course_utils.bench import measure as measuring, methods
from course_utils.bench.measure import Measured, Row, measure, ratio
from course_utils.bench.memory import peak_of
from course_utils.bench.registry import GROUPS
from course_utils.bench.table import page, picture, shortfall
from course_utils.settings import course_root


def row(ours=lambda: 1.0, peer=lambda: 1.0, agree=lambda a, b: abs(a - b), tolerance=1e-6, bar=1.0, **more):
    return Row("group", "method", "setting", ours, peer, agree, tolerance, bar, **more)


def burn(milliseconds):
    """A call that takes this much processor time."""
    def call():
        until = time.process_time() + milliseconds / 1000
        while time.process_time() < until:
            pass
        return 1.0
    return call


def test_rows_that_disagree_do_not_count_and_are_not_timed():
    calls = []
    found = measure(row(ours=lambda: calls.append("ours") or 1.0, peer=lambda: calls.append("peer") or 1.1), 5)
    assert found.state == "disagree" and found.met is False and found.ratio is None and calls == ["ours", "peer"]
    assert found.difference == pytest.approx(0.1) and "does not count" in found.said


def test_a_difference_that_is_no_number_does_not_count():
    assert measure(row(agree=lambda a, b: float("nan")), 3).state == "disagree"


def test_the_ratio_is_the_peers_time_to_ours(monkeypatch):
    monkeypatch.setattr(measuring, "TURN_S", 0.0)
    found = measure(row(ours=burn(4), peer=burn(12), bar=2.0, ceiling=burn(2)), 5)
    assert found.state == "counted" and found.met and found.pairs == 5
    assert 2.5 < found.ratio < 3.5 and found.low <= found.ratio <= found.high
    assert 0.4 < found.share < 0.6 and 0.12 < found.peer_share < 0.22
    assert measure(row(ours=burn(4), peer=burn(4), bar=2.0), 3).met is False


def test_sides_take_turns_in_changing_order(monkeypatch):
    monkeypatch.setattr(measuring, "TURN_S", 0.0)
    seen = []
    measure(row(ours=lambda: seen.append("a") or 1.0, peer=lambda: seen.append("b") or 1.0), 4)
    assert "".join(seen[-8:]) == "abbaabba"


def test_slow_rows_take_fewer_turns_but_not_less_than_five(monkeypatch):
    monkeypatch.setattr(measuring, "TURN_S", 0.0)
    assert measure(row(ours=burn(3), peer=burn(3)), 50, limit_s=0.0).pairs == measuring.FEWEST


def test_median_and_quartiles_of_pairs():
    assert ratio([2, 4, 6, 8, 10], [2, 2, 2, 2, 2]) == (3, 2, 4)


def test_a_missing_peer_is_no_failure():
    found = measure(row(needs=("no_such_library",)), 3)
    assert (found.state, found.met, found.said) == ("not installed", None, "no_such_library is not installed")


def test_a_row_that_breaks_is_one_sentence():
    def broken():
        raise ValueError("first line\nsecond line")

    found = measure(row(peer=broken), 3)
    assert (found.state, found.met, found.said) == ("failed", False, "ValueError: first line")


def test_memory_is_what_a_call_adds_at_its_highest():
    assert 60 * 2**20 < peak_of(lambda: bytearray(64 * 2**20)) < 90 * 2**20
    assert peak_of(lambda: None) < 8 * 2**20


KEPT = Measured("group", "method", "setting", "Peer", "A note.", bar=1.5, share_bar=None, tolerance=1e-3, difference=1e-5, pairs=9, ours_s=0.1, peer_s=0.12,
                ceiling_s=0.09, ratio=1.2, low=1.1, high=1.3, share=0.9, peer_share=0.8, ours_mib=3.0, peer_mib=5.0)


def test_a_missed_bar_is_explained_by_the_ceiling():
    assert "about 1.25 times as fast as the peer at most" in shortfall(KEPT) and "out of reach" in shortfall(KEPT)
    assert shortfall(replace(KEPT, ratio=1.6)) == "" == shortfall(replace(KEPT, bar=None))


def test_page_and_plot_have_every_row():
    rows = [KEPT, replace(KEPT, name="another", ratio=2.0), replace(KEPT, name="third", state="disagree", said="the results differ")]
    groups = {"group": {"rows": [asdict(one) for one in rows], "failed": "The group ended early: reason", "load": [1.0, 2.0], "seconds": 3}}
    text = page(groups, "A machine.")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(rows) and len({line.count("|") for line in table}) == 1
    assert "✗" in table[2] and "✓" in table[3] and "the results differ" in table[4]
    assert "The group ended early: reason" in text and text.count("A note.") == 1
    svg = picture(groups)
    assert svg.startswith("<?xml") and picture(groups) == svg


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_its_function(group):
    module, _, function = GROUPS[group].partition(":")
    source = (course_root() / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    assert function in {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def test_a_group_that_breaks_is_one_sentence():
    rows, said = methods.in_process("no such group", quick=True)
    assert rows == [] and said == "The group no such group ended early: KeyError: 'no such group'"


@pytest.mark.slow
def test_one_small_group(tmp_path, capfd):
    assert methods.bench_methods(quick=True, only="lime_text", docs=tmp_path) == 0
    assert list(tmp_path.iterdir()) == [] and "times as fast" in capfd.readouterr().out
    group = {"rows": [asdict(KEPT)], "failed": "", "load": [0.0, 0.0], "seconds": 0}
    methods.write_all(tmp_path, {"occlusion": group})
    assert set(methods.kept(tmp_path / methods.KEPT)) == {"occlusion"} and json.loads((tmp_path / methods.KEPT).read_text(encoding="utf-8"))["machine"]
    assert {path.name for path in tmp_path.iterdir()} == {"bench_methods.json", "bench_methods.md", "bench_methods.svg"}
