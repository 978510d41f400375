from __future__ import annotations

import math

import numpy as np
import pytest

from sim.data_plane.latency import Latencies, of_law
from sim.scenario.distributions import Constant, Exponential


def test_the_classes_are_half_a_percent_wide() -> None:
    sample = np.random.default_rng(1).lognormal(-2, 1.5, 50_000)
    latencies = Latencies()
    for part in np.split(sample, 5):
        latencies.add(part)
    assert latencies.quantiles() == pytest.approx(np.quantile(sample, [0.5, 0.95, 0.99]), rel=0.006)


def test_the_last_class_holds_all_that_is_longer() -> None:
    latencies = Latencies()
    latencies.add(np.array([1e9, 1e30]))
    assert latencies.quantiles() == pytest.approx([1e-6 * 1.005**5999.5] * 3)


def test_without_requests_there_is_none() -> None:
    assert all(map(math.isnan, Latencies().quantiles()))
    assert all(map(math.isnan, of_law(Constant(value=3), 1)))


def test_without_a_queue_it_is_the_service_time_up_to_the_idle_timeout() -> None:
    law = Exponential(dist="exponential", mean=2)
    assert of_law(law, 1e6).p99 == pytest.approx(2 * math.log(100))
    answered = 1 - math.exp(-1.5)
    assert of_law(law, 3).p50 == pytest.approx(-2 * math.log1p(-answered / 2))
