"""Oracle: a replication by hand. One c5.large takes four pods; a fifth waits until a node comes, and a machine ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.control_plane.trace import PodReady
from sim.control_plane.trace.nodes import NodeAdded, PodScheduled
from sim.diagnosis.findings import findings
from sim.experiment.capacity import waits
from sim.experiment.replication import Replication, simulate
from sim.report.perfetto import NODES, PODS, perfetto
from sim.report.pictures.gantt import gantt
from sim.report.pictures.gantt_capacity import HELD, NODE_READY, PENDING, STARTING, USED
from sim.scenario.specs import Scenario


def _surge(**others: Any) -> Replication:
    """Make a rollout of four pods on a full node: the surge waits for a node that Karpenter adds."""
    scenario = Scenario.model_validate(
        {
            "name": "surge",
            "traffic": {"arrival_rate_rps": 20},
            "deployment": {"replicas": 4, "max_surge": 1, "max_unavailable": 0},
            "pod": {"pre_stop_sleep_s": 5, "startup_s": 3},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "nodes": {"instance_type": "c5.large", "count": 1, "zones": 1, "pod_cpu_m": 400, "daemonset_cpu_m": 300},
            "vpc_cni": {},
            "autoscaler": {"kind": "karpenter", "launch_to_ready_s": 30, "fleet_s": 2, "image_pull_s": 4},
        }
    ).with_overrides(others)
    return simulate(scenario, estimator="sampled")


def test_a_pod_that_waits_for_a_node_has_a_bar_until_it_has_one() -> None:
    """Pending from 0 s, one idle second of the batch, 2 s of CreateFleet and 30 s to Ready."""
    replication = _surge()
    (added,) = replication.trace.of(NodeAdded)
    assert added.time_s == pytest.approx(1 + 2 + 30, abs=1)
    first = waits(replication.trace)[0]
    assert (first.pod, first.scheduled_s) == (4, added.time_s)
    picture = gantt(findings(replication))
    pending, addresses = picture.axes[3:]
    labels = pending.get_legend_handles_labels()[1]
    assert {PENDING, STARTING} <= set(labels)
    assert pending.get_yticklabels()[0].get_text() == "4"
    assert {HELD, USED, NODE_READY} <= set(addresses.get_legend_handles_labels()[1])
    line = addresses.get_lines()[0]
    held = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    # Two interfaces of ten addresses for each c5.large with a pod.
    assert held[max(at_s for at_s in held if at_s <= 0)] == 20
    assert held[max(held)] == 40


def test_perfetto_has_the_wait_the_node_and_the_addresses() -> None:
    replication = _surge()
    events = json.loads(perfetto(findings(replication)))["traceEvents"]
    (added,) = replication.trace.of(NodeAdded)
    wait = next(event for event in events if event["name"] == "Pending, no node" and event["tid"] == 4)
    assert (wait["pid"], wait["ts"], wait["dur"]) == (PODS, 0, round(added.time_s * 1e6))
    ready = next(event for event in events if event["pid"] == NODES and event["name"] == "Ready")
    assert ready["ts"] == round(added.time_s * 1e6)
    held = [event["args"]["n"] for event in events if event["name"] == "zone 0, addresses held"]
    assert held[0] == 20
    assert held[-1] == 40


def test_without_nodes_nothing_is_said_of_them() -> None:
    replication = _surge(nodes=None, vpc_cni=None, autoscaler={"kind": "none"})
    assert not replication.trace.of(PodScheduled)
    assert replication.trace.of(PodReady)
    assert len(gantt(findings(replication)).axes) == 3
    events = json.loads(perfetto(findings(replication)))["traceEvents"]
    assert all(event["pid"] != NODES for event in events)
