"""The limits that aws-load-balancer-controller puts on its own calls (`--aws-api-throttle`).

Modelled:
- Each rule is a golang.org/x/time/rate limiter. A call waits for a token of every rule that covers it, one after the
  other.
- With aws-sdk-go v1 the limiters are in the Sign handler, so each attempt takes tokens.
- With aws-sdk-go-v2 (from v2.9) the limiters stand before the retries, so only the call takes tokens.

Left out: limits of other flags and of the Kubernetes client.

Sources: pkg/aws/throttle/throttler.go of kubernetes-sigs/aws-load-balancer-controller (docs/facts/controller.md §2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.token_bucket import TokenBucket
from sim.scenario.actions import Action

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.scenario.api_throttle import ThrottleRule


class ClientThrottle:
    """The limiters of one controller's client, in the order of the rules."""

    def __init__(self, env: simpy.Environment, rules: Sequence[ThrottleRule], *, per_attempt: bool) -> None:
        self._env = env
        self._per_attempt = per_attempt
        limiters = [(rule, TokenBucket(rule.burst, rule.rate_per_s, at_s=env.now)) for rule in rules]
        self._limiters = {action: [limiter for rule, limiter in limiters if rule.covers(action)] for action in Action}

    def before_call(self, action: Action) -> Generator[simpy.Event]:
        """Wait until the call may begin."""
        if not self._per_attempt:
            yield from self._wait(action)

    def before_attempt(self, action: Action) -> Generator[simpy.Event]:
        """Wait until an attempt of the call may be sent."""
        if self._per_attempt:
            yield from self._wait(action)

    def _wait(self, action: Action) -> Generator[simpy.Event]:
        for limiter in self._limiters[action]:
            yield self._env.timeout(limiter.reserve(self._env.now))
