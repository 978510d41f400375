"""The first half of a scenario's keys: a Service behind an ALB, and the ingress controller between them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from sim.scenario.aws_api import AwsApiSpec
from sim.scenario.controller import ControllerSpec
from sim.scenario.deployment import DeploymentSpec
from sim.scenario.endpoints import EndpointsSpec
from sim.scenario.fields import WHOLE, Spec
from sim.scenario.pod import PodSpec
from sim.scenario.problems import LONGEST_NAME, NOT_IN_A_NAME
from sim.scenario.target_group import TargetGroupSpec
from sim.scenario.traffic import TrafficSpec


class ServiceScenario(Spec):
    """A Service behind an ALB."""

    name: Annotated[
        str,
        Field(
            pattern=f"^{NOT_IN_A_NAME.replace('[', '[^', 1)}{{1,{LONGEST_NAME}}}$",
            json_schema_extra={"$comment": "text of 1 to 100 characters in one line, without '/' and '\\'"},
        ),
    ]
    """The scenario's name in tables and file names. Required."""
    description: str = ""
    """One paragraph on what the scenario is for."""
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] = 1
    """The seed of every random stream. The same seed gives the same results."""
    replications: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] = 50
    """Independent repetitions over which results are averaged."""
    traffic: TrafficSpec
    """Required: at least `arrival_rate_rps`."""
    deployment: DeploymentSpec
    """Required: at least `replicas`."""
    pod: PodSpec = PodSpec()
    """The pods."""
    endpoints: EndpointsSpec = EndpointsSpec()
    """How fast the ingress controller hears of a pod."""
    controller: ControllerSpec = Field(default=ControllerSpec(), validate_default=True)
    """The ingress controller of the rolled cluster."""
    aws_api: AwsApiSpec = AwsApiSpec()
    """The AWS API."""
    target_group: TargetGroupSpec = TargetGroupSpec()
    """The target group and the ALB."""

    @field_validator("controller")
    @classmethod
    def _fits_pods_and_deployments(cls, controller: ControllerSpec, info: ValidationInfo) -> ControllerSpec:
        controller.require_readiness_gates(info.data.get("pod"))
        controller.require_ingresses(info.data.get("deployment"))
        return controller

    @field_validator("aws_api")
    @classmethod
    def _has_waits_for_every_retry(cls, aws_api: AwsApiSpec, info: ValidationInfo) -> AwsApiSpec:
        aws_api.require_waits(info.data.get("controller"))
        return aws_api

    @property
    def ends_with_last_request(self) -> bool:
        """Whether a pod that is told to end does so with its last request, at the latest at SIGKILL."""
        serves_pooled = self.target_group.connection_reuse and self.pod.idle_connections_at_sigterm == "serve"
        return self.pod.on_sigterm == "drain" and not serves_pooled
