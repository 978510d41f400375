"""Pod start, deregistration lag, registration and API latency: what comes before the ALB hears of a pod.

Modelled:
- The lag runs from a pod's deletion to the success of DeregisterTargets, by address. Targets of one call share it, and
  its interval allows for that.
- A registration R is earlier than an ALB node's first request F by a gap between requests. The law of R is found by the
  likelihood of `kernel`, turned around: the density of F is that of R and then of a first request after it.

Left out: pods whose address is not known.

Source: docs/facts/logs.md §3 and §4, "The other inputs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.bootstrap import ENOUGH_CLUSTERS
from sim.calibration.frames import rows_of
from sim.calibration.likelihood import any_law, quantiles_of
from sim.calibration.measured import (
    CALLS,
    MOST_VALUES,
    ROLLOUTS,
    Measured,
    empirical,
    empirical_by_cluster,
    empirical_law,
    quantile_interval,
)
from sim.records.by_target import ByTarget
from sim.records.pods import address

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.calibration.last_requests import Floats
    from sim.records.deregistrations import Change
    from sim.records.rollouts import Rollout

_LONGEST_LAG_S = 3600.0
_LONGEST_REGISTRATION_S = 300.0
_CELLS = 200
_FEWEST = 5
_SECOND = 1.0
_LEAST_RATE_RPS = 1e-3
_UNTHROTTLED_S = 1.0
_BEFORE_AND_AFTER = {"deregistering": "deregistered", "registering": "registered"}


def startup(pods: pd.DataFrame | None) -> Measured | str:
    """Estimate `pod.startup_s`."""
    if pods is None:
        return "no audit log, events or pod list"
    took_s = (pods["ready_s"] - pods["created_s"]).to_numpy(dtype=float)
    took_s = took_s[np.isfinite(took_s) & (took_s >= 0)]
    if not took_s.size:
        return "no pod with both its times"
    unit_s = _SECOND if np.all(took_s % _SECOND == 0) else 0.0
    return empirical(took_s, "pods, from creation to ready", unit_s=unit_s)


def deregistration_lag(pods: pd.DataFrame | None, calls: Sequence[Change], found: Sequence[Rollout]) -> Measured | str:
    """Estimate `controller.deregistration_lag_s`: from a pod's deletion to the success of DeregisterTargets."""
    return _lag(pods, calls, found, "deleted_s", "targets, from their pod's deletion to DeregisterTargets")


def registration_lag(pods: pd.DataFrame | None, calls: Sequence[Change], found: Sequence[Rollout]) -> Measured | str:
    """Estimate `controller.registration_lag_s`: from a pod's Ready to the success of RegisterTargets."""
    return _lag(pods, calls, found, "ready_s", "targets, from their pod's Ready to RegisterTargets")


def _lag(
    pods: pd.DataFrame | None, calls: Sequence[Change], found: Sequence[Rollout], since: str, source: str
) -> Measured | str:
    if pods is None:
        return "no audit log, events or pod list"
    known = pods[np.isfinite(pods[since].astype(float)) & (pods["ip"].astype(str) != "")]
    by_address = {str(ip): rows[since].to_numpy(dtype=float) for ip, rows in known.groupby("ip")}
    lags = [
        (lag_s, number)
        for number, call in enumerate(calls)
        for target in call.targets
        for lag_s in (_success_s(call) - by_address.get(address(target), np.zeros(0))).tolist()
        if -_SECOND <= lag_s < _LONGEST_LAG_S
    ]
    if not lags:
        return "no target's pod is known by its address and that moment of its life"
    lags_s, of_call = (np.array(column) for column in zip(*lags, strict=True))
    of_rollout = np.array([_rollout_of(call, found) for call in calls])[of_call]
    words, cluster = ROLLOUTS, of_rollout
    if np.unique(of_rollout).size < ENOUGH_CLUSTERS:
        words, cluster = CALLS, of_call
    return empirical_by_cluster(np.maximum(lags_s, 0.0), cluster, words, source)


def _rollout_of(call: Change, found: Sequence[Rollout]) -> int:
    """Return the number of the rollout that a call is nearest to."""
    apart_s = [max(one.from_s - call.time_s, call.time_s - one.until_s) for one in found]
    return int(np.argmin(apart_s)) if apart_s else 0


def _success_s(call: Change) -> float:
    """Return when a call succeeded. The controller notes that after the answer, and CloudTrail has the second."""
    return call.time_s if call.source == "CloudTrail" else call.until_s


