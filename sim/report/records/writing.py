"""A directory of records of one simulated rollout: for rehearsing dashboards and alarms, and for a round trip.

Modelled: five minutes of traffic before the rollout and two after it; for the AWS API's calls the warm-up as well.

Left out: target type `instance`. There a log names a worker node and its port. A simulated request keeps its pod alone,
and a rollout deregisters no worker node, so that such records would have nothing to measure.
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
from sim.scenario.problems import Problem, ScenarioError
from sim.streams import Streams

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.replication import Replication
    from sim.scenario.specs import Scenario

BEFORE_S = 300.0
AFTER_S = 120.0


def require_recordable(scenario: Scenario) -> None:
    """Raise ScenarioError if the records could not tell targets apart."""
    if scenario.target_group.target_type != "ip":
        problem = Problem(
            key="target_group.target_type",
            expected="'ip' to write records (with 'instance' a log names worker nodes, which no request keeps here)",
            found=f"'{scenario.target_group.target_type}'",
        )
        raise ScenarioError([problem])


def write_records(replication: Replication, directory: Path) -> None:
    """Write access logs, CloudTrail, the controller's log and the audit log of a replication."""
    scenario = replication.scenario
    require_recordable(scenario)
    calls = calls_of(replication.trace)
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
    all_of(requests, scenario.name, math.inf if side is None else side.nodes).write(directory)
    trail = CloudTrail(scenario)
    trail.add_calls(calls)
    trail.add_background(scenario, replication.number, replication.estimate.window_until_s)
    trail.write(directory)
    if scenario.controller.version != FIXED_LAG:
        text = controller_log(calls, scenario.controller.version, scenario.name)
        (directory / "controller.log").write_text(text, encoding="utf-8")
    (directory / "audit.log").write_text(audit_log(replication.trace, scenario), encoding="utf-8")
