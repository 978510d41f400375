"""The DefaultRetryer of aws-sdk-go v1, the SDK of every controller up to v2.8, in its three eras.

`RetryRules` computes the delay; `ShouldRetry` and `IsErrorThrottle` classify the response. The controllers configure
only the number of retries (`--aws-max-retries`).

Modelled:
- The delays of each era to the SDK's own resolution: a millisecond, from 1.23.22 a nanosecond.
- The SDK's Retry-After, and its classification by HTTP status and AWS error code.
- `retry_count` is the SDK's: 0 before the first retry. Retry k of the other policies is `retry_count` k - 1.
- Where the SDK draws a delay anew because it passes the maximum, one draw serves for both. The part of it that the
  first use leaves over is uniform again.

Left out:
- errors of the network and of expired credentials;
- the guard against a shift that overflows 64 bits, which leads to the same law as the maximum does.

Sources: aws/client/default_retryer.go and aws/request/retryer.go at 1.13.0 to 1.22.0, 1.23.13 (aws-sdk-go#2796) and
1.23.22 to 1.50.8 (#2830, #2836).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass

from sim.control_plane.aws.retry import Retryer

_THROTTLE_STATUSES = frozenset({429, 502, 503, 504})
_RETRY_AFTER_STATUSES = frozenset({429, 503})
_NOT_IMPLEMENTED = 501

# aws/request/retryer.go at the SDK versions that the controllers pin (see `retryers`), not at each era's first version.
_CODES_1_16 = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
    }
)
_CODES_1_23_21 = _CODES_1_16 | {"RequestThrottledException"}
_CODES_1_27 = _CODES_1_23_21 | {"ThrottledException"}

_MIN_THROTTLE_MS = 500
_MIN_OTHER_MS = 30
_MS = 1_000_000
_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Response:
    """The part of an answer that the retryer reads: HTTP status, AWS error code and Retry-After header."""

    status: int
    code: str = ""
    retry_after: str | None = None


def retry_after_s(response: Response) -> float | None:
    """Return the Retry-After of a 429 or 503 in seconds, or None if there is none in whole seconds, as the SDK asks."""
    if response.status not in _RETRY_AFTER_STATUSES or response.retry_after is None:
        return None
    return float(response.retry_after) if re.fullmatch(r"[0-9]+", response.retry_after) else None


@dataclass(frozen=True, slots=True)
class DefaultRetryer(Retryer):
    """What the eras share: the classification of responses, and the delay after a throttle as the policy's wait."""

    throttle_codes: frozenset[str]

    def is_throttle(self, response: Response) -> bool:
        """Return whether the SDK takes the response for a throttle, by HTTP status or by AWS error code."""
        return response.status in _THROTTLE_STATUSES or response.code in self.throttle_codes

    def should_retry(self, response: Response) -> bool:
        """Return whether the SDK retries the response: every throttle, and the server errors that the era retries."""
        return self._is_server_error(response.status) or self.is_throttle(response)

    def retries(self, code: str, /) -> bool:
        """Return whether a throttle with this code is retried. AWS's query and JSON protocols send HTTP 400 with it."""
        return self.should_retry(Response(400, code))

    def wait_s(self, retry: int, u: float, _previous_s: float = 0.0, /) -> float:
        """Return the delay before retry `retry` (from 1) of a throttled call, in seconds."""
        return self._backoff_ns(_MIN_THROTTLE_MS, retry - 1, u) / _S

    @abstractmethod
    def delay_s(self, response: Response, retry_count: int, u: float) -> float:
        """Return the delay that RetryRules computes for this response, in seconds."""

    @abstractmethod
    def _is_server_error(self, status: int) -> bool: ...

    @abstractmethod
    def _backoff_ns(self, least_ms: int, retry_count: int, u: float) -> int: ...

    def _computed_s(self, response: Response, retry_count: int, u: float) -> float:
        least_ms = _MIN_THROTTLE_MS if self.is_throttle(response) else _MIN_OTHER_MS
        return self._backoff_ns(least_ms, retry_count, u) / _S


