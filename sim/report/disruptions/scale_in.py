"""A scale-in in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.disruptions.words import Words
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def _course(replication: Replication) -> Iterator[str]:
    scenario = replication.scenario
    left = scenario.scale_in.left(scenario.deployment.replicas)
    yield (
        f"Began at 0 s, from {scenario.deployment.replicas:,} replicas to {left:,}: the last pod was deleted after "
        f"{seconds(replication.timeline.rollout_complete_s)}."
    )


SCALE_IN = Words(name="scale-in", complete="last pod deleted", started="", ended="Pods deleted", course=_course)
