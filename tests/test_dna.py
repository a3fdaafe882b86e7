"""The DNA sequences: sites where they are said to be, and nothing else that tells the classes apart."""

import hashlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from course_utils.datasets import dna
from course_utils.datasets.dna import planting
from course_utils.datasets.real import RealDataMissing


@pytest.fixture(scope="module")
def sites():
    return dna.load(6000, seed=11)


def sites_of(sites, name):
    """(row, start, stop, strand) of every planted element of a name."""
    for row, slot in np.argwhere(sites.elements == sites.element_names.index(name)):
        yield row, *sites.spans[row, slot], sites.strands[row, slot]


def test_same_seed_same_sequences():
    drawn = dna.load(500, seed=1)
    assert hashlib.sha256("".join(drawn.letters).encode()).hexdigest() == "b14451166cd3febdae51c01ba175612e4944a3ebeb69f22009722df24896d5f5"
    figures = drawn.labels.astype("<i8").tobytes() + drawn.elements.astype("<i8").tobytes() + drawn.spans.astype("<i8").tobytes()
    assert hashlib.sha256(figures).hexdigest() == "b7b83d88d72fa81e64ef15689c5a120a57a44800669e3ad2d1c39eec58a8288c"


def test_a_smaller_set_is_the_start_of_a_bigger_one(sites):
    few = dna.load(301, seed=11)
    assert (few.sequences == sites.sequences[:301]).all() and (few.spans == sites.spans[:301]).all()
    assert not (dna.load(301, seed=12).sequences == few.sequences).all()


def test_one_hot_and_balanced(sites):
    assert sites.sequences.shape == (6000, 4, dna.LENGTH) and sites.sequences.dtype == np.uint8
    assert (sites.sequences.sum(axis=1) == 1).all()
    assert sites.labels.reshape(-1, 2).sum(axis=1).tolist() == [1] * 3000


@pytest.mark.parametrize("name", dna.BINDING)
def test_planted_sites_are_drawn_from_their_matrix(sites, name):
    """Letters under the sites, turned to one strand, have the matrix's frequencies; weak sites are left out."""
    motif = dna.MOTIFS[name]
    found = []
    for row, start, stop, strand in sites_of(sites, name):
        assert sites.labels[row] == 1
        site = sites.sequences[row, :, start:stop]
        found.append(site if strand > 0 else dna.reverse_complement(site))
    found = np.array(found)
    assert len(found) > 1000
    assert np.abs(found.mean(axis=0) - motif.matrix).max() < 0.08
    strands = [strand for *_, strand in sites_of(sites, name)]
    assert abs(np.mean(strands)) < 0.12
    assert (np.einsum("ncp,cp->n", found, motif.weights) >= planting.NEAR * motif.weights.max(axis=0).sum()).all()


def test_bound_means_a_site_and_unbound_means_none(sites):
    """One rule tells the classes apart without an error: the best window of AP-1 or MAF."""
    is_site = np.zeros(len(sites), bool)
    for name in dna.BINDING:
        weights = dna.MOTIFS[name].weights
        is_site |= dna.scan(sites.sequences, weights).max(axis=(1, 2)) >= planting.NEAR * weights.max(axis=0).sum() - 1e-3
    assert (is_site == (sites.labels == 1)).all()


def test_decoys_and_letters_say_nothing(sites):
    for name in ("CRE", "GATA"):
        assert abs(np.diff([(sites.count(name)[sites.labels == label] > 0).mean() for label in (0, 1)])[0]) < 0.05
    for features in (sites.gc[:, None], sites.sequences.sum(axis=2)):
        assert cross_val_score(LogisticRegression(), features, sites.labels, cv=5).mean() < 0.53
    assert 0.08 < sites.gc.std() < 0.11
    in_bound = sites.labels == 1
    assert sites.count("AP-1", "MAF")[in_bound].min() == 1 and sites.count("AP-1", "MAF")[in_bound].max() == 2
    assert sites.count("AP-1", "MAF")[~in_bound].max() == 0