@dataclass(frozen=True, slots=True)
class ShiftCappedRetryer(DefaultRetryer):
    """1.12.31 to 1.23.21: 2**min(retry_count, 8) * (500 + [0, 500)) ms for a throttle, in whole milliseconds.

    Up to 1.23.12 a Retry-After replaces the delay, from 1.23.13 it is added.
    """

    adds_retry_after: bool
    other_shift_cap: int
    throttle_shift_cap: int = 8

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return [500, 1000) ms, doubled with each retry up to the ninth, in seconds."""
        low_s = 0.5 * 2 ** min(retry - 1, self.throttle_shift_cap)
        return low_s, 2 * low_s

    def delay_s(self, response: Response, retry_count: int, u: float) -> float:
        """Return the delay that RetryRules computes for this response, in seconds."""
        asked_s = retry_after_s(response)
        if asked_s is not None and not self.adds_retry_after:
            return asked_s
        return (asked_s or 0.0) + self._computed_s(response, retry_count, u)

    def _is_server_error(self, status: int) -> bool:
        return status >= 500 and status != _NOT_IMPLEMENTED  # noqa: PLR2004  the class of server errors

    def _backoff_ns(self, least_ms: int, retry_count: int, u: float) -> int:
        cap = self.throttle_shift_cap if least_ms == _MIN_THROTTLE_MS else self.other_shift_cap
        return _jittered(least_ms, u) * _MS << min(retry_count, cap)


@dataclass(frozen=True, slots=True)
class DelayCappedRetryer(DefaultRetryer):
    """From 1.23.22: 2**retry_count * (500 ms + [0, 500 ms)) for a throttle, to the nanosecond.

    A delay over the maximum is drawn anew from the maximum's upper half. A Retry-After is added, without a bound.
    """

    max_delay_s: int = 300

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return [500, 1000) ms, doubled with each retry, in seconds; above the maximum, the maximum's upper half."""
        low_s = 0.5 * 2.0 ** min(retry - 1, 60)
        return (low_s, 2 * low_s) if 2 * low_s <= self.max_delay_s else (self.max_delay_s / 2, float(self.max_delay_s))

    def mean_s(self, retry: int) -> float:
        """Return the mean wait in seconds. Where only some draws pass the maximum, it is the mean of a mixture."""
        low_s = 0.5 * 2.0 ** min(retry - 1, 60)
        within = min(max(self.max_delay_s / low_s - 1, 0.0), 1.0)
        return within * low_s * (1 + within / 2) + (1 - within) * 0.75 * self.max_delay_s

    def delay_s(self, response: Response, retry_count: int, u: float) -> float:
        """Return the delay that RetryRules computes for this response, in seconds."""
        return (retry_after_s(response) or 0.0) + self._computed_s(response, retry_count, u)

    def _is_server_error(self, status: int) -> bool:
        return status == 500  # noqa: PLR2004  the other 5xx are throttles

    def _backoff_ns(self, least_ms: int, retry_count: int, u: float) -> int:
        least_ns, most_ns = least_ms * _MS, self.max_delay_s * _S
        delay_ns = _jittered(least_ns, u) << retry_count
        if delay_ns <= most_ns:
            return delay_ns
        within = max(most_ns / (least_ns << retry_count) - 1, 0.0)
        return _jittered(most_ns // 2, (u - within) / (1 - within))


def _jittered(least: int, u: float) -> int:
    return least + int(u * least)


SDK_1_12 = ShiftCappedRetryer(throttle_codes=_CODES_1_16, adds_retry_after=False, other_shift_cap=13)
SDK_1_23_13 = ShiftCappedRetryer(throttle_codes=_CODES_1_23_21, adds_retry_after=True, other_shift_cap=12)
SDK_1_23_22 = DelayCappedRetryer(throttle_codes=_CODES_1_27)
