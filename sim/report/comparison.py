"""The text of `albsim compare`: the answer in a sentence, then figure by figure.

What is shown in the table: the figures that are not zero in both, to three digits. JSON and CSV carry all of them in
full precision.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.experiment.compare import PRIMARY
from sim.experiment.spreadsheet import csv_of
from sim.report.wording import count, counted_by, markdown, number, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.compare import Comparison, Difference
    from sim.experiment.statistics import Estimate

FORMATS = ("table", "json", "csv", "markdown")
WIDTH = 120
_HEADINGS = ("figure", "A", "B", "B - A", "95 % interval", "")
_WORDS = {"none": "no difference at all", "real": "real", "open": "may be chance"}


def render(comparison: Comparison, form: str) -> str:
    """Write a comparison in one of `FORMATS`, without a line end."""
    if form == "table":
        return plain(shown(comparison), width=WIDTH)
    return {"json": _json, "csv": _csv, "markdown": _markdown}[form](comparison)


def shown(comparison: Comparison) -> Group:
    """Return the sentence and the table for a terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading in {"figure", ""} else "right")
    for cells in _cells(comparison):
        table.add_row(*cells)
    return Group(sentence(comparison), "", table)


def sentence(comparison: Comparison) -> str:
    """Say by how much 502s per rollout differ, and whether that is real."""
    difference = comparison.of(PRIMARY)
    pairs = f"{count(comparison.replications, 'pair')} of rollouts with the same draws, seed {comparison.seed}"
    names = f"A is {comparison.first}, B is {comparison.second}; {pairs}."
    counted = counted_by(dict.fromkeys((comparison.first, comparison.second), comparison.estimator))
    return f"{_answer(difference)}\n{names}\n{counted}"


def _answer(difference: Difference) -> str:
    means = f"A has {number(difference.first)} 502s per rollout, B {number(difference.second)}"
    if difference.verdict == "none":
        return f"{means}: no difference, in no pair of rollouts."
    if difference.verdict == "open":
        return f"{means}: that may be chance (B - A {_interval(difference.difference)}). More replications would tell."
    more, size = ("more" if difference.difference.value > 0 else "fewer"), abs(difference.difference.value)
    low, high = sorted((abs(difference.difference.low), abs(difference.difference.high)))
    return f"{means}: {number(size)} {more}, and that is real (95 % interval {number(low)} to {number(high)} {more})."


def _interval(estimate: Estimate) -> str:
    return f"{number(estimate.low)} to {number(estimate.high)}" if math.isfinite(estimate.low) else "unknown"


def _cells(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for difference in comparison.differences:
        if difference.first or difference.second:
            yield (
                difference.figure,
                number(difference.first),
                number(difference.second),
                number(difference.difference.value),
                _interval(difference.difference),
                _WORDS[difference.verdict],
            )


def _records(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "figure": difference.figure,
            "a": _finite(difference.first),
            "b": _finite(difference.second),
            "difference": _finite(difference.difference.value),
            "low": _finite(difference.difference.low),
            "high": _finite(difference.difference.high),
            "verdict": difference.verdict,
        }
        for difference in comparison.differences
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _json(comparison: Comparison) -> str:
    about = {
        "a": comparison.first,
        "b": comparison.second,
        "seed": comparison.seed,
        "replications": comparison.replications,
        "estimator": comparison.estimator,
    }
    return json.dumps(about | {"figures": _records(comparison)}, indent=2, ensure_ascii=False)


def _csv(comparison: Comparison) -> str:
    return csv_of(_records(comparison)).rstrip("\n")


def _markdown(comparison: Comparison) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (_HEADINGS, *_cells(comparison))]
    return "\n".join(
        [markdown(sentence(comparison)), "", lines[0], "| :-- | --: | --: | --: | --: | :-- |", *lines[1:]]
    )
