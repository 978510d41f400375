"""How long the old side of a cluster switch must be kept so that few enough requests are lost.

The goal: at most so many failed requests in at least the fraction `confidence` of switches.

How:
- Once the old pods are gone, every request that still looks for the old ALB fails: with a 503, and without an answer
  when the ALB is gone too. So what is lost is the integral of the share that looks there, without an end.
- Given when the record changes, the number lost is Poisson. The chance of few enough is averaged over that law.
- The least time to keep the old side, in whole minutes, is found by bisection, for several goals. No request is drawn.
- The old ALB goes last: a minute, or the ALB's idle timeout, after the pods.
- Simulated switches with these settings confirm it, where requests have an expectation in closed form.

Left out: what the old pods still serve between their deletion and their deregistration, and what they refuse (a preStop
sleep decides that); more than 30 days.

Sources: docs/facts/capacity.md §4 for the share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import poisson

from sim.data_plane.old_side import OldSide
from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import UNREACHABLE
from sim.experiment.replications import replicate
from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.experiment.figures import Figures
    from sim.experiment.goal import Goal
    from sim.experiment.recommend import Say
    from sim.scenario.specs import Scenario

PODS, ALB, COUNTED = (
    f"{ClusterSwitchSpec.kind}.{key}" for key in ("old_pods_removed_at_s", "old_alb_deleted_at_s", "counted_until_s")
)
MINUTE_S = 60.0
LONGEST_S = 30 * 86_400.0
LONGEST_SIMULATED_S = 80_000.0
"""An advised time beyond it is not confirmed: a day of 65 nodes that ask a full subnet takes a second."""
_CHANGES = 200
_FOR_EVER_S = 1e9
_GOALS, _CURVE_MIN = (1, 10, 100, 1000, 10_000, 100_000), (5, 15, 30, 60, 120, 720)
_UNSEEN = 0.01
"""The share of a goal that may be lost after the last counted request."""


@dataclass(frozen=True)
class Keep:
    """How long the old side of a scenario's switch is kept, against the requests that are lost."""

    scenario: Scenario

    @property
    def spec(self) -> ClusterSwitchSpec:
        """The switch."""
        return self.scenario.cluster_switch

    @cached_property
    def _changed_s(self) -> NDArray[np.float64]:
        """Return when the record may have changed, equally likely times."""
        return np.unique(self.spec.record_change_s.ppf((np.arange(_CHANGES) + 0.5) / _CHANGES))

    @property
    def alb_stays_s(self) -> float:
        """How long the old ALB outlives its pods, in whole minutes, so that no request in flight is cut."""
        return max(1, math.ceil(self.scenario.target_group.idle_timeout_s / MINUTE_S)) * MINUTE_S

    def lost(self, keep_s: float) -> NDArray[np.float64]:
        """Return how many requests are expected to be lost with the old pods kept for so long, by the record's change.

        `inf` if some clients never look the name up again.
        """
        return np.array([self._lost(keep_s, changed_s) for changed_s in self._changed_s.tolist()])

    def _lost(self, keep_s: float, changed_s: float) -> float:
        if self.spec.pinned_fraction:
            return math.inf
        deleted_s = keep_s + self.alb_stays_s
        side = OldSide(spec=self.spec, nodes=1, changed_s=changed_s, deleted_s=deleted_s)
        edges_s = side.edges_s()
        inside = edges_s[(edges_s > keep_s) & (edges_s < deleted_s)]
        edge_s = np.concatenate(([keep_s], inside, [deleted_s]))
        with_alb_s = float(np.dot(side.mean_share(edge_s), np.diff(edge_s)))
        without_s = self.spec.still_old_for_s(_FOR_EVER_S) - self.spec.still_old_for_s(deleted_s - changed_s)
        return self.scenario.traffic.arrival_rate_rps * (with_alb_s + float(without_s))

    def chance(self, keep_s: float, most_failed: int) -> float:
        """Return the chance that at most so many requests are lost."""
        return float(np.mean(poisson.cdf(most_failed, self.lost(keep_s))))

    def least_s(self, most_failed: int, confidence: float) -> float:
        """Return for how long to keep the old side so that few enough are lost, in whole minutes; `inf` if no time is.

        `confidence` below 1: nothing is sure.
        """
        minutes = range(int(LONGEST_S / MINUTE_S) + 1)
        low, high = -1, len(minutes) - 1
        if self.spec.pinned_fraction or self.chance(high * MINUTE_S, most_failed) < confidence:
            return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.chance(middle * MINUTE_S, most_failed) >= confidence else (middle, high)
        return high * MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAdvice:
    """How long to keep the old side, and what that was found by.

    - `least_s`: the least time for the goal, `inf` if there is none.
    - `goals`: the least time for fewer failed requests than each of these numbers.
    - `curve`: the expected number lost, by how long the old side is kept.
    - `now`, `best`: the figures of simulated switches with the given settings, and with the advised ones; empty where
      requests have no expectation, or so long is not simulated.
    """

    keep: Keep
    goal: Goal
    least_s: float
    goals: dict[int, float]
    curve: dict[float, float]
    now: Sequence[Figures]
    best: Sequence[Figures]

    @property
    def settings(self) -> dict[str, float]:
        """Return the settings that must change, by key."""
        if not math.isfinite(self.least_s):
            return {}
        spec = self.keep.spec
        wanted = {PODS: self.least_s, ALB: self.least_s + self.keep.alb_stays_s}
        given = {PODS: spec.old_pods_removed_at_s, ALB: spec.old_alb_deleted_at_s}
        return {key: value for key, value in wanted.items() if value != given[key]}


