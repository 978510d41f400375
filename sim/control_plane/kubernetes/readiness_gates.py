"""The readiness gates of a Deployment's pods, as the controller sees and sets them.

A pod may name the condition `target-health.…` among its readiness gates. Such a pod is Ready only once the controller
has set that condition, after it has seen the pod's target healthy. Until then the Endpoints hold the pod's address
among those that are not ready. The controllers register such a pod when its containers are ready.

Modelled: gates and both controllers' part in them, with the condition as an event of the pod. A condition that is True
stays True.

Left out: the time of the status write (part of `deployment.sync_latency_s`), and the webhook that injects gates.

Sources: docs/facts/controller.md §3 and §4, docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from sim.control_plane.kubernetes.endpoints import Endpoints
    from sim.control_plane.kubernetes.pod import Pod


class ReadinessGates:
    """The gates of one Service's pods. `poll_interval_s` is the health check's interval, at which v1 polls them."""

    def __init__(self, endpoints: Endpoints, poll_interval_s: float) -> None:
        self._endpoints = endpoints
        self.poll_interval_s = poll_interval_s
        self._open: set[Pod] = set()
        self._written: set[Pod] = set()

    def closed(self) -> set[Pod]:
        """Return the pods of the Endpoints whose containers are ready and whose gate is closed."""
        return self._endpoints.gated - self._open

    def any_starting(self) -> bool:
        """Return whether the Endpoints hold a pod whose containers are not ready yet."""
        return bool(self._endpoints.starting)

    def write(self, healthy: AbstractSet[Pod], others: AbstractSet[Pod]) -> bool:
        """Write the conditions of pods with gates: True if healthy, else False. Return whether any has changed.

        A True condition stays as it is.
        """
        closed = self.closed()
        opening, unwritten = closed & healthy, (closed & others) - self._written
        self.open(opening)
        self._written |= opening | unwritten
        return bool(opening or unwritten)

    def open(self, pods: Iterable[Pod]) -> None:
        """Set the condition of these pods to True. A True condition stays as it is."""
        for pod in sorted(set(pods) - self._open):
            self._open.add(pod)
            pod.gate_opened.succeed()
