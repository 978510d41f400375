"""The outcome of a request by its line in an access log.

An ALB writes statuses and times, but no cause: `error_reason` is `-` for a failed target.

Modelled:
- The table "Outcomes" of docs/facts/logs.md §1, in its order.
- A 502 whose cause one line does not tell is `reset`. Such a request was refused, cut in flight, or sent on a
  connection that was just being closed.

Left out: what needs more than the line. `refinement` has the rest.

Sources: docs/facts/logs.md §1; docs/facts/alb.md §3 (10 s, 3.1 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np

from sim.records.records import OUTCOMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDLE_TIMEOUT_S = 60.0
"""An ALB's default."""
CONNECT_TIMEOUT_S = (9.5, 11.0)
HOST_UNREACHABLE_S = (3.0, 3.3)
CLIENT_CLOSED = 460
_REFUSED_BY_ALB = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What decides a line's outcome, as arrays of one length. Missing statuses are 0, and missing times NaN."""

    websocket: NDArray[np.bool_]
    forwarded: NDArray[np.bool_]
    has_target: NDArray[np.bool_]
    has_group: NDArray[np.bool_]
    lambda_error: NDArray[np.bool_]
    refused_before: NDArray[np.bool_]
    elb_status: NDArray[np.int16]
    target_status: NDArray[np.int16]
    request_processing_s: NDArray[np.float32]
    target_processing_s: NDArray[np.float32]
    response_processing_s: NDArray[np.float32]
    elapsed_s: NDArray[np.float32]


def outcomes(lines: Lines) -> NDArray[np.int8]:
    """Return the index of each line's outcome in `OUTCOMES`. The first rule that fits decides."""
    rules = [*_not_a_pods(lines), *_answered(lines), *_failed(lines)]
    return np.select([rule for rule, _ in rules], [_code(name) for _, name in rules], _code("other")).astype(np.int8)


def _not_a_pods(lines: Lines) -> list[tuple[NDArray[np.bool_], str]]:
    by_alb = ~lines.has_target & np.isin(lines.elb_status, _REFUSED_BY_ALB)
    return [
        (lines.websocket & (lines.elb_status < HTTPStatus.INTERNAL_SERVER_ERROR), "ok"),
        (~lines.forwarded | by_alb | lines.refused_before, "not_forwarded"),
        (lines.lambda_error, "lambda_error"),
        (lines.elb_status == CLIENT_CLOSED, "client_abort"),
    ]


def _answered(lines: Lines) -> list[tuple[NDArray[np.bool_], str]]:
    error = HTTPStatus.INTERNAL_SERVER_ERROR
    return [
        (lines.target_status >= error, "application_5xx"),
        ((lines.target_status > 0) & (lines.elb_status < error), "ok"),
        (~lines.has_target & (lines.elb_status < error), "not_forwarded"),
    ]


def _failed(lines: Lines) -> list[tuple[NDArray[np.bool_], str]]:
    bad_gateway = lines.elb_status == HTTPStatus.BAD_GATEWAY
    timeout = lines.elb_status == HTTPStatus.GATEWAY_TIMEOUT
    unavailable = lines.elb_status == HTTPStatus.SERVICE_UNAVAILABLE
    sent = lines.request_processing_s >= 0
    no_times = ~(sent | (lines.target_processing_s >= 0) | (lines.response_processing_s >= 0))
    complete = (lines.target_processing_s >= 0) & (lines.response_processing_s >= 0)
    return [
        (unavailable & ~lines.has_target & lines.has_group, "no_registered_targets"),
        (timeout & no_times & _within(lines.elapsed_s, CONNECT_TIMEOUT_S), "connect_timeout"),
        (timeout & (sent | (lines.elapsed_s >= IDLE_TIMEOUT_S)), "idle_timeout"),
        (bad_gateway & no_times & _within(lines.elapsed_s, HOST_UNREACHABLE_S), "host_unreachable"),
        (bad_gateway & ~complete, "reset"),
    ]


def _within(values: NDArray[np.float32], bounds: tuple[float, float]) -> NDArray[np.bool_]:
    return (values >= bounds[0]) & (values <= bounds[1])


def _code(name: str) -> int:
    return OUTCOMES.index(name)
