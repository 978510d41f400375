"""The planes agree with their twins, and each row finds the defect it is there for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.control_plane import world
from sim.control_plane.aws import address_pool, aws_client, target_group
from sim.control_plane.kubernetes import kubelet
from sim.control_plane.kubernetes.disruptions import node_drain
from sim.control_plane.wiring import cluster
from sim.data_plane import expected, load, ring, sampled
from sim.data_plane.classify import Answers
from sim.data_plane.outcomes import Outcome
from sim.verification import twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.verification.checks import Check

pytestmark = pytest.mark.slow
FEW = {"TIMELINES": 4, "ROLLOUTS": 8, "DISRUPTIONS": 15, "BINDINGS": 8, "OUTAGES": 6, "ON_NODES": 20, "SAMPLES": 60}
"""Of what is drawn; the whole of it takes ten seconds."""
ROWS = {f"{target_type}, {routing}" for target_type in twins.TARGET_TYPES for routing in twins.ROUTINGS}


def failed(group: Callable[[], Iterator[Check]]) -> set[str]:
    """Return the rows that fail, by what their settings begin with."""
    return {check.settings.split(":")[0] for check in group() if not check.passed}


def of_every_controller(rows: set[str]) -> bool:
    """Return whether rollouts and drains of v1, and v2 or v3, are among the rows."""
    return all(any(what in row for row in rows) for what in ("rollouts", "drains", "v2 or v3"))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in FEW.items():
        monkeypatch.setattr(twins, name, number)


@pytest.mark.parametrize("target_type", twins.TARGET_TYPES)
def test_every_outcome_is_met(target_type: str) -> None:
    met: Counter[str] = Counter()
    for number in range(twins.TIMELINES):
        _, slow = twins.drawn_requests(target_type, "round_robin", number)
        met += slow.counts
    every = {outcome.name.lower() for outcome in Outcome}
    # Worker nodes are always there, and nobody deregisters a pod behind them. Only a switch leaves an ALB behind.
    at_pods_only = {"no_registered_targets", "deregistration_delay_elapsed"}
    missing = {twins.TWO_ALBS: set(), "ip": {"old_address_unreachable"}}
    assert met.keys() == every - missing.get(target_type, at_pods_only | {"old_address_unreachable"})


@pytest.mark.usefixtures("few")
def test_a_data_plane_that_takes_one_outcome_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    classify = sampled.classify

    def shifted(*arguments: Any, **more: Any) -> Answers:
        answers = classify(*arguments, **more)
        refused = answers.outcome == Outcome.CONNECT_REFUSED
        return Answers(np.where(refused, Outcome.CLOSED_IN_FLIGHT, answers.outcome), answers.answered_s)

    monkeypatch.setattr(sampled, "classify", shifted)
    assert {row.split(": ")[0] for row in failed(twins.data_plane_twin)} == ROWS


@pytest.mark.usefixtures("few")
def test_a_draw_that_points_elsewhere_in_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    by_choice = ring.Ring.by_choice
    monkeypatch.setattr(ring.Ring, "by_choice", lambda self, arrival_s, u: by_choice(self, arrival_s, 1 - u))
    assert failed(twins.data_plane_twin) == {"ip, random", "instance, random", f"{twins.TWO_ALBS}, random"}


@pytest.mark.usefixtures("few")
def test_a_controller_with_one_retry_less(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = aws_client.AwsClient.__init__

    def with_one_less(self: Any, *arguments: Any, max_retries: int, **more: Any) -> None:
        begin(self, *arguments, max_retries=max(0, max_retries - 1), **more)

    monkeypatch.setattr(aws_client.AwsClient, "__init__", with_one_less)
    monkeypatch.setattr(world, "LONGEST_PAUSE_S", twins.LONGEST_S)
    assert of_every_controller(failed(twins.control_plane_twin))


@pytest.mark.usefixtures("few")
def test_a_rollout_that_ends_for_the_twin_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "LONGEST_PAUSE_S", 0.0)
    assert all(check.off > 1000 for check in twins.control_plane_twin())


@pytest.mark.usefixtures("few")
def test_a_kubelet_that_kills_at_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet, "MINIMUM_GRACE_PERIOD_S", 0.0)
    assert of_every_controller(failed(twins.control_plane_twin))


@pytest.mark.usefixtures("few")
def test_an_eviction_that_is_asked_for_again_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_drain, "KUBECTL_RETRY_S", 6.0)
    monkeypatch.setattr(node_drain, "KARPENTER_BASE_S", 0.2)
    rows = failed(twins.control_plane_twin)
    assert len(rows) == 2
    assert all("drains" in row or "machines end" in row for row in rows)


@pytest.mark.usefixtures("few")
def test_a_node_that_gives_an_address_away_before_it_is_cool(monkeypatch: pytest.MonkeyPatch) -> None:
    release = address_pool.AddressPool.release
    monkeypatch.setattr(address_pool.AddressPool, "release", lambda self, pod, now_s: release(self, pod, now_s - 5))
    (row,) = failed(twins.control_plane_twin)
    assert row.endswith("on worker nodes")


@pytest.mark.usefixtures("few")
def test_new_nodes_that_have_the_image_already(monkeypatch: pytest.MonkeyPatch) -> None:
    start = cluster.Cluster._start_beside

    def with_images(self: Any, nodes: Any) -> None:
        start(self, nodes)
        self._image_from_s |= dict.fromkeys([node.number for node in nodes], 0.0)

    monkeypatch.setattr(cluster.Cluster, "_start_beside", with_images)
    (row,) = failed(twins.control_plane_twin)
    assert "come up beside the old one" in row


@pytest.mark.usefixtures("few")
def test_a_machine_that_ends_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    terminate = node_drain.NodeDrain._terminate
    later = lambda self, node, pods, at_s: terminate(self, node, pods, at_s + 1)  # noqa: E731
    monkeypatch.setattr(node_drain.NodeDrain, "_terminate", later)
    (row,) = failed(twins.control_plane_twin)
    assert "machines end" in row


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kept", [{}, None], ids=["at once", "never"])
def test_a_target_group_that_forgets_what_drains(monkeypatch: pytest.MonkeyPatch, kept: Any) -> None:
    """Targets are forgotten at once, or not even when the deregistration delay is over."""
    deregister = target_group.TargetGroup.deregister

    def wrongly(self: Any, pods: Any) -> None:
        deregister(self, pods)
        now_s = self._env.now
        self._draining_until_s = dict.fromkeys(self._draining_until_s, now_s) if kept is None else dict(kept)

    monkeypatch.setattr(target_group.TargetGroup, "deregister", wrongly)
    (row,) = failed(twins.control_plane_twin)
    assert row.startswith("v2 or v3")


@pytest.mark.usefixtures("few")
def test_to_have_compared_nothing_is_no_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "LONGEST_S", 0.0)
    assert not any(check.passed for check in twins.control_plane_twin())


@pytest.mark.usefixtures("few")
def test_an_expectation_that_is_a_fiftieth_off(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = load.Load.requests
    monkeypatch.setattr(load.Load, "requests", lambda self, from_s, until_s: 1.02 * requests(self, from_s, until_s))
    assert {"fixed_lag, round_robin", "v1.1.4, throttled"} <= failed(twins.expected_against_sampled)


@pytest.mark.usefixtures("few")
def test_an_expectation_without_what_is_cut_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected._Expected, "_accepted", lambda *_: None)
    assert {"fixed_lag, round_robin", "instance"} <= failed(twins.expected_against_sampled)
