"""What a controller keeps change by change is what a look over everything would show."""

from __future__ import annotations

import math
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.controllers.binding import Binding
from sim.control_plane.controllers.ingress import Checkpoint
from sim.control_plane.controllers.target_cache import Known

PODS = st.sets(st.integers(0, 5))
STEPS = st.lists(
    st.tuples(st.sampled_from(["endpoints", "targets", "all targets", "interfaces", "checkpoint"]), PODS), max_size=30
)


@given(first=PODS, registered=PODS, steps=STEPS)
def test_after_any_changes_it_is_as_if_all_were_looked_at(
    first: set[int], registered: set[int], steps: list[tuple[str, set[int]]]
) -> None:
    """The oracle is arithmetic of whole sets. Interfaces are known for 3 s, a step takes one."""
    env = SimpleNamespace(now=0.0)
    wanted, changes = set(first), []
    backend = SimpleNamespace(desired=lambda: frozenset(wanted), changes=changes)
    known, until_s, at_checkpoint = _known(registered), dict.fromkeys(range(6), -math.inf), set(first)
    binding = Binding(env, backend, Checkpoint(0.0, 0), 3.0)
    for what, pods in steps:
        if what == "endpoints":
            wanted ^= pods
            changes += pods
        elif what == "targets":
            known.registered ^= pods
            known.changed |= pods
        elif what == "all targets":
            known = _known(pods)
        binding.read_endpoints()
        binding.compare(known)
        unknown = {pod for pod in wanted if until_s[pod] <= env.now}
        assert binding.desired == wanted
        assert (binding.joining, binding.leaving) == (wanted - known.registered, known.registered - wanted)
        assert binding.interfaces.unknown() == unknown
        assert binding.is_as_at_checkpoint() == (wanted == at_checkpoint)
        if what == "interfaces":
            binding.interfaces.note()
            until_s |= dict.fromkeys(unknown, env.now + 3)
        elif what == "checkpoint":
            binding.write_checkpoint(env.now)
            at_checkpoint = set(wanted)
        env.now += 1


def test_a_checkpoint_that_forces_the_next_reconcile_is_like_no_endpoints() -> None:
    binding = Binding(SimpleNamespace(now=0.0), SimpleNamespace(desired=frozenset, changes=[]), Checkpoint(0, None), 1)
    assert not binding.is_as_at_checkpoint()


def _known(registered: set[int]) -> Known:
    return Known(math.inf, set(registered), set(), set(), set())
