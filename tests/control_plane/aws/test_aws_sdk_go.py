"""aws-sdk-go v1 against its own test vectors, exact arithmetic, and the talk's schedule."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.aws.aws_sdk_go import (
    SDK_1_12,
    SDK_1_23_13,
    SDK_1_23_22,
    DefaultRetryer,
    DelayCappedRetryer,
    Response,
    retry_after_s,
)
from sim.control_plane.aws.retryers import RETRYERS

exactly = settings(derandomize=True, deadline=None, max_examples=100)
ERAS = {"1.12": SDK_1_12, "1.23.13": SDK_1_23_13, "1.23.22": SDK_1_23_22}
each_era = pytest.mark.parametrize("sdk", ERAS.values(), ids=ERAS.keys())
draws = st.floats(0, 1, exclude_max=True)
PUBLISHED = (1, 1, 2, 7, 15, 30, 61)
FIVE_MINUTES_S = 300


# --- the SDK's own vectors: aws/client/default_retryer_test.go@1.27.3 ---


@each_era
@pytest.mark.parametrize(
    ("status", "throttle", "retry"),
    [
        (200, False, False),
        (429, True, True),
        (502, True, True),
        (503, True, True),
        (504, True, True),
        (500, False, True),
    ],
)
def test_retry_throttle_status_codes(sdk: DefaultRetryer, status: int, *, throttle: bool, retry: bool) -> None:
    assert sdk.is_throttle(Response(status)) is throttle
    assert sdk.should_retry(Response(status)) is retry


@pytest.mark.parametrize(("status", "usable"), [(200, False), (500, False), (429, True), (503, True)])
def test_can_use_retry_after(status: int, *, usable: bool) -> None:
    assert (retry_after_s(Response(status, retry_after="1")) is not None) is usable


@pytest.mark.parametrize(
    ("status", "header", "expected_s"), [(429, "3600", 3600), (503, "120", 120), (503, "", None), (503, None, None)]
)
def test_get_retry_delay(status: int, header: str | None, expected_s: float | None) -> None:
    assert retry_after_s(Response(status, retry_after=header)) == expected_s


@pytest.mark.parametrize("header", ["1.5", "Fri, 31 Dec 1999 23:59:59 GMT", " 5", "1_0", "٣"])
def test_only_what_go_reads_as_an_integer_is_a_retry_after(header: str) -> None:
    assert retry_after_s(Response(503, retry_after=header)) is None


@exactly
@given(retry_count=st.integers(0, 99), u=draws)
def test_retry_delay_never_passes_five_minutes(retry_count: int, u: float) -> None:
    for response in (Response(500, retry_after="299"), Response(503, retry_after="")):
        assert 0 < SDK_1_23_22.delay_s(response, retry_count, u) <= FIVE_MINUTES_S


@exactly
@given(u=draws)
def test_retry_delay_is_not_less_than_retry_after(u: float) -> None:
    assert SDK_1_23_22.delay_s(Response(503, retry_after="300"), 1, u) >= FIVE_MINUTES_S


# --- the eras ---


@exactly
@given(retry_count=st.integers(0, 100), u=draws)
def test_retry_after_replaces_the_delay_at_first_and_is_added_later(retry_count: int, u: float) -> None:
    plain, asked = Response(503), Response(503, retry_after="7")
    assert SDK_1_12.delay_s(asked, retry_count, u) == 7
    for sdk in (SDK_1_23_13, SDK_1_23_22):
        assert sdk.delay_s(asked, retry_count, u) == pytest.approx(7 + sdk.delay_s(plain, retry_count, u))


@each_era
def test_a_503_without_the_header_waits_as_a_throttle_does_and_a_500_a_sixteenth_of_it(sdk: DefaultRetryer) -> None:
    assert sdk.delay_s(Response(503), 3, 0.0) == sdk.wait_s(4, 0.0) == 4.0
    assert sdk.delay_s(Response(500), 3, 0.0) == 0.24


@pytest.mark.parametrize(("sdk", "shift"), [(SDK_1_12, 13), (SDK_1_23_13, 12)])
@exactly
@given(retry_count=st.integers(0, 100), step=st.integers(0, 499), part=st.floats(0.01, 0.99))
def test_the_old_eras_count_whole_milliseconds(
    sdk: DefaultRetryer, shift: int, retry_count: int, step: int, part: float
) -> None:
    """2^min(rc, 8) * (500 + Intn(500)) and 2^min(rc, shift) * (30 + Intn(30)), whatever is left of the draw."""
    throttled_ms = 2 ** min(retry_count, 8) * (500 + step)
    assert sdk.wait_s(retry_count + 1, (step + part) / 500) == throttled_ms / 1000
    other_ms = 2 ** min(retry_count, shift) * (30 + step % 30)
    assert sdk.delay_s(Response(500), retry_count, (step % 30 + part) / 30) == other_ms / 1000


@exactly
@given(retry=st.integers(1, 60), u=draws, max_delay_s=st.integers(1, 1000))
def test_the_new_era_draws_anew_from_the_upper_half_of_the_maximum(retry: int, u: float, max_delay_s: int) -> None:
    sdk = DelayCappedRetryer(throttle_codes=frozenset(), max_delay_s=max_delay_s)
    plain_s = 2 ** (retry - 1) * (0.5 + Fraction(u) / 2)
    wait_s = sdk.wait_s(retry, u)
    low_s, high_s = sdk.support_s(retry)
    assert low_s <= wait_s <= high_s
    if plain_s <= max_delay_s:
        assert wait_s == pytest.approx(float(plain_s), abs=2 ** (retry - 1) * 1e-9)
    else:
        assert max_delay_s / 2 <= wait_s <= max_delay_s


def test_the_tenth_retry_of_the_new_era_is_the_mixture_of_the_papers() -> None:
    """A share of 44/256 is uniform on [256, 300], the rest uniform on [150, 300): its distribution function."""
    n = 10_000
    waits = sorted(SDK_1_23_22.wait_s(10, (i + 0.5) / n) for i in range(n))
    kept = 44 / 256
    for x in (160, 200, 250, 256, 270, 299):
        expected = kept * max(0, x - 256) / 44 + (1 - kept) * (x - 150) / 150
        assert sum(wait < x for wait in waits) / n == pytest.approx(expected, abs=2 / n)
    assert SDK_1_23_22.mean_s(10) == pytest.approx(kept * 278 + (1 - kept) * 225)


@each_era
def test_the_code_of_the_tagging_api_is_retried_only_since_1_26(sdk: DefaultRetryer) -> None:
    assert sdk.retries("ThrottledException") is (sdk is SDK_1_23_22)
    assert sdk.retries("Throttling")
    assert sdk.retries("RequestLimitExceeded")
    assert not sdk.retries("ValidationError")


@each_era
@pytest.mark.parametrize(("status", "since_1_24_3"), [(500, True), (501, False), (505, False), (599, False)])
def test_other_server_errors_are_retried_only_before_1_24_3(
    sdk: DefaultRetryer, status: int, *, since_1_24_3: bool
) -> None:
    assert sdk.should_retry(Response(status)) is (since_1_24_3 if sdk is SDK_1_23_22 else status != 501)


@exactly
@given(retry=st.integers(1, 9), u=draws)
def test_equal_jitter_with_the_sdks_limits_is_the_sdks_law(retry: int, u: float) -> None:
    assert RETRYERS["equal-jitter"].wait_s(retry, u) == pytest.approx(SDK_1_23_22.wait_s(retry, u), abs=2**retry * 1e-9)


# --- sums, and the talk's schedule as a draw of this law ---


@each_era
def test_sums_up_to_the_ninth_retry_have_closed_forms(sdk: DefaultRetryer) -> None:
    lows, highs = zip(*(sdk.support_s(k) for k in range(1, 10)), strict=True)
    means = [sdk.mean_s(k) for k in range(1, 10)]
    for k, sums in enumerate(zip(accumulate(lows), accumulate(means), accumulate(highs), strict=True), start=1):
        assert sums == (0.5 * (2**k - 1), 0.75 * (2**k - 1), 2**k - 1)


@pytest.mark.parametrize(
    ("sdk", "low_s", "mean_s", "high_s"), [(SDK_1_23_13, 383.5, 575, 767), (SDK_1_23_22, 405.5, 617, 811)]
)
def test_ten_retries_block_a_worker_for_ten_minutes(
    sdk: DefaultRetryer, low_s: float, mean_s: float, high_s: float
) -> None:
    """As kubernetes-sigs/aws-load-balancer-controller#1048 reports of v1.1.2."""
    supports = [sdk.support_s(k) for k in range(1, 11)]
    assert (sum(low for low, _ in supports), sum(high for _, high in supports)) == (low_s, high_s)
    assert sum(sdk.mean_s(k) for k in range(1, 11)) == pytest.approx(mean_s, abs=0.5)


