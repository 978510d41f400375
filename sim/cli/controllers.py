"""The command `albsim controllers`: what each version of the controller calls to deregister one pod's target."""

from __future__ import annotations

import click

from sim.report.controllers import FORMATS


@click.command(short_help="Print what each controller version calls for one pod.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
def controllers(form: str) -> None:
    """Print what each controller version calls for one removed pod, and how long a throttled call may wait."""
    from sim.experiment.controller_calls import version_calls
    from sim.report.controllers import render
    from sim.report.controllers_table import table

    click.echo(table(version_calls()) if form == "table" else render(version_calls(), form))
