from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.aws.aws_client import AwsClient, ThrottledError
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.control_plane.trace.calls import ApiAttempt
from sim.scenario.actions import Action
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.scenario.specs import AwsApiSpec

WAF = Action.WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE


def _client(env, spec: AwsApiSpec, policy: str, max_retries: int, cluster: int = 0) -> tuple[AwsClient, Trace]:
    simulation = Simulation(env, Streams(1, 0), Trace())
    api = AwsApi(simulation, spec)
    client = AwsClient(simulation, api, spec, cluster=cluster, policy=policy, max_retries=max_retries)
    return client, simulation.trace


def _dry(make_scenario, refill_per_s: float = 1e-9) -> AwsApiSpec:
    bucket = {"capacity": 1, "refill_per_s": refill_per_s}
    return make_scenario(aws_api__buckets={"waf_regional": bucket}, aws_api__latency_s=0.1).aws_api


def _twice(client: AwsClient) -> Generator[simpy.Event]:
    yield from client.call(WAF, 0)
    yield from client.call(WAF, 0)


def test_the_talk_s_schedule(make_env, make_scenario) -> None:
    """The waits of the talk, with 0.1 s for each attempt: 1, 1, 2, 7, 15, 30, 61 s, and then the call fails."""
    env = make_env()
    client, trace = _client(env, _dry(make_scenario), "published", 7)
    with pytest.raises(ThrottledError, match=WAF):
        env.run(until=env.process(_twice(client)))
    throttled = trace.of(ApiAttempt)[1:]
    assert [a.backoff_s for a in throttled] == [1, 1, 2, 7, 15, 30, 61, 0]
    assert [a.attempt for a in throttled] == list(range(8))
    assert all(a.throttled for a in throttled)
    assert env.now == pytest.approx(0.1 + 8 * 0.1 + 117)


def test_no_retries(make_env, make_scenario) -> None:
    env = make_env()
    client, trace = _client(env, _dry(make_scenario), "aws-sdk-go-1.23.22", 0)
    with pytest.raises(ThrottledError):
        env.run(until=env.process(_twice(client)))
    assert [a.throttled for a in trace.of(ApiAttempt)] == [False, True]


def test_a_refilled_bucket_lets_the_retry_through(make_env, make_scenario) -> None:
    env = make_env()
    client, trace = _client(env, _dry(make_scenario, refill_per_s=0.25), "published", 7)
    env.run(until=env.process(_twice(client)))
    # A token at t = 4: throttled at 0.1, 1.2, 2.3, and through at 4.4.
    assert [a.time_s for a in trace.of(ApiAttempt)] == pytest.approx([0, 0.1, 1.2, 2.3, 4.4])
    assert [a.throttled for a in trace.of(ApiAttempt)] == [False, True, True, True, False]


def test_the_retry_quota_of_botocore_ends_a_storm(make_env, make_scenario) -> None:
    """500 tokens at 5 a retry: a hundred retries, then throttled calls fail at once."""
    env = make_env()
    client, trace = _client(env, _dry(make_scenario), "botocore-standard", 1000)
    with pytest.raises(ThrottledError):
        env.run(until=env.process(_twice(client)))
    assert len(trace.of(ApiAttempt)) == 1 + 1 + 100


def test_the_adaptive_rate_knows_of_a_throttle_when_it_is_answered(make_env, make_scenario) -> None:
    """Another worker's call in the middle of the backoff is held back by it already (half a call per second)."""
    env = make_env()
    client, trace = _client(env, _dry(make_scenario), "botocore-adaptive", 1, cluster=1)

    def other_worker() -> Generator[simpy.Event]:
        yield env.timeout(0.35)
        yield from client.call(Action.DESCRIBE_VPCS, 1)

    env.process(other_worker())
    with pytest.raises(ThrottledError):
        env.run(until=env.process(_twice(client)))
    first, refused = trace.of(ApiAttempt)[:2]
    assert (first.time_s, refused.time_s, refused.throttled) == (0.0, 0.1, True)
    assert refused.time_s + 0.1 + refused.backoff_s > 0.4
    assert next(a.time_s for a in trace.of(ApiAttempt) if a.reconcile == 1) > 1.0


def test_background_calls_use_the_account_up(make_env, make_scenario) -> None:
    """A bucket of 10 per second under 30 background calls per second: two thirds of all are throttled."""
    env = make_env()
    spec = make_scenario(aws_api__background_calls_per_s={"elbv2_describe": 30}).aws_api
    api = AwsApi(Simulation(env, Streams(1, 0), Trace()), spec)
    env.run(until=100)
    admitted = 0
    for moment in range(200):
        env.run(until=101 + moment * 1.0618)  # not in step with the refill of a token every 0.1 s
        admitted += api.admit("elasticloadbalancing:DescribeRules")
    # A token is there when asked with probability about a third; binomial: 4 standard deviations of 200 draws.
    assert admitted / 200 == pytest.approx(1 / 3, abs=4 * (1 / 3 * 2 / 3 / 200) ** 0.5)


@pytest.mark.parametrize("name", ["elbv2_modify", "elbv2_account", "ec2", "tagging", "wafv2"])
def test_every_bucket_can_be_used_up_by_others(make_env, make_scenario, name: str) -> None:
    env = make_env()
    bucket = {"capacity": 5, "refill_per_s": 1}
    spec = make_scenario(aws_api__buckets={name: bucket}, aws_api__background_calls_per_s={name: 500}).aws_api
    api = AwsApi(Simulation(env, Streams(1, 0), Trace()), spec)
    env.run(until=20.31)
    action = {
        "ec2": "ec2:DescribeVpcs",
        "tagging": "tag:GetResources",
        "wafv2": "wafv2:GetWebACLForResource",
    }.get(name, "elasticloadbalancing:DescribeRules")
    # elbv2_modify covers no call of these controllers, but what is used of it the account's bucket loses too: 1 per s.
    assert api.admit(action) == (name == "elbv2_modify")


def test_ec2_limits_each_action_by_itself(make_env, make_scenario) -> None:
    spec = make_scenario(aws_api__buckets={"ec2": {"capacity": 1, "refill_per_s": 0.001}}).aws_api
    api = AwsApi(Simulation(make_env(), Streams(1, 0), Trace()), spec)
    assert api.admit("ec2:DescribeVpcs")
    assert not api.admit("ec2:DescribeVpcs")
    assert api.admit("ec2:DescribeSubnets")