@each_era
def test_the_published_waits_lie_in_the_support_but_the_first_at_its_excluded_end(sdk: DefaultRetryer) -> None:
    """The second and third are the included left ends of theirs, the four others strictly inside."""
    supports = [sdk.support_s(k) for k in range(1, 8)]
    assert PUBLISHED[0] == supports[0][1]
    assert sdk.wait_s(1, 1 - 2**-53) < PUBLISHED[0]
    assert [sdk.wait_s(k, 0.0) for k in (2, 3)] == list(PUBLISHED[1:3])
    assert all(low < wait < high for wait, (low, high) in zip(PUBLISHED[3:], supports[3:], strict=True))


def upper_tail(x: Fraction, widths: list[Fraction]) -> float:
    """Return P(sum of independent U[0, w) >= x), by inclusion and exclusion over the corners of the box."""
    n = len(widths)
    volume = Fraction(0)
    for size in range(n + 1):
        for corner in combinations(widths, size):
            volume += (-1) ** size * max(x - sum(corner), Fraction(0)) ** n
    return float(1 - volume / (math.factorial(n) * math.prod(widths)))


@each_era
def test_the_published_sum_is_an_upper_tail_draw(sdk: DefaultRetryer) -> None:
    """The seven waits add up to 117 s (116.5 and more, rounded) in 1.4 % of the cases: exactly, and as drawn."""
    assert sum(PUBLISHED) == 117
    halves = [Fraction(2) ** (k - 2) for k in range(1, 8)]
    tail = upper_tail(Fraction(233, 2) - sum(halves), halves)
    assert tail == pytest.approx(0.014, abs=0.0005)
    rng, n = np.random.default_rng(117), 20_000
    hits = sum(sum(sdk.wait_s(k, rng.random()) for k in range(1, 8)) >= 116.5 for _ in range(n))
    # Binomial: four standard deviations of the count.
    assert hits == pytest.approx(n * tail, abs=4 * math.sqrt(n * tail * (1 - tail)))
