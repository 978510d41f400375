"""Arrival rate, service time and ALB nodes, from the access log.

Modelled: the rate around the rollouts, since it is those that a scenario repeats, over stretches of ten seconds, which
show by how much it varies. The service time is the target's processing time of what it answered itself, away from the
rollouts if there is enough of that.
Left out: response bodies (the field ends at the headers); requests that were cut, which would have been longer ones.
Source: docs/facts/logs.md §1 and §4, "The other inputs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.departures import missing_by_node
from sim.calibration.measured import Measured, empirical, rate_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.calibration.last_requests import Floats
    from sim.records.deregistrations import Change
    from sim.records.rollouts import Rollout

AROUND_S = 300.0
_STRETCH_S = 10.0
_ENOUGH = 1000
_POISSON_AT_MOST = 1.5
_NOT_FORWARDED = ("not_forwarded", "client_abort", "lambda_error", "other")


def arrival_rate(requests: pd.DataFrame, calls: Sequence[Change], files: pd.DataFrame) -> Measured | str:
    """Estimate `traffic.arrival_rate_rps`."""
    times_s = np.sort(requests.loc[~requests["outcome"].isin(_NOT_FORWARDED), "time_s"].to_numpy(dtype=float))
    if times_s.size < 2:  # noqa: PLR2004 - a rate needs two
        return "fewer than two requests were forwarded"
    counts = _counts(times_s, calls, files)
    if not counts.size:
        return "the access log is shorter than ten seconds"
    dispersion = float(np.var(counts, ddof=1) / counts.mean()) if counts.size > 1 and counts.mean() > 0 else 1.0
    notes = (
        ()
        if dispersion <= _POISSON_AT_MOST
        else (f"The rate varies: counts of ten seconds have {dispersion:.2g} times the variance of chance.",)
    )
    return Measured(
        value=float(f"{counts.sum() / (counts.size * _STRETCH_S):.6g}"),
        ci95={"": rate_interval(counts, _STRETCH_S)},
        n=int(counts.sum()),
        source="forwarded requests of the access log" + (" within five minutes of a rollout" if calls else ""),
        notes=notes,
    )


def _counts(times_s: Floats, calls: Sequence[Change], files: pd.DataFrame) -> Floats:
    """Count the requests of whole stretches around the calls, or of all; none at a file that is missing."""
    edges_s = np.arange(times_s[0], times_s[-1], _STRETCH_S)
    counts = np.histogram(times_s, edges_s)[0] if edges_s.size > 1 else np.zeros(0)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    keep = np.ones(counts.size, bool)
    if calls:
        call_s = np.array([call.time_s for call in calls])
        keep = np.array([bool(np.any(np.abs(call_s - at_s) <= AROUND_S)) for at_s in middle_s], bool)
    for from_s, until_s in [gap for gaps in missing_by_node(files).values() for gap in gaps]:
        keep &= (middle_s < from_s - _STRETCH_S) | (middle_s > until_s + _STRETCH_S)
    return np.asarray(counts[keep], dtype=float)


def service_time(requests: pd.DataFrame, calls: Sequence[Change]) -> Measured | str:
    """Estimate `traffic.service_time_s`."""
    answered = requests[(requests["outcome"] == "ok") & ~requests["websocket"]]
    times_s = answered["target_processing_s"].to_numpy(dtype=float)
    known = np.isfinite(times_s)
    quiet = known & _quiet(answered["time_s"].to_numpy(dtype=float), calls)
    where = ", away from rollouts" if quiet.sum() >= _ENOUGH else ""
    values = times_s[quiet if where else known]
    if not values.size:
        return "no answered request has a target_processing_time"
    late = float(np.mean(requests["outcome"] == "idle_timeout"))
    notes = (
        () if late == 0 else (f"{100 * late:.2g} % of all requests ran into the idle timeout and are missing here.",)
    )
    return empirical(values, f"target_processing_time of answered requests{where}", notes)


def _quiet(times_s: Floats, calls: Sequence[Change]) -> np.ndarray:
    busy = np.zeros(times_s.size, bool)
    for call in calls:
        busy |= (times_s > call.time_s - AROUND_S / 2) & (times_s < call.time_s + AROUND_S)
    return ~busy


def alb_nodes(requests: pd.DataFrame, found: Sequence[Rollout]) -> Measured | str:
    """Count `target_group.alb_nodes`: those that served in each rollout, the usual number."""
    named = requests[requests["node"].astype(str) != ""]
    if named.empty:
        return "no line names its ALB node (the file's name or field 34)"
    times_s, node = named["time_s"].to_numpy(dtype=float), named["node"].astype(str).to_numpy()
    windows = [(one.from_s - AROUND_S, one.until_s + AROUND_S) for one in found] or [(-np.inf, np.inf)]
    counts = [len(set(node[(times_s > from_s) & (times_s < until_s)])) for from_s, until_s in windows]
    return Measured(
        value=int(np.median(counts)),
        ci95={},
        n=len(counts),
        source="rollouts, ALB nodes with requests" if found else "the whole log, ALB nodes with requests",
        notes=() if min(counts) == max(counts) else (f"From {min(counts)} to {max(counts)} in a rollout.",),
    )
