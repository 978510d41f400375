"""All that is said of a user's records: docs/interface.md, "Records".

`observe` puts together what was read: the outcomes, the rollouts, the account's calls, and what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records.by_target import ByTarget
from sim.records.clocks import Clocks, clocks
from sim.records.completeness import MissingFile, missing_files
from sim.records.deregistrations import changes
from sim.records.records import OTHER_OUTCOMES, OUTCOMES, POD_OUTCOMES
from sim.records.refinement import DEREGISTRATION_DELAY_S, refined
from sim.records.rollouts import Rollout, rollouts
from sim.records.silence import silent_targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from sim.records.lags import TargetLag
    from sim.records.records import Records


@dataclass(frozen=True, slots=True)
class Client:
    """One client of the account's API: its calls, those throttled among them."""

    name: str
    calls: int
    throttled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the records tell. `outcomes` counts all lines that were read, by the names in `OUTCOMES`."""

    records: Records
    outcomes: dict[str, int]
    rollouts: tuple[Rollout, ...]
    clients: tuple[Client, ...]
    missing_files: tuple[MissingFile, ...]
    clocks: Clocks
    silent: Mapping[str, float]
    """The targets that fell silent without a DeregisterTargets, each with the time of its last request."""

    @property
    def requests(self) -> int:
        """How many requests were forwarded to pods."""
        return sum(self.outcomes[name] for name in POD_OUTCOMES)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The ALB nodes by their addresses."""
        requests = self.records.requests
        return () if requests is None else tuple(sorted(str(node) for node in requests["node"].unique() if node))

    def as_json(self) -> dict[str, Any]:
        """Return the object that `albsim observe --format json` prints. Missing values are null."""
        return {
            "lines": {
                **self._lines(access_logs=True),
                "not_forwarded": self.outcomes["not_forwarded"],
                "client_aborts": self.outcomes["client_abort"],
                "lambda_errors": self.outcomes["lambda_error"],
                "other": self.outcomes["other"],
            },
            "requests": self.requests,
            "nodes": len(self.nodes),
            "outcomes": {name: self.outcomes[name] for name in POD_OUTCOMES},
            "error_codes": [
                {"outcome": outcome, "field_35": target, "field_36": balancer, "requests": n}
                for (outcome, target, balancer), n in sorted(self.records.error_codes.items())
            ],
            "rollouts": [_rollout_json(rollout) for rollout in self.rollouts],
            "api": {
                "calls": sum(client.calls for client in self.clients),
                "throttled": sum(client.throttled for client in self.clients),
                "clients": [
                    {"client": client.name, "calls": client.calls, "throttled": client.throttled}
                    for client in self.clients
                ],
            },
            "other_records": self._lines(access_logs=False),
            "files": self._files_json(),
            "silent_targets": {target: iso(last_s) for target, last_s in self.silent.items()},
            "clocks": {
                "targets_left": self.clocks.n_left,
                "silent_before_deregistration": self.clocks.n_silent_before,
                "silent_before_s": _or_null(self.clocks.silent_before_s),
                "targets_came": self.clocks.n_came,
                "earliest_request_after_registration_s": _or_null(self.clocks.earliest_s),
                "earliest_check_after_registration_s": _or_null(self.clocks.earliest_check_s),
                "deletions_known": self.clocks.n_deleted,
                "call_before_deletion_s": _or_null(self.clocks.before_deletion_s),
                "answered_after_stop_s": _or_null(self.clocks.after_stop_s),
            },
        }

    def _lines(self, *, access_logs: bool) -> dict[str, int]:
        """Return how many lines or objects were read and not read, of access logs or of all other records."""
        files = self.records.files
        some = files[(files["kind"] == "access_log") == access_logs]
        some = some[some["kind"] != "none"]
        return {"read": int(some["lines_read"].sum()), "not_read": int(some["lines_not_read"].sum())}

    def _files_json(self) -> dict[str, Any]:
        files = self.records.files
        return {
            "read": int((files["lines_read"] > 0).sum()),
            "not_read": files.loc[files["lines_read"] == 0, "path"].tolist(),
            "broken": {row.path: row.note for row in files[files["note"] != ""].itertuples()},
            "missing": [
                {"node": one.node, "from": iso(one.from_s), "until": iso(one.until_s)} for one in self.missing_files
            ],
        }


def observe(records: Records, deregistration_delay_s: float = DEREGISTRATION_DELAY_S) -> Observation:
    """Return what the records tell."""
    told = refined(records, deregistration_delay_s)
    found = tuple(rollouts(told))
    return Observation(
        records=told,
        outcomes=_counts(told.requests),
        rollouts=found,
        clients=tuple(_clients(told.calls)),
        missing_files=tuple(missing_files(told.files)),
        clocks=clocks(told, found, changes(told, "register")),
        silent={} if told.requests is None else silent_targets(told, ByTarget(told.requests)),
    )


def iso(time_s: float) -> str:
    """Return a moment as `2026-08-17T10:05:09.1Z`."""
    return datetime.fromtimestamp(round(time_s, 1), UTC).isoformat(timespec="milliseconds")[:-8] + "Z"


def _rollout_json(rollout: Rollout) -> dict[str, Any]:
    lags_s = [lag.lag_s for lag in rollout.lags]
    return {
        "from": iso(rollout.from_s),
        "until": iso(rollout.until_s),
        "target_group": rollout.target_group,
        "targets": len(rollout.lags),
        "new_targets": rollout.new_targets,
        "outcomes": {name: n for name, n in rollout.outcomes.items() if name not in OTHER_OUTCOMES},
        "lag_s": {"p50": round(float(np.median(lags_s)), 3), "max": round(max(lags_s), 3)},
        "lags": [_lag_json(lag) for lag in rollout.lags],
    }


def _lag_json(lag: TargetLag) -> dict[str, Any]:
    return {
        "target": lag.target,
        "pod": lag.pod or None,
        "lag_s": round(lag.lag_s, 3),
        "deletion_to_call_s": _or_null(lag.begun_s - lag.deleted_s),
        "call_s": _or_null(lag.deregistered_s - lag.begun_s),
        "last_request_s": {node: round(at_s - lag.deregistered_s, 3) for node, at_s in lag.last_s.items()},
    }


def _counts(requests: pd.DataFrame | None) -> dict[str, int]:
    if requests is None:
        return dict.fromkeys(OUTCOMES, 0)
    counts = requests["outcome"].value_counts(sort=False)
    return {name: int(counts[name]) for name in OUTCOMES}


def _clients(calls: pd.DataFrame | None) -> Sequence[Client]:
    """Return the clients, the busiest first."""
    if calls is None:
        return ()
    groups = (
        calls.groupby("client")["throttled"].agg(["size", "sum"]).sort_values("size", ascending=False, kind="stable")
    )
    return [
        Client(str(name), int(n), int(throttled))
        for name, (n, throttled) in zip(groups.index, groups.to_numpy(), strict=True)
    ]


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)
