"""Outcomes that one line does not tell, where other records do.

Equal lines may come from a request that ran when the deregistration delay ended, one that was refused, and one that was
cut as its process ended.

Modelled:
- A 502 in flight that ends within a second of DeregisterTargets plus the delay is `deregistration_delay_elapsed`.
- A `reset` that began after its pod had stopped was refused, if that time is known.
- A `reset` that began before that, and ended within a second of it, was cut.

Left out: a keep-alive race, which only the target could tell from a cut.

Sources: docs/facts/logs.md §1 ("Outcomes").
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.records.deregistrations import changes

if TYPE_CHECKING:
    import pandas as pd

    from sim.records.records import Records

DEREGISTRATION_DELAY_S = 300.0
"""AWS's default."""
AROUND_S = 1.0
REFUSED_FOR_S = 300.0
"""How long after a pod's stop a request to its address is taken as one for that pod, and not for a later one."""


def refined(records: Records, deregistration_delay_s: float = DEREGISTRATION_DELAY_S) -> Records:
    """Return the records, with the cause of each `reset` for which other records tell it."""
    requests = records.requests
    if requests is None or not (requests["outcome"] == "reset").any():
        return records
    resets = requests[requests["outcome"] == "reset"]
    outcome = requests["outcome"].copy()
    outcome[_cut_by_delay(resets, records, deregistration_delay_s)] = "deregistration_delay_elapsed"
    for name, rows in _by_stops(resets, records.pods).items():
        outcome[rows] = name
    return replace(records, requests=requests.assign(outcome=outcome))


def _cut_by_delay(resets: pd.DataFrame, records: Records, delay_s: float) -> pd.Index:
    ended_s = resets["time_s"] + resets["elapsed_s"]
    cut = np.zeros(len(resets), bool)
    for change in changes(records, "deregister"):
        due = (ended_s > change.from_s + delay_s - AROUND_S) & (ended_s < change.until_s + delay_s + AROUND_S)
        cut |= (due & resets["target"].isin(change.targets)).to_numpy(bool)
    return resets.index[cut & (resets["request_processing_s"] >= 0).to_numpy()]


def _by_stops(resets: pd.DataFrame, pods: pd.DataFrame | None) -> dict[str, pd.Index]:
    stopped = pods[pods["stopped_s"].notna() & (pods["ip"] != "")] if pods is not None else None
    if stopped is None or stopped.empty:
        return {}
    stopped_s = resets["target"].astype(str).str.rpartition(":")[0].map(stopped.groupby("ip")["stopped_s"].max())
    ended_s = resets["time_s"] + resets["elapsed_s"]
    began_after = (resets["time_s"] - stopped_s).between(AROUND_S, REFUSED_FOR_S)
    cut = (resets["time_s"] < stopped_s) & ((ended_s - stopped_s).abs() <= AROUND_S)
    return {"connect_refused": resets.index[began_after], "closed_in_flight": resets.index[cut]}
