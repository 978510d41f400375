"""The command `albsim results`: what all scenarios of a directory give, as a page beside them."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import Refused, takes_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.report.results import Result
    from sim.scenario.specs import Scenario

_MOST_LINES = 40


@click.command(short_help="Write what all scenarios of a directory give.")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail when what stands there is out of date.")
@click.option("--replications", type=click.IntRange(min=1), default=30, show_default=True, help="Of each scenario.")
@takes_workers
def results(directory: Path, workers: int | None, replications: int, *, only_check: bool, quiet: bool) -> None:
    """Write what all scenarios of a directory give: results.md there, and pictures with their data in figures/.

    Only numbers at their printed precision count for --check; a picture is compared by the data it is drawn from.
    """
    from sim.experiment.whole_file import whole_file
    from sim.report.results import page, pictures

    scenarios = [scenario.with_overrides({"replications": replications}) for scenario in _scenarios(directory)]
    texts = page(_results(scenarios, workers, quiet=quiet))
    if only_check:
        _check(texts, directory)
        return
    files = {name: text.encode() for name, text in texts.items()} | pictures(texts)
    for name, content in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        with whole_file(directory / name) as unfinished:
            unfinished.write_bytes(content)


def _scenarios(directory: Path) -> list[Scenario]:
    from sim.scenario.loading import load_scenarios

    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise Refused(f"{directory}: expected a directory with scenarios, *.yaml (got one without)")
    return [scenario for file in files for scenario in load_scenarios(file)]


def _results(scenarios: list[Scenario], workers: int | None, *, quiet: bool) -> list[Result]:
    from sim.cli.progress import progress_of
    from sim.experiment.replications import executor_of
    from sim.report.results import result_of

    with progress_of(len(scenarios), quiet=quiet) as progress, executor_of(workers) as executor:
        progress.describe("scenarios")
        return [progress.step(result_of(scenario, executor)) for scenario in scenarios]


def _check(texts: Mapping[str, str], directory: Path) -> None:
    """Raise Refused, with the lines that differ, unless the directory holds these texts and a picture of each CSV."""
    pictures = [directory / Path(name).with_suffix(".svg") for name in texts if name.endswith(".csv")]
    missing = [f"{picture} is missing" for picture in pictures if not picture.exists()]
    lines = [*missing, *(line for name, text in texts.items() for line in _differences(directory / name, text))]
    if lines:
        more = [f"… and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
        said = "\n".join([*lines[:_MOST_LINES], *more])
        raise Refused(f"{directory}: the results are out of date; `albsim results {directory}` rewrites them\n{said}")


def _differences(path: Path, text: str) -> Iterator[str]:
    stands = path.read_text(encoding="utf-8") if path.exists() else ""
    return unified_diff(
        stands.splitlines(), text.splitlines(), f"{path}, as it stands", "from the code", lineterm="", n=0
    )
