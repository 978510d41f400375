"""The AWS API of one account and Region, and how it limits calls.

Modelled:
- An attempt needs a token from every bucket that covers its action. An attempt that lacks a token is throttled and
  takes none.
- All clusters of the account share the buckets.
- Other users of the account are a Poisson stream on a bucket (`background_calls_per_s`).

Left out: errors other than throttling.

Sources:
- The buckets and what they cover: Elastic Load Balancing user guide, elb-api-throttling (docs/facts/alb.md §5).
- EC2 evaluates "each API individually": EC2 developer guide, throttling.
- Whether a throttled call takes tokens is not published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.light_process import LightProcess
from sim.control_plane.token_bucket import TokenBucket, take_from_each
from sim.scenario.actions import Action, Service
from sim.scenario.distributions import Exponential
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import simpy

    from sim.control_plane.simulation import Simulation
    from sim.scenario.aws_api import BucketName
    from sim.scenario.specs import AwsApiSpec, BucketSpec
    from sim.streams import Streams

ACCOUNT_BUCKET = "elbv2_account"


def _bucket_of(action: Action) -> BucketName:
    if action is Action.MODIFY_RULE:
        return "elbv2_modify"
    if action.service is Service.ELBV2:
        return "elbv2_describe" if action.is_read else "elbv2_register"
    if action.service is Service.EC2 and not action.is_read:
        return "ec2_interfaces"
    return _OTHER_BUCKETS[action.service]


_OTHER_BUCKETS: dict[Service, BucketName] = {
    Service.EC2: "ec2",
    Service.TAGGING: "tagging",
    Service.WAF_REGIONAL: "waf_regional",
    Service.WAFV2: "wafv2",
}
BUCKET_OF_ACTION = {action: _bucket_of(action) for action in Action}

THROTTLE_CODE = {
    Service.ELBV2: "Throttling",
    Service.EC2: "RequestLimitExceeded",
    Service.TAGGING: "ThrottledException",
    Service.WAF_REGIONAL: "ThrottlingException",
    Service.WAFV2: "ThrottlingException",
}
"""The error code with which each service throttles. Some SDKs do not retry all of these codes."""


def _apart(action: Action) -> bool:
    """Return whether the action has a bucket of its own: in EC2 it has, other services limit a category together."""
    return action.service is Service.EC2


def _covering(name: str, own: TokenBucket, shared: Mapping[str, TokenBucket]) -> tuple[TokenBucket, ...]:
    """Return a bucket and every shared bucket that covers the same calls."""
    if name.startswith("elbv2_") and name != ACCOUNT_BUCKET:
        return own, shared[ACCOUNT_BUCKET]
    return (own,)


class AwsApi:
    """The buckets of the account, and the tokens that other users take from them."""

    def __init__(self, simulation: Simulation, spec: AwsApiSpec) -> None:
        self._env = simulation.env
        shared = {name: self._bucket(size) for name, size in spec.buckets}
        self._covering = {
            action: _covering(
                name, self._bucket(getattr(spec.buckets, name)) if _apart(action) else shared[name], shared
            )
            for action, name in BUCKET_OF_ACTION.items()
        }
        for name, calls_per_s in spec.background_calls_per_s.items():
            apart = [action for action, own in BUCKET_OF_ACTION.items() if own == name and _apart(action)]
            used_up = [self._covering[action] for action in apart] or [_covering(name, shared[name], shared)]
            for entity, covering in enumerate(used_up):
                self._use_up(covering, calls_per_s, simulation.streams, list(shared).index(name), entity)

    def _bucket(self, size: BucketSpec) -> TokenBucket:
        return TokenBucket(size.capacity, size.refill_per_s, at_s=self._env.now)

    def _use_up(self, covering: tuple[TokenBucket, ...], calls_per_s: float, streams: Streams, *entity: int) -> None:
        if calls_per_s > 0:
            gap = Exponential(dist="exponential", mean=1 / calls_per_s)
            LightProcess(self._env, self._background(covering, streams.draws(gap, Stream.API_BACKGROUND, *entity)))

    def _background(self, covering: tuple[TokenBucket, ...], gaps_s: Iterator[float]) -> Generator[simpy.Event]:
        for gap_s in gaps_s:
            yield self._env.timeout(gap_s)
            take_from_each(covering, self._env.now)

    def admit(self, action: Action) -> bool:
        """Return True and take the tokens if an attempt sent now is admitted, False if it is throttled."""
        return take_from_each(self._covering[action], self._env.now)
