"""A scenario as it grows out of an input: each value with its origin, and what a reader has to know besides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic_core import PydanticUndefined

from sim.manifests.objects import printable
from sim.scenario.problems import plain, shown
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from sim.manifests.models import Hook
    from sim.manifests.objects import Object, Place

SAID_BY_ADVICE_TOO = {"no-pre-stop", "grace-below-pre-stop", "gate-after-backoff", "no-room-for-surge"}
"""Warnings that `sim.scenario.advice` gives for the same key, without the manifest's line."""
ALWAYS_WRITTEN = {
    "controller.version", "controller.listeners", "controller.https_listeners", "controller.target_groups",
}  # fmt: skip
"""Keys that nobody chose by writing them: that one has no effect is no advice."""

Grade = Literal["read", "guessed", "assumed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value is from. `grade`: a field says it, an image or a command suggests it, or nothing in the input does.

    `note` says what the field's name alone does not.
    """

    place: Place
    grade: Grade = "read"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """What is unwise, unknown or different in truth: a stable id, the scenario's key, where, and in words."""

    id: str
    key: str
    text: str
    place: Place | None = None

    def __str__(self) -> str:
        """Return the warning in one line."""
        where = f"{self.place}: " if self.place else ""
        return printable(f"{where}{self.key + ': ' if self.key else ''}{self.text} [{self.id}]")


@dataclass(frozen=True, slots=True)
class NotRead:
    """A field that has no counterpart in a scenario."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Hooked:
    """A container that requests pass: its hook, the seconds for which that holds it, and whether that is understood."""

    name: str
    hook: Hook | None
    seconds: float
    is_understood: bool


@dataclass(slots=True)
class Draft:
    """A scenario's values by dotted key, with their origins.

    - `holder`: the object with the pod template.
    - `way`: the containers that requests pass.
    - `shutdown_s`: how long the server's own shutdown takes at most, 0 where nothing tells.
    - `annotated`: the object that says how the target group is, None if none does. The object's annotations are those
      under `annotation_prefix`.
    """

    workload: Object
    holder: Object
    way: tuple[Hooked, ...] = ()
    shutdown_s: float = 0.0
    annotated: Object | None = None
    annotation_prefix: str = ""
    values: dict[str, object] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    not_read: list[NotRead] = field(default_factory=list)
    for_disruption: dict[str, tuple[object, Place]] = field(default_factory=dict)
    """Values that are written only if the disruption of their first part is asked for."""

    def put(self, key: str, value: object, place: Place, grade: Grade = "read", note: str = "") -> None:
        """Set the value of a key."""
        self.values[key] = value
        self.origins[key] = Origin(place, grade, note)

    def warn(self, id_: str, key: str, text: str, place: Place | None = None) -> None:
        """Add a warning about a key."""
        warned = Warned(id_, key, text, place)
        if warned not in self.warnings:
            self.warnings.append(warned)

    def leave(self, place: Place, reason: str, key: str = "") -> None:
        """Note that a field is not read, why, and what stands in for it if it would be the value of a key."""
        if key:
            reason += f"; {default_of(key)} stands in for {key}"
        if NotRead(place, reason) not in self.not_read:
            self.not_read.append(NotRead(place, reason))

    def forget(self, beginnings: tuple[str, ...]) -> bool:
        """Remove the values of all keys with this beginning, and return whether there were any."""
        keys = [key for key in self.values if key.startswith(beginnings)]
        for key in keys:
            del self.values[key], self.origins[key]
        return bool(keys)

    def raw(self, name: str) -> dict[str, object]:
        """Return the scenario as a file would hold it, its keys in the schema's order."""
        raw: dict[str, object] = {"name": name}
        for key in sorted(self.values, key=_position):
            group = raw
            *above, last = key.split(".")
            for step in above:
                group = group.setdefault(step, {})  # type: ignore[assignment]
            group[last] = self.values[key]
        return raw


def default_of(key: str) -> str:
    """Return a key's default in words."""
    *_, (_, field_info) = _steps(key)
    value = field_info.get_default() if field_info else None
    if value is None or value is PydanticUndefined:
        return "the default"
    return f"the default, {plain(value) if isinstance(value, float) else shown(value)},"


def _position(key: str) -> tuple[int, ...]:
    """Return where the schema has a key: its own place after that of its group."""
    return tuple(position for position, _ in _steps(key))


def _steps(key: str) -> Iterator[tuple[int, FieldInfo | None]]:
    """Yield the place of each step of a key in its group, and the schema's field."""
    fields = Scenario.model_fields
    for step in key.split("."):
        names, found = list(fields), fields.get(step)
        yield names.index(step) if step in names else len(names), found
        inner = found.annotation if found else None
        inner = next((part for part in (inner, *getattr(inner, "__args__", ())) if hasattr(part, "model_fields")), None)
        fields = getattr(inner, "model_fields", {})
