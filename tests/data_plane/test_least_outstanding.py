"""Least outstanding requests: by hand, and the black hole. Request for request it is compared with the twin's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, run, specs, timeline
from hypothesis import given
from hypothesis import strategies as st

from sim.data_plane import compiled
from sim.data_plane.arrivals import Block
from sim.data_plane.ends import ends_of
from sim.data_plane.one_by_one import OneByOne
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import rotations
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

LOR = "least_outstanding_requests"


def sent(scene: Timeline, *requests: tuple[float, float], node: tuple[int, ...] = (), **at: Any) -> list[int]:
    """Route requests, each with its arrival and service time, at one node or at those given."""
    traffic, pod, target_group = specs(routing=LOR, **at)
    sender = OneByOne(
        rotations(scene), scene, ends_of(scene, traffic, pod, target_group), pod, target_group, Streams(1, 0)
    )
    arrival_s, service_s = np.array(requests, float).T
    block = Block(arrival_s, service_s, np.array(node or [0] * len(requests), np.int16))
    return sender.send(block, np.zeros(len(requests), np.int32), arrival_s).target.tolist()


def test_the_target_with_the_fewest_open_is_next() -> None:
    """Three targets: the first two keep theirs, the third is done at 2 and takes all that comes until it has more."""
    first, second, third, *rest = sent(timeline(3), (0, 9), (0.5, 9), (1, 1), (2, 0.5), (3, 0.5), (4, 9), (5, 9))
    assert {first, second, third} == {0, 1, 2}
    assert rest == [third, third, third, first]


def test_of_equals_the_one_whose_last_request_is_the_longest_ago() -> None:
    order = sent(timeline(4), *((k, 0.1) for k in range(12)))
    assert sorted(order[:4]) == [0, 1, 2, 3]
    assert order[4:] == order[:4] * 2


def test_each_node_counts_its_own_requests() -> None:
    scene = timeline(2, 2)
    at_first = sent(scene, (0, 9), (1, 9), node=(0, 0))
    mixed = sent(scene, (0, 9), (0.5, 9), (1, 9), node=(0, 1, 0))
    assert [mixed[0], mixed[2]] == at_first


def test_a_target_that_refuses_draws_all_that_comes_once_the_others_are_busy() -> None:
    scene = timeline(3, listener_closed_s=[0.5, NEVER, NEVER], cut_s=[0.5, NEVER, NEVER])
    order = sent(scene, (0, 0.1), (0.1, 0.1), (0.2, 0.1), *((1 + k / 10, 9) for k in range(9)), sandbox_teardown_s=60)
    assert sorted(order[:3]) == [0, 1, 2]
    assert order[3:].count(0) == 7
    assert order[6:] == [0] * 6


def test_an_address_that_is_gone_fills_up_like_any_other() -> None:
    scene = timeline(2, listener_closed_s=[EVER, NEVER], cut_s=[EVER, NEVER])
    order = sent(scene, *((1 + k / 10, 2) for k in range(8)), sandbox_teardown_s=0)
    assert order.count(0) == 4


def test_a_newcomer_catches_up() -> None:
    scene = timeline(2, registered_from_s=[EVER, 5])
    order = sent(scene, (0, 99), (1, 99), (2, 99), (6, 99), (7, 99), (8, 99), (9, 99), (10, 99))
    assert order == [0, 0, 0, 1, 1, 1, 0, 1]


def test_without_targets_there_is_none() -> None:
    scene = timeline(2, registered_until_s=3)
    assert sent(scene, (1, 1), (4, 1))[1] == -1


def test_what_a_target_that_comes_back_still_has_open_counts() -> None:
    """The target leaves by its health check and is back when the other one has left: fail-open."""
    scene = timeline(2, healthy_until_s=[3, 6], registered_until_s=NEVER)
    order = sent(scene, (0, 99), (1, 99), (2, 99), (4, 99), (5, 99), (7, 99), (8, 99), (9, 99))
    counts = [order.count(target) for target in (0, 1)]
    assert set(order[3:5]) == {1}
    assert counts == [4, 4]


@pytest.mark.parametrize(("rps", "times"), [(40.0, 1.1), (400.0, 4.0)])
def test_the_black_hole_has_several_times_the_502s_of_round_robin(rps: float, times: float) -> None:
    """Ten targets on one node, 0.5 s each: with 2 open requests for each target the dead one draws everything.

    With 20 requests open among ten targets, some have none, and it draws what they do not.
    """
    dies_s = [10, *[NEVER] * 9]
    scene = timeline(10, listener_closed_s=dies_s, cut_s=dies_s, registered_until_s=[20, *[NEVER] * 9])
    law = {"dist": "lognormal", "median": 0.5, "sigma": 0.3}
    refused = {
        routing: run(scene, routing=routing, arrival_rate_rps=rps, service_time_s=law, sandbox_teardown_s=60).counts[
            Outcome.CONNECT_REFUSED
        ]
        for routing in ("round_robin", LOR)
    }
    assert refused[LOR] > times * refused["round_robin"]
    if rps == 400:
        assert refused[LOR] == pytest.approx(400 * 10, rel=0.05)


def by_hand(loop: Any) -> Any:
    return getattr(loop, "py_func", loop)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_the_heap_gives_the_earliest_first(steps: list[tuple[bool, int]]) -> None:
    heap_s, heap_target = np.zeros(64), np.zeros(64, np.int32)
    held: list[tuple[float, int]] = []
    for number, (adds, time_s) in enumerate(steps):
        if adds or not held:
            by_hand(compiled.push)(heap_s, heap_target, len(held), float(time_s), number)
            held.append((float(time_s), number))
        else:
            assert heap_s[0] == min(held)[0]
            held.remove((heap_s[0], heap_target[0]))
            by_hand(compiled.pop)(heap_s, heap_target, len(held) + 1)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1000)), max_size=60))
def test_the_tournament_s_winner_has_the_smallest_key(steps: list[tuple[int, int]]) -> None:
    key = np.arange(8, dtype=np.int64) + 5000
    winner = np.concatenate([np.zeros(8), np.arange(8)]).astype(np.int32)
    for target, value in [*((target, int(key[target])) for target in range(8)), *steps]:
        by_hand(compiled.set_key)(key, winner, target, value)
    assert key[winner[1]] == key.min()
