"""The names of a simulated rollout's parts in its records (addresses, ARNs, pods), and the time of day at t = 0.

Modelled: documentation addresses (RFC 5737) for clients and ALB nodes, private addresses for pods, and an account that
does not exist. A pod's address follows from its number, so that no address is used twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

ACCOUNT = "111122223333"
REGION = "eu-west-1"
NAMESPACE = "default"
WORKLOAD = "web"
PORT = 8080
NODE_PORT = 31080
CLIENT = "192.0.2.10"
LOAD_BALANCER = "app/k8s-default-web-0a1b2c3d4e/50dc6c495c0c9188"
BEGIN = datetime(2026, 1, 5, 10, 2, 30, tzinfo=UTC)
"""The rollout's start, in the middle of a five-minute file."""

_PODS_IN_A_SUBNET = 250
_NODES_IN_A_NETWORK = 200
_MICROSECONDS = 1e6


def target_group_arn(scenario: str) -> str:
    """Return the rolled target group's ARN. Characters that AWS does not allow in the name become hyphens."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in scenario)[:23]
    return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/k8s-{name.strip('-')}/73e2d6bc24d8a067"


def address(pod: int) -> str:
    """Return a pod's address."""
    subnet, place = divmod(pod, _PODS_IN_A_SUBNET)
    high, low = divmod(subnet, _PODS_IN_A_SUBNET)
    return f"10.{high}.{low}.{place + 1}"


class Target(NamedTuple):
    """A target of the rolled group."""

    address: str
    port: int

    def __str__(self) -> str:
        """Return the target as an access log has it."""
        return f"{self.address}:{self.port}"


def pod_target(pod: int) -> Target:
    """Return a pod as a target."""
    return Target(address(pod), PORT)


def worker_target(node: int) -> Target:
    """Return a worker node as a target. The node's subnets are none of the pods'."""
    subnet, place = divmod(node, _PODS_IN_A_SUBNET)
    return Target(f"172.16.{subnet}.{place + 1}", NODE_PORT)


def node_address(node: int) -> str:
    """Return an ALB node's address."""
    network, place = divmod(node, _NODES_IN_A_NETWORK)
    return f"{('203.0.113', '198.51.100')[network % 2]}.{place + 10}"


def pod_name(pod: int, n_old: int) -> str:
    """Return a pod's name. Pods of the old ReplicaSet have another hash than those of the new one."""
    return f"{WORKLOAD}-{'5d4f8c7b6d' if pod < n_old else '7c9d6f5b8e'}-{pod:05d}"


def moment(time_s: float) -> datetime:
    """Return the date and time `time_s` seconds after the rollout's start, to the microsecond."""
    return BEGIN + timedelta(microseconds=int(time_s * _MICROSECONDS // 1))


def whole_second(time_s: float) -> str:
    """Return a moment as text in whole seconds, rounded down."""
    return moment(time_s).strftime("%Y-%m-%dT%H:%M:%SZ")


def microsecond(time_s: float) -> str:
    """Return a moment as text to the microsecond."""
    return moment(time_s).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
