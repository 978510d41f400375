"""The tables of `albsim run`: one row for each scenario, if there are several, and one figure a column.

- The terminal shows the answer first: how many rollouts have any 502, how many the median one and one of twenty have,
  their mean, and why. Then come lags, exposure and AWS calls. Each table fits 80 columns.
- Intervals are the summary's, 95 %. The mean of a count cannot be negative, so an interval that Student's t extends
  below zero is shown from zero on.
- A mean without an interval has the largest rollout's share beside it.
- Lags and exposures pool all pods of all rollouts.
- JSON and CSV carry every figure in full precision, named as docs/interface.md names them.
"""

from __future__ import annotations

import json
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Group
from rich.table import Table

from sim.data_plane.outcomes import OUTCOMES_502
from sim.experiment.figures import FIGURES, OUTCOMES, RESPONSES, SPREAD_502, UNREACHABLE
from sim.experiment.figures_of_capacity import PENDING_PODS
from sim.experiment.spreadsheet import csv_of
from sim.report.disruption import shared_noun
from sim.report.short import short_report
from sim.report.wording import NOTHING, counted_by, markdown, number, percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.experiment.figure import Figure
    from sim.experiment.figure import Table as Tables
    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary

    Column = tuple[str, Callable[[Summary], str]]
    Columns = dict[str, Callable[[Summary], str]]

FORMATS = ("table", "json", "csv", "markdown")
WIDTH = 120
"""How wide a table in a pipe may become; with names of up to 26 letters it takes 80 columns."""


def render(summaries: Sequence[Summary], form: str) -> str:
    """Return the summaries in one of `FORMATS`, without a line end. Identical summaries give identical bytes.

    A `table` is as wide as `WIDTH`. On a terminal print `tables` instead, which adapt to the terminal's width.
    """
    if form == "table":
        return plain(tables(summaries), width=WIDTH)
    return {"json": _json, "csv": _csv, "markdown": _markdown}[form](summaries)


def tables(summaries: Sequence[Summary]) -> Group:
    """Return what a terminal shows: one scenario's short report, or some tables and how requests were counted."""
    if len(summaries) == 1:
        return Group(short_report(summaries[0]))
    noun = shared_noun(summary.disruption for summary in summaries)
    shown = [
        (TITLES[table].format(noun=noun), _table(columns, summaries), "")
        for table, columns in _shown(summaries).items()
    ]
    return Group(*(part for parts in shown for part in parts), _counted(summaries))


def _shown(summaries: Sequence[Summary]) -> dict[Tables, Columns]:
    """Return the tables that show something of these summaries."""
    with_nodes = any(PENDING_PODS.name in summary.values for summary in summaries)
    shown = {table: columns for table, columns in _TABLES.items() if with_nodes or table != "nodes"}
    none = {heading for heading, figure in _IF_ANY.items() if not any(summary[figure].value for summary in summaries)}
    shown["failures"] = {heading: cell for heading, cell in shown["failures"].items() if heading not in none}
    return shown


def _table(columns: Columns, summaries: Sequence[Summary]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in columns:
        table.add_column(heading, justify="left" if heading in _WORDS else "right", overflow="fold")
    for summary in summaries:
        table.add_row(*(cell(summary) for cell in columns.values()))
    return table


def markdown_tables(summaries: Sequence[Summary]) -> list[tuple[str, str]]:
    """Return the tables of the terminal in Markdown with their titles, without a line end."""
    noun = shared_noun(summary.disruption for summary in summaries)
    return [
        (TITLES[table].format(noun=noun), _markdown_table(columns, summaries))
        for table, columns in _shown(summaries).items()
    ]


def cells(summary: Summary) -> dict[str, str]:
    """Return the tables' content for one scenario: headings with their cells, in one line each."""
    return {
        _heading(heading): _one_line(cell(summary))
        for columns in _shown([summary]).values()
        for heading, cell in columns.items()
        if heading != "scenario"
    }


def _markdown(summaries: Sequence[Summary]) -> str:
    every_column = {heading: cell for columns in _shown(summaries).values() for heading, cell in columns.items()}
    return f"{_markdown_table(every_column, summaries)}\n\n{_counted(summaries)}"


def _counted(summaries: Sequence[Summary]) -> str:
    return counted_by({summary.scenario: summary.estimator for summary in summaries})


def _markdown_table(columns: Columns, summaries: Sequence[Summary]) -> str:
    headings = [*map(_heading, columns)]
    rules = [":--" if heading in _WORDS else "--:" for heading in columns]
    rows = [[markdown(_one_line(cell(summary))) for cell in columns.values()] for summary in summaries]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *rows))


def _heading(heading: str) -> str:
    return heading.replace("\n", " ")


