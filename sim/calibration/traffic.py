"""Arrival rate, service time and ALB nodes, from the access log.

Modelled:
- The rate is that around the rollouts, since a scenario repeats those. The rate is taken over stretches of ten seconds,
  which show by how much it varies.
- The service time is the target's processing time of what it answered itself, away from the rollouts if enough is
  there.

Left out:
- response bodies, since the field ends at the headers;
- requests that were cut, which would have been longer ones.

Source: docs/facts/logs.md §1 and §4, "The other inputs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.measured import Measured, empirical, rate_interval
from sim.calibration.nodes import missing_by_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.calibration.last_requests import Floats
    from sim.records.deregistrations import Change
    from sim.records.rollouts import Rollout

AROUND_S = 300.0
_STRETCH_S = 10.0
_MOST_STRETCHES = 10_000
_ENOUGH = 1000
_MILLISECOND_S = 0.001
_POISSON_AT_MOST = 1.5
_NOT_FORWARDED = ("not_forwarded", "client_abort", "lambda_error", "other")


def arrival_rate(requests: pd.DataFrame, found: Sequence[Rollout], files: pd.DataFrame) -> Measured | str:
    """Estimate `traffic.arrival_rate_rps`."""
    times_s = np.sort(requests.loc[~requests["outcome"].isin(_NOT_FORWARDED), "time_s"].to_numpy(dtype=float))
    if times_s.size < 2:  # noqa: PLR2004 - a rate needs two
        return "fewer than two requests were forwarded"
    windows = [(one.from_s - AROUND_S, one.until_s + AROUND_S) for one in found] or [(times_s[0], times_s[-1])]
    stretch_s = max(_STRETCH_S, sum(until_s - from_s for from_s, until_s in windows) / _MOST_STRETCHES)
    counts = _counts(times_s, windows, stretch_s, files)
    if not counts.sum():
        return "the access log has no requests around the rollouts"
    dispersion = float(np.var(counts, ddof=1) / counts.mean()) if counts.size > 1 and counts.mean() > 0 else 1.0
    varies = f"The rate varies: counts of {stretch_s:.3g} s have {dispersion:.2g} times the variance of chance."
    return Measured(
        value=float(f"{counts.sum() / (counts.size * stretch_s):.6g}"),
        ci95={"": rate_interval(counts, stretch_s)},
        n=int(counts.sum()),
        source="forwarded requests of the access log" + (" within five minutes of a rollout" if found else ""),
        notes=(varies,) if dispersion > _POISSON_AT_MOST else (),
    )


def _counts(times_s: Floats, windows: Sequence[tuple[float, float]], stretch_s: float, files: pd.DataFrame) -> Floats:
    """Return the number of requests in each whole stretch of the windows, if the log has all files for it."""
    missing = [gap for gaps in missing_by_node(files).values() for gap in gaps]
    counts: dict[float, float] = {}
    for window_from_s, window_until_s in windows:
        from_s, until_s = max(window_from_s, times_s[0]), min(window_until_s, times_s[-1])
        edges_s = (
            np.floor(from_s / stretch_s + 1) * stretch_s + np.arange(int((until_s - from_s) / stretch_s)) * stretch_s
        )
        n = np.diff(np.searchsorted(times_s, edges_s))
        counts |= {
            edge_s: count
            for edge_s, count in zip(edges_s[:-1].tolist(), n.tolist(), strict=True)
            if not any(gap_from_s < edge_s + stretch_s and edge_s < gap_until_s for gap_from_s, gap_until_s in missing)
        }
    return np.array(list(counts.values()), dtype=float)


def service_time(requests: pd.DataFrame, calls: Sequence[Change]) -> Measured | str:
    """Estimate `traffic.service_time_s`."""
    times_s = requests["target_processing_s"].to_numpy()
    known = ((requests["outcome"] == "ok") & ~requests["websocket"]).to_numpy() & np.isfinite(times_s)
    quiet = known & _quiet(requests["time_s"].to_numpy(), calls)
    where = ", away from rollouts" if quiet.sum() >= _ENOUGH else ""
    values = times_s[quiet if where else known].astype(float)
    if not values.size:
        return "no answered request has a target_processing_time"
    late = float(np.mean(requests["outcome"] == "idle_timeout"))
    notes = (
        () if late == 0 else (f"{100 * late:.2g} % of all requests ran into the idle timeout and are missing here.",)
    )
    return empirical(values, f"target_processing_time of answered requests{where}", notes, unit_s=_MILLISECOND_S)


def _quiet(times_s: Floats, calls: Sequence[Change]) -> np.ndarray:
    """Return which of these ordered times are away from the calls."""
    quiet = np.ones(times_s.size, bool)
    for call in calls:
        quiet[slice(*np.searchsorted(times_s, [call.time_s - AROUND_S / 2, call.time_s + AROUND_S]))] = False
    return quiet


def alb_nodes(requests: pd.DataFrame, found: Sequence[Rollout]) -> Measured | str:
    """Estimate `target_group.alb_nodes`: the usual number of nodes that served in a rollout."""
    named = (requests["node"] != "").to_numpy()
    if not named.any():
        return "no line names its ALB node (the file's name or field 34)"
    times_s, node = requests["time_s"].to_numpy()[named], requests["node"].cat.codes.to_numpy()[named]
    windows = [(one.from_s - AROUND_S, one.until_s + AROUND_S) for one in found] or [(-np.inf, np.inf)]
    of_windows = [np.unique(node[(times_s > from_s) & (times_s < until_s)]).size for from_s, until_s in windows]
    counts = [count for count in of_windows if count]
    if not counts:
        return "the access log has no requests around the rollouts"
    return Measured(
        value=int(np.median(counts)),
        ci95={},
        n=len(counts),
        source="rollouts, ALB nodes with requests" if found else "the whole log, ALB nodes with requests",
        notes=() if min(counts) == max(counts) else (f"From {min(counts)} to {max(counts)} in a rollout.",),
    )
