"""All records but access logs: each line, or each object of a document, goes to the reader that understands it.

There are CloudTrail, controllers' logs, audit logs, events, pod lists, health check logs and connection logs. A file
may hold several of them.

Modelled:
- Nothing is judged by a file's name: what a line is shows in the line itself.
- A line that is understood but of no use counts as read. A controller writes many such lines.

Left out: connection logs, which tell of clients only. Connection logs are counted, not kept.

Sources: docs/facts/logs.md §1 (health check and connection logs), §2, §3.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from sim.records import controller_lines, trail
from sim.records.json_texts import documents, lines, parsed
from sim.records.pods import Pods
from sim.records.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]

_LARGEST_DOCUMENT = 1 << 29
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_HEALTH_CHECK = re.compile(
    rf"\S+ (?P<time>{_TIME}) (?:-|[\d.]+) (?P<target>\S+:\d+) (?P<group>\S+) (?P<result>PASS|FAIL)\b ?(?P<reason>.*)"
)
_CONNECTION = re.compile(rf"{_TIME} [\d.:a-f\[\]]+ \d+ \d+ (?:TLS|-)")


class OtherRecords:
    """Everything that was read so far."""

    def __init__(self) -> None:
        self.calls: list[Row] = []
        self.reconciles: list[Row] = []
        self.checks: list[Row] = []
        self.pods = Pods()
        self._events: set[object] = set()

    def read(self, blocks: Iterator[bytes], *, node: str, written_s: float) -> _OneFile:
        """Add a file. `node` is the ALB node that wrote it, if its name tells, and `written_s` when it was written."""
        file = _OneFile(self, node, written_s)
        first = next(blocks, b"")
        start = first.lstrip()[:1]
        first_line = first.lstrip().partition(b"\n")[0].decode(errors="replace")
        if start in (b"{", b"[") and parsed(first_line) is None:
            file.take_document(chain([first], blocks))
        else:
            file.take_lines(lines(chain([first], blocks)))
        return file

    def add_call(self, record: Any) -> bool:  # noqa: ANN401 - any JSON
        """Add a record of CloudTrail, and return whether it could be read."""
        call = trail.call_of(record) if isinstance(record, dict) and trail.is_record(record) else None
        if call is None:
            return False
        event = call.pop("event")
        if not isinstance(event, str) or event not in self._events:
            self._events.add(event if isinstance(event, str) else None)
            self.calls.append(call)
        return True


class _OneFile:
    """What one file holds: how many lines or objects of each kind, and how many that were not understood."""

    def __init__(self, records: OtherRecords, node: str, written_s: float) -> None:
        self._records = records
        self._node = node
        self._written_s = written_s
        self._kinds: Counter[str] = Counter()
        self.n_not_read = 0
        self.cut = False

    @property
    def kind(self) -> str:
        """The most frequent kind in the file, `none` if nothing was understood."""
        return self._kinds.most_common(1)[0][0] if self._kinds else "none"

    @property
    def n_read(self) -> int:
        """How many lines or objects were understood."""
        return self._kinds.total()

    def take_document(self, blocks: Iterator[bytes]) -> None:
        """Add a file that is JSON over several lines, or what is left of it. Any other file is read line by line."""
        gathered, size = [], 0
        for block in blocks:
            gathered.append(block)
            size += len(block)
            if size > _LARGEST_DOCUMENT:
                break
        whole = b"".join(gathered)
        found, n_broken = documents(whole.decode(errors="replace"))
        if not found or (n_broken and _is_by_lines(whole)):
            self.take_lines(lines(chain([whole], blocks)))
            return
        self.cut = n_broken > 0 or size > _LARGEST_DOCUMENT
        self.n_not_read += n_broken
        for value in found:
            self._take_value(value)

    def take_lines(self, texts: Iterator[str]) -> None:
        """Add lines, each for itself."""
        for text in texts:
            self._take_line(text, math.nan)

    def _take_line(self, line: str, time_s: float) -> None:
        prefix = controller_lines.RUNTIME_PREFIX.match(line)
        text = line[prefix.end() :] if prefix else line
        time_s = seconds_of(prefix["time"]) if prefix else time_s
        if text.startswith(("{", "[")):
            self._take_value(parsed(text), time_s)
        else:
            self._take_text(text, time_s)

    def _take_text(self, line: str, time_s: float) -> None:
        check = _HEALTH_CHECK.match(line)
        if check:
            self._kinds["health_check_log"] += 1
            self._records.checks.append(_check(check, self._node))
        elif controller_lines.is_line_of_v1(line):
            self._kinds["controller_log"] += 1
            row = controller_lines.line_of_v1(line, time_s, self._written_s)
            self._records.reconciles += [row] if row else []
        elif _CONNECTION.match(line):
            self._kinds["connection_log"] += 1
        else:
            self.n_not_read += 1

    def _take_value(self, value: Any, time_s: float = math.nan, kind: str = "") -> None:  # noqa: ANN401 - any JSON
        """Add a JSON value. `kind` is that of all items of a list, if the list names it."""
        inner = _items(value)
        if inner is not None:
            for item in inner:
                self._take_object(item, time_s, str(value.get("kind", "")).removesuffix("List"))
        else:
            self._take_object(value, time_s, kind)

    def _take_object(self, value: Any, time_s: float, kind: str) -> None:  # noqa: ANN401 - any JSON
        if isinstance(value, dict) and isinstance(value.get("log"), str) and "msg" not in value:
            told_s = seconds_of(value.get("time"))
            self._take_line(value["log"].strip(), time_s if math.isnan(told_s) else told_s)
            return
        taken = self._kind_of(value, time_s, kind) if isinstance(value, dict) else ""
        if taken:
            self._kinds[taken] += 1
        else:
            self.n_not_read += 1

    def _kind_of(self, value: Row, time_s: float, kind: str) -> str:
        """Add an object, and return its kind, or '' if it is of none."""
        kind = str(value.get("kind") or kind)
        if trail.is_record(value) or trail.is_lookup(value):
            record = trail.looked_up(value) if trail.is_lookup(value) else value
            return "cloudtrail" if self._records.add_call(record) else ""
        if controller_lines.is_line_of_v2(value):
            row = controller_lines.line_of_v2(value, time_s)
            self._records.reconciles += [row] if row else []
            return "controller_log"
        return self._kubernetes(value, kind)

    def _kubernetes(self, value: Row, kind: str) -> str:
        if "auditID" in value or str(value.get("apiVersion")).startswith("audit.k8s.io"):
            self._records.pods.add_audit(value)
            return "audit_log"
        if kind == "Pod":
            self._records.pods.add_object(value)
            return "pods"
        if kind == "Event":
            self._records.pods.add_event(value)
            return "events"
        return ""


def _is_by_lines(whole: bytes) -> bool:
    """Return whether several lines are a JSON object each for itself, and not an empty one."""
    objects = (line for line in lines(iter([whole])) if isinstance(value := parsed(line), dict) and value)
    return len(list(islice(objects, 2))) > 1


def _items(value: Any) -> list[Any] | None:  # noqa: ANN401 - any JSON
    """Return the items of a list of records, None if the value is none."""
    for name in ("Records", "Events", "items"):
        if isinstance(value, dict) and isinstance(value.get(name), list):
            return list(value[name])
    return None


def _check(found: re.Match[str], node: str) -> Row:
    return {
        "time_s": seconds_of(found["time"]),
        "node": node,
        "target": found["target"],
        "target_group": found["group"],
        "passed": found["result"] == "PASS",
        "reason": found["reason"].replace('"', "").replace("-", "").strip(),
    }
