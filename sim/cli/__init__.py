"""The command line: arguments in, a call, a table out. One file for each command.

- Heavy libraries are imported inside the commands that use them, so that `albsim --help` answers at once.
- Results go to stdout, all else to stderr.
- Exit status 0: done.
- Exit status 1: a defect of the program or of the machine, such as a full stdout or a worker that died.
- Exit status 2: the input was wrong, or a file cannot be read or written.
- Exit status 129, 130 and 143: ended by SIGHUP, Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from sim.cli.addresses import addresses
from sim.cli.backoff import backoff
from sim.cli.calibrate import calibrate
from sim.cli.check import check
from sim.cli.compare import compare
from sim.cli.controllers import controllers
from sim.cli.explain import explain
from sim.cli.import_ import import_
from sim.cli.observe import observe
from sim.cli.plot import plot
from sim.cli.recommend import recommend
from sim.cli.report import report
from sim.cli.results import results
from sim.cli.run import run
from sim.cli.schema import schema
from sim.cli.sensitivity import sensitivity
from sim.cli.signals import Ended, ended_by_signals
from sim.cli.sweep import sweep
from sim.cli.verify import verify
from sim.scenario.problems import ScenarioError, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAILED = 1
_WRONG_INPUT = 2
_INTERRUPTED = 130
_SIGNALLED = 128
_LONGEST_LINE = 2000


class Program(click.Group):
    """The group of all commands. The group handles what ends any command before its time."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command, and turn errors that are not its own into a message and an exit status."""
        sys.stdout = sys.stdout or _nowhere()
        sys.stderr = sys.stderr or _nowhere()
        try:
            with ended_by_signals(), _shown_as_it_stands():
                result = super().invoke(ctx)
            sys.stdout.flush()
        except ScenarioError as error:
            self._end(ctx, _WRONG_INPUT, str(error))
        except Ended as ended:
            self._end(ctx, _SIGNALLED + ended.number, str(ended))
        except KeyboardInterrupt:
            self._end(ctx, _INTERRUPTED, "interrupted")
        except BrokenPipeError:
            _drop_output()
            ctx.exit(0)
        except BrokenExecutor:
            self._end(ctx, _FAILED, "a worker process died (killed, or the memory is full); what is finished is kept")
        except OSError as error:
            if error.filename:
                self._end(ctx, _WRONG_INPUT, f"{error.filename}: {error.strerror}")
            _drop_output()
            self._end(ctx, _FAILED, f"the output cannot be written: {error.strerror}")
        return result

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - click's signature
        """Read the program's own options."""
        with _shown_as_it_stands():
            return super().make_context(*args, **extra)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands, those that answer most questions first."""
        return list(self.commands)

    @staticmethod
    def _end(ctx: click.Context, status: int, message: str) -> NoReturn:
        click.echo(_printable(message), err=True)
        ctx.exit(status)


@contextmanager
def _shown_as_it_stands() -> Iterator[None]:
    """Escape what the user typed, also in click's own messages, so that a terminal takes none of it for a command."""
    try:
        yield
    except click.ClickException as error:
        error.message = _printable(error.message)  # type: ignore[misc]  # click's show() prints it
        raise


def _printable(message: str) -> str:
    return "\n".join(escaped(line, _LONGEST_LINE) for line in message.split("\n"))


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it lives as long as the program


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    from sim.experiment.provenance import model_version

    if wanted:
        click.echo(f"albsim {model_version()}")
        click.echo("After the +: a digest of the model's source and of the libraries that it draws and computes with.")
        ctx.exit()


def _drop_output() -> None:
    """Drop output that nobody reads, which the interpreter would try to flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main() -> None:
    """How many 502s does a rolling update behind an ALB give, and which setting removes them."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # no model needs one, and to look for them takes 0.1 s


for _command in (
    run,
    import_,
    explain,
    report,
    recommend,
    compare,
    sweep,
    plot,
    sensitivity,
    observe,
    calibrate,
    addresses,
    check,
    results,
    backoff,
    controllers,
    schema,
    verify,
):
    main.add_command(_command)
