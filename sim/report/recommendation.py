"""The text of `albsim recommend`: the answer in a sentence, what it changes and costs, what the experts' rules give.

What is shown: means per rollout to three digits. `most pods at once` counts those on their way out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.experiment.recommend import RETRIES
from sim.experiment.rules import DELAY, GRACE, PRE_STOP
from sim.report.wording import NOTHING, listed, number, percent, plain
from sim.scenario.controller import FIXED_LAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.recommend import Recommendation
    from sim.experiment.rules import Rule
    from sim.experiment.trial import Trial
    from sim.scenario.specs import Scenario

    TriedRules = Sequence[tuple[Rule, Trial]]

FORMATS = ("table", "json")
WIDTH = 120
_OBSTACLES = {
    "connect_refused": "pods that end before their targets have left the ALB",
    "host_unreachable": "pods that are gone before their targets have left the ALB",
    "closed_in_flight": "requests that outlive their pod",
    "keep_alive_race": "connections that the pod closes before the ALB does: pod.keep_alive_timeout_s should be above "
    "target_group.idle_timeout_s",
    "deregistration_delay_elapsed": "requests that the ALB cuts when the deregistration delay is over",
}


def render(found: Recommendation, rules: TriedRules, form: str) -> str:
    """Write a recommendation in one of `FORMATS`, without a line end."""
    return (
        json.dumps(_record(found, rules), indent=2, ensure_ascii=False)
        if form == "json"
        else plain(shown(found, rules), width=WIDTH)
    )


def shown(found: Recommendation, rules: TriedRules) -> Group:
    """Return the sentence and the tables for a terminal."""
    return Group(sentence(found), "", _costs(found), "", _rules(found, rules))


def sentence(found: Recommendation) -> str:
    """Say what to set, or what stands in the way."""
    goal = f"under {found.goal.target_502:g} 502s per rollout in {100 * found.goal.confidence:g} % of rollouts"
    if not found.is_met:
        sleep_s = found.best.scenario.pod.pre_stop_sleep_s
        causes = [f"{number(mean)} by {_OBSTACLES[name]}" for name, mean in found.best.mean_causes().items()]
        return (
            f"No preStop sleep gives {goal}. With {sleep_s:g} s, {_share(found.best, found)}. What stands in the way, "
            f"in 502s per rollout: {listed(causes)}. The slowest pod of a rollout needs {found.needed_s:,.1f} s."
        )
    changes = [f"{key} to {value:g}" for key, value in found.settings.items()]
    what = f"Set {listed(changes)}" if changes else "Nothing need change"
    return (
        f"{what} for {goal}: {_share(found.best, found)}, and no shorter preStop sleep gives that. {_confirmed(found)}"
    )


def _confirmed(found: Recommendation) -> str:
    """Say how it does in rollouts for which it was not chosen."""
    words = f"In as many other rollouts: {_share(found.confirmed, found)}."
    if found.goal.is_met(found.confirmed):
        return words
    return f"{words} That is less than was asked for: more --replications would find a safer sleep."


def _share(trial: Trial, found: Recommendation) -> str:
    below, n = trial.below(found.goal.target_502), len(trial.rollouts)
    interval = f"95 % interval {percent(below.low)} to {percent(below.high)}"
    return f"{round(below.value * n):,} of {n:,} simulated rollouts have so few ({interval})"


def _costs(found: Recommendation) -> Table:
    table = _table(f"{found.given.scenario.name}, seed {found.given.scenario.seed}", ("", "now", "recommended"))
    now, best = _figures(found.given), _figures(found.best)
    for name, value in now.items():
        table.add_row(name, value, best[name])
    return table


def _figures(trial: Trial) -> dict[str, str]:
    return {
        "preStop sleep (s)": f"{trial.scenario.pod.pre_stop_sleep_s:g}",
        "grace period (s)": f"{trial.scenario.pod.termination_grace_period_s:g}",
        "deregistration delay (s)": f"{trial.scenario.target_group.deregistration_delay_s:g}",
        "--aws-max-retries": _retries(trial.scenario),
        "502s per rollout, mean": number(trial.mean_502()),
        "rollout duration (s), mean": number(_mean([rollout.rollout_s for rollout in trial.rollouts])),
        "until the last old pod has ended (s), mean": number(_mean([rollout.over_s for rollout in trial.rollouts])),
        "most pods at once": f"{max(rollout.most_pods for rollout in trial.rollouts):,}",
    }


def _retries(scenario: Scenario) -> str:
    return NOTHING if scenario.controller.version == FIXED_LAG else str(scenario.controller.aws_max_retries)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rules(found: Recommendation, rules: TriedRules) -> Table:
    under = f"under {found.goal.target_502:g}"
    headings = ("what experts advise", "sleep", "grace", "delay", "502s, mean", under, "source")
    table = _table("", headings, words=("what experts advise", "source"))
    for rule, trial in rules:
        pod, below = trial.scenario.pod, trial.below(found.goal.target_502)
        times_s = (
            pod.pre_stop_sleep_s,
            pod.termination_grace_period_s,
            trial.scenario.target_group.deregistration_delay_s,
        )
        cells = [f"{time_s:g}" for time_s in times_s]
        table.add_row(rule.words, *cells, number(trial.mean_502()), percent(below.value), rule.source)
    return table


def _table(title: str, headings: Sequence[str], words: Sequence[str] = ("",)) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", overflow="fold")
    return table


def _record(found: Recommendation, rules: TriedRules) -> dict[str, Any]:
    return {
        "scenario": found.given.scenario.name,
        "seed": found.given.scenario.seed,
        "replications": len(found.given.rollouts),
        "target_502": found.goal.target_502,
        "confidence": found.goal.confidence,
        "is_met": found.is_met,
        "set": found.settings,
        "slowest_pod_needs_s": found.needed_s,
        "now": _trial_record(found.given, found),
        "recommended": _trial_record(found.best, found),
        "in_other_rollouts": _trial_record(found.confirmed, found),
        "rules": [{"rule": rule.words, "source": rule.source, **_trial_record(trial, found)} for rule, trial in rules],
    }


def _trial_record(trial: Trial, found: Recommendation) -> dict[str, Any]:
    scenario, below = trial.scenario, trial.below(found.goal.target_502)
    return {
        PRE_STOP: scenario.pod.pre_stop_sleep_s,
        GRACE: scenario.pod.termination_grace_period_s,
        DELAY: scenario.target_group.deregistration_delay_s,
        RETRIES: scenario.controller.aws_max_retries,
        "responses.502": trial.mean_502(),
        "causes": trial.mean_causes(),
        "below_target": {"fraction": below.value, "ci95": [below.low, below.high]},
        "rollout_s": _mean([rollout.rollout_s for rollout in trial.rollouts]),
        "last_old_pod_ended_s": _mean([rollout.over_s for rollout in trial.rollouts]),
        "most_pods": max(rollout.most_pods for rollout in trial.rollouts),
    }
