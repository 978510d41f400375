"""The command `albsim report`: a scenario's report as one HTML file."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from sim.cli.inputs import IMPORT_OPTIONS
from sim.cli.options import takes_estimator, takes_scenario, takes_workers
from sim.cli.outputs import OutFile
from sim.cli.rollouts import rollouts_on, worst_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.experiment.sleeps_and_retries import SleepsAndRetries
    from sim.scenario.specs import Scenario


@click.command(short_help="Write one page that opens offline, to send and to keep.")
@takes_scenario
@takes_workers
@takes_estimator
@click.option("-o", "--out", type=OutFile(), required=True, metavar="FILE.html", help="Where the page goes.")
@click.option(
    "--sliders/--no-sliders",
    default=True,
    show_default=True,
    help="Two sliders for other preStop sleeps and --aws-max-retries, computed beforehand: up to 40 s of one core.",
)
def report(
    scenario: Scenario,
    out: Path,
    workers: int | None,
    estimator: Estimator | None,
    *,
    sliders: bool,
    quiet: bool,
) -> None:
    """Write one page that opens offline: the answer, pictures, the worst replication's story, warnings, provenance.

    Where 502s are expected ones, the worst replication is the one that can expect most; its story is of drawn requests.
    """
    from sim.diagnosis.findings import findings
    from sim.experiment.replication import simulate
    from sim.experiment.replications import executor_of
    from sim.experiment.summary import summarise
    from sim.experiment.whole_file import whole_file
    from sim.report.html import Report, page

    if out.suffix.lower() not in {".html", ".htm"}:
        raise click.UsageError(f"'{out}' must end in .html: a report is a page")
    with executor_of(workers) as executor:
        figures = rollouts_on(executor, scenario, estimator, quiet=quiet)
        grid = _grid(scenario, figures, executor, quiet=quiet) if sliders else None
    written = page(
        Report(
            scenario=scenario,
            summary=summarise(scenario, figures),
            figures=figures,
            worst=findings(simulate(scenario, replication=worst_of(figures), estimator="sampled")),
            command=_command(click.get_current_context().params),
            grid=grid,
        )
    )
    with whole_file(out) as unfinished:
        unfinished.write_text(written, encoding="utf-8")


def _grid(
    scenario: Scenario, figures: Sequence[Figures], executor: Executor | None, *, quiet: bool
) -> SleepsAndRetries | None:
    """Simulate what the sliders show, or say why they are left out."""
    from sim.cli.progress import progress_of
    from sim.experiment.figures import REQUESTS
    from sim.experiment.sleeps_and_retries import affordable_rollouts, settings_of, sleeps_and_retries
    from sim.report.disruption import name_of
    from sim.report.wording import count
    from sim.scenario.problems import ScenarioError

    estimator = figures[0].estimator
    replications = affordable_rollouts(scenario, estimator, max(of_rollout[REQUESTS] for of_rollout in figures))
    if not replications:
        click.echo("no sliders: they would take too long for this scenario", err=True)
        return None
    try:
        with progress_of(quiet=quiet) as progress:
            each = count(replications, name_of(scenario))
            progress.describe(f"sliders: {len(settings_of(scenario))} settings, {each} each")
            return sleeps_and_retries(scenario, replications, estimator, executor=executor, progress=progress.reach)
    except ScenarioError as error:
        click.echo(f"no sliders: with other settings {error}", err=True)
        return None


def _command(typed: dict[str, Any]) -> str:
    """Return the command as a shell takes it, with every option on which its results depend."""
    options = [("--set", assignment) for assignment in typed["assignments"]]
    options += [("--" + name.replace("_", "-"), typed[name]) for name in IMPORT_OPTIONS if typed[name]]
    options += [(f"--{name}", typed[name]) for name in ("seed", "replications", "estimator") if typed[name] is not None]
    words = [str(word) for option in options for word in option] + ["--no-sliders"] * (not typed["sliders"])
    return shlex.join(["albsim", "report", *typed["scenario_files"], *words, "-o", "FILE.html"])
