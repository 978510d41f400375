"""Every key that a scenario may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from sim.scenario.fields import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator


def keys_of(spec: type[Spec], block: str = "") -> Iterator[str]:
    """Yield the dotted keys of a spec and of the blocks in it."""
    for name, field in spec.model_fields.items():
        types = (field.annotation, *get_args(field.annotation))
        inner = next((part for part in types if isinstance(part, type) and issubclass(part, Spec)), None)
        if inner is None:
            yield f"{block}{name}"
        else:
            yield from keys_of(inner, f"{block}{name}.")
