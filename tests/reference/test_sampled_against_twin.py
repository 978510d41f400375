"""The fast data plane and the slow one agree, request for request."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, ROUTINGS, cases, run, specs, timeline
from hypothesis import given, settings

import sim.data_plane.sending as fast
from sim.data_plane.outcomes import Outcome
from sim.streams import Streams
from sim.verification.agreement import told, told_by_both

if TYPE_CHECKING:
    from albsim_tests.data_plane import Case

    from sim.data_plane.timeline import Timeline


def check_same(scene: Timeline, at: dict[str, Any]) -> Counter[str]:
    values = {key: value for key, value in at.items() if key != "streams"}
    fast, slow = told_by_both(scene, *specs(**values), at["streams"])
    assert fast == slow
    return slow.counts


@pytest.mark.slow
@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("target_type", ["ip", "instance"])
def test_fast_and_slow_agree_request_for_request(target_type: str, routing: str) -> None:
    """Over random scenarios; and among these every outcome is met."""
    met: Counter[str] = Counter()

    @settings(max_examples=160, database=None)
    @given(case=cases(target_types=(target_type,), routings=(routing,)))
    def agree(case: Case) -> None:
        met.update(check_same(*case))

    agree()
    every = {outcome.name.lower() for outcome in Outcome}
    # Some worker node is always there, and no other ALB is.
    at_pods_only = {"no_registered_targets", "old_address_unreachable"}
    assert met.keys() == (every if target_type == "ip" else every - at_pods_only)


@pytest.mark.slow
@settings(max_examples=60)
@given(case=cases())
def test_blocks_change_nothing(case: Case) -> None:
    scene, at = case
    whole = run(scene, **at)
    for size in (1, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fast, "BLOCK_SIZE", size)
            split = run(scene, **at)
        assert told(split) == told(whole)


@pytest.mark.slow
@settings(max_examples=100)
@given(case=cases())
def test_counts_add_up(case: Case) -> None:
    scene, at = case
    requests = run(scene, **at)
    counts = requests.counts
    assert requests.n_requests == counts.sum()
    answered = sum(requests.n_status(status) for status in (200, 460, 502, 503, 504))
    assert answered + counts[Outcome.OLD_ADDRESS_UNREACHABLE] == requests.n_requests
    assert np.bincount(requests.outcome, minlength=len(Outcome))[1:].tolist() == counts[1:].tolist()
    assert (requests.answered_s >= requests.arrival_s).all()
    assert (requests.arrival_s < requests.window_until_s).all()
    assert (np.diff(requests.arrival_s) >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("drains", [False, True])
def test_a_rolling_update_of_many_targets(routing: str, *, drains: bool) -> None:
    """40 pods replaced in steps, on two nodes, with lags, long requests and a short idle timeout: thousands agree."""
    rng = np.random.default_rng(5)
    old, new = 20, 20
    deleted_s = np.append(np.sort(rng.uniform(0, 40, old)), np.full(new, NEVER))
    registered_from_s = np.append(np.full(old, EVER), np.sort(rng.uniform(0, 35, new)))
    scene = timeline(
        old + new,
        2,
        drains=drains,
        complete_s=42,
        listener_closed_s=deleted_s + 4,
        cut_s=deleted_s + 7,
        drain_deadline_s=deleted_s + 5,
        registered_from_s=registered_from_s,
        registered_until_s=deleted_s + rng.uniform(0, 10, (2, old + new)),
        healthy_from_s=registered_from_s + rng.uniform(0, 5, (2, old + new)),
    )
    at = {
        "arrival_rate_rps": 150.0,
        "service_time_s": {"dist": "lognormal", "median": 0.5, "sigma": 1.5},
        "idle_timeout_s": 5.0,
        "routing": routing,
        "streams": Streams(11, 0),
    }
    counts = check_same(scene, at)
    assert counts["connect_refused"] > 20
    assert counts["deregistration_delay_elapsed"] > 10
    assert counts["idle_timeout"] > 20
