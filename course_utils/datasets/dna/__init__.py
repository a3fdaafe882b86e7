"""DNA sequences with planted motifs, generated, with the place of everything planted.

    from course_utils.datasets import dna

    sites = dna.load(2000, seed=1)
    sites.sequences                    # uint8 (2000, 4, 100), rows A, C, G, T
    sites.labels, sites.letters[0]
    sites.mask("AP-1"), sites.count("AP-1"), sites.gc, sites.motif_masks
    dna.MOTIFS["MAF"].consensus, dna.MOTIFS["MAF"].matrix
    dna.scan(sites.sequences, dna.MOTIFS["AP-1"].weights)
    dna.knock_out(sites, seed=2)       # the same sequences with broken sites
    dna.load(2000, 1, gc_bias=0.1)     # a shortcut: bound sequences are richer in G and C
    dna.real("GATA")                   # simulated sequences from elsewhere, through COURSE_DATA

| module      | holds                                                                    |
|-------------|--------------------------------------------------------------------------|
| `sequences` | `load`, `knock_out`, the data class `Dna`                                |
| `motifs`    | MOTIFS, `one_hot`, `letters`, `reverse_complement`, `scan`               |
| `planting`  | how a sequence comes about                                               |
| `real`      | `real`, `real_motifs`, `read_motifs`                                     |
"""

from .motifs import INFORMATIVE, LETTERS, MOTIFS, Motif, letters, one_hot, reverse_complement, scan
from .planting import BINDING, ELEMENTS, LENGTH
from .real import read_motifs, real, real_motifs
from .sequences import Dna, knock_out, load

__all__ = [
    "BINDING", "ELEMENTS", "INFORMATIVE", "LENGTH", "LETTERS", "MOTIFS",
    "Dna", "Motif", "knock_out", "letters", "load", "one_hot", "read_motifs", "real", "real_motifs",
    "reverse_complement", "scan",
]  # fmt: skip
