"""The `expected` estimator: given a timeline, the expected count of every outcome, with no request drawn.

Modelled:
- The same window and the same requests as `sampled`, including those in flight at t = 0.
- Each target in a node's rotation gets its share of the node's requests (`load`). With worker nodes as targets their
  rules take the place of rotations (`lines`).
- A request fails if its service outlasts the first of the process's end, the drain deadline and the idle timeout. The
  timeline holds all three. So the expected count is a sum of integrals of the service time's survival function. A cold
  pod has a law of its own (`cold`).
- A draining process ends with its last request. That random end has a law (`draining`). Requests refused after the end,
  and the window's end, are averaged over it.

How exact:
- Exact for `random` and `round_robin`, for Poisson and `even` arrivals alike (the phase of the even ones is uniform).
  What hangs on the random end of a draining process is as exact as `draining`.
- At least one 502 has probability 1 - exp(-expected 502s) if 502s are Poisson: with `random` and Poisson arrivals.
- `round_robin` and `even` arrivals are more regular, and the true probability is a little larger. The difference is
  1/e at most (one 502 expected, and sure), and vanishes where far more or far fewer are expected.

The cost grows with the targets and the changes of the rotations, not with the requests.

Left out: requests that depend on each other, which have no such form (`expectable`).

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.cold import paces_of
from sim.data_plane.draining import Spell, gone_law
from sim.data_plane.ends import CUTS, Met, ends_of
from sim.data_plane.expectation import Expectation
from sim.data_plane.latency import of_law, of_laws
from sim.data_plane.lines import lines_of
from sim.data_plane.load import Load, load_of
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import left_rotation_s, rotations
from sim.data_plane.slow_start import slow_starts
from sim.data_plane.window import WindowLaw, fixed_until_s

if TYPE_CHECKING:
    from sim.data_plane.cold import Pace
    from sim.data_plane.draining import GoneLaw
    from sim.data_plane.lines import Line
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec


def expect_requests(
    timeline: Timeline, *, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec
) -> Expectation:
    """Return the expected count of every outcome in the window.

    Times in the timeline are either infinite or not before the rollout; the scenario must have passed
    `require_expectable`. Raises ValueError if the window has no end.
    """
    return _Expected(timeline, traffic, pod, target_group).expectation()


class _Expected:
    def __init__(self, timeline: Timeline, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec) -> None:
        self._timeline = timeline
        self._law = traffic.service_time_s
        self._ends = ends_of(timeline, traffic, pod, target_group)
        self._paces = paces_of(self._law, self._ends.longest_service_s, timeline, pod)
        longest_s = np.max([np.where(pace.until_s > -np.inf, pace.longest_s, 0) for pace in self._paces], axis=0)
        self._longest_wait_s = self._ends.for_answer.longest_s
        self._teardown_s = pod.sandbox_teardown_s
        self._lines = lines_of(timeline, self._ends, traffic.arrival_rate_rps, slow_starts(timeline, target_group))
        self._traffic_rps = traffic.arrival_rate_rps
        self._split = timeline.split
        self._oldest_s = -self._ends.oldest_s
        # When each process ends. A draining one ends at this time or later, at the latest with its longest request.
        first_end_s = timeline.listener_closed_s if timeline.drains else timeline.cut_s
        last_end_s = np.minimum(timeline.cut_s, first_end_s + longest_s) if timeline.drains else timeline.cut_s
        self._first_gone_s = np.minimum(first_end_s + self._teardown_s, timeline.vanishes_s)
        self._last_gone_s = np.minimum(last_end_s + self._teardown_s, timeline.vanishes_s)
        ended = timeline.terminated
        self._sure_until_s = float(self._first_gone_s[ended].max(initial=fixed_until_s(timeline)))
        self._latest_s = float(self._last_gone_s[ended].max(initial=self._sure_until_s))
        self._counts = np.zeros(len(Outcome))

    def expectation(self) -> Expectation:
        window = WindowLaw(np.array([self._sure_until_s]), np.zeros(0))
        loads = [self._load(line, window) for line in self._lines]
        gone = self._gone_laws([load for load, _ in loads])
        if gone:
            window = self._window(gone)
            loads = [self._load(line, window) for line in self._lines]
        total = self._traffic_rps * window.mean_s + self._in_flight()
        for line, (load, nowhere) in zip(self._lines, loads, strict=True):
            for met, requests in nowhere.items():
                self._counts[self._ends.by(met)] += requests
            for pace in self._paces:
                self._accepted(line, load, pace)
            self._refused(line.rotation, load, gone)
        self._counts[Outcome.OK] = total - self._counts.sum()
        at_each_pace = [
            sum(
                float(load.requests(*pace.within(line.rotation)).sum())
                for line, (load, _) in zip(self._lines, loads, strict=True)
            )
            for pace in self._paces
        ]
        return Expectation(
            counts=self._counts,
            window_until_s=window.mean_s,
            latency_before_s=of_law(self._law, self._longest_wait_s),
            latency_s=of_laws([pace.law for pace in self._paces], at_each_pace, self._longest_wait_s),
        )

    def _load(self, line: Line, window: WindowLaw) -> tuple[Load, dict[Met, float]]:
        """Return a line's load, and how many of its requests reach no pod, by what they meet."""
        beside, node = line.beside, line.node
        bends_s = np.zeros(0) if self._split is None else self._split.row_edges_s(line.node)
        if line.slow_start is not None:
            bends_s = np.concatenate((bends_s, line.slow_start.edges_s()))
        fixed_s = [self._oldest_s, 0.0, self._latest_s, line.gone_s]
        moments = np.concatenate((beside.from_s, beside.until_s, line.change_s, window.at_s, bends_s, fixed_s))
        edge_s = np.unique(moments[(moments >= self._oldest_s) & (moments <= self._latest_s)])
        rps, weight = line.rps_at(edge_s[:-1]), window.still_open((edge_s[:-1] + edge_s[1:]) / 2)
        if self._split is not None:
            weight *= self._split.row_share(node, edge_s)
        is_gone = edge_s[:-1] >= line.gone_s
        to_each, nowhere_rps = load_of(beside, np.where(is_gone, 0.0, rps), edge_s, weight, line.slow_start)
        if line.slow_start is not None and np.isfinite(line.begins_s):
            load = Load(edge_s, to_each * line.slow_start.weight(line.begins_s, (edge_s[:-1] + edge_s[1:]) / 2))
            return load, {}
        load = Load(edge_s, to_each)
        inside = edge_s[:-1] >= 0
        nowhere = (nowhere_rps * np.diff(edge_s))[inside]
        no_alb = edge_s[:-1][inside] >= self._timeline.alb_deleted_s[node]
        return load, {
            Met.NO_TARGET: float(nowhere[~no_alb].sum()),
            Met.NO_ALB: float(nowhere[no_alb].sum()),
            Met.NO_MACHINE: float(np.sum((rps * weight * np.diff(edge_s))[is_gone])),
        }

    def _in_flight(self) -> float:
        """Return how many requests from before the rollout are not answered at t = 0."""
        node_rotations = rotations(self._timeline)
        in_use = node_rotations if self._split is None else node_rotations[: self._split.nodes]
        nodes = sum(bool(np.isneginf(rotation.from_s).any()) for rotation in in_use)
        rps = self._traffic_rps / len(in_use)
        return nodes * rps * float(self._law.limited_mean(self._longest_wait_s))

    def _accepted(self, line: Line, load: Load, pace: Pace) -> None:
        """Count the failures among the requests that find an open listener, and are served at this pace."""
        target, (from_s, until_s) = line.rotation.target, pace.within(line.rotation)
        from_s = np.maximum(from_s, -self._ends.longest_s)
        until_s = np.minimum(until_s, self._timeline.listener_closed_s[target])
        cut_s, cut_by = line.cut_s[target], line.cut_by[target]
        last_s = np.minimum(np.minimum(cut_s, self._timeline.answers_until_s[target]), line.gone_s)
        certain_s = last_s - self._longest_wait_s
        given_up = load.requests(from_s, np.minimum(until_s, certain_s)) * pace.law.sf(self._longest_wait_s)
        self._counts[self._ends.for_answer.outcome] += given_up.sum()
        # Those that came later and outlive `last_s` wait for the first of the cut and their own time's end.
        from_s = np.maximum(from_s, certain_s)
        given_up_first_s = np.maximum(from_s, cut_s - self._longest_wait_s)
        self._counts[self._ends.for_answer.outcome] += self._late(
            load, pace, from_s, given_up_first_s, until_s, last_s
        ).sum()
        cut = self._late(load, pace, given_up_first_s, until_s, until_s, last_s)
        for outcome in CUTS:
            self._counts[outcome] += cut[cut_by == outcome].sum()

    def _late(self, load: Load, pace: Pace, from_s: Times, until_s: Times, closed_s: Times, last_s: Times) -> Times:
        """Return how many of the requests of each interval are not answered by `last_s`.

        Intervals end at `closed_s` at the latest, when the listener closes.
        """
        until_s = np.minimum(until_s, closed_s)
        hung = load.requests(np.maximum(from_s, last_s), until_s)
        ends = np.isfinite(last_s)
        hung[ends] += load.outliving(
            pace.law, pace.longest_s, from_s[ends], np.minimum(until_s, last_s)[ends], last_s[ends]
        )
        return hung

    def _refused(self, rotation: Rotation, load: Load, gone: dict[int, GoneLaw]) -> None:
        """Count the requests that find the listener closed, or the address gone."""
        target = rotation.target
        from_s = np.maximum(rotation.from_s, self._timeline.listener_closed_s[target])
        refused = load.requests(from_s, np.minimum(rotation.until_s, self._first_gone_s[target]))
        for spell in np.flatnonzero(np.isin(target, list(gone))).tolist():
            begin_s, end_s, there = gone[int(target[spell])].cells()
            until_s = min(rotation.until_s[spell], self._timeline.vanishes_s[target[spell]])
            begin_s, end_s = np.maximum(begin_s, from_s[spell]), np.minimum(end_s, until_s)
            refused[spell] += np.sum(load.requests(begin_s, end_s) * there)
        silent = load.requests(np.maximum(from_s, self._timeline.vanishes_s[target]), rotation.until_s)
        unreachable = load.requests(from_s, rotation.until_s) - refused - silent
        self._counts[self._ends.by(Met.NO_MACHINE)] += silent.sum()
        self._counts[self._ends.by(Met.CLOSED_LISTENER)] += refused.sum()
        np.add.at(self._counts, self._ends.unaccepted_by[Met.NO_ADDRESS, target], unreachable)

    def _gone_laws(self, loads: list[Load]) -> dict[int, GoneLaw]:
        """Return the law of each random end that matters: requests or the window's end may come after it."""
        if not self._timeline.drains:
            return {}
        sent_until_s = left_rotation_s(self._timeline)
        matters = (sent_until_s > self._first_gone_s) | (self._last_gone_s > self._sure_until_s)
        matters &= self._timeline.vanishes_s > self._timeline.listener_closed_s
        return {
            target: gone_law(
                self._spells(loads, target),
                self._paces[-1],
                closed_s=float(self._timeline.listener_closed_s[target]),
                cut_s=float(self._timeline.cut_s[target]),
                teardown_s=self._teardown_s,
            )
            for target in self._timeline.terminated.tolist()
            if matters[target]
        }

    def _spells(self, loads: list[Load], target: int) -> list[Spell]:
        """Return the spells during which the target accepts requests, over all nodes."""
        closed_s = self._timeline.listener_closed_s[target]
        return [
            Spell(
                load,
                max(float(line.rotation.from_s[at]), float(pace.from_s[target])),
                float(min(line.rotation.until_s[at], closed_s, pace.until_s[target])),
                pace,
            )
            for load, line in zip(loads, self._lines, strict=True)
            for at in np.flatnonzero(line.rotation.target == target).tolist()
            for pace in self._paces
        ]

    def _window(self, gone: dict[int, GoneLaw]) -> WindowLaw:
        """Return the law of the window's end: that of the last draining process, if it ends after everything else."""
        last = [law for law in gone.values() if law.at_s[-1] > self._sure_until_s]
        moments = np.concatenate([np.array([self._sure_until_s]), *(law.at_s for law in last)])
        at_s = np.unique(moments[moments >= self._sure_until_s])
        middle_s = (at_s[:-1] + at_s[1:]) / 2
        all_gone = np.ones(middle_s.size)
        for law in last:
            all_gone *= 1 - law.still_there(middle_s)
        return WindowLaw(at_s, 1 - all_gone)
