"""The AWS client of aws-load-balancer-controller again, naively: its own limits, its retries, its answers.

Written from pkg/aws/throttle of kubernetes-sigs/aws-load-balancer-controller, and docs/facts/controller.md §1, §2, §5.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.aws_twin import Bucket, Quota, wait_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import AwsApiSpec, ControllerSpec
    from sim.streams import Streams
    from sim.verification.reference.aws_twin import Api
    from sim.verification.reference.goroutine_twin import Goroutine, Process

SERVICES = {
    "Elastic Load Balancing v2": "elasticloadbalancing",
    "EC2": "ec2",
    "Resource Groups Tagging API": "tag",
    "WAF Regional": "waf-regional",
    "WAFV2": "wafv2",
}
WEB_ACLS = [("^AssociateWebACL|DisassociateWebACL", 0.5, 1), ("^GetWebACLForResource|ListResourcesForWebACL", 1, 1)]
TARGETS = ("^RegisterTargets|^DeregisterTargets", 4, 20)
NO_RECONCILE = -1

Version = tuple[int, int, int]
Rules = dict[str, list[tuple[str, float, int]]]


def version_of(text: str) -> Version:
    """Return the three numbers of a version."""
    major, minor, patch = (int(part) for part in f"{text[1:]}.0".split(".")[:3])
    return major, minor, patch


def limits(version: Version, flag: str | None) -> Rules:
    """Return each service's rules: the version's defaults, or the flag's for every service that the flag names."""
    rules: Rules = {"waf-regional": WEB_ACLS, "wafv2": WEB_ACLS}
    if version >= (3, 2, 0):
        rules["elasticloadbalancing"] = [TARGETS, ("^Describe", 50, 200), ("^Modify", 3, 20)]
    elif version >= (2, 4, 4):
        rules["elasticloadbalancing"] = [TARGETS, (".*", 10, 40)]
    given: Rules = {}
    for rule in flag.split(",") if flag else []:
        service, operations, numbers = re.split("[:=]", rule, maxsplit=2)
        rate, burst = numbers.split(":")
        given.setdefault(SERVICES[service], []).append((operations, float(rate), int(burst)))
    return rules | given


class ThrottledError(Exception):
    """Raised when a call gives up."""


class Client:
    """One process's client."""

    def __init__(
        self, process: Process, api: Api, aws_api: AwsApiSpec, spec: ControllerSpec, streams: Streams, cluster: int
    ) -> None:
        version = version_of(spec.version)
        self._process = process
        self._api = api
        self._cluster = cluster
        self._goes_by_call = version >= (2, 9, 0)
        self._policy = aws_api.retryer or ("aws-sdk-go-v2" if self._goes_by_call else "aws-sdk-go-1.23.22")
        self._max_attempts = spec.aws_max_retries + (0 if self._goes_by_call else 1)
        self._limiters = [
            (service, operations, Bucket(burst, rate))
            for service, rules in limits(version, spec.aws_api_throttle).items()
            for operations, rate, burst in rules
        ]
        self._quota = Quota() if self._policy == "botocore-standard" else None
        self._latency_s = streams.draws(aws_api.latency_s, Stream.API_LATENCY, cluster)
        self._uniform = streams.uniforms(Stream.API_BACKOFF, cluster)

    def call(self, action: str, reconcile: int = NO_RECONCILE, effect: Callable[[], None] | None = None) -> Goroutine:
        """Make a call. What AWS accepts has its effect one latency later, whether or not the caller still lives."""
        agenda, before_s = self._process.agenda, 0.0
        if self._goes_by_call:
            yield from self._wait(action)
        for attempt in count():
            if not self._goes_by_call:
                yield from self._wait(action)
            latency_s = next(self._latency_s)
            throttled = not self._api.admit(self._api.covering(action), agenda.now_s)
            retries = throttled and self._may_retry(attempt)
            backoff_s = wait_s(self._policy, attempt + 1, next(self._uniform), before_s) if retries else 0.0
            sent = (self._cluster, reconcile, action, attempt, throttled, latency_s, backoff_s)
            agenda.note("ApiAttempt", agenda.now_s, *sent)
            if effect is not None and not throttled:
                agenda.after(latency_s, effect)
            yield latency_s
            if not throttled:
                if self._quota is not None:
                    self._quota.succeeded(retried=attempt > 0)
                return
            if not retries:
                raise ThrottledError(action)
            yield backoff_s
            before_s = backoff_s

    def _may_retry(self, attempt: int) -> bool:
        # aws-sdk-go-v2 takes 0 attempts for no limit.
        if self._max_attempts and attempt + 1 >= self._max_attempts:
            return False
        return self._quota is None or self._quota.pays()

    def _wait(self, action: str) -> Goroutine:
        service, operation = action.split(":")
        for limited, operations, limiter in self._limiters:
            if limited == service and re.search(operations, operation):
                yield limiter.wait_s(self._process.agenda.now_s)
