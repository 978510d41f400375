"""The reconcile of an ingress by the ALB Ingress Controller v1.1: one fixed sequence of AWS API calls.

RegisterTargets and then DeregisterTargets come last but one in that sequence.

Modelled:
- The sequence of each version, laid out once for each ingress with its target groups and listeners.
- The cache of answers, which later versions have for web ACLs, and the first ones for every read.
- The polling for readiness gates (`gate_poller_v1`).

Assumed and left out: what `ingress_controller_v1` says.

Sources: internal/alb/** of each version (docs/facts/controller.md §2 and §3). The files themselves differ from those
facts in two points:
- Up to v1.1.2 subnets are discovered through two tag:GetResources calls (internal/aws/rgt.go before commit
  32ca4ad750cd).
- The endpoints are read before DescribeVpcs and DescribeTargetHealth (internal/alb/tg/targets.go @1aba9e51f6e0). A pod
  deleted while one of these calls is retried therefore waits for the next reconcile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.comparison import CurrentComparison
from sim.control_plane.controllers.gate_poller_v1 import GatePoller
from sim.scenario.actions import Action
from sim.scenario.sequences import Call, Each, ForEach, Step, Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.aws.forward_rule import ForwardRule
    from sim.control_plane.controllers.ingress import Backend, Ingress
    from sim.scenario.releases import IngressControllerRelease
    from sim.scenario.sequences import InLoop
    from sim.scenario.specs import ControllerSpec


@dataclass(frozen=True, slots=True)
class _Read:
    """A reading call about one ingress, target group or listener, as the cache knows it by its `parameters`."""

    action: Action
    parameters: tuple[object, ...]
    addresses_each: int | None
    is_kept: bool

    @property
    def is_always_one_call(self) -> bool:
        """Whether a step is one call, whatever has been found out."""
        return not (self.is_kept or self.addresses_each)


@dataclass(frozen=True, slots=True)
class _Change:
    """A step that is more than a reading call, of one target group or of one listener."""

    step: Step | Tags
    place: int


@dataclass(slots=True)
class _Progress:
    """What a reconcile has found out so far: the addresses of all target groups, besides each group's comparison."""

    weight: int | None
    n_addresses: int = 0


class IngressReconciler:
    """The reconciles of one process."""

    def __init__(
        self,
        env: simpy.Environment,
        spec: ControllerSpec,
        release: IngressControllerRelease,
        client: AwsClient,
        ingresses: Sequence[Ingress],
    ) -> None:
        self._client = client
        self._cache = CallCache(env, release.keeps_answers_s)
        self._pollers = {
            (ingress.number, position): GatePoller(env, client, backend, backend.gates)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
            if backend.gates is not None
        }
        self._compared = {
            (ingress.number, position): CurrentComparison(backend)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
        }
        self._laid_out = [tuple(_in_rows(self._lay_out(release, spec, ingress))) for ingress in ingresses]

    def stop(self) -> None:
        """End the polling for readiness gates."""
        for poller in self._pollers.values():
            poller.stop()

    def reconcile(self, ingress: Ingress, reconcile: int) -> Generator[simpy.Event]:
        """Reconcile an ingress. Raises `ThrottledError` where a call fails."""
        progress = _Progress(None if ingress.rule is None else ingress.rule.wanted)
        for part in self._laid_out[ingress.number]:
            if isinstance(part, _Change):
                yield from self._take(part, ingress, progress, reconcile)
            elif isinstance(part, _Read):
                yield from self._read(part, progress.n_addresses, reconcile)
            else:
                yield from self._client.calls(part, reconcile)

    def _lay_out(
        self, release: IngressControllerRelease, spec: ControllerSpec, ingress: Ingress
    ) -> Iterator[_Read | _Change]:
        for part in release.sequence:
            if not isinstance(part, ForEach):
                yield self._part(part, ingress.number)
            elif part.each is Each.TARGET_GROUP:
                for position in range(len(ingress.backends)):
                    yield from (self._part(step, ingress.number, position) for step in part.steps)
            else:
                for listener in range(spec.listeners):
                    for step in part.steps:
                        if not isinstance(step, Call) or listener < spec.https_listeners or not step.for_https:
                            yield self._part(step, ingress.number, listener)

    def _part(self, step: InLoop, *subject: int) -> _Read | _Change:
        if isinstance(step, Call):
            about = (step.about,) if step.shared else (step.about, *subject)
            return _Read(step.action, about, step.addresses_each, self._cache.keeps(step.action))
        return _Change(step, subject[-1])

    def _read(self, read: _Read, n_addresses: int, reconcile: int) -> Generator[simpy.Event]:
        """Make a call of the sequence as often as the addresses need, unless the answer is in the cache."""
        chunks = math.ceil(n_addresses / read.addresses_each) if read.addresses_each else 1
        for chunk in range(chunks):
            if not self._cache.holds(read.action, (*read.parameters, chunk)):
                yield from self._client.call(read.action, reconcile)
                self._cache.note(read.action, (*read.parameters, chunk))

    def _take(self, change: _Change, ingress: Ingress, progress: _Progress, reconcile: int) -> Generator[simpy.Event]:
        """Take a step towards target groups that are in line with their Endpoints, and listeners with the weight."""
        if change.step is Step.MODIFY_RULE:
            if ingress.rule is not None and progress.weight is not None:
                yield from self._modify(ingress.rule, change.place, progress.weight, reconcile)
            return
        backend: Backend[Any] = ingress.backends[change.place]
        compared = self._compared[ingress.number, change.place]
        match change.step:
            case Step.READ_ENDPOINTS:
                compared.read_endpoints()
                progress.n_addresses += len(compared.desired)
            case Step.COMPARE_TARGETS:
                compared.compare()
                if backend.gates is not None:
                    poller = self._pollers[ingress.number, change.place]
                    yield from poller.watch(compared.desired & backend.gates.closed())
            case Step.REGISTER if compared.joining:
                joining = frozenset(compared.joining)
                yield from self._write(Action.REGISTER_TARGETS, reconcile, partial(backend.register, joining))
            case Step.DEREGISTER if compared.leaving:
                leaving = frozenset(compared.leaving)
                yield from self._write(Action.DEREGISTER_TARGETS, reconcile, partial(backend.deregister, leaving))

    def _modify(self, rule: ForwardRule, listener: int, weight: int, reconcile: int) -> Generator[simpy.Event]:
        if rule.weights[listener] != weight:
            yield from self._write(Action.MODIFY_RULE, reconcile, partial(rule.modify, listener, weight))

    def _write(self, action: Action, reconcile: int, effect: Callable[[], None]) -> Generator[simpy.Event]:
        yield from self._client.call(action, reconcile, effect)
        self._cache.note(action, ())


def _in_rows(parts: Iterable[_Read | _Change]) -> Iterator[_Read | _Change | tuple[Action, ...]]:
    """Yield the parts, and in place of reads that are always one call the actions of each row of such reads."""
    for are_calls, row in groupby(parts, lambda part: isinstance(part, _Read) and part.is_always_one_call):
        if are_calls:
            yield tuple(part.action for part in row if isinstance(part, _Read))
        else:
            yield from row
