"""A controller's client of the AWS API: the SDK that sends its calls and retries them.

Modelled:
- The API decides when the attempt is sent. The effect comes with the response, one latency later, even if the sender
  has ended by then.
- The client retries a throttled attempt as its SDK does, in the goroutine of the caller.

Left out:
- the SDK's token refresh;
- paging.

Sources: docs/facts/controller.md §1, §2 and §5.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_api import THROTTLE_CODE
from sim.control_plane.aws.calls_in_turn import CallsInTurn
from sim.control_plane.aws.client_limits import AdaptiveRateLimiter, RetryQuota
from sim.control_plane.aws.retryers import WITH_RATE_LIMIT, WITH_RETRY_QUOTA, retryer
from sim.control_plane.trace.calls import ApiAttempt
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.aws.client_throttle import ClientThrottle
    from sim.control_plane.simulation import Simulation
    from sim.scenario.actions import Action
    from sim.scenario.specs import AwsApiSpec


class ThrottledError(Exception):
    """Raised when a call is throttled more often than its client retries."""


class AwsClient:
    """One controller's SDK client: 1 + `max_retries` attempts for each call, and the client's limits on itself.

    Those limits are the retry policy's and the `throttle` (none by default).
    """

    def __init__(
        self,
        simulation: Simulation,
        api: AwsApi,
        spec: AwsApiSpec,
        *,
        cluster: int,
        policy: str,
        max_retries: int,
        throttle: ClientThrottle | None = None,
    ) -> None:
        self._env = simulation.env
        self._api = api
        self._trace = simulation.trace
        self._cluster = cluster
        self._max_retries = max_retries
        self._throttle = throttle
        self._retryer = retryer(policy, max_retries=max_retries)
        self._quota = RetryQuota() if policy in WITH_RETRY_QUOTA else None
        self._rate_limiter = AdaptiveRateLimiter(self._env.now) if policy in WITH_RATE_LIMIT else None
        self._limits_itself = any(limit is not None for limit in (throttle, self._quota, self._rate_limiter))
        self._latency_s = simulation.streams.draws(spec.latency_s, Stream.API_LATENCY, cluster)
        self._uniform = simulation.streams.uniforms(Stream.API_BACKOFF, cluster)

    def call(self, action: Action, reconcile: int, effect: Callable[[], None] | None = None) -> Generator[simpy.Event]:
        """Make the call and wait for its success, through the SDK's retries.

        `effect` is the change that a successful call makes at AWS. Raises `ThrottledError` when the last retry is
        throttled too.
        """
        backoff_s: float | None = 0.0
        for number in count():
            if self._limits_itself:
                yield from self._before(action, number)
            latency_s, throttled, backoff_s = self.attempt(action, reconcile, number, backoff_s)
            response = self._env.timeout(latency_s)
            if effect is not None and not throttled:
                response.callbacks.append(lambda _response: effect())
            yield response
            if self._limits_itself:
                self._note(throttled=throttled, retried=number > 0)
            if not throttled:
                return
            if backoff_s is None:
                raise ThrottledError(action)
            yield self._env.timeout(backoff_s)

    def calls(self, actions: Sequence[Action], reconcile: int) -> Generator[simpy.Event]:
        """Make calls without an effect one after the other. Raises `ThrottledError` as soon as one fails."""
        if self._limits_itself:
            for action in actions:
                yield from self.call(action, reconcile)
            return
        in_turn = CallsInTurn(self._env, self, actions, reconcile)
        try:
            yield in_turn.over
        finally:
            in_turn.stop()
        if in_turn.failed is not None:
            raise ThrottledError(in_turn.failed)

    def attempt(
        self, action: Action, reconcile: int, number: int, backoff_s: float | None
    ) -> tuple[float, bool, float | None]:
        """Send an attempt after a backoff.

        Return the attempt's latency, whether it is throttled, and the backoff after it.

        There is no backoff if no attempt follows.
        """
        latency_s = next(self._latency_s)
        throttled = not self._api.admit(action)
        retries = throttled and number < self._max_retries and self._may_retry(action)
        backoff_s = self._retryer.wait_s(number + 1, next(self._uniform), backoff_s or 0.0) if retries else None
        if self._trace.is_kept:
            now_s, waits_s = self._env.now, backoff_s or 0.0
            self._trace.record(
                ApiAttempt(now_s, self._cluster, reconcile, action, number, throttled, latency_s, waits_s)
            )
        return latency_s, throttled, backoff_s

    def _before(self, action: Action, attempt: int) -> Generator[simpy.Event]:
        if self._throttle is not None:
            if attempt == 0:
                yield from self._throttle.before_call(action)
            yield from self._throttle.before_attempt(action)
        if self._rate_limiter is not None:
            yield self._env.timeout(self._rate_limiter.acquire(self._env.now))

    def _may_retry(self, action: Action) -> bool:
        code = THROTTLE_CODE[action.service]
        return self._retryer.retries(code) and (self._quota is None or self._quota.acquire())

    def _note(self, *, throttled: bool, retried: bool) -> None:
        if self._quota is not None and not throttled:
            self._quota.succeeded(retried=retried)
        if self._rate_limiter is not None:
            self._rate_limiter.response(self._env.now, throttled=throttled)
