"""Whatever stands in a file or on the command line: problems in the author's words, and nothing else; and soon."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.advice import advise
from sim.scenario.loading import load_scenarios
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.scenario.variations import parse_assignment, parse_variation

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SOON_S = 10.0
"""Nobody's machine is that slow: what takes longer hangs."""
FILES = [path.read_bytes() for path in sorted(Path("scenarios").glob("*.yaml"))]
MINIMAL = {"name": "x", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 2}}
KEYS = sorted({"extends", "sweep", "dist", "csv", "max", "values", *yaml.safe_load(FILES[0])})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["25%", "1e309", ".nan", "2019-10-01", "010", "v1.1.4", "uniform", "lags.csv", "no such.yaml", "\0", "~"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=4),
    max_leaves=12,
)
SYNTAX = st.text("abcx019.-+eE:=,[]{}&*!|>'\"%@`#?~<\\ \t\n\r\x00\x85\u2028é😀\ufeff", max_size=40)


@contextmanager
def refused_if_wrong() -> Iterator[None]:
    """Let pass what is right, and what is refused with problems that can be read; fail on all else."""
    began_s = time.monotonic()
    refusal = "-"
    try:
        yield
    except ScenarioError as error:
        refusal = str(error)
    assert refusal
    assert all(len(line) < 2000 for line in refusal.splitlines())
    assert time.monotonic() - began_s < SOON_S


def load(content: bytes, directory: Path) -> None:
    path = directory / "x.yaml"
    path.write_bytes(content)
    with refused_if_wrong():
        for scenario in load_scenarios(path):
            advise(scenario)
            assert scenario.with_overrides({}) == scenario


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz")
    (path / "lags.csv").write_text("1\n2\n")
    (path / "base.yaml").write_text(yaml.safe_dump(MINIMAL))
    return path


@settings(max_examples=200)
@given(content=st.binary(max_size=200) | SYNTAX.map(str.encode))
def test_any_bytes(directory: Path, content: bytes) -> None:
    load(content, directory)


@settings(max_examples=200)
@given(data=st.data(), content=st.sampled_from(FILES))
def test_a_scenario_with_something_else_in_its_middle(directory: Path, data: st.DataObject, content: bytes) -> None:
    at = data.draw(st.integers(0, len(content)))
    until = at + data.draw(st.integers(0, 30))
    load(content[:at] + data.draw(st.binary(max_size=20) | SYNTAX.map(str.encode)) + content[until:], directory)


@settings(max_examples=80)
@given(raw=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_values_at_known_keys(directory: Path, raw: dict[str, Any]) -> None:
    load(yaml.safe_dump(MINIMAL | raw).encode(), directory)


@settings(max_examples=200)
@given(
    content=st.binary(max_size=100)
    | st.lists(st.floats().map(repr) | SYNTAX, max_size=8).map("\n".join).map(str.encode)
)
def test_any_bytes_as_measured_lags(directory: Path, content: bytes) -> None:
    (directory / "measured.csv").write_bytes(content)
    law = {"dist": "empirical", "csv": "measured.csv"}
    load(yaml.safe_dump(MINIMAL | {"endpoints": {"propagation_s": law}}).encode(), directory)


ASSIGNMENTS = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}={}".format,
        st.lists(st.sampled_from([*KEYS, "0", "other_clusters", "startup_s", ""]), min_size=1, max_size=4).map(
            ".".join
        ),
        SYNTAX | VALUES.map(lambda value: yaml.safe_dump(value, default_flow_style=True)),
    ),
)


@settings(max_examples=80)
@given(text=ASSIGNMENTS)
def test_any_assignment(text: str) -> None:
    scenario = Scenario.model_validate(MINIMAL)
    with refused_if_wrong():
        key, value = parse_assignment(text)
        advise(scenario.with_overrides({key: value}))


@settings(max_examples=200)
@given(text=ASSIGNMENTS | st.from_regex(r"seed=[-+0-9.eE]{0,12}:[-+0-9.eE]{0,12}:[-+0-9.eE]{0,12}", fullmatch=True))
def test_any_variation(text: str) -> None:
    with refused_if_wrong():
        key, values = parse_variation(text)
        assert isinstance(key, str)
        assert isinstance(values, list)
