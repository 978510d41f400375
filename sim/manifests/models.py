"""The fields of workloads and their pods that matter here. `companion_models` and `network_models` have the rest.

Modelled:
- Types are checked as the API server checks them. So a quoted number is a problem, with its line.
- `null` is the same as absent.

Left out: every other field, whatever it holds.

Source: the API reference of Kubernetes (apps/v1, core/v1) and of argoproj.io/v1alpha1.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

IntOrString = int | str
Anything = Any


class Model(BaseModel):
    """Some fields of an object, in camelCase as there."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class Exec(Model):
    """A command that a hook runs."""

    command: list[str] = Field(default_factory=list)


class Probe(Model):
    """A container's probe."""

    http_get: dict[str, Anything] | None = None
    exec_: Exec | None = Field(default=None, alias="exec")
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    success_threshold: int = 1
    timeout_seconds: int = 1
    failure_threshold: int = 3

    @property
    def given(self) -> set[str]:
        """Return the names of the fields that the manifest has."""
        return {to_camel(name) for name in self.model_fields_set}


class Sleep(Model):
    """A hook that sleeps."""

    seconds: int


class Hook(Model):
    """What a preStop hook does: one of these."""

    exec_: Exec | None = Field(default=None, alias="exec")
    sleep: Sleep | None = None
    http_get: dict[str, Anything] | None = None
    tcp_socket: dict[str, Anything] | None = None

    @property
    def kinds(self) -> dict[str, object]:
        """What the hook does, by the name of the field."""
        kinds = {"sleep": self.sleep, "exec": self.exec_, "httpGet": self.http_get, "tcpSocket": self.tcp_socket}
        return {name: value for name, value in kinds.items() if value is not None}


class Lifecycle(Model):
    """A container's hooks, and the signal that stops it."""

    pre_stop: Hook | None = None
    stop_signal: str | None = None


class EnvVar(Model):
    """A variable of a container's environment."""

    name: str
    value: Anything = None


class ContainerPort(Model):
    """A port that a container names."""

    name: str | None = None
    container_port: int


class Resources(Model):
    """What a container requests of its node, and what it may use at most."""

    requests: dict[str, Anything] = Field(default_factory=dict)
    limits: dict[str, Anything] = Field(default_factory=dict)


class Container(Model):
    """A container of a pod."""

    name: str
    image: str = ""
    command: list[str] = Field(default_factory=list)
    args: list[str] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    ports: list[ContainerPort] = Field(default_factory=list)
    lifecycle: Lifecycle = Lifecycle()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    resources: Resources = Resources()
    restart_policy: str | None = None

    @property
    def words(self) -> list[str]:
        """Command and arguments."""
        return [*self.command, *self.args]

    @property
    def texts(self) -> dict[str, str]:
        """The variables of its environment that the manifest sets."""
        return {one.name: str(one.value) for one in self.env if one.value is not None}


class ReadinessGate(Model):
    """A condition that a pod waits for."""

    condition_type: str


class PodSpec(Model):
    """A pod."""

    containers: list[Container] = Field(min_length=1)
    init_containers: list[Container] = Field(default_factory=list)
    termination_grace_period_seconds: int | None = None
    readiness_gates: list[ReadinessGate] = Field(default_factory=list)
    resources: Resources = Resources()
    share_process_namespace: bool = False
    host_network: bool = False
    node_selector: dict[str, Anything] = Field(default_factory=dict)


class Metadata(Model):
    """Labels and annotations of a pod template."""

    labels: dict[str, Anything] = Field(default_factory=dict)
    annotations: dict[str, Anything] = Field(default_factory=dict)


class Template(Model):
    """A pod template."""

    metadata: Metadata = Metadata()
    spec: PodSpec


class Pod(Model):
    """A Pod."""

    spec: PodSpec


class RollingUpdate(Model):
    """How many pods a rolling update may add and remove."""

    max_surge: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    partition: int | None = None


class Canary(RollingUpdate):
    """A Rollout's canary strategy."""

    canary_service: str = ""
    stable_service: str = ""
    traffic_routing: dict[str, Anything] | None = None
    steps: list[Anything] = Field(default_factory=list)
    ping_pong: dict[str, Anything] | None = None
    scale_down_delay_seconds: int | None = None
    dynamic_stable_scale: bool = False


class BlueGreen(Model):
    """A Rollout's blue/green strategy."""

    scale_down_delay_seconds: int | None = None


class Strategy(Model):
    """How a workload's pods are replaced: `rollingUpdate` of Kubernetes, `canary` and `blueGreen` of Argo."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate = RollingUpdate()
    canary: Canary | None = None
    blue_green: BlueGreen | None = None


class WorkloadRef(Model):
    """The Deployment whose template a Rollout takes."""

    kind: str = "Deployment"
    name: str


class WorkloadSpec(Model):
    """What a Deployment, StatefulSet, DaemonSet or Rollout asks for."""

    replicas: int | None = None
    min_ready_seconds: int | None = None
    pod_replacement_policy: str | None = None
    paused: bool = False
    strategy: Strategy = Strategy()
    update_strategy: Strategy = Strategy()
    template: Template | None = None
    workload_ref: WorkloadRef | None = None


class Workload(Model):
    """A Deployment, StatefulSet, DaemonSet or Rollout."""

    spec: WorkloadSpec
