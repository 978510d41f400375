"""How long an AWS client waits before it retries a throttled call.

The real thing: each AWS SDK has a retryer: exponential backoff with jitter, growing with the number of the retry.
What is modelled: the wait before retry k is a pure function of the policy, k (from 1), one uniform draw u in [0, 1)
and, for decorrelated jitter alone, the wait before retry k - 1. Nothing here keeps state or draws. The policies of this
module are the schedule published in the talk, aws-sdk-go-v2, botocore's modes and the jitters of the architecture blog;
the eras of aws-sdk-go v1 are in `aws_sdk_go`, the registry of names in `retryers`.
What is left out: which errors are retried (here every throttle is), Retry-After (ELB, WAF and EC2 throttles carry
none), and the limits a client puts on itself across calls (retry quota, adaptive rate: `client_limits`).
Source: botocore/retryhandler.py and botocore/retries/standard.py@1.44.5; aws-sdk-go-v2 aws/retry/jitter_backoff.go;
"Exponential Backoff And Jitter" (AWS Architecture Blog, aws-samples/aws-arch-backoff-simulator).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

_MOST_STEPS = 600
"""Growth stops here: every cap is long reached, and 3.0 ** 600 is still a float."""


class Retryer(ABC):
    """A retry policy. Unless it says otherwise, a wait is uniform over its support."""

    @property
    def max_retries(self) -> int | None:
        """The last retry the policy has a wait for; None if it goes on without end."""
        return None

    @abstractmethod
    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the least and the greatest wait before this retry, in seconds (equal if the wait is fixed).

        The greatest is a supremum where the draw's right end is excluded, as it is in every SDK.
        """

    def wait_s(self, retry: int, u: float, _previous_s: float = 0.0, /) -> float:
        """Return the wait before retry `retry` (from 1), in seconds.

        `u` is uniform on [0, 1); `_previous_s` is the wait before the previous retry, 0 before the first.
        """
        low_s, high_s = self.support_s(retry)
        return low_s + u * (high_s - low_s)

    def mean_s(self, retry: int) -> float:
        """Return the mean wait before this retry, in seconds."""
        return sum(self.support_s(retry)) / 2

    def retries(self, _code: str, /) -> bool:
        """Say whether a throttle with this AWS error code is retried at all."""
        return True


@dataclass(frozen=True, slots=True)
class PublishedSchedule(Retryer):
    """The waits shown in the talk: 1, 1, 2, 7, 15, 30, 61 s, without jitter: one upper-tail draw of aws-sdk-go's law.

    The talk gives seven. `growth` says what follows them: None, nothing (to ask for an eighth is an error); 1, the last
    wait again and again; 2, each wait twice the one before, up to `cap_s` (the SDK's longest, 300 s).
    """

    growth: float | None = None
    cap_s: float = 300.0
    waits_s: tuple[float, ...] = (1.0, 1.0, 2.0, 7.0, 15.0, 30.0, 61.0)

    @property
    def max_retries(self) -> int | None:
        """Seven, unless told how to continue."""
        return len(self.waits_s) if self.growth is None else None

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the published wait, twice. `ValueError` beyond the seventh retry if nothing follows it."""
        return (self._wait_s(retry),) * 2

    def _wait_s(self, retry: int) -> float:
        beyond = retry - len(self.waits_s)
        if beyond <= 0:
            return self.waits_s[retry - 1]
        if self.growth is None:
            raise ValueError(f"the published schedule has {len(self.waits_s)} waits and none before retry {retry}")
        return _grown(self.waits_s[-1], self.growth, beyond, self.cap_s)


@dataclass(frozen=True, slots=True)
class FullJitter(Retryer):
    """Uniform on [0, min(cap, base * 2**k)): full jitter of the architecture blog, and botocore's backoff.

    The blog's own base and cap (5 and 2000 in its simulator) are for a database's clients; the defaults here are the
    least and the greatest throttle delay of aws-sdk-go, so that the jitters compare with it like for like.
    """

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return 0 and the truncated exponential."""
        return 0.0, _grown(self.base_s, 2.0, retry, self.cap_s)


@dataclass(frozen=True, slots=True)
class EqualJitter(Retryer):
    """Uniform on the upper half of [0, min(cap, base * 2**k)): equal jitter of the architecture blog."""

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return half the truncated exponential and the whole of it."""
        ceiling_s = _grown(self.base_s, 2.0, retry, self.cap_s)
        return ceiling_s / 2, ceiling_s


@dataclass(frozen=True, slots=True)
class DecorrelatedJitter(Retryer):
    """min(cap, uniform on [base, 3 * previous wait)): decorrelated jitter of the architecture blog.

    The first wait is drawn as after a wait of `base_s`, as in the blog's simulator.
    """

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the base and what trebling it each time leads to, at most the cap."""
        return self.base_s, _grown(self.base_s, 3.0, retry, self.cap_s)

    def wait_s(self, _retry: int, u: float, previous_s: float = 0.0, /) -> float:
        """Return the wait from the one before it alone, in seconds."""
        return min(self.cap_s, self.base_s + u * (3 * max(self.base_s, previous_s) - self.base_s))

    def mean_s(self, retry: int) -> float:
        """Return the mean wait, by integrating backwards over the waits before it (relative error below 1e-5)."""
        grid_s = np.geomspace(self.base_s, self.cap_s, 8001)
        reach_s = 3 * grid_s
        over_s = np.maximum(reach_s - self.cap_s, 0.0)
        expected_s = grid_s
        for _ in range(retry):
            steps = np.diff(grid_s) * (expected_s[1:] + expected_s[:-1]) / 2
            integral = np.interp(reach_s - over_s, grid_s, np.concatenate(([0.0], np.cumsum(steps))))
            expected_s = (integral + over_s * expected_s[-1]) / (reach_s - self.base_s)
        return float(expected_s[0])


@dataclass(frozen=True, slots=True)
class SdkGoV2(Retryer):
    """ExponentialJitterBackoff of aws-sdk-go-v2: u * 2**k; where 2**k would pass the cap, the cap without jitter.

    The AWS Load Balancer Controller (from v2.9) uses it without the SDK's retry quota (`RateLimiter = ratelimit.None`).
    """

    cap_s: float = 20.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Give [0, 2**k) up to the cap's logarithm, and the cap twice beyond it."""
        if retry > int(math.log2(self.cap_s)):
            return self.cap_s, self.cap_s
        return 0.0, 2.0**retry


def _grown(start_s: float, factor: float, steps: int, cap_s: float) -> float:
    return min(cap_s, start_s * factor ** min(steps, _MOST_STEPS))
