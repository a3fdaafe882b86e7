"""The data set: `load` for generated sequences, the data class `Dna`, `knock_out`."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from ..arguments import rows, share, whole
from . import planting
from .motifs import INFORMATIVE, MOTIFS, letters
from .planting import ELEMENTS


@dataclass(frozen=True)
class Dna:
    """Sequences with their truth; `dna[idx]` keeps the sequences that idx selects.

    sequences      uint8 (n, 4, length), one-hot: rows A, C, G, T
    labels         int64 (n,): 1 bound, 0 unbound; index into class_names
    elements       int64 (n, slots): what is planted, index into element_names; -1 an empty slot
    spans          int64 (n, slots, 2): it covers the positions start, ..., stop - 1; -1 where empty
    strands        int8 (n, slots): +1 as written, -1 on the other strand, 0 empty or not known
    element_names  tuple of str
    names          tuple of n str
    """

    sequences: np.ndarray
    labels: np.ndarray
    elements: np.ndarray
    spans: np.ndarray
    strands: np.ndarray
    names: tuple
    element_names: tuple = field(default=ELEMENTS)
    class_names: tuple = field(default=("unbound", "bound"))

    def __len__(self):
        return len(self.sequences)

    def __getitem__(self, idx):
        """The selected sequences as Dna; an integer selects one (n = 1)."""
        chosen = rows(idx, len(self))
        arrays = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if not f.name.endswith("names")}
        return replace(self, names=tuple(self.names[k] for k in chosen), **arrays)

    @property
    def letters(self):
        """The sequences as a list of n str."""
        return letters(self.sequences)

    @property
    def gc(self):
        """Share of G and C in each sequence, float64 (n,)."""
        return self.sequences[:, 1:3].sum(axis=1).mean(axis=1)

    def count(self, *names):
        """How many elements of these names each sequence holds, int64 (n,)."""
        return np.isin(self.elements, self._numbers(names)).sum(axis=1)

    def mask(self, *names, informative=False):
        """Positions that the elements of these names cover, bool (n, length).

        With `informative`, only those at which the motif's matrix says at least half a bit: the
        gaps of MAF are left out. Elements without a matrix of ours count whole.
        """
        positions = np.arange(self.sequences.shape[2])
        start, stop = self.spans[..., :1], self.spans[..., 1:]
        inside = (positions >= start) & (positions < stop)  # (n, slots, length)
        covered = np.zeros((len(self), len(positions)), bool)
        for number in self._numbers(names):
            chosen = inside & (self.elements == number)[..., None]
            motif = MOTIFS.get(self.element_names[number])
            if informative and motif is not None:
                told = motif.information >= INFORMATIVE
                place = np.clip(positions - start, 0, motif.width - 1)
                chosen &= np.where(self.strands[..., None] < 0, told[::-1][place], told[place])
            covered |= chosen.any(axis=1)
        return covered

    @property
    def motif_masks(self):
        """bool (n, length): positions of the planted motifs that make a sequence bound."""
        return self.mask(*planting.BINDING) if self.element_names == ELEMENTS else self.mask(*self.element_names)

    def _numbers(self, names):
        for name in names:
            if name not in self.element_names:
                raise ValueError(f"{name!r} is planted in no sequence of this set; choose from {', '.join(self.element_names)}.")
        return [self.element_names.index(name) for name in names]


def load(n, seed, *, gc_bias=0.0):
    """Draw n sequences of 100 letters, half of them bound.

    A bound sequence holds one or two sites of AP-1 or MAF, or one of each, on either strand. An
    unbound one holds as many spoiled sites: shuffled ones, all letters in random order, or broken
    ones, in which four letters of the core or of the flanks have gone round in a circle. So the
    counts of the letters say nothing, and half a motif is not enough. CRE and GATA, the decoys,
    are in half of the sequences of either class.

    A site is a window that reaches 0.7 of the best score of AP-1 or MAF (see `scan`). Sequences
    with a planted site below it, or with an unplanted one above it, are drawn again: a sequence
    is bound exactly where it holds a site.

    The background's share of G and C differs from sequence to sequence, from 0.3 to 0.7, and C is
    rarely followed by G, as in the genomes of vertebrates.

    Parameters
    ----------
    n : int
        Sequences; the first k of a bigger set are the smaller set. Of every two in a row one is
        bound.
    seed : int
        Not negative.
    gc_bias : float
        From 0 to 0.2. Added to the share of G and C of the bound sequences' background, taken
        from that of the unbound ones': a shortcut to be found.

    Returns
    -------
    Dna

    Raises
    ------
    ValueError
        In one sentence, for anything else.

    Examples
    --------
    >>> from course_utils.datasets import dna
    >>> sites = dna.load(500, seed=1)
    >>> sites.sequences.shape, int(sites.labels.sum())
    ((500, 4, 100), 250)
    >>> start, stop = sites.spans[sites.labels == 1][0, 0]
    >>> sites.letters[int(sites.labels.argmax())][start:stop] != ""
    True
    """
    n, seed = whole("n", n, 1), whole("seed", seed)
    drawn = planting.draw(n, seed, share("gc_bias", gc_bias, 0, 0.2))
    return Dna(**drawn, names=tuple(f"generated {seed}.{k}" for k in range(n)))


def knock_out(sites, seed, names=planting.BINDING):
    """The sequences with the letters of every planted element of these names shuffled in place.

    Parameters
    ----------
    sites : Dna
    seed : int
    names : sequence of str
        From sites.element_names; give the decoys for a control.

    Returns
    -------
    uint8 (n, 4, length)
        With the same count of every letter.
    """
    uniform = np.random.Generator(np.random.PCG64(whole("seed", seed))).random(sites.elements.shape + (sites.sequences.shape[2],))
    chosen = np.isin(sites.elements, sites._numbers(tuple(names)))
    positions = np.arange(sites.sequences.shape[2])
    # Sorted by these keys, every position stays where it is but those of an element, which mix.
    keys = np.tile(positions + 0.5, (len(sites), 1))
    for slot in range(sites.elements.shape[1]):
        start, stop = sites.spans[:, slot, :1], sites.spans[:, slot, 1:]
        inside = chosen[:, slot, None] & (positions >= start) & (positions < stop)
        keys = np.where(inside, start + uniform[:, slot] * (stop - start), keys)
    return np.take_along_axis(sites.sequences, keys.argsort(axis=1, kind="stable")[:, None], axis=2)
