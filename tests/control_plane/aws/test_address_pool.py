"""Oracles: the tables of the CNI's own documentation, and the closed form of `albsim addresses`.

The rows are those of amazon-vpc-cni-k8s docs/eni-and-ip-target.md and prefix-and-ip-target.md, as quoted in
docs/facts/capacity.md §1: (type, targets, pods) with interfaces and slots.
"""

from __future__ import annotations

from collections import Counter
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.capacity.pool import Limits, settled
from sim.control_plane.aws.address_pool import AddressPool, Interface
from sim.scenario.instance_types import instance_types
from sim.scenario.specs import NodesSpec, VpcCniSpec
from sim.verification.reference.agenda_twin import Agenda
from sim.verification.reference.pool_twin import Interface as TwinInterface
from sim.verification.reference.pool_twin import Pool, Subnet

W1: dict[str, Any] = {}
PREFIX = {"prefix_delegation": True}


def _targets(warm: int, minimum: int, **others: Any) -> dict[str, Any]:
    return {"warm_ip_target": warm, "minimum_ip_target": minimum, **others}


def _pool(name: str, cni: dict[str, Any]) -> AddressPool:
    kind = instance_types()[name]
    max_pods = kind.max_pods_prefix if cni.get("prefix_delegation") else kind.max_pods
    return AddressPool(
        VpcCniSpec.model_validate(cni),
        interfaces=kind.max_enis,
        slots_per_interface=kind.slots_per_eni,
        max_pods=max_pods or kind.max_pods,
    )


def _step(pool: AddressPool, now_s: float) -> bool:
    """Do what a pass of ipamd does, from a subnet without end, and return whether there was anything to do."""
    held = pool.held
    if pool.slots_wanted > 0 and pool.may_grow:
        interface = pool.with_room
        if interface is None:
            slots = pool.slots_of_new_interface()
            pool.interfaces.append(interface := Interface(now_s))
        else:
            slots = pool.slots_for(interface)
        pool.add_slots(interface, slots)
    elif pool.slots_over() > 0:
        pool.return_slots(now_s)
    spare = pool.spare_interface(now_s)
    if spare is not None:
        pool.remove(spare)
    return pool.held != held or spare is not None


def _settle(pool: AddressPool, now_s: float) -> None:
    for _ in range(200):
        if not _step(pool, now_s):
            return
    raise AssertionError("the pool comes to no rest")


