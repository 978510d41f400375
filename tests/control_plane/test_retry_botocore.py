"""The policies named for botocore against botocore itself, draw for draw."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.retries import adaptive, bucket, quota, standard, throttling
from botocore.retryhandler import create_retry_action_from_config
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.aws.client_limits import RETRY_COST, AdaptiveRateLimiter, RetryQuota
from sim.control_plane.aws.retryers import RETRYERS

exactly = settings(derandomize=True, deadline=None, max_examples=100)
draws = st.floats(0, 1, exclude_max=True)
THROTTLED_XML = b"""<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"""


def throttled_context(attempt: int) -> standard.RetryContext:
    return standard.RetryContext(attempt, parsed_response={"Error": {"Code": "Throttling"}})


@pytest.mark.parametrize("name", ["botocore-standard", "botocore-adaptive"])
@exactly
@given(retry=st.integers(1, 60), u=draws)
def test_standard_mode(name: str, retry: int, u: float) -> None:
    detector = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
    backoff = standard.ExponentialBackoff(random=lambda: u, throttling_detector=detector)
    assert RETRYERS[name].wait_s(retry, u) == backoff.delay_amount(throttled_context(retry))


@exactly
@given(retry=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_legacy_mode(retry: int, seed: int) -> None:
    action = create_retry_action_from_config(create_loader().load_data("_retry")["retry"])
    random.seed(seed)
    delay_s = action(attempts=retry)
    u = random.Random(seed).random()  # noqa: S311  the generator that botocore draws from
    assert RETRYERS["botocore-legacy"].wait_s(retry, u) == delay_s


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("attempts", [1, 3, 8])
def test_a_whole_client_sleeps_as_the_policy_says(mode: str, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)
    client = botocore.session.Session().create_client(
        "elbv2",
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106  a client does not start without one
        config=Config(retries={"mode": mode, "total_max_attempts": attempts}),
    )
    client.meta.events.register("before-send", always_throttled)
    random.seed(117)
    with pytest.raises(ClientError, match="Throttling"):
        client.describe_target_health(TargetGroupArn="arn")
    rng = random.Random(117)  # noqa: S311  the generator that botocore draws from
    assert slept == [RETRYERS[f"botocore-{mode}"].wait_s(k, rng.random()) for k in range(1, attempts)]


def always_throttled(request: Any, **_: Any) -> AWSResponse:
    raw = SimpleNamespace(stream=lambda: iter([THROTTLED_XML]), headers={})
    return AWSResponse(request.url, 400, {"Content-Type": "text/xml"}, raw)


@exactly
@given(capacity=st.integers(0, 40), calls=st.lists(st.sampled_from(["retry", "ok", "ok after retry"]), max_size=60))
def test_retry_quota(capacity: int, calls: list[str]) -> None:
    ours, theirs = RetryQuota(capacity), quota.RetryQuota(capacity)
    checker = standard.RetryQuotaChecker(theirs, standard.ThrottlingErrorDetector(standard.RetryEventAdapter()))
    for call in calls:
        if call == "retry":
            assert ours.acquire() is checker.acquire_retry_quota(throttled_context(1))
        else:
            context = {"retry_quota_capacity": RETRY_COST} if "retry" in call else {}
            checker.release_retry_quota(context, SimpleNamespace(status_code=200))
            ours.succeeded(retried="retry" in call)
        assert ours.available == theirs.available_capacity


def test_a_full_quota_pays_for_a_hundred_retries() -> None:
    quota_of_500 = RetryQuota()
    assert sum(quota_of_500.acquire() for _ in range(200)) == 100


class FakeClock:
    """Time that passes only when someone waits."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def current_time(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        """Stand in for the token bucket's condition; a nanosecond at least, or rounding would wait for ever."""
        self.now_s += max(seconds, 1e-9)

    def notify(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def botocore_limiter(clock: FakeClock) -> tuple[adaptive.ClientRateLimiter, bucket.TokenBucket]:
    tokens = bucket.TokenBucket(max_rate=1, clock=clock)
    tokens._new_fill_rate_condition = clock
    limiter = adaptive.ClientRateLimiter(
        rate_adjustor=throttling.CubicCalculator(starting_max_rate=0, start_time=clock.now_s),
        rate_clocker=adaptive.RateClocker(clock),
        token_bucket=tokens,
        throttling_detector=SimpleNamespace(is_throttling_error=lambda throttled: throttled),
        clock=clock,
    )
    return limiter, tokens


@exactly
@given(
    start_s=st.floats(0, 1000),
    calls=st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.1, 0.4, 1.0, 7.0]), st.booleans()), max_size=60),
)
def test_adaptive_mode_limits_its_rate_as_botocore_does(start_s: float, calls: list[tuple[float, bool]]) -> None:
    """One worker: it thinks, takes a token, sends, and learns whether it was throttled."""
    clock = FakeClock(start_s)
    limiter, tokens = botocore_limiter(clock)
    ours = AdaptiveRateLimiter(start_s)
    for think_s, throttled in calls:
        clock.now_s += think_s
        asked_s = clock.now_s
        limiter.on_sending_request(None)
        assert ours.acquire(asked_s) == pytest.approx(clock.now_s - asked_s, abs=1e-6)
        clock.now_s += 0.05
        limiter.on_receiving_response(throttled=throttled)
        ours.response(clock.now_s, throttled=throttled)
        assert ours.rate_per_s == pytest.approx(tokens.max_rate, rel=1e-6)


def test_adaptive_mode_is_free_until_throttled_and_never_below_half_a_call_per_second() -> None:
    limiter = AdaptiveRateLimiter(0.0)
    assert [limiter.acquire(0.0) for _ in range(100)] == [0.0] * 100
    for second in range(1, 20):
        limiter.response(float(second), throttled=True)
    assert limiter.rate_per_s == 0.5


def test_workers_of_one_client_get_their_tokens_in_turn() -> None:
    limiter = AdaptiveRateLimiter(0.0)
    limiter.response(1.0, throttled=True)
    first_s, second_s, third_s = (limiter.acquire(1.0) for _ in range(3))
    assert second_s - first_s == pytest.approx(third_s - second_s) == pytest.approx(1 / limiter.rate_per_s)
