"""What befalls a v1.1.x controller's process, again and naively: resyncs, node events and a restart.

Written from docs/model.md, "The ingress controller", and docs/facts/controller.md §3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sim.scenario.distributions import Exponential
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import ControllerSpec
    from sim.streams import Streams
    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.ingress_model_twin import Rule
    from sim.verification.reference.service_twin import Service


class ControllerProcess(ABC):
    """One cluster's controller, as long as it lives and when it comes back."""

    def __init__(
        self,
        agenda: Agenda,
        spec: ControllerSpec,
        streams: Streams,
        ingresses: list[list[Service]],
        *,
        cluster: int,
    ) -> None:
        self.ingresses = ingresses
        self._agenda = agenda
        self._spec = spec
        self._streams = streams
        self._cluster = cluster
        self.rules: dict[int, Rule] = {}
        self._life = 0
        self._is_up = True
        self._begin(streams)
        for informer in (0, 1):
            factor, phase = streams.generator(Stream.RESYNC, cluster, informer).random(2)
            period_s = self._sync_period_s * (0.9 + 0.2 * factor)
            if period_s > 0:
                due_s = phase * period_s
                while due_s - period_s >= agenda.now_s:
                    due_s -= period_s
                self._resync_at(due_s, period_s)
        if spec.node_events_per_s > 0:
            gap = Exponential(dist="exponential", mean=1 / spec.node_events_per_s)
            self._node_event(streams.draws(gap, Stream.NODE_EVENTS, cluster))
        if spec.restart_at_s is not None:
            agenda.after(spec.restart_at_s - agenda.now_s, self._die)

    def _begin(self, streams: Streams) -> None:
        """Begin with nothing known and nothing queued."""
        self._order = streams.generator(Stream.ENQUEUE_ORDER, self._cluster)

    @abstractmethod
    def _add(self, number: int) -> None:
        """Enqueue an ingress."""

    def _in_this_life(self, do: Callable[[], None]) -> Callable[[], None]:
        life = self._life

        def do_if_alive() -> None:
            if life == self._life:
                do()

        return do_if_alive

    def _later(self, delay_s: float, do: Callable[[], None]) -> None:
        self._agenda.after(delay_s, self._in_this_life(do))

    @property
    def _sync_period_s(self) -> float:
        return 3600 if self._spec.sync_period_s is None else self._spec.sync_period_s

    def _resync_at(self, due_s: float, period_s: float) -> None:
        def resync() -> None:
            self._add_all()
            self._resync_at(due_s + period_s, period_s)

        self._later(due_s - self._agenda.now_s, resync)

    def _node_event(self, gaps_s: Iterator[float]) -> None:
        def happens() -> None:
            self._add_all()
            self._node_event(gaps_s)

        self._agenda.after(next(gaps_s), happens)

    def cordoned(self) -> None:
        """Treat a cordoned node as an event, from v1.1.6 on. The twin knows v1 only."""
        if self._spec.version >= "v1.1.6":
            self._add_all()

    def annotated(self, ingress: int) -> None:
        """Enqueue an ingress whose annotations changed."""
        if self._is_up:
            self._add(ingress)

    def _add_all(self) -> None:
        if self._is_up:
            for number in self._order.permutation(len(self.ingresses)):
                self._add(int(number))

    def _die(self) -> None:
        takes = self._streams.draws(self._spec.restart_takes_s, Stream.CONTROLLER_RESTART, self._cluster)
        back_s = self._agenda.now_s + next(takes)
        self._agenda.note("ControllerRestarted", self._agenda.now_s, back_s, self._cluster)
        self._life += 1
        self._is_up = False
        self._agenda.after(back_s - self._agenda.now_s, self._come_back)

    def _come_back(self) -> None:
        streams = self._streams.within(Stream.CONTROLLER_RESTART, self._cluster)
        self._is_up = True
        self._begin(streams)
        for informer in (0, 1):
            period_s = self._sync_period_s * (
                0.9 + 0.2 * streams.generator(Stream.RESYNC, self._cluster, informer).random()
            )
            if period_s > 0:
                self._resync_at(self._agenda.now_s + period_s, period_s)
        self._add_all()
