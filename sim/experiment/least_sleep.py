"""The least preStop sleep, or delay before old pods go, with which one rollout meets a goal.

- How a pod ends seldom reaches the control plane. So a rollout's controller, AWS API and target group are simulated
  once, and its pods' ends and its requests once for each sleep.
- aws-load-balancer-controller does ask for the health of dead targets, but removes none sooner or later for it.
- Where something waits for a deleted pod to be gone, each sleep has a control plane of its own. So has each delay,
  after which pods are deleted.
- The same rollout meets the same requests with every sleep or delay, so more of it gives no more failed requests.
- Where the window grows with it, the answer is the first sufficient number near the slowest pod's time in rotation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.control_plane.trace import PodDeleted, TargetDeregistered
from sim.control_plane.trace.traffic import RuleModified
from sim.control_plane.world import ControlPlane
from sim.data_plane.outcomes import Outcome
from sim.data_plane.sampled import simulate_requests
from sim.experiment.sharing import control_plane_key
from sim.experiment.trace_to_timeline import timeline_of
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Timeline
    from sim.experiment.with_sleep import WithDelay, WithSleep
    from sim.scenario.specs import Scenario


class Slowest(NamedTuple):
    """The pod of a rollout that stays in rotation longest after its deletion.

    Attributes
    ----------
    stays_s
        How long the pod stays, in s.
    propagation_s
        The part of this time after DeregisterTargets, or after ModifyRule where the listener's rule ends it, in s.
    """

    stays_s: float
    propagation_s: float


class Need(NamedTuple):
    """What one rollout needs.

    Attributes
    ----------
    least_s
        The least preStop sleep, or delay, in whole seconds, with which the rollout meets the goal, or `inf`.
    slowest
        The pod that is the reason for it.
    """

    least_s: float
    slowest: Slowest


def slowest_pod(trace: Trace, scenario: Scenario, streams: Streams) -> Slowest:
    """Return the pod that has to go on serving longest, from the control plane's trace alone.

    A target leaves by its deregistration, or when the listener's rule gives its target group no weight any more. A
    target leaves by a failing health check only where preStop lets the check fail: failing checks of a dead pod save no
    request. A pod that never became a target, as it was never Ready, has nobody to serve.
    """
    timeline = timeline_of(trace, scenario, streams)
    left_s = timeline.registered_until_s
    if scenario.pod.pre_stop_fails_health_check:
        left_s = np.minimum(left_s, timeline.healthy_until_s)
    unused_s = _unused_from_s(timeline)
    if scenario.disrupted_by.delay_key:
        # A delay holds the deregistration up as well, so the rule alone decides how long somebody has to answer.
        left_s = np.where(np.isfinite(unused_s) & ~np.isneginf(left_s), unused_s, left_s)
    else:
        left_s = np.minimum(left_s, unused_s)
    last_s = np.where(timeline.registered_from_s < np.inf, left_s, -np.inf).max(axis=0)
    stays_s = {
        deleted.pod: float(last_s[deleted.pod]) - deleted.time_s
        for deleted in trace.of(PodDeleted)
        if last_s[deleted.pod] > -np.inf
    }
    if not stays_s:
        return Slowest(0.0, 0.0)
    pod = max(stays_s, key=stays_s.__getitem__)
    if last_s[pod] in unused_s:
        told_s = trace.of(RuleModified)[-1].time_s
    else:
        told_s = {record.pod: record.time_s for record in trace.of(TargetDeregistered)}.get(pod, math.inf)
    return Slowest(stays_s[pod], max(0.0, float(last_s[pod]) - told_s))


def _unused_from_s(timeline: Timeline) -> NDArray[np.float64]:
    """Return when each row's targets are sent nothing any more, shape (rows, 1)."""
    rows = range(timeline.registered_until_s.shape[0])
    return np.array([[max((until_s for _, until_s in timeline.in_use(row)), default=-np.inf)] for row in rows])


class OneRollout:
    """One replication, which tells what becomes of its requests with any preStop sleep, or any delay."""

    def __init__(self, with_setting: WithSleep | WithDelay, number: int) -> None:
        self._with_setting = with_setting
        self._number = number
        self._control_planes: dict[str, ControlPlane] = {}

    def slowest(self, setting_s: int) -> Slowest:
        """Return the slowest pod's time in rotation."""
        scenario = self._with_setting(setting_s)
        return slowest_pod(self._trace(scenario), scenario, self._streams(scenario))

    def n_failed(self, setting_s: int) -> int:
        """Return how many requests fail, which are all that are not answered with 200."""
        scenario = self._with_setting(setting_s)
        requests = simulate_requests(
            timeline_of(self._trace(scenario), scenario, self._streams(scenario)),
            traffic=scenario.traffic,
            pod=scenario.pod,
            target_group=scenario.target_group,
            streams=self._streams(scenario),
        )
        return int(requests.counts.sum() - requests.counts[Outcome.OK])

    def _trace(self, scenario: Scenario) -> Trace:
        delay = scenario.disrupted_by.model_dump_json()
        key = control_plane_key(scenario) if scenario.depends_on_pod_ends else delay
        if key not in self._control_planes:
            self._control_planes[key] = ControlPlane(scenario, self._streams(scenario))
        return self._control_planes[key].trace(scenario.pod)

    def _streams(self, scenario: Scenario) -> Streams:
        return Streams(scenario.seed, self._number)


def need_of(
    with_setting: WithSleep | WithDelay, most_failed: int, further_s: float, longest_s: int, number: int
) -> Need:
    """Return what replication `number` needs so that at most `most_failed` requests fail.

    `further_s`: how much longer than its time in rotation a pod may have to serve. `longest_s`: the longest setting.
    """
    rollout = OneRollout(with_setting, number)
    slowest = rollout.slowest(0)
    start = min(max(0, math.ceil(slowest.stays_s - with_setting.covered_s)), longest_s)
    most = max(start, min(math.ceil(slowest.stays_s + further_s) + 1, longest_s))
    least_s = least(lambda setting_s: rollout.n_failed(setting_s) <= most_failed, start=start, most=most)
    return Need(math.inf if least_s is None else least_s, slowest)


def least(is_enough: Callable[[int], bool], *, start: int, most: int) -> int | None:
    """Return the least number from 0 to `most` that is enough, or None. The search begins near `start`."""
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
