"""Rotations against their definition, and figures worked out by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, timeline, timelines
from hypothesis import given, settings

from sim.data_plane.rotation import Rotation, exposure_s, left_rotation_s, rotations

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

SPELL = tuple[int, float, float]


def spells(rotation: Rotation) -> list[SPELL]:
    columns = (rotation.target, rotation.from_s, rotation.until_s)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def routable(scene: Timeline, node: int, now_s: float) -> set[int]:
    """Return the routable targets in model.md's words.

    The healthy registered ones; if there are none, all registered ones.
    """
    listed, healthy = set(), set()
    for target in range(scene.cut_s.size):
        if scene.registered_from_s[node, target] <= now_s < scene.registered_until_s[node, target]:
            listed.add(target)
            if scene.healthy_from_s[node, target] <= now_s < scene.healthy_until_s[node, target]:
                healthy.add(target)
    return healthy or listed


def test_a_target_is_in_rotation_while_registered_and_healthy() -> None:
    scene = timeline(2, registered_from_s=[EVER, 3], healthy_from_s=[EVER, 5], registered_until_s=[10, NEVER])
    assert spells(rotations(scene)[0]) == [(0, EVER, 10), (1, 5, NEVER)]


def test_without_a_healthy_target_a_node_routes_to_all_that_are_registered() -> None:
    scene = timeline(
        3,
        registered_from_s=[EVER, EVER, 6],
        healthy_until_s=[4, EVER, EVER],
        registered_until_s=[NEVER, 9, NEVER],
    )
    assert spells(rotations(scene)[0]) == [(0, EVER, NEVER), (1, 4, 9), (2, 6, NEVER)]


def test_fail_open_ends_with_the_first_healthy_target_and_may_come_back() -> None:
    scene = timeline(2, healthy_from_s=[EVER, 5], healthy_until_s=[2, 7])
    assert spells(rotations(scene)[0]) == [(0, EVER, 5), (0, 7, NEVER), (1, 2, NEVER)]


def test_nodes_know_different_things() -> None:
    first, second = rotations(timeline(1, 2, registered_until_s=[[4], [9]]))
    assert (spells(first), spells(second)) == ([(0, EVER, 4)], [(0, EVER, 9)])


def test_empty_intervals_are_no_spells() -> None:
    scene = timeline(3, registered_from_s=[5, 5, EVER], registered_until_s=[5, 4, NEVER])
    assert spells(rotations(scene)[0]) == [(2, EVER, NEVER)]


def test_nobody_registered_is_nobody_in_rotation() -> None:
    assert spells(rotations(timeline(2, registered_until_s=EVER))[0]) == []


@pytest.mark.slow
@settings(max_examples=200)
@given(scene=timelines())
def test_spells_are_the_definition_at_every_moment(scene: Timeline) -> None:
    for node, rotation in enumerate(rotations(scene)):
        for half in range(-1, 27):
            for now_s in (half / 2, half / 2 + 0.1):
                inside = rotation.target[(rotation.from_s <= now_s) & (now_s < rotation.until_s)].tolist()
                assert len(inside) == len(set(inside))
                assert set(inside) == routable(scene, node, now_s)


@pytest.mark.slow
@settings(max_examples=200)
@given(scene=timelines())
def test_spells_of_one_target_are_apart(scene: Timeline) -> None:
    for rotation in rotations(scene):
        assert (rotation.from_s < rotation.until_s).all()
        for (target, _, until_s), (following, from_s, _) in pairwise(spells(rotation)):
            assert target != following or until_s < from_s


def test_a_target_has_left_when_the_last_node_has_dropped_it_by_either_way() -> None:
    scene = timeline(
        3,
        2,
        registered_until_s=[[9, 9, NEVER], [12, 9, NEVER]],
        healthy_until_s=[[NEVER, 5, NEVER], [NEVER, 6, NEVER]],
    )
    assert left_rotation_s(scene).tolist() == [12, 6, NEVER]


def test_a_target_that_never_was_in_rotation_has_always_left() -> None:
    assert left_rotation_s(timeline(2, healthy_from_s=[EVER, NEVER])).tolist() == [NEVER, EVER]


def test_exposure_runs_from_the_listeners_close_to_the_last_node_that_hears() -> None:
    scene = timeline(
        4, 2, listener_closed_s=[5, 20, 5, NEVER], cut_s=[6, 20, 6, NEVER], registered_until_s=[[9] * 4, [12] * 4]
    )
    assert exposure_s(scene) == pytest.approx([7, 0, 7, np.nan], nan_ok=True)


def test_exposure_counts_a_dead_target_only_while_it_is_in_rotation() -> None:
    """Unhealthy from 7 to 10, when the last healthy target leaves and all are routed to again, until 12."""
    scene = timeline(
        3,
        listener_closed_s=[5, NEVER, NEVER],
        cut_s=[5, NEVER, NEVER],
        healthy_until_s=[7, 10, EVER],
        registered_until_s=[12, NEVER, NEVER],
    )
    assert exposure_s(scene)[0] == (7 - 5) + (12 - 10)
    assert left_rotation_s(scene)[0] == 12


def test_exposure_of_a_target_that_joins_dead_begins_when_it_joins() -> None:
    scene = timeline(
        2,
        listener_closed_s=[3, NEVER],
        cut_s=[3, NEVER],
        registered_from_s=[6, EVER],
        healthy_from_s=[8, EVER],
        registered_until_s=[9, NEVER],
    )
    assert exposure_s(scene)[0] == 1
