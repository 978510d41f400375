"""The laws by hand: the retryers' waits, and the draws of a scenario's distributions."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from sim.control_plane.aws.retryers import RETRYERS
from sim.scenario.distributions import DistributionField
from sim.streams import Stream, Streams
from sim.verification.checks import of_fraction, of_mean, of_violations

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from sim.scenario.law import Law
    from sim.verification.checks import Check

CALLS = 4000
DRAWS = 20_000

WAITS_S = (
    # Policy, retries, the mean of their waits' sum: docs/facts/controller.md, 1 and 5. [500, 1000) whole
    # ms have mean 749.5.
    ("published", 7, 117.0),
    ("published-repeat", 9, 117.0 + 61.0 + 61.0),
    ("published-double", 10, 117.0 + 122.0 + 244.0 + 300.0),
    ("aws-sdk-go-1.12", 10, 0.7495 * (2**9 - 1 + 2**8)),
    ("aws-sdk-go-1.23.13", 7, 0.7495 * (2**7 - 1)),
    ("aws-sdk-go-1.23.22", 9, 0.75 * (2**9 - 1)),
    ("aws-sdk-go-v2", 9, (2 + 4 + 8 + 16) / 2 + 5 * 20.0),
    ("botocore-legacy", 4, (1 + 2 + 4 + 8) / 2),
    ("botocore-standard", 7, (1 + 2 + 4 + 8 + 16 + 20 + 20) / 2),
    ("full-jitter", 10, (2**9 - 1 + 300.0) / 2),
    ("equal-jitter", 10, 0.75 * (2**9 - 1 + 300.0)),
    ("decorrelated-jitter", 3, 1.0 + 1.75 + 2.875),
)

SIGMA = math.log(2) / NormalDist().inv_cdf(0.95)
MEANS: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("U(2, 6)", {"dist": "uniform", "low": 2, "high": 6}, 4.0),
    ("exponential, mean 3, cut at 4", {"dist": "exponential", "mean": 3, "max": 4}, 3 * -math.expm1(-4 / 3)),
    ("lognormal, mean 2, sigma 1", {"dist": "lognormal", "mean": 2, "sigma": 1}, 2.0),
    ("lognormal, median 10, p95 20", {"dist": "lognormal", "median": 10, "p95": 20}, 10 * math.exp(SIGMA**2 / 2)),
    ("gamma, mean 3, shape 2", {"dist": "gamma", "mean": 3, "shape": 2}, 3.0),
    ("1, 2 or 6", {"dist": "empirical", "values": [1, 2, 6]}, 3.0),
)
BELOW: tuple[tuple[str, dict[str, Any], float, float], ...] = (
    ("exponential, mean 3: below 3", {"dist": "exponential", "mean": 3}, 3.0, -math.expm1(-1)),
    ("lognormal, median 10, p95 20: below 20", {"dist": "lognormal", "median": 10, "p95": 20}, 20.0, 0.95),
    ("lognormal, median 10, p95 20: below 10", {"dist": "lognormal", "median": 10, "p95": 20}, 10.0, 0.5),
    ("gamma, mean 3, shape 2: below 3", {"dist": "gamma", "mean": 3, "shape": 2}, 3.0, 1 - 3 * math.exp(-2)),
)


def retryers() -> Iterator[Check]:
    """Check the sum of a retryer's waits when every attempt is throttled."""
    for name, retries, mean_s in WAITS_S:
        sums_s = [sum(waits_s) for waits_s in _throttled_calls(name, retries)]
        yield of_mean("waits before the retries, added up, s", f"{name}, {retries} retries", mean_s, sums_s)
    for name in ("aws-sdk-go-1.12", "aws-sdk-go-1.23.13", "aws-sdk-go-1.23.22"):
        held = (2**k / 2 <= wait_s < 2**k for waits_s in _throttled_calls(name, 9) for k, wait_s in enumerate(waits_s))
        yield of_violations("2^(k-1) / 2 <= wait before retry k < 2^(k-1), s", f"{name}, 9 retries", held)


def distributions() -> Iterator[Check]:
    """Check means and quantiles of draws against those that the parameters' own meaning gives."""
    for number, (settings, parameters, mean) in enumerate(MEANS):
        yield of_mean("mean of a distribution", settings, mean, _draws(parameters, number))
    for number, (settings, parameters, value, fraction) in enumerate(BELOW, start=len(MEANS)):
        below = (_draws(parameters, number) < value).tolist()
        yield of_fraction("fraction of a distribution", settings, fraction, below)


def _throttled_calls(name: str, retries: int) -> Iterator[list[float]]:
    """Yield the waits of calls that are throttled at every attempt."""
    rng = Streams(502, list(RETRYERS).index(name)).generator(Stream.API_BACKOFF)
    for uniforms in rng.random((CALLS, retries)).tolist():
        waits_s: list[float] = []
        for retry, u in enumerate(uniforms, start=1):
            waits_s.append(RETRYERS[name].wait_s(retry, u, waits_s[-1] if waits_s else 0.0))
        yield waits_s


def _draws(parameters: dict[str, Any], number: int) -> NDArray[np.float64]:
    law: Law = TypeAdapter(DistributionField).validate_python(parameters)
    return law.sample(Streams(502, 0).generator(Stream.SERVICE_TIMES, number), DRAWS)


CHECKS = (retryers, distributions)
