"""The motifs that are planted, as matrices of probabilities, and the search for them.

Each matrix is ours: one column for a position of the consensus, its letter with the share that
the row STRENGTHS gives. The consensus sequences are facts of the literature:

AP-1   TGA(C/G)TCA, the site of Fos and Jun (Angel et al., Cell 49, 1987; JASPAR MA0099), here with
       the flanks RTGACTCAGC that NF-E2 and its relatives prefer (JASPAR MA0841), as in the
       lecture's table of subsets (ATGACTCAGC, GCTGAGTCAT).
MAF    Half of a Maf recognition element, TGCTGAC, with GCA and an AT-rich flank behind it, spaced
       as in the lecture's table (TGCTGAC--GCA-TTT). The whole palindromic element is
       TGCTGACTCAGCA (Kataoka et al., Mol. Cell. Biol. 14, 1994); half sites need AT-rich
       neighbours (Yoshida et al., Nucleic Acids Res. 33, 2005).
CRE    TGACGTCA, the cAMP response element (Montminy et al., PNAS 83, 1986): one letter more than
       AP-1, and another site. A decoy.
GATA   WGATAR (Ko and Engel, Mol. Cell. Biol. 13, 1993; JASPAR MA0035). A decoy.
"""

from dataclasses import dataclass

import numpy as np

LETTERS = "ACGT"
INFORMATIVE = 0.5  # bits from which a position of a motif counts as informative
_CODES = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "W": "AT", "S": "CG", "N": "ACGT"}


@dataclass(frozen=True)
class Motif:
    """A motif.

    name       str
    consensus  str (width,), IUPAC letters
    matrix     float64 (4, width): probabilities of A, C, G, T at each position; columns sum to 1
    """

    name: str
    consensus: str
    matrix: np.ndarray

    @property
    def width(self):
        """Positions of the motif."""
        return self.matrix.shape[1]

    @property
    def information(self):
        """Bits of each position, float64 (width,): 2 for one letter only, 0 for any of the four."""
        return 2 + np.sum(self.matrix * np.log2(np.maximum(self.matrix, 1e-300)), axis=0)

    @property
    def weights(self):
        """Log-odds in bits against letters that are all equally likely, float64 (4, width); at least -8."""
        return np.log2(np.maximum(self.matrix, 1e-3) / 0.25)


def _motif(name, consensus, strengths):
    matrix = np.zeros((4, len(consensus)))
    for position, (code, strength) in enumerate(zip(consensus, strengths, strict=True)):
        chosen = [LETTERS.index(letter) for letter in _CODES[code]]
        if len(chosen) == 4:
            matrix[:, position] = 0.25
            continue
        # Of a pair of letters the first one is twice as frequent as the second.
        shares = strength * (np.array([2, 1]) / 3 if len(chosen) == 2 else np.ones(1))
        matrix[:, position] = (1 - strength) / (4 - len(chosen))
        matrix[chosen, position] = shares
    matrix.flags.writeable = False
    return Motif(name, consensus, matrix)


_CORE, _EDGE = 0.97, 0.88
MOTIFS = {
    motif.name: motif
    for motif in (
        _motif("AP-1", "RTGACTCAGC", [0.90, _CORE, _CORE, _CORE, 0.92, _CORE, _CORE, _CORE, _EDGE, _EDGE]),
        _motif("MAF", "TGCTGACNNGCANTTT", [_EDGE, _CORE, _CORE, _CORE, _CORE, _CORE, _EDGE, 0, 0, _CORE, _CORE, _CORE, 0, 0.80, 0.80, 0.75]),
        _motif("CRE", "RTGACGTCAT", [0.90, _CORE, _CORE, _CORE, _CORE, _CORE, _CORE, _CORE, _CORE, 0.80]),
        _motif("GATA", "NWGATAARN", [0, 0.95, _CORE, _CORE, _CORE, _CORE, 0.92, 0.90, 0]),
    )
}


def one_hot(texts):
    """Sequences of letters as numbers.

    Parameters
    ----------
    texts : sequence of n str of equal length, or one str
        A, C, G, T in upper or lower case; any other letter gives a column of zeros.

    Returns
    -------
    uint8 (n, 4, length)
        Rows A, C, G, T; columns positions.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    lengths = {len(text) for text in texts}
    if len(lengths) != 1 or not min(lengths):
        raise ValueError(f"The sequences have lengths {sorted(lengths)[:5]}, but one common length is expected; cut or group them first.")
    codes = np.frombuffer("".join(texts).upper().encode("ascii", "replace"), np.uint8).reshape(len(texts), -1)
    alphabet = np.frombuffer(LETTERS.encode(), np.uint8)
    return (codes[:, None] == alphabet[:, None]).astype(np.uint8)


def letters(sequences, gap="-"):
    """One-hot sequences (n, 4, length) as a list of n str; a column without a 1 becomes `gap`."""
    sequences = np.asarray(sequences)
    if sequences.ndim == 2:
        sequences = sequences[None]
    if sequences.ndim != 3 or sequences.shape[1] != 4:
        raise ValueError(f"The sequences have shape {sequences.shape}, but (n, 4, length) is expected; give one row for each of A, C, G, T.")
    certain = sequences.max(axis=1) == 1
    codes = np.where(certain, np.frombuffer(LETTERS.encode(), np.uint8)[sequences.argmax(axis=1)], ord(gap))
    return [row.tobytes().decode() for row in codes.astype(np.uint8)]


def reverse_complement(sequences):
    """The other strand, read in its own direction: both the letters and the positions turn round.

    Works for one-hot sequences (n, 4, length), matrices (4, width) and strings.
    """
    if isinstance(sequences, str):
        return sequences[::-1].translate(str.maketrans("ACGTacgt", "TGCAtgca"))
    return np.asarray(sequences)[..., ::-1, ::-1]


def scan(sequences, weights):
    """Score of a matrix at every position of both strands.

    Parameters
    ----------
    sequences : array (n, 4, length)
    weights : array (4, width)
        As `Motif.weights`.

    Returns
    -------
    float32 (n, 2, length - width + 1)
        Sum of the weights of the letters under the matrix, in its own direction ([:, 0]) and
        turned round ([:, 1]), both at the leftmost position that it covers.
    """
    sequences, weights = np.asarray(sequences), np.asarray(weights, np.float32)
    width = weights.shape[-1]
    if sequences.ndim != 3 or sequences.shape[1] != 4 or weights.shape != (4, width) or width > sequences.shape[2]:
        raise ValueError(f"scan got sequences {sequences.shape} and weights {weights.shape}, but (n, 4, length) and (4, width) are expected with width at most length; check the order of the axes.")
    places = sequences.shape[2] - width + 1
    both = np.stack([weights, reverse_complement(weights)])
    scores = np.zeros((len(sequences), 2, places), np.float32)
    for offset in range(width):
        scores += np.einsum("sc,ncp->nsp", both[:, :, offset], sequences[:, :, offset : offset + places].astype(np.float32))
    return scores
