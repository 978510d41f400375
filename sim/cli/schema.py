"""The command `albsim schema`: the JSON Schema by which editors complete and check a scenario."""

from __future__ import annotations

import click


@click.command(short_help="Print the JSON Schema of a scenario, with defaults.")
def schema() -> None:
    """Print the JSON Schema of a scenario: every key with its default and where that comes from."""
    import json

    from sim.scenario.schema import schema_of
    from sim.scenario.specs import Scenario

    click.echo(json.dumps(schema_of(Scenario), indent=2, ensure_ascii=False))
