from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.calibration.calibrate import calibrate
from sim.control_plane.trace import PodDeleted, TargetDeregistered
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.trace.nodes import InstanceDeregistered
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import Replication, simulate
from sim.records.deregistrations import changes
from sim.records.reading import read
from sim.report.records.names import BEGIN
from sim.report.records.writing import write_records
from sim.scenario.disruptions import DISRUPTIONS
from sim.scenario.loading import load_scenario
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from pathlib import Path


def scenario(**changes: object) -> Scenario:
    return Scenario(
        name="round trip",
        traffic={"arrival_rate_rps": 20, "service_time_s": {"dist": "lognormal", "median": 0.05, "sigma": 0.8}},
        deployment={"replicas": 10},
        pod={"pre_stop_sleep_s": 60, "termination_grace_period_s": 90},
        controller={"version": "v2.13.0"},
        aws_api={"background_calls_per_s": {"elbv2_describe": 1.0}},
    ).with_overrides(changes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Replication, Path]:
    directory = tmp_path_factory.mktemp("records")
    replication = simulate(scenario())
    write_records(replication, directory)
    return replication, directory


def lines_of(directory: Path) -> list[str]:
    return [
        line
        for path in sorted(directory.rglob("*_app.*.log.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
    ]


def test_every_request_is_a_line_and_nothing_is_unreadable(written) -> None:
    replication, directory = written
    records = read([directory])
    assert records.requests is not None
    within = records.requests["time_s"].between(
        BEGIN.timestamp(), BEGIN.timestamp() + replication.requests.window_until_s, inclusive="left"
    )
    # Creation is cut to the millisecond: a request may fall out of the window by it.
    assert within.sum() == pytest.approx(replication.requests.counts.sum(), abs=2)
    assert len(records.requests) == len(lines_of(directory))
    assert records.files["lines_not_read"].sum() == 0


def test_deregistrations_are_when_they_were(written) -> None:
    replication, directory = written
    lines = [json.loads(line.split(" ", 1)[1]) for line in (directory / "controller.log").read_text().splitlines()]
    done = [line for line in lines if line["msg"] == "deRegistered targets"]
    moments = sorted({round(record.time_s, 6) for record in replication.trace.of(TargetDeregistered)})
    assert len(done) == len(moments)
    said_s = sorted(
        (datetime.fromisoformat(line.split(" ")[0][:26] + "+00:00") - BEGIN).total_seconds()
        for line in (directory / "controller.log").read_text().splitlines()
        if "deRegistered" in line
    )
    assert said_s == pytest.approx(moments, abs=1e-5)


def test_deletions_are_in_the_audit_log(written) -> None:
    replication, directory = written
    events = [json.loads(line) for line in (directory / "audit.log").read_text().splitlines()]
    deleted = [event for event in events if event["verb"] == "delete"]
    assert len(deleted) == len(replication.trace.of(PodDeleted)) == 10
    for event in deleted:
        assert event["responseObject"]["status"]["podIP"].startswith("10.")


def test_outcomes_are_counted_as_they_were(tmp_path) -> None:
    replication = simulate(scenario(**{"pod.pre_stop_sleep_s": 0, "pod.termination_grace_period_s": 30}))
    write_records(replication, tmp_path)
    counts = replication.requests.counts
    statuses = [line.split(" ")[8] for line in lines_of(tmp_path)]
    n_502 = sum(int(counts[outcome]) for outcome in Outcome if outcome.status == 502)
    assert n_502 > 50
    assert statuses.count("502") == n_502


def test_what_is_written_is_measured(written) -> None:
    _, directory = written
    found = calibrate(read([directory]))
    low, high = found.measured["target_group.propagation_s"].ci95["median"]
    assert low < 10 < high
    low, high = found.measured["traffic.arrival_rate_rps"].ci95[""]
    assert low < 20 < high
    low, high = found.measured["traffic.service_time_s"].ci95["median"]
    assert low - 0.001 <= 0.05 <= high + 0.001
    low, high = found.measured["aws_api.background_calls_per_s"].ci95["elbv2_describe"]
    assert low < 1 < high
    assert found.measured["target_group.alb_nodes"].value == 2
    assert found.measured["controller.version"].value == "v2.13.0"
    lag = found.beside["controller.deregistration_lag_s"].value
    assert isinstance(lag, dict)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1.1.4", "v3.2.0"])
def test_another_cluster_is_found_in_the_trail(tmp_path, version) -> None:
    cluster = {"ingresses": 3, "churn_per_s": 0.3, "controller": {"version": version}}
    spec = scenario(**{"traffic.arrival_rate_rps": 5, "aws_api.other_clusters": [cluster]})
    write_records(simulate(spec), tmp_path)
    found = calibrate(read([tmp_path])).measured["aws_api.other_clusters"]
    (measured,) = found.value
    assert (measured["ingresses"], measured["controller"]) == (3, {"version": version})
    # Some ninety changes, each a call of its own unless they come together: a standard error of a tenth.
    assert measured["churn_per_s"] == pytest.approx(0.3, rel=0.35)


def test_measured_lags_are_those_of_the_trace(written) -> None:
    replication, directory = written
    found = calibrate(read([directory]))
    deleted = {record.pod: record.time_s for record in replication.trace.of(PodDeleted)}
    lags_s = sorted(record.time_s - deleted[record.pod] for record in replication.trace.of(TargetDeregistered))
    # Half of what the call took: its effect is somewhere between the two lines of the controller's log.
    assert found.beside["controller.deregistration_lag_s"].value["values"] == pytest.approx(lags_s, abs=0.3)


def test_equal_rollouts_are_written_as_equal_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_records(simulate(scenario(**{"traffic.arrival_rate_rps": 5})), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 4
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1.1.9", "v2.0.0", "v2.8.0", "v3.3.0", "fixed_lag"])
def test_every_version_is_written_and_read(tmp_path, version) -> None:
    lag = {"controller.deregistration_lag_s": 2.0} if version == "fixed_lag" else {}
    write_records(simulate(scenario(**{"controller.version": version, "traffic.arrival_rate_rps": 5} | lag)), tmp_path)
    found = calibrate(read([tmp_path]))
    assert found.measured["target_group.propagation_s"].n == 20
    assert np.isfinite(found.measured["target_group.propagation_s"].ci95["median"]).all()


SHORT = {
    "cluster_switch": {
        "cluster_switch.new_pods_created_at_s": 0,
        "cluster_switch.old_pods_removed_at_s": 30,
        "cluster_switch.old_alb_deleted_at_s": 60,
    },
    "scale_in": {"scale_in.to_replicas": 8},
    "scale_out": {"scale_out.counted_until_s": 60},
    "canary": {"canary.steps": [{"weight": 40, "pause_s": 5}]},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DISRUPTIONS)
def test_every_kind_of_disruption_is_written_and_read(tmp_path, kind) -> None:
    """Every line of the access log can be read, and every controller of the account has its calls in the trail."""
    other = {"ingresses": 2, "churn_per_s": 0.3}
    changes = {"disruption": kind, "traffic.arrival_rate_rps": 5, "aws_api.other_clusters": [other]}
    replication = simulate(scenario(**changes | SHORT.get(kind, {})), estimator="sampled")
    write_records(replication, tmp_path)
    records = read([tmp_path])
    assert len(records.requests) == len(lines_of(tmp_path)) > 0
    assert records.files["lines_not_read"].sum() == 0
    files = [json.loads(gzip.decompress(path.read_bytes())) for path in tmp_path.rglob("*_CloudTrail_*.gz")]
    calls = [call for file in files for call in file["Records"]]
    roles = {call["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] for call in calls}
    clusters = {attempt.cluster for attempt in replication.trace.of(ApiAttempt)}
    assert {f"cluster-{cluster}-controller" for cluster in clusters} <= roles


@pytest.fixture(scope="module")
def through_workers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Replication, Path]:
    directory = tmp_path_factory.mktemp("instance")
    changes = {"target_group.target_type": "instance", "target_group.instances": 4, "pod.pre_stop_sleep_s": 0}
    replication = simulate(scenario(**changes))
    write_records(replication, directory)
    return replication, directory


def test_worker_nodes_and_their_port_are_the_targets(through_workers) -> None:
    replication, directory = through_workers
    lines = [line.split(" ") for line in lines_of(directory)]
    targets = Counter(line[4] for line in lines)
    assert targets.keys() == {f"172.16.0.{number}:31080" for number in (1, 2, 3, 4)}
    # Each ALB node takes turns over four worker nodes.
    assert max(targets.values()) - min(targets.values()) <= 2 * 2
    failed = sum(line[8] == "502" for line in lines)
    assert failed == sum(int(replication.requests.counts[one]) for one in Outcome if one.status == 502) > 0
    files = [json.loads(gzip.decompress(path.read_bytes())) for path in directory.rglob("*_CloudTrail_*.gz")]
    assert not [one for file in files for one in file["Records"] if one["eventName"].endswith("registerTargets")]
    assert (directory / "controller.log").read_text() == ""


def test_a_drained_worker_node_is_deregistered_in_the_records(tmp_path) -> None:
    replication = simulate(
        load_scenario("scenarios/capacity/nodes-as-targets.yaml").with_overrides({"traffic.arrival_rate_rps": 20})
    )
    write_records(replication, tmp_path)
    left = replication.trace.of(InstanceDeregistered)
    records = read([tmp_path])
    found = [target for call in changes(records, "deregister") for target in call.targets]
    assert len(found) == len(left) > 0
    assert set(found) <= set(records.requests["target"])


def test_what_worker_nodes_let_be_measured_and_what_not(through_workers) -> None:
    _, directory = through_workers
    found = calibrate(read([directory]))
    low, high = found.measured["traffic.arrival_rate_rps"].ci95[""]
    assert low < 20 < high
    assert found.measured["target_group.alb_nodes"].value == 2
    assert "pod.startup_s" in found.measured
    assert "no pods: with target type instance" in found.not_measured["target_group.propagation_s"]
