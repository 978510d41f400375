"""How many requests a window has, counted from the draws of arrivals and service times alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.streams import Stream

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario
    from sim.streams import Streams

MOST_AT_ONCE = 2_000_000


def arrived(scenario: Scenario, streams: Streams, until_s: float) -> int:
    """Count the arrivals from t = 0 on, and of those before it the ones that have no answer at t = 0.

    The oracle holds where a pod serves without a limit, so that a request takes as long as was drawn.
    """
    return _since(scenario, streams, until_s) + _in_flight(scenario, streams)


def _since(scenario: Scenario, streams: Streams, until_s: float) -> int:
    traffic = scenario.traffic
    rng = streams.generator(Stream.ARRIVALS)
    if traffic.arrivals == "even":
        phase = rng.random()
        return max(0, math.ceil(until_s * traffic.arrival_rate_rps - phase))
    n = math.ceil(until_s * traffic.arrival_rate_rps * 1.5) + 100
    times_s = rng.standard_exponential(n).cumsum() / traffic.arrival_rate_rps
    assert times_s[-1] > until_s
    return int(np.searchsorted(times_s, until_s))


def _in_flight(scenario: Scenario, streams: Streams) -> int:
    traffic = scenario.traffic
    longest_s = scenario.target_group.idle_timeout_s
    n = min(MOST_AT_ONCE, math.ceil(longest_s * traffic.arrival_rate_rps * 1.5) + 100)
    if traffic.arrivals == "even":
        phase = streams.generator(Stream.ARRIVALS).random()
        ages_s = (np.arange(1, n + 1) - phase) / traffic.arrival_rate_rps
    else:
        ages_s = streams.generator(Stream.ARRIVALS_BEFORE).standard_exponential(n).cumsum() / traffic.arrival_rate_rps
    assert ages_s[-1] > longest_s
    service_s = traffic.service_time_s.sample(streams.generator(Stream.SERVICE_TIMES_BEFORE), n)
    return int((np.minimum(service_s, longest_s) > ages_s).sum())
