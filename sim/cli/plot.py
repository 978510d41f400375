"""The command `albsim plot`: pictures of a sweep's results, or of a scenario's rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.options import Refused, changes_of, takes_changes, takes_workers
from sim.cli.outputs import OutFile
from sim.cli.rollouts import rollouts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from sim.scenario.specs import Scenario

_SCENARIO_SUFFIXES = {".yaml", ".yml"}


@click.command(short_help="Draw a sweep's results, or a scenario's lags and causes.")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--x", metavar="KEY", help="The horizontal axis; by default the one key that is varied.")
@click.option("--y", metavar="FIGURE", help="What is shown: a column of FILE; by default responses.502.")
@click.option("--hue", metavar="KEY", help="A line for each of its values.")
@click.option("--heatmap", nargs=2, metavar="KEY KEY", help="Two axes; FIGURE as colour.")
@click.option("--lag", "kind", flag_value="lag", help="The deregistration lag, and the preStop sleep.")
@click.option("--causes", "kind", flag_value="causes", help="Failed requests by cause.")
@click.option(
    "--race", "kind", flag_value="race", help="The lag beside the preStop sleep, and the 502s, a colour for each FILE."
)
@click.option("--where", "chosen", multiple=True, metavar="KEY=VALUE", help="Only the rows with this value.")
@takes_changes
@takes_workers
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutFile(),
    metavar="FILE.png|svg|pdf",
    help="Where the picture goes.",
)
def plot(
    files: tuple[Path, ...],
    kind: str | None,
    out: Path,
    workers: int | None,
    *,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Draw a sweep's results, FILE: lines with confidence bands, a heatmap, lags or causes; or several sweeps' races.

    FILE may be a scenario instead, *.yaml, which is simulated: --lag draws the lags of the pods of all replications,
    --causes the failed requests. --set, --seed and --replications change it.
    """
    from sim.report.pictures.canvas import image_format, save
    from sim.scenario.loading import load_scenario

    try:
        image_format(out)
    except ValueError as error:
        raise Refused(str(error)) from None
    changes, root = changes_of(options), options.pop("root")
    file, *others = files
    if kind is not None:
        chosen = {name: options[name] for name in ("y", "hue", "heatmap") if options[name]}
        _require_none(chosen, f"--{kind} has its own figures")
    if others and kind != "race":
        raise click.UsageError("one FILE for one picture, but for --race")
    if file.suffix.lower() not in _SCENARIO_SUFFIXES:
        _require_none(changes, "a scenario can be changed, not a sweep's results")
        picture = _of_sweeps(files, kind, **options)
    elif kind not in ("lag", "causes"):
        raise click.UsageError(
            "of a scenario there are --lag and --causes; the other pictures are of a sweep's results"
        )
    else:
        _require_none({key: value for key, value in options.items() if value}, "it is about what a sweep varies")
        picture = _of_scenario(load_scenario(file, changes, root=root), kind, workers, quiet=quiet)
    save(picture, out)


def _require_none(given: Mapping[str, object], why: str) -> None:
    if given:
        raise click.UsageError(f"{', '.join(given)}: {why}")


def _of_scenario(scenario: Scenario, kind: str, workers: int | None, *, quiet: bool) -> Figure:
    from sim.experiment.summary import summarise
    from sim.report.pictures.rollout_plots import distribution_of_lags, failures_by_cause

    figures = rollouts_of(scenario, None, workers, quiet=quiet)
    if kind == "lag":
        return distribution_of_lags(scenario, figures)
    return failures_by_cause(scenario, summarise(scenario, figures))


def _of_sweeps(
    files: Sequence[Path],
    kind: str | None,
    *,
    x: str | None,
    y: str | None,
    hue: str | None,
    heatmap: tuple[str, str] | None,
    chosen: tuple[str, ...],
) -> Figure:
    from sim.experiment.sweep_file import NotASweepError, read_sweep
    from sim.report.pictures.sweep_frame import PlotError, only

    try:
        frames = [only(read_sweep(file), dict(map(_pair, chosen))) for file in files]
        return _drawn(frames, x=x, y=y or "responses.502", hue=hue, heatmap=heatmap, kind=kind)
    except (NotASweepError, PlotError, ValueError) as error:
        raise Refused(str(error)) from None


def _drawn(
    frames: list[pd.DataFrame],
    *,
    x: str | None,
    y: str,
    hue: str | None,
    heatmap: tuple[str, str] | None,
    kind: str | None,
) -> Figure:
    from sim.report.pictures.lag_plot import plot_lag
    from sim.report.pictures.plots import plot_causes, plot_heatmap, plot_line
    from sim.report.pictures.race_plot import race
    from sim.report.pictures.sweep_frame import varied

    frame = frames[0]
    if heatmap is not None:
        return plot_heatmap(frame, x=heatmap[0], y=heatmap[1], colour=y)
    if x is None:
        keys = [key for key in varied(frame) if key != hue]
        if len(keys) != 1:
            raise click.UsageError(f"say with --x which key: {', '.join(keys)}")
        x = keys[0]
    if kind == "race":
        return race(frames, x=x)
    if kind is not None:
        return {"lag": plot_lag, "causes": plot_causes}[kind](frame, x=x)
    return plot_line(frame, x=x, y=y, hue=hue)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"--where {text}: expected KEY=VALUE")
    return key, value
