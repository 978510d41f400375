"""Lines of access logs, records of CloudTrail and the rest, made for tests by the documented fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

BEGIN_S = datetime(2026, 8, 17, 10, 0, tzinfo=UTC).timestamp()
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/k8s-shop-web-0a1b2c3d4e/73e2d6bc24d8a067"
OTHER_GROUP = GROUP.replace("web", "api")
NODES = ("203.0.113.10", "203.0.113.11")


def iso(time_s: float, form: str = "%Y-%m-%dT%H:%M:%S.%fZ") -> str:
    """Write a moment in seconds after `BEGIN_S`."""
    return datetime.fromtimestamp(round(BEGIN_S + time_s, 6), UTC).strftime(form)


def line(
    time_s: float,
    target: str = "10.0.1.72:8080",
    *,
    status: str = "200",
    target_status: str | None = None,
    times: tuple[float, float, float] | None = (0.001, 0.05, 0.0),
    elapsed_s: float = 0.052,
    group: str = GROUP,
    url: str = "https://www.example.com:443/secret/path?token=1",
    agent: str = "curl/8.5.0",
    n_fields: int = 34,
) -> str:
    """Write a line of an access log; `times` None is -1 for all three."""
    processing = " ".join("-1" if times is None else f"{one:.3f}" for one in times or (0, 0, 0))
    told = target_status or ("-" if times is None else status)
    fields = (
        f"https {iso(time_s + elapsed_s)} app/k8s-shop-1234567890/50dc6c495c0c9188 198.51.100.7:52000 {target} "
        f'{processing} {status} {told} 34 366 "GET {url} HTTP/1.1" "{agent}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        f'{group} "Root=1-58337262-36d228ad5d99923122bbe354" "www.example.com" '
        f'"arn:aws:acm:eu-west-1:111122223333:certificate/1" 1 {iso(time_s)} "forward" "-"'
    )
    later = ['"-"', f'"{target}"', f'"{told}"', '"-"', '"-"', "TID_1", '"-"', '"-"', '"-"', NODES[0], '"-"', '"-"']
    return " ".join([fields, *later[: n_fields - 24]])


def refused(time_s: float, target: str = "10.0.1.72:8080", **fields: Any) -> str:
    """Write the line of a refused connection."""
    return line(time_s, target, status="502", times=None, elapsed_s=0.002, **fields)


def log_name(node: str = NODES[0], end: str = "20260817T1005Z", random: str = "20sg8hgm") -> str:
    """Return the name of an access log."""
    balancer = "app.k8s-shop-1234567890.50dc6c495c0c9188"
    return f"111122223333_elasticloadbalancing_eu-west-1_{balancer}_{end}_{node}_{random}.log"


def call(time_s: float, name: str, targets: tuple[str, ...] = (), *, error: str = "", **record: Any) -> dict[str, Any]:
    """Return a record of CloudTrail of a controller's call."""
    return {
        "userIdentity": {
            "type": "AssumedRole",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/cluster-a-lbc"}},
        },
        "eventTime": iso(time_s, "%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "elasticloadbalancing.amazonaws.com",
        "eventName": name,
        "sourceIPAddress": "198.51.100.20",
        "userAgent": "elbv2.k8s.aws/v3.3.0",
        "requestParameters": {
            "targetGroupArn": GROUP,
            "targets": [{"id": one.split(":")[0], "port": int(one.split(":")[1])} for one in targets],
        },
        **({"errorCode": error} if error else {}),
        **record,
    }


def trail(path: Path, *records: dict[str, Any]) -> Path:
    """Write records as CloudTrail's files have them."""
    path.write_text(json.dumps({"Records": list(records)}))
    return path


def log(path: Path, *lines: str) -> Path:
    """Write lines."""
    path.write_text("".join(f"{one}\n" for one in lines))
    return path
