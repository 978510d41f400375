"""What a pod requests of its node.

Modelled:
- The sum over its containers and native sidecars, as the scheduler counts. If another init container takes more, with
  the sidecars before it, its sum counts instead.
- A container that has only limits requests these.
- What the pod requests as a whole (`spec.resources`, Kubernetes 1.32 on) comes before its containers' requests.

Source: Kubernetes staging/src/k8s.io/component-helpers/resource/helpers.go (PodRequests), pkg/apis/core/v1/defaults.go
(SetDefaults_Pod).
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
    whole = quantity(pod.resources.requests.get(resource))
    if whole is not None:
        return whole
    together = sum((_of(one, resource) for one in pod.containers), Decimal(0))
    sidecars = most = Decimal(0)
    for one in pod.init_containers:
        if one.restart_policy == "Always":
            sidecars += _of(one, resource)
        else:
            most = max(most, sidecars + _of(one, resource))
    return max(together + sidecars, most)


def _of(container: Container, resource: str) -> Decimal:
    resources = container.resources
    given = resources.requests.get(resource, resources.limits.get(resource))
    return quantity(given) or Decimal(0)
