"""The fields of Services, Ingresses, their classes and TargetGroupBindings that matter here; `models` has the rest.

Source: the API reference of Kubernetes (core/v1, networking.k8s.io/v1 and its beta versions), and of
elbv2.k8s.aws/v1beta1 and eks.amazonaws.com/v1.
"""

from __future__ import annotations

from pydantic import Field

from sim.manifests.models import Anything, IntOrString, Model


class ServicePort(Model):
    """A port of a Service."""

    name: str | None = None
    port: int
    target_port: IntOrString | None = None


class ServiceSpec(Model):
    """What a Service selects, and how it is reached."""

    type: str = "ClusterIP"
    selector: dict[str, Anything] = Field(default_factory=dict)
    ports: list[ServicePort] = Field(default_factory=list)
    external_traffic_policy: str = "Cluster"


class Service(Model):
    """A Service."""

    spec: ServiceSpec = ServiceSpec()


class BackendPort(Model):
    """The port of a backend, by number or by name."""

    number: int | None = None
    name: str | None = None


class BackendService(Model):
    """The Service of a backend (networking.k8s.io/v1)."""

    name: str
    port: BackendPort = BackendPort()


class Backend(Model):
    """Where an Ingress sends requests: `service` (v1), or `serviceName` and `servicePort` (v1beta1)."""

    service: BackendService | None = None
    service_name: str | None = None
    service_port: IntOrString | None = None


class Path(Model):
    """A path of a rule."""

    backend: Backend = Backend()


class Http(Model):
    """The paths of a rule."""

    paths: list[Path] = Field(default_factory=list)


class Rule(Model):
    """A rule of an Ingress."""

    http: Http = Http()


class IngressSpec(Model):
    """The rules of an Ingress, and its class."""

    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    backend: Backend | None = None
    rules: list[Rule] = Field(default_factory=list)


class Ingress(Model):
    """An Ingress."""

    spec: IngressSpec = IngressSpec()


class Parameters(Model):
    """The IngressClassParams of a class."""

    kind: str = ""
    name: str


class IngressClassSpec(Model):
    """Which controller a class is for."""

    controller: str = ""
    parameters: Parameters | None = None


class IngressClass(Model):
    """An IngressClass."""

    spec: IngressClassSpec = IngressClassSpec()


class Attribute(Model):
    """A load balancer's attribute."""

    key: str
    value: str


class Group(Model):
    """A group of Ingresses."""

    name: str


class Subnets(Model):
    """Where a load balancer's nodes are."""

    ids: list[str] = Field(default_factory=list)


class ClassParamsSpec(Model):
    """What an IngressClassParams sets for every Ingress of its class."""

    group: Group | None = None
    target_type: str | None = None
    load_balancer_attributes: list[Attribute] = Field(default_factory=list)
    subnets: Subnets = Subnets()
    certificate_arn: list[str] = Field(default_factory=list)
    certificate_arns: list[str] = Field(default_factory=list, alias="certificateARNs")
    """The spelling of EKS Auto Mode."""


class ClassParams(Model):
    """An IngressClassParams."""

    spec: ClassParamsSpec = ClassParamsSpec()


class ServiceRef(Model):
    """The Service of a TargetGroupBinding."""

    name: str
    port: IntOrString


class BindingSpec(Model):
    """A target group and the Service whose pods are its targets."""

    service_ref: ServiceRef
    target_type: str | None = None
    target_group_protocol: str | None = None


class Binding(Model):
    """A TargetGroupBinding."""

    spec: BindingSpec
