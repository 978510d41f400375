"""What belongs together: a workload, its Service, and the Ingress or the TargetGroupBinding in front of that.

Modelled (docs/facts/manifests.md §1.2, §1.3): target groups that the controller made, and those that others made.

Left out: references across namespaces, of which only a group of Ingresses is one.

Source: LBC pkg/ingress/model_builder.go@v3.5.0.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.manifests.argo import forwards_of_rollouts
from sim.manifests.bindings import is_for_ingress, of_nlb
from sim.manifests.draft import Warned
from sim.manifests.ingresses import ours
from sim.manifests.network_models import Binding, Service, ServicePort
from sim.manifests.objects import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.manifests.controller import Controller
    from sim.manifests.ingresses import OurIngress
    from sim.manifests.objects import Cluster, Object, Place

_SET_BY_ARGO = "rollouts-pod-template-hash"


@dataclass(slots=True)
class TargetGroup:
    """A target group: pods of a Service behind an Ingress, or bound by a TargetGroupBinding."""

    service: Object
    port: str
    service_port: ServicePort
    ingress: OurIngress | None = None
    binding: Object | None = None

    @property
    def place(self) -> Place:
        """Where it is asked for."""
        return (self.ingress.object if self.ingress else self.binding or self.service).place("spec")

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"{self.service.name}:{self.port} of {self.place.object}"

    @property
    def target_port(self) -> int | str:
        """The pods' port."""
        port = self.service_port
        return port.port if port.target_port is None else port.target_port


@dataclass(slots=True)
class Network:
    """All that is behind the controller's ALBs."""

    ingresses: list[OurIngress] = field(default_factory=list)
    groups: dict[str, list[TargetGroup]] = field(default_factory=lambda: defaultdict(list))
    warnings: list[Warned] = field(default_factory=list)

    def members(self, alb: str) -> list[OurIngress]:
        """Return the Ingresses of an ALB."""
        return [ingress for ingress in self.ingresses if ingress.alb == alb]

    def albs(self) -> list[str]:
        """Return what each ALB is known by."""
        return list(dict.fromkeys(ingress.alb for ingress in self.ingresses))


def join(cluster: Cluster, controller: Controller) -> Network:
    """Find which workloads are behind which target groups; `Network.groups` has them by the workload's ref."""
    network = Network()
    seen_classes: set[str] = set()
    forwards = forwards_of_rollouts(cluster)
    for one in cluster.of("Ingress"):
        found = ours(one, cluster, controller, network.warnings, seen_classes)
        if found:
            found.forwards = forwards
            network.ingresses.append(found)
    pods = _Pods(cluster)
    bound = set()
    for ingress in network.ingresses:
        for name, port in dict.fromkeys(ingress.backends()):
            service = cluster.get("Service", name, ingress.object.namespace)
            bound.add((ingress.object.namespace, name))
            _attach(network, pods, service, port, name, ingress=ingress)
    for binding in cluster.of("TargetGroupBinding"):
        _bind(network, pods, cluster, binding, bound)
    return network


def _bind(network: Network, pods: _Pods, cluster: Cluster, binding: Object, bound: set[tuple[str, str]]) -> None:
    spec = binding.parsed(Binding).spec
    name, port = spec.service_ref.name, str(spec.service_ref.port)
    if is_for_ingress(binding) and (binding.namespace, name) in bound:
        return
    why = of_nlb(binding)
    if why:
        text = f"{binding.ref} is of a Network Load Balancer ({why}), which is not simulated"
        network.warnings.append(Warned("not-an-alb", "", text, binding.place("spec", "targetGroupProtocol")))
        return
    service = cluster.get("Service", name, binding.namespace)
    _attach(network, pods, service, port, name, binding=binding)


def _attach(
    network: Network,
    pods: _Pods,
    service: Object | None,
    port: str,
    name: str,
    *,
    ingress: OurIngress | None = None,
    binding: Object | None = None,
) -> None:
    asks = ingress.object if ingress else binding
    if service is None:
        text = f"the Service '{name}' of {asks.ref if asks else ''} is not in the input"
        network.warnings.append(Warned("service-not-given", "", text, asks.place("spec") if asks else None))
        return
    spec = service.parsed(Service).spec
    found = _port(spec.ports, port)
    if found is None:
        text = f"{service.ref} has no port '{port}', which {asks.ref if asks else ''} names"
        network.warnings.append(Warned("no-such-port", "", text, service.place("spec", "ports")))
        return
    selected = pods.selected(service, spec.selector)
    if spec.selector and not selected:
        text = f"{service.ref} selects {_selector(spec.selector)}, and no pod of the input has these labels"
        network.warnings.append(Warned("selector-matches-no-pod", "", text, service.place("spec", "selector")))
    for workload in selected:
        network.groups[workload.ref].append(TargetGroup(service, port, found, ingress, binding))


class _Pods:
    """The workloads by the labels of their pods."""

    def __init__(self, cluster: Cluster) -> None:
        self._labels: dict[str, dict[str, str]] = {}
        self._by_label: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for workload in cluster.of(*sorted(WORKLOADS)):
            self._labels[workload.ref] = labels = _pod_labels(workload, cluster)
            for key, value in labels.items():
                self._by_label[workload.namespace, key, value].append(workload)

    def selected(self, service: Object, selector: dict[str, Any]) -> list[Object]:
        """Return the workloads whose pods a Service selects; one without a selector selects none."""
        wanted = {key: str(value) for key, value in selector.items() if key != _SET_BY_ARGO}
        if not wanted:
            return []
        candidates = min((self._by_label.get((service.namespace, *item), []) for item in wanted.items()), key=len)
        return [one for one in candidates if wanted.items() <= self._labels[one.ref].items()]


def _pod_labels(workload: Object, cluster: Cluster) -> dict[str, str]:
    spec = workload.body.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    reference = spec.get("workloadRef") if isinstance(spec, dict) else None
    if not template and isinstance(reference, dict):
        target = cluster.get(str(reference.get("kind", "Deployment")), str(reference.get("name")), workload.namespace)
        return _pod_labels(target, cluster) if target and target.kind != "Rollout" else {}
    metadata = template.get("metadata") if isinstance(template, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {key: str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _port(ports: Iterable[ServicePort], wanted: str) -> ServicePort | None:
    ports = list(ports)
    if not wanted and len(ports) == 1:
        return ports[0]
    return next((port for port in ports if wanted in {port.name, str(port.port)}), None)


def _selector(selector: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in selector.items())
