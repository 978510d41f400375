"""Whatever stands in a manifest: scenarios, or problems in the author's words, and nothing else; and soon."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.manifests.importing import Asked, import_sources
from sim.manifests.shell import held_by
from sim.manifests.sources import Source, decoded, read_sources
from sim.manifests.writing import as_json, as_yaml, remarks
from sim.scenario.loading import load_scenarios
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent / "examples"
FILES = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.*")) if ".expected." not in path.name]
SOON_S = 10.0
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=8
)
SYNTAX = st.text("abc019.-+:=,[]{}&*!|>'\"%@`#?~<\\ \t\n\r\x00\x85\u2028é😀\ufeff", max_size=40)
WORDS = (
    *(
        "sleep",
        "10",
        "1m",
        "&&",
        ";",
        "||",
        "|",
        "&",
        "nginx -s quit",
        "kill -TERM 1",
        "echo",
        "'",
        '"',
        "$((1+2))",
        "$X",
    ),
    *("${X:-3}", "$(", ")", "for i in 1 2;", "do", "done", "\n", "#", "exec", "timeout 5", "\\", "`", "wait", ">x"),
)
SHELL = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@contextmanager
def refused_if_wrong() -> Iterator[None]:
    began_s = time.monotonic()
    refusal = "-"
    try:
        yield
    except ScenarioError as error:
        refusal = str(error)
    assert refusal
    assert all(len(line) < 2000 for line in refusal.splitlines())
    assert time.monotonic() - began_s < SOON_S


def read(content: bytes, directory: Path) -> None:
    with refused_if_wrong():
        found = import_sources([Source("x.yaml", decoded(content, "x.yaml"))], Asked())
        written = directory / "x.yaml"
        written.write_text(as_yaml(found), encoding="utf-8")
        assert load_scenarios(written) == [one.scenario for one in found.workloads]
        json.loads(as_json(found))
        assert all(line.isprintable() for line in remarks(found))


@settings(max_examples=200)
@given(content=st.binary(max_size=200) | SYNTAX.map(str.encode))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    read(content, tmp_path)


@settings(max_examples=200)
@given(data=st.data(), content=st.sampled_from(FILES))
def test_a_manifest_with_something_else_in_its_middle(tmp_path: Path, data: st.DataObject, content: bytes) -> None:
    at = data.draw(st.integers(0, len(content)))
    until = at + data.draw(st.integers(0, 30))
    read(content[:at] + data.draw(st.binary(max_size=20) | SYNTAX.map(str.encode)) + content[until:], tmp_path)


@settings(max_examples=100)
@given(data=st.data(), content=st.sampled_from(FILES))
def test_a_manifest_with_another_value_somewhere(tmp_path: Path, data: st.DataObject, content: bytes) -> None:
    try:
        documents = list(yaml.load_all(content.replace(b"\t", b" "), Loader=FAST))
    except yaml.YAMLError:
        return
    for _ in range(data.draw(st.integers(1, 3))):
        replace_one(documents, data)
    read(yaml.dump_all(documents, Dumper=DUMPER, encoding="utf-8"), tmp_path)


def replace_one(value: Any, data: st.DataObject) -> None:
    """Walk down at random and put another value where the walk ends."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(value[key], dict | list) or not value[key] or data.draw(st.integers(0, 9)) == 0:
            value[key] = data.draw(VALUES)
            return
        value = value[key]


@settings(max_examples=500)
@given(script=SHELL, form=st.sampled_from([["sh", "-c"], ["bash", "-ec"], []]))
def test_any_script(script: str, form: list[str]) -> None:
    held = held_by([*form, script], {"X": "7"})
    assert held.seconds >= 0


def test_aliases_that_grow_without_end(tmp_path: Path) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ScenarioError, match="aliases written out"):
        import_sources([Source("x.yaml", "\n".join(lines))], Asked())
    read("\n".join(lines).encode(), tmp_path)


def test_nesting_without_end() -> None:
    for text in ("[" * 100_000, "- " * 5_000 + "x", "{a: " * 5_000):
        with pytest.raises(ScenarioError, match="nested more than"):
            import_sources([Source("x.yaml", text)], Asked())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no object"),
        (b"kind: List\napiVersion: v1\nitems: []\n", "no object"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "is binary"),
        (b"a: \xff\xfe", "x.yaml:1: .*not UTF-8"),
        (b"services:\n  web:\n    image: nginx\n", "x.yaml:1: .*a mapping without 'kind'"),
        (b"kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: x}\n", "1 Application"),
        (b"metadata:\n  name: {{ .Values.name }}\n", "x.yaml:2: .*Helm template"),
        (b"apiVersion: apps/v1\nkind: Deployment\nspec: {}\n", "x.yaml:1: Deployment metadata.name"),
        (b"kind: A\nkind: B\n", "x.yaml:2: .*twice; first on line 1"),
        (b"- 1\n- 2\n", "x.yaml:1: .*a Kubernetes object"),
    ],
)
def test_what_is_no_manifest_is_called_so(content: bytes, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        import_sources([Source("x.yaml", decoded(content, "x.yaml"))], Asked())


def test_50_megabytes_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "dump.yaml"
    path.write_bytes(b"kind: List\nitems:\n" + b"- {kind: ConfigMap}\n" * 2_500_000)
    with refused_if_wrong(), pytest.raises(ScenarioError, match="larger than 40 MB"):
        read_sources([str(path)])


def test_20_000_objects_take_seconds() -> None:
    began_s = time.process_time()
    text = "---\n".join(
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, namespace: n{n % 50}, labels: {{app: a{n}}}}}\n"
        f"spec:\n  selector:\n    app: a{n}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n"
        for n in range(19_000)
    )
    text += "".join(
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{n}, namespace: n{n % 50}}}\nspec:\n"
        f"  replicas: 3\n  template:\n    metadata: {{labels: {{app: a{n}}}}}\n    spec:\n      containers:\n"
        f"      - {{name: web, image: nginx:1.27, ports: [{{containerPort: 8080}}]}}\n"
        f"---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        f"metadata: {{name: i{n}, namespace: n{n % 50}, annotations: {{kubernetes.io/ingress.class: alb}}}}\n"
        f"spec: {{defaultBackend: {{service: {{name: s{n}, port: {{number: 80}}}}}}}}\n"
        for n in range(500)
    )
    found = import_sources([Source("dump.yaml", text)], Asked())
    assert len(found.workloads) == 500
    assert time.process_time() - began_s < SOON_S


def test_encodings_of_windows(tmp_path: Path) -> None:
    text = (EXAMPLES / "kustomize-haproxy-first.yaml").read_text()
    for encoding in ("utf-16", "utf-8-sig"):
        path = tmp_path / f"{encoding}.yaml"
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        (found,) = import_sources(read_sources([str(path)]), Asked()).workloads
        assert found.scenario.deployment.replicas == 12


def test_directories(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "app.yaml").write_text((EXAMPLES / "kustomize-haproxy-first.yaml").read_text())
    (tmp_path / "notes.txt").write_text("{{")
    with pytest.raises(ScenarioError, match="-R"):
        read_sources([str(tmp_path)])
    (source,) = read_sources([str(tmp_path)], recursive=True)
    assert source.name == str(tmp_path / "below" / "app.yaml")
    (tmp_path / "kustomization.yaml").write_text("resources: [below]\n")
    with pytest.raises(ScenarioError, match="kustomize build"):
        read_sources([str(tmp_path)])
