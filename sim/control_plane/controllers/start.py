"""Which controller a version is, with the AWS client that the controller is built with.

Sources: `sim.scenario.releases` for what each version does.
"""

from __future__ import annotations

import sys
from itertools import count
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_client import AwsClient
from sim.control_plane.aws.client_throttle import ClientThrottle
from sim.control_plane.controllers.ingress_controller_v1 import IngressControllerV1
from sim.control_plane.controllers.leader import Leader
from sim.control_plane.controllers.load_balancer_controller_v2 import LoadBalancerControllerV2
from sim.scenario.api_throttle import overriding, parse_throttle
from sim.scenario.releases import IngressControllerRelease, LoadBalancerControllerRelease, release_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.controllers.ingress import Controller, Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import AwsApiSpec, ControllerSpec


def start_controller(
    simulation: Simulation,
    spec: ControllerSpec,
    aws_api: AwsApiSpec,
    api: AwsApi,
    ingresses: Sequence[Ingress],
    *,
    cluster: int,
) -> Leader:
    """Make the controller of a cluster and start its workers."""
    release = release_of(spec.version)
    reconciles = count()

    def process(simulation: Simulation) -> Controller:
        client = AwsClient(
            simulation,
            api,
            aws_api,
            cluster=cluster,
            policy=aws_api.retryer or release.retryer,
            max_retries=sys.maxsize if spec.retries is None else spec.retries,
            throttle=_throttle(simulation.env, spec, release)
            if isinstance(release, LoadBalancerControllerRelease)
            else None,
        )
        if isinstance(release, IngressControllerRelease):
            return IngressControllerV1(simulation, spec, release, client, ingresses, reconciles, cluster=cluster)
        return LoadBalancerControllerV2(simulation, spec, release, client, ingresses, reconciles, cluster=cluster)

    return Leader(simulation, spec, process, cluster=cluster)


def _throttle(env: simpy.Environment, spec: ControllerSpec, release: LoadBalancerControllerRelease) -> ClientThrottle:
    given = parse_throttle(spec.aws_api_throttle) if spec.aws_api_throttle is not None else ()
    rules = overriding(parse_throttle(release.aws_api_throttle), given)
    return ClientThrottle(env, rules, per_attempt=release.throttles_attempts)
