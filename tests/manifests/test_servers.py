"""What a container's server does at its stop signal, and what its command says of workers and times."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, Imported, import_sources
from sim.manifests.sources import Source
from sim.scenario.problems import ScenarioError


def imported(container: dict[str, Any], signal: str = "", **asked: Any) -> Imported:
    documents = list(yaml.safe_load_all(BASE))
    serving = documents[0]["spec"]["template"]["spec"]["containers"][0]
    serving |= {"image": "registry.example.com/web:1", **container}
    if signal:
        serving["lifecycle"]["stopSignal"] = signal
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all(documents))], Asked(rps=10, **asked)).workloads
    return found


@pytest.mark.parametrize(
    ("image", "signal", "does"),
    [
        ("nginx:1.27", "", "drain"),
        ("nginx:1.14", "", "exit"),
        ("nginx:1.27", "SIGTERM", "exit"),
        ("nginx:1.14", "SIGQUIT", "drain"),
        ("nginxinc/nginx-unprivileged:1.27-alpine", "", "drain"),
        ("openresty/openresty:1.27.1.1-alpine", "", "drain"),
        ("docker.io/bitnami/nginx:1.29.1-debian-12-r0", "", "exit"),
        ("mirror.example.com/bitnamilegacy/apache:2.4.63", "", "exit"),
        ("bitnami/nginx:1.29.1", "SIGQUIT", "drain"),
        ("registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:00", "", "drain"),
        ("httpd:2.4", "", "drain"),
        ("httpd:2.4", "SIGTERM", "exit"),
        ("php:8.3-apache", "", "drain"),
        ("php:8.3-fpm", "", "exit"),
        ("haproxy:3.0", "", "drain"),
        ("haproxy:3.0", "SIGTERM", "exit"),
        ("haproxy:3.0", "SIGUSR2", "ignore"),
        ("envoyproxy/envoy:v1.31", "", "exit"),
        ("traefik:v3.1", "", "drain"),
        ("caddy:2", "SIGQUIT", "exit"),
        ("node:20", "SIGINT", "ignore"),
    ],
)
def test_an_image_and_its_stop_signal(image: str, signal: str, does: str) -> None:
    found = imported({"image": image}, signal)
    assert found.draft.values["pod.on_sigterm"] == does
    origin = found.draft.origins["pod.on_sigterm"]
    assert origin.grade == "guessed"
    assert origin.place.field.endswith("lifecycle.stopSignal" if signal else "image")


@pytest.mark.parametrize(
    ("command", "signal", "does"),
    [
        ("gunicorn app", "", "drain"),
        ("gunicorn app", "SIGINT", "exit"),
        ("uvicorn app:app", "SIGINT", "drain"),
        ("uvicorn app:app", "SIGQUIT", "ignore"),
        ("uwsgi --http :80", "", "ignore"),
        ("uwsgi --http :80", "SIGINT", "exit"),
        ("uwsgi --http :80 --die-on-term", "", "exit"),
        ("puma -t 5:5", "", "drain"),
        ("dotnet web.dll", "SIGQUIT", "drain"),
        ("node server.js", "", "ignore"),
        ("tini node server.js", "", "exit"),
        ("npm start", "SIGINT", "ignore"),
    ],
)
def test_a_command_and_its_stop_signal(command: str, signal: str, does: str) -> None:
    assert imported({"command": command.split()}, signal).draft.values["pod.on_sigterm"] == does


def test_a_named_server_gets_the_container_s_signal() -> None:
    assert imported({}, server="nginx").draft.values["pod.on_sigterm"] == "drain"
    found = imported({}, "SIGTERM", server="nginx")
    assert found.draft.values["pod.on_sigterm"] == "exit"
    assert "stopSignal is SIGTERM" in found.draft.origins["pod.on_sigterm"].note
    assert imported({}, "SIGTERM", server="nginx", on_sigterm="drain").draft.values["pod.on_sigterm"] == "drain"


@pytest.mark.parametrize(
    ("container", "requests", "accept"),
    [
        ({"command": ["gunicorn", "-w", "4", "app"]}, 4, "prefork"),
        ({"command": ["gunicorn", "--workers=4", "--threads", "8", "app"]}, 32, None),
        ({"command": ["gunicorn", "app"], "env": [{"name": "WEB_CONCURRENCY", "value": "3"}]}, 3, "prefork"),
        ({"command": ["gunicorn", "app"], "env": [{"name": "GUNICORN_CMD_ARGS", "value": "-w 2 -k gthread"}]}, 2, None),
        ({"command": ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "app"]}, None, None),
        ({"command": ["sh", "-c", "exec gunicorn -w 6 app"]}, 6, "prefork"),
        ({"command": ["uwsgi", "--http", ":80", "--processes", "4", "--threads", "2"]}, 8, "prefork"),
        ({"command": ["bundle", "exec", "puma", "-t", "0:16", "-w", "2"]}, 32, None),
        ({"command": ["puma", "-t", "5:5"], "env": [{"name": "WEB_CONCURRENCY", "value": "3"}]}, 15, None),
        ({"command": ["puma", "-t", "9999:9999", "-w", "9999"]}, None, None),
        ({"image": "php:8.3-apache"}, 150, "prefork"),
        ({"image": "nginx:1.27"}, None, None),
    ],
)
def test_workers(container: dict[str, Any], requests: int | None, accept: str | None) -> None:
    values = imported(container).draft.values
    assert (values.get("pod.concurrency"), values.get("pod.accept")) == (requests, accept)


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("node server.js", 5),
        ("uvicorn app:app --timeout-keep-alive 75", 75),
        ("gunicorn -k gthread --keep-alive 30 app", 30),
        ("gunicorn app", None),
        ("dotnet web.dll", 130),
    ],
)
def test_keep_alive_is_written_where_it_has_an_effect(command: str, seconds: int | None) -> None:
    container = {"command": command.split()}
    pooled = imported(container, changes={"target_group.connection_reuse": True})
    assert pooled.draft.values.get("pod.keep_alive_timeout_s") == seconds
    alone = imported(container)
    assert "pod.keep_alive_timeout_s" not in alone.draft.values
    warned = {warned.id for warned in alone.draft.warnings}
    assert ("keep-alive-below-idle-timeout" in warned) == (seconds is not None and seconds <= 60)


def test_a_server_s_own_timeout_counts_against_the_grace_period() -> None:
    for options, is_over in (("", False), (" --graceful-timeout 41", True), (" --graceful-timeout 40", False)):
        found = imported({"command": f"gunicorn{options} app".split()})
        assert ("server-timeout-over-grace" in {one.id for one in found.draft.warnings}) == is_over


def test_the_first_to_end_behind_a_proxy_says_what_happens() -> None:
    documents = list(yaml.safe_load_all(BASE))
    pod = documents[0]["spec"]["template"]["spec"]
    pod["initContainers"] = [pod["containers"][0] | {"restartPolicy": "Always"}]
    pod["containers"] = [{"name": "app", "image": "app:1", "command": ["uwsgi"], "ports": [{"containerPort": 9000}]}]
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all(documents))], Asked(rps=10)).workloads
    assert found.draft.values["pod.on_sigterm"] == "ignore"
    assert "pod.pre_stop_sleep_s" not in found.draft.values
    assert "path-ends-early" in {one.id for one in found.draft.warnings}


def test_no_such_signal_is_no_error() -> None:
    assert imported({"image": "nginx:1"}, "SIGFOO").draft.values["pod.on_sigterm"] == "ignore"
    with pytest.raises(ScenarioError, match="stopSignal"):
        imported({"lifecycle": {"stopSignal": 9}})


@pytest.mark.parametrize(
    ("container", "does", "needs_s"),
    [
        ({}, "exit", 30),
        ({"env": [{"name": "SERVER_SHUTDOWN", "value": "graceful"}]}, "drain", 30),
        ({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g -Dserver.shutdown=graceful"}]}, "drain", 30),
        ({"args": ["--server.shutdown=immediate"]}, "exit", None),
        (
            {
                "args": ["--server.shutdown=graceful"],
                "env": [{"name": "SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE", "value": "50s"}],
            },
            "drain",
            50,
        ),
        ({"args": ["--spring.lifecycle.timeout-per-shutdown-phase=PT1M"]}, "exit", 60),
        ({"args": ["--spring.lifecycle.timeout-per-shutdown-phase=45000"]}, "exit", 45),
        ({"args": ["--spring.lifecycle.timeout-per-shutdown-phase=soon"]}, "exit", 30),
    ],
)
def test_spring_boot_s_properties_tell_its_shutdown(
    container: dict[str, Any], does: str, needs_s: float | None
) -> None:
    probe = {"httpGet": {"path": "/actuator/health/readiness", "port": 80}}
    found = imported({"readinessProbe": probe} | container)
    assert found.draft.values["pod.on_sigterm"] == does
    texts = [warned.text for warned in found.draft.warnings if warned.id == "server-timeout-over-grace"]
    assert bool(texts) == (needs_s is not None and 20 + needs_s > 60)
    assert all(f"up to {needs_s} s" in text for text in texts)


TRAEFIK = "--entrypoints.web.transport.lifecycle."


@pytest.mark.parametrize(
    ("container", "hook", "expected"),
    [
        ({"args": ["/nginx-ingress-controller", "--shutdown-grace-period=25"]}, ["/wait-shutdown"], (25, None)),
        ({"args": ["/nginx-ingress-controller"]}, ["/wait-shutdown"], (None, None)),
        ({"args": ["/nginx-ingress-controller", "--shutdown-grace-period=25"]}, ["sleep", "9"], (9, 25)),
        ({"image": "traefik:v3.5", "args": [f"{TRAEFIK}requestAcceptGraceTimeout=15"]}, ["sleep", "9"], (9, 15)),
        ({"image": "traefik:v3.5", "args": [f"{TRAEFIK}requestacceptgracetimeout=1m30s"]}, ["sleep", "9"], (9, 90)),
        ({"image": "traefik:v3.5", "args": [f"{TRAEFIK}gracetimeout=30"]}, ["sleep", "9"], (9, None)),
    ],
)
def test_some_proxies_go_on_accepting(
    container: dict[str, Any], hook: list[str], expected: tuple[int | None, int | None]
) -> None:
    found = imported(container | {"lifecycle": {"preStop": {"exec": {"command": hook}}}})
    values = found.draft.values
    assert (values.get("pod.pre_stop_sleep_s"), values.get("pod.serve_after_sigterm_s")) == expected
    assert values["pod.on_sigterm"] == "drain"
