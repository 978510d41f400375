"""The smallest preStop sleep that keeps 502s under a target, what goes with it, and what that costs.

The question: fewer than `target_502` 502s in at least the fraction `confidence` of rollouts. The answer is the least
whole second of `pre_stop_sleep_s` for which that holds in the simulated rollouts, with the grace period and the
deregistration delay that it needs: neither is ever lowered.
`aws_max_retries` first: a controller whose calls are throttled holds its reconcile for all its retries, so the lags of
some limits are compared, from the control plane's trace alone; the given one stays unless another saves a second.
Then the sleep: the trace says how long the slowest pod stays in rotation, and the search starts there; every step is a
whole simulation, so nothing rests on the shortcut. More sleep is taken to give no more 502s.
What is left out: every other setting; a sleep of more than an hour.
Source of what goes with the sleep: docs/facts/alb.md §6 (G ≥ P + longest request + margin; D ≥ longest request,
counted from when the last ALB node has heard: until then it sends new ones).
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.replications import process_pool
from sim.experiment.rules import DELAY, GRACE, PRE_STOP, RULES, Rule
from sim.experiment.trial import Trial, needed_s, try_out
from sim.scenario.controller import FIXED_LAG

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from sim.scenario.specs import Scenario

    Say = Callable[[str], None]

RETRIES = "controller.aws_max_retries"
LONGEST_SLEEP_S = 3600
_CANDIDATES = (0, 1, 2, 3, 4, 6, 8, 10)
_LONGEST = 0.999999
"""The quantile of a law that counts as its longest value."""
_SHUTDOWN_S = 2.0
"""Left between the longest request and SIGKILL: the least that the kubelet gives after preStop."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A target for the 502s of a scenario.

    Attributes
    ----------
    target_502
        A rollout is good if it has fewer 502s than this.
    confidence
        The fraction of rollouts that are to be good, from 0 to 1.
    """

    target_502: float = 1.0
    confidence: float = 0.95

    def is_met(self, trial: Trial) -> bool:
        """Tell whether it is in these rollouts."""
        return trial.below(self.target_502).value >= self.confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to set, and how it was found.

    `settings` by key, those that must change; `best` is with them. `is_met`: whether they meet the goal; if not, they
    are the longest sleep that could help, and `best` shows what is left. `confirmed`: the settings in as many other
    rollouts, since in those in which they were found they were chosen. `needed_s`: what the slowest pod of a rollout
    needs, the quantile at the goal's confidence.
    """

    goal: Goal
    given: Trial
    best: Trial
    confirmed: Trial
    settings: dict[str, float]
    is_met: bool
    needed_s: float


def recommend(
    scenario: Scenario, goal: Goal | None = None, *, executor: Executor | None = None, say: Say | None = None
) -> Recommendation:
    """Find the smallest settings that meet a goal.

    Parameters
    ----------
    scenario
        The scenario as it is, with the number of replications to judge by.
    goal
        What is to be met; by default no 502 in at least 95 % of rollouts.
    executor
        Where to compute; by default on this machine's cores. The result does not depend on it.
    say
        Is told in words what is being tried.

    Returns
    -------
    Recommendation
        The settings to change, by dotted key, and the rollouts with and without them.

    Raises
    ------
    ScenarioError
        If a rollout comes to no end.
    """
    with ExitStack() as stack:
        pool = executor or stack.enter_context(process_pool())
        return _recommended(scenario, goal or Goal(), executor=pool, say=say or _silent)


def _silent(what: str) -> None:
    """Show nothing."""


def _recommended(scenario: Scenario, goal: Goal, *, executor: Executor, say: Say) -> Recommendation:
    say("as it is")
    given = try_out(scenario, executor)
    retries, needs_s = _retries(scenario, goal, executor, say)
    base = scenario.with_overrides({RETRIES: retries}) if retries != scenario.controller.aws_max_retries else scenario
    needed = float(np.quantile(needs_s, goal.confidence, method="inverted_cdf"))
    most_s = min(LONGEST_SLEEP_S, math.ceil(needs_s.max() + longest_request_s(scenario)) + 1)
    tried = _Sleeps(base, executor, say)
    sleep_s = _least(lambda sleep_s: goal.is_met(tried[sleep_s]), start=min(math.ceil(needed), most_s), most=most_s)
    best = tried[most_s if sleep_s is None else sleep_s]
    say("the same in other rollouts")
    return Recommendation(
        goal=goal,
        given=given,
        best=best,
        confirmed=try_out(best.scenario, executor, first=scenario.replications),
        settings=_changed(scenario, best.scenario),
        is_met=sleep_s is not None,
        needed_s=needed,
    )


