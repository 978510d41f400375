"""What a fast plane and its slow twin say of the same draws, side by side.

The results of requests are the same to the bit: which failed, when, where and how. The results of the control plane may
differ by rounding, because the twin adds up its times in another order.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import astuple, dataclass, fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.data_plane.outcomes import Outcome
from sim.data_plane.ring import NO_TARGET
from sim.data_plane.sampled import simulate_requests
from sim.verification.reference.data_plane_twin import Twin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.control_plane.trace import Trace
    from sim.data_plane.requests import Requests
    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams
    from sim.verification.reference.request_twin import Sent

    Failure = tuple[float, int, int, str, float]
    Happened = tuple[Any, ...]

TOLERANCE_S = 1e-6
THROTTLED = [field.name for field in fields(ApiAttempt)].index("throttled")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the requests of a window.

    `counts`: the number for each outcome. `failures`, in the order of arrival: `arrival_s`, node, target, outcome,
    `answered_s`.
    """

    window_until_s: float
    counts: Counter[str]
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class Pair:
    """A record of the trace and the twin's record in the same place, `None` where there is none."""

    kind: str
    record: Happened | None
    twin: Happened | None

    @property
    def alike(self) -> bool:
        """Return whether both happened and are equal to within a microsecond."""
        record, twin = self.record, self.twin
        return record is not None and twin is not None and len(record) == len(twin) and all(map(_same, record, twin))

    @property
    def is_throttled(self) -> bool:
        """Return whether the pair is a call that AWS throttled."""
        return self.kind == "ApiAttempt" and self.record is not None and self.record[THROTTLED]


def told_by_both(
    timeline: Timeline, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec, streams: Streams
) -> tuple[Told, Told]:
    """Return what becomes of the same requests, by the data plane and by its twin."""
    fast = simulate_requests(timeline, traffic=traffic, pod=pod, target_group=target_group, streams=streams)
    slow, until_s = Twin(timeline, traffic, pod, target_group, streams).run()
    counts = Counter(sent.outcome for sent in slow)
    return told(fast), Told(until_s, counts, [_failure(sent) for sent in slow if sent.outcome != "ok"])


def told(requests: Requests) -> Told:
    """Return what becomes of requests by the data plane."""
    columns = (requests.arrival_s, requests.node, requests.target, requests.outcome, requests.answered_s)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    failures = [(a, node, target, Outcome(outcome).name.lower(), at) for a, node, target, outcome, at in rows]
    counts = {outcome.name.lower(): int(requests.counts[outcome]) for outcome in Outcome}
    return Told(requests.window_until_s, +Counter(counts), failures)


def _failure(sent: Sent) -> Failure:
    target = NO_TARGET if sent.target is None else sent.target
    return sent.arrival_s, sent.node, target, sent.outcome, sent.answered_s


def agreeing(fast: Told, slow: Told) -> Iterator[bool]:
    """Yield for each failure, the window and the counts whether both results are the same."""
    yield fast.window_until_s == slow.window_until_s
    yield fast.counts == slow.counts
    for one, other in zip_longest(fast.failures, slow.failures):
        yield one == other


def side_by_side(trace: Trace, happened: Mapping[str, Sequence[Happened]], over_s: float) -> list[Pair]:
    """Return pairs of what the control plane's trace and its twin recorded before the end, kind by kind.

    Records at the very end, or foreseen for later, may be missing in one of the two, like a reconcile that ends later.
    """

    def before(told: Sequence[Happened], kind: str) -> list[Happened]:
        last = 1 if kind == Reconciled.__name__ else 0
        return sorted((one for one in told if one[last] < over_s - TOLERANCE_S), key=_order)

    recorded = {kind.__name__: [astuple(record) for record in trace.of(kind)] for kind in trace.kinds}
    pairs: list[Pair] = []
    for kind in dict.fromkeys([*recorded, *happened]):
        ours, theirs = before(recorded.get(kind, []), kind), before(happened.get(kind, []), kind)
        pairs += [Pair(kind, *both) for both in zip_longest(ours, theirs)]
    return pairs


def _order(happened: Happened) -> Happened:
    return (round(happened[0], 5), *(str(value) for value in happened[1:4]))


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=TOLERANCE_S)
    return one == other
