"""A pod that fails unasked: when it stops serving, and when it serves again at the same address.

Modelled:
- A container that crashes, or is killed for a failed liveness probe, restarts in place. The pod and its address stay.
- A hung container, or one on a lost node, gives no answer. A crashed one's port answers RST.

Left out: crash loops (a pod fails once); readiness that comes and goes.

Sources: docs/facts/kubernetes.md §9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Outage:
    """One pod's outage.

    The pod serves nothing from `from_s` until `until_s`, which is `inf` until it is known. `silent`: a check of the pod
    has no answer at all, and so takes its whole timeout.
    """

    from_s: float
    silent: bool
    until_s: float = math.inf
