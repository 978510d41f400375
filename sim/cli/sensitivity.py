"""The command `albsim sensitivity`: which unknown decides the answer."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sim.cli.options import Refused, takes_scenario, takes_workers
from sim.cli.outputs import OutFile

WORTH_SAYING_S = 10.0

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sim.experiment.sensitivity import Of
    from sim.experiment.unknowns import Unknown
    from sim.scenario.specs import Scenario


@click.command(short_help="Find which unknown decides the answer: measure it first.")
@takes_scenario
@takes_workers
@click.option(
    "--vary",
    "ranges",
    multiple=True,
    metavar="KEY=LOW:HIGH",
    help="A key and its range, of a distribution that of its median; instead of the keys that are left open.",
)
@click.option(
    "--of",
    type=click.Choice(("responses.502", "failed", "pre_stop_sleep", "rollout_s")),
    default="pre_stop_sleep",
    show_default=True,
    help="The answer: 502s or all failed requests per rollout (or other disruption), the preStop sleep with which 95 % "
    "of them lose none, or how long one takes.",
)
@click.option(
    "--points",
    type=click.Choice(("16", "32", "64", "128", "256", "512", "1024")),
    help="How many places to look at, times the number of unknowns and two more. Default: 64, doubled up to 256 "
    "until it is sure which unknown has the most influence.",
)
@click.option("-o", "out", type=OutFile(), metavar="FILE", help="Draw the answer: png, svg or pdf.")
@click.option(
    "--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True, help="How to print."
)
def sensitivity(
    scenario: Scenario,
    ranges: tuple[str, ...],
    of: Of,
    points: str | None,
    out: Path | None,
    form: str,
    workers: int | None,
    *,
    quiet: bool,
) -> None:
    """Find which unknown decides the answer, and so what to measure first.

    Without --vary the unknowns are the keys that nobody publishes and the scenario leaves at their defaults.
    """
    from sim.cli.progress import progress_of
    from sim.experiment.replications import process_pool
    from sim.experiment.sensitivity import sensitivity as sensitivity_of
    from sim.experiment.unknowns import unknowns_of
    from sim.report.pictures.canvas import image_format, save
    from sim.report.pictures.tornado import tornado
    from sim.report.sensitivity import render
    from sim.scenario.cluster_switch import ClusterSwitchSpec

    if out is not None:
        try:
            image_format(out)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if of == "pre_stop_sleep" and scenario.disruption == ClusterSwitchSpec.kind:
        raise click.UsageError("--of pre_stop_sleep: no sleep decides a cluster switch; ask --of failed")
    unknowns = _given(scenario, ranges) if ranges else unknowns_of(scenario)
    if not unknowns:
        raise Refused("the scenario gives every key that is usually unknown: say with --vary KEY=LOW:HIGH what is not")
    with progress_of(quiet=quiet) as progress, process_pool(workers) as executor:
        progress.describe(f"{scenario.name}: places among the unknowns")
        herald = _Herald(scenario, len(unknowns), doubled=points is None, quiet=quiet)
        found = sensitivity_of(
            scenario,
            unknowns,
            of=of,
            points=int(points) if points else None,
            executor=executor,
            on_progress=herald.told_of(progress.reach),
        )
    if out is not None:
        save(tornado(found), out)
    click.echo(render(found, form))


class _Herald:
    """Says once on stderr how long the whole will take, as soon as the first answers are timed."""

    def __init__(self, scenario: Scenario, n_unknowns: int, *, doubled: bool, quiet: bool) -> None:
        from sim.experiment.sensitivity import FEWEST_POINTS, MOST_POINTS, MOST_REPLICATIONS

        self._name, self._rollouts = scenario.name, min(scenario.replications, MOST_REPLICATIONS)
        self._first = 2 * n_unknowns + 1
        self._more = (MOST_POINTS - FEWEST_POINTS) * (n_unknowns + 2) if doubled else 0
        self._began_s = math.inf
        self._silent = quiet

    def told_of(self, on_progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """Return what passes progress on, and listens."""

        def reach(done: int, total: int) -> None:
            on_progress(done, total)
            if done == 1:
                self._began_s = time.monotonic()
            if done == self._first and not self._silent:
                self._say(total, (time.monotonic() - self._began_s) / (done - 1))

        return reach

    def _say(self, total: int, each_s: float) -> None:
        from sim.report.wording import count

        if (total + self._more - self._first) * each_s < WORTH_SAYING_S:
            return
        each = count(self._rollouts, "simulation")
        what = f"{total:,} places with {each} at each take some {_long(total * each_s)}"
        most = total + self._more
        doubled = f". If they are too few, up to {most:,} places, {_long(most * each_s)}" if self._more else ""
        click.echo(f"{self._name}: {what}{doubled}", err=True)


def _long(time_s: float) -> str:
    return f"{time_s:.0f} s" if time_s < 100 else f"{time_s / 60:.0f} min"  # noqa: PLR2004 - as people say it


def _given(scenario: Scenario, ranges: tuple[str, ...]) -> tuple[Unknown, ...]:
    """Return the ranges. Raises ScenarioError for a key or a value that a scenario does not take."""
    from sim.experiment.unknowns import given_range
    from sim.experiment.with_values import with_values

    found = []
    for text in ranges:
        key, _, span = text.partition("=")
        low, _, high = span.partition(":")
        try:
            unknown = given_range(key.strip(), float(low), float(high))
        except ValueError:
            raise click.UsageError(f"expected KEY=LOW:HIGH, two numbers (got '{text}')") from None
        if not unknown.low < unknown.high:
            raise click.UsageError(f"expected a LOW below HIGH (got '{text}')")
        for end in (unknown.low, unknown.high):
            with_values(scenario, {unknown: end})
        found.append(_in_whole_numbers(scenario, unknown))
    return tuple(found)


def _in_whole_numbers(scenario: Scenario, unknown: Unknown) -> Unknown:
    """Return the unknown, in whole numbers if its key takes no others."""
    from sim.experiment.with_values import with_values
    from sim.scenario.problems import ScenarioError

    half = math.floor(unknown.low) + 0.5
    try:
        with_values(scenario, {unknown: half if unknown.low < half < unknown.high else unknown.high})
    except ScenarioError:
        return replace(unknown, whole=True)
    return unknown
