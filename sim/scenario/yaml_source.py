"""YAML text to plain Python values, with the line of every key.

Modelled:
- The parser is PyYAML's. Plain words follow YAML 1.2 (core schema, decimal numbers only). So `1e3` is a number, and
  `no`, `010` and `2019-10-01` do not silently become something else.
- Duplicate keys are problems.
- Nesting, size and the growth through aliases are bounded, so that no file takes long to be refused.

Left out: tags, merge keys (`<<`; a scenario has `extends`), keys that are not text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from sim.scenario.problems import KeyPath, Place, Places, Problem, ScenarioError, dotted, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 20
_MOST_VALUES = 10_000
_LONGEST_INTEGER = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, the place of each key, and its problems as YAML."""

    value: object
    places: Places
    problems: list[Problem] = field(default_factory=list)


_NodeEvent = yaml.AliasEvent | yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent


class _Anchored(NamedTuple):
    value: object
    size: int
    height: int


def read_documents(text: str, file: str) -> list[Document]:
    """Return every document of a YAML text. Raises ScenarioError where the text is not YAML or exceeds a bound."""
    try:
        events = _events(text, file)
        return [_Reader(events, file).document() for event in events if isinstance(event, yaml.DocumentStartEvent)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _refused(f"not valid YAML: {what}", file, mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(
            f"not valid YAML: the character {chr(error.character)!r} may not stand here", file, line
        ) from None


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    """Yield a text's events. An escape beyond Unicode's last character is refused here, as PyYAML crashes on it."""
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]
    except (OverflowError, ValueError):
        raise _refused("not valid YAML: an escape that stands for no character", file, loader.line + 1) from None
    finally:
        loader.dispose()


def _refused(what: str, file: str, line: int | None) -> ScenarioError:
    return ScenarioError([Problem(found=what, file=file, line=line)])


class _Reader:
    """Reads the events of one document."""

    def __init__(self, events: Iterator[yaml.Event], file: str) -> None:
        self._events = events
        self._file = file
        self._places: Places = {}
        self._problems: list[Problem] = []
        self._anchored: dict[str, _Anchored] = {}
        self._size = 0

    def document(self) -> Document:
        """Return the document, read to its end."""
        event = self._next()
        self._places[()] = self._place(event)
        value, _ = self._value(event, (), depth=0)
        next(self._events)
        return Document(value, self._places, self._problems)

    def _next(self) -> Any:  # noqa: ANN401 - the parser's grammar says which event follows, its types do not
        return next(self._events)

    def _value(self, event: _NodeEvent, path: KeyPath, *, depth: int) -> tuple[object, int]:
        """Return the value that begins with this event, and the depth of its nesting."""
        self._count(1, depth, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        size = self._size
        if isinstance(event, yaml.MappingStartEvent):
            value, height = self._mapping(path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value, height = self._sequence(path, depth)
        else:
            value, height = (resolved(event.value) if event.implicit[0] else paired(event.value)), 0
        if event.tag not in (None, "!"):
            self._complain(path, self._place(event), "a value without a tag", event.tag)
        if event.anchor:
            self._anchored[event.anchor] = _Anchored(value, self._size - size + 1, height)
        return value, height

    def _mapping(self, path: KeyPath, depth: int) -> tuple[object, int]:
        mapping: dict[str, object] = {}
        height = 0
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, _ = self._value(event, path, depth=depth + 1)
            place = self._place(event)
            where = (*path, key if isinstance(key, str) else shown(key))
            if not isinstance(key, str):
                self._complain(where, place, "a key in text", shown(key))
            elif key in mapping:
                self._complain(where, place, "", f"given twice; first on line {self._places[where].line}")
            else:
                self._places[where] = place
            value, below = self._value(self._next(), where, depth=depth + 1)
            height = max(height, below + 1)
            if isinstance(key, str):
                mapping.setdefault(key, value)
        return mapping, height

    def _sequence(self, path: KeyPath, depth: int) -> tuple[object, int]:
        items: list[object] = []
        height = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            where = (*path, len(items))
            self._places[where] = self._place(event)
            value, below = self._value(event, where, depth=depth + 1)
            height = max(height, below + 1)
            items.append(value)
        return items, height

    def _alias(self, event: yaml.AliasEvent, depth: int) -> tuple[object, int]:
        anchored = self._anchored.get(str(event.anchor))
        if anchored is None:
            raise _refused(f"not valid YAML: no value is called &{event.anchor} before this", *self._place(event))
        self._count(anchored.size, depth + anchored.height, event)
        return anchored.value, anchored.height

    def _count(self, values: int, depth: int, event: yaml.Event) -> None:
        self._size += values
        if depth > _DEEPEST:
            raise _refused(f"nested more than {_DEEPEST} deep", *self._place(event))
        if self._size > _MOST_VALUES:
            raise _refused(f"more than {_MOST_VALUES} values, aliases written out", *self._place(event))

    def _complain(self, path: KeyPath, place: Place, expected: str, found: str) -> None:
        problem = Problem(key=dotted(path), file=place.file, line=place.line, expected=expected, found=found)
        self._problems.append(problem)

    def _place(self, event: yaml.Event) -> Place:
        return Place(self._file, event.start_mark.line + 1 if event.start_mark else 1)


def paired(text: str) -> str:
    """Return the text with surrogate pairs joined: JSON writes a character beyond 16 bits as two, PyYAML keeps both."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def resolved(text: str) -> object:
    """Return the meaning of a plain word in YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text) or _NAN.fullmatch(text):
        return float(text.replace(".", ""))
    return text
