"""How long clients wait for an answer: quantiles over the requests that are answered with 200.

The real thing: a pod that serves a bounded number of requests at once makes the others wait; when a rollout takes pods
away, those that are left have longer queues.
Modelled: with `pod.concurrency` the latencies of all requests, before the rollout (its last minute) and within its
window, in classes of 0.5 %. Without it nobody waits, and the latency is the service time, up to the idle timeout: its
quantiles are those of the law, before and within the window, and no request is looked at.
Left out: the network's own delay.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from sim.data_plane.timeline import Times
    from sim.scenario.distributions import Distribution

_CLASS = 1.005
_SHORTEST_S = 1e-6
_CLASSES = 6000
_QUANTILES = (0.5, 0.95, 0.99)


class Latency(NamedTuple):
    """Quantiles of the latency in seconds; NaN if no request was answered."""

    p50: float
    p95: float
    p99: float


def of_law(service_time_s: Distribution, idle_timeout_s: float) -> Latency:
    """Give the quantiles of a service time that is answered before the idle timeout."""
    in_time = 1 - float(service_time_s.sf(idle_timeout_s))
    if in_time == 0:
        return Latency(math.nan, math.nan, math.nan)
    return Latency(*(float(service_time_s.ppf(q * in_time)) for q in _QUANTILES))


class Latencies:
    """Counts latencies by class."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts = np.zeros(_CLASSES, np.int64)

    def add(self, latency_s: Times) -> None:
        """Count latencies, one for each request."""
        above = np.log(np.maximum(latency_s, _SHORTEST_S) / _SHORTEST_S)
        classes = np.minimum((above / math.log(_CLASS)).astype(np.intp), _CLASSES - 1)
        self._counts += np.bincount(classes, minlength=_CLASSES)

    def quantiles(self) -> Latency:
        """Give the quantiles, each the middle of its class."""
        so_far = np.cumsum(self._counts)
        if so_far[-1] == 0:
            return Latency(math.nan, math.nan, math.nan)
        classes = np.searchsorted(so_far, np.array(_QUANTILES) * so_far[-1])
        return Latency(*(_SHORTEST_S * _CLASS ** (classes + 0.5)).tolist())
