"""Poisson's law, as `scipy.stats.poisson` has it to the bit, from `scipy.special` alone.

To import `scipy.stats` takes half a second, more than all else that a scenario's advice needs.

Source: scipy.stats._discrete_distns.poisson_gen@1.17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def poisson_pmf(n: ArrayLike, mean: float) -> NDArray[np.float64]:
    """Return the chance of each number `n`."""
    from scipy.special import gammaln, xlogy

    n = np.asarray(n)
    return np.asarray(np.clip(np.exp(xlogy(n, mean) - gammaln(n + 1) - mean), 0, 1))


def poisson_isf(chance: float, mean: float) -> int:
    """Return the least number that is exceeded with at most this chance."""
    from scipy.special import pdtr, pdtrik

    within = 1 - chance
    number = np.ceil(pdtrik(within, mean))
    less = max(number - 1, 0)
    return int(less if pdtr(less, mean) >= within else number)
