"""The report of one scenario's rollouts for a terminal: the answer in sentences, then a labelled line for each figure.

The report fits 80 columns and needs no colours. Several scenarios are tables (`tables`).
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from sim.data_plane.outcomes import OUTCOMES_502
from sim.experiment.figures import (
    ANY_502,
    DEREGISTRATION_LAG_S,
    EXPOSURE_S,
    GATE_WAIT_S,
    OUTCOMES,
    RESPONSES,
    ROLLOUT_S,
    UNREACHABLE,
)
from sim.experiment.figures_of_capacity import (
    ADDRESSES_FREE,
    ADDRESSES_HELD,
    FAILED_SANDBOXES,
    PENDING_PODS,
    PENDING_S,
    STALLED,
)
from sim.experiment.figures_of_healthy_targets import NO_HEALTHY_TARGET_S
from sim.report.answer import headline
from sim.report.disruption import noun_of
from sim.report.wording import NEGLIGIBLE, counted_by, number, percent, plural

if TYPE_CHECKING:
    from sim.experiment.summary import Summary

_WIDTH, _LABEL = 79, 30
_WHY = {
    "connect_refused": "pods stop listening while the ALB still sends to them",
    "host_unreachable": "pods are gone while the ALB still sends to them",
    "closed_in_flight": "pods end before they have answered",
    "keep_alive_race": "pods close connections that the ALB is about to use",
    "deregistration_delay_elapsed": "the ALB cuts requests when the deregistration delay is over",
}


def short_report(summary: Summary) -> str:
    """Return the report of a summary, without a line end."""
    said = f"{summary.scenario}: {_stalled(summary)}{headline(summary)}"
    if summary[ANY_502].value >= NEGLIGIBLE:
        said = f"{said} {_why(summary)} Next: `albsim explain --worst` tells how, `albsim recommend` what to set."
    elif summary[UNREACHABLE].value >= NEGLIGIBLE:
        said = f"{said} Next: `albsim recommend` says for how long to keep the old side."
    figures = labelled(summary)
    width = max(_LABEL, *(len(label) + 2 for label in figures))
    lines = [f"  {label:<{width}}{value}" for label, value in figures.items()]
    counted = textwrap.wrap(counted_by({summary.scenario: summary.estimator}), _WIDTH)
    return "\n".join([*textwrap.wrap(said, _WIDTH), "", *lines, "", *counted])


def _stalled(summary: Summary) -> str:
    """Return that rollouts do not end, nothing if all do."""
    share = summary[STALLED].value if STALLED.name in summary.values else 0.0
    return (
        f"{percent(share)} of {plural(noun_of(summary))} do not end: pods wait for a node or an address. "
        if share
        else ""
    )


def _why(summary: Summary) -> str:
    causes = {outcome.name.lower(): summary[OUTCOMES[outcome]].value for outcome in OUTCOMES_502}
    name = max(causes, key=causes.__getitem__)
    share = percent(causes[name] / sum(causes.values()))
    return f"Why: {_WHY.get(name, name.replace('_', ' '))} ({name}, {share} of them)."


def labelled(summary: Summary) -> dict[str, str]:
    """Return the figures beside the answer, by their labels."""
    noun = noun_of(summary)
    others = " and ".join(f"{number(summary[RESPONSES[status]].value)} {status}s" for status in (503, 504))
    lines = {
        f"other failures per {noun}": others,
        **_if_any("a pod's target leaves within", summary[DEREGISTRATION_LAG_S]),
        **_if_any("a dead pod is sent requests", summary[EXPOSURE_S]),
        "without a healthy target": f"{number(summary[NO_HEALTHY_TARGET_S].value)} s per {noun}",
        f"a {noun} takes": _quantiles(summary[ROLLOUT_S]),
        f"{plural(noun)}": f"{summary.replications:,}, seed {summary.seed}",
    }
    unreachable = summary[UNREACHABLE].value
    if unreachable >= NEGLIGIBLE:
        lines = {"no answer from the old address": f"{number(unreachable)} requests per {noun}"} | lines
    return lines | waits_for_gates(summary) | waits_for_nodes(summary)


def waits_for_gates(summary: Summary) -> dict[str, str]:
    """Return the line on readiness gates, none where the pods have none or none was opened."""
    return _if_any("a gate opens, once ready, after", summary.values.get(GATE_WAIT_S.name))


def waits_for_nodes(summary: Summary) -> dict[str, str]:
    """Return the lines on pods without a node, none where the scenario says nothing of nodes."""
    if PENDING_PODS.name not in summary.values:
        return {}
    waited, longest_s = summary[PENDING_PODS].value, summary[PENDING_S]["max"]
    each = f"per {noun_of(summary)}"
    longest = f", longest {number(longest_s)} s" if waited else ""
    lines = {"pods that wait for a node": f"{number(waited)} {each}{longest}"}
    if FAILED_SANDBOXES.name in summary.values:
        held, free = number(summary[ADDRESSES_HELD].value), number(summary[ADDRESSES_FREE].value)
        lines["addresses that nodes hold"] = f"at most {held}"
        lines["addresses left"] = f"at least {free} in the fullest subnet"
        lines["sandboxes without an address"] = f"{number(summary[FAILED_SANDBOXES].value)} {each}"
    return lines


def _if_any(label: str, seconds: dict[str, float] | None) -> dict[str, str]:
    """Return a line, none where there is nothing to pool: no pod ended, or no gate was opened."""
    return {} if seconds is None or not math.isfinite(seconds["mean"]) else {label: _quantiles(seconds)}


def _quantiles(seconds: dict[str, float]) -> str:
    median, high, longest = (number(seconds[name]) for name in ("p50", "p99", "max"))
    return f"half {median} s, 99 % {high} s, longest {longest} s"