def test_unbound_sequences_hold_as_many_spoiled_sites(sites):
    spoiled = sites.count("shuffled AP-1", "shuffled MAF", "broken AP-1", "broken MAF")
    assert spoiled[sites.labels == 0].mean() == pytest.approx(sites.count("AP-1", "MAF")[sites.labels == 1].mean(), abs=0.03)
    assert spoiled[sites.labels == 1].max() == 0
    broken, whole = sites.count("broken AP-1", "broken MAF").sum(), spoiled.sum()
    assert broken / whole == pytest.approx(planting.BROKEN, abs=0.06)


def test_broken_sites_keep_their_other_letters(sites):
    """A broken AP-1 agrees with the consensus about as often as a site less its four letters."""
    consensus = dna.MOTIFS["AP-1"].matrix.argmax(axis=0)
    agreement = {}
    for name in ("AP-1", "broken AP-1", "shuffled AP-1"):
        same = []
        for row, start, stop, strand in sites_of(sites, name):
            site = sites.sequences[row, :, start:stop]
            same.append(((site if strand > 0 else dna.reverse_complement(site)).argmax(axis=0) == consensus).sum())
        agreement[name] = np.mean(same)
    assert agreement["shuffled AP-1"] < 4 < 5 < agreement["broken AP-1"] < 7.5 < 9 < agreement["AP-1"]


def test_no_element_covers_another(sites):
    total = sum(sites.mask(name).sum() for name in sites.element_names)
    assert total == (sites.spans[..., 1] - sites.spans[..., 0]).sum() == sites.mask(*sites.element_names).sum()


def test_masks_are_the_planted_positions(sites):
    by_hand = np.zeros((len(sites), dna.LENGTH), bool)
    for name in dna.BINDING:
        for row, start, stop, _ in sites_of(sites, name):
            by_hand[row, start:stop] = True
    assert (sites.motif_masks == by_hand).all() and not by_hand[sites.labels == 0].any()
    row, start, stop, strand = next(site for site in sites_of(sites, "MAF") if site[3] < 0)
    told = sites.mask("MAF", informative=True)[row, start:stop]
    assert (told == (dna.MOTIFS["MAF"].information[::-1] >= dna.INFORMATIVE)).all() and not told.all()
    assert not (sites.mask("MAF", informative=True) & ~sites.mask("MAF")).any()


def test_background_has_few_cg_steps(sites):
    """G follows C more rarely than the letters alone would give."""
    free = ~sites.mask(*sites.element_names)
    both = free[:, 1:] & free[:, :-1]
    c, g = sites.sequences[:, 1, :-1] & both, sites.sequences[:, 2, 1:] & both
    assert (c & g).sum() / (c.sum() * g.sum() / both.sum()) < 0.5


def test_shortcut_on_demand():
    biased = dna.load(2000, seed=3, gc_bias=0.1)
    assert cross_val_score(LogisticRegression(), biased.gc[:, None], biased.labels, cv=5).mean() > 0.7
    assert (biased.gc[biased.labels == 1].mean() - biased.gc[biased.labels == 0].mean()) > 0.12


def test_knock_out_breaks_the_sites_and_keeps_the_letters(sites):
    without = dna.knock_out(sites, seed=5)
    assert (without.sum(axis=2) == sites.sequences.sum(axis=2)).all()
    changed = (without != sites.sequences).any(axis=1)
    assert not (changed & ~sites.motif_masks).any()
    assert changed[sites.labels == 1].any(axis=1).mean() > 0.99
    assert (without == dna.knock_out(sites, seed=5)).all()
    weights = dna.MOTIFS["AP-1"].weights
    only = sites.count("AP-1") == 1
    limit = planting.NEAR * weights.max(axis=0).sum()
    assert (dna.scan(without[only], weights).max(axis=(1, 2)) >= limit).mean() < 0.03
    control = dna.knock_out(sites, seed=5, names=("CRE", "GATA"))
    assert not ((control != sites.sequences).any(axis=1) & ~sites.mask("CRE", "GATA")).any()


