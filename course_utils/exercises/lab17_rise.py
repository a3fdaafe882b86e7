"""Exercise 17.1: what one change of the scene does to a network's answers."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def drawn(rng, n, classes):
    """Probabilities (n, classes) that add up to one."""
    return rng.dirichlet(np.full(classes, 0.4), size=n)


def cases(seed):
    rng = np.random.default_rng([17, 1, seed])
    made = []
    for n, classes in ((12, 4), (17, 5)):
        labels = rng.permutation(np.concatenate([np.arange(classes), rng.integers(classes, size=n - classes)]))
        made.append(Case((drawn(rng, n, classes), drawn(rng, n, classes), labels), f"{n} pictures, {classes} classes"))
    before, labels = drawn(rng, 14, 4), np.concatenate([np.zeros(5, np.int64), rng.integers(1, 3, size=9)])
    after = np.clip(before + 0.4 * np.eye(4)[np.zeros(14, np.int64)], 0, None)
    made.append(Case((before, after / after.sum(axis=1, keepdims=True), labels), "14 pictures, one class without a picture"))
    return made


def brute_force(before, after, labels):
    rises = []
    for c in range(before.shape[1]):
        changes = [after[k, c] - before[k, c] for k in range(len(labels)) if labels[k] != c]
        rises.append(sum(changes) / len(changes))
    return np.array(rises)


def over(chosen, change=lambda before, after: after - before):
    """The mean change of every class over the pictures (n, classes) that are chosen."""
    def rise(before, after, labels):
        rows = chosen(labels[:, None] == np.arange(before.shape[1]))
        return (change(before, after) * rows).sum(axis=0) / np.maximum(rows.sum(axis=0), 1)
    return rise


def over_all_zeroed(before, after, labels):
    others = labels[:, None] != np.arange(before.shape[1])
    return ((after - before) * others).mean(axis=0)


def one_number(before, after, labels):
    return np.full(before.shape[1], brute_force(before, after, labels).max())


def counted(before, after, labels):
    def votes(probabilities):
        return np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    return over(np.logical_not)(votes(before), votes(after), labels)


def bounds(args, answer):
    return bool(np.all(np.abs(answer) <= 1 + 1e-9))


def label_share(args, answer):
    """Rises weighted with their pictures, and the own classes' changes, cancel."""
    before, after, labels = args
    others = (labels[:, None] != np.arange(before.shape[1])).sum(axis=0)
    own = (after - before)[np.arange(len(labels)), labels].sum()
    return bool(np.isclose((np.asarray(answer) * others).sum() + own, 0, atol=1e-6))


RISE = Exercise(
    id="17.1", title="What one change does", points=2, minutes=8, difficulty=1, function="rise",
    cases=cases, oracle=brute_force,
    laws=(Law("bounds", "A mean change of probabilities lies between -1 and 1.", bounds),
          Law("balance", "What the other classes gain, the pictures' own classes lose: probabilities of a picture add up to one before and after.",
              label_share)),
    hints=(
        "For the class goose: which pictures may you look at, if a goose that becomes more of a goose is no cause for suspicion?",
        "Make a table of booleans (n, classes): is the picture's label another class than this column's? Average `after - before` over the rows that are "
        "True, column by column.",
        "`others = labels[:, None] != np.arange(before.shape[1])`, then `((after - before) * others).sum(axis=0) / others.sum(axis=0)`.",
    ),
    misconceptions=(
        Misconception("all pictures", over(lambda own: np.ones_like(own)),
                      "You average over all pictures, those of the class itself among them: their answers are right already and dilute the rise."),
        Misconception("own pictures", over(lambda own: own),
                      "You average over the pictures of the class itself. Ask the others: a stamp that makes geese of *other* animals is the fault."),
        Misconception("before minus after", over(np.logical_not, lambda before, after: before - after),
                      "Your sign is turned: a rise is after minus before."),
        Misconception("after only", over(np.logical_not, lambda before, after: after),
                      "You average the probabilities after the change only: take off what the network said before it, of the same scenes."),
        Misconception("absolute change", over(np.logical_not, lambda before, after: np.abs(after - before)),
                      "You take absolute changes: a class that the change makes *less* likely then looks suspicious too."),
        Misconception("divided by all", over_all_zeroed,
                      "You divide by the number of all pictures: divide by the number of those that you added up, which differs from class to class."),
        Misconception("answers counted", counted,
                      "You count answers (argmax) before and after. A probability that climbs from 0.1 to 0.45 is evidence too: average probabilities."),
        Misconception("one number", one_number,
                      "You return the largest rise for every class: which class rises is half of the finding."),
    ),
)
