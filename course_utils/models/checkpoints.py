"""Trained networks in data/checkpoints/: NAME.safetensors, and its card NAME.json beside it.

A card says: architecture, classes, data, seed, accuracy, number of parameters, sha256 of the
weights' file, and the command that trains it again.
"""

import hashlib
import json
import os

from ..settings import course_root


def folder():
    """pathlib.Path of the folder with the checkpoints."""
    return course_root() / "data" / "checkpoints"


def checkpoint_names():
    """Names of the checkpoints that have a card, in alphabetical order."""
    return sorted(path.stem for path in folder().glob("*.json"))


def card(name):
    """The card of a checkpoint as a dict; ValueError for an unknown name."""
    path = folder() / f"{name}.json"
    if not path.is_file():
        known = ", ".join(checkpoint_names()) or "none"
        raise ValueError(f"There is no checkpoint {name!r} (there are: {known}); check the name, or run: python3 course.py train {name}")
    return json.loads(path.read_text(encoding="utf-8"))


def load(name):
    """A trained network from its checkpoint.

    Parameters
    ----------
    name : str
        E.g. "zoonet" or "zoonet_dense"; see `checkpoint_names`.

    Returns
    -------
    torch.nn.Module
        On the CPU, in eval mode. Its parameters do not ask for gradients, so that a gradient can
        only come from an input that asks for one; call `model.requires_grad_()` to train it on.

    Raises
    ------
    ValueError
        For an unknown name, or a file that is missing or is not the one that its card names.
    """
    from safetensors.torch import load as read

    from .networks import ARCHITECTURES

    facts = card(name)
    fine, sentence, content = _check(name, facts)
    if not fine:
        raise ValueError(f"{sentence}; run: git checkout -- data/checkpoints, or train it again: {facts['rebuild']}")
    model = ARCHITECTURES[facts["architecture"]](classes=len(facts["class_names"]))
    model.load_state_dict(read(content))
    return model.eval().requires_grad_(False)


def save(name, model, facts):
    """Write a checkpoint and its card, each in one step, so that a cut leaves the old ones.

    facts: dict with at least architecture, class_names, data, seed, accuracy.
    """
    from safetensors.torch import save as pack

    content = pack({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    facts = facts | {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "sha256": hashlib.sha256(content).hexdigest(),
        "rebuild": f"python3 course.py train {name}",
    }
    folder().mkdir(parents=True, exist_ok=True)
    _replace(folder() / f"{name}.safetensors", content)
    _replace(folder() / f"{name}.json", (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())
    return facts


def verify_checkpoints():
    """What the doctor asks: list of (name, ok, sentence), one for each checkpoint."""
    findings = []
    for name in checkpoint_names():
        try:
            fine, sentence, _ = _check(name, card(name))
        except (ValueError, KeyError):
            fine, sentence = False, f"The card of checkpoint {name} cannot be read"
        findings.append((name, fine, sentence))
    return findings


def _check(name, facts):
    path = folder() / f"{name}.safetensors"
    if not path.is_file():
        return False, f"The weights of checkpoint {name} are missing", b""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        return False, f"The weights of checkpoint {name} are not those that its card names (sha256 differs)", b""
    return True, f"weights as on its card, {facts['accuracy']:.1%} {facts.get('accuracy_says', 'of unseen pictures right')}", content


def _replace(path, content):
    part = path.with_name(path.name + f".{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
