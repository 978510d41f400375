"""Sobol's indices of a function of independent unknowns, with intervals: who decides, and how sure that is.

Modelled:
- Both indices are half the mean squared difference of answers that share all unknowns but one, or that one alone,
  as a share of the answer's variance (Jansen). So an unknown that decides all has small errors in both.
- The intervals are those of a bootstrap over the places of the ranges. Evenly spread places are better than that
  allows for.

Sources: M. J. W. Jansen, Analysis of variance designs for model output, Computer Physics Communications 117 (1999),
35-43; Archer, Saltelli and Sobol', Sensitivity measures, ANOVA-like techniques and the use of bootstrap, Journal of
Statistical Computation and Simulation 58 (1997), 99-120.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N_BOOTSTRAP = 1000
_ENDS = (0.025, 0.975)
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Indices:
    """First-order and total indices, in [0, 1], shape (unknowns,), and their 95 % intervals, shape (unknowns, 2).

    `leads`: the share of the resamples in which the unknown of the greatest total index has it too.
    """

    first_order: Floats
    total: Floats
    first_order_ci95: Floats
    total_ci95: Floats
    leads: float


def sobol_indices(first: Floats, second: Floats, mixed: Floats) -> Indices:
    """Return the indices from the answers of two independent samples and of their mixtures.

    `first`, `second`: shape (points,). `mixed`: those of the first sample with one unknown of the second, shape
    (unknowns, points).
    """
    n_unknowns, n = mixed.shape
    if np.ptp(np.concatenate([first, second, mixed.ravel()])) < _NEGLIGIBLE:
        nothing, none = np.zeros(n_unknowns), np.zeros((n_unknowns, 2))
        return Indices(first_order=nothing, total=nothing, first_order_ci95=none, total_ci95=none, leads=1.0)
    drawn = np.random.default_rng(1).multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP)
    weights = np.vstack([np.ones(n), drawn]) / n
    middle = np.mean([first, second])
    variance = weights @ ((first - middle) ** 2 + (second - middle) ** 2) / 2
    variance -= (weights @ (first + second - 2 * middle) / 2) ** 2
    half = 2 * np.maximum(variance, _NEGLIGIBLE)[:, None]
    total = np.clip(weights @ ((first - mixed) ** 2).T / half, 0, 1)
    first_order = np.clip(1 - weights @ ((second - mixed) ** 2).T / half, 0, 1)
    leader = int(np.argmax(total[0]))
    return Indices(
        first_order=first_order[0],
        total=total[0],
        first_order_ci95=np.quantile(first_order[1:], _ENDS, axis=0).T,
        total_ci95=np.quantile(total[1:], _ENDS, axis=0).T,
        leads=float(np.mean(np.argmax(total[1:], axis=1) == leader)),
    )
