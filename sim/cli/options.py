"""What several commands take: scenarios, changes to them, formats, workers."""

from __future__ import annotations

import functools
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.inputs import imported, takes_import_options
from sim.scenario.problems import LONGEST_NAME, NOT_IN_A_NAME, Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario


MOST_WORKERS = 1024
_WORTH_SAYING_S = 60


class Number(click.FloatRange):
    """A number within bounds. `nan` and infinity are refused, which click lets pass."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        """Read it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Refused(click.ClickException):
    """Raised for wrong input that only turns out to be wrong when it is used."""

    exit_code = 2


def takes_scenarios(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with SCENARIO… and the options that change scenarios.

    The command is called with the list `scenarios`.
    """

    @functools.wraps(command)
    def with_scenarios(scenario_files: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - the command's own
        changes, root = changes_of(options), options.pop("root")
        imports, others = imported(scenario_files, changes, options)
        scenarios = [*imports, *_loaded(others, changes, root)]
        _mention_advice(scenarios, options)
        command(scenarios=scenarios, **options)

    argument = click.argument("scenario_files", metavar="SCENARIO|MANIFEST...", nargs=-1, required=True)
    return argument(takes_changes(takes_import_options(with_scenarios)))


def takes_scenario(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with SCENARIO and the options that change it. The command is called with `scenario`."""

    @functools.wraps(command)
    def with_scenario(scenario_files: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - the command's own
        from sim.scenario.loading import load_scenario

        changes, root = changes_of(options), options.pop("root")
        scenarios, others = imported(scenario_files, changes, options)
        if len(scenarios) + len(others) > 1:
            names = [*(scenario.name for scenario in scenarios), *others]
            raise click.UsageError(
                f"one scenario, not {len(names)}: {', '.join(names)}; --select takes one of manifests"
            )
        scenario = scenarios[0] if scenarios else load_scenario(others[0], changes, root=root)
        _mention_advice([scenario], options)
        command(scenario=scenario, **options)

    argument = click.argument("scenario_files", metavar="SCENARIO|MANIFEST...", nargs=-1, required=True)
    return argument(takes_changes(takes_import_options(with_scenario)))


def takes_changes(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options that change a scenario. `changes_of` takes them out of its arguments."""
    for option in (
        click.option(
            "--root",
            type=click.Path(exists=True, file_okay=False),
            metavar="DIR",
            help="The files that a scenario names may lie anywhere below DIR, not only beside it.",
        ),
        click.option("--replications", type=int, metavar="N", help="How often to repeat, instead of the scenario's."),
        click.option("--seed", type=int, metavar="N", help="The seed, instead of the scenario's."),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of a scenario."),
    ):
        command = option(command)
    return command


def changes_of(options: dict[str, Any]) -> dict[str, object]:
    """Remove the options that change a scenario from `options`, and return their values by key."""
    from sim.scenario.variations import parse_assignment

    changes = dict(parse_assignment(text) for text in options.pop("assignments"))
    given = {key: options.pop(key) for key in ("seed", "replications")}
    return changes | {key: value for key, value in given.items() if value is not None}


def _loaded(files: Sequence[str], changes: dict[str, object], root: str | None) -> list[Scenario]:
    """Load and change the scenarios of all files. Raises one ScenarioError for all of them."""
    from sim.scenario.loading import load_scenarios

    scenarios: list[tuple[str, Scenario]] = []
    problems: list[Problem] = []
    for file in files:
        try:
            scenarios.extend((file, scenario) for scenario in load_scenarios(file, changes, root=root))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return _told_apart(scenarios)


def _told_apart(loaded: Sequence[tuple[str, Scenario]]) -> list[Scenario]:
    """Add the file's name to each scenario whose name a scenario of another file has too."""
    files_of: dict[str, set[str]] = {}
    for file, scenario in loaded:
        files_of.setdefault(scenario.name, set()).add(file)
    return [
        scenario
        if len(files_of[scenario.name]) == 1
        else scenario.with_overrides({"name": _with_file(scenario.name, file, files_of[scenario.name])})
        for file, scenario in loaded
    ]


def _with_file(name: str, file: str, files: set[str]) -> str:
    """Return a scenario's name with as much of its file's path as tells it apart from those of the same name."""
    stems = [Path(one).stem for one in files]
    label = Path(file).stem if len(set(stems)) == len(stems) else str(Path(file).with_suffix(""))
    return f"{name} ({re.sub(NOT_IN_A_NAME, '-', label)})"[:LONGEST_NAME]


def _mention_advice(scenarios: Sequence[Scenario], options: dict[str, Any]) -> None:
    """Say on stderr that there is advice, unless the user wants it quiet or the command is the one that gives it."""
    from sim.capacity.advice import advise_on_addresses
    from sim.scenario.advice import advise

    if options.get("quiet", True):
        return
    for scenario in scenarios:
        n_warnings = len([*advise(scenario), *advise_on_addresses(scenario)])
        if n_warnings:
            counted = "1 warning" if n_warnings == 1 else f"{n_warnings} warnings"
            click.echo(f"{scenario.name}: {counted}, see `albsim check`", err=True)
        mention_cost(scenario.name, scenario)
        if "workers" in options and sys.stderr.isatty():
            _mention_compiling(scenario)
        if "estimator" in options:
            _mention_drawing(scenario, options["estimator"])


def _mention_compiling(scenario: Scenario) -> None:
    """Say on a terminal that numba will compile the loop over requests, if this machine has no such code yet."""
    from sim.scenario.cost import draws_in_order

    if draws_in_order(scenario.pod, scenario.target_group):
        from sim.data_plane.compiled import is_compiled

        if not is_compiled():
            click.echo("Compiling the loop over requests first, once on this machine: some 5 s", err=True)


def _mention_drawing(scenario: Scenario, asked: Estimator | None) -> None:
    """Say on stderr what drawing requests costs, if the replications, of a minute at least, take long together."""
    from sim.experiment.estimators import choose_estimator
    from sim.report.disruption import name_of
    from sim.scenario.cost import drawing_s, rollout_at_least_s

    each_s = drawing_s(scenario)
    if (
        max(60, rollout_at_least_s(scenario)) * each_s * scenario.replications > _WORTH_SAYING_S
        and choose_estimator([scenario], asked) == "sampled"
    ):
        drawn = f"drawing {scenario.traffic.arrival_rate_rps:,.0f} requests/s takes about {each_s:.2g} s of one core"
        click.echo(f"{scenario.name}: {drawn} for each second of a {name_of(scenario)}", err=True)


def mention_cost(name: str, scenario: Scenario) -> None:
    """Say on stderr how long a scenario of very many pods takes, if that is long."""
    from sim.scenario.cost import MOST_SIMULATED_PODS, replication_at_most_s, rolled_pods

    each_s, pods = replication_at_most_s(scenario), rolled_pods(scenario)
    if pods <= MOST_SIMULATED_PODS and each_s * scenario.replications > _WORTH_SAYING_S:
        cost = f"up to about {each_s:.2g} s of one core for each replication, of which there are"
        click.echo(f"{name}: {pods:,} pods take {cost} {scenario.replications:,}", err=True)


def takes_workers(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options `--workers` and `--quiet`."""
    for option in (
        click.option("--quiet", is_flag=True, help="Show no progress, and nothing of what `albsim check` warns of."),
        click.option(
            "--workers", type=click.IntRange(1, MOST_WORKERS), metavar="N", help="Processes; by default one for a core."
        ),
    ):
        command = option(command)
    return command


def takes_estimator(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the option `--estimator`."""
    return click.option(
        "--estimator",
        type=click.Choice(("sampled", "expected")),
        help="Draw every request, or compute what is expected of them; by default the second where it can be computed.",
    )(command)
