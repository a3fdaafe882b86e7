"""Lab 11: the definitions of the solved notebook, called as a student would."""
import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.exercises import solved
from course_utils.exercises.lab11_games import KINDS, all_masks, game, table


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("11")
    return solved.definitions(path, path.stat().st_mtime_ns)


def threshold_between(values):
    """Above the empty set and below the whole; None where there is no room."""
    return (values[0] + 2 * values[-1]) / 3 if values[0] < values[-1] else None


# The three procedures

@pytest.mark.parametrize("seed", range(5))
def test_additive_functions_are_sorted_by_weight(lab, seed):
    weights = np.random.default_rng(seed).permutation(12) + 1.0
    assert np.array_equal(lab.back_select(lambda masks: masks @ weights, np.ones(12, bool)), np.argsort(weights))


def test_back_select_asks_once_a_step_and_keeps_its_input(lab):
    batches, subset = [], np.arange(9) % 2 == 0

    def value(masks):
        batches.append(len(masks))
        assert not masks[:, ~subset].any()
        return masks @ np.arange(9.0)

    assert lab.back_select(value, subset).tolist() == [0, 2, 4, 6, 8]
    assert batches == [5, 4, 3, 2, 1] and subset.sum() == 5


def test_find_sis_at_both_ends(lab):
    value, stack = (lambda masks: masks.sum(axis=1).astype(float)), np.array([3, 1, 0])
    assert not lab.find_sis(value, stack, 4, 0.0).any()
    assert np.flatnonzero(lab.find_sis(value, stack, 4, 2.0)).tolist() == [0, 1]
    assert lab.find_sis(value, stack, 4, 3.5) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_subsets_against_every_set(lab, kind, seed):
    p = 8
    values, masks = table(kind, p, seed), all_masks(p)
    threshold = threshold_between(values)
    if threshold is None:
        assert kind == "any"
        return
    subsets = lab.sis_collection(game(kind, p, seed), p, threshold)
    enough = masks[values >= threshold]
    assert len(subsets) and subsets.sum(axis=0).max() == 1
    for row in subsets:
        parts = enough[(enough <= row).all(axis=1)].sum(axis=1)
        assert row.sum() in parts and row.sum() - 1 not in parts      # sufficient, and no position can be spared
        if kind in ("additive", "monotone"):
            assert len(parts) == 1                                    # no proper part suffices
    if kind == "additive":
        assert subsets[0].sum() == enough.sum(axis=1).min()
    assert game(kind, p, seed)(~subsets.any(axis=0)[None])[0] < threshold


def test_no_decision_no_subset(lab):
    assert lab.sis_collection(lambda masks: masks.mean(axis=1), 5, 1.5).shape == (0, 5)


# Networks

def test_log_odds_are_those_of_the_softmax(lab):
    logits = torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(lab.log_odds(logits, 3), logits.softmax(dim=1)[:, 3].logit())


def test_masked_pixels_show_the_fill(lab):
    network = torch.nn.Linear(64, 3)
    picture, fill = torch.rand(64), torch.rand(64)
    mask = np.arange(64) % 3 == 0
    seen = torch.where(torch.from_numpy(mask), picture, fill)
    expected = lab.log_odds(network(seen[None]), 1).item()
    assert lab.value_of(network, picture, 1, fill)(mask[None])[0] == pytest.approx(expected, abs=1e-6)


def random_dna(n, length, seed):
    letters = np.random.default_rng(seed).integers(4, size=(n, length))
    return torch.from_numpy((letters[:, None] == np.arange(4)[:, None]).astype(np.float32))


@pytest.mark.parametrize("length, kept", [(100, 1.0), (100, 0.6), (40, 0.3), (200, 0.05)])
def test_local_values_are_the_plain_ones(lab, length, kept):
    torch.manual_seed(length)
    model = models.dnanet(length=length).eval()
    sequences = random_dna(3, length, seed=1)
    rest = torch.from_numpy(np.random.default_rng(2).random((3, length)) < kept)
    local = lab.without_each(model, sequences, rest)
    for k in range(3):
        masks = rest[k] & ~torch.eye(length, dtype=torch.bool)
        plain = lab.bound_odds(model, sequences[k].expand(length, -1, -1), masks)
        assert torch.allclose(local[k], plain, atol=1e-5)


@pytest.mark.slow
def test_side_by_side_is_one_by_one(lab):
    model, sequences = models.load("dnanet"), random_dna(6, 100, seed=4)
    sequences[:3, :, 40:50] = torch.from_numpy(lab.dna.one_hot("ATGACTCAGC")[0].astype(np.float32))
    owner, subset = lab.all_subsets(model, sequences, lab.TAU, 4)
    assert set(range(3)) <= set(owner.tolist())
    for k in range(6):
        def value(masks, k=k):
            return lab.bound_odds(model, sequences[k].expand(len(masks), -1, -1), torch.from_numpy(masks)).double().numpy()
        assert np.array_equal(lab.sis_collection(value, 100, lab.TAU), subset[owner == k])


# The table

def test_the_slides_two_strands_are_one_row(lab):
    texts = ["GCTGAGTCAT", "ATGACTCAGC", "TTTTTTTTTT"]
    assert lab.sis_table(texts, np.ones((3, 10), bool)) == [("ATGACTCAGC", 2), ("AAAAAAAAAA", 1)]


@pytest.mark.parametrize("text, name, offset", [("TGACTCA", "AP-1", 1), ("TGAGTCA", "AP-1", 1), ("TGC--GTCAGCA", "MAF", 0), ("GC--G-CAGCA", "MAF", 0)])
def test_texts_are_laid_on_their_motif(lab, text, name, offset):
    _, found, place, turned = lab.aligned(text)
    assert (found, place) == (name, offset) and turned in (text, lab.dna.reverse_complement(text))
