"""The text of `albsim recommend`: the answer, its changes and costs, the curve, and the results of the experts' rules.

Shown: means per rollout to three digits. `most pods at once` counts terminating pods too.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.experiment.recommendation import value_of
from sim.experiment.rules import DELAY, GRACE, PRE_STOP, RETRIES
from sim.report.disruption import name_of
from sim.report.recommendation_words import sentences
from sim.report.wording import NOTHING, WIDTH, number, percent, plain, plural
from sim.scenario.controller import FIXED_LAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.recommendation import Recommendation
    from sim.experiment.rules import Rule
    from sim.experiment.trial import Trial
    from sim.scenario.specs import Scenario

    TriedRules = Sequence[tuple[Rule, Trial]]

FORMATS = ("table", "json")
DELAY_NAME = "scaleDownDelaySeconds (s)"
_RULE = "rule, and its source"
_ROWS_AT = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""The chances of a miss for which the curve's table has a sleep."""


def render(found: Recommendation, rules: TriedRules, form: str) -> str:
    """Return a recommendation in one of `FORMATS`, without a line end."""
    return (
        json.dumps(record(found, rules), indent=2, ensure_ascii=False)
        if form == "json"
        else plain(shown(found, rules), width=WIDTH)
    )


def shown(found: Recommendation, rules: TriedRules) -> Group:
    """Return the sentences and the tables for a terminal."""
    return Group("\n".join(sentences(found)), "", _costs(found), "", _curve(found), "", _rules(found, rules))


def _costs(found: Recommendation) -> Table:
    table = _table(f"{found.given.scenario.name}, seed {found.given.scenario.seed}", ("", "now", "recommended"))
    now, best = _figures(found.given, found.delay_key), _figures(found.best, found.delay_key)
    for name, value in now.items():
        table.add_row(name, value, best[name])
    return table


def _figures(trial: Trial, delay_key: str) -> dict[str, str]:
    noun = name_of(trial.scenario)
    delay = {DELAY_NAME: f"{value_of(trial.scenario, delay_key):g}"} if delay_key else {}
    return delay | {
        "preStop sleep (s)": f"{trial.scenario.pod.pre_stop_sleep_s:g}",
        "grace period (s)": f"{trial.scenario.pod.termination_grace_period_s:g}",
        "deregistration delay (s)": f"{trial.scenario.target_group.deregistration_delay_s:g}",
        "--aws-max-retries": _retries(trial.scenario),
        f"502s per {noun}, mean": number(trial.mean(502)),
        f"503s and 504s per {noun}, mean": number(trial.mean(503) + trial.mean(504)),
        f"{noun} duration (s), mean": number(_mean([rollout.rollout_s for rollout in trial.rollouts])),
        "until the last old pod has ended (s), mean": number(_mean([rollout.over_s for rollout in trial.rollouts])),
        "most pods at once": f"{max(rollout.most_pods for rollout in trial.rollouts):,}",
    }


def _retries(scenario: Scenario) -> str:
    return NOTHING if scenario.controller.version == FIXED_LAG else str(scenario.controller.aws_max_retries)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _curve(found: Recommendation) -> Table:
    """Return the table of sleeps, or delays, against the chance of a miss."""
    what = DELAY_NAME if found.delay_key else "preStop sleep (s)"
    table = _table(
        f"{'Delay' if found.delay_key else 'Sleep'} against the chance of a miss",
        (what, f"{plural(name_of(found.given.scenario))} that miss", "95 % interval"),
    )
    for at_s in _sleeps(found):
        miss = found.miss(at_s)
        table.add_row(f"{at_s:g}", percent(miss.value), f"{percent(miss.low)} to {percent(miss.high)}")
    return table


