"""What ends pods unasked: a crash, a failed liveness probe, a lost node. No preStop sleep helps against these.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.scenario.disruption import Beside, DisruptionSpec, require_one_deployment_of_ip_targets
from sim.scenario.distributions import DistributionField, Uniform
from sim.scenario.fields import Count, PositiveSeconds, Seconds, complaint
from sim.scenario.kubernetes import minor
from sim.scenario.problems import Advice, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec

LONGER_GRACE_SINCE = 32


class UnplannedSpec(DisruptionSpec):
    """Pods that fail at 0 s, unasked."""

    planned: ClassVar = False
    why_no_sleep: ClassVar = "no preStop sleep helps against what ends pods unasked"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "no Deployment controller is involved"

    pods: Count = 1
    """How many of the Deployment's pods fail, all at 0 s."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Refuse worker nodes as targets, and several Deployments."""
        require_one_deployment_of_ip_targets(cls.kind, beside)

    def require_end(self, beside: Beside) -> None:
        """Refuse more pods than there are."""
        if beside.deployment is not None and self.pods > beside.deployment.replicas:
            expected = f"at most {beside.deployment.replicas}, deployment.replicas"
            raise complaint(key="pods", expected=expected, found=shown(self.pods))

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield the advice that nobody is left."""
        if self.pods == deployment.replicas:
            yield Advice(f"{self.kind}.pods", "all pods fail at once: until one is back no target can answer")


class CrashSpec(UnplannedSpec):
    """A container that ends unasked, for example killed for its memory (OOMKilled), and restarts in place."""

    kind: ClassVar = "crash"
    noun: ClassVar = "crashed container"
    complete: ClassVar = "containers Ready again"

    noticed_after_s: DistributionField = Uniform(dist="uniform", low=0, high=1)
    """From the container's end until the kubelet sees it, and says that the pod is not Ready. Default: the kubelet
    lists its containers once a second (K8s genericPlegRelistPeriod)."""
    restart_s: DistributionField | None = None
    """From then on until the container is Ready again, at the same address. null: as long as pod.startup_s."""
    back_off_s: Seconds = 0.0
    """The wait before the restart (CrashLoopBackOff). Default: none for the first crash within ten minutes; 10 s for
    the second one, then twice as long each time, up to 300 s (K8s MaxContainerBackOff)."""


class LivenessFailureSpec(UnplannedSpec):
    """A container that hangs.

    The container's liveness probe fails, and the kubelet ends it with grace and restarts it in place. The container
    accepts connections while it hangs, and answers none. The readiness probe is as the liveness probe.
    """

    kind: ClassVar = "liveness_failure"
    noun: ClassVar = "failed liveness probe"
    complete: ClassVar = "containers Ready again"

    period_s: PositiveSeconds = 10.0
    """From one probe to the next (periodSeconds). Default: K8s core/v1."""
    timeout_s: PositiveSeconds = 1.0
    """How long a probe waits for its answer (timeoutSeconds). Default: K8s core/v1."""
    failure_threshold: Count = 3
    """Failed probes in a row until the container is killed (failureThreshold). Default: K8s core/v1."""
    restart_s: DistributionField | None = None
    """From the container's end until it is Ready again, at the same address. null: as long as pod.startup_s."""

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:  # noqa: ARG002 - the restart waits for the end
        """Return True: the container restarts when it has ended, after preStop and the grace period."""
        return True


class NodeLostSpec(UnplannedSpec):
    """A worker node that is lost with its pods, which then answer nothing: its machine ends, or its network does."""

    kind: ClassVar = "node_lost"
    noun: ClassVar = "lost node"
    complete: ClassVar = "every lost pod replaced"
    started: ClassVar = "Replacements"

    node_monitor_grace_s: PositiveSeconds | None = None
    """From the node's last heartbeat until it is NotReady, and its pods with it (`--node-monitor-grace-period`). null:
    40 s, and 50 s from Kubernetes v1.32 on (K8s pull request 126287)."""
    toleration_s: Seconds = 300.0
    """From NotReady until its pods are deleted, and replaced (tolerationSeconds). Default: K8s
    DefaultTolerationSeconds, five minutes."""
    heartbeat_age_s: DistributionField = Uniform(dist="uniform", low=0, high=10)
    """How old the last heartbeat is when the node is lost. Default: the kubelet renews its lease every 10 s (K8s
    nodeLeaseDurationSeconds 40, a quarter of it)."""
    monitored_after_s: DistributionField = Uniform(dist="uniform", low=0, high=5)
    """From the grace period's end until the node controller looks. Default: `--node-monitor-period`, 5 s (K8s)."""

    def grace_s(self, version: str) -> float:
        """Return the grace period in a version of Kubernetes."""
        if self.node_monitor_grace_s is not None:
            return self.node_monitor_grace_s
        return 50.0 if minor(version) >= LONGER_GRACE_SINCE else 40.0