@pytest.mark.parametrize(
    ("name", "cni", "rows"),
    [
        ("t3.small", W1, {0: (1, 3), 5: (3, 9), 9: (3, 9)}),
        ("t3.small", _targets(1, 1), {0: (1, 1), 5: (2, 6), 9: (3, 9)}),
        ("t3.small", _targets(2, 5), {0: (2, 5), 5: (3, 7), 9: (3, 9)}),
        ("p3dn.24xlarge", W1, {0: (1, 49), 3: (2, 98), 95: (3, 147)}),
        ("p3dn.24xlarge", _targets(5, 10), {0: (1, 10), 7: (1, 12), 15: (1, 20), 45: (2, 50)}),
        ("t3.small", PREFIX, {0: (1, 1), 5: (1, 2), 16: (1, 2), 17: (1, 3), 58: (2, 5)}),
        ("t3.small", _targets(1, 1, **PREFIX), {0: (1, 1), 5: (1, 1), 17: (1, 2), 58: (2, 4)}),
    ],
)
def test_the_tables_of_the_cni(name: str, cni: dict[str, Any], rows: dict[int, tuple[int, int]]) -> None:
    for pods, found in rows.items():
        pool = _pool(name, cni)
        _settle(pool, 0)
        for pod in range(pods):
            assert pool.assign(pod, 0)
            _settle(pool, 0)
        assert (len(pool.interfaces), pool.total // pool.per_slot) == found, f"with {pods} pods"


def test_a_minimum_without_a_warm_target_never_grows_beyond_it() -> None:
    pool = _pool("c5.4xlarge", _targets(0, 10))
    for pod in range(20):
        _settle(pool, 0)
        assert pool.assign(pod, 0) == (pod < 10)
    assert pool.total == 10


def test_an_interface_gives_back_all_its_prefixes_and_its_own_address() -> None:
    pool = _pool("c5.large", PREFIX)
    for slots in (3, 2):
        pool.interfaces.append(interface := Interface(0))
        pool.add_slots(interface, slots)
    assert pool.held == 3 + 16 * 5
    assert pool.remove(pool.interfaces[-1]) == 1 + 16 * 2
    assert pool.held == 2 + 16 * 3


@pytest.mark.parametrize(("slots", "spare"), [((9, 0), True), ((9, 1), False), ((9, 9), True)])
def test_with_prefixes_an_interface_is_spare_if_it_is_empty_or_two_full_ones_are_free(
    slots: tuple[int, int], *, spare: bool
) -> None:
    """c5.large: nine prefixes on each interface, and one prefix is kept warm."""
    pool = _pool("c5.large", PREFIX)
    pool.interfaces.append(Interface(0))
    for interface, n in zip(pool.interfaces, slots, strict=True):
        pool.add_slots(interface, n)
    assert (pool.spare_interface(60) is not None) is spare


def test_an_address_cools_down_and_counts_as_available() -> None:
    """A burst of restarts waits: one address is warm and cooling, so no more are wanted (facts §1)."""
    pool = _pool("c5.4xlarge", _targets(1, 1))
    _settle(pool, 0)
    assert pool.assign("one", 0)
    _settle(pool, 0)
    assert pool.assign("two", 0)
    pool.release("one", 10)
    assert pool.available == 1
    assert pool.slots_wanted == 0
    assert not pool.assign("three", 39.9)
    assert pool.assign("three", 40.0)


@pytest.mark.parametrize(("pods", "is_spare"), [(32, True), (33, False), (40, False)])
def test_with_prefixes_an_interface_is_kept_until_the_others_have_whole_prefixes_warm(
    *, pods: int, is_spare: bool
) -> None:
    """Three prefixes of 16 on the first interface: without the second one 16, 15 or 8 are warm.

    WARM_IP_TARGET 1 is a whole prefix there (isRequiredForWarmIPTarget, data_store.go).
    """
    pool = _pool("t3.small", _targets(1, 1, **PREFIX))
    pool.add_slots(pool.interfaces[0], 3)
    for pod in range(pods):
        assert pool.assign(pod, 0)
    pool.interfaces.append(second := Interface(0))
    pool.add_slots(second, 1)
    assert (pool.spare_interface(1000) is second) == is_spare


def test_an_interface_is_free_when_the_last_of_its_addresses_has_cooled_down() -> None:
    """Pods leave at 100 s and at 500 s, and an address cools down for 30 s."""
    pool = _pool("c5.4xlarge", W1)
    interface = pool.interfaces[0]
    pool.add_slots(interface, 2)
    assert all(pool.assign(pod, 0) for pod in ("one", "two"))
    pool.release("one", 100)
    pool.release("two", 500)
    assert pool.free_from_s(interface) == 530


CNIS = st.one_of(
    st.builds(lambda warm: {"warm_eni_target": warm}, st.integers(0, 2)),
    st.builds(lambda warm: {"warm_prefix_target": warm, **PREFIX}, st.integers(0, 2)),
    st.builds(_targets, st.integers(1, 12), st.integers(0, 30)),
    st.builds(lambda warm, minimum: _targets(warm, minimum, **PREFIX), st.integers(1, 30), st.integers(0, 60)),
)
TYPES = st.sampled_from(["t3.small", "t3.medium", "c5.large", "c5.xlarge", "m5.2xlarge"])


@settings(max_examples=40)
@given(name=TYPES, cni=CNIS, data=st.data())
def test_after_any_churn_a_pool_ends_where_the_closed_form_says(name: str, cni: dict[str, Any], data: Any) -> None:
    """Pods come and go one by one, each after the pool has settled and cooled down, and stay well below max pods.

    Single addresses are given back exactly. An interface or a prefix on which a pod is left is kept: there are never
    fewer than the form says, and more only for those.
    """
    pool, now_s = _pool(name, cni), 0.0
    kind = instance_types()[name]
    max_pods = kind.max_pods_prefix if "prefix_delegation" in cni else kind.max_pods
    limits = Limits(kind.max_enis, kind.slots_per_eni, max_pods or kind.max_pods)
    most = max(1, limits.max_pods - 40 if "prefix_delegation" in cni else (kind.max_enis - 2) * kind.slots_per_eni)
    pods: list[int] = []
    for number, comes in enumerate(data.draw(st.lists(st.booleans(), max_size=30))):
        _settle(pool, now_s)
        if comes and len(pods) < most:
            assert pool.assign(number, now_s)
            pods.append(number)
        elif pods:
            pool.release(pods.pop(data.draw(st.integers(0, len(pods) - 1))), now_s)
        now_s += 100
    _settle(pool, now_s)
    form = settled(limits, VpcCniSpec.model_validate(cni), len(pods))
    slots = pool.total // pool.per_slot
    if "warm_eni_target" in cni:
        scattered = sum(any(a.pod is not None for a in e.addresses()) for e in pool.interfaces) * kind.slots_per_eni
        spare = (cni["warm_eni_target"] + 1) * kind.slots_per_eni
    else:
        scattered = sum(any(a.pod is not None for a in slot) for e in pool.interfaces for slot in e.slots)
        spare = cni.get("warm_prefix_target", 0) or 1
    assert form.slots <= slots <= max(form.slots, scattered + spare)
    if "warm_ip_target" in cni and "prefix_delegation" not in cni:
        assert slots == form.slots


ACTIONS = st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.floats(0, 50)), max_size=60)


