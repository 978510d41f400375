"""What the closed form of addresses says is unwise in a scenario, before any simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.capacity.question import Question, plan_of
from sim.scenario.problems import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.specs import Scenario


def advise_on_addresses(scenario: Scenario) -> Iterator[Advice]:
    """Yield the advice that subnets are too small for the nodes, or for an equal cluster beside them."""
    if "vpc_cni" not in scenario.simulated_blocks:
        return
    plan = plan_of(Question.of(scenario), scenario, None)
    fullest = min(plan.subnets, key=lambda subnet: subnet.free)
    size = f"/{plan.cni.subnet_prefix_length}"
    if fullest.free < 0:
        yield Advice(
            "vpc_cni.subnet_prefix_length",
            f"the nodes of a zone want {fullest.nodes:,} * {fullest.per_node:,} = {fullest.held:,} addresses with "
            f"their warm targets met, and a {size} has {fullest.usable - fullest.other:,} for them. Nodes that come "
            "later find none for their pods (`albsim addresses` has remedies)",
        )
    elif not plan.second_cluster_has_addresses:
        yield Advice(
            "vpc_cni.subnet_prefix_length",
            f"an equal cluster, as for an upgrade beside this one, does not fit: of a {size} this one holds "
            f"{fullest.held:,} addresses and leaves {max(0, fullest.free):,}",
        )
