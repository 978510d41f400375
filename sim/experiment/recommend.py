"""The smallest preStop sleep, or delay, with which rollouts lose no requests, what goes with it, and the cost.

The goal: at most so many failed requests in at least the fraction `confidence` of rollouts. Every request that is not
answered with 200 has failed, whatever its status.

How:
- `aws_max_retries` comes first. A controller whose calls are throttled holds its reconcile for all its retries. So the
  lags of some limits are compared, from the control plane's trace alone. The given limit stays unless another saves a
  second.
- Each rollout has a least sleep that is enough (`least_sleep`). The answer is the quantile of these at `confidence`.
- Rollouts are added, half as many again each time, until the quantile's interval is narrow enough.
- The advice is the interval's upper end. Averaged over seeds, the settings then hold in more than the wanted fraction
  of fresh rollouts.
- The grace period and the deregistration delay are raised to what the sleep needs (`with_sleep`).
- Where old pods stay for a delay before they are deleted (`blue_green`, `canary`), the delay is what is looked for, in
  the same way. The pods' own preStop sleep stays.

Left out: every other setting; a sleep or delay of more than an hour.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sim.experiment.goal import Goal, Precision
from sim.experiment.least_sleep import need_of
from sim.experiment.recommendation import Recommendation, at_confidence, value_of
from sim.experiment.replications import process_pool
from sim.experiment.rules import DELAY, GRACE, PRE_STOP, RETRIES, RULES, Rule
from sim.experiment.statistics import Estimate, sure_quantile_estimate
from sim.experiment.trial import Trial, needed_s, try_out
from sim.experiment.with_sleep import WithDelay, WithSleep, longest_request_s
from sim.scenario.controller import FIXED_LAG
from sim.scenario.problems import Problem, ScenarioError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from sim.experiment.least_sleep import Need
    from sim.scenario.specs import Scenario

    Say = Callable[[str], None]

LONGEST_SLEEP_S = 3600
_CANDIDATES = (0, 1, 2, 3, 4, 6, 8, 10)
_GROWTH = 1.5


def recommend(
    scenario: Scenario,
    goal: Goal | None = None,
    *,
    executor: Executor | None = None,
    say: Say | None = None,
    precision: Precision | None = None,
    by_sleep: bool = False,
) -> Recommendation:
    """Find the smallest settings that meet a goal.

    The retry limit, the sleep and what it gives each have rollouts of their own: none is judged by those that chose it.

    Parameters
    ----------
    scenario
        The scenario as it is, with the number of replications to begin with.
    goal
        What is to be met; by default no failed request in at least 95 % of rollouts.
    executor
        Where to compute; by default on this machine's cores. The result does not depend on it.
    say
        Is told in words what is being tried.
    precision
        How precisely the sleep is wanted; by default to ± 2 s.
    by_sleep
        Whether to recommend a preStop sleep where there is a delay, which then stays as it is.

    Returns
    -------
    Recommendation
        The settings to change, by dotted key, and the rollouts with and without them.

    Raises
    ------
    ScenarioError
        If a rollout comes to no end.
    """
    if hint := scenario.disrupted_by.why_no_sleep:
        found = shown(scenario.disruption)
        raise ScenarioError([Problem(key="disruption", expected="one that tells pods to end", found=found, hint=hint)])
    with ExitStack() as stack:
        pool = executor or stack.enter_context(process_pool())
        search = _Search(goal or Goal(), pool, say or _silent, precision or Precision())
        return _recommended(scenario, search, "" if by_sleep else _delay_key(scenario))


def _silent(what: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class _Search:
    goal: Goal
    executor: Executor
    say: Say
    precision: Precision


def _delay_key(scenario: Scenario) -> str:
    key = scenario.disrupted_by.delay_key
    return f"{scenario.disruption}.{key}" if key else ""


def _recommended(scenario: Scenario, search: _Search, delay_key: str) -> Recommendation:
    goal, executor, say = search.goal, search.executor, search.say
    say("as it is")
    given = try_out(scenario, executor)
    retried = _with_best_retries(scenario, goal, executor, say)
    with_setting = WithDelay(retried, delay_key) if delay_key else WithSleep(retried)
    needs, least = _needs(with_setting, goal, search.precision, executor, say)
    advised_s = _advised_s(needs, least, goal)
    best = with_setting(advised_s)
    say(f"{delay_key or 'preStop'} {advised_s:g} s in fresh rollouts")
    return Recommendation(
        goal=goal,
        given=given,
        best=try_out(best, executor, first=scenario.replications + len(needs), replications=len(needs)),
        needs=tuple(needs),
        least=replace(least, low=max(0.0, least.low)),
        settings=_changed(scenario, best, delay_key),
        is_met=math.isfinite(least.value),
        is_known=search.precision.is_reached(least),
        delay_key=delay_key,
    )


def least_sleep_s(scenario: Scenario, goal: Goal | None = None) -> float:
    """Return the least preStop sleep with which the scenario's own replications meet a goal (s), in this process.

    Where no sleep is enough, return how long a rollout's slowest pod stays in rotation.
    """
    wanted = goal or Goal()
    need = partial(need_of, WithSleep(scenario), wanted.most_failed, longest_request_s(scenario), LONGEST_SLEEP_S)
    needs = [need(number) for number in range(scenario.replications)]
    sleep_s = at_confidence([need.least_s for need in needs], wanted)
    return sleep_s if math.isfinite(sleep_s) else at_confidence([need.slowest.stays_s for need in needs], wanted)


def try_rules(scenario: Scenario, *, executor: Executor, say: Say) -> list[tuple[Rule, Trial]]:
    """Return the trials of the experts' rules that apply to the scenario. `say` is called with each rule's words."""
    tried = []
    for rule in RULES:
        settings = rule.settings(scenario)
        if settings is not None:
            say(f"rule: {rule.words}")
            tried.append((rule, try_out(scenario.with_overrides(settings), executor)))
    return tried


def _needs(
    with_setting: WithSleep | WithDelay, goal: Goal, precision: Precision, executor: Executor, say: Say
) -> tuple[list[Need], Estimate]:
    """Return the needs of more and more rollouts, until they determine the sleep, or the delay."""
    first, further_s = with_setting.scenario.replications, longest_request_s(with_setting.scenario)
    need = partial(need_of, with_setting, goal.most_failed, further_s, LONGEST_SLEEP_S)
    needs: list[Need] = []
    wanted = min(first, precision.at_most)
    while True:
        say(f"what {wanted:,} rollouts need")
        needs += executor.map(need, range(first + len(needs), first + wanted))
        least = sure_quantile_estimate([need.least_s for need in needs], goal.confidence)
        if precision.is_reached(least) or wanted == precision.at_most:
            return needs, least
        wanted = min(math.ceil(_GROWTH * wanted), precision.at_most)


def _advised_s(needs: Sequence[Need], least: Estimate, goal: Goal) -> float:
    """Return the upper end of the interval of the least sleep, or delay.

    Without one, return the longest seen; if none is enough, what the slowest pods need.
    """
    if math.isfinite(least.high):
        return least.high
    if math.isfinite(least.value):
        return max(need.least_s for need in needs if math.isfinite(need.least_s))
    return min(LONGEST_SLEEP_S, math.ceil(at_confidence([need.slowest.stays_s for need in needs], goal)))


def _with_best_retries(scenario: Scenario, goal: Goal, executor: Executor, say: Say) -> Scenario:
    """Return the scenario with the retry limit whose slowest pods leave soonest, in a tie the given limit."""
    given = scenario.controller.aws_max_retries
    others = () if scenario.controller.version == FIXED_LAG else [n for n in _CANDIDATES if n != given]
    best, best_s = scenario, at_confidence(needed_s(scenario, executor), goal) if others else 0.0
    for candidate in others:
        changed = scenario.with_overrides({RETRIES: candidate})
        if changed.controller.retries is None:
            continue
        say(f"--aws-max-retries {candidate}")
        changed_s = at_confidence(needed_s(changed, executor), goal)
        if changed_s <= best_s - 1:
            best, best_s = changed, changed_s
    return best


def _changed(before: Scenario, after: Scenario, delay_key: str) -> dict[str, float]:
    keys = (*filter(None, [delay_key]), PRE_STOP, GRACE, DELAY, RETRIES)
    return {key: value_of(after, key) for key in keys if value_of(after, key) != value_of(before, key)}