def registration(requests: pd.DataFrame, checks: pd.DataFrame | None, calls: Sequence[Change]) -> Measured | str:
    """Estimate how long after RegisterTargets an ALB node begins to send, by node and target.

    A health check log has it best: the first check that passed. Else the registration's effect is found from the first
    requests.
    """
    passed_s = _first_passes(checks, calls)
    if passed_s.size >= _FEWEST:
        source = "pairs of an ALB node and a new target, from RegisterTargets to the first health check that passed"
        return empirical(passed_s, source)
    first_s, rate_rps = _first_requests(requests, calls)
    if first_s.size < _FEWEST:
        return "fewer than five new targets have a RegisterTargets call and requests at an ALB node"
    edges_s = np.linspace(0, float(first_s.max()) + 1.0, _CELLS + 1)
    masses = any_law(_first_request_kernel(first_s, rate_rps, edges_s))
    n_values = min(first_s.size, MOST_VALUES)
    q = (np.arange(n_values) + 0.5) / n_values
    return Measured(
        value=empirical_law(np.array([quantiles_of(masses[None], edges_s, at)[0] for at in q])),
        ci95={"median": quantile_interval(first_s, 0.5), "p95": quantile_interval(first_s, 0.95)},
        n=int(first_s.size),
        source="pairs of an ALB node and a new target, from RegisterTargets to the first request",
        notes=("The intervals are those of the first requests, which are a little later.",),
    )


def _first_passes(checks: pd.DataFrame | None, calls: Sequence[Change]) -> Floats:
    """Return for each node and new target when the first health check after RegisterTargets passed."""
    if checks is None:
        return np.zeros(0)
    passed = checks[checks["passed"].astype(bool)]
    by_pair = {pair: np.sort(rows["time_s"].to_numpy(float)) for pair, rows in passed.groupby(["node", "target"])}
    found = []
    for call in calls:
        for (_, target), times_s in by_pair.items():
            after_s = times_s[times_s >= call.from_s] - call.time_s
            if target in call.targets and after_s.size and after_s[0] < _LONGEST_REGISTRATION_S:
                found.append(max(float(after_s[0]), 0.0))
    return np.array(found)


def _first_requests(requests: pd.DataFrame, calls: Sequence[Change]) -> tuple[Floats, Floats]:
    """Return for each node and new target its first request after RegisterTargets, and its rate afterwards."""
    by_target = ByTarget(requests)
    first_s, rate_rps = [], []
    for call in calls:
        for target in call.targets:
            numbers = by_target.between(target, call.time_s - _SECOND, call.time_s + _LONGEST_REGISTRATION_S)
            times_s, nodes = by_target.values("time_s", numbers), by_target.values("node", numbers)
            for node in np.unique(nodes):
                after_s = times_s[nodes == node] - call.time_s
                if after_s.size > 1:
                    first_s.append(max(float(after_s[0]), 0.0))
                    rate_rps.append((after_s.size - 1) / max(float(after_s[-1] - after_s[0]), 1e-3))
    return np.array(first_s), np.maximum(rate_rps, _LEAST_RATE_RPS)


def _first_request_kernel(first_s: Floats, rate_rps: Floats, edges_s: Floats) -> Floats:
    """Return the average of λ·exp(-λ(F - R)) over each cell's R ≤ F, shape (rows, cells)."""
    reach_s = np.maximum(first_s[:, None] - edges_s, 0.0)
    within = np.exp(-rate_rps[:, None] * reach_s)
    return np.asarray(np.diff(within, axis=1) / np.diff(edges_s))


def api_latency(reconciles: pd.DataFrame | None) -> Measured | str:
    """Estimate `aws_api.latency_s` from the controller's lines before and after a call."""
    if reconciles is None:
        return "no controller log"
    if bool(np.all(np.mod(reconciles["time_s"], 1) == 0)):
        return "the controller's log has whole seconds only: `kubectl logs --timestamps` has more"
    began: dict[tuple[str, str], list[float]] = {}
    took_s: list[float] = []
    for time_s, kind, group in rows_of(reconciles, "time_s", "kind", "target_group"):
        if kind in _BEFORE_AND_AFTER:
            began.setdefault((_BEFORE_AND_AFTER[kind], group), []).append(time_s)
        elif began.get((kind, group)):
            took_s.append(time_s - began[kind, group].pop(0))
    quick = np.array([time_s for time_s in took_s if time_s < _UNTHROTTLED_S])
    if not quick.size:
        return "no call has a line before and after it in the controller's log"
    return empirical(quick, "calls of RegisterTargets and DeregisterTargets that took less than a second")
