"""What was read from a user's records: one tidy frame for each kind of record.

The records are ALB access logs, CloudTrail, the controller's log, and Kubernetes' audit log, events and pod lists, each
with its own clock. Times are seconds since 1970, UTC, and NaN where unknown. A target is `ip:port`.

Modelled: the moments and names that measuring needs, and one outcome for each line of an access log.

Left out: the client's address, its user agent and the URL, which never leave the readers.

Sources: docs/facts/logs.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

POD_OUTCOMES = (
    "ok",
    "reset",
    "connect_refused",
    "host_unreachable",
    "closed_in_flight",
    "keep_alive_race",
    "deregistration_delay_elapsed",
    "idle_timeout",
    "connect_timeout",
    "no_registered_targets",
    "application_5xx",
)
"""What becomes of a request that the ALB forwards to pods.

`reset` is what one line cannot tell apart among `connect_refused`, `closed_in_flight` and `keep_alive_race`.
"""

OTHER_OUTCOMES = ("not_forwarded", "client_abort", "lambda_error", "other")
"""Outcomes that concern no pod. Such outcomes are counted apart, and belong to no rollout's requests."""

OUTCOMES = POD_OUTCOMES + OTHER_OUTCOMES

REQUEST_COLUMNS = {
    "time_s": "float64",
    "elapsed_s": "float32",
    "node": "category",
    "target": "category",
    "target_group": "category",
    "request_processing_s": "float32",
    "target_processing_s": "float32",
    "response_processing_s": "float32",
    "elb_status": "int16",
    "target_status": "int16",
    "websocket": "bool",
    "outcome": "category",
}
CALL_COLUMNS = ("time_s", "action", "client", "software", "throttled", "failed", "target_group", "targets")
RECONCILE_COLUMNS = ("time_s", "kind", "target_group", "targets")
POD_COLUMNS = ("pod", "ip", "created_s", "ready_s", "deleted_s", "stopped_s")
CHECK_COLUMNS = ("time_s", "node", "target", "target_group", "passed", "reason")
FILE_COLUMNS = ("path", "kind", "node", "from_s", "until_s", "lines_read", "lines_not_read", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The frames; None where the input has none of the kind.

    `requests`: one row for each line of an access log, by `time_s`, when the ALB received the request (field 22).
    `elapsed_s` is from then until the response began (field 2). The three processing times are NaN for -1; `target` and
    `target_group` are '' and `target_status` is 0 for none. `node` is the ALB node's address, '' if unknown.

    `calls`: one row for each AWS API call of CloudTrail. `time_s` is the second in which the call was completed.
    `action` is as in `elasticloadbalancing:DeregisterTargets`. `client` is the role, the service or the kind of user
    that called, `software` what it called with. `targets` is a tuple, which RegisterTargets and
    DeregisterTargets fill.

    `reconciles`: one row for each line of the controller's log on targets. `kind` is `registering` or `deregistering`
    before the call, `registered` or `deregistered` after it.

    `pods`: one row for each pod. `stopped_s`: when its last container ended.

    `checks`: one row for each line of a health check log. `time_s` is when the check began.

    `error_codes`: how many of all lines had which values in fields 35 and 36, by outcome, where they had any.

    `files`: one row for each file; `kind` is `none` for what is no record, `note` says what was wrong.
    """

    requests: pd.DataFrame | None = None
    calls: pd.DataFrame | None = None
    reconciles: pd.DataFrame | None = None
    pods: pd.DataFrame | None = None
    checks: pd.DataFrame | None = None
    error_codes: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    files: pd.DataFrame
