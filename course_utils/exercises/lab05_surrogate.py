"""Exercise 05.1: a tree that stands in for a model, and how well it does."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given


def black_box(seed, features, classes):
    """A smooth classifier drawn from a seed: rows (n, features) to classes (n,).

    Each class has four centres; a row goes to the class whose centres are nearest, by a sum of Gaussian bumps.
    """
    centres = np.random.default_rng(seed).normal(size=(classes, 4, features))

    def predict(rows):
        squared = ((np.asarray(rows, float)[:, None, None] - centres) ** 2).sum(axis=-1)  # (n, classes, 4)
        return np.exp(-squared).sum(axis=2).argmax(axis=1)

    return predict


def cases(seed):
    """Black boxes with two and three classes; three labels in ten are not what the box says."""
    rng = np.random.default_rng([51, seed])
    made = []
    for train, test, features, classes, depth in ((90, 70, 3, 2, 3), (110, 83, 5, 3, 4), (75, 64, 4, 2, 2)):
        box = int(rng.integers(2**31))
        predict = black_box(box, features, classes)
        rows = rng.normal(size=(train + test, features))
        said = predict(rows)
        labels = np.where(rng.random(len(rows)) < 0.3, rng.integers(0, classes, len(rows)), said)
        made.append(Case((given(black_box, seed=box, features=features, classes=classes), rows[:train], labels[:train], rows[train:], labels[train:], depth),
                         f"{classes} classes, {train} rows to fit and {test} held out, depth {depth}"))
    return made


def tree(rows, targets, depth):
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=depth, random_state=0).fit(rows, targets)


def oracle(predict, x_train, y_train, x_test, y_test, depth):
    """scikit-learn's tree and its accuracy score."""
    from sklearn.metrics import accuracy_score

    says = tree(x_train, predict(x_train), depth).predict(x_test)
    return says, accuracy_score(predict(x_test), says), accuracy_score(y_test, says)


def share(one, other):
    return float(np.mean(one == other))


def variant(targets=None, rows=None, limit=lambda depth: depth, scores=None):
    """The surrogate with one thing changed: targets or rows of the fit, depth, or what is scored."""
    def surrogate(predict, x_train, y_train, x_test, y_test, depth):
        fit_rows = x_train if rows is None else rows(x_train, x_test)
        model = tree(fit_rows, predict(fit_rows) if targets is None else targets(predict, y_train), limit(depth))
        says = model.predict(x_test)
        right = share(says, predict(x_test)), share(says, y_test)
        if scores is not None:
            right = scores(right, model, predict, x_train, y_train, x_test, y_test)
        return says, *right
    return surrogate


def shares(args, answer):
    return all(0 <= value <= 1 for value in answer[1:])


def known_classes(args, answer):
    predict, x_train = args[:2]
    return bool(np.isin(answer[0], predict(x_train)).all())


def agreement_bound(args, answer):
    """Where the tree agrees with the model and the model is right, the tree is right."""
    predict, x_test, y_test = args[0], args[3], args[4]
    return answer[2] >= answer[1] + share(predict(x_test), y_test) - 1 - 1e-9


EXERCISE = Exercise(
    id="05.1", title="A tree that stands in for a model", points=2, minutes=12, difficulty=1, function="surrogate",
    cases=cases, oracle=oracle,
    laws=(Law("shares", "Fidelity and accuracy are shares of rows, from 0 to 1.", shares),
          Law("classes of the model", "A tree that was fitted to the model's answers can only give classes that the model gives.", known_classes),
          Law("agreement", "Where the tree agrees with the model and the model is right, the tree is right: accuracy is at least fidelity + accuracy of the model - 1.",
              agreement_bound)),
    hints=("The tree imitates the model. Which targets does an imitator learn from, and which of the four arrays do you need at all?",
           "Ask the model for its answers on the training rows and fit the tree to them. Then let the tree answer on the test rows, and compare "
           "these answers with two things: what the model says there (fidelity), and the labels there (accuracy).",
           "tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x_train, predict(x_train)); says = tree.predict(x_test); fidelity is "
           "float(np.mean(says == predict(x_test)))"),
    misconceptions=(
        Misconception("tree on labels", variant(targets=lambda predict, y_train: y_train),
                      "Your tree learnt from the labels, so it is another model of the data; to imitate the model it has to learn from predict(x_train)."),
        Misconception("fidelity on training rows",
                      variant(scores=lambda right, model, predict, x_train, y_train, x_test, y_test: (share(model.predict(x_train), predict(x_train)), right[1])),
                      "Your fidelity is measured on the rows that the tree was fitted to, where a deep tree agrees by heart: use the test rows."),
        Misconception("fidelity against labels", variant(scores=lambda right, *rest: (right[1], right[1])),
                      "Your fidelity compares the tree with the labels; that is accuracy. Fidelity compares it with what the model says."),
        Misconception("accuracy of the model",
                      variant(scores=lambda right, model, predict, x_train, y_train, x_test, y_test: (right[0], share(predict(x_test), y_test))),
                      "Your accuracy is the model's, not the tree's: compare the tree's answers with the labels."),
        Misconception("scores swapped", variant(scores=lambda right, *rest: right[::-1]),
                      "Fidelity and accuracy have changed places: fidelity comes first."),
        Misconception("fitted to the test rows", variant(rows=lambda x_train, x_test: x_test),
                      "You fitted the tree to the test rows; then nothing is held out. Fit it to x_train."),
        Misconception("no limit on the depth", variant(limit=lambda depth: None),
                      "Your tree grows until it has learnt everything by heart: pass depth on as max_depth."),
        Misconception("errors counted", variant(scores=lambda right, *rest: (1 - right[0], 1 - right[1])),
                      "You return shares of disagreement; fidelity and accuracy are shares of agreement."),
    ),
)
