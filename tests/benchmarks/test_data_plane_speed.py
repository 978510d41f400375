"""The sampled data plane's cost, as ratios within one run, and its memory. Not part of the timed tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from albsim_tests.data_plane import EVER, NEVER, run, specs, timeline

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.ends import ends_of
from sim.data_plane.expected import expect_requests
from sim.data_plane.one_by_one import OneByOne
from sim.data_plane.rotation import rotations
from sim.streams import Streams
from sim.verification.reference.data_plane_twin import Twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline, Times

    Targets = NDArray[np.intp]

LAW = {"dist": "lognormal", "median": 0.05, "sigma": 0.8}


def best_s(work: Callable[[], object], *, tries: int = 5) -> float:
    """Return the shortest of some tries: the one that the machine disturbed least."""
    times_s = []
    for _ in range(tries):
        begin_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - begin_s)
    return min(times_s)


def rolling_update(pods: int, span_s: float) -> Timeline:
    """As many new pods as old ones, replaced evenly over a span; dead 5 s before the ALB's two nodes hear of it."""
    deleted_s = np.append(np.linspace(0, span_s, pods), np.full(pods, NEVER))
    created_s = np.append(np.full(pods, EVER), np.linspace(0, span_s, pods))
    lag_s = np.random.default_rng(1).uniform(0, 20, (2, 2 * pods))
    return timeline(
        2 * pods,
        2,
        complete_s=span_s,
        listener_closed_s=deleted_s + 10,
        cut_s=deleted_s + 10,
        drain_deadline_s=deleted_s + 300,
        registered_from_s=created_s,
        healthy_from_s=created_s + lag_s,
        registered_until_s=deleted_s + 5 + lag_s,
    )


def plain_pass(requests: int) -> tuple[Times, Targets]:
    """Draw arrivals, assign by index, draw service times, add."""
    rng = np.random.Generator(np.random.SFC64(1))
    arrival_s = np.cumsum(rng.standard_exponential(requests)) / 5000
    target = np.arange(requests) % 300
    service_s = np.exp(-3 + 0.8 * rng.standard_normal(requests))
    return arrival_s + service_s, target


def test_at_most_four_plain_passes() -> None:
    scene = rolling_update(150, 200)
    n_requests = run(scene, arrival_rate_rps=5000.0, service_time_s=LAW).n_requests
    assert n_requests > 1_000_000
    simulated_s = best_s(lambda: run(scene, arrival_rate_rps=5000.0, service_time_s=LAW))
    assert simulated_s <= 4 * best_s(lambda: plain_pass(n_requests))


def test_ten_times_the_targets_take_at_most_fifteen_times_as_long() -> None:
    few, many = rolling_update(1000, 400), rolling_update(10_000, 400)
    few_s = best_s(lambda: run(few, arrival_rate_rps=100.0))
    assert best_s(lambda: run(many, arrival_rate_rps=100.0), tries=2) <= 15 * few_s


def test_fifty_million_requests_fit_in_two_gib() -> None:
    script = """
import resource
from benchmarks.test_data_plane_speed import LAW, rolling_update
from albsim_tests.data_plane import run
assert run(rolling_update(150, 200), arrival_rate_rps=250_000.0, service_time_s=LAW).n_requests > 50_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")])
    }
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) < 2 * 2**20


def test_the_expectation_costs_the_same_at_a_million_requests_a_second() -> None:
    scene = rolling_update(150, 200)

    def expected_s(rate_rps: float) -> float:
        traffic, pod, target_group = specs(arrival_rate_rps=rate_rps, service_time_s=LAW)
        return best_s(lambda: expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group), tries=20)

    expected_s(100.0)
    assert expected_s(1e6) <= 1.1 * expected_s(100.0)


def test_least_outstanding_requests_takes_two_million_a_second() -> None:
    scene = rolling_update(150, 200)
    traffic, pod, target_group = specs(routing="least_outstanding_requests")
    block = RequestSource(specs(arrival_rate_rps=5000.0, service_time_s=LAW)[0], nodes=2, streams=Streams(1, 0)).take(
        10**6
    )

    def routed_s() -> float:
        sender = OneByOne(
            rotations(scene), scene, ends_of(scene, traffic, pod, target_group), pod, target_group, Streams(1, 0)
        )
        begin_s = time.perf_counter()
        sender.send(block, np.zeros(block.node.size, np.int32), block.arrival_s)
        return time.perf_counter() - begin_s

    assert 10**6 / min(routed_s() for _ in range(5)) >= 2e6


def test_at_least_a_hundred_times_as_fast_as_the_slow_twin() -> None:
    """Per request: the twin has a hundredth of them to do, and must take longer all the same."""
    scene = rolling_update(20, 200)
    few, many = ({"arrival_rate_rps": rate_rps, "service_time_s": LAW} for rate_rps in (50.0, 5000.0))
    fast_s = best_s(lambda: run(scene, **many))
    slow_s = best_s(lambda: Twin(scene, *specs(**few), Streams(1, 0)).run(), tries=2)
    assert slow_s >= fast_s
