"""Exercise 10.1: guided backprop's ReLU through tf.custom_gradient."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

# CS230, interpretability slides, II.C: what goes into the ReLU, and what comes back to it
SLIDE_FORWARD = np.array([[1.0, -2, 3, -4], [4, -1, -1, -2], [30, 2, 0, 1], [1, -2, -9, 7]])
SLIDE_BACKWARD = np.array([[-2.0, 1, -31, -3], [3, 4, 2, 14], [-2, 12, 4, 1], [10, 10, 2, 1]])


def cases(seed):
    rng = np.random.default_rng([101, seed])
    order = rng.permutation(16)
    shuffled = [table.ravel()[order].reshape(4, 4) for table in (SLIDE_FORWARD, SLIDE_BACKWARD)]
    maps = rng.normal(size=(2, 3, 4, 5)).round(1)
    return [Case(tuple(shuffled), "the slide's numbers in another order"),
            Case((maps, rng.normal(size=maps.shape)), "two pictures, 3x4 places, 5 channels"),
            Case((rng.integers(-2, 3, size=(3, 6)).astype(float), rng.normal(size=(3, 6))), "a dense layer's values, zeros among them")]


def through_tape(function, values, upstream):
    """What the pair computes inside a gradient tape: (output, what reaches the values)."""
    from course_utils.models.quiet_tensorflow import tf

    pair = function(tf.constant(values))
    if not (isinstance(pair, tuple) and len(pair) == 2 and callable(pair[1])):
        return pair.numpy() if tf.is_tensor(pair) else pair
    given = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(given)
        output = tf.custom_gradient(function)(given)
    back = tape.gradient(output, given, output_gradients=tf.constant(upstream))
    return output.numpy(), None if back is None else back.numpy()


def by_captum(values, upstream):
    """Captum's guided backprop through one ReLU whose outputs are weighted by `upstream`."""
    from captum.attr import GuidedBackprop

    class Weighed(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, given):
            return (self.relu(given) * torch.from_numpy(upstream)).sum(dim=tuple(range(1, given.ndim)))

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        back = GuidedBackprop(Weighed()).attribute(torch.from_numpy(values).requires_grad_())
    return np.clip(values, 0, None), back.detach().numpy()


def variant(back, forward=lambda values, tf: tf.nn.relu(values)):
    """A ReLU with another way back, or another way forward."""
    def guided_relu(values):
        from course_utils.models.quiet_tensorflow import tf

        return forward(values, tf), lambda upstream: back(values, upstream, tf)
    return guided_relu


def right(values, upstream, tf):
    return tf.where((values > 0) & (upstream > 0), upstream, tf.zeros_like(upstream))


def only_both(args, answer):
    values, upstream = args
    return not (answer[1][(values <= 0) | (upstream <= 0)]).any()


EXERCISE = Exercise(
    id="10.1", title="A guided ReLU", points=2, minutes=12, difficulty=1, function="guided_relu",
    cases=cases, oracle=by_captum, call=through_tape,
    laws=(Law("both signs", "Nothing passes back where the ReLU was off, and nothing where what comes back is not positive.", only_both),
          Law("a ReLU forward", "Forward it is the plain ReLU: the network's scores must not change.",
              lambda args, answer: bool(np.allclose(answer[0], np.maximum(args[0], 0))))),
    hints=("The function returns two things: the output, and a function that will be called with what comes back from above. That "
           "inner function still sees `values`.",
           "Two questions decide for every entry: was the input positive, and is what comes back positive? Guided backprop wants two "
           "yes. The plain gradient asks only the first, the deconvnet only the second.",
           "inside `backward`: multiply tf.nn.relu(upstream) by the mask values > 0, cast to the dtype of upstream; after it, "
           "`return tf.nn.relu(values), backward`"),
    misconceptions=(
        Misconception("plain gradient", variant(lambda v, u, tf: tf.where(v > 0, u, tf.zeros_like(u))),
                      "You ask only whether the input was positive: that is the ReLU's own gradient. Guided backprop also cuts off "
                      "what is negative in `upstream`."),
        Misconception("deconvnet", variant(lambda v, u, tf: tf.nn.relu(u)),
                      "You ask only whether what comes back is positive: that is the deconvnet's rule. Guided backprop also needs the "
                      "ReLU to have been on, values > 0."),
        Misconception("no rule", variant(lambda v, u, tf: u),
                      "Everything passes back unchanged, as if there were no ReLU: mask by the sign of the input and by the sign of "
                      "what comes back."),
        Misconception("zero counts as on", variant(lambda v, u, tf: tf.where((v >= 0) & (u > 0), u, tf.zeros_like(u))),
                      "An input of exactly zero lets `upstream` pass in your version: the ReLU is on only where values > 0, not >= 0. "
                      "The slide's mask has a zero there, too."),
        Misconception("times the activation", variant(lambda v, u, tf: tf.nn.relu(v) * tf.nn.relu(u)),
                      "You multiply by the activation itself; only its sign decides, as a mask of zeros and ones."),
        Misconception("sign of the wrong one", variant(lambda v, u, tf: tf.where((v > 0) & (u < 0), u, tf.zeros_like(u))),
                      "You let the negative part of `upstream` pass; guided backprop keeps the positive part."),
        Misconception("linear forward", variant(right, forward=lambda v, tf: tf.identity(v)),
                      "Your way back is right, but the forward value is not a ReLU any more: return tf.nn.relu(values), or the scores "
                      "of the network change."),
    ),
)
