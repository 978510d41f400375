"""The command `albsim recommend`: the smallest settings that meet a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.inputs import import_of
from sim.cli.options import Number, takes_scenario, takes_workers

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


@click.command()
@takes_scenario
@takes_workers
@click.option(
    "--target-502",
    type=Number(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Fewer 502s per rollout than this.",
)
@click.option(
    "--confidence",
    type=Number(min=0, max=1, min_open=True),
    default=0.95,
    show_default=True,
    metavar="FRACTION",
    help="In at least this fraction of rollouts.",
)
@click.option(
    "--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True, help="How to print."
)
@click.option(
    "--patch",
    "as_patch",
    is_flag=True,
    help="Of manifests: print the patch that kubectl applies, and beside it the annotation.",
)
def recommend(
    scenario: Scenario,
    target_502: float,
    confidence: float,
    form: str,
    workers: int | None,
    *,
    quiet: bool,
    as_patch: bool,
) -> None:
    """Find the smallest preStop sleep that keeps 502s under a target, and what it costs."""
    from sim.cli.progress import progress_of
    from sim.experiment.recommend import Goal, try_rules
    from sim.experiment.recommend import recommend as recommended
    from sim.experiment.replications import process_pool
    from sim.manifests.patch import patch_of
    from sim.report.recommendation import render
    from sim.report.recommendation_words import sentences

    imported = import_of(scenario)
    if as_patch and imported is None:
        raise click.UsageError("--patch: a patch is for manifests, and this is a scenario")

    with progress_of(quiet=quiet) as progress, process_pool(workers) as executor:
        found = recommended(scenario, Goal(target_502, confidence), executor=executor, say=progress.describe)
        if as_patch and imported:
            click.echo("\n".join(sentences(found)), err=True)
            click.echo(patch_of(imported.draft, found.settings), nl=False)
            return
        rules = try_rules(scenario, executor=executor, say=progress.describe)
    click.echo(render(found, rules, form))
