"""What `albsim sensitivity` prints: the unknowns by influence, and in words what to measure first, and how."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.report.wording import WIDTH, count, number, percent, plain, plural
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from sim.experiment.sensitivity import Influence, Sensitivity

FORMATS = ("table", "json")
_SEVERAL = ("responses.502", "failed")
_ANSWERS = {
    "responses.502": ("502s per {noun}", ""),
    "failed": ("the failed requests per {noun}", ""),
    "rollout_s": ("the mean duration of a {noun}", " s"),
    "pre_stop_sleep": ("the preStop sleep that 95 % of {nouns} need", " s"),
}
_LEAST_SHARE = 0.05
_LEGEND = (
    "at low, at high: the answer at the ends of the range, all else as it stands. Alone: the share of the answer's "
    "variance that knowing it removes. Total: what is left if all else is known. In brackets: their 95 % intervals"
)


def render(found: Sensitivity, form: str) -> str:
    """Return the influences in one of `FORMATS`, without a line end."""
    if form == "json":
        return json.dumps(_record(found), indent=2, ensure_ascii=False)
    return plain(shown(found), width=WIDTH)


def shown(found: Sensitivity) -> Group:
    """Return the sentence and the table for a terminal."""
    whys = (f"  {one.unknown.key}: {one.unknown.why}" for one in found.influences)
    return Group(sentence(found), "", _table(found), "", _LEGEND, "", "Why these ranges:", *whys)


def answer_in_words(found: Sensitivity) -> tuple[str, str]:
    """Return the answer in words, and its unit."""
    words, unit = _ANSWERS[found.of]
    noun = DISRUPTIONS[found.disruption].noun
    return words.format(noun=noun, nouns=plural(noun)), unit


def nothing_matters(found: Sensitivity) -> bool:
    """Return whether no unknown changes the answer."""
    return all(one.swing == 0 and one.total < _LEAST_SHARE for one in found.influences)


def sentence(found: Sensitivity) -> str:
    """Return a sentence on what to measure first, and how."""
    answer, unit = answer_in_words(found)
    base = f"As it stands, {answer} {'are' if found.of in _SEVERAL else 'is'} {number(found.base)}{unit}."
    first = found.influences[0]
    if nothing_matters(found):
        return f"{base} None of these unknowns changes that."
    how = f" How: {first.unknown.measure}." if first.unknown.measure else ""
    span = f"from {first.unknown.low:g} to {first.unknown.high:g} it takes the answer from "
    span += f"{number(first.at_low)} to {number(first.at_high)}{unit}"
    knowing = f"knowing it would remove {_share(first.first_order, first.first_order_ci95)} of the answer's variance"
    small = [one.unknown.key for one in found.influences if one.total_ci95[1] < _LEAST_SHARE]
    rest = f" Not worth measuring for this: {', '.join(small)}." if small else ""
    if found.is_sure:
        return f"{base} Measure {first.unknown.key} first: {span}, and {knowing}.{how}{rest}"
    return (
        f"{base} {count(found.points, 'point')} are too few to say which unknown decides that: {_rivals(found)} may "
        f"each come first. The likeliest is {first.unknown.key}: {span}, and {knowing}.{how}{rest} More --points tell "
        "more."
    )


def _rivals(found: Sensitivity) -> str:
    """Return in words the unknowns whose total index may be the greatest, by their intervals."""
    least = max(one.total_ci95[0] for one in found.influences)
    rivals = [one.unknown.key for one in found.influences if one.total_ci95[1] >= least]
    return f"{', '.join(rivals[:-1])} and {rivals[-1]}" if len(rivals) > 1 else rivals[0]


def _share(value: float, ends: tuple[float, float]) -> str:
    low, high = (f"{100 * end:.0f}" for end in ends)
    return f"{percent(value)} ({low} to {high})"


def _in_percent(value: float, ends: tuple[float, float]) -> str:
    low, high = (f"{100 * end:.0f}" for end in ends)
    return f"{100 * value:.0f} ({low} to {high})"


def _table(found: Sensitivity) -> Table:
    answer, _ = answer_in_words(found)
    each = count(found.replications, DISRUPTIONS[found.disruption].noun)
    table = Table(
        title=f"{answer}; {found.n_points:,} points, {each} at each",
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for heading in ("range", "at low", "at high", "alone, %", "total, %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unknown", overflow="fold")
    for one in found.influences:
        table.add_row(*_cells(one))
    return table


def _cells(one: Influence) -> tuple[str, ...]:
    span = f"{one.unknown.low:g} to {one.unknown.high:g}"
    ends = number(one.at_low), number(one.at_high)
    shares = _in_percent(one.first_order, one.first_order_ci95), _in_percent(one.total, one.total_ci95)
    return (span, *ends, *shares, one.unknown.key.replace(".", ".\n", 1))


def _record(found: Sensitivity) -> dict[str, Any]:
    return {
        "of": found.of,
        "base": found.base,
        "replications": found.replications,
        "points": found.n_points,
        "leads": found.leads,
        "unknowns": [
            {
                "key": one.unknown.key,
                "low": one.unknown.low,
                "high": one.unknown.high,
                "at_low": one.at_low,
                "at_high": one.at_high,
                "first_order": one.first_order,
                "first_order_ci95": list(one.first_order_ci95),
                "total": one.total,
                "total_ci95": list(one.total_ci95),
                "why": one.unknown.why,
                "measure": one.unknown.measure,
            }
            for one in found.influences
        ],
    }