def _sleeps(found: Recommendation) -> list[float]:
    """Return the sleeps with a row: none, the present and the advised one, and those at which few rollouts miss."""
    tried = (found.given.scenario, found.best.scenario)
    needed = sorted(found.needs_s)
    at = [needed[min(len(needed) - 1, math.ceil((1 - chance) * len(needed)) - 1)] for chance in _ROWS_AT]
    return sorted(
        {0.0, *(value_of(scenario, found.key) for scenario in tried), *(at_s for at_s in at if math.isfinite(at_s))}
    )


def _rules(found: Recommendation, rules: TriedRules) -> Table:
    noun = name_of(found.given.scenario)
    title = f"What experts advise, and what it gives here (times in s; failed requests per {noun}, mean)"
    table = _table(title, (_RULE, "sleep", "grace", "delay", "failed", "goal met"), words=(_RULE,))
    for rule, trial in _shortest_first(rules):
        pod, met = trial.scenario.pod, trial.with_at_most(found.goal.most_failed)
        times_s = (
            pod.pre_stop_sleep_s,
            pod.termination_grace_period_s,
            trial.scenario.target_group.deregistration_delay_s,
        )
        cells = [f"{time_s:g}" for time_s in times_s]
        table.add_row(f"{rule.words}\n  {rule.source}", *cells, number(_mean_failed(trial)), percent(met.value))
    return table


def _shortest_first(rules: TriedRules) -> TriedRules:
    return sorted(rules, key=lambda tried: tried[1].scenario.pod.pre_stop_sleep_s)


def _mean_failed(trial: Trial) -> float:
    return _mean([rollout.n_failed for rollout in trial.rollouts])


def _table(title: str, headings: Sequence[str], words: Sequence[str] = ("",)) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", overflow="fold")
    return table


def record(found: Recommendation, rules: TriedRules) -> dict[str, Any]:
    """Return a recommendation as JSON has it."""
    return {
        "scenario": found.given.scenario.name,
        "seed": found.given.scenario.seed,
        "replications": len(found.given.rollouts),
        "target_502": found.goal.target_502,
        "most_failed": found.goal.most_failed,
        "confidence": found.goal.confidence,
        "said": sentences(found),
        "is_met": found.is_met,
        "is_known": found.is_known,
        "set": found.settings,
        "least_delay_s" if found.delay_key else "least_sleep_s": {
            "value": _finite(found.least.value),
            "ci95": [_finite(found.least.low), _finite(found.least.high)],
            "rollouts": len(found.needs),
        },
        "slowest_pod_needs_s": found.needed_s,
        "curve": [_point(found, sleep_s) for sleep_s in _sleeps(found)],
        "now": _trial_record(found.given, found),
        "recommended": _trial_record(found.best, found),
        "in_other_rollouts": _trial_record(found.best, found),
        "rules": [
            {"rule": rule.words, "source": rule.source, **_trial_record(trial, found)}
            for rule, trial in _shortest_first(rules)
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _point(found: Recommendation, sleep_s: float) -> dict[str, Any]:
    miss = found.miss(sleep_s)
    return {found.key: sleep_s, "miss": {"fraction": miss.value, "ci95": [miss.low, miss.high]}}


def _trial_record(trial: Trial, found: Recommendation) -> dict[str, Any]:
    scenario, met = trial.scenario, trial.with_at_most(found.goal.most_failed)
    delay = {found.delay_key: value_of(scenario, found.delay_key)} if found.delay_key else {}
    return delay | {
        PRE_STOP: scenario.pod.pre_stop_sleep_s,
        GRACE: scenario.pod.termination_grace_period_s,
        DELAY: scenario.target_group.deregistration_delay_s,
        RETRIES: scenario.controller.aws_max_retries,
        **{f"responses.{status}": trial.mean(status) for status in (502, 503, 504)},
        "causes": trial.mean_failures(),
        "below_target": {"fraction": met.value, "ci95": [met.low, met.high]},
        "rollout_s": _mean([rollout.rollout_s for rollout in trial.rollouts]),
        "last_old_pod_ended_s": _mean([rollout.over_s for rollout in trial.rollouts]),
        "most_pods": max(rollout.most_pods for rollout in trial.rollouts),
    }
