"""The command `albsim observe`: read a user's own records, and say what they tell."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import Number, Refused, takes_workers
from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from sim.records.against import Against
    from sim.records.observation import Observation
    from sim.scenario.specs import Scenario

FORMATS = ("table", "json", "csv")
REPLICATIONS = 239
"""Enough for the lowest rank to be significant among all classes of causes."""


class Moment(click.ParamType[float]):
    """A moment as ISO 8601 writes it. A time without a zone is in UTC. The value is in seconds since 1970."""

    name = "moment"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"expected a moment such as 2026-08-17T10:05:00Z (got '{value}')", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@click.command(short_help="Tell from your records which requests failed, and why.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--target-group", default="", metavar="NAME|ARN", help="Read of this target group only.")
@click.option(
    "--from", "from_s", type=Moment(), metavar="T", help="Read from this moment on, such as 2026-08-17T10:05:00Z."
)
@click.option("--to", "until_s", type=Moment(), metavar="T", help="Read until this moment.")
@click.option(
    "--deregistration-delay",
    type=Number(min=0),
    default=300.0,
    show_default=True,
    metavar="S",
    help="The target group's: tells which requests its end cut.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
@click.option("-o", "--out", "out_path", type=OutFile(), metavar="FILE.parquet", help="Write each request's row.")
@click.option("--gantt", "gantt_path", type=OutFile(), metavar="FILE", help="Draw the worst rollout: png, svg or pdf.")
@click.option("--against", "scenario_file", metavar="SCENARIO", help="Hold the rollouts against simulated ones.")
@click.option(
    "--fit",
    "fit_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="With --against: draw what `albsim calibrate --format json` measured, anew for each simulation.",
)
@click.option(
    "--replications",
    type=click.IntRange(min=1),
    default=REPLICATIONS,
    show_default=True,
    metavar="N",
    help="With --against: how often to simulate as many rollouts as were observed.",
)
@takes_workers
def observe(
    paths: tuple[Path, ...],
    target_group: str,
    from_s: float | None,
    until_s: float | None,
    deregistration_delay: float,
    form: str,
    out_path: Path | None,
    gantt_path: Path | None,
    scenario_file: str | None,
    fit_path: Path | None,
    replications: int,
    workers: int | None,
    *,
    quiet: bool,
) -> None:
    """Tell from your own records which requests failed, why, and how long targets stayed in rotation.

    PATH is a file or a directory, plain or gzip. There may be ALB access logs as `aws s3 sync` lays them, health check
    logs, or CloudTrail (its files, or what `lookup-events` prints). Other records are controller logs, and of
    Kubernetes audit logs, events and pod lists.
    """
    import math

    from sim.cli.progress import progress_of
    from sim.records.observation import observe as observe_records
    from sim.records.reading import NoRecordsError, read
    from sim.records.selection import Selection

    _require_endings(out_path, gantt_path)
    if fit_path is not None and scenario_file is None:
        raise click.UsageError("--fit is of use with --against only")
    scenario = _scenario(scenario_file, replications)
    selection = Selection(
        target_group=target_group,
        from_s=-math.inf if from_s is None else from_s,
        until_s=math.inf if until_s is None else until_s,
    )
    with progress_of(quiet=quiet) as progress:
        progress.describe("reading")
        try:
            records = read(paths, selection, progress.reach)
        except NoRecordsError as error:
            raise Refused(str(error)) from None
    observation = observe_records(records, deregistration_delay)
    _write(observation, out_path, gantt_path)
    found = None if scenario is None else _against(observation, scenario, fit_path, workers, quiet=quiet)
    _print(observation, found, form)


def _require_endings(out_path: Path | None, gantt_path: Path | None) -> None:
    """Refuse file names with unknown endings, before anything is read."""
    from sim.report.pictures.canvas import image_format

    if out_path is not None and out_path.suffix != ".parquet":
        raise click.UsageError(f"'{out_path}' must end in .parquet")
    if gantt_path is not None:
        try:
            image_format(gantt_path)
        except ValueError as error:
            raise click.UsageError(str(error)) from None


def _write(observation: Observation, out_path: Path | None, gantt_path: Path | None) -> None:
    from sim.records.parquet import write_requests
    from sim.report.pictures.canvas import save
    from sim.report.pictures.observed_gantt import observed_gantt, worst_of

    if out_path is not None:
        if observation.records.requests is None:
            raise Refused("no access log among the records: there is no request to write")
        write_requests(observation, out_path)
    if gantt_path is not None:
        if not observation.rollouts:
            raise Refused("no DeregisterTargets among the records: there is no rollout to draw")
        save(observed_gantt(observation, worst_of(observation.rollouts)), gantt_path)


def _scenario(file: str | None, replications: int) -> Scenario | None:
    from sim.scenario.loading import load_scenario

    return None if file is None else load_scenario(file).with_overrides({"replications": replications})


def _against(
    observation: Observation, scenario: Scenario, fit_path: Path | None, workers: int | None, *, quiet: bool
) -> Against:
    """Return the comparison with simulated rollouts. What cannot be compared is refused."""
    from sim.cli.progress import progress_of
    from sim.experiment.replications import executor_of
    from sim.records.against import against
    from sim.records.fit import read_fit
    from sim.records.selection import name_of

    groups = {rollout.target_group for rollout in observation.rollouts}
    if len(groups) > 1:
        names = ", ".join(sorted(name_of(group) for group in groups))
        raise Refused(f"rollouts of several target groups: choose one with --target-group ({names})")
    fit = None if fit_path is None else read_fit(fit_path)
    with executor_of(workers) as executor, progress_of(quiet=quiet) as progress:
        progress.describe(scenario.name)
        try:
            return against(observation.rollouts, scenario, fit, executor, progress.reach)
        except ValueError as error:
            raise Refused(f"nothing to hold against the scenario: {error}") from None


def _print(observation: Observation, found: Against | None, form: str) -> None:
    import sys

    from sim.report.observed import render, tables

    if form == "table" and sys.stdout.isatty():
        from rich.console import Console

        Console().print(tables(observation, found))
    else:
        click.echo(render(observation, form, found))
