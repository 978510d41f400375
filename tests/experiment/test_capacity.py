"""Oracles: records written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.control_plane.trace import PodCreated, Trace
from sim.control_plane.trace.nodes import PodScheduled, RolloutStalled, SandboxFailed, SubnetFull, SubnetHeld
from sim.experiment.figures import figures_of
from sim.experiment.replication import Replication, simulate
from sim.experiment.summary import summarise
from sim.report.capacity import room_for, stall_of
from sim.report.short import short_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario


@pytest.fixture
def told(make_scenario: Callable[..., Scenario]) -> Replication:
    """Return a replication whose trace is written by hand: two zones with 27 addresses each, one pod that waits."""
    scenario = make_scenario(
        nodes={"instance_type": "c5.large", "count": 2, "zones": 2}, vpc_cni={"subnet_prefix_length": 27}
    )
    whole = simulate(scenario)
    trace = Trace()
    for record in (
        SubnetHeld(-300.0, 0, 25, 9),
        SubnetHeld(-200.0, 0, 20, 2),
        SubnetHeld(-200.0, 1, 10, 2),
        SubnetHeld(5.0, 0, 26, 3),
        SubnetHeld(6.0, 0, 20, 3),
        SubnetHeld(7.0, 1, 12, 8),
        SubnetFull(-10.0, 0, 0),
        SubnetFull(8.0, 1, 1),
        PodCreated(0.0, 4),
        PodCreated(1.0, 5),
        PodCreated(2.0, 6),
        PodScheduled(-300.0, 0, 0),
        PodScheduled(0.0, 4, 1),
        PodScheduled(3.5, 5, 1),
        SandboxFailed(3.5, 5, 1),
        SandboxFailed(15.0, 5, 1),
        RolloutStalled(615.0, 1, [5]),
    ):
        trace.record(record)
    return Replication(scenario, 0, trace, whole.timeline, whole.estimate)


def test_waits_and_addresses(told: Replication) -> None:
    assert told.pending_s.tolist() == [0.0, 2.5, 613.0]
    assert told.addresses == (26 + 10, 3 + 8, 27 - 26, 8.0, 1)
    figures = figures_of(told).values
    capacity = {
        name: figures[f"capacity.{name}"] for name in ("pending_pods", "stalled", "failed_sandboxes", "exhausted")
    }
    assert capacity == {"pending_pods": 2.0, "stalled": 1.0, "failed_sandboxes": 2.0, "exhausted": 1.0}


def test_what_is_said(told: Replication) -> None:
    (stall,) = stall_of(told)
    assert "Still waiting: 1 pod for a node and 1 pod for an address in zone b" in stall
    assert "deadline passed at 615.0 s" in stall
    said = " ".join(room_for(told))
    assert "2 nodes took 25 pods each, limited by max pods: 50 places." in said
    assert "2 pods waited for a node" in said
    assert "held at most 36 addresses, of which pods used 11; the fullest subnet had 1 left" in said
    assert "refused addresses first at 8.0 s, in zone b" in said
    assert "2 attempts to start a pod failed for want of an address, of 1 pod." in said


def test_the_short_report_says_first_that_a_rollout_does_not_end(told: Replication) -> None:
    summary = summarise(told.scenario, [figures_of(told)])
    report = short_report(summary)
    assert report.startswith("test: 100 % of rollouts do not end")
    assert max(map(len, report.splitlines())) <= 80
    assert summary.as_json()["capacity"]["addresses"]["free"]["mean"] == 1


def test_a_scenario_without_the_blocks_has_no_such_figures(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario()
    summary = summarise(scenario, [simulate(scenario).figures()])
    assert "capacity" not in summary.as_json()
    assert "node" not in short_report(summary)
