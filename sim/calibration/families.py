"""The laws that are fitted: lognormal and gamma, by two numbers without bounds each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from sim.calibration.last_requests import Floats

Name = Literal["lognormal", "gamma"]


class Family(Protocol):
    """A family of laws; `parameters` have shape (2,) or (2, laws)."""

    @property
    def name(self) -> Name:
        """Its name in a scenario."""

    def start(self, median_s: float) -> Floats:
        """Return parameters to start a search from."""

    def cdf(self, x_s: Floats, parameters: Floats) -> Floats:
        """Return P(X ≤ x), shape (points, laws)."""

    def quantile(self, q: float, parameters: Floats) -> Floats:
        """Return the quantile of each law, shape (laws,)."""


@dataclass(frozen=True, slots=True)
class LognormalFamily:
    """By the logarithms of median and sigma."""

    name: Name = "lognormal"

    def start(self, median_s: float) -> Floats:
        """Return parameters to start a search from."""
        return np.log([median_s, 0.5])

    def cdf(self, x_s: Floats, parameters: Floats) -> Floats:
        """Return P(X ≤ x), shape (points, laws)."""
        from scipy.special import ndtr

        log_median, log_sigma = np.atleast_2d(parameters.T).T
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr((np.log(x_s)[:, None] - log_median) / np.exp(log_sigma)))

    def quantile(self, q: float, parameters: Floats) -> Floats:
        """Return the quantile of each law, shape (laws,)."""
        from scipy.special import ndtri

        log_median, log_sigma = np.atleast_2d(parameters.T).T
        return np.asarray(np.exp(log_median + np.exp(log_sigma) * ndtri(q)))


@dataclass(frozen=True, slots=True)
class GammaFamily:
    """By the logarithms of mean and shape."""

    name: Name = "gamma"

    def start(self, median_s: float) -> Floats:
        """Return parameters to start a search from."""
        return np.log([median_s, 4.0])

    def cdf(self, x_s: Floats, parameters: Floats) -> Floats:
        """Return P(X ≤ x), shape (points, laws)."""
        from scipy.special import gammainc

        mean_s, shape = np.exp(np.atleast_2d(parameters.T).T)
        return np.asarray(gammainc(shape, x_s[:, None] * (shape / mean_s)))

    def quantile(self, q: float, parameters: Floats) -> Floats:
        """Return the quantile of each law, shape (laws,)."""
        from scipy.special import gammaincinv

        mean_s, shape = np.exp(np.atleast_2d(parameters.T).T)
        return np.asarray(gammaincinv(shape, q) * mean_s / shape)


FAMILIES: tuple[Family, ...] = (LognormalFamily(), GammaFamily())
