"""The networks of the course.

    from course_utils import models

    model = models.load("zoonet")                # trained, frozen, in eval mode
    logits = model(models.as_input(pictures))    # (n, 8)

| module              | holds                                                     |
|---------------------|-----------------------------------------------------------|
| `networks`          | the architectures, small networks by seed, `as_input`     |
| `sequence_networks` | the networks of DNA and of notes, `as_dna_input`          |
| `glyph_networks`    | the networks of grey pictures and of DCGAN, `as_grey`     |
| `glyph_readers`     | `coverage`: classes that generated pictures show clearly  |
| `note_readers`      | `bag_of_words`, `note_probabilities`                      |
| `checkpoints`       | `load`, cards, checks of the files in `data/checkpoints/` |
| `recipes`           | how each checkpoint is trained: `train`                   |
| `robust_recipes`    | the networks of lab 12, `facing_right`                    |
| `suspects`          | the classifiers that lab 17 audits, `suspect`             |
| `suspect_recipes`   | how they came by their faults                             |
| `keras_twins`       | the same networks in Keras                                |

Importing this package imports neither torch nor TensorFlow; the first use does.
"""

import importlib

_WHERE = {
    "as_input": "networks",
    "small_cnn": "networks",
    "as_dna_input": "sequence_networks",
    "dnanet": "sequence_networks",
    "notesnet": "sequence_networks",
    "as_grey": "glyph_networks",
    "dcgan_discriminator": "glyph_networks",
    "dcgan_generator": "glyph_networks",
    "class_probabilities": "glyph_readers",
    "coverage": "glyph_readers",
    "bag_of_words": "note_readers",
    "note_probabilities": "note_readers",
    "zoonet": "networks",
    "zoonet_dense": "networks",
    "zoonet_robust": "networks",
    "card": "checkpoints",
    "checkpoint_names": "checkpoints",
    "load": "checkpoints",
    "verify_checkpoints": "checkpoints",
    "RECIPES": "recipes",
    "train": "recipes",
    "facing_right": "robust_recipes",
    "keras_twin": "keras_twins",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__():
    return sorted(set(globals()) | set(_WHERE))
