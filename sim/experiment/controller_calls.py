"""What each version of the controller calls to deregister one pod's target, counted in a quiet account.

Modelled: a cluster with one ingress of 50 pods (default listeners, one target group), alone in its account, so that no
call is throttled. Two pods go, half a minute apart:
- `cold`: for the first pod the controller has just started;
- `warm`: for the second pod the caches hold the answers of half a minute before, and the first target still drains.

Sources: `sim.scenario.releases`, whose releases are told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.aws.retryers import RETRYERS
from sim.control_plane.clock import Clock
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.control_plane.trace.calls import ApiAttempt
from sim.scenario.actions import Action
from sim.scenario.aws_api import AwsApiSpec
from sim.scenario.controller import ControllerSpec
from sim.scenario.releases import RELEASES
from sim.scenario.sequences import labels
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.actions import Service
    from sim.scenario.releases import Release

BETWEEN_PODS_S = 30.0


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of the reconcile that deregisters a target, by AWS service: those before DeregisterTargets, and all."""

    before: Mapping[Service, int]
    whole: Mapping[Service, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCalls:
    """A version and those after it, up to the next one told apart.

    `changes`: the differences from the version before, each as (before, now). `attempts`: how often a call is attempted
    that is throttled each time, with the default `--aws-max-retries`. The mean and the greatest sum of the waits
    between these attempts are in seconds.
    """

    since: str
    changes: Mapping[str, tuple[Any, Any]]
    sdk: str
    cold: Calls
    warm: Calls
    attempts: int
    waits_mean_s: float
    waits_most_s: float


def version_calls() -> list[VersionCalls]:
    """Return the counts for each release at which something changes, oldest first."""
    changes = [{}, *(_changes(before, now) for before, now in pairwise(RELEASES))]
    return [_counted(release, changed) for release, changed in zip(RELEASES, changes, strict=True)]


def _changes(before: Release, now: Release) -> dict[str, tuple[Any, Any]]:
    """Return the differences between two releases; none if they are of different controllers."""
    if type(before) is not type(now):
        return {}
    names = [field.name for field in fields(now) if getattr(before, field.name) != getattr(now, field.name)]
    return {name: (_plain(getattr(before, name)), _plain(getattr(now, name))) for name in names if name != "since"}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a release is known by
    if isinstance(value, tuple):
        return list(labels(value))
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return dict(value) if isinstance(value, Mapping) else value


def _counted(release: Release, changes: Mapping[str, tuple[Any, Any]]) -> VersionCalls:
    spec = ControllerSpec(version=release.since)
    n_retries = spec.retries or 0
    policy = RETRYERS[release.retryer]
    retries = range(1, n_retries + 1)
    cold, warm = _two_pods(spec)
    return VersionCalls(
        since=release.since,
        changes=changes,
        sdk=release.sdk,
        cold=cold,
        warm=warm,
        attempts=n_retries + 1,
        waits_mean_s=sum(map(policy.mean_s, retries)),
        waits_most_s=sum(policy.support_s(retry)[1] for retry in retries),
    )


def _two_pods(spec: ControllerSpec) -> tuple[Calls, Calls]:
    env, trace, aws_api = Clock(), Trace(), AwsApiSpec()
    simulation = Simulation(env, Streams(0, 0), trace)
    service = ChurningBackend(env)
    ingress = Ingress(0, [service])
    api = AwsApi(simulation, aws_api)
    controller = start_controller(simulation, spec, aws_api, api, [ingress], cluster=0)
    for pod in (1, 2):
        service.go()
        controller.on_endpoints_change(ingress, 0)
        env.run(until=pod * BETWEEN_PODS_S)
    cold, warm = _deregistering(trace)
    return cold, warm


def _deregistering(trace: Trace) -> Iterator[Calls]:
    """Yield the calls of each reconcile that deregisters."""
    reconciles: dict[int, list[Action]] = {}
    for attempt in trace.of(ApiAttempt):
        reconciles.setdefault(attempt.reconcile, []).append(attempt.action)
    for actions in reconciles.values():
        if Action.DEREGISTER_TARGETS in actions:
            yield Calls(_by_service(actions[: actions.index(Action.DEREGISTER_TARGETS)]), _by_service(actions))


def _by_service(actions: list[Action]) -> dict[Service, int]:
    return dict(Counter(action.service for action in actions))
