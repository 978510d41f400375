"""Change valid manifests, field by field, for as long as you like: an import comes to a scenario or to a refusal.

    python tests/fuzzing/manifests.py SECONDS [SEED]

Each input is one of `tests/manifests/examples` with some fields changed, removed, or taken from another of these files.
Inputs are written as YAML (with aliases), as JSON or as a `List`, in several encodings, and sometimes cut. `import`,
`check` and now and then `recommend --patch` read it, each in a process of its own, which inherits the imported program.
A find is a traceback, an exit status other than 0 and 2, a refusal that nobody can read, or a scenario that `import`
writes and `check` refuses. A find is printed with the seed that repeats it: `python tests/fuzzing/manifests.py 0 SEED`.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from scenarios import REFUSED, albsim_warm, started, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[1] / "manifests" / "examples"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
FEW_REPLICAS = 30
VALUES: tuple[Any, ...] = (
    *(None, True, False, "", " ", [], {}, [None], [[]], {"": None}, {"a": {"b": ["c"]}}),
    *(0, -1, 1, 2, 7, 100, 10**6, 2**31, 2**63, 10**30, -(10**30), 1.5, -0.0, 1e308, float("inf"), float("nan")),
    *("0", "1", "-1", "50%", "0%", "100%", "150%", "1e3%", "٣%", "%", "010", "0x1F", "1_000", "1e400", "9" * 400),
    *("15s", "1h30m", "-5m", "P1D", "infinity", "2024-01-01", "null", "yes", "~", "{{ .Values.x }}", "${X}", "$(X)"),
    *("a" * 5000, "é😀\u202e", "\x1b[31mred", "line\nline\r\n", "\ttab", "'", '"', "a=b,c=d", "=", ",", "a=", "\\,"),
    *("HTTP", "ip", "instance", "alb", "nginx", "node", "SIGQUIT", "UDP", "RollingUpdate", "Recreate", "OnDelete"),
    *('[{"HTTP":80},{"HTTPS":443}]', '[{"HTTP":"80"}]', '[{"http":99999999999}]', "[[[[", '{"Type":"forward"}'),
    *("deregistration_delay.timeout_seconds=5", "deregistration_delay.timeout_seconds=-1", "idle_timeout.x=y"),
    *("v2.13.3", "v99.0.0", "v2", "latest", "sha256:0", "--sync-period=1h", "--aws-max-retries", "--x=\x00"),
)
SCRIPTS = ("sleep 5; nginx -s quit", "sleep $((1/0))", "sleep ${X:-1m}", "for i in 1 2; do sleep 1; done", "'", "exec")
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037")
OPTIONS = (
    [],
    ["--rps", "50"],
    ["--server", "nginx"],
    ["--on-sigterm", "drain"],
    ["--controller-version", "v2.4.0"],
    ["--set", "disruption=node_drain"],
    ["--set", "target_group.connection_reuse=true"],
    ["-n", "shop"],
    ["--select", "web"],
)


def valid_documents() -> list[list[Any]]:
    """Return the documents of each example that is YAML."""
    found = []
    for path in sorted(EXAMPLES.iterdir()):
        if ".expected." in path.name or path.suffix not in {".yaml", ".json"}:
            continue
        try:
            found.append(list(yaml.load_all(path.read_text().replace("\t", " "), Loader=LOADER)))
        except yaml.YAMLError:
            continue
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a document with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def change(rng: random.Random, documents: list[Any], others: list[Any]) -> None:
    """Change one place of the documents."""
    every = list(places(documents))
    if not every:
        return
    holder, key = rng.choice(every)
    if rng.random() < 0.1:
        del holder[key]
    elif rng.random() < 0.1 and isinstance(holder, dict):
        holder[rng.choice(VALUES[24:])] = holder.pop(key)
    else:
        holder[key] = another(rng, holder[key], key, every, others)


def another(rng: random.Random, value: Any, key: Any, every: list[tuple[Any, Any]], others: list[Any]) -> Any:
    """Return a value to put in the place of this one."""
    kind = rng.randrange(6)
    if kind == 0:
        same = [holder[name] for holder, name in places(others) if name == key]
        return copy.deepcopy(rng.choice(same or VALUES))
    if kind == 1:
        holder, name = rng.choice(every)
        return holder[name] if rng.random() < 0.5 else copy.deepcopy(holder[name])
    if kind == 2:
        return rng.choice(([value, value], {"x": value}, [value], str(value)[: rng.randrange(200)]))
    if kind == 3 and isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return value[:at] + str(rng.choice((*VALUES, *SCRIPTS))) + value[at:]
    return rng.choice((*VALUES, *SCRIPTS))


def has_circle(value: Any, above: tuple[int, ...] = ()) -> bool:
    """Return whether a value holds itself, which no file of ours is to say by accident."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(id(one) in above or has_circle(one, (*above, id(one))) for one in inner)


