"""The command `albsim verify`: whether the program gives here what can be worked out by hand, or more slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.verification.checks import Check

_A_DEFECT = 1


@click.command(short_help="Hold the program against closed forms and slow twins.")
@click.option(
    "--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True, help="How to print."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def verify(ctx: click.Context, form: str, *, quiet: bool) -> None:
    """Hold the program against closed forms, its slow twins and invariants; takes less than a minute.

    Exit status 1 if one fails.
    """
    from sim.cli.progress import progress_of
    from sim.report.verification import render
    from sim.verification import CHECKS

    checks: list[Check] = []
    with progress_of(len(CHECKS), quiet=quiet) as progress:
        for group in CHECKS:
            progress.describe(group.__name__.replace("_", " "))
            checks += progress.step(_checks(group))
    click.echo(render(checks, form))
    if not all(check.passed for check in checks):
        ctx.exit(_A_DEFECT)


def _checks(group: Callable[[], Iterator[Check]]) -> list[Check]:
    """Return a group's checks. A scenario of theirs that cannot be simulated is not the user's fault."""
    try:
        return list(group())
    except ScenarioError as error:
        raise RuntimeError(f"{group.__name__}: {error}") from error
