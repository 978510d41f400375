"""Which Ingresses belong to the controller: their class, their group, and the target groups that they ask for.

Modelled (docs/facts/manifests.md §1.2):
- classes by annotation, by name and by default;
- groups, from v2 on;
- actions that forward, those that Argo Rollouts will write among them;
- backends of every API version.

Sources: LBC pkg/ingress/group_loader.go and model_build_actions.go@v3.5.0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.manifests.argo import Action
from sim.manifests.draft import Warned
from sim.manifests.network_models import ClassParams, ClassParamsSpec, Ingress, IngressClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.argo import Forwards
    from sim.manifests.controller import Controller
    from sim.manifests.network_models import Backend, IngressSpec
    from sim.manifests.objects import Cluster, Object, Place

CONTROLLERS_OF_CLASSES = {"ingress.k8s.aws/alb", "eks.amazonaws.com/alb"}
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


class Setting(NamedTuple):
    """An annotation's value, and where it stands."""

    value: str
    place: Place


@dataclass(slots=True)
class OurIngress:
    """An Ingress of the controller: its annotations, the parameters of its class, its group, Argo's actions."""

    object: Object
    spec: IngressSpec
    prefix: str
    params: Object | None
    params_spec: ClassParamsSpec
    group: str
    forwards: Forwards = field(default_factory=dict)

    @property
    def alb(self) -> str:
        """What the Ingress's ALB is known by: the group, or the Ingress itself."""
        return f"group {self.group}" if self.group else self.object.ref

    def setting(self, name: str) -> Setting | None:
        """Return one of the Ingress's annotations."""
        return setting_of(self.object, self.prefix, name)

    def backends(self) -> Iterator[tuple[str, str]]:
        """Return the Service and the port of each of its target groups, as they are written."""
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
        if given is None:
            yield from self.forwards.get(Action(self.object.namespace, self.object.name, action), ())
        found = _lowered(_json(given.value if given else ""))
        config = found.get("forwardconfig") if isinstance(found, dict) else None
        groups = config.get("targetgroups") if isinstance(config, dict) else None
        for group in groups if isinstance(groups, list) else ():
            if isinstance(group, dict) and isinstance(group.get("servicename"), str):
                yield group["servicename"], str(group.get("serviceport", ""))


def setting_of(holder: Object, prefix: str, name: str) -> Setting | None:
    """Return an annotation under a prefix."""
    key = f"{prefix}/{name}"
    value = holder.annotations.get(key)
    return None if value is None else Setting(value, holder.place("metadata", "annotations", key))


def ours(
    ingress: Object, cluster: Cluster, controller: Controller, warnings: list[Warned], seen: set[str]
) -> OurIngress | None:
    """Return the Ingress if it is the controller's. Warn if the input does not tell, or if it is another's.

    `seen` holds the classes about which a warning was given.
    """
    spec = ingress.parsed(Ingress).spec
    watched = controller.flag("watch-namespace")
    if watched and watched.value not in {"", ingress.namespace}:
        text = f"{ingress.ref} is in another namespace than the controller watches, {watched.value}"
        warnings.append(Warned("other-namespace", "", text, watched.place))
        return None
    has_annotations = any(key.startswith(f"{controller.prefix}/") for key in ingress.annotations)
    by_annotation = ingress.annotations.get(CLASS_ANNOTATION)
    by_name = spec.ingress_class_name or _default_class(cluster)
    found = cluster.get("IngressClass", by_name) if by_name and by_annotation is None else None
    if by_annotation is not None:
        own_class = controller.flag("ingress-class")
        is_ours = by_annotation == (own_class.value if own_class else "alb")
    elif found is not None:
        is_ours = found.parsed(IngressClass).spec.controller in CONTROLLERS_OF_CLASSES
    else:
        is_ours = has_annotations or "alb" in by_name.split("-")
        if is_ours and by_name and by_name not in seen:
            seen.add(by_name)
            warnings.append(_assumed(ingress, by_name, "the annotations" if has_annotations else "its name"))
    if is_ours:
        return _with_parameters(ingress, spec, controller, _params(found, cluster) if found else None)
    name = by_annotation if by_annotation is not None else by_name
    if name:
        text = f"{ingress.ref} is of class {name}, which is not the controller's"
        warnings.append(Warned("other-ingress-class", "", text, ingress.place("spec")))
    return None


def _assumed(ingress: Object, name: str, why: str) -> Warned:
    text = f"the IngressClass '{name}' was not given; taken to be the controller's because of {why}"
    return Warned("ingress-class-assumed", "", text, ingress.place("spec", "ingressClassName"))


def _with_parameters(ingress: Object, spec: IngressSpec, controller: Controller, params: Object | None) -> OurIngress:
    params_spec = params.parsed(ClassParams).spec if params else ClassParamsSpec()
    group = setting_of(ingress, controller.prefix, "group.name")
    name = params_spec.group.name if params_spec.group else group.value if group else ""
    return OurIngress(ingress, spec, controller.prefix, params, params_spec, "" if controller.is_v1 else name)


def _default_class(cluster: Cluster) -> str:
    return next((one.name for one in cluster.of("IngressClass") if one.annotations.get(_DEFAULT_CLASS) == "true"), "")


def _params(found: Object, cluster: Cluster) -> Object | None:
    parameters = found.parsed(IngressClass).spec.parameters
    return cluster.get("IngressClassParams", parameters.name) if parameters else None


def _named(backend: Backend) -> tuple[str, str]:
    if backend.service:
        port = backend.service.port
        return backend.service.name, port.name or str(port.number or "")
    return backend.service_name or "", "" if backend.service_port is None else str(backend.service_port)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lowered(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with its keys in lower case, since Go takes them in any case."""
    if isinstance(value, dict):
        return {key.lower(): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value
