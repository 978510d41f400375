"""Oracle: the calls of a deploy that changes nothing, counted by hand in the controller's source."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.clock import Clock
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import TargetDeregistered, Trace
from sim.control_plane.trace.calls import NO_RECONCILE, ApiAttempt
from sim.control_plane.world import run_control_plane
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

PLENTY = {"capacity": 1e6, "refill_per_s": 1e6}
NAMES = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")
TAGS = "DescribeTags"


def _scenario(make_scenario, version: str, **overrides: object) -> Scenario:
    return make_scenario(
        **{
            "controller__version": version,
            "controller__sync_period_s": 0,
            "controller__aws_api_throttle": "WAFV2:.*=1000:1000,WAF Regional:.*=1000:1000,"
            "Elastic Load Balancing v2:.*=1000:1000",
            "aws_api__buckets": dict.fromkeys(NAMES, PLENTY),
            "aws_api__latency_s": 0.1,
        }
        | overrides
    )


def _calls(scenario: Scenario, until_s: float, n_ingresses: int = 1) -> list[tuple[float, str]]:
    """Return the calls of the ingress reconciles of a cluster in which no pod changes."""
    env, trace = Clock(), Trace()
    simulation = Simulation(env, Streams(1, 0), trace)
    ingresses = [Ingress(number, [ChurningBackend(env)]) for number in range(n_ingresses)]
    api = AwsApi(simulation, scenario.aws_api)
    start_controller(simulation, scenario.controller, scenario.aws_api, api, ingresses, cluster=0)
    env.run(until=until_s)
    return [(a.time_s, a.action.split(":")[1]) for a in trace.of(ApiAttempt) if a.reconcile == NO_RECONCILE]


RESTART = {"controller__restart_at_s": 10, "controller__restart_takes_s": 5}
WEB_ACLS = ["GetWebACLForResource"] * 2


@pytest.mark.parametrize(
    ("version", "backend_group", "attributes", "web_acls"),
    [
        ("v2.7.1", 1, 0, WEB_ACLS),
        ("v2.8.1", 1, 0, WEB_ACLS),
        ("v2.8.2", 1, 0, []),
        ("v2.10.0", 1, 0, []),
        ("v2.10.1", 1, 1, []),
        ("v3.2", 1, 1, []),
    ],
)
def test_the_calls_of_the_first_reconcile_in_their_order(
    make_scenario, version: str, backend_group: int, attributes: int, web_acls: list[str]
) -> None:
    assert [action for _, action in _calls(_scenario(make_scenario, version, **RESTART), 100)] == [
        "DescribeLoadBalancers",
        TAGS,
        *["DescribeSecurityGroups"] * (backend_group + 2),
        "DescribeTargetGroups",
        TAGS,
        "DescribeTargetGroupAttributes",
        "DescribeLoadBalancers",
        "DescribeLoadBalancerAttributes",
        "DescribeListeners",
        TAGS,
        "DescribeListenerCertificates",
        *["DescribeListenerAttributes"] * (2 * attributes),
        *["DescribeRules", TAGS] * 2,
        *web_acls,
    ]


@pytest.mark.parametrize(
    ("version", "backend_group", "of_rules"), [("v2.1.3", 0, []), ("v2.2.4", 0, [TAGS]), ("v2.7.0", 1, [TAGS])]
)
def test_the_calls_before_tags_are_kept(make_scenario, version: str, backend_group: int, of_rules: list[str]) -> None:
    """The load balancers' tags are read a second time, those of listeners and rules since v2.2."""
    assert [action for _, action in _calls(_scenario(make_scenario, version, **RESTART), 100)] == [
        "DescribeLoadBalancers",
        TAGS,
        *["DescribeSecurityGroups"] * (backend_group + 2),
        "DescribeTargetGroups",
        TAGS,
        "DescribeTargetGroupAttributes",
        "DescribeLoadBalancers",
        TAGS,
        "DescribeLoadBalancerAttributes",
        "DescribeListeners",
        *of_rules,
        "DescribeListenerCertificates",
        *["DescribeRules", *of_rules] * 2,
        *WEB_ACLS,
    ]


def test_tags_are_read_in_chunks_of_20_once_for_all_ingresses_and_one_call_at_a_time(make_scenario) -> None:
    """45 load balancers and 45 target groups: 3 calls each; listeners and two listeners' rules: 3 for each ingress."""
    calls = _calls(_scenario(make_scenario, "v2.8.2", **RESTART), 200, n_ingresses=45)
    counts = Counter(action for _, action in calls)
    assert counts[TAGS] == 3 + 3 + 3 * 45
    assert counts["DescribeLoadBalancers"] == 2 * 45
    assert counts["DescribeSecurityGroups"] == 1 + 2 * 45
    tags_s = [time_s for time_s, action in calls if action == TAGS]
    assert all(after >= before + 0.0999 for before, after in pairwise(tags_s))


@pytest.mark.parametrize(("version", "resyncs"), [("v2.0", False), ("v2.5.3", False), ("v2.5.4", True), ("v3.2", True)])
def test_a_resync_enqueues_ingresses_from_v2_5_4_on_and_nothing_else_does(
    make_scenario, version: str, *, resyncs: bool
) -> None:
    scenario = _scenario(make_scenario, version)
    assert not _calls(scenario, 4000)
    assert bool(_calls(scenario.with_overrides({"controller.sync_period_s": 1000}), 4000)) == resyncs


def test_a_throttled_reconcile_backs_off_and_starts_again(make_scenario) -> None:
    """The first call takes the only token, the second fails; the next token comes after 20 s."""
    buckets = dict.fromkeys(NAMES, PLENTY) | {"elbv2_describe": {"capacity": 1, "refill_per_s": 0.05}}
    scenario = _scenario(make_scenario, "v3.2", aws_api__buckets=buckets, controller__aws_max_retries=1, **RESTART)
    times_s = [time_s for time_s, action in _calls(scenario, 1000) if action == "DescribeLoadBalancers"]
    gaps_s = [after - before - 0.1 for before, after in pairwise(times_s[1:])]
    assert len(times_s) > 5
    assert gaps_s[:4] == pytest.approx([0.005 * 2**k for k in range(1, 5)])


def test_in_a_narrow_account_the_successor_catches_up_later_because_of_them(make_scenario, monkeypatch) -> None:
    buckets = dict.fromkeys(NAMES, PLENTY) | {"elbv2_describe": {"capacity": 5, "refill_per_s": 2}}
    scenario = _scenario(
        make_scenario, "v2.8", aws_api__buckets=buckets, controller__ingresses=20, deployment__replicas=8, **RESTART
    )

    def last_s() -> float:
        return max(r.time_s for r in run_control_plane(scenario, Streams(1, 0)).of(TargetDeregistered))

    with_ingresses_s = last_s()
    monkeypatch.setattr("sim.control_plane.controllers.ingress_reconciler_v2.WORKERS", 0)
    assert with_ingresses_s > last_s() + 5
