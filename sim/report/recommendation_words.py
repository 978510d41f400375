"""A recommendation in sentences: what to set, how sure that is, what it depends on, and what stands in its way.

Sources: docs/facts/capacity.md §3 (Cluster Autoscaler's max-graceful-termination-sec) for long grace periods.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from sim.experiment.recommendation import value_of
from sim.report.disruption import name_of
from sim.report.wording import count, listed, number, percent, plural

if TYPE_CHECKING:
    from sim.experiment.goal import Goal
    from sim.experiment.least_sleep import Need
    from sim.experiment.recommendation import Recommendation

_LONG_GRACE_S = 600
_OBSTACLES = {
    "connect_refused": "pods that end before their targets have left the ALB",
    "host_unreachable": "pods that are gone before their targets have left the ALB",
    "connect_timeout": "pods that are gone before their targets have left the ALB",
    "closed_in_flight": "requests that outlive their pod",
    "keep_alive_race": "connections that the pod closes before the ALB does: pod.keep_alive_timeout_s should be above "
    "target_group.idle_timeout_s",
    "deregistration_delay_elapsed": "requests that the ALB cuts when the deregistration delay is over",
    "idle_timeout": "requests that are longer than the ALB holds them: it answers 504 after "
    "target_group.idle_timeout_s, at any time",
    "no_registered_targets": "ALB nodes without a registered target: no new pod is registered yet",
    "client_timeout": "clients that give up before they have an answer, after traffic.client_timeout_s",
}


def goal_in_words(goal: Goal, noun: str) -> str:
    """Return the goal: `no failed request in 95 % of rollouts`. `noun`: what one replication is."""
    most = goal.most_failed
    requests = f"at most {count(most, 'failed request')}" if most else "no failed request"
    return f"{requests} in {100 * goal.confidence:g} % of {plural(noun)}"


def sentences(found: Recommendation) -> list[str]:
    """Return what to set, what of it is assumed and how sure it is, or what stands in the way; then consequences."""
    known = f"{_least(found)} {_confirmed(found)}"
    said = [_answer(found), *_assumption(found), known] if found.is_met else [_obstacles(found)]
    return [*said, *_sleep_instead(found), *_long_grace(found)]


def _sleep_instead(found: Recommendation) -> list[str]:
    """Return what preStop sleep would do as well, where a delay is recommended."""
    if not found.delay_key or not found.is_met:
        return []
    if _only_the_rule_decides(found):
        said = (
            "No preStop sleep replaces the delay. Pods that sleep are deregistered meanwhile: an ALB node that still "
            "has the old rule then finds no target, and answers 503."
        )
        return [said]
    scenario = found.given.scenario
    delay_s, whole_s = value_of(scenario, found.delay_key), found.advised_s + scenario.pod.pre_stop_sleep_s
    said = (
        f"Delay and preStop sleep add up, to {whole_s:g} s. With the delay as it is, {delay_s:g} s, a preStop sleep of "
        f"{max(0, whole_s - delay_s):g} s does it too."
    )
    return [said]


def _only_the_rule_decides(found: Recommendation) -> bool:
    """Return whether the delay has to outlast the listener's rule, and no deregistration."""
    scenario = found.given.scenario
    return bool(found.delay_key) and scenario.disrupted_by.target_groups > 1 and scenario.canary.ping_pong


def _noun(found: Recommendation) -> str:
    return name_of(found.given.scenario)


def _answer(found: Recommendation) -> str:
    changes = [f"{key} to {value:g}" for key, value in found.settings.items()]
    what = f"Set {listed(changes)}" if changes else "Nothing need change"
    return f"{what} for {goal_in_words(found.goal, _noun(found))}."


