"""Oracle: arithmetic by hand, and a slow count of the healthy targets at every moment."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from albsim_tests.data_plane import NEVER, run, timeline
from hypothesis import given
from hypothesis import strategies as st

from sim.data_plane.healthy_targets import healthy_targets
from sim.data_plane.window import fixed_until_s

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline


def test_by_hand_an_old_target_goes_before_the_new_one_is_healthy() -> None:
    """Node 0 has none in [10, 25), node 1 in [12, 31): from 10 to 31 some node has none."""
    scene = timeline(
        2,
        2,
        complete_s=5,
        cut_s=[8, NEVER],
        registered_until_s=[[10, NEVER], [12, NEVER]],
        healthy_from_s=[[-np.inf, 25], [-np.inf, 31]],
    )
    assert healthy_targets(scene, fixed_until_s(scene)) == (21, 0)


def test_by_hand_two_windows_of_a_node_and_the_fewest_of_another() -> None:
    """Node 0: two, none in [3, 4), one, none in [6, 9), two. Node 1: two, one in [6, 20)."""
    scene = timeline(
        4,
        2,
        complete_s=30,
        cut_s=[8, 8, NEVER, NEVER],
        registered_until_s=[[3, 3, 6, NEVER], [5, 6, NEVER, NEVER]],
        registered_from_s=[[-np.inf, -np.inf, 4, 9], [-np.inf, -np.inf, 4, 20]],
    )
    assert healthy_targets(scene, fixed_until_s(scene)) == (1 + 3, 0)
    assert healthy_targets(timeline(3), 9) == (0, 3)


def test_an_unhealthy_one_does_not_count_though_it_is_sent_to() -> None:
    """The node fails open from 4 to 9: nobody is healthy, and every request is answered."""
    scene = timeline(2, complete_s=20, healthy_until_s=[4, NEVER], healthy_from_s=[-np.inf, 9])
    assert healthy_targets(scene, fixed_until_s(scene)) == (5, 0)
    assert run(scene, service_time_s=0.01).n_status(503) == 0


def test_the_window_goes_on_until_every_node_has_a_healthy_target() -> None:
    """Registered 40 s after the rollout, healthy 10 s later; the old one was gone at 6 s: no target until 40 s."""
    scene = timeline(
        2, complete_s=5, cut_s=[3, NEVER], registered_until_s=[6, NEVER], registered_from_s=[-np.inf, 45],
        healthy_from_s=[-np.inf, 55], listener_closed_s=[3, NEVER],
    )  # fmt: skip
    assert fixed_until_s(scene) == 55
    requests = run(scene, arrivals="even", arrival_rate_rps=10, service_time_s=0.01)
    assert requests.window_until_s == 55
    assert requests.n_status(503) == 10 * (45 - 6)
    assert healthy_targets(scene, fixed_until_s(scene)) == (55 - 6, 0)


def test_what_never_becomes_healthy_is_not_waited_for() -> None:
    scene = timeline(2, complete_s=5, cut_s=[3, NEVER], registered_until_s=[6, NEVER], registered_from_s=[0, NEVER])
    assert fixed_until_s(scene) == 6


TIMES = st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.5, 4.0, 7.0, np.inf]), min_size=6, max_size=6)


@given(TIMES, TIMES, TIMES, TIMES)
def test_against_a_count_at_every_moment(since: list, until: list, healthy: list, unhealthy: list) -> None:
    shape = (2, 3)
    at = {
        "registered_from_s": since, "registered_until_s": until,
        "healthy_from_s": healthy, "healthy_until_s": unhealthy,
    }  # fmt: skip
    scene = timeline(3, 2, complete_s=6, **{name: np.reshape(values, shape) for name, values in at.items()})
    none_s, least = 0.0, 3
    window_s = fixed_until_s(scene)
    moments = sorted({0.0, 1.0, 2.5, 4.0, 7.0, 6.0, window_s})
    for from_s, to_s in pairwise([time_s for time_s in moments if time_s <= window_s]):
        numbers = [_healthy(scene, node, from_s) for node in (0, 1)]
        none_s += (to_s - from_s) * (0 in numbers)
        least = min(least, *numbers)
    assert healthy_targets(scene, fixed_until_s(scene)) == (none_s, least)


def _healthy(scene: Timeline, node: int, at_s: float) -> int:
    return sum(
        scene.registered_from_s[node, target] <= at_s < scene.registered_until_s[node, target]
        and scene.healthy_from_s[node, target] <= at_s < scene.healthy_until_s[node, target]
        for target in range(3)
    )
