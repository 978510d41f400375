"""The command `albsim check`: whether a scenario is valid, and what is unwise in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.inputs import import_of, warnings_of
from sim.cli.options import takes_scenarios

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


@click.command(short_help="Validate scenarios, and say what is unwise in them.")
@takes_scenarios
def check(scenarios: list[Scenario]) -> None:
    """Validate scenarios, and say what is unwise in them."""
    from sim.capacity.advice import advise_on_addresses
    from sim.manifests.draft import ALWAYS_WRITTEN, SAID_BY_ADVICE_TOO
    from sim.manifests.writing import warning_lines
    from sim.scenario.advice import advise
    from sim.scenario.problems import remark

    for scenario in scenarios:
        imported = warnings_of(scenario)
        said = {warned.key for warned in imported if warned.id in SAID_BY_ADVICE_TOO}
        found = [*advise(scenario), *advise_on_addresses(scenario)]
        unchosen = ALWAYS_WRITTEN if import_of(scenario) else set()
        advice = [
            item
            for item in found
            if item.key not in said and not (item.key in unchosen and item.message.startswith("has no effect"))
        ]
        n_warnings = len(imported) + len(advice)
        click.echo(f"{scenario.name}: valid" + (f", {n_warnings} to consider" if n_warnings else ""))
        for lines in (*map(warning_lines, imported), *(remark(f"warning: {item}") for item in advice)):
            click.echo("\n".join(lines))