@given(name=TYPES, cni=CNIS, actions=ACTIONS)
def test_no_address_is_in_two_places_or_used_before_it_has_cooled_down(
    name: str, cni: dict[str, Any], actions: list[tuple[bool, int, float]]
) -> None:
    pool, now_s = _pool(name, cni), 0.0
    left_s: dict[int, float] = {}
    kind = instance_types()[name]
    for comes, pod, later_s in actions:
        now_s += later_s
        before = {id(a): a for e in pool.interfaces for a in e.addresses() if a.pod is not None}
        if comes and all(a.pod != pod for a in before.values()):
            if pool.assign(pod, now_s):
                (new,) = (a for e in pool.interfaces for a in e.addresses() if a.pod == pod)
                assert id(new) not in before
                assert now_s >= left_s.get(id(new), -100) + 30
        elif not comes:
            left_s |= {key: now_s for key, address in before.items() if address.pod == pod}
            pool.release(pod, now_s)
        _step(pool, now_s)
        taken = Counter(a.pod for e in pool.interfaces for a in e.addresses() if a.pod is not None)
        assert set(taken.values()) <= {1}
        assert pool.assigned == sum(taken.values())
        assert pool.total == pool.per_slot * sum(e.size for e in pool.interfaces)
        assert len(pool.interfaces) <= kind.max_enis
        assert all(e.size <= kind.slots_per_eni for e in pool.interfaces)


KINDS = st.sampled_from(["assign", "assign", "release", "grow", "grow", "grow", "shrink", "free"])
STEPS = st.lists(st.tuples(KINDS, st.integers(1, 30), st.floats(0, 70)), min_size=15, max_size=40)


@settings(max_examples=60)
@given(name=TYPES, cni=CNIS, steps=STEPS, max_pods=st.integers(3, 250))
def test_every_decision_is_that_of_the_twin(
    name: str, cni: dict[str, Any], steps: list[tuple[str, int, float]], max_pods: int
) -> None:
    """The twin is written from docs/facts/capacity.md §1 alone."""
    spec = VpcCniSpec.model_validate(cni)
    nodes = NodesSpec.model_validate({"instance_type": name, "count": 1, "max_pods": max_pods})
    agenda = Agenda(0.0)
    twin = Pool(agenda, nodes, spec, Subnet(agenda, 0, 100_000))
    kind = instance_types()[name]
    pool = AddressPool(spec, interfaces=kind.max_enis, slots_per_interface=kind.slots_per_eni, max_pods=max_pods)
    pods: list[int] = []
    numbers = count()
    for what, several, later_s in steps:
        agenda.now_s += later_s
        if what == "assign":
            pods += _assign_to_both(pool, twin, list(islice(numbers, several)))
        elif what == "release":
            pods, gone = pods[several:], pods[:several]
            for pod in gone:
                pool.release(pod, agenda.now_s)
                twin.take_back(pod)
        elif what == "grow":
            _grow_both(pool, twin, agenda.now_s)
        elif what == "shrink":
            _shrink_both(pool, twin, agenda.now_s)
        else:
            _free_of_both(pool, twin, agenda.now_s)
        assert (pool.slots_wanted, pool.slots_over(), pool.held) == (twin.need(), twin.over(), twin.held())


def _assign_to_both(pool: AddressPool, twin: Pool, pods: list[int]) -> list[int]:
    given = [pod for pod in pods if pool.assign(pod, twin.agenda.now_s)]
    assert given == [pod for pod in pods if twin.give(pod)]
    return given


def _shrink_both(pool: AddressPool, twin: Pool, now_s: float) -> None:
    assert pool.has_cool_slot(now_s) == any(slot.is_cool(now_s) for slot in twin.slots())
    held = twin.held()
    twin.return_slots()
    assert pool.return_slots(now_s) == held - twin.held()


def _free_of_both(pool: AddressPool, twin: Pool, now_s: float) -> None:
    spare = pool.spare_interface(now_s)
    of_twin = [interface for interface in twin.interfaces[1:] if twin.is_spare(interface)]
    assert (spare is None) == (not of_twin)
    if spare is not None:
        assert pool.interfaces.index(spare) == twin.interfaces.index(of_twin[0])
        assert pool.remove(spare) == 1 + twin.k * len(of_twin[0].slots)
        twin.interfaces.remove(of_twin[0])


def _grow_both(pool: AddressPool, twin: Pool, now_s: float) -> None:
    """Fill the first interface with room, or add one, where the pool wants more."""
    if pool.slots_wanted == 0 or not pool.may_grow:
        return
    interface = pool.with_room
    if interface is None:
        slots = pool.slots_of_new_interface()
        pool.interfaces.append(interface := Interface(now_s))
        twin.interfaces.append(TwinInterface(now_s))
    else:
        slots = pool.slots_for(interface)
    place = pool.interfaces.index(interface)
    assert slots == min(twin.need(), twin.m - len(twin.interfaces[place].slots))
    pool.add_slots(interface, slots)
    twin.interfaces[place].slots += twin.new(slots)
