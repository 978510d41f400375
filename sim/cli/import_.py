"""The command `albsim import`: from manifests to a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim.cli.outputs import OutFile

if TYPE_CHECKING:
    from pathlib import Path


@click.command("import", short_help="Make a scenario of Kubernetes manifests.")
@click.argument("paths", metavar="FILE|DIR|-...", nargs=-1, required=True)
@click.option("-R", "--recursive", is_flag=True, help="Take the files of directories below, too.")
@click.option(
    "-n", "--namespace", default="default", show_default=True, metavar="NS", help="Of objects that name none."
)
@click.option("--select", default="", metavar="[KIND/][NS/]NAME", help="One workload of several.")
@click.option("--rps", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Requests per second.")
@click.option("--server", default="", metavar="NAME", help="What the pods run: nginx, gunicorn, node, …")
@click.option(
    "--on-sigterm", type=click.Choice(("exit", "drain", "ignore")), help="What the server does with its stop signal."
)
@click.option("--controller-version", default="", metavar="V", help="If no controller is in the input: v2.13.4, …")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of a scenario.")
@click.option("-o", "--out", type=OutFile(), metavar="FILE.yaml", help="Where the scenario goes, instead of stdout.")
@click.option("--format", "form", type=click.Choice(("yaml", "json")), default="yaml", show_default=True, help="How.")
def import_(
    paths: tuple[str, ...],
    namespace: str,
    select: str,
    rps: float | None,
    server: str,
    on_sigterm: str | None,
    controller_version: str,
    assignments: tuple[str, ...],
    out: Path | None,
    form: str,
    *,
    recursive: bool,
) -> None:
    """Make a scenario of Kubernetes manifests: Deployment, Service, Ingress, and what else is given.

    What was guessed, assumed or not read goes to stderr. `-` is standard input:
    kubectl get deploy,svc,ingress -o yaml | albsim import - --rps 300
    """
    from sim.experiment.whole_file import whole_file
    from sim.manifests.importing import Asked, import_sources
    from sim.manifests.servers import known_server
    from sim.manifests.sources import read_sources
    from sim.manifests.writing import as_json, as_yaml, remarks
    from sim.scenario.variations import parse_assignment

    known_server(server)
    changes = dict(parse_assignment(text) for text in assignments)
    asked = Asked(namespace, select, rps, server, on_sigterm or "", controller_version, changes)
    found = import_sources(read_sources(paths, recursive=recursive), asked)
    written = as_yaml(found) if form == "yaml" else as_json(found) + "\n"
    for line in remarks(found):
        click.echo(line, err=True)
    if out is None:
        click.echo(written, nl=False)
    else:
        with whole_file(out) as unfinished:
            unfinished.write_text(written, encoding="utf-8")