def written(rng: random.Random, documents: list[Any]) -> bytes:
    """Return the documents as a file's bytes."""
    form = rng.randrange(6)
    if form == 0:
        documents = [{"apiVersion": "v1", "kind": "List", "items": documents}]
    if form in {0, 1}:
        text = json.dumps(documents[0] if len(documents) == 1 else {"kind": "List", "items": documents}, indent="\t")
    else:
        text = yaml.dump_all(documents, Dumper=DUMPER, allow_unicode=form == 2, default_flow_style=form == 3)
    content = text.replace("\n", "\r\n" if form == 4 else "\n").encode(
        "utf-8" if rng.random() < 0.9 else rng.choice(ENCODINGS), errors="replace"
    )
    if rng.random() < 0.05:
        at = rng.randrange(len(content) + 1)
        content = content[:at] + rng.randbytes(rng.randrange(4)) + content[at + rng.randrange(9) :]
    return content[: rng.randrange(len(content) + 1)] if rng.random() < 0.03 else content


def drawn(rng: random.Random, valid: list[list[Any]]) -> bytes:
    """Return an input: an example with changes, sometimes together with another."""
    documents = copy.deepcopy(rng.choice(valid))
    others = rng.choice(valid)
    if rng.random() < 0.2:
        documents += copy.deepcopy(others)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        before = copy.deepcopy(documents)
        change(rng, documents, others)
        if has_circle(documents):
            documents = before
    return written(rng, documents)


def finds(rng: random.Random, directory: Path, met: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with the answers to `input.yaml`."""
    asked, name, imported = rng.choice(OPTIONS), "input.yaml", directory / "imported.yaml"
    for command in (
        ["import", name, *asked, "-o", imported.name],
        ["import", name, "--format", "json"],
        ["check", name],
    ):
        yield from said_wrong(command, directory, met)
    if imported.exists():
        status, _, stderr = started(["check", imported.name], directory)
        if status == REFUSED:
            yield f"what import {asked} writes is refused: {stderr[:3000]}"
        replicas = [one["deployment"]["replicas"] for one in yaml.safe_load_all(imported.read_text(encoding="utf-8"))]
        if max(replicas) <= FEW_REPLICAS and rng.random() < 0.1:
            few = ["--set", "aws_api.warm_up_s=1", "--at-most", "20", "--patch", "--quiet"]
            yield from said_wrong(["recommend", name, *asked, *few], directory, met)


def said_wrong(command: list[str], directory: Path, met: Counter[str]) -> Iterator[str]:
    """Run a command, and yield what is wrong with its answer."""
    status, stdout, stderr = started(command, directory)
    met[f"{command[0]} {status}"] += 1
    found = wrong(command, status, stdout, stderr)
    if found is None and not all(line.isprintable() for line in stderr.splitlines()):
        found = f"a message that a terminal obeys: {stderr!r}"
    if found is not None:
        yield f"{command}: {found}"
    elif status == 0 and command[0] == "recommend":
        yaml.safe_load(stdout)


def main() -> None:
    until_s, seed = time.monotonic() + float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    met: Counter[str] = Counter()
    valid = valid_documents()
    albsim_warm()
    import sim.capacity.advice
    import sim.cli.check
    import sim.cli.import_
    import sim.cli.recommend
    import sim.experiment.recommend
    import sim.manifests.importing
    import sim.manifests.patch
    import sim.manifests.sources
    import sim.manifests.writing
    import sim.report.recommendation_words  # noqa: F401

    while True:
        rng = random.Random(seed)  # noqa: S311 - no secret
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "input.yaml").write_bytes(drawn(rng, valid))
            for found in finds(rng, directory, met):
                met["finds"] += 1
                kept = Path(tempfile.gettempdir()) / f"albsim-manifests-{seed}.yaml"
                kept.write_bytes((directory / "input.yaml").read_bytes())
                click.echo(f"seed {seed}, {kept}: {found}")
        seed += 1
        if time.monotonic() > until_s:
            break
        if seed % 100 == 0:
            click.echo(f"{seed}: {dict(met)}")
    click.echo(f"until seed {seed}: {dict(met)}")
    sys.exit(met["finds"] > 0)


if __name__ == "__main__":
    main()
