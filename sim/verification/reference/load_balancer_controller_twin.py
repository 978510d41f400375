"""aws-load-balancer-controller v2 and v3 again, naively: its processes, their two queues and their workers.

Written from docs/facts/controller.md §1, §2 and §4, and the sources that `binding_twin` and `ingress_model_twin` name;
for the workers pkg/internal/controller/controller.go of controller-runtime at the tags in go.mod.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from sim.streams import Stream
from sim.verification.reference.aws_client_twin import Client, ThrottledError, version_of
from sim.verification.reference.binding_twin import Bindings, Checkpoint
from sim.verification.reference.goroutine_twin import Process, WorkQueue
from sim.verification.reference.ingress_model_twin import IngressModels, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.scenario.specs import AwsApiSpec, ControllerSpec
    from sim.streams import Streams
    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.aws_twin import Api
    from sim.verification.reference.binding_twin import Name
    from sim.verification.reference.goroutine_twin import Goroutine
    from sim.verification.reference.service_twin import Service

INGRESS_WORKERS = 3
PAUSE_S = 1.0


class LoadBalancerController:
    """One cluster's controller: the processes that lead one after the other."""

    def __init__(
        self,
        agenda: Agenda,
        api: Api,
        aws_api: AwsApiSpec,
        spec: ControllerSpec,
        streams: Streams,
        ingresses: Sequence[Sequence[Service]],
        *,
        cluster: int,
    ) -> None:
        self._agenda = agenda
        self._spec = spec
        self._streams = streams
        self._cluster = cluster
        self._version = version_of(spec.version)
        default_s = 36_000 if self._version >= (2, 5, 4) else 3600
        self._sync_period_s = default_s if spec.sync_period_s is None else spec.sync_period_s
        self._services = {
            (number, position): service
            for number, services in enumerate(ingresses)
            for position, service in enumerate(services)
        }
        ages = streams.uniforms(Stream.LAST_CHECKED, cluster)
        self._checkpoints = {
            name: Checkpoint(agenda.now_s - 2 * self._sync_period_s * next(ages), frozenset(service.ready))
            for name, service in self._services.items()
        }
        self._numbers = count()
        self.rules: dict[int, Rule] = {}
        self._start = partial(
            Leading, agenda, api, aws_api, spec, cluster, self._services, self._checkpoints, self.rules
        )
        self._leading: Leading | None = self._lead(streams)
        self._leading.remember(self._checkpoints)
        for informer in range(self._informers):
            factor, phase = streams.generator(Stream.RESYNC, cluster, informer).random(2).tolist()
            period_s = self._sync_period_s * (0.9 + 0.2 * factor)
            if period_s > 0:
                self._resync(self._leading, informer, (phase * period_s - agenda.now_s) % period_s, period_s)
        if spec.restart_at_s is not None:
            agenda.after(spec.restart_at_s - agenda.now_s, self._die)

    @property
    def ingresses(self) -> list[list[Service]]:
        """Return the services of each ingress."""
        found: dict[int, list[Service]] = {}
        for (number, _), service in self._services.items():
            found.setdefault(number, []).append(service)
        return list(found.values())

    @property
    def _informers(self) -> int:
        """Return how many informers enqueue what has not changed: of the bindings, later of the ingresses too."""
        return 2 if self._version >= (2, 5, 4) else 1

    def endpoints_changed(self, ingress: int, service: Service | None = None) -> None:
        """Enqueue the binding of a Service, by default of the ingress's last one."""
        if self._leading is not None:
            names = [name for name, its in self._services.items() if name[0] == ingress and service in (None, its)]
            self._leading.bindings_queue.add(max(names))

    def annotated(self, ingress: int) -> None:
        """Enqueue an ingress whose annotations have changed."""
        if self._leading is not None:
            self._leading.ingress_queue.add(ingress)

    def containers_ready(self, ingress: int, service: Service) -> None:
        """Enqueue the binding for a pod whose containers are ready: later versions watch pods with gates."""
        if self._version >= (3, 4, 0):
            self.endpoints_changed(ingress, service)

    def cordoned(self) -> None:
        """Pass over a change of a node: only bindings of type `instance` have nodes for targets."""

    def _lead(self, streams: Streams) -> Leading:
        return self._start(streams, self._numbers, self._sync_period_s)

    def _resync(self, leading: Leading, informer: int, after_s: float, period_s: float) -> None:
        def resync() -> None:
            leading.enqueue_all_of(informer)
            self._resync(leading, informer, period_s, period_s)

        leading.process.after(after_s, resync)

    def _die(self) -> None:
        takes_s = next(self._streams.draws(self._spec.restart_takes_s, Stream.CONTROLLER_RESTART, self._cluster))
        self._agenda.note("ControllerRestarted", self._agenda.now_s, self._agenda.now_s + takes_s, self._cluster)
        if self._leading is not None:
            self._leading.process.end()
        self._leading = None
        self._agenda.after(takes_s, self._come_back)

    def _come_back(self) -> None:
        streams = self._streams.within(Stream.CONTROLLER_RESTART, self._cluster)
        self._leading = self._lead(streams)
        for informer in range(self._informers):
            factor = streams.generator(Stream.RESYNC, self._cluster, informer).random()
            period_s = self._sync_period_s * (0.9 + 0.2 * factor)
            if period_s > 0:
                self._resync(self._leading, informer, period_s, period_s)
        self._leading.enqueue_all_of(0)
        self._leading.enqueue_all_of(1)


