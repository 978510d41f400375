"""The retry policies by name, as `aws_api.retryer` and `albsim backoff --retryer` take it.

`sim.scenario.releases` says which of them a controller's release has.
"""

from __future__ import annotations

import difflib
import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_sdk_go import SDK_1_12, SDK_1_23_13, SDK_1_23_22
from sim.control_plane.aws.retry import DecorrelatedJitter, EqualJitter, FullJitter, PublishedSchedule, SdkGoV2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.control_plane.aws.retry import Retryer

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
"""The policies whose client has a `RetryQuota`; the load balancer controller takes it out of aws-sdk-go-v2."""

WITH_RATE_LIMIT = frozenset({"botocore-adaptive"})
"""The policies whose client has an `AdaptiveRateLimiter`."""


def retryer(name: str, *, max_retries: int) -> Retryer:
    """Return the policy of this name, for calls that may be retried `max_retries` times.

    Raises `ValueError` if there is none of the name, or if it has no wait for so many retries (`published` has seven).
    """
    if name not in RETRYERS:
        nearest = difflib.get_close_matches(name, RETRYERS, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"one of {', '.join(RETRYERS)}"
        raise ValueError(f"'retryer' must be the name of a retry policy: {hint} (got {name!r})")
    policy = RETRYERS[name]
    if policy.max_retries is not None and max_retries > policy.max_retries:
        raise ValueError(
            f"retryer {name!r} has waits for {policy.max_retries} retries (got {max_retries}): allow no more retries,"
            f" or say how to go on with '{name}-repeat' (the last wait again) or '{name}-double' (each twice the last)"
        )
    return policy
