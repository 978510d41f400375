"""Timelines and scenarios for the data plane's tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from sim.data_plane.old_side import OldSide
from sim.data_plane.sampled import simulate_requests
from sim.data_plane.timeline import Timeline, Unreachable
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.distributions import Constant, Exponential, Uniform
from sim.scenario.lognormal import Lognormal
from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
from sim.streams import Stream, Streams
from sim.verification.drawn_requests import behind_workers, beside_a_new_side, with_leaving_workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.requests import Requests
    from sim.data_plane.timeline import Times

Case = tuple[Timeline, dict[str, Any]]

NEVER = math.inf
ROUTINGS = ("round_robin", "random", "least_outstanding_requests")
EVER = -math.inf


def timeline(targets: int = 1, nodes: int = 1, *, drains: bool = False, complete_s: float = 0.0, **at: Any) -> Timeline:
    """Make a timeline in which nothing ever happens, but for the fields given (broadcast over nodes and targets)."""
    by_target = dict.fromkeys(
        ("listener_closed_s", "cut_s", "drain_deadline_s", "answers_until_s", "vanishes_s"), NEVER
    )
    by_node = {
        "registered_from_s": EVER,
        "registered_until_s": NEVER,
        "healthy_from_s": EVER,
        "healthy_until_s": NEVER,
    }
    assert at.keys() <= by_target.keys() | by_node.keys()

    def times(name: str, default: float, shape: tuple[int, ...]) -> Times:
        return np.broadcast_to(np.asarray(at.get(name, default), float), shape).copy()

    fields = {name: times(name, default, (targets,)) for name, default in by_target.items()}
    fields |= {name: times(name, default, (nodes, targets)) for name, default in by_node.items()}
    pod = np.arange(targets, dtype=np.int32)
    unreachable = np.full(targets, Unreachable.HOST_UNREACHABLE, np.int8)
    return Timeline(**fields, unreachable=unreachable, pod=pod, drains=drains, rollout_complete_s=complete_s)


def meeting(scene: Timeline, met: str) -> Timeline:
    """Return the timeline with `pod.after_teardown: met`."""
    return replace(scene, unreachable=np.full(scene.cut_s.size, Unreachable[met.upper()], np.int8))


def run(scene: Timeline, *, seed: int = 1, replication: int = 0, streams: Streams | None = None, **at: Any) -> Requests:
    """Simulate requests with these values of `traffic`, `pod` and `target_group`, whichever has the key."""
    traffic, pod, target_group = specs(**at)
    if "after_teardown" in at:
        scene = meeting(scene, at["after_teardown"])
    return simulate_requests(
        scene, traffic=traffic, pod=pod, target_group=target_group, streams=streams or Streams(seed, replication)
    )


def specs(**at: Any) -> tuple[TrafficSpec, PodSpec, TargetGroupSpec]:
    """Sort these values into the three specs."""
    values = {"arrival_rate_rps": 50.0, **at}
    models = (TrafficSpec, PodSpec, TargetGroupSpec)
    assert values.keys() <= set().union(*(model.model_fields for model in models))
    traffic, pod, target_group = (
        model.model_validate({key: value for key, value in values.items() if key in model.model_fields})
        for model in models
    )
    assert isinstance(traffic, TrafficSpec)
    assert isinstance(pod, PodSpec)
    assert isinstance(target_group, TargetGroupSpec)
    return traffic, pod, target_group


class _NoPhase(np.random.Generator):
    def random(self, *_: object, **__: object) -> float:  # type: ignore[override]
        return 0.0


class OnTheGrid(Streams):
    """Streams whose even arrivals have no phase: they come at multiples of 1/rate, where other things happen too."""

    def generator(self, stream: Stream, *entity: int) -> np.random.Generator:
        """Make a generator; that of the arrivals gives 0."""
        made = Streams.generator(self, stream, *entity)
        return _NoPhase(made.bit_generator) if stream is Stream.ARRIVALS else made


GRID_S = st.integers(0, 24).map(lambda half: half / 2)
"""Times that often coincide, with each other and with even arrivals."""


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Draw up to 5 targets and 3 nodes. Old targets come first, and leave in the end; the others may come and stay."""
    nodes, targets = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    old = draw(st.integers(0, targets))
    listener_closed_s, cut_s, deadline_s, answers_until_s, vanishes_s = np.full((5, targets), NEVER)
    from_s, until_s, healthy_from_s, healthy_until_s = np.full((4, nodes, targets), NEVER)
    for target in range(targets):
        known = target < old or draw(st.booleans())
        if target < old:
            listener_closed_s[target] = draw(GRID_S)
            cut_s[target] = listener_closed_s[target] + draw(st.sampled_from([0.0, 0.5, 3.0]))
            deadline_s[target] = draw(GRID_S)
            if draw(st.integers(0, 3)) == 0:
                answers_until_s[target] = draw(GRID_S)
                cut_s[target] = listener_closed_s[target] = max(listener_closed_s[target], answers_until_s[target])
            if draw(st.integers(0, 4)) == 0:
                vanishes_s[target] = answers_until_s[target] = listener_closed_s[target]
                cut_s[target] = NEVER
            elif draw(st.integers(0, 3)) == 0:
                vanishes_s[target] = cut_s[target] + draw(st.sampled_from([0.0, 0.5, 4.0]))
        for node in range(nodes):
            from_s[node, target] = EVER if known else draw(GRID_S)
            healthy_from_s[node, target] = EVER if known else draw(GRID_S)
            if target < old or draw(st.integers(0, 4)) == 0:
                until_s[node, target] = draw(GRID_S)
            healthy_until_s[node, target] = draw(st.one_of(st.just(NEVER), GRID_S))
    return Timeline(
        listener_closed_s=listener_closed_s,
        cut_s=cut_s,
        drain_deadline_s=deadline_s,
        answers_until_s=answers_until_s,
        vanishes_s=vanishes_s,
        unreachable=np.array(draw(st.lists(st.sampled_from(Unreachable), min_size=targets, max_size=targets)), np.int8),
        pod=np.arange(targets, dtype=np.int32),
        registered_from_s=from_s,
        registered_until_s=until_s,
        healthy_from_s=healthy_from_s,
        healthy_until_s=healthy_until_s,
        drains=draw(st.booleans()),
        rollout_complete_s=draw(GRID_S),
    )


