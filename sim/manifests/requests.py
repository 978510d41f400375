"""What a pod requests of its node.

Modelled:
- The sum over its containers and native sidecars, or the largest of its other init containers if that is more, as the
  scheduler counts.
- A container that has only limits requests these.

Source: Kubernetes pkg/api/v1/resource/helpers.go (PodRequests), pkg/apis/core/v1/defaults.go (SetDefaults_Pod).
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from sim.manifests.quantities import quantity

if TYPE_CHECKING:
    from sim.manifests.models import Container, PodSpec

_MIB = 1024**2


def cpu_m(pod: PodSpec) -> int:
    """Return the CPU that a pod requests, in thousandths of a core, rounded up."""
    return math.ceil(_requested(pod, "cpu") * 1000)


def memory_mib(pod: PodSpec) -> int:
    """Return the memory that a pod requests, in MiB, rounded up."""
    return math.ceil(_requested(pod, "memory") / _MIB)


def _requested(pod: PodSpec, resource: str) -> Decimal:
    together = sum((_of(one, resource) for one in pod.containers), Decimal(0))
    most = Decimal(0)
    for one in pod.init_containers:
        if one.restart_policy == "Always":
            together += _of(one, resource)
        else:
            most = max(most, _of(one, resource))
    return max(together, most)


def _of(container: Container, resource: str) -> Decimal:
    resources = container.resources
    given = resources.requests.get(resource, resources.limits.get(resource))
    return quantity(given) or Decimal(0)
