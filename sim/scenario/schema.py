"""The JSON Schema of a scenario: what editors check with, and where error messages take their words from.

There is one source for both: error messages read a key's range, names and neighbours from the schema that pydantic
makes of the specs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sim.scenario.problems import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.scenario.fields import Spec

Node = dict[str, Any]

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "array": "a list of values",
    "object": "a mapping",
}


@cache
def schema_of(spec: type[Spec]) -> Node:
    """Return a spec's JSON Schema, draft 2020-12, with descriptions and defaults.

    Callers share the mapping: do not change it.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **spec.model_json_schema()}


class Words:
    """What a JSON Schema says of a key, for error messages. A path is the steps of a dotted key; an int is an index."""

    def __init__(self, schema: Node) -> None:
        """Read the schema of a whole scenario."""
        self._schema = schema

    def expected_at(self, path: Sequence[str | int], raw: object) -> str:
        """Return what may stand at `path` of `raw`, in words: "a whole number from 1 to 150000"."""
        return self._in_words(self._node(path, raw))

    def keys_at(self, path: Sequence[str | int], raw: object) -> list[str]:
        """Return the keys that the mapping at `path` of `raw` may have."""
        return [key for branch in self._branches(self._node(path, raw), value_at(raw, path)) for key in _keys(branch)]

    def choices_at(self, path: Sequence[str | int], raw: object) -> list[str]:
        """Return the words that may stand at `path` of `raw`, if they can be listed."""
        return self._choices(self._node(path, raw))

    def paths_to(self, key: str) -> list[str]:
        """Return the dotted keys whose last step is `key`, which is where a misplaced key belongs."""
        groups = self._schema["properties"]
        return [f"{name}.{key}" for name, node in groups.items() for b in self._branches(node) if key in _keys(b)]

    def _node(self, path: Sequence[str | int], raw: object) -> Node:
        node, value = self._schema, raw
        for step in path:
            node = next((child for b in self._branches(node, value) for child in _children(b, step)), {})
            value = value_at(value, [step])
        return node

    def _branches(self, node: Node, value: object = None) -> Iterator[Node]:
        """Yield the alternatives of a node; for a distribution that names its family, only that family."""
        if "$ref" in node:
            node = self._schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        alternatives = node.get("anyOf") or node.get("oneOf") or []
        for alternative in alternatives:
            yield from self._branches(alternative, value)
        if not alternatives and _is_family(node, value):
            yield node

    def _choices(self, node: Node) -> list[str]:
        return [c for b in self._branches(node) for c in (*b.get("enum", []), *b.get("examples", []))]

    def _in_words(self, node: Node) -> str:
        if "$comment" in node:
            return str(node["$comment"])
        if "anyOf" in node:
            return " or ".join(self._in_words(alternative) for alternative in node["anyOf"])
        names = [f"'{name}'" for name in self._choices(node)]
        if names:
            return f"one of {', '.join(names)}"
        branch = next(self._branches(node), {})
        return f"{_KINDS.get(branch.get('type', ''), 'another value')}{_range(branch)}"


def _range(node: Node) -> str:
    low, above = node.get("minimum"), node.get("exclusiveMinimum")
    high = node.get("maximum", node.get("exclusiveMaximum"))
    start = f" from {plain(low)}" if low is not None else f" above {plain(above)}" if above is not None else ""
    return start + (f" to {plain(high)}" if high is not None else "")


def _keys(node: Node) -> list[str]:
    return [*node.get("properties", {}), *node.get("propertyNames", {}).get("enum", [])]


def _children(node: Node, step: str | int) -> Iterator[Node]:
    if isinstance(step, int) and "items" in node:
        yield node["items"]
    elif step in node.get("properties", {}):
        yield node["properties"][step]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _is_family(node: Node, value: object) -> bool:
    dist = node.get("properties", {}).get("dist")
    return dist is None or not isinstance(value, dict) or "dist" not in value or dist.get("const") == value["dist"]


def value_at(value: object, path: Sequence[str | int]) -> object:
    """Return the value at a path of mappings and lists, or None."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
