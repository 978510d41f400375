"""The text of `albsim compare`: how often there is a 502, how many in the median pair, the mean; then each figure.

Shown in the table: the figures that are not zero in both scenarios, to three digits, with an interval if there are
enough pairs for it. Figures that are the same in every pair are only named. JSON and CSV carry all figures in full
precision.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.experiment.compare import PRIMARY
from sim.experiment.figures import ANY_502
from sim.experiment.spreadsheet import csv_of
from sim.experiment.statistics import CONFIDENCE, Estimate
from sim.report.disruption import shared_noun
from sim.report.wording import (
    NEGLIGIBLE,
    NOTHING,
    WIDTH,
    about,
    count,
    counted_by,
    listed,
    markdown,
    number,
    percent,
    plain,
    plural,
)
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from sim.experiment.compare import Comparison, Difference
    from sim.experiment.paired import PairedSpread

FORMATS = ("table", "json", "csv", "markdown")
_HEADINGS = ("figure", "A", "B", "B - A", "95 % interval", "")
_NUMBERS = ("A", "B", "B - A")
_WORDS = {"none": "the same", "real": "real", "open": "may be chance"}


def render(comparison: Comparison, form: str) -> str:
    """Return a comparison in one of `FORMATS`, without a line end."""
    if form == "table":
        return plain(shown(comparison), width=WIDTH)
    return {"json": _json, "csv": _csv, "markdown": _markdown}[form](comparison)


def shown(comparison: Comparison) -> Group:
    """Return the sentences and the table for a terminal. The interval and what follows from it share a column."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in _HEADINGS[:-1]:
        number_or_name = heading in (*_NUMBERS, _HEADINGS[0])
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=number_or_name)
    for difference in _told(comparison):
        if difference.verdict != "none":
            *cells, interval, judged = _cells(difference, comparison.replications)
            table.add_row(*cells, judged if interval == NOTHING else f"{interval}, {judged}")
    same = [difference.figure for difference in _told(comparison) if difference.verdict == "none"]
    parts: list[str | Table] = [sentence(comparison)]
    if table.row_count:
        parts += ["", table]
    if same:
        parts += ["", f"The same in every pair: {listed(same)}."]
    return Group(*parts)


def sentence(comparison: Comparison) -> str:
    """Return what is compared, then the chance of any 502, the median difference of 502s and the mean difference."""
    pairs = f"{count(comparison.replications, 'pair')} of {plural(_noun(comparison))}"
    names = f"A is {comparison.first}, B is {comparison.second}: {pairs} with the same draws, seed {comparison.seed}."
    counted = counted_by(dict.fromkeys((comparison.first, comparison.second), comparison.estimator))
    how_many = () if comparison.of(PRIMARY).verdict == "none" else (_in_pairs(comparison), _on_average(comparison))
    return "\n".join((names, _how_often(comparison), *how_many, counted))


def _noun(comparison: Comparison) -> str:
    return shared_noun(comparison.disruptions)


def _how_often(comparison: Comparison) -> str:
    any_502 = comparison.of(ANY_502.name)
    (a, of_a), (b, of_b) = (
        (percent(fraction), DISRUPTIONS[kind].noun)
        for fraction, kind in zip((any_502.first, any_502.second), comparison.disruptions, strict=True)
    )
    if comparison.estimator == "expected":
        one = "one" if of_a == of_b else f"a {of_b}"
        fractions = f"A {of_a} of A has a 502 with a probability of {a}, {one} of B with {b}"
    else:
        fractions = f"Of A's {plural(of_a)} {a} had a 502, of B's {'' if of_a == of_b else plural(of_b) + ' '}{b}"
    if any_502.verdict == "none":
        return f"{fractions}: the same in every pair of {plural(_noun(comparison))}."
    difference = any_502.difference
    if max(abs(difference.low), abs(difference.high)) < NEGLIGIBLE:
        return f"{fractions}: no difference worth naming."
    points = Estimate(100 * difference.value, 100 * difference.low, 100 * difference.high)
    if any_502.verdict == "open":
        interval = f"95 % interval of B - A: {_interval(points)} points"
        return f"{fractions}: that may be chance ({interval}). More replications would tell."
    return f"{fractions}: {_more(points, 'points ')}, and that is real (95 % interval: {_bounds(points)})."


