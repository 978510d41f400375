"""What each version of the controller calls to deregister one pod's target, counted in a quiet account.

Modelled: a cluster with one ingress of 50 pods (default listeners, one target group), alone in its account, so that no
call is throttled. Two pods go, half a minute apart: for the first the controller has just started (`cold`), for the
second its caches hold what they hold for that long, and the first target is still draining (`warm`).
The versions told apart are those at which any of the code's tables of versions changes, found by asking these for every
release there may be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import simpy

from sim.control_plane.aws.aws_api import THROTTLE_CODE, AwsApi
from sim.control_plane.aws.retryers import RETRYERS, sdk_pin
from sim.control_plane.controllers import ingress_controller_v1, load_balancer_controller_v2
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.trace import ApiAttempt, Trace
from sim.scenario.aws_api import AwsApiSpec
from sim.scenario.controller import ControllerSpec
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEREGISTER = "elasticloadbalancing:DeregisterTargets"
BETWEEN_PODS_S = 30.0
_MOST_MINORS, _MOST_PATCHES = 30, 12


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of the reconcile that deregisters a pod's target, by AWS service: before DeregisterTargets, and all."""

    before: Mapping[str, int]
    whole: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCalls:
    """A version and those after it, up to the next one told apart.

    `changes`: what it does otherwise than the one before, as that did it and as it does. `attempts` of a call that is
    throttled each time, with the default of `--aws-max-retries`; the mean and the greatest sum of the waits between
    them, in seconds.
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
    """Count for each version that the code tells from the one before it, oldest first."""
    told_apart = [("", {}), *_told_apart()]
    return [_counted(version, _changes(before, now)) for (_, before), (version, now) in pairwise(told_apart)]


def _told_apart() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each version at which something changes, with all that the code knows of it."""
    known: dict[str, Any] = {}
    for version in _releases():
        pin = sdk_pin(version)
        retries_tagging = RETRYERS[pin.retryer].retries(THROTTLE_CODE["tag"])
        knows = {"sdk": pin.sdk, "retries_throttled_tagging": retries_tagging}
        knows |= asdict(_module(version).behaviour(version))
        if knows != known:
            known = knows
            yield version, known


def _releases() -> Iterator[str]:
    yield from (f"v1.1.{patch}" for patch in range(10))
    for major in (2, 3):
        for minor in range(_MOST_MINORS):
            yield f"v{major}.{minor}"
            yield from (f"v{major}.{minor}.{patch}" for patch in range(1, _MOST_PATCHES))


def _module(version: str) -> Any:  # noqa: ANN401 - either module; what they know has no type in common
    return ingress_controller_v1 if version.startswith("v1.") else load_balancer_controller_v2


def _changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what is otherwise than before; of another controller, or the first version, nothing is."""
    if before.keys() != now.keys():
        return {}
    return {name: (before[name], value) for name, value in now.items() if value != before[name]}


def _counted(version: str, changes: Mapping[str, tuple[Any, Any]]) -> VersionCalls:
    spec = ControllerSpec(version=version)
    pin = sdk_pin(version)
    n_retries = spec.retries or 0
    policy = RETRYERS[pin.retryer]
    retries = range(1, n_retries + 1)
    cold, warm = _two_pods(spec)
    return VersionCalls(
        since=version,
        changes=changes,
        sdk=pin.sdk,
        cold=cold,
        warm=warm,
        attempts=n_retries + 1,
        waits_mean_s=sum(map(policy.mean_s, retries)),
        waits_most_s=sum(policy.support_s(retry)[1] for retry in retries),
    )


def _two_pods(spec: ControllerSpec) -> tuple[Calls, Calls]:
    env, trace, streams, aws_api = simpy.Environment(), Trace(), Streams(0, 0), AwsApiSpec()
    service = ChurningBackend(env)
    ingress = Ingress(0, [service])
    api = AwsApi(env, aws_api, streams)
    controller = start_controller(env, spec, aws_api, api, [ingress], streams, trace, cluster=0)
    for pod in (1, 2):
        service.go()
        controller.on_endpoints_change(ingress, 0)
        env.run(until=pod * BETWEEN_PODS_S)
    cold, warm = _deregistering(trace)
    return cold, warm


def _deregistering(trace: Trace) -> Iterator[Calls]:
    """Count the calls of each reconcile that deregisters."""
    reconciles: dict[int, list[str]] = {}
    for attempt in trace.of(ApiAttempt):
        reconciles.setdefault(attempt.reconcile, []).append(attempt.action)
    for actions in reconciles.values():
        if DEREGISTER in actions:
            yield Calls(_by_service(actions[: actions.index(DEREGISTER)]), _by_service(actions))


def _by_service(actions: list[str]) -> dict[str, int]:
    return dict(Counter(action.partition(":")[0] for action in actions))
