"""Exercise 10.2: LRP-epsilon through a dense layer."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab10_tensors import divide_no_nan, with_tensors


def cases(seed):
    rng = np.random.default_rng([102, seed])
    made = []
    for n, into, out, epsilon, about in ((3, 4, 4, 0.5, "activations of both signs"), (2, 5, 3, 0.3, "ReLU activations")):
        activations, weight = rng.normal(size=(n, into)), rng.normal(size=(into, out))
        if "ReLU" in about:
            activations = activations.clip(0)
            activations[0, int(rng.integers(into))] = 0.0
        bias = rng.normal(size=out)
        # one output of each picture a little below zero, where adding a positive epsilon changes the sign
        bias[0] = -0.1 - (activations @ weight)[:, 0].max()
        made.append(Case((activations, weight, bias, rng.normal(size=(n, out)), epsilon), f"{about}, {into} inputs, {out} outputs, epsilon {epsilon}"))
    for epsilon in (0.25, 0.0):
        activations, weight = rng.integers(1, 4, size=(1, 3)).astype(float), rng.integers(-3, 4, size=(3, 4)).astype(float)
        activations[0, 2] = 1.0
        weight[:2, 1] = rng.integers(1, 4, size=2)
        weight[2, 1] = -(activations[0, :2] @ weight[:2, 1])           # the second output is exactly zero
        weight[0, [0, 2, 3]] = rng.integers(4, 7, size=3) + 0.5        # the others are not
        bias = np.array([0.5, 0.0, 0.25, 0.75])
        made.append(Case((activations, weight, bias, rng.normal(size=(1, 4)), epsilon), f"an output that is exactly zero, epsilon {epsilon}"))
    return made


def by_contributions(activations, weight, bias, relevance, epsilon):
    """Brute force: every contribution a_i w_ij on its own, divided by what it is a part of."""
    shares = np.zeros(activations.shape)
    for n, picture in enumerate(activations):
        for j in range(weight.shape[1]):
            z = bias[j] + sum(picture[i] * weight[i, j] for i in range(len(picture)))
            whole = z + epsilon if z >= 0 else z - epsilon
            for i in range(len(picture)):
                shares[n, i] += picture[i] * weight[i, j] / whole * relevance[n, j] if whole else 0.0
    return shares


def plus_one(z):
    return np.where(z >= 0, 1.0, -1.0)


def variant(whole=lambda z, epsilon: z + epsilon * plus_one(z), divide=divide_no_nan, back=lambda s, w: s @ w.T,
            times=lambda a: a, keep_bias=True):
    """The rule with one thing changed."""
    def lrp_dense(activations, weight, bias, relevance, epsilon):
        a, w, b, r = (np.asarray(value) for value in (activations, weight, bias, relevance))
        with np.errstate(all="ignore"):
            return times(a) * back(divide(r, whole(a @ w + (b if keep_bias else 0), epsilon)), w)
    return lrp_dense


def evenly_by_activation(activations, weight, bias, relevance, epsilon):
    a, r = np.asarray(activations), np.asarray(relevance)
    return divide_no_nan(a, a.sum(1, keepdims=True)) * r.sum(1, keepdims=True)


def account(args, answer):
    activations, weight, bias, relevance, epsilon = args
    z = activations @ weight + bias
    arrives = (divide_no_nan(z - bias, z + epsilon * plus_one(z)) * relevance).sum(1)
    return np.allclose(answer.sum(1), arrives, rtol=1e-6, atol=1e-9)


EXERCISE = Exercise(
    id="10.2", title="LRP-epsilon through a dense layer", points=2, minutes=15, difficulty=2, function="lrp_dense",
    cases=cases, oracle=by_contributions, call=with_tensors,
    laws=(Law("account", "What arrives is what was sent, less the shares of bias and epsilon: for output j a part (z_j - b_j) / (z_j ± epsilon).", account),
          Law("no activation, no relevance", "An input that is zero has contributed nothing, so it gets nothing.",
              lambda args, answer: not answer[args[0] == 0].any())),
    hints=("Compute what every output was (z, with its bias), then relevance per unit of z, then send that back through the same weights.",
           "Four lines: z = activations times weight plus bias; z moved away from zero by epsilon; s = relevance over that, with "
           "tf.math.divide_no_nan; and the way back, a matrix product with the weight transposed, times the activations.",
           "activations * tf.matmul(s, weight, transpose_b=True), where s = tf.math.divide_no_nan(relevance, z + epsilon * sign(z))"),
    misconceptions=(
        Misconception("epsilon without a sign", variant(whole=lambda z, e: z + e),
                      "You add epsilon whatever the sign of z: for a z just below zero that moves the sum onto zero, or across it. "
                      "Epsilon takes the sign of z."),
        Misconception("absolute sum", variant(whole=lambda z, e: np.abs(z) + e),
                      "You divide by |z| + epsilon: where z is negative, every share gets the wrong sign. Keep the sign of z."),
        Misconception("no stabiliser", variant(whole=lambda z, e: z, divide=lambda r, z: r / z),
                      "You divide by z, and z can be zero, or so near to it that the shares explode: move it away from zero by "
                      "epsilon, and use tf.math.divide_no_nan."),
        Misconception("division by zero", variant(divide=lambda r, z: r / z),
                      "With epsilon 0 an output of exactly zero gives 0/0 or infinity: tf.math.divide_no_nan sends nothing back from there."),
        Misconception("sign of zero", variant(whole=lambda z, e: z + e * np.sign(z)),
                      "tf.sign(0) is 0, so an output of exactly zero gets no epsilon in your version: zero counts as positive here."),
        Misconception("not times the activations", variant(times=np.ones_like),
                      "The last step is missing: input i contributes a_i w_ij, so what comes back through the weights is multiplied by "
                      "the activations."),
        Misconception("weight not transposed", variant(back=lambda s, w: s @ w),
                      "You send relevance through the weight as it stands; the way back goes from outputs to inputs: "
                      "tf.matmul(s, weight, transpose_b=True)."),
        Misconception("bias left out of z", variant(keep_bias=False),
                      "Your z lacks the bias: an output is the sum of all contributions, and the bias is one of them. Whoever wants "
                      "none hands over a bias of zeros."),
        Misconception("no division", variant(whole=lambda z, e: np.ones_like(z)),
                      "You never divide by z: that is one step of gradient times input. A share is the contribution divided by the "
                      "whole of which it is a part."),
        Misconception("shares of the activations", evenly_by_activation,
                      "You share relevance out by the activations alone; the contribution of input i to output j is a_i w_ij, so the "
                      "weights decide, too."),
    ),
)
