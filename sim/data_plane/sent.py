"""Requests that have been sent: to which target, by which way, and when the pod serves them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times


class Way(IntEnum):
    """How a request reached its target; see `idle_connections`."""

    NEW = 0
    POOLED = 1
    RACED = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """Requests that have been sent, as arrays of one length.

    `start_s`: when the pod begins to serve each. `finish_s`: when the pod would have answered. `way`: each one's `Way`.
    `node`: the node whose rotation or rules led to the pod. `alb_node`: the ALB node, the same but behind worker nodes.
    """

    arrival_s: Times
    finish_s: Times
    node: NDArray[np.int16]
    target: NDArray[np.int32]
    start_s: Times
    way: NDArray[np.int8]
    alb_node: NDArray[np.int16]

    def __getitem__(self, at: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Sent:
        """Return the requests that `at` selects."""
        return Sent(*(getattr(self, name)[at] for name in self.__dataclass_fields__))


_NO_TIMES, _NO_NODES = np.empty(0), np.empty(0, np.int16)
NONE_SENT = Sent(_NO_TIMES, _NO_TIMES, _NO_NODES, np.empty(0, np.int32), _NO_TIMES, np.empty(0, np.int8), _NO_NODES)
"""No request at all."""
