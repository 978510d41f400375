"""The reconcile of a TargetGroupBinding of aws-load-balancer-controller again, naively, step by step as its source.

Written from pkg/targetgroupbinding/resource_manager.go and targets_manager.go, pkg/networking/pod_eni_info_resolver.go,
networking_manager.go and security_group_manager.go, controllers/elbv2/targetgroupbinding_controller.go and
targetgroupbinding_deferred_reconciler.go of kubernetes-sigs/aws-load-balancer-controller, at each tag that is named.
The twin shares only the draws with `sim.control_plane`.

Assumed as there: the resources exist and do not drift, and all pods share one security group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.aws_client_twin import ThrottledError, version_of
from sim.verification.reference.goroutine_twin import Mutex

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from sim.scenario.specs import ControllerSpec
    from sim.streams import Streams
    from sim.verification.reference.aws_client_twin import Client
    from sim.verification.reference.goroutine_twin import Goroutine, Process, Wait
    from sim.verification.reference.service_twin import Service

ELB = "elasticloadbalancing:"
CHUNK = 200
TARGETS_ARE_KEPT_S = 300.0
OTHERS_ARE_KEPT_S = 600.0
REQUEUE_S = 15.0
DEFERRED_S = Uniform(dist="uniform", low=1800, high=2700)

Name = tuple[int, int]


@dataclass
class Checkpoint:
    """The annotations of a TargetGroupBinding: the endpoints of its last reconcile, None to reconcile it anyway."""

    at_s: float
    endpoints: frozenset[Any] | None


@dataclass
class Memory:
    """What a process knows: each target group's targets, and when it has to ask anew for what it knows."""

    targets: dict[Name, dict[Any, str]] = field(default_factory=dict)
    until_s: dict[Any, float] = field(default_factory=dict)
    deferred: dict[Name, float] = field(default_factory=dict)
    check_s: dict[Name, float] = field(default_factory=dict)
    with_rules: set[Name] = field(default_factory=set)


