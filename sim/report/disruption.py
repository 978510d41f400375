"""How a replication's disruption went, in words, and its name."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodCreated, PodDeleted, PodReady
from sim.report.capacity import is_stalled, room_for, stall_of
from sim.report.wording import seconds, tenths
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.experiment.replication import Replication
    from sim.experiment.summary import Summary
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario

BETWEEN_WAVES_S = 5.0
MOST_WAVES, FIRST_WAVES = 12, 4
"""If there are more waves than the first number, as many as the second number are told."""
_COURSES = "sim.report.disruptions"


def name_of(scenario: Scenario) -> str:
    """Return the name of the scenario's disruption."""
    return scenario.disrupted_by.noun


def noun_of(summary: Summary) -> str:
    """Return the word for one replication of a summary: `rollout`, `node drain` or `scale-in`."""
    return DISRUPTIONS[summary.disruption].noun


def shared_noun(kinds: Iterable[DisruptionKind]) -> str:
    """Return the word for one replication of several scenarios: their own, or `disruption` if they have several."""
    nouns = {DISRUPTIONS[kind].noun for kind in kinds}
    return nouns.pop() if len(nouns) == 1 else "disruption"


def course_of(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how the disruption went."""
    words, has_gate = replication.scenario.disrupted_by, replication.scenario.pod.readiness_gate
    yield from stall_of(replication) if is_stalled(replication) else _told(replication)
    yield from room_for(replication)
    times_s = {words.ended: _times_s(replication, PodDeleted)}
    if words.started:
        ready = f"{words.started} {'with their containers ready' if has_gate else 'ready'}"
        created = {f"{words.started} created": _times_s(replication, PodCreated)}
        times_s = created | {ready: _times_s(replication, PodReady)} | times_s
    for what, of_it_s in times_s.items():
        yield f"{what}: {', '.join(_waves(of_it_s)) or 'none'}."
    if has_gate:
        healthy_s = replication.timeline.healthy_from_s.max(axis=0)
        waves = ", ".join(_waves(sorted(healthy_s[np.isfinite(healthy_s)].tolist()))) or "none"
        yield (
            f"New targets healthy at every ALB node: {waves}. Each pod is Ready when the controller next looks at its "
            "readiness gate."
        )


def _told(replication: Replication) -> Iterator[str]:
    """Yield what the file of the disruption's kind in `disruptions/` tells, or when the disruption was over."""
    scenario = replication.scenario
    file = f"{_COURSES}.{scenario.disruption}"
    if find_spec(file) is not None:
        yield from import_module(file).course(replication)
    else:
        over_s = replication.timeline.rollout_complete_s
        yield f"Began at 0 s; {scenario.disrupted_by.complete} after {seconds(over_s)}."


def _times_s(replication: Replication, kind: type[PodCreated | PodReady | PodDeleted]) -> list[float]:
    return sorted(record.time_s for record in replication.trace.of(kind))


def _waves(times_s: list[float]) -> Iterator[str]:
    """Yield the size and time of each wave, of many those of the first ones and the last one alone.

    Waves are more than `BETWEEN_WAVES_S` apart.
    """
    breaks = [at for at, (one_s, next_s) in enumerate(pairwise(times_s), start=1) if next_s - one_s > BETWEEN_WAVES_S]
    waves = [times_s[first:last] for first, last in pairwise([0, *breaks, len(times_s)]) if first < last]
    if len(waves) <= MOST_WAVES:
        yield from map(_wave, waves)
        return
    yield from map(_wave, waves[:FIRST_WAVES])
    between = waves[FIRST_WAVES:-1]
    yield f"{sum(map(len, between)):,} in {len(between):,} more waves"
    yield _wave(waves[-1])


def _wave(times_s: list[float]) -> str:
    from_s, until_s = tenths(times_s[0]), tenths(times_s[-1])
    return f"{len(times_s):,} " + (f"at {from_s} s" if from_s == until_s else f"from {from_s} to {until_s} s")