LAWS = st.sampled_from(
    [
        Constant(value=0),
        Constant(value=0.5),
        Constant(value=2.5),
        Uniform(dist="uniform", low=0, high=4),
        Exponential(dist="exponential", mean=1),
        Lognormal(dist="lognormal", median=0.3, sigma=2),
    ]
)


@st.composite
def cases(
    draw: st.DrawFn, *, target_types: Sequence[str] = ("ip", "instance"), routings: Sequence[str] = ROUTINGS
) -> Case:
    """Return a timeline and values of the three specs, as `run` takes them, with streams."""
    scene, at = draw(timelines()), draw(_settings_of_requests())
    at |= {"target_type": draw(st.sampled_from(target_types)), "routing": draw(st.sampled_from(routings))}
    if at["target_type"] == "instance":
        at |= {"instances": scene.registered_from_s.shape[0], "alb_nodes": draw(st.integers(1, 3))}
        scene = behind_workers(scene)
        if draw(st.booleans()):
            rng = np.random.default_rng(draw(st.integers(0, 2**32)))
            scene = with_leaving_workers(scene, at["alb_nodes"], rng)
    elif draw(st.integers(0, 2)) == 0:
        scene = beside_a_new_side(scene, draw(_old_sides(scene.registered_from_s.shape[0])))
    return scene, at


@st.composite
def _old_sides(draw: st.DrawFn, nodes: int) -> OldSide:
    spec = ClusterSwitchSpec(
        record_ttl_s=draw(st.sampled_from([0.0, 3.0, 10.0])),
        stale_fraction=draw(st.sampled_from([0.0, 0.4])),
        stale_s=draw(LAWS),
        pinned_fraction=draw(st.sampled_from([0.0, 0.3])),
        kept_alive_fraction=draw(st.sampled_from([0.0, 0.5])),
        client_keep_alive_s=draw(st.sampled_from([2.0, 20.0])),
        counted_until_s=draw(GRID_S),
    )
    return OldSide(spec=spec, nodes=nodes, changed_s=draw(GRID_S), deleted_s=draw(GRID_S))


RACES = {
    "arrivals": "even",
    "arrival_rate_rps": 2.0,
    "service_time_s": Constant(value=0),
    "connection_reuse": True,
    "keep_alive_timeout_s": 0.5,
}
"""A connection is often idle for just as long as the server keeps it."""


@st.composite
def _settings_of_requests(draw: st.DrawFn) -> dict[str, Any]:
    grid = draw(st.booleans())
    races = draw(st.sampled_from([False, True, False, False]))
    return {
        "arrivals": "even" if grid else draw(st.sampled_from(["poisson", "even"])),
        "arrival_rate_rps": draw(st.sampled_from([2.0, 16.0])),
        "service_time_s": draw(LAWS),
        "sandbox_teardown_s": draw(st.sampled_from([0.0, 1.0, 6.0])),
        "client_timeout_s": draw(st.sampled_from([None, None, 1.0, 4.0])),
        "idle_timeout_s": draw(st.sampled_from([1.0, 2.5, 10.0])),
        "concurrency": draw(st.sampled_from([None, None, 1, 2, 40])),
        "accept": draw(st.sampled_from(["eager", "prefork"])),
        "connection_reuse": draw(st.booleans()),
        "idle_connections_at_sigterm": draw(st.sampled_from(["close", "serve"])),
        "keep_alive_timeout_s": draw(st.sampled_from([None, 0.5, 2.0])),
        "streams": (OnTheGrid if grid else Streams)(draw(st.integers(0, 2**32)), draw(st.integers(0, 3))),
    } | (RACES if races else {})
