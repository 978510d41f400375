"""The retry quota by hand: a success without a retry brings back one token, one after retries the last five."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.aws.aws_client import AwsClient, ThrottledError
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.scenario.actions import Action
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

BUCKET = {"capacity": 3, "refill_per_s": 0.001}


def test_what_calls_take_from_the_quota_and_bring_back(make_env, make_scenario) -> None:
    """Three calls pass. The fourth is throttled at its attempt and both its retries, which cost ten tokens."""
    env = make_env()
    spec = make_scenario(aws_api__buckets={"elbv2_describe": BUCKET}, aws_api__latency_s=0.01).aws_api
    simulation = Simulation(env, Streams(1, 0), Trace())
    client = AwsClient(simulation, AwsApi(simulation, spec), spec, cluster=0, policy="botocore-standard", max_retries=2)
    client._quota.available = 100
    left = []

    def calls() -> Generator[simpy.Event]:
        for number in range(4):
            try:
                yield from client.call(Action.DESCRIBE_TARGET_HEALTH, 0)
            except ThrottledError:
                assert number == 3
            left.append(client._quota.available)
        yield env.timeout(999.5 - env.now)  # the next token comes at 1,000 s: one retry or two
        yield from client.call(Action.DESCRIBE_TARGET_HEALTH, 0)
        left.append(client._quota.available)

    env.process(calls())
    env.run()
    assert left[:4] == [101, 102, 103, 93]
    assert left[4] in (93, 88)
