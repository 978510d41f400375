"""From files, directories and standard input to the texts that they hold.

Modelled:
- What kubectl takes: several paths, `-`, and the `.yaml`, `.yml` and `.json` files of a directory.
- Files in deeper directories, on demand.
- UTF-8 with or without a byte order mark, and UTF-16, which PowerShell writes.

Left out:
- addresses;
- Helm templates and kustomizations, which are named together with what renders them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.standard_input import MOST_BYTES, STDIN, standard_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUFFIXES = {".yaml", ".yml", ".json"}
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Source(NamedTuple):
    """A text, and the name under which its user knows it."""

    name: str
    text: str


def read_sources(paths: Sequence[str], *, recursive: bool = False) -> list[Source]:
    """Read everything. Raises ScenarioError with every path that cannot be read."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in paths:
        for file in _files(path, recursive=recursive):
            try:
                sources.append(Source(file, decoded(_content(file), file)))
            except ScenarioError as error:
                problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return sources


def _files(path: str, *, recursive: bool) -> Iterator[str]:
    directory = Path(path)
    if path == STDIN or not directory.is_dir():
        yield path
        return
    for name in _KUSTOMIZATIONS:
        if (directory / name).is_file():
            hint = f"kustomize build {path} | albsim import -"
            raise _unreadable(path, "is a kustomization, which is to be rendered first", hint=hint)
    if (directory / "Chart.yaml").is_file():
        hint = f"helm template {path} | albsim import -"
        raise _unreadable(path, "is a Helm chart, which is to be rendered first", hint=hint)
    found = sorted(directory.rglob("*") if recursive else directory.iterdir())
    files = [str(file) for file in found if file.suffix.lower() in _SUFFIXES and file.is_file()]
    if not files:
        raise _unreadable(
            path, "has no .yaml, .yml or .json file", hint="" if recursive else "`albsim import -R` looks below it too"
        )
    yield from files


def _content(file: str) -> bytes:
    try:
        if file == STDIN:
            return standard_input()
        with Path(file).open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(file, f"cannot be read: {reason}") from None


def decoded(content: bytes, file: str) -> str:
    """Return the text of a file's bytes. Raises ScenarioError if they are no text, or too many."""
    if len(content) > MOST_BYTES:
        hint = "give fewer kinds: kubectl get deploy,svc,ingress,…"
        raise _unreadable(file, f"is larger than {MOST_BYTES // 10**6} MB", hint=hint)
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(file, f"is not UTF-8 (byte 0x{content[error.start]:02x})", line) from None
    if "\0" in text:
        raise _unreadable(file, "is binary")
    template = re.search(
        r"^[^#\n]*\{\{-?\s*(\.|include|if|range|with|template|toYaml|end|define|\$)", text, re.MULTILINE
    )
    if template:
        line = text.count("\n", 0, template.start()) + 1
        raise _unreadable(
            file, "is a Helm template, which is no YAML", line, hint="helm template CHART | albsim import -"
        )
    return text


def _unreadable(file: str, why: str, line: int | None = None, hint: str = "") -> ScenarioError:
    kind = "directory" if Path(file).is_dir() else "file"
    return ScenarioError(
        [Problem(file=file, line=line, expected="manifests in YAML or JSON", found=f"a {kind} that {why}", hint=hint)]
    )
