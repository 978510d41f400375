"""Addresses held against nodes: a line for the cluster and each remedy of its type, and where the subnets end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.pictures.canvas import BLUE, GREEN, ORANGE, PURPLE, VERMILION, canvas
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.capacity.plan import Plan
    from sim.capacity.remedies import Remedy

_BEYOND = 1.15


def addresses_held(plan: Plan, remedies: Sequence[Remedy]) -> Figure:
    """Return the picture of a plan and its remedies."""
    nodes = plan.nodes
    figure, axes = canvas(
        (9.0, 5.0),
        title=f"{count(nodes.count, 'node')} of {nodes.instance_type} hold {plan.held:,} addresses",
        origin=f"{plan.pods_per_node} pods with an address on each node; all warm targets met; one subnet a zone",
    )
    most_nodes = _BEYOND * max(2 * nodes.count, plan.nodes_that_fit)
    same_type = [remedy for remedy in remedies if remedy.plan.nodes == nodes]
    lines = [("as it is", plan.held_per_node), *((remedy.name, remedy.plan.held_per_node) for remedy in same_type)]
    for (name, each), colour in zip(lines, (BLUE, ORANGE, GREEN, PURPLE), strict=False):
        axes.plot([0, most_nodes], [0, each * most_nodes], color=colour, label=f"{name}: {each:,} each")
    _subnet_ends(axes, plan)
    axes.plot(nodes.count, plan.held, "o", color=BLUE)
    axes.axvline(nodes.count, color="#555555", linewidth=0.8, label=count(nodes.count, "node"))
    axes.axvline(2 * nodes.count, color="#555555", linewidth=0.8, linestyle=":", label="with a second equal cluster")
    axes.set_xlim(0, most_nodes)
    axes.set_ylim(0, _BEYOND * max(plan.held_per_node * most_nodes, 1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("nodes")
    axes.set_ylabel("addresses held")
    axes.legend(loc="upper left", fontsize=8, framealpha=1)
    return figure


def _subnet_ends(axes: Axes, plan: Plan) -> None:
    each = max(0, plan.cni.usable - plan.cni.other_addresses)
    for subnets in range(1, plan.nodes.zones + 1):
        axes.axhline(subnets * each, color=VERMILION, linewidth=1, linestyle="--")
        words = "1 subnet ends" if subnets == 1 else f"{subnets} subnets end"
        axes.annotate(
            f"{words}: {subnets * each:,}",
            (1, subnets * each),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=7,
            color=VERMILION,
        )
