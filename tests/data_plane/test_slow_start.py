"""Oracles: integrals by hand of a target's share, and the rules of AWS's documentation (docs/facts/alb.md §2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, run, specs, timeline

from sim.data_plane.expected import expect_requests
from sim.data_plane.outcomes import Outcome
from sim.data_plane.slow_start import slow_starts
from sim.scenario.specs import TargetGroupSpec

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

SLOW = TargetGroupSpec(slow_start_s=30, alb_nodes=1)


def beside_two_old(listener_closed_s: float) -> Timeline:
    """Return two old targets, and a new one from 10 s on, which the node finds healthy then.

    Sixty seconds are counted.
    """
    return timeline(
        3,
        complete_s=60,
        registered_from_s=[EVER, EVER, 5],
        healthy_from_s=[EVER, EVER, 10],
        registered_until_s=[NEVER, NEVER, 60],
        listener_closed_s=[NEVER, NEVER, listener_closed_s],
        cut_s=[NEVER, NEVER, listener_closed_s],
    )


SENT_TO_NEW = 50 * 30 * (1 - 2 * math.log(1.5)) + 50 * 20 / 3
"""At 50 requests per second the integral of w / (2 + w) over the 30 s in which w goes from 0 to 1, then thirds."""


def test_a_new_target_is_sent_its_share_of_the_weights() -> None:
    """What is sent to it is seen as it refuses everything."""
    values = {"slow_start_s": 30, "sandbox_teardown_s": 60, "arrivals": "even"}
    traffic, pod, target_group = specs(**values)
    expected = expect_requests(beside_two_old(0), traffic=traffic, pod=pod, target_group=target_group)
    assert expected.counts[Outcome.CONNECT_REFUSED] == pytest.approx(SENT_TO_NEW, rel=1e-3)
    assert expected.counts.sum() == pytest.approx(50 * 60 + 50 * 0.05)  # and those in flight at 0 s
    draws = [run(beside_two_old(0), replication=k, **values).counts[Outcome.CONNECT_REFUSED] for k in range(20)]
    # A request is its with a chance of at most a third: at most 0.47 each in 2,500 requests.
    assert np.mean(draws) == pytest.approx(SENT_TO_NEW, abs=3 * 0.47 * math.sqrt(2500 / 20))


def test_whoever_serves_a_request_it_is_counted_once() -> None:
    values = {"slow_start_s": 30, "service_time_s": {"dist": "exponential", "mean": 1}, "idle_timeout_s": 1}
    traffic, pod, target_group = specs(**values)
    counts = expect_requests(beside_two_old(NEVER), traffic=traffic, pod=pod, target_group=target_group).counts
    # Those of the last second before 0 s count too.
    assert counts[Outcome.IDLE_TIMEOUT] == pytest.approx(50 * 61 * math.exp(-1))


def begins_s(**at: object) -> list[float]:
    scene = timeline(len(at["healthy_from_s"]), **at)  # type: ignore[arg-type]
    (node,) = slow_starts(scene, SLOW)
    return node.from_s.tolist()


def test_old_targets_do_not_slow_down_and_new_ones_do() -> None:
    assert begins_s(registered_from_s=[EVER, 5, 6], healthy_from_s=[EVER, 10, 9]) == [EVER, 10, 9]


def test_targets_of_an_empty_group_do_not_slow_down() -> None:
    """All are registered by one call, and nobody was healthy then."""
    assert begins_s(registered_from_s=[5, 5], healthy_from_s=[9, 12]) == [EVER, EVER]


def test_a_target_that_is_registered_once_some_are_healthy_does() -> None:
    assert begins_s(registered_from_s=[5, 9.5], healthy_from_s=[9, 12]) == [EVER, 12]


def test_a_target_in_slow_start_is_no_reason_for_another_one() -> None:
    """The only full one has gone when the third is registered, and the second is full at 42 s."""
    at = {"registered_until_s": [20, NEVER, NEVER]}
    assert begins_s(registered_from_s=[EVER, 5, 30], healthy_from_s=[EVER, 12, 50], **at) == [EVER, 12, EVER]
    assert begins_s(registered_from_s=[EVER, 5, 43], healthy_from_s=[EVER, 12, 50], **at) == [EVER, 12, 50]


def test_a_container_back_in_its_place_that_no_check_missed_is_full() -> None:
    assert begins_s(registered_from_s=[EVER, 20], healthy_from_s=[EVER, EVER]) == [EVER, EVER]


def test_there_is_none_without_the_setting() -> None:
    assert slow_starts(timeline(2, registered_from_s=[EVER, 5], healthy_from_s=[EVER, 9]), TargetGroupSpec()) == []
