"""The command `albsim plot`: pictures of a sweep's results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.outputs import OutFile
from sim.cli.refused import Refused

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@click.command()
@click.argument(
    "results",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--x", metavar="KEY", help="The horizontal axis; by default the one key that is varied.")
@click.option("--y", default="rate_502", show_default=True, metavar="FIGURE", help="What is shown: a column of FILE.")
@click.option("--hue", metavar="KEY", help="A line for each of its values.")
@click.option("--heatmap", nargs=2, metavar="KEY KEY", help="Two axes; FIGURE as colour.")
@click.option("--lag", "kind", flag_value="lag", help="The deregistration lag, and the preStop sleep.")
@click.option("--causes", "kind", flag_value="causes", help="Failed requests, stacked by cause.")
@click.option(
    "--race", "kind", flag_value="race", help="The lag beside the preStop sleep, and the 502s, a colour for each FILE."
)
@click.option("--where", "chosen", multiple=True, metavar="KEY=VALUE", help="Only the rows with this value.")
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutFile(),
    metavar="FILE.png|svg|pdf",
    help="Where the picture goes.",
)
def plot(
    results: tuple[Path, ...],
    x: str | None,
    y: str,
    hue: str | None,
    heatmap: tuple[str, str] | None,
    kind: str | None,
    chosen: tuple[str, ...],
    out: Path,
) -> None:
    """Draw a sweep's results: lines with confidence bands, a heatmap, lags, causes, or several sweeps' races."""
    from sim.experiment.sweep_file import NotASweepError, read_sweep
    from sim.report.figures import image_format, save
    from sim.report.plots import PlotError, only

    try:
        image_format(out)
        frames = [only(read_sweep(file), dict(map(_pair, chosen))) for file in results]
        save(_drawn(frames, x=x, y=y, hue=hue, heatmap=heatmap, kind=kind), out)
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
    from sim.report import plots
    from sim.report.race_plot import race

    frame = frames[0]
    if len(frames) > 1 and kind != "race":
        raise click.UsageError("one FILE for one picture, but for --race")
    if heatmap is not None:
        return plots.heatmap(frame, x=heatmap[0], y=heatmap[1], colour=y)
    if x is None:
        keys = [key for key in plots.varied(frame) if key != hue]
        if len(keys) != 1:
            raise click.UsageError(f"say with --x which key: {', '.join(keys)}")
        x = keys[0]
    if kind == "race":
        return race(frames, x=x)
    if kind is not None:
        return {"lag": plots.lag, "causes": plots.causes}[kind](frame, x=x)
    return plots.line(frame, x=x, y=y, hue=hue)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"--where {text}: expected KEY=VALUE")
    return key, value
