"""Advice on the faults and the load of the ingress controller. `advice` has the rest.

Sources: LBC issue 1359, 100 ingresses in 2 to 3 minutes, for the 1.2 s that v1 takes for an ingress at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Advice, plain
from sim.scenario.releases import IngressControllerRelease, LoadBalancerControllerRelease, first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.controller import ControllerSpec
    from sim.scenario.releases import Release
    from sim.scenario.specs import Scenario

_INGRESS_S = 1.2
_INFORMERS = 2


def _controllers(scenario: Scenario) -> Iterator[tuple[str, ControllerSpec, int]]:
    """Yield each cluster's controller: the key of its spec, the spec, and the number of the cluster's ingresses."""
    if scenario.controller.release is not None:
        yield "controller", scenario.controller, scenario.controller.ingresses
    for number, cluster in enumerate(scenario.aws_api.other_clusters):
        yield (
            f"aws_api.other_clusters.{number}.controller",
            cluster.controller or scenario.controller,
            cluster.ingresses,
        )


def _node_events(scenario: Scenario) -> Iterator[Advice]:
    for key, controller, _ in _controllers(scenario):
        if controller.node_events_per_s and isinstance(controller.release, LoadBalancerControllerRelease):
            yield Advice(
                f"{key}.node_events_per_s",
                f"has no effect: {controller.version} reconciles only target groups of instances for a node",
            )


def _everything_too_often(scenario: Scenario) -> Iterator[Advice]:
    for key, controller, ingresses in _controllers(scenario):
        if not isinstance(controller.release, IngressControllerRelease):
            continue
        takes_s = ingresses * _INGRESS_S / controller.max_concurrent_reconciles
        for name, per_s in (
            ("sync_period_s", _INFORMERS / controller.sync_period_s if controller.sync_period_s else 0.0),
            ("node_events_per_s", controller.node_events_per_s),
        ):
            if per_s * takes_s > 1:
                yield Advice(
                    f"{key}.{name}",
                    f"all {ingresses} ingresses are enqueued every {plain(round(1 / per_s, 1))} s, and to reconcile "
                    f"them takes at least {plain(round(takes_s, 1))} s: the queue is never empty (LBC issue 1359)",
                )


def _readiness_gate(scenario: Scenario) -> Iterator[Advice]:
    release = scenario.controller.release
    if not isinstance(release, LoadBalancerControllerRelease):
        return
    if scenario.pod.readiness_gate and not release.polls_steadily:
        yield Advice(
            "controller.version",
            f"{scenario.controller.version} looks at a readiness gate again only after a backoff that grows to 1000 s. "
            "A new pod may not become Ready for 16 minutes, though its target is healthy; "
            f"{first(_polls_steadily)} looks every 15 s (LBC issue 3622)",
        )


def _polls_steadily(release: Release) -> bool:
    return isinstance(release, LoadBalancerControllerRelease) and release.polls_steadily


def _restart(scenario: Scenario) -> Iterator[Advice]:
    controller, pod = scenario.controller, scenario.pod
    if controller.restart_at_s is None and "restart_takes_s" in controller.model_fields_set:
        yield Advice("controller.restart_takes_s", "has no effect without controller.restart_at_s")
    serves_s = pod.pre_stop_sleep_s + pod.serve_after_sigterm_s
    if controller.restart_at_s is None or pod.on_sigterm == "ignore" or not serves_s:
        return
    longer = float(controller.restart_takes_s.sf(serves_s))
    if longer > 0:
        yield Advice(
            "controller.restart_at_s",
            f"in {longer:.0%} of cases there is no controller for longer than the {plain(serves_s)} s for which a "
            "deleted pod serves, and then its successor reconciles everything first",
        )


ON_CONTROLLERS: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (
    _node_events,
    _everything_too_often,
    _readiness_gate,
    _restart,
)
