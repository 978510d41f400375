"""The changes of rotations in one sequence, for loops that go through requests in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Times

    Ints = NDArray[np.int64]


class Changes(NamedTuple):
    """All changes of all rotations, node after node, each node's in order of time.

    `next` and `end` hold for each node the place of its next change and the place behind its last.
    """

    at_s: Times
    target: Ints
    joins: NDArray[np.bool_]
    next: Ints
    end: Ints


def all_changes(node_rotations: Sequence[Rotation]) -> Changes:
    """Return the changes of all nodes' rotations."""
    parts = [_changes(rotation) for rotation in node_rotations]
    sizes = np.array([at_s.size for at_s, _, _ in parts])
    at_s, target, joins = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    end = np.cumsum(sizes)
    return Changes(at_s, target, joins, end - sizes, end)


def _changes(rotation: Rotation) -> tuple[Times, Ints, NDArray[np.bool_]]:
    """Return one rotation's changes: time, target, and whether the target joins. Leavers of an instant come first."""
    at_s = np.concatenate((rotation.until_s, rotation.from_s))
    target = np.concatenate((rotation.target, rotation.target)).astype(np.int64)
    joins = np.repeat([False, True], rotation.target.size)
    order = np.lexsort((target, joins, at_s))
    order = order[np.isfinite(at_s[order])]
    return at_s[order], target[order], joins[order]
