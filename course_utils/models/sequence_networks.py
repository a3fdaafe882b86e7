"""The networks that read sequences: `dnanet` reads DNA, `notesnet` reads clinic notes.

As in `networks`: a separate `nn.ReLU` for every use, pooling as a module, `torch.flatten`, no
normalisation layers.
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from ..datasets.notes import VOCABULARY


def as_dna_input(sequences):
    """Sequences as `dnanet` takes them.

    Parameters
    ----------
    sequences : array or tensor (n, 4, length), or one sequence (4, length)
        Rows A, C, G, T: one-hot as `dna.load` returns them, or shares such as 0.25 where a letter
        is masked.

    Returns
    -------
    torch.Tensor
        float32 (n, 4, length).

    Raises
    ------
    ValueError
        For another shape.
    """
    given = torch.as_tensor(np.ascontiguousarray(sequences) if isinstance(sequences, np.ndarray) else sequences)
    if given.ndim == 2:
        given = given[None]
    if given.ndim != 3 or given.shape[1] != 4:
        raise ValueError(f"as_dna_input got shape {tuple(given.shape)}, but takes (n, 4, length) with the rows A, C, G, T; give the sequences as dna.load returns them.")
    return given.float()


class DnaNet(nn.Module):
    """Filters over the sequence, the best place of each filter, two dense layers.

    features    conv, relu, pool: (n, 4, length) to the best activation of each filter, (n, filters, 1)
    classifier  dense1, relu, dense2: to logits (n, classes)
    """

    def __init__(self, classes, length, filters, width, hidden):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(conv=nn.Conv1d(4, filters, width, padding=width // 2), relu=nn.ReLU(), pool=nn.MaxPool1d(length))
        )
        self.classifier = nn.Sequential(
            OrderedDict(dense1=nn.Linear(filters, hidden), relu=nn.ReLU(), dense2=nn.Linear(hidden, classes))
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def dnanet(classes=2, length=100, filters=32, width=17, hidden=32):
    """Sequences (n, 4, length) to logits (n, classes): 32 filters of 17 letters, the best place of each."""
    return DnaNet(classes, length, filters, width, hidden)


class NotesNet(nn.Module):
    """Words to vectors, filters over windows of words, their sum over the note, one linear layer.

    The convolution has no bias and padding is the zero vector, so that the length to which a note
    is filled up changes nothing.
    """

    def __init__(self, classes, words, size, filters, width):
        super().__init__()
        self.embedding = nn.Embedding(words, size, padding_idx=0)
        self.conv = nn.Conv1d(size, filters, width, padding=width // 2, bias=False)
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(filters, classes)

    def forward(self, numbers):
        """Numbers of words int64 (n, words), as `notes.encode` gives them, to logits (n, classes)."""
        return self.read(self.embedding(numbers))

    def read(self, vectors):
        """Vectors of words (n, words, 16), as `embedding` gives them, to logits (n, classes)."""
        activations = self.relu(self.conv(vectors.transpose(1, 2)))
        return self.classifier(activations.sum(dim=2) / 10)


def notesnet(classes=2):
    """Notes as numbers of words (n, words) to logits (n, classes): vectors of 16, 24 filters of 9 words."""
    return NotesNet(classes, len(VOCABULARY), 16, 24, 9)
