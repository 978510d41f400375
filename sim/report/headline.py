"""What all rollouts of a scenario come to, as one sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.experiment.figures import ANY_502, RATE_502, RESPONSES
from sim.report.wording import NEGLIGIBLE, count, number, percent

if TYPE_CHECKING:
    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary


def headline(summary: Summary) -> str:
    """Say how many 502s a rollout gives, and how often one gives any."""
    rollouts = count(summary.replications, "rollout")
    n_502, any_502 = summary[RESPONSES[502]], summary[ANY_502]
    if summary.estimator == "expected" and any_502.value < NEGLIGIBLE:
        return f"No 502 is to be expected: a rollout has any with a probability below {100 * NEGLIGIBLE:g} %."
    if any_502.value == 0:
        at_most = f"with 95 % confidence at most {percent(any_502.high)} of rollouts have any"
        return f"No request ended in a 502 in {rollouts}: {at_most}."
    rate = percent(summary[RATE_502].value)
    mean = f"{number(n_502.value)} 502s per rollout{_between(n_502, 1)}, {rate} of its requests"
    if summary.estimator == "expected":
        return (
            f"{mean}; a rollout has any with a probability of {percent(any_502.value)}{_between(any_502, 100, ' %')}."
        )
    return f"{mean}; {percent(any_502.value)} of {rollouts} had any{_between(any_502, 100, ' %')}."


def _between(estimate: Estimate, factor: float, unit: str = "") -> str:
    if math.isnan(estimate.low) or estimate.low == estimate.high:
        return ""
    low, high = (number(factor * max(0.0, bound)) for bound in (estimate.low, estimate.high))
    return f" (95 % interval: {low} to {high}{unit})"
