"""The pods of one cluster's Service again, naively: how each comes, is a target, and ends.

Written from docs/model.md, "Control plane", and docs/facts/kubernetes.md §1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.last_request_twin import last_done_s

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario
    from sim.streams import IndexedDraws, Sampler, Streams
    from sim.verification.reference.account_twin import Account, AnyController
    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.deployment_twin import Deployment, Pod
    from sim.verification.reference.nodes_twin import Nodes
    from sim.verification.reference.service_twin import RolledService
    from sim.verification.reference.target_group_twin import TargetGroup

FIRST_STATUS_S = 2.0


class Side:
    """A cluster's Deployment with its Service, its target group, its nodes if there are any, and its controller."""

    rolled: RolledService
    target_group: TargetGroup
    deployment: Deployment
    nodes: Nodes | None
    account: Account

    def __init__(self, scenario: Scenario, streams: Streams, agenda: Agenda, old: list[Pod]) -> None:
        self.scenario, self.streams, self.agenda, self.old = scenario, streams, agenda, old
        self.old_since_s = agenda.now_s
        self.controller: AnyController | None = None
        self.has_healthy = False
        self._draws: dict[tuple[int, ...], IndexedDraws] = {}
        self.canary: RolledService | None = None

    def draw(self, law: Sampler, pod: Pod, stream: Stream, *entity: int) -> float:
        """Return this pod's draw."""
        key = (stream, *entity, pod.is_new)
        if key not in self._draws:
            self._draws[key] = self.streams.indexed(law, stream, *entity, int(pod.is_new))
        return self._draws[key][pod.ordinal]

    def service(self, pod: Pod) -> RolledService:
        """Return the Service of a pod: the new ones of a canary have another one."""
        return self.canary if self.canary is not None and pod.is_new and not pod.returns else self.rolled

    # A pod's life

    def created(self, pod: Pod) -> None:
        """Let a new pod start, on a node if there are any."""
        self.agenda.note("PodCreated", self.agenda.now_s, pod.number)
        if self.nodes is None:
            self._starts(pod)
        else:
            self.nodes.admit(pod, lambda: self._starts(pod))

    def _starts(self, pod: Pod) -> None:
        startup_s = self.draw(self.scenario.pod.startup_s, pod, Stream.POD_STARTUP)
        pod.is_ready_at_first = startup_s <= FIRST_STATUS_S
        if not pod.is_ready_at_first:
            self.agenda.after(FIRST_STATUS_S, lambda: self.has_address(pod))
        self.agenda.after(startup_s, lambda: self.containers_ready(pod))

    def has_address(self, pod: Pod) -> None:
        """Tell Endpoints of the address of a pod that is not ready yet."""
        joins_s = self.draw(self.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_ADDITION)
        self.agenda.after(joins_s, lambda: self.not_ready_address(pod))

    def not_ready_address(self, pod: Pod) -> None:
        """Let the controller's watch see the address of a pod that is not ready."""
        service = self.service(pod)
        if pod in service.ready or pod.missed:
            return
        service.starting.add(pod)
        self._endpoints_changed(service)
        if service.has_gates and pod.has_ready_containers:
            self._gated_later(pod)

    def containers_ready(self, pod: Pod) -> None:
        """Let a pod accept connections. The pod is Ready at once, or when its gate is open."""
        self.agenda.note("PodReady", self.agenda.now_s, pod.number)
        pod.has_ready_containers = True
        if not self.rolled.has_gates:
            self.ready(pod)
        elif pod.is_ready_at_first or pod in self.service(pod).starting:
            self._gated_later(pod)

    def _gated_later(self, pod: Pod) -> None:
        joins_s = self.draw(self.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_ADDITION)
        self.agenda.after(joins_s, lambda: self.gated(pod))

    def gated(self, pod: Pod) -> None:
        """Let the controller's watches see a pod whose containers are ready and whose gate is closed."""
        service = self.service(pod)
        if pod.missed:
            return
        service.gated.add(pod)
        if pod.is_ready_at_first:
            self._endpoints_changed(service)
        service.starting.discard(pod)
        if self.controller is not None:
            self.controller.containers_ready(0, service)

    def gate_opened(self, pod: Pod) -> None:
        """Open a pod's gate."""
        self.agenda.note("ReadinessGateOpened", self.agenda.now_s, pod.number)
        self.ready(pod)

    def ready(self, pod: Pod) -> None:
        """Let a pod be Ready."""
        if self.nodes is not None:
            self.nodes.is_ready(pod)
        joins_s = self.draw(self.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_ADDITION)
        self.agenda.after(joins_s, lambda: self.endpoint(pod, joins=True))
        lag = self.scenario.controller.registration_lag_s
        if lag is not None:
            lag_s = self.draw(lag, pod, Stream.REGISTRATION_LAG)
            self.agenda.after(lag_s, lambda: self.target_group.register(set() if pod.dropped else {pod}))
        self.deployment.ready(pod)

    def deleted(self, pod: Pod) -> None:
        """Begin the grace period and preStop, and concurrently the removal from Endpoints."""
        if self.nodes is not None:
            self.nodes.is_deleted(pod)
        self.told_to_end(pod)
        leaves_s = self.draw(self.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_REMOVAL)
        self.agenda.after(leaves_s, lambda: self.endpoint(pod, joins=False))
        lag = self.scenario.controller.deregistration_lag_s
        if lag is not None:
            lag_s = self.draw(lag, pod, Stream.DEREGISTRATION_LAG)
            self.agenda.after(lag_s, lambda: self.drop(pod))

    def drop(self, pod: Pod) -> None:
        """Deregister a pod; one that is not registered yet never is."""
        self.target_group.deregister({pod})
        pod.dropped = pod.deregistered = True

    def told_to_end(self, pod: Pod) -> None:
        """Begin a deleted pod's grace period and preStop."""
        self.agenda.note("PodDeleted", self.agenda.now_s, pod.number)
        if self.scenario.pod.pre_stop_fails_health_check:
            self.target_group.checks_fail(pod)
        in_pre_stop_s = min(self.scenario.pod.pre_stop_sleep_s, self.scenario.pod.termination_grace_period_s)
        self.agenda.after(in_pre_stop_s, lambda: self.sigterm(pod))

    def sigterm(self, pod: Pod) -> None:
        """Send SIGTERM. SIGKILL follows when the grace period is over, two seconds later at the earliest."""
        spec = self.scenario.pod
        self.agenda.note("Sigterm", self.agenda.now_s, pod.number)
        grace_s = spec.termination_grace_period_s
        kill_s = max(2, grace_s - math.floor(min(spec.pre_stop_sleep_s, grace_s)))
        close_s = kill_s if spec.on_sigterm == "ignore" else min(spec.serve_after_sigterm_s, kill_s)
        cut_at_s = self.agenda.now_s + (close_s if spec.on_sigterm == "exit" else kill_s)
        self.agenda.after(close_s, lambda: self.closed(pod, cut_at_s))

    def closed(self, pod: Pod, cut_at_s: float) -> None:
        """Let the pod refuse new connections."""
        self.agenda.note("ListenerClosed", self.agenda.now_s, pod.number)
        self.agenda.note("ProcessCut", cut_at_s, pod.number)
        if not self.scenario.pod.pre_stop_fails_health_check:
            self.target_group.checks_fail(pod)
        pod.cut = True
        if self.deployment.waits_for_gone or self.nodes is not None:
            self._told_when_gone(pod, self._gone_s(pod, cut_at_s))

    def _told_when_gone(self, pod: Pod, gone_s: float) -> None:
        if self.deployment.waits_for_gone:
            if self.scenario.pod.on_sigterm == "drain":
                self.agenda.note("PodGone", gone_s, pod.number)
            self.deployment.gone_at(pod, gone_s)
        nodes = self.nodes
        if nodes is not None:
            self.agenda.after(gone_s - self.agenda.now_s, lambda: nodes.leaves(pod))

    def _gone_s(self, pod: Pod, cut_at_s: float) -> float:
        """Return when the pod's sandbox is stopped."""
        drains = self.scenario.pod.on_sigterm == "drain"
        done_s = last_done_s(self, pod, cut_at_s) if drains else cut_at_s
        return done_s + self.scenario.pod.sandbox_teardown_s

    def some_target_is_healthy(self) -> None:
        """Note that every ALB node has a healthy target of the new ones."""
        self.has_healthy = True

    def endpoint(self, pod: Pod, *, joins: bool) -> None:
        """Let the controller's watch see the endpoint come or go."""
        service = self.service(pod)
        if joins and pod.missed:
            return
        is_seen, is_target = pod in service.starting, pod in service.ready | service.gated
        if not joins:
            pod.left, pod.missed = True, pod not in service.ready
        for pods in (service.starting, service.gated, service.ready):
            pods.discard(pod)
        if joins:
            service.ready.add(pod)
        if joins or is_target:
            self.agenda.note("EndpointAdded" if joins else "EndpointRemoved", self.agenda.now_s, pod.number)
        if joins or is_target or is_seen:
            self._endpoints_changed(service)

    def _endpoints_changed(self, service: RolledService) -> None:
        if self.controller is not None:
            self.controller.endpoints_changed(0, service)
