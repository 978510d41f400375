from __future__ import annotations

import gzip
import json
import os
import random
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.records import BEGIN_S, GROUP, NODES, OTHER_GROUP, call, iso, line, log, log_name, refused, trail

from sim.records.observation import observe
from sim.records.reading import NoRecordsError, read
from sim.records.selection import Selection
from sim.report.observed import render

if TYPE_CHECKING:
    from pathlib import Path

N_FIELDS = (24, 25, 27, 29, 30, 33, 34, 36)


def test_moments_and_times_of_a_line(tmp_path: Path) -> None:
    requests = read([log(tmp_path / log_name(), line(1.5))]).requests
    assert requests is not None
    (row,) = requests.to_dict("records")
    assert row["time_s"] == BEGIN_S + 1.5
    assert row["elapsed_s"] == pytest.approx(0.052, abs=1e-6)
    assert (row["request_processing_s"], row["target_processing_s"]) == pytest.approx((0.001, 0.05), abs=1e-6)
    assert (row["node"], row["target"], row["target_group"]) == (NODES[0], "10.0.1.72:8080", GROUP)
    assert (row["elb_status"], row["target_status"], row["outcome"]) == (200, 200, "ok")


@pytest.mark.parametrize("n_fields", N_FIELDS)
def test_every_number_of_fields(n_fields: int, tmp_path: Path) -> None:
    requests = read([log(tmp_path / "log", line(0, n_fields=n_fields), refused(1, n_fields=n_fields))]).requests
    assert requests is not None
    assert requests["outcome"].tolist() == ["ok", "reset"]


def test_versions_mixed_in_one_file_in_any_order(tmp_path: Path) -> None:
    shuffled = random.Random(1)  # noqa: S311 - a test
    mixed = [line(second, n_fields=shuffled.choice(N_FIELDS)) for second in range(500)]
    records = read([log(tmp_path / "log", *mixed)])
    assert records.requests is not None
    assert records.requests["time_s"].tolist() == [BEGIN_S + second for second in range(500)]
    assert records.files["lines_not_read"].tolist() == [0]


def test_the_node_is_told_by_the_line_where_the_name_does_not(tmp_path: Path) -> None:
    requests = read([log(tmp_path / "renamed", line(0), line(1, n_fields=33))]).requests
    assert requests is not None
    assert requests["node"].tolist() == [NODES[0], ""]


BROKEN = (
    "",
    "https",
    "\x00\x01\x02",
    'https 2026-08-17T10:00:00.000000Z app/x/y 1.2.3.4:5 "',
    line(0).replace("2026-08-17T10", "2026-13-45T99"),
    line(0).replace("2026-08-17", "2026-02-31"),
    line(0)[:-200],
    line(0).replace(" 200 ", " 2OO ", 1),
    line(0).replace("0.050", "0.0.5"),
    line(0).replace('"curl/8.5.0"', '"curl/8.5.0'),
    line(0).replace("8.5.0", "\\"),
    line(0).replace("HTTP/1.1", 'HTTP/1.1" "'),
)


@pytest.mark.parametrize("broken", BROKEN[1:], ids=range(1, len(BROKEN)))
def test_ten_broken_lines_cost_ten_lines(broken: str, tmp_path: Path) -> None:
    lines = [line(second / 10) for second in range(300)]
    for at in random.Random(2).sample(range(300), 10):  # noqa: S311 - a test
        lines.insert(at, broken)
    records = read([log(tmp_path / "log", *lines)])
    assert records.requests is not None
    assert records.files[["lines_read", "lines_not_read"]].to_numpy().tolist() == [[300, 10]]
    assert np.allclose(records.requests["time_s"] - BEGIN_S, np.arange(300) / 10)


def deletion(second: int) -> str:
    """Return a line of an audit log, with a list in what was answered."""
    event = {
        "apiVersion": "audit.k8s.io/v1",
        "auditID": f"a-{second}",
        "verb": "delete",
        "objectRef": {"resource": "pods", "namespace": "shop", "name": f"web-{second}"},
        "requestReceivedTimestamp": iso(second),
        "responseObject": {"items": [{"a": 1}, {"a": 2}]},
    }
    return json.dumps(event)


