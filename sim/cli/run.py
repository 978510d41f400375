"""The command `albsim run`: simulate scenarios, print their figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import Refused, takes_estimator, takes_scenarios, takes_workers
from sim.cli.outputs import require_writable_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from sim.cli.progress import Progress
    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

FORMATS = ("table", "json", "csv", "markdown")


@click.command(short_help="Simulate: how often a rollout has 502s, how many, and why.")
@takes_scenarios
@takes_workers
@takes_estimator
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write each scenario's figures there too, NAME.json, as soon as it is finished.",
)
@click.option(
    "--write-records",
    "records",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the first replication as AWS and Kubernetes would record it: access logs, CloudTrail, controller log, "
    "audit log; of several scenarios each in a directory of its name.",
)
@click.option("--force", is_flag=True, help="Replace files that are in DIR already.")
def run(
    scenarios: list[Scenario],
    form: str,
    out: Path | None,
    records: Path | None,
    workers: int | None,
    estimator: Estimator | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    """Simulate scenarios and print how many 502s they give, and why."""
    from sim.cli.progress import progress_of
    from sim.experiment.estimators import choose_estimator
    from sim.experiment.replications import executor_of
    from sim.scenario.cost import require_affordable

    for scenario in scenarios:
        require_affordable(scenario)
    choose_estimator(scenarios, estimator)
    if out is not None:
        if not force:
            _require_new([_file(scenario.name, out) for scenario in scenarios])
        require_writable_directory(out)
    if records is not None:
        _write_records(scenarios, records)
    summaries: list[Summary] = []
    try:
        total = sum(scenario.replications for scenario in scenarios)
        with progress_of(total, quiet=quiet) as progress, executor_of(workers) as executor:
            for summary in _summaries(scenarios, estimator, executor, progress):
                summaries.append(summary)
                if out is not None:
                    _write(summary, out)
    finally:
        if summaries:
            _print(summaries, form)


def _require_new(files: list[Path]) -> None:
    """Refuse to replace a file without `--force`, whether it was there before or this command wrote it."""
    twice = next((file for number, file in enumerate(files) if file in files[:number]), None)
    if twice is not None:
        raise Refused(f"{twice}: two scenarios have this name; rename one, or --force keeps the last")
    old = next((file for file in files if file.exists()), None)
    if old is not None:
        raise Refused(f"{old}: there is one already; choose another directory, or --force replaces it")


def _file(name: str, out: Path) -> Path:
    return out / f"{name}.json"


def _summaries(
    scenarios: list[Scenario], estimator: Estimator | None, executor: Executor | None, progress: Progress
) -> Iterator[Summary]:
    from sim.experiment.replications import replicate
    from sim.experiment.summary import summarise
    from sim.report.answer import so_far
    from sim.report.disruption import name_of

    for scenario in scenarios:
        finished: list[Figures] = []
        progress.describe(partial(so_far, scenario.name, finished, name_of(scenario)))
        finished.extend(map(progress.step, replicate(scenario, executor, estimator=estimator)))
        yield summarise(scenario, finished)


def _write(summary: Summary, out: Path) -> None:
    from sim.experiment.whole_file import whole_file
    from sim.report.tables import render

    with whole_file(_file(summary.scenario, out)) as unfinished:
        unfinished.write_text(render([summary], "json") + "\n", encoding="utf-8")


def _write_records(scenarios: list[Scenario], directory: Path) -> None:
    from sim.experiment.replication import simulate
    from sim.report.records.writing import write_records

    for scenario in scenarios:
        of_scenario = directory if len(scenarios) == 1 else directory / scenario.name
        require_writable_directory(of_scenario)
        write_records(simulate(scenario, estimator="sampled"), of_scenario)


def _print(summaries: list[Summary], form: str) -> None:
    import sys

    from sim.report.tables import render, tables

    if form == "table" and sys.stdout.isatty():
        from rich.console import Console

        Console(markup=False, emoji=False, highlight=False).print(tables(summaries))
    else:
        click.echo(render(summaries, form))
