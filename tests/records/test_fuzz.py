"""Whatever stands in a file: it is read, or refused in words, and soon."""

from __future__ import annotations

import gzip
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from albsim_tests.records import call, line, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.records.observation import observe
from sim.records.reading import NoRecordsError, read
from sim.report.observed import render

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

EXAMPLES = 15
"""Few: each is read and observed, which takes pandas a while; `tests/fuzzing/files.py observe` goes on for longer."""
SOON_S = 10.0
"""Of a processor: what takes longer hangs."""
DATA = Path(__file__).parent / "data"
FILES = [gzip.decompress(path.read_bytes()) for path in sorted(DATA.glob("*.gz"))]
FILES += [path.read_bytes() for path in sorted(DATA.glob("*.log"))]
ACCESS_LOG = "".join(f"{one}\n" for one in (line(0), refused(1), line(2, n_fields=24), line(3, n_fields=36))).encode()
SYNTAX = st.text("abc019.-+:TZ{}[]\"'\\/ ,\t\n\r\x00\x85\u2028é\ufeff", max_size=40).map(str.encode)
KEYS = """
    Records Events items kind metadata name namespace status podIP verb objectRef resource subresource auditID
    apiVersion requestReceivedTimestamp responseStatus code responseObject eventTime eventSource eventName errorCode
    userIdentity type sessionContext sessionIssuer arn invokedBy userAgent requestParameters targetGroupArn targets
    id port eventID CloudTrailEvent msg level ts Id Port log time involvedObject reason message containerStatuses
    state terminated finishedAt conditions deletionTimestamp deletionGracePeriodSeconds creationTimestamp
""".split()  # noqa: SIM905 - a list of words would fill a page
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "2026-08-17T10:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "deRegistering targets",
            "deRegistered targets",
            "DeregisterTargets",
            "RegisterTargets",
            "Pod",
            "Event",
            "PodList",
            "pods",
            "delete",
            "audit.k8s.io/v1",
            "AssumedRole",
            "10.0.1.72",
            "Killing",
            "{}",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


def observed(path: Path) -> Iterator[str]:
    """Yield what is said of a file, in each format."""
    for form in ("table", "json", "csv"):
        yield render(observe(read([path])), form)


def said_of(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    began_s = time.process_time()
    with suppress(NoRecordsError):
        assert all(observed(path))
    assert time.process_time() - began_s < SOON_S


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file"


@settings(max_examples=EXAMPLES)
@given(content=st.binary(max_size=200) | SYNTAX)
def test_any_bytes(path: Path, content: bytes) -> None:
    said_of(content, path)
    said_of(gzip.compress(content), path)
    said_of(ACCESS_LOG + content + ACCESS_LOG, path)


@settings(max_examples=EXAMPLES)
@given(data=st.data(), content=st.sampled_from([*FILES, ACCESS_LOG]))
def test_a_record_with_something_else_in_its_middle(path: Path, data: st.DataObject, content: bytes) -> None:
    at = data.draw(st.integers(0, len(content)))
    until = at + data.draw(st.integers(0, 30))
    said_of(content[:at] + data.draw(st.binary(max_size=20) | SYNTAX) + content[until:], path)


@settings(max_examples=EXAMPLES)
@given(data=st.data(), content=st.sampled_from(FILES))
def test_a_compressed_record_that_is_damaged(path: Path, data: st.DataObject, content: bytes) -> None:
    whole = gzip.compress(content)
    at = data.draw(st.integers(0, len(whole)))
    said_of(whole[:at], path)
    said_of(whole[:at] + data.draw(st.binary(min_size=1, max_size=4)) + whole[at + 1 :], path)


@settings(max_examples=EXAMPLES)
@given(values=st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), max_size=4))
def test_any_values_at_known_keys(path: Path, values: list[dict[str, Any]]) -> None:
    said_of("\n".join(map(json.dumps, values)).encode(), path)
    said_of(json.dumps({"Records": values}, indent=1).encode(), path)
    said_of(json.dumps({"kind": "List", "items": [{"kind": "Pod"} | value for value in values]}).encode(), path)


@settings(max_examples=EXAMPLES)
@given(fields=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_call(path: Path, fields: dict[str, Any]) -> None:
    record = call(0, "DeregisterTargets", ("10.0.1.72:8080",))
    said_of(json.dumps({"Records": [record | fields, record]}).encode(), path)
    said_of(json.dumps({"Events": [{"CloudTrailEvent": json.dumps(record | fields)}, fields]}).encode(), path)
