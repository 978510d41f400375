"""What the schema names and the model does not simulate yet: refused by name, never accepted and ignored.

When one of these is built, its line goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class NotYet(NamedTuple):
    """`refused` says of a key's value whether it is still to be built; `instead` is what may stand there."""

    refused: Callable[[object], bool]
    instead: str


NOT_YET: dict[tuple[str, str], NotYet] = {
    ("TargetGroupSpec", "target_type"): NotYet(lambda value: value == "instance", "'ip'"),
}
"""By the name of the spec and of its key."""


def not_simulated_yet(spec: str, key: str, value: object) -> str:
    """Say what may stand there instead if this value is not simulated yet, else nothing."""
    row = NOT_YET.get((spec, key))
    return row.instead if row is not None and row.refused(value) else ""
