"""Oracle: arithmetic by hand. A new pod is cold, and serves more slowly, for a while after its first healthy check."""

from __future__ import annotations

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, run, timeline

from sim.data_plane.cold import cold_until_s
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


def test_a_pod_is_cold_from_the_first_node_that_finds_it_healthy_on() -> None:
    scene = timeline(3, 2, registered_from_s=[EVER, 5, 5], healthy_from_s=[[EVER, 12, NEVER], [EVER, 9, NEVER]])
    assert cold_until_s(scene, PodSpec(**COLD)).tolist() == [EVER, 29, EVER]
    assert np.isneginf(cold_until_s(scene, PodSpec(warm_up_s=20))).all()
