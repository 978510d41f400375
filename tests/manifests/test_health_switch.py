"""Which hooks make the health check fail, by a file or a call, and which may."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, Imported, import_sources
from sim.manifests.sources import Source

KEY = "pod.pre_stop_fails_health_check"
PATH = "alb.ingress.kubernetes.io/healthcheck-path"


def imported(hook: dict[str, Any], path: str | None = None, *more: str, target_type: str = "ip") -> Imported:
    documents = list(yaml.safe_load_all(BASE))
    documents[0]["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {"preStop": hook}
    annotations = documents[2]["metadata"]["annotations"]
    annotations["alb.ingress.kubernetes.io/target-type"] = target_type
    if path:
        annotations[PATH] = path
    sources = [Source("x.yaml", yaml.safe_dump_all(documents)), *(Source("aws.json", text) for text in more)]
    (found,) = import_sources(sources, Asked(rps=10)).workloads
    return found


def said(found: Imported) -> str:
    ids = {warned.id for warned in found.draft.warnings if warned.key == KEY}
    return "fails" if found.draft.values.get(KEY) else "may" if ids == {"health-check-unknown"} else "no"


@pytest.mark.parametrize(
    ("script", "path", "expected"),
    [
        ("rm /usr/share/nginx/html/healthz; sleep 30", "/healthz", "fails"),
        ("rm -f /usr/share/nginx/html/healthz.html && sleep 30", "/healthz", "fails"),
        ("echo down > /srv/www/status/lb; sleep 30", "/status/lb", "fails"),
        ("if true; then mv /www/up /www/down; fi; sleep 30", "/up", "fails"),
        ("curl -X POST http://localhost:8080/health/down; sleep 30", "/health", "fails"),
        ("curl -XDELETE -X DELETE localhost:8080/health; sleep 30", "/health?full=1", "fails"),
        ("touch /tmp/shutdown; sleep 30", "/healthz", "may"),
        ("rm /tmp/healthy; sleep 30", None, "may"),
        ("wget -qO- http://127.0.0.1:9901/healthcheck/fail; sleep 30", "/ready", "may"),
        ("sleep 30; rm /usr/share/nginx/html/healthz", "/healthz", "no"),
        ("curl localhost:8080/health; sleep 30", "/health", "no"),
        ("curl -X PUT http://registry.example.com/health/down; sleep 30", "/health", "no"),
        ("wget -qO- localhost:15020/quitquitquit; sleep 10", "/", "no"),
        ("date >/dev/stdout; echo gone > /var/log/web.log; sleep 30", "/", "no"),
        ("echo 'sleep 30", "/", "no"),
    ],
)
def test_a_script(script: str, path: str | None, expected: str) -> None:
    assert said(imported({"exec": {"command": ["sh", "-c", script]}}, path)) == expected


def test_a_program_and_a_call() -> None:
    assert said(imported({"exec": {"command": ["rm", "/www/healthz"]}}, "/healthz")) == "fails"
    assert said(imported({"exec": {"command": ["sleep", "30"]}}, "/healthz")) == "no"
    assert said(imported({"httpGet": {"path": "/health/fail", "port": 80}}, "/health")) == "fails"
    assert said(imported({"httpGet": {"path": "/prestop", "port": 80}}, "/health")) == "may"
    assert said(imported({"sleep": {"seconds": 9}}, "/health")) == "no"


def test_it_is_a_guess_with_the_hook_s_place() -> None:
    found = imported({"exec": {"command": ["rm", "/www/healthz"]}}, "/healthz")
    origin = found.draft.origins[KEY]
    assert origin.grade == "guessed"
    assert origin.place.field.endswith("lifecycle.preStop.exec")
    assert found.scenario.pod.pre_stop_fails_health_check


def test_behind_worker_nodes_the_check_is_of_a_node() -> None:
    assert said(imported({"exec": {"command": ["rm", "/www/healthz"]}}, "/healthz", target_type="instance")) == "no"


def test_the_path_that_aws_has_wins() -> None:
    group = {"TargetGroups": [{"TargetGroupName": "k8s-default-web-1", "HealthCheckPath": "/healthz"}]}
    hook = {"exec": {"command": ["rm", "/www/healthz"]}}
    assert said(imported(hook, "/other", json.dumps(group))) == "fails"
    assert said(imported(hook, "/other")) == "may"