def _least(found: Recommendation) -> str:
    """Return the least sleep, or delay, and how well it is known, in words."""
    what = "scaleDownDelaySeconds" if found.delay_key else "preStop sleep"
    sleep, rollouts = found.least, count(len(found.needs), f"simulated {_noun(found)}")
    if not math.isfinite(sleep.high):
        return (
            f"{sleep.value:g} s of {what} would do for {rollouts}, which are too few to bound it from above: "
            "the longest that any of them needs is advised."
        )
    interval = f"95 % interval {sleep.low:g} to {sleep.high:g} s, {rollouts}"
    known = f"The least {what} that does it is {sleep.value:g} s ({interval})"
    if sleep.low == sleep.high:
        return f"{known}."
    wider = (
        "" if found.is_known else f", though it is wider than was wanted: --at-most allows more {plural(_noun(found))}"
    )
    return f"{known}; its upper end is advised{wider}."


def _confirmed(found: Recommendation) -> str:
    """Return the result in rollouts that had no part in choosing the settings, in words."""
    met = f"In fresh {plural(_noun(found))} with these settings, {_share(found)}."
    return met if found.goal.is_met(found.best) else f"{met} That is less than was asked for."


def _share(found: Recommendation) -> str:
    met, n = found.best.with_at_most(found.goal.most_failed), len(found.best.rollouts)
    interval = f"{percent(met.value)}, 95 % interval {percent(met.low)} to {percent(met.high)}"
    return f"{round(met.value * n):,} of {n:,} have {_few(found.goal)} ({interval})"


def _few(goal: Goal) -> str:
    return "so few" if goal.most_failed else "none"


def _assumption(found: Recommendation) -> list[str]:
    """Return how much of the answer is the tail of an unpublished law, in words, unless the user has given the law."""
    scenario = found.best.scenario
    group, by_rule = scenario.target_group, _only_the_rule_decides(found)
    is_given = "propagation_s" in group.model_fields_set or (by_rule and group.rule_propagation_s is not None)
    if is_given or not found.advised_s:
        return []
    propagation_s = median(need.slowest.propagation_s for need in _nearest(found))
    said = (
        f"Of the {found.needed_s:,.1f} s that the slowest pod of such a {_noun(found)} stays in rotation, "
        f"{propagation_s:,.1f} s are an assumption. This target_group.propagation_s is how long an ALB node "
        f"goes on sending after {'ModifyRule' if by_rule else 'DeregisterTargets'}. AWS publishes nothing of it. "
        "Measure yours, and give it."
    )
    return [said]


def _nearest(found: Recommendation) -> list[Need]:
    """Return the twentieth of the rollouts whose slowest pods are nearest to the needed time."""
    by_distance = sorted(found.needs, key=lambda need: abs(need.slowest.stays_s - found.needed_s))
    return by_distance[: math.ceil(len(by_distance) / 20)]


def _obstacles(found: Recommendation) -> str:
    """Return what stands in the way, in words."""
    failures, goal = found.best.mean_failures(), goal_in_words(found.goal, _noun(found))
    needs = f"The slowest pod of a {_noun(found)} needs {found.needed_s:,.1f} s."
    if next(iter(failures), None) == "idle_timeout":
        start = f"No setting attains {goal}: requests are longer than the ALB holds them."
    else:
        start = f"No {'scaleDownDelaySeconds' if found.delay_key else 'preStop sleep'} attains {goal}."
    obstacles = {name: _OBSTACLES.get(name, f"requests that end as {name}") for name in failures}
    causes = [f"{number(mean)} by {obstacles[name]}" for name, mean in failures.items()]
    in_the_way = f" What stands in the way, in failed requests per {_noun(found)}: {listed(causes)}." if causes else ""
    return f"{start} With {found.advised_s:g} s, {_share(found)}.{in_the_way} {needs}"


def _long_grace(found: Recommendation) -> list[str]:
    grace_s = found.best.scenario.pod.termination_grace_period_s
    if grace_s <= _LONG_GRACE_S:
        return []
    said = (
        f"A grace period of {grace_s / 60:,.0f} minutes is longer than some drains wait: Cluster Autoscaler kills a "
        f"pod after {_LONG_GRACE_S} s (max-graceful-termination-sec)."
    )
    return [said]
