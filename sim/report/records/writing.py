"""A directory of records of one simulated rollout: for rehearsing dashboards and alarms, and for a round trip.

Modelled: five minutes of traffic before the rollout and two after it; for the AWS API's calls the warm-up as well. The
access log of a switch of clusters is the old ALB's.

With target type `instance` a log names worker nodes and their NodePort. A rollout deregisters none of them, so that
the trail then has other callers' calls only, and the controller's log is empty.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.data_plane.every_request import every_request
from sim.report.records.access_log import all_of
from sim.report.records.api_calls import calls_of
from sim.report.records.audit_log import audit_log
from sim.report.records.cloud_trail import CloudTrail
from sim.report.records.controller_log import controller_log
from sim.scenario.controller import FIXED_LAG
from sim.streams import Streams

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.replication import Replication

BEFORE_S = 300.0
AFTER_S = 120.0


def write_records(replication: Replication, directory: Path) -> None:
    """Write access logs, CloudTrail, the controller's log and the audit log of a replication."""
    scenario = replication.scenario
    through_workers = scenario.target_group.target_type == "instance"
    calls = calls_of(replication.trace, through_workers=through_workers)
    requests = every_request(
        replication.timeline,
        traffic=scenario.traffic,
        pod=scenario.pod,
        target_group=scenario.target_group,
        streams=Streams(scenario.seed, replication.number),
        before_s=BEFORE_S,
        after_s=AFTER_S,
    )
    side = replication.timeline.old_side
    nodes = math.inf if side is None else side.nodes
    all_of(requests, scenario.name, nodes, through_workers=through_workers).write(directory)
    trail = CloudTrail(scenario)
    trail.add_calls(calls)
    trail.add_background(scenario, replication.number, replication.estimate.window_until_s)
    trail.write(directory)
    if scenario.controller.version != FIXED_LAG:
        text = controller_log(calls, scenario.controller.version, scenario.name)
        (directory / "controller.log").write_text(text, encoding="utf-8")
    (directory / "audit.log").write_text(audit_log(replication.trace, scenario), encoding="utf-8")
