"""The command `albsim explain`: one replication's story, in words and in pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.options import takes_scenario, takes_workers
from sim.cli.outputs import OutFile
from sim.cli.rollouts import rollouts_of, worst_of

if TYPE_CHECKING:
    from pathlib import Path

    from sim.scenario.specs import Scenario


@click.command(short_help="Tell one replication: what happened, pod by pod, and why.")
@takes_scenario
@takes_workers
@click.option(
    "--replication",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    show_default=True,
    help="The number of the replication.",
)
@click.option(
    "--worst",
    is_flag=True,
    help="Tell instead the replication with the most 502s, or expected 502s.",
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="How to print.")
@click.option("--gantt", "gantt_path", type=OutFile(), metavar="FILE", help="Draw the replication: png, svg or pdf.")
@click.option("--perfetto", "perfetto_path", type=OutFile(), metavar="FILE", help="Write a trace for Perfetto.")
def explain(
    scenario: Scenario,
    replication: int,
    form: str,
    gantt_path: Path | None,
    perfetto_path: Path | None,
    workers: int | None,
    *,
    worst: bool,
    quiet: bool,
) -> None:
    """Tell one replication: who died when, what the controller did, where the 502s came from.

    The replication's requests are drawn, one by one.
    """
    from sim.diagnosis.findings import findings
    from sim.experiment.replication import simulate
    from sim.experiment.whole_file import whole_file
    from sim.report.perfetto import perfetto
    from sim.report.pictures.canvas import image_format, save
    from sim.report.pictures.gantt import gantt
    from sim.report.story import story
    from sim.report.story_json import story_json

    if gantt_path is not None:
        try:
            image_format(gantt_path)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if worst:
        replication = worst_of(rollouts_of(scenario, None, workers, quiet=quiet))
    found = findings(simulate(scenario, replication=replication, estimator="sampled"))
    if gantt_path is not None:
        save(gantt(found), gantt_path)
    if perfetto_path is not None:
        with whole_file(perfetto_path) as unfinished:
            unfinished.write_text(perfetto(found), encoding="utf-8")
    click.echo(story(found) if form == "text" else story_json(found))
