"""Oracle: `sampled`, whose window these requests have."""

from __future__ import annotations

from typing import Any

import pytest
from albsim_tests.data_plane import run, specs, timeline

from sim.data_plane.every_request import every_request
from sim.data_plane.outcomes import Outcome
from sim.streams import Streams


@pytest.mark.parametrize("seed", range(8))
def test_a_pod_drains_until_its_last_request_ends_and_be_it_one_from_before_the_rollout(seed: int) -> None:
    """Thirty requests are in flight at 0 s, and the pod is sent one more at most. The last one to end is an old one."""
    scene = timeline(1, drains=True, listener_closed_s=1, cut_s=500, registered_until_s=1)
    at: dict[str, Any] = {"arrival_rate_rps": 1.0, "service_time_s": {"dist": "exponential", "mean": 30}}
    sampled = run(scene, seed=seed, **at)
    traffic, pod, target_group = specs(**at)

    blocks = every_request(
        scene,
        traffic=traffic,
        pod=pod,
        target_group=target_group,
        streams=Streams(seed, 0),
        before_s=300,
        after_s=0,
    )

    unserved = sum(int((answers.outcome == Outcome.NO_REGISTERED_TARGETS).sum()) for _, answers in blocks)
    assert unserved == sampled.counts[Outcome.NO_REGISTERED_TARGETS] > 0
