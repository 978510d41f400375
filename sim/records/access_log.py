"""Access logs of an Application Load Balancer: blocks of lines in, columns out.

A log has one line for each request. A line whose fields cannot be understood is counted.

Sources: docs/facts/logs.md §1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records.access_log_fields import tables
from sim.records.classification import Lines, outcomes
from sim.records.error_codes import ErrorCodes
from sim.records.names import taken
from sim.records.records import REQUEST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from sim.records.names import Names

Columns = dict[str, "NDArray[Any]"]

_LINE_END = 10


class AccessLog:
    """Reads blocks of access logs. Names of targets, groups and nodes have the same numbers in all of them."""

    def __init__(self, targets: Names, groups: Names, nodes: Names) -> None:
        self._targets = targets
        self._groups = groups
        self._nodes = nodes
        self.error_codes = ErrorCodes()

    def read(self, block: bytes, node: str) -> tuple[Columns, int]:
        """Return the columns of a block's lines, and how many lines could not be read.

        `node` is the ALB node that wrote the file, by the file's name. If `node` is empty, the lines may tell.
        """
        parts = [self._columns(table, node) for table in tables(block)]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in REQUEST_COLUMNS} if parts else {}
        n_lines = int(np.count_nonzero(np.frombuffer(block, np.uint8) == _LINE_END))
        n_read = len(columns["time_s"]) if parts else 0
        if n_read < n_lines:
            n_lines = sum(1 for line in block.splitlines() if line.strip())
        return columns, max(0, n_lines - n_read)

    def _columns(self, table: dict[str, pa.Array], node: str) -> Columns:
        n = len(table["time"])
        received_s = table["created"].to_numpy()
        decisive = _decisive(table, table["time"].to_numpy() - received_s)
        given = node or "node" not in table
        outcome = outcomes(decisive)
        if "elb_error" in table:
            self.error_codes.add(table["target_error"], table["elb_error"], outcome)
        return {
            "time_s": received_s,
            "elapsed_s": decisive.elapsed_s,
            "node": np.full(n, self._nodes.code(node), np.int32) if given else self._nodes.codes(table["node"]),
            "target": self._targets.codes(table["target"]),
            "target_group": self._groups.codes(table["target_group"]),
            "request_processing_s": decisive.request_processing_s,
            "target_processing_s": decisive.target_processing_s,
            "response_processing_s": decisive.response_processing_s,
            "elb_status": decisive.elb_status,
            "target_status": decisive.target_status,
            "websocket": decisive.websocket,
            "outcome": outcome,
        }


def _decisive(table: dict[str, pa.Array], elapsed_s: NDArray[np.float64]) -> Lines:
    """Return what of the lines decides their outcomes."""

    def of(name: str, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        return taken([test(word) for word in table[name].dictionary.to_pylist()], table[name])

    reasons = "error_reason" if "error_reason" in table else None
    nothing = np.zeros(len(elapsed_s), bool)
    return Lines(
        websocket=of("type", lambda word: word.startswith("ws")),
        forwarded=of("actions", lambda word: "forward" in word),
        has_target=of("target", lambda word: word != "-"),
        has_group=of("target_group", lambda word: word != "-"),
        lambda_error=of(reasons, lambda word: word.startswith("Lambda")) if reasons else nothing,
        refused_before=of(reasons, lambda word: word.startswith(("Auth", "JWT", "WAF"))) if reasons else nothing,
        elb_status=_statuses(table["elb_status"]),
        target_status=_statuses(table["target_status"]),
        request_processing_s=_durations_s(table["request_processing"]),
        target_processing_s=_durations_s(table["target_processing"]),
        response_processing_s=_durations_s(table["response_processing"]),
        elapsed_s=elapsed_s.astype(np.float32),
    )


def _statuses(column: pa.DictionaryArray) -> NDArray[np.int16]:
    return taken([0 if word == "-" else int(word) for word in column.dictionary.to_pylist()], column).astype(np.int16)


def _durations_s(column: pa.DictionaryArray) -> NDArray[np.float32]:
    import pyarrow as pa

    values: NDArray[np.float32] = column.dictionary.cast(pa.float32()).to_numpy()
    return taken(np.where(values < 0, np.float32(np.nan), values), column)
