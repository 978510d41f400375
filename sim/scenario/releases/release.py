"""What is known of a release of the controller: the columns of the releases' table."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sim.scenario.actions import Action
from sim.scenario.sequences import ForEach, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.retryers import RetryerName
    from sim.scenario.sequences import Sequence


Mark = Literal["cordon", "label", "cluster_autoscaler_taint"]
"""What marks a node that is to end: the cordon, `node.kubernetes.io/exclude-from-external-load-balancers`, and
`ToBeDeletedByClusterAutoscaler`."""
HOUR_S = 3600.0
WEB_ACLS_S = MappingProxyType(
    {Action.WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE: 600.0, Action.WAFV2_GET_WEB_ACL_FOR_RESOURCE: 600.0}
)
"""How long controllers keep a load balancer's web ACLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """A release, and those after it up to the next one of `RELEASES`.

    - `aws_max_retries_counts_attempts`: the flag counts the first attempt too.
    - `resyncing_informers`: how many informers enqueue everything every `sync_period_s`.
    - `shares_requeue_bucket`, `pauses_worker`: what happens after a failed reconcile.
    - `keeps_answers_s`: for how long the answer to a call of `sequence`, the reconcile of an ingress, is kept.
    - `names_sdk_in_user_agent`, `names_itself_in_user_agent`: what the user agent of a call holds.
    - `heeds_marks`: which marks take a node out of the target groups of instances.
    - `reads_annotations`: which annotations it reads, of those by which one can tell that a release is at least so new.
    """

    since: str
    sdk: str
    retryer: RetryerName
    aws_max_retries_counts_attempts: bool
    has_readiness_gates: bool
    has_workers_flag: bool
    workers: int
    shares_requeue_bucket: bool
    pauses_worker: bool
    sync_period_s: float
    resyncing_informers: int
    keeps_answers_s: Mapping[Action, float]
    sequence: Sequence
    names_sdk_in_user_agent: bool
    names_itself_in_user_agent: bool
    reads_annotations: frozenset[str]
    heeds_marks: frozenset[Mark]

    @property
    def forwards_by_weight(self) -> bool:
        """Whether the release knows forward actions with several target groups, and modifies their weights."""
        parts = (part.steps for part in self.sequence if isinstance(part, ForEach))
        return any(Step.MODIFY_RULE in steps for steps in parts)

    def retries(self, aws_max_retries: int) -> int | None:
        """Return the most repetitions of a throttled call with this `--aws-max-retries`, None if there is no limit."""
        if not self.aws_max_retries_counts_attempts:
            return aws_max_retries
        return aws_max_retries - 1 if aws_max_retries else None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressControllerRelease(_Release):
    """A release of aws-alb-ingress-controller, v1. `enqueues_…` says what enqueues an ingress, or all ingresses."""

    enqueues_namespace: bool
    enqueues_on_containers_ready: bool
    enqueues_on_cordon: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerControllerRelease(_Release):
    """A release of aws-load-balancer-controller, v2 or v3.

    - `binding_sequence`: the reconcile of a TargetGroupBinding.
    - `deregisters_without_network`: a reconcile goes on to DeregisterTargets even if the network step fails.
    - `aws_api_throttle`: the flag's default. `throttles_attempts`: the flag limits each attempt, not the call.
    - `passes_over_unchanged`: a binding is passed over while its endpoints are those of its last reconcile.
    - `remembers_checks`: what is passed over is checked if this process has not done so for a sync period; before, if
      its checkpoint is that old.
    - `polls_steadily`: the controller looks at a closed readiness gate every 15 s, without a growing backoff.
    - `has_priority_queue`: an item waits once in a queue, at the earliest of its times.
    - `hears_of_gated_pods`: a pod with a readiness gate enqueues its binding when its containers are ready or the
      gate's condition changes. Before, the binding came back for pods with unready containers.
    - `logs_times_as_iso`: its log has ISO times in whole seconds instead of seconds since 1970.
    - `logs_targets_after_call`: the line after a call names the targets too, not only the line before it.
    - `lets_class_set_target_type`: IngressClassParams may set the target type.
    """

    aws_api_throttle: str
    throttles_attempts: bool
    binding_sequence: tuple[Step, ...]
    deregisters_without_network: bool
    passes_over_unchanged: bool
    remembers_checks: bool
    polls_steadily: bool
    has_priority_queue: bool
    hears_of_gated_pods: bool
    logs_times_as_iso: bool
    logs_targets_after_call: bool
    lets_class_set_target_type: bool


Release = IngressControllerRelease | LoadBalancerControllerRelease
