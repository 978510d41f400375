"""The command `albsim calibrate`: a scenario's numbers from a user's own records."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.options import Refused
from sim.cli.outputs import OutFile


@click.command(short_help="Measure a scenario's numbers in your records.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "out", type=OutFile(), metavar="FILE", help="Write the scenario fragment there, not to stdout.")
@click.option(
    "--format", "form", type=click.Choice(("yaml", "json")), default="yaml", show_default=True, help="How to write it."
)
@click.option("--picture", type=OutFile(), metavar="FILE", help="Draw the propagation's law: png, svg or pdf.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def calibrate(paths: tuple[Path, ...], out: Path | None, form: str, picture: Path | None, *, quiet: bool) -> None:
    """Measure a scenario's numbers in access logs, CloudTrail, controller logs and Kubernetes' records.

    What comes out is a fragment that a scenario can extend: each value with its 95 % interval and its source, and what
    could not be measured.
    """
    from sim.calibration.calibrate import PROPAGATION
    from sim.calibration.calibrate import calibrate as calibrated
    from sim.cli.progress import progress_of
    from sim.experiment.whole_file import whole_file
    from sim.records.reading import NoRecordsError, read
    from sim.report.measured import render
    from sim.report.pictures.canvas import image_format, save
    from sim.report.pictures.measured_law import measured_law

    if picture is not None:
        try:
            image_format(picture)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    with progress_of(quiet=quiet) as progress:
        progress.describe("reading")
        try:
            records = read(paths, on_progress=progress.reach)
        except NoRecordsError as error:
            raise Refused(str(error)) from None
    found = calibrated(records)
    if not found.measured:
        reasons = "; ".join(f"{key}: {why}" for key, why in found.not_measured.items())
        raise Refused(f"nothing could be measured: {reasons}")
    if picture is not None and found.propagation is not None:
        save(measured_law(found.propagation), picture)
    elif picture is not None:
        click.echo(
            f"{picture}: not drawn, as the propagation is not measured: {found.not_measured[PROPAGATION]}", err=True
        )
    text = render(found, form, name=out.name if out else "measured.yaml")
    if out is None:
        click.echo(text)
        return
    with whole_file(out) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
    missing = f", {len(found.not_measured)} not" if found.not_measured else ""
    click.echo(f"{out}: {len(found.measured)} values measured{missing}", err=True)
