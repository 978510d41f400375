"""The command `albsim addresses`: how many addresses a cluster's nodes hold, and what fits, without a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from pathlib import Path

    from sim.scenario.specs import Scenario

FORMATS = ("table", "json")
_MOST_PODS_PER_NODE = 10_000
_KEYS = {
    "instance_type": "nodes.instance_type",
    "nodes": "nodes.count",
    "zones": "nodes.zones",
    "subnet_prefix_length": "vpc_cni.subnet_prefix_length",
    "other_addresses": "vpc_cni.other_addresses",
    "warm_eni_target": "vpc_cni.warm_eni_target",
    "warm_ip_target": "vpc_cni.warm_ip_target",
    "minimum_ip_target": "vpc_cni.minimum_ip_target",
    "warm_prefix_target": "vpc_cni.warm_prefix_target",
}
"""Options that are keys of a scenario."""


@click.command(short_help="Count the addresses that nodes hold, and what fits.")
@click.argument("scenario_file", metavar="[SCENARIO]", required=False)
@click.option("--instance-type", metavar="T", help="An EC2 instance type, such as c5.4xlarge.")
@click.option("--nodes", type=int, metavar="N", help="How many nodes.")
@click.option("--zones", type=int, metavar="Z", help="Over how many zones they are spread, with a subnet each.")
@click.option(
    "--pods-per-node",
    type=click.IntRange(0, _MOST_PODS_PER_NODE),
    metavar="P",
    help="Pods with an address on each node, those of DaemonSets among them; by default the scenario's with its surge.",
)
@click.option("--subnet-prefix-length", type=int, metavar="L", help="The subnets' size: 21 of a /21.")
@click.option("--other-addresses", type=int, metavar="N", help="Addresses of each subnet that something else holds.")
@click.option("--warm-eni-target", type=int, metavar="N", help="WARM_ENI_TARGET of the VPC CNI.")
@click.option("--warm-ip-target", type=int, metavar="N", help="WARM_IP_TARGET.")
@click.option("--minimum-ip-target", type=int, metavar="N", help="MINIMUM_IP_TARGET.")
@click.option("--prefix-delegation", is_flag=True, help="Prefixes of 16 addresses instead of single ones.")
@click.option("--warm-prefix-target", type=int, metavar="N", help="WARM_PREFIX_TARGET.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of nodes and vpc_cni.")
@click.option("-o", "out", type=OutFile(), metavar="FILE", help="Draw addresses against nodes: png, svg or pdf.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
def addresses(
    scenario_file: str | None,
    pods_per_node: int | None,
    assignments: tuple[str, ...],
    out: Path | None,
    form: str,
    **options: Any,  # noqa: ANN401 - those that are keys
) -> None:
    """Print how many addresses the nodes hold, what fits, and what each remedy gives.

    Give a SCENARIO with nodes, or --instance-type and --nodes.
    """
    from sim.capacity.question import Question, plan_of
    from sim.capacity.remedies import remedies
    from sim.report.addresses import render

    if out is not None:
        _require_picture(out)
    if scenario_file is None and not (options["instance_type"] or assignments):
        raise click.UsageError("give a scenario with nodes, or --instance-type and --nodes")
    changes = _changes(assignments, options)
    scenario = _scenario(scenario_file, changes) if scenario_file is not None else None
    question = Question.of(scenario) if scenario else Question.of_keys(changes)
    plan = plan_of(question, scenario, pods_per_node)
    found = remedies(plan)
    if out is not None:
        from sim.report.pictures.addresses_held import addresses_held
        from sim.report.pictures.canvas import save

        save(addresses_held(plan, found), out)
    click.echo(render(plan, found, form))


def _changes(assignments: tuple[str, ...], options: dict[str, Any]) -> dict[str, object]:
    from sim.scenario.variations import parse_assignment

    changes = dict(parse_assignment(text) for text in assignments)
    changes |= {key: options[name] for name, key in _KEYS.items() if options[name] is not None}
    return changes | ({"vpc_cni.prefix_delegation": True} if options["prefix_delegation"] else {})


def _scenario(file: str, changes: dict[str, object]) -> Scenario:
    from sim.scenario.loading import load_scenario

    return load_scenario(file).with_overrides(changes)


def _require_picture(out: Path) -> None:
    from sim.report.pictures.canvas import image_format

    try:
        image_format(out)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
