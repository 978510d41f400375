"""The command `albsim recommend`: the smallest settings that meet a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from sim.cli.inputs import import_of
from sim.cli.options import Number, takes_scenario, takes_workers
from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.goal import Goal, Precision
    from sim.scenario.specs import Scenario


@click.command(short_help="Find the smallest preStop sleep that suffices, and its cost.")
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
    """Find the smallest preStop sleep with which rollouts, or other disruptions, lose no requests; and its cost.

    Of a blue/green switch or a canary: how long its old pods have to stay (scaleDownDelaySeconds). Of a cluster switch:
    for how long to keep the old pods and the old ALB.
    """
    from sim.experiment.goal import Goal, Precision
    from sim.scenario.cluster_switch import ClusterSwitchSpec

    if as_patch and import_of(scenario) is None:
        raise click.UsageError("--patch: a patch is for manifests, and this is a scenario")
    if picture is not None:
        _require_image(picture)
    goal = Goal(target_502, confidence)
    asked = _Asked(scenario, goal, Precision(within_s, at_most), form, picture, workers, quiet=quiet)
    if kinds is not None:
        if as_patch or picture is not None:
            raise click.UsageError("--for: neither a patch nor a picture is made for several disruptions")
        _for_several(asked, [kind.strip() for kind in kinds.split(",")])
    elif scenario.disruption == ClusterSwitchSpec.kind:
        if as_patch:
            raise click.UsageError("--patch: for how long to keep the old side is no part of a manifest")
        _for_switch(asked)
    else:
        _for_one(asked, as_patch=as_patch)


@dataclass(frozen=True, slots=True)
class _Asked:
    scenario: Scenario
    goal: Goal
    precision: Precision
    form: str
    picture: Path | None
    workers: int | None
    quiet: bool


def _require_image(picture: Path) -> None:
    from sim.report.pictures.canvas import image_format

    try:
        image_format(picture)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _for_several(asked: _Asked, kinds: list[str]) -> None:
    from sim.cli.progress import progress_of
    from sim.experiment.recommend_for import recommend_for
    from sim.experiment.replications import process_pool
    from sim.report.recommendation_for import render

    with progress_of(quiet=asked.quiet) as progress, process_pool(asked.workers) as executor:
        found = recommend_for(
            asked.scenario, kinds, asked.goal, executor=executor, say=progress.describe, precision=asked.precision
        )
    click.echo(render(found, asked.form))


def _for_switch(asked: _Asked) -> None:
    from sim.cli.progress import progress_of
    from sim.experiment.keep_old_side import recommend_keeping
    from sim.experiment.replications import process_pool
    from sim.report.keeping import render
    from sim.report.pictures.canvas import save
    from sim.report.pictures.keep_curve import keep_curve

    with progress_of(quiet=asked.quiet) as progress, process_pool(asked.workers) as executor:
        found = recommend_keeping(asked.scenario, asked.goal, executor=executor, say=progress.describe)
    if asked.picture is not None:
        save(keep_curve(found), asked.picture)
    click.echo(render(found, asked.form))


def _for_one(asked: _Asked, *, as_patch: bool) -> None:
    from sim.cli.progress import progress_of
    from sim.experiment.recommend import recommend as recommended
    from sim.experiment.recommend import try_rules
    from sim.experiment.replications import process_pool
    from sim.manifests.patch import patch_of
    from sim.report.pictures.canvas import save
    from sim.report.pictures.sleep_curve import sleep_curve
    from sim.report.recommendation import render
    from sim.report.recommendation_words import sentences

    scenario, imported = asked.scenario, import_of(asked.scenario)
    with progress_of(quiet=asked.quiet) as progress, process_pool(asked.workers) as executor:
        found = recommended(scenario, asked.goal, executor=executor, say=progress.describe, precision=asked.precision)
        rules = () if as_patch else try_rules(scenario, executor=executor, say=progress.describe)
    if asked.picture is not None:
        save(sleep_curve(found), asked.picture)
    if as_patch and imported:
        click.echo("\n".join(sentences(found)), err=True)
        click.echo(patch_of(imported.draft, found.settings), nl=False)
        return
    click.echo(render(found, rules, asked.form))
