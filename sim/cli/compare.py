"""The command `albsim compare`: two scenarios under the same random draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.options import takes_estimator, takes_scenarios, takes_workers

if TYPE_CHECKING:
    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario

FORMATS = ("table", "json", "csv", "markdown")


@click.command(short_help="Say whether two scenarios differ, and by how much.")
@takes_scenarios
@takes_workers
@takes_estimator
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
def compare(
    scenarios: list[Scenario], form: str, workers: int | None, estimator: Estimator | None, *, quiet: bool
) -> None:
    """Compare two scenarios, figure by figure, and say whether a difference is real."""
    from sim.cli.progress import progress_of
    from sim.experiment.compare import compare as compared
    from sim.experiment.replications import process_pool
    from sim.report.comparison import render

    if len(scenarios) != 2:  # noqa: PLR2004 - a pair
        raise click.UsageError(f"expected two scenarios (got {len(scenarios)})")
    with progress_of(quiet=quiet) as progress, process_pool(workers) as executor:
        progress.describe("pairs under the same draws")
        comparison = compared(*scenarios, estimator=estimator, executor=executor, progress=progress.reach)
    click.echo(render(comparison, form))
