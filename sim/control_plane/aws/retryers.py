"""The retry policies and their names, as `aws_api.retryer` and `albsim backoff --retryer` take them.

Modelled: the schedule published in the talk, aws-sdk-go-v2, botocore's modes and the jitters of the architecture blog.
The eras of aws-sdk-go v1 are in `aws_sdk_go`. `sim.scenario.releases` says which policy each controller release has.

Left out: errors that are no throttles, and their own waits (`retry`).

Sources: botocore/retryhandler.py and botocore/retries/standard.py@1.44.5; aws-sdk-go-v2 aws/retry/jitter_backoff.go;
"Exponential Backoff And Jitter" (AWS Architecture Blog, aws-samples/aws-arch-backoff-simulator).
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.aws.aws_sdk_go import SDK_1_12, SDK_1_23_13, SDK_1_23_22
from sim.control_plane.aws.retry import Retryer

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_STEPS = 600
"""The largest exponent: every cap is reached long before, and 3.0 ** 600 is still a float."""


@dataclass(frozen=True, slots=True)
class PublishedSchedule(Retryer):
    """The waits shown in the talk, without jitter: 1, 1, 2, 7, 15, 30 and 61 s, an upper-tail draw of aws-sdk-go's law.

    `growth` says what follows those seven waits. With None nothing does, and an eighth wait is an error. With 1 the
    last wait is repeated. With 2 each wait is twice the one before, up to `cap_s` (the SDK's longest, 300 s).
    """

    growth: float | None = None
    cap_s: float = 300.0
    waits_s: tuple[float, ...] = (1.0, 1.0, 2.0, 7.0, 15.0, 30.0, 61.0)

    @property
    def max_retries(self) -> int | None:
        """Seven, unless `growth` says how the schedule continues; then None."""
        return len(self.waits_s) if self.growth is None else None

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the published wait as both ends; raise `ValueError` beyond the seventh retry if no wait follows."""
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

    The base and cap of the blog's simulator (5 and 2000) are for a database's clients. The defaults here are the least
    and the greatest throttle delay of aws-sdk-go, so that the jitters compare with that SDK like for like.
    """

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return 0 and the truncated exponential, in seconds."""
        return 0.0, _grown(self.base_s, 2.0, retry, self.cap_s)


@dataclass(frozen=True, slots=True)
class EqualJitter(Retryer):
    """Uniform on the upper half of [0, min(cap, base * 2**k)): equal jitter of the architecture blog."""

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return half the truncated exponential and the whole of it, in seconds."""
        ceiling_s = _grown(self.base_s, 2.0, retry, self.cap_s)
        return ceiling_s / 2, ceiling_s


@dataclass(frozen=True, slots=True)
class DecorrelatedJitter(Retryer):
    """min(cap, uniform on [base, 3 * previous wait)): decorrelated jitter of the architecture blog.

    The first wait is drawn as if it followed a wait of `base_s`, as in the blog's simulator.
    """

    base_s: float = 0.5
    cap_s: float = 300.0

    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the base, and the base trebled with each retry but at most the cap, in seconds."""
        return self.base_s, _grown(self.base_s, 3.0, retry, self.cap_s)

    def wait_s(self, _retry: int, u: float, previous_s: float = 0.0, /) -> float:
        """Return the wait in seconds, which depends on the previous wait and not on the retry's number."""
        return min(self.cap_s, self.base_s + u * (3 * max(self.base_s, previous_s) - self.base_s))

    def mean_s(self, retry: int) -> float:
        """Return the mean wait in seconds, integrated over the earlier waits (relative error below 1e-5)."""
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
        """Return [0, 2**k) as long as 2**k is below the cap, then the cap as both ends, in seconds."""
        if retry > int(math.log2(self.cap_s)):
            return self.cap_s, self.cap_s
        return 0.0, 2.0**retry


def _grown(start_s: float, factor: float, steps: int, cap_s: float) -> float:
    return min(cap_s, start_s * factor ** min(steps, _MOST_STEPS))


RETRYERS: Mapping[str, Retryer] = MappingProxyType(
    {
        "published": PublishedSchedule(),
        "published-repeat": PublishedSchedule(growth=1.0),
        "published-double": PublishedSchedule(growth=2.0),
        "aws-sdk-go-1.12": SDK_1_12,
        "aws-sdk-go-1.23.13": SDK_1_23_13,
        "aws-sdk-go-1.23.22": SDK_1_23_22,
        "aws-sdk-go-v2": SdkGoV2(),
        "botocore-legacy": FullJitter(cap_s=math.inf),
        "botocore-standard": FullJitter(cap_s=20.0),
        "botocore-adaptive": FullJitter(cap_s=20.0),
        "full-jitter": FullJitter(),
        "equal-jitter": EqualJitter(),
        "decorrelated-jitter": DecorrelatedJitter(),
    }
)
"""Every policy by its name."""

WITH_RETRY_QUOTA = frozenset({"botocore-standard", "botocore-adaptive"})
"""The policies whose client has a `RetryQuota`. The load balancer controller switches aws-sdk-go-v2's quota off."""

WITH_RATE_LIMIT = frozenset({"botocore-adaptive"})
"""The policies whose client has an `AdaptiveRateLimiter`."""


def retryer(name: str, *, max_retries: int) -> Retryer:
    """Return the retry policy of a name.

    Parameters
    ----------
    name
        A name that `aws_api.retryer` takes, such as `aws-sdk-go-1.23.22`.
    max_retries
        How often a call may be retried.

    Returns
    -------
    Retryer
        The policy.

    Raises
    ------
    ValueError
        If no policy has the name, or if the policy has too few waits (`published` has seven).
    """
    if name not in RETRYERS:
        nearest = difflib.get_close_matches(name, RETRYERS, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"one of {', '.join(RETRYERS)}"
        raise ValueError(f"no retry policy has the name {name!r}: {hint}")
    policy = RETRYERS[name]
    if policy.max_retries is not None and max_retries > policy.max_retries:
        raise ValueError(
            f"{name!r} has waits for {policy.max_retries} retries (got {max_retries}). Allow no more retries, "
            f"or say how to go on with '{name}-repeat' (the last wait again) or '{name}-double' (each twice the last)"
        )
    return policy