def of_v2(second: int) -> str:
    """Return a line of the log of a controller of v2."""
    said = {"level": "info", "ts": BEGIN_S + second, "msg": "deRegistering targets", "arn": GROUP}
    return json.dumps(said | {"targets": [{"Id": "10.0.1.72", "Port": second + 1}]})


LINES = {
    "audit log": deletion,
    "controller of v2": of_v2,
    "controller of v2, --timestamps": lambda second: f"{iso(second)} {of_v2(second)}",
    "controller of v1": lambda second: (
        f"I0817 10:00:{second % 60:02d}.500000       1 targets.go:95] shop/web: Removing targets from {GROUP}: "
        "10.0.1.72:8080"
    ),
    "health checks": lambda second: f'http {iso(second)} 0.001 10.0.1.72:8080 web-tg PASS 200 "-"',
    "connections": lambda second: f"{iso(second)} 198.51.100.7 52000 443 TLSv1.2 X 0.002 - - - - Success TID_1",
    "CloudTrail by lines": lambda second: json.dumps(call(second, "DescribeTags")),
}


@pytest.mark.parametrize("kind", LINES)
def test_ten_broken_lines_cost_ten_lines_of_any_other_record(kind: str, tmp_path: Path) -> None:
    for ours in (random.Random(3).sample(range(300), 10), range(10), range(290, 300)):  # noqa: S311 - a test
        whole = [LINES[kind](second) for second in range(300)]
        broken = [text[: len(text) // 12] if number in ours else text for number, text in enumerate(whole)]
        files = read([log(tmp_path / "log", *broken)]).files
        assert files[["lines_read", "lines_not_read"]].to_numpy().tolist() == [[290, 10]]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["Records", "Events"])
def test_ten_broken_calls_of_a_document_cost_ten_calls(name: str, indent: int | None, tmp_path: Path) -> None:
    calls = [call(second, "DeregisterTargets", ("10.0.1.72:8080", "10.0.1.73:80")) for second in range(100)]
    events = [{"EventId": "e", "CloudTrailEvent": json.dumps(one)} for one in calls] if name == "Events" else calls
    document = json.dumps({name: events}, indent=indent)
    begins = [found.start() for found in re.finditer(r'\{\s*"(userIdentity|EventId)"', document)]
    for at in (*random.Random(4).sample(begins[:-1], 9), begins[-1]):  # noqa: S311 - a test
        document = document[: at + 20] + "\0" + document[at + 21 :]
    (tmp_path / "trail.json").write_text(document)
    records = read([tmp_path])
    assert records.calls is not None
    assert len(records.calls) == 90
    assert records.files["lines_not_read"].tolist() == [10]


def test_a_broken_first_line(tmp_path: Path) -> None:
    for broken in BROKEN:
        records = read([log(tmp_path / "log", broken, *(line(second) for second in range(20)))])
        assert records.files["lines_read"].tolist() == [20]


def test_bytes_of_any_encoding_in_a_url(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(line(0).encode() + b"\n" + line(1).replace("secret", "\xe9").encode("latin-1") + b"\n")
    assert read([path]).files[["lines_read", "lines_not_read"]].to_numpy().tolist() == [[2, 0]]


def test_quotes_within_quotes(tmp_path: Path) -> None:
    agents = (r"a \"b\" c", r"a \x22b\x22 c", r"\\", "", "-")
    records = read([log(tmp_path / "log", *(line(0, agent=agent) for agent in agents))])
    assert records.files["lines_read"].tolist() == [len(agents)]


def test_error_codes_are_counted_and_what_may_be_a_url_is_not_kept(tmp_path: Path) -> None:
    ok, failed = line(0, n_fields=36), refused(1, n_fields=36)
    told, strange = failed.removesuffix('"-" "-"'), ok.removesuffix('"-"')
    records = read([log(tmp_path / "log", ok, *[f'{told}"TargetConnectionError" "-"'] * 2, f'{strange}"/path?a=1"')])
    assert records.error_codes == {("reset", "TargetConnectionError", ""): 2, ("ok", "", "something else"): 1}
    said = render(observe(records), "table")
    assert "TargetConnectionError" in said
    assert "/path" not in said
    assert render(observe(read([log(tmp_path / "other", ok)])), "table").count("field 35") == 0


@pytest.mark.slow
def test_a_compressed_file_is_read_up_to_its_break(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{line(second)}\n" for second in range(20_000)).encode())
    path = tmp_path / f"{log_name()}.gz"
    path.write_bytes(whole[: len(whole) // 2])
    records = read([path])
    (file,) = records.files.to_dict("records")
    assert 5_000 < file["lines_read"] < 20_000
    assert "too early" in file["note"]
    path.write_bytes(whole[: len(whole) // 2] + b"\0" * 1000 + whole[len(whole) // 2 :])
    (file,) = read([path]).files.to_dict("records")
    assert file["lines_read"] > 5_000
    assert "damaged" in file["note"]


def test_a_log_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    log(tmp_path / log_name(), line(0))
    (tmp_path / f"{log_name()}.gz").write_bytes(gzip.compress((tmp_path / log_name()).read_bytes()))
    requests = read([tmp_path, tmp_path / log_name()]).requests
    assert requests is not None
    assert len(requests) == 1


def test_nothing_on_clients_leaves_the_reader(tmp_path: Path) -> None:
    records = read([log(tmp_path / "log", line(0), refused(1))])
    assert records.requests is not None
    shown = records.requests.to_json()
    assert "198.51.100.7" not in shown
    assert "secret" not in shown
    assert "curl" not in shown


def test_only_what_is_wanted_is_kept(tmp_path: Path) -> None:
    log(tmp_path / "log", *(line(second, group=GROUP if second % 2 else OTHER_GROUP) for second in range(10)))
    trail(tmp_path / "trail", *(call(second, "DescribeTargetHealth") for second in range(10)))
    by_name = Selection(target_group="k8s-shop-web-0a1b2c3d4e", from_s=BEGIN_S + 3, until_s=BEGIN_S + 8)
    for selection in (by_name, Selection(target_group=GROUP, from_s=BEGIN_S + 3, until_s=BEGIN_S + 8)):
        records = read([tmp_path], selection)
        assert records.requests is not None
        assert (records.requests["time_s"] - BEGIN_S).tolist() == [3, 5, 7]
        assert records.calls is not None
        assert len(records.calls) == 5


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    (tmp_path / "config.json").write_text('{"a": 1}')
    (tmp_path / "utf16.log").write_text(line(0), encoding="utf-16")
    with pytest.raises(NoRecordsError, match=r"none of 3 files, such as .*expected ALB access logs"):
        read([tmp_path])
    with pytest.raises(NoRecordsError, match="no file there"):
        read([empty])


def test_a_controller_log_of_v1_has_no_year(tmp_path: Path) -> None:
    begin = "I0817 10:00:02.500000       1 targets.go:95] shop/web: Removing targets from"
    said = f"{begin} {GROUP}: 10.0.1.72:8080, 10.0.1.73:80"
    path = log(tmp_path / "controller.log", "-------", said)
    written_s = BEGIN_S + 86400
    os.utime(path, (written_s, written_s))
    reconciles = read([path]).reconciles
    assert reconciles is not None
    (row,) = reconciles.to_dict("records")
    assert row["time_s"] == BEGIN_S + 2.5
    assert (row["kind"], row["targets"]) == ("deregistering", ("10.0.1.72:8080", "10.0.1.73:80"))


@pytest.mark.parametrize(
    "written",
    [
        "2026-08-17T10:00:02.500000000Z {said}",
        "2026-08-17T10:00:02.5Z stderr F {said}",
        "2026-08-17T12:00:02.5+02:00 {said}",
    ],
)
def test_the_runtimes_time_is_preferred(written: str, tmp_path: Path) -> None:
    ours = {"level": "info", "ts": "2026-08-17T10:00:02Z", "msg": "deRegistering targets", "arn": GROUP}
    said = json.dumps(ours | {"targets": [{"Id": "10.0.1.72", "Port": 8080}]})
    reconciles = read([log(tmp_path / "log", written.format(said=said))]).reconciles
    assert reconciles is not None
    assert reconciles["time_s"].tolist() == [BEGIN_S + 2.5]


def test_the_same_event_twice_is_one_call(tmp_path: Path) -> None:
    one = call(1, "DeregisterTargets", ("10.0.1.72:8080",), eventID="e-1")
    trail(tmp_path / "a.json", one)
    trail(tmp_path / "b.json", one, call(2, "DescribeTargetHealth", error="Throttling", eventID="e-2"))
    calls = read([tmp_path]).calls
    assert calls is not None
    assert calls["throttled"].tolist() == [False, True]


def test_what_lookup_events_prints(tmp_path: Path) -> None:
    record = call(1, "DeregisterTargets", ("10.0.1.72:8080",))
    events = [{"EventId": "e", "EventTime": "2026-08-17T12:00:01+02:00", "CloudTrailEvent": json.dumps(record)}]
    (tmp_path / "events.json").write_text(json.dumps({"Events": events}, indent=4))
    calls = read([tmp_path]).calls
    assert calls is not None
    assert calls["time_s"].tolist() == [BEGIN_S + 1]


def test_a_persons_name_stays_out(tmp_path: Path) -> None:
    person = {"type": "IAMUser", "userName": "Mateo", "arn": "arn:aws:iam::111122223333:user/Mateo"}
    records = read([trail(tmp_path / "trail", call(0, "DescribeTargetHealth", userIdentity=person))])
    assert records.calls is not None
    assert records.calls["client"].tolist() == ["an IAM user"]
    assert "198.51.100.20" not in records.calls.to_json()


def test_pods_of_an_audit_log_and_a_pod_list(tmp_path: Path) -> None:
    audit = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Event",
        "auditID": "a",
        "verb": "delete",
        "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-1"},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": iso(5.25),
    }
    refused_eviction = audit | {
        "verb": "create",
        "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-2", "subresource": "eviction"},
        "responseStatus": {"code": 429},
    }
    log(tmp_path / "audit.log", json.dumps(audit), json.dumps(refused_eviction))
    pod = {
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "creationTimestamp": iso(-100, "%Y-%m-%dT%H:%M:%SZ"),
            "deletionTimestamp": iso(35, "%Y-%m-%dT%H:%M:%SZ"),
            "deletionGracePeriodSeconds": 30,
        },
        "status": {
            "podIP": "10.0.1.72",
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": iso(-80, "%Y-%m-%dT%H:%M:%SZ")},
            ],
            "containerStatuses": [{"state": {"terminated": {"finishedAt": iso(20, "%Y-%m-%dT%H:%M:%SZ")}}}],
        },
    }
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": [pod | {"kind": "Pod"}]}, indent=2))
    pods = read([tmp_path]).pods
    assert pods is not None
    (row,) = pods.to_dict("records")
    assert (row["pod"], row["ip"]) == ("shop/web-1", "10.0.1.72")
    times = [row[name] - BEGIN_S for name in ("created_s", "ready_s", "deleted_s", "stopped_s")]
    assert times == pytest.approx([-100, -80, 5.25, 20])


def test_health_checks_and_connections(tmp_path: Path) -> None:
    check = f'http {iso(1)} 0.003 10.0.1.90:8080 k8s-shop-web-0a1b2c3d4e PASS 200 "-"'
    failed = f'http {iso(2)} 5.0 10.0.1.91:8080 k8s-shop-web-0a1b2c3d4e FAIL - "TimedOut"'
    connection = f"{iso(3)} 192.0.2.1 49152 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 0.1 - - - - TID_1"
    records = read([log(tmp_path / f"health_check_log_{log_name()}", check, failed, connection)])
    assert records.checks is not None
    assert records.checks["passed"].tolist() == [True, False]
    assert records.checks["node"].tolist() == [NODES[0]] * 2
    assert records.files["lines_read"].tolist() == [3]
