"""The `sampled` estimator: every request of the window is drawn, sent to a target and classified.

Modelled:
- The window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation and every
  old pod is gone.
- Requests accepted before the window and not answered at t = 0 belong to it.
- A draining server's process ends with its last request, so the window's end depends on the requests.

How: requests go block by block in the order of arrival, so memory grows only with those that fail, by some 90 bytes for
each. Results do not depend on the blocks. Nearly all requests finish before their target's first trouble; only the rest
is examined.

Left out: requests on which a draining pod still works and that the ALB gave up more than two minutes before t = 0.

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.classify import NO_ANSWERS, Answers, accepted, classify, first_trouble_s, is_reset
from sim.data_plane.ends import ends_of
from sim.data_plane.latency import Waits
from sim.data_plane.outcomes import Outcome
from sim.data_plane.requests import Requests
from sim.data_plane.rotation import n_alb_nodes, rotations
from sim.data_plane.sending import Past, block_size, concatenated, sender_of
from sim.data_plane.sent import NONE_SENT, Sent, Way
from sim.data_plane.window import fixed_until_s
from sim.scenario.problems import Problem, ScenarioError, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.ends import Ends
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams

MOST_REQUESTS = 10**9
"""The most requests of one window, which take a core some three minutes."""
MOST_FAILED = 20 * 10**6
"""How many failed requests a replication may keep: they take some 2 GiB."""


def simulate_requests(
    timeline: Timeline,
    *,
    traffic: TrafficSpec,
    pod: PodSpec,
    target_group: TargetGroupSpec,
    streams: Streams,
) -> Requests:
    """Draw and classify every request of the window.

    Times in the timeline are either infinite or not before the rollout. Raises ValueError if the window has no end, and
    ScenarioError if there are more requests than time or more failures than memory allows.
    """
    node_rotations = rotations(timeline)
    ends = ends_of(timeline, traffic, pod, target_group)
    servers = Servers(timeline, ends, pod, target_group)
    _require_countable(traffic.arrival_rate_rps, servers.window_until_s())
    tally = _Tally(Waits(traffic, pod, ends.for_answer.longest_s))
    sender = sender_of(timeline, node_rotations, ends, pod, target_group, streams)
    nodes, split = n_alb_nodes(timeline, target_group), timeline.split
    past = Past(traffic, ends, pod, target_group, nodes=nodes, streams=streams, split=split)
    at_work = sender.at_work(past, tally.waits)
    suspects, at = servers.suspects(at_work)
    servers.take(suspects)
    given_up = int(at_work.arrival_s.searchsorted(-ends.for_answer.longest_s, side="right"))
    suspects = suspects[at >= given_up]
    tally.add(at_work.arrival_s.size - given_up, suspects, servers.answers(suspects))
    source = RequestSource(traffic, nodes=nodes, streams=streams, split=split)
    now_s, until_s = 0.0, servers.window_until_s()
    while now_s < until_s:
        sent = sender.send(source.take(block_size(now_s, until_s, traffic.arrival_rate_rps)))
        suspects, at = servers.suspects(sent)
        servers.take(suspects)
        until_s = servers.window_until_s()
        inside = int(sent.arrival_s.searchsorted(until_s))
        tally.waits.note(sent[:inside])
        suspects = suspects[at < inside]
        tally.add(inside, suspects, servers.answers(suspects))
        if tally.n_failed > MOST_FAILED:
            raise _too_many(f"at most {plain(MOST_FAILED)} failed requests to keep", traffic.arrival_rate_rps)
        now_s = float(sent.arrival_s[-1])
    return tally.requests(until_s, servers.ended_s(), timeline)


def _require_countable(arrival_rate_rps: float, window_s: float) -> None:
    """Raise an error if there are too many requests to draw in a reasonable time."""
    if arrival_rate_rps * window_s > MOST_REQUESTS:
        most = f"at most {plain(MOST_REQUESTS)} requests to draw in a window of {plain(round(window_s))} s"
        raise _too_many(most, arrival_rate_rps)


def _too_many(most: str, arrival_rate_rps: float) -> ScenarioError:
    hint = "--estimator expected takes any rate, where a scenario has an expectation in closed form"
    found = f"{plain(arrival_rate_rps)} per second"
    problem = Problem(key="traffic.arrival_rate_rps", expected=most, found=found, hint=hint)
    return ScenarioError([problem])


class Servers:
    """The pods behind the targets, and when each one's process ends."""

    def __init__(self, timeline: Timeline, ends: Ends, pod: PodSpec, target_group: TargetGroupSpec) -> None:
        self._timeline = timeline
        self._terminated = timeline.terminated
        self._ends = ends
        self._teardown_s = pod.sandbox_teardown_s
        self._pooled = target_group.connection_reuse
        self._drains = timeline.drains and not (self._pooled and pod.idle_connections_at_sigterm == "serve")
        self._trouble_s = first_trouble_s(timeline)
        self._first_trouble_s = self._trouble_s[:-1].min(initial=np.inf)
        self._last_finish_s = np.full(timeline.cut_s.size, -np.inf)
        self._fixed_until_s = fixed_until_s(timeline)

    def suspects(self, sent: Sent) -> tuple[Sent, NDArray[np.intp]]:
        """Return the requests that may not be `ok`, and their indices."""
        suspect = np.zeros(sent.arrival_s.size, np.bool_)
        first_s, last_s = sent.arrival_s[:1].min(initial=np.inf), sent.finish_s.max(initial=-np.inf)
        if last_s > first_s + self._ends.for_answer.longest_s:
            suspect |= sent.finish_s > sent.arrival_s + self._ends.for_answer.longest_s
        if last_s >= self._first_trouble_s or sent.target.min(initial=0) < 0:
            suspect |= sent.finish_s >= self._trouble_s.take(sent.target)
        if self._timeline.instances is not None:
            suspect |= sent.finish_s >= self._timeline.instances.trouble_s[sent.alb_node, sent.node]
        if self._pooled:
            suspect |= sent.way == Way.RACED
        at = np.flatnonzero(suspect)
        if not at.size:
            return NONE_SENT, at
        return self.answering(sent[at]), at

    def answering(self, sent: Sent) -> Sent:
        """Return the requests, with a `finish_s` of `inf` for those that their pods never answer."""
        never = sent.finish_s > self._timeline.answers_until_s[sent.target]
        return replace(sent, finish_s=np.where(never, np.inf, sent.finish_s))

    def take(self, sent: Sent) -> None:
        """Take note of requests that pods work on.

        Requests that are finished before their target's first trouble may be left out. All earlier arrivals must have
        been taken before.
        """
        if not sent.arrival_s.size:
            return
        inside = sent[accepted(sent, self._timeline) & ~is_reset(sent, self._ends)]
        np.maximum.at(self._last_finish_s, inside.target, inside.finish_s)

    def answers(self, sent: Sent) -> Answers:
        """Return the outcomes of requests that have been taken."""
        return classify(sent, self._timeline, self._ends, network_gone_s=self._network_gone_s())

    def window_until_s(self) -> float:
        """Return the window's end so far, which is final once a request that arrived after it has been taken."""
        gone_s = self._network_gone_s()[self._terminated]
        return float(gone_s.max(initial=self._fixed_until_s))

    def ended_s(self) -> Times:
        """Return when each target's process ends.

        A draining process ends once its listener is closed and its requests are done. A process that serves pooled
        connections lives until SIGKILL.
        """
        ended_s = self._timeline.cut_s
        if self._drains:
            ended_s = np.minimum(ended_s, np.maximum(self._timeline.listener_closed_s, self._last_finish_s))
        return ended_s

    def _network_gone_s(self) -> Times:
        """Return when each target's address stops answering.

        A pod's sandbox is torn down after the process's end, or its worker node vanishes.
        """
        return np.minimum(self.ended_s() + self._teardown_s, self._timeline.vanishes_s)


