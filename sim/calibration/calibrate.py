"""All of a calibration: from records to the values of a scenario, with what could not be measured and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration import account, pods, traffic
from sim.calibration.bootstrap import QUANTILES
from sim.calibration.clocks import clock_notes
from sim.calibration.departures import Departures, departures_of
from sim.calibration.measured import Calibration, Measured
from sim.calibration.propagation import measure_propagation
from sim.records.deregistrations import changes
from sim.records.rollouts import rollouts as rollouts_of
from sim.records.silence import silence

if TYPE_CHECKING:
    from sim.calibration.propagation import Propagation
    from sim.records.deregistrations import Change
    from sim.records.records import Records
    from sim.records.rollouts import Rollout

PROPAGATION = "target_group.propagation_s"
REGISTRATION = "registration"


def calibrate(records: Records) -> Calibration:
    """Measure what the records allow."""
    found = Calibration()
    left, came = changes(records, "deregister"), changes(records, "register")
    rollouts = rollouts_of(records)
    _propagation(found, records, rollouts)
    _of_log(found, records, rollouts, came)
    found.add("pod.startup_s", pods.startup(records.pods))
    found.add("aws_api.latency_s", pods.api_latency(records.reconciles))
    _of_trail(found, records, left)
    found.add_beside("controller.deregistration_lag_s", pods.deregistration_lag(records.pods, left, rollouts))
    found.add_beside("controller.registration_lag_s", pods.registration_lag(records.pods, came, rollouts))
    return found


def _of_log(found: Calibration, records: Records, rollouts: list[Rollout], came: list[Change]) -> None:
    requests = records.requests
    if requests is None or requests.empty:
        for key in ("traffic.arrival_rate_rps", "traffic.service_time_s", "target_group.alb_nodes", REGISTRATION):
            found.not_measured[key] = "no ALB access log"
        return
    calls = [call for rollout in rollouts for call in rollout.calls]
    found.add("traffic.arrival_rate_rps", traffic.arrival_rate(requests, rollouts, records.files))
    found.add("traffic.service_time_s", traffic.service_time(requests, calls))
    found.add("target_group.alb_nodes", traffic.alb_nodes(requests, rollouts))
    found.add_beside(REGISTRATION, pods.registration(requests, records.checks, came))


def _of_trail(found: Calibration, records: Records, calls: list[Change]) -> None:
    trail = records.calls
    if trail is None or trail.empty:
        for key in ("controller.version", "aws_api.other_clusters", "aws_api.background_calls_per_s"):
            found.not_measured[key] = "no CloudTrail records"
        return
    own = account.own_client(trail, calls)
    found.add("controller.version", account.controller_version(trail, own))
    found.add("aws_api.other_clusters", account.other_clusters(trail, own))
    found.add("aws_api.background_calls_per_s", account.background(trail, own))


def _propagation(found: Calibration, records: Records, rollouts: list[Rollout]) -> None:
    departures = departures_of(records, rollouts)
    if isinstance(departures, str):
        found.add(PROPAGATION, departures)
        return
    try:
        law = measure_propagation(departures.requests)
    except ValueError as error:
        found.add(PROPAGATION, f"too few observations: {error}")
        return
    found.propagation = law
    n_calls, n_rollouts = (int(np.unique(of).size) for of in (departures.requests.call, departures.requests.rollout))
    where = f"{n_calls} DeregisterTargets {_plural('call', n_calls)} in {n_rollouts} {_plural('rollout', n_rollouts)}"
    found.add(
        PROPAGATION,
        Measured(
            value=_as_written(law),
            ci95=law.interval,
            n=law.n,
            source=f"pairs of an ALB node and a target, of {where}",
            notes=(*law.warnings, *_of_records(departures, records, rollouts)),
        ),
    )


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"


def _as_written(law: Propagation) -> dict[str, object]:
    """Return the law as a scenario writes it: a lognormal one by its quantiles, a gamma one by its parameters."""
    if law.best.family.name == "lognormal":
        return {"dist": "lognormal"} | {name: float(f"{law.quantile(name):.4g}") for name in QUANTILES}
    mean_s, shape = np.exp(law.best.parameters).tolist()
    return {"dist": "gamma", "shape": float(f"{shape:.4g}"), "mean": float(f"{mean_s:.4g}")}


def _of_records(departures: Departures, records: Records, rollouts: list[Rollout]) -> list[str]:
    notes = [*clock_notes(records, rollouts, departures.sources)]
    for n, words in (
        (departures.n_cut, "observed only up to a missing file of the access log"),
        (departures.n_lost, "left out: a file of their ALB node's access log is missing around the call"),
        (departures.n_unobserved, "left out: their target was dead or unseen before the call"),
    ):
        if n:
            notes.append(f"{n} {_plural('pair', n)} {'is' if n == 1 else 'are'} {words}.")
    if departures.silent:
        notes.append(silence(departures.silent))
    return notes
