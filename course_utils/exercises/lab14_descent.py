"""Exercise 14.4: gradient descent with momentum and gains."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given


def valley(sharpness):
    """The gradient of a valley with its bottom at zero, as a function of the place: tanh(sharpness · y)."""
    return lambda y: np.tanh(np.asarray(sharpness, float) * y)


def ledge(sharpness):
    """The same, but the second coordinate is on level ground until the first one is below zero."""
    return lambda y: np.tanh(np.asarray(sharpness, float) * y) * np.stack([np.ones(len(y)), y[:, 0] < 0], axis=1)


def cases(seed):
    """Valleys with wide and narrow directions, and a long stretch of level ground on which the gains come down to their floor."""
    rng = np.random.default_rng([14, 4, seed])
    made = []
    for n, iterations, momentum, ground in ((4, 12, 0.5, valley), (3, 34, 0.1, ledge), (5, 6, 0.8, valley)):
        sharpness = np.exp(rng.uniform(np.log(0.1), np.log(50), size=(n, 2)))
        momentum = round(momentum + float(rng.uniform(-0.05, 0.05)), 3)
        rate = round(float(rng.uniform(0.3, 0.9)), 3)
        start = rng.normal(0, 2, size=(n, 2))
        if ground is ledge:
            sharpness[0], start[0] = (1, 5), (110 * rate, 1.5)  # some 27 iterations to the edge
        made.append(Case((given(ground, sharpness=sharpness), start, iterations, momentum, rate),
                         f"{n} points, {iterations} iterations, momentum {momentum}"))
    return made


def by_scikit_learn(gradient, start, iterations, momentum, learning_rate):
    """The loop inside scikit-learn's TSNE, asked anew for every number of iterations."""
    from sklearn.manifold._t_sne import _gradient_descent

    def objective(flat, compute_error=True):
        return 0.0, np.array(gradient(flat.reshape(start.shape))).ravel()

    path = [start]
    for count in range(1, iterations + 1):
        end, _, _ = _gradient_descent(objective, start.ravel().copy(), it=0, max_iter=count, n_iter_check=10**9, momentum=momentum,
                                      learning_rate=learning_rate, min_gain=0.01, min_grad_norm=0.0)
        path.append(end.reshape(start.shape))
    return np.stack(path)


def differently(*, gains_rule=None, floor=0.01, move=None, keep=lambda path, y: path.append(y.copy()), use_momentum=True, first=True):
    """The loop with one thing changed."""
    rule = gains_rule or (lambda gains, step, slope: np.where(step * slope < 0, gains + 0.2, gains * 0.8))
    step_of = move or (lambda momentum, step, rate, gains, slope: momentum * step - rate * gains * slope)

    def descend(gradient, start, iterations, momentum, learning_rate):
        y, step, gains = start.copy(), np.zeros_like(start), np.ones_like(start)
        path = []
        keep(path, y)
        for _ in range(iterations):
            slope = gradient(y)
            gains = np.maximum(rule(gains, step, slope), floor)
            step = step_of(momentum if use_momentum else 0.0, step, learning_rate, gains, slope)
            y = y + step
            keep(path, y)
        return np.stack(path)
    return descend


def gains_too_late(gradient, start, iterations, momentum, learning_rate):
    step, gains, path = np.zeros_like(start), np.ones_like(start), [start.copy()]
    for _ in range(iterations):
        slope = gradient(path[-1])
        last, step = step, momentum * step - learning_rate * gains * slope
        gains = np.where(last * slope < 0, gains + 0.2, gains * 0.8).clip(0.01)
        path.append(path[-1] + step)
    return np.stack(path)


def gains_after_the_step(gradient, start, iterations, momentum, learning_rate):
    step, gains, path = np.zeros_like(start), np.ones_like(start), [start.copy()]
    for _ in range(iterations):
        slope = gradient(path[-1])
        step = momentum * step - learning_rate * gains * slope
        gains = np.where(step * slope < 0, gains + 0.2, gains * 0.8).clip(0.01)
        path.append(path[-1] + step)
    return np.stack(path)


def always_the_same_array(gradient, start, iterations, momentum, learning_rate):
    path = differently()(gradient, start, iterations, momentum, learning_rate)
    return np.stack([path[-1]] * len(path))


