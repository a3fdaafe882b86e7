"""Exercise 03.3: modes captured and samples of high quality."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception


def sampled(seed):
    """Samples of several runs around centres that stand 8 to 20 sigma apart: good ones, near misses, strays."""
    rng = np.random.default_rng([3, 3, seed])
    cases = []
    for runs, n, side, sigma in ((3, 60, 2, 0.1), (2, 80, 3, 0.2), (4, 40, 2, 0.05)):
        spacing = sigma * rng.uniform(8, 20)
        grid = np.stack(np.meshgrid(*[np.arange(side)] * 2), axis=-1).reshape(-1, 2)
        centres = spacing * grid + rng.uniform(-1, 1, size=2)
        samples = np.empty((runs, n, 2))
        for run in range(runs):
            covered = rng.permutation(len(centres))[: int(rng.integers(1, len(centres)))]
            radius = sigma * np.abs(rng.normal(0, 2.0, size=n))
            angle = rng.uniform(0, 2 * np.pi, size=n)
            samples[run] = centres[rng.choice(covered, size=n)] + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            left = next(k for k in range(len(centres)) if k not in covered)
            samples[run, :3] = centres[left] + sigma * np.array([[2.6, 2.6], [-2.5, 2.7], [3.3, 0.1]])  # beside a centre, not on it
        samples[0, 3] = centres[0] + sigma * np.array([0.5, -0.5])
        cases.append(Case((samples, centres, sigma), f"{runs} runs of {n} samples, {len(centres)} centres, sigma {sigma}"))
    return cases


def by_tree(samples, centres, sigma):
    """Nearest centres from scipy's tree, run by run, modes as a set."""
    from scipy.spatial import cKDTree

    tree, modes, good = cKDTree(centres), [], []
    for run in samples:
        distance, which = tree.query(run)
        modes.append(len({int(k) for k, d in zip(which, distance) if d <= 3 * sigma}))
        good.append(sum(d <= 3 * sigma for d in distance) / len(run))
    return np.array(modes), np.array(good)


def counted(radius=3.0, norm=2, per_run=True, need_good=True, share_of="samples", least=1):
    """The right answer with one thing changed."""
    def count_modes(samples, centres, sigma):
        distance = np.linalg.norm(samples[:, :, None] - centres, ord=norm, axis=-1)
        nearest = distance.argmin(axis=-1)
        good = distance.min(axis=-1) <= radius * sigma
        hit = (nearest[..., None] == np.arange(len(centres))) & (good | (not need_good))[..., None]
        modes = (hit.sum(axis=1) >= least).sum(axis=-1)
        share = good.mean(axis=1)
        if not per_run:
            modes, share = np.full(len(samples), hit.any(axis=(0, 1)).sum()), np.full(len(samples), good.mean())
        return modes, modes / len(centres) if share_of == "modes" else share
    return count_modes


def squared_distance(samples, centres, sigma):
    near = ((samples[:, :, None] - centres) ** 2).sum(axis=-1) <= 3 * sigma
    return near.any(axis=1).sum(axis=1), near.any(axis=2).mean(axis=1)


COUNT_MODES = Exercise(
    id="03.3", title="Modes captured, samples of high quality", points=2, minutes=10, difficulty=1, function="count_modes",
    cases=sampled, oracle=by_tree,
    laws=(Law("no modes without good samples", "A run without a single good sample captures no mode, and no run captures more than there are centres.",
              lambda args, answer: bool(((answer[0] > 0) == (answer[1] > 0)).all() and (answer[0] <= len(args[1])).all())),),
    hints=(
        "One table of distances, (runs, n, modes), answers both questions.",
        "`samples[:, :, None] - centres` broadcasts to (runs, n, modes, 2). A sample is good where its smallest distance is at most 3 sigma, "
        "and it then counts for the centre at that distance.",
        "`near = distance <= 3 * sigma; modes = near.any(axis=1).sum(axis=1)`, as long as no sample is within reach of two centres; "
        "`good = near.any(axis=2).mean(axis=1)`",
    ),
    misconceptions=(
        Misconception("no radius", counted(need_good=False),
                      "You count the nearest centre of every sample, near or far: a mode is captured by a *good* sample, within 3 sigma."),
        Misconception("one sigma", counted(radius=1.0), "Your radius is one sigma; the rule is three."),
        Misconception("squared distance", squared_distance,
                      "You compare the *squared* distance with 3 sigma: take the root first."),
        Misconception("a square for a disc", counted(norm=np.inf),
                      "You compare each coordinate with 3 sigma: that is a square. The rule is about the distance, a disc."),
        Misconception("sum of coordinates", counted(norm=1),
                      "You add the absolute differences of the coordinates; the rule is about the straight (Euclidean) distance."),
        Misconception("all runs at once", counted(per_run=False),
                      "You pool all runs: a mode that one run captures is then credited to all. Count for each run, along axis 1."),
        Misconception("share of modes", counted(share_of="modes"),
                      "Your second answer is the share of modes; asked for is the share of *samples* that are good."),
    ),
    rtol=1e-9, atol=1e-12,
)
