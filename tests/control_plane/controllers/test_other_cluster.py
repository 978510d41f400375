from __future__ import annotations

import simpy

from sim.control_plane.aws.target_group import TargetHealth
from sim.control_plane.controllers.other_cluster import DRAINING_S, INITIAL_S, ChurningBackend


def test_each_target_is_in_one_state_and_only_those_asked_for_are_told() -> None:
    env = simpy.Environment()
    backend = ChurningBackend(env)
    backend.register([60, 61])
    backend.deregister([1, 2])
    asked = {0, 1, 60}
    told = TargetHealth(initial={60}, healthy={0}, unhealthy=set(), draining={1: DRAINING_S})
    assert backend.health(asked) == told
    assert backend.health().draining == {1: DRAINING_S, 2: DRAINING_S}
    env.run(until=INITIAL_S)
    assert backend.health(asked).healthy == {0, 60}
    env.run(until=DRAINING_S)
    assert not backend.health().draining
