"""How long each target surely was in rotation at each ALB node: from its first request until its DeregisterTargets.

Modelled: a stay ends early at the first of these:
- the end of the node's log, or a missing file;
- a new registration of the address;
- the target's first request that failed in the target.

Left out: targets that health checks took out of rotation for a while.

Source: docs/facts/logs.md §4.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.pace import Stay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.calibration.last_requests import Floats

Spans = list[tuple[float, float]]


def stays_of(
    sent_s: Mapping[str, Floats],
    dead_s: Floats,
    left_s: Sequence[float],
    came_s: Sequence[float],
    observed: Mapping[str, Spans],
) -> Iterator[Stay]:
    """Yield the stays of one target in one group.

    - `sent_s`: when each node sent its requests, in order; `dead_s`: when those were sent that failed in the target.
    - `left_s`, `came_s`: the target's deregistrations and registrations.
    - `observed`: of each node the spans that its log covers.
    """
    lives_s = [-np.inf, *sorted(came_s), np.inf]
    for node, times_s in sent_s.items():
        for from_s, until_s in pairwise(lives_s):
            ends_s = [one for one in (*left_s, *dead_s.tolist(), until_s) if one > from_s]
            for span in observed.get(node, []):
                stay = _stay(times_s, max(from_s, span[0]), min(*ends_s, span[1]))
                if stay is not None:
                    yield stay


def _stay(times_s: np.ndarray, from_s: float, until_s: float) -> Stay | None:
    first, end = np.searchsorted(times_s, [from_s, until_s])
    return Stay(times_s[first:end], float(times_s[first]), until_s) if first < end else None


def observed_spans(from_s: float, until_s: float, missing: Spans) -> Spans:
    """Return the parts of a span that are left without the missing ones."""
    edges_s = [from_s, *(edge_s for gap in sorted(missing) for edge_s in gap), until_s]
    spans = zip(edges_s[::2], edges_s[1::2], strict=True)
    return [(begin_s, end_s) for begin_s, end_s in spans if begin_s < end_s]
