"""The command line: arguments in, a call, a table out.

Heavy libraries are imported inside the commands that use them, so that `albsim --help` answers at once. Results go to
stdout, all else to stderr. Exit status: 0 done, 1 a defect of the program, 2 the input was wrong, 130 interrupted.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.scenario.specs import Scenario

_WRONG_INPUT = 2
_INTERRUPTED = 130


class Program(click.Group):
    """The group of all commands: what ends any of them before its time is handled here."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; turn a wrong scenario, Ctrl-C and a closed pipe into their exit statuses."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except ScenarioError as error:
            click.echo(str(error), err=True)
            ctx.exit(_WRONG_INPUT)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has had enough of it; the interpreter must not try to flush the rest.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        return result


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="albsim")
def main() -> None:
    """How many 502s does a rolling update behind an ALB give, and which setting removes them."""


def takes_scenarios(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command SCENARIO… and the options that change a scenario; it is called with `scenarios`, a list."""

    @functools.wraps(command)
    def with_scenarios(scenario_files: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - the command's own
        changes = _changes(options)
        command(scenarios=_loaded(scenario_files, changes), **options)

    argument = click.argument("scenario_files", metavar="SCENARIO...", nargs=-1, required=True)
    return argument(_changing_options(with_scenarios))


def takes_scenario(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command SCENARIO and the options that change it; it is called with `scenario`."""

    @functools.wraps(command)
    def with_scenario(scenario_file: str, **options: Any) -> None:  # noqa: ANN401 - the command's own
        from sim.scenario.loading import load_scenario

        changes = _changes(options)
        command(scenario=load_scenario(scenario_file).with_overrides(changes), **options)

    return click.argument("scenario_file", metavar="SCENARIO")(_changing_options(with_scenario))


def _changing_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--replications", type=int, metavar="N", help="How often to repeat, instead of the scenario's."),
        click.option("--seed", type=int, metavar="N", help="The seed, instead of the scenario's."),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of a scenario."),
    ):
        command = option(command)
    return command


def _changes(options: dict[str, Any]) -> dict[str, object]:
    """Take the options that change a scenario out of `options`."""
    from sim.scenario.assignments import parse_assignment

    changes = dict(parse_assignment(text) for text in options.pop("assignments"))
    given = {key: options.pop(key) for key in ("seed", "replications")}
    return changes | {key: value for key, value in given.items() if value is not None}


def _loaded(files: Sequence[str], changes: dict[str, object]) -> list[Scenario]:
    """Load and change the scenarios of all files; raises one ScenarioError for all of them."""
    from sim.scenario.loading import load_scenarios

    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for file in files:
        try:
            scenarios.extend(scenario.with_overrides(changes) for scenario in load_scenarios(file))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return scenarios


@main.command()
@takes_scenarios
def check(scenarios: list[Scenario]) -> None:
    """Validate scenarios, and say what is unwise in them."""
    from sim.scenario.advice import advise

    for scenario in scenarios:
        advice = advise(scenario)
        click.echo(f"{scenario.name}: valid" + (f", {len(advice)} to consider" if advice else ""))
        for item in advice:
            click.echo(f"  warning: {item}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of a scenario: every key with its default and where that comes from."""
    import json

    from sim.scenario.schema import schema_of
    from sim.scenario.specs import Scenario

    click.echo(json.dumps(schema_of(Scenario), indent=2, ensure_ascii=False))
