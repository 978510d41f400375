"""What is unwise in a switch to another cluster: an old side that goes too early, and a new one that comes too late.

Sources: docs/facts/capacity.md §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.problems import Advice, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import Scenario

_WORTH_TELLING = 0.01
_LATEST = 0.999


def _too_soon(scenario: Scenario) -> Iterator[Advice]:
    spec, rate_rps = scenario.cluster_switch, scenario.traffic.arrival_rate_rps
    changed_s = float(spec.record_change_s.ppf(_LATEST))
    obeyed_s = changed_s + spec.record_ttl_s
    removed_s = min(spec.old_pods_removed_at_s, spec.old_alb_deleted_at_s)
    share = float(spec.still_old(removed_s - changed_s))
    if removed_s < obeyed_s:
        yield Advice(
            "cluster_switch.old_pods_removed_at_s",
            f"{plain(removed_s)} s is sooner than the record's change and its TTL, {plain(round(obeyed_s, 1))} s: "
            f"caches that do as they should still hold the old address ({100 * share:.2g} % of new connections)",
        )
    elif share > _WORTH_TELLING:
        yield Advice(
            "cluster_switch.old_pods_removed_at_s",
            f"{100 * share:.2g} % of new connections, up to {rate_rps * share:.3g} requests a second, still go to the "
            f"old ALB after {plain(removed_s)} s (`albsim recommend` says how long to keep it)",
        )


def _pinned(scenario: Scenario) -> Iterator[Advice]:
    spec = scenario.cluster_switch
    if spec.pinned_fraction:
        lost_rps = scenario.traffic.arrival_rate_rps * spec.pinned_fraction
        yield Advice(
            "cluster_switch.pinned_fraction",
            f"{100 * spec.pinned_fraction:.2g} % of clients never look the name up again: {lost_rps:.3g} requests a "
            "second fail for as long as they run, however long the old side is kept",
        )


def _open_connections(scenario: Scenario) -> Iterator[Advice]:
    spec = scenario.cluster_switch
    removed_s, deleted_s = spec.old_pods_removed_at_s, spec.old_alb_deleted_at_s
    if spec.kept_alive_fraction and removed_s < min(deleted_s, spec.client_keep_alive_s):
        yield Advice(
            "cluster_switch.old_alb_deleted_at_s",
            f"from {plain(removed_s)} to {plain(deleted_s)} s the old ALB has no targets and keeps its connections, "
            f"which live for up to {plain(spec.client_keep_alive_s)} s. Clients of "
            "those connections get 503s and look nothing up",
        )


def _comes_late(scenario: Scenario) -> Iterator[Advice]:
    spec, created_s = scenario.cluster_switch, scenario.cluster_switch.new_pods_created_at_s
    if created_s is None:
        return
    check = scenario.target_group.health_check
    checked_s = check.interval_s if check else 0.0
    healthy_s = created_s + float(scenario.pod.startup_s.ppf(_LATEST)) + checked_s
    changed_s = float(spec.record_change_s.ppf(1 - _LATEST))
    if healthy_s > changed_s:
        yield Advice(
            "cluster_switch.new_pods_created_at_s",
            f"of the pods created at {plain(created_s)} s the slowest is a healthy target at "
            f"{plain(round(healthy_s, 1))} s at best, and the record may change at {plain(round(changed_s, 1))} s. "
            "The new ALB has too few targets by then",
        )


def _on_switches(scenario: Scenario) -> Iterator[Advice]:
    if scenario.disruption == ClusterSwitchSpec.kind:
        for rule in (_too_soon, _pinned, _open_connections, _comes_late):
            yield from rule(scenario)


ON_SWITCHES: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (_on_switches,)
