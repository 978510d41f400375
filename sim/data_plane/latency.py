"""How long clients wait for an answer: quantiles over the requests that are answered with 200.

A pod that serves a bounded number of requests at once makes the others wait. When a rollout takes pods away, the pods
that are left have longer queues.

Modelled:
- With `pod.concurrency`: the latencies of all requests, before the rollout (its last minute) and within its window, in
  classes of 0.5 %.
- Without `pod.concurrency` nobody waits, and the latency is the service time, up to the idle timeout. The quantiles are
  those of the law, and no request is examined. Within the window of cold pods they are counted, or those of the two
  laws' mixture.

Left out: the network's own delay.

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.cold import ServiceLaw
    from sim.data_plane.sent import Sent
    from sim.data_plane.timeline import Times
    from sim.scenario.specs import PodSpec, TrafficSpec

_CLASS = 1.005
_SHORTEST_S = 1e-6
_CLASSES = 6000
_QUANTILES = (0.5, 0.95, 0.99)
_LAST_S = 60.0
_BISECTIONS = 60


class Latency(NamedTuple):
    """Quantiles of the latency in s; NaN if no request was answered.

    Attributes
    ----------
    p50, p95, p99
        The median, and what one request in 20 and one in 100 exceeds.
    """

    p50: float
    p95: float
    p99: float


def of_law(service_time_s: ServiceLaw, longest_s: float) -> Latency:
    """Return the quantiles of a service time, among the services that take `longest_s` at most."""
    in_time = 1 - float(service_time_s.sf(longest_s))
    if in_time == 0:
        return Latency(math.nan, math.nan, math.nan)
    return Latency(*service_time_s.ppf(np.array(_QUANTILES) * in_time).tolist())


def of_laws(laws: Sequence[ServiceLaw], weights: Sequence[float], longest_s: float) -> Latency:
    """Return the quantiles of a mixture of service times, among the services that take `longest_s` at most.

    Each quantile lies between those of the laws, and is found there by bisection.
    """
    if len(laws) == 1:
        return of_law(laws[0], longest_s)
    shares = np.array(weights) / sum(weights)

    def done_by(x: float) -> float:
        return float(sum(share * (1 - law.sf(x)) for share, law in zip(shares, laws, strict=True)))

    in_time = done_by(longest_s)
    if in_time == 0:
        return Latency(math.nan, math.nan, math.nan)

    def quantile(q: float) -> float:
        ends = [float(law.ppf(q * in_time)) for law in laws]
        low, high = min(ends), max(ends)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if done_by(middle) < q * in_time else (low, middle)
        return high

    return Latency(*map(quantile, _QUANTILES))


class Latencies:
    """Counts latencies by class."""

    def __init__(self) -> None:
        """Start without latencies."""
        self._counts = np.zeros(_CLASSES, np.int64)

    def add(self, latency_s: Times) -> None:
        """Count latencies, one for each request."""
        above = np.log(np.maximum(latency_s, _SHORTEST_S) / _SHORTEST_S)
        classes = np.minimum((above / math.log(_CLASS)).astype(np.intp), _CLASSES - 1)
        self._counts += np.bincount(classes, minlength=_CLASSES)

    def quantiles(self) -> Latency:
        """Return the quantiles, each as the middle of its class."""
        so_far = np.cumsum(self._counts)
        if so_far[-1] == 0:
            return Latency(math.nan, math.nan, math.nan)
        classes = np.searchsorted(so_far, np.array(_QUANTILES) * so_far[-1])
        return Latency(*(_SHORTEST_S * _CLASS ** (classes + 0.5)).tolist())


class Waits:
    """The latencies, where there is a queue or pods may be cold.

    Failed requests are rare and are counted too, except those that would take longer than anybody waits.
    """

    def __init__(self, traffic: TrafficSpec, pod: PodSpec, longest_s: float) -> None:
        """Start without latencies."""
        self._without_queue = of_law(traffic.service_time_s, longest_s)
        self._queues = pod.concurrency is not None
        self._varies = self._queues or pod.cold_factor > 1
        self._longest_s = longest_s
        self._before = Latencies()
        self._within = Latencies()

    def note_before(self, sent: Sent) -> None:
        """Count requests from before the rollout."""
        if self._queues:
            self._before.add(self._latency_s(sent[sent.arrival_s >= -_LAST_S]))

    def note(self, sent: Sent) -> None:
        """Count requests of the window."""
        if self._varies:
            self._within.add(self._latency_s(sent))

    def quantiles(self) -> tuple[Latency, Latency]:
        """Return the quantiles before the rollout and those in the window."""
        before = self._before.quantiles() if self._queues else self._without_queue
        return before, self._within.quantiles() if self._varies else self._without_queue

    def _latency_s(self, sent: Sent) -> Times:
        latency_s = (sent.finish_s - sent.arrival_s)[sent.target >= 0]
        return latency_s[latency_s <= self._longest_s]
