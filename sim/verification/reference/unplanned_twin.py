"""Crashes, failed liveness probes and lost nodes again, naively: every check of a failed pod is counted.

Written from docs/model.md, "Unplanned ends".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.deployment_twin import Deployment

if TYPE_CHECKING:
    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.deployment_twin import Pod

LAST_WITH_40_S = 31


class Unplanned(Deployment):
    """Pods that fail at 0 s. Nothing is told to end."""

    cause = ""
    silent = False

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._spec = getattr(plane.scenario, plane.scenario.disruption)
        self.ending = []
        self._failing = plane.old[: self._spec.pods]
        self._left: set[Pod] = set()
        self._back: set[Pod] = set()
        self._deregistered: set[Pod] = set()

    @property
    def settled(self) -> bool:
        """Return whether every failed pod is in the Endpoints again, and its target healthy."""
        now_s, group = self._plane.agenda.now_s, self._plane.rolled
        healthy_s = [told[0] for told in self._plane.agenda.happened.get("TargetHealthy", [])]
        return all(pod in self._left & group.ready & group.healthy_s.keys() for pod in self._failing) and (
            max(healthy_s, default=0) <= now_s
        )

    def sync(self) -> None:
        """Let the pods fail."""
        for pod in self._failing:
            self._plane.agenda.note("PodFailed", self._plane.agenda.now_s, pod.number, self.cause)
            self.fail(pod)

    def fail(self, pod: Pod) -> None:
        """Let one pod fail."""
        raise NotImplementedError

    def not_ready(self, pod: Pod) -> None:
        """Let the Endpoints and a controller with a fixed lag hear that a pod is not Ready."""
        plane = self._plane
        leaves_s = plane.draw(plane.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_REMOVAL)
        plane.agenda.after(leaves_s, lambda: self._leaves(pod))
        lag = plane.scenario.controller.deregistration_lag_s
        if lag is not None:
            plane.agenda.after(plane.draw(lag, pod, Stream.DEREGISTRATION_LAG), lambda: self._deregister(pod))

    def _deregister(self, pod: Pod) -> None:
        if pod not in self._back:
            self._deregistered.add(pod)
            self._plane.target_group.deregister({pod})

    def _leaves(self, pod: Pod) -> None:
        self._plane.endpoint(pod, joins=False)
        self._left.add(pod)
        if pod in self._back:
            self._joins(pod)

    def _joins(self, pod: Pod) -> None:
        joins_s = self._plane.draw(self._plane.scenario.endpoints.propagation_s, pod, Stream.ENDPOINT_ADDITION)
        self._plane.agenda.after(joins_s, lambda: self._plane.endpoint(pod, joins=True))

    def restart(self, pod: Pod) -> None:
        """Let the container be Ready again after a draw."""
        law = self._spec.restart_s or self._plane.scenario.pod.startup_s
        self._plane.agenda.after(self._plane.draw(law, pod, Stream.CONTAINER_RESTART), lambda: self._is_back(pod))

    def _is_back(self, pod: Pod) -> None:
        plane = self._plane
        plane.agenda.note("ContainerRestarted", plane.agenda.now_s, pod.number)
        self._back.add(pod)
        self.note_checks(pod, plane.agenda.now_s)
        if pod in self._left:
            self._joins(pod)
        lag = plane.scenario.controller.registration_lag_s
        if lag is not None and pod in self._deregistered:
            plane.agenda.after(
                plane.draw(lag, pod, Stream.REGISTRATION_LAG), lambda: plane.target_group.register({pod})
            )
        if len(self._back) == len(self._failing):
            self.complete = True
            plane.agenda.note("RolloutComplete", plane.agenda.now_s)

    def note_checks(self, pod: Pod, back_s: float) -> None:
        """Go through the checks of each ALB node, those that fail and those that pass again."""
        plane = self._plane
        check = plane.scenario.target_group.health_check
        if check is None:
            return
        for node in range(plane.scenario.target_group.alb_nodes):
            at_s = plane.old_since_s + plane.target_group.first_check_s(pod, node)
            while at_s < 0:
                at_s += check.interval_s
            failed = 0
            while at_s < back_s and failed < check.unhealthy_threshold:
                failed += 1
                at_s += check.interval_s
            if failed < check.unhealthy_threshold:
                continue
            fails_s = at_s - check.interval_s + (check.timeout_s if self.silent else 0)
            plane.agenda.note("TargetUnhealthy", fails_s, pod.number, node)
            if back_s == math.inf:
                continue
            while at_s < back_s:
                at_s += check.interval_s
            healthy_s = at_s + (check.healthy_threshold - 1) * check.interval_s
            plane.agenda.note("TargetRecovered", healthy_s, pod.number, node)


class Crash(Unplanned):
    """Containers that crash and restart in place."""

    cause = "crash"

    def fail(self, pod: Pod) -> None:
        """End the process at once."""
        plane, spec = self._plane, self._spec
        plane.agenda.note("ListenerClosed", plane.agenda.now_s, pod.number)
        plane.agenda.note("ProcessCut", plane.agenda.now_s, pod.number)
        seen_s = plane.draw(spec.noticed_after_s, pod, Stream.CRASH_NOTICED)
        plane.agenda.after(seen_s, lambda: self.not_ready(pod))
        plane.agenda.after(seen_s + spec.back_off_s, lambda: self.restart(pod))


class LivenessFailure(Unplanned):
    """Containers that hang, are killed for it, and restart in place."""

    cause = "hang"
    silent = True

    def fail(self, pod: Pod) -> None:
        """Wait for as many failed probes as are needed."""
        spec = self._spec
        probe_s = self._plane.draw(Uniform(dist="uniform", low=0, high=spec.period_s), pod, Stream.LIVENESS_PROBE)
        for _ in range(spec.failure_threshold - 1):
            probe_s += spec.period_s
        self._plane.agenda.after(probe_s + spec.timeout_s, lambda: self._kill(pod))

    def _kill(self, pod: Pod) -> None:
        self.not_ready(pod)
        agenda, spec = self._plane.agenda, self._plane.scenario.pod
        grace_s = spec.termination_grace_period_s
        slept_s = min(spec.pre_stop_sleep_s, grace_s)
        has_handler = spec.on_sigterm != "exit" or spec.serve_after_sigterm_s > 0
        end_s = slept_s + (max(2, grace_s - math.floor(slept_s)) if has_handler else 0)
        agenda.note("Sigterm", agenda.now_s + slept_s, pod.number)
        agenda.note("ListenerClosed", agenda.now_s + end_s, pod.number)
        agenda.note("ProcessCut", agenda.now_s + end_s, pod.number)
        agenda.after(end_s, lambda: self.restart(pod))


class NodeLost(Unplanned):
    """A node that is lost, whose pods are replaced in the end."""

    cause = "node_lost"
    silent = True

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._ready = 0

    @property
    def settled(self) -> bool:
        """Return whether the lost pods' targets are deregistered, and some target is healthy."""
        keeps_some = len(self._failing) < self._n
        return all(pod.deregistered for pod in self._failing) and (keeps_some or self._plane.has_healthy)

    def sync(self) -> None:
        """Lose the node, and find out."""
        super().sync()
        spec, streams = self._spec, self._plane.streams
        heartbeat_s = streams.indexed(spec.heartbeat_age_s, Stream.NODE_LOST, 0)[0]
        looks_s = streams.indexed(spec.monitored_after_s, Stream.NODE_LOST, 1)[0]
        minor = int(self._plane.scenario.kubernetes.version.split(".")[1])
        grace_s = spec.node_monitor_grace_s or (40 if minor <= LAST_WITH_40_S else 50)
        self._plane.agenda.after(max(0, grace_s - heartbeat_s) + looks_s, self._is_not_ready)

    def fail(self, pod: Pod) -> None:
        """Let a pod vanish."""
        self._plane.agenda.note("ListenerClosed", self._plane.agenda.now_s, pod.number)
        self.note_checks(pod, math.inf)

    def _is_not_ready(self) -> None:
        for pod in self._failing:
            self.not_ready(pod)
        self._plane.agenda.after(self._spec.toleration_s, self._replace)

    def _replace(self) -> None:
        for pod in self._failing:
            self._plane.agenda.note("PodDeleted", self._plane.agenda.now_s, pod.number)
        self._wanted_new = len(self._failing)
        self._sync_replica_set()

    def ready(self, pod: Pod) -> None:  # noqa: ARG002 - which one does not matter
        """Count a replacement."""
        self._ready += 1
        if self._ready == len(self._failing):
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)