def _one_line(cell: str) -> str:
    first, *second = cell.split("\n")
    return f"{first} ({second[0]})" if second else first


def _json(summaries: Sequence[Summary]) -> str:
    return json.dumps([summary.as_json() for summary in summaries], indent=2, ensure_ascii=False, allow_nan=False)


def _csv(summaries: Sequence[Summary]) -> str:
    rows = [dict(_leaves(summary.as_json())) for summary in summaries]
    columns = dict.fromkeys(column for row in rows for column in row)
    return csv_of([columns | row for row in rows]).rstrip("\n")


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf with its dotted path. An interval's ends, or their absence, are two leaves."""
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if key == "ci95":
            yield from zip((f"{path}.low", f"{path}.high"), inner or (None, None), strict=True)
        elif isinstance(inner, dict):
            yield from _leaves(inner, f"{path}.")
        else:
            yield path, inner


def _quantile(summary: Summary, name: Literal["p50", "p95"]) -> str:
    return _with_ends(getattr(summary[SPREAD_502], name))


def _mean(summary: Summary) -> str:
    spread = summary[SPREAD_502]
    if summary.replications >= spread.needed:
        return _with_ends(spread.mean)
    return f"{number(spread.mean.value)}\n{percent(spread.largest_share)} by one"


def _with_ends(estimate: Estimate) -> str:
    """Return an estimate of a count as text: with its interval, or with the only end that it has, or alone."""
    value, low, high = number(estimate.value), number(max(0.0, estimate.low)), number(estimate.high)
    if math.isnan(estimate.low) or value == low == high or math.isinf(estimate.low):
        return value
    return f"{value}\n{low} to {high}" if math.isfinite(estimate.high) else f"{value}\nat least {low}"


def _fraction(estimate: Estimate, replications: int) -> str:
    if estimate.value == 0:
        return f"none in {replications:,}\nat most {percent(estimate.high)}"
    share = f"{percent(estimate.value)} of {replications:,}"
    if math.isnan(estimate.low):
        return share
    return f"{share}\n{number(100 * estimate.low)} to {percent(estimate.high)}"


def _main_cause(summary: Summary) -> str:
    causes = {outcome.name.lower(): summary[OUTCOMES[outcome]].value for outcome in OUTCOMES_502}
    name = max(causes, key=causes.__getitem__)
    return f"{name}\n{percent(causes[name] / sum(causes.values()))}" if causes[name] else "none seen"


def _written(figure: Figure[Any, Any], shows: str, summary: Summary) -> str:
    """Return a figure as the text of its cell."""
    if figure.name not in summary.values:
        return NOTHING
    summarised = summary[figure]
    match shows:
        case "mean":
            return number(summarised.value)
        case "fraction":
            return _fraction(summarised, summary.replications)
        case quantile:
            return number(summarised[quantile])


def _columns(table: str, others: dict[int, Column]) -> Columns:
    """Return a table's headings with their cells, in order: those of the figures' records, and others by place."""
    columns = {0: ("scenario", lambda summary: summary.scenario)} | others
    for figure in FIGURES:
        for cell in figure.cells:
            if cell.table == table:
                columns[cell.place] = cell.heading, partial(_written, figure, cell.shows)
    return dict(columns[place] for place in sorted(columns))


_NO_ANSWER, _GAVE_UP = "no answer,\nmean", "clients that gave up\n(460), mean"
_IF_ANY = {_NO_ANSWER: UNREACHABLE, _GAVE_UP: RESPONSES[460]}
"""Columns of the failures that are shown only if there are any such."""
_WORDS = ("scenario", "main cause\nof the 502s")
TITLES: dict[Tables, str] = {
    "502s": "How often a {noun} has 502s, and how many it has; 95 % intervals",
    "failures": "Failed requests per {noun}",
    "lags": "How long a terminated pod's target stays in rotation (deregistration lag)",
    "exposures": "How long a dead pod is sent requests (exposure)",
    "course": "How long a {noun} takes, and the healthy targets of an ALB node in it",
    "calls": "The controller, per {noun}",
    "nodes": "Nodes and addresses, per {noun}",
}
_OTHERS: dict[Tables, dict[int, Column]] = {
    "502s": {
        2: ("502s,\nmedian", partial(_quantile, name="p50")),
        3: ("502s,\n95 % quantile", partial(_quantile, name="p95")),
    },
    "failures": {
        1: ("502s,\nmean", _mean),
        2: ("main cause\nof the 502s", _main_cause),
        999: (_GAVE_UP, lambda summary: number(summary[RESPONSES[460]].value)),
        1000: (_NO_ANSWER, lambda summary: number(summary[UNREACHABLE].value)),
    },
}
_TABLES = {table: _columns(table, _OTHERS.get(table, {})) for table in TITLES}
