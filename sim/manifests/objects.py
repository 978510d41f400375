"""The objects of a cluster as they were written: kind, name, and the place of each of their fields.

Modelled:
- `List`s and typed lists, nested or not.
- An object without a namespace is in the one that the command is given (`--namespace`).
- Of two objects with one name the later one counts, as with `kubectl apply`.

Left out: `kubectl.kubernetes.io/last-applied-configuration`, which repeats the object.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from sim.manifests.documents import Mapping, Sequence, line_of
from sim.manifests.models import Model
from sim.scenario.problems import Problem, ScenarioError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.documents import Document, Step

M = TypeVar("M", bound=Model)

_MOST_SHOWN = 4
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Rollout"}
_CLUSTER_SCOPED = {"IngressClass", "IngressClassParams", "Namespace", "Node"}
_GROUPS = {
    "Deployment": ("apps", "extensions"),
    "StatefulSet": ("apps",),
    "DaemonSet": ("apps", "extensions"),
    "Rollout": ("argoproj.io",),
    "Service": ("",),
    "Ingress": ("networking.k8s.io", "extensions"),
    "IngressClass": ("networking.k8s.io",),
    "IngressClassParams": ("elbv2.k8s.aws", "eks.amazonaws.com"),
    "TargetGroupBinding": ("elbv2.k8s.aws", "eks.amazonaws.com"),
    "PodDisruptionBudget": ("policy",),
    "HorizontalPodAutoscaler": ("autoscaling",),
    "ScaledObject": ("keda.sh",),
    "Namespace": ("",),
    "Node": ("",),
    "Pod": ("",),
}
"""The kinds that are read, and the API groups in which they are the ones that are meant."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field of an object, where it stands, and the chart's template that this is from, if that is said."""

    source: str
    line: int
    object: str
    field: str
    template: str = ""

    def __str__(self) -> str:
        """Return file, line, template, object and field, as far as there are any."""
        template = f"({self.template})" if self.template else ""
        return " ".join(part for part in (f"{self.source}:{self.line}", template, self.object, self.field) if part)


@dataclass(frozen=True, slots=True)
class Object:
    """An object: `kind/namespace/name`, the file and line of its beginning, and what it says."""

    kind: str
    namespace: str
    name: str
    body: Mapping
    file: str
    template: str = ""

    @property
    def ref(self) -> str:
        """The object's name as users write it: `deployment/shop/checkout`."""
        parts = (self.kind.lower(), self.name) if self.kind in _CLUSTER_SCOPED else ()
        return "/".join(parts or (self.kind.lower(), self.namespace, self.name))

    @property
    def is_live(self) -> bool:
        """Whether the object was read from a cluster and not from a file that somebody wrote."""
        metadata = self.body.get("metadata")
        return isinstance(metadata, dict) and bool(metadata.keys() & {"uid", "resourceVersion"})

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._texts("labels")

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations. A value that is not text is taken as the text that was written."""
        return self._texts("annotations")

    def _texts(self, name: str) -> dict[str, str]:
        found = (self.body.get("metadata") or {}).get(name) or {}
        return {key: _text(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def place(self, *path: Step) -> Place:
        """Return where a field stands."""
        return Place(self.file, line_of(self.body, path, self.body.line), self.ref, dotted(path), self.template)

    def parsed(self, model: type[M]) -> M:
        """Return the object's fields, checked. Raises ScenarioError with the line of each field that makes no sense."""
        try:
            return model.model_validate(self.body)
        except ValidationError as error:
            raise ScenarioError(self._problem(details) for details in error.errors(include_url=False)) from None

    def _problem(self, details: Any) -> Problem:  # noqa: ANN401 - pydantic's error
        path = tuple(details["loc"])
        while path and not _leads_somewhere(self.body, path):
            path = path[:-1]
        place = self.place(*path)
        if details["type"] == "missing":
            name = str(details["loc"][-1])
            return Problem(file=place.source, line=place.line, key=f"{self.ref} {place.field}", found=f"no '{name}'")
        expected = details["msg"].removeprefix("Input should be ").removeprefix("a valid ")
        found = shown(details["input"])
        return Problem(
            file=place.source, line=place.line, key=f"{self.ref} {place.field}", expected=expected, found=found
        )


@dataclass(slots=True)
class Cluster:
    """All objects of the input, those of each kind in their order; other documents; what was passed over."""

    by_kind: dict[str, dict[tuple[str, str], Object]] = field(default_factory=dict)
    others: list[Object] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    replaced: list[Object] = field(default_factory=list)

    def of(self, *kinds: str) -> Iterator[Object]:
        """Return the objects of these kinds."""
        for kind in kinds:
            yield from self.by_kind.get(kind, {}).values()

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object by its namespace and name, or by its name alone if the kind is cluster-scoped."""
        return self.by_kind.get(kind, {}).get(("" if kind in _CLUSTER_SCOPED else namespace, name))

    def add(self, document: Document, file: str, namespace: str) -> None:
        """Add the objects of a document."""
        for body in _flattened(document.value, document.line, file):
            kind, group = str(body["kind"]), str(body.get("apiVersion") or "").rpartition("/")[0]
            if group not in _GROUPS.get(kind, ()):
                self.ignored[kind] += 1
                continue
            self._put(_object(body, kind, file, namespace, document.template))

    def _put(self, found: Object) -> None:
        same_kind = self.by_kind.setdefault(found.kind, {})
        key = "" if found.kind in _CLUSTER_SCOPED else found.namespace, found.name
        if key in same_kind:
            self.replaced.append(same_kind[key])
        same_kind[key] = found


def printable(text: str) -> str:
    """Return a text on one line that a terminal does not obey, since names in manifests may hold anything."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def dotted(path: tuple[Step, ...]) -> str:
    """Write a field's path as kubectl does: `spec.containers[0].image`; a key with dots in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step:
            text += f"['{step}']"
        else:
            text += f".{step}" if text else step
    return text


def _flattened(value: object, line: int, file: str) -> Iterator[Mapping]:
    """Return the objects of a document: itself, or the items of its lists; nothing for an empty document."""
    if value is None:
        return
    if isinstance(value, Sequence):
        for item, at in zip(value, value.lines, strict=True):
            yield from _flattened(item, at, file)
        return
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        found = shown(value) if not isinstance(value, dict) else _without_kind(value)
        raise ScenarioError([Problem(file=file, line=line, expected="a Kubernetes object", found=found)])
    items = value.get("items")
    if value["kind"].endswith("List") and (items is None or isinstance(items, Sequence)):
        yield from _flattened(items, line, file)
    else:
        yield value


def _without_kind(value: dict[str, object]) -> str:
    """Say what a mapping is that is no object: its first keys tell whose it is."""
    keys = ", ".join(shown(key) for key in list(value)[:_MOST_SHOWN])
    return f"a mapping without 'kind', whose keys are {keys}" if keys else "an empty mapping"


def _object(body: Mapping, kind: str, file: str, namespace: str, template: str) -> Object:
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str | int) or isinstance(name, bool) or name == "":
        line = line_of(body, ("metadata", "name"), body.line)
        raise ScenarioError(
            [Problem(file=file, line=line, key=f"{kind} metadata.name", expected="a name", found="none")]
        )
    own = metadata.get("namespace")
    return Object(kind, own if isinstance(own, str) and own else namespace, str(name), body, file, template)


def _leads_somewhere(value: object, path: tuple[Step, ...]) -> bool:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[str(step)]
        elif isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return False
    return True


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
