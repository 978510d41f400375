"""From sources to scenarios: one for each workload that an ALB reaches.

Modelled:
- Every document is read before anything is joined, so the order of files does not matter.
- A workload without a scenario is named and left out, unless no other is left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.manifests.aws import AwsOutput
from sim.manifests.controller import Controller, find_controllers, is_values, of_values
from sim.manifests.documents import read_documents
from sim.manifests.draft import Warned
from sim.manifests.joining import join
from sim.manifests.objects import WORKLOADS, Cluster, Object, Place
from sim.manifests.one_workload import Asked, Imported, Importer
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.manifests.joining import Network
    from sim.manifests.sources import Source

__all__ = ["Asked", "Import", "Imported", "import_sources"]

_GATEWAY_API = {"Gateway", "HTTPRoute", "GRPCRoute"}


@dataclass(slots=True)
class Import:
    """All workloads of an input, what was passed over, and what concerns none of them alone."""

    workloads: list[Imported] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    warnings: list[Warned] = field(default_factory=list)


def import_sources(sources: Iterable[Source], asked: Asked) -> Import:
    """Return the scenarios of all workloads behind an ALB. Raises ScenarioError if there are none."""
    cluster, values, aws = _read(sources, asked.namespace)
    found = Import(ignored=cluster.ignored)
    controllers = list(find_controllers(cluster))
    controller = _chosen(found, [one for _, one in controllers], values)
    network = join(cluster, controller)
    found.warnings += network.warnings
    found.warnings += [
        Warned("given-twice", "", f"{one.ref} is given again later, which counts", one.place())
        for one in cluster.replaced
    ]
    found.warnings += _unquoted(cluster)
    importer = Importer(cluster, controller, network, aws, asked)
    own = {one.ref for one, _ in controllers}
    candidates = [one for one in cluster.of(*sorted(WORKLOADS)) if one.ref in network.groups and one.ref not in own]
    chosen = [one for one in candidates if _is_selected(one, asked.select)]
    if not chosen:
        raise _nothing(cluster, candidates, network, asked.select)
    importer.several = len(chosen) > 1
    _import_each(importer, chosen, found)
    return found


def _import_each(importer: Importer, chosen: Sequence[Object], found: Import) -> None:
    problems: list[Problem] = []
    names = Counter(one.name for one in chosen)
    for workload in chosen:
        name = workload.name if names[workload.name] == 1 else f"{workload.namespace}-{workload.name}-{workload.kind}"
        try:
            found.workloads.append(importer.imported(workload, name))
        except ScenarioError as error:
            problems += error.problems
            found.warnings += [
                Warned("not-imported", "", f"{workload.ref} is not imported: {one}") for one in error.problems
            ]
    if not found.workloads:
        raise ScenarioError(problems)


def _read(sources: Iterable[Source], namespace: str) -> tuple[Cluster, list[Object], AwsOutput]:
    cluster, values, aws = Cluster(), [], AwsOutput()
    for source in sources:
        for document in read_documents(source.text, source.name):
            if is_values(document.value):
                values.append(Object("Values", "", "values", document.value, source.name))
            elif not aws.take(document.value, source.name):
                cluster.add(document, source.name, namespace)
    return cluster, values, aws


def _chosen(found: Import, controllers: Sequence[Controller], values: Sequence[Object]) -> Controller:
    """Return the controller of the input, or one of which nothing is known."""
    every = [*(of_values(one) for one in values), *controllers]
    if not every:
        return Controller(Place("", 0, "", ""))
    if len(every) > 1:
        others = ", ".join(str(one.place) for one in every[1:])
        found.warnings.append(
            Warned("several-controllers", "", f"the first controller counts; also given: {others}", every[0].place)
        )
    return every[0]


def _unquoted(cluster: Cluster) -> list[Warned]:
    """Warn of annotations of Ingresses and Services that are no text. The API server refuses these objects."""
    found = []
    for one in cluster.of("Ingress", "Service"):
        annotations = (one.body.get("metadata") or {}).get("annotations")
        for key, value in annotations.items() if isinstance(annotations, dict) else ():
            if not isinstance(value, str) and value is not None:
                text = f"{value!r} is to be quoted: the API server takes only text as an annotation"
                found.append(Warned("unquoted-annotation", "", text, one.place("metadata", "annotations", key)))
    return found


def _is_selected(workload: Object, select: str) -> bool:
    """Return whether `[KIND/][NS/]NAME` means this workload."""
    parts = select.lower().split("/")
    name = [workload.kind.lower(), workload.namespace.lower(), workload.name.lower()]
    return not select or parts in (name, name[1:], name[2:], [name[0], name[2]])


def _nothing(cluster: Cluster, candidates: Sequence[Object], network: Network, select: str) -> ScenarioError:
    if candidates:
        known = ", ".join(one.ref for one in candidates[:10])
        return ScenarioError([Problem(file="--select", expected=f"one of {known}", found=f"'{select}'")])
    counts = {kind: len(objects) for kind, objects in cluster.by_kind.items()} | dict(cluster.ignored)
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no object"
    hints = [str(warned) for warned in network.warnings[:5]]
    if _GATEWAY_API & set(cluster.ignored):
        hints.append("the Gateway API is not simulated; of its ALB, the TargetGroupBindings are read")
    if not hints:
        hints = ["an Ingress of the controller or a TargetGroupBinding, its Service and the Deployment belong together"]
    return ScenarioError([Problem(expected="a workload behind an ALB", found=found, hint="; ".join(hints))])
