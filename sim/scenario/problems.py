"""What is wrong with a scenario, said so that its author can mend it: where, what was expected, what was found.

Every problem of a file is gathered and raised once, as one `ScenarioError`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST_SHOWN = 60
_LONGEST_KEY = 100

KeyPath = tuple[str | int, ...]
"""The steps of a key; an int is the index of a list's item."""


class Place(NamedTuple):
    """Where a key stands: a file as the user named it, and a line of it, counted from 1."""

    file: str
    line: int


Places = dict[KeyPath, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    `found` stands alone if nothing was `expected` ("unknown key"); `line` counts from 1; `key` is dotted, with numbers
    for the items of lists. What is not known is empty, or None for the line.
    """

    found: str
    expected: str = ""
    key: str = ""
    file: str = ""
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem in one line: `file:line: key: expected … (got …); hint`."""
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        complaint = f"expected {self.expected} (got {self.found})" if self.expected else self.found
        said = f"{complaint}; {self.hint}" if self.hint else complaint
        key = self.key if self.key.isprintable() and len(self.key) <= _LONGEST_KEY else shown(self.key)
        return ": ".join(part for part in (place, key, said) if part)


class ScenarioError(Exception):
    """A scenario that cannot be simulated, and why.

    Attributes
    ----------
    problems
        Everything that is wrong with it: each problem with its file, line and key as far as they are known, what was
        expected, what was found, and a hint.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, each once, in their order."""
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return every problem on a line of its own."""
        return "\n".join(str(problem) for problem in self.problems)


def located(problem_path: KeyPath, places: Mapping[KeyPath, Place]) -> tuple[str, int | None]:
    """Return file and line of a key, or of the nearest one above it."""
    for length in range(len(problem_path), -1, -1):
        place = places.get(problem_path[:length])
        if place is not None:
            return place
    return "", None


def dotted(path: KeyPath) -> str:
    """Write a path as users do: `aws_api.other_clusters.0.ingresses`."""
    return ".".join(str(step) for step in path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give "did you mean '…'?" with the nearest known word, or nothing if none is near."""
    matches = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{matches[0]}'?" if matches and matches[0] != word else ""


def shown(value: object) -> str:
    """Return a value as it would stand in YAML, cut if it is long; collections by their kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = repr(value) if isinstance(value, int | float | str) else f"{type(value).__name__} {value!r}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def plain(number: float) -> str:
    """Return a number as short as it can be written: 0, 2.5, 150000, 1e9."""
    whole = math.isfinite(number) and number == int(number)
    if whole and abs(number) < 1e6:  # noqa: PLR2004 - seven digits are hard to count
        return str(int(number))
    return f"{number:g}".replace("e+0", "e").replace("e+", "e")