def recommend_keeping(scenario: Scenario, goal: Goal, *, executor: Executor, say: Say) -> KeepAdvice:
    """Find for how long to keep the old side of a cluster switch, and confirm it in simulated switches."""
    keep, most = Keep(scenario), goal.most_failed
    say("how long to keep the old side")
    least_s = keep.least_s(most, goal.confidence)
    counted_s = _counted_s(keep, most)
    say("switches as given")
    now = _simulated(scenario, {COUNTED: max(counted_s, scenario.cluster_switch.counted_until_s)}, executor)
    best: Sequence[Figures] = ()
    if least_s + keep.alb_stays_s <= LONGEST_SIMULATED_S:
        say("switches with the advised times")
        counted_s = max(counted_s, least_s + keep.alb_stays_s)
        settings: dict[str, Any] = {PODS: least_s, ALB: least_s + keep.alb_stays_s, COUNTED: counted_s}
        best = _simulated(scenario, settings, executor)
    return KeepAdvice(
        keep=keep,
        goal=goal,
        least_s=least_s,
        goals={fewer: keep.least_s(fewer - 1, goal.confidence) for fewer in sorted({most + 1, *_GOALS})},
        curve={minutes * MINUTE_S: float(keep.lost(minutes * MINUTE_S).mean()) for minutes in _CURVE_MIN},
        now=now,
        best=best,
    )


def n_lost(figures: Figures) -> dict[str, float]:
    """Return a switch's failed requests by what clients get."""
    return {
        "502": figures.responses(502),
        "503": figures.responses(503),
        "504": figures.responses(504),
        "no answer": figures[UNREACHABLE],
    }


def _counted_s(keep: Keep, most_failed: int) -> float:
    """Return until when to count so that hardly any lost request is left out."""
    rate_rps = keep.scenario.traffic.arrival_rate_rps
    counted_s = keep.spec.counted_until_s
    if keep.spec.pinned_fraction:
        return counted_s
    total_s = float(keep.spec.still_old_for_s(_FOR_EVER_S))
    while counted_s < LONGEST_S:
        left = rate_rps * (total_s - float(keep.spec.still_old_for_s(counted_s)))
        if left <= max(1, most_failed) * _UNSEEN:
            break
        counted_s *= 2
    return counted_s


def _simulated(scenario: Scenario, changes: dict[str, Any], executor: Executor) -> Sequence[Figures]:
    changed = scenario.with_overrides(changes)
    if choose_estimator([changed], None) != "expected":
        return ()
    return list(replicate(changed, executor))
