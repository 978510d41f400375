"""Oracles: docs/facts/capacity.md §2 (what a node takes), docs/model.md (which node is taken), K8s' back-off."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.kubernetes.scheduler import LONGEST_BACKOFF_S, Scheduler
from sim.control_plane.trace import PodCreated, PodDeleted, PodReady, RolloutComplete, Trace
from sim.control_plane.trace.nodes import PodScheduled, RolloutStalled
from sim.control_plane.world import run_control_plane
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

C5_LARGE_CPU_M = 1930
"""2 cores less 70 m: 6 % of the first and 1 % of the second (docs/facts/capacity.md §2)."""
C5_LARGE_MEMORY_MIB = 3214
"""4,096 · 0.925 less 11 · 29 + 255 and 100 MiB."""


def _scenario(replicas: int, nodes: dict[str, Any], **others: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 10},
            "deployment": {"replicas": replicas},
            "pod": {"startup_s": 12, "termination_grace_period_s": 30},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "nodes": {"instance_type": "c5.large", "count": 3, "daemonset_cpu_m": 0} | nodes,
        }
    ).with_overrides({key.replace("__", "."): value for key, value in others.items()})


def _trace(scenario: Scenario) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, 0))


@pytest.mark.parametrize(
    ("requests", "places"),
    [
        ({}, 29 - 4),
        ({"max_pods": 12, "daemonset_pods": 3}, 9),
        ({"pod_cpu_m": 500}, C5_LARGE_CPU_M // 500),
        ({"pod_cpu_m": 500, "daemonset_cpu_m": 431}, (C5_LARGE_CPU_M - 431) // 500),
        ({"pod_memory_mib": 1024}, 3),
    ],
)
def test_a_node_takes_what_its_cpu_memory_and_max_pods_allow(requests: dict[str, int], places: int) -> None:
    """c5.large has 3,214 MiB for pods: 4,096 · 0.925 less 11 · 29 + 255 and 100 MiB."""
    full = _scenario(2 * places, {"count": 2} | requests, deployment__max_surge=1, deployment__max_unavailable=0)
    assert _trace(full).of(RolloutStalled)
    more = full.with_overrides({"nodes.count": 3})
    assert _trace(more).of(RolloutComplete)


def test_pods_go_to_the_zone_and_the_node_with_the_fewest() -> None:
    placed = _trace(_scenario(7, {"count": 5, "zones": 2})).of(PodScheduled)[:7]
    assert [pod.node for pod in placed] == [0, 1, 2, 3, 4, 1, 0], "even nodes are in one zone, odd ones in the other"


def test_a_terminating_pod_keeps_its_place_until_it_is_gone() -> None:
    """6 places, 6 pods, one may be unavailable: each new pod waits for the end of an old one, 30 s after its deletion.

    So pod 6 + k gets its node when the k-th old pod is gone, and the next old pod goes when it is Ready and counted.
    """
    scenario = _scenario(
        6, {"count": 2, "pod_cpu_m": 600},
        pod__on_sigterm="ignore", pod__sandbox_teardown_s=0,
        deployment__max_surge=1, deployment__max_unavailable=1, deployment__sync_latency_s=0,
    )  # fmt: skip
    trace = _trace(scenario)
    deleted_s = [deleted.time_s for deleted in trace.of(PodDeleted)]
    bound_s = [scheduled.time_s for scheduled in trace.of(PodScheduled) if scheduled.pod >= 6]
    assert deleted_s == pytest.approx([42 * k for k in range(6)], abs=0.2)
    assert bound_s == pytest.approx([42 * k + 30 for k in range(6)], abs=0.2)


def test_pods_start_as_long_as_one_that_is_not_held_up_is_not_ready() -> None:
    env = simpy.Environment()
    scheduler = Scheduler(env, nodes=1, zones=1, places=3)
    old, ready, starting = (Pod(number, env, number, is_new=number > 0) for number in range(3))
    for pod in (old, ready, starting):
        scheduler.bind(pod, "service")
    ready.ready.succeed()
    assert scheduler.is_starting(set())
    assert not scheduler.is_starting({starting})


def test_room_enough_changes_nothing(make_scenario: Callable[..., Scenario]) -> None:
    without = make_scenario(pod__on_sigterm="drain")
    with_nodes = without.with_overrides({"nodes": {"instance_type": "m5.2xlarge", "count": 12}})
    one, two = simulate(without, estimator="sampled"), simulate(with_nodes, estimator="sampled")
    assert one.requests.counts.tolist() == two.requests.counts.tolist()
    assert one.timeline.rollout_complete_s == two.timeline.rollout_complete_s


@given(
    replicas=st.integers(1, 12),
    nodes=st.integers(1, 5),
    zones=st.integers(1, 3),
    max_pods=st.integers(1, 12),
    cpu_m=st.sampled_from([100, 300, 900]),
    memory_mib=st.sampled_from([64, 500, 1500]),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
    grace_s=st.sampled_from([0, 7, 40]),
    ending=st.sampled_from(["exit", "drain", "ignore"]),
)
def test_no_node_holds_more_than_it_takes_and_no_pod_waits_beside_a_place(
    replicas: int, nodes: int, zones: int, max_pods: int, cpu_m: int, memory_mib: int,
    surge: int, unavailable: int, grace_s: float, ending: str,
) -> None:  # fmt: skip
    places = min(max_pods, C5_LARGE_CPU_M // cpu_m, C5_LARGE_MEMORY_MIB // memory_mib)
    of_pods = {"max_pods": max_pods, "daemonset_pods": 0, "pod_cpu_m": cpu_m, "pod_memory_mib": memory_mib}
    scenario = _scenario(
        min(replicas, nodes * places), {"count": nodes, "zones": zones} | of_pods,
        deployment__max_surge=surge, deployment__max_unavailable=unavailable, pod__on_sigterm=ending,
        pod__termination_grace_period_s=grace_s, pod__sandbox_teardown_s=0.5,
    )  # fmt: skip
    trace = _trace(scenario)
    node_of = {scheduled.pod: scheduled.node for scheduled in trace.of(PodScheduled)}
    deleted_s = {deleted.pod: deleted.time_s for deleted in trace.of(PodDeleted)}
    least_s = {pod: time_s + (0 if ending == "drain" else 0.5) for pod, time_s in deleted_s.items()}
    changes = [(scheduled.time_s, 1, scheduled.node) for scheduled in trace.of(PodScheduled)]
    changes += [(time_s, -1, node_of[pod]) for pod, time_s in least_s.items()]
    held: Counter[int] = Counter()
    for _, change, node in sorted(changes):
        held[node] += change
        assert held[node] <= places, "even if every pod were gone at once"
    most_s = max(2.0, grace_s) + 0.5
    for created in trace.of(PodCreated):
        bound_s = next((s.time_s for s in trace.of(PodScheduled) if s.pod == created.pod), None)
        until_s = bound_s if bound_s is not None else trace.of(RolloutStalled)[0].time_s
        for from_s in {created.time_s, *(time_s + most_s for time_s in deleted_s.values())}:
            asks = max(from_s, created.time_s) + LONGEST_BACKOFF_S
            if asks < until_s:
                taken = sum(s.time_s <= asks for s in trace.of(PodScheduled))
                gone = sum(time_s + most_s <= asks for time_s in deleted_s.values())
                assert taken - gone >= nodes * places, "a place was free for longer than the longest back-off"


@given(
    capacities=st.integers(1, 4),
    zones=st.integers(1, 3),
    n_nodes=st.integers(1, 6),
    arrivals=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40)), min_size=1, max_size=20),
)
def test_a_slow_twin_gives_every_pod_the_same_node_at_the_same_time(
    capacities: int, zones: int, n_nodes: int, arrivals: list[tuple[int, int]]
) -> None:
    """Each pod comes at a time of its own (a prime number of milliseconds apart) and stays for as long as drawn."""
    pods = [(at + number * 0.013, stay + number * 0.0017) for number, (at, stay) in enumerate(sorted(arrivals))]
    fast, slow = (by(pods, n_nodes, zones, capacities) for by in (_by_scheduler, _by_twin))
    assert [node for _, node in fast] == [node for _, node in slow]
    assert [time_s for time_s, _ in fast] == pytest.approx([time_s for time_s, _ in slow])


def _by_scheduler(pods: list[tuple[float, float]], nodes: int, zones: int, places: int) -> list[tuple[float, int]]:
    env = simpy.Environment()
    scheduler = Scheduler(env, nodes=nodes, zones=zones, places=places)
    got: dict[int, tuple[float, int]] = {}

    def live(number: int, at_s: float, stay_s: float) -> Any:
        pod = Pod(number, env, number, is_new=True)
        yield env.timeout(at_s)
        node = yield from scheduler.place(pod, "service")
        got[number] = env.now, node
        yield env.timeout(stay_s)
        scheduler.is_deleted(pod)
        scheduler.release(pod)

    for number, (at_s, stay_s) in enumerate(pods):
        env.process(live(number, at_s, stay_s))
    env.run()
    assert not scheduler.pending
    return [got[number] for number in range(len(pods))]


def _by_twin(pods: list[tuple[float, float]], nodes: int, zones: int, places: int) -> list[tuple[float, int]]:
    """Go from event to event: a pod comes, a pod is gone, a waiting pod's back-off ends after a place came free."""
    got: dict[int, tuple[float, int]] = {}
    left: set[int] = set()
    waiting: dict[int, tuple[float, float, float]] = {}
    order = count()
    agenda = [(at_s, next(order), "comes", number) for number, (at_s, _) in enumerate(pods)]

    def tries(now_s: float, number: int, backoff_s: float) -> None:
        on = Counter(node for pod, (_, node) in got.items() if pod not in left)
        in_zone = Counter(node % zones for pod, (_, node) in got.items() if pod not in left)
        fitting = [node for node in range(nodes) if on[node] < places]
        if not fitting:
            waiting[number] = (now_s, backoff_s, now_s + backoff_s)
            return
        got[number] = now_s, min(fitting, key=lambda node: (in_zone[node % zones], on[node], node))
        agenda.append((now_s + pods[number][1], next(order), "goes", number))

    while agenda:
        now_s, _, what, number = event = min(agenda)
        agenda.remove(event)
        if what == "goes":
            left.add(number)
            for one, (_, backoff_s, from_s) in list(waiting.items()):
                del waiting[one]
                agenda.append((max(now_s, from_s), next(order), f"tries after {backoff_s}", one))
        else:
            before_s = float(what.rpartition(" ")[2]) if what != "comes" else 0.5
            tries(now_s, number, min(2 * before_s, 10.0))
    return [got[number] for number in range(len(pods))]


def test_a_drained_node_gets_no_replacement_and_the_pods_on_it_are_those_evicted() -> None:
    """6 pods on 3 nodes: nodes 0 and 1 hold pods 0, 3 and 1, 4; node 2 takes their four replacements beside its own."""
    drain = {"disruption": "node_drain", "node_drain": {"nodes": 2}}
    trace = _trace(_scenario(6, {"pod_cpu_m": 300}, **drain))
    assert sorted(deleted.pod for deleted in trace.of(PodDeleted)) == [0, 1, 3, 4]
    assert {scheduled.node for scheduled in trace.of(PodScheduled) if scheduled.pod >= 6} == {2}
    full = _trace(_scenario(6, {"pod_cpu_m": 600}, **drain))
    (stalled,) = full.of(RolloutStalled)
    assert stalled.pending == 4 - 1, "node 2 takes three"
    assert stalled.time_s == full.of(PodReady)[-1].time_s + 600
