"""The end of the window of requests in the slow data plane.

Written from docs/model.md, "Data plane".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.timeline import Timeline
    from sim.verification.reference.alb_node_twin import AlbNode
    from sim.verification.reference.pod_twin import Pod
    from sim.verification.reference.rotation_twin import Rotation


def latest_s(timeline: Timeline, teardown_s: float) -> float:
    """Return a time by which the window has ended, whatever the requests do."""
    times = [*timeline.cut_s, *timeline.vanishes_s, *timeline.registered_until_s.ravel()]
    times += [*timeline.registered_from_s.ravel(), *timeline.healthy_from_s.ravel()]
    times += [] if timeline.instances is None else timeline.instances.sent_until_s.ravel().tolist()
    return float(max([_over_s(timeline), *(time for time in times if math.isfinite(time))])) + teardown_s


def window_until_s(
    timeline: Timeline, rules: Sequence[Rotation], nodes: Sequence[AlbNode], pods: Sequence[Pod]
) -> float:
    """Return the window's end, once all requests are done. `rules` are the worker nodes', if these are the targets."""
    old = [target for target, closed_s in enumerate(timeline.listener_closed_s) if math.isfinite(closed_s)]
    leads_to_pods = rules or [node.rotation for node in nodes]
    left = [rotation.left_s.get(target, -math.inf) for rotation in leads_to_pods for target in old]
    gone = [pods[target].address_gone_s for target in old]
    if timeline.instances:
        left += [left_s for node in nodes for left_s in node.rotation.left_s.values()]
    over_s = max([_over_s(timeline), *left])
    return max([over_s, *(rotation.healthy_again_s(over_s) for rotation in leads_to_pods), *gone])


def _over_s(timeline: Timeline) -> float:
    side = timeline.old_side
    return max(timeline.rollout_complete_s, side.spec.counted_until_s if side else 0.0)