def without_the_start(gradient, start, iterations, momentum, learning_rate):
    return differently()(gradient, start, iterations, momentum, learning_rate)[1:]


def steps_only(gradient, start, iterations, momentum, learning_rate):
    path = differently()(gradient, start, iterations, momentum, learning_rate)
    return np.concatenate([path[:1], np.diff(path, axis=0)])


DESCENT = Exercise(
    id="14.4", title="The loop", points=3, minutes=15, difficulty=2, function="descend",
    cases=cases, oracle=by_scikit_learn,
    laws=(
        Law("start", "The path begins at the start and has one entry more than there are iterations.",
            lambda args, answer: len(answer) == args[2] + 1 and np.array_equal(answer[0], args[1])),
        Law("first step", "Before there is a step the gains shrink once: the first step is -0.8 · learning_rate · slope.",
            lambda args, answer: np.allclose(answer[1] - answer[0], -0.8 * args[4] * args[0](args[1]))),
    ),
    hints=(
        "Three arrays of the shape of the map go from iteration to iteration: the place, the last step (zeros) and the gains (ones).",
        "In each iteration, in this order: slope at the place, gains, step, place. The gains need the last step and the new slope: where their signs "
        "differ, the last step went downhill and downhill still goes that way.",
        "`gains = np.where(step * slope < 0, gains + 0.2, 0.8 * gains).clip(0.01)`, then `step = momentum * step - learning_rate * gains * slope`.",
    ),
    misconceptions=(
        Misconception("uphill", differently(move=lambda m, step, rate, gains, slope: m * step + rate * gains * slope),
                      "You go uphill: subtract the slope."),
        Misconception("no gains", differently(gains_rule=lambda gains, step, slope: gains),
                      "Your gains stay at 1: they have to grow or shrink in every iteration."),
        Misconception("gains the wrong way", differently(gains_rule=lambda gains, step, slope: np.where(step * slope < 0, gains * 0.8, gains + 0.2)),
                      "Your gains grow where step and slope have the same sign. A slope of the step's own sign means that the step has leapt over "
                      "the bottom: there they shrink."),
        Misconception("gains grow where the signs agree", differently(gains_rule=lambda gains, step, slope: np.where(step * slope > 0, gains + 0.2, gains * 0.8)),
                      "Your gains grow where last step * slope is above zero: there the step has leapt over the bottom. They grow where it is below zero."),
        Misconception("gains too late", gains_too_late, "You change the gains after the step that should use them: the order is slope, gains, step, place."),
        Misconception("gains from the new step", gains_after_the_step,
                      "You compare the slope with the new step. Change the gains first, from the last step, and use them in the new one."),
        Misconception("no floor", differently(floor=0.0), "The gains have no floor: keep them at 0.01 or above."),
        Misconception("gain on the whole step", differently(move=lambda m, step, rate, gains, slope: gains * (m * step - rate * slope)),
                      "The gains multiply the slope only, not the momentum's part of the step."),
        Misconception("no momentum", differently(use_momentum=False), "The last step is forgotten: the new one begins with momentum times the last."),
        Misconception("average", differently(move=lambda m, step, rate, gains, slope: m * step - (1 - m) * rate * gains * slope),
                      "You weigh the slope with 1 - momentum, as Adam does; here it comes in whole."),
        Misconception("gains added", differently(gains_rule=lambda gains, step, slope: np.where(step * slope < 0, gains + 0.2, gains - 0.2)),
                      "Gains grow by adding 0.2 and shrink by a factor of 0.8, not by subtracting."),
        Misconception("gains multiplied", differently(gains_rule=lambda gains, step, slope: np.where(step * slope < 0, gains * 1.2, gains * 0.8)),
                      "Gains shrink by a factor of 0.8 but grow by adding 0.2."),
        Misconception("the same array over and over", always_the_same_array,
                      "Every entry of your path is the last place: you stored the same array each time. Store a copy, or write into path[t + 1]."),
        Misconception("start left out", without_the_start, "The path begins with the start itself: iterations + 1 entries."),
        Misconception("steps for places", steps_only, "You return the steps; asked for are the places, each the last one plus its step."),
    ),
    rtol=1e-6, atol=1e-9,
)
