"""Bayesian optimisation (lab 16) beside scikit-optimize's and BoTorch's.

A turn is one run: from the same initial sample to the same number of evaluations, so as many fits of the
hyperparameters and next points on each side. Every run has the next seed, so that the turns give the regrets too.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from course_utils.bench.measure import Row
from course_utils.bench.solved import lab
from course_utils.datasets import landscapes
from course_utils.datasets.landscapes import Landscape

SEEDS = 10
CLIMBERS, CANDIDATES = 4, 512      # lab 16 has 4 and 600


@dataclass
class Runs:
    """One side: a run for the next seed each time it is called; keeps the regrets."""

    run: Callable[[Landscape, np.ndarray, np.ndarray, int, int], np.ndarray]
    landscape: Landscape
    first: int
    evaluations: int
    regrets: dict[int, float] = field(default_factory=dict)

    def __call__(self) -> np.ndarray:
        """All evaluated points of the next run."""
        seed = len(self.regrets)
        x = np.random.default_rng(seed).random((self.first, self.landscape.dimensions))
        points = self.run(self.landscape, x, self.landscape(x), self.evaluations, seed)
        self.regrets[seed] = float(self.landscape.regret(self.landscape(points))[-1])
        return points

    def ten(self, seeds: int) -> np.ndarray:
        """Regrets of the first seeds; runs those that are still missing."""
        while len(self.regrets) < seeds:
            self()
        return np.array([self.regrets[seed] for seed in range(seeds)])


def rows(quick: bool) -> Iterator[Row]:
    lab16 = lab("16")
    peers = (("scikit-optimize, EI, all else default", "skopt", scikit_optimize, ei_of_scikit_optimize),
             ("BoTorch, log EI, model default", "botorch", botorch, ei_of_botorch))
    for name, first, evaluations in (("branin", 5, 8 if quick else 30), *(() if quick else (("hartmann6", 10, 50),))):
        landscape = landscapes.load(name)
        for against, module, run, improvement in peers:
            ours, theirs = (Runs(one, landscape, first, evaluations) for one in (own(lab16), run))
            yield Row("bayes", "Bayesian optimisation", f"{name}, {evaluations - first} iterations", ours, theirs,
                      agree_on(improvement, lab16, landscape), 1e-6, 4, needs=(module,), against=against,
                      about=Regrets(ours, theirs, name, against.partition(",")[0], 2 if quick else SEEDS))


@dataclass
class Regrets:
    """The sentence on the regrets of both sides, made when it is asked for."""

    ours: Runs
    theirs: Runs
    landscape: str
    peer: str
    seeds: int

    def __call__(self) -> str:
        mine, other = self.ours.ten(self.seeds), self.theirs.ten(self.seeds)
        factors = np.log10((mine + 1e-6) / (other + 1e-6))       # paired: one initial sample for both
        draws = np.random.default_rng(0).integers(self.seeds, size=(2000, self.seeds))
        low, high = 10 ** np.quantile(np.median(factors[draws], axis=1), [0.025, 0.975])
        verdict = "no worse" if np.median(mine) <= np.median(other) else "worse" if low > 1 else "higher, but within what the seeds vary"
        return (f"{self.landscape}, simple regret over {self.seeds} seeds: median {np.median(mine):.2g}, {self.peer} {np.median(other):.2g}: {verdict} "
                f"(run by run, ours over theirs: median {10 ** np.median(factors):.2g}, 95 % interval {low:.2g} to {high:.2g}). What is compared first is "
                "the expected improvement at 200 points for equal hyperparameters.")


def own(lab16: ModuleType) -> Callable:
    def run(landscape: Landscape, x: np.ndarray, y: np.ndarray, evaluations: int, seed: int) -> np.ndarray:
        propose = lab16.proposer(lab16.log_improvement, np.random.default_rng(seed))
        return lab16.bayesian_optimisation(landscape, x, evaluations, lab16.fit, propose)[0]
    return run


def scikit_optimize(landscape: Landscape, x: np.ndarray, y: np.ndarray, evaluations: int, seed: int) -> np.ndarray:
    import skopt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # where its line search ends early, or a point comes twice
        found = skopt.gp_minimize(lambda point: float(landscape(np.array([point]))[0]), [(0.0, 1.0)] * landscape.dimensions, x0=x.tolist(), y0=y.tolist(),
                                  n_calls=evaluations - len(x), n_initial_points=0, acq_func="EI", random_state=seed, n_jobs=1)
    return np.array(found.x_iters)


def botorch(landscape: Landscape, x: np.ndarray, y: np.ndarray, evaluations: int, seed: int) -> np.ndarray:
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    cube = torch.tensor([[0.0] * landscape.dimensions, [1.0] * landscape.dimensions], dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while len(x) < evaluations:
            data, values = torch.from_numpy(x), -torch.from_numpy(y)[:, None]
            model = SingleTaskGP(data, values)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            new, _ = optimize_acqf(LogExpectedImprovement(model, values.max()), cube, q=1, num_restarts=CLIMBERS, raw_samples=CANDIDATES)
            x = np.concatenate([x, new.numpy().clip(0, 1)])
            y = np.concatenate([y, landscape(x[-1:])])
    return x


def agree_on(improvement: Callable, lab16: ModuleType, landscape: Landscape) -> Callable:
    """Compares not the runs, whose points go their own ways, but the acquisition of one process on the points of ours."""
    def agree(mine: np.ndarray, _: np.ndarray) -> float:
        model = lab16.fit(mine, landscape(mine))
        points = np.random.default_rng(1).random((200, landscape.dimensions))
        mean, std = lab16.posterior(points, model.x, model.factor, model.alpha, model.theta)
        return float(np.abs(improvement(model, points) - lab16.expected_improvement(mean, std, model.y.min())).max())
    return agree


def ei_of_scikit_optimize(model, points: np.ndarray) -> np.ndarray:
    """scikit-optimize's expected improvement of the same process."""
    from skopt.acquisition import gaussian_ei
    from skopt.learning import GaussianProcessRegressor
    from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern

    variance, *lengths, noise = np.exp(model.theta)
    kernel = ConstantKernel(variance) * Matern(lengths, nu=2.5)
    theirs = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(model.x, model.y)
    return gaussian_ei(points, theirs, y_opt=model.y.min(), xi=0.0)


def ei_of_botorch(model, points: np.ndarray) -> np.ndarray:
    """BoTorch's expected improvement, from its logarithm, of the same process."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.models import SingleTaskGP
    from gpytorch.kernels import MaternKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.means import ZeroMean

    variance, *lengths, noise = np.exp(model.theta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # that the values are standardised already
        theirs = SingleTaskGP(torch.from_numpy(model.x), torch.from_numpy(model.y)[:, None], likelihood=GaussianLikelihood(), mean_module=ZeroMean(),
                              covar_module=ScaleKernel(MaternKernel(2.5, ard_num_dims=model.x.shape[1])), outcome_transform=None).double()
        theirs.likelihood.noise_covar.register_constraint("raw_noise", theirs.likelihood.noise_covar.raw_noise_constraint.__class__(1e-9))
        theirs.initialize(**{"likelihood.noise": noise, "covar_module.outputscale": variance, "covar_module.base_kernel.lengthscale": torch.tensor([lengths])})
        theirs.eval()
        with torch.no_grad():
            return LogExpectedImprovement(theirs, float(model.y.min()), maximize=False)(torch.from_numpy(points)[:, None]).exp().numpy()
