"""The waits of every policy against the supports of the papers, written out here once more and by hand."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.aws.retryers import (
    RETRYERS,
    DecorrelatedJitter,
    EqualJitter,
    FullJitter,
    PublishedSchedule,
    SdkGoV2,
)

exactly = settings(derandomize=True, deadline=None, max_examples=100)

LAST_DRAW = 1 - 2**-53
draws = st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 0.5, LAST_DRAW]))
caps = st.floats(1, 1000)
bases = st.floats(0.01, 1)

DOUBLING = [(2.0 ** (k - 2), 2.0 ** (k - 1)) for k in range(1, 10)]
SUPPORTS: dict[str, list[tuple[float, float]]] = {
    "published": [(w, w) for w in (1, 1, 2, 7, 15, 30, 61)],
    "published-repeat": [(w, w) for w in (1, 1, 2, 7, 15, 30, 61, 61, 61, 61)],
    "published-double": [(w, w) for w in (1, 1, 2, 7, 15, 30, 61, 122, 244, 300, 300)],
    "aws-sdk-go-1.12": [*DOUBLING, (128, 256), (128, 256)],
    "aws-sdk-go-1.23.13": [*DOUBLING, (128, 256), (128, 256)],
    "aws-sdk-go-1.23.22": [*DOUBLING, (150, 300), (150, 300)],
    "aws-sdk-go-v2": [(0, 2), (0, 4), (0, 8), (0, 16), (20, 20), (20, 20)],
    "botocore-legacy": [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (0, 32), (0, 64), (0, 128)],
    "botocore-standard": [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (0, 20), (0, 20)],
    "botocore-adaptive": [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (0, 20), (0, 20)],
    "full-jitter": [*((0, 2.0 ** (k - 1)) for k in range(1, 10)), (0, 300), (0, 300)],
    "equal-jitter": [*DOUBLING, (150, 300), (150, 300)],
    "decorrelated-jitter": [(0.5, 1.5), (0.5, 4.5), (0.5, 13.5), (0.5, 40.5), (0.5, 121.5), (0.5, 300), (0.5, 300)],
}


def waits_of(name: str, us: list[float]) -> list[float]:
    """Walk through the retries as a client does."""
    waits: list[float] = []
    for retry, u in enumerate(us, start=1):
        waits.append(RETRYERS[name].wait_s(retry, u, waits[-1] if waits else 0.0))
    return waits


def test_every_policy_has_its_support_written_down_here() -> None:
    assert set(SUPPORTS) == set(RETRYERS)


@pytest.mark.parametrize("name", RETRYERS)
def test_supports_are_those_of_the_papers(name: str) -> None:
    assert [RETRYERS[name].support_s(k) for k in range(1, len(SUPPORTS[name]) + 1)] == SUPPORTS[name]


@pytest.mark.parametrize("name", RETRYERS)
@exactly
@given(us=st.lists(draws, min_size=11, max_size=11))
def test_every_wait_lies_in_its_support(name: str, us: list[float]) -> None:
    supports = SUPPORTS[name]
    for wait_s, (low_s, high_s) in zip(waits_of(name, us[: len(supports)]), supports, strict=True):
        assert low_s <= wait_s <= high_s


@pytest.mark.parametrize("name", ["aws-sdk-go-1.12", "aws-sdk-go-1.23.13", "aws-sdk-go-1.23.22", "botocore-legacy"])
def test_the_right_end_is_excluded_where_the_draw_excludes_it(name: str) -> None:
    for retry, (low_s, high_s) in enumerate(SUPPORTS[name][:9], start=1):
        assert RETRYERS[name].wait_s(retry, 0.0) == low_s
        assert RETRYERS[name].wait_s(retry, LAST_DRAW) < high_s


@pytest.mark.parametrize("name", [n for n in RETRYERS if n != "decorrelated-jitter"])
def test_the_mean_is_the_average_over_the_draw(name: str) -> None:
    policy, n = RETRYERS[name], 10_000
    for retry in range(1, len(SUPPORTS[name]) + 1):
        average = sum(policy.wait_s(retry, (i + 0.5) / n) for i in range(n)) / n
        # A midpoint sum is exact on a line; whole milliseconds cost half of 2**8 ms, the mixture's jump one cell.
        assert policy.mean_s(retry) == pytest.approx(average, abs=0.128 + 150 / n)


def test_the_mean_of_decorrelated_jitter_before_the_cap_has_a_closed_form() -> None:
    """E[s] = (base + 3 E[previous]) / 2 as long as 3**k * base is below the cap."""
    expected, policy = 0.5, DecorrelatedJitter(base_s=0.5, cap_s=1000.0)
    for retry in range(1, 7):
        expected = (0.5 + 3 * expected) / 2
        assert policy.mean_s(retry) == pytest.approx(expected, rel=1e-5)


def test_the_mean_of_decorrelated_jitter_at_its_cap_is_that_of_many_paths() -> None:
    rng, n = np.random.default_rng(7), 20_000
    policy = DecorrelatedJitter(base_s=1.0, cap_s=20.0)
    sums = [0.0] * 8
    for _ in range(n):
        previous_s = 0.0
        for i in range(8):
            previous_s = policy.wait_s(i + 1, rng.random(), previous_s)
            sums[i] += previous_s
    # A wait lies in [1, 20], so its standard deviation is at most 9.5: four standard errors of the mean.
    bound = 4 * 9.5 / math.sqrt(n)
    assert [policy.mean_s(k) for k in range(1, 9)] == pytest.approx([s / n for s in sums], abs=bound)


@exactly
@given(retry=st.integers(1, 5000), u=draws, base_s=bases, cap_s=caps, previous_s=caps)
def test_waits_of_any_limits_stay_in_their_support(
    retry: int, u: float, base_s: float, cap_s: float, previous_s: float
) -> None:
    ceiling_s = min(cap_s, base_s * 2.0 ** min(retry, 500))
    assert 0 <= FullJitter(base_s=base_s, cap_s=cap_s).wait_s(retry, u) < ceiling_s
    assert ceiling_s / 2 <= EqualJitter(base_s=base_s, cap_s=cap_s).wait_s(retry, u) <= ceiling_s
    decorrelated_s = DecorrelatedJitter(base_s=base_s, cap_s=cap_s).wait_s(retry, u, previous_s)
    assert min(base_s, cap_s) <= decorrelated_s <= cap_s
    v2_s = SdkGoV2(cap_s=cap_s).wait_s(retry, u)
    assert v2_s == cap_s if 2.0 ** min(retry, 500) > cap_s else 0 <= v2_s < 2.0**retry


@exactly
@given(us=st.lists(draws, min_size=1, max_size=40), base_s=bases, cap_s=st.floats(2, 1000))
def test_the_jitters_are_those_of_the_architecture_blogs_simulator(
    us: list[float], base_s: float, cap_s: float
) -> None:
    """Oracle: the simulator's own lines, over the standard library's `uniform`, fed with the same draws."""

    class Fed(random.Random):
        def random(self) -> float:
            return u

    rng, sleep = Fed(), base_s
    policies = FullJitter(base_s, cap_s), EqualJitter(base_s, cap_s), DecorrelatedJitter(base_s, cap_s)
    previous_s = 0.0
    for n, u in enumerate(us, start=1):
        v = min(cap_s, pow(2, n) * base_s)
        sleep = min(cap_s, rng.uniform(base_s, sleep * 3))
        previous_s = policies[2].wait_s(n, u, previous_s)
        assert policies[0].wait_s(n, u) == rng.uniform(0, v)
        assert policies[1].wait_s(n, u) == v / 2 + rng.uniform(0, v / 2)
        assert previous_s == pytest.approx(sleep, rel=1e-12)


@pytest.mark.parametrize(
    ("u", "attempt", "expected_s"),
    [(0.0, 1, 0.0), (LAST_DRAW, 1, LAST_DRAW * 2), (0.5, 2, 0.5 * 4), (LAST_DRAW, 10, LAST_DRAW * 2 ** math.log2(20))],
)
def test_vectors_of_aws_sdk_go_v2(u: float, attempt: int, expected_s: float) -> None:
    """TestExponentialJitterBackoff_AttemptDelay; the SDK cuts to whole nanoseconds."""
    assert SdkGoV2(cap_s=20.0).wait_s(attempt, u) == pytest.approx(expected_s, abs=1e-9)


def test_nine_retries_of_aws_sdk_go_v2_take_115_s_in_the_mean() -> None:
    """2/2 + 4/2 + 8/2 + 16/2 and five of 20 s."""
    assert sum(SdkGoV2().mean_s(k) for k in range(1, 10)) == 115


def test_the_published_schedule_and_its_sums() -> None:
    waits = waits_of("published", [LAST_DRAW] * 7)
    assert waits == [1, 1, 2, 7, 15, 30, 61]
    assert list(itertools.accumulate(waits)) == [1, 2, 4, 11, 26, 56, 117]


def test_the_published_schedule_has_no_eighth_wait_unless_told_how_to_continue() -> None:
    with pytest.raises(ValueError, match="7 waits and none before retry 8"):
        PublishedSchedule().wait_s(8, 0.0)
    assert PublishedSchedule().max_retries == 7
    assert FullJitter().max_retries is None
    assert FullJitter().retries("Throttling")
    assert PublishedSchedule(growth=1.0).max_retries is None
    assert [PublishedSchedule(growth=2.0, cap_s=200.0).wait_s(k, 0.5) for k in (7, 8, 9, 10)] == [61, 122, 200, 200]
