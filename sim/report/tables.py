"""The tables of `albsim run`: one row for each scenario.

What is shown on a terminal: the answer first (502s per rollout, how many rollouts have any, why), then where it comes
from (lags, exposure, AWS calls). Intervals are those of the summary, 95 %; the mean of a count cannot be negative, so
an interval that Student's t extends below zero is shown from zero on. Times in seconds; p50, p99 and max pool all pods
of all rollouts. JSON and CSV carry every figure in full precision, named as docs/interface.md names them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.report.causes import OUTCOMES_502
from sim.report.wording import number, percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary

    Columns = dict[str, Callable[[Summary], str]]

FORMATS = ("table", "json", "csv", "markdown")
WIDTH = 120


def render(summaries: Sequence[Summary], form: str) -> str:
    """Write the summaries in one of `FORMATS`, without a line end; identical summaries give identical bytes.

    A `table` is as wide as `WIDTH`; on a terminal print `tables` instead, which take its width.
    """
    if form == "table":
        return plain(tables(summaries), width=WIDTH)
    return {"json": _json, "csv": _csv, "markdown": _markdown}[form](summaries)


def tables(summaries: Sequence[Summary]) -> Group:
    """Return the two tables for a terminal: the 502s, and where they come from."""
    return Group(
        _table("502s", _ANSWER, summaries),
        "",
        _table(
            "Where they come from (lag and exposure of each terminated pod; calls and reconciles per rollout)",
            _CAUSES,
            summaries,
        ),
    )


def _table(title: str, columns: Columns, summaries: Sequence[Summary]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in columns:
        words = heading in _WORDS
        table.add_column(heading, justify="left" if words else "right", no_wrap=words, overflow="fold")
    for summary in summaries:
        table.add_row(*(cell(summary) for cell in columns.values()))
    return table


def markdown_tables(summaries: Sequence[Summary]) -> tuple[str, str]:
    """Return the same two tables in Markdown, without a line end."""
    return _markdown_table(_ANSWER, summaries), _markdown_table(_CAUSES, summaries)


def cells(summary: Summary) -> dict[str, str]:
    """Return what the tables show of one scenario: headings with their cells, of one line or two."""
    return {heading: cell(summary) for heading, cell in (_ANSWER | _CAUSES).items() if heading != "scenario"}


def _markdown(summaries: Sequence[Summary]) -> str:
    return _markdown_table(_ANSWER | _CAUSES, summaries)


def _markdown_table(columns: Columns, summaries: Sequence[Summary]) -> str:
    headings = [heading.replace("\n", " ") for heading in columns]
    rules = [":--" if heading in _WORDS else "--:" for heading in columns]
    rows = [[_one_line(cell(summary)).replace("|", r"\|") for cell in columns.values()] for summary in summaries]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *rows))


def _one_line(cell: str) -> str:
    first, *second = cell.split("\n")
    return f"{first} ({second[0]})" if second else first


def _json(summaries: Sequence[Summary]) -> str:
    return json.dumps([summary.as_json() for summary in summaries], indent=2, ensure_ascii=False, allow_nan=False)


def _csv(summaries: Sequence[Summary]) -> str:
    rows = [dict(_leaves(summary.as_json())) for summary in summaries]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return each leaf with its dotted path; an interval's ends, or their absence, as two leaves."""
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if key == "ci95":
            yield from zip((f"{path}.low", f"{path}.high"), inner or (None, None), strict=True)
        elif isinstance(inner, dict):
            yield from _leaves(inner, f"{path}.")
        else:
            yield path, inner


def _mean(estimate: Estimate) -> str:
    if math.isnan(estimate.low) or estimate.low == estimate.high:
        return number(estimate.value)
    return f"{number(estimate.value)}\n{number(max(0.0, estimate.low))} to {number(estimate.high)}"


def _any_502(summary: Summary) -> str:
    any_502, n = summary.any_502, f"{summary.replications:,}"
    if any_502.value == 0:
        return f"none in {n}\nat most {percent(any_502.high)}"
    return f"{percent(any_502.value)} of {n}\n{number(100 * any_502.low)} to {percent(any_502.high)}"


def _main_cause(summary: Summary) -> str:
    causes = {o.name.lower(): summary.outcomes[o.name.lower()].value for o in OUTCOMES_502}
    name = max(causes, key=causes.__getitem__)
    return f"{name}\n{percent(causes[name] / sum(causes.values()))}" if causes[name] else "none seen"


def _quantiles(quantiles: dict[str, float], *names: str) -> str:
    return " / ".join(number(quantiles[name]) for name in names)


def _of_them(summary: Summary, name: str, part: str) -> str:
    return f"{number(summary.aws_api[name])}\n{number(summary.aws_api[part])}"


_WORDS = ("scenario", "main cause\nof the 502s")
_ANSWER: Columns = {
    "scenario": lambda s: s.scenario,
    "502s per rollout\n95 % interval": lambda s: _mean(s.responses[502]),
    "rollouts with 502s\n95 % interval": _any_502,
    "502s among\nrequests": lambda s: percent(s.rate_502.value),
    "main cause\nof the 502s": _main_cause,
    "503s, 504s\nper rollout": lambda s: f"{number(s.responses[503].value)}, {number(s.responses[504].value)}",
}
_CAUSES: Columns = {
    "scenario": lambda s: s.scenario,
    "deregistration lag, s\np50 / p99 / max": lambda s: _quantiles(s.deregistration_lag_s, "p50", "p99", "max"),
    "exposure, s\np50 / p99 / max": lambda s: _quantiles(s.exposure_s, "p50", "p99", "max"),
    "healthy targets:\nnone, s (least)": lambda s: (
        f"{number(s.no_healthy_target_s.value)}\n{number(s.least_healthy_targets.value)}"
    ),
    "rollout, s\np50 / max": lambda s: _quantiles(s.rollout_s, "p50", "max"),
    "AWS calls\nthrottled": lambda s: _of_them(s, "calls", "throttled"),
    "reconciles\nfailed": lambda s: _of_them(s, "reconciles", "failed_reconciles"),
}
