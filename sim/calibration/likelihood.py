"""Fits of a law to likelihoods by cell: a family by maximum likelihood, or any law at all by EM; and of resamples.

`kernel` gives how likely each row is for P in each cell. Here a law is chosen that makes the rows likely.

Modelled: the bootstrap's fits are looked up on a fine grid of parameters around the maximum, on which every row's
likelihood is computed once.

Source: for EM, Laird, "Nonparametric maximum likelihood estimation of a mixing distribution", JASA 73 (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.calibration.families import Family
    from sim.calibration.last_requests import Floats

_ROWS_AT_ONCE = 2000
_TINY = 1e-300
_STEP = 1e-3
_GRID = 41
_REACH = 4.5
_LEAST_ERROR = 1e-4
_EM_STEPS = 400
_EM_STEPS_AGAIN = 30
_EM_RESAMPLES = 40


@dataclass(frozen=True, slots=True)
class Fit:
    """A family's most likely law: its parameters and its log likelihood."""

    family: Family
    parameters: Floats
    log_likelihood: float

    def quantile(self, q: float) -> float:
        """Return a quantile of the law, in seconds."""
        return float(self.family.quantile(q, self.parameters)[0])

    def masses(self, edges_s: Floats) -> Floats:
        """Return the mass of each cell, shape (cells,)."""
        return masses(self.family, self.parameters, edges_s)[:, 0]


def masses(family: Family, parameters: Floats, edges_s: Floats) -> Floats:
    """Return each law's mass of each cell, shape (cells, laws). The last cell has everything beyond it."""
    cdf = family.cdf(edges_s, parameters)
    cdf[-1] = 1.0
    return np.diff(cdf, axis=0)


def fit(family: Family, kernel: Floats, edges_s: Floats, start_s: float) -> Fit:
    """Return the family's most likely law."""
    from scipy.optimize import minimize

    def cost(parameters: Floats) -> float:
        return -float(np.sum(_log_likelihoods(family, parameters, kernel, edges_s)))

    found = minimize(cost, family.start(start_s), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4})
    return Fit(family, np.asarray(found.x), -float(found.fun))


def _log_likelihoods(family: Family, parameters: Floats, kernel: Floats, edges_s: Floats) -> Floats:
    return np.log(np.maximum(kernel @ masses(family, parameters, edges_s), _TINY))


def resampled(best: Fit, kernel: Floats, edges_s: Floats, weights: Floats) -> Floats:
    """Return the most likely parameters for each resample's weights of the rows, shape (2, resamples)."""
    error = _standard_errors(best, kernel, edges_s, weights)
    steps = np.linspace(-_REACH, _REACH, _GRID)
    first, second = np.meshgrid(best.parameters[0] + error[0] * steps, best.parameters[1] + error[1] * steps)
    candidates = np.stack([first.ravel(), second.ravel()])
    total = np.zeros((weights.shape[0], candidates.shape[1]))
    for start in range(0, kernel.shape[0], _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        total += weights[:, some] @ _log_likelihoods(best.family, candidates, kernel[some], edges_s)
    return np.asarray(candidates[:, np.argmax(total, axis=1)])


def _standard_errors(best: Fit, kernel: Floats, edges_s: Floats, weights: Floats) -> Floats:
    """Return how far the resamples' parameters will be from the best ones, from slopes and curvature there."""

    def of_rows(shift: Floats) -> Floats:
        return _log_likelihoods(best.family, best.parameters + shift, kernel, edges_s)[:, 0]

    axes = _STEP * np.eye(2)
    slopes = np.stack([(of_rows(axis) - of_rows(-axis)) / (2 * _STEP) for axis in axes])
    middle = float(of_rows(np.zeros(2)).sum())
    curvature = np.empty((2, 2))
    for i, j in np.ndindex(2, 2):
        corners = [of_rows(a * axes[i] + b * axes[j]).sum() * a * b for a in (1, -1) for b in (1, -1)]
        curvature[i, j] = sum(corners) / (4 * _STEP**2)
    for i, axis in enumerate(axes):
        curvature[i, i] = (of_rows(axis).sum() + of_rows(-axis).sum() - 2 * middle) / _STEP**2
    inverse = np.linalg.pinv(curvature)
    shifts = (inverse @ slopes) @ (weights - 1).T
    errors = np.maximum(np.sqrt(np.mean(shifts**2, axis=1)), np.sqrt(np.abs(np.diag(inverse))))
    return np.clip(errors, _LEAST_ERROR, 1.0)


def any_law(kernel: Floats) -> Floats:
    """Return the cell masses of the law, of any form, that makes the rows most likely: EM from a uniform one."""
    uniform = np.full((1, kernel.shape[1]), 1 / kernel.shape[1])
    return np.asarray(_em(uniform, kernel, np.ones((1, kernel.shape[0])), _EM_STEPS)[0])


def any_law_resampled(from_masses: Floats, kernel: Floats, weights: Floats) -> Floats:
    """Return the laws of any form for some of the resamples' weights, shape (resamples, cells)."""
    smooth = (from_masses + 1 / from_masses.size) / 2
    some = weights[:_EM_RESAMPLES]
    return _em(np.tile(smooth, (some.shape[0], 1)), kernel, some, _EM_STEPS_AGAIN)


def _em(laws: Floats, kernel: Floats, weights: Floats, steps: int) -> Floats:
    for _ in range(steps):
        of_rows = np.maximum(laws @ kernel.T, _TINY)
        laws = laws * ((weights / of_rows) @ kernel)
        laws /= laws.sum(axis=1, keepdims=True)
    return laws


def quantiles_of(laws: Floats, edges_s: Floats, q: float) -> Floats:
    """Return a quantile of laws by cell, shape (laws,)."""
    cdf = np.concatenate((np.zeros((laws.shape[0], 1)), np.cumsum(laws, axis=1)), axis=1)
    return np.array([np.interp(q, law + 1e-12 * np.arange(law.size), edges_s) for law in cdf])
