"""Observed rollouts against simulated ones, as a table and in words."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.records.against import LEAST_REPLICATIONS
from sim.report.wording import count, listed, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.records.against import Against, Compared

FAR = 0.25
"""The fraction by which a scenario's pods may differ from the observed targets without a remark."""


def table(found: Against) -> Group:
    """Return the comparison for a terminal."""
    rows = Table(
        title=f"Observed against {count(found.replications, 'simulation')} of {found.scenario.name}",
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for heading in ("cause", "observed", "simulated\nmedian", "95 % interval", "p", "p after\nHolm"):
        rows.add_column(heading, justify="left" if heading == "cause" else "right")
    for name, one in found.classes.items():
        if one.observed or one.ci95[1]:
            interval = f"{number(one.ci95[0])} to {number(one.ci95[1])}"
            cells = f"{one.observed:,}", number(one.simulated), interval, number(one.p), number(one.p_holm)
            rows.add_row(name, *cells)
    return Group(rows, "", verdict(found), *(f"  {doubt}" for doubt in doubts_of(found)))


def as_json(found: Against) -> dict[str, Any]:
    """Return the comparison as docs/interface.md describes it, with its verdict in words."""
    return {
        "against": {name: one.as_json() for name, one in found.classes.items()},
        "against_verdict": {
            "explained": not found.contradicted,
            "text": verdict(found),
            "doubts": list(doubts_of(found)),
            "scenario": found.scenario.name,
            "replications": found.replications,
            "rollouts": len(found.targets),
        },
    }


def verdict(found: Against) -> str:
    """Return in words whether the model explains the observation."""
    seen = "the rollout" if len(found.targets) == 1 else f"the {len(found.targets):,} rollouts"
    if not found.contradicted:
        least = min((one.p_holm for one in found.classes.values()), default=1.0)
        return (
            f"The model explains {seen}: no cause of failures differs by more than chance would have it (the smallest "
            f"p is {number(least)})."
        )
    parts = [_contradiction(name, one) for name, one in found.contradicted.items()]
    return f"The model does not explain {seen}: {listed(parts)}."


def _contradiction(name: str, one: Compared) -> str:
    direction = "more" if one.observed > one.simulated else "fewer"
    low, high = (number(end) for end in one.ci95)
    return f"{one.observed:,} {name} were observed, {direction} than the {low} to {high} simulated"


def doubts_of(found: Against) -> Iterator[str]:
    """Yield a sentence for each doubt about the comparison."""
    if len(found.targets) == 1:
        yield "There is one rollout only: if the scenario was fitted to it, this is no check of the fit."
    if found.replications < LEAST_REPLICATIONS:
        yield (
            f"With {count(found.replications, 'simulation')} no cause could be told apart from chance if all occurred: "
            f"use --replications {LEAST_REPLICATIONS:.0f} or more."
        )
    if not found.fitted:
        yield "The scenario's values were taken as exact: with --fit they are drawn as `albsim calibrate` found them."
    replicas, targets = found.scenario.deployment.replicas, median(found.targets)
    if abs(targets - replicas) > FAR * replicas:
        yield f"{targets:,.0f} targets left in the median rollout; the scenario has {replicas:,} replicas."
