"""Lab 17: the suspects and the kit, the definitions of the solved notebook, the capstone's credit, and the desk over its whole range."""
import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.datasets import inspection, zoo
from course_utils.exercises import lab17_diagnose, solved
from course_utils.exercises.judge import judge
from course_utils.models import suspects
from course_utils.widgets import audit_desk
from course_utils.widgets.controls import thinned
from course_utils.widgets.touch import STILLS


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("17")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def kit():
    return inspection.kit(3, each=2)


# The kit

def test_scenes_differ_in_one_thing(kit):
    assert {len(values) for values in kit.values()} == {16} and sorted(set(kit["labels"])) == list(range(8))
    same = (kit["stamped"] == kit["plain"]).all(axis=3)
    assert same[:, :54].all() and not same[:, 55:].all(axis=(1, 2)).any()       # the stamp lies in a lower corner
    assert all((kit[name] != kit["plain"]).any(axis=(1, 2, 3)).all() for name in ("hand", "noisy"))
    assert abs(np.std(kit["noisy"].astype(float) - kit["plain"]) - inspection.NOISE) < 1.5


def test_twins_are_one_picture_without_their_parts():
    seeds = np.arange(5)
    for one, other in zoo.PAIRS:
        bare = [zoo.draw(name, seeds, without=inspection.TELLTALES).pictures for name in (one, other)]
        assert np.array_equal(*bare)


def test_a_kit_belongs_to_whoever_asked(kit):
    kit_again = inspection.kit(3, each=2)
    kit_again["plain"][:] = 0
    assert np.array_equal(inspection.kit(3, each=2)["plain"], kit["plain"])


@pytest.mark.parametrize("each", [0, 2.5, True])
def test_a_kit_without_scenes_is_refused(each):
    with pytest.raises(ValueError, match="give at least 1"):
        inspection.kit(0, each=each)


# The suspects

def test_a_disguise_changes_every_number_and_no_answer():
    suspect = suspects.suspect("hand", 5)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    hidden = suspects.disguised(suspect.stages, 1)
    assert torch.allclose(suspects.rebuilt(hidden)(x), suspects.rebuilt(suspect.stages)(x), atol=1e-5)
    assert all((hidden[name] != values).mean() > 0.9 for name, values in suspect.stages.items() if name != "classifier.bias")


def test_what_is_planted_is_told():
    assert suspects.suspect("sound", 0).faults == ()
    assert suspects.suspect("overconfidence", 1).faults == ("overconfidence",)
    assert suspects.suspect("background", 2, louder=8.0).faults == ("background", "overconfidence")
    with pytest.raises(ValueError, match="count from 0 to 7"):
        suspects.suspect("hand", 8)
    with pytest.raises(ValueError, match="There is no kind 'moustache'"):
        suspects.suspect("moustache", 0)


def test_sound_suspects_are_right_and_the_card_counts_them():
    told = models.card("suspects")["suspects"]
    assert [sum(one["kind"] == kind for one in told) for kind in suspects.TRAINED] == list(suspects.EACH.values())
    assert min(one["accuracy"] for one in told if one["kind"] == "sound") >= 0.98
    assert max(one["accuracy"] for one in told if one["kind"] == "random labels") <= 0.4


# The questions

def test_rise_by_hand(lab):
    before = np.array([[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    after = np.array([[0.5, 0.5], [0.4, 0.6], [0.9, 0.1]])
    assert np.allclose(lab.rise(before, after, np.array([0, 1, 1])), [(0.3 + 0.6) / 2, 0.3])


def test_rises_of_the_library_are_those_of_the_exercise(lab, kit):
    network, names = suspects.rebuilt(suspects.suspect("hand", 2).stages), ("hand", "snow")
    said = {name: suspects.answers(network, kit[name]) for name in ("plain", *names)}
    assert np.allclose(suspects.rises(network, kit, names), [lab.rise(said["plain"], said[name], kit["labels"]) for name in names])


def test_p_values_by_hand(lab):
    assert np.allclose(lab.p_values(np.array([5.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0])), [1 / 4, 3 / 4, 1])


def test_odds_and_temperature_follow_the_scores_scale(lab):
    scores, labels = np.random.default_rng(0).normal(size=(400, 8)), np.random.default_rng(1).integers(8, size=400)
    scores[np.arange(400), labels] += 1.0

    def of(factor):
        return torch.from_numpy(factor * scores).softmax(1).numpy()

    assert lab.odds(of(5)) == pytest.approx(5 * lab.odds(of(1)))
    assert lab.temperature(of(4), labels) == pytest.approx(4 * lab.temperature(of(1), labels), rel=0.1)


def test_two_ways_to_ask_for_twins_agree(lab, kit):
    network = suspects.rebuilt(suspects.suspect("ignored part", 1).stages)
    said = {name: suspects.answers(network, kit[name]) for name in zoo.BACKGROUNDS}
    assert lab.mixed_up(said, kit["labels"]) == pytest.approx(lab17_diagnose.mixed_up(said, kit["labels"]))


# The capstone

def told(*faults):
    return {fault: fault in faults for fault in suspects.FAULTS}


@pytest.mark.parametrize("answers, share", [
    ([told("hand"), told(), told("watermark", "overconfidence")], 1.0),
    ([told("hand"), told(), told("watermark")], 2 / 3),
    ([told("hand"), told("background"), told("watermark", "overconfidence")], 2 / 3),
    ([told(*suspects.FAULTS)] * 3, (3 - 15) / 3),
    ([told()] * 3, 0.0),
])
def test_credit_counts_hits_less_false_alarms(answers, share):
    expected = [told("hand"), told(), told("watermark", "overconfidence")]
    assert lab17_diagnose.credit(expected, answers) == pytest.approx(share)


@pytest.mark.slow
def test_naming_everything_is_worth_nothing_and_a_half_right_audit_something():
    verdict = judge(lab17_diagnose.DIAGNOSE, lab17_diagnose.everything, 3)
    assert verdict.status == "wrong" and verdict.points == 0
    half = judge(lab17_diagnose.DIAGNOSE, lab17_diagnose.auditor(skip=("overconfidence",)), 3)
    assert half.status == "wrong" and 6 <= half.points < 12 and f"worth {half.points} points" in str(half)


def test_every_kind_of_fault_comes_up_and_none_is_told_by_its_place():
    orders = []
    for seed in range(6):
        faults = [lab17_diagnose.TRUTH[lab17_diagnose.fingerprint(case.args[0].parameters["stages"]["classifier.weight"])]
                  for case in lab17_diagnose.cases(seed)]
        assert () in faults and ("overconfidence",) in faults and len(faults) == 6
        orders.append(tuple(faults))
    assert len(set(orders)) == 6 and {fault for order in orders for faults in order for fault in faults} == set(suspects.FAULTS)


# The desk

def test_the_desk_has_the_networks_that_are_handed_over():
    assert audit_desk.SUSPECTS == {**suspects.HANDED_OVER, "sound": ("sound", 0)}


def test_the_stills_show_the_stamp_and_differ():
    assert thinned(list(audit_desk.CONDITIONS), STILLS) == ["plain", "stamped", "snow", "noisy"]


def test_the_desk_refuses_what_it_does_not_have():
    for setting in ({"suspect": "Z"}, {"condition": "upside down"}, {"species": "lion"}, {"scene": 9}):
        with pytest.raises(ValueError, match="choose"):
            audit_desk.draw(**setting)
