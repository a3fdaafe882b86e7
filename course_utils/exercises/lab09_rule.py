"""Exercise 09.1: points and weights of a quadrature rule."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

RULES = ("left", "right", "midpoint", "gauss")


def cases(seed):
    rng = np.random.default_rng([9, 1, seed])
    return [Case((rule, int(m)), f"{rule} rule with m = {m}")
            for rule, m in zip((*RULES, "gauss"), rng.choice(np.arange(2, 14), size=5, replace=False))]


def captum_rule(rule, m):
    from captum.attr._utils.approximation_methods import approximation_parameters

    name = {"left": "riemann_left", "right": "riemann_right", "midpoint": "riemann_middle", "gauss": "gausslegendre"}[rule]
    weights, alphas = approximation_parameters(name)
    return np.array(alphas(m)), np.array(weights(m))


def evenly(m, shift):
    return (np.arange(m) + shift) / m, np.full(m, 1 / m)


def gauss(m):
    nodes, weights = np.polynomial.legendre.leggauss(m)
    return (nodes + 1) / 2, weights / 2


def made_of(left=0.0, right=1.0, midpoint=0.5, gauss_rule=gauss):
    """A rule function with some of its four parts replaced."""
    shifts = {"left": left, "right": right, "midpoint": midpoint}
    return lambda rule, m: gauss_rule(m) if rule == "gauss" else evenly(m, shifts[rule])


def both_ends(rule, m):
    return gauss(m) if rule == "gauss" else (np.linspace(0, 1, m), np.full(m, 1 / m))


def one_more(rule, m):
    return gauss(m) if rule == "gauss" else (np.linspace(0, 1, m + 1), np.full(m + 1, 1 / m))


def unweighted(rule, m):
    alphas, weights = made_of()(rule, m)
    return alphas, weights * m


def equal_weights(m):
    return gauss(m)[0], np.full(m, 1 / m)


def nodes_as_they_come(m):
    return np.polynomial.legendre.leggauss(m)


def weights_as_they_come(m):
    nodes, weights = np.polynomial.legendre.leggauss(m)
    return (nodes + 1) / 2, weights


def averages(args, answer):
    """The rule gives a constant back."""
    return bool(np.isclose(np.sum(answer[1]), 1, atol=1e-6))


def exact_for_lines(args, answer):
    """Midpoint and Gauss integrate a straight line exactly; left and right miss it by 1/2m."""
    miss = {"left": -0.5 / args[1], "right": 0.5 / args[1]}.get(args[0], 0.0)
    return bool(np.isclose(np.sum(np.asarray(answer[0]) * answer[1]), 0.5 + miss, atol=1e-6))


PATH_RULE = Exercise(
    id="09.1", title="Where to stand on the path", points=1, minutes=7, difficulty=1, function="path_rule",
    cases=cases, oracle=captum_rule,
    laws=(Law("weights", "The weights of a mean add up to 1.", averages),
          Law("straight line", "Of the straight line f(α) = α the integral is 1/2: midpoint and Gauss give it exactly, left is 1/2m too "
              "small and right 1/2m too large.", exact_for_lines)),
    hints=(
        "Draw the interval from 0 to 1, cut into m = 4 equal parts. Where does each rule take its point in the first part? How many points "
        "are there in all?",
        "The three even rules differ by a shift: 0, a half or a whole part beyond the left edge of each part, and every weight is 1/m. "
        "Gauss's points come for [-1, 1], an interval twice as long that starts one too far left.",
        "`np.arange(m) + shift`, divided by m, for the three; for Gauss add 1 to the nodes and halve, and halve the weights too.",
    ),
    misconceptions=(
        Misconception("both ends counted", both_ends,
                      "`np.linspace(0, 1, m)` takes both ends of the path, so its m points have only m - 1 parts between them, and it is none of "
                      "the three rules. Take one point from each of m parts: left edge, middle or right edge."),
        Misconception("m + 1 points", one_more,
                      "There are m + 1 edges but m parts: you take m + 1 points with the weight 1/m each, and your weights add up to more than 1."),
        Misconception("left and right exchanged", made_of(left=1.0, right=0.0),
                      "Left and right are exchanged: the left rule starts with α = 0, the baseline; the right one ends with α = 1, the input."),
        Misconception("midpoint at the edges", made_of(midpoint=0.0),
                      "Your midpoint rule stands at the left edges. Half a part further on are the middles."),
        Misconception("sum for mean", unweighted,
                      "Your weights add up to m: the rule would give m times the integral. Divide by m."),
        Misconception("Gauss on the wrong interval", made_of(gauss_rule=nodes_as_they_come),
                      "`leggauss` gives points and weights for the interval from -1 to 1; the path runs from 0 to 1. Move and shrink the points, "
                      "and shrink the weights with them."),
        Misconception("Gauss's weights not halved", made_of(gauss_rule=weights_as_they_come),
                      "Gauss's points are right, but his weights still add up to 2, the length of the interval from -1 to 1."),
        Misconception("Gauss with equal weights", made_of(gauss_rule=equal_weights),
                      "Gauss's points have unequal weights: those in the middle of the path count most. `leggauss` returns them too."),
    ),
    rtol=1e-5, atol=1e-6,
)
