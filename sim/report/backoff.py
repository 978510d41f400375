"""The table of `albsim backoff`: a retry policy's waits, and their sums.

Shown: for each retry the least, mean and greatest wait and their sums so far, in seconds; one column each if the policy
has no jitter. The least waits can all occur together, and so can the greatest. So the sums of least and greatest waits
bound the sum of the waits.

Left out: the latency of the attempts between the waits.
"""

from __future__ import annotations

import csv
import io
import json
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.control_plane.aws.retry import Retryer

    Row = Mapping[str, float]

_FEW = 3
"""From more columns on the table's headings are shortened, so that it fits 80."""
FORMATS = ("table", "json", "csv", "markdown")


def backoff_rows(policy: Retryer, max_retries: int) -> list[Row]:
    """Return a row for each retry up to `max_retries`: its number, its waits and their sums so far, in seconds."""
    retries = range(1, max_retries + 1)
    supports = [policy.support_s(retry) for retry in retries]
    columns = {"low": [low for low, _ in supports], "high": [high for _, high in supports]}
    if columns["low"] == columns["high"]:
        waits = {"wait_s": columns["low"]}
    else:
        means = [policy.mean_s(retry) for retry in retries]
        waits = {"wait_low_s": columns["low"], "wait_mean_s": means, "wait_high_s": columns["high"]}
    sums = {name.replace("wait", "cumulative"): list(accumulate(values)) for name, values in waits.items()}
    table = {"retry": list(retries), **waits, **sums}
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def render(rows: list[Row], form: str) -> str:
    """Return the rows in one of `FORMATS`, without a line end: numbers to a millisecond, in JSON in full."""
    if form == "json":
        return json.dumps(rows, indent=2)
    header = list(rows[0]) if rows else ["retry", "wait_s", "cumulative_s"]
    cells = [header, *([_number(value) for value in row.values()] for row in rows)]
    return {"csv": _csv, "markdown": _markdown, "table": _plain}[form](cells)


def _number(value: float) -> str:
    return f"{round(value, 3):.12g}"


def _csv(cells: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue().rstrip("\n")


def _markdown(cells: list[list[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join([lines[0], f"|{' --: |' * len(cells[0])}", *lines[1:]])


def _plain(cells: list[list[str]]) -> str:
    if len(cells[0]) > _FEW:
        cells = [[heading.replace("cumulative", "sum") for heading in cells[0]], *cells[1:]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)) for line in cells)
