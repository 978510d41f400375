"""One preStop sleep for several disruptions: the smallest settings that hold in each, and which of them decides.

How: each disruption has a recommendation of its own, with rollouts of its own. The longest sleep, grace period and
deregistration delay of all are taken. A longer sleep than a disruption needs loses none of its requests.

Left out: another retry limit for each. The one of the disruption that decides is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sim.experiment.recommend import recommend
from sim.experiment.rules import PRE_STOP, RETRIES
from sim.scenario.disruptions import DISRUPTIONS
from sim.scenario.problems import Problem, ScenarioError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from sim.experiment.goal import Goal, Precision
    from sim.experiment.recommend import Say
    from sim.experiment.recommendation import Recommendation
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario


@dataclass(frozen=True, slots=True)
class ForAll:
    """The recommendations for several disruptions, by kind, in the order in which they were asked for."""

    by_kind: Mapping[DisruptionKind, Recommendation]

    @property
    def decided_by(self) -> DisruptionKind:
        """Return the disruption that needs the longest sleep."""
        return max(self.by_kind, key=lambda kind: self.by_kind[kind].best.scenario.pod.pre_stop_sleep_s)

    @property
    def sleep_s(self) -> float:
        """Return the sleep that holds in each disruption (s)."""
        return self.by_kind[self.decided_by].best.scenario.pod.pre_stop_sleep_s

    @property
    def settings(self) -> dict[str, float]:
        """Return the settings that must change, by key."""
        settings: dict[str, float] = {}
        for found in self.by_kind.values():
            for key, value in found.settings.items():
                if key != RETRIES:
                    settings[key] = max(value, settings.get(key, value))
        decisive = self.by_kind[self.decided_by].settings
        return settings | {key: decisive[key] for key in (PRE_STOP, RETRIES) if key in decisive}

    @property
    def unmet(self) -> list[DisruptionKind]:
        """Return the disruptions in which no sleep meets the goal."""
        return [kind for kind, found in self.by_kind.items() if not found.is_met]


def recommend_for(
    scenario: Scenario, kinds: Sequence[str], goal: Goal, *, executor: Executor, say: Say, precision: Precision
) -> ForAll:
    """Find the smallest settings that meet a goal in each of these disruptions of the scenario's pods.

    Raises `ScenarioError` if a disruption is unknown, unplanned, or not possible with the scenario.
    """
    by_kind = {}
    for kind in _planned(kinds):

        def of_kind(what: str, kind: str = kind) -> None:
            say(f"{kind}: {what}")

        disrupted = scenario.with_overrides({"disruption": kind})
        by_kind[kind] = recommend(disrupted, goal, executor=executor, say=of_kind, precision=precision, by_sleep=True)
    return ForAll(by_kind)


def _planned(kinds: Sequence[str]) -> list[DisruptionKind]:
    planned = [kind for kind, spec in DISRUPTIONS.items() if not spec.why_no_sleep]
    problems = [
        Problem(
            key="--for",
            expected=f"one of {', '.join(planned)}",
            found=shown(kind),
            hint=_why_not(kind),
        )
        for kind in kinds
        if kind not in planned
    ]
    if problems:
        raise ScenarioError(problems)
    return [cast("DisruptionKind", kind) for kind in kinds]


def _why_not(kind: str) -> str:
    return DISRUPTIONS[cast("DisruptionKind", kind)].why_no_sleep if kind in DISRUPTIONS else ""
