"""What is wrong with a scenario, said so that its author can correct it: where, what was expected, what was found.

Every problem of a file is gathered and raised once, as one `ScenarioError`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_IN_A_NAME = r"[/\\\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069]"
"""Characters that no scenario's name has: parts of a path, and those that a terminal or a page would obey."""
LONGEST_NAME = 100
_LONGEST_SHOWN = 60
_LONGEST_KEY = 100
_LONGEST_FOUND = 200
_LONGEST_SAID = 1000
_COLUMNS = 80

KeyPath = tuple[str | int, ...]
"""The steps of a key; an int is the index of a list's item."""


class Place(NamedTuple):
    """Where a key stands: a file as the user named it, and a line of it, counted from 1.

    The line is None where the value is not from a file but from the command line.
    """

    file: str
    line: int | None


Places = dict[KeyPath, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. Parts that are not known are empty.

    Attributes
    ----------
    found
        What stands there. `found` stands alone if nothing was `expected` ("unknown key").
    expected
        What was expected.
    key
        The dotted key, with numbers for the items of lists.
    file
        The file, as the user named it.
    line
        The line, counted from 1, None if it is not known.
    hint
        What to do.
    """

    found: str
    expected: str = ""
    key: str = ""
    file: str = ""
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem in one line: `file:line: key: expected … (got …); hint`.

        The user's own words are escaped, so that a terminal takes no part of them for a command.
        """
        file, found = escaped(self.file), escaped(self.found)
        place = f"{file}:{self.line}" if self.line is not None else file
        complaint = f"expected {escaped(self.expected, _LONGEST_SAID)} (got {found})" if self.expected else found
        said = f"{complaint}; {escaped(self.hint, _LONGEST_SAID)}" if self.hint else complaint
        key = self.key if self.key.isprintable() and len(self.key) <= _LONGEST_KEY else shown(self.key)
        return ": ".join(part for part in (place, key, said) if part)


class ScenarioError(Exception):
    """A scenario that cannot be simulated, and why.

    Attributes
    ----------
    problems
        Everything that is wrong with it. Each problem has its file, line and key as far as they are known, what was
        expected, what was found, and a hint.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, each once, in order."""
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
    """Return a path as users write it: `aws_api.other_clusters.0.ingresses`."""
    return ".".join(str(step) for step in path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean '…'?" with the nearest known word, or an empty text if none is near."""
    matches = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{matches[0]}'?" if matches and matches[0] != word else ""


def escaped(text: str, longest: int = _LONGEST_FOUND) -> str:
    """Return a user's text as a terminal can show it: control characters escaped, and the middle cut if it is long."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}…{text[-half:]}"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def shown(value: object) -> str:
    """Return a value as YAML would show it, cut if it is long, and a collection by its kind."""
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
    """Return a number in its shortest form: 0, 2.5, 150000, 1e9."""
    whole = math.isfinite(number) and number == int(number)
    if whole and abs(number) < 1e6:  # noqa: PLR2004 - seven digits are hard to count
        return str(int(number))
    return f"{number:g}".replace("e+0", "e").replace("e+", "e")


def remark(said: str, place: str = "") -> list[str]:
    """Return a remark as indented lines of a terminal, and its place in one line below, so that it can be copied."""
    lines = wrap(
        said, _COLUMNS, initial_indent="  ", subsequent_indent=" " * 4, break_long_words=False, break_on_hyphens=False
    )
    return [*lines, f"    {place}"] if place else lines


class Advice(NamedTuple):
    """A key, and what is unwise about its value."""

    key: str
    message: str

    def __str__(self) -> str:
        """Return key and advice in one line."""
        return f"{self.key}: {self.message}"
