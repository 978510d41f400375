"""The ALB Ingress Controller v1.1.x again, naively: its queue, its reconcile as a list of steps, its client.

Written from docs/model.md, "The ingress controller", and docs/facts/controller.md §3. The twin shares only the draws
with `sim.control_plane`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from sim.streams import Stream
from sim.verification.reference.aws_twin import Bucket, Quota, is_retried, pinned, wait_s
from sim.verification.reference.controller_process_twin import ControllerProcess

if TYPE_CHECKING:
    from sim.scenario.specs import AwsApiSpec, ControllerSpec
    from sim.streams import Streams
    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.aws_twin import Api
    from sim.verification.reference.service_twin import Service

ELB = "elasticloadbalancing:"
SUBNET_ROLES = ("elb", "internal-elb")
READS = ("Describe", "Get", "List")
WAF = ("waf-regional:GetWebACLForResource", "wafv2:GetWebACLForResource")


@dataclass
class Worker:
    """A worker and what is left of its reconcile: steps, in order."""

    ingress: int = -1
    reconcile: int = -1
    began_s: float = 0.0
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    seen: set[Any] = field(default_factory=set)
    n_addresses: int = 0
    weight: int = 0


class Controller(ControllerProcess):
    """One cluster's controller."""

    def __init__(
        self,
        agenda: Agenda,
        api: Api,
        aws_api: AwsApiSpec,
        spec: ControllerSpec,
        streams: Streams,
        ingresses: list[list[Service]],
        *,
        cluster: int,
    ) -> None:
        self._api = api
        self._patch = int(spec.version[len("v1.1.") :])
        self._policy = aws_api.retryer or pinned(spec.version)
        self._aws_api = aws_api
        self._n_reconciles = count()
        super().__init__(agenda, spec, streams, ingresses, cluster=cluster)

    def _begin(self, streams: Streams) -> None:
        super()._begin(streams)
        self._latency_s = streams.draws(self._aws_api.latency_s, Stream.API_LATENCY, self._cluster)
        self._uniform = streams.uniforms(Stream.API_BACKOFF, self._cluster)
        self._quota = Quota() if self._policy == "botocore-standard" else None
        self._waiting: list[int] = []
        self._busy: set[int] = set()
        self._again: set[int] = set()
        self._failures = dict.fromkeys(range(len(self.ingresses)), 0)
        self._due_s: dict[int, float] = {}
        self._requeues = Bucket(100, 10)
        self._idle = [Worker() for _ in range(self._spec.max_concurrent_reconciles)]
        self._known_until_s: dict[tuple[Any, ...], float] = {}

    # The queue

    def containers_ready(self, _ingress: int, _service: Service) -> None:
        """Pass over a pod whose gate is closed: the twin knows no gates of v1."""

    def endpoints_changed(self, ingress: int, _service: Service | None = None) -> None:
        """Enqueue every ingress of the namespace; from v1.1.6 on, those that use the Service."""
        if self._patch <= 5:
            self._add_all()
        elif self._is_up:
            self._add(ingress)

    def _add(self, number: int) -> None:
        if number in self._busy:
            self._again.add(number)
        elif number not in self._waiting:
            self._waiting.append(number)
            self._later(0, self._hand_out)

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            number = self._waiting.pop(0)
            self._idle.pop(0)
            self._busy.add(number)
            worker = Worker(number, next(self._n_reconciles), self._agenda.now_s, self._sequence(number))
            worker.weight = self.rules[number].wanted if number in self.rules else 0
            self._go_on(worker)

    def _end(self, worker: Worker, error: str | None) -> None:
        now_s, number = self._agenda.now_s, worker.ingress
        self._agenda.note("Reconciled", worker.began_s, now_s, self._cluster, number, worker.reconcile, error)
        self._busy.remove(number)
        if number in self._again:
            self._again.remove(number)
            self._add(number)
        if error is None:
            self._failures[number] = 0
            self._free()
            return
        own_s = 0.005 * 2 ** min(self._failures[number], 20)
        self._failures[number] += 1
        self._add_at(number, now_s + max(min(own_s, 1000.0), self._requeues.wait_s(now_s)))
        self._later(1.0, self._free)

    def _add_at(self, number: int, due_s: float) -> None:
        """Add an item at a time. Of several such times the earliest counts (client-go delaying_queue.go, insert)."""
        if number in self._due_s and self._due_s[number] <= due_s:
            return
        self._due_s[number] = due_s
        self._later(due_s - self._agenda.now_s, lambda: self._come_due(number, due_s))

    def _come_due(self, number: int, due_s: float) -> None:
        if self._due_s.get(number) == due_s:
            del self._due_s[number]
            self._add(number)

    def _free(self) -> None:
        self._idle.append(Worker())
        self._hand_out()

    # A reconcile

    def _sequence(self, number: int) -> list[tuple[Any, ...]]:
        """Return the steps of a reconcile: a call with its arguments, or the work on the answers."""
        early = self._patch <= 2
        steps: list[tuple[Any, ...]] = [("tag:GetResources", role) for role in SUBNET_ROLES] if early else []
        steps += [("ec2:DescribeSubnets",)]
        steps += [] if early else [("ec2:DescribeSecurityGroups", number, "by name")]
        steps += [(f"{ELB}DescribeLoadBalancers", number), (f"{ELB}DescribeTags", number)]
        steps += [(f"{ELB}DescribeLoadBalancerAttributes", number), (WAF[0], number)]
        steps += [(WAF[1], number)] if self._patch >= 7 else []
        for position, group in enumerate(self.ingresses[number]):
            name = (number, position)
            steps += [(f"{ELB}DescribeTargetGroups", name), (f"{ELB}DescribeTags", name)]
            steps += [(f"{ELB}DescribeTargetGroupAttributes", name), ("read the endpoints", group)]
            steps += [("ec2:DescribeVpcs",)] if self._patch >= 2 else []
            steps += [(f"{ELB}DescribeTargetHealth", name), ("compare", group)]
        steps += [(f"{ELB}DescribeListeners", number)]
        for listener in range(self._spec.listeners):
            https = listener < self._spec.https_listeners
            steps += [(f"{ELB}DescribeListenerCertificates", number, listener)] if https else []
            steps += [(f"{ELB}DescribeRules", number, listener), ("compare the rule", listener)]
        steps += [("tag:GetResources", number)]
        if not early:
            steps += [("ec2:DescribeSecurityGroups", number, "attached"), ("ask for the interfaces", number)]
        steps += [("ec2:DescribeSecurityGroups", number, role) for role in ("load balancer", "instances")]
        return steps + ([("ec2:DescribeInstances",), ("ec2:DescribeNetworkInterfaces", number)] if early else [])

    def _go_on(self, worker: Worker) -> None:
        """Take steps until one is a call that must be made, or none is left."""
        while worker.steps:
            what, *about = step = worker.steps.pop(0)
            if what == "read the endpoints":
                worker.seen = set(about[0].ready)
                worker.n_addresses += len(worker.seen)
            elif what == "compare":
                worker.steps = self._changes(worker.seen, about[0]) + worker.steps
            elif what == "compare the rule":
                worker.steps = self._modifies(worker, *about) + worker.steps
            elif what == "ask for the interfaces":
                chunks = range(math.ceil(worker.n_addresses / 199))
                worker.steps = [("ec2:DescribeNetworkInterfaces", *about, chunk) for chunk in chunks] + worker.steps
            elif callable(what):
                what(*about)
            elif self._agenda.now_s >= self._known_until_s.get(step, -math.inf):
                self._send(worker, step, attempt=0, before_s=0.0)
                return
        self._end(worker, None)

    @staticmethod
    def _changes(seen: set[Any], group: Service) -> list[tuple[Any, ...]]:
        joins, leaves = seen - group.healthy_s.keys(), group.healthy_s.keys() - seen
        steps: list[tuple[Any, ...]] = []
        if joins:
            steps += [(f"{ELB}RegisterTargets",), (group.register, joins)]
        if leaves:
            steps += [(f"{ELB}DeregisterTargets",), (group.deregister, leaves)]
        return steps

    def _modifies(self, worker: Worker, listener: int) -> list[tuple[Any, ...]]:
        rule = self.rules.get(worker.ingress)
        if rule is None or rule.weights[listener] == worker.weight:
            return []
        return [(f"{ELB}ModifyRule",), (rule.modify, listener, worker.weight)]

    # The client

    def _send(self, worker: Worker, call: tuple[Any, ...], *, attempt: int, before_s: float) -> None:
        action, now_s = call[0], self._agenda.now_s
        latency_s = next(self._latency_s)
        throttled = not self._api.admit(self._api.covering(action), now_s)
        retries = throttled and attempt < self._spec.aws_max_retries and is_retried(self._policy, action)
        if retries and self._quota is not None:
            retries = self._quota.pays()
        backoff_s = wait_s(self._policy, attempt + 1, next(self._uniform), before_s) if retries else 0.0
        sent = (self._cluster, worker.reconcile, action, attempt, throttled, latency_s, backoff_s)
        self._agenda.note("ApiAttempt", now_s, *sent)

        life = self._life

        def send_again() -> None:
            self._send(worker, call, attempt=attempt + 1, before_s=backoff_s)

        def answered() -> None:
            if life != self._life:
                # The sender is dead, but what AWS has accepted happens.
                if not throttled and worker.steps and callable(worker.steps[0][0]):
                    change, *about = worker.steps[0]
                    change(*about)
            elif retries:
                self._later(backoff_s, send_again)
            elif throttled:
                self._end(worker, action)
            else:
                self._succeeded(call, retried=attempt > 0)
                self._go_on(worker)

        self._agenda.after(latency_s, answered)

    def _succeeded(self, call: tuple[Any, ...], *, retried: bool) -> None:
        if self._quota is not None:
            self._quota.succeeded(retried=retried)
        service, operation = call[0].split(":")
        if not operation.startswith(READS):
            kept = {known: until for known, until in self._known_until_s.items() if not known[0].startswith(service)}
            self._known_until_s = kept
        elif self._patch <= 1:
            self._known_until_s[call] = self._agenda.now_s + (3600 if service == "tag" else 300)
        elif self._patch >= 5 and call[0] in WAF:
            self._known_until_s[call] = self._agenda.now_s + 600