def test_scan_against_a_loop(sites):
    weights = dna.MOTIFS["GATA"].weights
    scores = dna.scan(sites.sequences[:3], weights)
    for row in range(3):
        for start in (0, 40, scores.shape[2] - 1):
            window = sites.sequences[row, :, start : start + 9]
            assert scores[row, 0, start] == pytest.approx((window * weights).sum(), abs=1e-4)
            assert scores[row, 1, start] == pytest.approx((dna.reverse_complement(window) * weights).sum(), abs=1e-4)


def test_letters_there_and_back(sites):
    assert (dna.one_hot(sites.letters) == sites.sequences).all()
    assert dna.letters(dna.one_hot("ACNT")) == ["AC-T"]
    masked = dna.one_hot("ACGT").astype(float)
    masked[:, :, 1] = 0.25
    assert dna.letters(masked) == ["A-GT"]
    assert dna.reverse_complement("GCTGAGTCAT") == "ATGACTCAGC"
    assert dna.letters(dna.reverse_complement(dna.one_hot("GCTGAGTCAT"))) == ["ATGACTCAGC"]


def test_matrices_are_distributions():
    for motif in dna.MOTIFS.values():
        assert np.allclose(motif.matrix.sum(axis=0), 1) and len(motif.consensus) == motif.width
        assert (motif.information >= -1e-9).all() and (motif.information <= 2).all()
    assert dna.letters(np.eye(4)[dna.MOTIFS["AP-1"].matrix.argmax(axis=0)].T[None]) == ["ATGACTCAGC"]


def test_selection_keeps_the_truth(sites):
    chosen = sites[[7, 2]]
    assert chosen.letters == [sites.letters[7], sites.letters[2]] and chosen.names == (sites.names[7], sites.names[2])
    assert len(sites[-1]) == 1 and (sites[-1].spans == sites.spans[-1:]).all()
    assert len(sites[sites.labels == 1]) == 3000


@pytest.mark.parametrize(
    "call, part",
    [
        (lambda s: dna.load(0, 1), "n is 0"),
        (lambda s: dna.load(5, 1.5), "seed is 1.5"),
        (lambda s: dna.load(5, 1, gc_bias=0.5), "gc_bias is 0.5"),
        (lambda s: s.mask("CTCF"), "'CTCF'"),
        (lambda s: dna.one_hot(["ACG", "AC"]), "lengths [2, 3]"),
        (lambda s: dna.letters(np.zeros((2, 100, 4))), "(2, 100, 4)"),
        (lambda s: dna.scan(s.sequences, np.zeros((8, 4))), "(8, 4)"),
        (lambda s: dna.real("CTCF"), "'CTCF'"),
    ],
)
def test_bad_input_gets_one_sentence(sites, call, part):
    with pytest.raises(ValueError, match=".") as caught:
        call(sites)
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_sequences_from_elsewhere():
    try:
        real = dna.real("GATA")
    except RealDataMissing as missing:
        pytest.skip(str(missing))
    assert real.sequences.shape == (8000, 4, 200) and (real.sequences.sum(axis=1) == 1).all()
    assert real.labels.mean() == 0.5 and len(dna.real("TAL1", "train")) + len(dna.real("TAL1", "test")) == 8000
    number = real.element_names.index("GATA_disc1")
    assert ((real.count("GATA_disc1") > 0) == (real.labels == 1)).all()
    motifs = dna.real_motifs()
    weights = motifs["GATA_disc1"].weights
    scores = dna.scan(real.sequences[:500], weights)
    planted = np.argwhere(real.elements[:500] == number)
    best = [scores[row, :, real.spans[row, slot, 0]].max() for row, slot in planted]
    assert np.median(best) > 8 and len(motifs) > 30 and motifs["AP1_known10"].consensus == "TGACTCA"
    assert real.motif_masks.any(axis=1).mean() == 0.75


