"""The node autoscaler: how long it takes from a pod without a node to a Ready node.

Sources are named in short: CA is kubernetes/autoscaler (Cluster Autoscaler), KP kubernetes-sigs/karpenter; see
docs/facts/capacity.md §3.
"""

from __future__ import annotations

from typing import Literal

from sim.scenario.distributions import DistributionField, Uniform
from sim.scenario.fields import Count, Seconds, Spec
from sim.scenario.lognormal import Lognormal


class AutoscalerSpec(Spec):
    """The autoscaler that adds nodes for pods without one, of the type in `nodes`."""

    kind: Literal["none", "cluster_autoscaler", "karpenter"] = "none"
    """Which one. Cluster Autoscaler looks every 10 s and grows an Auto Scaling group; Karpenter collects pods for 1 s
    to 10 s and launches instances itself."""
    max_nodes: Count | None = None
    """The most nodes, those of `nodes.count` among them. null: no limit."""
    launch_to_ready_s: DistributionField = Lognormal(median=50, p95=90)
    """From the launch of an instance until its node is Ready. Default: an assumption; measured were 28 s to 54 s, with
    tails of 80 s to 145 s."""
    decision_s: DistributionField = Uniform(dist="uniform", low=1, high=5)
    """How long Cluster Autoscaler takes to decide. Default: an assumption; its FAQ wants 5 s on average."""
    asg_lag_s: DistributionField = Lognormal(median=15, p95=45)
    """From Cluster Autoscaler's request until the Auto Scaling group launches. Default: an assumption."""
    fleet_s: DistributionField = Uniform(dist="uniform", low=2, high=4)
    """How long Karpenter's CreateFleet takes. Default: an assumption."""
    image_pull_s: DistributionField = Uniform(dist="uniform", low=5, high=15)
    """How long a new node pulls the pods' image, once. Default: an assumption."""
    retry_s: Seconds = 300.0
    """How long the autoscaler waits after a launch that failed because no subnet had an address for the node.

    Default: CA's first back-off of a node group; for Karpenter an assumption.
    """
