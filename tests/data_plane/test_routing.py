"""Routing: rings by hand, and every request's target against the twin's."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, specs, timeline, timelines
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.data_plane.arrivals import Block, RequestSource
from sim.data_plane.ring import NO_TARGET, Ring
from sim.data_plane.rotation import Rotation, rotations
from sim.data_plane.routing import routers
from sim.streams import Stream, Streams
from sim.verification.reference.clock_twin import Clock
from sim.verification.reference.rotation_twin import rotation_of

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

STREAMS = Streams(3, 0)


def ring(*spells: tuple[int, float, float]) -> Ring:
    """Return a ring whose targets stand in the order of their numbers at the start; target i of n has place i / n."""
    target, from_s, until_s = zip(*spells, strict=True)
    place = np.arange(max(target) + 1) / (max(target) + 1)
    return Ring(Rotation(np.array(target, np.int32), np.array(from_s), np.array(until_s)), place)


def turns(of: Ring, *arrival_s: float) -> list[int]:
    return [int(target) for target in of.in_turn(np.array(arrival_s, float))]


def test_round_robin_takes_the_targets_in_turn() -> None:
    assert turns(ring((0, EVER, NEVER), (1, EVER, NEVER), (2, EVER, NEVER)), *range(7)) == [0, 1, 2, 0, 1, 2, 0]


def test_the_next_in_turn_stays_the_next_when_another_leaves() -> None:
    assert turns(ring((0, EVER, 10), (1, EVER, NEVER), (2, EVER, NEVER)), 1, 2, 11, 12, 13) == [0, 1, 2, 1, 2]


def test_if_the_next_in_turn_leaves_the_one_after_it_is_next() -> None:
    assert turns(ring((0, EVER, NEVER), (1, EVER, 10), (2, EVER, NEVER)), 1, 11, 12) == [0, 2, 0]


def test_if_the_last_of_the_ring_is_next_and_leaves_the_first_is_next_and_not_a_newcomer() -> None:
    at = turns(ring((0, EVER, NEVER), (1, EVER, NEVER), (2, EVER, 10), (3, 10, NEVER)), 1, 2, 11, 12, 13, 14)
    assert at == [0, 1, 0, 1, 3, 0]


@pytest.mark.parametrize(
    ("place", "after"),
    [(0.0, [9, 2, 0, 1]), (0.25, [2, 9, 0, 1]), (0.5, [2, 0, 9, 1]), (0.75, [2, 0, 1, 9]), (0.99, [2, 0, 1, 9])],
)
def test_a_newcomer_joins_where_its_place_says(place: float, after: list[int]) -> None:
    rotation = Rotation(np.array([0, 1, 2, 9], np.int32), np.array([EVER, EVER, EVER, 10]), np.full(4, NEVER))
    target = Ring(rotation, np.array([0.1, 0.2, 0.3, *[0.0] * 6, place]))
    assert turns(target, 1, 2) == [0, 1]
    assert turns(target, *range(11, 19)) == after * 2


def test_whatever_changes_each_target_is_the_next_in_turn_equally_often() -> None:
    """Over 4000 orders, chi-square at a fixed seed: rejects a true law with probability 0.001."""
    rng = np.random.default_rng(1)
    scene = timeline(
        7, registered_from_s=[*[EVER] * 4, 3, 3, 4.5], registered_until_s=[2, 4.6, *[NEVER] * 5], healthy_until_s=NEVER
    )
    arrival_s = np.array([0.5, 1.5, 2.5, 2.6, 2.7, 3.1, 3.2, 4.1, 4.55, 5, 6])
    routed = np.array([Ring(rotations(scene)[0], rng.random(7)).in_turn(arrival_s) for _ in range(4000)])
    for k in (4, 5, 6, 7, 8, 9, 10):
        counts = np.bincount(routed[:, k], minlength=7)
        assert stats.chisquare(counts[counts > 0]).pvalue > 0.001
        assert np.count_nonzero(counts) == {4: 3, 5: 5, 6: 5, 7: 5, 8: 6, 9: 5, 10: 5}[k]


def test_a_change_holds_from_its_very_instant_on() -> None:
    assert turns(ring((0, EVER, 10), (1, 10, NEVER)), 9.75, 10, 10.25) == [0, 1, 1]


def test_an_empty_rotation_gives_no_target_and_fills_again() -> None:
    assert turns(ring((0, EVER, 5), (1, 8, NEVER)), 1, 6, 7, 8) == [0, NO_TARGET, NO_TARGET, 1]


def test_changes_wait_for_the_arrivals_that_come_before_them() -> None:
    target = ring((0, EVER, 10), (1, EVER, NEVER))
    assert turns(target, 1, 2, 3) == [0, 1, 0]
    assert turns(target, 9, 9.5, 10) == [1, 0, 1]
    assert turns(target) == []
    assert turns(target, 20) == [1]


def test_random_points_into_the_rotation_of_the_moment() -> None:
    target = ring((0, EVER, 10), (1, EVER, NEVER), (2, 10, NEVER), (2, 30, 31))
    choice = np.array([0.0, 0.49, 0.5, 0.49, 0.5])
    assert target.by_choice(np.array([1.0, 2, 3, 10, 11]), choice).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.slow
@settings(max_examples=150)
@given(scene=timelines(), routing=st.sampled_from(["round_robin", "random"]), seed=st.integers(0, 9))
def test_every_target_is_the_twins(scene: Timeline, routing: str, seed: int) -> None:
    traffic, _, target_group = specs(routing=routing, arrival_rate_rps=20.0)
    streams = Streams(seed, 0)
    source = RequestSource(traffic, nodes=scene.registered_from_s.shape[0], streams=streams)
    _, fast = routers(target_group, rotations(scene), streams)
    clock = Clock()
    slow = []
    for number in range(scene.registered_from_s.shape[0]):
        places = streams.generator(Stream.RING_ORDER, number).random(scene.cut_s.size)
        slow.append(rotation_of(scene, number, places.tolist()))
        clock.process(slow[number].changes(clock))
    choices = streams.generator(Stream.ROUTING)
    for size in (1, 30, 250):
        block = source.take(size)
        for arrival_s, number, target in zip(block.arrival_s, block.node, fast.route(block), strict=True):
            clock.run(until=arrival_s)
            node = slow[number]
            to = node.chosen(choices.random()) if routing == "random" else node.next_in_turn()
            assert target == (NO_TARGET if to is None else to)


def test_each_node_has_a_ring_of_its_own_order() -> None:
    _, _, target_group = specs()
    rotation = rotations(timeline(50, 2))
    order = [
        routers(target_group, rotation, STREAMS)[1].route(
            Block(np.arange(50.0), np.zeros(50), np.full(50, node, np.int16))
        )
        for node in (0, 1)
    ]
    assert [sorted(targets.tolist()) for targets in order] == [list(range(50))] * 2
    assert order[0].tolist() != order[1].tolist()


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_after_a_change_the_shares_are_equal_to_one_request_a_node(nodes: int) -> None:
    """Round robin is fair from any point on: two targets' counts differ by one at each node at most."""
    traffic, _, target_group = specs(arrival_rate_rps=100.0)
    scene = timeline(7, nodes, registered_until_s=[10, 10, *[NEVER] * 5], registered_from_s=[*[EVER] * 5, 4, 4])
    block = RequestSource(traffic, nodes=nodes, streams=STREAMS).take(3000)
    _, forth = routers(target_group, rotations(scene), STREAMS)
    target = forth.route(block)
    for from_s, until_s, members in ((0, 4, 5), (4, 10, 7), (10, 30, 5)):
        counts = Counter(target[(block.arrival_s >= from_s) & (block.arrival_s < until_s)].tolist())
        assert len(counts) == members
        assert max(counts.values()) - min(counts.values()) <= nodes


def test_backwards_the_ring_turns_backwards() -> None:
    """The last request before t = 0 went to the target before the first one after it, around the ring."""
    _, _, target_group = specs()
    scene = timeline(4, registered_until_s=[5, NEVER, NEVER, NEVER])
    node = np.zeros(12, np.int16)
    zeros = np.zeros(12)
    back, forth = routers(target_group, rotations(scene), STREAMS)
    after = forth.route(Block(np.arange(12) / 12, zeros, node))
    before = back.route(Block(-np.arange(12.0), zeros, node))
    assert before.tolist() == after[::-1].tolist()
