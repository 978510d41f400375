"""The command line: arguments in, a call, a table out. One file for each command.

Heavy libraries are imported inside the commands that use them, so that `albsim --help` answers at once. Results go to
stdout, all else to stderr. Exit status: 0 done, 1 a defect of the program, 2 the input was wrong, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from sim.cli.backoff import backoff
from sim.cli.check import check
from sim.cli.compare import compare
from sim.cli.explain import explain
from sim.cli.plot import plot
from sim.cli.recommend import recommend
from sim.cli.results import results
from sim.cli.run import run
from sim.cli.schema import schema
from sim.cli.sweep import sweep
from sim.scenario.problems import ScenarioError

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


for _command in (run, sweep, plot, compare, recommend, explain, backoff, check, schema, results):
    main.add_command(_command)
