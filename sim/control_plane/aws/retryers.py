"""The retry policies by name, and which of them each controller version has.

The real thing: a controller is built with the AWS SDK that its go.mod pins, and hands it `--aws-max-retries`.
What is modelled: the names that `aws_api.retryer` and `albsim backoff --retryer` take; the policy that a version pins.
How many retries the flag comes to is in `scenario.versions`.
Source: go.mod of kubernetes-sigs/aws-load-balancer-controller at the tags named in the table.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_sdk_go import SDK_1_12, SDK_1_23_13, SDK_1_23_22
from sim.control_plane.aws.retry import DecorrelatedJitter, EqualJitter, FullJitter, PublishedSchedule, SdkGoV2
from sim.scenario.versions import release

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
"""Every policy by its name. The eras of aws-sdk-go are named for their first version."""

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


@dataclass(frozen=True, slots=True)
class SdkPin:
    """The AWS SDK which the controller has since a version."""

    since: tuple[int, int, int]
    sdk: str
    retryer: str


SDK_PINS = (
    SdkPin((1, 1, 0), "aws-sdk-go 1.16.11", "aws-sdk-go-1.12"),
    SdkPin((1, 1, 2), "aws-sdk-go 1.16.35", "aws-sdk-go-1.12"),
    SdkPin((1, 1, 3), "aws-sdk-go 1.23.21", "aws-sdk-go-1.23.13"),
    SdkPin((1, 1, 5), "aws-sdk-go 1.27.3", "aws-sdk-go-1.23.22"),
    SdkPin((2, 0, 0), "aws-sdk-go 1.35.4", "aws-sdk-go-1.23.22"),
    SdkPin((2, 4, 0), "aws-sdk-go 1.42.27", "aws-sdk-go-1.23.22"),
    SdkPin((2, 7, 0), "aws-sdk-go 1.50.8", "aws-sdk-go-1.23.22"),
    SdkPin((2, 9, 0), "aws-sdk-go-v2", "aws-sdk-go-v2"),
)
"""The known pins, oldest first. A version between two has the earlier one's retryer, though perhaps a later SDK."""


def default_retryer(version: str) -> str:
    """Name the retry policy of a controller version such as `v1.1.4`; `ValueError` if it is none from v1.1.0 on."""
    return sdk_pin(version).retryer


def sdk_pin(version: str) -> SdkPin:
    """Return the AWS SDK of a controller version; `ValueError` if it is none from v1.1.0 on."""
    number = release(version)
    return [pin for pin in SDK_PINS if pin.since <= number][-1]
