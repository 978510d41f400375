"""CloudTrail's records of a simulated rollout: every attempt of every call, in files of five minutes.

`eventTime` is when a call was completed, in whole seconds. Throttled calls are recorded, with their error and without
parameters. The user agent names the controller in the releases that do so.

Modelled:
- One role for each cluster.
- One role for all other callers (`background_calls_per_s`), at the moments of the simulation. Whether those callers
  were throttled is not known and not written.

Left out: who called a controller's role, and latencies (the real records have none either).

Sources: docs/facts/logs.md §2.
"""

from __future__ import annotations

import json
import zlib
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Any

from sim.control_plane.aws.aws_api import BUCKET_OF_ACTION
from sim.report.records.access_log import FILE_S, compressed
from sim.report.records.api_calls import DEREGISTER, REGISTER
from sim.report.records.names import ACCOUNT, BEGIN, REGION, moment, target_group_arn, whole_second
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.controller import FIXED_LAG
from sim.scenario.distributions import Exponential
from sim.scenario.releases import release_of, version_number
from sim.streams import Stream, Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sim.report.records.api_calls import ApiCall
    from sim.report.records.names import Target
    from sim.scenario.specs import Scenario

_SOURCES = {"tag": "tagging"}
_ELB = "elasticloadbalancing"
_ON_A_GROUP = frozenset({REGISTER, DEREGISTER, f"{_ELB}:DescribeTargetHealth"})
_PLATFORMS = {"aws-sdk-go": "(go1.13; linux; amd64)", "aws-sdk-go-v2": "os/linux lang/go#1.22 md/GOARCH#amd64"}
_UNNAMED = "Boto3/1.34.0"


class CloudTrail:
    """Writes the trail of one replication."""

    def __init__(self, scenario: Scenario) -> None:
        self._group = target_group_arn(scenario.name)
        own = scenario.controller.version
        others = [other.controller or scenario.controller for other in scenario.aws_api.other_clusters]
        new_cluster = isinstance(scenario.disrupted_by, ClusterSwitchSpec)  # its number follows the others'
        versions = [own, *(other.version for other in others), *([own] if new_cluster else [])]
        self._agents = [user_agent(version) for version in versions]
        self._records: list[tuple[float, dict[str, Any]]] = []

    def add_calls(self, calls: Iterable[ApiCall]) -> None:
        """Add the controllers' calls."""
        for call in calls:
            for answered_s, throttled in call.attempts:
                role = f"cluster-{call.cluster}-controller"
                record = self._record(answered_s, call.action, role, self._agents[call.cluster])
                if throttled:
                    record |= {"errorCode": "ThrottlingException", "errorMessage": "Rate exceeded"}
                elif call.targets:
                    record["requestParameters"] = {"targetGroupArn": self._group, "targets": _targets(call.targets)}
                elif call.cluster and call.ingress is not None and call.action in _ON_A_GROUP:
                    group = _group_of(call.cluster, call.ingress)
                    record["requestParameters"] = {"targetGroupArn": group, "targets": []}

    def add_background(self, scenario: Scenario, replication: int, until_s: float) -> None:
        """Add the calls of all other callers, at the moments of the simulation."""
        for action, time_s in _background(scenario, Streams(scenario.seed, replication), until_s):
            self._record(time_s, action, "something-else", _UNNAMED)

    def _record(self, time_s: float, action: str, role: str, agent: str) -> dict[str, Any]:
        service, _, operation = action.partition(":")
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        number = f"{len(self._records):012x}"
        record: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "accountId": ACCOUNT,
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn, "userName": role}},
            },
            "eventTime": whole_second(time_s),
            "eventSource": f"{_SOURCES.get(service, service)}.amazonaws.com",
            "eventName": operation,
            "awsRegion": REGION,
            "sourceIPAddress": "198.51.100.20",
            "userAgent": agent,
            "requestParameters": None,
            "responseElements": None,
            "requestID": f"r-{number}",
            "eventID": f"e-{number}",
            "readOnly": operation.startswith(("Describe", "Get")),
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }
        self._records.append((time_s, record))
        return record

    def write(self, directory: Path) -> None:
        """Write the files below the directory, with the paths that they have in S3."""
        files: dict[int, list[dict[str, Any]]] = {}
        for time_s, record in sorted(self._records, key=lambda one: one[0]):
            files.setdefault(int((BEGIN.timestamp() + time_s) // FILE_S), []).append(record)
        for number, records in files.items():
            end = moment((number + 1) * FILE_S - BEGIN.timestamp())
            place = directory / "AWSLogs" / ACCOUNT / "CloudTrail" / REGION / f"{end:%Y/%m/%d}"
            place.mkdir(parents=True, exist_ok=True)
            random = f"{zlib.crc32(str(number).encode()):08x}"
            name = f"{ACCOUNT}_CloudTrail_{REGION}_{end:%Y%m%dT%H%MZ}_{random}.json.gz"
            (place / name).write_bytes(compressed(json.dumps({"Records": records})))


def user_agent(version: str) -> str:
    """Return the user agent of a controller's version: its SDK, its own name, or both."""
    if version == FIXED_LAG:
        return _UNNAMED
    release = release_of(version)
    sdk, _, number = release.sdk.partition(" ")
    words = [f"{sdk}/{number} {_PLATFORMS[sdk]}"] if release.names_sdk_in_user_agent else []
    if release.names_itself_in_user_agent:
        words.append("elbv2.k8s.aws/v{}.{}.{}".format(*version_number(version)))
    return " ".join(words)


def _targets(targets: Iterable[Target]) -> list[dict[str, Any]]:
    return [{"id": target.address, "port": target.port} for target in targets]


def _group_of(cluster: int, ingress: int) -> str:
    name = f"k8s-other{cluster}-{ingress}"
    return f"arn:aws:{_ELB}:{REGION}:{ACCOUNT}:targetgroup/{name}/{cluster:08x}{ingress:08x}"


def _background(scenario: Scenario, streams: Streams, until_s: float) -> Iterator[tuple[str, float]]:
    """Yield each call's action and time, from the streams from which the simulation drew them."""
    spec = scenario.aws_api
    names = [name for name, _ in spec.buckets]
    for name, calls_per_s in spec.background_calls_per_s.items():
        if not calls_per_s:
            continue
        gap = Exponential(dist="exponential", mean=1 / calls_per_s)
        actions: list[str] = [action for action, bucket in BUCKET_OF_ACTION.items() if bucket == name]
        apart = actions if name == "ec2" else actions[:1] or [f"{_ELB}:ModifyTargetGroupAttributes"]
        for entity, action in enumerate(apart):
            gaps_s = streams.draws(gap, Stream.API_BACKGROUND, names.index(name), entity)
            times_s = accumulate(gaps_s, initial=-spec.warm_up_s)
            next(times_s)
            yield from ((action, time_s) for time_s in takewhile(lambda time_s: time_s < until_s, times_s))
