"""Which file of the package reads which key of a scenario, as seen while replications are simulated."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import sim
from sim.scenario.fields import Spec
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(sim.__file__).parent


class Reads:
    """The files that have read each key, by its dotted name.

    A spec is known by its place in the scenario. Of one that stands nowhere in it, as a default does, the key is known
    if specs of that kind stand in one place only.
    """

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = defaultdict(set)
        self._place: dict[int, str] = {}
        self._only_place = _only_places(Scenario)

    @contextmanager
    def noted(self, scenario: Scenario) -> Iterator[None]:
        """Note every key of the scenario that is read."""
        self._place = dict(_places(scenario, ""))
        note = self._note

        def read(spec: Spec, name: str) -> Any:
            value = object.__getattribute__(spec, name)
            if not name.startswith("_") and name in type(spec).__pydantic_fields__:
                note(spec, name, sys._getframe(1).f_code.co_filename)
            return value

        Spec.__getattribute__ = read  # type: ignore[method-assign]
        try:
            yield
        finally:
            del Spec.__getattribute__

    def _note(self, spec: Spec, name: str, file: str) -> None:
        place = self._place.get(id(spec), self._only_place.get(type(spec)))
        path = Path(file)
        if place is not None and path.is_relative_to(PACKAGE):
            self.files[place + name].add(path.relative_to(PACKAGE).as_posix())


def _places(spec: Spec, place: str) -> Iterator[tuple[int, str]]:
    """Yield each spec's identity and its place, such as `pod.`; the items of a list have the list's."""
    yield id(spec), place
    for name in type(spec).model_fields:
        value = spec.__dict__[name]
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Spec):
                yield from _places(item, f"{place}{name}.")


def _only_places(spec: type[Spec]) -> dict[type[Spec], str]:
    """Return the place of each kind of spec that stands in one place only."""
    found: dict[type[Spec], list[str]] = defaultdict(list)

    def look(into: type[Spec], place: str) -> None:
        for name, field in into.model_fields.items():
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, Spec):
                    found[kind].append(f"{place}{name}.")
                    look(kind, f"{place}{name}.")

    look(spec, "")
    return {kind: places[0] for kind, places in found.items() if len(set(places)) == 1}
