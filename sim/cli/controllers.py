"""The command `albsim controllers`: what each version of the controller calls to deregister one pod's target."""

from __future__ import annotations

import click

from sim.report.controllers import FORMATS


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="markdown", show_default=True, help="How.")
def controllers(form: str) -> None:
    """Print what each controller version calls for one removed pod, and how long a throttled call may wait."""
    from sim.experiment.controller_calls import version_calls
    from sim.report.controllers import render

    click.echo(render(version_calls(), form))
