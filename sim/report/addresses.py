"""What `albsim addresses` prints: whether the nodes' addresses fit, by subnet, and the gain from each remedy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.capacity.question import Question, plan_of
from sim.capacity.remedies import remedies as remedies_of
from sim.report.wording import WIDTH, count, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.capacity.plan import Plan
    from sim.capacity.remedies import Remedy

_FOR_A_LOAD_BALANCER = 8
"""Free addresses that a subnet must have for an ALB in it (AWS, Elastic Load Balancing)."""


def render(plan: Plan, remedies: Sequence[Remedy], form: str) -> str:
    """Return the plan as a table or as JSON, without a line end."""
    if form == "json":
        return json.dumps(_record(plan, remedies), indent=2, ensure_ascii=False)
    notes = [f"note: {note}" for note in notes_on(plan)]
    return plain(
        Group(sentence(plan), "", _subnets(plan), "", _remedies(plan, remedies), "", *notes), width=WIDTH
    ).rstrip()


def addresses(values: Mapping[str, object], *, pods_per_node: int | None = None) -> dict[str, Any]:
    """Say how many addresses a cluster's nodes hold of their subnets, what fits, and what each remedy gives.

    Parameters
    ----------
    values
        Values by dotted key of `nodes` and `vpc_cni`. Required are `nodes.instance_type` and `nodes.count`.
    pods_per_node
        Pods with an address on each node; by default one, and those of DaemonSets.

    Returns
    -------
    dict
        What `albsim addresses --format json` prints.

    Raises
    ------
    ScenarioError
        If a key or a value is wrong.
    """
    plan = plan_of(Question.of_keys(values), None, pods_per_node)
    return _record(plan, remedies_of(plan))


def sentence(plan: Plan) -> str:
    """Return a sentence on what the nodes hold, and what fits."""
    nodes, cni = plan.nodes, plan.cni
    holds = "holds" if nodes.count == 1 else "hold"
    most = plan.limits_per_node[plan.limited_by]
    return (
        f"{_answer(fits=plan.fits)}: {count(nodes.count, 'node')} of {nodes.instance_type} over "
        f"{count(nodes.zones, 'subnet')} of /{cni.subnet_prefix_length} {holds} {plan.held:,} addresses, "
        f"{plan.held_per_node:,} each, with {count(plan.pods_per_node, 'pod')} that need an address on each. The "
        f"subnets have addresses for {count(plan.nodes_that_fit, 'such node')}. With all warm targets met, these nodes "
        f"take {count(plan.pods_that_fit, 'pod')} beside those of DaemonSets; {plan.limited_by} alone would allow "
        f"{most:,} on each. A second equal cluster in the same subnets "
        f"{'fits' if plan.second_cluster_fits else 'does not fit'}."
    )


def notes_on(plan: Plan) -> Iterator[str]:
    """Yield notes on what the figures do not show."""
    missing = plan.pods_per_node - plan.used_per_node
    if missing:
        yield f"{count(missing, 'pod')} of each node get no address, however long they wait"
    if not plan.nodes_have_room:
        most = plan.limits_per_node[plan.limited_by]
        asked = plan.pods_per_node - plan.nodes.daemonset_addresses
        yield f"each node takes {most} pods beside those of DaemonSets, not {asked}: {plan.limited_by} limits them"
    if any(0 <= subnet.free < _FOR_A_LOAD_BALANCER for subnet in plan.subnets):
        yield f"a new ALB needs {_FOR_A_LOAD_BALANCER} free addresses in each of its subnets"
    if plan.cni.prefix_delegation:
        yield "a prefix needs 16 aligned free addresses: a fragmented subnet holds fewer nodes"


def _subnets(plan: Plan) -> Table:
    table = _table("Subnets", ("zone", "nodes", "usable", "other", "held", "free"))
    for zone, subnet in enumerate(plan.subnets, start=1):
        figures = (subnet.nodes, subnet.usable, subnet.other, subnet.held, subnet.free)
        table.add_row(str(zone), *(f"{figure:,}" for figure in figures))
    return table


def _remedies(plan: Plan, remedies: Sequence[Remedy]) -> Table:
    headings = ("remedy", "held", "each", "fits", "nodes\nthat fit", "max\npods", "second\ncluster")
    table = _table("What each remedy alone gives", headings, words=("remedy",))
    table.add_row("(as it is)", *_cells(plan))
    for remedy in remedies:
        table.add_row(f"{remedy.name}\n  {remedy.note}" if remedy.note else remedy.name, *_cells(remedy.plan))
    return table


def _cells(plan: Plan) -> tuple[str, ...]:
    return (
        f"{plan.held:,}",
        f"{plan.held_per_node:,}",
        "yes" if plan.fits else "no",
        f"{plan.nodes_that_fit:,}",
        f"{plan.max_pods:,}",
        "fits" if plan.second_cluster_fits else "no",
    )


def _table(title: str, headings: Sequence[str], words: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=heading == "remedy")
    return table


def _answer(*, fits: bool) -> str:
    return "It fits" if fits else "It does not fit"


def _record(plan: Plan, remedies: Sequence[Remedy]) -> dict[str, Any]:
    return {
        "instance_type": plan.nodes.instance_type,
        "nodes": plan.nodes.count,
        **_figures(plan),
        "subnets": [
            {
                "nodes": subnet.nodes,
                "usable": subnet.usable,
                "other": subnet.other,
                "held": subnet.held,
                "free": subnet.free,
            }
            for subnet in plan.subnets
        ],
        "limits_per_node": plan.limits_per_node,
        "second_cluster": {"held": 2 * plan.held, "fits": plan.second_cluster_fits},
        "remedies": [
            {
                "remedy": remedy.name,
                "instance_type": remedy.plan.nodes.instance_type,
                "nodes": remedy.plan.nodes.count,
                **_figures(remedy.plan),
                "second_cluster_fits": remedy.plan.second_cluster_fits,
                "note": remedy.note,
            }
            for remedy in remedies
        ],
        "notes": list(notes_on(plan)),
    }


def _figures(plan: Plan) -> dict[str, Any]:
    return {
        "per_node": {
            "held": plan.held_per_node,
            "used": plan.used_per_node,
            "free": plan.pool.for_pods - plan.used_per_node,
            "interfaces": plan.pool.interfaces,
        },
        "held": plan.held,
        "fits": plan.fits,
        "nodes_that_fit": plan.nodes_that_fit,
        "pods_that_fit": plan.pods_that_fit,
        "max_pods_per_node": plan.max_pods,
    }