class Bindings:
    """The reconciles of all TargetGroupBindings by one process."""

    def __init__(
        self,
        process: Process,
        client: Client,
        spec: ControllerSpec,
        services: dict[Name, Service],
        checkpoints: dict[Name, Checkpoint],
        streams: Streams,
        cluster: int,
        *,
        sync_period_s: float,
        add: Callable[[Name], None],
    ) -> None:
        self._process = process
        self._client = client
        self._version = version_of(spec.version)
        self._services = services
        self._checkpoints = checkpoints
        self._sync_period_s = sync_period_s
        self._add = add
        self._memory = Memory()
        self.told: set[Name] = set()
        self._targets_mutex = Mutex(process)
        self._network_mutex = Mutex(process)
        self._deferred_for_s = streams.draws(DEFERRED_S, Stream.DEFERRED_CHECK, cluster)

    @property
    def _now_s(self) -> float:
        return self._process.agenda.now_s

    @property
    def _writes_checkpoints(self) -> bool:
        return self._version >= (2, 9, 1)

    @property
    def _hears_of_pods(self) -> bool:
        return self._version >= (3, 4, 0)

    def remember(self, checkpoints: dict[Name, Checkpoint]) -> None:
        """Remember the checks of which the checkpoints tell."""
        self._memory.deferred |= {name: known.at_s + self._sync_period_s for name, known in checkpoints.items()}

    def reconcile(self, name: Name, number: int) -> Generator[Wait, None, float | None]:
        """Reconcile a binding. Return after how long the binding comes back: 0 for a backoff, None if it does not."""
        service = self._services[name]
        endpoints = frozenset(service.ready | service.gated)
        starting = bool(service.starting) and service.has_gates and not self._hears_of_pods
        before = self._checkpoints[name].endpoints
        if self._writes_checkpoints and before == endpoints and not starting and not self._awaits_gate(service):
            self._defer(name)
            return None
        targets = yield from self._list_targets(name, number)
        current = {target: state for target, state in targets.items() if state != "draining"}
        matched = {target: current[target] for target in endpoints & current.keys()}
        joins, leaves = list(endpoints - current.keys()), list(current.keys() - endpoints)
        lacks_network = yield from self._network(name, number, endpoints)
        probes = service.has_gates and any(state != "healthy" for state in matched.values())
        if joins or leaves or lacks_network or starting or probes:
            self._reset(name)
        yield from self._change("DeregisterTargets", name, number, leaves, service.deregister)
        if joins:
            if self._version >= (2, 3, 1):
                yield from self._ask_once("ec2:DescribeVpcs", number)
            yield from self._change("RegisterTargets", name, number, joins, service.register)
        written = service.set_conditions(matched, joins)
        if written and self._hears_of_pods:
            self._add(name)
        probes = probes or (service.has_gates and bool(joins))
        if not (probes or starting or lacks_network):
            self._write(name, endpoints)
            return None
        is_new = bool(joins) or "initial" in matched.values()
        return REQUEUE_S if self._writes_checkpoints or (probes and is_new) else 0.0

    # Checkpoints

    def _awaits_gate(self, service: Service) -> bool:
        return self._hears_of_pods and service.awaits_gate()

    def _reset(self, name: Name) -> None:
        """Write an empty checkpoint, of which the watch tells the controller, which is at work still."""
        if self._writes_checkpoints and self._checkpoints[name].endpoints is not None:
            self._checkpoints[name] = Checkpoint(self._now_s, None)
            self.told.add(name)

    def _write(self, name: Name, endpoints: frozenset[Any]) -> None:
        """Write the checkpoint of a reconcile. What the watch tells of it finds nothing to do."""
        if not self._writes_checkpoints:
            return
        if self._checkpoints[name].endpoints != endpoints:
            self._checkpoints[name] = Checkpoint(self._now_s, endpoints)
        if self._version >= (2, 13, 3) and not self._was_deferred(name):
            self._memory.deferred[name] = self._now_s + self._sync_period_s

    def _was_deferred(self, name: Name) -> bool:
        return self._now_s < self._memory.deferred.get(name, float("-inf"))

    def _is_old(self, name: Name) -> bool:
        return self._now_s - self._checkpoints[name].at_s > self._sync_period_s

    def _defer(self, name: Name) -> None:
        """Check a binding that was passed over half an hour or more later, if its last check is old."""
        if self._version >= (2, 13, 3):
            if self._was_deferred(name):
                return
            self._memory.deferred[name] = self._now_s + self._sync_period_s
        elif not self._is_old(name):
            return
        due_s = self._now_s + next(self._deferred_for_s)
        if due_s < self._memory.check_s.get(name, float("inf")):
            self._memory.check_s[name] = due_s
            self._process.after(due_s - self._now_s, lambda: self._check(name, due_s))

    def _check(self, name: Name, due_s: float) -> None:
        if self._memory.check_s.get(name) != due_s:
            return
        del self._memory.check_s[name]
        if self._version >= (2, 13, 3) or self._is_old(name):
            self._checkpoints[name] = Checkpoint(self._now_s, None)
            self._add(name)

    # Calls

    def _list_targets(self, name: Name, number: int) -> Generator[Wait, None, dict[Any, str]]:
        """Ask for the targets that were not healthy; for all of them five minutes after all were asked for."""
        yield from self._targets_mutex.lock()
        try:
            known = self._memory.targets.get(name, {}) if self._knows(name) else None
            asks_for = None if known is None else {target for target, state in known.items() if state != "healthy"}
            if asks_for is None or asks_for:
                yield from self._client.call(f"{ELB}DescribeTargetHealth", number)
                answer = self._services[name].states(asks_for)
                healthy = {target: state for target, state in (known or {}).items() if state == "healthy"}
                self._memory.targets[name] = healthy | answer
            if asks_for is None:
                self._memory.until_s[name] = self._now_s + TARGETS_ARE_KEPT_S
            return dict(self._memory.targets[name])
        finally:
            self._targets_mutex.unlock()

    def _knows(self, what: object) -> bool:
        return self._now_s < self._memory.until_s.get(what, float("-inf"))

    def _network(self, name: Name, number: int, endpoints: frozenset[Any]) -> Generator[Wait, None, bool]:
        """Ask for the pods' interfaces and the security group. Return whether that failed and the reconcile goes on."""
        try:
            unknown = [pod for pod in endpoints if not self._knows((name, pod))]
            if unknown:
                yield from self._client.call("ec2:DescribeInstances", number)
                self._memory.until_s |= {(name, pod): self._now_s + OTHERS_ARE_KEPT_S for pod in unknown}
            yield from self._network_mutex.lock()
            try:
                if endpoints:
                    self._memory.with_rules.add(name)
                else:
                    self._memory.with_rules.discard(name)
                if self._memory.with_rules:
                    yield from self._ask_once("ec2:DescribeSecurityGroups", number)
            finally:
                self._network_mutex.unlock()
        except ThrottledError:
            if self._version < (2, 6, 2):
                raise
            return True
        return False

    def _ask_once(self, action: str, number: int) -> Goroutine:
        if not self._knows(action):
            yield from self._client.call(action, number)
            self._memory.until_s[action] = self._now_s + OTHERS_ARE_KEPT_S

    def _change(
        self, operation: str, name: Name, number: int, targets: list[Any], effect: Callable[[Iterable[Any]], None]
    ) -> Goroutine:
        """Change targets, at most 200 by a call. Of what was changed the state is unknown."""
        for first in range(0, len(targets), CHUNK):
            chunk = targets[first : first + CHUNK]
            yield from self._client.call(ELB + operation, number, partial(effect, chunk))
            yield from self._targets_mutex.lock()
            self._targets_mutex.unlock()
            if self._knows(name):
                known = self._memory.targets[name]
                known |= {target: "unknown" for target in chunk if operation == "RegisterTargets" or target in known}
