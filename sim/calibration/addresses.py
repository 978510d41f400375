"""What happened to a target or its address, and when: in calls of the AWS API, and to the pods that had the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from sim.records.deregistrations import Change


def times_by_target(calls: Iterable[Change]) -> dict[str, list[float]]:
    """Return when each target was in a call."""
    found: dict[str, list[float]] = {}
    for call in calls:
        for target in call.targets:
            found.setdefault(target, []).append(call.time_s)
    return found


def stopped_by_address(pods: pd.DataFrame | None) -> dict[str, list[float]]:
    """Return when the pods of each address stopped."""
    if pods is None:
        return {}
    known = pods[np.isfinite(pods["stopped_s"].astype(float))]
    return {str(ip): rows["stopped_s"].astype(float).tolist() for ip, rows in known.groupby("ip")}


def address(target: str) -> str:
    """Return the address of `ip:port`."""
    return target.rpartition(":")[0].strip("[]")
