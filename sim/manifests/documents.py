"""YAML and JSON text to mappings and lists that know the line of each of their values.

Modelled:
- What `kubectl`, `helm template` and `kustomize build` write: several documents, anchors and aliases.
- A duplicate key is a problem.
- libyaml's events are read if PyYAML was built with libyaml, since a cluster's dump is large.
- Depth, and size with aliases written out, are bounded. So no file takes long to be refused.

Left out: tags, and merge keys (`<<`). Kubernetes' own reader does not know them either.

Source: `sim.scenario.yaml_source` says what a plain word means.
"""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from sim.scenario.problems import Problem, ScenarioError, shown
from sim.scenario.yaml_source import paired, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 60
_MOST_VALUES = 4_000_000
_HALF_A_CHARACTER = re.compile(r"\\u[dD][89abAB]")
_TEMPLATE = re.compile(r"# Source: (\S.*?)\s*$")
_JSON_STARTS = ("{", "[")
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEYWORDS = {"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"}

Step = str | int


class Mapping(dict[str, Any]):
    """A mapping with the line on which it begins, and that of each key."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        """Begin an empty mapping."""
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Sequence(list[Any]):
    """A list with the line on which it begins, and that of each item."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        """Begin an empty list."""
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class Document(NamedTuple):
    """One YAML document: its value, the line on which that begins, and the chart's template, if it names one."""

    value: Any
    line: int
    template: str = ""


class _Anchored(NamedTuple):
    value: object
    size: int


def line_of(value: object, path: tuple[Step, ...], otherwise: int) -> int:
    """Return the line of what stands at a path, or of the nearest thing above it."""
    line = otherwise
    for step in path:
        if isinstance(value, Mapping) and step in value.lines:
            line, value = value.lines[str(step)], value[str(step)]
        elif isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
            line, value = value.lines[step], value[step]
        else:
            break
    return line


def read_documents(text: str, file: str) -> list[Document]:
    """Read every document of a text. Raises ScenarioError where it is no YAML or is out of bounds."""
    if text.lstrip().startswith(_JSON_STARTS):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not; none stands inside a JSON string
    loader = yaml.SafeLoader if _HALF_A_CHARACTER.search(text) else _FAST
    try:
        with _no_collection():
            events = yaml.parse(text, Loader=loader)
            read = [_Reader(events, file).document() for event in events if isinstance(event, yaml.DocumentStartEvent)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _refused(f"not valid YAML: {what}", file, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _refused(f"not valid YAML: {str(error).splitlines()[0]}", file, None) from None
    return _with_templates(read, text)


def _with_templates(read: list[Document], text: str) -> list[Document]:
    """Note with each document the template of the comment `# Source: …` before it, which `helm template` writes."""
    lines = text.split("\n") if "# Source: " in text else []
    documents, before = [], 0
    for one in read:
        named = [found[1] for line in lines[before : one.line] if (found := _TEMPLATE.match(line))]
        documents.append(one._replace(template=named[-1]) if named else one)
        before = one.line
    return documents


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking a tree that only grows: it would take longer than the reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _refused(what: str, file: str, line: int | None) -> ScenarioError:
    return ScenarioError([Problem(found=what, file=file, line=line)])


class _Reader:
    """Reads the events of one document."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self._events = events
        self._file = file
        self._anchored: dict[str, _Anchored] = {}
        self._size = 0

    def document(self) -> Document:
        event = next(self._events)
        value = self._value(event, 0)
        next(self._events)
        return Document(value, event.start_mark.line + 1)

    def _value(self, event: Any, depth: int) -> object:  # noqa: ANN401 - the parser's types do not say which event
        size = self._size
        self._count(1, depth, event)
        value: object
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(event, depth + 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, depth + 1)
        else:
            return self._alias(event, depth)
        if event.anchor:
            self._anchored[event.anchor] = _Anchored(value, self._size - size)
        return value

    def _mapping(self, start: Any, depth: int) -> Mapping:  # noqa: ANN401 - see above
        mapping = Mapping(start.start_mark.line + 1)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, line = self._value(event, depth), event.start_mark.line + 1
            text = key if isinstance(key, str) else shown(key)
            if text in mapping:
                raise _refused(f"the key {shown(text)} twice; first on line {mapping.lines[text]}", self._file, line)
            mapping.lines[text] = line
            mapping[text] = self._value(next(self._events), depth)
        return mapping

    def _sequence(self, start: Any, depth: int) -> Sequence:  # noqa: ANN401 - see above
        items = Sequence(start.start_mark.line + 1)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.lines.append(event.start_mark.line + 1)
            items.append(self._value(event, depth))
        return items

    def _alias(self, event: Any, depth: int) -> object:  # noqa: ANN401 - see above
        anchored = self._anchored.get(event.anchor)
        if anchored is None:
            what = f"not valid YAML: no value is called &{event.anchor} before this"
            raise _refused(what, self._file, event.start_mark.line + 1)
        self._count(anchored.size, depth, event)
        return anchored.value

    def _count(self, values: int, depth: int, event: Any) -> None:  # noqa: ANN401 - see above
        self._size += values
        if depth > _DEEPEST:
            raise _refused(f"nested more than {_DEEPEST} deep", self._file, event.start_mark.line + 1)
        if self._size > _MOST_VALUES:
            raise _refused(
                f"more than {_MOST_VALUES} values, aliases written out", self._file, event.start_mark.line + 1
            )


def _scalar(event: Any) -> object:  # noqa: ANN401 - see above
    text: str = event.value
    if not event.implicit[0]:
        return paired(text)
    return text if text[:1].isalpha() and text not in _KEYWORDS else resolved(text)
