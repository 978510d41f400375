"""The command `albsim sweep`: a scenario at every point of a grid, into a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sim.cli.options import Refused, mention_cost, takes_estimator, takes_scenario, takes_workers
from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    import pandas as pd

    from sim.experiment.estimators import Estimator
    from sim.experiment.grid import Grid
    from sim.experiment.sweep import UntilPrecise
    from sim.scenario.specs import Scenario


class Fraction(click.ParamType[float]):
    """A part of a whole, above 0: `5%` or `0.05`."""

    name = "percentage"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        text = str(value).strip()
        try:
            fraction = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            fraction = 0.0
        if not 0 < fraction <= 1:
            self.fail(f"expected a percentage above 0, such as 5% (got '{text}')", param, ctx)
        return fraction


@click.command(short_help="Simulate every point of a grid, into Parquet or CSV.")
@takes_scenario
@takes_workers
@takes_estimator
@click.option(
    "--vary",
    "variations",
    multiple=True,
    metavar="KEY=V1,V2 | KEY=START:STOP:STEP | KEY,KEY=V1/W1,V2/W2",
    help="Instead of the scenario's sweep: a key and its values; several make a full grid. KEY,KEY move together.",
)
@click.option(
    "--out",
    type=OutFile(),
    required=True,
    metavar="FILE.parquet|csv",
    help="Where the results go. The same command goes on where an interrupted one was.",
)
@click.option(
    "--until-ci",
    type=Fraction(),
    metavar="P%",
    help="Replicate, in batches of --replications, until the 502s are known to P %. Known must be the mean, "
    "if it has an interval; else the median, and to P points how many have any.",
)
@click.option(
    "--max-replications",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Where --until-ci gives up.",
)
@click.option("--force", is_flag=True, help="Replace another sweep's results in FILE.")
@click.option("--dask", "scheduler", metavar="ADDRESS", help="Run on this Dask cluster instead of this machine.")
def sweep(
    scenario: Scenario,
    variations: tuple[str, ...],
    out: Path,
    until_ci: float | None,
    max_replications: int,
    scheduler: str | None,
    workers: int | None,
    estimator: Estimator | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    """Simulate a scenario at every point of a grid and write a row for each point and replication."""
    from sim.cli.progress import progress_of
    from sim.experiment.grid import grid
    from sim.experiment.journal import InUseError
    from sim.experiment.provenance import PROVENANCE
    from sim.experiment.sweep_file import NotASweepError, OtherSweepError, sweep_to_file
    from sim.report.wording import counted_by

    vary = _varied(scenario, variations)
    until = _until(until_ci, max_replications)
    if not quiet:
        whole = grid(scenario, vary)
        _mention_sleeps_over_grace(whole.points)
        _mention_largest(whole)
    try:
        with progress_of(quiet=quiet) as progress, _executor(scheduler, workers) as executor:
            progress.describe(f"{scenario.name}: points and replications")
            frame = sweep_to_file(
                scenario,
                vary,
                out,
                until=until,
                estimator=estimator,
                executor=executor,
                progress=progress.reach,
                replace=force,
            )
    except OtherSweepError as error:
        raise Refused(f"{error}; --force replaces them") from None
    except (InUseError, NotASweepError) as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{error.filename or out}: {error.strerror or error}") from None
    if not quiet:
        counted = counted_by({scenario.name: frame.attrs[PROVENANCE]["estimator"]})
        click.echo(f"{out}: {len(frame)} replications. {counted}", err=True)
        if until is not None:
            _mention_unknown(frame, until)


def _mention_sleeps_over_grace(points: Iterable[Scenario]) -> None:
    """Say on stderr which preStop sleeps of the grid are cut short, so that nobody compares them."""
    from sim.report.wording import listed

    pods = [point.pod for point in points]
    cut_s = {pod.pre_stop_sleep_s for pod in pods if 0 < pod.termination_grace_period_s < pod.pre_stop_sleep_s}
    if cut_s:
        sleeps = listed(f"{sleep_s:g}" for sleep_s in sorted(cut_s))
        click.echo(f"preStop sleeps of {sleeps} s end with the grace period, which is shorter", err=True)


def _mention_unknown(frame: pd.DataFrame, until: UntilPrecise) -> None:
    """Say on stderr at how many points the replications ended before the 502s were known."""
    from sim.experiment.sweep import unknown_points

    if unknown := unknown_points(frame, until):
        points = "1 point is" if unknown == 1 else f"{unknown} points are"
        limit = f"{until.at_most:,} replications, where --max-replications ends them"
        click.echo(f"{points} not known to {100 * until.half_width:g} % after {limit}", err=True)


def _mention_largest(whole: Grid) -> None:
    """Say on stderr what the point with the most pods costs, if that is much."""
    from sim.scenario.cost import rolled_pods

    largest = max(range(len(whole.points)), key=lambda point: rolled_pods(whole.points[point]))
    mention_cost(whole.name(largest), whole.points[largest])


def _varied(scenario: Scenario, variations: tuple[str, ...]) -> dict[str, list[object]]:
    from sim.scenario.variations import parse_variation

    vary: dict[str, list[object]] = {}
    for key, values in map(parse_variation, variations):
        vary.setdefault(key, []).extend(values)
    vary = vary or {key: list(values) for key, values in scenario.sweep.items()}
    if not vary:
        raise click.UsageError(f"'{scenario.name}' has no sweep: say what to vary with --vary KEY=V1,V2")
    return vary


def _until(until_ci: float | None, max_replications: int) -> UntilPrecise | None:
    from sim.experiment.sweep import UntilPrecise

    return None if until_ci is None else UntilPrecise(half_width=until_ci, at_most=max_replications)


@contextmanager
def _executor(scheduler: str | None, workers: int | None) -> Iterator[Executor]:
    from sim.experiment.replications import process_pool

    if scheduler is None:
        with process_pool(workers) as pool:
            yield pool
        return
    try:
        from distributed import Client
    except ImportError:
        raise click.UsageError("--dask needs Dask: pip install 'albsim[dask]'") from None
    with Client(scheduler, timeout="10s") as client:
        yield client.get_executor(pure=False)  # else each task is named by a digest of its scenarios