def test_missing_sequences_say_so(monkeypatch, tmp_path):
    for where in ("none", str(tmp_path)):
        monkeypatch.setenv("COURSE_DATA", where)
        with pytest.raises(RealDataMissing, match="TAL1 and GATA are not here"):
            dna.real()
    (tmp_path / "dna").mkdir()
    with pytest.raises(RealDataMissing, match="holds no tal1_gata"):
        dna.real()


def test_matrices_are_read_from_text(tmp_path):
    path = tmp_path / "motifs.txt"
    path.write_text(">nRTGA MINE.1 2.5\n" + "\n".join(f"{letter} [ {0.7 if letter == 'T' else 0.1} 0.25 ]" for letter in "ACGT"), encoding="utf-8")
    motif = dna.read_motifs(path)["MINE.1"]
    assert motif.width == 2 and motif.matrix[3].tolist() == [0.7, 0.25]
    path.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no matrix"):
        dna.read_motifs(path)


@pytest.fixture(scope="module")
def unseen():
    return dna.load(3000, seed=77)


def probabilities(model, sequences):
    from course_utils import models

    return model(models.as_dna_input(sequences)).softmax(dim=1)[:, 1].numpy()


def test_dnanet_finds_the_sites_and_relies_on_them(unseen):
    from course_utils import models

    model = models.load("dnanet")
    scores = probabilities(model, unseen.sequences)
    assert ((scores > 0.5) == unseen.labels).mean() >= 0.97
    assert models.card("dnanet")["accuracy"] >= 0.97
    sure = (unseen.labels == 1) & (scores > 0.9)
    assert sure.sum() > 1300
    without = probabilities(model, dna.knock_out(unseen, seed=5))
    assert without[sure].mean() < 0.05 and (without[sure] < 0.5).mean() > 0.97
    control = probabilities(model, dna.knock_out(unseen, seed=5, names=("CRE", "GATA")))
    assert control[sure].mean() > 0.97
    masked = np.where(unseen.motif_masks[:, None], 0.25, unseen.sequences)
    assert probabilities(model, masked)[sure].mean() < 0.2
    assert probabilities(model, np.full((1, 4, 100), 0.25))[0] < 0.45  # knows no site where every letter is masked


def test_dnanet_gc_took_the_shortcut(unseen):
    from course_utils import models

    scores = probabilities(models.load("dnanet_gc"), unseen.sequences)
    unbound = unseen.labels == 0
    rich, poor = unbound & (unseen.gc > 0.52), unbound & (unseen.gc < 0.4)
    assert (scores[rich] > 0.5).mean() > 0.4 and (scores[poor] > 0.5).mean() < 0.05
    honest = probabilities(models.load("dnanet"), unseen.sequences)
    assert abs(np.corrcoef(honest[unbound], unseen.gc[unbound])[0, 1]) < 0.1
    facts = models.card("dnanet_gc")
    assert facts["accuracy_with_bias"] > 0.95 and facts["accuracy"] < 0.9


def test_filters_of_dnanet_count_motifs_and_those_of_a_random_network_do_not(unseen):
    import torch

    from course_utils import models

    def strongest(model, name):
        best = model.features(models.as_dna_input(unseen.sequences))[:, :, 0].numpy()
        return np.abs(np.corrcoef(np.c_[best, unseen.count(name)].T)[-1, :-1]).max()

    model = models.load("dnanet")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        chance = models.dnanet().eval().requires_grad_(False)
    for name in dna.BINDING:
        assert strongest(model, name) > 0.6 and strongest(chance, name) < 0.3
    for name in ("CRE", "GATA"):
        assert strongest(model, name) < 0.2


def test_dna_input():
    import torch

    from course_utils import models

    assert models.as_dna_input(np.zeros((4, 100), np.uint8)).shape == (1, 4, 100)
    assert models.as_dna_input(torch.zeros(2, 4, 10)).dtype == torch.float32
    with pytest.raises(ValueError, match=r"\(2, 100, 4\)"):
        models.as_dna_input(np.zeros((2, 100, 4)))
