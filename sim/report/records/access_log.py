"""The ALB's access log of a simulated rollout: one gzip file for each ALB node and five minutes.

A line has 34 documented fields. The request's creation is in whole milliseconds, the response's time to the
microsecond. Processing times are -1 where a stage was not reached.

Modelled: how each outcome looks in a line.
- A refused or unreachable connect has -1 three times, as has a request without a target.
- A request that was cut or ran into the idle timeout had been dispatched, and has a first time of 0.
- With target type `instance` the target is a worker node and its NodePort, also if no pod was behind it.

Left out: TLS, redirects, clients that give up, lines that come late or not at all.

Sources: docs/facts/logs.md §1 and docs/facts/alb.md §3.
"""

from __future__ import annotations

import gzip
import math
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.classify import Answers
from sim.data_plane.outcomes import Outcome
from sim.report.records.names import (
    ACCOUNT,
    BEGIN,
    CLIENT,
    LOAD_BALANCER,
    REGION,
    node_address,
    pod_target,
    target_group_arn,
    worker_target,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.data_plane.sent import Sent

FILE_S = 300
_MICROSECONDS = 1_000_000
_REFUSED_S = 0.001
"""The least time until an answer, that of a refused connect: about a round trip within the VPC."""
_COMPRESSION = 6
"""zlib's own default. Python's is 9, which takes three times as long for a tenth less."""
_NOT_DISPATCHED = frozenset(
    {Outcome.CONNECT_REFUSED, Outcome.HOST_UNREACHABLE, Outcome.CONNECT_TIMEOUT, Outcome.NO_REGISTERED_TARGETS}
)
_LINE = (
    'http {time} {alb} {client}:{port} {target} {times} {status} {target_status} 120 340 "GET http://www.example.com:80/'
    ' HTTP/1.1" "-" - - {group} "Root=1-{trace}" "-" "-" 0 {created} "forward" "-" "-" "{target}" "{target_status}" "-"'
    ' "-" TID_{trace} "-" "-" "-" {node}\n'
)


class AccessLog:
    """Takes requests and writes them, by node and five minutes."""

    def __init__(self, scenario: str, *, through_workers: bool) -> None:
        self._group = target_group_arn(scenario)
        self._through_workers = through_workers
        self._lines: dict[tuple[int, int], list[tuple[int, str]]] = {}
        self._n = 0

    def add(self, sent: Sent, answers: Answers) -> None:
        """Add requests with their answers."""
        elapsed_s = np.maximum(answers.answered_s - sent.arrival_s, _REFUSED_S)
        began_us = int(BEGIN.timestamp()) * _MICROSECONDS
        created_us = began_us + np.floor(sent.arrival_s * _MICROSECONDS).astype(np.int64)
        time_us = created_us + np.ceil(elapsed_s * _MICROSECONDS).astype(np.int64)
        to = sent.node if self._through_workers else sent.target
        targets = {number: self._target(number) for number in np.unique(to).tolist()}
        created, times = _written(created_us // 1000 * 1000), _written(time_us)
        columns = (time_us, elapsed_s, sent.alb_node, to, answers.outcome)
        rows = zip(created, times, *(column.tolist() for column in columns), strict=True)
        for begun, ended, at_us, elapsed, node, target, outcome in rows:
            self._n += 1
            line = self._line(begun, ended, elapsed, node, targets[target], Outcome(outcome))
            self._lines.setdefault((node, at_us // (FILE_S * _MICROSECONDS)), []).append((at_us, line))

    def _target(self, number: int) -> str:
        if self._through_workers:
            return str(worker_target(number))
        return str(pod_target(number)) if number >= 0 else "-"

    def _line(self, created: str, ended: str, elapsed_s: float, node: int, target: str, outcome: Outcome) -> str:
        if outcome == Outcome.OK:
            times = f"0.000 {elapsed_s:.3f} 0.000"
        else:
            times = "-1 -1 -1" if outcome in _NOT_DISPATCHED else "0.000 -1 -1"
        return _LINE.format(
            time=ended,
            alb=LOAD_BALANCER,
            client=CLIENT,
            port=1024 + self._n % 60_000,
            target=target,
            times=times,
            status=outcome.status,
            target_status="200" if outcome == Outcome.OK else "-",
            group=self._group,
            trace=f"{self._n:024x}",
            created=created,
            node=node_address(node),
        )

    def write(self, directory: Path) -> None:
        """Write the files below the directory, with the paths that they have in S3."""
        for (node, number), lines in self._lines.items():
            end = datetime.fromtimestamp((number + 1) * FILE_S, UTC)
            day = end - timedelta(seconds=1)
            file = directory / "AWSLogs" / ACCOUNT / "elasticloadbalancing" / REGION / f"{day:%Y/%m/%d}"
            file.mkdir(parents=True, exist_ok=True)
            text = "".join(line for _, line in sorted(lines))
            random = f"{zlib.crc32(f'{node} {number}'.encode()):08x}"
            name = (
                f"{ACCOUNT}_elasticloadbalancing_{REGION}_{LOAD_BALANCER.replace('/', '.')}_{end:%Y%m%dT%H%MZ}_"
                f"{node_address(node)}_{random}.log.gz"
            )
            (file / name).write_bytes(compressed(text))


def compressed(text: str) -> bytes:
    """Return the text as a gzip file whose bytes do not depend on the time."""
    return gzip.compress(text.encode(), compresslevel=_COMPRESSION, mtime=0)


def _written(times_us: NDArray[np.int64]) -> list[str]:
    written: list[str] = np.datetime_as_string(times_us.astype("datetime64[us]"), timezone="UTC").tolist()
    return written


def all_of(
    requests: Iterable[tuple[Sent, Answers]], scenario: str, nodes: float = math.inf, *, through_workers: bool
) -> AccessLog:
    """Return the log of a load balancer's requests, whose nodes are the first `nodes` ones.

    What reaches no load balancer leaves no line. The targets are worker nodes or else pods.
    """
    log = AccessLog(scenario, through_workers=through_workers)
    for sent, answers in requests:
        known = (answers.outcome != Outcome.OLD_ADDRESS_UNREACHABLE) & (sent.alb_node < nodes)
        log.add(sent[known], Answers(answers.outcome[known], answers.answered_s[known]))
    return log
