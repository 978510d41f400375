from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.simulation import Simulation
from sim.control_plane.token_bucket import TokenBucket
from sim.control_plane.trace import Trace
from sim.streams import Streams

GAPS_S = st.lists(st.floats(0, 5), min_size=1, max_size=60)
SIZES = st.tuples(st.integers(1, 40), st.floats(0.1, 20))


def _times(gaps_s: list[float]) -> list[float]:
    times, now_s = [], 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        times.append(now_s)
    return times


@given(gaps_s=GAPS_S, size=SIZES)
def test_no_interval_passes_more_than_capacity_and_refill(gaps_s: list[float], size: tuple[int, float]) -> None:
    capacity, refill_per_s = size
    bucket = TokenBucket(capacity, refill_per_s)
    passed = []
    for now_s in _times(gaps_s):
        if bucket.tokens(now_s) >= 1:
            bucket.take(now_s)
            passed.append(now_s)
    for first, from_s in enumerate(passed):
        for last, until_s in enumerate(passed[first:], start=first):
            assert last - first + 1 <= capacity + refill_per_s * (until_s - from_s) + 1e-6


@given(gaps_s=GAPS_S, size=SIZES)
def test_a_reservation_is_granted_no_earlier_than_the_bucket_allows(
    gaps_s: list[float], size: tuple[int, float]
) -> None:
    capacity, refill_per_s = size
    bucket = TokenBucket(capacity, refill_per_s)
    granted = [now_s + bucket.reserve(now_s) for now_s in _times(gaps_s)]
    assert granted == sorted(granted)
    for first, from_s in enumerate(granted):
        for last, until_s in enumerate(granted[first:], start=first):
            assert last - first + 1 <= capacity + refill_per_s * (until_s - from_s) + 1e-6


def test_by_hand() -> None:
    bucket = TokenBucket(2, 0.5)
    bucket.take(0.0)
    bucket.take(0.0)
    assert bucket.tokens(1.0) == 0.5
    assert bucket.tokens(2.0) == 1.0
    assert bucket.tokens(100.0) == 2.0


def test_waiting_callers_queue_up_behind_each_other() -> None:
    bucket = TokenBucket(1, 2)
    assert [bucket.reserve(0.0) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]
    assert bucket.reserve(2.0) == pytest.approx(0.0)


def test_a_caller_never_waits_for_less_than_nothing() -> None:
    assert TokenBucket(1.5, 1).reserve(0.0) == 0.0


def test_time_that_goes_back_changes_nothing() -> None:
    bucket = TokenBucket(2, 1)
    bucket.take(10.0)
    assert bucket.tokens(9.5) == 1.0
    assert bucket.tokens(10.5) == 1.5


def test_a_bucket_made_later_is_full_then() -> None:
    assert TokenBucket(3, 1, at_s=-300).tokens(-300) == 3


def test_aws_takes_a_token_from_every_covering_bucket_or_from_none(make_scenario, make_env) -> None:
    spec = make_scenario(
        aws_api__buckets={
            "elbv2_describe": {"capacity": 5, "refill_per_s": 0.001},
            "elbv2_account": {"capacity": 3, "refill_per_s": 0.001},
            "elbv2_register": {"capacity": 9, "refill_per_s": 0.001},
        }
    ).aws_api
    api = AwsApi(Simulation(make_env(), Streams(1, 0), Trace()), spec)
    assert [api.admit("elasticloadbalancing:DescribeRules") for _ in range(4)] == [True, True, True, False]
    assert not api.admit("elasticloadbalancing:RegisterTargets")
    assert api.admit("ec2:DescribeVpcs")
