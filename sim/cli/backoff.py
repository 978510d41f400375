"""The command `albsim backoff`: how long a retryer waits before each retry, and in all."""

from __future__ import annotations

import click

from sim.report.backoff import FORMATS

_MOST_RETRIES = 100
"""Beyond it the waits are at their cap, or longer than any process lives."""


@click.command(short_help="Print a retry policy's waits.")
@click.option(
    "--retryer",
    "name",
    required=True,
    help="A retry policy, such as published or aws-sdk-go-1.23.22; a wrong name lists all.",
)
@click.option(
    "--max-retries", type=click.IntRange(0, _MOST_RETRIES), default=10, show_default=True, help="How many retries."
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print it."
)
def backoff(name: str, max_retries: int, form: str) -> None:
    """Print a retryer's waits before each retry and their cumulative sum, in seconds."""
    from sim.control_plane.aws.retryers import retryer
    from sim.report.backoff import backoff_rows, render

    try:
        policy = retryer(name, max_retries=max_retries)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--retryer") from None
    click.echo(render(backoff_rows(policy, max_retries), form))
