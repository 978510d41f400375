"""The drain of worker nodes, which evicts the pods on them.

Sources are named in short: K8s is kubernetes/kubernetes, Karpenter kubernetes-sigs/karpenter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import Count, PodsOrPercentage, PositiveSeconds, Seconds, complaint, hundredths
from sim.scenario.problems import Advice, plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec
    from sim.scenario.releases.release import Mark
    from sim.scenario.target_group import TargetGroupSpec


class NodeDrainSpec(DisruptionSpec):
    """The drain of worker nodes through the eviction API, and the Deployment's PodDisruptionBudget."""

    kind: ClassVar = "node_drain"
    noun: ClassVar = "node drain"
    complete: ClassVar = "every evicted pod replaced"
    started: ClassVar = "Replacements"
    ended: ClassVar = "Pods evicted"
    evicts: ClassVar = True
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "the ReplicaSet alone replaces the pods"

    nodes: Count = 1
    """Worker nodes that are drained. All are cordoned first, so that no replacement comes to one of them."""
    pods_per_node: Count = 1
    """Pods of the Deployment on each of these nodes. Default: the scheduler spreads a Deployment's pods."""
    nodes_at_once: Count = 1
    """How many nodes are drained at the same time; the next one begins when all pods of one are gone. Default:
    `kubectl drain` takes its nodes one after another (K8s kubectl, RunDrain)."""
    drained_by: Literal["kubectl", "karpenter", "cluster_autoscaler"] = "kubectl"
    """Who drains decides when a refused eviction is tried again. `kubectl drain` tries every 5 s (K8s kubectl,
    drain.go), and Cluster Autoscaler every 10 s (actuation/drain.go). Karpenter tries after 0.1 s, then twice as long
    each time, at most 10 s (terminator/eviction.go). With target_type `instance` it also decides how the nodes are
    marked. All but Karpenter cordon them. Cluster Autoscaler adds its taint, which v2.1.1 and later of the controller
    heed."""
    exclude_from_load_balancers: bool | None = None
    """Whether the drained nodes get the label `node.kubernetes.io/exclude-from-external-load-balancers` first, with
    target_type `instance`. A controller of v1.1.6 or later takes a node with it out of its target groups. null: as who
    drains does it. Karpenter sets the label (terminator.go, Taint); kubectl and Cluster Autoscaler do not."""
    min_available: PodsOrPercentage | None = None
    """`minAvailable` of the PodDisruptionBudget: how many pods are to stay Ready, or which percentage of `replicas`,
    rounded up (K8s disruption.go). null, as `max_unavailable`: no budget, every eviction is admitted."""
    max_unavailable: PodsOrPercentage | None = None
    """`maxUnavailable` of the PodDisruptionBudget: a number, or a percentage of `replicas`, rounded up (K8s
    disruption.go; the Deployment's own is rounded down)."""
    timeout_s: PositiveSeconds | None = None
    """How long a node may take, from its first eviction on. Then kubectl (`--timeout`) asks no more for the pods of
    that node, does not wait for them, and turns to the next node (K8s kubectl, drain.go). Karpenter
    (`terminationGracePeriod`) deletes a pod whose eviction is still refused, whatever the budget says. Karpenter does
    so early enough for the grace period to end with this time (terminator.go, DeleteExpiringPods). null: as long as it
    takes."""
    pdb_sync_latency_s: DistributionField = Constant(value=0.1)
    """From a replacement's Ready until the PodDisruptionBudget's status counts it: the kubelet's status write, a watch,
    the disruption controller's write. Default: an assumption, as for deployment.sync_latency_s."""

    @field_validator("max_unavailable")
    @classmethod
    def _is_the_only_limit(cls, value: int | str | None, info: ValidationInfo) -> int | str | None:
        if value is not None and info.data.get("min_available") is not None:
            hint = "a PodDisruptionBudget has one of the two (K8s ValidatePodDisruptionBudgetSpec)"
            raise complaint(expected="null with min_available", found=shown(value), hint=hint)
        return value

    @property
    def evicted(self) -> int:
        """The number of the Deployment's pods on the drained nodes."""
        return self.nodes * self.pods_per_node

    @property
    def marks(self) -> frozenset[Mark]:
        """By what a controller may tell that the nodes are to end."""
        labels = self.drained_by == "karpenter"
        if self.exclude_from_load_balancers is not None:
            labels = self.exclude_from_load_balancers
        marks: set[Mark] = {"label"} if labels else set()
        if self.drained_by != "karpenter":
            marks.add("cordon")
        if self.drained_by == "cluster_autoscaler":
            marks.add("cluster_autoscaler_taint")
        return frozenset(marks)

    @property
    def waits_for_nodes(self) -> bool:
        """Whether some nodes are drained only after others."""
        return self.nodes > self.nodes_at_once

    @property
    def overrules_budget(self) -> bool:
        """Whether a pod is deleted in the end although the budget refuses its eviction."""
        return self.drained_by == "karpenter" and self.timeout_s is not None

    def desired_healthy(self, replicas: int) -> int:
        """Return how many of `replicas` pods must stay Ready, 0 without a budget."""
        if self.min_available is not None:
            return _rounded_up(self.min_available, replicas)
        if self.max_unavailable is not None:
            return max(0, replicas - _rounded_up(self.max_unavailable, replicas))
        return 0

    def require_end(self, beside: Beside) -> None:
        """Refuse more pods or targets than there are, and a budget that allows no eviction."""
        deployment, pod = beside.deployment, beside.pod
        self._require_targets_left(beside.target_group)
        if deployment is None or pod is None:
            return
        if self.evicted > deployment.replicas:
            raise complaint(
                key="pods_per_node",
                expected=f"at most {deployment.replicas} pods on all drained nodes, deployment.replicas",
                found=f"{self.nodes} nodes with {self.pods_per_node} each",
            )
        if self._blocks(deployment) and self.timeout_s is None:
            raise complaint(
                key=self._budget_key,
                expected=f"a PodDisruptionBudget that allows a disruption of {deployment.replicas} replicas",
                found=shown(getattr(self, self._budget_key)),
                hint="with this one no pod is ever evicted and, without timeout_s, the drain has no end",
            )
        if self.drained_by == "karpenter" and (self.timeout_s or math.inf) < pod.termination_grace_period_s:
            raise complaint(
                key="timeout_s",
                expected=f"at least {plain(pod.termination_grace_period_s)}, pod.termination_grace_period_s",
                found=shown(self.timeout_s),
                hint="Karpenter would delete pods with a shorter grace period than theirs, which is not simulated",
            )

    @property
    def _budget_key(self) -> str:
        return "min_available" if self.min_available is not None else "max_unavailable"

    def _blocks(self, deployment: DeploymentSpec) -> bool:
        """Return whether the budget allows no eviction at all."""
        return self.desired_healthy(deployment.replicas) >= deployment.replicas

    def _require_targets_left(self, target_group: TargetGroupSpec | None) -> None:
        if target_group is None or target_group.target_type == "ip" or self.nodes < target_group.instances:
            return
        raise complaint(
            key="nodes",
            expected=f"fewer than {target_group.instances}, target_group.instances, so that a target is left",
            found=shown(self.nodes),
        )

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield advice on how many pods may go at once."""
        replicas = deployment.replicas
        if self._blocks(deployment):
            ends = (
                "Karpenter deletes them all the same" if self.overrules_budget else f"{self.drained_by} gives them up"
            )
            yield Advice(
                f"{self.kind}.{self._budget_key}",
                f"this PodDisruptionBudget blocks the drain: no pod is ever evicted, and {ends} when timeout_s is over",
            )
            return
        at_once = self.pods_per_node * min(self.nodes, self.nodes_at_once)
        gone = min(at_once, replicas - self.desired_healthy(replicas))
        if self.min_available is None and self.max_unavailable is None and gone > 1:
            yield Advice(
                f"{self.kind}.max_unavailable",
                f"without a PodDisruptionBudget {gone} of {replicas} pods are evicted at once (K8s eviction API)",
            )
        if gone == replicas:
            yield Advice(f"{self.kind}.pods_per_node", "all pods may be evicted before a replacement is ready")

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:  # noqa: ARG002 - the ReplicaSet waits for none
        """Return whether a node waits for another one's pods, or Karpenter reckons with their grace period."""
        return self.waits_for_nodes or self.overrules_budget


class NodeTerminationSpec(NodeDrainSpec):
    """The drain of worker nodes whose machines are terminated after it, as an autoscaler or an upgrade does."""

    kind: ClassVar = "node_termination"
    noun: ClassVar = "node termination"

    delete_delay_s: Seconds = 5.0
    """From the end of the node's last pod until its machine is terminated. Default: Cluster Autoscaler's
    `--node-delete-delay-after-taint`, and Karpenter's shortest drain. Neither program waits for a load balancer."""
    termination_hook_s: Seconds = 0.0
    """For how long a termination lifecycle hook of the Auto Scaling group then holds the machine. Default: no hook."""

    @property
    def waits_for_nodes(self) -> bool:
        """Return True: a machine is terminated when its node's pods are gone."""
        return True

    @property
    def machine_ends_after_s(self) -> float:
        """From the end of a node's last pod until its machine is gone."""
        return self.delete_delay_s + self.termination_hook_s


def _rounded_up(value: int | str, replicas: int) -> int:
    return -(-hundredths(value, replicas) // 100)