class Leading:
    """One process: the queue of bindings with its workers, and the queue of ingresses with its own."""

    def __init__(
        self,
        agenda: Agenda,
        api: Api,
        aws_api: AwsApiSpec,
        spec: ControllerSpec,
        cluster: int,
        services: dict[Name, Service],
        checkpoints: dict[Name, Checkpoint],
        rules: dict[int, Rule],
        streams: Streams,
        numbers: count[int],
        sync_period_s: float,
    ) -> None:
        self.process = Process(agenda)
        self._cluster = cluster
        self._numbers = numbers
        version = version_of(spec.version)
        self._pauses = version < (2, 3, 0)
        single = version >= (3, 2, 0)
        client = Client(self.process, api, aws_api, spec, streams, cluster)
        self.bindings_queue: WorkQueue[Name] = WorkQueue(
            self.process, shared=version < (2, 2, 1), single=single, longest_s=spec.max_backoff_s
        )
        self.ingress_queue: WorkQueue[int] = WorkQueue(self.process, shared=not single, single=single)
        self._bindings = Bindings(
            self.process,
            client,
            spec,
            services,
            checkpoints,
            streams,
            cluster,
            sync_period_s=sync_period_s,
            add=self.bindings_queue.add,
        )
        groups: dict[int, int] = {}
        for number, _ in services:
            groups[number] = groups.get(number, 0) + 1
        self._models = IngressModels(self.process, client, spec, list(groups.values()), rules)
        self._all: tuple[tuple[WorkQueue[Any], list[Any], Any], ...] = (
            (self.bindings_queue, list(services), streams.generator(Stream.ENQUEUE_ORDER, cluster)),
            (self.ingress_queue, list(groups), streams.generator(Stream.ENQUEUE_ORDER, cluster, 1)),
        )
        for _ in range(spec.max_concurrent_reconciles):
            self.process.go(self._work(self.bindings_queue, self._reconcile_binding))
        for _ in range(INGRESS_WORKERS):
            self.process.go(self._work(self.ingress_queue, self._reconcile_ingress))

    def remember(self, checkpoints: dict[Name, Checkpoint]) -> None:
        """Remember the checks that the process has made since long before."""
        self._bindings.remember(checkpoints)

    def enqueue_all_of(self, informer: int) -> None:
        """Enqueue all bindings (0) or all ingresses (1), in a random order."""
        queue, items, order = self._all[informer]
        for place in order.permutation(len(items)):
            queue.add(items[int(place)])

    def _work(self, queue: WorkQueue[Any], reconcile: Callable[[Any], Goroutine]) -> Goroutine:
        while True:
            item = yield from queue.get()
            try:
                yield from reconcile(item)
            except ThrottledError:
                queue.add_rate_limited(item)
                queue.done(item)
                yield PAUSE_S if self._pauses else 0.0
            else:
                queue.done(item)

    def _reconcile_binding(self, name: Name) -> Goroutine:
        began_s, number, queue = self.process.agenda.now_s, next(self._numbers), self.bindings_queue
        try:
            again_s = yield from self._bindings.reconcile(name, number)
        except ThrottledError as throttled:
            self._note(began_s, name, number, str(throttled))
            self._hear_of_checkpoint(name, is_done=False)
            raise
        self._note(began_s, name, number, None)
        self._hear_of_checkpoint(name, is_done=again_s is None)
        if again_s == 0:
            queue.add_rate_limited(name)
            return
        queue.forget(name)
        if again_s is not None:
            queue.add_after(name, again_s)

    def _hear_of_checkpoint(self, name: Name, *, is_done: bool) -> None:
        """Enqueue a binding whose checkpoint was reset.

        If the checkpoint was set anew since, there is nothing to do.
        """
        if name in self._bindings.told and not is_done:
            self.bindings_queue.add(name)
        self._bindings.told.discard(name)

    def _note(self, began_s: float, name: Name, number: int, error: str | None) -> None:
        agenda = self.process.agenda
        agenda.note("Reconciled", began_s, agenda.now_s, self._cluster, name[0], number, error)

    def _reconcile_ingress(self, number: int) -> Goroutine:
        yield from self._models.deploy(number)
        self.ingress_queue.forget(number)
