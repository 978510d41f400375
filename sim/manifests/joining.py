"""What belongs together: workload, Service, Ingress, IngressClass and IngressClassParams, or TargetGroupBinding.

Modelled: docs/facts/manifests.md §1.2 and §1.3: whose an Ingress is, groups (from v2 on), actions that forward,
backends of every API version, target groups that the controller or somebody else made.
Left out: references across namespaces, of which only a group of Ingresses is one.
Source: LBC pkg/ingress/group_loader.go, model_build_actions.go and model_builder.go@v3.5.0.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.manifests.draft import Warned
from sim.manifests.network_models import Binding, ClassParams, Ingress, IngressClass, Service, ServicePort
from sim.manifests.objects import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.manifests.controller import Controller
    from sim.manifests.network_models import Backend
    from sim.manifests.objects import Cluster, Object, Place

CONTROLLERS_OF_CLASSES = {"ingress.k8s.aws/alb", "eks.amazonaws.com/alb"}
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_MADE_BY_CONTROLLER = {"ingress.k8s.aws/stack-name", "ingress.k8s.aws/stack", "eks.amazonaws.com/stack"}
_SET_BY_ARGO = "rollouts-pod-template-hash"


class Setting(NamedTuple):
    """An annotation's value, and where it stands."""

    value: str
    place: Place


@dataclass(slots=True)
class OurIngress:
    """An Ingress of the controller: its annotations, the parameters of its class, its group."""

    object: Object
    spec: Any
    prefix: str
    params: Object | None
    params_spec: Any
    group: str

    @property
    def alb(self) -> str:
        """What tells its ALB from others: the group, or itself."""
        return f"group {self.group}" if self.group else self.object.ref

    def setting(self, name: str) -> Setting | None:
        """Return one of its annotations."""
        return setting_of(self.object, self.prefix, name)

    def backends(self) -> Iterator[tuple[str, str]]:
        """Return Service and port of each of its target groups, as they are written."""
        spec = self.spec
        whole = [spec.default_backend or spec.backend]
        paths = [path.backend for rule in spec.rules for path in rule.http.paths]
        for backend in (*(one for one in whole if one), *paths):
            name, port = _named(backend)
            if name and port == "use-annotation":
                yield from self._forwards(name)
            elif name:
                yield name, port

    def _forwards(self, action: str) -> Iterator[tuple[str, str]]:
        given = self.setting(f"actions.{action}")
        found = _lowered(_json(given.value if given else ""))
        config = found.get("forwardconfig") if isinstance(found, dict) else None
        groups = config.get("targetgroups") if isinstance(config, dict) else None
        for group in groups if isinstance(groups, list) else ():
            if isinstance(group, dict) and isinstance(group.get("servicename"), str):
                yield group["servicename"], str(group.get("serviceport", ""))


@dataclass(slots=True)
class TargetGroup:
    """A target group: pods of a Service behind an Ingress, or bound by a TargetGroupBinding."""

    service: Object
    port: str
    service_port: ServicePort
    ingress: OurIngress | None = None
    binding: Object | None = None

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
    foreign: list[Object] = field(default_factory=list)

    def members(self, alb: str) -> list[OurIngress]:
        """Return the Ingresses of an ALB."""
        return [ingress for ingress in self.ingresses if ingress.alb == alb]

    def albs(self) -> list[str]:
        """Return what tells the ALBs apart."""
        return list(dict.fromkeys(ingress.alb for ingress in self.ingresses))


def setting_of(holder: Object, prefix: str, name: str) -> Setting | None:
    """Return an annotation under a prefix."""
    key = f"{prefix}/{name}"
    value = holder.annotations.get(key)
    return None if value is None else Setting(value, holder.place("metadata", "annotations", key))


def join(cluster: Cluster, controller: Controller) -> Network:
    """Find which workloads are behind which target groups; `Network.groups` has them by the workload's ref."""
    network = Network()
    seen_classes: set[str] = set()
    for one in cluster.of("Ingress"):
        ours = _ours(one, cluster, controller, network, seen_classes)
        if ours:
            network.ingresses.append(ours)
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
    if binding.labels.keys() & _MADE_BY_CONTROLLER and (binding.namespace, name) in bound:
        return
    if spec.target_group_protocol in {"TCP", "TLS", "UDP", "TCP_UDP"}:
        text = f"{binding.ref} is of a Network Load Balancer ({spec.target_group_protocol}), which is not simulated"
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


def _ours(
    ingress: Object, cluster: Cluster, controller: Controller, network: Network, seen: set[str]
) -> OurIngress | None:
    """Return the Ingress if it is the controller's; say why where the input does not tell, or whose it is."""
    spec = ingress.parsed(Ingress).spec
    prefix = controller.prefix
    has_annotations = any(key.startswith(f"{prefix}/") for key in ingress.annotations)
    by_annotation = ingress.annotations.get(CLASS_ANNOTATION)
    own_class = controller.flag("ingress-class")
    params = None
    if by_annotation is not None:
        is_ours, name = by_annotation == (own_class.value if own_class else "alb"), by_annotation
    elif spec.ingress_class_name or _default_class(cluster):
        name = spec.ingress_class_name or _default_class(cluster)
        found = cluster.get("IngressClass", name)
        is_ours = has_annotations or "alb" in name.split("-") if found is None else _is_alb(found)
        if found is None and is_ours and name not in seen:
            seen.add(name)
            because = "because of the annotations" if has_annotations else "because of its name"
            text = f"the IngressClass '{name}' was not given; taken to be the controller's {because}"
            network.warnings.append(
                Warned("ingress-class-assumed", "", text, ingress.place("spec", "ingressClassName"))
            )
        params = _params(found, cluster) if found else None
    else:
        is_ours, name = has_annotations, ""
    if not is_ours:
        network.foreign.append(ingress)
        if name:
            text = f"{ingress.ref} is of class {name}, which is not the controller's"
            network.warnings.append(Warned("other-ingress-class", "", text, ingress.place("spec")))
        return None
    params_spec = params.parsed(ClassParams).spec if params else ClassParams().spec
    group = setting_of(ingress, prefix, "group.name")
    group_name = params_spec.group.name if params_spec.group else group.value if group else ""
    return OurIngress(ingress, spec, prefix, params, params_spec, "" if controller.is_v1 else group_name)


def _default_class(cluster: Cluster) -> str:
    return next((one.name for one in cluster.of("IngressClass") if one.annotations.get(_DEFAULT_CLASS) == "true"), "")


def _is_alb(found: Object) -> bool:
    return found.parsed(IngressClass).spec.controller in CONTROLLERS_OF_CLASSES


def _params(found: Object, cluster: Cluster) -> Object | None:
    parameters = found.parsed(IngressClass).spec.parameters
    return cluster.get("IngressClassParams", parameters.name) if parameters else None


def _named(backend: Backend) -> tuple[str, str]:
    if backend.service:
        port = backend.service.port
        return backend.service.name, port.name or str(port.number or "")
    return backend.service_name or "", "" if backend.service_port is None else str(backend.service_port)


def _port(ports: Iterable[ServicePort], wanted: str) -> ServicePort | None:
    ports = list(ports)
    if not wanted and len(ports) == 1:
        return ports[0]
    return next((port for port in ports if wanted in {port.name, str(port.port)}), None)


def _selector(selector: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in selector.items())


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lowered(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with its keys in lower case: Go decodes them in any."""
    if isinstance(value, dict):
        return {key.lower(): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value