def try_rules(scenario: Scenario, *, executor: Executor, say: Say) -> list[tuple[Rule, Trial]]:
    """Try out what each of the experts' rules that apply gives for the scenario; `say` is told which."""
    tried = []
    for rule in RULES:
        settings = rule.settings(scenario)
        if settings is not None:
            say(f"rule: {rule.words}")
            tried.append((rule, try_out(scenario.with_overrides(settings), executor)))
    return tried


def longest_request_s(scenario: Scenario) -> float:
    """Return how long the longest request takes: a high quantile, at most what the ALB waits for."""
    longest = float(scenario.traffic.service_time_s.ppf(_LONGEST))
    return min(longest, scenario.target_group.idle_timeout_s)


class _Sleeps:
    """The scenario with a preStop sleep and what goes with it, tried out once for each sleep."""

    def __init__(self, scenario: Scenario, executor: Executor, say: Say) -> None:
        self._scenario = scenario
        self._executor = executor
        self._say = say
        self._tried: dict[int, Trial] = {}

    def __getitem__(self, sleep_s: int) -> Trial:
        if sleep_s not in self._tried:
            self._say(f"preStop {sleep_s} s")
            self._tried[sleep_s] = try_out(_with_sleep(self._scenario, sleep_s), self._executor)
        return self._tried[sleep_s]


def _with_sleep(scenario: Scenario, sleep_s: float) -> Scenario:
    longest_s = longest_request_s(scenario)
    grace_s = math.ceil(sleep_s + scenario.pod.serve_after_sigterm_s + longest_s + _SHUTDOWN_S)
    delay_s = math.ceil(longest_s + float(scenario.target_group.propagation_s.ppf(_LONGEST)))
    return scenario.with_overrides(
        {
            PRE_STOP: sleep_s,
            GRACE: max(scenario.pod.termination_grace_period_s, grace_s),
            DELAY: max(scenario.target_group.deregistration_delay_s, delay_s),
        }
    )


def _least(is_enough: Callable[[int], bool], *, start: int, most: int) -> int | None:
    """Find the least number from 0 to `most` that is enough, looking near `start` first; None if none is."""
    step, low, high = 1, -1, start
    if is_enough(start):
        while high - step > low and is_enough(high - step):
            high, step = high - step, 2 * step
        low = max(low, high - step)
    else:
        low = start
        while not is_enough(high := min(low + step, most)):
            if high == most:
                return None
            low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _retries(scenario: Scenario, goal: Goal, executor: Executor, say: Say) -> tuple[int, np.ndarray]:
    """Choose the retry limit whose slowest pods leave soonest, the given one in a tie; give it and their times."""
    given = scenario.controller.aws_max_retries
    others = () if scenario.controller.version == FIXED_LAG else [n for n in _CANDIDATES if n != given]
    best, best_s = given, needed_s(scenario, executor)
    for candidate in others:
        changed = scenario.with_overrides({RETRIES: candidate})
        if changed.controller.retries is None:
            continue
        say(f"--aws-max-retries {candidate}")
        needs_s = needed_s(changed, executor)
        if _at(needs_s, goal) <= _at(best_s, goal) - 1:
            best, best_s = candidate, needs_s
    return best, best_s


def _at(needs_s: np.ndarray, goal: Goal) -> float:
    return float(np.quantile(needs_s, goal.confidence, method="inverted_cdf"))


def _changed(before: Scenario, after: Scenario) -> dict[str, float]:
    keys = (PRE_STOP, GRACE, DELAY, RETRIES)
    return {key: _value(after, key) for key in keys if _value(after, key) != _value(before, key)}


def _value(scenario: Scenario, key: str) -> float:
    group, name = key.split(".")
    return float(getattr(getattr(scenario, group), name))
