"""The text of `albsim recommend` for a cluster switch: how long to keep the old side, and what that costs and saves."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.experiment.keep_old_side import LONGEST_S, MINUTE_S, n_lost
from sim.report.disruption import name_of
from sim.report.recommendation_words import goal_in_words
from sim.report.wording import WIDTH, count, number, plain, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.figures import Figures
    from sim.experiment.keep_old_side import KeepAdvice

_WORTH_TELLING = 0.01
_HOUR_MIN, _DAY_MIN = 120, 2880
_ENDS = {"502": "502s", "503": "503s", "504": "504s", "no answer": "requests without an answer"}


def render(found: KeepAdvice, form: str) -> str:
    """Return the advice as `table` or `json`, without a line end."""
    if form == "json":
        return json.dumps(_record(found), indent=2, ensure_ascii=False)
    return plain(Group("\n".join(sentences(found)), "", _goals(found), "", _curve(found)), width=WIDTH)


def sentences(found: KeepAdvice) -> list[str]:
    """Return for how long to keep the old side, what is lost then and what is lost now."""
    scenario, spec = found.keep.scenario, found.keep.spec
    noun, goal = name_of(scenario), goal_in_words(found.goal, name_of(scenario))
    if spec.pinned_fraction:
        lost_per_s = number(scenario.traffic.arrival_rate_rps * spec.pinned_fraction)
        never = f"{number(100 * spec.pinned_fraction)} % of the clients never look the name up again"
        costs = f"{lost_per_s} requests a second fail for as long as they do not (cluster_switch.pinned_fraction)"
        said = [f"No time attains {goal}: {never}, and {costs}."]
    elif not math.isfinite(found.least_s):
        said = [f"No 30 days attain {goal}: some clients hold the old address for longer."]
    else:
        alb = span(found.least_s + found.keep.alb_stays_s)
        said = [f"Keep the old pods for {span(found.least_s)} and the old ALB for {alb}, for {goal}."]
        said += [f"In {_in_words(found.best, noun)}."] if found.best else []
    kept = f"{span(spec.old_pods_removed_at_s)} and {span(spec.old_alb_deleted_at_s)}"
    said += [f"As given, with {kept}: in {_in_words(found.now, noun)}."] if found.now else []
    assumed = {"stale_fraction", "stale_s"} - spec.model_fields_set
    return [*said, _ASSUMED] if assumed else said


_ASSUMED = (
    "Which clients hold an old address, and for how long, is an assumption (cluster_switch.stale_fraction, stale_s), "
    "fitted to one measurement of households. Measure yours: the old ALB's access log after another switch has it."
)


def span(time_s: float) -> str:
    """Return a time in the unit that suits it: `35 min`, `4.5 h`, `3.2 days`."""
    minutes = time_s / MINUTE_S
    if minutes < _HOUR_MIN:
        return f"{minutes:,.4g} min"
    return f"{minutes / 60:,.3g} h" if minutes < _DAY_MIN else f"{minutes / 1440:,.3g} days"


def _in_words(switches: Sequence[Figures], noun: str) -> str:
    lost = _mean_lost(switches)
    causes = [f"{number(mean)} {_ENDS[name]}" for name, mean in lost.items() if mean >= _WORTH_TELLING]
    listed = f" ({', '.join(causes)})" if causes else ""
    return f"{count(len(switches), f'simulated {noun}')} {number(sum(lost.values()))} requests fail on average{listed}"


def _mean_lost(switches: Sequence[Figures]) -> dict[str, float]:
    lost = [n_lost(figures) for figures in switches]
    return {name: sum(of[name] for of in lost) / len(lost) for name in _ENDS}


def _goals(found: KeepAdvice) -> Table:
    noun = name_of(found.keep.scenario)
    title = f"How long to keep them, for {100 * found.goal.confidence:g} % of {plural(noun)}"
    table = _table(title, ("fewer failed than", "keep the old pods for"))
    for fewer_than, least_s in found.goals.items():
        none = "for ever" if found.keep.spec.pinned_fraction else f"more than {span(LONGEST_S)}"
        table.add_row(f"{fewer_than:,}", span(least_s) if math.isfinite(least_s) else none)
    return table


def _curve(found: KeepAdvice) -> Table:
    table = _table("What fails after that, on average", ("old pods kept for", "failed requests"))
    for keep_s, lost in found.curve.items():
        table.add_row(span(keep_s), number(lost) if math.isfinite(lost) else "without an end")
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _record(found: KeepAdvice) -> dict[str, Any]:
    return {
        "scenario": found.keep.scenario.name,
        "seed": found.keep.scenario.seed,
        "target_502": found.goal.target_502,
        "most_failed": found.goal.most_failed,
        "confidence": found.goal.confidence,
        "said": sentences(found),
        "is_met": math.isfinite(found.least_s),
        "set": found.settings,
        "keep_s": _finite(found.least_s),
        "goals": [{"fewer_than": fewer, "keep_s": _finite(keep_s)} for fewer, keep_s in found.goals.items()],
        "curve": [{"keep_s": keep_s, "failed": _finite(lost)} for keep_s, lost in found.curve.items()],
        "now": _mean_lost(found.now) if found.now else None,
        "recommended": _mean_lost(found.best) if found.best else None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
