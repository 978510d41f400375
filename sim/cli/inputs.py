"""Manifests where a command takes a scenario: they are imported as `albsim import` does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.scenario.standard_input import STDIN, standard_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sim.manifests.draft import Warned
    from sim.manifests.importing import Imported
    from sim.scenario.specs import Scenario

_IMPORTS = "albsim.imports"
_BEGINNING = 200_000
_MANIFEST = re.compile(
    r"""^(?:-[ ])?["']?(?:apiVersion|kind|clusterName)["']?[ ]*:"""
    r"""|["'](?:apiVersion|kind|TargetGroups|Attributes|LoadBalancers|Listeners)["']\s*:""",
    re.MULTILINE,
)
IMPORT_OPTIONS = ("rps", "select", "server", "on_sigterm", "controller_version")


def takes_import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with options for what is in no manifest, and for which workload it is about."""
    for option in (
        click.option("--controller-version", default="", metavar="V", help="If no controller is in the manifests."),
        click.option(
            "--on-sigterm",
            type=click.Choice(("", "exit", "drain", "ignore")),
            default="",
            metavar="exit|drain|ignore",
            help="What the server of manifests does with its stop signal.",
        ),
        click.option("--server", default="", metavar="NAME", help="What the pods of manifests run: nginx, node, …"),
        click.option("--select", default="", metavar="[KIND/][NS/]NAME", help="One workload of the manifests."),
        click.option(
            "--rps", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Requests per second, of manifests."
        ),
    ):
        command = option(command)
    return command


def imported(
    files: Sequence[str], changes: Mapping[str, object], options: dict[str, Any]
) -> tuple[list[Scenario], list[str]]:
    """Return the scenarios of the manifests among `files`, and the other files. The options are taken out of `options`.

    Warnings of the scenarios are kept for `warnings_of`. Raises ScenarioError if manifests are wrong.
    """
    asked = {name: options.pop(name) for name in IMPORT_OPTIONS}
    manifests = [file for file in files if _is_manifest(file)]
    others = [file for file in files if file not in manifests]
    if not manifests:
        given = [f"--{name.replace('_', '-')}" for name, value in asked.items() if value]
        if given:
            raise click.UsageError(
                f"{', '.join(given)}: for manifests, and {', '.join(files)} is a scenario; see --set"
            )
        return [], others
    from sim.manifests.importing import Asked, import_sources
    from sim.manifests.servers import known_server
    from sim.manifests.sources import read_sources

    known_server(asked["server"])
    kinds = frozenset(kind.strip() for kind in (options.get("kinds") or "").split(","))
    found = import_sources(read_sources(manifests), Asked(changes=changes, disruptions=kinds, **asked))
    for one in found.workloads:
        _kept()[one.scenario.name] = one, found.warnings
        if not options.get("quiet", True):
            click.echo(_said(one), err=True)
    return [one.scenario for one in found.workloads], others


def warnings_of(scenario: Scenario) -> list[Warned]:
    """Return the warnings of a scenario's import, none if it was not imported."""
    one, of_all = _kept().get(scenario.name, (None, []))
    return [*one.draft.warnings, *of_all] if one else []


def import_of(scenario: Scenario) -> Imported | None:
    """Return what is known of a scenario that was imported."""
    return _kept().get(scenario.name, (None, []))[0]


def _kept() -> dict[str, tuple[Imported | None, list[Warned]]]:
    """Return the imports of this command, by the names of their scenarios."""
    kept: dict[str, tuple[Imported | None, list[Warned]]] = click.get_current_context().meta.setdefault(_IMPORTS, {})
    return kept


def _is_manifest(file: str) -> bool:
    if file == STDIN:
        content = standard_input()[:_BEGINNING]
    elif Path(file).is_dir():
        return True
    else:
        try:
            with Path(file).open("rb") as opened:
                content = opened.read(_BEGINNING)
        except (OSError, ValueError):
            return False
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return _MANIFEST.search(content.decode(encoding, errors="replace")) is not None


def _said(one: Imported) -> str:
    """Return in one line what the manifests did not tell of an imported scenario."""
    from sim.manifests.objects import printable

    uncertain = [
        f"{key} {one.draft.values[key]} ({origin.grade})"
        for key, origin in one.draft.origins.items()
        if origin.grade != "read"
    ]
    return printable(f"{one.ref}: imported; {', '.join(uncertain) or 'all of it read'}; see `albsim import`")