class _Tally:
    """Counts all requests and keeps those that failed."""

    def __init__(self, waits: Waits) -> None:
        self.waits = waits
        self.n_failed = 0
        self._counts = np.zeros(len(Outcome), np.int64)
        self._failed = [NONE_SENT]
        self._answers = [NO_ANSWERS]

    def add(self, size: int, suspects: Sent, answers: Answers) -> None:
        """Add `size` requests, of which all but the suspects are `ok`."""
        self._counts[Outcome.OK] += size - answers.outcome.size
        if not answers.outcome.size:
            return
        self._counts += np.bincount(answers.outcome, minlength=len(Outcome))
        failed = np.flatnonzero(answers.outcome != Outcome.OK)
        self.n_failed += failed.size
        self._failed.append(suspects[failed])
        self._answers.append(Answers(answers.outcome[failed], answers.answered_s[failed]))

    def requests(self, window_until_s: float, ended_s: Times, timeline: Timeline) -> Requests:
        """Return what has been added, with the ends of the window and of the targets' processes."""
        failed = concatenated(self._failed)
        before_s, within_s = self.waits.quantiles()
        return Requests(
            counts=self._counts,
            window_until_s=window_until_s,
            latency_before_s=before_s,
            latency_s=within_s,
            ended_s=ended_s,
            arrival_s=failed.arrival_s,
            node=timeline.nodes_of(failed.node),
            target=timeline.pods_of(failed.target),
            outcome=np.concatenate([answers.outcome for answers in self._answers]),
            answered_s=np.concatenate([answers.answered_s for answers in self._answers]),
        )
