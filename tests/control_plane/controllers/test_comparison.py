"""Oracle: the difference of the two sets, computed anew at each comparison."""

from __future__ import annotations

import random

import simpy

from sim.control_plane.controllers.comparison import CurrentComparison
from sim.control_plane.controllers.other_cluster import ChurningBackend


def test_what_joins_and_leaves_is_what_the_whole_sets_say() -> None:
    """Between the two reads, and after each comparison, pods come and go and targets are written."""
    chance, backend = random.Random(1), ChurningBackend(simpy.Environment())  # noqa: S311 - draws with a fixed seed
    compared: CurrentComparison[int] = CurrentComparison(backend)
    for _ in range(300):
        for _ in range(chance.randrange(4)):
            chance.choice([backend.come, backend.go])()
        compared.read_endpoints()
        desired = backend.desired()
        for act in chance.sample([backend.come, backend.go], chance.randrange(3)):
            act()
        compared.compare()
        assert compared.desired == desired
        assert compared.joining == desired - backend.registered()
        assert compared.leaving == backend.registered() - desired
        if chance.random() < 0.5:
            backend.register(set(compared.joining))
        if chance.random() < 0.5:
            backend.deregister(set(compared.leaving))
