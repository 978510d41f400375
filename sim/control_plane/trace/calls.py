"""Records of the ingress controllers of all clusters of the account: reconciles, restarts and AWS API calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.control_plane.trace import Record

if TYPE_CHECKING:
    from sim.scenario.actions import Action

NO_RECONCILE = -1
"""The `reconcile` of a call that belongs to no reconcile."""


@dataclass(slots=True)
class ApiAttempt(Record):
    """One attempt of an AWS API call, at the moment when it is sent. `cluster` 0 is the disrupted cluster.

    `attempt` counts from 0. `backoff_s` is the wait before the next attempt (0 if this one succeeded or was the last).
    `reconcile` is `NO_RECONCILE` for v1's calls for readiness gates, outside its reconciles, and for the calls in v2's
    reconciles of ingresses.

    """

    cluster: int
    reconcile: int
    action: Action
    attempt: int
    throttled: bool
    latency_s: float
    backoff_s: float


@dataclass(slots=True)
class Reconciled(Record):
    """A reconcile began at `time_s` and ended at `end_s`. `error` is None or the call that gave up."""

    end_s: float
    cluster: int
    ingress: int
    reconcile: int
    error: str | None


@dataclass(slots=True)
class ControllerRestarted(Record):
    """A cluster's controller process ended, with all its work. Another one begins at `until_s`."""

    until_s: float
    cluster: int
