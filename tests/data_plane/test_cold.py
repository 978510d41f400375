"""Oracle: arithmetic by hand. A new pod is cold, and serves more slowly, for a while after its first healthy check."""

from __future__ import annotations

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, run, specs, timeline

from sim.data_plane.cold import cold_until_s
from sim.data_plane.expected import expect_requests
from sim.data_plane.outcomes import Outcome
from sim.scenario.specs import PodSpec

COLD = {"cold_factor": 4, "warm_up_s": 20}


@pytest.mark.parametrize("concurrency", [None, 1000])
def test_requests_of_a_cold_pod_take_longer(concurrency: int | None) -> None:
    """One target, new at 10 s beside an old one that leaves then. Requests take 2 s, with a client's patience of 5 s.

    From 10 to 30 s they would take 8 s: 20 s at 10 requests a second are given up, and none before or after.
    """
    scene = timeline(
        2,
        complete_s=60,
        registered_from_s=[EVER, 10],
        healthy_from_s=[EVER, 10],
        registered_until_s=[10, NEVER],
    )
    values = {"arrival_rate_rps": 10, "arrivals": "even", "service_time_s": 2, "client_timeout_s": 5}
    counts = run(scene, concurrency=concurrency, **values, **COLD).counts
    assert counts[Outcome.CLIENT_TIMEOUT] == pytest.approx(200, abs=1)
    assert counts[Outcome.OK] == counts.sum() - counts[Outcome.CLIENT_TIMEOUT]
    traffic, pod, target_group = specs(**values, **COLD)
    expected = expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group).counts
    assert expected[Outcome.CLIENT_TIMEOUT] == pytest.approx(200)


def test_a_cold_pod_that_drains_ends_later() -> None:
    """The pod drains from 10 s on.

    The last request, just before that, takes 8 s and not 2, so the pod refuses until 18 s. Then its address is gone, a
    second later. Two ALB nodes still send to the pod until 30 s, 10 requests a second in all.
    """
    scene = timeline(
        1,
        2,
        drains=True,
        complete_s=30,
        registered_from_s=0,
        healthy_from_s=0,
        registered_until_s=30,
        listener_closed_s=10,
        cut_s=100,
    )
    at = {"arrival_rate_rps": 1000, "arrivals": "even", "service_time_s": 2, "sandbox_teardown_s": 1}
    traffic, pod, target_group = specs(**at, **COLD)
    expected = expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group).counts
    counts = run(scene, **at, **COLD).counts
    for outcome, until_s in ((Outcome.CONNECT_REFUSED, 19 - 10), (Outcome.HOST_UNREACHABLE, 30 - 19)):
        assert expected[outcome] == pytest.approx(1000 * until_s, rel=1e-3)
        assert counts[outcome] == pytest.approx(1000 * until_s, rel=1e-3)


def test_latencies_of_cold_pods_are_of_two_laws() -> None:
    """For 20 of 40 s the only target takes four times as long: half of the services are of 1 s, half of 4 s.

    With an exponential law of mean 1 s half of the requests are done by x, where exp(-x) + exp(-x / 4) is 1.
    """
    scene = timeline(1, complete_s=40, registered_from_s=0, healthy_from_s=0)
    exponential = {"dist": "exponential", "mean": 1}
    at = {"arrival_rate_rps": 500, "service_time_s": exponential, "idle_timeout_s": 4000}
    traffic, pod, target_group = specs(**at, **COLD)
    latency_s = expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group).latency_s
    assert np.exp(-latency_s.p50) + np.exp(-latency_s.p50 / 4) == pytest.approx(1, rel=1e-6)
    assert run(scene, **at, **COLD).latency_s.p50 == pytest.approx(latency_s.p50, rel=0.05)


def test_a_pod_is_cold_from_the_first_node_that_finds_it_healthy_on() -> None:
    scene = timeline(3, 2, registered_from_s=[EVER, 5, 5], healthy_from_s=[[EVER, 12, NEVER], [EVER, 9, NEVER]])
    assert cold_until_s(scene, PodSpec(**COLD)).tolist() == [EVER, 29, EVER]
    assert np.isneginf(cold_until_s(scene, PodSpec(warm_up_s=20))).all()
