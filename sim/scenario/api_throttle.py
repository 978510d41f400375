"""The flag `--aws-api-throttle` of aws-load-balancer-controller: its syntax and its meaning.

Rules are separated by commas, and each is `serviceID:operationRegex=rate:burst`, as in `Elastic Load Balancing
v2:RegisterTargets|DeregisterTargets=4:20`. The service is named by the SDK's ServiceID. The regular expression need
match only a part of the operation's name. A rule for a service replaces all default rules of that service.

Left out:
- services that the model does not call: they are refused here, while the controller takes any name in silence;
- Go's regular expressions: here they are Python's.

Sources: pkg/aws/throttle/config.go of kubernetes-sigs/aws-load-balancer-controller (`Set`), its documentation of the
flag.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.actions import Service

if TYPE_CHECKING:
    from sim.scenario.actions import Action

SERVICE_IDS = {
    Service.ELBV2: "Elastic Load Balancing v2",
    Service.EC2: "EC2",
    Service.TAGGING: "Resource Groups Tagging API",
    Service.WAF_REGIONAL: "WAF Regional",
    Service.WAFV2: "WAFV2",
}
"""The SDK's ServiceID for each service."""

FORMAT = "rules such as 'Elastic Load Balancing v2:RegisterTargets|DeregisterTargets=4:20', separated by commas"


class ThrottleRule(NamedTuple):
    """A rule: calls of a service's matching operations pass at `rate_per_s`, and `burst` of them at once."""

    service_id: str
    operation: re.Pattern[str]
    rate_per_s: float
    burst: int

    def covers(self, action: Action) -> bool:
        """Return whether the rule limits the action."""
        return SERVICE_IDS[action.service] == self.service_id and self.operation.search(action.operation) is not None


def parse_throttle(flag: str) -> tuple[ThrottleRule, ...]:
    """Return the rules in a flag's value. Raises `ValueError`, with the wrong rule and the reason."""
    return tuple(_rule(text) for text in flag.split(","))


def _rule(text: str) -> ThrottleRule:
    parts = re.fullmatch(r"([^:=]+):([^:=]+)=([^:=]+):([^:=]+)", text)
    if parts is None:
        raise ValueError(f"{text!r} is not serviceID:operationRegex=rate:burst")
    service_id, operation, rate, burst = parts.groups()
    if service_id not in SERVICE_IDS.values():
        raise ValueError(f"{service_id!r} is not one of {', '.join(SERVICE_IDS.values())}")
    try:
        pattern, rate_per_s, n_burst = re.compile(operation), float(rate), int(burst)
    except (re.error, ValueError) as error:
        raise ValueError(f"{text!r} is not serviceID:operationRegex=rate:burst: {error}") from None
    if not 0 < rate_per_s < float("inf") or n_burst < 1:
        raise ValueError(f"{text!r} lets nothing pass, or all: the rate must be above 0 and the burst at least 1")
    return ThrottleRule(service_id, pattern, rate_per_s, n_burst)


def overriding(defaults: tuple[ThrottleRule, ...], given: tuple[ThrottleRule, ...]) -> tuple[ThrottleRule, ...]:
    """Return the rules in force: the defaults of each service without a given rule, then the given rules."""
    named = {rule.service_id for rule in given}
    return (*(rule for rule in defaults if rule.service_id not in named), *given)