def _in_pairs(comparison: Comparison) -> str:
    of_502, pairs = comparison.of_502, count(comparison.replications, "pair")
    difference = f"B - A is {number(of_502.median.value)} 502s"
    if comparison.replications == 1:
        return f"In the only pair {difference}. One pair cannot tell whether that is chance."
    split = f"B has more in {of_502.more:,} of {pairs} and fewer in {of_502.fewer:,}"
    chance = f"p below {NEGLIGIBLE:g}" if of_502.p_value < NEGLIGIBLE else f"p = {number(of_502.p_value)}"
    verdict = "which is real" if of_502.p_value < 1 - CONFIDENCE else "which may be chance"
    interval = f"95 % interval: {_interval(of_502.median)}"
    return f"In the median pair {difference} ({interval}); {split}, {verdict} (sign test: {chance})."


def _on_average(comparison: Comparison) -> str:
    difference, of_502 = comparison.of(PRIMARY), comparison.of_502
    means = f"On average A has {number(difference.first)} 502s per {_noun(comparison)}, B {number(difference.second)}"
    said = f"{means}: {_more(of_502.mean)}"
    if comparison.replications == 1:
        return f"{said}."
    if comparison.replications >= of_502.needed:
        return f"{said} (95 % interval of B - A: {_interval(of_502.mean)})."
    share = f"one of them makes {percent(of_502.largest_share)} of the whole difference"
    too_few = f"{count(comparison.replications, 'pair')} are too few for an interval"
    return f"{said}. {too_few}: {share}, and {_takes(of_502.needed)}."


def _takes(pairs: int) -> str:
    return f"it takes some {about(pairs)} pairs"


def _more(estimate: Estimate, unit: str = "") -> str:
    return f"{number(abs(estimate.value))} {unit}{'more' if estimate.value > 0 else 'fewer'}"


def _bounds(estimate: Estimate) -> str:
    low, high = sorted((abs(estimate.low), abs(estimate.high)))
    return f"{number(low)} to {number(high)} {'more' if estimate.value > 0 else 'fewer'}"


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.low) or (math.isinf(estimate.low) and math.isinf(estimate.high)):
        return "unknown"
    return f"{number(estimate.low)} to {number(estimate.high)}"


def _told(comparison: Comparison) -> list[Difference]:
    """Return the figures that are not zero, or next to it, in both scenarios."""
    return [
        difference
        for difference in comparison.differences
        if max(abs(difference.first), abs(difference.second)) >= NEGLIGIBLE
    ]


def _cells(difference: Difference, pairs: int) -> tuple[str, ...]:
    return (
        difference.figure,
        number(difference.first),
        number(difference.second),
        number(difference.difference.value),
        *_judged(difference, pairs),
    )


def _judged(difference: Difference, pairs: int) -> tuple[str, str]:
    """Return the interval and whether the difference is real, or how many pairs it takes to say so."""
    if difference.verdict == "none":
        return NOTHING, _WORDS["none"]
    if pairs == 1:
        return NOTHING, "one pair cannot tell"
    if pairs < difference.needed:
        return NOTHING, _takes(difference.needed)
    return _interval(difference.difference), _WORDS[difference.verdict]


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
            "replications_for_mean": difference.needed,
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
    told = about | {"responses_502": _of_502(comparison.of_502), "figures": _records(comparison)}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _of_502(of_502: PairedSpread) -> dict[str, Any]:
    return {
        "median": _ends(of_502.median),
        "sign_test": {"more": of_502.more, "fewer": of_502.fewer, "p_value": of_502.p_value},
        "mean": _ends(of_502.mean),
        "largest_share": of_502.largest_share,
        "replications_for_mean": of_502.needed,
    }


def _ends(estimate: Estimate) -> dict[str, float | None]:
    return {"difference": estimate.value, "low": _finite(estimate.low), "high": _finite(estimate.high)}


def _csv(comparison: Comparison) -> str:
    return csv_of(_records(comparison)).rstrip("\n")


def _markdown(comparison: Comparison) -> str:
    rows = (_cells(difference, comparison.replications) for difference in _told(comparison))
    lines = [f"| {' | '.join(cells)} |" for cells in (_HEADINGS, *rows)]
    return "\n".join(
        [markdown(sentence(comparison)), "", lines[0], "| :-- | --: | --: | --: | --: | :-- |", *lines[1:]]
    )
