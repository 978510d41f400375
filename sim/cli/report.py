"""The command `albsim report`: a scenario's report as one HTML file."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from sim.cli.inputs import IMPORT_OPTIONS
from sim.cli.options import takes_estimator, takes_scenario, takes_workers
from sim.cli.outputs import OutFile
from sim.cli.rollouts import rollouts_of, worst_of

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario


@click.command()
@takes_scenario
@takes_workers
@takes_estimator
@click.option("-o", "--out", type=OutFile(), required=True, metavar="FILE.html", help="Where the page goes.")
def report(scenario: Scenario, out: Path, workers: int | None, estimator: Estimator | None, *, quiet: bool) -> None:
    """Write one page that opens offline: the answer, pictures, the worst rollout's story, warnings, provenance.

    Where 502s are expected ones, the worst rollout is the one that can expect most; its story is of drawn requests.
    """
    from sim.diagnosis.findings import findings
    from sim.experiment.replication import simulate
    from sim.experiment.summary import summarise
    from sim.experiment.whole_file import whole_file
    from sim.report.html import Report, page

    if out.suffix.lower() not in {".html", ".htm"}:
        raise click.UsageError(f"'{out}' must end in .html: a report is a page")
    figures = rollouts_of(scenario, estimator, workers, quiet=quiet)
    written = page(
        Report(
            scenario=scenario,
            summary=summarise(scenario, figures),
            figures=figures,
            worst=findings(simulate(scenario, replication=worst_of(figures), estimator="sampled")),
            command=_command(click.get_current_context().params),
        )
    )
    with whole_file(out) as unfinished:
        unfinished.write_text(written, encoding="utf-8")


def _command(typed: dict[str, Any]) -> str:
    """Return the command with what its results depend on, as a shell takes it."""
    options = [("--set", assignment) for assignment in typed["assignments"]]
    options += [("--" + name.replace("_", "-"), typed[name]) for name in IMPORT_OPTIONS if typed[name]]
    options += [(f"--{name}", typed[name]) for name in ("seed", "replications", "estimator") if typed[name] is not None]
    options += [("-o", "FILE.html")]
    return shlex.join(
        ["albsim", "report", *typed["scenario_files"], *(str(word) for option in options for word in option)]
    )
