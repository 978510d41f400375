"""Who else calls the AWS API of the account: other clusters' controllers, and the rest.

Modelled:
- The rolled cluster's controller is the client that deregistered its targets.
- Another client that names itself as the controller is another cluster. The target groups that it named are its
  ingresses, and its RegisterTargets and DeregisterTargets calls its churn.
- v1 names only its SDK. A client of an SDK that some v1.1 was built with, which asks for the health of targets, is one.
- Everybody else is a steady stream by bucket.

Left out: calls that the trail does not record.

Sources: docs/facts/logs.md §2; docs/facts/controller.md §1 for the SDK of each v1.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.measured import Measured, rate_interval
from sim.control_plane.aws.aws_api import BUCKET_OF_ACTION
from sim.scenario.releases import V1_VERSIONS, release_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.records.deregistrations import Change

_STRETCH_S = 300.0
_BUCKETS: dict[str, str] = {action.replace("tag:", "tagging:"): name for action, name in BUCKET_OF_ACTION.items()}
"""The bucket of each action that a controller calls, as the trail names it."""
_VERSION = re.compile(r"elbv2\.k8s\.aws/(v\d+\.\d+(?:\.\d+)?)")
_V1_OF_SDK = {release_of(version).sdk.replace(" ", "/"): version for version in V1_VERSIONS}
"""The last v1.1 that was built with each SDK."""
_ASKS_HEALTH = "elasticloadbalancing:DescribeTargetHealth"
_AT_LEAST = "A cluster's ingresses are the target groups that its calls name: a lower bound."
_ONLY_SDK = "The user agent names only an SDK, which several releases of v1.1 have: this is the last of them."
_CHURN = ("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets")


def own_client(calls: pd.DataFrame, deregistrations: Sequence[Change]) -> str:
    """Return the client that deregistered most of the targets, '' if there is none."""
    ours = calls[
        (calls["action"] == _CHURN[1]) & calls["target_group"].isin({call.target_group for call in deregistrations})
    ]
    return str(ours["client"].astype(str).value_counts().index[0]) if len(ours) else ""


def controller_version(calls: pd.DataFrame, client: str) -> Measured | str:
    """Return the version by which a client's controller calls itself, or its SDK lets it be known."""
    rows = calls[calls["client"].astype(str) == client]
    version = _version(rows)
    if not version:
        return "the trail's user agents name no version of the controller"
    notes = () if _versions(rows) else (_ONLY_SDK,)
    return Measured(value=version, ci95={}, n=len(rows), source="the user agent in CloudTrail", notes=notes)


def other_clusters(calls: pd.DataFrame, own: str) -> Measured | str:
    """Estimate `aws_api.other_clusters`."""
    length_s = _length_s(calls)
    clusters, rates, n, by_sdk = [], {}, 0, False
    for client, rows in calls[calls["client"].astype(str) != own].groupby("client", observed=True):
        version = _version(rows)
        if not version:
            continue
        by_sdk |= not _versions(rows)
        churn = rows[rows["action"].isin(_CHURN)]
        groups = {str(group) for group in rows["target_group"] if str(group)}
        clusters.append(
            {
                "ingresses": max(len(groups), 1),
                "churn_per_s": float(f"{len(churn) / length_s:.4g}"),
                "controller": {"version": version},
            }
        )
        rates[str(client)] = rate_interval(np.array([float(len(churn))]), length_s)
        n += len(rows)
    if not clusters:
        return "no other client of the trail is such a controller, by its user agent"
    return Measured(
        value=clusters,
        ci95=rates,
        n=n,
        source="calls of the trail by other controllers",
        notes=(_AT_LEAST, _ONLY_SDK) if by_sdk else (_AT_LEAST,),
    )


def background(calls: pd.DataFrame, own: str) -> Measured | str:
    """Estimate `aws_api.background_calls_per_s`: what neither the rolled cluster nor another controller called."""
    controllers = {str(client) for client, rows in calls.groupby("client", observed=True) if _version(rows)}
    others = calls[~calls["client"].astype(str).isin(controllers | {own})]
    bucket = others["action"].map(_bucket)
    found = others[bucket != ""].assign(bucket=bucket[bucket != ""])
    if found.empty:
        return "the trail has no calls of anybody else to these APIs"
    length_s = _length_s(calls)
    n_stretches = max(int(length_s / _STRETCH_S), 1)
    value, intervals = {}, {}
    for name, rows in found.groupby("bucket", observed=True):
        counts = np.histogram(rows["time_s"], n_stretches, (calls["time_s"].min(), calls["time_s"].max() + 1))[0]
        value[str(name)] = float(f"{len(rows) / length_s:.4g}")
        intervals[str(name)] = rate_interval(counts.astype(float), length_s / n_stretches)
    return Measured(value=value, ci95=intervals, n=len(found), source="calls of the trail by everybody else")


def _version(rows: pd.DataFrame) -> str:
    """Return the version of the controller that made these calls, '' if none did."""
    named = _versions(rows)
    if named:
        return named[-1]
    if not (rows["action"] == _ASKS_HEALTH).any():
        return ""
    return next((_V1_OF_SDK[text] for text in rows["software"].astype(str) if text in _V1_OF_SDK), "")


def _versions(rows: pd.DataFrame) -> list[str]:
    return [match.group(1) for text in rows["software"].astype(str) if (match := _VERSION.search(text))]


def _bucket(action: str) -> str:
    known = _BUCKETS.get(action)
    if known is not None:
        return known
    service, _, operation = action.partition(":")
    if service == "elasticloadbalancing":
        return "elbv2_describe" if operation.startswith("Describe") else "elbv2_modify"
    return "ec2" if service == "ec2" and operation.startswith("Describe") else ""


def _length_s(calls: pd.DataFrame) -> float:
    return max(float(calls["time_s"].max() - calls["time_s"].min()) + 1.0, 1.0)
