"""What aws-load-balancer-controller asks of EC2 in the reconcile of a TargetGroupBinding (TGB).

Modelled:
- DescribeInstances, for the ENIs of pods that are not known, in one call for all of them. Each pod's ENI is known for
  10 min.
- DescribeSecurityGroups, for the group whose rules let the load balancer in, under a lock. The group is known for 10
  min. While no TGB has a pod there is no such group.
- DescribeVpcs, before a registration. The VPC is known for 10 min.

Left out: changes of security groups and their rules, which are as they should be.

Sources: pkg/networking/pod_eni_info_resolver.go, node_info_provider.go, security_group_manager.go and
vpc_info_provider.go, pkg/targetgroupbinding/networking_manager.go@v2.4.7 (pkg/networking from v2.13 on) of
kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.lock import Lock
from sim.scenario.actions import Action

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.binding import Binding
    from sim.control_plane.controllers.target_cache import TargetGroupName

KNOWN_FOR_S = 600.0
ACTIONS = (Action.DESCRIBE_SECURITY_GROUPS, Action.DESCRIBE_VPCS)


class PodNetwork:
    """What one process knows of the network of its pods."""

    def __init__(self, env: simpy.Environment, client: AwsClient) -> None:
        self._client = client
        self._known = CallCache(env, dict.fromkeys(ACTIONS, KNOWN_FOR_S))
        self._with_pods: set[TargetGroupName] = set()
        self._lock = Lock(env)

    def see_to(self, name: TargetGroupName, binding: Binding[Any], reconcile: int) -> Generator[simpy.Event]:
        """Find the ENIs of a TGB's pods, and see to their security group. Raises `ThrottledError`."""
        if binding.interfaces.unknown():
            yield from self._client.call(Action.DESCRIBE_INSTANCES, reconcile)
            binding.interfaces.note()
        with (yield from self._lock.taken()):
            if binding.desired:
                self._with_pods.add(name)
            else:
                self._with_pods.discard(name)
            if self._with_pods:
                yield from self._call(Action.DESCRIBE_SECURITY_GROUPS, reconcile)

    def read_vpc(self, reconcile: int) -> Generator[simpy.Event]:
        """Read the addresses of the VPC. Raises `ThrottledError`."""
        yield from self._call(Action.DESCRIBE_VPCS, reconcile)

    def _call(self, action: Action, reconcile: int) -> Generator[simpy.Event]:
        if not self._known.holds(action, ()):
            yield from self._client.call(action, reconcile)
            self._known.note(action, ())
