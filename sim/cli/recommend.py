"""The command `albsim recommend`: the smallest settings that meet a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.inputs import import_of
from sim.cli.options import Number, takes_scenario, takes_workers
from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from pathlib import Path

    from sim.scenario.specs import Scenario


@click.command()
@takes_scenario
@takes_workers
@click.option(
    "--target-502",
    type=Number(min=0),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Fewer failed requests (502, 503, 504) per rollout, or other disruption, than this; 0 and 1 are none.",
)
@click.option(
    "--confidence",
    type=Number(min=0, max=1, min_open=True),
    default=0.95,
    show_default=True,
    metavar="FRACTION",
    help="In at least this fraction of rollouts, or of other disruptions.",
)
@click.option(
    "--within",
    "within_s",
    type=Number(min=0.5),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Simulate until the sleep's 95 % interval is as narrow as ± this.",
)
@click.option(
    "--at-most",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    metavar="N",
    help="Replications after which that is given up.",
)
@click.option(
    "--for",
    "kinds",
    metavar="KIND,…",
    help="One sleep for all of these disruptions, such as rollout,node_drain,scale_in; and which of them decides.",
)
@click.option(
    "-o",
    "--picture",
    type=OutFile(),
    metavar="FILE.png",
    help="Draw the sleep against the chance of a miss, as .png, .svg or .pdf.",
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
    within_s: float,
    at_most: int,
    kinds: str | None,
    picture: Path | None,
    form: str,
    workers: int | None,
    *,
    quiet: bool,
    as_patch: bool,
) -> None:
    """Find the smallest preStop sleep with which rollouts, or other disruptions, lose no requests; and its cost."""
    from sim.cli.progress import progress_of
    from sim.experiment.goal import Goal, Precision
    from sim.experiment.recommend import recommend as recommended
    from sim.experiment.recommend import try_rules
    from sim.experiment.recommend_for import recommend_for
    from sim.experiment.replications import process_pool
    from sim.manifests.patch import patch_of
    from sim.report.pictures.canvas import image_format, save
    from sim.report.pictures.sleep_curve import sleep_curve
    from sim.report.recommendation import render
    from sim.report.recommendation_for import render as render_for
    from sim.report.recommendation_words import sentences

    imported = import_of(scenario)
    if as_patch and imported is None:
        raise click.UsageError("--patch: a patch is for manifests, and this is a scenario")
    if picture is not None:
        try:
            image_format(picture)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    goal, precision = Goal(target_502, confidence), Precision(within_s, at_most)
    if kinds is not None:
        if as_patch or picture is not None:
            raise click.UsageError("--for: neither a patch nor a picture is made for several disruptions")
        with progress_of(quiet=quiet) as progress, process_pool(workers) as executor:
            asked = [kind.strip() for kind in kinds.split(",")]
            for_all = recommend_for(
                scenario, asked, goal, executor=executor, say=progress.describe, precision=precision
            )
        click.echo(render_for(for_all, form))
        return
    with progress_of(quiet=quiet) as progress, process_pool(workers) as executor:
        found = recommended(scenario, goal, executor=executor, say=progress.describe, precision=precision)
        rules = () if as_patch else try_rules(scenario, executor=executor, say=progress.describe)
    if picture is not None:
        save(sleep_curve(found), picture)
    if as_patch and imported:
        click.echo("\n".join(sentences(found)), err=True)
        click.echo(patch_of(imported.draft, found.settings), nl=False)
        return
    click.echo(render(found, rules, form))
