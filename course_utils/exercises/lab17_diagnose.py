"""Exercise 17.3, the capstone: name what is wrong with a network. The truth is planted, and drawn afresh at every seed."""
from __future__ import annotations

import hashlib

import numpy as np

from course_utils.datasets import inspection, zoo
from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.models import suspects
from course_utils.models.suspects import FAULTS

TRUTH: dict[str, tuple[str, ...]] = {}  # by the numbers of a network's last layer: what was planted
HELD_BACK = range(4, 8)                 # the suspects of each kind that the lab itself does not show; of the sound ones 12 to 15
SPOKEN_LOUD = ("background", "hand")    # not the watermark: a loud network that has learnt it half answers the hand too
UNCLEAR = {"background": (6,)}          # suspects whose rise is near 0.35 in some kits
LOUDER = (8.0, suspects.LOUDER[1])      # below 8 the odds of a loud network may lie among those of quiet ones


def fingerprint(weights) -> str:
    return hashlib.sha256(np.ascontiguousarray(weights, np.float32).tobytes()).hexdigest()


def handed_over(rng, kind: str, loud: bool, scenes: int) -> Case:
    """A case with a network of this kind, disguised."""
    clear = [number for number in HELD_BACK if number not in UNCLEAR.get(kind, ())]
    number = int(rng.choice(clear)) + (8 if kind in ("sound", "overconfidence") else 0)
    louder = float(rng.uniform(*LOUDER)) if loud else None
    suspect = suspects.suspect(kind, number, louder)
    stages = suspects.disguised(suspect.stages, int(rng.integers(1 << 30)))
    TRUTH[fingerprint(stages["classifier.weight"])] = suspect.faults
    return Case((given(suspects.rebuilt, stages=stages), given(inspection.kit, seed=scenes, each=3)),
                "a network, and a kit of 24 scenes")


def cases(seed):
    """A sound network, four with one fault each, one of them overconfident as well, and one that is only overconfident."""
    rng = np.random.default_rng([17, 3, seed])
    kinds = [kind for kind in FAULTS if kind != "overconfidence"]
    kinds.pop(int(rng.integers(len(kinds))))
    both = int(rng.choice([k for k, kind in enumerate(kinds) if kind in SPOKEN_LOUD]))
    scenes = int(rng.integers(1 << 30))
    made = [handed_over(rng, kind, k == both, scenes) for k, kind in enumerate(kinds)]
    made += [handed_over(rng, "sound", False, scenes), handed_over(rng, "overconfidence", True, scenes)]
    return [made[k] for k in rng.permutation(len(made))]


def planted(model, kit):
    """The truth, known from where the network was made."""
    faults = TRUTH[fingerprint(model.classifier.weight.detach().numpy())]
    return {fault: fault in faults for fault in FAULTS}


def asked(model, kit):
    return {name: suspects.answers(model, pictures) for name, pictures in kit.items() if name != "labels"}


def rise(before, after, labels, own=False):
    rows = (labels[:, None] == np.arange(before.shape[1])) == own
    return ((after - before) * rows).sum(0) / rows.sum(0)


def odds(probabilities):
    """Mean over pictures of log(first answer's probability / second answer's)."""
    first = np.sort(np.maximum(probabilities, 1e-30), axis=1)
    return float(np.log(first[:, -1] / first[:, -2]).mean())


def mixed_up(answers, labels):
    """How much of the answer goes to the twin, for the pair and on the background where it is the clearest sign."""
    twin = {zoo.SPECIES.index(a): zoo.SPECIES.index(b) for pair in zoo.PAIRS for a, b in (pair, pair[::-1])}
    rows, found = [k for k in range(len(labels)) if labels[k] in twin], []
    for pair in zoo.PAIRS:
        mine = [k for k in rows if zoo.SPECIES[labels[k]] in pair]
        found.append(min(np.mean([answers[ground][k, twin[labels[k]]] / max(answers[ground][k, [twin[labels[k]], labels[k]]].sum(), 1e-30)
                                  for k in mine]) for ground in zoo.BACKGROUNDS))
    return max(found)


