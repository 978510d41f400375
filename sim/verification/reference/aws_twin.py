"""The AWS API and its clients again, naively: buckets as "when will it be full again", waits as one formula each.

Written from docs/model.md, "AWS API" and "Retryer", docs/facts/alb.md §5 and docs/facts/controller.md §1 and §5. The
twin shares only the draws with `sim.control_plane`.

Left out: botocore's adaptive rate, which the tests compare with botocore itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.specs import BucketsSpec

EC2_ACTIONS = (
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)
INTERFACE_ACTIONS = (
    "AssignPrivateIpAddresses",
    "AttachNetworkInterface",
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "DetachNetworkInterface",
    "ModifyNetworkInterfaceAttribute",
    "UnassignPrivateIpAddresses",
)
SERVICE_BUCKETS = {"tag": "tagging", "waf-regional": "waf_regional", "wafv2": "wafv2"}
PINS = ((2, "aws-sdk-go-1.12"), (4, "aws-sdk-go-1.23.13"), (9, "aws-sdk-go-1.23.22"))
ROUNDING = 1e-9
"""A tolerance: when several workers call at one instant, the division by the refill must not lose the last token."""
PUBLISHED_S = (1.0, 1.0, 2.0, 7.0, 15.0, 30.0, 61.0)
LONGEST_S = 300.0
LONGEST_OF_SDK_GO_V2_S = 20.0
QUOTA = 500
RETRY_COST = 5


class Bucket:
    """A bucket that lacks one token for every 1/refill seconds until it is full."""

    def __init__(self, capacity: float, refill_per_s: float) -> None:
        self.capacity = capacity
        self.refill_per_s = refill_per_s
        self.full_at_s = -math.inf

    def tokens(self, now_s: float) -> float:
        """Return the tokens in the bucket, negative where future tokens are taken."""
        return self.capacity - max(0.0, self.full_at_s - now_s) * self.refill_per_s

    def take(self, now_s: float) -> None:
        """Take one token, even if the bucket is empty."""
        self.full_at_s = max(self.full_at_s, now_s) + 1 / self.refill_per_s

    def wait_s(self, now_s: float) -> float:
        """Take a present or future token, and return the wait for it."""
        self.take(now_s)
        lacks = -self.tokens(now_s)
        return lacks / self.refill_per_s if lacks > ROUNDING else 0.0


class Api:
    """Every bucket of the account, by name; EC2 has one for each action."""

    def __init__(self, buckets: BucketsSpec) -> None:
        self.buckets = {name: Bucket(size.capacity, size.refill_per_s) for name, size in buckets}
        ec2 = buckets.ec2
        self.buckets |= {action: Bucket(ec2.capacity, ec2.refill_per_s) for action in EC2_ACTIONS}
        interfaces = buckets.ec2_interfaces
        self.buckets |= {action: Bucket(interfaces.capacity, interfaces.refill_per_s) for action in INTERFACE_ACTIONS}

    def covering(self, action: str) -> list[str]:
        """Return the names of the buckets from which a call takes a token."""
        service, operation = action.split(":")
        if service == "ec2":
            return [operation]
        if service != "elasticloadbalancing":
            return [SERVICE_BUCKETS[service]]
        kinds = {"Describe": "elbv2_describe", "Modify": "elbv2_modify"}
        own = next((name for prefix, name in kinds.items() if operation.startswith(prefix)), "elbv2_register")
        return [own, "elbv2_account"]

    def background(self) -> dict[str, list[list[str]]]:
        """Return, by a bucket's name in a scenario, the buckets from which a call of someone else takes a token."""
        covered = {name: [[name]] for name in self.buckets}
        for name in ("elbv2_describe", "elbv2_register", "elbv2_modify"):
            covered[name] = [[name, "elbv2_account"]]
        return covered | {"ec2": [[action] for action in EC2_ACTIONS]}

    def admit(self, names: list[str], now_s: float) -> bool:
        """Take a token from each bucket and return True, or take none and return False if a bucket is empty."""
        if any(self.buckets[name].tokens(now_s) < 1 - ROUNDING for name in names):
            return False
        for name in names:
            self.buckets[name].take(now_s)
        return True


def pinned(version: str) -> str:
    """Return the name of the retry policy in the SDK of v1.1.N."""
    return next(policy for last, policy in PINS if int(version[5:]) <= last)


def is_retried(policy: str, action: str) -> bool:
    """Return whether the SDK retries the service's throttle: the Go SDK knows ThrottledException only from 1.26."""
    return not (action.startswith("tag:") and policy in ("aws-sdk-go-1.12", "aws-sdk-go-1.23.13"))


def wait_s(policy: str, k: int, u: float, before_s: float) -> float:  # noqa: C901, PLR0911  one line a policy
    """Return the wait before retry k, from one draw and the wait before."""
    if policy.startswith("published"):
        return _published_s(policy, k)
    if policy == "aws-sdk-go-1.23.22":
        return _go_capped_s(k, u)
    if policy.startswith("aws-sdk-go-1"):
        return 2.0 ** min(k - 1, 8) * (500 + math.floor(u * 500)) / 1000
    if policy == "aws-sdk-go-v2":
        return u * 2.0**k if 2**k <= LONGEST_OF_SDK_GO_V2_S else LONGEST_OF_SDK_GO_V2_S
    if policy == "botocore-legacy":
        return u * 2.0 ** (k - 1)
    if policy.startswith("botocore"):
        return u * min(2.0 ** (k - 1), 20)
    ceiling_s = min(LONGEST_S, 0.5 * 2.0**k)
    if policy == "full-jitter":
        return u * ceiling_s
    if policy == "equal-jitter":
        return (1 + u) * ceiling_s / 2
    return min(LONGEST_S, 0.5 + u * (3 * (before_s or 0.5) - 0.5))


def _published_s(policy: str, k: int) -> float:
    if k <= len(PUBLISHED_S):
        return PUBLISHED_S[k - 1]
    return 61.0 if policy.endswith("repeat") else min(LONGEST_S, 61.0 * 2.0 ** (k - len(PUBLISHED_S)))


def _go_capped_s(k: int, u: float) -> float:
    """Return the delay, in whole nanoseconds; if over 300 s, drawn anew from the part of the draw that is left."""
    at_once_s = 2.0 ** (k - 1) * math.floor(5e8 * (1 + u)) / 1e9
    if at_once_s <= LONGEST_S:
        return at_once_s
    passes = max(0.0, LONGEST_S / (2.0 ** (k - 1) * 0.5) - 1)
    return LONGEST_S / 2 * (1 + (u - passes) / (1 - passes))


class Quota:
    """500 tokens: a retry costs 5, a success without retries brings back 1, a success after retries the last 5."""

    def __init__(self) -> None:
        self.left = QUOTA

    def pays(self) -> bool:
        """Take the tokens for a retry and return True, or return False if there are too few."""
        if self.left < RETRY_COST:
            return False
        self.left -= RETRY_COST
        return True

    def succeeded(self, *, retried: bool) -> None:
        """Put back the tokens of a successful call."""
        self.left = min(QUOTA, self.left + (RETRY_COST if retried else 1))