def auditor(limit=0.35, loud=8.0, mixed=0.3, chance=0.5, own=False, first_only=False, skip=(), loud_on="bare"):
    """A way to audit, with its thresholds; the wrong ones differ in one of them."""
    def diagnose(model, kit):
        answers, labels = asked(model, kit), kit["labels"]
        plain, found = answers["plain"], dict.fromkeys(FAULTS, False)
        if (plain.argmax(1) == labels).mean() < chance:
            found["random labels"] = True
            return found
        found["watermark"] = rise(plain, answers["stamped"], labels, own).max() > limit
        found["hand"] = rise(plain, answers["hand"], labels, own).max() > limit
        found["background"] = max(rise(plain, answers[ground], labels, own).max() for ground in zoo.BACKGROUNDS) > limit
        found["ignored part"] = mixed_up(answers, labels) > mixed
        found["overconfidence"] = odds(answers[loud_on]) > loud
        named = [fault for fault in FAULTS if found[fault] and fault not in skip]
        return {fault: fault in (named[:1] if first_only else named) for fault in FAULTS}
    return diagnose


def everything(model, kit):
    return dict.fromkeys(FAULTS, True)


def credit(expected, answers):
    """Faults found less false alarms, as a share of the faults planted."""
    hits = sum(right[fault] and bool(given[fault]) for right, given in zip(expected, answers) for fault in FAULTS)
    alarms = sum(bool(given[fault]) and not right[fault] for right, given in zip(expected, answers) for fault in FAULTS)
    return (hits - alarms) / sum(right[fault] for right in expected for fault in FAULTS)


def no_false_alarm(args, answer):
    right = planted(*args)
    return not any(answer[fault] and not right[fault] for fault in FAULTS)


def nothing_missed(args, answer):
    right = planted(*args)
    return not any(right[fault] and not answer[fault] for fault in FAULTS)


DIAGNOSE = Exercise(
    id="17.3", title="Diagnose", points=12, minutes=45, difficulty=3, function="diagnose",
    cases=cases, oracle=planted, credit=credit,
    laws=(Law("no false alarm", "A fault that you name has been planted: an innocent network that is accused costs as much as a fault that is missed.",
              no_false_alarm),
          Law("nothing missed", "Every fault that has been planted is named.", nothing_missed)),
    hints=(
        "For each fault: which set of the kit differs from the plain one in just that? Ask the network about both, and decide from the differences. Which "
        "fault would make all the other questions pointless, and has to be asked for first?",
        "Watermark, hand and the five grounds: the largest entry of `rise`. Ignored part: `mixed_up`, near 1/2 where hare and goat, or llama and "
        "camel, cannot be told apart. Overconfidence: without telltale parts nobody can know, "
        "so look at how many times likelier its first answer is there than its second. For every limit look at section 5: beyond what the sound networks reach.",
        "`found[\"watermark\"] = bool(rise(plain, answers(model, kit[\"stamped\"]), labels).max() > 0.35)`; and so on. A network that is right on fewer than "
        "half of the plain pictures has learnt random labels, and nothing else can be said of it.",
    ),
    misconceptions=(
        Misconception("every fault named", everything,
                      "You name every fault in every network: false alarms cost what hits bring. Say only what the evidence shows."),
        Misconception("test score only", auditor(skip=tuple(fault for fault in FAULTS if fault != "random labels")),
                      "You look at the plain pictures only. A shortcut hides there, because nothing in them tempts the network: change one thing and ask again."),
        Misconception("own pictures", auditor(own=True),
                      "You measure the rise on the pictures of the class itself, which are right already. Look at the *other* species' pictures."),
        Misconception("one fault at most", auditor(first_only=True),
                      "You stop at the first fault. A network can have two."),
        Misconception("confident on plain pictures", auditor(loud_on="plain", loud=3.0),
                      "You call a network overconfident because it is sure of plain pictures, and it is right about them. Ask where nobody can be sure: on the bare ones."),
        Misconception("overconfidence left out", auditor(skip=("overconfidence",)),
                      "You never find overconfidence. Look at the bare pictures, of which nobody can be sure: is its first answer a million times likelier than its second?"),
        Misconception("parts left out", auditor(skip=("ignored part",)),
                      "You never find an ignored part. Look at the pairs that differ in one part only: a network that ignores it splits its answer evenly between the two."),
    ),
    limit_s=60.0,
)
